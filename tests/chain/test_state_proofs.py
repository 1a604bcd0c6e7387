"""What a state proof shows, and that nothing but the true proof shows it (protocol 10.4)."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from chain.committed import State
from chain.digests import sha256
from chain.state import BUCKET_ENTRIES_MAX, Siblings, StateProof, bucket_entries, check, layer, prove
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.state_model import DIGESTS, Hash, crowded, key_digest

every_digest = pytest.mark.parametrize("digest", DIGESTS.values(), ids=DIGESTS)
ABSENT = b"absent"
EMPTY = StateProof(branches=(), bucket=b"")


def key(number: int) -> bytes:
    return b"key %d" % number


def state_of(digest: Hash, count: int) -> State:
    state = State(digest, MemoryNodes())
    state.commit(layer(state, {key(n): b"value %d" % n for n in range(count)}), 1)
    return state


@every_digest
@pytest.mark.parametrize("count", [0, 1, 2, 32, 33, 60, 700])
def test_every_key_is_proven_with_its_value_and_every_other_absent(digest: Hash, count: int) -> None:
    state = state_of(digest, count)
    for number in range(count + 20):
        proof, value = prove(state, key(number)), state.get(key(number))
        assert (value is None) == (number >= count)
        assert check(digest, proof, state.root, key=key(number), value=value)
        for other in (None, b"", b"another", b"value 0", b"value 1"):
            shown = check(digest, proof, state.root, key=key(number), value=other)
            assert shown == (other == value)


@every_digest
def test_a_proof_of_one_key_shows_nothing_false_of_another(digest: Hash) -> None:
    state = state_of(digest, 60)
    for number in range(0, 70, 3):
        proof = prove(state, key(number))
        for other in range(70):
            assert not check(digest, proof, state.root, key=key(other), value=b"forged")
            if state.get(key(other)) is not None:
                assert not check(digest, proof, state.root, key=key(other), value=None)


@pytest.mark.parametrize("digest", [sha256, crowded], ids=["sha-256", "crowded"])
@pytest.mark.parametrize("number", [0, 40, 99], ids=["present", "present too", "absent"])
def test_a_proof_with_any_bit_changed_shows_nothing(digest: Hash, number: int) -> None:
    state = state_of(digest, 60)
    encoded, value = encode(prove(state, key(number))), state.get(key(number))
    assert proves(digest, encoded, state.root, key(number), value)
    for bit in range(8 * len(encoded)):
        changed = flipped(encoded, bit)
        assert not proves(digest, changed, state.root, key(number), value)
        assert not proves(digest, changed, state.root, key(number), None if value else b"forged")


def flipped(data: bytes, bit: int) -> bytes:
    number = int.from_bytes(data, "big") ^ 1 << bit
    return number.to_bytes(len(data), "big")


def proves(digest: Hash, encoded: bytes, root: bytes, name: bytes, value: bytes | None) -> bool:
    try:
        proof = decode(encoded, StateProof)
    except CodecMalformed:
        return False
    return check(digest, proof, root, key=name, value=value)


@given(st.integers(0, 255), st.integers(0, 59))
@settings(max_examples=50)
def test_another_root_is_not_shown(bit: int, number: int) -> None:
    state = state_of(sha256, 60)
    value = state.get(key(number))
    assert not check(sha256, prove(state, key(number)), flipped(state.root, bit), key=key(number), value=value)


def test_an_empty_state_shows_that_everything_is_absent() -> None:
    root = State(sha256, MemoryNodes()).root
    assert prove(State(sha256, MemoryNodes()), ABSENT) == EMPTY
    assert check(sha256, EMPTY, root, key=ABSENT, value=None)
    assert not check(sha256, EMPTY, root, key=ABSENT, value=b"")
    assert not check(sha256, EMPTY, state_of(sha256, 1).root, key=ABSENT, value=None)


def test_a_proof_of_the_last_state_shows_nothing_of_this_one() -> None:
    state = state_of(sha256, 60)
    before = prove(state, key(5))
    state.commit(layer(state, {key(5): b"new"}), 2)
    assert not check(sha256, before, state.root, key=key(5), value=b"value 5")
    assert not check(sha256, before, state.root, key=key(5), value=b"new")


def entry(name: bytes, value: bytes = b"v") -> bytes:
    return key_digest(sha256, name) + sha256(b"\x05" + value)


PAIR = sorted([entry(b"a"), entry(b"b")])


@pytest.mark.parametrize(
    "bucket",
    [
        PAIR[1] + PAIR[0],
        PAIR[0] + PAIR[0],
        PAIR[0] + PAIR[0][:32] + bytes(32),
        PAIR[0] + PAIR[0][:32] + b"\xff" * 32,
        PAIR[0] + PAIR[1][:-1],
        PAIR[0] + b"\0",
        PAIR[0][:32],
        b"".join(sorted(entry(key(n)) for n in range(BUCKET_ENTRIES_MAX + 1))),
    ],
    ids=[
        "unsorted",
        "repeated",
        "one key twice",
        "one key twice in order",
        "cut",
        "run on",
        "half an entry",
        "over the limit",
    ],
)
def test_a_bucket_not_in_its_one_form_shows_nothing(bucket: bytes) -> None:
    assert bucket_entries(bucket) is None
    proof = StateProof(branches=(), bucket=bucket)
    assert not check(sha256, proof, sha256(b"\x02" + bucket), key=ABSENT, value=None)
    assert not check(sha256, proof, sha256(b"\x02" + bucket), key=b"a", value=b"v")


def test_a_bucket_in_its_one_form_is_read() -> None:
    full = b"".join(sorted(entry(key(n)) for n in range(BUCKET_ENTRIES_MAX)))
    assert bucket_entries(b"") == {}
    assert len(bucket_entries(full) or {}) == BUCKET_ENTRIES_MAX
    assert bucket_entries(b"".join(PAIR)) == {part[:32]: part[32:] for part in PAIR}


def rehashed(proof: StateProof, name: bytes) -> bytes:
    """The root that the siblings of a proof lead to, whatever their form: a forger's own tree."""
    current = sha256(b"\x02" + proof.bucket) if proof.bucket else bytes(32)
    for depth in range(len(proof.branches) - 1, -1, -1):
        siblings = proof.branches[depth]
        nibble = int(key_digest(sha256, name).hex()[depth], 16)
        children = [bytes(32)] * 16
        places = [place for place in range(16) if siblings.places >> place & 1]
        for order, place in enumerate(places):
            children[place] = siblings.hashes[32 * order : 32 * order + 32]
        children[nibble] = current
        current = sha256(b"\x03" + b"".join(children))
    return current


def with_branch(proof: StateProof, siblings: Siblings) -> StateProof:
    return replace(proof, branches=(siblings, *proof.branches[1:]))


def test_siblings_not_in_their_one_form_show_nothing_even_of_a_forged_root() -> None:
    state = state_of(sha256, 300)
    proof, value = prove(state, key(7)), b"value 7"
    first = proof.branches[0]
    nibble = int(key_digest(sha256, key(7)).hex()[0], 16)
    own = 1 << nibble
    before = 32 * (first.places & own - 1).bit_count()
    forms = {
        "a bit beyond the sixteen": replace(first, places=first.places | 1 << 16),
        "its own place": replace(
            first, places=first.places | own, hashes=first.hashes[:before] + bytes(32) + first.hashes[before:]
        ),
        "one hash less": replace(first, hashes=first.hashes[:-32]),
        "one byte more": replace(first, hashes=first.hashes + b"\0"),
        "an empty sibling written out": replace(first, hashes=bytes(32) + first.hashes[32:]),
    }
    assert rehashed(proof, key(7)) == state.root
    for name, form in forms.items():
        forged = with_branch(proof, form)
        assert not check(sha256, forged, rehashed(forged, key(7)), key=key(7), value=value), name


def test_a_branch_does_not_bring_the_child_that_is_to_be_proven() -> None:
    """Else the true child among the siblings would lead to the true root, whatever the bucket says."""
    state = state_of(sha256, 300)
    proof = prove(state, key(7))
    first, root_node = proof.branches[0], state.node(b"")
    assert root_node is not None
    nibble = int(key_digest(sha256, key(7)).hex()[0], 16)
    hashes = [root_node[1 + 32 * place : 33 + 32 * place] for place in range(16)]
    own = replace(first, places=first.places | 1 << nibble, hashes=b"".join(h for h in hashes if h != bytes(32)))
    assert sha256(b"\x03" + b"".join(hashes)) == state.root
    for bucket, value in ((entry(key(7), b"forged"), b"forged"), (b"", None)):
        forged = StateProof(branches=(own, *proof.branches[1:]), bucket=bucket)
        assert not check(sha256, forged, state.root, key=key(7), value=value)


CHILDREN = st.lists(
    st.sampled_from((bytes(32), b"\1" + bytes(31), bytes(31) + b"\1", b"\1" * 32)), min_size=16, max_size=16
)


@given(CHILDREN)
def test_fifteen_siblings_show_their_root_unless_one_is_empty(children: list[bytes]) -> None:
    """Zeros that run on from one sibling into the next are no empty sibling."""
    nibble = int(key_digest(sha256, key(7)).hex()[0], 16)
    others = children[:nibble] + children[nibble + 1 :]
    siblings = Siblings(places=0xFFFF ^ 1 << nibble, hashes=b"".join(others))
    proof = StateProof(branches=(siblings,), bucket=entry(key(7)))
    shown = check(sha256, proof, rehashed(proof, key(7)), key=key(7), value=b"v")
    assert shown == (bytes(32) not in others)


@dataclass
class Tree:
    """A view of one branch with these children, one of which is a bucket with one key."""

    children: list[bytes]
    digest: Hash = sha256
    root: bytes = b""

    def get(self, name: bytes) -> bytes | None:
        return b"v" if name == key(7) else None

    def node(self, path: bytes) -> bytes | None:
        return b"\x02" + entry(key(7)) if path else b"\x03" + b"".join(self.children)


@given(CHILDREN)
def test_a_proof_has_exactly_the_siblings_that_are_there(children: list[bytes]) -> None:
    nibble = int(key_digest(sha256, key(7)).hex()[0], 16)
    children[nibble] = sha256(b"\x02" + entry(key(7)))
    tree = Tree(children)
    proof = prove(tree, key(7))
    present = [place for place in range(16) if place != nibble and children[place] != bytes(32)]
    hashes = b"".join(children[place] for place in present)
    assert proof.branches == (Siblings(places=sum(1 << place for place in present), hashes=hashes),)
    assert check(sha256, proof, sha256(tree.node(b"") or b""), key=key(7), value=b"v")


def test_a_path_longer_than_a_key_digest_shows_nothing() -> None:
    alone = Siblings(places=0, hashes=b"")
    for depth in (64, 65, 1_000):
        proof = StateProof(branches=(alone,) * depth, bucket=entry(b"a"))
        shown = check(sha256, proof, rehashed_alone(depth), key=b"a", value=b"v")
        assert shown == (depth <= 64)


def rehashed_alone(depth: int) -> bytes:
    nibbles = [int(digit, 16) for digit in key_digest(sha256, b"a").hex()]
    current = sha256(b"\x02" + entry(b"a"))
    for place in reversed((nibbles * 20)[:depth]):
        children = [bytes(32)] * 16
        children[place] = current
        current = sha256(b"\x03" + b"".join(children))
    return current


siblings_of = st.builds(Siblings, places=st.integers(0, 2**20), hashes=st.binary(max_size=200))


@given(st.lists(siblings_of, max_size=70), st.binary(max_size=200), st.none() | st.binary(max_size=4))
def test_no_invented_proof_is_accepted_or_crashes(branches: list[Siblings], bucket: bytes, value: bytes | None) -> None:
    proof = StateProof(branches=tuple(branches), bucket=bucket)
    assert not check(sha256, proof, bytes(32), key=ABSENT, value=value)
