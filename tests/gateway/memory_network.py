"""A gateway over nodes that live in memory: they execute at once and alike, and any of them can be made to lie."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from chain.codec import encode
from chain.digests import sha256
from chain.merkle import leaf_hash
from chain.profiles import load_profiles
from chain.rpc import (
    HANDOVERS_MAX,
    Answer,
    BlockAnswer,
    Follow,
    HandoversAnswer,
    Included,
    Outcomes,
    ProvenValue,
    ReadBlock,
    ReadHandovers,
    ReadState,
    ReadStatus,
    Refused,
    Rejection,
    Request,
    StateAnswer,
    Submit,
)
from chain.state import prove
from gateway import vault
from gateway.chains import Chains
from gateway.clients.answers import HeardAnswer, read_answer
from gateway.clients.node_link import NodeUnreachable
from gateway.database import Database
from gateway.index import open_index
from gateway.services.classes import ClassOrder, define_class
from gateway.services.gateway import Gateway
from gateway.services.stream import EventStream
from gateway.vault import Seal, Tenant
from tests.chain.small_genesis import account_key_pair, address_of, did_key_pair, did_of
from tests.gateway.memory_chain import CHAIN_IDS, GENESIS, MemoryChain

PASSPHRASE: Final = "open sesame"
CLASS: Final = "degree"
SCHEMA: Final = {
    "title": "Degree",
    "x-title-zh": "学位",
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "title": "Name", "x-title-zh": "姓名", "maxLength": 40},
        "score": {"type": "integer", "title": "Score", "x-title-zh": "分数"},
    },
}
TENANTS: Final = {
    "platform": ("platform", "alice"), "rival": ("rival",), "operator": ("operator",), "owner": ("owner",)
}  # fmt: skip
Lie = Callable[[Answer], Answer | None]


class MemoryLink:
    """The link to one node: answers as the node does, unless it is down, silent or lies."""

    def __init__(self, replica: int, chains: dict[str, MemoryChain], neighbours: "list[MemoryLink]") -> None:
        self.replica = replica
        self.name = ("beijing", "shanghai", "guangzhou", "xian", "dalian")[replica]
        self.pins: list[bytes] = []
        self.chains = chains
        self.connected = True
        self.problem = "down"
        self.lie: Lie = lambda answer: answer
        self.oldest_block = 1
        """What is below is pruned here."""
        self.received: list[bytes] = []
        """Every transaction that was submitted here."""
        self.requests: list[Request] = []
        self._neighbours = neighbours
        self._listeners: dict[int, Callable[[HeardAnswer | None], None]] = {}
        self._follows: dict[str, int] = {}

    def learn(self, pin: bytes) -> None:
        self.pins.append(pin)

    def start(self) -> None:
        """Nothing is dialled."""

    def stop(self) -> None:
        """Nothing is closed."""

    def listen(self, make: Callable[[int], Request], heard: Callable[[HeardAnswer | None], None]) -> int:
        if not self.connected:
            raise NodeUnreachable(self.problem)
        request = make(len(self.requests) + 1)
        self.requests.append(request)
        self._listeners[request.request] = heard
        asyncio.get_running_loop().call_soon(self._serve, request)
        return request.request

    def forget(self, request: int) -> None:
        self._listeners.pop(request, None)

    async def ask(self, make: Callable[[int], Request]) -> HeardAnswer:
        future: asyncio.Future[HeardAnswer | None] = asyncio.get_running_loop().create_future()
        request = self.listen(make, lambda answer: None if future.done() else future.set_result(answer))
        try:
            answer = await future
        finally:
            self.forget(request)
        if answer is None:
            raise NodeUnreachable("lost")
        return answer

    def lose(self) -> None:
        """The connection breaks: whoever waits is told."""
        self.connected = False
        listeners, self._listeners = self._listeners, {}
        for heard in listeners.values():
            heard(None)

    def push(self, chain_id: str, block: BlockAnswer) -> None:
        """A new block for whoever follows the chain here."""
        if chain_id in self._follows:
            self._answer(replace(block, request=self._follows[chain_id]))

    def _serve(self, request: Request) -> None:
        match request:
            case Submit():
                self._submit(request)
            case ReadState():
                self._answer(self._read_state(request))
            case ReadBlock():
                self._answer(self._read_block(request))
            case ReadHandovers():
                self._answer(self._read_handovers(request))
            case Follow():
                if request.height + 1 < self.oldest_block:
                    gone = (request.height + 1, self.oldest_block)
                    self._answer(Refused(request=request.request, code="height-pruned", values=gone))
                    return
                self._follows[request.chain_id] = request.request
                for block in self.chains[request.chain_id].blocks[request.height :]:
                    self._answer(replace(block, request=request.request))
            case ReadStatus():
                self._answer(Refused(request=request.request, code="chain-unknown", values=("none",)))

    def _answer(self, answer: Answer) -> None:
        """What is told arrives as the gateway reads it from a frame."""
        told = self.lie(answer)
        heard = self._listeners.get(answer.request)  # type: ignore[union-attr]
        if told is not None and heard is not None:
            heard(read_answer(encode(told)))

    def _submit(self, submit: Submit) -> None:
        chain = self.chains[submit.chain_id]
        self.received += submit.transactions
        height = chain.head.height
        refused, placed = chain.take(submit.transactions)
        for neighbour in self._neighbours:
            for block in chain.blocks[height:]:
                neighbour.push(submit.chain_id, block)
        if refused:
            rejections = tuple(
                Rejection(index=i, code=refusal.code, values=refusal.values) for i, refusal in refused.items()
            )
            self._answer(_outcomes(submit.request, rejections))
        for height in sorted({place[0] for place in placed.values()}):
            self._answer(_in_block(chain, submit.request, height, placed))

    def _read_state(self, read: ReadState) -> Answer:
        chain = self.chains[read.chain_id]
        if read.height not in (None, chain.head.height):
            return Refused(request=read.request, code="height-out-of-reach", values=(read.height, chain.head.height))
        values = tuple(ProvenValue(value=chain.state.get(key), proof=prove(chain.state, key)) for key in read.keys)
        genesis = None if chain.blocks else chain.head
        return StateAnswer(request=read.request, certified=chain.certified, genesis=genesis, values=values)

    def _read_handovers(self, read: ReadHandovers) -> Answer:
        shown = [step for step in self.chains[read.chain_id].handovers if step.certified.header.height > read.after]
        return HandoversAnswer(request=read.request, handovers=tuple(shown[:HANDOVERS_MAX]))

    def _read_block(self, read: ReadBlock) -> Answer:
        chain = self.chains[read.chain_id]
        if read.height == 0:
            return BlockAnswer(
                request=read.request, certified=None, genesis=chain.headers[0], transactions=(), receipts=()
            )
        if read.height < self.oldest_block:
            return Refused(request=read.request, code="height-pruned", values=(read.height, self.oldest_block))
        if read.height > len(chain.blocks):
            return Refused(request=read.request, code="block-unknown", values=(read.height, len(chain.blocks)))
        return replace(chain.blocks[read.height - 1], request=read.request)


def _outcomes(request: int, rejected: tuple[Rejection, ...]) -> Outcomes:
    return Outcomes(request=request, rejected=rejected, certified=None, receipt_leaves=(), included=())


def _in_block(chain: MemoryChain, request: int, height: int, placed: dict[int, tuple[int, int]]) -> Outcomes:
    block = chain.blocks[height - 1]
    return Outcomes(
        request=request,
        rejected=(),
        certified=block.certified,
        receipt_leaves=tuple(leaf_hash(chain.rules.digest, encode(receipt)) for receipt in block.receipts),
        included=tuple(
            Included(index=index, place=place, receipt=block.receipts[place])
            for index, (at, place) in placed.items()
            if at == height
        ),
    )


@dataclass
class MemoryNetwork:
    """Two chains and four nodes; gateways come and go."""

    folder: Path
    chains: dict[str, MemoryChain]
    links: list[MemoryLink]
    api_keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def founded(cls, folder: Path) -> "MemoryNetwork":
        chains = {chain_id: MemoryChain.founded(chain_id) for chain_id in CHAIN_IDS}
        links: list[MemoryLink] = []
        links += [MemoryLink(replica, chains, links) for replica in range(4)]
        network = cls(folder, chains, links)
        network._fill_vault()
        return network

    def address(self, chain_id: str, person: str) -> str:
        rules = self.chains[chain_id].rules
        return rules.addresses.format(address_of(rules, person))

    def open(self, passphrase: str | None = PASSPHRASE) -> Gateway:
        """A gateway on the folder's databases; to be closed."""
        kept = Database(self.folder / "vault.db", vault.SCHEMA, vault.VERSION)
        links: Any = tuple(self.links)
        return Gateway(
            chains=Chains(GENESIS, load_profiles(), links),
            profiles=load_profiles(),
            vault=kept,
            index=open_index(self.folder / "index.db"),
            seal=None if passphrase is None else Seal(kept.connection, passphrase, GENESIS.network_id),
            stream=EventStream(),
            genesis_bytes=GENESIS.document.canonical(),
            own_accounts={chain_id: self.address(chain_id, "alice") for chain_id in CHAIN_IDS},
        )

    async def tenant(self, gateway: Gateway, name: str = "platform") -> Tenant:
        return await gateway.tenant(self.api_keys[name])

    def raws(self) -> list[bytes]:
        """Every transaction that any node was handed, in no order of time between nodes."""
        return [raw for link in self.links for raw in link.received]

    def _fill_vault(self) -> None:
        kept = Database(self.folder / "vault.db", vault.SCHEMA, vault.VERSION)
        kept.connection.execute("BEGIN")
        seal = Seal(kept.connection, PASSPHRASE, GENESIS.network_id)
        for name, people in TENANTS.items():
            accounts = [(chain_id, self.address(chain_id, person)) for chain_id in CHAIN_IDS for person in people]
            dids = [(vault.DIDS, did_of(person).hex()) for person in people]
            self.api_keys[name] = vault.new_api_key(kept.connection, name, accounts + dids)
            for person in people:
                vault.keep_did_keys(kept.connection, seal, did_of(person), *did_seeds(person))
                for chain_id in CHAIN_IDS:
                    seed = account_seed(chain_id, person)
                    vault.keep_key(kept.connection, seal, chain_id, self.address(chain_id, person), seed)
        kept.connection.execute("COMMIT")
        kept.close()


def account_seed(chain_id: str, person: str) -> bytes:
    """The seed from which `small_genesis` makes a person's key."""
    assert account_key_pair(chain_id, person)
    return sha256(f"{person} on {chain_id}".encode())


def did_seeds(person: str) -> tuple[bytes, bytes]:
    """The seeds of a person's DID: authentication, recovery."""
    assert did_key_pair(person)
    authentication, recovery = (sha256(f"{what} of {person}".encode()) for what in ("authentication", "recovery"))
    return authentication, recovery


async def close(gateway: Gateway) -> None:
    """As a gateway ends: background work first, then the databases."""
    await gateway.jobs.stop()
    gateway.vault.close()
    gateway.index.close()


async def define(gateway: Gateway, tenant: Tenant, chain_id: str = "wuhan", class_id: str = CLASS) -> None:
    """Define the class of `SCHEMA`."""
    order = ClassOrder(chain_id=chain_id, class_id=class_id, name_en="Degree", name_zh="学位", schema=SCHEMA)
    await define_class(gateway, tenant, order, None)
