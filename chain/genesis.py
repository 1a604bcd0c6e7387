"""The genesis document: the one thing a stranger must be given over a trusted way (protocol 9).

Canonical JSON (RFC 8785), so that it can be read, compared and hashed; `network_id` is the SHA-256 of its bytes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import rfc8785
from msgspec import Meta

from chain.did import BaseDocument, check_key
from chain.ed25519 import check_public_key
from chain.errors import Malformed
from chain.ids import Natural
from chain.membership import REPLICAS_MAX, REPLICAS_MIN, Membership, Replica

GENESIS_BYTES_MAX = 1_000_000

Hex20 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{40}\Z")]
Hex33 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{66}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
HexKey = Annotated[str, Meta(pattern=r"\A([0-9a-f]{2}){32,65}\Z")]
RoleName = Literal["owner", "operator", "platform", "consumer", "relayer"]


class GenesisMalformed(Malformed):
    """A document that is no genesis document of this format."""


class GenesisReplica(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A replica as the document writes it: name, consensus key and TLS key digest in hex."""

    name: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
    consensus_key: Hex32
    tls_key_digest: Hex32


class GenesisAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account that exists before the first block; DIDs in hex, an operator's `leader` is its own DID."""

    address: Annotated[str, Meta(max_length=128)]
    public_key: HexKey
    role: RoleName
    did: Hex20
    leader: Hex20
    fen: Natural
    """What its purse has in the first state, in fen and in the chain's unit of gas."""
    gas: Natural


class GenesisDid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A DID that every chain knows before the first block: its base document, keys in hex."""

    home: Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]
    authentication: Hex33
    recovery: Hex33

    @property
    def base(self) -> BaseDocument:
        """The document of which the DID is the digest."""
        return BaseDocument(
            home=self.home,
            authentication=bytes.fromhex(self.authentication),
            recovery=bytes.fromhex(self.recovery),
        )


class ChainSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One chain: the digest of its whole profile, the offset of its first primary, its first accounts and replicas."""

    chain_id: Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]
    profile: Hex32
    primary_offset: Annotated[int, Meta(ge=0, lt=REPLICAS_MAX)]
    accounts: Annotated[tuple[GenesisAccount, ...], Meta(max_length=64)]
    replicas: Annotated[tuple[GenesisReplica, ...], Meta(max_length=REPLICAS_MAX)] = ()
    """The chain's own first membership; left out where it is the document's."""

    def canonical(self) -> bytes:
        """The section's canonical JSON: what the other chains keep of it in their first state."""
        return rfc8785.dumps(msgspec.to_builtins(self))


class GenesisDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The document's fields; times in milliseconds."""

    version: Literal[1]
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    seed: Hex32
    created_at: Natural
    replicas: Annotated[tuple[GenesisReplica, ...], Meta(min_length=REPLICAS_MIN, max_length=REPLICAS_MAX)]
    dids: Annotated[tuple[GenesisDid, ...], Meta(max_length=256)]
    chains: Annotated[tuple[ChainSection, ...], Meta(min_length=1, max_length=64)]

    def canonical(self) -> bytes:
        """The document's bytes."""
        return rfc8785.dumps(msgspec.to_builtins(self))


@dataclass(frozen=True, slots=True)
class Genesis:
    """A parsed document with the id of its network."""

    document: GenesisDocument
    network_id: bytes

    @property
    def membership(self) -> Membership:
        """The document's replicas: the first membership of every chain that has none of its own."""
        return _membership(self.document.replicas)

    def membership_of(self, chain_id: str) -> Membership:
        """The first membership of a chain of the document: its section's own replicas, or the document's."""
        section = self.section(chain_id)
        assert section is not None
        return _membership(section.replicas or self.document.replicas)

    def section(self, chain_id: str) -> ChainSection | None:
        """The section of `chain_id`, or None if the network has no such chain."""
        return next((chain for chain in self.document.chains if chain.chain_id == chain_id), None)


def parse_genesis(data: bytes) -> Genesis:
    """The genesis document whose canonical bytes are `data`; else `GenesisMalformed`."""
    if len(data) > GENESIS_BYTES_MAX:
        raise GenesisMalformed(f"a genesis document has at most {GENESIS_BYTES_MAX} bytes, got {len(data)}")
    try:
        document = msgspec.json.decode(data, type=GenesisDocument)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise GenesisMalformed(f"not a genesis document: {problem}; fetch the file again") from None
    if document.canonical() != data:
        raise GenesisMalformed("not the canonical form of a genesis document; fetch the file again, unedited")
    _check_own_sets(document)
    _check_names_are_distinct(document)
    _check_consensus_keys(document)
    _check_did_keys(document)
    return Genesis(document=document, network_id=hashlib.sha256(data).digest())


def fingerprint(network_id: bytes) -> str:
    """The network id in groups of four, for people to compare."""
    text = network_id.hex()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def _membership(replicas: Iterable[GenesisReplica]) -> Membership:
    return Membership(
        replicas=tuple(
            Replica(
                name=replica.name,
                consensus_key=bytes.fromhex(replica.consensus_key),
                tls_key_digest=bytes.fromhex(replica.tls_key_digest),
            )
            for replica in replicas
        )
    )


def _sets(document: GenesisDocument) -> Iterator[tuple[str, tuple[GenesisReplica, ...]]]:
    """Every set of replicas that the document has, and where it stands."""
    yield "", document.replicas
    for chain in document.chains:
        yield f" on {chain.chain_id}", chain.replicas


def _check_own_sets(document: GenesisDocument) -> None:
    for chain in document.chains:
        if 0 < len(chain.replicas) < REPLICAS_MIN:
            raise GenesisMalformed(
                f"a chain's own replicas are {REPLICAS_MIN} to {REPLICAS_MAX}, those of {chain.chain_id} are "
                f"{len(chain.replicas)}; name more, or none, and it has the document's"
            )


def _check_names_are_distinct(document: GenesisDocument) -> None:
    for what, values in (
        ("chain", [chain.chain_id for chain in document.chains]),
        ("DID", [did.base.did.hex() for did in document.dids]),
        *((f"replica name{where}", [replica.name for replica in own]) for where, own in _sets(document)),
        *((f"consensus key{where}", [replica.consensus_key for replica in own]) for where, own in _sets(document)),
        *((f"TLS key{where}", [replica.tls_key_digest for replica in own]) for where, own in _sets(document)),
        *((f"address on {c.chain_id}", [account.address for account in c.accounts]) for c in document.chains),
    ):
        if len(set(values)) != len(values):
            raise GenesisMalformed(f"a genesis document names each {what} once")


def _check_did_keys(document: GenesisDocument) -> None:
    for did in document.dids:
        for key in (did.base.authentication, did.base.recovery):
            if not check_key(key):
                raise GenesisMalformed(f"{key.hex()} is no key of a DID; see docs/protocol.md, section 28.1")


def _check_consensus_keys(document: GenesisDocument) -> None:
    for where, replicas in _sets(document):
        for replica in replicas:
            if not check_public_key(bytes.fromhex(replica.consensus_key)):
                raise GenesisMalformed(
                    f"the consensus key of {replica.name}{where} is no Ed25519 key; see docs/protocol.md, section 4.1"
                )
