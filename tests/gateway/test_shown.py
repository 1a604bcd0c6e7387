"""What contracts tell is shown as people of the chain write it, on every chain."""

import pytest

from chain.profiles import load_profiles
from chain.transaction import Event
from contracts.registry import METHODS
from gateway.shown import DIDS_OF_EVENT, OF_DID, address_text, show_event, show_refusal
from tests.chain.small_genesis import address_of, did_of
from tests.chain.small_network import rules_of

RULES = {chain_id: rules_of(chain_id) for chain_id in load_profiles()}
TOKENS = {"integer": "7", "uuid": "00000000-0000-0000-0000-000000000007"}
DID, DID_TEXT = did_of("alice"), f"did:bsn:{did_of('alice').hex()}"


@pytest.mark.parametrize("chain_id", sorted(RULES))
def test_addresses_and_tokens_are_in_the_chains_own_form(chain_id: str) -> None:
    rules = RULES[chain_id]
    alice = address_of(rules, "alice")
    shown = show_refusal(rules, "certificate-unknown", ("degree", bytes(15) + b"\x07", alice, 3, True))
    assert shown == ["degree", TOKENS[rules.profile.token_id_style], rules.addresses.format(alice), 3, True]


@pytest.mark.parametrize("chain_id", sorted(RULES))
def test_a_did_is_shown_as_one_though_its_bytes_could_be_an_address(chain_id: str) -> None:
    rules = RULES[chain_id]
    alice = address_of(rules, "alice")
    assert show_refusal(rules, "did-unknown", (DID,)) == [DID_TEXT]
    told = show_event(rules, Event(contract="authority", name="AddAccount", values=(alice, alice, 2, DID)))
    assert told == [rules.addresses.format(alice)] * 2 + [2, DID_TEXT]


def test_lists_are_shown_item_by_item() -> None:
    rules = RULES["wuhan"]
    alice = address_of(rules, "alice")
    event = Event(contract="authority", name="AddBatchAccount", values=(alice, (alice, alice), (DID, DID)))
    own = rules.addresses.format(alice)
    assert show_event(rules, event) == [own, [own, own], [DID_TEXT, DID_TEXT]]


def test_bytes_that_the_chain_cannot_write_are_shown_in_hex() -> None:
    assert address_text(RULES["wuhan"].addresses, b"\x01") == "01"
    assert show_refusal(RULES["wuhan"], "file-unknown", (b"\xff" * 32, b"")) == ["ff" * 32, ""]


def test_whatever_is_said_to_be_about_a_did_is_something_that_contracts_say() -> None:
    codes = {code for method in METHODS.values() for check in method.checks for code in check.codes}
    events = {event for method in METHODS.values() for event in method.events}
    assert codes >= OF_DID
    assert events >= set(DIDS_OF_EVENT)
