"""What a node's CPU is used for: stacks sampled by py-spy while a load is on.

A sample counts for the innermost of its frames that says what it is for; one inside a library counts for whoever
called the library.
"""

import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts import processes
from scripts.errors import CommandFailed

RAW: Final = "raw"
FLAME_GRAPH: Final = "flamegraph"
RATE: Final = 200
LONGEST_S: Final = 600
WRITING_S: Final = 60
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "signature": ("/chain/ed25519", "/chain/signatures", "/chain/curves", "/chain/sm2"),
    "contract": ("/contracts/",),
    "state": ("/chain/state", "/chain/committed", "/chain/merkle", "/chain/subtree"),
    "storage": ("/node/storage/", "/node/ledger", "/lmdb/"),
    "wire": (
        "/node/network/",
        "/node/rpc_server",
        "/chain/rpc",
        "/chain/codec",
        "/chain/framing",
        "/asyncio/",
        "/ssl.py",
    ),
    "consensus": ("/node/",),
}
"""Part -> what the path of a frame's file contains; the first that fits."""
PARTS: Final = ("signature", "contract", "state", "storage", "consensus", "wire", "other")

WAITS: Final = re.compile(r"_sync \([^;]*/node/storage/journal\.py[^;]*$")
_TITLE: Final = re.compile(r'(<text id="title"[^>]*>)[^<]*(</text>)')


@contextmanager
def recording(folder: Path, name: str, output: Path, kind: str = RAW) -> Iterator[None]:
    """Sample the process `name` of a network meanwhile and write its stacks to `output`; `CommandFailed` if it cannot be."""
    pid = processes.alive(folder)[name].pid
    options = ["--nonblocking", "--rate", str(RATE), "--duration", str(LONGEST_S), "--format", kind]
    options += ["--full-filenames"] if kind == RAW else []
    command = [_program(), "record", "--pid", str(pid), *options, "--output", str(output)]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)  # it writes what it has
            try:
                process.wait(WRITING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not output.exists():
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip().splitlines()
            raise CommandFailed(f"py-spy cannot look into {name}: {words[-1] if words else 'it said nothing'}")


def split(stacks: Iterable[str]) -> dict[str, float]:
    """The share of each part in samples, one `frame;frame;... count` a line, outermost first; nothing of none.

    Whoever waits for the disk uses no CPU, though py-spy takes it for busy.
    """
    counts: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        if count.strip().isdigit() and not WAITS.search(frames):
            counts[part_of(frames.split(";"))] += int(count)
    total = counts.total()
    return {part: counts[part] / total for part in PARTS} if total else {}


def entitle(flame_graph: str, title: str) -> str:
    """The flame graph under another title than the command that made it."""
    return _TITLE.sub(lambda found: found[1] + title + found[2], flame_graph, count=1)


def part_of(frames: list[str]) -> str:
    """The part that a stack counts for."""
    for frame in reversed(frames):
        for part, places in PLACES.items():
            if any(place in frame for place in places):
                return part
    return "other"


def _program() -> str:
    path = Path(sys.executable).parent / "py-spy"
    if not path.exists():
        raise CommandFailed("py-spy is not installed; use `python3 scripts bench`, which installs it")
    return str(path)
