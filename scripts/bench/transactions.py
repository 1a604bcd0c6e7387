"""Transactions that are signed before the clock starts: the platform's mints for alice, each token drawn afresh."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from chain.codec import encode
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair
from chain.transaction import SignedTransaction, Transaction
from chain.universal_id import CertificateName, format_token
from contracts.issuing import BATCH_CERTIFICATES_MAX, Mint, MintBatch, MintItem
from gateway.tokens import TokenRuns
from scripts.bench.network import BenchNetwork

T = TypeVar("T")
Draw = Callable[[int], list[bytes]]
"""Draws so many new token ids."""
VALID_MS: Final = 280_000
"""A little less than the window, for the nodes' clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who mints on one chain, whom for, and in which class."""

    rules: ChainRules
    pair: KeyPair
    sender: bytes
    holder: bytes
    class_id: str

    @classmethod
    def of(cls, bench: BenchNetwork, chain: str) -> "Signer":
        """The platform, alice and the demo class of a chain."""
        rules = ChainRules.of(bytes.fromhex(bench.network["network_id"]), load_profiles()[chain])
        people = bench.keys[chain]
        sender, holder = (rules.addresses.parse(people[name]["address"]) for name in ("platform", "alice"))
        return cls(
            rules=rules,
            pair=rules.scheme.key_pair(bytes.fromhex(people["platform"]["seed"])),
            sender=sender,
            holder=holder,
            class_id=bench.entry(chain)["class"],
        )

    def mint(self, token: bytes) -> bytes:
        """One certificate in a transaction."""
        return self._signed("mint", encode(Mint(class_id=self.class_id, item=self._item(token))))

    def batch(self, tokens: list[bytes]) -> bytes:
        """Up to 100 certificates in a transaction."""
        items = tuple(self._item(token) for token in tokens)
        return self._signed("mintBatch", encode(MintBatch(class_id=self.class_id, items=items)))

    def path(self, token: bytes) -> str:
        """The certificate's id in URL paths."""
        text = format_token(self.rules.profile.token_id_style, token)
        return CertificateName(self.rules.chain_id, self.class_id, text).path

    def _item(self, token: bytes) -> MintItem:
        return MintItem(
            token=token,
            holder=self.holder,
            content_root=secrets.token_bytes(32),
            uri="",
            valid_from=None,
            valid_until=None,
        )

    def _signed(self, method: str, arguments: bytes) -> bytes:
        body = encode(
            Transaction(
                chain_id=self.rules.chain_id,
                sender=self.sender,
                nonce=secrets.token_bytes(16),
                valid_until=time.time_ns() // 1_000_000 + VALID_MS,
                contract="ddc721",
                method=method,
                arguments=arguments,
            )
        )
        return encode(SignedTransaction(body=body, signature=self.pair.sign(self.rules.transaction_id(body))))


def drawn_tokens(count: int) -> list[bytes]:
    """New token ids, in runs as the gateway draws them."""
    runs = TokenRuns("integer")
    return [runs.draw() for _ in range(count)]


def signed_mints(bench: BenchNetwork, chain: str, count: int, draw: Draw = drawn_tokens) -> list[bytes]:
    """Transactions of one certificate each."""
    signer = Signer.of(bench, chain)
    return [signer.mint(token) for token in draw(count)]


def signed_batches(bench: BenchNetwork, chain: str, certificates: int, draw: Draw = drawn_tokens) -> list[bytes]:
    """Transactions of 100 certificates each, the last one of what is left."""
    signer, tokens = Signer.of(bench, chain), draw(certificates)
    return [signer.batch(part) for part in parts(tokens, BATCH_CERTIFICATES_MAX)]


def parts(values: list[T], size: int) -> list[list[T]]:
    """The values in portions."""
    return [values[i : i + size] for i in range(0, len(values), size)]
