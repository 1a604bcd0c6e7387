"""The account signature schemes that a profile may name, each with one acceptance rule (protocol 4).

The rule is ours, not a library's: every range and form is checked here or is known to be checked by the
library named beside it, and one vector file runs against every library that may serve. In the protocol the
message is always a 32-byte digest. Libraries are loaded when their scheme is first used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from chain import curves, ed25519, sm2
from chain.curves import P256, SECP256K1

PREHASH_BYTES = 32


class SchemeName(StrEnum):
    """Ed25519 (RFC 8032), ECDSA over secp256k1 and P-256 (SEC 1, FIPS 186-5), SM2 (GB/T 32918.2)."""

    ED25519 = "ed25519"
    SECP256K1 = "secp256k1"
    P256 = "p-256"
    SM2 = "sm2"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key in its one form and the function that signs with its private key (64 bytes out)."""

    public_key: bytes
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """One scheme. `verify(public key, message, signature)` never raises; ECDSA takes 32-byte messages only."""

    name: SchemeName
    public_key_bytes: int
    check_public_key: Callable[[bytes], bool]
    verify: Callable[[bytes, bytes, bytes], bool]
    key_pair: Callable[[bytes], KeyPair]
    """A key pair from 32 seed bytes; the same seed gives the same pair."""


def scheme(name: SchemeName) -> SignatureScheme:
    """The scheme of that name."""
    return _SCHEMES[name]


def _ed25519_key_pair(seed: bytes) -> KeyPair:
    public_key, sign = ed25519.key_pair(seed)
    return KeyPair(public_key, sign)


def _secp256k1_check(key: bytes) -> bool:
    return curves.uncompressed(SECP256K1, key) is not None


def _secp256k1_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    if len(message) != PREHASH_BYTES or len(signature) != 64:
        return False
    verify = _secp256k1_key(public_key)
    return verify is not None and verify(message, signature)


@lru_cache(maxsize=8192)
def _secp256k1_key(public_key: bytes) -> Callable[[bytes, bytes], bool] | None:
    """libsecp256k1's own check for one key: its compact parse refuses r, s >= n, its verify refuses zero and high s."""
    from coincurve._libsecp256k1 import ffi, lib  # noqa: PLC0415

    if not _secp256k1_check(public_key):
        return None
    context = lib.secp256k1_context_static
    key = ffi.new("secp256k1_pubkey *")
    parsed_key = lib.secp256k1_ec_pubkey_parse(context, key, public_key, len(public_key))
    assert parsed_key, "what is a point of the curve by our check is one by the library's"
    new, parse, check = ffi.new, lib.secp256k1_ecdsa_signature_parse_compact, lib.secp256k1_ecdsa_verify

    def verify(message: bytes, signature: bytes) -> bool:
        parsed = new("secp256k1_ecdsa_signature *")
        return bool(parse(context, parsed, signature)) and bool(check(context, parsed, message, key))

    return verify


def _secp256k1_key_pair(seed: bytes) -> KeyPair:
    from coincurve import PrivateKey  # noqa: PLC0415

    private = PrivateKey.from_int(SECP256K1.scalar(seed))

    def sign(message: bytes) -> bytes:
        assert len(message) == PREHASH_BYTES
        # RFC 6979 nonces and low s are libsecp256k1's defaults; the last byte is only the recovery id.
        return private.sign_recoverable(message, hasher=None)[:64]

    return KeyPair(private.public_key.format(compressed=True), sign)


def _p256_check(key: bytes) -> bool:
    return curves.uncompressed(P256, key) is not None


def _p256_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    numbers = curves.signature_numbers(signature, P256, low_s=True)
    if numbers is None or len(message) != PREHASH_BYTES:
        return False
    verify = _p256_key(public_key)
    return verify is not None and verify(numbers, message)


@lru_cache(maxsize=8192)
def _p256_key(public_key: bytes) -> Callable[[tuple[int, int], bytes], bool] | None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

    if not _p256_check(public_key):
        return None
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    algorithm = _p256_algorithm()

    def verify(numbers: tuple[int, int], message: bytes) -> bool:
        try:
            key.verify(encode_dss_signature(*numbers), message, algorithm)
        except InvalidSignature:
            return False
        return True

    return verify


def _p256_key_pair(seed: bytes) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    private = ec.derive_private_key(P256.scalar(seed), ec.SECP256R1())
    algorithm = _p256_algorithm()

    def sign(message: bytes) -> bytes:
        assert len(message) == PREHASH_BYTES
        r, s = decode_dss_signature(private.sign(message, algorithm))
        return curves.signature_bytes(r, s, P256, low_s=True)

    public_key = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return KeyPair(public_key, sign)


@lru_cache(maxsize=1)
def _p256_algorithm():  # type: ignore[no-untyped-def]  # noqa: ANN202 - the type would import the library
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    return ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)


def _sm2_key_pair(seed: bytes) -> KeyPair:
    public_key, sign = sm2.key_pair(seed)
    return KeyPair(public_key, sign)


_SCHEMES = {
    SchemeName.ED25519: SignatureScheme(
        SchemeName.ED25519, 32, ed25519.check_public_key, ed25519.verify, _ed25519_key_pair
    ),
    SchemeName.SECP256K1: SignatureScheme(
        SchemeName.SECP256K1, 33, _secp256k1_check, _secp256k1_verify, _secp256k1_key_pair
    ),
    SchemeName.P256: SignatureScheme(SchemeName.P256, 33, _p256_check, _p256_verify, _p256_key_pair),
    SchemeName.SM2: SignatureScheme(SchemeName.SM2, 33, sm2.check_public_key, sm2.verify, _sm2_key_pair),
}
