"""Small public files, kept on the chain in slices that are paid for, until who stored them deletes them (protocol 32)."""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.digests import sha256
from chain.ids import Address, Digest, Natural
from contracts.gates import permitted, running
from contracts.interface import ContractContext, ContractReverted, Method, Price, Readable, Reader, Role, View, refuses
from contracts.keys import file_key, slice_key
from contracts.owning import owner_methods

CONTRACT: Final = "storage"
SLICE_BYTES_MAX: Final = 3_072
SLICES_MAX: Final = 64
SliceNumber = Annotated[int, Meta(ge=0, lt=SLICES_MAX)]


class StoredFile(Record, frozen=True):
    """A file: whose, the SHA-256 of each slice in order, and how many of them are there."""

    digest: Digest
    owner: Address
    slices: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=SLICES_MAX)]
    present: Annotated[int, Meta(ge=0, le=SLICES_MAX)]
    created_at: Natural

    @property
    def whole(self) -> bool:
        """Whether every slice is there."""
        return self.present == len(self.slices)


class OpenFile(Record, frozen=True):
    """`openFile`: the SHA-256 of every slice; the file's digest is that of all of them together."""

    slices: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=SLICES_MAX)]


class StoreData(Record, frozen=True):
    """`storeData`: one slice of a file that was opened."""

    digest: Digest
    number: SliceNumber
    data: Annotated[bytes, Meta(min_length=1, max_length=SLICE_BYTES_MAX)]


class OfFile(Record, frozen=True):
    """`deleteData`, and reads: which file."""

    digest: Digest


class OfSlice(Record, frozen=True):
    """A read about a slice."""

    digest: Digest
    number: SliceNumber


def digest_of(slices: tuple[bytes, ...]) -> bytes:
    """A file's digest: SHA-256 over the digests of its slices in order."""
    return sha256(b"".join(slices))


def find_file(records: Readable, digest: bytes) -> StoredFile | None:
    """The file, or None."""
    data = records.get(file_key(digest))
    return None if data is None else _file(data)


def require_file(records: Readable, digest: bytes) -> StoredFile:
    """The file, or the refusal `file-unknown`."""
    found = find_file(records, digest)
    if found is None:
        raise ContractReverted("file-unknown", digest)
    return found


@refuses("file-exists")
def file_new(context: ContractContext, arguments: OpenFile) -> None:
    """There is no such file."""
    if find_file(context.records, digest_of(arguments.slices)) is not None:
        raise ContractReverted("file-exists", digest_of(arguments.slices))


def open_file(context: ContractContext, arguments: OpenFile) -> None:
    """Record the file, of which no slice is there yet."""
    stored = StoredFile(
        digest=digest_of(arguments.slices),
        owner=context.sender,
        slices=arguments.slices,
        present=0,
        created_at=context.time,
    )
    context.records.put(file_key(stored.digest), encode(stored))
    context.emit("OpenFile", stored.digest, context.sender, len(stored.slices))


@refuses("file-unknown")
def file_known(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a file
    """There is such a file."""
    require_file(context.records, arguments.digest)


@refuses("not-owner")
def sent_by_owner(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a file
    """The sender opened it."""
    if require_file(context.records, arguments.digest).owner != context.sender:
        raise ContractReverted("not-owner", arguments.digest)


@refuses("slice-unknown", "slice-exists")
def slice_missing(context: ContractContext, arguments: StoreData) -> None:
    """The file has such a slice, which is not there yet."""
    stored = require_file(context.records, arguments.digest)
    if arguments.number >= len(stored.slices):
        raise ContractReverted("slice-unknown", arguments.digest, arguments.number)
    if context.records.get(slice_key(arguments.digest, arguments.number)) is not None:
        raise ContractReverted("slice-exists", arguments.digest, arguments.number)


@refuses("slice-differs")
def slice_fits(context: ContractContext, arguments: StoreData) -> None:
    """Its digest is the one that was announced."""
    if sha256(arguments.data) != require_file(context.records, arguments.digest).slices[arguments.number]:
        raise ContractReverted("slice-differs", arguments.digest, arguments.number)


def store_data(context: ContractContext, arguments: StoreData) -> None:
    """Keep the slice."""
    stored = require_file(context.records, arguments.digest)
    changed = replace(stored, present=stored.present + 1)
    context.records.put(slice_key(stored.digest, arguments.number), arguments.data)
    context.records.put(file_key(stored.digest), encode(changed))
    context.emit("StoreData", stored.digest, arguments.number, len(arguments.data), changed.whole)


def delete_data(context: ContractContext, arguments: OfFile) -> None:
    """Forget the file and its slices."""
    stored = require_file(context.records, arguments.digest)
    for number in range(len(stored.slices)):
        context.records.put(slice_key(stored.digest, number), None)
    context.records.put(file_key(stored.digest), None)
    context.emit("DeleteData", stored.digest, context.sender)


def _query(records: Readable, read: OfSlice) -> bytes:
    require_file(records, read.digest)
    data = records.get(slice_key(read.digest, read.number))
    if data is None:
        raise ContractReverted("slice-unknown", read.digest, read.number)
    return data


def _is_whole(records: Readable, read: OfFile) -> bool:
    return require_file(records, read.digest).whole


_file: Final = decoder(StoredFile)
_OPEN: Final = (running, permitted(Role.OPERATOR, Role.PLATFORM))
METHODS: Final = {
    "openFile": Method(
        arguments=OpenFile,
        checks=(*_OPEN, file_new),
        effect=open_file,
        events=("OpenFile",),
        price=Price(steps=200),
    ),
    "storeData": Method(
        arguments=StoreData,
        checks=(*_OPEN, file_known, sent_by_owner, slice_missing, slice_fits),
        effect=store_data,
        events=("StoreData",),
        price=Price(steps=1_000),
    ),
    "deleteData": Method(
        arguments=OfFile, checks=(*_OPEN, file_known, sent_by_owner), effect=delete_data, events=("DeleteData",)
    ),
    **owner_methods(),
}
_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "queryData": (OfSlice, _query),
    "isWhole": (OfFile, _is_whole),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
