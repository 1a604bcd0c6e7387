"""Every address form: published examples, and refusal of all that is not written exactly so (protocol 8)."""

import json
import unicodedata
from pathlib import Path
from typing import Any, Final

import bech32
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chain import curves
from chain.addresses import RAW_NAME_MAX, AddressCodec, AddressCodecName, address_codec
from chain.digests import DigestName, digest_function
from chain.errors import AddressMalformed, Malformed
from chain.signatures import SchemeName, scheme

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "addresses.json").read_text("utf-8")
)
SCHEMES: Final = {
    AddressCodecName.BECH32_IAA: SchemeName.SECP256K1,
    AddressCodecName.HEX40_KECCAK: SchemeName.SECP256K1,
    AddressCodecName.EIP55: SchemeName.SECP256K1,
    AddressCodecName.HEX40_SM3: SchemeName.SM2,
    AddressCodecName.SUBJECT_KEY_ID: SchemeName.P256,
    AddressCodecName.TEZOS: SchemeName.ED25519,
    AddressCodecName.ALGORAND: SchemeName.ED25519,
}
RAW_BYTES: Final = {AddressCodecName.SUBJECT_KEY_ID: 32, AddressCodecName.ALGORAND: 32}
EOS_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

codecs = pytest.mark.parametrize("name", list(AddressCodecName))
x500_parts = st.text("ABCxyz 遵义市é-'()/&0189", min_size=1, max_size=12).map(str.strip).filter(bool)


def raw_addresses(name: AddressCodecName) -> st.SearchStrategy[bytes]:
    """Raw addresses of a form."""
    if name == AddressCodecName.EOS_NAME:
        rest = st.text(EOS_LETTERS + "12345", min_size=11, max_size=11)
        return st.builds(lambda first, text: (first + text).encode("ascii"), st.sampled_from(EOS_LETTERS), rest)
    if name == AddressCodecName.X500_NAME:
        names = st.builds("O={}, L={}, C=CN".format, x500_parts, x500_parts)
        return names.map(lambda text: unicodedata.normalize("NFC", text).encode("utf-8"))
    size = RAW_BYTES.get(name, 20)
    return st.binary(min_size=size, max_size=size)


def codec_of(case: dict[str, Any]) -> AddressCodec:
    return address_codec(AddressCodecName(case["codec"]))


def label(case: dict[str, Any]) -> str:
    return f"{case['codec']}: {case.get('text', case.get('raw'))!a}"


@pytest.mark.parametrize("case", VECTORS["accepted"], ids=label)
def test_a_published_address_is_read_and_written_back(case: dict[str, Any]) -> None:
    raw = codec_of(case).parse(case["text"])
    assert case["raw"] in (None, raw.hex())
    assert codec_of(case).format(raw) == case["text"]


@pytest.mark.parametrize("case", VECTORS["derived"], ids=label)
def test_a_published_key_gives_its_address(case: dict[str, Any]) -> None:
    raw = codec_of(case).derive(bytes.fromhex(case["public_key"]))
    assert case.get("raw", raw.hex()) == raw.hex()
    assert case.get("text", codec_of(case).format(raw)) == codec_of(case).format(raw)


@pytest.mark.parametrize("case", VECTORS["refused"], ids=label)
def test_what_the_chain_would_not_write_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(AddressMalformed):
        codec_of(case).parse(case["text"])


@pytest.mark.parametrize("part", ["accepted", "refused"])
def test_every_form_has_vectors_of_both_kinds(part: str) -> None:
    forms = set(AddressCodecName)
    if part == "accepted":
        forms -= {
            AddressCodecName.HEX40_SM3,
            AddressCodecName.SUBJECT_KEY_ID,
        }  # no published example was found
    assert {case["codec"] for case in VECTORS[part]} >= forms


def test_sm2_addresses_are_the_end_of_sm3_of_the_point() -> None:
    key = scheme(SchemeName.SM2).key_pair(bytes(32)).public_key
    point = curves.uncompressed(curves.SM2, key)
    assert point is not None
    expected = digest_function(DigestName.SM3)(point[1:])[12:]
    assert address_codec(AddressCodecName.HEX40_SM3).derive(key) == expected


def test_a_subject_key_id_is_sha256_of_the_whole_point() -> None:
    key = scheme(SchemeName.P256).key_pair(bytes(32)).public_key
    point = curves.uncompressed(curves.P256, key)
    assert point is not None
    assert len(point) == 65
    expected = digest_function(DigestName.SHA256)(point)
    assert address_codec(AddressCodecName.SUBJECT_KEY_ID).derive(key) == expected


@codecs
def test_a_form_is_registered_if_and_only_if_no_key_gives_it(name: AddressCodecName) -> None:
    assert address_codec(name).registered == (name not in SCHEMES)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_derived_address_is_one_of_its_form(name: AddressCodecName) -> None:
    codec = address_codec(name)
    raw = codec.derive(scheme(SCHEMES[name]).key_pair(b"\x09" * 32).public_key)
    assert codec.parse(codec.format(raw)) == raw


@codecs
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_format_and_parse_are_inverse(name: AddressCodecName, data: st.DataObject) -> None:
    raw = data.draw(raw_addresses(name))
    codec = address_codec(name)
    assert codec.parse(codec.format(raw)) == raw


@codecs
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_one_changed_character_is_refused_or_another_address(name: AddressCodecName, data: st.DataObject) -> None:
    codec = address_codec(name)
    raw = data.draw(raw_addresses(name))
    text = codec.format(raw)
    place = data.draw(st.integers(0, len(text) - 1))
    alphabet = st.characters() if data.draw(st.booleans()) else st.sampled_from(text + text.swapcase() + "1=., ")
    changed = text[:place] + data.draw(alphabet) + text[place + 1 :]
    assume(changed != text)
    try:
        other = codec.parse(changed)
    except AddressMalformed:
        return
    assert other != raw
    assert codec.format(other) == changed


@codecs
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_foreign_text_raises_nothing_else(name: AddressCodecName, data: st.DataObject) -> None:
    codec = address_codec(name)
    text = data.draw(st.text(st.characters(exclude_categories=()), max_size=140))
    if data.draw(st.booleans()):
        text = codec.format(data.draw(raw_addresses(name))) + text
    try:
        raw = codec.parse(text)
    except AddressMalformed:
        return
    assert codec.format(raw) == text


@codecs
@given(raw=st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_foreign_bytes_are_written_only_if_they_are_an_address(name: AddressCodecName, raw: bytes) -> None:
    codec = address_codec(name)
    try:
        text = codec.format(raw)
    except AddressMalformed:
        return
    assert codec.parse(text) == raw


@codecs
def test_a_refusal_is_short_and_shows_an_address_that_is_one(name: AddressCodecName) -> None:
    with pytest.raises(AddressMalformed) as caught:
        address_codec(name).parse("x" * 100_000)
    assert isinstance(caught.value, Malformed)
    assert len(str(caught.value)) < 400
    example = address_codec(name).example
    if " hex digits" not in example:
        address_codec(name).parse(example.split(" (")[0])


def test_a_checksum_alone_makes_no_address() -> None:
    """Text whose letters hold no whole bytes: its own checksum is right, and the library that reads bytes says so."""
    text = bech32.bech32_encode("iaa", [31])
    assert bech32.bech32_decode(text) == ("iaa", [31])
    with pytest.raises(AddressMalformed):
        address_codec(AddressCodecName.BECH32_IAA).parse(text)


def test_a_chosen_name_has_at_most_96_bytes() -> None:
    codec = address_codec(AddressCodecName.X500_NAME)
    longest = f"O={'长' * 26}a, L=Zunyi, C=CN"
    assert len(codec.parse(longest)) == RAW_NAME_MAX == 96
    assert codec.format(longest.encode("utf-8")) == longest
    with pytest.raises(AddressMalformed):
        codec.parse(longest.replace("a, L", "ab, L"))


@pytest.mark.parametrize("text", ["O=Platform, S=Zunyi, C=CN", "CN=latform, L=Zunyi, C=CN", "O=Platform, Zunyi, C=CN"])
def test_the_parts_of_a_chosen_name_are_organisation_locality_and_country(text: str) -> None:
    with pytest.raises(AddressMalformed):
        address_codec(AddressCodecName.X500_NAME).parse(text)
