"""Statements and drafts, typed as commands: what is answered goes as it is into the calls that need it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.services.gateway import now_ms
from scripts.sectors import load_sectors
from tests.scripts.command_line import fail, succeed
from tests.scripts.commands.chain_here import CHAIN, CLASS, EDITIONS, answer, people

pytestmark = pytest.mark.processes


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content in a file."""
    file = tmp_path / "content.json"
    file.write_text(json.dumps(load_sectors()[CHAIN].sample(), ensure_ascii=False), "utf-8")
    return file


def call(data: Path, place: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A call with these arguments that takes effect."""
    return answer(data, "call", CHAIN, place, *(f"{name}:={json.dumps(value)}" for name, value in arguments.items()))


def test_a_drafted_certificate_is_signed_for_and_issued(data: Path, content: Path) -> None:
    """A holder who signs and does not pay."""
    alice = people(data)["alice"]["address"]
    drafted = answer(data, "draft", CHAIN, CLASS, content, "--holder", "alice", "--valid-until", "2099-12-31")
    item = drafted["item"]
    assert (item["holder"], item["valid_until"]) == (alice, 4_102_358_400_000)
    arguments = f"arguments:={json.dumps({'class_id': CLASS, 'item': item, 'data': ''})}"
    typed = ("contract=ddc721", "method=metaMint", f"signer={alice}", arguments)
    stated = answer(data, "statement", CHAIN, "meta", *typed)
    assert stated["arguments"]["signed"]["signature"] == stated["signatures"]["signature"]
    call(data, "ddc721.metaMint", stated["arguments"])
    certificate = answer(data, "show", f"{CHAIN}.ddc721.{CLASS}.{drafted['token']}")
    assert certificate["document"]["content"] == load_sectors()[CHAIN].sample()


def test_a_signatory_signs_an_issue(data: Path, content: Path) -> None:
    platform = people(data)["platform"]["address"]
    call(data, "classes.setSignatories", {"class_id": CLASS, "threshold": 1, "signatories": [platform]})
    try:
        drafted = answer(data, "draft", CHAIN, CLASS, content, "--holder", "bob")
        issue = {"class_id": CLASS, "items": [drafted["item"]], "deadline": now_ms() + 600_000}
        typed = (*(f"{name}:={json.dumps(value)}" for name, value in issue.items()), f"signer={platform}")
        stated = answer(data, "statement", CHAIN, "issue", *typed)
        signed = {"signers": [stated["place"]], "signatures": [stated["signatures"]["signature"]]}
        call(data, "ddc721.mintSigned", issue | signed)
    finally:
        call(data, "classes.setSignatories", {"class_id": CLASS, "threshold": 0, "signatories": []})
    certificate = answer(data, "show", f"{CHAIN}.ddc721.{CLASS}.{drafted['token']}")
    assert certificate["holder"] == people(data)["bob"]["address"]


def test_a_draft_of_an_edition_has_no_holder(data: Path, content: Path) -> None:
    drafted = answer(data, "draft", CHAIN, EDITIONS, content)
    call(data, "ddc1155.createEdition", drafted["item"])
    shown = succeed("draft", CHAIN, EDITIONS, content, "--data", data)
    assert "token" in shown
    assert "ddc721" not in shown


def test_a_draft_shows_the_id_and_the_item(data: Path, content: Path) -> None:
    shown = succeed("draft", CHAIN, CLASS, content, "--holder", "alice", "--data", data)
    facts, item = shown[: shown.index("{")].split(), json.loads(shown[shown.index("{") :])
    assert facts[2:] == ["id", f"{CHAIN}.ddc721.{CLASS}.{item['token']}", "token", item["token"]]
    assert item["holder"] == people(data)["alice"]["address"]


def test_a_statement_shows_what_is_signed_the_digest_and_the_signatures(data: Path) -> None:
    did = people(data)["bob"]["did"]
    home = json.loads((data / "demo-dids.json").read_text("utf-8"))[did.removeprefix("did:bsn:")]["home"]
    typed = ("statement", home, "service-change", f"did={did}", "service=verify", "endpoint=https://bob.example/verify")
    whole = answer(data, *typed)
    shown = succeed(*typed, "--data", data)
    assert json.loads(shown[: shown.index("}") + 1]) == whole["statement"]
    assert whole["statement"]["endpoint"] == "https://bob.example/verify"
    assert whole["signed_by"] in shown
    assert whole["digest"] in shown
    assert whole["signatures"]["signature"] in shown
    unsigned = succeed(*typed, "--no-sign", "--data", data)
    assert whole["digest"] in unsigned
    assert whole["signatures"]["signature"] not in unsigned
    assert "signatures" not in answer(data, *typed, "--no-sign")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("statement", CHAIN, "promise"), "kind"),
        (("statement", CHAIN, "rotation"), "did"),
        (("statement", CHAIN, "rotation", "did"), "write NAME=VALUE"),
        (("statement", "atlantis", "rotation", f"did=did:bsn:{'0a' * 20}"), "atlantis"),
        (("draft", "atlantis", CLASS, "README.md"), "there is no chain 'atlantis'"),
        (("draft", CHAIN, CLASS, "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (("draft", CHAIN, CLASS, "README.md"), "README.md is no JSON"),
    ],
)
def test_what_cannot_be_stated_or_drafted_is_refused_in_a_sentence(
    data: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in " ".join(fail(*arguments, "--data", data).split())


def test_a_draft_is_for_a_holder_unless_it_is_an_edition(data: Path, content: Path) -> None:
    assert "holder" in fail("draft", CHAIN, CLASS, content, "--data", data)
    assert "holder" in fail("draft", CHAIN, EDITIONS, content, "--holder", "alice", "--data", data)
