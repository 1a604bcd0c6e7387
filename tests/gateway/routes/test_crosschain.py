"""Work between chains over REST, with a relayer's own process: mirrors, certificates that stand on others, moves."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from chain.did import Confirmation, statement_digest
from chain.profiles import load_profiles
from chain.signatures import SchemeName, scheme
from chain.universal_id import format_token, parse_token
from gateway.arguments import read_record
from scripts import processes
from tests.gateway.refusals import SCHEMA
from tests.gateway.running import RunningNetwork

pytestmark = pytest.mark.processes
SOURCE, TARGET, THIRD = "wenchang", "zunyi", "yanan"
CONTENT = {"text": "between chains"}
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def relayer(network: RunningNetwork) -> Iterator[RunningNetwork]:
    """The network, with a relayer."""
    processes.start(network.folder, processes.RELAYER)
    try:
        yield network
    finally:
        processes.forget(network.folder, processes.RELAYER)


def post(network: RunningNetwork, path: str, body: Any, tenant: str = "platform", status: int = 201) -> dict[str, Any]:
    answer = network.client(tenant).post(path, json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def get(network: RunningNetwork, path: str, **parameters: str) -> dict[str, Any]:
    answer = network.client("nobody").get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(answer: httpx.Response, code: str) -> None:
    assert answer.json()["code"] == code, answer.text


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def call(network: RunningNetwork, chain: str, place: str, arguments: dict[str, Any]) -> None:
    post(network, f"/v1/chains/{chain}/contracts/{place}", {"arguments": arguments}, status=200)


def new_class(network: RunningNetwork, *chains: str) -> str:
    """One class on several chains."""
    class_id = f"c-{uuid.uuid4().hex[:12]}"
    for chain in chains:
        body = {"chain": chain, "class": class_id, "name_en": "Note", "name_zh": "便条", "schema": SCHEMA}
        post(network, "/v1/classes", body)
    return class_id


def mint(network: RunningNetwork, chain: str, class_id: str, **more: Any) -> str:
    body = {"chain": chain, "class": class_id, "holder": network.address(chain, "alice"), "content": CONTENT}
    return str(post(network, "/v1/certificates", body | more)["id"])


def mirror(network: RunningNetwork, certificate: str, chain: str) -> dict[str, Any]:
    return get(network, "/v1/crosschain/attestations", id=certificate, chain=chain)


def movable(network: RunningNetwork) -> str:
    class_id = new_class(network, SOURCE, TARGET)
    call(network, SOURCE, "crosschain/addTargetChainId", {"class_id": class_id, "chain_id": TARGET})
    return mint(network, SOURCE, class_id)


def open_move(network: RunningNetwork, certificate: str) -> dict[str, Any]:
    body = {"id": certificate, "chain": TARGET, "to": network.address(TARGET, "alice")}
    return post(network, "/v1/crosschain/moves", body)


def path_of(move: dict[str, Any]) -> str:
    return f"/v1/crosschain/moves/{move['chain']}/{move['cross_id']}"


def on_target(certificate: str) -> str:
    """The id that a certificate has there: its token as that chain writes it."""
    _, standard, class_id, text = certificate.split(".")
    styles = {chain: load_profiles()[chain].token_id_style for chain in (SOURCE, TARGET)}
    token = format_token(styles[TARGET], parse_token(styles[SOURCE], text))
    return f"{TARGET}.{standard}.{class_id}.{token}"


def test_a_certificate_is_mirrored_and_its_revocation_follows(relayer: RunningNetwork) -> None:
    certificate = mint(relayer, SOURCE, new_class(relayer, SOURCE))
    made = post(relayer, "/v1/crosschain/attestations", {"id": certificate, "chain": THIRD, "bound_s": 600})
    assert (made["id"], made["chain"], made["status"], made["bound_s"]) == (certificate, THIRD, "active", 600)
    assert mirror(relayer, certificate, THIRD)["source"]["height"] == made["source"]["height"]
    post(relayer, f"/v1/certificates/{certificate}:revoke", {"reason": "issued-in-error"}, status=200)
    until(lambda: mirror(relayer, certificate, THIRD)["status"] == "revoked", "the mirror does not follow")


def test_a_mirror_is_shown_anew_on_request(relayer: RunningNetwork) -> None:
    class_id = new_class(relayer, SOURCE)
    certificate = mint(relayer, SOURCE, class_id)
    body = {"id": certificate, "chain": THIRD}
    first = post(relayer, "/v1/crosschain/attestations", body)
    mint(relayer, SOURCE, class_id)
    second = post(relayer, "/v1/crosschain/attestations", body)
    assert second["source"]["height"] > first["source"]["height"]
    assert second["bound_s"] == 3_600


def test_one_idempotency_key_mirrors_once(relayer: RunningNetwork) -> None:
    certificate = mint(relayer, SOURCE, new_class(relayer, SOURCE))
    body, key = {"id": certificate, "chain": THIRD}, {"Idempotency-Key": uuid.uuid4().hex}
    answers = [relayer.client().post("/v1/crosschain/attestations", json=body, headers=key).json() for _ in range(2)]
    assert answers[0]["transaction"] == answers[1]["transaction"]


def test_what_is_not_mirrored_is_not_found_and_no_chain_mirrors_itself(relayer: RunningNetwork) -> None:
    certificate = mint(relayer, SOURCE, new_class(relayer, SOURCE))
    ask = relayer.client("nobody").get
    refused(ask("/v1/crosschain/attestations", params={"id": certificate, "chain": THIRD}), "mirror-unknown")
    for method, body in (
        ("post", {"id": certificate, "chain": SOURCE}),
        ("post", {"id": certificate, "chain": "atlantis"}),
    ):
        answer = getattr(relayer.client(), method)("/v1/crosschain/attestations", json=body)
        refused(answer, "parameter-malformed" if body["chain"] == SOURCE else "chain-unknown")


def test_a_licence_is_issued_on_a_diploma_and_is_suspended_with_it(relayer: RunningNetwork) -> None:
    diploma, licence = new_class(relayer, SOURCE), new_class(relayer, TARGET)
    requires = [{"chain_id": SOURCE, "class_id": diploma, "max_age_ms": 60_000, "follow": True}]
    call(relayer, TARGET, "classes/setRequirements", {"class_id": licence, "requires": requires})
    held = mint(relayer, SOURCE, diploma)
    body = {"chain": TARGET, "class": licence, "holder": relayer.address(TARGET, "alice"), "content": CONTENT}
    for wrong in ([], [held, held], [mint(relayer, SOURCE, new_class(relayer, SOURCE))]):
        refused(relayer.client().post("/v1/certificates", json=body | {"requires": wrong}), "requirements-unshown")
    issued = mint(relayer, TARGET, licence, requires=[held])
    post(relayer, f"/v1/certificates/{held}:freeze", {"reason": "under-review"}, "regulator", 200)
    until(lambda: get(relayer, f"/v1/certificates/{issued}")["status"] == "suspended", "the licence does not follow")
    found = get(relayer, "/v1/certificates", **{"class": licence, "status": "suspended"})["certificates"]
    assert [one["id"] for one in found] == [issued]
    post(relayer, f"/v1/certificates/{held}:unfreeze", {"reason": "cleared"}, "regulator", 200)
    until(lambda: get(relayer, f"/v1/certificates/{issued}")["status"] == "active", "the licence stays suspended")


def test_a_certificate_moves_and_comes_home(relayer: RunningNetwork) -> None:
    certificate = movable(relayer)
    there = on_target(certificate)
    move = open_move(relayer, certificate)
    assert (move["state"], move["fee"], move["id"]) == ("unconfirmed", 500, certificate)
    assert get(relayer, f"/v1/certificates/{certificate}")["status"] == "locked"
    confirmed = post(relayer, path_of(move) + ":confirm", {}, status=200)
    assert confirmed["state"] in ("sent", "done")
    until(lambda: get(relayer, path_of(move))["state"] == "done", "the move does not end")
    arrived = get(relayer, f"/v1/certificates/{there}")
    assert (arrived["status"], arrived["origin"]) == ("active", certificate)
    assert get(relayer, f"/v1/certificates/{certificate}")["status"] == "moved"
    class_id = certificate.split(".")[2]
    until(
        lambda: (
            {
                one["id"]: one["recorded_status"]
                for one in get(relayer, "/v1/certificates", **{"class": class_id})["certificates"]
            }
            == {certificate: "moved", there: "active"}
        ),
        "the index does not follow",
    )
    call(relayer, TARGET, "crosschain/addTargetChainId", {"class_id": class_id, "chain_id": SOURCE})
    body = {"id": there, "chain": SOURCE, "to": relayer.address(SOURCE, "alice")}
    back = post(relayer, "/v1/crosschain/moves", body)
    post(relayer, path_of(back) + ":confirm", {}, status=200)
    until(lambda: get(relayer, path_of(back))["state"] == "done", "the move back does not end")
    home = get(relayer, f"/v1/certificates/{certificate}")
    assert (home["status"], home["origin"]) == ("active", None)
    statuses = {certificate: "active", there: "moved"}
    until(
        lambda: (
            {
                one["id"]: one["recorded_status"]
                for one in get(relayer, "/v1/certificates", **{"class": class_id})["certificates"]
            }
            == statuses
        ),
        "the index does not follow home",
    )


def test_a_move_is_confirmed_by_the_did_s_own_key(relayer: RunningNetwork) -> None:
    move = open_move(relayer, movable(relayer))
    statement = dict(move["statement"])
    digest = bytes.fromhex(statement.pop("digest"))
    record = read_record(relayer.rules(TARGET), Confirmation, statement, "a confirmation")
    assert statement_digest(relayer.genesis.network_id, SOURCE, record) == digest
    seeds = json.loads((relayer.folder / "demo-dids.json").read_text("utf-8"))
    seed = bytes.fromhex(seeds[record.did.hex()]["authentication"])
    signature = scheme(SchemeName.SECP256K1).key_pair(seed).sign(digest)
    refused(relayer.client().post(path_of(move) + ":confirm", json={"signature": bytes(64).hex()}), "did-not-signed")
    post(relayer, path_of(move) + ":confirm", {"signature": signature.hex()}, status=200)
    until(lambda: get(relayer, path_of(move))["state"] == "done", "the move does not end")


def test_a_move_is_cancelled_once_and_gives_back_what_it_cost(relayer: RunningNetwork) -> None:
    certificate = movable(relayer)
    move = open_move(relayer, certificate)
    cancelled = post(relayer, path_of(move) + ":cancel", {}, status=200)
    assert (cancelled["state"], cancelled["code"]) == ("cancelled", "cancelled")
    refused(relayer.client().post(path_of(move) + ":cancel"), "transfer-not-open")
    refused(relayer.client().post(path_of(move) + ":confirm", json={}), "transfer-not-open")
    assert get(relayer, f"/v1/certificates/{certificate}")["status"] == "active"


def test_a_move_that_fails_says_why_and_unlocks(relayer: RunningNetwork) -> None:
    class_id = new_class(relayer, SOURCE)  # the other chain has no such class
    call(relayer, SOURCE, "crosschain/addTargetChainId", {"class_id": class_id, "chain_id": TARGET})
    certificate = mint(relayer, SOURCE, class_id)
    move = open_move(relayer, certificate)
    post(relayer, path_of(move) + ":confirm", {}, status=200)
    until(lambda: get(relayer, path_of(move))["state"] == "failed", "the move does not fail")
    ended = get(relayer, path_of(move))
    assert (ended["code"], ended["arrival"]["code"]) == ("class-unknown", "class-unknown")
    assert get(relayer, f"/v1/certificates/{certificate}")["status"] == "active"


def test_a_move_of_somebody_elses_or_of_nothing_is_refused(relayer: RunningNetwork) -> None:
    certificate = movable(relayer)
    body = {"id": certificate, "chain": TARGET, "to": relayer.address(TARGET, "alice")}
    refused(relayer.client("operator").post("/v1/crosschain/moves", json=body), "key-not-allowed")
    refused(relayer.client().post("/v1/crosschain/moves", json=body | {"to": "nobody"}), "address-malformed")
    unknown = f"/v1/crosschain/moves/{SOURCE}/{bytes(32).hex()}"
    refused(relayer.client("nobody").get(unknown), "transfer-unknown")
    refused(relayer.client().post(unknown + ":confirm", json={}), "transfer-unknown")


def test_what_stands_under_keys_of_the_state_is_shown_for_other_chains(relayer: RunningNetwork) -> None:
    from chain.codec import decode  # noqa: PLC0415
    from chain.state import check  # noqa: PLC0415
    from contracts.keys import memberships_key, switches_key  # noqa: PLC0415
    from contracts.relaying import Shown  # noqa: PLC0415

    keys = [memberships_key(), switches_key()]
    answer = (
        relayer.client("nobody").get(f"/v1/chains/{SOURCE}/state", params={"key": [key.hex() for key in keys]}).json()
    )
    rules = relayer.rules(SOURCE)
    for key, one in zip(keys, answer["values"], strict=True):
        shown = decode(bytes.fromhex(one["shown"]), Shown)
        value = None if one["value"] is None else bytes.fromhex(one["value"])
        root = shown.sighting.header.state_root
        assert check(rules.digest, shown.proof, root, key=key, value=value)
        assert shown.sighting.header.height == answer["height"]
    refused(relayer.client("nobody").get(f"/v1/chains/{SOURCE}/state", params={"key": "xyz"}), "parameter-malformed")


def routes(network: RunningNetwork, **parameters: str) -> list[dict[str, Any]]:
    return list(get(network, "/v1/crosschain/routes", **parameters)["routes"])


def settled(network: RunningNetwork, certificate: str) -> dict[str, Any]:
    """A move of the certificate, once it has ended."""
    move = open_move(network, certificate)
    post(network, path_of(move) + ":confirm", {}, status=200)
    until(lambda: get(network, path_of(move))["state"] == "done", "the move does not end")
    return move


def test_every_certificate_can_be_mirrored_anywhere_for_the_fee_that_is_said(relayer: RunningNetwork) -> None:
    found = routes(relayer, use="attest")
    assert len({(one["from"], one["to"]) for one in found}) == len(found) == 90
    assert all(one["open"] and one["class"] is None for one in found)
    certificate = mint(relayer, SOURCE, new_class(relayer, SOURCE))
    (there,) = routes(relayer, use="attest", **{"from": SOURCE, "to": "wuhan"})
    body = {"id": certificate, "chain": "wuhan"}
    post(relayer, "/v1/crosschain/attestations", body)
    (after,) = routes(relayer, use="attest", **{"from": SOURCE, "to": "wuhan"})
    assert after["observed"] == there["observed"] + 1
    assert after["usual_ms"] > 0
    told = relayer.client("nobody").get(
        "/v1/chains/wuhan/contracts/charge/queryFee", params={"contract": "mirrors", "method": "attest"}
    )
    assert (after["fee"], after["paid_on"]) == (told.json()["value"], "wuhan")
    assert after["gas"] > 0


def test_a_move_has_a_route_once_it_is_listed_and_its_moves_say_how_long_it_takes(relayer: RunningNetwork) -> None:
    certificate = movable(relayer)
    class_id = certificate.split(".")[2]
    place = {"from": SOURCE, "to": TARGET, "class": class_id, "use": "move"}
    move = settled(relayer, certificate)
    until(
        lambda: get(relayer, "/v1/crosschain/moves", id=certificate)["moves"][0]["state"] == "done", "no move is listed"
    )
    (listed,) = get(relayer, "/v1/crosschain/moves", id=certificate)["moves"]
    assert (listed["cross_id"], listed["to_chain"], listed["code"]) == (move["cross_id"], TARGET, "")
    assert listed["opened_at"] < listed["confirmed_at"] < listed["settled_at"]
    assert listed["confirmed_at"] <= listed["arrived_at"]
    (route,) = routes(relayer, **place)
    assert (route["open"], route["fee"], route["paid_on"]) == (True, move["fee"], SOURCE)
    assert route["uid"] == f"bsn:{SOURCE}/ddc721:{class_id}"
    assert route["observed"] >= 1
    assert 0 <= route["usual_ms"] < 10_000
    assert listed in get(relayer, "/v1/crosschain/moves", **{"from": SOURCE, "to": TARGET})["moves"]
    assert get(relayer, "/v1/crosschain/moves", **{"from": THIRD})["moves"] == []


def test_a_route_that_is_closed_says_why(relayer: RunningNetwork) -> None:
    class_id = new_class(relayer, SOURCE)
    place = {"from": SOURCE, "to": TARGET, "class": class_id, "use": "move"}
    assert [one["code"] for one in routes(relayer, **place)] == ["target-not-listed"]
    call(relayer, SOURCE, "crosschain/addTargetChainId", {"class_id": class_id, "chain_id": TARGET})
    (route,) = routes(relayer, **place)
    assert (route["open"], route["code"]) == (False, "class-unknown")  # the target has no such class
    call(relayer, SOURCE, "crosschain/deleteTargetChainId", {"class_id": class_id, "chain_id": TARGET})
    assert [one["code"] for one in routes(relayer, **place)] == ["target-not-listed"]
    unknown = place | {"class": "no-such-class"}
    assert [one["code"] for one in routes(relayer, **unknown)] == ["class-unknown"]
    refused(relayer.client("nobody").get("/v1/crosschain/routes", params={"to": "atlantis"}), "chain-unknown")
    refused(relayer.client("nobody").get("/v1/crosschain/routes", params={"use": "steal"}), "parameter-malformed")


def test_what_a_licence_asks_for_is_a_route_until_it_asks_for_it_no_more(relayer: RunningNetwork) -> None:
    diploma, licence = new_class(relayer, SOURCE), new_class(relayer, TARGET)
    requires = [{"chain_id": SOURCE, "class_id": diploma, "max_age_ms": 60_000, "follow": True}]
    call(relayer, TARGET, "classes/setRequirements", {"class_id": licence, "requires": requires})
    asked = {"class": diploma, "use": "require"}
    until(lambda: len(routes(relayer, **asked)) == 1, "no route")
    (route,) = routes(relayer, **asked)
    assert (route["from"], route["to"], route["issues"], route["open"]) == (SOURCE, TARGET, licence, True)
    call(relayer, TARGET, "classes/setRequirements", {"class_id": licence, "requires": []})
    until(lambda: routes(relayer, **asked) == [], "the route stays")


def test_every_mirror_of_a_certificate_is_listed(relayer: RunningNetwork) -> None:
    certificate = mint(relayer, SOURCE, new_class(relayer, SOURCE))
    assert get(relayer, "/v1/crosschain/attestations", id=certificate) == {"mirrors": []}
    for chain in (THIRD, "taian"):
        post(relayer, "/v1/crosschain/attestations", {"id": certificate, "chain": chain})
    mirrors = get(relayer, "/v1/crosschain/attestations", id=certificate)["mirrors"]
    assert {one["chain"]: one["status"] for one in mirrors} == {THIRD: "active", "taian": "active"}
