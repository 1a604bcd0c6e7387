"""One network for all tests of commands that only use it, and a class on it in which everything is allowed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import processes
from scripts.client import client_of
from scripts.sectors import load_sectors
from tests.scripts.command_line import succeed
from tests.scripts.commands.chain_here import CHAIN, CLASS, EDITIONS

RULES = {"acceptance": True, "attributes": 3, "rebind_wait_ms": 0}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a network that runs."""
    folder = tmp_path_factory.mktemp("commands") / "network"
    try:
        succeed("up", "--detach", "--data", folder, "--port", str(processes.free_port(6)))
        _define(folder)
        yield folder
    finally:
        processes.stop_all(folder)


def _define(folder: Path) -> None:
    names = {"chain": CHAIN, "name_en": "Everything", "name_zh": "一切", "schema": load_sectors()[CHAIN].document}
    with client_of(folder, "platform") as client:
        client.post("/v1/classes", {**names, "class": CLASS, "rules": RULES})
        client.post("/v1/classes", {**names, "class": EDITIONS, "standard": 1155})
