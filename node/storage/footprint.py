"""What storage takes of this process's memory, and giving it back where the system can (Linux).

LMDB reads its file through a map, and the kernel adds the neighbours of every page that is read: a file of 1 GB would
soon count as 1 GB of the node's memory. What is let go stays in the kernel's cache, and is mapped again when it is read.
"""

import ctypes
import mmap
import os
from functools import lru_cache
from pathlib import Path

STATM = Path("/proc/self/statm")
MAPS = Path("/proc/self/maps")
M_ARENA_MAX = -8
"""malloc.h of glibc."""


def mapped_bytes() -> int:
    """Bytes of files in this process's memory; 0 where nobody knows."""
    statm = _statm()
    return 0 if statm is None else int(os.pread(statm, 200, 0).split()[2]) * mmap.PAGESIZE


def let_go(file: Path) -> bool:
    """Map the pages of `file` anew when they are read the next time; whether that could be done."""
    name = os.fsencode(file.resolve())
    try:
        lines = [line for line in MAPS.read_bytes().splitlines() if line.endswith(b" " + name)]
    except OSError:
        return False
    regions = [[int(end, 16) for end in line.split(b" ", 1)[0].split(b"-")] for line in lines]
    return bool(regions) and all(_madvise(start, end - start) for start, end in regions)


def share_one_heap() -> None:
    """Let all threads take memory from one heap, where there are several (glibc): 30 MB less at 300,000 certificates.

    The thread that flushes would have one of its own, and keep there what it has given back.
    """
    function = getattr(ctypes.CDLL(None), "mallopt", None)
    if function is not None:
        function(M_ARENA_MAX, 1)


def _madvise(start: int, length: int) -> bool:
    function, advice = _libc_madvise(), getattr(mmap, "MADV_DONTNEED", None)
    return function is not None and advice is not None and function(start, length, advice) == 0


@lru_cache(maxsize=1)
def _statm() -> int | None:
    """Kept open: to read it takes 1 us, to open it as well 60."""
    try:
        return os.open(STATM, os.O_RDONLY)
    except OSError:
        return None


@lru_cache(maxsize=1)
def _libc_madvise():  # type: ignore[no-untyped-def]  # noqa: ANN202 - a foreign function has no type
    function = getattr(ctypes.CDLL(None), "madvise", None)
    if function is not None:
        function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
