"""A DID is the digest of its first keys, the same on every chain; its keys sign one thing at a time (protocol 28)."""

import hashlib
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, Record, decoder, encode
from chain.did import (
    BaseDocument,
    Creation,
    Joining,
    Objection,
    Rebinding,
    Rotation,
    ServiceChange,
    Statement,
    check_key,
    is_signed,
    statement_digest,
)
from chain.digests import ripemd160, sha256
from tests.chain.record_strategies import any_of
from tests.chain.small_genesis import HOME, did_base, did_key_pair, did_of

NETWORK = bytes(range(32))
G = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
TWICE_G = bytes.fromhex("02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5")
"""The public keys of the private keys 1 and 2 (SEC 2), which no one has for himself."""
BASE = BaseDocument(home="wuhan", authentication=G, recovery=TWICE_G)
CANONICAL = (
    b'{"authentication":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798","home":"wuhan",'
    b'"recovery":"02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5","version":1}'
)
DID = bytes.fromhex("3971dee23471c7dc5ebeeec6d4fbec2024b724bb")
"""By `openssl dgst -sha256 -binary | openssl dgst -rmd160` of `CANONICAL`."""

TOKEN = bytes(16)
STATEMENTS: dict[str, tuple[Statement, str, str]] = {
    "creation": (
        Creation(did=DID),
        "9201c414" + DID.hex(),
        "9275554c51f5cce62314f17033a9c41d313d62884a499297d3a4c1638a31082b",
    ),
    "rotation": (
        Rotation(did=DID, sequence=1, authentication=G),
        "9402c414" + DID.hex() + "01c421" + G.hex(),
        "a508d567522f064b0c6185d9d676a9082e0d7109391b59409e0d01a81997111b",
    ),
    "service": (
        ServiceChange(did=DID, sequence=2, service="verify", endpoint="https://example.org"),
        "9503c414" + DID.hex() + "02a6" + b"verify".hex() + "b3" + b"https://example.org".hex(),
        "d93f2b9cbb4e1054bb987731d609e5f9a7e739de70a852315b8a348abc87ec96",
    ),
    "joining": (
        Joining(did=DID, sequence=3, address=b"addr", public_key=G),
        "9504c414" + DID.hex() + "03c404" + b"addr".hex() + "c421" + G.hex(),
        "d28ebd70d3a51354ce7273b97f51b8d511fbbb4a65b9b09f04ee77a3daf2511a",
    ),
    "rebinding": (
        Rebinding(did=DID, sequence=3, contract="ddc721", class_id="degree", token=TOKEN, holder=b"a", to=b"b"),
        "9805c414" + DID.hex() + "03a6" + b"ddc721".hex() + "a6" + b"degree".hex() + "c410" + TOKEN.hex()
        + "c40161c40162",
        "a3df08ca43417b8c2fae4bf5f33f86162602b7218f5e42f8c2e62922de0bc9a4",
    ),
    "objection": (
        Objection(did=DID, contract="ddc721", class_id="degree", token=TOKEN, holder=b"a", to=b"b", requested_at=7),
        "9806c414" + DID.hex() + "a6" + b"ddc721".hex() + "a6" + b"degree".hex() + "c410" + TOKEN.hex()
        + "c40161c4016207",
        "d5e4790b9613a626699cffa91f34a4833a0da5265e74abf84c0b53da7a89058b",
    ),
}  # fmt: skip
kinds = [Creation, Rotation, ServiceChange, Joining, Rebinding, Objection]
statements: st.SearchStrategy[Statement] = st.one_of(*(any_of(kind) for kind in kinds))
bases = any_of(BaseDocument)


def test_a_did_is_the_digest_of_its_canonical_base_document() -> None:
    assert BASE.canonical() == CANONICAL
    assert BASE.did == DID
    assert hashlib.sha256(CANONICAL).hexdigest() == "dc0f83a3e1ede0a6445d58e94b15d11f844c89a6c1e7e76c6d77322e78dadf26"
    assert ripemd160(sha256(CANONICAL)) == DID


@given(bases)
def test_a_base_document_is_ascii_json_without_a_space(base: BaseDocument) -> None:
    keys = f'"authentication":"{base.authentication.hex()}","home":"{base.home}","recovery":"{base.recovery.hex()}"'
    assert base.canonical() == b"{" + keys.encode("ascii") + b',"version":1}'
    assert len(base.did) == 20


@given(bases, bases)
def test_two_documents_have_two_dids(one: BaseDocument, other: BaseDocument) -> None:
    assert (one.did == other.did) == (one == other)


def test_each_part_of_the_document_counts() -> None:
    others = [
        replace(BASE, home="wuha"),
        replace(BASE, authentication=b"\x03" + G[1:]),
        replace(BASE, recovery=b"\x03" + TWICE_G[1:]),
        replace(BASE, authentication=TWICE_G, recovery=G),
    ]
    assert len({base.did for base in [BASE, *others]}) == 5


@pytest.mark.parametrize(("statement", "encoded", "_digest"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_is_its_number_and_its_fields(statement: Statement, encoded: str, _digest: str) -> None:
    assert encode(statement).hex() == encoded


@pytest.mark.parametrize(("statement", "encoded", "digest"), STATEMENTS.values(), ids=STATEMENTS)
def test_what_is_signed_is_sha_256_under_the_domain_of_dids(statement: Statement, encoded: str, digest: str) -> None:
    """Whatever the chain's own digest function is."""
    under = b"\x09bsn/did/1" + NETWORK + b"\x05wuhan"
    assert hashlib.sha256(under + bytes.fromhex(encoded)).hexdigest() == digest
    assert statement_digest(NETWORK, "wuhan", statement).hex() == digest


@given(statements, statements)
def test_two_statements_are_signed_as_two(one: Statement, other: Statement) -> None:
    same = statement_digest(NETWORK, HOME, one) == statement_digest(NETWORK, HOME, other)
    assert same == (one == other)


def test_no_statement_reads_as_another_kind() -> None:
    for (one, _, _), (other, _, _) in combinations(STATEMENTS.values(), 2):
        for statement, kind in ((one, type(other)), (other, type(one))):
            with pytest.raises(CodecMalformed):
                decoder(kind)(encode(statement))


@given(statements, st.binary(min_size=32, max_size=32), st.from_regex(r"\A[a-z]{2,32}\Z"))
def test_a_signature_holds_for_its_key_network_chain_and_statement_alone(
    statement: Statement, network: bytes, chain: str
) -> None:
    pair, other = did_key_pair("alice"), did_key_pair("alice", "recovery")
    signature = pair.sign(statement_digest(network, chain, statement))
    assert is_signed(pair.public_key, network, chain, statement, signature)
    flipped = bytes([network[0] ^ 1]) + network[1:]
    assert not is_signed(other.public_key, network, chain, statement, signature)
    assert not is_signed(pair.public_key, flipped, chain, statement, signature)
    assert not is_signed(pair.public_key, network, chain + "a", statement, signature)
    changed: Any = replace(statement, did=bytes([statement.did[0] ^ 1]) + statement.did[1:])
    assert not is_signed(pair.public_key, network, chain, changed, signature)
    assert not is_signed(pair.public_key, network, chain, statement, signature[:-1])


@pytest.mark.parametrize("key", [b"", bytes(33), G[1:], G + b"\0", b"\x02" + b"\xff" * 32])
def test_what_is_no_key_has_signed_nothing(key: bytes) -> None:
    statement = Creation(did=DID)
    signature = did_key_pair("alice").sign(statement_digest(NETWORK, HOME, statement))
    assert not check_key(key)
    assert not is_signed(key, NETWORK, HOME, statement, signature)


def test_a_key_is_a_compressed_point_and_nothing_else() -> None:
    assert check_key(G)
    assert check_key(TWICE_G)
    assert not check_key(b"\x04" + G[1:] + TWICE_G[1:])


def refused(record: Record) -> bool:
    try:
        decoder(type(record))(encode(record))
    except CodecMalformed:
        return True
    return False


SERVICE = ServiceChange(did=DID, sequence=1, service="verify", endpoint="https://example.org")


@pytest.mark.parametrize(
    "endpoint",
    [
        "", "https://example.org", "https://example.org:8443", "https://example.org/", "https://a.b/C/d_e~f-1.2",
        "https://" + "a" * 80 + ":65535/" + "b" * 80,
    ],
)  # fmt: skip
def test_an_endpoint_is_a_plain_https_address_or_none(endpoint: str) -> None:
    assert not refused(replace(SERVICE, endpoint=endpoint))


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://example.org", "https://", "https://example.org?name=alice", "https://alice@example.org", "https://a#b",
        "https://EXAMPLE.org", "https://例.org", "https://" + "a" * 81, "https://a/" + "b" * 81, "https://a:123456",
        "mailto:alice@example.org", "https://example.org\n", " https://example.org", "https://a/%41",
    ],
)  # fmt: skip
def test_no_endpoint_has_room_for_a_person(endpoint: str) -> None:
    assert refused(replace(SERVICE, endpoint=endpoint))


@pytest.mark.parametrize(("service", "fits"), [("v", True), ("a-1", True), ("a" * 32, True), ("a" * 33, False), ("1a", False), ("", False), ("A", False), ("a\n", False)])  # fmt: skip
def test_a_service_has_a_short_name(service: str, fits: bool) -> None:
    assert refused(replace(SERVICE, service=service)) is not fits


@pytest.mark.parametrize(("home", "fits"), [("ab", True), ("a" * 32, True), ("a", False), ("a" * 33, False), ("Wuhan", False), ("wu-han", False), ("wuhan\n", False)])  # fmt: skip
def test_a_home_has_the_form_of_a_chain_s_name(home: str, fits: bool) -> None:
    assert refused(replace(BASE, home=home)) is not fits


@pytest.mark.parametrize(("size", "fits"), [(31, False), (32, True), (33, True), (34, False)])
def test_an_account_s_key_has_the_size_of_some_chain_s_scheme(size: int, fits: bool) -> None:
    joining = Joining(did=DID, sequence=0, address=b"addr", public_key=bytes(size))
    assert refused(joining) is not fits


@pytest.mark.parametrize(("size", "fits"), [(32, False), (33, True), (34, False)])
def test_a_did_s_key_has_33_bytes(size: int, fits: bool) -> None:
    for record in (replace(BASE, recovery=bytes(size)), replace(BASE, authentication=bytes(size))):
        assert refused(record) is not fits
    assert refused(Rotation(did=DID, sequence=1, authentication=bytes(size))) is not fits


def test_the_people_of_the_tests_have_a_did_each() -> None:
    people = ["owner", "operator", "platform", "rival", "alice", "bob"]
    assert len({did_of(person) for person in people}) == len(people)
    assert all(
        check_key(key) for person in people for key in (did_base(person).authentication, did_base(person).recovery)
    )
