"""A bundle and the genesis document are all that a verifier needs, and every single bit of both counts."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from chain.genesis import GenesisMalformed, parse_genesis
from chain.profiles import load_profiles
from credentials.verifier import verify_bundle
from scripts.processes import ROOT
from tests.e2e.cluster import TestNetwork

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def held(shared_network: TestNetwork) -> tuple[bytes, bytes]:
    """(bundle with every field revealed, genesis document) as a holder would keep them."""
    with httpx.Client(base_url=shared_network.url, headers=shared_network.headers(), timeout=30) as client:
        minted = client.post("/v1/certificates", json=shared_network.mint_body("qingdao")).json()
        bundle = client.get(f"/v1/certificates/{minted['id']}/proof", params={"reveal": "all"}).content
        genesis = client.get("/v1/genesis").content
    assert is_accepted(bundle, genesis)
    return bundle, genesis


def is_accepted(bundle: bytes, genesis: bytes) -> bool:
    try:
        document = parse_genesis(genesis)
    except GenesisMalformed:
        return False
    return verify_bundle(bundle, document, load_profiles(), now=time.time_ns() // 1_000_000).proven


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def accepted_bundle_bits(bundle: bytes, genesis: bytes, bits: Iterable[int]) -> list[int]:
    return [bit for bit in bits if is_accepted(flipped(bundle, bit), genesis)]


def accepted_genesis_bits(bundle: bytes, genesis: bytes, bits: Iterable[int]) -> list[int]:
    return [bit for bit in bits if is_accepted(bundle, flipped(genesis, bit))]


def on_all_cores(check, bundle: bytes, genesis: bytes, count: int) -> list[int]:
    parts = os.cpu_count() or 1
    work = [(bundle, genesis, range(part, count, parts)) for part in range(parts)]
    with multiprocessing.get_context("spawn").Pool(parts) as pool:
        return [bit for found in pool.starmap(check, work) for bit in found]


def test_no_bit_of_the_bundle_can_be_changed(held: tuple[bytes, bytes]) -> None:
    bundle, genesis = held
    assert on_all_cores(accepted_bundle_bits, bundle, genesis, 8 * len(bundle)) == []


def test_no_bit_of_the_genesis_document_can_be_changed(held: tuple[bytes, bytes]) -> None:
    bundle, genesis = held
    assert on_all_cores(accepted_genesis_bits, bundle, genesis, 8 * len(genesis)) == []


def test_the_command_checks_with_no_network_at_all(held: tuple[bytes, bytes], tmp_path: Path) -> None:
    """In an empty folder and environment, in a network namespace without any interface where that is allowed."""
    bundle, genesis = held
    (tmp_path / "bundle.json").write_bytes(bundle)
    (tmp_path / "genesis.json").write_bytes(genesis)
    (tmp_path / "changed.json").write_bytes(flipped(bundle, 4 * len(bundle)))
    alone = ["unshare", "--net"] if os.geteuid() == 0 and Path("/usr/bin/unshare").exists() else []

    def verify(name: str, against: str = "genesis.json") -> subprocess.CompletedProcess[str]:
        command = [*alone, sys.executable, "-m", "scripts.cli", "verify", "--offline", name, "--genesis", against]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    good, changed, missing = verify("bundle.json"), verify("changed.json"), verify("bundle.json", "nothing.json")
    assert (good.returncode, changed.returncode, missing.returncode) == (0, 1, 2), (good, changed, missing)
    assert "valid" in good.stdout
    assert "nothing.json" in missing.stdout
