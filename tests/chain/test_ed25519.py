"""Ed25519 as libsodium serves it and as the rule says it: forms, bits and foreign bytes (protocol 4.1)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_is_valid_point

from chain import ed25519

MESSAGE = b"a message of any length, not only a digest"
PUBLIC_KEY, sign = ed25519.key_pair(bytes(range(32)))
SIGNATURE = sign(MESSAGE)
IDENTITY = b"\x01" + bytes(31)


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_what_a_key_signs_it_verifies(seed: bytes, message: bytes) -> None:
    public_key, sign_with = ed25519.key_pair(seed)
    signature = sign_with(message)
    assert len(signature) == 64
    assert ed25519.check_public_key(public_key)
    assert ed25519.verify(public_key, message, signature)
    assert not ed25519.verify(public_key, message + b"\0", signature)


@pytest.mark.parametrize("part", ["key", "signature", "message"])
def test_any_changed_bit_is_refused(part: str) -> None:
    given_parts = {"key": PUBLIC_KEY, "message": MESSAGE, "signature": SIGNATURE}
    assert ed25519.verify(*given_parts.values())
    for bit in range(8 * len(given_parts[part])):
        changed = given_parts | {part: flipped(given_parts[part], bit)}
        assert not ed25519.verify(*changed.values())


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=70))
def test_foreign_bytes_are_refused_and_raise_nothing(key: bytes, message: bytes, signature: bytes) -> None:
    assert not ed25519.verify(key, message, signature)


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=300)
def test_every_key_that_libsodium_takes_is_a_point_of_ours(encoded: bytes) -> None:
    # libsodium also asks for the prime-order subgroup; a key outside it is allowed by the rule.
    if crypto_core_ed25519_is_valid_point(encoded):
        assert ed25519.is_point(encoded)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_point_has_32_bytes(size: int) -> None:
    assert ed25519.is_point(PUBLIC_KEY)
    assert not ed25519.is_point((PUBLIC_KEY * 2)[:size])


def test_half_of_all_numbers_are_no_points() -> None:
    kinds = {ed25519.is_point(number.to_bytes(32, "little")) for number in range(2, 60)}
    assert kinds == {True, False}


def test_with_the_identity_as_key_and_nonce_nothing_is_signed() -> None:
    assert not ed25519.check_public_key(IDENTITY)
    assert not ed25519.verify(IDENTITY, MESSAGE, IDENTITY + bytes(32))
    assert not ed25519.verify(PUBLIC_KEY, MESSAGE, IDENTITY + bytes(32))


def test_a_second_signature_by_adding_the_order_is_refused() -> None:
    s = int.from_bytes(SIGNATURE[32:], "little")
    assert not ed25519.verify(PUBLIC_KEY, MESSAGE, SIGNATURE[:32] + (s + ed25519.L).to_bytes(32, "little"))


def test_a_signature_takes_no_byte_from_its_message() -> None:
    message = bytes(3) + MESSAGE
    signature = sign(message)
    assert ed25519.verify(PUBLIC_KEY, message, signature)
    for moved in range(1, 4):
        assert not ed25519.verify(PUBLIC_KEY, message[moved:], signature + message[:moved])
    assert not ed25519.form_fits(PUBLIC_KEY, signature + b"\0")
    assert not ed25519.form_fits(PUBLIC_KEY, signature[:-1])


def test_this_libsodium_refuses_by_itself() -> None:
    assert ed25519.is_strict()


@pytest.mark.parametrize("accepted", ["all", "none"])
def test_a_libsodium_that_does_not_refuse_by_itself_is_found_out(
    monkeypatch: pytest.MonkeyPatch, accepted: str
) -> None:
    monkeypatch.setattr(ed25519, "_opens", lambda *_: accepted == "all")
    ed25519.is_strict.cache_clear()
    try:
        assert not ed25519.is_strict()
        forged = [(IDENTITY, IDENTITY + bytes(32)), (PUBLIC_KEY, IDENTITY + bytes(32)), (PUBLIC_KEY, b"\xff" * 64)]
        assert not any(ed25519.verify(key, MESSAGE, signature) for key, signature in forged)
        assert ed25519.verify(PUBLIC_KEY, MESSAGE, SIGNATURE) == (accepted == "all")
    finally:
        ed25519.is_strict.cache_clear()


def has_root(number: int) -> bool:
    """Whether a number is a square, by taking its root (RFC 8032, 5.1.3)."""
    root = pow(number, (ed25519.P + 3) // 8, ed25519.P)
    quarter_turn = pow(2, (ed25519.P - 1) // 4, ed25519.P)
    return any(pow(one, 2, ed25519.P) == number % ed25519.P for one in (root, root * quarter_turn))


@pytest.mark.parametrize("y", range(2, 60))
def test_a_point_is_where_the_equation_of_the_curve_has_an_x(y: int) -> None:
    d = -121665 * pow(121666, -1, ed25519.P)
    square = (y * y - 1) * pow(d * y * y + 1, -1, ed25519.P)
    assert ed25519.is_point(y.to_bytes(32, "little")) == has_root(square)


def test_the_first_number_that_is_not_canonical_is_no_point() -> None:
    assert pow(-1, (ed25519.P - 1) // 2, ed25519.P) == 1, "with y = 0 the equation has an x"
    assert not ed25519.is_point(ed25519.P.to_bytes(32, "little"))
