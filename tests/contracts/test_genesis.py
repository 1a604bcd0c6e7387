"""The first state follows from the genesis document alone, and a document that a chain cannot start from is refused (protocol 9.3)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.codec import decode
from chain.errors import AddressMalformed, ChainError
from chain.genesis import Genesis, GenesisMalformed, parse_genesis
from chain.merkle import root
from chain.profiles import CHAIN_IDS
from chain.rules import ChainRules
from contracts.access import Account, Role, find_account
from contracts.genesis import genesis_header, initial_state
from contracts.keys import account_key, network_key
from contracts.membership import MembershipFrom, current_memberships
from tests.chain.small_genesis import LEADERS, ROLES, account_key_pair, address_of, did_of, document_of, genesis_of
from tests.chain.small_network import FIRST, START_MS, rules_of
from tests.contracts.small_chain import SmallChain

every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)


def rules_in(genesis: Genesis, chain_id: str) -> ChainRules:
    return rules_of(chain_id, genesis.network_id)


def with_account(chain_id: str, **changed: Any) -> Genesis:
    """A document whose second account differs."""
    document = document_of((chain_id,))
    section = document.chains[0]
    accounts = list(section.accounts)
    accounts[1] = replace(accounts[1], **changed)
    altered = replace(document, chains=(replace(section, accounts=tuple(accounts)),))
    return parse_genesis(altered.canonical())


@every_chain
def test_everybody_in_the_document_has_an_account(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    rules = rules_in(genesis, chain_id)
    state = initial_state(genesis, rules)
    for person, role in ROLES.items():
        address = address_of(rules, person)
        assert decode(state[account_key(address)], Account) == Account(
            address=address,
            public_key=account_key_pair(chain_id, person).public_key,
            role=int(Role[role.upper()]),
            did=did_of(person),
            leader=did_of(LEADERS[person]),
            platform_active=True,
            operator_active=True,
        )


@every_chain
def test_every_chain_keeps_the_nine_other_sections_and_nothing_more(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    others = [section for section in genesis.document.chains if section.chain_id != chain_id]
    for section in others:
        assert state[network_key(section.chain_id)] == section.canonical()
    assert len(state) == 1 + len(ROLES) + len(others) == 1 + 4 + 9


@every_chain
def test_every_chain_begins_with_the_replicas_of_the_document(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    assert current_memberships(state) == (MembershipFrom(from_height=0, membership=genesis.membership),)


def test_a_chain_s_accounts_can_be_found_in_its_first_state() -> None:
    chain = SmallChain.founded("yanan")
    assert find_account(chain.records, chain.address("alice")) is not None
    assert find_account(chain.records, chain.address("bob")) is None


def test_the_first_header_is_derived_by_everybody() -> None:
    genesis = genesis_of(*CHAIN_IDS)
    for chain_id in CHAIN_IDS:
        rules = rules_in(genesis, chain_id)
        membership = rules.membership_digest(FIRST.membership)
        assert genesis_header(genesis, rules, b"\x05" * 32) == BlockHeader(
            version=1,
            network_id=genesis.network_id,
            chain_id=chain_id,
            height=0,
            parent=bytes(32),
            transaction_root=root(rules.digest, ()),
            receipt_root=root(rules.digest, ()),
            state_root=b"\x05" * 32,
            time=START_MS,
            view=0,
            proposer=0,
            membership=membership,
            next_membership=membership,
        )


def refused(genesis: Genesis, chain_id: str, error: type[ChainError], match: str) -> None:
    with pytest.raises(error, match=match):
        initial_state(genesis, rules_in(genesis, chain_id))


@every_chain
def test_an_address_of_another_chain_is_refused(chain_id: str) -> None:
    other = "wenchang" if chain_id != "wenchang" else "wuhan"
    rules = rules_of(other)
    address = rules.addresses.format(address_of(rules, "platform"))
    refused(with_account(chain_id, address=address), chain_id, AddressMalformed, "is no address of this chain")


@every_chain
def test_a_key_not_in_the_form_of_the_chain_is_refused(chain_id: str) -> None:
    for key in ("00" * 32, "00" * 33, "ff" * 33, "04" + "11" * 64):
        refused(with_account(chain_id, public_key=key), chain_id, GenesisMalformed, "is no .* key; see docs")


@pytest.mark.parametrize("chain_id", [c for c in CHAIN_IDS if c not in ("zhongyi", "zunyi")])
def test_an_address_that_does_not_follow_from_the_key_is_refused(chain_id: str) -> None:
    key = account_key_pair(chain_id, "bob").public_key.hex()
    refused(with_account(chain_id, public_key=key), chain_id, GenesisMalformed, "does not follow from its key")


@pytest.mark.parametrize("chain_id", ["zhongyi", "zunyi"])
def test_a_chosen_name_goes_with_any_key_of_the_chain(chain_id: str) -> None:
    key = account_key_pair(chain_id, "bob").public_key
    genesis = with_account(chain_id, public_key=key.hex())
    rules = rules_in(genesis, chain_id)
    state = initial_state(genesis, rules)
    assert decode(state[account_key(address_of(rules, "platform"))], Account).public_key == key


def test_a_chain_that_the_document_lacks_is_a_fault_of_ours() -> None:
    genesis = genesis_of("wuhan")
    with pytest.raises(AssertionError):
        initial_state(genesis, rules_in(genesis, "taian"))
