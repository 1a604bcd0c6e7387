"""Who may issue, and whose signatures it takes: what contracts refuse of it."""

import secrets
import time
import uuid
from typing import Any

from msgspec.structs import replace

from contracts.classes import DEFAULT_RULES, DelegateIssuing, SetSignatories
from contracts.ddc721 import MetaMint, MetaMintBatch
from contracts.issuing import Mint, MintBatch, MintItem
from contracts.meta import DEADLINE_MS_MAX, Signed
from contracts.signatories import MintSigned, issue_bytes
from gateway.services.gateway import now_ms
from tests.contracts.small_chain import class_of
from tests.gateway.people import settle
from tests.gateway.refusals import CHAIN, Request, act, call, case, define, mint, raw_address
from tests.gateway.running import RunningNetwork

DAY_MS = 86_400_000


def own_class(network: RunningNetwork, **rules: Any) -> str:
    """A new class of the platform with these rules."""
    class_id = f"own-{uuid.uuid4().hex[:12]}"
    defined = class_of(class_id, rules=replace(DEFAULT_RULES, **rules))
    act(network, "platform", ("classes", "defineClass"), defined)
    return class_id


def an_item(holder: bytes, **changed: Any) -> MintItem:
    """A certificate to be issued."""
    fields: dict[str, Any] = {
        "token": secrets.token_bytes(16), "holder": holder, "content_root": bytes(32), "uri": "", "valid_from": None,
        "valid_until": None,
    }  # fmt: skip
    return MintItem(**fields | changed)


def minting(network: RunningNetwork, class_id: str, sender: str = "platform", **changed: Any) -> Request:
    """One certificate for alice."""
    item = an_item(raw_address(network, "alice"), **changed)
    return call(network, sender, ("ddc721", "mint"), Mint(class_id=class_id, item=item))


def delegate(network: RunningNetwork, class_id: str, quota: int, until: int, to: str = "bob") -> Request:
    """The platform lets somebody issue."""
    arguments = DelegateIssuing(class_id=class_id, address=raw_address(network, to), quota=quota, until=until)
    return call(network, "platform", ("classes", "delegateIssuing"), arguments)


@case("standard-unknown")
def a_class_of_a_standard_that_there_is_not(network: RunningNetwork) -> Request:
    return call(network, "platform", ("classes", "defineClass"), class_of("tokens", standard=1_000))


@case("class-of-other-standard")
def a_certificate_of_a_class_of_editions(network: RunningNetwork) -> Request:
    class_id = f"many-{uuid.uuid4().hex[:12]}"
    assert define(class_id, standard=1155).send(network).status_code == 201
    return mint(network, **{"class": class_id, "content": {}})


@case("until-passed")
def a_right_that_ended_before_it_began(network: RunningNetwork) -> Request:
    return delegate(network, own_class(network), 1, 1)


@case("own-account")
def a_definer_that_would_limit_itself(network: RunningNetwork) -> Request:
    return delegate(network, own_class(network), 1, now_ms() + DAY_MS, to="platform")


@case("grant-expired")
def a_mint_after_the_right_has_ended(network: RunningNetwork) -> Request:
    class_id, until = own_class(network), now_ms() + 1_500
    assert delegate(network, class_id, 1, until).send(network).status_code == 200
    while now_ms() < until + 500:
        time.sleep(0.05)
    return minting(network, class_id, "bob")


@case("quota-exceeded")
def a_batch_over_the_quota(network: RunningNetwork) -> Request:
    class_id, alice = own_class(network), raw_address(network, "alice")
    assert delegate(network, class_id, 1, now_ms() + DAY_MS).send(network).status_code == 200
    arguments = MintBatch(class_id=class_id, items=(an_item(alice), an_item(alice)))
    return call(network, "bob", ("ddc721", "mintBatch"), arguments)


@case("holder-of-other-platform")
def a_mint_to_a_consumer_of_another_platform(network: RunningNetwork) -> Request:
    other = settle(network, "operator", "addAccountByOperator")
    theirs = settle(network, "operator", "addAccountByOperator", leader=other.own.did)
    item = an_item(theirs.address)
    return call(network, "platform", ("ddc721", "mint"), Mint(class_id=own_class(network), item=item))


@case("validity-required")
def a_certificate_without_an_end_where_one_is_required(network: RunningNetwork) -> Request:
    return minting(network, own_class(network, validity_ms_max=DAY_MS))


@case("validity-too-long")
def a_certificate_that_would_be_valid_for_too_long(network: RunningNetwork) -> Request:
    return minting(network, own_class(network, validity_ms_max=DAY_MS), valid_from=1, valid_until=2 + DAY_MS)


def signatories(network: RunningNetwork, class_id: str, threshold: int, *people: str) -> Request:
    """Whose signatures a class needs."""
    named = tuple(raw_address(network, person) for person in people)
    arguments = SetSignatories(class_id=class_id, threshold=threshold, signatories=named)
    return call(network, "platform", ("classes", "setSignatories"), arguments)


def class_of_two(network: RunningNetwork) -> str:
    """A class whose certificates the operator and bob must sign."""
    class_id = own_class(network)
    assert signatories(network, class_id, 2, "operator", "bob").send(network).status_code == 200
    return class_id


def mint_signed(network: RunningNetwork, class_id: str, *people: str, spoilt: bool = False) -> Request:
    """A certificate with the signatures of the first few signatories."""
    items, deadline = (an_item(raw_address(network, "alice")),), now_ms() + 60_000
    message = issue_bytes(network.rules(CHAIN), "ddc721", class_id, items, deadline)
    signatures = tuple(bytes(64) if spoilt else network.key_pair(CHAIN, person).sign(message) for person in people)
    arguments = MintSigned(
        class_id=class_id, items=items, deadline=deadline, signers=tuple(range(len(people))), signatures=signatures
    )
    return call(network, "platform", ("ddc721", "mintSigned"), arguments)


@case("signatories-malformed")
def one_signatory_twice(network: RunningNetwork) -> Request:
    return signatories(network, own_class(network), 2, "bob", "bob")


@case("signatures-required")
def a_mint_without_the_signatures_of_the_class(network: RunningNetwork) -> Request:
    return minting(network, class_of_two(network))


@case("signatures-not-asked")
def signatures_for_a_class_that_asks_for_none(network: RunningNetwork) -> Request:
    return mint_signed(network, own_class(network), "operator", "bob")


@case("signatures-short")
def a_signature_too_few(network: RunningNetwork) -> Request:
    return mint_signed(network, class_of_two(network), "operator")


@case("signature-not-valid")
def signatures_that_nobody_made(network: RunningNetwork) -> Request:
    return mint_signed(network, class_of_two(network), "operator", "bob", spoilt=True)


def meta_mint(network: RunningNetwork, **changed: Any) -> Request:
    """A certificate that alice is to have signed for."""
    fields: dict[str, Any] = {"counter": 1, "deadline": now_ms() + 60_000, "signature": bytes(64)}
    item = an_item(raw_address(network, "alice"))
    arguments = MetaMint(class_id="degree", item=item, data=b"", signed=Signed(**fields | changed))
    return call(network, "platform", ("ddc721", "metaMint"), arguments)


@case("meta-not-signed")
def a_meta_transaction_that_nobody_signed(network: RunningNetwork) -> Request:
    return meta_mint(network)


@case("counter-wrong")
def a_meta_transaction_out_of_order(network: RunningNetwork) -> Request:
    return meta_mint(network, counter=7)


@case("deadline-passed")
def a_meta_transaction_that_comes_too_late(network: RunningNetwork) -> Request:
    return meta_mint(network, deadline=1)


@case("deadline-too-far")
def a_meta_transaction_that_would_be_good_for_ever(network: RunningNetwork) -> Request:
    return meta_mint(network, deadline=now_ms() + 2 * DEADLINE_MS_MAX)


@case("holders-differ")
def a_meta_batch_for_two_holders(network: RunningNetwork) -> Request:
    items = tuple(an_item(raw_address(network, person)) for person in ("alice", "bob"))
    signed = Signed(counter=1, deadline=now_ms(), signature=bytes(64))
    arguments = MetaMintBatch(class_id="degree", items=items, data=b"", signed=signed)
    return call(network, "platform", ("ddc721", "metaMintBatch"), arguments)
