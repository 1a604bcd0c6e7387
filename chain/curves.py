"""Short Weierstrass curves: only what it takes to read a compressed public key in its one form (SEC 1, 2.3)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Curve:
    """y^2 = x^3 + ax + b over a prime p with p mod 4 = 3, and the order n of its group (cofactor 1)."""

    p: int
    a: int
    b: int
    n: int

    def decompress(self, key: bytes) -> tuple[int, int] | None:
        """The point of a 33-byte compressed key, or None if the bytes are not the one form of a point."""
        if len(key) != 33 or key[0] not in (2, 3):
            return None
        x = int.from_bytes(key[1:], "big")
        if x >= self.p:
            return None
        square = (x * x * x + self.a * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)
        if y * y % self.p != square:
            return None
        return x, (y if y & 1 == key[0] & 1 else self.p - y)

    def scalar(self, seed: bytes) -> int:
        """A private scalar in 1..n-1 from 32 or more seed bytes; the bias is below 2^-31 for these curves."""
        return int.from_bytes(seed, "big") % (self.n - 1) + 1


SECP256K1: Final = Curve(
    p=2**256 - 2**32 - 977,
    a=0,
    b=7,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
)
P256: Final = Curve(
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    a=-3,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)
SM2: Final = Curve(
    p=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
    a=-3,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
)


@lru_cache(maxsize=4096)
def uncompressed(curve: Curve, key: bytes) -> bytes | None:
    """04 ‖ x ‖ y of a compressed key, or None if it is not the one form of a point of the curve."""
    point = curve.decompress(key)
    return None if point is None else b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def compressed(point: bytes) -> bytes:
    """The 33-byte form of 04 ‖ x ‖ y."""
    return bytes([2 + (point[64] & 1)]) + point[1:33]


def signature_numbers(signature: bytes, curve: Curve, *, low_s: bool) -> tuple[int, int] | None:
    """R and s of a 64-byte signature, or None if they are out of their ranges (protocol 4)."""
    if len(signature) != 64:
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s_max = curve.n // 2 if low_s else curve.n - 1
    return (r, s) if 1 <= r < curve.n and 1 <= s <= s_max else None


def signature_bytes(r: int, s: int, curve: Curve, *, low_s: bool) -> bytes:
    """The 64-byte form; with `low_s`, s becomes n - s where that is the smaller."""
    if low_s and s > curve.n // 2:
        s = curve.n - s
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
