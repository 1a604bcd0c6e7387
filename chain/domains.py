"""What a digest or signature is for: the prefix that binds it to a purpose, a network and a chain (protocol 2)."""

from enum import StrEnum
from functools import lru_cache
from typing import Final

NETWORK_ID_BYTES: Final = 32


class Domain(StrEnum):
    """Every purpose for which anything is hashed or signed. A new purpose is a new line here."""

    TRANSACTION = "bsn/transaction/1"
    BLOCK = "bsn/block/1"
    MEMBERSHIP = "bsn/membership/1"
    PRE_PREPARE = "bsn/pre-prepare/1"
    PREPARE = "bsn/prepare/1"
    COMMIT = "bsn/commit/1"
    VIEW_CHANGE = "bsn/view-change/1"
    NEW_VIEW = "bsn/new-view/1"
    REGISTER = "bsn/register/1"
    CHANGE_MEMBERSHIP = "bsn/change-membership/1"
    DID = "bsn/did/1"
    META = "bsn/meta/1"
    ISSUE = "bsn/issue/1"
    RESTART_CLIENT = "bsn/restart-client/1"
    CROSS_ID = "bsn/cross-id/1"


@lru_cache(maxsize=4096)
def prefix(domain: Domain, network_id: bytes, chain_id: str) -> bytes:
    """length(domain) ‖ domain ‖ network id (32 bytes) ‖ length(chain id) ‖ chain id.

    The first byte is at least 9, so no prefix can be mistaken for a node of one of our trees (0 to 6).
    """
    assert len(network_id) == NETWORK_ID_BYTES
    purpose, chain = domain.value.encode("ascii"), chain_id.encode("ascii")
    return bytes([len(purpose)]) + purpose + network_id + bytes([len(chain)]) + chain
