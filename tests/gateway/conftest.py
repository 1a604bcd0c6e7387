"""One real network for all tests of this folder that only use it; a network in memory for each that wants its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import vault
from tests.gateway.memory_network import MemoryNetwork
from tests.gateway.running import RunningNetwork, running_network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """Four nodes and a gateway; a test leaves behind what it minted, and nothing else."""
    with running_network(tmp_path_factory.mktemp("gateway") / "network") as network:
        yield network


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryNetwork:
    """Two chains and four nodes in memory, with a vault whose passphrase is stretched but a little."""
    monkeypatch.setattr(vault, "SCRYPT_N", 2)
    return MemoryNetwork.founded(tmp_path)
