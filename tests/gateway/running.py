"""A real network of four node processes and a gateway inside this process, so that its lines count as covered."""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec
import uvicorn

from chain.codec import Record, encode
from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair
from chain.transaction import SignedTransaction, Transaction
from gateway import vault
from gateway.app import create_app
from gateway.services.gateway import Gateway, now_ms
from gateway.settings import load_settings
from scripts import lifecycle, processes
from scripts.provision import provision

T = TypeVar("T")
NODES: Final = 4
PATIENCE_S: Final = 30.0
CHAINS: Final = tuple(load_profiles())


@dataclass(kw_only=True, repr=False)
class RunningNetwork:
    """A network that is up in `folder`, with one HTTP client per tenant and one for strangers."""

    folder: Path
    document: dict[str, Any]
    app: Any
    _clients: dict[str, httpx.Client] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.document["url"])

    @property
    def gateway(self) -> Gateway:
        """The gateway itself, for looking at its databases."""
        return self.app.state.gateway  # type: ignore[no-any-return]

    @property
    def genesis(self) -> Genesis:
        return parse_genesis((self.folder / "genesis.json").read_bytes())

    def client(self, tenant: str = "platform") -> httpx.Client:
        """A client with the API key of `tenant`; that of "nobody" has none."""
        if tenant not in self._clients:
            key = self.document["api_keys"].get(tenant)
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            self._clients[tenant] = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        return self._clients[tenant]

    def entry(self, chain: str) -> dict[str, Any]:
        """What `network.json` says of a chain."""
        return next(dict(entry) for entry in self.document["chains"] if entry["id"] == chain)

    def class_of(self, chain: str) -> str:
        return str(self.entry(chain)["class"])

    def address(self, chain: str, person: str) -> str:
        return str(self.entry(chain)["accounts"][person]["address"])

    def rules(self, chain: str) -> ChainRules:
        return ChainRules.of(self.genesis.network_id, load_profiles()[chain])

    def key_pair(self, chain: str, person: str) -> KeyPair:
        """A person's own key, as whoever signs for themselves has it."""
        keys = json.loads((self.folder / "demo-keys.json").read_text("utf-8"))
        return self.rules(chain).scheme.key_pair(bytes.fromhex(keys[chain][person]["seed"]))

    def mint_body(self, chain: str, **changed: Any) -> dict[str, Any]:
        """A mint that succeeds."""
        entry = self.entry(chain)
        body = {
            "chain": chain,
            "class": entry["class"],
            "holder": entry["accounts"]["alice"]["address"],
            "content": dict(entry["sample"]),
        }
        return body | changed

    def mint(self, chain: str, **changed: Any) -> dict[str, Any]:
        """A minted certificate, as the API answers it."""
        answer = self.client().post("/v1/certificates", json=self.mint_body(chain, **changed))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def encode(
        self, chain: str, person: str, method: str, arguments: dict[str, Any], contract: str = "ddc721", **more: Any
    ) -> dict[str, Any]:
        """The bytes to sign for a person's call."""
        body = {"sender": self.address(chain, person), "contract": contract, "method": method, "arguments": arguments}
        answer = self.client("nobody").post(f"/v1/chains/{chain}/transactions:encode", json=body | more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def sign(self, chain: str, person: str, encoded: dict[str, Any]) -> dict[str, str]:
        """The body of a submission: the encoded bytes under the person's own signature."""
        signature = self.key_pair(chain, person).sign(bytes.fromhex(encoded["digest"]))
        return {"body": encoded["body"], "signature": signature.hex()}

    def signed_call(
        self, chain: str, person: str, method: str, arguments: dict[str, Any], **more: Any
    ) -> dict[str, str]:
        """A call that the person signed."""
        return self.sign(chain, person, self.encode(chain, person, method, arguments, **more))

    def signed_record(
        self,
        chain: str,
        person: str,
        place: tuple[str, str],
        arguments: Record | bytes,
        pair: KeyPair | None = None,
        **changed: Any,
    ) -> dict[str, str]:
        """A call of any arguments, also of those that the gateway would not encode, signed by the person."""
        rules = self.rules(chain)
        fields: dict[str, Any] = {
            "chain_id": chain,
            "sender": rules.addresses.parse(self.address(chain, person)),
            "nonce": secrets.token_bytes(16),
            "valid_until": now_ms() + 60_000,
            "contract": place[0],
            "method": place[1],
            "arguments": arguments if isinstance(arguments, bytes) else encode(arguments),
        }
        body = encode(Transaction(**fields | changed))
        signature = (pair or self.key_pair(chain, person)).sign(rules.transaction_id(body))
        return {"body": body.hex(), "signature": signature.hex()}

    def submit(self, chain: str, signed: dict[str, str], **parameters: Any) -> httpx.Response:
        return self.client().post(f"/v1/chains/{chain}/transactions", json=signed, params=parameters)

    def bulk(self, chain: str, signed: list[dict[str, str]], kind: str = "application/msgpack") -> list[dict[str, Any]]:
        """One outcome line for each of many submissions."""
        packed = msgspec.msgpack.encode([encoded_transaction(one) for one in signed])
        data = packed if kind == "application/msgpack" else "\n".join(map(json.dumps, signed)).encode()
        answer = self.client().post(
            f"/v1/chains/{chain}/transactions:bulk", content=data, headers={"Content-Type": kind}
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def wait_indexed(self, chain: str, height: int) -> None:
        """Return when the index has the chain's block of that height."""
        deadline = time.monotonic() + PATIENCE_S
        while self.rows("SELECT COALESCE(MAX(height), 0) FROM heads WHERE chain = ?", chain)[0][0] < height:
            assert time.monotonic() < deadline, "the index does not follow"
            time.sleep(0.005)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query of the index answers."""
        return self._select(self.folder / "gateway" / "index.db", query, values)

    def vault_rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query of the vault answers."""
        return self._select(self.folder / "gateway" / "vault.db", query, values)

    def standing(self) -> dict[str, Any]:
        """Everything that a refused request must leave as it is: heads (with their state roots), index, accounts."""
        chains = self.client("nobody").get("/v1/chains").json()["chains"]
        heads = {chain["id"]: (chain["height"], chain["head"]) for chain in chains}
        for chain, (height, _) in heads.items():
            self.wait_indexed(chain, height)
        tables = ("heads", "transactions", "classes", "certificates", "events", "accounts", "moves", "ways")
        index = {table: self.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
        kept = ("api_keys", "api_key_accounts", "jobs")
        vault = {table: self.vault_rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in kept}
        return {"heads": heads, "index": index, "vault": vault}

    def new_api_key(self, tenant: str, chain: str, person: str) -> str:
        """An API key that speaks for one person on one chain."""
        connection = sqlite3.connect(self.folder / "gateway" / "vault.db")
        try:
            with connection:
                return vault.new_api_key(connection, tenant, [(chain, self.address(chain, person))])
        finally:
            connection.close()

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` made the first time: tests may share what they only look at."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    @staticmethod
    def _select(path: Path, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()


def encoded_transaction(signed: dict[str, str]) -> bytes:
    """A submission's transaction as it travels to the nodes."""
    parts = {name: bytes.fromhex(text) for name, text in signed.items()}
    return encode(SignedTransaction(body=parts["body"], signature=parts["signature"]))


@contextmanager
def running_network(folder: Path) -> Iterator[RunningNetwork]:
    """Four node processes and a gateway in a thread of this one, ended whatever happens."""
    lifecycle.prepare(folder, NODES, processes.free_port(NODES + 1))
    settings = json.loads((folder / "gateway" / "gateway.json").read_text())
    document = provision(folder, f"http://127.0.0.1:{settings['port']}")
    try:
        for name in settings["nodes"]:
            processes.start(folder, name)
        with serving(folder) as app:
            processes.wait_ready(folder, document["url"])
            lifecycle.define_classes(document)
            network = RunningNetwork(folder=folder, document=document, app=app)
            try:
                yield network
            finally:
                network.close()
    finally:
        processes.stop_all(folder)


@contextmanager
def serving(folder: Path) -> Iterator[Any]:
    """The gateway of the network in `folder`, listening at its own port."""
    settings = load_settings(folder / "gateway")
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="gateway")
    thread.start()
    try:
        yield app
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the gateway does not end"
