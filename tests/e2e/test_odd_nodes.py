"""Four nodes on four odd machines - hash seed, locale, time zone - make the same bytes of the same writes."""

import os
from pathlib import Path

import pytest

from tests.e2e.fault_network import FaultNetwork
from tests.node.network.talk import run
from tests.node.real_network import NAMES

ODD = {
    NAMES[0]: {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    NAMES[1]: {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai"},
    NAMES[2]: {"PYTHONHASHSEED": "4294967295", "LC_ALL": "POSIX", "TZ": "America/St_Johns", "PYTHONUTF8": "0"},
    NAMES[3]: {"PYTHONHASHSEED": "random", "PYTHONDEVMODE": "1", "TZ": "Pacific/Apia"},
}

pytestmark = pytest.mark.processes


def test_s22_nodes_with_other_hash_seeds_locales_and_clocks_hold_the_same_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = FaultNetwork.make(tmp_path / "network")
    assert isinstance(network, FaultNetwork)
    try:
        for name in NAMES:
            with monkeypatch.context() as machine:
                for variable, value in ODD[name].items():
                    machine.setenv(variable, value)
                network.start(name)
        found = {name: Path(f"/proc/{network.processes[name].pid}/environ").read_bytes() for name in NAMES}
        assert all(f"TZ={ODD[name]['TZ']}".encode() in found[name] for name in NAMES)
        assert "TZ" not in os.environ or os.environ["TZ"] not in {odd["TZ"] for odd in ODD.values()}
        run(writes_on_every_chain(network))
    finally:
        network.end()


async def writes_on_every_chain(network: FaultNetwork) -> None:
    """Through every node, on all ten: a node that came to another state would refuse the block, and stay behind."""
    await network.linked()
    for number, chain in enumerate(network.genesis.document.chains):
        for step in range(4):
            raws = [network.definition(chain.chain_id) for _ in range(3)]
            entry = NAMES[(number + step) % 4]
            assert await network.submit(entry, chain.chain_id, *raws) == {0: "", 1: "", 2: ""}
        height = await network.equal_heads(chain.chain_id, at_least=1)
        assert await network.heads_and_views(chain.chain_id, *NAMES) == {(height, 0)}
    assert not [name for name in NAMES if "refused block" in network.log(name)]
