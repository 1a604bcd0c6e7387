"""A bundle is judged by the status that it proves, and checked along the hand-overs from genesis on (protocol 25.3)."""

from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.did import Joining, statement_digest
from chain.digests import sha256
from chain.light_client import CertifiedHeader, Handover
from chain.membership import Membership
from chain.profiles import load_profiles
from chain.state import prove
from chain.universal_id import CertificateName, format_token
from contracts.accounts import AddAccount, NewAccount
from contracts.certificate import certificate_of
from contracts.classes import DefineClass
from contracts.issuing import Mint, MintItem, SafeMint
from contracts.keys import certificate_key
from contracts.life import ChangeStatus, OfHeld
from contracts.system import change_transaction
from credentials.bundle import Bundle, make_bundle
from credentials.content import Hidden
from credentials.verifier import Verdict, verify_bundle
from node.ledger import Ledger
from tests.chain.small_genesis import account_key_pair, address_of, did_key_pair, did_of
from tests.chain.small_network import START_MS
from tests.contracts.membership_changes import FOUR, agreed, certified_by, first, rekeyed
from tests.node.small_chain import GENESIS, RULES, definition, new_ledger, next_block, signed_call, touch

FIVE = first(5)
REKEYED = rekeyed(FIVE, 1)
TOKEN = bytes(15) + b"\7"
CLASS = "class-1"
ROOT = sha256(b"content")


def append(ledger: Ledger, raw: bytes) -> CertifiedHeader:
    """The next block, of one transaction, certified by whoever must."""
    executed = next_block(ledger, raw)
    assert executed.receipts[0].code in ("", "touched-recently")
    certified = certified_by(RULES, ledger.head.membership, executed.block.header)
    ledger.append(executed, certified.certificate)
    return certified


def change(old: Membership, new: Membership, height: int) -> bytes:
    return change_transaction(RULES, agreed(RULES, old, new, height), now=START_MS, nonce=bytes(16))


def mint() -> bytes:
    item = MintItem(
        token=TOKEN,
        holder=address_of(RULES, "alice"),
        content_root=ROOT,
        uri="",
        valid_from=None,
        valid_until=None,
    )
    return signed_call("mint", Mint(class_id=CLASS, item=item), contract="ddc721", nonce=9)


@cache
def bundles() -> dict[int, Bundle]:
    """A bundle of one certificate at every height from 2 on; a change has effect from 4 on, another from 6 on."""
    ledger = new_ledger()
    define: DefineClass = definition(1)
    append(ledger, signed_call("defineClass", define, nonce=1))
    made: dict[int, Bundle] = {}
    handovers: list[Handover] = []
    raws = (mint(), change(FOUR, FIVE, 5), touch(1), change(FIVE, REKEYED, 7), touch(2), touch(3))
    for raw in raws:
        certified = append(ledger, raw)
        made[ledger.height] = bundle_of(ledger, certified, tuple(handovers))
        if certified.header.next_membership != certified.header.membership:
            handovers.append(Handover(certified=certified, next_membership=ledger.head.membership))
    return made


def bundle_of(ledger: Ledger, certified: CertifiedHeader, handovers: tuple[Handover, ...]) -> Bundle:
    key = certificate_key(CLASS, TOKEN)
    record = ledger.state.get(key)
    assert record is not None
    token = format_token(RULES.profile.token_id_style, TOKEN)
    return make_bundle(
        uid=CertificateName(RULES.chain_id, CLASS, token).universal,
        certified=certified,
        handovers=handovers,
        record=record,
        proof=prove(ledger.state, key),
        content=(Hidden(ROOT),),
    )


def verdict(bundle: Bundle, now: int = START_MS + 60_000) -> Verdict:
    return verify_bundle(bundle.canonical(), GENESIS, load_profiles(), now=now)


def test_a_bundle_of_every_height_is_proven_by_its_hand_overs() -> None:
    found = {height: (verdict(bundle).reasons, len(bundle.handovers)) for height, bundle in bundles().items()}
    assert found == {2: ((), 0), 3: ((), 0), 4: ((), 0), 5: ((), 1), 6: ((), 1), 7: ((), 2)}


@pytest.mark.parametrize("kept", [(), (0,), (1,), (1, 0), (0, 0, 1)])
def test_hand_overs_that_are_missing_repeated_or_out_of_turn_prove_nothing(kept: tuple[int, ...]) -> None:
    whole = bundles()[7]
    found = verdict(replace(whole, handovers=tuple(whole.handovers[place] for place in kept)))
    assert not found.proven
    assert found.reasons[0].startswith(("handover-invalid", "header-invalid"))


def test_a_hand_over_too_many_proves_nothing() -> None:
    early = replace(bundles()[4], handovers=bundles()[5].handovers)
    assert verdict(early).reasons == ("header-invalid: height-not-increasing",)


SPOILT: dict[str, Any] = {
    "another name": lambda part: replace(
        part, next_membership=(replace(part.next_membership[0], name="wuxi"), *part.next_membership[1:])
    ),
    "another key": lambda part: replace(
        part, next_membership=(replace(part.next_membership[0], consensus_key="0" * 64), *part.next_membership[1:])
    ),
    "one member less": lambda part: replace(part, next_membership=part.next_membership[:-1]),
    "a later height": lambda part: replace(part, header=replace(part.header, height=part.header.height + 1)),
    "another next set": lambda part: replace(part, header=replace(part.header, next_membership="0" * 64)),
    "a signer less": lambda part: replace(
        part, certificate=replace(part.certificate, signers=part.certificate.signers[:-1])
    ),
    "a spoilt signature": lambda part: replace(
        part, certificate=replace(part.certificate, signatures=("0" * 128, *part.certificate.signatures[1:]))
    ),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("place", [0, 1])
def test_every_part_of_a_hand_over_is_bound_by_the_check(spoil: Any, place: int) -> None:
    whole = bundles()[7]
    parts = list(whole.handovers)
    parts[place] = spoil(parts[place])
    found = verdict(replace(whole, handovers=tuple(parts)))
    assert not found.proven
    assert found.reasons[0].startswith("handover-invalid")


def test_a_hand_over_to_three_replicas_proves_nothing() -> None:
    whole = bundles()[5]
    (part,) = whole.handovers
    three = replace(part, next_membership=part.next_membership[:3])
    assert not verdict(replace(whole, handovers=(three,))).proven


ITEM = {"token": TOKEN, "content_root": ROOT, "uri": ""}
HELD = {"class_id": CLASS, "token": TOKEN, "holder": None}
BY_REQUEST = ChangeStatus(**HELD, reason="by-request")
Step = tuple[str, str, Record]


def issued(*, offered: bool = False, **validity: int) -> Step:
    """The mint of the certificate, valid for so long."""
    item = MintItem(**ITEM, holder=address_of(RULES, "alice"), **{"valid_from": None, "valid_until": None} | validity)
    if offered:
        return "platform", "safeMint", SafeMint(class_id=CLASS, item=item, data=b"")
    return "platform", "mint", Mint(class_id=CLASS, item=item)


def bridge() -> AddAccount:
    """A cross-chain account of the owner's DID."""
    pair, address = account_key_pair(RULES.chain_id, "bridge"), address_of(RULES, "bridge")
    joining = Joining(did=did_of("owner"), sequence=0, address=address, public_key=pair.public_key)
    item = NewAccount(
        address=address,
        public_key=pair.public_key,
        possession=b"",
        leader=None,
        did=did_of("owner"),
        did_sequence=0,
        did_signature=did_key_pair("owner").sign(statement_digest(RULES.network_id, RULES.chain_id, joining)),
        document=None,
    )
    return AddAccount(item=item)


def after(*steps: Step) -> Bundle:
    """The bundle of the certificate after these calls of ddc721."""
    ledger = new_ledger()
    append(ledger, signed_call("defineClass", definition(1), nonce=1))
    append(ledger, signed_call("addCrossChain", bridge(), contract="authority", person="owner", nonce=1))
    for nonce, (person, method, arguments) in enumerate(steps, start=2):
        certified = append(ledger, signed_call(method, arguments, contract="ddc721", person=person, nonce=nonce))
    return bundle_of(ledger, certified, ())


LOCKING = OfHeld(**HELD)
LIVES: dict[str, tuple[tuple[Step, ...], str]] = {
    "issued": ((issued(),), "active"),
    "issued to come": ((issued(valid_from=START_MS + 90_000),), "not-yet-valid"),
    "issued for too short": ((issued(valid_until=START_MS + 50_000),), "expired"),
    "offered": ((issued(offered=True),), "offered"),
    "offered for too short": ((issued(offered=True, valid_until=START_MS + 50_000),), "offered"),
    "accepted": ((issued(offered=True), ("alice", "accept", LOCKING)), "active"),
    "declined": ((issued(offered=True), ("alice", "decline", LOCKING)), "burnt"),
    "frozen": ((issued(), ("operator", "freeze", BY_REQUEST)), "frozen"),
    "frozen and freed": (
        (issued(), ("operator", "freeze", BY_REQUEST), ("operator", "unfreeze", BY_REQUEST)),
        "active",
    ),
    "locked": ((issued(), ("bridge", "lock", LOCKING)), "locked"),
    "locked and frozen": ((issued(), ("bridge", "lock", LOCKING), ("operator", "freeze", BY_REQUEST)), "frozen"),
    "locked and unlocked": ((issued(), ("bridge", "lock", LOCKING), ("bridge", "unlock", LOCKING)), "active"),
    "burnt": ((issued(), ("platform", "burn", BY_REQUEST)), "burnt"),
    "revoked": ((issued(), ("platform", "revoke", BY_REQUEST)), "revoked"),
    "frozen and revoked": (
        (issued(), ("operator", "freeze", BY_REQUEST), ("platform", "revoke", BY_REQUEST)),
        "revoked",
    ),
}


@pytest.mark.parametrize(("steps", "status"), LIVES.values(), ids=LIVES)
def test_every_status_is_proven_and_only_an_active_certificate_is_valid(steps: tuple[Step, ...], status: str) -> None:
    found = verdict(after(*steps))
    assert found.proven
    assert (found.status, found.valid) == (status, status == "active")
    assert found.reasons == (() if status == "active" else (f"not-active: {status}",))


def test_a_certificate_is_judged_anew_by_every_clock() -> None:
    bundle = after(issued(valid_from=START_MS + 20_000, valid_until=START_MS + 40_000))
    judged = {second: verdict(bundle, START_MS + second * 1_000).status for second in (19, 20, 39, 40)}
    assert judged == {19: "not-yet-valid", 20: "active", 39: "active", 40: "expired"}


@pytest.mark.parametrize("flag", ["frozen", "locked", "recorded"])
def test_a_status_that_was_touched_up_proves_nothing(flag: str) -> None:
    bundle = after(issued(), ("operator", "freeze", BY_REQUEST))
    certificate = certificate_of(bytes.fromhex(bundle.state.record))
    better = replace(certificate, **{flag: {"frozen": False, "locked": True, "recorded": 1}[flag]})
    found = verdict(replace(bundle, state=replace(bundle.state, record=encode(better).hex())))
    assert not found.proven
    assert found.reasons[0].startswith("record-not-proven")
