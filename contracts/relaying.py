"""What is shown of another chain inside a call: a record of it, under a header of it (protocol 33.3).

Anyone may show it, for it proves itself; so it is free, and limited instead. Cheap conditions come first: whose turn it
is, sizes, forms; then signatures and hashes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.ids import Natural
from chain.light_client import Sighting
from chain.state import StateProof, check
from contracts.clients import HEADER_CODES, ChainClient, advanced, keep, require_client
from contracts.interface import Check, ContractContext, ContractReverted, Readable, refuses
from contracts.keys import relays_key

RELAYS_MAX: Final = 256
"""Free calls of one account in one block."""
Value = Annotated[bytes, Meta(max_length=4_096)]


class Shown(Record, frozen=True):
    """A header of another chain, and the way from its state root to a record, or to its absence."""

    sighting: Sighting
    proof: StateProof


class Relays(Record, frozen=True):
    """How often an account relayed in the block of this height."""

    height: Natural
    count: Natural


@dataclass(frozen=True, slots=True)
class Claim:
    """What a call says of another chain: under this key stands this value, or none; and how it shows it."""

    chain_id: str
    key: bytes
    value: bytes | None
    shown: Shown


ClaimOf = Callable[[ContractContext, Any], Claim]


def relays_of(records: Readable, address: bytes) -> Relays | None:
    """In which block the account relayed last, and how often there; None before the first time."""
    data = records.get(relays_key(address))
    return None if data is None else _relays(data)


@refuses("relays-too-many")
def within_limit(context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
    """The sender has not made its share of free calls in this block."""
    if _relayed(context) >= RELAYS_MAX:
        raise ContractReverted("relays-too-many", RELAYS_MAX)


def count_relay(context: ContractContext) -> None:
    """One more free call of the sender in this block."""
    relays = Relays(height=context.height, count=_relayed(context) + 1)
    context.records.put(relays_key(context.sender), encode(relays))


def trusted_source(chain_of: Callable[[Any], str]) -> Check:
    """The chain that is spoken of is another one of the network, and its client is not frozen."""

    def test(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - as `chain_of` takes them
        require_client(context, chain_of(arguments))

    says = "The other chain is one of the network, and its client is not frozen"
    return Check(says=says, codes=("chain-unknown", "client-frozen"), test=test)


def proven(claim_of: ClaimOf) -> tuple[Check, ...]:
    """The header is certified and not older than a known one, and the record stands under it as the call says."""

    def header(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - as `claim_of` takes them
        _client(context, claim_of(context, arguments))

    def record(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - as `claim_of` takes them
        claim = claim_of(context, arguments)
        require_record(context, _client(context, claim), claim)

    return (
        Check(
            says="The header is certified by the other chain's replicas and not older than one that is known",
            codes=HEADER_CODES,
            test=header,
        ),
        Check(says="The record stands under that header as the call says", codes=("proof-invalid",), test=record),
    )


def require_record(context: ContractContext, client: ChainClient, claim: Claim) -> None:
    """`proof-invalid` unless the record stands under the client's header as the claim says."""
    digest = context.rules.others[claim.chain_id].digest
    if not check(digest, claim.shown.proof, client.state_root, key=claim.key, value=claim.value):
        raise ContractReverted("proof-invalid", claim.chain_id, client.height)


def believe(context: ContractContext, claim: Claim) -> ChainClient:
    """Record the header under which something was shown; a check has found it good."""
    client = _client(context, claim)
    keep(context, client)
    count_relay(context)
    return client


def _client(context: ContractContext, claim: Claim) -> ChainClient:
    return advanced(context, require_client(context, claim.chain_id), claim.shown.sighting)


def _relayed(context: ContractContext) -> int:
    relays = relays_of(context.records, context.sender)
    return relays.count if relays is not None and relays.height == context.height else 0


_relays: Final = decoder(Relays)
