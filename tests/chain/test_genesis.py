"""One document, one byte string, one network: everything else is refused or is another network (protocol 9)."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import Malformed
from chain.genesis import GENESIS_BYTES_MAX, GenesisDocument, GenesisMalformed, fingerprint, parse_genesis
from tests.chain.small_genesis import ROLES, did_base, did_of, document_of, genesis_of, with_own_replicas
from tests.chain.small_network import FIRST, SECOND, THIRD

CHAINS = ("wuhan", "zhongyi")
DATA = document_of(CHAINS).canonical()
SHORT = document_of(("wuhan",)).canonical()
OWN = with_own_replicas(document_of(CHAINS), "zhongyi", THIRD).canonical()
"""The document whose second chain has replicas of its own."""


def plain(data: bytes = DATA) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(data)
    return loaded


def written(document: Any) -> bytes:
    """Canonical JSON of plain values, by the standard library: our keys are ASCII."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def changed(path: tuple[str | int, ...], value: Any, data: bytes = DATA) -> bytes:
    document = plain(data)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return written(document)


def test_a_document_is_read_and_named_by_its_digest() -> None:
    genesis = parse_genesis(DATA)
    assert genesis.document == document_of(CHAINS)
    assert genesis.network_id == hashlib.sha256(DATA).digest()
    assert written(plain()) == DATA


def test_the_first_membership_is_that_of_the_document() -> None:
    assert genesis_of(*CHAINS).membership == FIRST.membership


def test_a_chain_begins_with_its_own_replicas_and_every_other_with_those_of_the_document() -> None:
    genesis = parse_genesis(OWN)
    assert genesis.membership_of("zhongyi") == THIRD.membership
    assert genesis.membership_of("wuhan") == genesis.membership == FIRST.membership


def test_a_chain_that_the_document_lacks_begins_with_no_replicas() -> None:
    with pytest.raises(AssertionError):
        genesis_of(*CHAINS).membership_of("taian")


def test_own_replicas_are_part_of_the_document_and_of_what_others_keep_of_the_chain() -> None:
    genesis = parse_genesis(OWN)
    section = genesis.document.chains[1]
    assert written(plain(OWN)) == OWN
    assert genesis.document.canonical() == OWN
    assert plain(OWN)["chains"][1]["replicas"] == [
        {"name": name, "consensus_key": replica.consensus_key.hex(), "tls_key_digest": replica.tls_key_digest.hex()}
        for name, replica in zip(THIRD.names, THIRD.membership.replicas, strict=True)
    ]
    assert section.canonical() == written(plain(OWN)["chains"][1])
    assert genesis.network_id != parse_genesis(DATA).network_id


def test_a_chain_without_replicas_of_its_own_has_no_such_member() -> None:
    assert [set(chain) for chain in plain()["chains"]] == [{"chain_id", "profile", "primary_offset", "accounts"}] * 2
    assert "replicas" not in plain(OWN)["chains"][0]
    with pytest.raises(GenesisMalformed, match="not the canonical form"):
        parse_genesis(changed(("chains", 0, "replicas"), []))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_replicas_of_its_own_make_no_chain(count: int) -> None:
    few = plain(OWN)["chains"][1]["replicas"][:count]
    with pytest.raises(GenesisMalformed, match=f"own replicas are 4 to 64, those of zhongyi are {count}; name more"):
        parse_genesis(changed(("chains", 1, "replicas"), few))


def test_one_node_may_be_in_the_sets_of_several_chains() -> None:
    twice = with_own_replicas(with_own_replicas(document_of(CHAINS), "wuhan", SECOND), "zhongyi", FIRST)
    genesis = parse_genesis(twice.canonical())
    assert [genesis.membership_of(chain_id) for chain_id in CHAINS] == [SECOND.membership, FIRST.membership]


def test_a_section_is_found_by_its_chain() -> None:
    genesis = genesis_of(*CHAINS)
    assert [genesis.section(chain_id) for chain_id in CHAINS] == list(genesis.document.chains)
    assert genesis.section("taian") is None


def test_a_section_is_kept_by_others_as_its_part_of_the_document() -> None:
    for number, section in enumerate(genesis_of(*CHAINS).document.chains):
        assert section.canonical() == written(plain()["chains"][number])
        assert section.canonical() in DATA


def test_any_changed_bit_is_refused_or_makes_another_network() -> None:
    network_id, accepted = parse_genesis(SHORT).network_id, 0
    for bit in range(8 * len(SHORT)):
        byte = SHORT[bit // 8] ^ 1 << bit % 8
        try:
            other = parse_genesis(SHORT[: bit // 8] + bytes([byte]) + SHORT[bit // 8 + 1 :])
        except GenesisMalformed:
            continue
        accepted += 1
        assert other.network_id != network_id
        assert other.document != document_of(("wuhan",))
    assert accepted, "hex digits of the seed may change: another network"


NOT_CANONICAL = {
    "a space more": DATA.replace(b'"chains":', b'"chains": ', 1),
    "a line end": DATA + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + DATA,
    "members in another order": json.dumps(dict(reversed(plain().items())), separators=(",", ":")).encode(),
    "escaped text": json.dumps(plain(), separators=(",", ":"), sort_keys=True).encode(),
    "a number with a point": DATA.replace(b'"version":1', b'"version":1.0'),
    "a number with an exponent": DATA.replace(b'"version":1', b'"version":1e0'),
    "a member twice": DATA.replace(b'"version":1', b'"version":1,"version":1'),
}


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_another_text_of_the_same_document_is_refused(data: bytes) -> None:
    with pytest.raises(GenesisMalformed):
        parse_genesis(data)


def test_the_reason_says_that_the_form_is_not_canonical() -> None:
    with pytest.raises(GenesisMalformed, match="not the canonical form of a genesis document"):
        parse_genesis(NOT_CANONICAL["a space more"])


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no object": b"[]",
    "not JSON": DATA[:-1],
    "text not in UTF-8": DATA.replace("测".encode(), b"\xff\xfe\xfd"),
    "half a surrogate pair": DATA.replace("测".encode(), b"\\ud800"),
    "arrays in arrays": b"[" * 200_000,
    "an unknown member that is deep": b'{"a":' + b"[" * 200_000,
    "deep where text is expected": DATA.replace('"测试网 test"'.encode(), b"[" * 100_000 + b"]" * 100_000),
    "objects in objects": b'{"chains":' * 100_000,
    "a number of 5,000 digits": DATA.replace(b'"version":1', b'"version":' + b"9" * 5_000),
    "an unknown member": changed(("extra",), 1),
    "an unknown member of a replica": changed(("replicas", 0, "extra"), 1),
    "an unknown member of a chain": changed(("chains", 0, "extra"), 1),
    "an unknown member of an account": changed(("chains", 0, "accounts", 0, "extra"), 1),
    "another version": changed(("version",), 2),
    "an empty name": changed(("name",), ""),
    "a long name": changed(("name",), "n" * 65),
    "a short seed": changed(("seed",), "00" * 31),
    "an upper-case seed": changed(("seed",), "AB" * 32),
    "a time before 1970": changed(("created_at",), -1),
    "a time beyond JSON": changed(("created_at",), 2**53),
    "too few replicas": changed(("replicas",), plain()["replicas"][:3]),
    "too many replicas": changed(("replicas",), plain()["replicas"] * 17),
    "a replica's name out of form": changed(("replicas", 0, "name"), "Beijing"),
    "a short consensus key": changed(("replicas", 0, "consensus_key"), "00" * 31),
    "a short TLS digest": changed(("replicas", 0, "tls_key_digest"), "00" * 33),
    "no chains": changed(("chains",), []),
    "too many chains": changed(("chains",), plain()["chains"] * 33),
    "a chain id out of form": changed(("chains", 0, "chain_id"), "WUHAN"),
    "a short profile digest": changed(("chains", 0, "profile"), "00"),
    "too many own replicas": changed(("chains", 0, "replicas"), plain()["replicas"] * 17),
    "an own replica's name out of form": changed(("chains", 1, "replicas", 0, "name"), "Kunming", OWN),
    "an unknown member of an own replica": changed(("chains", 1, "replicas", 0, "extra"), 1, OWN),
    "own replicas that are null": changed(("chains", 0, "replicas"), None),
    "a negative offset": changed(("chains", 0, "primary_offset"), -1),
    "an offset beyond any set": changed(("chains", 0, "primary_offset"), 64),
    "too many accounts": changed(("chains", 0, "accounts"), plain()["chains"][0]["accounts"] * 17),
    "a long address": changed(("chains", 0, "accounts", 0, "address"), "a" * 129),
    "a short key": changed(("chains", 0, "accounts", 0, "public_key"), "00" * 31),
    "a long key": changed(("chains", 0, "accounts", 0, "public_key"), "00" * 66),
    "an unknown role": changed(("chains", 0, "accounts", 0, "role"), "king"),
    "a role in capitals": changed(("chains", 0, "accounts", 0, "role"), "OWNER"),
    "a role that only the owner gives": changed(("chains", 0, "accounts", 0, "role"), "cross_chain"),
    "a short DID": changed(("chains", 0, "accounts", 0, "did"), "00" * 19),
    "a debt": changed(("chains", 0, "accounts", 0, "fen"), -1),
    "more fen than JSON carries": changed(("chains", 0, "accounts", 0, "fen"), 2**53),
    "half a fen": changed(("chains", 0, "accounts", 0, "fen"), 0.5),
    "a debt of gas": changed(("chains", 0, "accounts", 0, "gas"), -1),
    "more gas than JSON carries": changed(("chains", 0, "accounts", 0, "gas"), 2**53),
    "an unknown member of a DID": changed(("dids", 0, "extra"), 1),
    "too many DIDs": changed(("dids",), plain()["dids"] * 52),
    "a home out of form": changed(("dids", 0, "home"), "Wuhan"),
    "a short authentication key": changed(("dids", 0, "authentication"), "02" + "00" * 31),
    "a long recovery key": changed(("dids", 0, "recovery"), "04" + "00" * 64),
    "a recovery key in capitals": changed(("dids", 0, "recovery"), "02" + "AB" * 32),
    "no leader": changed(("chains", 0, "accounts", 0, "leader"), ""),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_refused(data: bytes) -> None:
    with pytest.raises(GenesisMalformed, match=r"not a genesis document: .*; fetch the file again") as refusal:
        parse_genesis(data)
    assert isinstance(refusal.value, Malformed)


@pytest.mark.parametrize(
    "path", [(), ("chains", 0), ("chains", 0, "accounts", 0), ("dids", 0), ("replicas", 0)], ids=str
)
def test_every_member_of_every_part_is_needed(path: tuple[str | int, ...]) -> None:
    part: Any = plain()
    for step in path:
        part = part[step]
    for member in part:
        document = plain()
        inner: Any = document
        for step in path:
            inner = inner[step]
        del inner[member]
        with pytest.raises(GenesisMalformed, match=f"missing required field `{member}`"):
            parse_genesis(written(document))


def with_twin(path: tuple[str | int, ...], field: str, data: bytes = DATA) -> bytes:
    """The document whose second element at `path` has the first one's `field`."""
    document = plain(data)
    inner: Any = document
    for step in path:
        inner = inner[step]
    inner[1][field] = inner[0][field]
    return written(document)


TWINS = {
    "chain": with_twin(("chains",), "chain_id"),
    "replica name": with_twin(("replicas",), "name"),
    "consensus key": with_twin(("replicas",), "consensus_key"),
    "TLS key": with_twin(("replicas",), "tls_key_digest"),
    "replica name on zhongyi": with_twin(("chains", 1, "replicas"), "name", OWN),
    "consensus key on zhongyi": with_twin(("chains", 1, "replicas"), "consensus_key", OWN),
    "TLS key on zhongyi": with_twin(("chains", 1, "replicas"), "tls_key_digest", OWN),
    "address on wuhan": with_twin(("chains", 0, "accounts"), "address"),
    "address on zhongyi": with_twin(("chains", 1, "accounts"), "address"),
}


@pytest.mark.parametrize("what", TWINS)
def test_what_must_differ_is_named_once(what: str) -> None:
    with pytest.raises(GenesisMalformed, match=f"a genesis document names each {what} once"):
        parse_genesis(TWINS[what])


def test_a_did_is_named_once_and_two_may_have_one_key() -> None:
    document = plain()
    document["dids"][1] = document["dids"][0]
    with pytest.raises(GenesisMalformed, match="a genesis document names each DID once"):
        parse_genesis(written(document))
    same_key = changed(("dids", 1, "recovery"), plain()["dids"][0]["recovery"])
    assert len(parse_genesis(same_key).document.dids) == len(plain()["dids"])


@pytest.mark.parametrize("which", ["authentication", "recovery"])
@pytest.mark.parametrize("key", ["02" + "00" * 32, "00" * 33, "02" + "ff" * 32, "04" + "11" * 32])
def test_a_did_s_key_that_is_no_point_is_refused(which: str, key: str) -> None:
    with pytest.raises(GenesisMalformed, match=f"{key} is no key of a DID; see docs/protocol.md, section 28.1"):
        parse_genesis(changed(("dids", 2, which), key))


def test_a_did_is_that_of_its_base_document() -> None:
    for did, person in zip(genesis_of(*CHAINS).document.dids, ROLES, strict=True):
        assert did.base == did_base(person)
        assert did.base.did == did_of(person)


@pytest.mark.parametrize("key", ["00" * 32, "01" + "00" * 31, "ff" * 32, "02" + "00" * 31])
def test_a_consensus_key_that_is_no_point_is_refused(key: str) -> None:
    with pytest.raises(GenesisMalformed, match="the consensus key of shanghai is no Ed25519 key"):
        parse_genesis(changed(("replicas", 1, "consensus_key"), key))
    with pytest.raises(GenesisMalformed, match="the consensus key of ningbo on zhongyi is no Ed25519 key"):
        parse_genesis(changed(("chains", 1, "replicas", 1, "consensus_key"), key, OWN))


def test_a_document_at_the_limit_of_bytes_is_read_and_one_beyond_is_not() -> None:
    with pytest.raises(GenesisMalformed, match=f"at most {GENESIS_BYTES_MAX} bytes, got {GENESIS_BYTES_MAX + 1}"):
        parse_genesis(b" " * (GENESIS_BYTES_MAX + 1))
    with pytest.raises(GenesisMalformed, match="not a genesis document"):
        parse_genesis(b" " * GENESIS_BYTES_MAX)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_foreign_bytes_raise_nothing_else(data: bytes) -> None:
    with pytest.raises(GenesisMalformed):
        parse_genesis(data)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64))
@settings(max_examples=200)
def test_any_name_is_read_back(name: str) -> None:
    document = msgspec.structs.replace(document_of(("wuhan",)), name=name)
    assert parse_genesis(document.canonical()).document.name == name


def test_the_fingerprint_is_the_network_id_in_groups_of_four() -> None:
    assert fingerprint(bytes(range(32))).split(" ")[:3] == ["0001", "0203", "0405"]
    assert fingerprint(bytes(range(32))).replace(" ", "") == bytes(range(32)).hex()


def test_a_document_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        genesis_of(*CHAINS).document.name = "other"  # type: ignore[misc]
    assert GenesisDocument.__struct_config__.frozen
