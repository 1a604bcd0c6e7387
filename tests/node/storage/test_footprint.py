"""Pages of a mapped file are let go of, and read again as they were."""

import mmap
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from node.storage import footprint
from node.storage.footprint import let_go, mapped_bytes, share_one_heap

MEGABYTE = 1_000_000
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and lets go")
def test_what_was_read_through_a_map_is_let_go_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    content = bytes(range(256)) * 80_000
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
        before = mapped_bytes()
        assert mapped[:] == content
        read = mapped_bytes()
        assert read - before > 15 * MEGABYTE
        assert let_go(path)
        assert mapped_bytes() < read - 15 * MEGABYTE
        assert mapped[:] == content


def test_a_file_that_is_not_mapped_is_not_let_go(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")
    assert not let_go(tmp_path / "other")


def test_where_the_system_does_not_tell_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STATM", "MAPS"):
        monkeypatch.setattr(footprint, name, tmp_path / "none")
    footprint._statm.cache_clear()
    assert mapped_bytes() == 0
    footprint._statm.cache_clear()
    assert not let_go(tmp_path / "other")


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="only glibc has several heaps")
def test_a_thread_has_no_heap_of_its_own() -> None:
    """What glibc says of its heaps, in a process that has used several threads."""
    asked = """
import ctypes, threading
from node.storage.footprint import share_one_heap
{}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for _ in range(4):
    thread = threading.Thread(target=lambda: libc.malloc(1000))
    thread.start(); thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
    heaps = []
    for call in ("", "share_one_heap()"):
        told = subprocess.run([sys.executable, "-c", asked.format(call)], check=True, capture_output=True, cwd=ROOT)
        heaps.append(told.stdout.count(b"<heap "))
    assert heaps[0] > heaps[1] == 1


def test_where_there_is_one_heap_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint.ctypes, "CDLL", lambda _: object())
    share_one_heap()
