"""Every limit to the number: the last value that fits is taken, and the next one is refused."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chain import ids
from chain.addresses import TEXT_MAX, AddressCodecName, address_codec
from chain.block import BLOCK_TRANSACTIONS_MAX, BlockHeader
from chain.codec import CodecMalformed, Record, decode, encode
from chain.errors import AddressMalformed
from chain.evidence import EVIDENCE_HEIGHTS, ConflictingStatements, EvidenceFault, ForgottenCommit, SignedDigest
from chain.genesis import GENESIS_BYTES_MAX, ChainSection, GenesisAccount, GenesisDocument
from chain.light_client import HeaderFault
from chain.merkle import InclusionProof
from chain.profile import ChainProfile
from chain.profiles import load_profiles
from chain.quorum import CertificateFault
from chain.rpc import ReadState, Submit
from chain.state import Siblings
from chain.transaction import NO_SIGNATURE, NOBODY, SELF_PROVING, TRANSACTION_BYTES_MAX, Event, Receipt, Transaction
from chain.view_change import ReplicaPlace, ViewChange
from tests.chain.small_genesis import document_of
from tests.chain.small_network import FIRST, header_of, rules_of

RULES = rules_of("wuhan")
DOCUMENT = document_of(("wuhan",))
SECTION = DOCUMENT.chains[0]
PROFILE = load_profiles()["wenchang"]
TRANSACTION = Transaction(
    chain_id="wuhan", sender=b"\x01", nonce=bytes(16), valid_until=0, contract="a", method="b", arguments=b""
)


def is_taken(kind: Any, value: object) -> bool:
    """Whether the canonical bytes of a value are those of a `kind`."""
    try:
        decode(encode(value), kind)
    except CodecMalformed:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "size"), [(ids.Digest, 32), (ids.Signature, 64), (ids.Did, 20), (ids.TokenId, 16)], ids=str
)
def test_what_has_one_size_has_no_other(kind: Any, size: int) -> None:
    assert [length for length in range(100) if is_taken(kind, bytes(length))] == [size]


def test_an_address_has_1_to_96_bytes() -> None:
    assert [length for length in range(200) if is_taken(ids.Address, bytes(length))] == list(range(1, 97))


def test_a_class_s_slug_has_3_to_32_letters() -> None:
    assert [length for length in range(50) if is_taken(ids.ClassId, "a" * length)] == list(range(3, 33))
    assert not any(is_taken(ids.ClassId, wrong) for wrong in ("-aa", "aa-", "aAa", "aaa\n", "a.a"))


def test_a_natural_number_is_one_that_json_carries() -> None:
    for number, taken in ((-1, False), (0, True), (2**53 - 1, True), (2**53, False)):
        assert is_taken(ids.Natural, number) == taken


def test_a_replica_s_place_is_below_64() -> None:
    for number, taken in ((-1, False), (0, True), (63, True), (64, False)):
        assert is_taken(ReplicaPlace, number) == taken


def test_no_digest_is_all_zero_bytes() -> None:
    assert bytes(32) == ids.ZERO_DIGEST


INTEGERS = {
    "block_transactions_max": (1, 10_000),
    "block_bytes_max": (300_000, 8_000_000),
    "transaction_bytes_max": (1_000, 262_144),
    "pool_transactions_max": (1, 1_000_000),
    "touch_interval_s": (1, 3_600),
    "tick_ms": (10, 1_000),
    "progress_ticks": (2, 10_000),
    "clock_skew_ms": (100, 600_000),
    "gas_per_fen": (1, 2**53 - 1),
}


@pytest.mark.parametrize("key", INTEGERS)
def test_a_number_of_a_profile_lies_between_its_limits(key: str) -> None:
    lowest, highest = INTEGERS[key]
    for value, taken in ((lowest - 1, False), (lowest, True), (highest, True), (highest + 1, False)):
        assert is_profile({key: value}) == taken, value


def test_a_fee_costs_at_most_a_million_fen_and_a_text_has_a_letter() -> None:
    for fee, taken in ((-1, False), (0, True), (1_000_000, True), (1_000_001, False)):
        assert is_profile({"fees": {"ddc721": {"mint": fee}}}) == taken
    assert is_profile({"name_en": "a"})


def is_profile(changes: dict[str, object]) -> bool:
    """Whether a profile with these values is one."""
    try:
        msgspec.convert(msgspec.to_builtins(PROFILE) | changes, type=ChainProfile)
    except msgspec.ValidationError:
        return False
    return True


def is_document(kind: Any, value: msgspec.Struct, **changes: object) -> bool:
    """Whether a part of a genesis document with these values is one."""
    try:
        msgspec.json.decode(msgspec.json.encode(replace(value, **changes)), type=kind)
    except msgspec.ValidationError:
        return False
    return True


def test_a_genesis_document_has_its_limits() -> None:
    account = SECTION.accounts[0]
    for size, taken in ((64, True), (65, False)):
        assert is_document(GenesisDocument, DOCUMENT, name="n" * size) == taken
        assert is_document(GenesisDocument, DOCUMENT, chains=(SECTION,) * size) == taken
        assert is_document(ChainSection, SECTION, accounts=(account,) * size) == taken
        assert is_document(GenesisDocument, DOCUMENT, dids=DOCUMENT.dids[:1] * (4 * size)) == taken
    for size, taken in ((128, True), (129, False)):
        assert is_document(GenesisAccount, account, address="a" * size) == taken
    for amount, taken in ((-1, False), (0, True), (2**53 - 1, True), (2**53, False)):
        assert is_document(GenesisAccount, account, fen=amount) == taken
        assert is_document(GenesisAccount, account, gas=amount) == taken
    assert GENESIS_BYTES_MAX == 1_000_000


TEXTS: list[tuple[Record, str, int]] = [
    (header_of(RULES, 1, FIRST.membership), "chain_id", 32),
    (TRANSACTION, "chain_id", 32),
    (Submit(request=0, chain_id="", transactions=(b"",)), "chain_id", 32),
    (Event(contract="a", name="", values=()), "name", 40),
    (Receipt(transaction_id=bytes(32), code="", values=(), events=()), "code", 40),
]


@pytest.mark.parametrize(("record", "field", "limit"), TEXTS, ids=[f"{type(r).__name__}.{f}" for r, f, _ in TEXTS])
def test_a_text_ends_at_its_limit(record: Record, field: str, limit: int) -> None:
    for size, taken in ((limit, True), (limit + 1, False)):
        assert is_taken(type(record), replace(record, **{field: "a" * size})) == taken


def test_a_request_has_a_transaction_and_a_key_has_at_most_256_bytes() -> None:
    assert is_taken(Submit, Submit(request=0, chain_id="wuhan", transactions=(b"",)))
    read = ReadState(request=0, chain_id="wuhan", keys=(bytes(256),), height=None)
    assert is_taken(ReadState, read)
    assert not is_taken(ReadState, replace(read, keys=(bytes(257),)))


def test_the_siblings_at_one_branch_are_at_most_fifteen_of_sixteen() -> None:
    for places, taken in ((-1, False), (0, True), (0xFFFF, True), (0x10000, False)):
        assert is_taken(Siblings, Siblings(places=places, hashes=b"")) == taken
    for size, taken in ((15 * 32, True), (15 * 32 + 1, False)):
        assert is_taken(Siblings, Siblings(places=0, hashes=bytes(size))) == taken


def test_an_address_s_text_is_read_up_to_its_limit() -> None:
    codec = address_codec(AddressCodecName.X500_NAME)
    assert TEXT_MAX == 128
    with pytest.raises(AddressMalformed) as refusal:
        codec.parse("O=" + "a" * 500)
    assert f"'O={'a' * 126}'" in str(refusal.value)


def test_the_sizes_that_the_protocol_names() -> None:
    assert (BLOCK_TRANSACTIONS_MAX, TRANSACTION_BYTES_MAX, EVIDENCE_HEIGHTS) == (10_000, 262_144, 1_000)
    assert BlockHeader.__struct_fields__[0] == "version"


# ---- names that are stored, sent or signed ----


def test_what_proves_itself_is_sent_by_nobody_to_one_of_three_methods() -> None:
    assert (b"\x00", bytes(64)) == (NOBODY, NO_SIGNATURE)
    assert {("system", name) for name in ("changeMembership", "reportEvidence", "restartClient")} == SELF_PROVING
    own = replace(TRANSACTION, sender=NOBODY, contract="system", method="reportEvidence")
    assert own.self_proving
    assert not replace(own, sender=b"\x01").self_proving
    assert not replace(own, method="setParameter").self_proving
    assert not replace(own, contract="ddc721").self_proving


@pytest.mark.parametrize("faults", [HeaderFault, CertificateFault])
def test_a_fault_is_written_as_it_is_named(faults: type[HeaderFault | CertificateFault]) -> None:
    assert [fault.value for fault in faults] == [fault.name.lower().replace("_", "-") for fault in faults]


def test_a_fault_of_evidence_is_written_with_its_family() -> None:
    assert [fault.value for fault in EvidenceFault] == [
        "evidence-no-conflict",
        "evidence-not-forgotten",
        "evidence-signature-invalid",
    ]


def test_the_kinds_of_evidence_and_a_view_change_begin_with_their_numbers() -> None:
    change = ViewChange(view=1, committed=None, prepared=None)
    said = SignedDigest(block=bytes(32), signature=bytes(64))
    conflict = ConflictingStatements(signer=bytes(32), phase="prepare", view=0, height=1, first=said, second=said)
    forgotten = ForgottenCommit(
        signer=bytes(32), view=0, block=bytes(32), commit=bytes(64), view_change=change, signature=bytes(64)
    )
    assert [encode(record)[1] for record in (conflict, forgotten, change)] == [1, 2, 4]


def test_a_proof_of_the_first_leaf_has_no_side() -> None:
    for sides, taken in ((-1, False), (0, True), (2**32 - 1, True), (2**32, False)):
        assert is_taken(InclusionProof, InclusionProof(sides=sides, path=())) == taken
