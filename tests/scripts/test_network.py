"""A new network's genesis document: its DIDs can be used with the seeds kept, its purses last."""

import json
from pathlib import Path

import pytest

from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from chain.rules import ChainRules
from contracts.genesis import initial_state
from contracts.keys import platform_key
from contracts.registry import METHODS
from scripts.network import PEOPLE, DidKeys, local_addresses, make_network

MINTS = 1_200_000
"""As many as the longest scenario of the benchmark mints on one chain."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    make_network(folder, local_addresses(4, 20_000))
    return folder


@pytest.fixture(scope="module")
def genesis(folder: Path) -> Genesis:
    return parse_genesis((folder / "genesis.json").read_bytes())


def test_every_person_has_one_did_of_their_own_with_its_keys_kept(folder: Path, genesis: Genesis) -> None:
    kept = json.loads((folder / "demo-dids.json").read_text())
    keys = json.loads((folder / "demo-keys.json").read_text())
    assert {did.base.did.hex() for did in genesis.document.dids} == kept.keys()
    assert len(kept) == len(PEOPLE)
    for did, own in kept.items():
        seeds = {name: bytes.fromhex(own[name]) for name in ("authentication", "recovery")}
        assert DidKeys(home=own["home"], **seeds).base.did.hex() == did
    for person in PEOPLE:
        (did,) = {people[person]["did"] for people in keys.values()}
        assert did in kept


def test_the_dids_have_different_chains_for_homes(genesis: Genesis) -> None:
    homes = [did.home for did in genesis.document.dids]
    assert len({*homes}) == len(PEOPLE)
    assert {*homes} <= load_profiles().keys()


def test_every_chain_can_be_founded_on_it(genesis: Genesis) -> None:
    for chain_id, profile in load_profiles().items():
        records = initial_state(genesis, ChainRules.of(genesis.network_id, profile))
        section = genesis.section(chain_id)
        assert section is not None
        (platform,) = (account for account in section.accounts if account.role == "platform")
        assert platform_key(bytes.fromhex(platform.did)) in records


@pytest.mark.parametrize(("method", "each"), [("mint", 1), ("mintBatch", 100)])
def test_the_platform_can_pay_for_all_that_the_benchmark_mints(genesis: Genesis, method: str, each: int) -> None:
    price = METHODS["ddc721", method].price
    assert price is not None
    for section in genesis.document.chains:
        profile = load_profiles()[section.chain_id]
        (platform,) = (account for account in section.accounts if account.role == "platform")
        gas = (price.steps + price.steps_each * each) * profile.gas_per_fen // 1_000
        assert platform.fen >= MINTS * profile.fees["ddc721"][method]
        assert platform.gas >= MINTS // each * gas > 0


def test_a_holder_can_pay_for_calls_of_its_own_and_the_owner_needs_no_purse(genesis: Genesis) -> None:
    for section in genesis.document.chains:
        accounts = dict(zip(PEOPLE, section.accounts, strict=True))
        assert (accounts["owner"].fen, accounts["owner"].gas) == (0, 0)
        burn = METHODS["ddc721", "burn"].price
        assert burn is not None
        gas = (burn.steps + burn.steps_each) * load_profiles()[section.chain_id].gas_per_fen // 1_000
        for person in ("alice", "bob"):
            assert accounts[person].gas >= 100 * gas > 0
