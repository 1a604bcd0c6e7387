"""What becomes of what a holder holds: accepted, frozen, locked, used, marked, revoked, burnt (protocol 17.4).

Certificates of ddc721 and holdings of ddc1155 have one life, so one set of checks and effects serves both. A `Shelf` says
where a contract keeps them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record
from chain.ids import Address, ClassId, Natural, TokenId
from contracts.access import require_active, sender_account
from contracts.certificate import (
    ATTRIBUTES_MAX,
    AttributeName,
    AttributeValue,
    BurnAuthorisation,
    Held,
    Recorded,
    add_to_count,
    is_live,
)
from contracts.classes import is_issuer, require_class
from contracts.gates import permitted, running, sender_is
from contracts.interface import Act, Check, ContractContext, ContractReverted, Method, Price, Readable, Records, Role
from contracts.keys import balance_key, transit_key

Reason = Annotated[str, Meta(pattern=r"\A[a-z][a-z-]{0,39}\Z")]
"""A code, never prose: prose could name a person."""


class OfHeld(Record, frozen=True):
    """`accept`, `decline`, `lock`, `unlock`: which one; ddc1155 needs the holder, ddc721 takes it as a precondition."""

    class_id: ClassId
    token: TokenId
    holder: Address | None


class ChangeStatus(Record, frozen=True):
    """`revoke`, `freeze`, `unfreeze`, `burn`: which one, and a reason code."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    reason: Reason


class SetUser(Record, frozen=True):
    """`setUser`: who may use it until then (ms); nobody if nil (ERC-4907)."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    user: Address | None
    until: Natural


class SetAttribute(Record, frozen=True):
    """`setAttribute`: a value under a name; an empty one removes it."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    name: AttributeName
    value: AttributeValue


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a contract keeps what is held: how to find one (`ContractReverted` if there is none), store it, tell it is gone."""

    find: Callable[[Readable, Any], Held]
    known: Check
    put: Callable[[Records, Held], None]
    tell_gone: Callable[[ContractContext, Held], None]
    counted: bool = True
    """Whether the holder's balance counts it while it is live."""


@dataclass(frozen=True, slots=True)
class HeldCheck:
    """A check of one held thing, for every shelf."""

    says: str
    codes: tuple[str, ...]
    test: Callable[[ContractContext, Any, Held], None]

    def on(self, shelf: Shelf) -> Check:
        """The check, of what stands on this shelf."""

        def test(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names one
            self.test(context, arguments, shelf.find(context.records, arguments))

        return Check(says=self.says, codes=self.codes, test=test)


def of_held(*codes: str) -> Callable[[Callable[[ContractContext, Any, Held], None]], HeldCheck]:
    """Make a check of the function below: its docstring says what must be so."""

    def made(test: Callable[[ContractContext, Any, Held], None]) -> HeldCheck:
        assert test.__doc__ is not None
        return HeldCheck(says=" ".join(test.__doc__.split()).rstrip("."), codes=codes, test=test)

    return made


def changing(shelf: Shelf, change: Callable[[ContractContext, Any, Held], Held]) -> Act:
    """The effect that puts back what `change` makes of one."""

    def effect(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names one
        shelf.put(context.records, change(context, arguments, shelf.find(context.records, arguments)))

    effect.__doc__ = change.__doc__
    return effect


def ending(shelf: Shelf, to: Recorded, event: str) -> Act:
    """The effect that ends a life: recorded for good, and counted no more."""

    def effect(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names one
        held = shelf.find(context.records, arguments)
        shelf.put(context.records, replace(held, recorded=int(to)))
        if shelf.counted:
            add_to_count(context.records, balance_key(held.class_id, held.holder), -1)
        if to == Recorded.BURNT:
            shelf.tell_gone(context, held)
        context.emit(event, held.class_id, held.token, held.holder, getattr(arguments, "reason", "declined"))

    effect.__doc__ = f"Record it as {to.name.lower()}, for good; the record stays."
    return effect


@of_held("certificate-final")
def live(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is neither revoked nor burnt nor moved."""
    if not is_live(held):
        raise ContractReverted("certificate-final", held.token, Recorded(held.recorded).name.lower())


@of_held("certificate-frozen")
def not_frozen(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is not frozen."""
    if held.frozen:
        raise ContractReverted("certificate-frozen", held.token)


@of_held("certificate-not-frozen")
def frozen(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is frozen."""
    if not held.frozen:
        raise ContractReverted("certificate-not-frozen", held.token)


@of_held("certificate-locked")
def not_locked(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is not locked."""
    if held.locked:
        raise ContractReverted("certificate-locked", held.token)


@of_held("certificate-not-locked")
def locked(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is locked."""
    if not held.locked:
        raise ContractReverted("certificate-not-locked", held.token)


@of_held("certificate-in-transfer")
def not_in_transfer(context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It is not on its way to another chain."""
    if context.records.get(transit_key(held.class_id, held.token)) is not None:
        raise ContractReverted("certificate-in-transfer", held.token)


@of_held("certificate-offered")
def accepted(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """Its holder has accepted it, where acceptance was asked for."""
    if held.recorded == Recorded.OFFERED:
        raise ContractReverted("certificate-offered", held.token)


@of_held("certificate-not-offered")
def offered(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """It waits for its holder's acceptance."""
    if held.recorded != Recorded.OFFERED:
        raise ContractReverted("certificate-not-offered", held.token)


@of_held("not-holder")
def sent_by_holder(context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """The sender holds it."""
    if held.holder != context.sender:
        raise ContractReverted("not-holder", held.token)


@of_held("not-granted")
def may_revoke(context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """The sender is an issuer of the class; if the class says so, the one that issued it, or the class's definer."""
    held_class = require_class(context.records, held.class_id)
    if held_class.rules.issuer_revokes:
        allowed = context.sender in (held.issuer, held_class.issuer)
    else:
        allowed = is_issuer(context.records, held.class_id, context.sender, context.time)
    if not allowed:
        raise ContractReverted("not-granted", held.class_id)


@of_held("burn-not-authorised")
def may_burn(context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """Frozen, only an operator burns it; else whom its burn authorisation names: an issuer of the class, its holder."""
    if not may_burn_as(context, context.sender, held):
        raise burn_refused(held)


def burn_refused(held: Held) -> ContractReverted:
    """The refusal that says whom its burn authorisation names."""
    return ContractReverted("burn-not-authorised", held.token, BurnAuthorisation(held.burn_authorisation).name.lower())


def may_burn_as(context: ContractContext, who: bytes, held: Held) -> bool:
    """Whether `who`, which is the sender or has signed, may burn it."""
    if held.frozen:
        return who == context.sender and sender_account(context).role == Role.OPERATOR
    authorised = held.burn_authorisation
    as_holder = authorised in (BurnAuthorisation.HOLDER, BurnAuthorisation.BOTH) and who == held.holder
    as_issuer = authorised in (BurnAuthorisation.ISSUER, BurnAuthorisation.BOTH)
    return as_holder or (as_issuer and is_issuer(context.records, held.class_id, who, context.time))


@of_held("attribute-not-allowed")
def may_set_attribute(context: ContractContext, _arguments: SetAttribute, held: Held) -> None:
    """The class lets the sender, an issuer of it or the holder, set attributes."""
    rule = require_class(context.records, held.class_id).rules.attributes
    as_issuer = rule & 1 and is_issuer(context.records, held.class_id, context.sender, context.time)
    if not (as_issuer or (rule & 2 and held.holder == context.sender)):
        raise ContractReverted("attribute-not-allowed", held.class_id)


@of_held("no-change", "attributes-full")
def attribute_fits(_context: ContractContext, arguments: SetAttribute, held: Held) -> None:
    """Its value differs, and there is room for it."""
    attributes = dict(held.attributes)
    if attributes.get(arguments.name, "") == arguments.value:
        raise ContractReverted("no-change", arguments.name)
    if arguments.name not in attributes and len(attributes) == ATTRIBUTES_MAX:
        raise ContractReverted("attributes-full", ATTRIBUTES_MAX)


@of_held("account-unknown", "account-frozen", "until-passed")
def user_fits(context: ContractContext, arguments: SetUser, held: Held) -> None:
    """The user is active and has it until after now, at most as long as it is valid; or there is to be none."""
    if arguments.user is None:
        return
    require_active(context.records, arguments.user, unknown="account-unknown", frozen="account-frozen")
    latest = held.valid_until
    if arguments.until <= context.time or (latest is not None and arguments.until > latest):
        raise ContractReverted("until-passed", arguments.until, context.time)


def _accept(context: ContractContext, _arguments: OfHeld, held: Held) -> Held:
    """Record that its holder accepts it."""
    context.emit("Accepted", held.class_id, held.token, held.holder)
    return replace(held, recorded=int(Recorded.ACTIVE))


def _freeze(context: ContractContext, arguments: ChangeStatus, held: Held) -> Held:
    """Suspend it."""
    context.emit("EnterBlacklist", held.class_id, held.token, held.holder, arguments.reason)
    return replace(held, frozen=True)


def _unfreeze(context: ContractContext, arguments: ChangeStatus, held: Held) -> Held:
    """Lift the suspension."""
    context.emit("ExitBlacklist", held.class_id, held.token, held.holder, arguments.reason)
    return replace(held, frozen=False)


def _lock(context: ContractContext, _arguments: OfHeld, held: Held) -> Held:
    """Lock it for cross-chain work."""
    context.emit("Locklist", held.class_id, held.token, held.holder)
    return replace(held, locked=True)


def _unlock(context: ContractContext, _arguments: OfHeld, held: Held) -> Held:
    """Unlock it, frozen or not, revoked or not."""
    context.emit("UnLocklist", held.class_id, held.token, held.holder)
    return replace(held, locked=False)


def _set_user(context: ContractContext, arguments: SetUser, held: Held) -> Held:
    """Let a user use it for a time, or nobody any more."""
    until = None if arguments.user is None else arguments.until
    context.emit("UpdateUser", held.class_id, held.token, held.holder, arguments.user or b"", until or 0)
    return replace(held, user=arguments.user, user_until=until)


def _set_attribute(context: ContractContext, arguments: SetAttribute, held: Held) -> Held:
    """Set, replace or remove an attribute."""
    attributes = {**dict(held.attributes), arguments.name: arguments.value}
    kept = tuple(sorted((name, value) for name, value in attributes.items() if value))
    context.emit("SetAttribute", held.class_id, held.token, held.holder, arguments.name, arguments.value)
    return replace(held, attributes=kept)


ANYONE: Final = permitted(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER)
BURNING: Final = Price(steps=100, steps_each=100)


def _method(
    shelf: Shelf,
    arguments: type[Record],
    gates: tuple[Check, ...],
    checks: tuple[HeldCheck, ...],
    effect: Act,
    *events: str,
    price: Price | None = None,
) -> Method:
    of_shelf = tuple(check.on(shelf) for check in checks)
    return Method(
        arguments=arguments, checks=(running, *gates, shelf.known, *of_shelf), effect=effect, events=events, price=price
    )


def life_methods(shelf: Shelf, gone: str) -> dict[str, Method]:
    """The methods of what stands on the shelf; `gone` is the event by which its standard tells of a burn."""
    anyone, operator = (ANYONE,), (permitted(Role.OPERATOR), sender_is(Role.OPERATOR))
    cross_chain = (permitted(Role.CROSS_CHAIN),)
    unlocking = (permitted(Role.CROSS_CHAIN, Role.OPERATOR),)

    def method(*given: Any, price: Price | None = None) -> Method:  # noqa: ANN401 - as _method takes them
        return _method(shelf, *given, price=price)

    return {
        "accept": method(
            OfHeld, anyone, (sent_by_holder, offered, not_frozen), changing(shelf, _accept), "Accepted"
        ),
        "decline": method(
            OfHeld, anyone, (sent_by_holder, offered, not_frozen, not_locked), ending(shelf, Recorded.BURNT, "Declined"),
            gone, "Declined",
        ),
        "revoke": method(
            ChangeStatus, anyone, (may_revoke, live), ending(shelf, Recorded.REVOKED, "Revoked"), "Revoked"
        ),
        "burn": method(
            ChangeStatus, anyone, (live, not_locked, may_burn), ending(shelf, Recorded.BURNT, "Burnt"), gone, "Burnt",
            price=BURNING,
        ),
        "freeze": method(
            ChangeStatus, operator, (live, not_frozen), changing(shelf, _freeze), "EnterBlacklist"
        ),
        "unfreeze": method(ChangeStatus, operator, (live, frozen), changing(shelf, _unfreeze), "ExitBlacklist"),
        "lock": method(
            OfHeld, cross_chain, (live, accepted, not_frozen, not_locked), changing(shelf, _lock), "Locklist"
        ),
        "unlock": method(OfHeld, unlocking, (locked, not_in_transfer), changing(shelf, _unlock), "UnLocklist"),
        "setUser": method(
            SetUser, anyone, (sent_by_holder, live, accepted, not_frozen, not_locked, user_fits),
            changing(shelf, _set_user), "UpdateUser",
        ),
        "setAttribute": method(
            SetAttribute, anyone, (live, not_frozen, not_locked, may_set_attribute, attribute_fits),
            changing(shelf, _set_attribute), "SetAttribute",
        ),
    }  # fmt: skip
