"""The checks of storage's methods, in their order (protocol 32)."""

from chain.digests import sha256
from contracts.keys import file_key, slice_key
from contracts.storage import OfFile, OpenFile, StoreData, StoredFile, digest_of
from tests.contracts.certificate_spoils import OPEN, PAID
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by
from tests.contracts.small_chain import SmallChain

Spoils = tuple[tuple[str, Spoil], ...]
STORAGE = "storage"
DIGESTS = (sha256(b"one"), sha256(b"two"))
FILE = digest_of(DIGESTS)
UNKNOWN: Spoils = (("file-unknown", arguments(digest=bytes(32))), ("not-owner", by("operator")))


def opened() -> SmallChain:
    """A chain with the file, of which slice 1 is there."""
    chain = SmallChain.founded()
    chain.call("platform", STORAGE, "openFile", OpenFile(slices=DIGESTS))
    chain.call("platform", STORAGE, "storeData", StoreData(digest=FILE, number=1, data=b"two"))
    return chain


def test_the_checks_of_open_file_stand_in_order() -> None:
    def play() -> Play:
        return Play(SmallChain.founded(), "platform", STORAGE, "openFile", OpenFile(slices=DIGESTS))

    there = StoredFile(digest=FILE, owner=b"somebody", slices=DIGESTS, present=0, created_at=0)
    assert_order(play, *OPEN, ("file-exists", lambda play: play.chain.write(file_key(FILE), there)), *PAID)


def test_the_checks_of_store_data_stand_in_order() -> None:
    def play() -> Play:
        return Play(opened(), "platform", STORAGE, "storeData", StoreData(digest=FILE, number=0, data=b"one"))

    slices: Spoils = (
        ("slice-unknown", arguments(number=2)),
        ("slice-exists", lambda play: play.chain.write(slice_key(FILE, 0), b"one")),
        ("slice-differs", arguments(data=b"two")),
    )
    assert_order(play, *OPEN, *UNKNOWN, *slices, *PAID)


def test_the_checks_of_delete_data_stand_in_order() -> None:
    def play() -> Play:
        return Play(opened(), "platform", STORAGE, "deleteData", OfFile(digest=FILE))

    assert_order(play, *OPEN, *UNKNOWN)
