"""Every digest function gives its standard's vectors, by whichever library it is served."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from Crypto.Hash import keccak
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from chain import digests
from chain.digests import DigestName, digest_function, ripemd160

ROOT = Path(__file__).parents[2]
VECTOR_FILE = ROOT / "tests" / "vectors" / "digests.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTOR_FILE.read_text("utf-8"))["cases"]


def label(case: dict[str, Any]) -> str:
    return f"{case['name']}: {case['message'][:16] or 'empty'}"


@pytest.mark.parametrize("case", VECTORS, ids=label)
def test_the_digest_is_the_published_one(case: dict[str, Any]) -> None:
    function = ripemd160 if case["name"] == "ripemd160" else digest_function(DigestName(case["name"]))
    assert function(bytes.fromhex(case["message"])).hex() == case["digest"]


def test_every_function_has_a_vector() -> None:
    assert {case["name"] for case in VECTORS} >= set(DigestName)


def by_openssl(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    running = hashes.Hash(algorithm)
    running.update(data)
    return running.finalize()


@given(st.binary(max_size=600))
def test_a_second_library_gives_the_same_digests(data: bytes) -> None:
    second = {
        DigestName.SHA256: by_openssl(hashes.SHA256(), data),
        DigestName.SM3: by_openssl(hashes.SM3(), data),
        DigestName.SHA512_256: by_openssl(hashes.SHA512_256(), data),
        DigestName.BLAKE2B256: hashlib.blake2b(data, digest_size=32).digest(),
        DigestName.KECCAK256: keccak.new(digest_bits=256, data=data).digest(),
    }
    assert {name: digest_function(name)(data) for name in DigestName} == second


@pytest.mark.parametrize("size", [0, 1, 55, 56, 64, 127, 128, 135, 136, 137, 271, 272, 4_096, 100_000])
def test_keccak_agrees_with_its_fall_back_at_the_edges_of_a_block(size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    expected = keccak.new(digest_bits=256, data=data).digest()
    assert digest_function(DigestName.KECCAK256)(data) == expected


WITHOUT_THE_FAST_LIBRARIES = """
import hashlib, sys
def absent(name, *data, **options): raise ValueError(name)
sys.modules["sha3"] = None
hashlib.new = absent
from chain.digests import DigestName, digest_function
print(*(digest_function(name)(b"abc").hex() for name in DigestName))
"""


def test_the_fall_backs_give_the_same_digests() -> None:
    command = [sys.executable, "-c", WITHOUT_THE_FAST_LIBRARIES]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert ran.stdout.split() == [digest_function(name)(b"abc").hex() for name in DigestName]


def test_each_fall_back_alone_gives_the_same_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sha3", None)
    slow_keccak = digests._best_keccak()
    for data in (b"", b"abc", bytes(1_000)):
        assert slow_keccak(data) == digest_function(DigestName.KECCAK256)(data)
        assert digests._by_cryptography("SM3")(data) == digest_function(DigestName.SM3)(data)
        assert digests._by_cryptography("SHA512_256")(data) == digest_function(DigestName.SHA512_256)(data)


def test_a_digest_that_openssl_lacks_is_not_taken_from_it() -> None:
    assert digests._by_openssl("no-such-digest") is None
