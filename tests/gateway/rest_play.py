"""A gateway's whole application over nodes in memory: REST as clients see it, without a process or a socket."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
import rfc8785

from chain.light_client import Trusted, header_fault
from chain.state import check
from chain.universal_id import parse_token
from contracts.certificate import certificate_of, status_at
from contracts.keys import certificate_key
from credentials.bundle import certified_header, parse_bundle, state_proof
from gateway import app as module
from gateway.index import add_block
from gateway.services.gateway import Gateway
from tests.gateway.memory_chain import CHAIN_IDS, heard
from tests.gateway.memory_network import CLASS, SCHEMA, MemoryNetwork, close

PATIENCE_S: Final = 30
CONTENT: Final = {"name": "李雷", "score": 97}
OPEN_RULES: Final = {"rebind_wait_ms": 0, "attributes": 3}
NAMES: Final = {"bridge": "bridge111111", "carol": "carol1111111"}
"""Of accounts that are made, where names are registered."""


@dataclass(frozen=True)
class Rest:
    """One gateway, and clients with the keys of its tenants."""

    memory: MemoryNetwork
    gateway: Gateway
    client: httpx.AsyncClient
    chain: str = "wuhan"

    async def ask(
        self, method: str, path: str, body: Any = None, tenant: str = "platform", **more: Any
    ) -> httpx.Response:
        """The answer to a request with a tenant's key; that of "nobody" has none."""
        key = self.memory.api_keys.get(tenant)
        headers = more.pop("headers", {}) | ({} if key is None else {"Authorization": f"Bearer {key}"})
        if body is not None:
            more["json"] = body
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, tenant: str = "nobody", **parameters: Any) -> dict[str, Any]:
        """What is read."""
        answer = await self.ask("GET", path, tenant=tenant, params=parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def do(self, path: str, body: Any = None, tenant: str = "platform", **more: Any) -> dict[str, Any]:
        """The answer to a write that succeeds."""
        answer = await self.ask("POST", path, body, tenant, **more)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def refused(self, path: str, body: Any = None, tenant: str = "platform", **more: Any) -> str:
        """The code of the problem that a write is, which has its sentences in two languages."""
        answer = await self.ask("POST", path, body, tenant, **more)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["detail"]
        assert problem["detail_zh"]
        assert problem["status"] == answer.status_code >= 400
        return str(problem["code"])

    def name(self, person: str) -> str:
        """A person's address."""
        return self.memory.address(self.chain, person)

    async def define(self, class_id: str = CLASS, **rules: Any) -> None:
        """A class whose holders set attributes and whose rebinds need not wait."""
        names = {"name_en": "Degree", "name_zh": "学位", "schema": SCHEMA}
        await self.do("/v1/classes", {"chain": self.chain, "class": class_id, **names, "rules": OPEN_RULES | rules})

    async def mint(self, class_id: str = CLASS, **changed: Any) -> dict[str, Any]:
        """A certificate of alice."""
        body = {"chain": self.chain, "class": class_id, "holder": self.name("alice"), "content": CONTENT}
        return await self.do("/v1/certificates", body | changed)

    async def settle(self, person: str, tenant: str = "platform", **wish: Any) -> str:
        """The address of a new account, whose key the tenant then has."""
        named = {"address": NAMES[person]} if self.chain == "zhongyi" else {}
        return str((await self.do("/v1/accounts", {"chain": self.chain, **named, **wish}, tenant))["address"])

    async def index(self) -> None:
        """Bring the index up to the heads."""
        for chain in self.memory.chains.values():
            for block in map(heard, chain.blocks):
                await self.gateway.in_index(lambda db, chain=chain, block=block: add_block(db, chain.rules, block))

    async def history(self, certificate_id: str) -> list[dict[str, Any]]:
        """What is told of a certificate."""
        await self.index()
        return list((await self.get(f"/v1/certificates/{certificate_id}/history"))["events"])

    def assert_proven(self, view: dict[str, Any]) -> None:
        """The bundle in an answer proves the record that it shows, under a header that the replicas certified."""
        chain, bundle = self.gateway.chain(view["chain"]), parse_bundle(rfc8785.dumps(view["proof"]))
        certified = certified_header(bundle, bundle.header, bundle.certificate)
        trusted = Trusted(height=0, time=chain.genesis.time, membership=chain.membership)
        assert header_fault(chain.rules, trusted, certified) is None
        record, certificate = bytes.fromhex(bundle.state.record), certificate_of(bytes.fromhex(bundle.state.record))
        key = certificate_key(view["class"], parse_token(chain.profile.token_id_style, view["token"]))
        assert check(chain.rules.digest, state_proof(bundle), certified.header.state_root, key=key, value=record)
        assert chain.rules.addresses.format(certificate.holder) == view["holder"]
        assert str(status_at(certificate, view["judged_at"])) == view["status"]
        assert bundle.header.height == view["height"]


Story = Callable[[Rest], Awaitable[None]]


def tell(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, story: Story, chain: str = "wuhan") -> None:
    """Let a story happen on a gateway of its own."""
    assert chain in CHAIN_IDS

    async def whole() -> None:
        gateway = memory.open()
        monkeypatch.setattr(module, "open_gateway", lambda _settings: gateway)
        settings: Any = None
        transport = httpx.ASGITransport(module.create_app(settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE_S) as client:
            await story(Rest(memory, gateway, client, chain))
        await close(gateway)

    asyncio.run(whole())
