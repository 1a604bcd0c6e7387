"""What docs/protocol.md claims in 25.1 and 25.3: one text per bundle, and every bit of it and of genesis is bound."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import rfc8785

from chain.genesis import GenesisMalformed, parse_genesis
from chain.profiles import load_profiles
from credentials.verifier import Verdict, verify_bundle
from tests.docs.example_network import BLOCK_TIME, example_bundle, world

BUNDLE = example_bundle().canonical()


def verified(bundle: bytes) -> Verdict:
    return verify_bundle(bundle, world().genesis, load_profiles(), now=BLOCK_TIME)


def with_one_bit_changed(document: bytes) -> Iterator[bytes]:
    changed = bytearray(document)
    for bit in range(8 * len(document)):
        changed[bit >> 3] ^= 1 << (bit & 7)
        yield bytes(changed)
        changed[bit >> 3] ^= 1 << (bit & 7)


def rewritten(**state: Any) -> bytes:
    """The bundle with other members of its state proof, in canonical form all the same."""
    members = json.loads(BUNDLE)
    members["state"] |= state
    return rfc8785.dumps(members)


def test_a_bundle_with_one_bit_changed_is_refused() -> None:
    assert verified(BUNDLE).valid
    assert not any(verified(changed).proven for changed in with_one_bit_changed(BUNDLE))


def test_a_bundle_proves_nothing_under_a_genesis_document_with_one_bit_changed() -> None:
    believed = 0
    for changed in with_one_bit_changed(world().genesis.document.canonical()):
        try:
            genesis = parse_genesis(changed)
        except GenesisMalformed:
            continue
        believed += verify_bundle(BUNDLE, genesis, load_profiles(), now=BLOCK_TIME).proven
    assert believed == 0


def test_a_hidden_leaf_in_capital_letters_is_another_text_and_refused() -> None:
    members = json.loads(BUNDLE)
    hidden = members["content"][1]
    hidden["leaf"] = hidden["leaf"].upper()
    assert verified(rfc8785.dumps(members)).reasons[0].startswith("bundle-malformed")


@pytest.mark.parametrize("branches", [[{"hashes": "", "places": 1 << 16}], [{"hashes": "", "places": 0}] * 65])
def test_a_proof_with_places_or_branches_that_no_tree_has_is_malformed(branches: list[dict[str, Any]]) -> None:
    assert verified(rewritten(branches=branches)).reasons[0].startswith("bundle-malformed")
