"""A chain's first state, derived from the genesis document alone (protocol 9.3)."""

from collections.abc import Iterator
from typing import Final

from chain.block import HEADER_VERSION, BlockHeader
from chain.codec import encode
from chain.genesis import ChainSection, Genesis, GenesisAccount, GenesisMalformed
from chain.ids import ZERO_DIGEST
from chain.merkle import root
from chain.rules import ChainRules
from contracts.access import NO_DID, Account, Functions
from contracts.charge import FEN_MAX
from contracts.clients import first_client
from contracts.did import first_document
from contracts.interface import Role
from contracts.keys import (
    account_key,
    client_key,
    did_key,
    fen_supply_key,
    functions_key,
    memberships_key,
    network_key,
    platform_key,
    purse_key,
    tariff_key,
)
from contracts.membership import first_memberships
from contracts.purses import Purse, Tariff
from contracts.registry import METHODS

YES: Final = b"\x01"


def initial_state(genesis: Genesis, rules: ChainRules) -> dict[bytes, bytes]:
    """The first replicas, accounts and purses, the access list, the fees, and the other chains' sections of the document.

    `AddressMalformed` or `GenesisMalformed` if an account is none of this chain.
    """
    section = genesis.section(rules.chain_id)
    assert section is not None
    records = {
        **dict(_accounts(genesis, section, rules)),
        **_dids(genesis),
        **_purses(section, rules),
        **_access_list(),
        **_tariffs(rules),
    }
    records[memberships_key()] = first_memberships(genesis.membership_of(rules.chain_id))
    for other in genesis.document.chains:
        if other.chain_id != rules.chain_id:
            records[network_key(other.chain_id)] = other.canonical()
            trusted = genesis.membership_of(other.chain_id)
            records[client_key(other.chain_id)] = first_client(other.chain_id, genesis.document.created_at, trusted)
    return records


def genesis_header(genesis: Genesis, rules: ChainRules, state_root: bytes) -> BlockHeader:
    """The header of height 0; nobody certifies it, everybody derives it."""
    membership = rules.membership_digest(genesis.membership_of(rules.chain_id))
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


def _accounts(genesis: Genesis, section: ChainSection, rules: ChainRules) -> Iterator[tuple[bytes, bytes]]:
    dids = {did.base.did for did in genesis.document.dids}
    for entry in section.accounts:
        address = rules.addresses.parse(entry.address)
        _check_key(entry, rules, address)
        _check_did(entry, dids)
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
        if account.role == Role.PLATFORM:
            yield platform_key(account.did), YES


def _dids(genesis: Genesis) -> dict[bytes, bytes]:
    """The document of every DID that the network begins with, as every chain knows it."""
    bases = [did.base for did in genesis.document.dids]
    time = genesis.document.created_at
    return {did_key(base.did): encode(first_document(base, time)) for base in bases}


def _check_did(entry: GenesisAccount, dids: set[bytes]) -> None:
    did = bytes.fromhex(entry.did)
    if did not in dids and (did != NO_DID or entry.role != "consumer"):
        raise GenesisMalformed(f"the DID of {entry.address} is not among the document's; add its base document to dids")


def _purses(section: ChainSection, rules: ChainRules) -> dict[bytes, bytes]:
    """What the accounts have; the supply is the sum of it."""
    supply = sum(entry.fen for entry in section.accounts)
    if supply > FEN_MAX:
        raise GenesisMalformed(f"the accounts of {rules.chain_id} have {supply} fen; the most is {FEN_MAX}")
    purses = {
        purse_key(rules.addresses.parse(entry.address)): encode(Purse(fen=entry.fen, gas=entry.gas))
        for entry in section.accounts
        if entry.fen or entry.gas
    }
    return purses | {fen_supply_key(): supply.to_bytes(8, "big")}


def _access_list() -> dict[bytes, bytes]:
    """What each role may call of the contracts whose methods are listed."""
    methods: dict[tuple[Role, str], list[str]] = {}
    for (contract, name), method in METHODS.items():
        for check in method.checks:
            for role in check.roles or () if check.listed else ():
                methods.setdefault((role, contract), []).append(name)
    return {
        functions_key(role, contract): encode(Functions(methods=tuple(sorted(names))))
        for (role, contract), names in methods.items()
    }


def _tariffs(rules: ChainRules) -> dict[bytes, bytes]:
    """Every contract that has prices is registered, with the profile's fees."""
    contracts = {contract for (contract, _), method in METHODS.items() if method.price is not None}
    fees = {contract: rules.profile.fees.get(contract, {}) for contract in contracts}
    return {
        tariff_key(contract): encode(
            Tariff(registered=True, fees=tuple(sorted((name, fen) for name, fen in own.items() if fen)))
        )
        for contract, own in fees.items()
    }


def _check_key(entry: GenesisAccount, rules: ChainRules, address: bytes) -> None:
    """The key has the one form of the chain's scheme, and a derived address follows from it."""
    public_key = bytes.fromhex(entry.public_key)
    if not rules.scheme.check_public_key(public_key):
        raise GenesisMalformed(
            f"the key of {entry.address} is no {rules.scheme.name} key; see docs/protocol.md, section 4"
        )
    if not rules.addresses.registered and rules.addresses.derive(public_key) != address:
        raise GenesisMalformed(f"the address {entry.address} does not follow from its key; derive it from the key")
