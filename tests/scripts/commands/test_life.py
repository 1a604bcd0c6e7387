"""Everything that can become of a certificate, typed as commands."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.routes import life as routes
from scripts.cli import ACTIONS
from scripts.client import client_of
from scripts.commands import life
from scripts.sectors import load_sectors
from tests.scripts.command_line import fail, succeed
from tests.scripts.commands.chain_here import CHAIN, answer, mint, people

ONLY_OVER_REST = {"reissue": {"uri", "token", "valid_from"}}
processes = pytest.mark.processes


def test_every_action_of_the_api_is_a_command_that_takes_its_members() -> None:
    assert [action.name for action in routes.ACTIONS] == list(ACTIONS)
    for action in routes.ACTIONS:
        taken = set(inspect.signature(getattr(life, action.name.replace("-", "_"))).parameters)
        members = set(action.body.model_fields) - ONLY_OVER_REST.get(action.name, set())
        assert taken == members | {"certificate", "data", "tenant", "as_json"}, action.name


def content_file(folder: Path, **changed: Any) -> Path:
    """A content of the class in a file."""
    file = folder / "content.json"
    file.write_text(json.dumps(load_sectors()[CHAIN].sample() | changed), "utf-8")
    return file


@processes
def test_a_certificate_lives_its_whole_life(data: Path, tmp_path: Path) -> None:
    made, known = mint(data), people(data)
    certificate, alice = made["id"], ("--account", "alice")

    def change(action: str, *arguments: str | Path) -> dict[str, Any]:
        return answer(data, action, certificate, *arguments)

    assert made["status"] == "offered"
    assert change("accept", *alice)["status"] == "active"
    used = change("set-user", "bob", "2099-12-31", *alice)
    assert (used["user"], used["user_until"]) == (known["bob"]["address"], 4_102_358_400_000)
    nobody = change("set-user", *alice)
    assert (nobody["user"], nobody["user_until"]) == (None, None)
    assert change("set-attribute", "grade", "A+")["attributes"] == {"grade": "A+"}
    assert change("set-attribute", "grade", "")["attributes"] == {}
    assert change("set-uri", "https://example.org/1")["uri"] == "https://example.org/1"
    assert change("freeze", "--reason", "under-review")["status"] == "frozen"
    assert change("unfreeze")["status"] == "active"
    with client_of(data, "owner") as client:
        bridge = client.post("/v1/accounts", {"chain": CHAIN, "role": "cross-chain"})["address"]
    assert change("lock", "--account", bridge)["status"] == "locked"
    assert change("unlock", "--account", bridge)["status"] == "active"
    moved = rebound(data, certificate)
    new = change("reissue", content_file(tmp_path), "--reason", "misspelt", "--valid-until", "2099-12-31")
    assert (new["supersedes"], new["holder"], new["valid_until"]) == (made["token"], moved, 4_102_358_400_000)
    assert answer(data, "burn", new["id"], "--reason", "by-request")["status"] == "burnt"
    events = json.loads(succeed("history", certificate, "--data", data, "--json"))
    assert [event["event"] for event in events] == [
        "minted", "accepted", "user-set", "user-set", "attribute-set", "attribute-set", "uri-set", "frozen", "unfrozen",
        "locked", "unlocked", "rebind-requested", "rebind-refused", "rebind-requested", "rebind-refused",
        "rebind-requested", "rebind-approved", "rebound", "revoked", "reissued",
    ]  # fmt: skip


def rebound(data: Path, certificate: str) -> str:
    """Asked for and objected to, by the DID and by the old account; then approved and done: the new holder."""
    with client_of(data, "platform") as client:
        new = str(client.post("/v1/accounts", {"chain": CHAIN, "did": people(data)["alice"]["did"]})["address"])
    for objects in (("--as-did",), ("--account", "alice")):
        answer(data, "request-rebind", certificate, new)
        answer(data, "object-rebind", certificate, *objects)
    answer(data, "request-rebind", certificate, new)
    answer(data, "approve-rebind", certificate)
    assert answer(data, "complete-rebind", certificate)["holder"] == new
    return new


@processes
def test_who_keeps_the_keys_of_a_did_hands_the_signatures_in(data: Path) -> None:
    made, known = mint(data, load_sectors()[CHAIN].class_id), people(data)
    with client_of(data, "platform") as client:
        new = client.post("/v1/accounts", {"chain": CHAIN, "did": known["alice"]["did"]})["address"]
    about = ("contract=ddc721", f"class_id={made['class']}", f"token={made['token']}", f"holder={made['holder']}")
    of = (*about, f"did={known['alice']['did']}")
    stated = answer(data, "statement", CHAIN, "rebinding", *of, f"to={new}")
    signature, sequence = stated["signatures"]["signature"], str(stated["statement"]["sequence"])
    signed = ("--signature", signature, "--did-sequence", sequence)
    answer(data, "request-rebind", made["id"], new, *signed, "--as", "operator")
    signature = answer(data, "statement", CHAIN, "objection", *of)["signatures"]["signature"]
    answer(data, "object-rebind", made["id"], "--signature", signature, "--as", "operator")
    events = json.loads(succeed("history", made["id"], "--data", data, "--json"))
    assert [event["event"] for event in events] == ["minted", "rebind-requested", "rebind-refused"]


@processes
def test_a_change_shows_what_the_certificate_is_now(data: Path) -> None:
    certificate = mint(data)["id"]
    shown = succeed("accept", certificate, "--data", data, "--account", "alice").split()
    assert ["id", certificate, "status", "active", "holder", people(data)["alice"]["address"]] == shown[2:8]
    assert "user" not in shown
    assert people(data)["bob"]["address"] in succeed(
        "set-user", certificate, "bob", "2099-12-31", "--data", data, "--account", "alice"
    )
    declined = mint(data)["uid"]
    assert "burnt" in succeed("decline", declined, "--data", data, "--account", "alice")
    assert "revoked" in succeed("revoke", certificate, "--data", data, "--reason", "issued-in-error")


@pytest.fixture(scope="module")
def active(data: Path) -> str:
    """A certificate that nothing becomes of, because everything is refused."""
    return str(mint(data, load_sectors()[CHAIN].class_id)["id"])


@processes
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("set-user", "ID", "bob", "--account", "alice"), "'user' and 'until' go together"),
        (("set-user", "ID", "bob", "tomorrow", "--account", "alice"), "'tomorrow' is no time"),
        (("set-user", "ID", "bob", "2099-12-31"), "holder"),
        (("burn", "ID", "--reason", "I am sorry"), "reason"),
        (("lock", "ID"), "not open to the role"),
        (("accept", "ID", "--account", "carol"), "account"),
        (
            ("accept", "ID", "--as", "carol"),
            "there is no tenant 'carol'; there are owner, operator, platform, regulator",
        ),
        (("approve-rebind", "ID"), "rebind"),
        (("object-rebind", "ID", "--as-did", "--signature", "ab" * 64), "give either 'signature' or 'as_did'"),
        (("reissue", "ID", "nowhere.json", "--reason", "misspelt"), "nowhere.json cannot be read: No such file"),
        (("reissue", "ID", ".", "--reason", "misspelt"), ". cannot be read: Is a directory"),
        (("reissue", "ID", "README.md", "--reason", "misspelt"), "README.md is no JSON: "),
        (("freeze", "nothing"), "'nothing' names no certificate"),
        (("freeze", "atlantis.ddc721.origin.1"), "there is no chain 'atlantis'"),
    ],
)
def test_what_cannot_become_of_a_certificate_is_refused_in_a_sentence(
    data: Path, active: str, arguments: tuple[str, ...], says: str
) -> None:
    typed = [active if word == "ID" else word for word in arguments]
    assert says in " ".join(fail(*typed, "--data", data).split())


@processes
def test_what_an_action_needs_must_be_typed(data: Path, active: str) -> None:
    for arguments in (("set-uri", active), ("set-attribute", active, "grade"), ("reissue", active, "README.md")):
        assert "Missing" in fail(*arguments, "--data", data, code=2)
