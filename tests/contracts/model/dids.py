"""The contract `did`: documents that prove themselves, and what their keys change."""

from typing import Any

from tests.contracts.model.gates import sender_of
from tests.contracts.model.state import Call, Document, Rule, World, demand, refuse

SERVICES_MAX = 8


def require_proven(world: World, new: Any) -> None:
    """A new document: its keys are keys, its home is a chain, and its authentication key signed its creation."""
    base = new.base
    demand({base.authentication, base.recovery} <= world.facts.did_keys, "public-key-malformed")
    demand(base.home in world.chains, "home-unknown")
    statement = ("create", base.home, base.did)
    demand(world.facts.signed(base.authentication, new.signature, statement), "did-not-signed")


def learn(world: World, base: Any) -> None:
    """The chain knows the document from now on."""
    world.documents[base.did] = Document(base.home, base.authentication, base.recovery, world.now)


def create(world: World, call: Call) -> None:
    sender_of(world, call)
    require_proven(world, call.arguments)
    base = call.arguments.base
    demand(base.did not in world.documents, "did-exists")
    learn(world, base)


def _known(world: World, did: bytes) -> Document:
    document = world.documents.get(did)
    if document is None:
        refuse("did-unknown")
    return document


def _require_later(world: World, document: Document, sequence: int) -> None:
    step = sequence - document.sequence
    demand(step == 1 if document.home == world.chain else step >= 1, "did-sequence-wrong")


def rotate(world: World, call: Call) -> None:
    sender_of(world, call)
    asked = call.arguments.rotation
    document = _known(world, asked.did)
    _require_later(world, document, asked.sequence)
    demand(asked.authentication in world.facts.did_keys, "public-key-malformed")
    statement = ("rotate", document.home, asked.did, asked.sequence, asked.authentication)
    demand(world.facts.signed(document.recovery, call.arguments.signature, statement), "did-not-signed")
    demand(world.facts.signed(asked.authentication, call.arguments.possession, statement), "did-not-signed")
    document.authentication = asked.authentication
    document.sequence, document.updated_at = asked.sequence, world.now


def set_service(world: World, call: Call) -> None:
    sender_of(world, call)
    asked = call.arguments.change
    document = _known(world, asked.did)
    demand(document.home == world.chain, "not-home-chain")
    _require_later(world, document, asked.sequence)
    statement = ("service", document.home, asked.did, asked.sequence, asked.service, asked.endpoint)
    demand(world.facts.signed(document.authentication, call.arguments.signature, statement), "did-not-signed")
    services = document.services
    comes = asked.endpoint and asked.service not in services
    demand(not comes or len(services) < SERVICES_MAX, "services-full")
    demand(services.get(asked.service, "") != asked.endpoint, "no-change")
    if asked.endpoint:
        services[asked.service] = asked.endpoint
    else:
        del services[asked.service]
    document.sequence, document.updated_at = asked.sequence, world.now


METHODS: dict[str, Rule] = {"create": create, "rotate": rotate, "setService": set_service}
