"""Small public files stand on the chain in slices whose digests were announced (protocol 32)."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.codec import Record, encode
from chain.digests import sha256
from chain.transaction import Event
from contracts import registry
from contracts.interface import ContractReverted
from contracts.keys import contract_purse, file_key, purse_key, slice_key
from contracts.storage import (
    METHODS,
    SLICE_BYTES_MAX,
    SLICES_MAX,
    OfFile,
    OfSlice,
    OpenFile,
    StoreData,
    StoredFile,
    digest_of,
    find_file,
)
from tests.contracts.certificate_calls import fund, since
from tests.contracts.check_order import Spoil
from tests.contracts.small_chain import SmallChain

STORAGE = "storage"
SLICES = (b"one" * 900, b"two" * 900, b"three")
Spoils = tuple[tuple[str, Spoil], ...]


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return SmallChain.founded(request.param)


def call(chain: SmallChain, sender: str, method: str, given: Record) -> tuple[Event, ...]:
    return chain.call(sender, STORAGE, method, given)


def read(chain: SmallChain, name: str, given: Record) -> object:
    return registry.VIEWS[STORAGE, name].read(chain.records, given)


def digests(slices: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(map(sha256, slices))


def file_of(slices: tuple[bytes, ...] = SLICES) -> bytes:
    """The digest of a file of these slices."""
    return digest_of(digests(slices))


FILE = file_of()


def start(chain: SmallChain, slices: tuple[bytes, ...] = SLICES, sender: str = "platform") -> tuple[Event, ...]:
    """Announce a file of these slices."""
    return call(chain, sender, "openFile", OpenFile(slices=digests(slices)))


def storing(number: int, data: bytes | None = None, file: bytes = FILE) -> StoreData:
    return StoreData(digest=file, number=number, data=SLICES[number] if data is None else data)


def store(chain: SmallChain, number: int, data: bytes | None = None, file: bytes = FILE) -> tuple[Event, ...]:
    """Store a slice."""
    return call(chain, "platform", "storeData", storing(number, data, file))


def stored(chain: SmallChain, file: bytes = FILE) -> StoredFile:
    found = find_file(chain.records, file)
    assert found is not None
    return found


def opened() -> SmallChain:
    """A chain with the file, of which slice 1 is there."""
    chain = SmallChain.founded()
    start(chain)
    store(chain, 1)
    return chain


OPENED = opened()


def is_whole(chain: SmallChain, file: bytes = FILE) -> object:
    return read(chain, "isWhole", OfFile(digest=file))


def slice_in(chain: SmallChain, number: int, file: bytes = FILE) -> object:
    return read(chain, "queryData", OfSlice(digest=file, number=number))


def told(name: str, *values: Any) -> Event:
    return Event(contract=STORAGE, name=name, values=values)


def paid(chain: SmallChain, method: str, steps: int) -> Event:
    profile = chain.rules.profile
    gas = steps * profile.gas_per_fen // 1_000
    return told("Pay", chain.address("platform"), method, profile.fees[STORAGE].get(method, 0), gas, 1)


def changed(before: dict[bytes, bytes], chain: SmallChain) -> dict[bytes, bytes | None]:
    """What is not as it was, beside purses."""
    purses = {purse_key(chain.address("platform")), purse_key(contract_purse(STORAGE))}
    return {key: value for key, value in since(before, chain).items() if key not in purses}


def test_every_method_is_one_of_these() -> None:
    assert set(METHODS) == {"openFile", "storeData", "deleteData", "pause", "unpause", "setNameAndSymbol"}


def test_a_file_is_announced_by_the_digests_of_its_slices(chain: SmallChain) -> None:
    before, time = chain.content(), chain.time
    events = start(chain)
    assert sha256(b"".join(digests(SLICES))) == FILE
    assert events == (paid(chain, "openFile", 200), told("OpenFile", FILE, chain.address("platform"), 3))
    expected = StoredFile(
        digest=FILE, owner=chain.address("platform"), slices=digests(SLICES), present=0, created_at=time
    )
    assert changed(before, chain) == {file_key(FILE): encode(expected)}
    assert is_whole(chain) is False


def test_slices_come_in_any_order_and_the_last_makes_it_whole(chain: SmallChain) -> None:
    start(chain)
    for present, number in enumerate((2, 0, 1), start=1):
        before, was = chain.content(), stored(chain)
        events = store(chain, number)
        size = len(SLICES[number])
        assert events == (paid(chain, "storeData", 1_000), told("StoreData", FILE, number, size, present == 3))
        assert set(changed(before, chain)) == {file_key(FILE), slice_key(FILE, number)}
        assert (was.present, stored(chain).present, is_whole(chain)) == (present - 1, present, present == 3)
        assert slice_in(chain, number) == SLICES[number]


def test_deleting_a_file_forgets_all_slices_of_it_and_of_no_other(chain: SmallChain) -> None:
    other = (b"four",)
    start(chain, other)
    store(chain, 0, b"four", file_of(other))
    before = chain.content()
    start(chain)
    for number in (0, 2):
        store(chain, number)
    events = call(chain, "platform", "deleteData", OfFile(digest=FILE))
    assert events == (told("DeleteData", FILE, chain.address("platform")),)
    assert changed(before, chain) == {}
    assert is_whole(chain, file_of(other)) is True
    with chain.refuses("file-unknown", FILE):
        slice_in(chain, 0)


def test_a_file_that_was_deleted_and_opened_again_has_no_slice(chain: SmallChain) -> None:
    start(chain)
    for number in range(3):
        store(chain, number)
    call(chain, "platform", "deleteData", OfFile(digest=FILE))
    start(chain, sender="operator")
    assert (stored(chain).present, stored(chain).owner) == (0, chain.address("operator"))
    with chain.refuses("slice-unknown", FILE, 0):
        slice_in(chain, 0)
    with chain.refuses("not-owner", FILE):
        store(chain, 0)


@given(st.sampled_from(SLICES) | st.binary(max_size=SLICE_BYTES_MAX), st.integers(0, 2))
def test_only_the_announced_bytes_are_stored(data: bytes, number: int) -> None:
    context = OPENED.context("platform", STORAGE, "storeData")
    fits, check = data == SLICES[number], METHODS["storeData"].checks[-1]
    if fits:
        check.test(context, storing(number, data))
    else:
        with pytest.raises(ContractReverted) as refusal:
            check.test(context, storing(number, data))
        assert (refusal.value.code, *refusal.value.values) == ("slice-differs", FILE, number)


def test_a_slice_has_its_place(chain: SmallChain) -> None:
    start(chain)
    with chain.refuses("slice-differs", FILE, 0):
        store(chain, 0, SLICES[1])
    with chain.refuses("slice-unknown", FILE, 3):
        store(chain, 3, SLICES[0])
    store(chain, 0)
    with chain.refuses("slice-exists", FILE, 0):
        store(chain, 0)


def cuts(data: bytes, places: list[int]) -> tuple[bytes, ...]:
    """The data, cut at these places."""
    edges = [0, *sorted({place % (len(data) - 1) + 1 for place in places}), len(data)]
    return tuple(data[start:end] for start, end in pairwise(edges))


@given(
    st.binary(min_size=2, max_size=200),
    st.lists(st.integers(0, 200), max_size=5),
    st.lists(st.integers(0, 200), max_size=5),
)
def test_the_same_bytes_in_other_slices_are_another_file(data: bytes, one: list[int], other: list[int]) -> None:
    first, second = cuts(data, one), cuts(data, other)
    assert b"".join(first) == b"".join(second) == data
    assert (file_of(first) == file_of(second)) is (first == second)


def test_a_file_of_one_slice_is_not_the_slice_and_a_slice_of_digests_not_the_file(chain: SmallChain) -> None:
    """What is hashed for a file are digests, so that a slice that holds them could look like it: it does not."""
    joined = b"".join(digests(SLICES))
    start(chain)
    start(chain, (joined,))
    start(chain, (SLICES[0] + SLICES[1], SLICES[2]))
    names = {FILE, file_of((joined,)), file_of((SLICES[0] + SLICES[1], SLICES[2])), sha256(joined[:32])}
    assert len(names) == 4
    store(chain, 0, joined, file_of((joined,)))
    assert (is_whole(chain), is_whole(chain, file_of((joined,)))) == (False, True)
    with chain.refuses("slice-unknown", FILE, 0):
        slice_in(chain, 0)


def test_a_file_with_the_same_slice_twice_needs_it_twice(chain: SmallChain) -> None:
    twice = (b"same", b"same")
    start(chain, twice)
    store(chain, 0, b"same", file_of(twice))
    assert is_whole(chain, file_of(twice)) is False
    store(chain, 1, b"same", file_of(twice))
    assert is_whole(chain, file_of(twice)) is True


def test_the_largest_file_has_sixty_four_slices_of_three_kibibytes(chain: SmallChain) -> None:
    slices = tuple(bytes([number]) * SLICE_BYTES_MAX for number in range(SLICES_MAX))
    fund(chain, "platform", fen=10**6, gas=10**12)
    start(chain, slices)
    for number, data in enumerate(slices):
        assert is_whole(chain, file_of(slices)) is False
        store(chain, number, data, file_of(slices))
    assert (is_whole(chain, file_of(slices)), stored(chain, file_of(slices)).present) == (True, 64)
    assert (SLICES_MAX, SLICE_BYTES_MAX) == (64, 3_072)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("openFile", ((),)),
        ("openFile", ((bytes(32),) * (SLICES_MAX + 1),)),
        ("openFile", ((bytes(31),),)),
        ("storeData", (FILE, 0, b"")),
        ("storeData", (FILE, 0, bytes(SLICE_BYTES_MAX + 1))),
        ("storeData", (FILE, SLICES_MAX, b"x")),
        ("storeData", (FILE, -1, b"x")),
    ],
)  # fmt: skip
def test_what_is_over_a_limit_is_refused(chain: SmallChain, method: str, given: tuple[object, ...]) -> None:
    start(chain)
    with chain.refuses("arguments-malformed"):
        chain.call("platform", STORAGE, method, encode(given))


def test_a_consumer_stores_nothing(chain: SmallChain) -> None:
    start(chain)
    for method, sent in (("openFile", OpenFile(slices=(bytes(32),))), ("deleteData", OfFile(digest=FILE))):
        with chain.refuses("contract-not-listed", 2, STORAGE):
            call(chain, "alice", method, sent)


def test_only_who_opened_a_file_stores_and_deletes_it(chain: SmallChain) -> None:
    start(chain)
    for sender in ("operator", "rival"):
        for method, sent in (("storeData", storing(0)), ("deleteData", OfFile(digest=FILE))):
            with chain.refuses("not-owner", FILE):
                call(chain, sender, method, sent)
    with chain.refuses("file-exists", FILE):
        start(chain, sender="operator")


def test_deleting_costs_nothing(chain: SmallChain) -> None:
    start(chain)
    fund(chain, "platform", fen=0, gas=0)
    call(chain, "platform", "deleteData", OfFile(digest=FILE))


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["open", "store0", "store1", "store2", "delete"]), max_size=12))
def test_any_sequence_of_calls_leaves_what_a_model_says(steps: list[str]) -> None:
    chain = SmallChain.founded()
    there: set[int] | None = None
    for step in steps:
        fits = (step == "open") == (there is None)
        if step.startswith("store") and there is not None:
            fits = int(step[-1]) not in there
        try:
            if step == "open":
                start(chain)
            elif step == "delete":
                call(chain, "platform", "deleteData", OfFile(digest=FILE))
            else:
                store(chain, int(step[-1]))
        except ContractReverted:
            assert not fits
            continue
        assert fits
        if step in ("open", "delete"):
            there = set() if step == "open" else None
        elif there is not None:
            there.add(int(step[-1]))
    kept = {key for key in chain.content() if key[:1] == b"V"}
    numbers = () if there is None else sorted(there)
    expected = {slice_key(FILE, number) for number in numbers} | ({file_key(FILE)} if there is not None else set())
    assert kept == expected


def test_reads_of_what_is_not_there_are_refused(chain: SmallChain) -> None:
    for name, asked in (("isWhole", OfFile(digest=FILE)), ("queryData", OfSlice(digest=FILE, number=0))):
        with chain.refuses("file-unknown", FILE):
            read(chain, name, asked)
    start(chain)
    for number in (0, 3):
        with chain.refuses("slice-unknown", FILE, number):
            slice_in(chain, number)
