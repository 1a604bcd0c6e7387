"""The application as a whole: its description is true and complete, its docs need no other host, its faults have names."""

import logging
import re
import sqlite3
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.openapi.models import OpenAPI

from gateway.errors import Problem
from gateway.services import ledger
from tests.gateway.running import RunningNetwork

pytestmark = pytest.mark.processes
CHANGES = [
    f"/v1/certificates/{{certificate_id}}:{action}"
    for action in (
        "accept", "decline", "revoke", "freeze", "unfreeze", "burn", "lock", "unlock", "set-uri", "set-user",
        "set-attribute", "reissue", "request-rebind", "approve-rebind", "object-rebind", "complete-rebind",
    )
]  # fmt: skip
PATHS = {
    "/v1/genesis": {"get"},
    "/v1/chains": {"get"},
    "/v1/chains/{chain}": {"get"},
    "/v1/chains/{chain}/blocks": {"get"},
    "/v1/chains/{chain}/blocks/{height}": {"get"},
    "/v1/chains/{chain}/blocks/{height}/events": {"get"},
    "/v1/chains/{chain}/headers/{height}": {"get"},
    "/v1/chains/{chain}/state": {"get"},
    "/v1/crosschain/attestations": {"get", "post"},
    "/v1/crosschain/moves": {"get", "post"},
    "/v1/crosschain/moves/{chain}/{cross_id}": {"get"},
    "/v1/crosschain/moves/{chain}/{cross_id}:confirm": {"post"},
    "/v1/crosschain/moves/{chain}/{cross_id}:cancel": {"post"},
    "/v1/crosschain/routes": {"get"},
    "/v1/directory": {"get"},
    "/v1/chains/{chain}/transactions/{hash}": {"get"},
    "/v1/chains/{chain}/accounts/{address}": {"get"},
    "/v1/chains/{chain}/consensus": {"get"},
    "/v1/chains/{chain}/transactions:encode": {"post"},
    "/v1/chains/{chain}/transactions": {"post"},
    "/v1/chains/{chain}/transactions:bulk": {"post"},
    "/v1/chains/{chain}/contracts/{contract}/{method}": {"post"},
    "/v1/chains/{chain}/contracts/{contract}/{read}": {"get"},
    "/v1/contracts": {"get"},
    "/v1/chains/{chain}/statements": {"post"},
    "/v1/chains/{chain}/drafts/{class}/{token}": {"delete"},
    "/v1/classes": {"get", "post"},
    "/v1/accounts": {"post"},
    "/v1/certificates": {"get", "post"},
    "/v1/certificates:batch": {"post"},
    "/v1/certificates:draft": {"post"},
    "/v1/jobs/{job_id}": {"get"},
    "/v1/certificates/{certificate_id}": {"get"},
    "/v1/certificates/{certificate_id}/history": {"get"},
    "/v1/certificates/{certificate_id}/proof": {"get"},
    "/v1/certificates/{certificate_id}/document": {"delete"},
    **{path: {"post"} for path in CHANGES},
    "/v1/verify": {"post"},
    "/v1/events": {"get"},
    "/v1/problems": {"get"},
    "/v1/problems/{code}": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}
OPEN_TO_READ = ("/v1/classes", "/v1/certificates", "/v1/crosschain/attestations", "/v1/crosschain/moves")
NEEDS_KEY = {
    "/v1/crosschain/attestations",
    "/v1/crosschain/moves",
    "/v1/crosschain/moves/{chain}/{cross_id}:confirm",
    "/v1/crosschain/moves/{chain}/{cross_id}:cancel",
    "/v1/accounts",
    "/v1/certificates",
    "/v1/certificates:batch",
    "/v1/certificates:draft",
    *CHANGES,
    "/v1/chains/{chain}/contracts/{contract}/{method}",
    "/v1/chains/{chain}/transactions",
    "/v1/chains/{chain}/transactions:bulk",
    "/v1/chains/{chain}/statements",
    "/v1/chains/{chain}/drafts/{class}/{token}",
    "/v1/classes",
    "/v1/certificates/{certificate_id}/document",
    "/v1/jobs/{job_id}",
}


@pytest.fixture
def description(network: RunningNetwork) -> dict[str, Any]:
    return dict(network.client("nobody").get("/openapi.json").json())


def operations_of(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in description["paths"].items() for method, one in item.items()]


def test_the_description_is_a_valid_openapi_document(description: dict[str, Any]) -> None:
    assert OpenAPI.model_validate(description).openapi.startswith("3.1")
    named = set(description["components"]["schemas"])
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', str(description).replace("'", '"')))
    assert used <= named
    for path, _, operation in operations_of(description):
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path)), path


def test_every_path_that_is_promised_is_there_and_no_other(description: dict[str, Any]) -> None:
    assert {path: set(item) for path, item in description["paths"].items()} == PATHS


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations_of(description)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", id_) for id_ in ids)
    assert all(operation["description"] for _, _, operation in operations_of(description))


def test_every_operation_documents_its_problems(description: dict[str, Any]) -> None:
    for path, method, operation in operations_of(description):
        assert "422" not in operation["responses"], "a body that does not fit is answered 400"
        response = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
        document = Problem("class-unknown", "nothing").document()
        assert set(response["required"]) == set(document), (path, method)
        for name, member in response["properties"].items():
            if name in document:
                assert isinstance(document[name], int if member["type"] == "integer" else str)


def test_what_needs_a_key_says_so(description: dict[str, Any]) -> None:
    for path, method, operation in operations_of(description):
        if path in NEEDS_KEY and not (method == "get" and path in OPEN_TO_READ):
            assert operation["security"] == [{"HTTPBearer": []}], (path, method)


class Addresses(HTMLParser):
    """Everything that a page makes a browser fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attributes if name in ("href", "src", "data", "srcset") and value]


def test_the_docs_need_no_other_host(network: RunningNetwork) -> None:
    client = network.client("nobody")
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    addresses = [*Addresses(page.text).found, *re.findall(r"""url\(['"]?([^'")]+)""", page.text)]
    described = re.search(r"url: '([^']+)'", page.text)
    assert described is not None
    addresses.append(described.group(1))
    assert len(addresses) >= 4
    for address in addresses:
        absolute = urlsplit(urljoin(network.url + "/docs", address))
        assert f"{absolute.scheme}://{absolute.netloc}" == network.url
        assert client.get(absolute.path).status_code == 200


def test_the_style_sheet_of_the_docs_fetches_nothing(network: RunningNetwork) -> None:
    sheet = network.client("nobody").get("/static-offline-docs/swagger-ui.css").text
    assert [
        address for address in re.findall(r"url\(([^)]*)\)", sheet) if not address.strip("'\"").startswith("data:")
    ] == []
    assert "@import" not in sheet


def test_our_own_fault_is_logged_under_the_number_that_is_answered(
    network: RunningNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("a secret of ours")

    monkeypatch.setattr(ledger, "all_statuses", broken)
    with caplog.at_level(logging.ERROR):
        answer = network.client("broken").get("/v1/chains")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    number = re.search(r"logged as ([0-9a-f]{12})", answer.json()["detail"])
    assert number is not None
    assert number.group(1) in caplog.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert network.client("nobody").get("/healthz").status_code == 200


def test_a_full_disk_is_said_and_nothing_is_promised(
    network: RunningNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body, before = network.mint_body("wuhan"), network.standing()

    async def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(network.gateway.vault, "run", full)
        answer = network.client().post("/v1/certificates", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "vault-unusable")
    assert "database or disk is full" in answer.json()["detail"]
    assert "database or disk is full" in caplog.text
    assert network.standing() == before


def test_without_nodes_reads_and_writes_say_so_and_the_docs_go_on(
    network: RunningNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = network.mint_body("wuhan")
    links = network.gateway.chains.links
    try:
        for link in links:
            link.up.clear()
        for path in ("/v1/chains/wuhan/consensus", "/v1/chains/wuhan/blocks/1", "/v1/chains/wuhan/blocks"):
            answer = network.client("nobody").get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "no-node")
            assert answer.headers["retry-after"] == "1"
        answer = network.client().post("/v1/certificates", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "no-node")
        listed = network.client("nobody").get("/v1/chains").json()["chains"]
        assert len(listed) == 10
        assert "height" not in listed[0]
        assert network.client("nobody").get("/docs").status_code == 200
    finally:
        for link in links:
            link.up.set()
    assert network.mint("wuhan")
