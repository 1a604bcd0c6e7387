"""Every key of the state, one function each (protocol 14).

A key is a prefix byte, parts of fixed length and at most one part of bounded length, which stands last; so no
two records share a key.
"""

from functools import lru_cache

CLASS_BYTES = 32
CONTRACT_BYTES = 16
CHAIN_BYTES = 32


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
    """`S` ‖ class (32): how many certificates of the class were ever issued, and the last one's token."""
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


def functions_key(role: int, contract: str) -> bytes:
    """`P` ‖ role (1) ‖ contract: the methods of the contract that the role may call."""
    return b"P" + bytes([role]) + contract.encode("ascii")


def standing_key(contract: str) -> bytes:
    """`W` ‖ contract: whether the contract is paused, its name and symbol."""
    return b"W" + contract.encode("ascii")


def did_key(did: bytes) -> bytes:
    """`D` ‖ DID (20): its document."""
    return b"D" + did


def switches_key() -> bytes:
    """`I`: what an operator has switched on and off."""
    return b"I"


def purse_key(owner: bytes) -> bytes:
    """`K` ‖ owner: the purse of an account (its address) or of a contract."""
    return b"K" + owner


def contract_purse(contract: str) -> bytes:
    """The owner of a contract's purse: 0x00 ‖ contract, which is no address."""
    return b"\0" + contract.encode("ascii")


def fen_supply_key() -> bytes:
    """`L`: all fen that there are."""
    return b"L"


def tariff_key(contract: str) -> bytes:
    """`Q` ‖ contract: whether it is registered, and its fees."""
    return b"Q" + contract.encode("ascii")


def approval_key(issuer: bytes, to: bytes) -> bytes:
    """`O` ‖ DID (20) ‖ DID (20): whether the first platform may issue to the holders of the second."""
    return b"O" + issuer + to


def platform_key(did: bytes) -> bytes:
    """`J` ‖ DID (20): whether it is a registered platform's."""
    return b"J" + did


def edition_key(class_id: str, token: bytes) -> bytes:
    """`Y` ‖ class (32) ‖ token (16): an edition."""
    return b"Y" + _fixed_class(class_id) + token


def holding_key(class_id: str, token: bytes, holder: bytes) -> bytes:
    """`Z` ‖ class (32) ‖ token (16) ‖ address: what the account holds of an edition."""
    return b"Z" + _fixed_class(class_id) + token + holder


def rebind_key(class_id: str, token: bytes, holder: bytes) -> bytes:
    """`R` ‖ class (32) ‖ token (16) ‖ address: the open rebind of what the account holds."""
    return b"R" + _fixed_class(class_id) + token + holder


def meta_key(contract: str, address: bytes) -> bytes:
    """`X` ‖ contract (16) ‖ address: how many meta transactions of the account the contract has taken."""
    return b"X" + contract.encode("ascii").ljust(CONTRACT_BYTES, b"\0") + address


def auditing_key() -> bytes:
    """`U` ‖ `t`: how many votes save a piece of evidence, and how many auditors there are."""
    return b"Ut"


def auditor_key(address: bytes) -> bytes:
    """`U` ‖ `a` ‖ address: an auditor of evidence."""
    return b"Ua" + address


def save_request_key(digest: bytes) -> bytes:
    """`U` ‖ `r` ‖ digest (32): the request to save a piece of evidence."""
    return b"Ur" + digest


def vote_key(digest: bytes, address: bytes) -> bytes:
    """`U` ‖ `v` ‖ digest (32) ‖ address: an auditor's vote on a request."""
    return b"Uv" + digest + address


def file_key(digest: bytes) -> bytes:
    """`V` ‖ digest (32): a stored file."""
    return b"V" + digest


def slice_key(digest: bytes, number: int) -> bytes:
    """`V` ‖ digest (32) ‖ number (2): a slice of a stored file."""
    return b"V" + digest + number.to_bytes(2, "big")


def network_key(chain_id: str) -> bytes:
    """`N` ‖ chain id: another chain's section of the genesis document."""
    return b"N" + chain_id.encode("ascii")


@lru_cache(maxsize=64)
def _fixed_chain(chain_id: str) -> bytes:
    return chain_id.encode("ascii").ljust(CHAIN_BYTES, b"\0")


def client_key(chain_id: str) -> bytes:
    """`H` ‖ chain id: what this chain believes of another."""
    return b"H" + chain_id.encode("ascii")


def restart_key(chain_id: str, trust: int) -> bytes:
    """`h` ‖ chain id (32) ‖ number (4): why another chain was trusted anew."""
    return b"h" + _fixed_chain(chain_id) + trust.to_bytes(4, "big")


def lane_key(chain_id: str) -> bytes:
    """`l` ‖ chain id: how many packets went to another chain, and how many came from it."""
    return b"l" + chain_id.encode("ascii")


def packet_key(chain_id: str, sequence: int) -> bytes:
    """`p` ‖ chain id (32) ‖ sequence (8): an open packet to another chain."""
    return b"p" + _fixed_chain(chain_id) + sequence.to_bytes(8, "big")


def arrival_key(chain_id: str, sequence: int) -> bytes:
    """`i` ‖ chain id (32) ‖ sequence (8): what became of a packet from another chain."""
    return b"i" + _fixed_chain(chain_id) + sequence.to_bytes(8, "big")


def transfer_key(cross_id: bytes) -> bytes:
    """`c` ‖ cross id (32): a certificate's move to another chain."""
    return b"c" + cross_id


def transit_key(class_id: str, token: bytes) -> bytes:
    """`o` ‖ class (32) ‖ token (16): the cross id of the open move of a certificate."""
    return b"o" + _fixed_class(class_id) + token


def target_key(class_id: str, chain_id: str) -> bytes:
    """`t` ‖ class (32) ‖ chain id: whether certificates of the class may move there."""
    return b"t" + _fixed_class(class_id) + chain_id.encode("ascii")


def relays_key(address: bytes) -> bytes:
    """`f` ‖ address: in which block the account relayed last, and how often there."""
    return b"f" + address


def mirror_key(chain_id: str, class_id: str, token: bytes) -> bytes:
    """`m` ‖ chain id (32) ‖ class (32) ‖ token (16): another chain's certificate as this chain knows it."""
    return b"m" + _fixed_chain(chain_id) + _fixed_class(class_id) + token


def reliance_key(class_id: str, token: bytes) -> bytes:
    """`q` ‖ class (32) ‖ token (16): which certificates a certificate was issued on."""
    return b"q" + _fixed_class(class_id) + token
