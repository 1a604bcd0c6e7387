"""Certificates that are there before anything is measured."""

from typing import Final

from contracts.issuing import BATCH_CERTIFICATES_MAX
from scripts.bench.doors import Load
from scripts.bench.measure import settle
from scripts.bench.network import BenchNetwork
from scripts.bench.plan import Told
from scripts.bench.runs import send
from scripts.bench.transactions import Draw, Signer, drawn_tokens, parts
from scripts.errors import CommandFailed

AT_ONCE: Final = 100_000
"""Certificates of one load: signed, sent, and signed again, within the time for which a signature is good."""


def fill(bench: BenchNetwork, chain: str, count: int, told: Told, draw: Draw = drawn_tokens) -> list[bytes]:
    """Mint so many certificates, 100 in a transaction, by node RPC; their tokens."""
    signer, tokens = Signer.of(bench, chain), draw(count)
    for done, part in enumerate(parts(tokens, AT_ONCE)):
        told(f"filling: {done * AT_ONCE:,} of {count:,} certificates")
        raws = [signer.batch(batch) for batch in parts(part, BATCH_CERTIFICATES_MAX)]
        sent = send(bench, "node-rpc", Load(transactions={chain: raws}, together=20, window=160)).sent
        if sent.committed != len(raws):
            raise CommandFailed(f"{len(raws) - sent.committed} of {len(raws)} mints were refused: {dict(sent.refused)}")
    settle(bench.folder)
    return tokens
