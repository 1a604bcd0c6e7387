"""Networks of other sizes than four."""

from typing import Final

from tests.chain.small_network import Signers

SIZES: Final = list(range(4, 14))


def crowd(size: int) -> Signers:
    """So many replicas."""
    return Signers(tuple(f"replica-{place}" for place in range(size)))
