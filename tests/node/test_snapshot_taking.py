"""Taking: what is taken is what was given, a lie is refused and its source left, and another goes on (protocol 21.6)."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.ids import ZERO_DIGEST
from chain.subtree import Pair
from chain.transaction import TRANSACTION_WINDOW_MS, Receipt
from node import snapshot as giving_module
from node import snapshot_taking as module
from node.ledger import Ledger, Snapshot, StoredBlock
from node.network.frames import (
    BlocksChunk,
    BranchChunk,
    FetchChunk,
    FetchSnapshot,
    PairsChunk,
    PeerFrame,
    SnapshotChunk,
    SnapshotManifest,
)
from node.snapshot import SnapshotGiving
from node.snapshot_taking import PATIENCE_TICKS, Ask, GaveUp
from node.storage.memory import MemoryStore
from tests.chain.small_network import FIRST, THIRD
from tests.node.small_chain import CHAIN, RULES, certify
from tests.node.snapshot_play import (
    Play,
    Source,
    answer,
    change_membership,
    changed,
    copied,
    define_classes,
    flipped,
    giving,
    ledger_on,
    silent,
    state_entries,
    with_content,
)

BLOCKS = 70


@pytest.fixture(scope="module")
def given_ledger() -> Ledger:
    ledger = ledger_on(MemoryStore())
    define_classes(ledger, range(BLOCKS))
    return ledger


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giving_module, "CHUNK_PAIRS_MAX", 32)
    monkeypatch.setattr(giving_module, "FETCH_BLOCKS_MAX", 16)


small_chunks = pytest.mark.usefixtures("_small_chunks")


def empty() -> Ledger:
    return ledger_on(MemoryStore())


def is_the_same(taken: Ledger, given: Ledger) -> None:
    """Both go on as one chain."""
    assert (taken.head, taken.state.root) == (given.head, given.state.root)
    assert state_entries(taken) == state_entries(given)
    assert taken.seen._heights == given.seen._heights
    both = [taken, given]
    for ledger in both:
        define_classes(ledger, [90_000])
    assert taken.head == given.head


@given(
    blocks=st.integers(1, 60),
    behind=st.integers(0, 60),
    gaps=st.lists(st.sampled_from([1, 1_000, 30_000, 200_000, 700_000]), min_size=60, max_size=60),
    pairs_max=st.sampled_from([1, 32, 40, 4_096]),
    history=st.sampled_from([1, 3, 10_000]),
    later=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_given_is_taken_over_whatever_was_there(
    blocks: int, behind: int, gaps: list[int], pairs_max: int, history: int, later: int
) -> None:
    source, taker = ledger_on(MemoryStore(), history), empty()
    for number in range(blocks):
        define_classes(source, [number], gap=gaps[number])
        if number < min(behind, blocks - 1):
            define_classes(taker, [number], gap=gaps[number])
    giver = SnapshotGiving(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(giving_module, "CHUNK_PAIRS_MAX", pairs_max)
        play = Play(taker, {2: lambda frame: answer(giver, frame)})
        play.step()
        at_the_pin = copied(source)
        define_classes(source, range(100, 100 + later), giving=[giver])
        taken = play.taken()
    assert taken.oldest_block <= taken.height == blocks
    is_the_same(taken, at_the_pin)


@small_chunks
def test_after_a_restart_the_taken_ledger_is_what_it_was(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    taken = Play(empty(), {0: giving(source)}).taken()
    store = taken._store
    assert isinstance(store, MemoryStore)
    is_the_same(ledger_on(store), source)


@small_chunks
def test_the_window_comes_along_and_nothing_older(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    define_classes(source, [500], gap=TRANSACTION_WINDOW_MS - 5_000)
    old = source.block(BLOCKS - 6)
    recent = source.block(BLOCKS - 5)
    assert old is not None
    assert recent is not None
    taken = Play(empty(), {0: giving(source)}).taken()
    assert taken.oldest_block == BLOCKS - 6
    assert taken.seen.height_of(recent.receipts[0].transaction_id) == BLOCKS - 5
    assert old.receipts[0].transaction_id not in taken.seen
    assert taken.block(BLOCKS - 5) == recent
    assert taken.block(BLOCKS - 7) is None
    assert taken.state_at(BLOCKS) is None


@small_chunks
def test_only_what_differs_is_asked_for(given_ledger: Ledger) -> None:
    source, taker = copied(given_ledger), copied(given_ledger)
    define_classes(source, [300])
    play = Play(taker, {0: giving(source)})
    is_the_same(play.taken(), source)
    whole = Play(empty(), {0: giving(source)})
    whole.run()
    assert len(play.chunks()) < len(whole.chunks()) / 2
    assert taker.oldest_block == 1


@small_chunks
def test_a_chain_that_changed_its_replicas_is_taken_by_the_handovers(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    change_membership(source)
    define_classes(source, [300, 301])
    for known in (empty(), copied(given_ledger)):
        taken = Play(known, {0: giving(source)}).taken()
        is_the_same(taken, copied(source))
        assert taken.handovers(0, 2**53) == source.handovers(0, 2**53)


@small_chunks
def test_a_snapshot_at_the_handover_itself_names_the_next_set(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    change_membership(source)
    taken = Play(empty(), {0: giving(source)}).taken()
    assert len(taken.head.membership.replicas) == len(taken.head.certified_by.replicas) + 1
    assert taken.handovers(0, 2**53) == source.handovers(0, 2**53)
    is_the_same(taken, source)


# ---- sources that lie, are silent, or are gone ----


def any_bit(chunk: SnapshotChunk, bit: int) -> SnapshotChunk:
    """The chunk with one bit of what it carries changed."""
    match chunk.content:
        case BranchChunk(node=node):
            return with_content(chunk, node=flipped(node, bit))
        case PairsChunk(pairs=pairs) if pairs:
            at = bit % len(pairs)
            field = "key" if bit % 3 == 0 else "value"
            wrong: Pair = replace(pairs[at], **{field: flipped(getattr(pairs[at], field), bit)})
            return with_content(chunk, pairs=(*pairs[:at], wrong, *pairs[at + 1 :]))
        case BlocksChunk(blocks=blocks):
            return with_content(chunk, blocks=wrong_blocks(blocks, bit))
    raise AssertionError(chunk)


def wrong_blocks(blocks: tuple[StoredBlock, ...], bit: int) -> tuple[StoredBlock, ...]:
    """The blocks with one of them changed: its header, body, receipts or certificate."""
    at = bit % len(blocks)
    stored = blocks[at]
    block, certificate, (receipt, *_) = stored.committed.block, stored.committed.certificate, stored.receipts
    forged = flipped(certificate.signatures[bit % 3], bit)
    signatures = tuple(forged if place == bit % 3 else each for place, each in enumerate(certificate.signatures))
    other_id: Receipt = replace(receipt, transaction_id=flipped(receipt.transaction_id, bit))
    wrong = [
        replace(stored, committed=replace(stored.committed, certificate=replace(certificate, signatures=signatures))),
        replace(stored, receipts=(other_id,)),
        replace(stored, receipts=()),
        *(
            replace(stored, committed=replace(stored.committed, block=each))
            for each in (
                replace(block, transactions=(flipped(block.transactions[0], bit),)),
                replace(block, transactions=()),
                replace(block, header=replace(block.header, state_root=flipped(block.header.state_root, bit))),
            )
        ),
    ]
    return (*blocks[:at], wrong[bit % len(wrong)], *blocks[at + 1 :])


@given(which=st.integers(0, 10**6), bit=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_any_part_with_one_bit_changed_is_refused_and_another_source_goes_on(
    given_ledger: Ledger, which: int, bit: int
) -> None:
    source = copied(given_ledger)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(giving_module, "CHUNK_PAIRS_MAX", 32)
        patch.setattr(giving_module, "FETCH_BLOCKS_MAX", 16)
        honest = Play(empty(), {1: giving(source)})
        honest.run()
        wrong = honest.chunks()[which % len(honest.chunks())]

        def lie(frame: PeerFrame) -> PeerFrame:
            if isinstance(frame, SnapshotChunk) and frame.chunk == wrong:
                return any_bit(frame, bit)
            return frame

        play = Play(empty(), {0: changed(giving(source), lie), 1: giving(source)})
        taken = play.taken()
    assert play.notes[1].startswith("takes no snapshot from replica 0: a part is refused: ")
    assert play.chunks(0)[-1] == wrong
    assert play.asked[-1][0] == 1
    again = len(play.chunks()) - len(honest.chunks())
    assert again == 1 if isinstance(wrong, bytes) else again <= 1 + BLOCKS // 16
    is_the_same(taken, source)


Manifests = Callable[[SnapshotManifest, Ledger], SnapshotManifest]


def uncertified(manifest: SnapshotManifest, _: Ledger) -> SnapshotManifest:
    assert manifest.certified is not None
    header = replace(manifest.certified.header, state_root=ZERO_DIGEST)
    return replace(manifest, certified=replace(manifest.certified, header=header))


def of_other_replicas(manifest: SnapshotManifest, _: Ledger) -> SnapshotManifest:
    assert manifest.certified is not None
    header = replace(manifest.certified.header, membership=RULES.membership_digest(THIRD.membership))
    return replace(manifest, certified=THIRD.certify(RULES, header))


def with_a_false_handover(manifest: SnapshotManifest, source: Ledger) -> SnapshotManifest:
    change_membership(other := copied(source))
    define_classes(other, [300])
    (handover,) = other.handovers(0, 2**53)
    false = replace(handover, next_membership=THIRD.membership)
    return replace(manifest, certified=other.certified(other.height), handovers=(false,))


def with_no_handover(manifest: SnapshotManifest, source: Ledger) -> SnapshotManifest:
    return replace(with_a_false_handover(manifest, source), handovers=())


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (uncertified, "signature-invalid"),
        (of_other_replicas, "membership-differs"),
        (with_a_false_handover, "membership-differs"),
        (with_no_handover, "membership-differs"),
    ],
)
def test_a_manifest_that_is_not_certified_ahead_by_the_known_replicas_is_refused(
    given_ledger: Ledger, forge: Manifests, fault: str
) -> None:
    source, taker = copied(given_ledger), empty()
    define_classes(taker, range(2))

    def lie(frame: PeerFrame) -> PeerFrame:
        return forge(frame, source) if isinstance(frame, SnapshotManifest) else frame

    play = Play(taker, {0: changed(giving(source), lie), 1: giving(source)})
    is_the_same(play.taken(), source)
    assert play.notes[0] == f"takes no snapshot from replica 0: its header is refused: {fault}"
    assert play.chunks(0) == []


@small_chunks
def test_a_source_that_falls_silent_is_left_after_some_ticks_and_another_goes_on(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    honest, left = giving(source), 4

    def tiring(frame: PeerFrame) -> PeerFrame | None:
        nonlocal left
        left -= 1
        return honest(frame) if left >= 0 else None

    play = Play(empty(), {0: tiring, 1: honest})
    for _ in range(5):
        play.step()
    assert play.last is None
    for _ in range(PATIENCE_TICKS - 1):
        assert play.taking.tick() is None
    play.last = play.taking.tick()
    assert play.last == Ask(1, FetchSnapshot(chain_id=CHAIN, since=0, height=BLOCKS))
    taken = play.taken()
    chunks = play.chunks()
    assert len(chunks) == len(set(chunks)) + 1, "one part was asked for twice, the others once"
    is_the_same(taken, source)


@small_chunks
def test_a_source_that_disconnects_is_left_at_once(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    sources = {0: giving(source), 1: giving(source)}
    play = Play(empty(), sources)
    for _ in range(4):
        play.step()
    del sources[0]
    assert isinstance(play.taking.tick(), Ask)
    play.last = None
    is_the_same(play.taken(), source)


@small_chunks
def test_a_source_without_that_snapshot_is_passed_over_while_another_may_have_it(given_ledger: Ledger) -> None:
    source, ahead = copied(given_ledger), copied(given_ledger)
    define_classes(ahead, range(300, 400), gap=10_000)
    gone = giving(copied(given_ledger))
    parts = 5

    def dropping(frame: PeerFrame) -> PeerFrame | None:
        nonlocal parts
        said = gone(frame)
        if isinstance(said, SnapshotChunk):
            parts -= 1
            return said if parts > 0 else replace(said, content=None)
        return said

    elsewhere = SnapshotGiving(ahead)
    elsewhere.offer(FetchSnapshot(chain_id=CHAIN, since=0, height=None))
    play = Play(empty(), {0: dropping, 1: lambda frame: answer(elsewhere, frame), 2: giving(source)})
    is_the_same(play.taken(), source)
    assert play.notes[1:3] == [
        "takes no more of the snapshot from replica 0: it has only another one",
        "takes no more of the snapshot from replica 1: it has only another one",
    ]
    assert play.chunks(1) == []


@small_chunks
def test_if_nobody_has_it_any_more_another_one_is_taken(given_ledger: Ledger) -> None:
    source, ahead = copied(given_ledger), copied(given_ledger)
    define_classes(ahead, range(300, 320))
    new, old, parts = SnapshotGiving(ahead), SnapshotGiving(source), 5
    new.offer(FetchSnapshot(chain_id=CHAIN, since=0, height=None))

    def dropping(frame: PeerFrame) -> PeerFrame:
        nonlocal parts
        parts -= 1
        return answer(old if parts >= 0 else new, frame)

    play = Play(empty(), {0: dropping, 1: lambda frame: answer(new, frame), 2: silent})
    is_the_same(play.taken(), ahead)
    assert play.notes[-1].startswith("takes a snapshot at height 90 ")


@small_chunks
def test_whoever_was_silent_once_is_tried_again_before_another_snapshot_is_begun(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    first, second, parts, words = giving(source), giving(source), 4, 0

    def late(frame: PeerFrame) -> PeerFrame | None:
        nonlocal words
        words += 1
        return first(frame) if words > 1 else None

    def dropping(frame: PeerFrame) -> PeerFrame | None:
        nonlocal parts
        said = second(frame)
        if isinstance(said, SnapshotChunk):
            parts -= 1
            return said if parts > 0 else replace(said, content=None)
        return said

    play = Play(empty(), {0: late, 1: dropping})
    is_the_same(play.taken(), source)
    assert [note for note in play.notes if note.startswith("takes a snapshot at")] == [
        f"takes a snapshot at height {BLOCKS} from replica 1"
    ]
    assert len(play.chunks(1)) == 4
    assert len(set(play.chunks())) == len(play.chunks()) - 1


def test_when_all_lie_it_gives_up_and_nothing_is_written(given_ledger: Ledger) -> None:
    source, taker = copied(given_ledger), empty()
    store = taker._store
    assert isinstance(store, MemoryStore)
    before = dict(store.entries)

    def lie(frame: PeerFrame) -> PeerFrame:
        return any_bit(frame, 8) if isinstance(frame, SnapshotChunk) else frame

    play = Play(taker, {0: changed(giving(source), lie), 1: changed(giving(source), lie)})
    assert isinstance(play.run(), GaveUp)
    assert store.entries == before


def test_a_liar_is_not_asked_again(given_ledger: Ledger) -> None:
    source = copied(given_ledger)

    def lie(frame: PeerFrame) -> PeerFrame:
        return any_bit(frame, 8) if isinstance(frame, SnapshotChunk) else frame

    sources = {0: changed(giving(source), lie), 1: silent}
    play = Play(empty(), sources)
    for _ in range(10 * PATIENCE_TICKS):
        play.step()
    assert [peer for peer, _ in play.asked].count(0) == 2
    assert [peer for peer, _ in play.asked].count(1) > 2


def test_whoever_is_not_ahead_is_passed_over_and_when_nobody_is_it_gives_up(given_ledger: Ledger) -> None:
    source, taker = copied(given_ledger), copied(given_ledger)
    define_classes(source, [300])

    def at(height: int) -> Source:
        manifest = SnapshotManifest(chain_id=CHAIN, certified=source.certified(height), handovers=())
        return lambda _: manifest

    past = at(BLOCKS - 1)
    play = Play(taker, {0: giving(copied(given_ledger)), 1: past, 2: giving(empty()), 3: at(BLOCKS)})
    assert isinstance(play.run(), GaveUp)
    assert [peer for peer, _ in play.asked] == [0, 1, 2, 3]
    assert play.notes == []
    is_the_same(Play(taker, {0: giving(taker), 1: past, 3: giving(source)}).taken(), source)


def test_nobody_is_asked_while_nobody_is_there() -> None:
    play = Play(empty(), {})
    assert play.last is None
    for _ in range(3 * PATIENCE_TICKS):
        assert play.step() is None


def test_what_is_not_the_answer_has_no_effect(given_ledger: Ledger) -> None:
    source = copied(given_ledger)
    giver = SnapshotGiving(source)
    play = Play(empty(), {0: lambda frame: answer(giver, frame)})
    first = play.last
    assert isinstance(first, Ask)
    manifest = answer(giver, first.frame)
    assert isinstance(manifest, SnapshotManifest)
    early = giver.chunk(FetchChunk(chain_id=CHAIN, height=BLOCKS, chunk=b""))
    assert play.taking.took(0, early) is None
    assert play.taking.offered(1, manifest) is None
    asked = play.taking.offered(0, manifest)
    assert isinstance(asked, Ask)
    assert play.taking.offered(0, manifest) is None
    assert play.taking.took(1, early) is None
    for wrong in (replace(early, height=BLOCKS - 1), replace(early, chunk=b"\x01"), replace(early, chunk=BLOCKS)):
        assert play.taking.took(0, wrong) is None
    play.last = play.taking.took(0, early)
    is_the_same(play.taken(), source)


@pytest.mark.parametrize("kind", ["pairs for blocks", "blocks for pairs", "no blocks", "no pairs"])
def test_a_part_of_another_kind_is_a_lie(given_ledger: Ledger, kind: str) -> None:
    source = copied(given_ledger)
    stored = source.block(BLOCKS)
    assert stored is not None

    def lie(frame: PeerFrame) -> PeerFrame:
        if not isinstance(frame, SnapshotChunk) or isinstance(frame.chunk, int) != kind.endswith("blocks"):
            return frame
        match kind:
            case "pairs for blocks" | "no pairs":
                return replace(frame, content=PairsChunk(pairs=()))
            case "blocks for pairs":
                return replace(frame, content=BlocksChunk(blocks=(stored,)))
            case _:
                return replace(frame, content=BlocksChunk(blocks=()))

    play = Play(empty(), {0: changed(giving(source), lie), 1: giving(source)})
    is_the_same(play.taken(), source)
    assert play.notes[1].startswith("takes no snapshot from replica 0: a part is refused: ")


def test_a_claim_of_very_many_parts_cannot_be_made(given_ledger: Ledger) -> None:
    """A branch that names parts which are not there has not the hash that is wanted."""

    def lie(frame: PeerFrame) -> PeerFrame:
        if isinstance(frame, SnapshotChunk) and isinstance(frame.chunk, bytes):
            return replace(frame, content=BranchChunk(node=b"\x03" + b"\x07" * 512))
        return frame

    source = copied(given_ledger)
    play = Play(empty(), {0: changed(giving(source), lie), 1: giving(source)})
    is_the_same(play.taken(), source)
    assert play.chunks(0) == [b""]


def test_a_snapshot_that_does_not_fit_in_memory_is_given_up(
    given_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copied(given_ledger)
    play = Play(empty(), {0: giving(source)})
    snapshot = play.run()
    assert isinstance(snapshot, Snapshot)
    state = play.taking._parts._difference.taken_bytes
    size = state + sum(len(encode(stored)) for stored in snapshot.blocks)
    monkeypatch.setattr(module, "TAKEN_BYTES_MAX", size)
    assert Play(empty(), {0: giving(source)}).run() == snapshot
    monkeypatch.setattr(module, "TAKEN_BYTES_MAX", size - 1)
    gave_up = Play(empty(), {0: giving(source)}).run()
    assert isinstance(gave_up, GaveUp)
    assert gave_up.why.startswith(f"the snapshot is larger than {size - 1} bytes; copy the data folder")


@small_chunks
@pytest.mark.parametrize("steps", [0, 1, 5, 9, 12])
def test_a_node_that_is_stopped_in_between_has_written_nothing_and_begins_again(
    given_ledger: Ledger, steps: int
) -> None:
    source, taker = copied(given_ledger), empty()
    define_classes(taker, range(3))
    store = taker._store
    assert isinstance(store, MemoryStore)
    before = dict(store.entries)
    play = Play(taker, {0: giving(source)})
    for _ in range(steps):
        play.step()
    assert not isinstance(play.last, Snapshot)
    assert store.entries == before
    again = ledger_on(store)
    assert (again.height, again.state.root) == (3, taker.state.root)
    is_the_same(Play(again, {0: giving(source)}).taken(), source)


def test_a_snapshot_is_one_write(given_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    source, taker = copied(given_ledger), empty()
    snapshot = Play(taker, {0: giving(source)}).run()
    assert isinstance(snapshot, Snapshot)
    write, writes = MemoryStore.write, []
    monkeypatch.setattr(MemoryStore, "write", lambda store, changes: (writes.append(changes), write(store, changes)))
    taker.install(snapshot)
    assert len(writes) == 1
    monkeypatch.undo()
    is_the_same(taker, source)


def test_certificates_of_the_window_may_be_others_than_the_givers(given_ledger: Ledger) -> None:
    """Two replicas may hold different valid certificates for one block."""
    source = copied(given_ledger)

    def other_quorum(frame: PeerFrame) -> PeerFrame:
        if not isinstance(frame, SnapshotChunk) or not isinstance(frame.content, BlocksChunk):
            return frame
        blocks = tuple(
            replace(
                stored,
                committed=replace(
                    stored.committed,
                    certificate=FIRST.certify(RULES, stored.committed.header, signers=(1, 2, 3)).certificate,
                ),
            )
            for stored in frame.content.blocks
        )
        return with_content(frame, blocks=blocks)

    taken = Play(empty(), {0: changed(giving(source), other_quorum)}).taken()
    assert taken.head.certificate != certify(RULES, taken.head.header)
    assert (taken.head.digest, taken.state.root) == (source.head.digest, source.state.root)


def test_a_snapshot_that_was_taken_over_another_state_is_not_installed(given_ledger: Ledger) -> None:
    source, taker = copied(given_ledger), empty()
    snapshot = Play(taker, {0: giving(source)}).run()
    assert isinstance(snapshot, Snapshot)
    with pytest.raises(AssertionError):
        taker.install(dataclasses.replace(snapshot, parent_root=ZERO_DIGEST))
    taker.install(snapshot)
    is_the_same(taker, source)
