"""SM2 signatures (GB/T 32918.2) with SM3 under one acceptance rule (protocol 4.3).

Accepted if and only if: 64 bytes r ‖ s; 1 <= r, s < n; and the equation of GB/T 32918.2 7.1 holds for the
message behind Z of the user id 1234567812345678. Served by Tongsuo where it has a wheel; else by gmssl, which
is pure Python and about thirty times slower.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from chain import curves
from chain.curves import SM2
from chain.digests import sm3

USER_ID: Final = b"1234567812345678"
_GENERATOR: Final = bytes.fromhex(
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)

Sign = Callable[[bytes], bytes]


def check_public_key(key: bytes) -> bool:
    """33 bytes, compressed, on the curve."""
    return curves.uncompressed(SM2, key) is not None


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `public_key`'s over `message`; never raises."""
    numbers = curves.signature_numbers(signature, SM2, low_s=False)
    point = curves.uncompressed(SM2, public_key)
    if numbers is None or point is None or sum(numbers) % SM2.n == 0:
        return False
    return _by_tongsuo()[0](point, message, numbers) if tongsuo_serves() else gmssl_verify(point, message, numbers)


def key_pair(seed: bytes) -> tuple[bytes, Sign]:
    """The public key of a 32-byte seed and a function that signs with it."""
    scalar = SM2.scalar(seed)
    return _by_tongsuo()[1](scalar) if tongsuo_serves() else gmssl_key_pair(scalar)


@lru_cache(maxsize=1)
def tongsuo_serves() -> bool:
    """Whether the fast library is installed."""
    try:
        import tongsuopy.crypto.asymciphers.ec  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def message_digest(point: bytes, message: bytes, user_id: bytes = USER_ID) -> bytes:
    """SM3(Z ‖ message), Z = SM3(bits of id ‖ id ‖ a ‖ b ‖ generator ‖ key) (GB/T 32918.2 5.5)."""
    a, b = (SM2.a % SM2.p).to_bytes(32, "big"), SM2.b.to_bytes(32, "big")
    z = sm3((8 * len(user_id)).to_bytes(2, "big") + user_id + a + b + _GENERATOR + point[1:])
    return sm3(z + message)


Verify = Callable[[bytes, bytes, tuple[int, int]], bool]


@lru_cache(maxsize=1)
def _by_tongsuo() -> tuple[Verify, Callable[[int], tuple[bytes, Sign]]]:
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415
        decode_dss_signature,
        encode_dss_signature,
    )
    from tongsuopy.crypto import hashes  # noqa: PLC0415
    from tongsuopy.crypto.asymciphers import ec  # noqa: PLC0415
    from tongsuopy.crypto.exceptions import InvalidSignature  # noqa: PLC0415
    from tongsuopy.crypto.serialization import Encoding, PublicFormat  # noqa: PLC0415

    algorithm = ec.ECDSA(hashes.SM3())
    load = lru_cache(maxsize=4096)(lambda point: ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), point))

    def verify_one(point: bytes, message: bytes, numbers: tuple[int, int]) -> bool:
        try:
            load(point).verify(encode_dss_signature(*numbers), message, algorithm)
        except InvalidSignature:
            return False
        return True

    def pair(scalar: int) -> tuple[bytes, Sign]:
        private = ec.derive_private_key(scalar, ec.SM2())
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

        def sign(message: bytes) -> bytes:
            r, s = decode_dss_signature(private.sign(message, algorithm))
            return curves.signature_bytes(r, s, SM2, low_s=False)

        return curves.compressed(point), sign

    return verify_one, pair


def gmssl_verify(point: bytes, message: bytes, numbers: tuple[int, int]) -> bool:
    """The slow library's check of r and s already in range."""
    r, s = numbers
    result: bool = _gmssl("", point).verify(f"{r:064x}{s:064x}", message_digest(point, message))
    return result


def gmssl_key_pair(scalar: int) -> tuple[bytes, Sign]:
    """A key pair of the slow library."""
    blank = _gmssl("", b"\x04" + bytes(64))
    point = b"\x04" + bytes.fromhex(blank._kg(scalar, blank.ecc_table["g"]))  # noqa: SLF001 - it has no other
    signer = _gmssl(f"{scalar:064x}", point)

    def sign(message: bytes) -> bytes:
        digest, counter = message_digest(point, message), 0
        while True:
            nonce = _nonce(scalar, digest, counter)
            signature = signer.sign(digest, f"{nonce:064x}")
            if signature is not None:
                return bytes.fromhex(signature)
            counter += 1

    return curves.compressed(point), sign


def _nonce(scalar: int, digest: bytes, counter: int) -> int:
    """A nonce from key and message, so that no two messages share one and no dice are needed."""
    seed = sm3(scalar.to_bytes(32, "big") + digest + bytes([counter]))
    return SM2.scalar(seed + sm3(seed))


def _gmssl(private_key: str, point: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from gmssl.sm2 import CryptSM2  # noqa: PLC0415 - slow to import, and rarely needed

    machine = CryptSM2(private_key=private_key, public_key="")
    machine.public_key = point[1:].hex()  # set afterwards: the constructor strips leading 0s and 4s of a key
    return machine
