"""A header binds everything it names, and a block is its header and the bytes that were signed (protocol 7)."""

import pytest
from msgspec.structs import replace

from chain.block import BLOCK_TRANSACTIONS_MAX, Block, BlockHeader, CommittedBlock
from chain.codec import CodecMalformed, decode, encode
from chain.profiles import load_profiles
from tests.chain.small_network import FIRST, header_of, rules_of

RULES = rules_of("wuhan")
HEADER = header_of(RULES, 7, FIRST.membership)
DIGESTS = [
    "network_id", "parent", "transaction_root", "receipt_root", "state_root", "membership", "next_membership",
]  # fmt: skip
NATURALS = ["height", "time", "view", "proposer"]


@pytest.mark.parametrize("field", [*DIGESTS, *NATURALS, "chain_id"])
def test_every_field_is_in_the_digest(field: str) -> None:
    other = "taian" if field == "chain_id" else bytes(32) if field in DIGESTS else getattr(HEADER, field) + 1
    changed = replace(HEADER, **{field: other})
    assert RULES.block_digest(changed) != RULES.block_digest(HEADER)


def test_the_fields_above_are_all_there_are() -> None:
    assert sorted(BlockHeader.__struct_fields__) == sorted([*DIGESTS, *NATURALS, "chain_id", "version"])


@pytest.mark.parametrize("field", DIGESTS)
@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_digest_of_another_length_is_refused(field: str, size: int) -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(replace(HEADER, **{field: bytes(size)})), BlockHeader)


@pytest.mark.parametrize("field", NATURALS)
@pytest.mark.parametrize("number", [-1, 2**53])
def test_a_number_that_json_could_not_carry_is_refused(field: str, number: int) -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(replace(HEADER, **{field: number})), BlockHeader)


def test_a_chain_id_too_long_is_refused() -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(replace(HEADER, chain_id="a" * 33)), BlockHeader)


def test_transactions_are_kept_as_the_bytes_they_came_in() -> None:
    block = Block(header=HEADER, transactions=(b"", b"\xc1 not even a transaction"))
    assert decode(encode(block), Block) == block


def test_a_block_of_more_transactions_than_any_profile_allows_is_refused() -> None:
    full = Block(header=HEADER, transactions=(b"",) * BLOCK_TRANSACTIONS_MAX)
    assert decode(encode(full), Block) == full
    with pytest.raises(CodecMalformed):
        decode(encode(replace(full, transactions=(b"",) * (BLOCK_TRANSACTIONS_MAX + 1))), Block)
    assert all(own.block_transactions_max <= BLOCK_TRANSACTIONS_MAX for own in load_profiles().values())


def test_a_committed_block_is_compared_by_header_and_not_by_certificate() -> None:
    block = Block(header=HEADER, transactions=())
    committed = [
        CommittedBlock(block=block, certificate=FIRST.certify(RULES, HEADER, signers=signers).certificate)
        for signers in ((0, 1, 2), (1, 2, 3))
    ]
    assert committed[0].certificate != committed[1].certificate
    assert [RULES.block_digest(one.header) for one in committed] == [RULES.block_digest(HEADER)] * 2
