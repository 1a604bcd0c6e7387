"""Real processes, real TLS, real disks: up, written to, killed without warning, and up again."""

import asyncio
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import rfc8785

from chain.codec import decode, encode
from chain.quorum import QuorumCertificate
from chain.rpc import Answer, ReadState, StateAnswer
from chain.signatures import SchemeName, scheme
from node.network.tls import LinkRole
from node.storage.interface import LoggedCommit
from node.storage.journal import MAGIC, _group
from scripts.pki import make_member
from tests.node.network.talk import connect, hello, run
from tests.node.real_network import NAMES, RealNetwork

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealNetwork]:
    made = RealNetwork.make(tmp_path_factory.mktemp("real") / "network")
    try:
        made.start()
        run(made.linked())
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait()


def primary_of(network: RealNetwork, chain_id: str) -> str:
    """The node that is the chain's primary."""
    section = network.genesis.section(chain_id)
    assert section is not None
    return NAMES[section.primary_offset]


def test_four_nodes_come_up_linked_with_ten_chains_at_rest(network: RealNetwork) -> None:
    async def story() -> None:
        for name in NAMES:
            status = await network.status(name)
            assert status.node == name
            assert status.connected == tuple(other for other in NAMES if other != name)
            assert len(status.chains) == 10
            assert all((chain.phase, chain.waits_for) == ("idle", "") for chain in status.chains)

    run(story())


@pytest.mark.parametrize("chain_id", [CHAIN, "wuhan", "zunyi", "yanan"])
def test_a_write_through_any_node_is_in_the_same_block_on_all(network: RealNetwork, chain_id: str) -> None:
    async def story() -> None:
        before, _ = await network.heads(chain_id)
        for name in NAMES:
            assert await network.submit(name, chain_id, network.definition(chain_id)) == {0: ""}
        height, _ = await network.heads(chain_id)
        assert before < height <= before + 4

    run(story())


def test_a_network_at_rest_makes_no_block_and_grows_no_file(network: RealNetwork) -> None:
    async def story() -> None:
        await asyncio.sleep(4)  # what was written is flushed
        heads = [await network.heads(chain.chain_id) for chain in network.genesis.document.chains]
        files = network.files()
        await asyncio.sleep(2)
        assert network.files() == files
        assert [await network.heads(chain.chain_id) for chain in network.genesis.document.chains] == heads

    run(story())


def test_a_second_process_in_the_same_folder_is_refused(network: RealNetwork) -> None:
    code, said = network.run("xian")
    assert code == 2
    assert said.count("\n") == 1
    assert "another node runs in" in said


def test_a_busy_port_is_named_with_the_way_out(network: RealNetwork, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = network.run("xian", CERTNET_DATA=str(tmp_path / "data"), CERTNET_PORT=str(port))
    assert code == 2
    assert said == f"port {port} of 127.0.0.1 is in use; stop what listens there, or choose another by CERTNET_PORT\n"


def test_strangers_get_no_further_than_the_door(network: RealNetwork, tmp_path: Path) -> None:
    make_member(network.folder / "ca", tmp_path / "guest", "guest", LinkRole.NODE)

    async def story() -> None:
        guest = await connect(network.ports["xian"], tmp_path / "guest")
        guest.send(hello("beijing", network_id=network.genesis.network_id))
        assert await guest.is_closed()
        bad = await network.client("xian")
        bad.send(b"\xc1")
        assert await bad.is_closed()
        assert (await network.status("xian")).connected == NAMES[:3]

    run(story())


@pytest.mark.parametrize("who", ["a backup", "the primary", "all"])
def test_nothing_acknowledged_is_lost_whoever_is_killed_without_warning(network: RealNetwork, who: str) -> None:
    primary = primary_of(network, CHAIN)
    backup = NAMES[(NAMES.index(primary) + 1) % 4]
    victims = {"a backup": (backup,), "the primary": (primary,), "all": NAMES}[who]
    asked = next(name for name in NAMES if name not in victims) if who != "all" else NAMES[0]
    raws = [network.definition(CHAIN) for _ in range(600)]

    async def story() -> None:
        sending = [asyncio.create_task(network.submit(asked, CHAIN, *raws[i : i + 20])) for i in range(0, 600, 20)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        network.kill(*victims)
        if who != "a backup":
            await asyncio.sleep(0.3)
        acknowledged = [task.result() for task in sending if task.done()]
        if who == "all":
            await asyncio.gather(*sending)
        network.start(*victims)
        await network.linked()
        await network.heads(CHAIN)
        if who == "all":
            for start in range(0, 600, 100):  # a retry is answered like the first time, or now
                answers = await network.submit("shanghai", CHAIN, *raws[start : start + 100])
                assert answers == dict.fromkeys(range(100), "")
        else:
            for outcome in await asyncio.gather(*sending):
                assert outcome == dict.fromkeys(range(20), "")
        assert all(code == "" for outcome in acknowledged for code in outcome.values())
        assert acknowledged
        height, _ = await network.heads(CHAIN)
        again = await network.submit(asked, CHAIN, *raws[:100])
        assert again == dict.fromkeys(range(100), "")
        assert (await network.heads(CHAIN))[0] == height  # none is executed twice

    run(story())


def test_a_stopped_network_ends_with_code_0_and_stands_where_it_stood(network: RealNetwork) -> None:
    heads = []

    async def note() -> None:
        heads.append([await network.heads(chain.chain_id) for chain in network.genesis.document.chains])

    run(note())
    assert set(network.stop().values()) == {0}
    network.start()
    run(network.linked())
    run(note())
    assert heads[0] == heads[1]


def test_a_node_whose_folder_was_moved_away_fetches_everything_again(network: RealNetwork) -> None:
    network.kill("xian")
    (network.node("xian") / "data").rename(network.folder / "moved")
    network.start("xian")

    async def story() -> None:
        await network.linked()
        for chain in network.genesis.document.chains:
            height, _ = await network.heads(chain.chain_id)
            assert height > 0 or chain.chain_id not in (CHAIN, "wuhan", "zunyi", "yanan")

    run(story())


def last_segment(data: Path) -> Path:
    """Where the log ends."""
    return max(data.glob("log-*.seg"))


def damage_log(data: Path) -> None:
    """One wrong bit in a group that another one follows."""
    wrong = bytearray(_group([b"record"]))
    wrong[-1] ^= 1
    last_segment(data).write_bytes(MAGIC + wrong + _group([b"record"]))


def remove_store(data: Path) -> None:
    """The store is gone, and the log does not begin at the beginning."""
    for path in (data / "store").iterdir():
        path.unlink()
    certificate = QuorumCertificate(view=0, signers=(), signatures=())
    commit = LoggedCommit(chain_id=CHAIN, height=99, certificate=certificate)
    last_segment(data).write_bytes(MAGIC + _group([encode(commit)]))


def foreign_log(data: Path) -> None:
    """The log speaks of a chain that the network does not have."""
    commit = LoggedCommit(
        chain_id="atlantis", height=1, certificate=QuorumCertificate(view=0, signers=(), signatures=())
    )
    last_segment(data).write_bytes(MAGIC + _group([encode(commit)]))


def other_records(data: Path) -> None:
    """The log holds what no version of ours wrote."""
    last_segment(data).write_bytes(MAGIC + _group([b"\xc1"]))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: (data / "store" / "data.mdb").write_bytes(b"x" * 9_000), "cannot open the store in"),
        (damage_log, "is damaged at byte"),
        (remove_store, "the log goes on at height"),
        (foreign_log, "the log speaks of atlantis"),
        (other_records, "the log holds a record that is not a canonical"),
    ],
    ids=["store damaged", "log damaged", "store removed", "foreign log", "other records"],
)
def test_a_damaged_folder_is_refused_with_one_sentence(network: RealNetwork, spoil, why: str) -> None:
    if "xian" not in network.processes:
        network.start("xian")
    network.kill("xian")
    spoil(network.node("xian") / "data")
    code, said = network.run("xian")
    assert code == 2
    assert said.count("\n") == 1
    assert why in said
    (network.node("xian") / "data").rename(network.folder / f"spoilt-{why[:12]}")


def of_three(document: dict) -> None:
    """A network that is too small."""
    document["replicas"].pop()


def two_of_one_name(document: dict) -> None:
    """Two replicas that nobody could tell apart."""
    document["replicas"][1]["name"] = document["replicas"][0]["name"]


def another_network(document: dict) -> None:
    """A document that is right, of a network whose replicas have other keys."""
    for number, replica in enumerate(document["replicas"]):
        key = scheme(SchemeName.ED25519).key_pair(bytes([number]) * 32).public_key
        replica["consensus_key"] = key.hex()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (of_three, "length >= 4 - at `$.replicas`"),
        (two_of_one_name, "a genesis document names each replica name once"),
        (another_network, "consensus.key is the key of no replica, neither in the genesis document nor"),
    ],
)
def test_a_node_with_a_genesis_document_that_cannot_be_its_own_says_which_setting_and_why(
    network: RealNetwork, spoil, why: str
) -> None:
    guest = network.node("guest")
    shutil.copytree(network.node("guangzhou"), guest, ignore=shutil.ignore_patterns("data"))
    try:
        document = json.loads((guest / "genesis.json").read_bytes())
        spoil(document)
        (guest / "genesis.json").write_bytes(rfc8785.dumps(document))
        code, said = network.run("guest")
    finally:
        shutil.rmtree(guest)
    assert (code, said.count("\n")) == (2, 1)
    assert why in said


def test_checks_must_stay_on(network: RealNetwork) -> None:
    code, said = network.run("beijing", PYTHONOPTIMIZE="1")
    assert (code, said.count("\n")) == (2, 1)
    assert "does not run under python -O" in said


def test_a_read_answers_with_a_proof(network: RealNetwork) -> None:
    async def story() -> None:
        client = await network.client("beijing")
        client.send(encode(ReadState(request=1, chain_id=CHAIN, keys=(b"C",), height=None)))
        body = await client.receive()
        assert body is not None
        answer = decode(body, Answer)
        assert isinstance(answer, StateAnswer)
        assert answer.certified is not None

    run(story())
