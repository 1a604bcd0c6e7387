"""A class of editions with people who hold of them: what the tests of ddc1155 play on."""

from itertools import chain as flat
from typing import Any, Final

from msgspec.structs import replace

from chain.codec import Record, encode
from chain.digests import sha256
from chain.merkle import leaf_hash, root
from chain.rules import ChainRules
from chain.transaction import Event
from contracts import registry
from contracts.burning import BurnBatch, MetaBurn1155, MetaBurnBatch1155
from contracts.certificate import Edition, Holding, Issued, find_edition, find_holding, issued_of
from contracts.classes import DEFAULT_RULES
from contracts.ddc1155 import MetaMint1155, MetaMintBatch1155, SafeMint1155, SafeMintBatch1155
from contracts.ddc1155_views import OfHoldingId
from contracts.editions import CreateEdition, OfEdition
from contracts.keys import edition_key, holding_key
from contracts.life import ChangeStatus, OfHeld
from contracts.meta import MetaCall, Signed, meta_bytes
from tests.chain.small_genesis import account_key_pair
from tests.contracts.certificate_calls import settle
from tests.contracts.check_order import Spoil
from tests.contracts.small_chain import CLASS, SmallChain, class_of, token

DDC1155: Final = "ddc1155"
PEOPLE: Final = ("alice", "carol", "dave")
"""Three consumers of the platform."""
CONTENT: Final = sha256(b"what all holders hold")


def founded(chain_id: str = "wuhan", *, holders: tuple[str, ...] = (), **rules: Any) -> SmallChain:
    """A chain with one class of editions and its edition 1, of which `holders` have holdings."""
    chain = SmallChain.founded(chain_id)
    for person in PEOPLE[1:]:
        settle(chain, person)
    defined = class_of(standard=1155, rules=replace(DEFAULT_RULES, **rules))
    chain.call("platform", "classes", "defineClass", defined)
    create(chain)
    for holder in holders:
        issue(chain, holder)
    return chain


def call(chain: SmallChain, sender: str, method: str, arguments: Record) -> tuple[Event, ...]:
    """A call of ddc1155."""
    return chain.call(sender, DDC1155, method, arguments)


def read(chain: SmallChain, name: str, arguments: Record) -> bool | int | str | bytes:
    """A view of ddc1155."""
    return registry.VIEWS[DDC1155, name].read(chain.records, arguments)


def edition(number: int = 1, **changed: Any) -> CreateEdition:
    """An edition to be created."""
    fields: dict[str, Any] = {
        "class_id": CLASS,
        "token": token(number),
        "content_root": CONTENT,
        "uri": "",
        "valid_from": None,
        "valid_until": None,
        "supersedes": None,
    }
    return CreateEdition(**fields | changed)


def create(chain: SmallChain, number: int = 1, sender: str = "platform", **changed: Any) -> tuple[Event, ...]:
    """Create an edition."""
    return call(chain, sender, "createEdition", edition(number, **changed))


def minting(chain: SmallChain, holder: str = "alice", number: int = 1, **changed: Any) -> SafeMint1155:
    """One holding to be issued."""
    fields: dict[str, Any] = {"amount": 1, "data": b""}
    return SafeMint1155(class_id=CLASS, token=token(number), holder=chain.address(holder), **fields | changed)


def minting_batch(chain: SmallChain, *holders: str, number: int = 1, **changed: Any) -> SafeMintBatch1155:
    """Holdings of one edition to be issued."""
    addresses = tuple(chain.address(holder) for holder in holders)
    fields: dict[str, Any] = {"holders": addresses, "amounts": (1,) * len(holders), "data": b""}
    return SafeMintBatch1155(class_id=CLASS, token=token(number), **fields | changed)


def issue(chain: SmallChain, holder: str = "alice", number: int = 1) -> tuple[Event, ...]:
    """Issue one holding, as the platform."""
    return call(chain, "platform", "safeMint", minting(chain, holder, number))


def edition_in(chain: SmallChain, number: int = 1) -> Edition:
    """An edition that is there."""
    found = find_edition(chain.records, CLASS, token(number))
    assert found is not None
    return found


def holding_in(chain: SmallChain, holder: str = "alice", number: int = 1) -> Holding:
    """A holding that is there."""
    found = find_holding(chain.records, CLASS, token(number), chain.address(holder))
    assert found is not None
    return found


def issued(chain: SmallChain) -> Issued | None:
    """What the class's count of holdings is."""
    return issued_of(chain.records, CLASS)


def balance(chain: SmallChain, holder: str = "alice", number: int = 1) -> object:
    """ERC-1155's balance."""
    return read(chain, "balanceOf", OfHoldingId(class_id=CLASS, token=token(number), holder=chain.address(holder)))


def mark_edition(chain: SmallChain, number: int = 1, **changed: Any) -> None:
    """Change fields of an edition, whether or not a call could."""
    chain.write(edition_key(CLASS, token(number)), replace(edition_in(chain, number), **changed))


def mark_holding(chain: SmallChain, holder: str = "alice", number: int = 1, **changed: Any) -> None:
    """Change fields of a holding, whether or not a call could."""
    key = holding_key(CLASS, token(number), chain.address(holder))
    chain.write(key, replace(holding_in(chain, holder, number), **changed))


def of_edition(number: int = 1, **changed: Any) -> Spoil:
    """The edition is in another state."""
    return lambda play: mark_edition(play.chain, number, **changed)


def of_holding(holder: str = "alice", number: int = 1, **changed: Any) -> Spoil:
    """The holding is in another state."""
    return lambda play: mark_holding(play.chain, holder, number, **changed)


def because(number: int = 1, reason: str = "by-request") -> OfEdition:
    """Freeze, unfreeze or withdraw an edition."""
    return OfEdition(class_id=CLASS, token=token(number), reason=reason)


def held(chain: SmallChain, holder: str = "alice", number: int = 1) -> OfHeld:
    """Accept, decline, lock or unlock a holding."""
    return OfHeld(class_id=CLASS, token=token(number), holder=chain.address(holder))


def ended(chain: SmallChain, holder: str = "alice", number: int = 1, reason: str = "by-request") -> ChangeStatus:
    """Revoke, burn, freeze or unfreeze a holding."""
    return ChangeStatus(class_id=CLASS, token=token(number), holder=chain.address(holder), reason=reason)


def burning(chain: SmallChain, *numbers: int, holder: str = "alice") -> BurnBatch:
    """One holder's of some editions to be burnt."""
    tokens = tuple(token(number) for number in numbers)
    return BurnBatch(class_id=CLASS, holder=chain.address(holder), tokens=tokens, reason="by-request")


def told(name: str, *values: Any) -> Event:
    """An event of ddc1155."""
    return Event(contract=DDC1155, name=name, values=values)


def paid(chain: SmallChain, sender: str, method: str, *, steps: int, units: int = 1) -> Event:
    """What is told of the payment, at the profile's prices."""
    profile = chain.rules.profile
    fen, gas = profile.fees.get(DDC1155, {}).get(method, 0) * units, steps * profile.gas_per_fen // 1_000
    return told("Pay", chain.address(sender), method, fen, gas, units)


Meta = MetaMint1155 | MetaMintBatch1155 | MetaBurn1155 | MetaBurnBatch1155
NOT_SIGNED: Final = Signed(counter=1, deadline=0, signature=b"")


def meta_mint(chain: SmallChain, holder: str = "alice", number: int = 1, **changed: Any) -> MetaMint1155:
    """One holding to be issued, not signed yet."""
    fields: dict[str, Any] = {"amount": 1, "data": b"", "signed": NOT_SIGNED}
    return MetaMint1155(class_id=CLASS, token=token(number), holder=chain.address(holder), **fields | changed)


def meta_mint_batch(chain: SmallChain, *numbers: int, holder: str = "alice", **changed: Any) -> MetaMintBatch1155:
    """Holdings of some editions to be issued to one holder, not signed yet."""
    tokens = tuple(token(number) for number in numbers)
    fields: dict[str, Any] = {"amounts": (1,) * len(numbers), "data": b"", "signed": NOT_SIGNED}
    return MetaMintBatch1155(class_id=CLASS, tokens=tokens, holder=chain.address(holder), **fields | changed)


def meta_burn(chain: SmallChain, holder: str = "alice", number: int = 1) -> MetaBurn1155:
    """One holding to be burnt, not signed yet."""
    return MetaBurn1155(
        class_id=CLASS,
        token=token(number),
        holder=chain.address(holder),
        reason="by-request",
        signed=NOT_SIGNED,
    )


def meta_burn_batch(chain: SmallChain, *numbers: int, holder: str = "alice") -> MetaBurnBatch1155:
    """One holder's of some editions to be burnt, not signed yet."""
    tokens = tuple(token(number) for number in numbers)
    return MetaBurnBatch1155(
        class_id=CLASS, holder=chain.address(holder), tokens=tokens, reason="by-request", signed=NOT_SIGNED
    )


def signed_parts(arguments: Meta) -> tuple[object, ...]:
    """What a holder signs of a call, in order, as the protocol says it."""
    match arguments:
        case MetaMint1155():
            return (arguments.class_id, arguments.data, (arguments.token, arguments.holder), arguments.amount)
        case MetaMintBatch1155():
            pairs = zip(arguments.tokens, arguments.amounts, strict=True)
            each = (((name, arguments.holder), amount) for name, amount in pairs)
            return (arguments.class_id, arguments.data, *flat.from_iterable(each))
        case MetaBurn1155():
            return (arguments.class_id, arguments.holder, arguments.reason, arguments.token)
        case MetaBurnBatch1155():
            return (arguments.class_id, arguments.holder, arguments.reason, *arguments.tokens)


def signed(
    chain: SmallChain,
    method: str,
    arguments: Any,
    *,
    by: str = "alice",
    counter: int = 1,
    ahead_ms: int = 60_000,
    rules: ChainRules | None = None,
    **said: Any,
) -> Any:
    """The call with its holder's signature; `rules` and what is `said` (`as_method=...`) change what is signed, not what is sent."""
    digest, deadline = chain.rules.digest, chain.time + ahead_ms
    fields: dict[str, Any] = {
        "contract": DDC1155,
        "method": method,
        "signer": arguments.holder,
        "arguments": root(digest, [leaf_hash(digest, encode(part)) for part in signed_parts(arguments)]),
        "counter": counter,
        "deadline": deadline,
    }
    message = meta_bytes(rules or chain.rules, MetaCall(**fields | {name[3:]: value for name, value in said.items()}))
    signature = account_key_pair(chain.rules.chain_id, by).sign(message)
    return replace(arguments, signed=Signed(counter=counter, deadline=deadline, signature=signature))
