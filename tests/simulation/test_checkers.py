"""A checker that cannot fail is none: each is shown what must not be, and says so."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_changes

from chain.quorum import QuorumCertificate
from node.consensus.messages import Envelope
from node.execution import Executed
from simulation.checkers import (
    Agreement,
    BlockTime,
    Bounds,
    Certificates,
    Checker,
    Durability,
    Evidence,
    Kept,
    Order,
    Validity,
    Votes,
)
from simulation.disk import Group
from simulation.machine import Machine
from simulation.observer import Observer, Violation
from simulation.run import Run
from simulation.swarm import Settings


class Recorder(Observer):
    """Keeps what it is shown, and the first of every machine."""

    def __init__(self) -> None:
        self.commits: list[tuple[Machine, Executed, QuorumCertificate]] = []
        self.casts: list[tuple[Machine, Envelope]] = []

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        self.commits.append((machine, executed, certificate))

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        self.casts.append((machine, envelope))


RUN = Run(Settings(seed=1))
SEEN = Recorder()
RUN.cluster.watch.add(SEEN)
RUN.whole()
RULES, MEMBERSHIP = RUN.cluster.rules, RUN.cluster.foundation.membership
MACHINE, FIRST, CERTIFICATE = SEEN.commits[0]
OTHER_MACHINE = next(machine for machine, _, _ in SEEN.commits if machine is not MACHINE)
SECOND = next(executed for _, executed, _ in SEEN.commits if executed.block.header.height == 2)


def changed(executed: Executed, **changes: object) -> Executed:
    """The same execution under another header."""
    header = with_changes(executed.block.header, **changes)
    block = with_changes(executed.block, header=header)
    return replace(executed, block=block, digest=RULES.block_digest(header))


def test_all_checkers_have_watched_the_whole_run() -> None:
    assert all(checker.checked for checker in RUN.checkers if not isinstance(checker, Evidence))


def test_two_blocks_of_one_height_are_no_agreement() -> None:
    checker = Agreement()
    checker.committed(MACHINE, FIRST, CERTIFICATE)
    checker.committed(OTHER_MACHINE, FIRST, CERTIFICATE)
    with pytest.raises(Violation, match="has block 1"):
        checker.committed(OTHER_MACHINE, changed(FIRST, view=9), CERTIFICATE)


def test_a_gap_and_a_repeat_are_no_order() -> None:
    for told in (SECOND, FIRST):
        checker = Order()
        checker._told[MACHINE.number] = 1 if told is FIRST else 0
        with pytest.raises(Violation, match="tells of block"):
            checker.committed(MACHINE, told, CERTIFICATE)


def test_a_transaction_in_two_blocks_is_no_order() -> None:
    checker = Order()
    checker._told[MACHINE.number] = 0
    checker.committed(MACHINE, FIRST, CERTIFICATE)
    with pytest.raises(Violation, match="is in block 1 already"):
        checker.committed(MACHINE, changed(FIRST, height=2), CERTIFICATE)


def test_a_block_with_what_nobody_sent_is_not_valid() -> None:
    keys = {
        RUN.cluster.foundation.addresses[person]: pair.public_key
        for person, pair in RUN.cluster.foundation.accounts.items()
    }
    Validity(RULES, keys, lambda _: True).committed(MACHINE, FIRST, CERTIFICATE)
    with pytest.raises(Violation, match="what nobody sent"):
        Validity(RULES, keys, lambda _: False).committed(MACHINE, FIRST, CERTIFICATE)
    with pytest.raises(Violation, match="what nobody sent"):
        Validity(RULES, dict.fromkeys(keys, bytes(32)), lambda _: True).committed(MACHINE, FIRST, CERTIFICATE)


@pytest.mark.parametrize("change", ["too few", "one twice", "another view", "another block"])
def test_a_certificate_that_does_not_certify_is_found(change: str) -> None:
    executed, certificate = FIRST, CERTIFICATE
    match change:
        case "too few":
            certificate = with_changes(
                certificate, signers=certificate.signers[1:], signatures=certificate.signatures[1:]
            )
        case "one twice":
            certificate = with_changes(
                certificate,
                signers=certificate.signers[:1] * 3,
                signatures=certificate.signatures[:1] * 3,
            )
        case "another view":
            certificate = with_changes(certificate, view=certificate.view + 1)
        case "another block":
            executed = changed(FIRST, time=FIRST.block.header.time + 1)
    Certificates(RULES, MEMBERSHIP).committed(MACHINE, FIRST, CERTIFICATE)
    with pytest.raises(Violation, match="took block 1 with the commits of"):
        Certificates(RULES, MEMBERSHIP).committed(MACHINE, executed, certificate)


def test_an_honest_replica_that_says_two_things_is_found() -> None:
    checker = Votes(RULES, set())
    machine, envelope = next(cast for cast in SEEN.casts if type(cast[1].message).__name__ == "Prepare")
    machine.disk.segments[-1].append(Group((envelope.signature,)))
    checker.cast(machine, envelope)
    other = with_changes(envelope, signature=bytes(64), message=with_changes(envelope.message, block=bytes(32)))
    with pytest.raises(Violation, match="says two things as Prepare"):
        checker.cast(machine, other)


def test_a_message_that_leaves_before_it_is_durable_is_found() -> None:
    machine, envelope = SEEN.casts[0]
    with pytest.raises(Violation, match="that its disk does not hold"):
        Votes(RULES, set()).cast(machine, with_changes(envelope, signature=bytes(64)))


def test_a_replica_whose_log_was_cut_unseen_is_not_held_to_its_word() -> None:
    machine, envelope = SEEN.casts[0]
    checker = Votes(RULES, {machine.place})
    checker.cast(machine, with_changes(envelope, signature=bytes(64)))
    assert checker.checked == 0


def test_a_block_that_is_told_of_and_on_too_few_disks_is_found() -> None:
    quorum = MEMBERSHIP.quorum
    Durability(RUN.cluster.machines, quorum, set()).committed(MACHINE, FIRST, CERTIFICATE)
    unwritten = changed(FIRST, time=FIRST.block.header.time + 1)
    with pytest.raises(Violation, match="on the disks of"):
        Durability(RUN.cluster.machines, quorum, set()).committed(MACHINE, unwritten, CERTIFICATE)
    faulty = set(CERTIFICATE.signers)
    Durability(RUN.cluster.machines, quorum, faulty).committed(MACHINE, unwritten, CERTIFICATE)


def test_a_block_time_that_stands_still_or_runs_ahead_is_found() -> None:
    skew = RULES.profile.clock_skew_ms
    for time, match in (
        (FIRST.block.header.time, "its parent"),
        (SECOND.block.header.time + 10**9, "the latest honest clock"),
    ):
        checker = BlockTime(RUN.cluster.machines, skew)
        checker.committed(MACHINE, FIRST, CERTIFICATE)
        with pytest.raises(Violation, match=match):
            checker.committed(MACHINE, changed(SECOND, time=time), CERTIFICATE)


def test_a_log_that_grows_without_end_is_found() -> None:
    checker = Bounds()
    checker.committed(MACHINE, FIRST, CERTIFICATE)
    MACHINE.disk.segments.extend([[], [], [], []])
    try:
        with pytest.raises(Violation, match="is not cut"):
            checker.committed(MACHINE, FIRST, CERTIFICATE)
    finally:
        del MACHINE.disk.segments[-4:]


def test_a_promised_transaction_that_is_nowhere_is_found() -> None:
    checker = Kept()
    checker.committed(MACHINE, FIRST, CERTIFICATE)
    checker.finished([MACHINE])
    checker._told[bytes(32)] = 1
    with pytest.raises(Violation, match="has a transaction of block 1 0 times"):
        checker.finished([MACHINE])


def test_the_conviction_of_an_honest_replica_is_found() -> None:
    key = MEMBERSHIP.replicas[2].consensus_key
    guilty = Evidence(RULES, MEMBERSHIP, lambda place: place == 2)
    guilty._convicted(key, "guangzhou", 1, 7)
    assert guilty.convictions == {(2, 7, 1)}
    with pytest.raises(Violation, match="and is honest"):
        Evidence(RULES, MEMBERSHIP, lambda place: place == 3)._convicted(key, "guangzhou", 1, 7)


def test_a_liar_that_is_heard_twice_is_at_large_until_it_is_convicted() -> None:
    checker = Evidence(RULES, MEMBERSHIP, lambda _: True)
    _, envelope = next(cast for cast in SEEN.casts if type(cast[1].message).__name__ == "Prepare")
    other = with_changes(envelope, message=with_changes(envelope.message, block=bytes(32)))
    checker.heard(MACHINE, envelope)
    checker.heard(OTHER_MACHINE, other)
    assert checker.at_large(100) == set()
    checker.heard(MACHINE, other)
    assert checker.at_large(100) == {envelope.signer}
    assert checker.at_large(0) == set()
    checker._convicted(MEMBERSHIP.replicas[envelope.signer].consensus_key, "", 1, 1)
    assert checker.at_large(100) == set()


def test_a_checker_counts_what_it_checks() -> None:
    checker = Checker()
    checker.require(True, "")
    with pytest.raises(Violation, match="no reason"):
        checker.require(False, "no reason")
    assert checker.checked == 2
