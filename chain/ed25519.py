"""Ed25519 (RFC 8032) under one acceptance rule (protocol 4.1), by libsodium.

Accepted if and only if: 64 bytes; S < L; the key is canonical and of no small order; R is canonical and of no
small order; and the cofactorless equation holds. libsodium's own check is exactly this rule: it refuses
S >= L, keys that are not canonical or of small order and R of small order, and it compares the encoding of R.
A libsodium can be built so that it does not (`ED25519_COMPAT`): it is asked before its first use, and one that does not
refuse by itself has the forms of key and signature checked before it, which takes 1.3 us more.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, P - 2, P) % P
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        P - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
"""The y coordinates of the eight points whose order divides 8."""


def is_point(encoded: bytes) -> bool:
    """Whether 32 bytes are the canonical encoding of a point of no small order."""
    if len(encoded) != 32:
        return False
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    if y >= P or y in _SMALL_ORDER_Y:
        return False
    # x^2 = (y^2 - 1) / (d y^2 + 1) must be a square; it is not zero, since y is not 1 or -1 here.
    square = (y * y - 1) * pow(_D * y * y + 1, P - 2, P) % P
    return pow(square, (P - 1) // 2, P) == 1


@lru_cache(maxsize=8192)
def check_public_key(key: bytes) -> bool:
    """Whether a key may be registered; remembered, since the same few keys sign everything."""
    return is_point(key)


def form_fits(public_key: bytes, signature: bytes) -> bool:
    """Every part of the rule but the equation and whether R is on the curve, which the equation implies."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    r_y = int.from_bytes(signature[:32], "little") & (1 << 255) - 1
    return r_y < P and r_y not in _SMALL_ORDER_Y and check_public_key(public_key)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `public_key`'s over `message`; never raises."""
    if len(signature) != 64 or len(public_key) != 32:
        return False
    return (is_strict() or form_fits(public_key, signature)) and _opens(public_key, message, signature)


@lru_cache(maxsize=1)
def is_strict() -> bool:
    """Whether this libsodium refuses S + L, and keys and R of small order or with another encoding, by itself."""
    public_key, sign = key_pair(bytes(32))
    good = sign(b"")
    added = good[:32] + (int.from_bytes(good[32:], "little") + L).to_bytes(32, "little")
    identity, again = ((1 + add).to_bytes(32, "little") for add in (0, P))
    forged = [(key, r + bytes(32)) for key in (identity, again) for r in (identity, again)]  # 0 B = R + h A holds
    return _opens(public_key, b"", good) and not any(
        _opens(key, b"", signature) for key, signature in [(public_key, added), *forged]
    )


def _opens(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Libsodium's own verdict; key and signature are as long as they must be. Nobody needs the message again."""
    ffi, lib = _sodium()
    signed = signature + message
    return bool(lib.crypto_sign_open(ffi.NULL, ffi.NULL, signed, len(signed), public_key) == 0)


def key_pair(seed: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The public key of a 32-byte seed and a function that signs with it."""
    from nacl.bindings import crypto_sign, crypto_sign_seed_keypair  # noqa: PLC0415

    public_key, secret = crypto_sign_seed_keypair(seed)

    def sign(message: bytes) -> bytes:
        return bytes(crypto_sign(message, secret)[:64])

    return bytes(public_key), sign


@lru_cache(maxsize=1)
def _sodium():  # type: ignore[no-untyped-def]  # noqa: ANN202 - cffi objects have no types
    from nacl._sodium import ffi, lib  # noqa: PLC0415
    from nacl.bindings import sodium_init  # noqa: PLC0415

    sodium_init()
    return ffi, lib
