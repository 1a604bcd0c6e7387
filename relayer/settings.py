"""What a relayer must be told. Its folder holds `relayer.json` (this record, with keys in it: mode 0600) and `genesis.json`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chain.errors import ChainError
from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair

FILE: Final = "relayer.json"
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class SettingsInvalid(Exception):
    """Settings with which a relayer cannot start."""


class RelayerAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Its account on a chain: role relayer, and nothing else."""

    address: str
    seed: Hex32


class RelayerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`relayer.json`: the gateway, the key to it, where numbers are served (0: nowhere), and the accounts by chain."""

    version: Annotated[int, Meta(ge=1, le=1)]
    url: str
    api_key: str
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)]
    accounts: dict[str, RelayerAccount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with its key, and the rules of its chain."""

    rules: ChainRules
    address: bytes
    key: KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything read and checked."""

    genesis: Genesis
    url: str
    api_key: str
    metrics_port: int
    accounts: dict[str, Account]


def load_settings(folder: Path) -> Settings:
    """The settings in `folder`; `SettingsInvalid` says in one sentence what is missing or wrong."""
    try:
        file = msgspec.json.decode((folder / FILE).read_bytes(), type=RelayerFile)
        genesis = parse_genesis((folder / "genesis.json").read_bytes())
        accounts = {chain: _account(genesis, chain, own) for chain, own in file.accounts.items()}
    except (OSError, ValueError, msgspec.DecodeError, ChainError) as problem:
        raise SettingsInvalid(f"cannot read the relayer's folder {folder}: {problem}") from None
    return Settings(
        genesis=genesis,
        url=os.environ.get("CERTNET_URL", file.url),
        api_key=file.api_key,
        metrics_port=int(os.environ.get("CERTNET_METRICS_PORT", file.metrics_port)),
        accounts=accounts,
    )


def _account(genesis: Genesis, chain_id: str, own: RelayerAccount) -> Account:
    profile = load_profiles().get(chain_id)
    if profile is None or genesis.section(chain_id) is None:
        raise ValueError(f"{chain_id} is no chain of this network")
    rules = ChainRules.of(genesis.network_id, profile)
    return Account(
        rules=rules, address=rules.addresses.parse(own.address), key=rules.scheme.key_pair(bytes.fromhex(own.seed))
    )
