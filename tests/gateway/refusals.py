"""A request that is to be refused: how one is made, and the table of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chain.codec import Record
from contracts.system import Touch
from tests.gateway.running import RunningNetwork, encoded_transaction

CHAIN: Final = "taian"
SCHEMA: Final = {
    "title": "Note",
    "x-title-zh": "便条",
    "type": "object",
    "additionalProperties": False,
    "required": [],
    "properties": {"text": {"type": "string", "title": "Text", "x-title-zh": "文字"}},
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    tenant: str = "platform"
    more: dict[str, Any] = field(default_factory=dict)
    undo: Callable[[], None] | None = None
    """What others need undone when the case is over."""

    def send(self, network: RunningNetwork) -> httpx.Response:
        return network.client(self.tenant).request(self.method, self.path, **self.more)


Prepare = Callable[[RunningNetwork], Request]
CASES: Final[dict[str, tuple[str, Prepare]]] = {}
"""Name of the case -> (the problem's code, what prepares the request)."""


def case(code: str) -> Callable[[Prepare], Prepare]:
    """The decorated function prepares a request that is answered by `code`."""

    def keep(prepare: Prepare) -> Prepare:
        CASES[prepare.__name__.replace("_", " ")] = (code, prepare)
        return prepare

    return keep


def get(path: str, tenant: str = "platform", **parameters: Any) -> Request:
    return Request(method="GET", path=path, tenant=tenant, more={"params": parameters})


def post(path: str, body: Any, tenant: str = "platform", **headers: str) -> Request:
    return Request(method="POST", path=path, tenant=tenant, more={"json": body, "headers": headers})


def post_bytes(path: str, data: Any, kind: str = "application/json", **parameters: Any) -> Request:
    more = {"content": data, "headers": {"Content-Type": kind}, "params": parameters}
    return Request(method="POST", path=path, more=more)


def submit(signed: dict[str, str], chain: str = CHAIN) -> Request:
    return post(f"/v1/chains/{chain}/transactions", signed)


def mint(network: RunningNetwork, tenant: str = "platform", chain: str = CHAIN, **changed: Any) -> Request:
    return post("/v1/certificates", network.mint_body(chain, **changed), tenant)


def account(chain: str = CHAIN, tenant: str = "operator", **members: Any) -> Request:
    return post("/v1/accounts", {"chain": chain} | members, tenant)


def define(class_id: str, schema: Any = SCHEMA, **changed: Any) -> Request:
    body = {"chain": CHAIN, "class": class_id, "name_en": "Note", "name_zh": "便条", "schema": schema}
    return post("/v1/classes", body | changed)


def signed_touch(network: RunningNetwork) -> bytes:
    """The bytes of a signed transaction."""
    return encoded_transaction(network.signed_record(CHAIN, "alice", ("system", "touch"), Touch()))


def raw_address(network: RunningNetwork, person: str, chain: str = CHAIN) -> bytes:
    """A person's raw address."""
    return network.rules(chain).addresses.parse(network.address(chain, person))


def call(
    network: RunningNetwork, person: str, place: tuple[str, str], arguments: Record, chain: str = CHAIN, **signer: Any
) -> Request:
    """A person's call; of an account that is not in `network.json` with its `sender` and `pair`."""
    return submit(network.signed_record(chain, person, place, arguments, **signer), chain)


def act(
    network: RunningNetwork, person: str, place: tuple[str, str], arguments: Record, chain: str = CHAIN, **signer: Any
) -> None:
    """A call that succeeds."""
    answer = call(network, person, place, arguments, chain, **signer).send(network)
    assert answer.status_code == 200, answer.text


def certificate(network: RunningNetwork) -> dict[str, Any]:
    """One certificate for all cases that only look at it."""
    return network.once("certificate", lambda: network.mint(CHAIN))
