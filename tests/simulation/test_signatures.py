"""The ideal table: only the holder of a key can enter a statement, and every check is counted."""

import pytest

from simulation.foundation import found
from simulation.signatures import Signatures

FOUNDATION = found(4, "nanjing")
FIRST, SECOND = FOUNDATION.replicas[:2]


@pytest.mark.parametrize("ideal", [True, False])
def test_a_statement_is_valid_under_the_key_of_who_signed_it_and_no_other(ideal: bool) -> None:
    signatures = Signatures(ideal=ideal)
    verify = signatures.bind(FOUNDATION.rules).consensus_verify
    signature = signatures.holder(FIRST)(b"statement")
    assert len(signature) == 64
    assert verify(FIRST.public_key, b"statement", signature)
    assert not verify(SECOND.public_key, b"statement", signature)
    assert not verify(FIRST.public_key, b"another", signature)
    assert not verify(FIRST.public_key, b"statement", bytes(64))
    assert (signatures.checks, signatures.refused) == (4, 3)


def test_nobody_can_compute_an_entry_that_was_not_entered() -> None:
    one, other = Signatures(ideal=True), Signatures(ideal=True)
    signature = one.holder(FIRST)(b"statement")
    assert not other.bind(FOUNDATION.rules).consensus_verify(FIRST.public_key, b"statement", signature)


@pytest.mark.parametrize("chain_id", ["nanjing", "wenchang", "qingdao", "yanan"])
@pytest.mark.parametrize("ideal", [True, False])
def test_accounts_of_every_scheme_sign_and_are_checked(chain_id: str, ideal: bool) -> None:
    foundation, signatures = found(4, chain_id), Signatures(ideal=ideal)
    pair = foundation.accounts["platform"]
    rules = signatures.bind(foundation.rules)
    message = rules.digest(b"body")
    assert rules.scheme.verify(pair.public_key, message, signatures.holder(pair)(message))
    assert not rules.scheme.verify(pair.public_key, rules.digest(b"other"), signatures.holder(pair)(message))
    assert signatures.checks == 2
