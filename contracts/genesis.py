"""A chain's first state, derived from the genesis document alone (protocol 9.3)."""

from collections.abc import Iterator

from chain.block import HEADER_VERSION, BlockHeader
from chain.codec import encode
from chain.genesis import ChainSection, Genesis, GenesisAccount, GenesisMalformed
from chain.ids import ZERO_DIGEST
from chain.merkle import root
from chain.rules import ChainRules
from contracts.access import Account, Role
from contracts.keys import account_key, memberships_key, network_key
from contracts.membership import first_memberships


def initial_state(genesis: Genesis, rules: ChainRules) -> dict[bytes, bytes]:
    """The first replicas and accounts, and the other chains' sections of the same document.

    `AddressMalformed` or `GenesisMalformed` if an account is none of this chain.
    """
    section = genesis.section(rules.chain_id)
    assert section is not None
    records = dict(_accounts(section, rules))
    records[memberships_key()] = first_memberships(genesis.membership)
    for other in genesis.document.chains:
        if other.chain_id != rules.chain_id:
            records[network_key(other.chain_id)] = other.canonical()
    return records


def genesis_header(genesis: Genesis, rules: ChainRules, state_root: bytes) -> BlockHeader:
    """The header of height 0; nobody certifies it, everybody derives it."""
    membership = rules.membership_digest(genesis.membership)
    nothing = root(rules.digest, ())
    return BlockHeader(
        version=HEADER_VERSION,
        network_id=genesis.network_id,
        chain_id=rules.chain_id,
        height=0,
        parent=ZERO_DIGEST,
        transaction_root=nothing,
        receipt_root=nothing,
        state_root=state_root,
        time=genesis.document.created_at,
        view=0,
        proposer=0,
        membership=membership,
        next_membership=membership,
    )


def _accounts(section: ChainSection, rules: ChainRules) -> Iterator[tuple[bytes, bytes]]:
    for entry in section.accounts:
        address = rules.addresses.parse(entry.address)
        _check_key(entry, rules, address)
        account = Account(
            address=address,
            public_key=bytes.fromhex(entry.public_key),
            role=int(Role[entry.role.upper()]),
            did=bytes.fromhex(entry.did),
            leader=bytes.fromhex(entry.leader),
            platform_active=True,
            operator_active=True,
        )
        yield account_key(address), encode(account)


def _check_key(entry: GenesisAccount, rules: ChainRules, address: bytes) -> None:
    """The key has the one form of the chain's scheme, and a derived address follows from it."""
    public_key = bytes.fromhex(entry.public_key)
    if not rules.scheme.check_public_key(public_key):
        raise GenesisMalformed(
            f"the key of {entry.address} is no {rules.scheme.name} key; see docs/protocol.md, section 4"
        )
    if not rules.addresses.registered and rules.addresses.derive(public_key) != address:
        raise GenesisMalformed(f"the address {entry.address} does not follow from its key; derive it from the key")
