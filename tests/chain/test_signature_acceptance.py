"""Every library that may serve a scheme gives the verdict of the rule (protocol 4), on the same edge cases.

A library is asked behind our guard, as in production. The functions `..._by_the_book` are the rule again, in
plain arithmetic and without any library of signatures: what they say is what the vector file must say.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from chain import curves, ed25519, sm2
from chain.curves import P256, SECP256K1, SM2, Curve
from chain.signatures import SchemeName, scheme

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "signature_acceptance.json").read_text("utf-8")
)["cases"]
GENERATORS = {
    SECP256K1: "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    P256: "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    SM2: "0232c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7",
}
Judge = Callable[[bytes, bytes, bytes], bool]
Point = tuple[int, int] | None


class Weierstrass(NamedTuple):
    """Affine arithmetic on a curve; None is the identity (SEC 1, 2.2.1)."""

    curve: Curve

    def add(self, left: Point, right: Point) -> Point:
        if left is None or right is None:
            return left or right
        p = self.curve.p
        if left[0] == right[0]:
            if (left[1] + right[1]) % p == 0:
                return None
            slope = (3 * left[0] ** 2 + self.curve.a) * pow(2 * left[1], -1, p)
        else:
            slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, p)
        x = (slope * slope - left[0] - right[0]) % p
        return x, (slope * (left[0] - x) - left[1]) % p

    def multiply(self, factor: int, point: Point) -> Point:
        result: Point = None
        while factor:
            result = self.add(result, point) if factor & 1 else result
            point, factor = self.add(point, point), factor >> 1
        return result

    @property
    def generator(self) -> Point:
        return self.read(bytes.fromhex(GENERATORS[self.curve]))

    def read(self, key: bytes) -> Point:
        """Trial of both square roots, unlike the production code."""
        curve = self.curve
        if len(key) != 33 or key[0] not in (2, 3) or (x := int.from_bytes(key[1:], "big")) >= curve.p:
            return None
        root = pow(x**3 + curve.a * x + curve.b, (curve.p + 1) // 4, curve.p)
        for y in (root, curve.p - root):
            if (y * y - x**3 - curve.a * x - curve.b) % curve.p == 0 and y % 2 == key[0] - 2:
                return x, y
        return None


def ecdsa_by_the_book(curve: Curve) -> Judge:
    """SEC 1, 4.1.4, with the ranges of protocol 4."""
    group = Weierstrass(curve)

    def judge(public_key: bytes, message: bytes, signature: bytes) -> bool:
        key = group.read(public_key)
        if key is None or len(message) != 32 or len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < curve.n and 0 < 2 * s <= curve.n):
            return False
        inverse = pow(s, -1, curve.n)
        u, v = int.from_bytes(message, "big") * inverse % curve.n, r * inverse % curve.n
        point = group.add(group.multiply(u, group.generator), group.multiply(v, key))
        return point is not None and point[0] % curve.n == r

    return judge


def sm2_by_the_book(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """GB/T 32918.2, 7.1, with Z of GB/T 32918.2, 5.5 and the default user id."""
    group, n = Weierstrass(SM2), SM2.n
    key, g = group.read(public_key), group.generator
    if key is None or g is None or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % n
    if not (0 < r < n and 0 < s < n and t):
        return False
    parts = (SM2.a % SM2.p, SM2.b, *g, *key)
    z = sm3(b"\x00\x80" + b"1234567812345678" + b"".join(part.to_bytes(32, "big") for part in parts))
    e = int.from_bytes(sm3(z + message), "big")
    point = group.add(group.multiply(s, g), group.multiply(t, key))
    return point is not None and (e + point[0]) % n == r


def sm3(data: bytes) -> bytes:
    running = hashes.Hash(hashes.SM3())
    running.update(data)
    return running.finalize()


class Edwards:
    """Affine arithmetic of edwards25519 (RFC 8032, 5.1)."""

    p, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, p) % p

    @classmethod
    def add(cls, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        (a, b), (c, e), p = left, right, cls.p
        k = cls.d * a * b * c * e
        return (a * e + b * c) * pow(1 + k, -1, p) % p, (b * e + a * c) * pow(1 - k, -1, p) % p

    @classmethod
    def multiply(cls, factor: int, point: tuple[int, int]) -> tuple[int, int]:
        result = (0, 1)
        while factor:
            result = cls.add(result, point) if factor & 1 else result
            point, factor = cls.add(point, point), factor >> 1
        return result

    @classmethod
    def read(cls, encoded: bytes) -> tuple[int, int] | None:
        """Decode a canonical encoding."""
        number, p = int.from_bytes(encoded, "little"), cls.p
        y, sign = number & (1 << 255) - 1, number >> 255
        square = (y * y - 1) * pow(cls.d * y * y + 1, -1, p) % p
        root = pow(square, (p + 3) // 8, p)
        if root * root % p != square:
            root = root * pow(2, (p - 1) // 4, p) % p
        if len(encoded) != 32 or y >= p or root * root % p != square or (root == 0 and sign):
            return None
        return (root if root & 1 == sign else p - root), y

    @classmethod
    def read_large_order(cls, encoded: bytes) -> tuple[int, int] | None:
        point = cls.read(encoded)
        return None if point is None or cls.multiply(8, point) == (0, 1) else point


EDWARDS_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def ed25519_by_the_book(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032, 5.1.7 with the cofactorless equation and the stricter forms of protocol 4.1."""
    key, nonce = Edwards.read_large_order(public_key), Edwards.read_large_order(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or len(signature) != 64 or s >= Edwards.order:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little")
    right = Edwards.add(nonce, Edwards.multiply(k % (8 * Edwards.order), key))
    return Edwards.multiply(s, EDWARDS_BASE) == right


def ed25519_by_pynacl(public_key: bytes, message: bytes, signature: bytes) -> bool:
    if not ed25519.form_fits(public_key, signature):
        return False
    try:
        return crypto_sign_open(signature + message, public_key) == message
    except BadSignatureError:
        return False


def ed25519_by_cryptography(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        if not ed25519.form_fits(public_key, signature):
            return False
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def secp256k1_by_cryptography(public_key: bytes, message: bytes, signature: bytes) -> bool:
    numbers = curves.signature_numbers(signature, SECP256K1, low_s=True)
    if numbers is None or len(message) != 32 or curves.uncompressed(SECP256K1, public_key) is None:
        return False
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public_key)
    try:
        key.verify(encode_dss_signature(*numbers), message, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True


def sm2_by_tongsuo(public_key: bytes, message: bytes, signature: bytes) -> bool:
    with mock.patch.object(sm2, "tongsuo_serves", return_value=True):
        return sm2.verify(public_key, message, signature)


def sm2_by_gmssl(public_key: bytes, message: bytes, signature: bytes) -> bool:
    with mock.patch.object(sm2, "tongsuo_serves", return_value=False):
        return sm2.verify(public_key, message, signature)


JUDGES: dict[SchemeName, dict[str, Judge]] = {
    SchemeName.ED25519: {
        "the rule": ed25519_by_the_book,
        "PyNaCl": ed25519_by_pynacl,
        "cryptography": ed25519_by_cryptography,
    },
    SchemeName.SECP256K1: {
        "the rule": ecdsa_by_the_book(SECP256K1),
        "cryptography": secp256k1_by_cryptography,
    },
    SchemeName.P256: {"the rule": ecdsa_by_the_book(P256)},
    SchemeName.SM2: {"the rule": sm2_by_the_book, "gmssl": sm2_by_gmssl},
}
if sm2.tongsuo_serves():  # it has no wheel for some platforms
    JUDGES[SchemeName.SM2]["Tongsuo"] = sm2_by_tongsuo


def judges(name: SchemeName) -> dict[str, Judge]:
    return {"production": scheme(name).verify, **JUDGES[name]}


CASES = [
    pytest.param(case, judge, id=f"{case['scheme']}: {case['name']}: {who}")
    for case in VECTORS
    for who, judge in judges(SchemeName(case["scheme"])).items()
]


@pytest.mark.parametrize(("case", "judge"), CASES)
def test_every_library_gives_the_verdict_of_the_rule(case: dict[str, Any], judge: Judge) -> None:
    key, message, signature = (bytes.fromhex(case[part]) for part in ("public_key", "message", "signature"))
    assert judge(key, message, signature) is case["valid"]


@pytest.mark.parametrize("name", list(SchemeName))
def test_the_vectors_hold_both_verdicts_and_bad_keys_for_every_scheme(name: SchemeName) -> None:
    own = [case for case in VECTORS if case["scheme"] == name]
    assert {case["valid"] for case in own} == {True, False}
    assert {case["key_valid"] for case in own} == {True, False}


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['scheme']}: {case['name']}")
def test_a_key_may_be_registered_if_and_only_if_it_has_its_one_form(case: dict[str, Any]) -> None:
    check = scheme(SchemeName(case["scheme"])).check_public_key
    assert check(bytes.fromhex(case["public_key"])) is case["key_valid"]


@pytest.mark.parametrize("curve", [SECP256K1, P256, SM2], ids=["secp256k1", "p-256", "sm2"])
@pytest.mark.parametrize("low_s", [True, False])
def test_the_guard_alone_knows_the_ranges_of_r_and_s(curve: Curve, low_s: bool) -> None:
    n, s_max = curve.n, (curve.n - 1) // 2 if low_s else curve.n - 1
    for r, s in ((1, 1), (n - 1, 1), (1, s_max), (n - 1, s_max)):
        assert curves.signature_numbers(raw(r, s), curve, low_s=low_s) == (r, s)
    for r, s in ((0, 1), (n, 1), (2**256 - 1, 1), (1, 0), (1, s_max + 1), (1, n), (1, 2**256 - 1)):
        assert curves.signature_numbers(raw(r, s), curve, low_s=low_s) is None
    for signature in (b"", raw(1, 1)[:-1], raw(1, 1) + b"\0"):
        assert curves.signature_numbers(signature, curve, low_s=low_s) is None


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_the_guard_alone_knows_the_forms_of_ed25519() -> None:
    p, order = Edwards.p, Edwards.order
    key = scheme(SchemeName.ED25519).key_pair(bytes(32)).public_key
    for y, s in ((2, 0), (p - 2, order - 1), (2 | 1 << 255, 1)):
        assert ed25519.form_fits(key, little(y, s))
    for y in (0, 1, p - 1, p, p + 1, p + 3, 2**255 - 1, 1 | 1 << 255, p - 1 | 1 << 255, p | 1 << 255):
        assert not ed25519.form_fits(key, little(y, 1))
    for s in (order, order + 1, 2**253, 2**255, 2**256 - 1):
        assert not ed25519.form_fits(key, little(2, s))
    for wrong in (b"", key[:-1], key + b"\0", bytes(32), b"\xff" * 32):
        assert not ed25519.form_fits(wrong, little(2, 1))


def little(y: int, s: int) -> bytes:
    return y.to_bytes(32, "little") + s.to_bytes(32, "little")


def test_the_guard_alone_knows_all_points_of_small_order() -> None:
    key = scheme(SchemeName.ED25519).key_pair(bytes(32)).public_key
    point = Edwards.read(0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826.to_bytes(32, "little"))
    assert point is not None
    for factor in range(8):
        x, y = Edwards.multiply(factor, point)
        encoded = (y | (x & 1) << 255).to_bytes(32, "little")
        assert not ed25519.check_public_key(encoded)
        assert not ed25519.form_fits(key, encoded + bytes(32))
