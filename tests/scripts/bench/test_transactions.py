"""What the benchmark signs is what a node accepts."""

import time

import pytest

from chain.codec import decode
from chain.rules import ChainRules
from chain.signatures import SchemeName
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from chain.universal_id import parse_name, parse_token
from contracts.issuing import Mint, MintBatch
from scripts.bench.transactions import Signer, drawn_tokens, parts
from tests.chain.small_network import rules_of


def signer_of(chain: str) -> tuple[Signer, ChainRules]:
    rules = rules_of(chain)
    pair = rules.scheme.key_pair(bytes(range(32)))
    return Signer(rules=rules, pair=pair, sender=b"\x01" * 20, holder=b"\x02" * 20, class_id="diploma"), rules


@pytest.mark.parametrize("chain", ["nanjing", "wuhan", "qingdao", "yanan"])
def test_a_mint_is_signed_by_the_scheme_of_its_chain_and_valid_within_the_window(chain: str) -> None:
    signer, rules = signer_of(chain)
    (token,) = drawn_tokens(1)
    signed = decode(signer.mint(token), SignedTransaction)
    body = decode(signed.body, Transaction)
    assert rules.scheme.verify(signer.pair.public_key, rules.transaction_id(signed.body), signed.signature)
    assert (body.chain_id, body.contract, body.method) == (chain, "ddc721", "mint")
    now = time.time_ns() // 1_000_000
    assert now < body.valid_until < now + TRANSACTION_WINDOW_MS
    assert decode(body.arguments, Mint).item.token == token


def test_a_batch_holds_its_tokens_in_order_and_no_two_are_alike() -> None:
    signer, _ = signer_of("nanjing")
    tokens = drawn_tokens(100)
    body = decode(decode(signer.batch(tokens), SignedTransaction).body, Transaction)
    batch = decode(body.arguments, MintBatch)
    assert [item.token for item in batch.items] == tokens
    assert len({item.content_root for item in batch.items}) == len({*tokens}) == 100


@pytest.mark.parametrize("chain", ["nanjing", "wuhan"])
def test_the_path_of_a_token_names_it(chain: str) -> None:
    signer, rules = signer_of(chain)
    (token,) = drawn_tokens(1)
    name = parse_name(signer.path(token))
    assert (name.chain_id, name.class_id) == (chain, "diploma")
    assert parse_token(rules.profile.token_id_style, name.token) == token


def test_the_limit_chain_signs_by_ed25519() -> None:
    assert signer_of("nanjing")[1].profile.signature_scheme == SchemeName.ED25519


def test_portions_are_whole_and_in_order() -> None:
    assert parts([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert parts(list[int](), 2) == []
