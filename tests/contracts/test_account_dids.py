"""An account joins a DID with a signature of the key that the DID has now, once, and never leaves it (protocol 15, 28)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.did import Creation, Joining, Statement, statement_digest
from chain.profiles import CHAIN_IDS
from chain.transaction import Event
from contracts import authority
from contracts.access import NO_DID, Account
from contracts.accounts import AddAccount, JoinDid, NewAccount
from contracts.did import NewDid, find_document
from contracts.interface import Role
from contracts.keys import account_key, did_key
from tests.chain.small_genesis import HOME, account_key_pair, did_key_pair, did_of
from tests.contracts.did_statements import rotate, rotated_pair
from tests.contracts.small_chain import SmallChain


@pytest.fixture
def chain() -> SmallChain:
    """Bob is a consumer of the platform without a DID; Carol is none."""
    founded = SmallChain.founded()
    founded.add("bob", did=NO_DID)
    return founded


def account(chain: SmallChain, person: str = "bob") -> Account:
    found = chain.account(person)
    assert found is not None
    return found


def add(chain: SmallChain, new: NewAccount) -> tuple[Event, ...]:
    return chain.call("platform", "authority", "addAccountByPlatform", AddAccount(item=new))


def join(chain: SmallChain, sender: str = "bob", **changed: Any) -> tuple[Event, ...]:
    """Bob joins Alice's DID, which this chain knows from its genesis document."""
    bob = account(chain)
    fields: dict[str, Any] = {
        "address": bob.address,
        "did": did_of("alice"),
        "did_sequence": 0,
        "did_signature": chain.joins("alice", bob.address, bob.public_key),
    }
    return chain.call(sender, "authority", "joinDid", JoinDid(**fields | changed))


@pytest.mark.parametrize("sender", ["bob", "platform", "operator"])
def test_an_account_without_a_did_joins_one_by_itself_or_by_whoever_answers_for_it(
    chain: SmallChain, sender: str
) -> None:
    before, bob = chain.content(), account(chain)
    assert bob.did == NO_DID
    events = join(chain, sender)
    assert events == (Event(contract="authority", name="JoinDid", values=(bob.address, did_of("alice"))),)
    assert chain.content() == before | {account_key(bob.address): encode(replace(bob, did=did_of("alice")))}


@pytest.mark.parametrize(
    ("sender", "role"),
    [("rival", Role.PLATFORM), ("alice", Role.CONSUMER), ("owner", Role.OWNER), ("carol", Role.CROSS_CHAIN)],
)
def test_nobody_else_joins_an_account_to_a_did(chain: SmallChain, sender: str, role: Role) -> None:
    chain.call("owner", "authority", "addCrossChain", AddAccount(item=chain.new_account("carol")))
    with chain.refuses("role-not-allowed", role):
        join(chain, sender)


@pytest.mark.parametrize("sender", ["bob", "platform", "operator"])
def test_who_has_joined_a_did_joins_no_other_and_does_not_leave(chain: SmallChain, sender: str) -> None:
    join(chain)
    bob = account(chain)
    for person in ("alice", "rival"):
        signature = chain.joins(person, bob.address, bob.public_key)
        with chain.refuses("did-joined", did_of("alice")):
            join(chain, sender, did=did_of(person), did_signature=signature)
    with chain.refuses("did-joined", did_of("alice")):
        join(chain, sender, did=NO_DID, did_signature=b"")


def test_no_method_takes_an_account_s_did_away() -> None:
    """The one effect that writes another DID is `joinDid`'s, and it asks that there be none."""
    assert [name for name in authority.METHODS if "did" in name.lower()] == ["joinDid", "syncPlatformDID"]
    checks = [check.codes for check in authority.METHODS["joinDid"].checks]
    assert ("did-joined",) in checks


@pytest.mark.parametrize("did", [NO_DID, did_of("bob"), bytes([1] * 20)])
def test_an_unknown_did_is_not_joined(chain: SmallChain, did: bytes) -> None:
    with chain.refuses("did-unknown", did):
        join(chain, did=did)


def test_a_did_that_became_known_is_joined(chain: SmallChain) -> None:
    bob = account(chain)
    chain.call("bob", "did", "create", chain.new_did("bob"))
    join(chain, did=did_of("bob"), did_signature=chain.joins("bob", bob.address, bob.public_key))
    assert account(chain).did == did_of("bob")


def signed(joining: Joining, *, network: bytes, chain: str = HOME, person: str = "alice", what: str = "") -> bytes:
    pair = did_key_pair(person, what or "authentication")
    return pair.sign(statement_digest(network, chain, joining))


def forgeries(chain: SmallChain, joining: Joining) -> dict[str, bytes]:
    """Signatures over anything but what is asked."""
    network, own = chain.rules.network_id, chain.rules.chain_id
    good = signed(joining, network=network, chain=own)
    creation: Statement = Creation(did=joining.did)
    key = account_key_pair(own, "dave").public_key
    return {
        "nothing": b"",
        "zeros": bytes(64),
        "a cut": good[:-1],
        "a changed bit": good[:-1] + bytes([good[-1] ^ 1]),
        "another network": signed(joining, network=bytes([network[0] ^ 1]) + network[1:], chain=own),
        "another chain": signed(joining, network=network, chain="zhongyi" if own == HOME else HOME),
        "another address": signed(replace(joining, address=b"other"), network=network, chain=own),
        "another key": signed(replace(joining, public_key=key), network=network, chain=own),
        "another sequence": signed(replace(joining, sequence=1), network=network, chain=own),
        "another DID": signed(replace(joining, did=did_of("rival")), network=network, chain=own),
        "somebody else's key": signed(joining, network=network, chain=own, person="rival"),
        "the recovery key": signed(joining, network=network, chain=own, what="recovery"),
        "another statement": did_key_pair("alice").sign(statement_digest(network, own, creation)),
        "no domain": did_key_pair("alice").sign(chain.rules.transaction_id(encode(joining))),
    }


SOME_JOINING = Joining(did=did_of("alice"), sequence=0, address=b"a", public_key=bytes(33))
FORGERIES = list(forgeries(SmallChain.founded(), SOME_JOINING))
forged = pytest.mark.parametrize("forgery", FORGERIES)


@forged
def test_a_signature_over_anything_else_joins_nobody(chain: SmallChain, forgery: str) -> None:
    bob = account(chain)
    joining = Joining(did=did_of("alice"), sequence=0, address=bob.address, public_key=bob.public_key)
    with chain.refuses("did-not-signed", did_of("alice")):
        join(chain, did_signature=forgeries(chain, joining)[forgery])


@forged
@pytest.mark.parametrize("chain_id", ["wuhan", "zhongyi"])
def test_a_signature_over_anything_else_creates_no_account(chain_id: str, forgery: str) -> None:
    chain = SmallChain.founded(chain_id)
    new = chain.new_account("carol", did=did_of("alice"))
    joining = Joining(did=new.did, sequence=0, address=new.address, public_key=new.public_key)
    bad = replace(new, document=None, did_signature=forgeries(chain, joining)[forgery])
    with chain.refuses("did-not-signed", new.did):
        add(chain, bad)
    good = chain.joins("alice", new.address, new.public_key)
    add(chain, replace(bad, did_signature=good))


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
def test_one_did_has_accounts_on_every_chain_each_with_a_signature_of_its_own(chain_id: str) -> None:
    """The DID's key is the same everywhere, whatever the chain's own scheme is."""
    chain = SmallChain.founded(chain_id)
    new = chain.new_account("bob")
    signature = chain.joins("alice", new.address, new.public_key)
    add(chain, replace(new, did=did_of("alice"), document=None, did_signature=signature))
    assert account(chain).did == did_of("alice")


@pytest.mark.parametrize("sequence", [1, 2, 2**53 - 1])
def test_the_sequence_is_the_one_that_the_chain_knows(chain: SmallChain, sequence: int) -> None:
    """Though the key did sign that sequence."""
    bob = account(chain)
    signature = chain.joins("alice", bob.address, bob.public_key, sequence)
    with chain.refuses("did-sequence-wrong", 0, sequence):
        join(chain, did_sequence=sequence, did_signature=signature)


def test_a_signature_is_at_most_64_bytes(chain: SmallChain) -> None:
    with chain.refuses("did-not-signed", did_of("alice")):
        join(chain, did_signature=bytes(64))
    with chain.refuses("arguments-malformed"):
        join(chain, did_signature=bytes(65))


def test_after_a_rotation_the_old_key_joins_nobody_and_the_new_one_does(chain: SmallChain) -> None:
    bob = account(chain)
    rotate(chain, "alice")
    with chain.refuses("did-sequence-wrong", 1, 0):
        join(chain)
    with chain.refuses("did-not-signed", did_of("alice")):
        join(chain, did_sequence=1, did_signature=chain.joins("alice", bob.address, bob.public_key, 1))
    joining = Joining(did=did_of("alice"), sequence=1, address=bob.address, public_key=bob.public_key)
    digest = statement_digest(chain.rules.network_id, chain.rules.chain_id, joining)
    join(chain, did_sequence=1, did_signature=rotated_pair("alice", 1).sign(digest))


def test_after_a_rotation_the_base_document_brings_the_old_key_back_for_nobody(chain: SmallChain) -> None:
    """Neither for the account that comes with it, nor for the DID."""
    rotate(chain, "alice")
    new = chain.new_account("carol")
    signature = chain.joins("alice", new.address, new.public_key)
    old = replace(new, did=did_of("alice"), did_signature=signature, document=chain.new_did("alice"))
    with chain.refuses("did-sequence-wrong", 1, 0):
        add(chain, old)
    with chain.refuses("did-not-signed", did_of("alice")):
        add(chain, replace(old, did_sequence=1))
    for changed in ({"did_signature": b""}, {"document": None}, {}):
        with chain.refuses("did-differs", NO_DID):
            add(chain, replace(old, did=NO_DID, **changed))


def test_a_known_did_may_come_with_its_document_and_stays_as_it_is(chain: SmallChain) -> None:
    rotate(chain, "alice")
    before = find_document(chain.records, did_of("alice"))
    new = chain.new_account("carol")
    joining = Joining(did=did_of("alice"), sequence=1, address=new.address, public_key=new.public_key)
    signature = rotated_pair("alice", 1).sign(statement_digest(chain.rules.network_id, HOME, joining))
    document = chain.new_did("alice")
    add(chain, replace(new, did=did_of("alice"), did_sequence=1, did_signature=signature, document=document))
    assert find_document(chain.records, did_of("alice")) == before
    assert account(chain, "carol").did == did_of("alice")


def test_a_new_did_comes_with_its_own_document_which_proves_itself(chain: SmallChain) -> None:
    good = chain.new_account("carol")
    assert good.document is not None
    with chain.refuses("did-unknown", good.did):
        add(chain, replace(good, document=None))
    with chain.refuses("did-differs", good.did):
        add(chain, replace(good, document=chain.new_did("bob")))
    with chain.refuses("did-not-signed", good.did):
        add(chain, replace(good, document=NewDid(base=good.document.base, signature=bytes(64))))
    for what in ("authentication", "recovery"):
        base = replace(good.document.base, **{what: bytes(33)})
        with chain.refuses("public-key-malformed", bytes(33)):
            add(chain, replace(good, did=base.did, document=NewDid(base=base, signature=bytes(64))))
    base = replace(good.document.base, home="taian")
    with chain.refuses("home-unknown", "taian"):
        add(chain, replace(good, did=base.did, document=NewDid(base=base, signature=bytes(64))))
    add(chain, good)
    assert did_key(good.did) in chain.content()


def test_two_accounts_of_one_new_did_come_in_one_batch(chain: SmallChain) -> None:
    carol, dave = chain.new_account("carol"), chain.new_account("dave")
    signature = chain.joins("carol", dave.address, dave.public_key)
    both = (carol, replace(dave, did=carol.did, did_signature=signature, document=carol.document))
    chain.call("platform", "authority", "addBatchAccountByPlatform", authority.AddAccounts(items=both))
    assert {account(chain, person).did for person in ("carol", "dave")} == {did_of("carol")}


@given(st.binary(max_size=64))
def test_no_other_bytes_join(signature: bytes) -> None:
    chain = SmallChain.founded()
    chain.add("bob", did=NO_DID)
    with chain.refuses("did-not-signed", did_of("alice")):
        join(chain, did_signature=signature)
