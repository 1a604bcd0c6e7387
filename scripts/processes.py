"""A network's processes on this machine: started, watched, ended by their own ids.

DIR/run.json        pid and start time of every process, by name (gateway, beijing, ...)
DIR/logs/NAME.log   what a process said
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from scripts.errors import CommandFailed

GATEWAY: Final = "gateway"
RELAYER: Final = "relayer"
NO_NODES: Final = frozenset({GATEWAY, RELAYER})
"""The processes that are no node, by name; each runs the package of its name."""
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.02
DISK_FREE_MIN: Final = 200_000_000
ROOT: Final = Path(__file__).resolve().parent.parent


_children: list[subprocess.Popen[bytes]] = []
"""What this very command has started."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process by its id and start time, so that a reused id is not taken for it."""

    pid: int
    created: float

    def find(self) -> psutil.Process | None:
        """The process, if it is still the same one and alive."""
        try:
            process = psutil.Process(self.pid)
            alive = process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if alive else None


def check_disk(folder: Path) -> None:
    """Refuse to begin on a full disk."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < DISK_FREE_MIN:
        raise CommandFailed(f"only {free // 1_000_000} MB are free at {place}; make room or choose another --data")


def check_ports(addresses: Iterable[tuple[str, int]], option: str) -> None:
    """Refuse to begin when a port is busy."""
    for host, port in addresses:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise CommandFailed(f"port {port} is in use; choose others with {option}") from None


def free_port(count: int) -> int:
    """The first of `count` ports in a row that are free now, below the range that outgoing connections use."""
    for first in range(20_000 + os.getpid() % 5_000, 32_000, count):
        try:
            check_ports((("127.0.0.1", first + i) for i in range(count)), "--port")
        except CommandFailed:
            continue
        return first
    raise CommandFailed("no free ports between 20000 and 32000; end some programs")


def start(folder: Path, name: str) -> Running:
    """Start one process of the network in `folder`; remembered in `run.json`."""
    home = folder / name if name in NO_NODES else folder / "nodes" / name
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", name if name in NO_NODES else "node", str(home.resolve())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal is for the command, which ends them in order
        )
    _children.append(process)
    running = Running(process.pid, psutil.Process(process.pid).create_time())
    remembered = load_running(folder) | {name: running}
    _save(folder, remembered)
    return running


def load_running(folder: Path) -> dict[str, Running]:
    """The processes that were started, whether they live or not."""
    try:
        stored = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: Running(pid, created) for name, (pid, created) in stored.items()}


def alive(folder: Path) -> dict[str, psutil.Process]:
    """The processes that live."""
    found = {name: running.find() for name, running in load_running(folder).items()}
    return {name: process for name, process in found.items() if process is not None}


def stop(folder: Path, name: str, how: signal.Signals = signal.SIGTERM) -> None:
    """End one process and wait for its end; SIGKILL if it does not listen."""
    process = alive(folder).get(name)
    if process is None:
        return
    process.send_signal(how)
    _wait_for_end(process)
    reap()


def forget(folder: Path, name: str) -> None:
    """End one process that is not wanted any more."""
    stop(folder, name)
    _save(folder, {other: running for other, running in load_running(folder).items() if other != name})


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return when something is so; `CommandFailed` if it takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailed(f"waited {READY_TIMEOUT_S:.0f} s for {what}; look at `replicas` and at the logs")
        time.sleep(0.1)


def stop_all(folder: Path) -> int:
    """End every process of the network, the gateway first; how many there were."""
    living = alive(folder)
    for name in sorted(living, key=lambda name: name not in NO_NODES):
        living[name].terminate()
    for process in living.values():
        _wait_for_end(process)
    (folder / "run.json").unlink(missing_ok=True)
    reap()
    return len(living)


def wait_ready(folder: Path, url: str, told: Callable[[str], None] = lambda _: None) -> None:
    """Return when the gateway is ready; `CommandFailed` if a process ends or it takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    with httpx.Client(base_url=url, timeout=2) as client:
        while time.monotonic() < deadline:
            for name, running in load_running(folder).items():
                if running.find() is None:
                    raise CommandFailed(f"{name} has ended: {last_words(folder, name)}")
            if _is_ready(client):
                return
            told("waiting for the gateway")
            time.sleep(POLL_S)
    where = folder / "logs" if (folder / "logs").exists() else "what it says in its own log"
    raise CommandFailed(f"the gateway at {url} is not ready after {READY_TIMEOUT_S:.0f} s; see {where}")


def last_words(folder: Path, name: str) -> str:
    """The last line of a process's log."""
    try:
        lines = (folder / "logs" / f"{name}.log").read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "it said nothing"


def reap() -> None:
    """Take note of ended children, so that they do not stay as zombies."""
    _children[:] = [child for child in _children if child.poll() is None]


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _wait_for_end(process: psutil.Process) -> None:
    """Return when it has ended, reaped by whoever started it or not; SIGKILL if it does not listen."""
    for last in (False, True):
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            if _has_ended(process):
                return
            time.sleep(POLL_S)
        if not last:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    raise CommandFailed(f"process {process.pid} does not end; look at what it waits for")


def _has_ended(process: psutil.Process) -> bool:
    reap()
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _save(folder: Path, running: dict[str, Running]) -> None:
    content: dict[str, Any] = {name: [one.pid, one.created] for name, one in running.items()}
    temporary = folder / "run.json.new"
    temporary.write_text(json.dumps(content))
    temporary.replace(folder / "run.json")
