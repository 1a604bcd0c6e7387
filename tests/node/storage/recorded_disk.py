"""What a process did to its files, call by call, and every disk that a power cut may leave behind.

A write may be lost, whole or torn (between sectors of 512 bytes, in either direction, or as zeros) until a sync of its
file has returned; a new, removed or renamed name may be there or not until its folder is synced. The calls that no sync has
covered are independent of each other.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from threading import RLock
from typing import Any

from tests.node.storage.system_calls import PROTOTYPES, Real, answered

SECTOR = 512
SUBSETS_MAX = 20
EXHAUSTIVE_MAX = 3
TORN_MAX = 6
NAMES = ("create", "unlink", "rename")
LOST, WHOLE = "lost", "whole"
LOCKS = ("lock", "lock.mdb")
"""Files that nothing is read from after a cut."""
Choice = str | tuple[str, int]
"""What became of a call: lost, whole, or torn: what is there of a write ("head" | "tail" | "zeros") and where it tore."""
Content = dict[str, bytes]
"""The files of a folder by their path in it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: "write", "truncate", "create", "unlink", "rename", which may be lost, or a sync of a file, a folder or one write."""

    what: str
    path: str
    offset: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Said:
    """A moment between two calls: the process told the world something that binds it."""

    what: str
    about: Any


@dataclass
class Recording:
    """The calls below `root` and what was said, in their order."""

    root: Path
    events: list[Call | Said] = field(default_factory=list)
    lock: Any = field(default_factory=RLock)

    def said(self, what: str, about: Any) -> None:
        """Note what the process tells the world now."""
        with self.lock:
            self.events.append(Said(what, about))

    def below(self, folder: str) -> list[Call | Said]:
        """The calls in one folder with their paths in it, and all that was said there (`what` begins with it)."""
        found: list[Call | Said] = []
        for event in self.events:
            if isinstance(event, Call) and event.path.startswith(f"{folder}/"):
                data = event.data.removeprefix(f"{folder}/".encode()) if event.what == "rename" else event.data
                found.append(Call(event.what, event.path.removeprefix(f"{folder}/"), event.offset, data))
            elif isinstance(event, Call) and event.path == folder:
                found.append(Call(event.what, "", event.offset, event.data))
            elif isinstance(event, Said) and event.what.startswith(f"{folder} "):
                found.append(Said(event.what.removeprefix(f"{folder} "), event.about))
        return found

    # ---- what the calls become ----

    def handle(self, name: str, real: Real, *arguments: Any) -> int:
        """Make a call and note it, one after the other: what one thread writes is before or after another's sync."""
        with self.lock:
            existed = name == "open" and Path(os.fsdecode(arguments[0])).exists()
            result = real(*arguments)
            if result >= 0:
                error = ctypes.get_errno()
                self.events += self._calls(name, arguments, result, existed)
                ctypes.set_errno(error)
            return result

    def _calls(self, name: str, arguments: Any, result: int, existed: bool) -> Iterator[Call]:
        path = self._path(os.fsdecode(arguments[0])) if name in ("open", "unlink", "rename") else _of(arguments[0])
        where = self._path(path) if path and not name.startswith(("open", "unlink", "rename")) else path
        if where is None or Path(where).name in LOCKS:
            return
        if name == "open":
            if not existed and arguments[1] & os.O_CREAT:
                yield Call("create", where)
            elif arguments[1] & os.O_TRUNC:
                yield Call("truncate", where)
        elif name == "unlink":
            yield Call("unlink", where)
        elif name == "ftruncate":
            yield Call("truncate", where, arguments[1])
        elif name in ("fsync", "fdatasync"):
            yield Call("sync folder" if Path(path or "").is_dir() else "sync", where)
        elif name == "rename":
            yield Call("rename", where, data=os.fsencode(str(self._path(os.fsdecode(arguments[1])))))
        elif result:
            yield from self._writes(name, arguments, result, where)

    def _writes(self, name: str, arguments: Any, result: int, where: str) -> Iterator[Call]:
        handle = arguments[0]
        offset = arguments[3] if name.startswith("pwrite") else os.lseek(handle, 0, os.SEEK_CUR) - result
        data = ctypes.string_at(arguments[1], result) if name in ("write", "pwrite") else _gather(arguments, result)
        yield Call("write", where, offset, data)
        if _flags(handle) & os.O_DSYNC:
            yield Call("sync write", where, offset, data)

    def _path(self, path: str) -> str | None:
        absolute = Path(path)
        return str(absolute.relative_to(self.root)) if absolute.is_relative_to(self.root) else None


@contextmanager
def recorded(root: Path) -> Iterator[Recording]:
    """Record what this process does below `root`."""
    recording = Recording(root.resolve())
    handlers = {
        name: lambda real, *arguments, name=name: recording.handle(name, real, *arguments) for name in PROTOTYPES
    }
    with answered(handlers) as slots:
        assert slots >= len(PROTOTYPES)
        yield recording


def _of(handle: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return ""


def _flags(handle: int) -> int:
    text = Path(f"/proc/self/fdinfo/{handle}").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("flags:")), 8)


def _gather(arguments: Any, length: int) -> bytes:
    """The bytes that an array of `struct iovec` names."""
    pairs = (ctypes.c_uint64 * (2 * arguments[2])).from_address(arguments[1])
    parts = (ctypes.string_at(pairs[2 * i], pairs[2 * i + 1]) for i in range(arguments[2]))
    return b"".join(parts)[:length]


# ---- the disks that a cut leaves ----


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that a cut may undo, and the file (by a number of its own, whatever its name) that it is about."""

    call: Call
    file: int


@dataclass
class Disk:
    """What is certain to be there, and the calls that may or may not have happened."""

    names: dict[str, int]
    content: dict[int, bytearray]
    pending: list[Pending] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    """The names as the process sees them."""

    @classmethod
    def holding(cls, files: Content) -> "Disk":
        """A disk that has held these files for long."""
        names = {path: number for number, path in enumerate(files)}
        return cls(names, {names[path]: bytearray(data) for path, data in files.items()}, opened=dict(names))

    def happened(self, call: Call) -> None:
        """One more call has returned."""
        if call.what == "sync":
            file = self.opened[call.path]
            self._hold_fast(lambda one: one.file == file and one.call.what in ("write", "truncate"))
        elif call.what == "sync write":
            self._hold_fast(lambda one: one.call == Call("write", call.path, call.offset, call.data))
        elif call.what == "sync folder":
            self._hold_fast(lambda one: one.call.what in NAMES and _is_in(call.path, one.call))
        else:
            if call.what == "create":
                self.opened[call.path] = len(self.content)
                self.content[len(self.content)] = bytearray()
            self.pending.append(Pending(call, self.opened[call.path]))
            if call.what in NAMES:
                _rename(self.opened, self.pending[-1])

    def _hold_fast(self, covered: Callable[[Pending], bool]) -> None:
        for one in self.pending:
            if covered(one):
                _apply(self.names, self.content, one, WHOLE)
        self.pending = [one for one in self.pending if not covered(one)]

    def after_a_cut(self, random: Random) -> Iterator[Content]:
        """The disks that may be found: every subset of a few pending calls, many of many, torn ones among them."""
        for choices in _choices([one.call for one in self.pending], random):
            names = dict(self.names)
            content = {number: bytearray(data) for number, data in self.content.items()}
            for one, choice in zip(self.pending, choices, strict=True):
                _apply(names, content, one, choice)
            yield {path: bytes(content[number]) for path, number in names.items()}


def _is_in(folder: str, call: Call) -> bool:
    """Whether the sync of a folder holds a name fast: a renamed file is found under either name, never under none."""
    return str(Path(os.fsdecode(call.data) or call.path).parent) == (folder or ".")


def _choices(pending: list[Call], random: Random) -> Iterator[list[Choice]]:
    count = len(pending)
    if count <= EXHAUSTIVE_MAX:
        yield from (list(one) for one in product((WHOLE, LOST), repeat=count))
    else:
        yield [WHOLE] * count
        yield [LOST] * count
        for _ in range(SUBSETS_MAX):
            yield [random.choice((WHOLE, LOST)) for _ in range(count)]
        for place in random.sample(range(count), min(count, SUBSETS_MAX)):
            yield [LOST if i == place else WHOLE for i in range(count)]
    tearable = [i for i, call in enumerate(pending) if call.what == "write" and _tears(call)]
    for place in random.sample(tearable, min(len(tearable), TORN_MAX)):
        for way in ("head", "tail", "zeros"):
            rest: list[Choice] = [random.choice((WHOLE, WHOLE, LOST)) for _ in range(count)]
            rest[place] = (way, random.choice(_tears(pending[place])))
            yield rest


def _tears(call: Call) -> range:
    """Where a write may tear, in bytes from its start: between two sectors, in an appended file anywhere."""
    return (
        range(1, len(call.data)) if call.path.endswith(".seg") else range(-call.offset % SECTOR, len(call.data), SECTOR)
    )


def _apply(names: dict[str, int], content: dict[int, bytearray], one: Pending, choice: Choice) -> None:
    call = one.call
    if choice == LOST:
        return
    if call.what in NAMES:
        _rename(names, one)
    elif call.what == "truncate":
        file = content[one.file]
        file[:] = bytes(file[: call.offset]).ljust(call.offset, b"\0")
    else:
        _write(content[one.file], call, choice)


def _rename(names: dict[str, int], one: Pending) -> None:
    if one.call.what != "create":
        names.pop(one.call.path, None)
    if one.call.what != "unlink":
        names[os.fsdecode(one.call.data) or one.call.path] = one.file


def _write(file: bytearray, call: Call, choice: Choice) -> None:
    end = call.offset + len(call.data)
    if len(file) < end:
        file.extend(bytes(end - len(file)))  # a longer file whose new part was not written reads as zeros
    way, cut = choice if isinstance(choice, tuple) else (WHOLE, 0)
    if way == "head":
        file[call.offset : call.offset + cut] = call.data[:cut]
        if len(file) == end and call.path.endswith(".seg"):
            del file[call.offset + cut :]
    elif way == "tail":
        file[call.offset + cut : end] = call.data[cut:]
    elif way == WHOLE:
        file[call.offset : end] = call.data
