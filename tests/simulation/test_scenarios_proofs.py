"""Scenarios of arithmetic, certificates, clocks, evidence and hostile messages, by their numbers (docs/scenarios.md)."""

from itertools import combinations, pairwise, permutations
from random import Random

import pytest
from msgspec.structs import replace

from chain.block import CommittedBlock
from chain.codec import CodecMalformed, decode, encode
from chain.domains import Domain
from chain.evidence import ConflictingStatements, SignedDigest, conflict
from chain.ids import ZERO_DIGEST
from chain.quorum import CertificateFault, QuorumCertificate, certificate_fault
from contracts.system import evidence_transaction
from node.consensus.messages import Commit, PrePrepare, ViewChange
from node.consensus.new_view import select
from node.execution import BlockFault
from node.mempool import Checked, Refusal
from node.network.frames import ChainHead, ConsensusFrame, Heads, PeerFrame, Relay, SnapshotManifest
from simulation.byzantine import signed
from simulation.foundation import found
from simulation.machine import Behaviour, Process
from tests.node.consensus.test_new_view import claim
from tests.node.mutations import mutated
from tests.simulation.script import Script, says


@pytest.mark.parametrize("replicas", [7, 10])
def test_s04_a_view_change_that_lies_does_not_change_what_is_chosen(replicas: int) -> None:
    """What all have prepared and nobody committed comes again, though one hides it or forges something else."""
    script = Script(replicas, liars=((replicas - 1, "lying-in-view-change"),))
    script.commit()
    script.withhold(says(Commit, view=0))
    script.ask(at=1)
    rest = range(1, replicas - 1)
    prepared = [lambda number=number: script.host(number).replica.prepared for number in rest]
    script.until(lambda: all(proof() is not None for proof in prepared))
    digests = {proof().block for proof in prepared}
    script.crash(0)
    script.until(lambda: all(script.height(number) >= 2 for number in rest))
    assert script.run.lies["lying-in-view-change"] > 0
    assert {script.block(number, 2)[0] for number in rest} == digests
    script.finish()


@pytest.mark.parametrize("size", [3, 4, 5])
def test_s04_the_choice_is_total_and_does_not_depend_on_the_order(size: int) -> None:
    """Every subset and permutation of view changes with differing heads and proofs."""
    several = [claim(9, 1), claim(9, 2, "A", 0), claim(9, 2, "B", 3), claim(9, 3), claim(9, 3, "C", 1)]
    cases = 0
    for some in combinations(several, size):
        chosen = {(choice.height, choice.prepared) for choice in map(select, permutations(some))}
        assert len(chosen) == 1
        height, prepared = chosen.pop()
        assert height == max(change.height for change in some)
        assert prepared is None or prepared.height == height
        cases += 1
    assert cases >= 1


def test_s05_a_forged_certificate_is_refused_wherever_it_is_shown() -> None:
    """Wrong, doubled, unknown or permuted signer, old view, another block, another chain: no replica takes the block."""
    script = Script()
    script.commit(3)
    ledger, rules = script.host(0).ledger, script.cluster.rules
    second, third = (ledger.block(height).committed for height in (2, 3))
    good = third.certificate
    other_chain = Script(chain_id="chengdu")
    other_chain.commit(3)
    forged = {
        "wrong signer": replace(good, signers=(0, 1, 3) if good.signers != (0, 1, 3) else (0, 1, 2)),
        "doubled signer": replace(good, signers=good.signers[:1] * 3, signatures=good.signatures[:1] * 3),
        "stranger": replace(good, signers=(*good.signers[:2], 4)),
        "permuted": replace(good, signers=good.signers[::-1], signatures=good.signatures[::-1]),
        "other view": replace(good, view=good.view + 1),
        "too few": replace(good, signers=good.signers[1:], signatures=good.signatures[1:]),
        "other height": second.certificate,
        "other chain": other_chain.host(0).ledger.block(3).committed.certificate,
    }
    membership, digest = script.cluster.foundation.membership, rules.block_digest(third.header)

    def fault_of(certificate: QuorumCertificate) -> CertificateFault | None:
        statement = rules.vote_bytes(Domain.COMMIT, view=certificate.view, height=3, block=digest)
        return certificate_fault(
            certificate, statement, membership, proposal_view=third.header.view, verify=rules.consensus_verify
        )

    assert fault_of(good) is None
    assert all(isinstance(fault_of(certificate), CertificateFault) for certificate in forged.values())
    refused = refusals(script, forged, third)
    assert refused == len(forged)


def refusals(script: Script, forged: dict[str, QuorumCertificate], committed: CommittedBlock) -> int:
    """How many of the certificates a replica at the height before refuses on that block."""
    ledger = script.host(1).ledger
    before = ledger.head
    below = ledger.block(committed.header.height - 1)
    assert below is not None
    ledger.head = type(before)(
        header=below.committed.header,
        digest=committed.header.parent,
        certificate=below.committed.certificate,
        membership=before.membership,
        certified_by=before.certified_by,
    )
    results = [
        ledger.execute_committed(replace(committed, certificate=certificate), lambda _: None)
        for certificate in forged.values()
    ]
    ledger.head = before
    return sum(isinstance(result, BlockFault) and "height" not in result.why for result in results)


@pytest.mark.parametrize("size", range(4, 14))
def test_s06_any_two_quorums_share_a_correct_replica_and_the_correct_ones_are_a_quorum(size: int) -> None:
    """Quorum arithmetic for 4 to 13 replicas, by counting."""
    membership = found(size, "nanjing").membership
    faulty, quorum = membership.faulty_max, membership.quorum
    assert faulty == max(f for f in range(size) if 3 * f < size)
    assert 2 * quorum - size >= faulty + 1
    assert size - faulty >= quorum
    assert 2 * (quorum - 1) - size < faulty + 1


@pytest.mark.parametrize(("skew_ms", "drift_ppm"), [(2_000, 0), (2_000, 500)])
@pytest.mark.parametrize("replicas", [4, 7])
def test_s18_time_grows_though_clocks_differ_and_jump_back(replicas: int, skew_ms: int, drift_ppm: int) -> None:
    """Clocks are apart, and that of each primary is set back by half a minute, then everybody's."""
    script = Script(replicas, skew_ms=skew_ms, drift_ppm=drift_ppm)
    assert len({machine.clock.now_ms() for machine in script.machines}) > 1
    script.commit(2)
    script.machines[0].clock.jump(-5_000)
    script.commit(2)
    for machine in script.machines:
        machine.clock.jump(-30_000)
    script.commit(3)
    ledger = script.host(0).ledger
    times = [ledger.block(height).committed.header.time for height in range(1, ledger.height + 1)]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert script.finish().checks["block time"] > 0


class WrongTime(Behaviour):
    """As primary it proposes blocks whose time is some way from every clock."""

    def __init__(self, by_ms: int) -> None:
        self.by_ms = by_ms
        self.lies = 0

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        if not isinstance(frame, ConsensusFrame) or not isinstance(frame.envelope.message, PrePrepare):
            return (frame,)
        message = frame.envelope.message
        self.lies += 1
        header = replace(message.block.header, time=message.block.header.time + self.by_ms)
        false = replace(message, block=replace(message.block, header=header))
        return (replace(frame, envelope=signed(process, false)),)


@pytest.mark.parametrize("by_ms", [3_600_000, -3_600_000, 60_000])
def test_s18_a_primary_with_a_false_time_is_not_followed(by_ms: int) -> None:
    """An hour or a minute ahead of every clock, or an hour behind."""
    wrong = WrongTime(by_ms)
    script = Script(behaviours={0: wrong})
    script.go(1_000)
    script.ask(3, at=1)
    script.until(lambda: all(script.height(number) >= 1 for number in (1, 2, 3)))
    assert wrong.lies > 0
    assert min(script.view(number) for number in (1, 2, 3)) >= 1
    script.finish()


def test_s18_a_certificate_with_permuted_signers_proves_nothing() -> None:
    """Signers stand in ascending order, each beside its signature; who they are never moves a block's time."""
    script = Script()
    script.commit()
    committed = script.host(0).ledger.block(1).committed
    good, rules = committed.certificate, script.cluster.rules
    statement = rules.vote_bytes(Domain.COMMIT, view=good.view, height=1, block=rules.block_digest(committed.header))
    faults = {
        certificate_fault(
            replace(good, signers=signers),
            statement,
            script.cluster.foundation.membership,
            proposal_view=0,
            verify=rules.consensus_verify,
        )
        for signers in permutations(good.signers)
        if signers != good.signers
    }
    assert faults == {CertificateFault.SIGNERS_NOT_ASCENDING}


def report(script: Script, evidence: ConflictingStatements, nonce: int) -> Checked | Refusal:
    """What an honest node says to a report."""
    process = script.machines[1].process
    assert process is not None
    now = script.machines[1].clock.now_ms()
    raw = evidence_transaction(script.cluster.rules, evidence, now=now, nonce=nonce.to_bytes(16, "big"))
    return process.submit(raw)


def two_commits(script: Script, signer: int, height: int, *, key_of: int | None = None) -> ConflictingStatements:
    """Two commits of one place, really signed by the holder of its key."""
    machine, rules = script.machines[signer], script.cluster.rules
    one, other = (
        SignedDigest(
            block=digest,
            signature=machine.sign(rules.vote_bytes(Domain.COMMIT, view=0, height=height, block=digest)),
        )
        for digest in (ZERO_DIGEST, bytes(range(32)))
    )
    key = script.machines[signer if key_of is None else key_of].public_key
    return conflict(key, Domain.COMMIT, view=0, height=height, one=one, other=other)


@pytest.mark.parametrize("liar", ["equivocating-votes", "equivocating-proposals", "twin"])
def test_s19_who_says_two_things_is_convicted_on_chain_and_nobody_else(liar: str) -> None:
    """The conviction is a record of the chain, found by whoever heard both."""
    caught = 0
    for seed in range(6):
        script = Script(liars=((0, liar),), requests=25, blocks_min=25, seed=seed)
        script.run.clients.begin()
        if liar == "twin":
            script.run.twins.begin()
            script.go(8_000)
        outcome = script.finish()
        caught += outcome.evidence
        assert {place for place, _, _ in script.run.evidence.convictions} <= {0}
        if caught:
            break
    assert caught > 0


def test_s19_forged_framed_early_old_and_repeated_evidence_is_refused() -> None:
    """Only two real signatures of one key over two things at one place convict, and only once."""
    script = Script(liars=((3, "replaying"),))
    script.commit(3, at=[0, 1, 2])
    good = two_commits(script, 3, 2)
    forged = replace(good, second=replace(good.second, signature=bytes(64)))
    framed = two_commits(script, 3, 2, key_of=1)
    refused = [report(script, evidence, number) for number, evidence in enumerate((forged, framed))]
    early = two_commits(script, 3, 50)
    refused.append(report(script, early, 5))
    assert [answer.code for answer in refused if isinstance(answer, Refusal)] == [
        "evidence-signature-invalid",
        "evidence-signature-invalid",
        "evidence-too-early",
    ]
    assert isinstance(report(script, good, 6), Checked)
    script.until(lambda: script.run.evidence.convictions == {(3, 2, 1)})
    script.go(1_000)
    again = report(script, good, 7)
    assert isinstance(again, Refusal)
    assert again.code == "evidence-known"
    script.finish()


class Mutating(Behaviour):
    """Changes every message a little: a field by one, a stale value, a part left out; and signs it properly."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.lies = 0
        self.unreadable = 0
        self._old: list[bytes] = [b"\x00"]

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        data = encode(frame)
        self._old = [*self._old[-20:], data]
        if self.random.random() < 0.3:
            return (frame,)
        self.lies += 1
        changed = self._a_field_off(process, frame) if isinstance(frame, ConsensusFrame) else None
        if changed is not None:
            return (changed, frame)
        try:
            return (decode(mutated(self.random, data, self._old), PeerFrame), frame)  # type: ignore[arg-type]
        except CodecMalformed:
            self.unreadable += 1
            return (frame,)

    def _a_field_off(self, process: Process, frame: ConsensusFrame) -> PeerFrame | None:
        message = frame.envelope.message
        step = self.random.choice((-1, 1, 2, 2**40))
        if isinstance(message, PrePrepare):
            header = message.block.header
            name = self.random.choice(("height", "view", "time", "proposer"))
            changed = replace(header, **{name: max(0, getattr(header, name) + step)})
            false = replace(message, block=replace(message.block, header=changed))
        elif isinstance(message, ViewChange) or "height" not in message.__struct_fields__:
            false = replace(message, view=max(0, message.view + step))
        else:
            name = self.random.choice(("height", "view"))
            false = replace(message, **{name: max(0, getattr(message, name) + step)})
        return replace(frame, envelope=signed(process, false))


@pytest.mark.parametrize("seed", range(6))
def test_s28_every_message_a_little_wrong_stops_nobody_and_raises_nothing(seed: int) -> None:
    """Plus and minus one in every field, stale values, other types; any exception would end this test."""
    mutating = Mutating(seed)
    at = seed % 4
    script = Script(behaviours={at: mutating}, requests=10, as_bytes=seed % 2 == 1)
    script.run.clients.begin()
    outcome = script.finish()
    assert mutating.lies > 50
    assert mutating.unreadable > 5
    assert outcome.blocks >= 1


class Flooding(Behaviour):
    """Far more of everything than anybody can keep."""

    def __init__(self) -> None:
        self.sent = 0

    def ticked(self, process: Process) -> None:
        rules = process.host.rules
        height = process.host.replica.height
        everything: list[PeerFrame] = [
            SnapshotManifest(chain_id=rules.chain_id, certified=None, handovers=()),
            Heads(
                heads=(
                    ChainHead(chain_id=rules.chain_id, height=10**12 + self.sent, view=9, head=ZERO_DIGEST, signs=True),
                )
            ),
            Relay(chain_id=rules.chain_id, transactions=(bytes(1_000),) * 50, urgent=self.sent % 2 == 0),
        ]
        for number in range(40):
            vote = Commit(view=self.sent + number, height=height + number % 12, block=ZERO_DIGEST)
            everything.append(ConsensusFrame(chain_id=rules.chain_id, envelope=signed(process, vote)))
        for frame in everything:
            for peer in range(process.world.membership.size):
                process.say(peer, frame)
        self.sent += len(everything)


@pytest.mark.parametrize("replicas", [4, 5])
def test_s26_a_flood_of_votes_claims_and_requests_fills_nothing_and_stops_nobody(replicas: int) -> None:
    """Ten times a second: votes for far heights and views, impossible heights, snapshots of nothing, junk requests."""
    flooding = Flooding()
    script = Script(replicas, behaviours={replicas - 1: flooding})
    others = range(replicas - 1)
    for _ in range(5):
        script.commit(at=others)
        script.go(1_000)
    assert flooding.sent > 1_000
    for number in others:
        host = script.host(number)
        assert len(host.replica._future.kept) <= 3 * 10 * replicas
        assert len(host._reports._witness._heard) <= 1_010
        assert len(host.pool) <= host.rules.profile.pool_transactions_max
        assert host.replica.view == 0
    assert script.finish().checks["bounds"] > 0


def test_s26_one_caller_that_floods_a_node_does_not_keep_others_out() -> None:
    """One caller gives a node five hundred requests at once; another one's request is committed in time."""
    script = Script(block_transactions_max=50)
    script.ask(500, at=0)
    assert len(script.host(0).pool) >= 400
    (raw,) = script.ask(at=1)
    script.until(lambda: not script.run.clients.unanswered, ms=20_000)
    assert script.run.clients.requests[raw].answered
    assert script.finish().views == 0


def test_s28_a_message_of_the_wrong_signer_or_set_is_nobody_s() -> None:
    """Every pair of claimed and real signer."""
    script = Script()
    script.commit()
    before = [dict(script.host(number).dropped) for number in range(4)]
    tried = 0
    for claimed in range(4):
        for real in range(4):
            if claimed == real:
                continue
            process = script.machines[real].process
            assert process is not None
            envelope = replace(signed(process, Commit(view=0, height=2, block=ZERO_DIGEST)), signer=claimed)
            for number in range(4):
                if number != claimed:
                    script.host(number).receive(envelope)
                    tried += 1
    refused = sum(
        script.host(number).dropped["not-authentic"] - before[number].get("not-authentic", 0) for number in range(4)
    )
    assert refused == tried == 36
    script.finish()
