"""What a node must be told: its folder, its place, where it listens and where its peers do.

A node's folder holds `node.json` (this record), `consensus.key` (32 bytes in hex), `tls.key`, `tls.crt`,
`ca.crt`, and `data/`. Environment variables override what differs between machines.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chain.errors import ChainError
from chain.genesis import Genesis, parse_genesis
from chain.signatures import KeyPair, SchemeName, scheme

SEED_BYTES: Final = 32
TLS_FILES: Final = ("tls.key", "tls.crt", "ca.crt")
Port = Annotated[int, Meta(ge=1, le=65_535)]


class SettingsInvalid(Exception):
    """Settings with which a node cannot start."""


class NodeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`node.json`: name of the replica, address to listen on, addresses of all replicas by name."""

    version: Annotated[int, Meta(ge=1, le=1)]
    name: str
    host: str
    port: Port
    peers: dict[str, tuple[str, Port]]
    genesis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything read and checked."""

    folder: Path
    data: Path
    genesis: Genesis
    replica_id: int
    host: str
    port: int
    peers: dict[int, tuple[str, int]]
    consensus_key: KeyPair


def load_settings(folder: Path) -> Settings:
    """The settings in `folder`; `SettingsInvalid` says in one sentence what is missing or wrong."""
    try:
        file = msgspec.json.decode((folder / "node.json").read_bytes(), type=NodeFile)
        genesis = parse_genesis((folder / file.genesis).read_bytes())
        seed = bytes.fromhex((folder / "consensus.key").read_text().strip())
        for name in TLS_FILES:
            (folder / name).open("rb").close()
        port = msgspec.convert(int(os.environ.get("CERTNET_PORT", file.port)), Port)
    except (OSError, ValueError, msgspec.MsgspecError, ChainError) as problem:
        raise SettingsInvalid(
            f"cannot read the node's folder {folder}: {problem}; make the network again, or put back what is missing"
        ) from None
    names = [replica.name for replica in genesis.document.replicas]
    if file.name not in names or set(file.peers) != set(names):
        raise SettingsInvalid(f"{folder / 'node.json'} must name this node and an address for each of {names}")
    own = names.index(file.name)
    return Settings(
        folder=folder,
        data=Path(os.environ.get("CERTNET_DATA", folder / "data")),
        genesis=genesis,
        replica_id=own,
        host=os.environ.get("CERTNET_HOST", file.host),
        port=port,
        peers={names.index(name): address for name, address in file.peers.items() if name != file.name},
        consensus_key=_consensus_key(folder, seed, genesis.membership.key(own)),
    )


def _consensus_key(folder: Path, seed: bytes, expected: bytes) -> KeyPair:
    key = scheme(SchemeName.ED25519).key_pair(seed) if len(seed) == SEED_BYTES else None
    if key is None or key.public_key != expected:
        raise SettingsInvalid(
            f"{folder / 'consensus.key'} is not the key of this replica in the genesis document; put back the right file"
        )
    return key
