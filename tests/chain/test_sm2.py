"""SM2 by either library: what one signs the other accepts, and both refuse the same (protocol 4.3)."""

import importlib.util
import sys
from unittest import mock

import pytest
from gmssl.sm2 import CryptSM2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import curves, sm2
from chain.curves import SM2
from chain.digests import sm3

LIBRARIES = ["tongsuo"] * (importlib.util.find_spec("tongsuopy") is not None) + ["gmssl"]
SEED = bytes(range(32))
MESSAGE = sm3(b"message")
few = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library that is installed, serving."""
    monkeypatch.setattr(sm2, "tongsuo_serves", lambda: request.param == "tongsuo")
    return str(request.param)


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def numbers_of(signature: bytes) -> tuple[int, int]:
    numbers = curves.signature_numbers(signature, SM2, low_s=False)
    assert numbers is not None
    return numbers


@few
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=80))
def test_what_one_library_signs_every_library_accepts(library: str, seed: bytes, message: bytes) -> None:
    public_key, sign = sm2.key_pair(seed)
    signature, point = sign(message), curves.uncompressed(SM2, public_key)
    assert point is not None
    assert sm2.verify(public_key, message, signature)
    assert sm2.gmssl_verify(point, message, numbers_of(signature))
    assert sm2.gmssl_key_pair(SM2.scalar(seed))[0] == public_key


def test_bits_changed_are_refused(library: str) -> None:
    public_key, sign = sm2.key_pair(SEED)
    signature = sign(MESSAGE)
    for bit in range(0, 512, 37):
        assert not sm2.verify(public_key, MESSAGE, flipped(signature, bit))
    for bit in range(0, 256, 37):
        assert not sm2.verify(public_key, flipped(MESSAGE, bit), signature)
        assert not sm2.verify(flipped(public_key, bit), MESSAGE, signature)


@few
@given(key=st.binary(max_size=34), message=st.binary(max_size=40), signature=st.binary(max_size=66))
def test_foreign_bytes_are_refused_and_raise_nothing(
    library: str, key: bytes, message: bytes, signature: bytes
) -> None:
    assert not sm2.verify(key, message, signature)


def test_r_and_s_that_add_up_to_the_order_are_refused_unasked(library: str) -> None:
    public_key, _ = sm2.key_pair(SEED)
    for r in (1, 5, SM2.n // 2):
        signature = curves.signature_bytes(r, SM2.n - r, SM2, low_s=False)
        assert not sm2.verify(public_key, MESSAGE, signature)


def test_the_digest_binds_user_id_key_and_message() -> None:
    points = [curves.uncompressed(SM2, sm2.key_pair(sm3(SEED + bytes([number])))[0]) for number in range(2)]
    digests = {
        sm2.message_digest(point, message, user_id)
        for point in points
        if point is not None
        for message in (MESSAGE, b"")
        for user_id in (sm2.USER_ID, b"", b"ALICE123@YAHOO.COM", b"12345678123456789")
    }
    assert len(digests) == 2 * 2 * 4


def test_the_slow_library_signs_alike_twice_and_differently_for_another_message() -> None:
    _, sign = sm2.gmssl_key_pair(SM2.scalar(SEED))
    assert sign(MESSAGE) == sign(MESSAGE)
    assert sign(MESSAGE)[:32] != sign(MESSAGE + b"\0")[:32]


def test_a_nonce_that_gives_no_signature_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    real, nonces = CryptSM2.sign, []

    def refusing_once(self: CryptSM2, data: bytes, nonce: str) -> str | None:
        nonces.append(nonce)
        return real(self, data, nonce) if len(nonces) > 1 else None

    monkeypatch.setattr(CryptSM2, "sign", refusing_once)
    public_key, sign = sm2.gmssl_key_pair(SM2.scalar(SEED))
    assert sm2.verify(public_key, MESSAGE, sign(MESSAGE))
    assert len(set(nonces)) == len(nonces) == 2


def test_the_library_that_serves_is_the_one_that_is_asked(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_verify, slow_key_pair = mock.Mock(return_value=True), mock.Mock(return_value=(b"", sm3))
    monkeypatch.setattr(sm2, "gmssl_verify", slow_verify)
    monkeypatch.setattr(sm2, "gmssl_key_pair", slow_key_pair)
    public_key = bytes([2]) + bytes.fromhex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7")
    sm2.key_pair(SEED)
    sm2.verify(public_key, MESSAGE, curves.signature_bytes(1, 1, SM2, low_s=False))
    assert slow_verify.called == slow_key_pair.called == (library == "gmssl")


def test_the_fast_library_serves_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    sm2.tongsuo_serves.cache_clear()
    assert sm2.tongsuo_serves() == ("tongsuo" in LIBRARIES)
    sm2.tongsuo_serves.cache_clear()
    monkeypatch.setitem(sys.modules, "tongsuopy.crypto.asymciphers.ec", None)
    assert not sm2.tongsuo_serves()
    sm2.tongsuo_serves.cache_clear()
