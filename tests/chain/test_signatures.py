"""Key pairs and signatures: published vectors, and what must hold for all keys and messages (protocol 4)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain import curves, sm2
from chain.digests import sha256
from chain.signatures import SchemeName, SignatureScheme, scheme

ROOT = Path(__file__).parents[2]
VECTOR_FILE = ROOT / "tests" / "vectors" / "signatures.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTOR_FILE.read_text("utf-8"))["cases"]
HALVES = {SchemeName.SECP256K1: curves.SECP256K1.n // 2, SchemeName.P256: curves.P256.n // 2}
DETERMINISTIC = [name for name in SchemeName if name != SchemeName.SM2]

schemes = pytest.mark.parametrize("name", list(SchemeName))
seeds = st.binary(min_size=32, max_size=32)
# Digests, not any 32 bytes: for the digest 0, which no known message has, ECDSA accepts the negated key too.
digests = st.binary(max_size=8).map(sha256)


def seed_of(case: dict[str, Any]) -> bytes:
    """Give the seed of the published private key: itself for Ed25519, one below the scalar else."""
    if case["scheme"] == SchemeName.ED25519:
        return bytes.fromhex(case["private"])
    return (int(case["private"], 16) - 1).to_bytes(32, "big")


@pytest.fixture(params=["tongsuo"] * sm2.tongsuo_serves() + ["gmssl"])
def sm2_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SignatureScheme:
    """SM2 by every library that is installed."""
    monkeypatch.setattr(sm2, "tongsuo_serves", lambda: request.param == "tongsuo")
    return scheme(SchemeName.SM2)


def published(case: dict[str, Any]) -> str:
    return f"{case['scheme']}: {case['source']}"


@pytest.mark.parametrize("case", VECTORS, ids=published)
def test_a_published_signature_is_accepted(case: dict[str, Any]) -> None:
    own = scheme(SchemeName(case["scheme"]))
    key, message, signature = (bytes.fromhex(case[part]) for part in ("public_key", "message", "signature"))
    assert own.check_public_key(key)
    assert own.verify(key, message, signature)


@pytest.mark.parametrize("case", VECTORS, ids=published)
def test_a_published_private_key_gives_its_public_key_and_signature(case: dict[str, Any]) -> None:
    pair = scheme(SchemeName(case["scheme"])).key_pair(seed_of(case))
    assert pair.public_key.hex() == case["public_key"]
    if "random_nonce" not in case:
        assert pair.sign(bytes.fromhex(case["message"])).hex() == case["signature"]


@pytest.mark.parametrize("case", [case for case in VECTORS if "published_s" in case], ids=published)
def test_the_published_upper_s_is_refused(case: dict[str, Any]) -> None:
    signature = bytes.fromhex(case["signature"])[:32] + bytes.fromhex(case["published_s"])
    key, message = bytes.fromhex(case["public_key"]), bytes.fromhex(case["message"])
    assert not scheme(SchemeName(case["scheme"])).verify(key, message, signature)


def test_the_published_sm2_digest_includes_z() -> None:
    case = next(case for case in VECTORS if case["scheme"] == SchemeName.SM2)
    point = curves.uncompressed(curves.SM2, bytes.fromhex(case["public_key"]))
    assert point is not None
    assert sm2.message_digest(point, b"message digest").hex() == case["digest"]


@schemes
def test_keys_and_signatures_have_their_sizes(name: SchemeName) -> None:
    pair = scheme(name).key_pair(bytes(32))
    assert len(pair.public_key) == scheme(name).public_key_bytes == (32 if name == SchemeName.ED25519 else 33)
    assert len(pair.sign(bytes(32))) == 64


@schemes
@given(seed=seeds, message=digests)
@settings(max_examples=30, deadline=None)
def test_what_a_key_signs_it_verifies(name: SchemeName, seed: bytes, message: bytes) -> None:
    own = scheme(name)
    pair = own.key_pair(seed)
    signature = pair.sign(message)
    assert own.check_public_key(pair.public_key)
    assert own.verify(pair.public_key, message, signature)
    if name in HALVES:
        assert 1 <= int.from_bytes(signature[32:], "big") <= HALVES[name]


@schemes
@given(seed=seeds, message=digests, bit=st.integers(0, 8 * 64 - 1))
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_of_a_signature_is_refused(name: SchemeName, seed: bytes, message: bytes, bit: int) -> None:
    own = scheme(name)
    pair = own.key_pair(seed)
    assert not own.verify(pair.public_key, message, flipped(pair.sign(message), bit))


@schemes
@given(seed=seeds, message=digests, bit=st.integers(0, 8 * 32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_of_key_or_message_is_refused(name: SchemeName, seed: bytes, message: bytes, bit: int) -> None:
    own = scheme(name)
    pair = own.key_pair(seed)
    signature = pair.sign(message)
    assert not own.verify(pair.public_key, flipped(message, bit), signature)
    assert not own.verify(flipped(pair.public_key, bit), message, signature)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@schemes
@given(key=st.binary(max_size=70), message=st.binary(max_size=70), signature=st.binary(max_size=70))
@settings(max_examples=100, deadline=None)
def test_foreign_bytes_never_raise(name: SchemeName, key: bytes, message: bytes, signature: bytes) -> None:
    own = scheme(name)
    assert own.check_public_key(key) in (True, False)
    assert not own.verify(key, message, signature)


@schemes
@given(rest=st.binary(min_size=32, max_size=32), numbers=st.binary(min_size=64, max_size=64))
@settings(max_examples=100, deadline=None)
def test_well_formed_nonsense_is_refused(name: SchemeName, rest: bytes, numbers: bytes) -> None:
    own = scheme(name)
    key = rest if name == SchemeName.ED25519 else b"\x02" + rest
    assert not own.verify(key, bytes(32), numbers)
    assert not own.verify(own.key_pair(rest).public_key, bytes(32), numbers)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_signing_twice_gives_the_same_bytes(name: SchemeName) -> None:
    pair = scheme(name).key_pair(b"\x07" * 32)
    assert pair.sign(bytes(32)) == pair.sign(bytes(32))


@schemes
def test_a_seed_gives_one_pair_and_another_seed_another(name: SchemeName) -> None:
    seeds = (bytes(32), bytes(32), b"\xff" * 32, b"\1" + bytes(31))
    keys = [scheme(name).key_pair(seed).public_key for seed in seeds]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_either_sm2_library_verifies_what_it_signs(sm2_by: SignatureScheme) -> None:
    pair = sm2_by.key_pair(b"\x05" * 32)
    for message in (b"", b"a", bytes(32), b"m" * 1_000):
        assert sm2_by.verify(pair.public_key, message, pair.sign(message))


def test_the_sm2_libraries_verify_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    own = scheme(SchemeName.SM2)
    fast = sm2.tongsuo_serves()  # where it has no wheel, the slow one verifies itself
    for signer, verifier in ((fast, False), (False, fast)):
        monkeypatch.setattr(sm2, "tongsuo_serves", lambda serves=signer: serves)
        pair = own.key_pair(b"\x05" * 32)
        signature = pair.sign(b"message")
        monkeypatch.setattr(sm2, "tongsuo_serves", lambda serves=verifier: serves)
        assert own.key_pair(b"\x05" * 32).public_key == pair.public_key
        assert own.verify(pair.public_key, b"message", signature)
        assert not own.verify(pair.public_key, b"other", signature)


LIBRARIES_LOADED = """
import sys, chain.signatures
print([name for name in ("coincurve", "nacl", "tongsuopy", "gmssl", "cryptography") if name in sys.modules])
"""


def test_importing_the_schemes_loads_no_library_of_a_scheme() -> None:
    command = [sys.executable, "-c", LIBRARIES_LOADED]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [SchemeName.SECP256K1, SchemeName.P256])
@pytest.mark.parametrize("size", [0, 31, 33])
def test_to_sign_anything_but_a_digest_is_a_fault_of_ours(name: SchemeName, size: int) -> None:
    with pytest.raises(AssertionError):
        scheme(name).key_pair(bytes(32)).sign(bytes(size))
