"""Editions of ddc1155 and their holdings: what contracts refuse of them."""

import secrets
import uuid
from typing import Any

from contracts.ddc1155 import SafeMint1155, SafeMintBatch1155
from contracts.editions import CreateEdition, OfEdition
from contracts.life import OfHeld
from tests.contracts.small_chain import class_of
from tests.gateway.refusals import Request, act, call, case, raw_address
from tests.gateway.running import RunningNetwork


def own_class(network: RunningNetwork) -> str:
    """The class of editions of these cases."""
    return network.once("editions", lambda: _define(network))


def _define(network: RunningNetwork) -> str:
    class_id = f"many-{uuid.uuid4().hex[:12]}"
    act(network, "platform", ("classes", "defineClass"), class_of(class_id, standard=1155))
    return class_id


def edition(network: RunningNetwork, **changed: Any) -> CreateEdition:
    """An edition to be created."""
    fields: dict[str, Any] = {
        "class_id": own_class(network), "token": secrets.token_bytes(16), "content_root": bytes(32), "uri": "",
        "valid_from": None, "valid_until": None, "supersedes": None,
    }  # fmt: skip
    return CreateEdition(**fields | changed)


def create(network: RunningNetwork, arguments: CreateEdition) -> Request:
    return call(network, "platform", ("ddc1155", "createEdition"), arguments)


def created(network: RunningNetwork, **changed: Any) -> bytes:
    """The token of a new edition."""
    arguments = edition(network, **changed)
    act(network, "platform", ("ddc1155", "createEdition"), arguments)
    return arguments.token


def change(network: RunningNetwork, person: str, method: str, token: bytes) -> Request:
    arguments = OfEdition(class_id=own_class(network), token=token, reason="by-request")
    return call(network, person, ("ddc1155", method), arguments)


def issue(network: RunningNetwork, token: bytes, amount: int = 1) -> Request:
    """A holding for alice."""
    holder = raw_address(network, "alice")
    arguments = SafeMint1155(class_id=own_class(network), token=token, holder=holder, amount=amount, data=b"")
    return call(network, "platform", ("ddc1155", "safeMint"), arguments)


def issue_many(network: RunningNetwork, *people: str, amounts: int) -> Request:
    holders = tuple(raw_address(network, person) for person in people)
    arguments = SafeMintBatch1155(
        class_id=own_class(network), token=created(network), holders=holders, amounts=(1,) * amounts, data=b""
    )
    return call(network, "platform", ("ddc1155", "safeMintBatch"), arguments)


@case("edition-exists")
def an_edition_that_is_there_already(network: RunningNetwork) -> Request:
    return create(network, edition(network, token=created(network)))


@case("edition-unknown")
def a_holding_of_an_edition_that_there_is_not(network: RunningNetwork) -> Request:
    return issue(network, secrets.token_bytes(16))


@case("edition-superseded")
def a_second_successor(network: RunningNetwork) -> Request:
    old = created(network)
    created(network, supersedes=old)
    return create(network, edition(network, supersedes=old))


@case("edition-frozen")
def a_holding_of_a_frozen_edition(network: RunningNetwork) -> Request:
    token = created(network)
    assert change(network, "operator", "freezeEdition", token).send(network).status_code == 200
    return issue(network, token)


@case("edition-not-frozen")
def an_unfreeze_of_an_edition_that_is_not_frozen(network: RunningNetwork) -> Request:
    return change(network, "operator", "unfreezeEdition", created(network))


@case("edition-withdrawn")
def a_holding_of_a_withdrawn_edition(network: RunningNetwork) -> Request:
    token = created(network)
    assert change(network, "platform", "withdrawEdition", token).send(network).status_code == 200
    return issue(network, token)


@case("amount-not-one")
def two_holdings_for_one_holder(network: RunningNetwork) -> Request:
    return issue(network, created(network), amount=2)


@case("lengths-differ")
def two_holders_and_one_amount(network: RunningNetwork) -> Request:
    return issue_many(network, "alice", "bob", amounts=1)


@case("holding-repeats")
def one_holder_twice(network: RunningNetwork) -> Request:
    return issue_many(network, "alice", "alice", amounts=2)


@case("holding-exists")
def a_second_holding(network: RunningNetwork) -> Request:
    token = created(network)
    assert issue(network, token).send(network).status_code == 200
    return issue(network, token)


@case("holding-unknown")
def an_acceptance_of_what_one_does_not_hold(network: RunningNetwork) -> Request:
    arguments = OfHeld(class_id=own_class(network), token=created(network), holder=raw_address(network, "bob"))
    return call(network, "bob", ("ddc1155", "accept"), arguments)


@case("holder-missing")
def an_acceptance_that_does_not_say_whose(network: RunningNetwork) -> Request:
    arguments = OfHeld(class_id=own_class(network), token=created(network), holder=None)
    return call(network, "bob", ("ddc1155", "accept"), arguments)
