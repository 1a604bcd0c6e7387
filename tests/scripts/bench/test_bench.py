"""A little of the benchmark on real processes: whatever is sent is committed, and the figures have their shape."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.bare import PATH, served
from scripts.bench.doors import DOORS
from scripts.bench.http_load import connect, request_bytes
from scripts.bench.plan import Plan
from scripts.bench.plots import write_plots
from scripts.bench.reading import SAMPLE, verify
from scripts.bench.report import as_document
from scripts.bench.writing import single
from tests.scripts.bench.small_document import MACHINE
from tests.scripts.bench.test_limits import LIMITS

pytestmark = pytest.mark.processes
PLAN = Plan(limits=LIMITS, told=lambda _: None, mints=300, repetitions=1, certificates=300, reads=300)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(as_document(MACHINE, LIMITS, single(PLAN) + verify(PLAN))))
    return written


def test_everything_that_was_sent_by_every_door_was_committed(document: dict[str, Any]) -> None:
    doors = document["scenarios"]["single"]
    assert set(doors) == set(DOORS)
    assert {door: members["committed"] for door, members in doors.items()} == {
        "node-rpc": 300,
        "gateway-bulk": 300,
        "gateway-single": 150,
    }
    assert all("refused" not in members for members in doors.values())


def test_every_figure_of_every_door_is_a_number_and_the_split_is_of_its_cpu(document: dict[str, Any]) -> None:
    for members in document["scenarios"]["single"].values():
        for name in ("per_s", "ratio", "p50_ms", "p99_ms", "cpu_us", "rss_mb"):
            assert members[name] > 0
        assert isinstance(members["bytes_per_certificate"], int)
        assert set(members["cpu_us_by_process"]) == {"gateway", "relayer", "beijing", "shanghai", "guangzhou", "xian"}
        split = members["cpu_us_split"]  # a sentence where the system lets nobody look into a process
        assert (
            isinstance(split, str) or {"signature", "contract", "state", "storage", "consensus", "wire"} <= split.keys()
        )


def test_proofs_are_read_while_the_head_moves_and_a_sample_of_them_holds(document: dict[str, Any]) -> None:
    members = document["scenarios"]["verify"]["gateway"]
    assert "refused" not in members
    assert members["proofs_checked"] == int(SAMPLE * PLAN.reads)
    assert members["head_mints_per_s"] > 0
    assert members["per_s"] > 0


def test_the_figures_of_real_processes_can_be_drawn(document: dict[str, Any], tmp_path: Path) -> None:
    assert set(write_plots(document, tmp_path)) == {"single", "verify"}


def test_the_bare_endpoint_answers_a_small_document() -> None:
    async def ask() -> bytes:
        connection = await connect(address)
        answer = await connection.call(request_bytes("GET", PATH))
        await connection.end()
        assert answer.status == 200
        return answer.body

    with served() as address:
        assert json.loads(asyncio.run(ask())) == {"state": "ready"}
