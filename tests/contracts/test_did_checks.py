"""The checks of every method of `did` stand in their order, and its sequences hold, whatever comes in which order (28)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.did import SERVICES_MAX, DidDocument, find_document, first_document
from contracts.interface import ContractReverted
from contracts.keys import did_key
from tests.chain.small_genesis import HOME, did_base, did_key_pair, did_of
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, sender_frozen
from tests.contracts.did_statements import rotate, rotated_pair, rotation_of, service_of
from tests.contracts.small_chain import SmallChain

VERIFY = "https://example.org/verify"


def document_of(chain: SmallChain) -> DidDocument:
    """Alice's."""
    found = find_document(chain.records, did_of("alice"))
    assert found is not None
    return found


SENDER: list[tuple[str, Spoil]] = [
    ("account-unknown", by("bob")), ("account-frozen", sender_frozen),
]  # fmt: skip
NOBODY_ELSE = frozenset({"role-not-allowed"})
"""Every role may."""


def changed(field: str, **values: Any) -> Spoil:
    """The rotation or change inside is another, its signature the same."""
    return arguments(**{field: lambda play: replace(getattr(play.arguments, field), **values)})


def test_the_checks_of_creation_stand_in_order() -> None:
    def exists(play: Play) -> None:
        play.chain.write(did_key(play.arguments.base.did), first_document(did_base("bob"), 0))

    def play() -> Play:
        chain = SmallChain.founded()
        return Play(chain, "alice", "did", "create", chain.new_did("bob"))

    assert_order(
        play,
        *SENDER,
        ("public-key-malformed", changed("base", recovery=bytes(33))),
        ("home-unknown", changed("base", home="nowhere")),
        ("did-not-signed", arguments(signature=bytes(64))),
        ("did-exists", exists),
        absent=NOBODY_ELSE,
    )


@pytest.mark.parametrize("chain_id", ["wuhan", "zhongyi"])
def test_the_checks_of_a_rotation_stand_in_order(chain_id: str) -> None:
    def play() -> Play:
        chain = SmallChain.founded(chain_id)
        return Play(chain, "alice", "did", "rotate", rotation_of(chain, "alice", 1))

    assert_order(
        play,
        *SENDER,
        ("did-unknown", changed("rotation", did=did_of("bob"))),
        ("did-sequence-wrong", changed("rotation", sequence=0)),
        ("public-key-malformed", changed("rotation", authentication=bytes(33))),
        ("did-not-signed", arguments(possession=bytes(64))),
        absent=NOBODY_ELSE,
    )


def full(play: Play) -> None:
    """The DID has eight other services."""
    services = tuple((f"service-{number}", VERIFY) for number in range(SERVICES_MAX))
    old = document_of(play.chain)
    play.chain.write(did_key(old.did), replace(old, services=services))


def from_home(play: Play) -> None:
    """The DID has its home on another chain."""
    old = document_of(play.chain)
    play.chain.write(did_key(old.did), replace(old, home="zhongyi"))


def set_already(play: Play) -> None:
    old, change = document_of(play.chain), play.arguments.change
    play.chain.write(did_key(old.did), replace(old, services=((change.service, change.endpoint),)))


def test_the_checks_of_a_service_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        return Play(chain, "alice", "did", "setService", service_of(chain, "alice", 1, "verify", VERIFY))

    assert_order(
        play,
        *SENDER,
        ("did-unknown", changed("change", did=did_of("bob"))),
        ("not-home-chain", from_home),
        ("did-sequence-wrong", changed("change", sequence=2)),
        ("did-not-signed", arguments(signature=bytes(64))),
        ("services-full", full),
        ("no-change", set_already),
        absent=NOBODY_ELSE,
    )


def refusal(chain: SmallChain, act: str, sequence: int) -> tuple[object, ...] | None:
    """What the chain answers to a statement of Alice's, which the keys that it knows have signed; None if it takes it."""
    pairs = [did_key_pair("alice"), *(rotated_pair("alice", number) for number in range(1, 9))]
    present = next(pair for pair in pairs if pair.public_key == document_of(chain).authentication)
    try:
        if act == "rotate":
            rotate(chain, "alice", sequence)
        else:
            record = service_of(chain, "alice", sequence, "verify", f"{VERIFY}/{sequence}", present)
            chain.call("alice", "did", "setService", record)
    except ContractReverted as refused:
        return refused.code, *refused.values
    return None


def expected(chain_id: str, act: str, known: int, sequence: int) -> tuple[object, ...] | None:
    at_home = chain_id == HOME
    if act == "set" and not at_home:
        return "not-home-chain", HOME
    follows = sequence == known + 1 if at_home else sequence > known
    return None if follows else ("did-sequence-wrong", known, sequence)


@given(
    st.lists(st.tuples(st.sampled_from(["wuhan", "zhongyi"]), st.sampled_from(["rotate", "set"]), st.integers(0, 8)))
)
def test_a_sequence_never_falls_and_grows_one_by_one_at_home(acts: list[tuple[str, str, int]]) -> None:
    """The DID, its home and its recovery key are for ever; the last rotation that was taken has the say."""
    chains = {chain_id: SmallChain.founded(chain_id) for chain_id in ("wuhan", "zhongyi")}
    known, keys = dict.fromkeys(chains, 0), dict.fromkeys(chains, did_base("alice").authentication)
    for chain_id, act, sequence in acts:
        answer = expected(chain_id, act, known[chain_id], sequence)
        assert refusal(chains[chain_id], act, sequence) == answer
        if answer is None:
            known[chain_id] = sequence
            keys[chain_id] = rotated_pair("alice", sequence).public_key if act == "rotate" else keys[chain_id]
    for chain_id, chain in chains.items():
        document, base = document_of(chain), did_base("alice")
        assert (document.sequence, document.authentication) == (known[chain_id], keys[chain_id])
        assert (document.did, document.home, document.recovery) == (base.did, base.home, base.recovery)
