"""The replica's rules one by one, in sizes other than four, and what a restart and a hostile member cannot do."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.block import Block, BlockHeader, CommittedBlock
from chain.quorum import QuorumCertificate
from node.consensus.effects import (
    Accept,
    BlockBuilt,
    BlockSynced,
    BuildBlock,
    Cast,
    CommitBlock,
    Drop,
    Effect,
    MessageReceived,
    Reason,
    RequestReceived,
    SnapshotInstalled,
    ValidateBlock,
)
from node.consensus.head import OUTSIDE, Head
from node.consensus.messages import Commit, Prepare, PrePrepare, is_prepared, place
from tests.chain.small_network import FIRST, NETWORK, THIRD, Signers, rules_of
from tests.node.consensus.crowd import SIZES, crowd
from tests.node.consensus.stage import Stage
from tests.node.small_chain import OTHER_CHAIN


def dropped(effects: tuple[Effect, ...]) -> list[Reason]:
    """Why inputs were dropped."""
    return [effect.reason for effect in effects if isinstance(effect, Drop)]


def cast_kinds(effects: tuple[Effect, ...]) -> list[type]:
    """The kinds of message cast."""
    return [type(effect.message) for effect in effects if isinstance(effect, Cast)]


def accept(stage: Stage, letter: str = "A") -> None:
    """The primary's proposal is accepted and found valid."""
    stage.propose(stage.replica.primary, letter)
    stage.valid(letter)


@pytest.mark.parametrize("size", SIZES)
def test_prepared_takes_quorum_less_one_prepares_of_backups_and_not_one_fewer(size: int) -> None:
    stage = Stage(replica_id=1, signers=crowd(size))
    accept(stage)
    stage.durable()
    needed = stage.replica.membership.quorum - 1
    for signer in range(2, needed):
        assert cast_kinds(stage.vote(signer, Prepare, "A")) == []
    assert cast_kinds(stage.vote(needed, Prepare, "A")) == [Commit]


@pytest.mark.parametrize("size", SIZES)
def test_a_block_is_committed_by_a_quorum_of_commits_and_not_one_fewer(size: int) -> None:
    stage = Stage(replica_id=1, signers=crowd(size))
    accept(stage)
    quorum = stage.replica.membership.quorum
    for signer in range(2, quorum + 1):
        assert not any(isinstance(effect, CommitBlock) for effect in stage.vote(signer, Commit, "A"))
    effects = stage.vote(0, Commit, "A")
    committed = next(effect for effect in effects if isinstance(effect, CommitBlock))
    assert committed.committed.certificate.signers == (0, *range(2, quorum + 1))


@pytest.mark.parametrize("size", SIZES)
def test_a_commit_comes_with_a_proof_that_its_block_is_prepared(size: int) -> None:
    stage = Stage(replica_id=1, signers=crowd(size), offset=2)
    accept(stage)
    stage.durable()
    for signer in range(2, size):
        stage.vote(signer, Prepare, "A")
    prepared = stage.replica.prepared
    assert prepared is not None
    membership = stage.signers.membership
    assert is_prepared(stage.rules, prepared, membership, primary=2)
    assert (prepared.view, prepared.height, prepared.block) == (0, 1, stage.digest("A"))


def test_the_primary_never_prepares_its_own_proposal() -> None:
    stage = Stage(replica_id=0)
    stage.step(RequestReceived())
    assert cast_kinds(stage.step(BlockBuilt(stage.block("A")))) == [PrePrepare]
    assert cast_kinds(stage.durable()) == []


def test_the_first_primary_follows_the_offset_of_the_chain() -> None:
    stage = Stage(replica_id=3, offset=3)
    assert stage.replica.is_primary
    assert stage.step(RequestReceived()) == (BuildBlock(stage.replica.head.header, 0),)


def test_the_proposal_of_the_next_height_carries_the_certificate_of_this_one() -> None:
    stage = Stage(replica_id=0)
    stage.sync("A")
    stage.step(RequestReceived())
    cast = stage.step(BlockBuilt(stage.block("B")))[0]
    assert isinstance(cast, Cast)
    assert isinstance(cast.message, PrePrepare)
    assert cast.message.parent_certificate == stage.replica.head.certificate is not None


FAULTS = {
    "another network": {"network_id": bytes(32)},
    "another chain": {"chain_id": OTHER_CHAIN},
    "a view that is not the message's": {"view": 1},
    "another proposer": {"proposer": 2},
    "a time that does not increase": {"time": 0},
    "another membership": {"membership": bytes(32)},
}


def proposal(stage: Stage, header: BlockHeader, certificate: QuorumCertificate | None = None) -> tuple[Effect, ...]:
    """The primary proposes a block of this header."""
    return stage.hear(
        0, PrePrepare(view=0, block=Block(header=header, transactions=()), parent_certificate=certificate)
    )


@pytest.mark.parametrize("change", list(FAULTS.values()), ids=list(FAULTS))
def test_a_proposal_with_a_wrong_header_is_not_accepted(change: dict[str, object]) -> None:
    stage = Stage(replica_id=1)
    assert dropped(proposal(stage, replace(stage.block("A").header, **change))) == [Reason.HEADER_MALFORMED]
    assert not stage.replica.pending


def test_a_proposal_on_another_parent_is_not_accepted() -> None:
    stage = Stage(replica_id=1)
    header = stage.block("A", parent=bytes(32)).header
    assert dropped(proposal(stage, header)) == [Reason.PARENT_NOT_CERTIFIED]


def test_the_first_block_has_no_parent_certificate_and_every_other_needs_one() -> None:
    stage = Stage(replica_id=1)
    head = stage.replica.head.header
    header = stage.block("A").header
    assert dropped(proposal(stage, header, stage.certificate(head))) == [Reason.PARENT_NOT_CERTIFIED]
    stage.sync("A")
    assert dropped(proposal(stage, stage.block("B").header, None)) == [Reason.PARENT_NOT_CERTIFIED]


def test_another_valid_certificate_of_the_parent_serves_as_well() -> None:
    stage = Stage(replica_id=1)
    stage.sync("A")
    head = stage.replica.head
    other = stage.signers.certify(stage.rules, head.header, signers=(1, 2, 3)).certificate
    assert other != head.certificate
    assert isinstance(proposal(stage, stage.block("B").header, other)[0], Accept)


def test_a_parent_certificate_that_proves_nothing_is_refused() -> None:
    stage = Stage(replica_id=1)
    stage.sync("A")
    certificate = stage.replica.head.certificate
    assert certificate is not None
    elsewhere = rules_of(OTHER_CHAIN, NETWORK)
    for wrong in (
        replace(certificate, view=1),
        replace(certificate, signers=(0, 1, 1)),
        replace(certificate, signers=(0, 1), signatures=certificate.signatures[:2]),
        stage.signers.certify(elsewhere, stage.replica.head.header).certificate,
    ):
        assert dropped(proposal(stage, stage.block("B").header, wrong)) == [Reason.PARENT_NOT_CERTIFIED]


def test_an_early_proposal_that_was_spoilt_on_its_way_does_not_keep_the_good_one_out() -> None:
    stage = Stage(replica_id=1)
    first = stage.block("A")
    second = stage.block("B", height=2, parent=stage.digest("A"))
    proof = stage.proof_of_parent(second.header)
    for spoilt in (None, replace(proof, view=1), replace(proof, signatures=proof.signatures[::-1])):
        early = PrePrepare(view=0, block=second, parent_certificate=spoilt)
        assert dropped(stage.hear(0, early)) == [Reason.PARENT_NOT_CERTIFIED]
    assert dropped(stage.hear(0, PrePrepare(view=0, block=second, parent_certificate=proof))) == []
    certified = CommittedBlock(block=first, certificate=stage.certificate(first.header))
    assert Accept in map(type, stage.step(BlockSynced(certified, stage.digest("A"), stage.replica.membership)))


def test_an_accepted_proposal_is_kept_before_it_is_validated() -> None:
    stage = Stage(replica_id=1)
    effects = stage.propose(0, "A")
    assert [type(effect) for effect in effects] == [Accept, ValidateBlock]


def test_a_block_that_was_built_for_an_earlier_height_is_not_proposed() -> None:
    stage = Stage(replica_id=0)
    stage.step(RequestReceived())
    late = stage.block("A")
    stage.sync("B")
    assert stage.step(BlockBuilt(late)) == ()
    assert cast_kinds(stage.step(BlockBuilt(stage.block("C")))) == [PrePrepare]


def test_a_block_that_nobody_asked_for_is_not_proposed() -> None:
    stage = Stage(replica_id=0)
    assert stage.step(BlockBuilt(stage.block("A"))) == ()


def test_a_synced_block_of_another_height_changes_nothing() -> None:
    stage = Stage(replica_id=1)
    block = stage.block("C", height=3)
    header = block.header
    committed = CommittedBlock(block=block, certificate=stage.certificate(header))
    late = BlockSynced(committed, stage.digest("C"), stage.replica.membership)
    assert dropped(stage.step(late)) == [Reason.STALE]
    assert stage.replica.height == 1


@dataclass(frozen=True)
class Deed:
    """Something that happens to a replica."""

    name: str
    signer: int
    letter: str


deeds = st.lists(
    st.builds(
        Deed,
        st.sampled_from(
            ["propose", "prepare", "commit", "valid", "invalid", "durable", "restart", "request", "built", "sync"]
        ),
        st.integers(0, 3),
        st.sampled_from(["A", "B"]),
    ),
    max_size=40,
)


def do(stage: Stage, deed: Deed, height: int) -> tuple[Effect, ...]:
    """One deed; letters are of this height only, so that old votes are old."""
    letter = f"{deed.letter}{height}"
    match deed.name:
        case "propose":
            return stage.propose(deed.signer, letter)
        case "prepare":
            return stage.vote(deed.signer, Prepare, letter)
        case "commit":
            return stage.vote(deed.signer, Commit, letter)
        case "valid" | "invalid":
            return stage.valid(letter) if deed.name == "valid" else stage.invalid(letter)
        case "durable":
            return stage.durable()
        case "restart":
            return stage.restart()
        case "request":
            return stage.step(RequestReceived())
        case "built":
            return stage.step(BlockBuilt(stage.block(letter)))
        case _:
            return stage.sync(letter)


@settings(deadline=None)
@given(replica_id=st.integers(0, 3), story=deeds)
def test_whatever_happens_a_replica_never_contradicts_itself_and_commits_only_with_proof(
    replica_id: int, story: list[Deed]
) -> None:
    stage = Stage(replica_id=replica_id)
    said: dict[tuple[type, int, int], bytes] = {}
    for deed in story:
        if deed.name in ("propose", "prepare", "commit") and deed.signer == replica_id:
            continue  # a host never feeds in what claims to be its own
        height = stage.replica.height
        for effect in do(stage, deed, height):
            if isinstance(effect, Cast):
                key = (type(effect.message), *place(effect.message))
                digest = stage.signed(replica_id, effect.message).digest
                assert said.setdefault(key, digest) == digest
            if isinstance(effect, CommitBlock):
                certificate, header = effect.committed.certificate, effect.committed.header
                assert (
                    certificate == stage.signers.certify(stage.rules, header, signers=certificate.signers).certificate
                )
                assert len(certificate.signers) == 3
        assert stage.replica.height in (height, height + 1)


def test_a_message_that_is_heard_twice_counts_once() -> None:
    stage = Stage(replica_id=1)
    accept(stage)
    stage.durable()
    prepare = stage.signed(2, Prepare(view=0, height=1, block=stage.digest("A")))
    stage.step(MessageReceived(prepare))
    assert dropped(stage.step(MessageReceived(prepare))) == [Reason.DUPLICATE]


def installed(stage: Stage, height: int, *, view: int = 0, signers: Signers = FIRST) -> SnapshotInstalled:
    """A snapshot many heights on, certified in `view`, after which `signers` are the replicas."""
    header = stage.block("Z", height=height).header
    certificate = FIRST.certify(stage.rules, header, view=view).certificate
    return SnapshotInstalled(
        Head(
            header=header,
            digest=stage.digest("Z"),
            certificate=certificate,
            membership=signers.membership,
            certified_by=FIRST.membership,
        )
    )


def test_a_snapshot_carries_the_replica_to_the_height_after_it_and_drops_what_was_in_flight() -> None:
    stage = Stage(replica_id=1)
    stage.propose(0, "A")
    assert stage.replica.phase == "pre-prepared"
    assert stage.step(installed(stage, 40)) == ()
    assert (stage.replica.height, stage.replica.view, stage.replica.phase) == (41, 0, "idle")
    assert stage.replica.head.digest == stage.digest("Z")
    assert cast_kinds(stage.propose(0, "B")) == []
    assert stage.replica.phase == "pre-prepared"


def test_a_snapshot_of_a_height_that_is_committed_here_changes_nothing() -> None:
    stage = Stage(replica_id=1)
    stage.sync("A")
    stage.sync("B")
    for height in (1, 2):
        assert dropped(stage.step(installed(stage, height))) == [Reason.STALE]
    assert stage.replica.height == 3


def test_the_certificate_of_a_snapshot_carries_the_replica_into_its_view() -> None:
    stage = Stage(replica_id=1)
    stage.step(installed(stage, 40, view=5))
    assert (stage.replica.view, stage.replica.changing) == (5, False)
    assert stage.replica.is_primary


def test_a_replica_that_is_no_member_after_the_snapshot_casts_nothing() -> None:
    stage = Stage(replica_id=1)
    stage.step(installed(stage, 40, signers=THIRD))
    assert stage.replica.replica_id == OUTSIDE
    assert stage.step(RequestReceived()) == ()
