"""What becomes of certificates: what contracts refuse of it."""

from typing import Any

from chain.did import Rebinding
from contracts.ddc721 import Reissue, SetUri
from contracts.issuing import Mint, SafeMint
from contracts.life import ChangeStatus, OfHeld, SetAttribute, SetUser
from contracts.rebinding import OfRebind, RequestRebind
from gateway.services.gateway import now_ms
from tests.gateway.people import Person, did_of, settle
from tests.gateway.refusals import CHAIN, Request, act, call, case, certificate, post, raw_address
from tests.gateway.refused_rights import an_item, own_class
from tests.gateway.running import RunningNetwork

Place = tuple[str, bytes]
"""Class and token of a certificate."""


def minted(network: RunningNetwork, holder: bytes | None = None, *, offered: bool = False, **rules: Any) -> Place:
    """A new certificate, alice's unless a holder is given, of a class with these rules."""
    class_id, item = own_class(network, **rules), an_item(holder or raw_address(network, "alice"))
    if offered:
        act(network, "platform", ("ddc721", "safeMint"), SafeMint(class_id=class_id, item=item, data=b""))
    else:
        act(network, "platform", ("ddc721", "mint"), Mint(class_id=class_id, item=item))
    return class_id, item.token


def of(place: Place) -> dict[str, Any]:
    """How arguments name a certificate."""
    return {"class_id": place[0], "token": place[1], "holder": None}


def held(network: RunningNetwork, person: str, method: str, place: Place, **signer: Any) -> Request:
    return call(network, person, ("ddc721", method), OfHeld(**of(place)), **signer)


def because(network: RunningNetwork, person: str, method: str, place: Place, **changed: Any) -> Request:
    arguments = ChangeStatus(**of(place) | {"reason": "by-request"} | changed)
    return call(network, person, ("ddc721", method), arguments)


def attribute(network: RunningNetwork, place: Place, name: str) -> Request:
    return call(network, "alice", ("ddc721", "setAttribute"), SetAttribute(**of(place), name=name, value="1"))


@case("attribute-not-allowed")
def an_attribute_set_by_a_holder_who_may_not(network: RunningNetwork) -> Request:
    return attribute(network, minted(network), "grade")


@case("attributes-full")
def a_seventeenth_attribute(network: RunningNetwork) -> Request:
    place = minted(network, attributes=2)
    for number in range(16):
        assert attribute(network, place, f"grade_{number}").send(network).status_code == 200
    return attribute(network, place, "grade")


@case("burn-not-authorised")
def a_burn_of_what_nobody_may_burn(network: RunningNetwork) -> Request:
    return because(network, "alice", "burn", minted(network, burn_authorisation=3))


@case("certificate-frozen")
def a_second_freeze(network: RunningNetwork) -> Request:
    made = network.mint(CHAIN)["id"]
    network.client("operator").post(f"/v1/certificates/{made}:freeze").raise_for_status()
    return post(f"/v1/certificates/{made}:freeze", {}, "operator")


@case("certificate-not-frozen")
def an_unfreeze_of_what_is_not_frozen(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:unfreeze", {}, "operator")


@case("certificate-locked")
def a_second_lock(network: RunningNetwork) -> Request:
    bridge = network.once("bridge", lambda: settle(network, "owner", "addCrossChain"))
    place = minted(network)
    assert held(network, "alice", "lock", place, **bridge.signer).send(network).status_code == 200
    return held(network, "alice", "lock", place, **bridge.signer)


@case("certificate-not-locked")
def an_unlock_of_what_is_not_locked(network: RunningNetwork) -> Request:
    return held(network, "operator", "unlock", minted(network))


@case("certificate-not-offered")
def an_acceptance_of_what_is_not_offered(network: RunningNetwork) -> Request:
    return held(network, "alice", "accept", minted(network))


@case("certificate-offered")
def a_user_of_what_is_not_accepted(network: RunningNetwork) -> Request:
    place = minted(network, offered=True)
    arguments = SetUser(**of(place), user=raw_address(network, "bob"), until=now_ms() + 60_000)
    return call(network, "alice", ("ddc721", "setUser"), arguments)


@case("not-holder")
def an_acceptance_by_somebody_else(network: RunningNetwork) -> Request:
    return held(network, "bob", "accept", minted(network, offered=True))


@case("holder-differs")
def a_revocation_from_a_holder_who_is_not(network: RunningNetwork) -> Request:
    return because(network, "platform", "revoke", minted(network), holder=raw_address(network, "bob"))


@case("holder-of-other-did")
def a_reissue_to_somebody_else(network: RunningNetwork) -> Request:
    item = an_item(raw_address(network, "bob"))
    arguments = Reissue(**of(minted(network)), item=item, reason="misspelt")
    return call(network, "platform", ("ddc721", "reissue"), arguments)


@case("uri-empty")
def an_address_of_nothing(network: RunningNetwork) -> Request:
    return call(network, "alice", ("ddc721", "setURI"), SetUri(**of(minted(network)), uri=""))


@case("uri-set")
def a_second_address(network: RunningNetwork) -> Request:
    arguments = SetUri(**of(minted(network)), uri="https://example.org")
    act(network, "alice", ("ddc721", "setURI"), arguments)
    return call(network, "alice", ("ddc721", "setURI"), arguments)


def second_account(network: RunningNetwork) -> Person:
    """Another account of alice's DID."""
    own = did_of(network, "alice")
    return settle(network, "platform", "addAccountByPlatform", own, document=None)


def rebind(network: RunningNetwork, place: Place, to: bytes) -> Request:
    """Alice's DID asks that a certificate goes to another account."""
    own = did_of(network, "alice")
    statement = Rebinding(
        did=own.did, sequence=0, contract="ddc721", class_id=place[0], token=place[1],
        holder=raw_address(network, "alice"), to=to,
    )  # fmt: skip
    arguments = RequestRebind(**of(place), to=to, did_sequence=0, signature=own.sign(network, statement))
    return call(network, "bob", ("ddc721", "requestRebind"), arguments)


def asked(network: RunningNetwork, *, approved: bool = False) -> Place:
    """A certificate whose rebind is open."""
    place = minted(network)
    to = network.once("second account", lambda: second_account(network)).address
    assert rebind(network, place, to).send(network).status_code == 200
    if approved:
        assert settle_rebind(network, "operator", "approveRebind", place).send(network).status_code == 200
    return place


def settle_rebind(network: RunningNetwork, person: str, method: str, place: Place) -> Request:
    return call(network, person, ("ddc721", method), OfRebind(**of(place)))


@case("rebind-unknown")
def an_approval_of_a_rebind_that_nobody_asked_for(network: RunningNetwork) -> Request:
    return settle_rebind(network, "operator", "approveRebind", minted(network))


@case("rebind-other-did")
def a_rebind_to_somebody_else(network: RunningNetwork) -> Request:
    return rebind(network, minted(network), raw_address(network, "bob"))


@case("rebind-open")
def a_second_rebind_while_one_is_open(network: RunningNetwork) -> Request:
    place = asked(network)
    return rebind(network, place, network.once("second account", lambda: second_account(network)).address)


@case("rebind-not-approved")
def a_rebind_that_nobody_approved(network: RunningNetwork) -> Request:
    return settle_rebind(network, "bob", "completeRebind", asked(network))


@case("rebind-approved")
def a_second_approval(network: RunningNetwork) -> Request:
    return settle_rebind(network, "operator", "approveRebind", asked(network, approved=True))


@case("rebind-too-early")
def a_rebind_while_it_can_be_objected_to(network: RunningNetwork) -> Request:
    return settle_rebind(network, "bob", "completeRebind", asked(network, approved=True))


def change(network: RunningNetwork, action: str, body: Any, tenant: str = "platform") -> Request:
    """Something that is to become of the certificate of all cases."""
    return post(f"/v1/certificates/{certificate(network)['id']}:{action}", body, tenant)


@case("not-found")
def an_action_that_there_is_not(network: RunningNetwork) -> Request:
    return change(network, "transfer", {"to": network.address(CHAIN, "bob")})


@case("key-not-allowed")
def an_acceptance_with_the_account_of_another_tenant(network: RunningNetwork) -> Request:
    return change(network, "accept", {"account": network.address(CHAIN, "operator")})


@case("body-malformed")
def a_user_without_a_time(network: RunningNetwork) -> Request:
    return change(network, "set-user", {"user": network.address(CHAIN, "bob")})


@case("content-invalid")
def a_reissue_of_a_content_that_does_not_fit_its_class(network: RunningNetwork) -> Request:
    return change(network, "reissue", {"content": {"colour": "red"}, "reason": "misspelt"})


@case("rebind-unknown")
def an_objection_to_a_rebind_that_nobody_asked_for(network: RunningNetwork) -> Request:
    return change(network, "object-rebind", {"as_did": True})


@case("block-unknown")
def the_events_of_a_block_that_there_is_not(_network: RunningNetwork) -> Request:
    return Request(method="GET", path=f"/v1/chains/{CHAIN}/blocks/1000000/events")
