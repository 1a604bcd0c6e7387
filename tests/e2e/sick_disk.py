"""A node whose disk falls sick when it is told to: `python -m tests.e2e.sick_disk NODE_FOLDER`.

The word in NODE_FOLDER/sick says what is wrong with the disk below NODE_FOLDER/data from now on: `full` (a write is cut
short, the next ones fail with ENOSPC), `failing-sync` (EIO), `slow-sync` (each takes SLOW_S). What was done to the node
is noted in NODE_FOLDER/sick.done, a letter a time.
"""

import ctypes
import errno
import os
import sys
import time
from pathlib import Path
from typing import Any

from node.process import main
from node.settings import load_settings
from tests.node.storage.system_calls import Real, answered

SLOW_S = 0.25
WRITES, SYNCS = ("write", "writev", "pwrite", "pwritev"), ("fsync", "fdatasync")


class SickDisk:
    """Answers the calls of a node."""

    def __init__(self, folder: Path) -> None:
        self.word = folder / "sick"
        self.done = os.open(folder / "sick.done", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.data = str((folder / "data").resolve())
        self.was_cut_short = False

    def call(self, name: str, real: Real, *arguments: Any) -> int:
        """Make a call, or fail it."""
        try:
            if not os.readlink(f"/proc/self/fd/{arguments[0]}").startswith(self.data):  # noqa: PTH115
                return real(*arguments)
            word = self.word.read_text().strip()
        except OSError:
            return real(*arguments)
        if name in WRITES and word == "full":
            return self._full(name, real, *arguments)
        if name in SYNCS and word == "failing-sync":
            return self._fail(errno.EIO)
        if name in SYNCS and word == "slow-sync":
            self._note(b"s")
            time.sleep(SLOW_S)
        return real(*arguments)

    def _full(self, name: str, real: Real, *arguments: Any) -> int:
        if name == "write" and not self.was_cut_short and arguments[2] > 1:
            self.was_cut_short = True
            self._note(b"c")
            return real(arguments[0], arguments[1], arguments[2] // 2)
        return self._fail(errno.ENOSPC)

    def _fail(self, error: int) -> int:
        self._note(b"f")
        ctypes.set_errno(error)
        return -1

    def _note(self, letter: bytes) -> None:
        os.write(self.done, letter)


def run(folder: Path) -> int:
    """The node, on its disk."""
    disk = SickDisk(folder)
    handlers = {
        name: lambda real, *arguments, name=name: disk.call(name, real, *arguments) for name in (*WRITES, *SYNCS)
    }
    with answered(handlers) as slots:
        assert slots >= len(handlers)
        return main(folder, load_settings)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
