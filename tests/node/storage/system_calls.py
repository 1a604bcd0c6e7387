"""The calls that this process makes into the C library, seen and answered by Python, LMDB's own among them.

A shared object calls `fdatasync` through a slot of its global offset table that the dynamic linker has filled. Here
the slots of the interpreter and of LMDB are filled with functions of ours, and put back afterwards. Linux, ELF with
addends (x86-64, AArch64, RISC-V), the glibc or musl loader.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_long,
    c_size_t,
    c_ssize_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from ctypes.util import find_library
from typing import Any

LIBC = ctypes.CDLL(find_library("c"), use_errno=True)
"""By its own name: to a program that is not position-independent, as some distributions build the interpreter, the
address of a call is the program's own stub, which leads through the slot."""
PROTOTYPES = {
    "open": (c_int, c_char_p, c_int, c_int),
    "write": (c_ssize_t, c_int, c_void_p, c_size_t),
    "writev": (c_ssize_t, c_int, c_void_p, c_int),
    "pwrite": (c_ssize_t, c_int, c_void_p, c_size_t, c_long),
    "pwritev": (c_ssize_t, c_int, c_void_p, c_int, c_long),
    "ftruncate": (c_int, c_int, c_long),
    "fsync": (c_int, c_int),
    "fdatasync": (c_int, c_int),
    "unlink": (c_int, c_char_p),
    "rename": (c_int, c_char_p, c_char_p),
}
"""Result and arguments; a name with `64` behind it is the same call."""
CALLERS = ("lmdb", "python")
"""What the names of the shared objects hold whose calls are seen; the program itself has no name."""

PT_DYNAMIC, R_SYMBOL_SHIFT = 2, 32
DT_SYMTAB, DT_STRTAB, DT_RELA, DT_RELASZ, DT_JMPREL, DT_PLTRELSZ = 6, 5, 7, 8, 23, 2
SLOT_TYPES = {6, 7, 1025, 1026, 2, 5}
"""GLOB_DAT and JUMP_SLOT of x86-64 and AArch64, 64 and JUMP_SLOT of RISC-V."""
READ_WRITE = 3

Real = Callable[..., int]
Handler = Callable[..., int]
"""(real call, its arguments) -> its result; -1 with `ctypes.set_errno` fails."""


class Phdr(Structure):
    """Elf64_Phdr."""

    _fields_ = [
        ("type", c_uint32), ("flags", c_uint32), ("offset", c_uint64), ("vaddr", c_uint64), ("paddr", c_uint64),
        ("filesz", c_uint64), ("memsz", c_uint64), ("align", c_uint64),
    ]  # fmt: skip


class LoadedObject(Structure):
    """dl_phdr_info, its beginning."""

    _fields_ = [("base", c_uint64), ("name", c_char_p), ("phdr", POINTER(Phdr)), ("phnum", ctypes.c_uint16)]


@contextmanager
def answered(handlers: dict[str, Handler]) -> Iterator[int]:
    """While the context lasts, these calls go to `handlers`; the number of slots that were filled."""
    ours = {name: _callback(name, handler) for name, handler in handlers.items()}
    filled: list[tuple[int, int]] = []
    try:
        for name, address in _slots():
            call = name.removesuffix("64")
            if call in ours:
                replacement = ctypes.cast(ours[call], c_void_p).value
                assert replacement is not None
                filled.append((address, _fill(address, replacement)))
        yield len(filled)
    finally:
        for address, before in filled:
            _fill(address, before)


def _callback(name: str, handler: Handler) -> Any:
    real = getattr(LIBC, name)
    real.restype, *real.argtypes = PROTOTYPES[name]
    return CFUNCTYPE(*PROTOTYPES[name], use_errno=True)(lambda *arguments: handler(real, *arguments))


def _fill(address: int, value: int) -> int:
    page = address & -os.sysconf("SC_PAGESIZE")
    assert LIBC.mprotect(c_void_p(page), c_size_t(address + 8 - page), READ_WRITE) == 0
    slot = c_uint64.from_address(address)
    before, slot.value = slot.value, value
    return int(before)


def _slots() -> Iterator[tuple[str, int]]:
    """(name of the call, address of its slot) in every object whose calls are seen."""
    found: list[tuple[int, int]] = []

    def visit(info: Any, _size: int, _data: int | None) -> int:
        one = info.contents
        name = one.name.decode()
        if not name or any(caller in os.path.basename(name) or f"/{caller}/" in name for caller in CALLERS):  # noqa: PTH119
            found.extend(
                (one.base, one.base + one.phdr[i].vaddr) for i in range(one.phnum) if one.phdr[i].type == PT_DYNAMIC
            )
        return 0

    LIBC.dl_iterate_phdr(CFUNCTYPE(c_int, POINTER(LoadedObject), c_size_t, c_void_p)(visit), None)
    for base, dynamic in found:
        yield from _object_slots(base, dynamic)


def _object_slots(base: int, dynamic: int) -> Iterator[tuple[str, int]]:
    entries = dict(_dynamic(dynamic))
    symbols, strings = (_absolute(base, entries[tag]) for tag in (DT_SYMTAB, DT_STRTAB))
    for table, size in ((DT_JMPREL, DT_PLTRELSZ), (DT_RELA, DT_RELASZ)):
        if table not in entries:
            continue
        start = _absolute(base, entries[table])
        for place in range(start, start + entries[size], 24):
            offset, info = _word(place), _word(place + 8)
            if info & 0xFFFF_FFFF in SLOT_TYPES and info >> R_SYMBOL_SHIFT:
                name_at = c_uint32.from_address(symbols + 24 * (info >> R_SYMBOL_SHIFT)).value
                yield ctypes.string_at(strings + name_at).decode(), base + offset


def _dynamic(place: int) -> Iterator[tuple[int, int]]:
    while (tag := _word(place)) != 0:
        yield tag, _word(place + 8)
        place += 16


def _absolute(base: int, pointer: int) -> int:
    """The loader of glibc writes addresses into the table, that of musl leaves offsets."""
    return pointer if pointer >= base else base + pointer


def _word(place: int) -> int:
    return int(c_uint64.from_address(place).value)
