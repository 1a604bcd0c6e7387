"""A change of membership on its way: proposed, signed by replicas one after the other, submitted (protocol 5.4, 19.2).

The file is JSON and travels between hosts: the sets before and after in full, and the signatures collected so far.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chain.codec import decode
from chain.genesis import GenesisReplica, Hex32
from chain.ids import Natural
from chain.membership import REPLICAS_MAX, REPLICAS_MIN, Membership, Replica
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair
from chain.transaction import SignedTransaction
from contracts.membership import ChangeMembership, change_bytes
from contracts.system import change_transaction
from scripts.errors import CommandFailed

Hex64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]
Replicas = Annotated[tuple[GenesisReplica, ...], Meta(min_length=REPLICAS_MIN, max_length=REPLICAS_MAX)]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One chain's change: from `old` to `new` at `effective_height`; signatures by name, in hex."""

    network_id: Hex32
    chain: str
    old: Replicas
    new: Replicas
    effective_height: Natural
    signatures: dict[str, Hex64] = {}
    possession: Hex64 | None = None
    """By the key of the replica that joins or is re-keyed."""

    @property
    def rules(self) -> ChainRules:
        """The chain's."""
        profile = load_profiles().get(self.chain)
        if profile is None:
            raise CommandFailed(f"the change is for {self.chain!r}, which is none of the ten chains")
        return ChainRules.of(bytes.fromhex(self.network_id), profile)

    @property
    def newcomer(self) -> GenesisReplica | None:
        """The replica that joins, or has another key; None if one leaves."""
        return next((replica for replica in self.new if replica not in self.old), None)

    def message(self) -> bytes:
        """What is signed."""
        return change_bytes(self.rules, membership_of(self.old), membership_of(self.new), self.effective_height)

    def signed(self, key: KeyPair) -> "Change | None":
        """With the signature of one more key; None if it is nobody's here."""
        public, message = key.public_key.hex(), self.message()
        signer = next((replica.name for replica in self.old if replica.consensus_key == public), None)
        if signer is not None:
            return replace(self, signatures=self.signatures | {signer: key.sign(message).hex()})
        if self.newcomer is not None and self.newcomer.consensus_key == public:
            return replace(self, possession=key.sign(message).hex())
        return None

    def transaction(self, *, now: int, nonce: bytes) -> dict[str, str]:
        """The transaction that asks for it, as the gateway takes it (`now` in ms, 16 bytes of nonce)."""
        names = [replica.name for replica in self.old]
        signers = sorted((names.index(name), signature) for name, signature in self.signatures.items())
        change = ChangeMembership(
            membership=membership_of(self.new),
            effective_height=self.effective_height,
            signers=tuple(place for place, _ in signers),
            signatures=tuple(bytes.fromhex(signature) for _, signature in signers),
            possession=None if self.possession is None else bytes.fromhex(self.possession),
        )
        signed = decode(change_transaction(self.rules, change, now=now, nonce=nonce), SignedTransaction)
        return {"body": signed.body.hex(), "signature": signed.signature.hex()}

    def lacks(self) -> str:
        """Why it cannot be submitted yet; empty if it can."""
        unsigned = [replica.name for replica in self.old if replica.name not in self.signatures]
        missing = membership_of(self.old).quorum - len(self.signatures)
        if missing > 0:
            return f"{self.chain}: {missing} more of {', '.join(unsigned)} must sign"
        if self.newcomer is not None and self.possession is None:
            return f"{self.chain}: {self.newcomer.name} must sign with its new key"
        return ""


class ChangeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Changes that belong together: one replica, on one chain or on all."""

    version: Literal[1]
    changes: tuple[Change, ...]


def membership_of(replicas: Iterable[GenesisReplica]) -> Membership:
    """The set that the entries describe."""
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


def describe(old: Sequence[GenesisReplica], new: Sequence[GenesisReplica]) -> str:
    """The difference between two sets in words."""
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    joined = [f"{name} joins" for name in after if name not in before]
    left = [f"{name} leaves" for name in before if name not in after]
    rekeyed = [f"{name} has another key" for name in after if name in before and after[name] != before[name]]
    return ", ".join((*joined, *left, *rekeyed)) or "nothing changes"


def sign_all(changes: Iterable[Change], keys: Sequence[KeyPair]) -> list[Change]:
    """The changes, each with the signatures of these keys; `CommandFailed` if they add nothing to one."""
    signed = []
    for change in changes:
        found = change
        for key in keys:
            found = found.signed(key) or found
        if found == change:
            raise CommandFailed(f"the key is none of those that sign for {change.chain}, or it has signed already")
        signed.append(found)
    return signed


def write_changes(path: Path, changes: Iterable[Change]) -> None:
    """Write the file, readable by people."""
    file = ChangeFile(version=1, changes=tuple(changes))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")


def read_changes(path: Path) -> tuple[Change, ...]:
    """The changes in a file; `CommandFailed` if it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ChangeFile).changes
    except (OSError, ValueError, msgspec.MsgspecError) as problem:
        raise CommandFailed(f"{path} is no file of `replicas add --propose`: {problem}") from None


def merge(paths: Sequence[Path]) -> tuple[Change, ...]:
    """The changes that all files hold, with the signatures of all."""
    first, *others = (read_changes(path) for path in paths)
    merged = {change.chain: change for change in first}
    for path, changes in zip(paths[1:], others, strict=True):
        if {unsigned(change) for change in changes} != {unsigned(change) for change in first}:
            raise CommandFailed(f"{path} holds other changes than {paths[0]}; sign copies of one proposal")
        for change in changes:
            known = merged[change.chain]
            merged[change.chain] = replace(
                known,
                signatures=known.signatures | change.signatures,
                possession=known.possession or change.possession,
            )
    return tuple(merged.values())


def unsigned(change: Change) -> bytes:
    """What is proposed, whoever has signed it."""
    return msgspec.json.encode(replace(change, signatures={}, possession=None))
