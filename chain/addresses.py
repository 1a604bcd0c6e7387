"""Account addresses as each framework writes them: text for people, raw bytes inside (protocol 8).

A *derived* address follows from the account's public key; a *registered* one is a name that the creator chose.
`parse` accepts exactly the texts that `format` gives.
"""

import base64
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import base58
import bech32

from chain import curves
from chain.digests import blake2b160, keccak256, ripemd160, sha256, sha512_256, sm3
from chain.errors import AddressMalformed

TEXT_MAX: Final = 128
RAW_NAME_MAX: Final = 96
TEZOS_PREFIX: Final = b"\x06\xa1\x9f"
WENCHANG_PREFIX: Final = "iaa"
X500_SPECIAL: Final = frozenset(',=+"\\<>;#')
_UNICODE: Final = unicodedata.ucd_3_2_0
"""Unicode 3.2, which every Python carries: by newer tables, two Pythons would judge one name differently."""


class AddressCodecName(StrEnum):
    """The address forms that a profile may name."""

    BECH32_IAA = "bech32-iaa"
    HEX40_KECCAK = "hex40-keccak"
    HEX40_SM3 = "hex40-sm3"
    EIP55 = "eip-55"
    EOS_NAME = "eos-name"
    X500_NAME = "x500-name"
    SUBJECT_KEY_ID = "subject-key-id"
    TEZOS = "tezos-tz1"
    ALGORAND = "algorand"


@dataclass(frozen=True, slots=True)
class AddressCodec:
    """One form. `derive` is None where addresses are registered names."""

    name: AddressCodecName
    example: str
    read: Callable[[str], bytes | None]
    write: Callable[[bytes], str | None]
    derivation: Callable[[bytes], bytes] | None

    @property
    def registered(self) -> bool:
        """Whether addresses are names chosen by the account's creator."""
        return self.derivation is None

    def parse(self, text: str) -> bytes:
        """The raw address; `AddressMalformed` unless `text` is exactly how this chain writes it."""
        raw = self.read(text) if len(text) <= TEXT_MAX else None
        if raw is None or self.write(raw) != text:
            shown = text[:TEXT_MAX]
            raise AddressMalformed(f"{shown!r} is no address of this chain; they look like {self.example}")
        return raw

    def format(self, address: bytes) -> str:
        """How the chain writes the raw address; `AddressMalformed` if it is none."""
        text = self.write(address)
        if text is None:
            raise AddressMalformed(f"{address.hex()} is no raw address of this chain; see {self.example}")
        return text

    def derive(self, public_key: bytes) -> bytes:
        """The raw address of a checked public key (derived forms only)."""
        assert self.derivation is not None
        return self.derivation(public_key)


def address_codec(name: AddressCodecName) -> AddressCodec:
    """The form of that name."""
    return _CODECS[name]


def _derive_wenchang(public_key: bytes) -> bytes:
    """Cosmos: RIPEMD160 of SHA-256 of the compressed key."""
    return ripemd160(sha256(public_key))


def _read_bech32(text: str) -> bytes | None:
    prefix, words = bech32.bech32_decode(text)
    if prefix != WENCHANG_PREFIX or words is None:
        return None
    data = bech32.convertbits(words, 5, 8, pad=False)
    return bytes(data) if data is not None and len(data) == 20 else None


def _write_bech32(address: bytes) -> str | None:
    if len(address) != 20:
        return None
    words = bech32.convertbits(address, 8, 5)
    assert words is not None
    text: str = bech32.bech32_encode(WENCHANG_PREFIX, words)
    return text


def _derive_keccak(public_key: bytes) -> bytes:
    """Ethereum: the last 20 bytes of Keccak-256 of x ‖ y."""
    point = curves.uncompressed(curves.SECP256K1, public_key)
    assert point is not None
    return keccak256(point[1:])[-20:]


def _derive_sm3(public_key: bytes) -> bytes:
    """FISCO BCOS with national cryptography: the last 20 bytes of SM3 of x ‖ y."""
    point = curves.uncompressed(curves.SM2, public_key)
    assert point is not None
    return sm3(point[1:])[-20:]


def _read_hex40(text: str) -> bytes | None:
    return _read_hex(text[2:], 20) if text.startswith("0x") else None


def _write_hex40(address: bytes) -> str | None:
    return "0x" + address.hex() if len(address) == 20 else None


def _write_eip55(address: bytes) -> str | None:
    """EIP-55: a letter is upper case where the digest of the lower-case text has a nibble of 8 or more."""
    if len(address) != 20:
        return None
    text = address.hex()
    marks = keccak256(text.encode("ascii")).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(text, marks, strict=False))


def _read_hex(text: str, size: int) -> bytes | None:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    return raw if len(raw) == size else None


def _read_eos(text: str) -> bytes | None:
    """An EOS account name of full length: 12 of a-z and 1-5, a letter first."""
    fits = len(text) == 12 and all(c in "abcdefghijklmnopqrstuvwxyz12345" for c in text) and text[0].isalpha()
    return text.encode("ascii") if fits else None


def _read_x500(text: str) -> bytes | None:
    """`O=…, L=…, C=CN`: NFC, of printable Unicode 3.2, no comma or equals sign inside a part."""
    parts = text.split(", ")
    if len(parts) != 3 or not (parts[0].startswith("O=") and parts[1].startswith("L=")):
        return None
    organisation, locality = parts[0][2:], parts[1][2:]
    if parts[2] != "C=CN" or not all(_is_x500_value(part) for part in (organisation, locality)):
        return None
    if _UNICODE.normalize("NFC", text) != text:
        return None
    raw = text.encode("utf-8")
    return raw if len(raw) <= RAW_NAME_MAX else None


def _is_x500_value(part: str) -> bool:
    if not part or part != part.strip(" "):
        return False
    return not any(c in X500_SPECIAL or (c != " " and _UNICODE.category(c)[0] in "CZ") for c in part)


def _write_name(read: Callable[[str], bytes | None]) -> Callable[[bytes], str | None]:
    def write(address: bytes) -> str | None:
        try:
            text = address.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return text if read(text) == address else None

    return write


def _derive_subject_key_id(public_key: bytes) -> bytes:
    """Hyperledger Fabric: SHA-256 of the uncompressed point."""
    point = curves.uncompressed(curves.P256, public_key)
    assert point is not None
    return sha256(point)


def _write_hex64(address: bytes) -> str | None:
    return address.hex() if len(address) == 32 else None


def _read_tezos(text: str) -> bytes | None:
    try:
        data: bytes = base58.b58decode_check(text)
    except ValueError:
        return None
    return data[3:] if len(data) == 23 and data.startswith(TEZOS_PREFIX) else None


def _write_tezos(address: bytes) -> str | None:
    return base58.b58encode_check(TEZOS_PREFIX + address).decode("ascii") if len(address) == 20 else None


def _read_algorand(text: str) -> bytes | None:
    if len(text) != 58:
        return None
    try:
        data = base64.b32decode(text + "======")
    except ValueError:
        return None
    return data[:32] if data[32:] == sha512_256(data[:32])[-4:] else None


def _write_algorand(address: bytes) -> str | None:
    if len(address) != 32:
        return None
    return base64.b32encode(address + sha512_256(address)[-4:]).decode("ascii").rstrip("=")


def _own_key(public_key: bytes) -> bytes:
    """Algorand: the address is the key."""
    return public_key


_CODECS: Final = {
    codec.name: codec
    for codec in (
        AddressCodec(
            AddressCodecName.BECH32_IAA,
            "iaa1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxpqw9v",
            _read_bech32,
            _write_bech32,
            _derive_wenchang,
        ),
        AddressCodec(
            AddressCodecName.HEX40_KECCAK,
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed (lower case)",
            _read_hex40,
            _write_hex40,
            _derive_keccak,
        ),
        AddressCodec(
            AddressCodecName.HEX40_SM3,
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed (lower case)",
            _read_hex40,
            _write_hex40,
            _derive_sm3,
        ),
        AddressCodec(
            AddressCodecName.EIP55,
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed (EIP-55 checksum)",
            _read_hex40,
            _write_eip55,
            _derive_keccak,
        ),
        AddressCodec(AddressCodecName.EOS_NAME, "certplatform", _read_eos, _write_name(_read_eos), None),
        AddressCodec(
            AddressCodecName.X500_NAME, "O=Platform, L=Zunyi, C=CN", _read_x500, _write_name(_read_x500), None
        ),
        AddressCodec(
            AddressCodecName.SUBJECT_KEY_ID,
            "64 hex digits in lower case",
            lambda text: _read_hex(text, 32),
            _write_hex64,
            _derive_subject_key_id,
        ),
        AddressCodec(
            AddressCodecName.TEZOS, "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU", _read_tezos, _write_tezos, blake2b160
        ),
        AddressCodec(
            AddressCodecName.ALGORAND,
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAY5HFKQ",
            _read_algorand,
            _write_algorand,
            _own_key,
        ),
    )
}
