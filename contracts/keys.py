"""Every key of the state, one function each (protocol 14).

A key is a prefix byte, parts of fixed length and at most one part of bounded length, which stands last; so no
two records share a key.
"""

from functools import lru_cache

CLASS_BYTES = 32


@lru_cache(maxsize=1024)
def _fixed_class(class_id: str) -> bytes:
    return class_id.encode("ascii").ljust(CLASS_BYTES, b"\0")


def account_key(address: bytes) -> bytes:
    """`A` ‖ address: an account."""
    return b"A" + address


def class_key(class_id: str) -> bytes:
    """`C` ‖ class (32): a class."""
    return b"C" + _fixed_class(class_id)


def grant_key(class_id: str, address: bytes) -> bytes:
    """`G` ‖ class (32) ‖ address: whether the account may issue certificates of the class."""
    return b"G" + _fixed_class(class_id) + address


def certificate_key(class_id: str, token: bytes) -> bytes:
    """`T` ‖ class (32) ‖ token (16): a certificate."""
    return b"T" + _fixed_class(class_id) + token


def balance_key(class_id: str, address: bytes) -> bytes:
    """`B` ‖ class (32) ‖ address: how many live certificates of the class the account holds."""
    return b"B" + _fixed_class(class_id) + address


def supply_key(class_id: str) -> bytes:
    """`S` ‖ class (32): how many certificates of the class were ever issued."""
    return b"S" + _fixed_class(class_id)


def memberships_key() -> bytes:
    """`M`: the replicas, and from which height on."""
    return b"M"


def evidence_key(signer: bytes, height: int, kind: int) -> bytes:
    """`E` ‖ consensus key (32) ‖ height (8) ‖ kind (1): what a replica was convicted of."""
    return b"E" + signer + height.to_bytes(8, "big") + bytes([kind])


def convictions_key(signer: bytes) -> bytes:
    """`F` ‖ consensus key (32): how often a replica was convicted."""
    return b"F" + signer


def network_key(chain_id: str) -> bytes:
    """`N` ‖ chain id: another chain's section of the genesis document."""
    return b"N" + chain_id.encode("ascii")
