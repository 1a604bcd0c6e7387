"""What a gateway must be told. Its folder holds `gateway.json` (this record), `tls.key`, `tls.crt`, `ca.crt`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from chain.errors import ChainError
from chain.genesis import Genesis, parse_genesis

Port = Annotated[int, Meta(ge=1, le=65_535)]


class SettingsInvalid(Exception):
    """Settings with which the gateway cannot start."""


class GatewayFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`gateway.json`: where to listen, where the nodes are, where the genesis document is, its own accounts."""

    version: Annotated[int, Meta(ge=1, le=1)]
    host: str
    port: Port
    nodes: dict[str, tuple[str, Port]]
    genesis: str
    accounts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything read and checked. Without a passphrase the gateway can sign nothing and says so."""

    folder: Path
    data: Path
    genesis: Genesis
    genesis_bytes: bytes
    host: str
    port: int
    names: tuple[str, ...]
    """Every node that there is an address for: those of the genesis document in its order, then those that joined."""
    nodes: dict[int, tuple[str, int]]
    """Their addresses, by place in `names`."""
    accounts: dict[str, str]
    """The gateway's own account on each chain."""
    passphrase: str | None


def load_settings(folder: Path) -> Settings:
    """The settings in `folder`; `SettingsInvalid` says in one sentence what is missing or wrong."""
    try:
        file = msgspec.json.decode((folder / "gateway.json").read_bytes(), type=GatewayFile)
        genesis_bytes = (folder / file.genesis).read_bytes()
        genesis = parse_genesis(genesis_bytes)
    except (OSError, ValueError, msgspec.DecodeError, ChainError) as problem:
        raise SettingsInvalid(f"cannot read the gateway's folder {folder}: {problem}") from None
    first = [replica.name for replica in genesis.document.replicas]
    if not set(file.nodes) >= set(first):
        raise SettingsInvalid(f"{folder / 'gateway.json'} must give an address for each of {first}")
    names = (*first, *sorted(set(file.nodes) - set(first)))
    chains = [section.chain_id for section in genesis.document.chains]
    if set(file.accounts) != set(chains):
        raise SettingsInvalid(f"{folder / 'gateway.json'} must give the gateway's account on each of {chains}")
    data = Path(os.environ.get("CERTNET_DATA", folder))
    return Settings(
        folder=folder,
        data=data,
        genesis=genesis,
        genesis_bytes=genesis_bytes,
        host=os.environ.get("CERTNET_HOST", file.host),
        port=_port(os.environ.get("CERTNET_PORT", str(file.port))),
        names=names,
        nodes={place: file.nodes[name] for place, name in enumerate(names)},
        accounts=file.accounts,
        passphrase=_passphrase(folder),
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise SettingsInvalid(f"CERTNET_PORT is {text[:20]!r}; give a port from 1 to 65535")
    return int(text)


def _passphrase(folder: Path) -> str | None:
    path = Path(os.environ.get("CERTNET_PASSPHRASE_FILE", folder.parent / "secrets" / "passphrase"))
    try:
        return path.read_text("utf-8").strip() or None
    except OSError:
        return None
