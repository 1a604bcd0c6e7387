"""A touch gives a resting chain a fresh block, and only a resting one (protocol 19)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.addresses import address_codec
from chain.codec import decode, encode
from chain.errors import AddressMalformed
from chain.profiles import load_profiles
from chain.transaction import (
    NO_SIGNATURE,
    NOBODY,
    TRANSACTION_WINDOW_MS,
    Event,
    SignedTransaction,
    Transaction,
)
from contracts import registry
from contracts.evidence import ReportEvidence
from contracts.interface import ContractReverted
from contracts.system import Touch, change_transaction, evidence_transaction
from tests.chain.record_strategies import any_of
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.contracts.misconduct import two_commits
from tests.contracts.small_chain import SmallChain

INTERVAL_MS = load_profiles()["wuhan"].touch_interval_s * 1_000


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


@pytest.mark.parametrize("sender", ["operator", "alice", "bob"])
@pytest.mark.parametrize("rest_ms", [INTERVAL_MS, INTERVAL_MS + 1, 10**12])
def test_anyone_touches_a_chain_that_has_rested(chain: SmallChain, sender: str, rest_ms: int) -> None:
    chain.time = chain.parent_time + rest_ms
    before, time = chain.content(), chain.time
    events = chain.call(sender, "system", "touch", Touch())
    assert events == (Event(contract="system", name="Touched", values=(time,)),)
    assert chain.content() == before


@pytest.mark.parametrize("rest_ms", [1, INTERVAL_MS - 1])
def test_a_chain_that_has_not_rested_is_not_touched(chain: SmallChain, rest_ms: int) -> None:
    chain.time = chain.parent_time + rest_ms
    with chain.refuses("touched-recently", rest_ms, INTERVAL_MS):
        chain.call("operator", "system", "touch", Touch())


def test_a_touch_has_no_arguments(chain: SmallChain) -> None:
    chain.time = chain.parent_time + INTERVAL_MS
    for arguments in (b"", b"\xc0", b"\x91\x00", b"\x80", b"\x90\x00"):
        with chain.refuses("arguments-malformed"):
            chain.call("operator", "system", "touch", arguments)


def test_a_self_proving_transaction_is_nobody_s_and_for_its_chain_alone(chain: SmallChain) -> None:
    change = agreed(chain.rules, FOUR, first(5), 3)
    evidence = two_commits(chain.rules)
    made = {
        "changeMembership": (change_transaction(chain.rules, change, now=1_000, nonce=b"n" * 16), change),
        "reportEvidence": (
            evidence_transaction(chain.rules, evidence, now=1_000, nonce=b"n" * 16),
            ReportEvidence(evidence=evidence),
        ),
    }
    for method, (raw, arguments) in made.items():
        signed = decode(raw, SignedTransaction)
        transaction = decode(signed.body, Transaction)
        assert signed.signature == NO_SIGNATURE == bytes(64)
        assert transaction == Transaction(
            chain_id=chain.rules.chain_id,
            sender=NOBODY,
            nonce=b"n" * 16,
            valid_until=1_000 + TRANSACTION_WINDOW_MS // 2,
            contract="system",
            method=method,
            arguments=encode(arguments),
        )
        assert transaction.self_proving
        assert (transaction.contract, transaction.method) in registry.METHODS


def test_nobody_is_no_address_of_any_chain() -> None:
    for profile in load_profiles().values():
        with pytest.raises(AddressMalformed):
            address_codec(profile.address_codec).format(NOBODY)


@pytest.mark.parametrize("method", ["changeMembership", "reportEvidence"])
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_brought_unsigned_is_refused_and_changes_nothing(method: str, data: st.DataObject) -> None:
    chain = SmallChain.founded()
    chain.height = data.draw(st.sampled_from([1, 500, 2**40]))
    record = registry.METHODS["system", method].arguments
    assert record is not None
    before = chain.content()
    with pytest.raises(ContractReverted) as refusal:
        chain.call(NOBODY, "system", method, data.draw(any_of(record)))
    assert refusal.value.code
    assert chain.content() == before
