"""Calls that a holder signs and somebody else sends, as tests make them."""

from typing import Any

from msgspec.structs import replace

from chain.codec import encode
from chain.domains import Domain, prefix
from chain.merkle import leaf_hash, root
from contracts.ddc721 import MetaBurn, MetaMint, MetaMintBatch
from contracts.keys import meta_key
from contracts.meta import Signed
from tests.chain.small_genesis import account_key_pair
from tests.contracts.check_order import Play, Spoil
from tests.contracts.small_chain import CLASS, SmallChain, item, token

MINTS = {
    "metaMint": MetaMint,
    "metaSafeMint": MetaMint,
    "metaMintBatch": MetaMintBatch,
    "metaSafeMintBatch": MetaMintBatch,
}
MetaCalls = MetaMint | MetaMintBatch | MetaBurn


def parts_of(arguments: MetaCalls) -> list[bytes]:
    """What the holder's signature covers of the arguments, part by part."""
    if isinstance(arguments, MetaBurn):
        named: tuple[Any, ...] = arguments.class_id, arguments.token, arguments.holder, arguments.reason
    else:
        named = arguments.class_id, arguments.data, *arguments.items
    return [encode(part) for part in named]


def sign(chain: SmallChain, method: str, arguments: MetaCalls, person: str = "alice", /, **stated: Any) -> bytes:
    """The signature of a person's account, over something else where `stated` says so."""
    digest = chain.rules.digest
    words: dict[str, Any] = {
        "contract": "ddc721",
        "method": method,
        "signer": chain.address(person),
        "arguments": root(digest, [leaf_hash(digest, part) for part in parts_of(arguments)]),
        "counter": arguments.signed.counter,
        "deadline": arguments.signed.deadline,
    }
    where = {"domain": Domain.META, "network": chain.rules.network_id, "chain": chain.rules.chain_id}
    said = where | words | stated
    statement = prefix(said["domain"], said["network"], said["chain"]) + encode(tuple(said[name] for name in words))
    return account_key_pair(chain.rules.chain_id, person).sign(digest(statement))


def resign(chain: SmallChain, method: str, arguments: Any, person: str = "alice", /, **stated: Any) -> Any:
    """The same call with its holder's signature."""
    signature = sign(chain, method, arguments, person, **stated)
    return replace(arguments, signed=replace(arguments.signed, signature=signature))


def meta_mint(
    chain: SmallChain,
    method: str = "metaMint",
    *numbers: int,
    person: str = "alice",
    counter: int = 1,
    deadline: int | None = None,
    data: bytes = b"",
) -> Any:
    """Certificates that a person signs for."""
    items = tuple(item(chain.address(person), number) for number in numbers or (1,))
    held: dict[str, Any] = {"items": items} if "Batch" in method else {"item": items[0]}
    signed = Signed(counter=counter, deadline=chain.time if deadline is None else deadline, signature=b"")
    return resign(chain, method, MINTS[method](class_id=CLASS, data=data, signed=signed, **held), person)


def meta_burn(
    chain: SmallChain, number: int = 1, *, person: str = "alice", counter: int = 1, **changed: Any
) -> MetaBurn:
    """The burn of a certificate that a person signs for."""
    signed = Signed(counter=counter, deadline=changed.pop("deadline", chain.time), signature=b"")
    fields = {"class_id": CLASS, "token": token(number), "holder": None, "reason": "by-request", "signed": signed}
    arguments: MetaBurn = resign(chain, "metaBurn", MetaBurn(**fields | changed), person)
    return arguments


def signed_anew(*spoils: Spoil) -> Spoil:
    """What is wrong with the call is signed by the holder too."""

    def spoil(play: Play) -> None:
        for one in spoils:
            one(play)
        play.arguments = resign(play.chain, play.method, play.arguments)

    return spoil


def signed_with(**changed: Any) -> Spoil:
    """Another counter, deadline or signature than the call should have, as it stands."""

    def spoil(play: Play) -> None:
        play.arguments = replace(play.arguments, signed=replace(play.arguments.signed, **changed))

    return spoil


def count_key(chain: SmallChain, person: str = "alice") -> bytes:
    """Where a person's counter of ddc721 is."""
    return meta_key("ddc721", chain.address(person))
