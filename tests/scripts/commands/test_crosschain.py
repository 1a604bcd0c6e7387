"""Mirrors and moves, typed as commands."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.client import client_of
from scripts.sectors import load_sectors
from tests.scripts.command_line import fail, succeed
from tests.scripts.commands.chain_here import CHAIN, answer

pytestmark = pytest.mark.processes
OTHER = "taian"
CLASS = "movable"


@pytest.fixture(scope="module")
def certificate(data: Path) -> str:
    """A certificate of alice's, of a class that both chains have."""
    names = {"class": CLASS, "name_en": "Movable", "name_zh": "可转移", "schema": load_sectors()[CHAIN].document}
    with client_of(data, "platform") as client:
        for chain in (CHAIN, OTHER):
            client.post("/v1/classes", {"chain": chain, **names})
    minted: dict[str, Any] = answer(data, "mint", CHAIN, "--class", CLASS)
    return str(minted["id"])


def test_a_certificate_is_mirrored_and_the_mirror_is_shown(data: Path, certificate: str) -> None:
    made = answer(data, "attest", certificate, "yanan", "--bound", "600")
    assert (made["chain"], made["status"], made["bound_s"]) == ("yanan", "active", 600)
    assert answer(data, "mirror", certificate, "yanan")["source"] == made["source"]
    said = succeed("mirror", certificate, "yanan", "--data", data)
    assert "active" in said
    assert "镜像" in said


def test_what_is_not_mirrored_is_said_in_a_sentence(data: Path, certificate: str) -> None:
    assert "There is no mirror" in fail("mirror", certificate, "wuhan", "--data", data)


def test_a_certificate_moves_where_its_class_lets_it(data: Path, certificate: str) -> None:
    assert "may not move" in fail("move", certificate, OTHER, "alice", "--data", data)
    listed = ("crosschain.addTargetChainId", f"class_id={CLASS}", f"chain_id={OTHER}")
    answer(data, "call", CHAIN, *listed)
    moved = answer(data, "move", certificate, OTHER, "alice")
    assert (moved["state"], moved["to_chain"]) == ("done", OTHER)
    arrived = answer(data, "show", certificate.replace(CHAIN, OTHER, 1))
    assert (arrived["status"], arrived["origin"]) == ("active", certificate)


def test_a_move_that_is_only_opened_waits(data: Path) -> None:
    minted = answer(data, "mint", CHAIN, "--class", CLASS)
    opened = answer(data, "move", minted["id"], OTHER, "alice", "--open-only")
    assert opened["state"] == "unconfirmed"
    assert answer(data, "show", minted["id"])["status"] == "locked"


def test_the_directory_finds_a_class_its_issuer_and_a_certificate_by_either_id(data: Path, certificate: str) -> None:
    found = answer(data, "find", CLASS)
    assert {one["chain"] for one in found["classes"]} >= {CHAIN, OTHER}
    uid = answer(data, "show", certificate)["uid"]
    for named in (certificate, uid):
        assert [one["uid"] for one in answer(data, "find", named)["certificates"]] == [uid]
    said = succeed("find", CLASS, "--data", data)
    assert f"bsn:{OTHER}/ddc721:{CLASS}" in said
    assert "分布式身份" in said
    assert "more" in succeed("find", "--data", data) or answer(data, "find")["more"] is False


def test_routes_say_what_is_open_and_what_it_costs(data: Path) -> None:
    place = ("--from", CHAIN, "--to", OTHER, "--class", CLASS)
    (move,) = json.loads(succeed("routes", *place, "--use", "move", "--data", data, "--json"))
    assert (move["from"], move["to"]) == (CHAIN, OTHER)
    said = succeed("routes", *place, "--data", data)
    assert "move" in said
    assert "attest" in said
    assert "no chain" in fail("routes", "--to", "atlantis", "--data", data).lower()
