"""The first state follows from the genesis document alone, and a document that a chain cannot start from is refused (protocol 9.3)."""

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.codec import decode
from chain.errors import AddressMalformed, ChainError
from chain.genesis import Genesis, GenesisAccount, GenesisDocument, GenesisMalformed, parse_genesis
from chain.merkle import root
from chain.profiles import CHAIN_IDS, load_profiles
from chain.rules import ChainRules
from contracts.access import NO_DID, Account, Functions, find_account, functions_of, is_platform
from contracts.did import DidDocument, find_document
from contracts.genesis import YES, genesis_header, initial_state
from contracts.interface import Role
from contracts.keys import account_key, did_key, fen_supply_key, functions_key, network_key, platform_key, tariff_key
from contracts.membership import MembershipFrom, current_memberships
from contracts.purses import EMPTY, Purse, Tariff, fee_of, fen_supply, purse_of, tariff_of
from contracts.registry import METHODS
from tests.chain.small_genesis import (
    FEN,
    GAS,
    LEADERS,
    ROLES,
    account_key_pair,
    address_of,
    did_base,
    did_of,
    document_of,
    genesis_of,
    with_own_replicas,
)
from tests.chain.small_network import FIRST, START_MS, THIRD, rules_of
from tests.contracts.small_chain import SmallChain

every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)
PRICED = sorted({contract for (contract, _), method in METHODS.items() if method.price is not None})
"""The contracts that take fees."""


def rules_in(genesis: Genesis, chain_id: str) -> ChainRules:
    return rules_of(chain_id, genesis.network_id)


def with_account(chain_id: str, person: str = "platform", **changed: Any) -> Genesis:
    """A document in which a person's account differs."""
    document = document_of((chain_id,))
    accounts = list(document.chains[0].accounts)
    place = list(ROLES).index(person)
    accounts[place] = replace(accounts[place], **changed)
    return with_accounts(document, tuple(accounts))


def with_accounts(document: GenesisDocument, accounts: tuple[GenesisAccount, ...]) -> Genesis:
    """A document of one chain with other accounts."""
    return parse_genesis(replace(document, chains=(replace(document.chains[0], accounts=accounts),)).canonical())


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
    assert network_key(chain_id) not in state
    kinds = Counter(bytes(key[:1]) for key in state)
    assert kinds == {
        b"M": 1, b"N": 9, b"H": 9, b"A": len(ROLES), b"D": len(ROLES), b"J": 2, b"K": len(FEN), b"L": 1, b"Q": len(PRICED),
        b"P": len(LISTED),
    }  # fmt: skip


@every_chain
def test_the_platforms_dids_are_registered_and_nobody_else_s(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    assert {person for person in ROLES if is_platform(state, did_of(person))} == {"platform", "rival"}
    assert state[platform_key(did_of("platform"))] == YES == b"\1"


@every_chain
def test_every_chain_knows_every_did_of_the_document_as_it_begins(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    for person in ROLES:
        base = did_base(person)
        assert decode(state[did_key(did_of(person))], DidDocument) == DidDocument(
            did=did_of(person),
            home=base.home,
            authentication=base.authentication,
            recovery=base.recovery,
            sequence=0,
            services=(),
            updated_at=START_MS,
        )
    assert find_document(state, did_of("bob")) is None


@every_chain
def test_purses_are_as_the_document_says_and_the_supply_is_their_sum(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    rules = rules_in(genesis, chain_id)
    state = initial_state(genesis, rules)
    for person in ROLES:
        expected = Purse(fen=FEN[person], gas=GAS) if person in FEN else EMPTY
        assert purse_of(state, address_of(rules, person)) == expected
    assert fen_supply(state) == sum(FEN.values()) == int.from_bytes(state[fen_supply_key()], "big")
    assert len(state[fen_supply_key()]) == 8


@pytest.mark.parametrize(("fen", "gas"), [(0, 7), (7, 0), (2**53 - 1 - sum(FEN.values()), 2**53 - 1)])
def test_a_purse_may_have_only_one_of_both_and_gas_is_no_part_of_the_supply(fen: int, gas: int) -> None:
    genesis = with_account("wuhan", "alice", fen=fen, gas=gas)
    rules = rules_in(genesis, "wuhan")
    state = initial_state(genesis, rules)
    assert purse_of(state, address_of(rules, "alice")) == Purse(fen=fen, gas=gas)
    assert fen_supply(state) == sum(FEN.values()) + fen


def test_more_fen_than_json_carries_are_refused_in_all_and_not_only_alone() -> None:
    most = 2**53 - 1 - sum(FEN.values())
    words = f"the accounts of wuhan have {2**53} fen; the most is {2**53 - 1}"
    refused(with_account("wuhan", "alice", fen=most + 1), "wuhan", GenesisMalformed, words)


LISTED = {
    (role, contract)
    for (contract, _), method in METHODS.items()
    for check in method.checks
    for role in check.roles or ()
    if check.listed
}


@every_chain
def test_the_access_list_has_every_listed_method_with_exactly_its_roles(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    for (contract, name), method in METHODS.items():
        roles = {role for check in method.checks if check.listed for role in check.roles or ()}
        may = {role for role in Role if name in (functions_of(state, role, contract) or ())}
        assert may == roles, (contract, name)
    for role, contract in LISTED:
        methods = decode(state[functions_key(role, contract)], Functions).methods
        assert list(methods) == sorted(set(methods))


def test_what_the_first_state_lets_whom_do() -> None:
    state = SmallChain.founded().records
    may = {role: functions_of(state, role, contract) or frozenset() for role, contract in ((r, "ddc721") for r in Role)}
    assert {role for role in Role if "mint" in may[role]} == {Role.OPERATOR, Role.PLATFORM, Role.CONSUMER}
    assert {role for role in Role if "freeze" in may[role]} == {Role.OPERATOR}
    assert {role for role in Role if "lock" in may[role]} == {Role.CROSS_CHAIN}
    assert not may[Role.OWNER] | may[Role.RELAYER]
    assert all("pause" not in methods and "transferFrom" not in methods for methods in may.values())
    assert all(functions_of(state, role, "charge") is None for role in Role)


@every_chain
def test_every_contract_that_has_prices_is_registered_with_the_profile_s_fees(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    rules = rules_in(genesis, chain_id)
    state = initial_state(genesis, rules)
    assert PRICED == ["crosschain", "ddc1155", "ddc721", "evidence", "mirrors", "storage"]
    for contract in PRICED:
        expected = tuple(sorted(rules.profile.fees[contract].items()))
        assert decode(state[tariff_key(contract)], Tariff) == Tariff(registered=True, fees=expected)
    assert [tariff_of(state, contract) for contract in ("charge", "classes", "system")] == [None, None, None]


def test_a_fee_of_nothing_is_no_fee_and_a_contract_without_fees_is_registered() -> None:
    genesis = genesis_of("wuhan")
    rules = rules_in(genesis, "wuhan")
    cheap = replace(rules.profile, fees={"ddc721": {"mint": 0, "burn": 3}})
    state = initial_state(genesis, ChainRules.of(genesis.network_id, cheap))
    assert tariff_of(state, "ddc721") == Tariff(registered=True, fees=(("burn", 3),))
    assert fee_of(state, "ddc721", "mint") == 0
    assert tariff_of(state, "storage") == Tariff(registered=True, fees=())


@every_chain
def test_every_fee_of_a_profile_is_of_a_method_that_has_a_price(chain_id: str) -> None:
    for contract, fees in load_profiles()[chain_id].fees.items():
        for method in fees:
            assert METHODS[contract, method].price is not None, (contract, method)
        assert len(fees) <= 64


@every_chain
def test_every_chain_begins_with_the_replicas_of_the_document(chain_id: str) -> None:
    genesis = genesis_of(*CHAIN_IDS)
    state = initial_state(genesis, rules_in(genesis, chain_id))
    assert current_memberships(state) == (MembershipFrom(from_height=0, membership=genesis.membership),)


def test_a_chain_with_replicas_of_its_own_begins_with_those_and_no_other_chain_does() -> None:
    genesis = parse_genesis(with_own_replicas(document_of(("wuhan", "zhongyi")), "zhongyi", THIRD).canonical())
    for chain_id, first in (("wuhan", FIRST), ("zhongyi", THIRD)):
        rules = rules_in(genesis, chain_id)
        state, header = initial_state(genesis, rules), genesis_header(genesis, rules, bytes(32))
        assert current_memberships(state) == (MembershipFrom(from_height=0, membership=first.membership),)
        assert header.membership == header.next_membership == rules.membership_digest(first.membership)
    kept = initial_state(genesis, rules_in(genesis, "wuhan"))[network_key("zhongyi")]
    assert kept == genesis.document.chains[1].canonical()
    assert all(replica.consensus_key.encode() in kept for replica in genesis.document.chains[1].replicas)


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


@every_chain
@pytest.mark.parametrize("person", ["owner", "operator", "platform", "alice"])
def test_an_account_whose_did_the_document_lacks_is_refused(chain_id: str, person: str) -> None:
    genesis = with_account(chain_id, person, did=did_of("bob").hex())
    refused(
        genesis, chain_id, GenesisMalformed, "the DID of .* is not among the document's; add its base document to dids"
    )


@pytest.mark.parametrize("person", list(ROLES))
def test_only_a_consumer_may_have_no_did(person: str) -> None:
    genesis = with_account("wuhan", person, did=NO_DID.hex())
    if ROLES[person] == "consumer":
        state = initial_state(genesis, rules_in(genesis, "wuhan"))
        account = find_account(state, address_of(rules_in(genesis, "wuhan"), person))
        assert account is not None
        assert account.did == NO_DID
    else:
        refused(genesis, "wuhan", GenesisMalformed, "is not among the document's")


def test_a_relayer_may_stand_in_the_document() -> None:
    genesis = with_account("wuhan", "rival", role="relayer", gas=5)
    rules = rules_in(genesis, "wuhan")
    state = initial_state(genesis, rules)
    account = find_account(state, address_of(rules, "rival"))
    assert account is not None
    assert account.role == Role.RELAYER
    assert not is_platform(state, did_of("rival"))


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
