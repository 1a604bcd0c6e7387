"""Burning holdings of ddc1155: one, many of one holder, and by its signature (protocol 30.3)."""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import Address, ClassId, TokenId
from contracts.certificate import Held, Holding, Recorded, find_holding
from contracts.editions import edition_not_frozen, not_withdrawn
from contracts.gates import running
from contracts.holdings import SHELF, known, may_burn_holding, put_holding
from contracts.interface import Check, ContractContext, ContractReverted, Method, Price, Readable, refuses
from contracts.issuing import BATCH_CERTIFICATES_MAX
from contracts.life import (
    ANYONE,
    BURNING,
    ChangeStatus,
    HeldCheck,
    Reason,
    burn_refused,
    ending,
    live,
    not_frozen,
    not_locked,
    of_held,
)
from contracts.meta import Signed, count, signed_by

Tokens = Annotated[tuple[TokenId, ...], Meta(min_length=1, max_length=BATCH_CERTIFICATES_MAX)]


class BurnBatch(Record, frozen=True):
    """`burnBatch`: one holder's of up to 100 editions of a class, all or none."""

    class_id: ClassId
    holder: Address
    tokens: Tokens
    reason: Reason


class MetaBurn1155(Record, frozen=True):
    """`metaBurn`: which one, a reason code, and its holder's signature."""

    class_id: ClassId
    token: TokenId
    holder: Address
    reason: Reason
    signed: Signed

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """The one edition, as a batch has them."""
        return (self.token,)


class MetaBurnBatch1155(Record, frozen=True):
    """`metaBurnBatch`: one holder's of up to 100 editions, for which it has signed at once."""

    class_id: ClassId
    holder: Address
    tokens: Tokens
    reason: Reason
    signed: Signed


Burning1155 = BurnBatch | MetaBurn1155 | MetaBurnBatch1155


@refuses("token-repeats")
def tokens_distinct(_context: ContractContext, arguments: Burning1155) -> None:
    """No two editions are one."""
    if len({*arguments.tokens}) != len(arguments.tokens):
        raise ContractReverted("token-repeats", arguments.class_id)


@refuses("holding-unknown")
def all_known(context: ContractContext, arguments: Burning1155) -> None:
    """The holder has a holding of every edition."""
    for token in arguments.tokens:
        if find_holding(context.records, arguments.class_id, token, arguments.holder) is None:
            raise ContractReverted("holding-unknown", arguments.class_id, token, arguments.holder)


@of_held("burn-not-authorised")
def sender_may_burn(context: ContractContext, _arguments: BurnBatch | ChangeStatus, held: Held) -> None:
    """Frozen, as its edition or by itself, only an operator burns it; else whom its burn authorisation names: issuer, holder."""
    _require_burner(context, context.sender, held)


@of_held("burn-not-authorised")
def holder_may_burn(context: ContractContext, _arguments: MetaBurn1155 | MetaBurnBatch1155, held: Held) -> None:
    """Its burn authorisation names the holder."""
    _require_burner(context, held.holder, held)


def _require_burner(context: ContractContext, who: bytes, held: Held) -> None:
    if not may_burn_holding(context, who, held):
        raise burn_refused(held)


def each(check: HeldCheck) -> Check:
    """The check, of every holding that the call names."""

    def test(context: ContractContext, arguments: Burning1155) -> None:
        for holding in _holdings(context.records, arguments):
            check.test(context, arguments, holding)

    return Check(says=f"Of each: {check.says[0].lower()}{check.says[1:]}", codes=check.codes, test=test)


def burn_batch(context: ContractContext, arguments: BurnBatch) -> None:
    """Record them as burnt, for good; the records stay; the events list them."""
    _burn_all(context, arguments)
    _tell_burnt(context, arguments)


def meta_burn(context: ContractContext, arguments: MetaBurn1155) -> None:
    """Record it as burnt, for good; its holder's counter goes on."""
    count(context, arguments.holder)
    _burn_all(context, arguments)
    class_id, token, holder = arguments.class_id, arguments.token, arguments.holder
    context.emit("TransferSingle", context.sender, holder, b"", class_id, token, 1)
    context.emit("Burnt", class_id, token, holder, arguments.reason)
    context.emit("MetaTransfer", context.sender, holder, b"", arguments.signed.counter)


def meta_burn_batch(context: ContractContext, arguments: MetaBurnBatch1155) -> None:
    """Record them as burnt, for good; the events list them; their holder's counter goes on."""
    count(context, arguments.holder)
    _burn_all(context, arguments)
    _tell_burnt(context, arguments)
    context.emit("MetaTransfer", context.sender, arguments.holder, b"", arguments.signed.counter)


def _burn_all(context: ContractContext, arguments: Burning1155) -> None:
    for holding in _holdings(context.records, arguments):
        put_holding(context.records, replace(holding, recorded=int(Recorded.BURNT)))


def _tell_burnt(context: ContractContext, arguments: BurnBatch | MetaBurnBatch1155) -> None:
    class_id, tokens, holder = arguments.class_id, arguments.tokens, arguments.holder
    context.emit("TransferBatch", context.sender, holder, b"", class_id, tokens)
    context.emit("BurntBatch", class_id, tokens, holder, arguments.reason)


def _holdings(records: Readable, arguments: Burning1155) -> list[Holding]:
    found = [find_holding(records, arguments.class_id, token, arguments.holder) for token in arguments.tokens]
    return [holding for holding in found if holding is not None]


def _holder_of(_context: ContractContext, arguments: MetaBurn1155 | MetaBurnBatch1155) -> bytes:
    return arguments.holder


def _parts(arguments: MetaBurn1155 | MetaBurnBatch1155) -> tuple[bytes, ...]:
    named = arguments.class_id, arguments.holder, arguments.reason, *arguments.tokens
    return tuple(encode(part) for part in named)


_MANY: Final = Price(steps=100, steps_each=100, units=lambda arguments: len(arguments.tokens))
_KNOWN: Final = (all_known, not_withdrawn)
_SIGNED: Final = (
    *_KNOWN,
    edition_not_frozen,
    *(each(check) for check in (live, not_locked, not_frozen)),
    *signed_by(_holder_of, _parts),
    running,
    ANYONE,
    each(holder_may_burn),
)


def burning_methods() -> dict[str, Method]:
    """The methods that burn holdings."""
    return {
        "burn": Method(
            arguments=ChangeStatus,
            checks=(
                running, ANYONE, known, not_withdrawn, *(check.on(SHELF) for check in (live, not_locked, sender_may_burn)),
            ),
            effect=ending(SHELF, Recorded.BURNT, "Burnt"),
            events=("TransferSingle", "Burnt"),
            price=BURNING,
        ),
        "burnBatch": Method(
            arguments=BurnBatch,
            checks=(running, ANYONE, tokens_distinct, *_KNOWN, *(each(check) for check in (live, not_locked, sender_may_burn))),
            effect=burn_batch,
            events=("TransferBatch", "BurntBatch"),
            price=_MANY,
        ),
        "metaBurn": Method(
            arguments=MetaBurn1155,
            checks=_SIGNED,
            effect=meta_burn,
            events=("TransferSingle", "Burnt", "MetaTransfer"),
            price=_MANY,
            signed_parts=_parts,
        ),
        "metaBurnBatch": Method(
            arguments=MetaBurnBatch1155,
            checks=(tokens_distinct, *_SIGNED),
            effect=meta_burn_batch,
            events=("TransferBatch", "BurntBatch", "MetaTransfer"),
            price=_MANY,
            signed_parts=_parts,
        ),
    }  # fmt: skip
