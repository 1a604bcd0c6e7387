"""The commands as a person types them, against a network that the commands themselves started."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import processes
from scripts.cli import COMMANDS, PANELS, make_app
from scripts.processes import ROOT
from scripts.sectors import load_sectors
from tests.scripts.command_line import fail, network, run, succeed

pytestmark = pytest.mark.processes
CHAIN = "nanjing"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli") / "network"
    try:
        succeed("up", "--detach", "--data", folder, "--port", str(processes.free_port(6)))
        yield folder
    finally:
        processes.stop_all(folder)


@pytest.fixture
def minted(data: Path) -> dict[str, Any]:
    certificate: dict[str, Any] = json.loads(succeed("mint", CHAIN, "--data", data, "--json"))
    return certificate


def test_up_shows_what_a_developer_wants_to_see_first(data: Path) -> None:
    again = fail("up", "--detach", "--data", data)
    assert "runs in" in again
    assert "down" in again
    processes.stop_all(data)
    shown = succeed("up", "--detach", "--data", data)
    document = network(data)
    for entry in document["chains"]:
        assert entry["id"] in shown
        assert entry["native_name"] in shown
        assert entry["accounts"]["alice"]["address"] in shown
    assert document["url"] in shown
    assert f"{document['url']}/docs" in shown
    assert document["fingerprint"] in shown
    assert document["api_keys"]["platform"] in shown
    assert "demo keys" in shown
    assert "documented" in shown
    assert "modelled" in shown
    assert shown.count("python3 scripts ") == 3


def test_network_json_is_for_its_owner_only(data: Path) -> None:
    private = "network.json", "demo-keys.json", "demo-dids.json", "secrets/passphrase", "ca/ca.key"
    for name in (*private, "nodes/beijing/consensus.key"):
        assert (data / name).stat().st_mode & 0o077 == 0, name


def test_status_lists_processes_and_chains(data: Path) -> None:
    status = json.loads(succeed("status", "--data", data, "--json"))
    assert {one["name"] for one in status["processes"]} == {
        "gateway",
        "relayer",
        "beijing",
        "shanghai",
        "guangzhou",
        "xian",
    }
    assert len(status["chains"]) == 10
    assert "wenchang" in succeed("status", "--data", data)


def test_a_certificate_lives_its_life(data: Path, minted: dict[str, Any], tmp_path: Path) -> None:
    certificate = minted["id"]
    assert run("verify", certificate, "--data", data).returncode == 0
    bundle = tmp_path / "bundle.json"
    succeed("proof", certificate, "--out", bundle, "--data", data)
    assert run("verify", "--offline", bundle, "--genesis", data / "genesis.json").returncode == 0
    assert "frozen" in succeed("freeze", certificate, "--data", data, "--reason", "under-review")
    assert run("verify", certificate, "--data", data).returncode == 1
    assert "active" in succeed("unfreeze", certificate, "--data", data)
    assert "revoked" in succeed("revoke", certificate, "--data", data, "--reason", "issued-in-error")
    assert run("verify", certificate, "--data", data).returncode == 1
    assert "is revoked, for good" in fail("revoke", certificate, "--data", data)
    assert "is revoked, for good" in fail("freeze", certificate, "--data", data)
    shown = json.loads(succeed("show", certificate, "--data", data, "--json"))
    assert shown["status"] == "revoked"
    assert shown["document"]["content"] == load_sectors()[CHAIN].sample()
    events = json.loads(succeed("history", certificate, "--data", data, "--json"))
    assert [event["event"] for event in events] == ["minted", "frozen", "unfrozen", "revoked"]
    assert run("verify", certificate.replace(CHAIN, "nowhere"), "--data", data).returncode == 1


def test_a_minted_proof_can_be_kept_as_a_file(data: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "kept.json"
    succeed("mint", "yanan", "--data", data, "--bundle", bundle)
    assert run("verify", "--offline", bundle, "--genesis", data / "genesis.json").returncode == 0


def test_a_batch_with_a_bad_row_mints_nothing_unless_asked(data: Path, tmp_path: Path) -> None:
    sector = load_sectors()[CHAIN]
    lines = sector.csv.read_text("utf-8").splitlines()
    header, cells = lines[0].split(","), lines[3].split(",")
    bad = tmp_path / "bad.csv"
    cells[header.index("heat_number")] = "not a heat number"
    bad.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:7]]) + "\n", "utf-8")
    told = fail("mint-batch", bad, "--chain", CHAIN, "--data", data)
    assert "line 4" in told
    assert "heat_number" in told
    job = json.loads(succeed("mint-batch", bad, "--chain", CHAIN, "--data", data, "--skip-bad", "--json"))
    assert (job["minted"], job["skipped"], job["total"]) == (5, 1, 6)
    assert [row["line"] for row in job["rows"] if row["outcome"] == "skipped"] == [4]


def test_every_sample_file_can_be_minted(data: Path) -> None:
    for chain, sector in load_sectors().items():
        assert f"{len(sector.rows())} minted" in succeed("mint-batch", sector.csv, "--chain", chain, "--data", data)


def test_a_key_of_ones_own_signs_what_it_was_shown(data: Path, tmp_path: Path) -> None:
    """Key-upload mode from the command line: key, account, encode, look, sign, send."""
    key, document = tmp_path / "key.json", network(data)
    shown = succeed("keys", "new", CHAIN, "--out", key, "--data", data)
    assert "public_key" in shown
    assert "never overwritten" in fail("keys", "new", CHAIN, "--out", key, "--data", data)
    stored = json.loads(key.read_text())
    public_key = next(line.split()[-1] for line in shown.splitlines() if line.startswith("public_key"))
    headers = {"Authorization": f"Bearer {document['api_keys']['platform']}"}
    with httpx.Client(base_url=document["url"], headers=headers, timeout=30) as client:
        account = {"chain": CHAIN, "public_key": public_key, "address": stored["address"]}
        assert client.post("/v1/accounts", json=account).status_code == 201
        time.sleep(5.2)  # a touch is taken from a head that is five seconds old
        call = {"sender": stored["address"], "contract": "system", "method": "touch"}
        encoded = client.post(f"/v1/chains/{CHAIN}/transactions:encode", json=call).json()
    sent = run("sign", encoded["body"], "--key", key, "--yes", "--send", "--data", data)
    assert sent.returncode == 0, sent
    assert '"method": "touch"' in sent.stderr
    assert json.loads(sent.stdout)["receipt"]["succeeded"] is True


def test_an_api_key_works_until_it_is_revoked(data: Path) -> None:
    document, key = network(data), succeed("keys", "new-api", "platform", "--data", data).strip()
    headers, entry = {"Authorization": f"Bearer {key}"}, next(c for c in document["chains"] if c["id"] == CHAIN)
    body = {"chain": CHAIN, "class": entry["class"], "holder": entry["accounts"]["bob"]["address"]}
    with httpx.Client(base_url=document["url"], headers=headers, timeout=30) as client:
        assert client.post("/v1/certificates", json=body | {"content": entry["sample"]}).status_code == 201
        succeed("keys", "revoke-api", key, "--data", data)
        time.sleep(2.1)  # as long as a gateway remembers a key
        refused = client.post("/v1/certificates", json=body | {"content": entry["sample"]})
        assert (refused.status_code, refused.json()["code"]) == (401, "api-key-unknown")
    assert "no API key" in fail("keys", "revoke-api", "ck_nothing_here", "--data", data)


def test_backup_and_restore_bring_documents_back(data: Path, minted: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "vault.copy"
    succeed("backup", copy, "--data", data)
    assert copy.stat().st_mode & 0o077 == 0
    assert "end it first" in fail("restore", copy, "--data", data)
    processes.stop_all(data)
    for path in (data / "gateway").glob("vault.db*"):
        path.unlink()
    succeed("restore", copy, "--data", data)
    succeed("up", "--detach", "--data", data)
    assert "document" in json.loads(succeed("show", minted["id"], "--data", data, "--json"))


def test_the_index_is_rebuilt_from_the_ledger(data: Path, minted: dict[str, Any]) -> None:
    document = network(data)
    with httpx.Client(base_url=document["url"], timeout=30) as client:
        before = client.get("/v1/certificates", params={"chain": CHAIN, "limit": 200}).json()["certificates"]
        succeed("rebuild-index", "--data", data)
        deadline = time.monotonic() + 20
        while (
            after := client.get("/v1/certificates", params={"chain": CHAIN, "limit": 200}).json()["certificates"]
        ) != before:
            assert time.monotonic() < deadline, (len(before), len(after))
            time.sleep(0.1)
    assert minted["id"] in {found["id"] for found in after}


def test_renewed_certificates_are_taken_at_the_next_start(data: Path) -> None:
    succeed("certificates", "renew", "--data", data)
    processes.stop_all(data)
    succeed("up", "--detach", "--data", data)
    succeed("mint", CHAIN, "--data", data)


def test_what_cannot_be_done_is_one_clear_line(data: Path, tmp_path: Path) -> None:
    assert "there is no chain 'atlantis'" in fail("mint", "atlantis", "--data", data)
    assert "there is no network" in fail("status", "--data", tmp_path / "nothing")
    assert "no certificate" in fail("show", "nothing", "--data", data)
    assert "--content is no JSON" in fail("mint", CHAIN, "--content", "{", "--data", data)
    assert "no scenario" in fail("bench", "nothing")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    assert "not empty" in fail("up", "--data", tmp_path / "full")
    assert run("nonsense").returncode == 2
    assert run("up", "--nodes", "3", "--data", tmp_path / "three").returncode == 2


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    port = processes.free_port(6)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port + 2))
        busy.listen()
        told = fail("up", "--detach", "--data", tmp_path / "network", "--port", str(port))
    assert f"port {port + 2} is in use" in told
    assert processes.alive(tmp_path / "network") == {}


def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    command = [sys.executable, "-m", "scripts.cli", "up", "--data", str(folder), "--port", str(processes.free_port(6))]
    foreground = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert foreground.stdout is not None
    try:
        while "Ctrl-C" not in foreground.stdout.readline():
            assert foreground.poll() is None
        started = list(processes.alive(folder).values())
        assert len(started) == 6
        foreground.send_signal(signal.SIGINT)
        assert foreground.wait(20) == 0
        assert not any(process.is_running() for process in started)
    finally:
        foreground.kill()
        foreground.stdout.close()
        processes.stop_all(folder)


def test_the_demo_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "scripts.cli", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
    assert done.stdout.count("✓") == 7
    assert "✗" not in done.stdout
    total = int(next(line for line in done.stdout.splitlines() if "certificates on 10 chains" in line).split()[0])
    assert total >= 300
    assert list(tmp_path.iterdir()) == []


def test_down_ends_the_network_and_keeps_its_data(data: Path) -> None:
    assert "Ended 6 processes" in succeed("down", "--data", data)
    assert "Nothing runs" in succeed("down", "--data", data)
    shown = succeed("up", "--detach", "--data", data)
    assert "as it was" in shown


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.cli", "demo"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("certnet-demo-*/network/run.json")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        started = list(processes.alive(next(tmp_path.glob("certnet-demo-*")) / "network").values())
        demo.send_signal(signal.SIGINT)
        _, told = demo.communicate(timeout=30)
        assert demo.returncode == 130
        assert "interrupted" in told
        assert "Traceback" not in told
        assert not any(process.is_running() for process in started)
        assert list(tmp_path.iterdir()) == []
    finally:
        demo.kill()


def test_replicas_shows_who_certifies_and_refuses_what_cannot_be(data: Path) -> None:
    shown = succeed("replicas", "--data", data)
    assert "a quorum is 3 of 4" in shown
    view = json.loads(succeed("replicas", "--data", data, "--json"))
    assert [one["name"] for one in view["chains"][0]["replicas"]] == ["beijing", "shanghai", "guangzhou", "xian"]
    for one in view["chains"][0]["replicas"]:
        assert (one["connected"], one["signs"], one["convictions"]) == (True, True, 0)
        assert one["consensus_key"][:16] in shown
    assert "a node's name is" in fail("replicas", "add", "Su Zhou", "--data", data)
    assert "there is no chain 'atlantis'" in fail("replicas", "remove", "xian", "--chain", "atlantis", "--data", data)
    assert "a chain has at least 4 replicas" in fail("replicas", "remove", "xian", "--data", data)
    assert "there is no node 'paris'" in fail("replicas", "rekey", "paris", "--data", data)
    assert "xian knows what it has signed" in fail("sign-again", "xian", "--data", data)


def test_any_method_is_called_and_any_read_is_read(data: Path, minted: dict[str, Any]) -> None:
    one = (f"class_id={minted['class']}", f"token={minted['token']}")
    for command, tenant, event in (
        ("freeze", "operator", "EnterBlacklist"),
        ("unfreeze", "regulator", "ExitBlacklist"),
    ):
        done = ("call", CHAIN, f"ddc721.{command}", *one, "reason=by-the-book", "--data", data, "--as", tenant)
        assert event in succeed(*done)
    answer = json.loads(succeed("read", CHAIN, "ddc721.ownerOf", *one, "--data", data, "--json"))
    assert answer["value"] == minted["holder"]
    assert minted["holder"] in succeed("read", CHAIN, "ddc721.ownerOf", *one, "--data", data)
    recharge = ("call", CHAIN, "charge.selfRecharge", "fen:=5", "--data", data, "--as", "operator", "--json")
    assert json.loads(succeed(*recharge))["receipt"]["succeeded"]


def test_what_the_contracts_offer_is_shown(data: Path) -> None:
    assert "ddc1155" in succeed("contracts", "--data", data)
    assert "setAttribute" in succeed("contracts", "ddc721", "--data", data)
    listed = json.loads(succeed("contracts", "evidence", "--data", data, "--json"))
    assert [entry["contract"] for entry in listed] == ["evidence"]
    assert "there is no contract lottery" in fail("contracts", "lottery", "--data", data)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("freeze",), "write CONTRACT.NAME"),
        (("ddc721.freeze", "token"), "write NAME=VALUE"),
        (("ddc721.freeze", "token:=1,"), "is no JSON"),
        (("ddc721.thaw",), "There is no method ddc721.thaw"),
        (("ddc721.transferFrom",), "never change hands"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(data: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in " ".join(fail("call", CHAIN, *arguments, "--data", data).split())


def test_every_command_says_in_one_line_what_it_does() -> None:
    app = make_app()
    said = [command.callback.__doc__ for command in app.registered_commands if command.callback is not None]
    assert len(said) == len(COMMANDS)
    for text in said:
        assert text is not None
        assert len(text.strip().splitlines()) == 1
        assert len(text) <= 120
    listed = succeed("--help")
    assert all(f" {name} " in listed for name in COMMANDS)
    assert set(PANELS) <= set(COMMANDS.values())
