"""A gateway that makes statements, and a chain in memory that takes the calls with their signatures, or does not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import pytest
from msgspec.structs import replace
from pydantic import Field, TypeAdapter

from chain.codec import decode
from chain.signatures import SchemeName, scheme
from contracts.classes import DEFAULT_RULES, CertificateClass
from contracts.did import DidDocument, document_of
from contracts.keys import class_key, did_key
from gateway.arguments import format_did, read_arguments
from gateway.errors import Problem
from gateway.services.classes import ClassOrder, define_class
from gateway.services.did_statements import DidStatementOrder, state_did
from gateway.services.gateway import Gateway
from gateway.services.signing import Stated
from gateway.services.statements import MetaOrder, state_issue, state_meta
from gateway.statement_bodies import AnyStatementBody
from gateway.vault import Tenant
from tests.chain.small_genesis import did_of
from tests.gateway.index_play import Play
from tests.gateway.memory_network import CLASS, SCHEMA, MemoryNetwork, close

BODIES: Final[TypeAdapter[Any]] = TypeAdapter(Annotated[AnyStatementBody, Field(discriminator="kind")])
DID_SCHEME: Final = scheme(SchemeName.SECP256K1)
ALICE: Final = format_did(did_of("alice"))
EDITIONS: Final = "edition"
"""A class of standard 1155."""


class Stage(Play):
    """One chain on which calls are made from JSON."""

    def __init__(self, memory: MemoryNetwork, chain_id: str = "wuhan") -> None:
        super().__init__(chain=memory.chains[chain_id])
        self.nonce = len(self.chain.seen) << 16

    def call(self, person: str, place: str, given: dict[str, Any]) -> str:
        """The code of the refusal of a call; empty if it takes effect."""
        contract, method = place.split(".")
        arguments = read_arguments(self.chain.rules, contract, method, given)
        assert arguments is not None
        refused, placed = self.chain.take((self.signed(person, contract, method, arguments),))
        if refused:
            return str(refused[0].code)
        height, at = placed[0]
        return str(self.chain.blocks[height - 1].receipts[at].code)

    def document(self, did: bytes) -> DidDocument:
        """A DID as the chain has it."""
        record = self.chain.state.get(did_key(did))
        assert record is not None
        return document_of(record)

    def signatories(self, class_id: str = CLASS) -> list[str]:
        """Who signs issues of a class, in order."""
        record = self.chain.state.get(class_key(class_id))
        assert record is not None
        return [self.chain.rules.addresses.format(one) for one in decode(record, CertificateClass).signatories]


async def state(gateway: Gateway, tenant: Tenant, body: dict[str, Any], chain_id: str = "wuhan") -> Stated:
    """The answer to a body, as the route asks for it."""
    order = BODIES.validate_python(body).to_order(chain_id)
    if isinstance(order, DidStatementOrder):
        return await state_did(gateway, tenant, order)
    return await (state_meta if isinstance(order, MetaOrder) else state_issue)(gateway, tenant, order)


async def refused(gateway: Gateway, tenant: Tenant, body: dict[str, Any], chain_id: str = "wuhan") -> Problem:
    """The problem that a body is."""
    with pytest.raises(Problem) as problem:
        await state(gateway, tenant, body, chain_id)
    assert problem.value.sentence
    assert problem.value.sentence_zh
    return problem.value


def signed(stated: Stated, name: str = "signature") -> str:
    """A signature of an answer, as a call takes it."""
    assert stated.signatures is not None
    return stated.signatures[name].hex()


async def define_both(gateway: Gateway, tenant: Tenant, chain_id: str = "wuhan") -> None:
    """A class of certificates and one of editions, whose rebinds need not wait."""
    for class_id, standard in ((CLASS, 721), (EDITIONS, 1155)):
        order = ClassOrder(
            chain_id=chain_id,
            class_id=class_id,
            name_en="Degree",
            name_zh="学位",
            schema=SCHEMA,
            standard=standard,
            rules=replace(DEFAULT_RULES, rebind_wait_ms=0),
        )
        await define_class(gateway, tenant, order, None)


Told = Callable[[Gateway, Tenant], Awaitable[None]]


def run(memory: MemoryNetwork, play: Told, *, passphrase: bool = True) -> None:
    """Play on a gateway with the platform's key; without the passphrase it can sign nothing."""

    async def whole() -> None:
        gateway = memory.open() if passphrase else memory.open(passphrase=None)
        try:
            await play(gateway, await memory.tenant(gateway))
        finally:
            await close(gateway)

    asyncio.run(whole())
