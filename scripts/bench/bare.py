"""The HTTP limit: a FastAPI endpoint that does nothing, served as the gateway is, in a process of its own.

`python -m scripts.bench.bare PORT` serves it.
"""

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from statistics import median
from typing import Any, Final

import httpx
from fastapi import FastAPI

from gateway.__main__ import make_server
from scripts import processes
from scripts.bench.http_load import Address, Answer, call_all, request_bytes
from scripts.bench.loop import no_pauses, run
from scripts.errors import CommandFailed

IN_FLIGHT: Final = 64
REQUESTS: Final = 20_000
WARM_UP: Final = 5_000
ROUNDS: Final = 3
START_TIMEOUT_S: Final = 15
PATH: Final = "/bare"
app = FastAPI(openapi_url=None)


@app.get(PATH)
async def bare() -> Any:
    """A small dict."""
    return {"state": "ready"}


def measure_http() -> float:
    """Requests per second with 64 in flight, by the load generator that measures the gateway."""
    with served() as address:
        run(_per_s(address, WARM_UP))
        return median(run(_per_s(address, REQUESTS)) for _ in range(ROUNDS))


async def _per_s(address: Address, count: int) -> float:
    def heard(_number: int, answer: Answer) -> None:
        if answer.status != httpx.codes.OK:
            raise CommandFailed(f"the bare endpoint answered {answer.status}: {answer.body[:200]!r}")

    with no_pauses():
        return count / await call_all(address, repeat(request_bytes("GET", PATH), count), IN_FLIGHT, heard)


@contextmanager
def served() -> Iterator[Address]:
    """The endpoint in a process of its own, for as long as it is wanted."""
    port = processes.free_port(1)
    process = subprocess.Popen([sys.executable, "-m", "scripts.bench.bare", str(port)], cwd=processes.ROOT)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandFailed("the bare endpoint does not start; try `python -m scripts.bench.bare 8123`")
            time.sleep(0.05)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{PATH}").is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    gc.freeze()  # as the gateway does
    gc.set_threshold(50_000, 20, 50)
    make_server(app, "127.0.0.1", int(sys.argv[1])).run()
