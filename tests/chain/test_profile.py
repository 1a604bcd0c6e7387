"""Profiles are strict data: what is missing, unknown, mistyped or beyond a limit is refused by name."""

import dataclasses
import tomllib
from importlib import resources
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.addresses import AddressCodecName
from chain.digests import DigestName
from chain.errors import Malformed
from chain.profile import ChainProfile, ProfileMalformed, parse_profile
from chain.profiles import CHAIN_IDS, load_profiles
from chain.signatures import SchemeName

TABLE = {
    "wenchang": (SchemeName.SECP256K1, DigestName.SHA256, AddressCodecName.BECH32_IAA, "documented"),
    "taian": (SchemeName.SECP256K1, DigestName.KECCAK256, AddressCodecName.HEX40_KECCAK, "documented"),
    "wuhan": (SchemeName.SECP256K1, DigestName.KECCAK256, AddressCodecName.EIP55, "documented"),
    "zhongyi": (SchemeName.SECP256K1, DigestName.SHA256, AddressCodecName.EOS_NAME, "documented"),
    "zunyi": (SchemeName.P256, DigestName.SHA256, AddressCodecName.X500_NAME, "documented"),
    "anshun": (SchemeName.SECP256K1, DigestName.KECCAK256, AddressCodecName.HEX40_KECCAK, "documented"),
    "yanan": (SchemeName.SM2, DigestName.SM3, AddressCodecName.HEX40_SM3, "documented"),
    "qingdao": (SchemeName.P256, DigestName.SHA256, AddressCodecName.SUBJECT_KEY_ID, "modelled"),
    "nanjing": (SchemeName.ED25519, DigestName.BLAKE2B256, AddressCodecName.TEZOS, "modelled"),
    "chengdu": (SchemeName.ED25519, DigestName.SHA512_256, AddressCodecName.ALGORAND, "modelled"),
}
"""The ten chains as they are decided: signature scheme, digest, address form, origin."""

FIELDS = [field.name for field in msgspec.structs.fields(ChainProfile)]
INTEGERS = [name for name in FIELDS if name.endswith(("_max", "_ms", "_s", "_ticks", "_fen"))]
FREE_TEXTS = {"name_en", "name_zh", "framework", "note_en", "note_zh", "native_chain_id", "gas_unit"}


CHARGED = {
    "ddc721": {"mint", "mintBatch", "safeMint", "safeMintBatch", "burn", "metaMint", "metaMintBatch", "metaBurn"},
    "ddc1155": {"safeMint", "safeMintBatch", "burn", "burnBatch", "metaSafeMint", "metaBurn", "metaBurnBatch"},
}
FREE = {"freeze", "unfreeze", "revoke", "setURI", "lock", "unlock"}


def text_of(chain_id: str) -> str:
    return (resources.files("chain.profiles") / f"{chain_id}.toml").read_text("utf-8")


def written(values: dict[str, Any]) -> str:
    """TOML of a profile's values."""
    return "\n".join(f"{key} = {literal(value)}" for key, value in values.items())


def literal(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else msgspec.json.encode(value).decode("utf-8")


def values() -> dict[str, Any]:
    return tomllib.loads(text_of("wenchang"))


def test_the_ten_chains_are_in_the_order_of_the_table() -> None:
    assert list(load_profiles()) == list(CHAIN_IDS) == list(TABLE)


@pytest.mark.parametrize("chain_id", TABLE)
def test_a_chain_is_what_the_table_says(chain_id: str) -> None:
    own = load_profiles()[chain_id]
    assert own.chain_id == chain_id
    assert (own.signature_scheme, own.digest_name, own.address_codec, own.origin) == TABLE[chain_id]


def test_only_zunyi_counts_tokens_by_uuid() -> None:
    styles = {own.chain_id: own.token_id_style for own in load_profiles().values()}
    assert [name for name, style in styles.items() if style != "integer"] == ["zunyi"]


def test_only_zhongyi_and_zunyi_register_names() -> None:
    assert [own.chain_id for own in load_profiles().values() if own.registered] == ["zhongyi", "zunyi"]


@pytest.mark.parametrize("chain_id", TABLE)
def test_a_modelled_chain_says_so_in_both_languages(chain_id: str) -> None:
    own = load_profiles()[chain_id]
    assert ("modelled on" in own.note_en and own.note_en.startswith("No documented")) == (own.origin == "modelled")
    assert own.note_zh.startswith("无公开的") == (own.origin == "modelled")


def test_the_documented_gas_prices_hold() -> None:
    prices = {name: own.gas_per_fen for name, own in load_profiles().items()}
    assert (prices["wenchang"], prices["taian"]) == (4_000_000 // 100, 2_800_000 // 100)


def test_what_takes_fees_is_documented_and_the_amounts_are_ours() -> None:
    """The reference charges mint and burn, their meta and batch forms, once for each certificate, and nothing for status."""
    for own in load_profiles().values():
        assert set(own.fees) == {"crosschain", "ddc721", "ddc1155", "evidence", "mirrors", "storage"}
        for contract, charged in CHARGED.items():
            assert all(own.fees[contract][method] > 0 for method in charged)
            assert not FREE & set(own.fees[contract])


def test_a_batch_costs_as_much_for_each_certificate_as_one_alone() -> None:
    for own in load_profiles().values():
        for fees in own.fees.values():
            batches = {method: fee for method, fee in fees.items() if method.endswith("Batch")}
            assert all(fee == fees[method.removesuffix("Batch")] for method, fee in batches.items())


def test_a_parsed_text_gives_its_values() -> None:
    assert msgspec.to_builtins(parse_profile(written(values()))) == values()


@pytest.mark.parametrize("key", FIELDS)
def test_a_missing_key_is_named(key: str) -> None:
    rest = {name: value for name, value in values().items() if name != key}
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written(rest))


@pytest.mark.parametrize("key", ["chainid", "Fees", "consensus"])
def test_an_unknown_key_is_named(key: str) -> None:
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written({key: 1} | values()))


@pytest.mark.parametrize("key", FIELDS)
@pytest.mark.parametrize("wrong", [True, 1.0, [1], ""])
def test_a_wrong_type_is_refused_by_key(key: str, wrong: object) -> None:
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written(values() | {key: wrong}))


@pytest.mark.parametrize("key", [key for key in FIELDS if key not in FREE_TEXTS])
def test_an_unknown_name_is_refused_by_key(key: str) -> None:
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written(values() | {key: "no such name"}))


@pytest.mark.parametrize("key", sorted(FREE_TEXTS))
@pytest.mark.parametrize("size", [0, 401])
def test_a_free_text_has_1_to_400_characters(key: str, size: int) -> None:
    assert getattr(parse_profile(written(values() | {key: "链" * 400})), key) == "链" * 400
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written(values() | {key: "链" * size}))


@pytest.mark.parametrize("key", INTEGERS)
@pytest.mark.parametrize("wrong", [0, -1, 2**53, 2**70, "1"])
def test_an_integer_beyond_its_limits_is_named(key: str, wrong: object) -> None:
    with pytest.raises(ProfileMalformed, match=key):
        parse_profile(written(values() | {key: wrong}))


@pytest.mark.parametrize("fee", [-1, 1_000_001, 1.5, True, "1", {"mint": 1}])
def test_a_fee_beyond_its_limits_is_named(fee: object) -> None:
    with pytest.raises(ProfileMalformed, match=r"fees"):
        parse_profile(written(values() | {"fees": {"ddc721": {"mint": fee}}}))


def test_a_fee_stands_below_its_contract() -> None:
    with pytest.raises(ProfileMalformed, match=r"fees"):
        parse_profile(written(values() | {"fees": {"mint": 1}}))


def test_a_transaction_larger_than_a_block_is_refused() -> None:
    sizes = {"block_bytes_max": 300_000, "transaction_bytes_max": 262_144}
    assert parse_profile(written(values() | sizes)).block_bytes_max == 300_000
    with pytest.raises(ProfileMalformed, match=r"transaction_bytes_max|block_bytes_max"):
        parse_profile(written(values() | sizes | {"block_bytes_max": 262_143}))


@given(st.text(max_size=60))
def test_foreign_text_raises_nothing_else(text: str) -> None:
    with pytest.raises(ProfileMalformed):
        parse_profile(text)


HOSTILE = ["a = " + "[" * 5_000, "a = " + "9" * 5_000, "a = 1\na = 2", "\0", "[fees", "a." * 5_000 + "b = 1"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:8]))
def test_hostile_toml_raises_nothing_else(text: str) -> None:
    with pytest.raises(Malformed):
        parse_profile(text)


def test_the_digest_is_of_content_and_not_of_layout() -> None:
    fees = {contract: dict(reversed(own.items())) for contract, own in reversed(values()["fees"].items())}
    reordered = dict(reversed(values().items())) | {"fees": fees}
    commented = "# a comment\n" + written(reordered)
    assert parse_profile(commented).digest() == load_profiles()["wenchang"].digest()
    assert len(load_profiles()["wenchang"].digest()) == 32


@pytest.mark.parametrize("key", FIELDS)
def test_every_field_is_in_the_digest(key: str) -> None:
    own = load_profiles()["wenchang"]
    others = (changed(own, key, load_profiles()[name]) for name in TABLE)
    other = next(profile for profile in others if profile != own)
    assert other.digest() != own.digest()


def changed(own: ChainProfile, key: str, other: ChainProfile) -> ChainProfile:
    """`own` with one field of `other`, or one more where all chains agree."""
    value = getattr(other, key)
    if value == getattr(own, key) and isinstance(value, int):
        value += 1
    if value == getattr(own, key) and isinstance(value, dict):
        value = value | {"classes": {"freeze": 1}}
    return msgspec.structs.replace(own, **{key: value})


def test_every_part_of_a_fee_is_in_the_digest() -> None:
    own = load_profiles()["wenchang"]
    tables: list[dict[str, dict[str, int]]] = [
        {},
        {"ddc721": {}},
        {"ddc721": {"mint": 30}},
        {"ddc721": {"mint": 31}},
        {"ddc721": {"burn": 30}},
        {"ddc1155": {"mint": 30}},
        {"ddc721": {"mint": 30}, "ddc1155": {}},
    ]
    assert len({msgspec.structs.replace(own, fees=table).digest() for table in tables}) == len(tables)


def test_the_ten_digests_differ() -> None:
    assert len({own.digest() for own in load_profiles().values()}) == len(TABLE)


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        load_profiles()["wenchang"].tick_ms = 1  # type: ignore[misc]
