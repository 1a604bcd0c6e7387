"""Networks of other sizes than four."""

from typing import Final

from tests.chain.small_network import Signers

SIZES: Final = [4, 5, 6, 7, 10, 13]


def crowd(size: int) -> Signers:
    """So many replicas."""
    return Signers(tuple(f"replica-{place}" for place in range(size)))
