"""Hostile input at the REST border: whatever comes, the answer is an answer or a documented problem, and never 500.

The properties share `CERTNET_FUZZ_EXAMPLES` inputs (tests/conftest.py).
"""

import http.client
import json
import os
import socket
from typing import Any, Final

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import PROBLEMS
from gateway.life_bodies import ChangeBody
from gateway.routes.life import ACTIONS
from scripts.sectors import load_sectors
from tests.fuzz.test_borders import mutations
from tests.gateway.running import CHAINS, RunningNetwork, encoded_transaction

pytestmark = pytest.mark.processes
PROPERTIES: Final = 8
EXAMPLES: Final = -(-int(os.environ.get("CERTNET_FUZZ_EXAMPLES", "2000")) // PROPERTIES)
fuzz = settings(
    settings.get_profile("commit"),
    max_examples=EXAMPLES,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
CHANGES: Final = {
    f"/v1/certificates/wuhan.ddc721.evidence-deposit.1:{action.name}": body
    for body, action in {action.body: action for action in ACTIONS}.items()
}
"""One change of a certificate for each body that there is."""
JSON_PATHS: Final = (
    "/v1/certificates",
    "/v1/classes",
    "/v1/accounts",
    "/v1/verify",
    "/v1/chains/wuhan/transactions",
    "/v1/chains/zunyi/transactions:encode",
    *CHANGES,
)
PATHS: Final = (
    *JSON_PATHS,
    "/v1/certificates:batch?chain=wuhan&class=evidence-deposit",
    "/v1/chains/wuhan/transactions:bulk",
)
KINDS: Final = (
    "application/json",
    "application/msgpack",
    "application/x-ndjson",
    "text/csv",
    "text/plain",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "",
)
SPECIAL: Final = [
    "\ud800",
    "\0",
    "\u202e",
    "١",
    "-0",
    "1e9",
    "\n",
    "𝒳",
    "ﬁ",
    "x" * 300,
    "0x",
    "did:bsn:",
    "%00",
    "../..",
]
texts = st.sampled_from(SPECIAL) | st.text(st.characters(), max_size=30)
numbers = st.sampled_from([0, -1, 2**53, 2**63, 2**64, 10**30]) | st.integers() | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def assert_answered(answer: httpx.Response) -> None:
    """Not our fault, and if a problem, a documented one."""
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code == PROBLEMS[problem["code"]].status
        assert problem["detail"]
        assert problem["detail_zh"]
        assert len(answer.content) < 300_000


def good_bodies(network: RunningNetwork) -> dict[str, Any]:
    """A body that is taken, for each path that takes JSON."""
    return network.once("good bodies", lambda: _good_bodies(network))


def _good_bodies(network: RunningNetwork) -> dict[str, Any]:
    mint = network.mint_body("wuhan") | {"valid_from": "2030-01-01", "valid_until": 2**50, "uri": "x", "token": "7"}
    return {
        "/v1/certificates": mint,
        "/v1/classes": {
            "chain": "wuhan",
            "class": "fuzz",
            "name_en": "Fuzz",
            "name_zh": "模糊",
            "schema": load_sectors()["wuhan"].document,
            "standard": 1155,
            "rules": {"acceptance": True, "attributes": 3, "validity_ms_max": 1, "rebind_wait_ms": 0},
        },
        "/v1/accounts": {
            "chain": "zunyi",
            "role": "consumer",
            "address": "O=Fuzz, L=Zunyi, C=CN",
            "public_key": network.key_pair("zunyi", "bob").public_key.hex(),
            "did": "0a" * 20,
            "did_sequence": 1,
            "did_signature": "0a" * 64,
            "did_document": {
                "home": "zunyi",
                "authentication": "02" + "0a" * 32,
                "recovery": "03" + "0a" * 32,
                "signature": "0a" * 64,
            },
            "leader": "0a" * 20,
            "possession": "0a" * 64,
        },
        "/v1/verify": {"bundle": network.mint("wuhan")["proof"], "max_age": 60},
        "/v1/chains/wuhan/transactions": network.signed_call("wuhan", "alice", "approve", {}),
        "/v1/chains/zunyi/transactions:encode": {
            "sender": network.address("zunyi", "alice"),
            "contract": "authority",
            "method": "addBatchAccountByPlatform",
            "arguments": {"items": [shown_account("O=A, L=B, C=CN"), shown_account("O=B, L=B, C=CN")]},
            "nonce": "0a" * 16,
            "valid_until": 2**50,
        },
        **{path: _change(network, body) for path, body in CHANGES.items()},
    }


def _change(network: RunningNetwork, kind: type[ChangeBody]) -> dict[str, Any]:
    """A body for a change, with an address wherever it has one."""
    (example,) = kind.model_json_schema()["examples"]
    account = network.address("wuhan", "platform")
    return example | {name: account for name in ("account", "to", "user", "holder") if name in kind.model_fields}


def shown_account(address: str) -> dict[str, Any]:
    """A new account as a call writes it."""
    keys = {"authentication": "02" + "0a" * 32, "recovery": "03" + "0a" * 32}
    return {
        "address": address,
        "public_key": "02" + "0a" * 32,
        "possession": "0a" * 64,
        "leader": None,
        "did": "did:bsn:" + "0a" * 20,
        "did_sequence": 0,
        "did_signature": "0a" * 64,
        "document": {"base": {"home": "zunyi", **keys}, "signature": "0a" * 64},
    }


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """The value with some of its members dropped, replaced, renamed or made something else."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        changed = dict(value)
        for _ in range(draw(st.integers(1, 3))):
            name = draw(st.sampled_from(sorted(changed))) if changed else draw(texts)
            match draw(st.integers(0, 4)):
                case 0:
                    changed.pop(name, None)
                case 1:
                    changed[draw(texts)] = draw(values)
                case 2:
                    changed[name] = draw(values)
                case _:
                    changed[name] = draw(spoilt(changed.get(name)))
        return changed
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(spoilt(value[place])), *value[place + 1 :]]
    if isinstance(value, str) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return value[:place] + draw(texts) + value[place + 1 :]
    return draw(values)


def post(
    network: RunningNetwork, path: str, data: bytes, kind: str = "application/json", **headers: str
) -> httpx.Response:
    return network.client().post(path, content=data, headers={"Content-Type": kind} | headers)


@fuzz
@given(st.sampled_from(JSON_PATHS), st.data())
def test_a_spoilt_body_is_refused_or_taken(network: RunningNetwork, path: str, data: st.DataObject) -> None:
    body = data.draw(spoilt(good_bodies(network)[path]))
    assert_answered(post(network, path, json.dumps(body).encode()))


@fuzz
@given(st.sampled_from(JSON_PATHS), st.data())
def test_json_with_changed_bytes_is_refused_or_taken(network: RunningNetwork, path: str, data: st.DataObject) -> None:
    text = json.dumps(good_bodies(network)[path], ensure_ascii=False).encode()
    assert_answered(post(network, path, data.draw(mutations(text))))


@fuzz
@given(st.sampled_from(PATHS), st.sampled_from(KINDS) | texts.filter(str.isascii), st.binary(max_size=300))
def test_any_bytes_of_any_type_are_refused_or_taken(network: RunningNetwork, path: str, kind: str, data: bytes) -> None:
    printable = "".join(character for character in kind if character.isprintable()).strip()
    assert_answered(post(network, path, data, printable))


@fuzz
@given(st.sampled_from(["text/csv", "application/x-ndjson", "form"]), st.sampled_from(sorted(CHAINS)), st.data())
def test_a_spoilt_file_is_refused_or_taken(network: RunningNetwork, kind: str, chain: str, data: st.DataObject) -> None:
    sector = load_sectors()[chain]
    rows = b"\n".join(sector.csv.read_bytes().splitlines()[:3])
    if kind == "application/x-ndjson":
        rows = json.dumps(network.entry(chain)["sample"]).encode()
    parameters = {"chain": chain, "class": sector.class_id, "holder": network.address(chain, "alice")}
    name = data.draw(st.sampled_from(sorted(parameters)))
    parameters[name] = data.draw(
        st.just(parameters[name]) | texts.map(lambda text: text.encode(errors="replace").decode())
    )
    rows = data.draw(mutations(rows))
    if kind == "form":
        answer = network.client().post("/v1/certificates:batch", data=parameters, files={"file": ("rows.csv", rows)})
    else:
        answer = network.client().post(
            "/v1/certificates:batch", params=parameters, content=rows, headers={"Content-Type": kind}
        )
    assert_answered(answer)


@fuzz
@given(st.sampled_from(sorted(CHAINS)), st.booleans(), st.data())
def test_changed_transactions_are_refused_or_taken(
    network: RunningNetwork, chain: str, packed: bool, data: st.DataObject
) -> None:
    signed = network.once(
        f"call on {chain}", lambda: network.signed_call(chain, "alice", "approve", {}, valid_until=None)
    )
    raw = encoded_transaction(signed)
    if packed:
        body = msgspec.msgpack.encode([raw, data.draw(mutations(raw)), raw])
        body = data.draw(st.just(body) | mutations(body))
        answer = post(network, f"/v1/chains/{chain}/transactions:bulk", body, "application/msgpack")
    else:
        changed = data.draw(mutations(bytes.fromhex(signed["body"])))
        body = json.dumps(signed | {"body": changed.hex()}).encode()
        answer = post(network, f"/v1/chains/{chain}/transactions", body)
    assert_answered(answer)


@fuzz
@given(st.data())
def test_a_changed_bundle_is_not_believed(network: RunningNetwork, data: st.DataObject) -> None:
    bundle = json.dumps(good_bodies(network)["/v1/verify"]["bundle"], ensure_ascii=False).encode()
    changed = data.draw(mutations(bundle))
    answer = post(network, "/v1/verify", b'{"bundle":' + changed + b"}")
    assert_answered(answer)
    if answer.status_code == 200 and answer.json()["proven"]:
        assert json.loads(changed) == json.loads(bundle)


segments = st.sampled_from(
    ["v1", "chains", "wuhan", "zunyi", "blocks", "headers", "transactions", "accounts", "certificates", "history", "proof",
     "document", "jobs", "problems", "classes", "0", "1", "-1", "9" * 20, "docs", "..", "", "%2e%2e", "%00", "%ff%fe",
     "wuhan.ddc721.evidence-deposit.7", "bsn:wuhan", "ddc721:evidence-deposit", "7:revoke", "7:reissue", ":", "events",
     "metrics", "readyz"]
) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#?"), max_size=12)  # fmt: skip
query = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40)
headers = st.dictionaries(
    st.sampled_from(["Authorization", "Idempotency-Key", "Last-Event-ID", "Accept", "Content-Type", "X-Any", "Range",
                     "Expect", "Origin", "If-None-Match", "Cookie", "Content-Encoding"]),
    st.binary(max_size=60).map(lambda value: bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F)),
    max_size=4,
)  # fmt: skip
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"])


def exchange(network: RunningNetwork, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to raw bytes on a connection of their own; 0 if it was closed without one."""
    address = (httpx.URL(network.url).host, httpx.URL(network.url).port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
            return answer.status, answer.read()
        except http.client.HTTPException:
            return 0, b""


@fuzz
@given(methods, st.lists(segments, max_size=7).map("/".join), query, headers, st.binary(max_size=40))
def test_any_path_with_any_headers_is_answered(
    network: RunningNetwork, method: str, path: str, query: str, headers: dict[str, bytes], body: bytes
) -> None:
    if path.startswith("v1/events"):
        path = "v1"
    lines = [f"{method} /{path}?{query} HTTP/1.1".encode(), b"Host: gateway", b"Connection: close"]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    lines += [b"Content-Length: %d" % len(body), b"", body]
    status, content = exchange(network, b"\r\n".join(lines))
    assert status != 500, content
    if status >= 400 and content.startswith(b"{") and b'"ready"' not in content:
        assert json.loads(content)["code"] in PROBLEMS


GOOD_REQUEST: Final = b"GET /v1/chains HTTP/1.1\r\nHost: gateway\r\nAccept: */*\r\nConnection: close\r\n\r\n"


@fuzz
@given(st.binary(max_size=200) | mutations(GOOD_REQUEST))
def test_bytes_that_are_no_http_harm_nobody(network: RunningNetwork, data: bytes) -> None:
    status, _ = exchange(network, data)
    assert status != 500
    assert network.client("nobody").get("/healthz").status_code == 200
