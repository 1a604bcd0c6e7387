"""A network on disk: keys, certificates, genesis document and one folder per process.

DIR/genesis.json          the genesis document
DIR/network.json          what scripts and labs need (mode 0600)
DIR/demo-keys.json        the demo accounts' keys (mode 0600)
DIR/demo-dids.json        the keys of their DIDs (mode 0600)
DIR/ca/                   the network's certificate authority
DIR/nodes/<name>/         one node each, whole: genesis.json, node.json, keys, data/
DIR/relayer/              the relayer: genesis.json, relayer.json with its accounts and API key (mode 0600)
DIR/gateway/              the gateway: genesis.json, gateway.json, keys, vault.db, index.db
DIR/secrets/passphrase    opens the gateway's vault; kept apart from it
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from chain.did import BaseDocument
from chain.genesis import (
    ChainSection,
    Genesis,
    GenesisAccount,
    GenesisDid,
    GenesisDocument,
    GenesisReplica,
    parse_genesis,
)
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import SchemeName, scheme
from scripts.pki import make_authority, make_member, write_secret

NODE_NAMES: Final = (
    "beijing", "shanghai", "guangzhou", "xian", "hangzhou", "tianjin", "dalian",
    "xiamen", "suzhou", "ningbo", "harbin", "kunming", "urumqi",
)  # fmt: skip
REPLICAS_DEMO_MAX: Final = len(NODE_NAMES)
PEOPLE: Final = ("owner", "operator", "platform", "alice", "bob", "gateway", "relayer")
ROLES: Final = {
    "owner": "owner",
    "operator": "operator",
    "platform": "platform",
    "alice": "consumer",
    "bob": "consumer",
    "gateway": "consumer",
    "relayer": "relayer",
}
LEADERS: Final = {
    "owner": "owner",
    "operator": "operator",
    "platform": "operator",
    "consumer": "platform",
    "relayer": "operator",
}
FEN: Final = {"operator": 10**12, "platform": 10**11, "alice": 10**5, "bob": 10**5}
"""What the demo's purses have in the first state: enough for millions of mints, and for consumers' own calls."""
FEN_PER_GAS_FEN: Final = 1_000
"""For so many fen of a purse it has gas worth one."""
NODE_ROLE: Final = "1.3.6.1.4.1.59999.1.1"
GATEWAY_ROLE: Final = "1.3.6.1.4.1.59999.1.2"
REGISTERED_NAMES: Final = {
    "eos-name": {
        "owner": "bsncontracts",
        "operator": "bsnoperator1",
        "platform": "certplatform",
        "alice": "alice1111111",
        "bob": "bob111111111",
        "gateway": "certgateway1",
        "relayer": "certrelayer1",
    },
    "x500-name": {
        "owner": "O=BSN Contracts, L=Beijing, C=CN",
        "operator": "O=BSN Operator, L=Beijing, C=CN",
        "platform": "O=Certificate Platform, L=Zunyi, C=CN",
        "alice": "O=Alice Demo, L=Guiyang, C=CN",
        "bob": "O=Bob Demo, L=Chongqing, C=CN",
        "gateway": "O=Certificate Gateway, L=Zunyi, C=CN",
        "relayer": "O=Certificate Relayer, L=Zunyi, C=CN",
    },
}


DemoKeys = dict[str, dict[str, dict[str, str]]]
"""Chain id -> person -> address, seed, public key, DID."""
DemoDids = dict[str, dict[str, str]]
"""DID -> its home chain and the seeds of its authentication and recovery keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DidKeys:
    """A DID of the demo: its home chain and the seeds of its two keys."""

    home: str
    authentication: bytes
    recovery: bytes

    @classmethod
    def drawn(cls, home: str) -> "DidKeys":
        """With new keys."""
        return cls(home=home, authentication=secrets.token_bytes(32), recovery=secrets.token_bytes(32))

    @property
    def base(self) -> BaseDocument:
        """The document of which the DID is the digest."""
        authentication, recovery = (
            scheme(SchemeName.SECP256K1).key_pair(seed).public_key for seed in (self.authentication, self.recovery)
        )
        return BaseDocument(home=self.home, authentication=authentication, recovery=recovery)

    def genesis_did(self) -> GenesisDid:
        """As the genesis document writes it."""
        base = self.base
        return GenesisDid(home=base.home, authentication=base.authentication.hex(), recovery=base.recovery.hex())

    def seeds(self) -> dict[str, str]:
        """As demo-dids.json writes it."""
        return {"home": self.home, "authentication": self.authentication.hex(), "recovery": self.recovery.hex()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everybody listens and how they reach each other; all on one host, or one host each."""

    listen: str
    gateway_port: int
    node_hosts: dict[str, tuple[str, int]]


def local_addresses(nodes: int, port: int) -> Addresses:
    """Loopback: the gateway at `port`, the nodes at the ports after it."""
    hosts = {name: ("127.0.0.1", port + 1 + i) for i, name in enumerate(NODE_NAMES[:nodes])}
    return Addresses(listen="127.0.0.1", gateway_port=port, node_hosts=hosts)


def container_addresses(nodes: int) -> Addresses:
    """Containers: every node at port 7000 of the host of its name."""
    hosts = {name: (f"node-{name}", 7000) for name in NODE_NAMES[:nodes]}
    return Addresses(listen="0.0.0.0", gateway_port=8080, node_hosts=hosts)  # noqa: S104 - inside a container


def make_network(folder: Path, addresses: Addresses, name: str = "certnet-demo") -> Genesis:
    """A new network in `folder`, its keys drawn afresh."""
    (folder / "ca").mkdir(parents=True, exist_ok=True)  # there already: a volume, or a start that was cut short
    make_authority(folder / "ca", name)
    replicas = tuple(make_node(folder, node, addresses.listen, addresses.node_hosts) for node in addresses.node_hosts)
    make_member(folder / "ca", folder / "gateway", "gateway", GATEWAY_ROLE)
    people = {person: DidKeys.drawn(home) for person, home in zip(PEOPLE, cycle(load_profiles()), strict=False)}
    dids = {person: own.base.did for person, own in people.items()}
    keys: DemoKeys = {}
    chains = []
    for number, (chain_id, profile) in enumerate(load_profiles().items()):
        accounts, keys[chain_id] = _make_accounts(chain_id, dids)
        chains.append(
            ChainSection(
                chain_id=chain_id,
                profile=profile.digest().hex(),
                primary_offset=number % len(replicas),
                accounts=accounts,
            )
        )
    document = GenesisDocument(
        version=1,
        name=name,
        seed=secrets.token_hex(32),
        created_at=time.time_ns() // 1_000_000,
        replicas=replicas,
        dids=tuple(own.genesis_did() for own in people.values()),
        chains=tuple(chains),
    )
    data = document.canonical()
    write_secret(folder / "demo-keys.json", json.dumps(keys, ensure_ascii=False, indent=1).encode())
    seeds: DemoDids = {own.base.did.hex(): own.seeds() for own in people.values()}
    write_secret(folder / "demo-dids.json", json.dumps(seeds, indent=1).encode())
    write_secret(folder / "secrets" / "passphrase", secrets.token_urlsafe(24).encode())
    _write_gateway(folder, addresses, keys)
    (folder / "relayer").mkdir(exist_ok=True)
    for home in (
        *(folder / "nodes" / node for node in addresses.node_hosts),
        folder / "gateway",
        folder / "relayer",
        folder,
    ):
        (home / "genesis.json").write_bytes(data)  # the network's own last: a folder that has it is whole
    return parse_genesis(data)


def make_node(
    folder: Path, name: str, listen: str, hosts: Mapping[str, tuple[str, int]], *, joins: bool = False
) -> GenesisReplica:
    """The folder of one node, its keys drawn afresh; `hosts` are the addresses of all, its own with them."""
    home = folder / "nodes" / name
    pin = make_member(folder / "ca", home, name, NODE_ROLE)
    seed = secrets.token_bytes(32)
    write_secret(home / "consensus.key", seed.hex().encode())
    settings = {
        "version": 1,
        "name": name,
        "host": listen,
        "port": hosts[name][1],
        "peers": {node: list(address) for node, address in hosts.items()},
        "genesis": "genesis.json",
    } | ({"joins": True} if joins else {})
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "may-sign").write_text("This node has signed nothing yet. Its first start removes this file.\n")
    (home / "node.json").write_text(json.dumps(settings, indent=1))
    key = scheme(SchemeName.ED25519).key_pair(seed).public_key
    return GenesisReplica(name=name, consensus_key=key.hex(), tls_key_digest=pin.hex())


def _make_accounts(
    chain_id: str, dids: dict[str, bytes]
) -> tuple[tuple[GenesisAccount, ...], dict[str, dict[str, str]]]:
    rules = ChainRules.of(bytes(32), load_profiles()[chain_id])
    accounts, keys = [], {}
    for person in PEOPLE:
        seed = secrets.token_bytes(32)
        public_key = rules.scheme.key_pair(seed).public_key
        if rules.addresses.registered:
            address = REGISTERED_NAMES[rules.addresses.name][person]
        else:
            address = rules.addresses.format(rules.addresses.derive(public_key))
        leader = dids[LEADERS[ROLES[person]]]
        accounts.append(
            GenesisAccount(
                address=address,
                public_key=public_key.hex(),
                role=ROLES[person],  # type: ignore[arg-type] # a text of the table above
                did=dids[person].hex(),
                leader=leader.hex(),
                fen=FEN.get(person, 0),
                gas=FEN.get(person, 0) // FEN_PER_GAS_FEN * rules.profile.gas_per_fen,
            )
        )
        keys[person] = {
            "address": address,
            "seed": seed.hex(),
            "public_key": public_key.hex(),
            "did": dids[person].hex(),
        }
    return tuple(accounts), keys


def _write_gateway(folder: Path, addresses: Addresses, keys: DemoKeys) -> None:
    settings = {
        "version": 1,
        "host": addresses.listen,
        "port": addresses.gateway_port,
        "nodes": {node: list(address) for node, address in addresses.node_hosts.items()},
        "genesis": "genesis.json",
        "accounts": {chain_id: people["gateway"]["address"] for chain_id, people in keys.items()},
    }
    (folder / "gateway" / "gateway.json").write_text(json.dumps(settings, indent=1))
