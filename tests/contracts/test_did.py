"""DIDs: created once, rotated by their recovery key, with services; at home in order, elsewhere as they come (28)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.did import Creation, Rotation, ServiceChange, statement_digest
from chain.profiles import CHAIN_IDS
from chain.transaction import Event
from contracts import registry
from contracts.did import (
    SERVICES_MAX,
    DidDocument,
    NewDid,
    OfDid,
    OfService,
    Rotate,
    SetService,
    find_document,
    first_document,
)
from contracts.interface import ContractReverted
from contracts.keys import did_key
from tests.chain.small_genesis import HOME, ROLES, did_base, did_key_pair, did_of
from tests.contracts.did_statements import rotate, rotated_pair, rotation_of, service_of, set_service
from tests.contracts.small_chain import SmallChain

VERIFY = "https://example.org/verify"


@pytest.fixture
def chain() -> SmallChain:
    """The home chain of every DID."""
    return SmallChain.founded(HOME)


@pytest.fixture
def elsewhere() -> SmallChain:
    return SmallChain.founded("zhongyi")


def document(chain: SmallChain, person: str = "alice") -> DidDocument:
    found = find_document(chain.records, did_of(person))
    assert found is not None
    return found


def read(chain: SmallChain, view: str, person: str = "alice", service: str | None = None) -> Any:
    did = did_of(person)
    record = OfDid(did=did) if service is None else OfService(did=did, service=service)
    return registry.VIEWS["did", view].read(chain.records, record)


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
def test_every_chain_knows_the_dids_of_the_genesis_document_from_the_beginning(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    for person in ROLES:
        assert document(chain, person) == first_document(did_base(person), chain.parent_time)


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
@pytest.mark.parametrize("sender", ROLES)
def test_a_did_is_created_by_anybody_on_any_chain(chain_id: str, sender: str) -> None:
    chain = SmallChain.founded(chain_id)
    before, time = chain.content(), chain.time
    events = chain.call(sender, "did", "create", chain.new_did("bob"))
    assert events == (Event(contract="did", name="CreateDid", values=(did_of("bob"), HOME)),)
    base = did_base("bob")
    expected = DidDocument(
        did=did_of("bob"),
        home=HOME,
        authentication=base.authentication,
        recovery=base.recovery,
        sequence=0,
        services=(),
        updated_at=time,
    )
    assert chain.content() == before | {did_key(did_of("bob")): encode(expected)}


def test_a_did_is_created_once(chain: SmallChain) -> None:
    chain.call("alice", "did", "create", chain.new_did("bob"))
    rotate(chain, "bob")
    with chain.refuses("did-exists", did_of("bob")):
        chain.call("alice", "did", "create", chain.new_did("bob"))


@pytest.mark.parametrize(
    ("network", "home", "pair"),
    [
        (b"\1" * 32, HOME, did_key_pair("bob")),
        (None, "zhongyi", did_key_pair("bob")),
        (None, HOME, did_key_pair("bob", "recovery")),
        (None, HOME, did_key_pair("alice")),
    ],
    ids=["another network", "another home", "the recovery key", "another key"],
)
def test_a_document_is_signed_by_its_own_key_for_its_home(
    elsewhere: SmallChain, network: bytes | None, home: str, pair: Any
) -> None:
    """Whichever chain it is brought to."""
    digest = statement_digest(network or elsewhere.rules.network_id, home, Creation(did=did_of("bob")))
    with elsewhere.refuses("did-not-signed", did_of("bob")):
        elsewhere.call("alice", "did", "create", NewDid(base=did_base("bob"), signature=pair.sign(digest)))
    elsewhere.call("alice", "did", "create", elsewhere.new_did("bob"))


@pytest.mark.parametrize("what", ["authentication", "recovery"])
@pytest.mark.parametrize("key", [bytes(33), b"\x02" + b"\xff" * 32, b"\x05" + did_base("bob").recovery[1:]])
def test_both_keys_are_points_of_the_curve(chain: SmallChain, what: str, key: bytes) -> None:
    base = replace(did_base("bob"), **{what: key})
    digest = statement_digest(chain.rules.network_id, HOME, Creation(did=base.did))
    with chain.refuses("public-key-malformed", key):
        chain.call("alice", "did", "create", NewDid(base=base, signature=did_key_pair("bob").sign(digest)))


def test_a_home_is_a_chain_of_the_network(chain: SmallChain) -> None:
    for home, known in (("zhongyi", True), ("taian", False), ("nowhere", False)):
        base = replace(did_base("bob"), home=home)
        digest = statement_digest(chain.rules.network_id, home, Creation(did=base.did))
        new = NewDid(base=base, signature=did_key_pair("bob").sign(digest))
        if known:
            chain.call("alice", "did", "create", new)
            continue
        with chain.refuses("home-unknown", home):
            chain.call("alice", "did", "create", new)


def test_a_recovery_key_replaces_the_authentication_key_and_nothing_else(chain: SmallChain) -> None:
    set_service(chain, "alice", 1, "verify", VERIFY)
    before, old, time = chain.content(), document(chain), chain.time
    events = rotate(chain, "alice", 2, sender="rival")
    key = rotated_pair("alice", 2).public_key
    assert events == (Event(contract="did", name="RotateDid", values=(did_of("alice"), 2, key)),)
    new = replace(old, authentication=key, sequence=2, updated_at=time)
    assert chain.content() == before | {did_key(did_of("alice")): encode(new)}


@pytest.mark.parametrize("sequence", [0, 2, 3, 2**53 - 1])
def test_at_home_a_rotation_has_the_next_sequence(chain: SmallChain, sequence: int) -> None:
    with chain.refuses("did-sequence-wrong", 0, sequence):
        rotate(chain, "alice", sequence)
    rotate(chain, "alice", 1)
    with chain.refuses("did-sequence-wrong", 1, 1):
        rotate(chain, "alice", 1)
    rotate(chain, "alice", 2)


@pytest.mark.parametrize("sequence", [1, 2, 7, 2**53 - 1])
def test_elsewhere_a_rotation_has_any_later_sequence(elsewhere: SmallChain, sequence: int) -> None:
    rotate(elsewhere, "alice", sequence)
    assert document(elsewhere).sequence == sequence
    for earlier in {0, sequence // 2, sequence}:
        with elsewhere.refuses("did-sequence-wrong", sequence, earlier):
            rotate(elsewhere, "alice", earlier)


def test_one_statement_rotates_on_every_chain(chain: SmallChain, elsewhere: SmallChain) -> None:
    """The home chain's network and name are in what is signed, not those of the chain that is told."""
    statement = rotation_of(chain, "alice", 1)
    for place in (chain, elsewhere):
        place.call("alice", "did", "rotate", statement)
    assert document(chain).authentication == document(elsewhere).authentication


def forged_rotations(chain: SmallChain) -> dict[str, Rotate]:
    good, network = rotation_of(chain, "alice", 1), chain.rules.network_id
    rotation, old, recovery = good.rotation, did_key_pair("alice"), did_key_pair("alice", "recovery")
    new, other = rotated_pair("alice", 1), rotated_pair("alice", 9)

    def digest(statement: Any = rotation, network: bytes = network, home: str = HOME) -> bytes:
        return statement_digest(network, home, statement)

    another_key = replace(rotation, authentication=other.public_key)
    wrong = {
        "network": digest(network=bytes(32)),
        "home": digest(home="zhongyi"),
        "sequence": digest(replace(rotation, sequence=2)),
        "DID": digest(replace(rotation, did=did_of("rival"))),
        "key": digest(another_key),
        "statement": digest(Creation(did=rotation.did)),
    }
    return {
        "no possession": replace(good, possession=bytes(64)),
        "no recovery": replace(good, signature=bytes(64)),
        "both swapped": replace(good, signature=good.possession, possession=good.signature),
        "the authentication key for the recovery key": replace(good, signature=old.sign(digest())),
        "somebody else's recovery key": replace(good, signature=did_key_pair("rival", "recovery").sign(digest())),
        "the recovery key for the new key": replace(good, possession=recovery.sign(digest())),
        "a key that its owner does not have": replace(good, rotation=another_key),
        **{f"recovery for another {what}": replace(good, signature=recovery.sign(of)) for what, of in wrong.items()},
        **{f"possession for another {what}": replace(good, possession=new.sign(of)) for what, of in wrong.items()},
    }


@pytest.mark.parametrize("forgery", forged_rotations(SmallChain.founded()))
@pytest.mark.parametrize("chain_id", ["wuhan", "zhongyi"])
def test_a_rotation_needs_the_recovery_key_and_the_new_key(chain_id: str, forgery: str) -> None:
    chain = SmallChain.founded(chain_id)
    with chain.refuses("did-not-signed", did_of("alice")):
        chain.call("alice", "did", "rotate", forged_rotations(chain)[forgery])
    rotate(chain, "alice")


def test_a_rotation_to_no_key_is_refused(chain: SmallChain) -> None:
    good = rotation_of(chain, "alice", 1)
    with chain.refuses("public-key-malformed", bytes(33)):
        chain.call("alice", "did", "rotate", replace(good, rotation=replace(good.rotation, authentication=bytes(33))))


def test_a_service_is_set_replaced_and_removed(chain: SmallChain) -> None:
    old = document(chain)
    for sequence, (service, endpoint, kept) in enumerate(
        [
            ("verify", VERIFY, (("verify", VERIFY),)),
            ("issue", "https://example.org", (("issue", "https://example.org"), ("verify", VERIFY))),
            ("verify", "https://example.com", (("issue", "https://example.org"), ("verify", "https://example.com"))),
            ("issue", "", (("verify", "https://example.com"),)),
            ("verify", "", ()),
        ],
        start=1,
    ):
        before, time = chain.content(), chain.time
        events = set_service(chain, "alice", sequence, service, endpoint)
        values = (did_of("alice"), sequence, service, endpoint)
        assert events == (Event(contract="did", name="SetService", values=values),)
        expected = replace(old, services=kept, sequence=sequence, updated_at=time)
        assert chain.content() == before | {did_key(did_of("alice")): encode(expected)}


def test_services_are_set_at_home_only(elsewhere: SmallChain) -> None:
    with elsewhere.refuses("not-home-chain", HOME):
        set_service(elsewhere, "alice", 1)


def test_a_did_has_eight_services_and_may_change_them_when_it_has(chain: SmallChain) -> None:
    for number in range(1, SERVICES_MAX + 1):
        set_service(chain, "alice", number, f"service-{number}")
    with chain.refuses("services-full", SERVICES_MAX):
        set_service(chain, "alice", 9, "ninth")
    with chain.refuses("no-change", "ninth"):
        set_service(chain, "alice", 9, "ninth", "")
    set_service(chain, "alice", 9, "service-1", "https://example.com")
    set_service(chain, "alice", 10, "service-1", "")
    set_service(chain, "alice", 11, "ninth")
    assert len(document(chain).services) == SERVICES_MAX


def test_a_service_that_is_so_already_is_refused(chain: SmallChain) -> None:
    with chain.refuses("no-change", "verify"):
        set_service(chain, "alice", 1, "verify", "")
    set_service(chain, "alice", 1, "verify", VERIFY)
    with chain.refuses("no-change", "verify"):
        set_service(chain, "alice", 2, "verify", VERIFY)


@pytest.mark.parametrize("person", ["rival", "bob"])
def test_a_service_is_signed_by_the_present_authentication_key(chain: SmallChain, person: str) -> None:
    for pair in (did_key_pair(person), did_key_pair("alice", "recovery")):
        with chain.refuses("did-not-signed", did_of("alice")):
            chain.call("alice", "did", "setService", service_of(chain, "alice", 1, "verify", VERIFY, pair))
    rotate(chain, "alice")
    with chain.refuses("did-not-signed", did_of("alice")):
        set_service(chain, "alice", 2, "verify", VERIFY)
    present = rotated_pair("alice", 1)
    chain.call("alice", "did", "setService", service_of(chain, "alice", 2, "verify", VERIFY, present))


def test_a_signature_for_another_service_endpoint_or_sequence_is_refused(chain: SmallChain) -> None:
    good = service_of(chain, "alice", 1, "verify", VERIFY)
    for changed in ({"service": "other"}, {"endpoint": ""}, {"endpoint": VERIFY + "/"}):
        with chain.refuses("did-not-signed", did_of("alice")):
            chain.call("alice", "did", "setService", replace(good, change=replace(good.change, **changed)))
    signature = service_of(chain, "alice", 2, "verify", VERIFY).signature
    with chain.refuses("did-not-signed", did_of("alice")):
        chain.call("alice", "did", "setService", replace(good, signature=signature))


def test_a_did_is_read_piece_by_piece(chain: SmallChain) -> None:
    set_service(chain, "alice", 1, "verify", VERIFY)
    rotate(chain, "alice", 2)
    pieces = {view: read(chain, view) for view in ("authentication", "recovery", "home", "sequence")}
    assert pieces == {
        "authentication": rotated_pair("alice", 2).public_key,
        "recovery": did_key_pair("alice", "recovery").public_key,
        "home": HOME,
        "sequence": 2,
    }
    assert read(chain, "service", service="verify") == VERIFY
    assert read(chain, "service", service="other") == ""


@pytest.mark.parametrize("view", ["authentication", "recovery", "home", "sequence", "service"])
def test_a_read_of_an_unknown_did_is_refused(chain: SmallChain, view: str) -> None:
    with pytest.raises(ContractReverted) as refusal:
        read(chain, view, "bob", "verify" if view == "service" else None)
    assert (refusal.value.code, refusal.value.values) == ("did-unknown", (did_of("bob"),))


@pytest.mark.parametrize(
    "record",
    [
        Rotation(did=bytes(19), sequence=1, authentication=bytes(33)),
        Rotation(did=bytes(20), sequence=1, authentication=bytes(32)),
        Rotation(did=bytes(20), sequence=2**53, authentication=bytes(33)),
        ServiceChange(did=bytes(20), sequence=1, service="verify", endpoint=VERIFY),
    ],
    ids=["a short DID", "a short key", "a sequence beyond JSON", "another statement"],
)
def test_a_rotation_has_its_form(chain: SmallChain, record: Any) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("alice", "did", "rotate", Rotate(rotation=record, signature=bytes(64), possession=bytes(64)))


@given(st.binary(min_size=64, max_size=64), st.sampled_from(["create", "rotate", "setService"]))
def test_no_other_64_bytes_are_a_signature(signature: bytes, method: str) -> None:
    chain = SmallChain.founded()
    record: NewDid | Rotate | SetService = {
        "create": chain.new_did("bob"),
        "rotate": rotation_of(chain, "alice", 1),
        "setService": service_of(chain, "alice", 1, "verify", VERIFY),
    }[method]
    did = did_of("bob") if method == "create" else did_of("alice")
    with chain.refuses("did-not-signed", did):
        chain.call("alice", "did", method, replace(record, signature=signature))
