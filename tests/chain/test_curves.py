"""Compressed points have one form each, and only points of the curve have one (SEC 1, 2.3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.curves import P256, SECP256K1, SM2, Curve, compressed, signature_bytes, signature_numbers, uncompressed

CURVES = {"secp256k1": SECP256K1, "p-256": P256, "sm2": SM2}
every_curve = pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
GENERATORS = {
    SECP256K1: (
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    ),
    P256: (
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ),
    SM2: (
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7",
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    ),
}
"""Of SEC 2, FIPS 186-4 and GB/T 32918.5."""
keys = st.builds(lambda head, x: bytes([head]) + x, st.sampled_from([2, 3]), st.binary(min_size=32, max_size=32))


@every_curve
def test_the_published_generator_is_read_both_ways(curve: Curve) -> None:
    x, y = (bytes.fromhex(part) for part in GENERATORS[curve])
    other_y = (curve.p - int.from_bytes(y, "big")).to_bytes(32, "big")
    assert uncompressed(curve, bytes([2 + (y[-1] & 1)]) + x) == b"\x04" + x + y
    assert uncompressed(curve, bytes([3 - (y[-1] & 1)]) + x) == b"\x04" + x + other_y
    assert compressed(b"\x04" + x + y) == bytes([2 + (y[-1] & 1)]) + x


@every_curve
@given(key=keys)
def test_a_point_is_on_the_curve_and_compresses_to_its_key(curve: Curve, key: bytes) -> None:
    point = uncompressed(curve, key)
    x = int.from_bytes(key[1:], "big")
    if point is None:
        square = (x**3 + curve.a * x + curve.b) % curve.p
        assert x >= curve.p or pow(square, (curve.p - 1) // 2, curve.p) == curve.p - 1
        return
    y = int.from_bytes(point[33:], "big")
    assert (y * y - x**3 - curve.a * x - curve.b) % curve.p == 0
    assert compressed(point) == key


@every_curve
@pytest.mark.parametrize("head", [0, 1, 4, 5, 6, 7, 0x82, 0xFF])
def test_another_head_is_no_key(curve: Curve, head: int) -> None:
    x = bytes.fromhex(GENERATORS[curve][0])
    assert curve.decompress(bytes([head]) + x) is None


@every_curve
def test_another_length_is_no_key(curve: Curve) -> None:
    x, y = (bytes.fromhex(part) for part in GENERATORS[curve])
    for key in (b"", b"\x02", b"\x02" + x[:-1], b"\x02" + x + b"\0", b"\x04" + x + y, b"\0" * 33):
        assert curve.decompress(key) is None


@every_curve
def test_a_coordinate_at_or_over_the_prime_is_no_key(curve: Curve) -> None:
    on_curve = next(x for x in range(1_000) if curve.decompress(b"\x02" + x.to_bytes(32, "big")) is not None)
    for x in (curve.p, curve.p + on_curve, 2**256 - 1):
        if x < 2**256:
            assert curve.decompress(b"\x02" + x.to_bytes(32, "big")) is None


@every_curve
def test_a_scalar_is_never_zero_nor_the_order(curve: Curve) -> None:
    assert curve.scalar(bytes(32)) == 1
    assert curve.scalar((curve.n - 2).to_bytes(32, "big")) == curve.n - 1
    assert curve.scalar((curve.n - 1).to_bytes(32, "big")) == 1
    assert 1 <= curve.scalar(b"\xff" * 64) < curve.n


@every_curve
@given(r=st.integers(1, 2**250), s=st.integers(1, 2**250), flip=st.booleans())
@settings(max_examples=50)
def test_numbers_and_bytes_of_a_signature_are_one(curve: Curve, r: int, s: int, flip: bool) -> None:
    wide = curve.n - s if flip else s
    low = signature_bytes(r, wide, curve, low_s=True)
    assert signature_numbers(low, curve, low_s=True) == (r, min(wide, curve.n - wide))
    assert signature_numbers(signature_bytes(r, wide, curve, low_s=False), curve, low_s=False) == (r, wide)
    assert (signature_numbers(signature_bytes(r, wide, curve, low_s=False), curve, low_s=True) is None) == flip


@every_curve
def test_of_two_s_the_smaller_is_written(curve: Curve) -> None:
    half = curve.n // 2
    for s, written in ((half, half), (half + 1, half), (half - 1, half - 1), (curve.n // 3 + 1, curve.n // 3 + 1)):
        assert signature_bytes(1, s, curve, low_s=True)[32:] == written.to_bytes(32, "big")
        assert signature_bytes(1, s, curve, low_s=False)[32:] == s.to_bytes(32, "big")
