"""A chain's rules are its profile's functions, and every digest and message they make is bound to the chain."""

from dataclasses import replace

import pytest

from chain.codec import encode
from chain.digests import digest_function
from chain.domains import Domain, prefix
from chain.merkle import leaf_hash, root
from chain.profiles import CHAIN_IDS, load_profiles
from chain.quorum import Statement
from chain.rules import ChainRules
from chain.transaction import Transaction
from tests.chain.small_network import FIRST, NETWORK, header_of, network_rules_of, rules_of

every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)
BODY = encode(
    Transaction(
        chain_id="wuhan",
        sender=b"a",
        nonce=bytes(16),
        valid_until=1,
        contract="system",
        method="touch",
        arguments=b"\x90",
    )
)
SEED = bytes(range(32))


def made_by(rules: ChainRules) -> tuple[object, ...]:
    """What tells one chain's rules from another's: whose they are, and a digest that they make."""
    return rules.network_id, rules.profile, rules.scheme.name, rules.addresses.name, rules.transaction_id(BODY)


@every_chain
def test_the_functions_are_those_that_the_profile_names(chain_id: str) -> None:
    rules, profile = rules_of(chain_id), load_profiles()[chain_id]
    assert rules.chain_id == chain_id
    assert rules.digest(b"data") == digest_function(profile.digest_name)(b"data")
    assert rules.scheme.name == profile.signature_scheme
    assert rules.addresses.name == profile.address_codec


@every_chain
def test_a_chain_of_a_network_knows_the_rules_of_every_other(chain_id: str) -> None:
    rules = network_rules_of(chain_id, NETWORK, CHAIN_IDS)
    assert made_by(rules) == made_by(rules_of(chain_id))
    expected = {other: made_by(rules_of(other)) for other in CHAIN_IDS if other != chain_id}
    assert {other: made_by(theirs) for other, theirs in rules.others.items()} == expected
    assert not any(theirs.others for theirs in rules.others.values())


def test_the_others_are_of_the_same_network_and_only_those_that_are_named() -> None:
    rules = network_rules_of("wuhan", bytes(32), ("wuhan", "taian"))
    assert list(rules.others) == ["taian"]
    assert made_by(rules.others["taian"]) == made_by(rules_of("taian", bytes(32))) != made_by(rules_of("taian"))
    assert not network_rules_of("wuhan", NETWORK, ("wuhan",)).others
    assert not rules_of("wuhan").others


def test_the_others_are_not_written_out_with_a_chain_s_rules_and_stay_when_a_function_is_replaced() -> None:
    rules = network_rules_of("wuhan", NETWORK, CHAIN_IDS)
    assert repr(rules) == repr(rules_of("wuhan"))
    assert replace(rules, consensus_verify=lambda *_: True).others is rules.others


@every_chain
def test_a_transaction_s_id_is_of_purpose_network_chain_and_body(chain_id: str) -> None:
    rules = rules_of(chain_id)
    assert rules.transaction_id(BODY) == rules.digest(prefix(Domain.TRANSACTION, NETWORK, chain_id) + BODY)


@every_chain
def test_a_block_s_digest_is_of_purpose_network_chain_and_header(chain_id: str) -> None:
    rules = rules_of(chain_id)
    header = header_of(rules, 3, FIRST.membership)
    assert rules.block_digest(header) == rules.digest(prefix(Domain.BLOCK, NETWORK, chain_id) + encode(header))


@every_chain
def test_a_transaction_root_is_over_the_bytes_as_they_were_sent(chain_id: str) -> None:
    rules = rules_of(chain_id)
    leaves = [leaf_hash(rules.digest, raw) for raw in (b"one", b"two", b"three")]
    assert rules.transaction_root([b"one", b"two", b"three"]) == root(rules.digest, leaves)
    assert rules.transaction_root([b"two", b"one", b"three"]) != root(rules.digest, leaves)
    assert rules.transaction_root([]) == rules.digest(b"")


@every_chain
def test_a_registration_is_of_purpose_network_chain_name_and_key(chain_id: str) -> None:
    rules = rules_of(chain_id)
    expected = rules.digest(prefix(Domain.REGISTER, NETWORK, chain_id) + encode((b"name", b"key")))
    assert rules.registration_bytes(b"name", b"key") == expected
    assert rules.registration_bytes(b"nam", b"ekey") != expected


@pytest.mark.parametrize("domain", [Domain.PRE_PREPARE, Domain.PREPARE, Domain.COMMIT])
def test_a_vote_is_of_purpose_network_chain_and_statement(domain: Domain) -> None:
    rules = rules_of("wuhan")
    expected = prefix(domain, NETWORK, "wuhan") + encode(Statement(view=1, height=2, block=bytes(32)))
    assert rules.vote_bytes(domain, view=1, height=2, block=bytes(32)) == expected


def test_nothing_made_for_one_chain_or_network_is_of_another() -> None:
    everywhere = [rules_of(chain_id, network) for chain_id in CHAIN_IDS for network in (NETWORK, bytes(32))]
    header = header_of(everywhere[0], 1, FIRST.membership)
    for made in (
        [rules.transaction_id(BODY) for rules in everywhere],
        [rules.block_digest(header) for rules in everywhere],
        [rules.membership_digest(FIRST.membership) for rules in everywhere],
        [rules.registration_bytes(b"name", b"key") for rules in everywhere],
        [rules.vote_bytes(Domain.COMMIT, view=1, height=1, block=bytes(32)) for rules in everywhere],
    ):
        assert len(set(made)) == len(everywhere)


def test_one_digest_function_does_not_make_two_purposes_meet() -> None:
    rules = rules_of("wenchang")
    digests = {rules.digest(prefix(domain, NETWORK, "wenchang") + BODY) for domain in Domain}
    assert len(digests) == len(Domain)


@every_chain
def test_a_signature_over_one_chain_s_transaction_is_not_valid_on_a_neighbour(chain_id: str) -> None:
    rules = rules_of(chain_id)
    pair = rules.scheme.key_pair(SEED)
    signature = pair.sign(rules.transaction_id(BODY))
    assert rules.scheme.verify(pair.public_key, rules.transaction_id(BODY), signature)
    others = [ChainRules.of(bytes(32), rules.profile), *(rules_of(other) for other in CHAIN_IDS if other != chain_id)]
    for other in others:
        assert not rules.scheme.verify(pair.public_key, other.transaction_id(BODY), signature)
