"""What this chain believes of the others, in its own state (protocol 33).

A header of another chain enters only inside the call that needs it, with every change of membership since the last one;
it is never older than one that is known, and a retired set certifies nothing any more. Two certified headers of one
height freeze the client; then the replicas of this chain may say anew what is to be trusted, and why.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.domains import Domain, prefix
from chain.ids import ZERO_DIGEST, Digest, Natural, Signature
from chain.light_client import (
    CertifiedHeader,
    Fault,
    HeaderFault,
    Sighting,
    Trusted,
    commit_fault,
    same_chain,
    same_network,
    sighted,
)
from chain.membership import REPLICAS_MAX, Membership
from chain.quorum import CertificateFault
from chain.rules import ChainRules
from chain.view_change import ReplicaPlace
from contracts.gates import sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Readable, Role, refuses
from contracts.keys import client_key, restart_key
from contracts.membership import current_memberships

CONTRACT: Final = "clients"
ReasonCode = Annotated[str, Meta(pattern=r"\A[a-z][a-z-]{0,39}\Z")]
HEADER_REFUSALS: Final[dict[Fault, Callable[[int], ContractReverted]]] = {
    HeaderFault.NETWORK_DIFFERS: lambda height: ContractReverted("header-network-differs", height),
    HeaderFault.CHAIN_DIFFERS: lambda height: ContractReverted("header-chain-differs", height),
    HeaderFault.HEIGHT_NOT_INCREASING: lambda height: ContractReverted("header-height-not-increasing", height),
    HeaderFault.TIME_NOT_INCREASING: lambda height: ContractReverted("header-time-not-increasing", height),
    HeaderFault.MEMBERSHIP_DIFFERS: lambda height: ContractReverted("header-membership-differs", height),
    CertificateFault.VIEW_BEFORE_PROPOSAL: lambda height: ContractReverted("header-view-before-proposal", height),
    CertificateFault.NOT_A_QUORUM: lambda height: ContractReverted("header-not-a-quorum", height),
    CertificateFault.SIGNATURE_COUNT: lambda height: ContractReverted("header-signature-count", height),
    CertificateFault.SIGNERS_NOT_ASCENDING: lambda height: ContractReverted("header-signers-not-ascending", height),
    CertificateFault.SIGNER_UNKNOWN: lambda height: ContractReverted("header-signer-unknown", height),
    CertificateFault.SIGNATURE_INVALID: lambda height: ContractReverted("header-signature-invalid", height),
}
"""What a fault of a header is refused with, in the order in which it is looked for; with it comes the header's height."""
FAULT_CODES: Final = tuple(refusal(0).code for refusal in HEADER_REFUSALS.values())
FORK_CODES: Final = tuple(code for code in FAULT_CODES if "increasing" not in code)
HEADER_CODES: Final = ("header-older", "header-conflicts", *FAULT_CODES)


class ChainClient(Record, frozen=True):
    """The newest header of another chain that this one was shown, and the set that certifies what comes after it."""

    chain_id: HomeChain
    height: Natural
    time: Natural
    block: Digest
    """The header's digest; zero bytes before the first one."""
    state_root: Digest
    membership: Membership
    before: Membership | None
    """The set before the latest change of membership: a fork may be its doing."""
    trust: Natural
    """How often replicas of this chain have said anew what is to be trusted."""
    frozen: bool


class Restart(Record, frozen=True):
    """That another chain was trusted anew: why, from which header and set on, and when."""

    reason: ReasonCode
    height: Natural
    block: Digest
    membership: Digest
    recorded_height: Natural
    recorded_at: Natural


class ReportFork(Record, frozen=True):
    """`reportFork`: two headers of one height of another chain, both certified."""

    chain_id: HomeChain
    first: CertifiedHeader
    second: CertifiedHeader


class RestartClient(Record, frozen=True):
    """`restartClient`: the header to trust and the set that certifies what follows; why; and who of this chain's replicas signs."""

    chain_id: HomeChain
    header: BlockHeader
    membership: Membership
    reason: ReasonCode
    trust: Natural
    """The number that this makes: one more than before."""
    signers: Annotated[tuple[ReplicaPlace, ...], Meta(max_length=REPLICAS_MAX)]
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=REPLICAS_MAX)]


def first_client(chain_id: str, time: int, membership: Membership) -> bytes:
    """The record at height 0: what the genesis document says of another chain (`time` in ms)."""
    return encode(
        ChainClient(
            chain_id=chain_id,
            height=0,
            time=time,
            block=ZERO_DIGEST,
            state_root=ZERO_DIGEST,
            membership=membership,
            before=None,
            trust=0,
            frozen=False,
        )
    )


def find_client(records: Readable, chain_id: str) -> ChainClient | None:
    """What is believed of the chain, or None if it is no other chain of the network."""
    data = records.get(client_key(chain_id))
    return None if data is None else client_of(data)


def require_client(context: ContractContext, chain_id: str) -> ChainClient:
    """The client of another chain of the network; `chain-unknown` or `client-frozen`."""
    client = find_client(context.records, chain_id)
    if client is None or chain_id not in context.rules.others:
        raise ContractReverted("chain-unknown", chain_id)
    if client.frozen:
        raise ContractReverted("client-frozen", chain_id, client.height)
    return client


def advanced(context: ContractContext, client: ChainClient, sighting: Sighting) -> ChainClient:
    """The client after a sighting; one of `HEADER_CODES` if it shows nothing. Nothing is written."""
    rules, header = context.rules.others[client.chain_id], sighting.header
    if header.height < client.height:
        raise ContractReverted("header-older", header.height, client.height)
    if header.height == client.height:
        if rules.block_digest(header) != client.block:
            raise ContractReverted("header-conflicts", header.height)
        return client
    seen = _sighted(rules, Trusted(height=client.height, time=client.time, membership=client.membership), sighting)
    if not isinstance(seen, Trusted):
        raise HEADER_REFUSALS[seen](header.height)
    sets = client.membership, *(handover.next_membership for handover in sighting.handovers), seen.membership
    return replace(
        client,
        height=seen.height,
        time=seen.time,
        block=rules.block_digest(header),
        state_root=header.state_root,
        membership=seen.membership,
        before=next((one for one in reversed(sets) if one != seen.membership), client.before),
    )


def keep(context: ContractContext, client: ChainClient) -> None:
    """Record what is believed now, if it is more than before."""
    data = encode(client)
    if context.records.get(client_key(client.chain_id)) != data:
        context.records.put(client_key(client.chain_id), data)


def restart_bytes(rules: ChainRules, arguments: RestartClient) -> bytes:
    """What a replica of this chain signs, with its consensus key, to trust another chain anew."""
    other = rules.others[arguments.chain_id]
    named = other.block_digest(arguments.header), other.membership_digest(arguments.membership)
    statement = (arguments.chain_id, *named, arguments.reason, arguments.trust)
    return prefix(Domain.RESTART_CLIENT, rules.network_id, rules.chain_id) + encode(statement)


@refuses("chain-unknown", "client-frozen")
def client_trusted(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names a chain
    """The chain is another one of the network, and its client is not frozen."""
    require_client(context, arguments.chain_id)


@refuses("fork-not-shown")
def headers_conflict(context: ContractContext, arguments: ReportFork) -> None:
    """Both headers are of one height, and differ."""
    rules, first, second = context.rules.others[arguments.chain_id], arguments.first.header, arguments.second.header
    if first.height != second.height or rules.block_digest(first) == rules.block_digest(second):
        raise ContractReverted("fork-not-shown", first.height, second.height)


@refuses(*FORK_CODES)
def both_certified(context: ContractContext, arguments: ReportFork) -> None:
    """Each is certified by the set that this chain trusts now, or trusted before the latest change."""
    client, rules = require_client(context, arguments.chain_id), context.rules.others[arguments.chain_id]
    for certified in (arguments.first, arguments.second):
        fault = _fork_fault(rules, client, certified)
        if fault is not None:
            raise HEADER_REFUSALS[fault](certified.header.height)


def report_fork(context: ContractContext, arguments: ReportFork) -> None:
    """Freeze the client: nothing of that chain is believed until replicas of this one say what is."""
    client, rules = require_client(context, arguments.chain_id), context.rules.others[arguments.chain_id]
    keep(context, replace(client, frozen=True))
    first, second = (rules.block_digest(one.header) for one in (arguments.first, arguments.second))
    context.emit("ClientFrozen", client.chain_id, arguments.first.header.height, first, second)


@refuses("chain-unknown", "client-not-frozen", "restart-repeats")
def restart_due(context: ContractContext, arguments: RestartClient) -> None:
    """The client is frozen, and this is the next number."""
    client = find_client(context.records, arguments.chain_id)
    if client is None or arguments.chain_id not in context.rules.others:
        raise ContractReverted("chain-unknown", arguments.chain_id)
    if not client.frozen:
        raise ContractReverted("client-not-frozen", arguments.chain_id)
    if arguments.trust != client.trust + 1:
        raise ContractReverted("restart-repeats", arguments.trust, client.trust)


@refuses("header-network-differs", "header-chain-differs", "header-membership-differs")
def restart_header_fits(context: ContractContext, arguments: RestartClient) -> None:
    """The header is one of that chain, and names the set as the next one."""
    rules, header = context.rules.others[arguments.chain_id], arguments.header
    fits = {
        HeaderFault.NETWORK_DIFFERS: same_network(rules, header),
        HeaderFault.CHAIN_DIFFERS: same_chain(rules, header),
        HeaderFault.MEMBERSHIP_DIFFERS: header.next_membership == rules.membership_digest(arguments.membership),
    }
    fault = next((fault for fault, holds in fits.items() if not holds), None)
    if fault is not None:
        raise HEADER_REFUSALS[fault](header.height)


@refuses("signers-malformed", "change-not-signed", "change-signature-invalid")
def restart_signed(context: ContractContext, arguments: RestartClient) -> None:
    """A quorum of this chain's present replicas signs chain, header, set, reason and number."""
    present, signers = current_memberships(context.records)[-1].membership, arguments.signers
    ascending = all(one < other for one, other in pairwise(signers))
    if not ascending or not all(map(present.has, signers)) or len(signers) != len(arguments.signatures):
        raise ContractReverted("signers-malformed")
    if len(signers) < present.quorum:
        raise ContractReverted("change-not-signed", len(signers), present.quorum)
    message = restart_bytes(context.rules, arguments)
    for place, signature in zip(signers, arguments.signatures, strict=True):
        if not context.rules.consensus_verify(present.key(place), message, signature):
            raise ContractReverted("change-signature-invalid", place)


def restart_client(context: ContractContext, arguments: RestartClient) -> None:
    """Trust the header and the set; that it was so, and why, is kept for good."""
    rules, header = context.rules.others[arguments.chain_id], arguments.header
    client = ChainClient(
        chain_id=arguments.chain_id,
        height=header.height,
        time=header.time,
        block=rules.block_digest(header),
        state_root=header.state_root,
        membership=arguments.membership,
        before=None,
        trust=arguments.trust,
        frozen=False,
    )
    restart = Restart(
        reason=arguments.reason,
        height=header.height,
        block=client.block,
        membership=header.next_membership,
        recorded_height=context.height,
        recorded_at=context.time,
    )
    keep(context, client)
    context.records.put(restart_key(arguments.chain_id, arguments.trust), encode(restart))
    context.emit("ClientRestarted", arguments.chain_id, arguments.trust, header.height, client.block, arguments.reason)


def _fork_fault(rules: ChainRules, client: ChainClient, certified: CertifiedHeader) -> Fault | None:
    header = certified.header
    if not same_network(rules, header):
        return HeaderFault.NETWORK_DIFFERS
    if not same_chain(rules, header):
        return HeaderFault.CHAIN_DIFFERS
    sets = [one for one in (client.membership, client.before) if one is not None]
    named = next((one for one in sets if rules.membership_digest(one) == header.membership), None)
    return HeaderFault.MEMBERSHIP_DIFFERS if named is None else commit_fault(rules, certified, named)


_sighted: Final = lru_cache(maxsize=256)(sighted)
"""Remembered: a sighting is checked when its call is admitted, when it is executed, and with every record shown under it."""
client_of: Final = lru_cache(maxsize=256)(decoder(ChainClient))
METHODS: Final = {
    "reportFork": Method(
        arguments=ReportFork,
        checks=(sender_is(*Role), client_trusted, headers_conflict, both_certified),
        effect=report_fork,
        events=("ClientFrozen",),
    ),
}
RESTART_CHECKS: Final = (restart_due, restart_header_fits, restart_signed)
