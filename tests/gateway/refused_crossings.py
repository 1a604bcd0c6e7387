"""Work between chains: what a plain request is refused of it. What takes another chain's proof is tried in tests/interop."""

import uuid
from typing import Any

from contracts.classes import Requirement, SetRequirements
from contracts.issuing import Mint
from contracts.life import OfHeld
from contracts.transfers import CrossChainTransfer, OfTarget, OfTransfer, cross_id_of
from gateway.services.gateway import now_ms
from tests.gateway.refusals import CHAIN, Request, act, call, case, raw_address
from tests.gateway.refused_rights import an_item, minting, own_class
from tests.gateway.running import RunningNetwork

OTHER = "zunyi"
WEEK_MS = 7 * 86_400_000


def movable(network: RunningNetwork, *, listed: bool = True, **changed: Any) -> tuple[str, bytes]:
    """A certificate of alice's, of a class whose certificates may move to the other chain or may not: class and token."""
    class_id = own_class(network)
    if listed:
        act(network, "platform", ("crosschain", "addTargetChainId"), OfTarget(class_id=class_id, chain_id=OTHER))
    item = an_item(raw_address(network, "alice"), **changed)
    act(network, "platform", ("ddc721", "mint"), Mint(class_id=class_id, item=item))
    return class_id, item.token


def moving(network: RunningNetwork, class_id: str, token: bytes, ms: int = 600_000) -> Request:
    """Alice opens a move."""
    arguments = CrossChainTransfer(
        class_id=class_id,
        token=token,
        holder=None,
        to_chain=OTHER,
        to=raw_address(network, "alice", OTHER),
        deadline=now_ms() + ms,
    )
    return call(network, "alice", ("crosschain", "crossChainTransfer"), arguments)


def opened(network: RunningNetwork) -> tuple[str, bytes, bytes]:
    """An open move: class, token, cross id."""
    class_id, token = movable(network)
    answer = moving(network, class_id, token).send(network)
    assert answer.status_code == 200, answer.text
    height = answer.json()["height"]
    time = network.client("nobody").get(f"/v1/chains/{CHAIN}/headers/{height}").json()["header"]["time"]
    return class_id, token, cross_id_of(network.rules(CHAIN), class_id, token, OTHER, time)


@case("target-not-listed")
def a_move_that_the_class_does_not_allow(network: RunningNetwork) -> Request:
    return moving(network, *movable(network, listed=False))


@case("deadline-out-of-range")
def a_move_that_may_take_a_year(network: RunningNetwork) -> Request:
    return moving(network, *movable(network), ms=365 * 86_400_000)


@case("certificate-not-in-time")
def a_move_of_what_is_not_valid_yet(network: RunningNetwork) -> Request:
    return moving(network, *movable(network, valid_from=now_ms() + WEEK_MS))


@case("certificate-in-transfer")
def an_unlocking_of_what_moves(network: RunningNetwork) -> Request:
    class_id, token, _ = opened(network)
    return call(network, "operator", ("ddc721", "unlock"), OfHeld(class_id=class_id, token=token, holder=None))


@case("transfer-unknown")
def a_cancelling_of_no_move(network: RunningNetwork) -> Request:
    return call(network, "alice", ("crosschain", "cancel"), OfTransfer(cross_id=bytes(32)))


@case("transfer-not-open")
def a_move_that_is_cancelled_twice(network: RunningNetwork) -> Request:
    cross_id = opened(network)[2]
    act(network, "alice", ("crosschain", "cancel"), OfTransfer(cross_id=cross_id))
    return call(network, "alice", ("crosschain", "cancel"), OfTransfer(cross_id=cross_id))


@case("transfer-not-sent")
def a_fate_of_what_has_not_left(network: RunningNetwork) -> Request:
    return call(network, "platform", ("crosschain", "tellFate"), OfTransfer(cross_id=opened(network)[2]))


def asking(network: RunningNetwork, *wanted: Requirement) -> tuple[str, Request]:
    """A class that is to ask for others."""
    class_id = own_class(network)
    arguments = SetRequirements(class_id=class_id, requires=wanted)
    return class_id, call(network, "platform", ("classes", "setRequirements"), arguments)


def wanted(class_id: str = "school") -> Requirement:
    return Requirement(chain_id=OTHER, class_id=class_id, max_age_ms=60_000, follow=True)


@case("requirements-repeat")
def a_class_that_asks_for_one_twice(network: RunningNetwork) -> Request:
    return asking(network, wanted(), wanted())[1]


@case("requirements-unshown")
def a_plain_issue_of_what_asks_for_others(network: RunningNetwork) -> Request:
    class_id, request = asking(network, wanted(f"school-{uuid.uuid4().hex[:6]}"))
    assert request.send(network).status_code == 200
    return minting(network, class_id)
