"""What a chain believes of another: headers, forks, and trust that its replicas set anew (protocol 33)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import decode
from chain.domains import Domain
from chain.ids import ZERO_DIGEST
from chain.light_client import CertifiedHeader, Handover, Sighting
from chain.quorum import QuorumCertificate
from chain.transaction import NOBODY, Event
from contracts import clients
from contracts.clients import ReportFork, Restart, RestartClient, advanced, find_client, restart_bytes
from contracts.interface import ContractReverted
from contracts.keys import client_key, restart_key
from tests.chain.small_network import START_MS, Signers
from tests.contracts.check_order import Play, arguments, assert_order, by, sender_frozen
from tests.contracts.crossing_spoils import SOURCE, STRANGER, TARGET, client_is, no_client
from tests.contracts.small_chain import BLOCK_MS
from tests.interop.world import SIZES, TEN, World, set_of, world_to_move

REASON = "fork-examined"


def world() -> World:
    """A chain that has blocks, and another that will see them."""
    return world_to_move(SOURCE, TARGET)


def seen(on: World, sighting: Sighting) -> Any:
    """The client of the source after a sighting."""
    chain = on[TARGET]
    client = find_client(chain.records, SOURCE)
    assert client is not None
    return advanced(chain.context("relayer", "mirrors", "attest"), client, sighting)


def test_every_chain_begins_with_what_the_genesis_document_says_of_the_others() -> None:
    on = World.founded(*TEN)
    for at in TEN:
        for place, of in enumerate(TEN):
            client = find_client(on[at].records, of)
            if at == of:
                assert client is None
                continue
            assert client is not None
            assert (client.height, client.time, client.block, client.state_root) == (
                0,
                START_MS,
                ZERO_DIGEST,
                ZERO_DIGEST,
            )
            assert client.membership == set_of(of, SIZES[place % 3]).membership
            assert (client.trust, client.frozen, client.before) == (0, False, None)


def test_a_header_is_believed_with_its_height_time_block_and_state() -> None:
    on = world()
    head = on.chains[SOURCE].last
    assert head is not None
    client = seen(on, on.chains[SOURCE].sighting())
    assert (client.height, client.time, client.state_root) == (
        head.header.height,
        head.header.time,
        head.header.state_root,
    )
    assert client.block == on[SOURCE].rules.block_digest(head.header)


def test_the_same_header_again_needs_no_certificate_and_changes_nothing() -> None:
    on = world()
    on.attest(SOURCE, TARGET)
    before = find_client(on[TARGET].records, SOURCE)
    sighting = on.chains[SOURCE].sighting()
    bare = QuorumCertificate(view=0, signers=(), signatures=())
    stripped = replace(sighting, certified=replace(sighting.certified, certificate=bare))
    assert seen(on, stripped) == before


def test_several_changes_of_replicas_are_followed_in_one_sighting_or_in_many() -> None:
    for at_once in (True, False):
        on = world()
        for change in (1, 2, 3):
            on.change_replicas(SOURCE, change)
            if not at_once:
                on.touch(SOURCE)
                on.call(
                    TARGET, "platform", "mirrors", "attest" if change == 1 else "refresh", _shown(on, first=change == 1)
                )
        on.touch(SOURCE)
        client = find_client(on[TARGET].records, SOURCE)
        assert client is not None
        sighting = on.chains[SOURCE].sighting(client)
        assert len(sighting.handovers) == (3 if at_once else 0)
        after = seen(on, sighting)
        assert after.membership == set_of(SOURCE, 4, 3).membership
        assert after.before == set_of(SOURCE, 4, 2).membership


def _shown(on: World, *, first: bool) -> Any:
    from contracts.mirrors import Refresh  # noqa: PLC0415

    given = on.attest_arguments(SOURCE, TARGET)
    return given if first else Refresh(chain_id=SOURCE, certificate=given.certificate, shown=given.shown)


def test_the_header_that_hands_over_can_be_the_one_that_is_shown() -> None:
    on = world()
    on.change_replicas(SOURCE, 1)
    sighting = on.chains[SOURCE].sighting()
    assert sighting.next_membership is not None
    assert seen(on, sighting).membership == set_of(SOURCE, 4, 1).membership
    for wrong in (None, set_of(SOURCE, 4, 2).membership):
        with pytest.raises(ContractReverted, match="header-membership-differs"):
            seen(on, replace(sighting, next_membership=wrong))


def test_a_set_that_comes_though_none_is_named_is_refused() -> None:
    on = world()
    sighting = replace(on.chains[SOURCE].sighting(), next_membership=set_of(SOURCE, 4).membership)
    with pytest.raises(ContractReverted, match="header-membership-differs"):
        seen(on, sighting)


def test_a_retired_set_certifies_nothing_any_more() -> None:
    on = world()
    old = on.chains[SOURCE].signers
    on.change_replicas(SOURCE, 1)
    on.touch(SOURCE)
    on.attest(SOURCE, TARGET)
    on.touch(SOURCE)
    placed = on.chains[SOURCE]
    named = placed.rules.membership_digest(old.membership)
    forged = placed.certify(placed.header(membership=named, next_membership=named), old)
    with pytest.raises(ContractReverted, match="header-membership-differs"):
        seen(on, Sighting(handovers=(), certified=forged, next_membership=None))


def test_a_refused_sighting_stays_refused_and_a_good_one_is_judged_by_what_is_known_then() -> None:
    on = world()
    sighting = on.chains[SOURCE].sighting()
    on.attest(SOURCE, TARGET)
    on.touch(SOURCE)
    on.refresh(SOURCE, TARGET)
    with pytest.raises(ContractReverted, match="header-older"):
        seen(on, sighting)


# ---- forks ----


def forked(on: World, signers: Signers | None = None, **changed: Any) -> ReportFork:
    """Two headers of the source's next height."""
    placed = on.chains[SOURCE]
    first = placed.header(height=placed.chain.height, **changed)
    second = replace(first, state_root=bytes(31) + b"\1")
    return ReportFork(chain_id=SOURCE, first=placed.certify(first, signers), second=placed.certify(second, signers))


def freeze(on: World) -> tuple[Event, ...]:
    """Show the fork to the target."""
    return on.call(TARGET, "alice", "clients", "reportFork", forked(on))


def test_a_fork_freezes_the_client_and_stops_only_this_pair() -> None:
    on = world_to_move(SOURCE, TARGET, "yanan")
    report = forked(on)
    (event,) = freeze(on)
    digests = [on[SOURCE].rules.block_digest(one.header) for one in (report.first, report.second)]
    assert event == Event(
        contract="clients", name="ClientFrozen", values=(SOURCE, report.first.header.height, *digests)
    )
    client = find_client(on[TARGET].records, SOURCE)
    assert client is not None
    assert client.frozen
    with on[TARGET].refuses("client-frozen", SOURCE, 0):
        on[TARGET].call("platform", "mirrors", "attest", on.attest_arguments(SOURCE, TARGET))
    on.attest(SOURCE, "yanan")


def test_a_fork_of_the_header_that_hands_over_freezes_too() -> None:
    on = world()
    old = on.chains[SOURCE].signers
    on.change_replicas(SOURCE, 1)
    on.attest(SOURCE, TARGET)
    placed = on.chains[SOURCE]
    named = placed.rules.membership_digest(old.membership)
    twin = placed.certify(placed.header(membership=named, next_membership=named), old)
    handover = placed.handovers[-1].certified
    report = ReportFork(chain_id=SOURCE, first=handover, second=twin)
    on.call(TARGET, "relayer", "clients", "reportFork", report)
    client = find_client(on[TARGET].records, SOURCE)
    assert client is not None
    assert client.frozen


def test_the_checks_of_reporting_a_fork_stand_in_order() -> None:
    def play() -> Play:
        on = world()
        on[TARGET].time = on.time + BLOCK_MS
        return Play(on[TARGET], "alice", "clients", "reportFork", forked(on))

    def second(change: Callable[[CertifiedHeader], CertifiedHeader]) -> Any:
        return lambda play: arguments(second=change(play.arguments.second))(play)

    def header(**changed: Any) -> Any:
        return second(lambda one: replace(one, header=replace(one.header, **changed)))

    def certificate(change: Callable[[Any], dict[str, Any]]) -> Any:
        return second(lambda one: replace(one, certificate=replace(one.certificate, **change(one.certificate))))

    assert_order(
        play,
        ("account-unknown", by(STRANGER)),
        ("account-frozen", sender_frozen),
        ("chain-unknown", no_client(SOURCE)),
        ("client-frozen", client_is(SOURCE, frozen=True)),
        ("fork-not-shown", lambda play: arguments(second=play.arguments.first)(play)),
        ("header-network-differs", header(network_id=bytes(32))),
        ("header-chain-differs", header(chain_id="atlantis")),
        ("header-membership-differs", header(membership=bytes(32))),
        ("header-view-before-proposal", header(view=9)),
        ("header-not-a-quorum", certificate(lambda one: {"signers": one.signers[:-1]})),
        ("header-signature-count", certificate(lambda one: {"signatures": one.signatures[:-1]})),
        ("header-signers-not-ascending", certificate(lambda one: {"signers": tuple(reversed(one.signers))})),
        ("header-signer-unknown", certificate(lambda one: {"signers": (*one.signers[:-1], 60)})),
        ("header-signature-invalid", certificate(lambda one: {"signatures": (bytes(64), *one.signatures[1:])})),
        absent=frozenset({"role-not-allowed"}),
    )


# ---- trust anew ----


def restart_of(on: World, signers: tuple[int, ...] | None = None, **changed: Any) -> RestartClient:
    """The target's replicas trust the source's head."""
    placed, own = on.chains[SOURCE], on.chains[TARGET]
    fields: dict[str, Any] = {
        "chain_id": SOURCE,
        "header": placed.header(),
        "membership": placed.signers.membership,
        "reason": REASON,
        "trust": 1,
        "signers": (),
        "signatures": (),
    }
    unsigned = RestartClient(**fields | changed)
    message = restart_bytes(own.rules, unsigned)
    places = tuple(range(own.signers.membership.quorum)) if signers is None else signers
    return replace(unsigned, signers=places, signatures=tuple(own.signers.sign(place, message) for place in places))


def restart(on: World, **changed: Any) -> tuple[Event, ...]:
    return on[TARGET].call(NOBODY, "system", "restartClient", restart_of(on, **changed))


def test_a_quorum_of_the_chains_own_replicas_trusts_a_header_anew_and_the_reason_is_kept() -> None:
    on = world()
    freeze(on)
    on.touch(SOURCE)
    on[TARGET].time = on.time + BLOCK_MS
    header, now, height = on.chains[SOURCE].header(), on[TARGET].time, on[TARGET].height
    (event,) = restart(on)
    block = on[SOURCE].rules.block_digest(header)
    assert event == Event(contract="system", name="ClientRestarted", values=(SOURCE, 1, header.height, block, REASON))
    client = find_client(on[TARGET].records, SOURCE)
    assert client is not None
    assert (client.height, client.block, client.trust, client.frozen) == (header.height, block, 1, False)
    kept = on[TARGET].records.get(restart_key(SOURCE, 1))
    assert decode(kept, Restart) == Restart(
        reason=REASON,
        height=header.height,
        block=block,
        membership=header.next_membership,
        recorded_height=height,
        recorded_at=now,
    )


def test_packets_that_were_open_at_the_freeze_are_completed_only_under_the_new_trust() -> None:
    on = world()
    on.let_move(TARGET, SOURCE)
    on.mint(TARGET, 2)
    transfer = on.open_move(TARGET, SOURCE, 2)
    packet = on.confirm(TARGET, transfer)
    on.receive(packet)
    freeze(on)
    before = on.acknowledge_arguments(packet)
    with on[TARGET].refuses("client-frozen", SOURCE, 0):
        on[TARGET].call("relayer", "crosschain", "acknowledge", before)
    on.touch(SOURCE)
    on[TARGET].time = on.time + BLOCK_MS
    restart(on)
    with pytest.raises(ContractReverted, match="header-older"):
        on[TARGET].call("relayer", "crosschain", "acknowledge", before)
    on.acknowledge(packet)
    assert on.transfer(TARGET, transfer.cross_id).state == 2


def test_the_checks_of_trusting_anew_stand_in_order() -> None:
    def play() -> Play:
        on = world()
        freeze(on)
        on[TARGET].time = on.time + BLOCK_MS
        return Play(on[TARGET], NOBODY, "system", "restartClient", restart_of(on))  # type: ignore[arg-type]

    def header(**changed: Any) -> Any:
        return lambda play: arguments(header=replace(play.arguments.header, **changed))(play)

    def fewer(play: Play) -> None:
        arguments(signers=play.arguments.signers[:-1], signatures=play.arguments.signatures[:-1])(play)

    def forged(play: Play) -> None:
        arguments(signatures=(bytes(64), *play.arguments.signatures[1:]))(play)

    assert_order(
        play,
        ("chain-unknown", no_client(SOURCE)),
        ("client-not-frozen", client_is(SOURCE, frozen=False)),
        ("restart-repeats", arguments(trust=7)),
        ("header-network-differs", header(network_id=bytes(32))),
        ("header-chain-differs", header(chain_id="atlantis")),
        ("header-membership-differs", header(next_membership=bytes(32))),
        ("signers-malformed", lambda play: arguments(signers=tuple(reversed(play.arguments.signers)))(play)),
        ("change-not-signed", fewer),
        ("change-signature-invalid", forged),
    )


@pytest.mark.parametrize("changed", [{"reason": "other"}, {"trust": 2}, {"membership": None}])
def test_a_signature_is_good_for_one_header_set_reason_and_number(changed: dict[str, Any]) -> None:
    on = world()
    freeze(on)
    signed = restart_of(on)
    if "membership" in changed:
        changed = {"membership": set_of(SOURCE, 4, 9).membership}
    other = replace(signed, **changed)
    assert restart_bytes(on[TARGET].rules, other) != restart_bytes(on[TARGET].rules, signed)
    assert restart_bytes(on[TARGET].rules, signed).startswith(bytes([len(Domain.RESTART_CLIENT)]))


def test_a_handover_is_no_header_of_its_own_set_by_another() -> None:
    on = world()
    on.change_replicas(SOURCE, 1)
    on.touch(SOURCE)
    placed = on.chains[SOURCE]
    (handover,) = placed.handovers
    other = Handover(certified=handover.certified, next_membership=set_of(SOURCE, 4, 5).membership)
    with pytest.raises(ContractReverted, match="header-membership-differs"):
        seen(on, replace(placed.sighting(), handovers=(other,)))
    assert clients.METHODS.keys() == {"reportFork"}
    assert on[TARGET].records.get(client_key(SOURCE)) is not None
