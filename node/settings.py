"""What a node must be told: its folder, its name, where it listens and where its peers do.

A node's folder holds `node.json` (this record), `consensus.key` (32 bytes in hex), `tls.key`, `tls.crt`,
`ca.crt`, and `data/`. Environment variables override what differs between machines. `peers` is read again on SIGHUP.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chain.errors import ChainError
from chain.evidence import EVIDENCE_HEIGHTS
from chain.genesis import Genesis, parse_genesis
from chain.membership import Membership, ReplicaName
from chain.signatures import KeyPair, SchemeName, scheme
from node.ledger import HISTORY_BLOCKS

SEED_BYTES: Final = 32
TLS_FILES: Final = ("tls.key", "tls.crt", "ca.crt")
Port = Annotated[int, Meta(ge=1, le=65_535)]
History = Annotated[int, Meta(ge=EVIDENCE_HEIGHTS, le=2**53 - 1)]
"""Not shorter than the time in which a replica can be convicted of what it signed."""


class SettingsInvalid(Exception):
    """Settings with which a node cannot start."""


class NodeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`node.json`: name of the node, address to listen on, addresses of other nodes by name.

    `joins` says that this node, or its key, is in no membership yet: it follows until one names it.
    """

    version: Annotated[int, Meta(ge=1, le=1)]
    name: ReplicaName
    host: str
    port: Port
    peers: dict[ReplicaName, tuple[str, Port]]
    genesis: str
    joins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything read and checked."""

    folder: Path
    data: Path
    genesis: Genesis
    name: str
    joins: bool
    host: str
    port: int
    peers: dict[str, tuple[str, int]]
    consensus_key: KeyPair
    history: int = HISTORY_BLOCKS
    """How many blocks of each chain are kept whole at least."""


def load_settings(folder: Path) -> Settings:
    """The settings in `folder`; `SettingsInvalid` says in one sentence what is missing or wrong."""
    try:
        file = read_node_file(folder)
        genesis = parse_genesis((folder / file.genesis).read_bytes())
        seed = bytes.fromhex((folder / "consensus.key").read_text().strip())
        for name in TLS_FILES:
            (folder / name).open("rb").close()
        port = msgspec.convert(int(os.environ.get("CERTNET_PORT", file.port)), Port)
        history = msgspec.convert(int(os.environ.get("CERTNET_HISTORY", HISTORY_BLOCKS)), History)
    except (OSError, ValueError, msgspec.MsgspecError, ChainError) as problem:
        raise SettingsInvalid(
            f"cannot read the node's folder {folder}: {problem}; make the network again, or put back what is missing"
        ) from None
    _check_peers(folder, file, genesis)
    return Settings(
        folder=folder,
        data=Path(os.environ.get("CERTNET_DATA", folder / "data")),
        genesis=genesis,
        name=file.name,
        joins=file.joins,
        host=os.environ.get("CERTNET_HOST", file.host),
        port=port,
        peers=file.peers,
        consensus_key=_consensus_key(folder, seed),
        history=history,
    )


def read_node_file(folder: Path) -> NodeFile:
    """`node.json`; `OSError` or `MsgspecError` if it cannot be read."""
    return msgspec.json.decode((folder / "node.json").read_bytes(), type=NodeFile)


def check_place(settings: Settings, sets: Iterable[Membership]) -> None:
    """Refuse a key that neither the genesis document nor any of the `sets` found on the chains names, unless it joins.

    A name is one node's: neither may another key's name be taken, nor the own key stand under another name.
    """
    own, where = settings.consensus_key.public_key, settings.folder
    members = [replica for membership in sets for replica in membership.replicas]
    named = {replica.name for replica in members if replica.consensus_key == own}
    if named and settings.name not in named:
        raise SettingsInvalid(
            f"{where / 'node.json'} gives the name {settings.name}, but the membership knows the key in "
            f"{where / 'consensus.key'} as {min(named)}; put back the right file"
        )
    if named or settings.joins:
        return
    raise SettingsInvalid(
        f"{where / 'consensus.key'} is the key of no replica, neither in the genesis document nor in a membership on "
        'a chain; put back the right file, or write "joins": true into node.json if a change of membership is to name it'
    )


def _check_peers(folder: Path, file: NodeFile, genesis: Genesis) -> None:
    names = [replica.name for replica in genesis.document.replicas]
    missing = set(names) - set(file.peers) - {file.name}
    if missing:
        raise SettingsInvalid(f"`peers` in {folder / 'node.json'} must give an address for each of {sorted(missing)}")
    addresses = Counter(tuple(address) for name, address in file.peers.items() if name != file.name)
    address, count = addresses.most_common(1)[0]
    if count > 1:
        raise SettingsInvalid(
            f"`peers` in {folder / 'node.json'} gives one address, {address[0]}:{address[1]}, to several nodes; "
            "give each its own"
        )


def _consensus_key(folder: Path, seed: bytes) -> KeyPair:
    if len(seed) != SEED_BYTES:
        raise SettingsInvalid(
            f"{folder / 'consensus.key'} is no key of {SEED_BYTES} bytes in hex; put back the right file"
        )
    return scheme(SchemeName.ED25519).key_pair(seed)
