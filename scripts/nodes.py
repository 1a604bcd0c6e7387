"""The nodes in a network's folder: their keys, their addresses, and what is written there when one comes or goes."""

import contextlib
import json
import re
import secrets
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from chain.genesis import GenesisReplica, parse_genesis
from chain.signatures import KeyPair, SchemeName, scheme
from scripts import processes
from scripts.errors import CommandFailed
from scripts.network import make_node
from scripts.pki import pin_of, write_secret

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
FILE: Final = "node.json"
KEY: Final = "consensus.key"
NEXT_KEY: Final = "consensus.key.next"
"""The key that a replica will have once its change is in force."""
MAY_SIGN: Final = "may-sign"


def node_names(folder: Path) -> list[str]:
    """Every node with a folder here: those of the genesis document first."""
    first = [replica.name for replica in parse_genesis((folder / "genesis.json").read_bytes()).document.replicas]
    found = [path.parent.name for path in sorted((folder / "nodes").glob(f"*/{FILE}"))]
    return [name for name in first if name in found] + [name for name in found if name not in first]


def home_of(folder: Path, name: str) -> Path:
    """A node's folder; `CommandFailed` if there is none."""
    home = folder / "nodes" / name
    if not (home / FILE).exists():
        raise CommandFailed(f"there is no node {name!r} in {folder}; there are {', '.join(node_names(folder))}")
    return home


def settings_of(home: Path) -> dict[str, Any]:
    """`node.json`."""
    settings: dict[str, Any] = json.loads((home / FILE).read_text("utf-8"))
    return settings


def listening(folder: Path) -> dict[str, tuple[str, int]]:
    """Where each node here listens."""
    found = {name: settings_of(folder / "nodes" / name) for name in node_names(folder)}
    return {name: (settings["host"], settings["port"]) for name, settings in found.items()}


def entry_of(home: Path, key: str = KEY) -> GenesisReplica:
    """A node as a membership names it."""
    public = key_in(home / key).public_key.hex()
    return GenesisReplica(name=settings_of(home)["name"], consensus_key=public, tls_key_digest=pin_of(home).hex())


def key_in(path: Path) -> KeyPair:
    """The consensus key in a file."""
    try:
        return scheme(SchemeName.ED25519).key_pair(bytes.fromhex(path.read_text().strip()))
    except (OSError, ValueError) as problem:
        raise CommandFailed(f"{path} holds no consensus key: {problem}") from None


def keys_of(home: Path) -> list[KeyPair]:
    """The consensus key of a node, and the one that waits for its change if there is one."""
    return [key_in(home / name) for name in (KEY, NEXT_KEY) if name == KEY or (home / name).exists()]


def keys(folder: Path) -> list[KeyPair]:
    """The consensus keys of all nodes here."""
    return [key for name in node_names(folder) for key in keys_of(folder / "nodes" / name)]


def make_newcomer(folder: Path, name: str, address: tuple[str, int] | None = None) -> GenesisReplica:
    """The node `name`, its folder made if there is none; its peers learn its address, the gateway at its next start."""
    if not NAME.fullmatch(name) or name in processes.NO_NODES:
        raise CommandFailed(f"a node's name is a letter of a-z, then a-z, 0-9 and hyphens, at most 32; {name!r} is not")
    home = folder / "nodes" / name
    if not (home / FILE).exists():
        sample = settings_of(folder / "nodes" / node_names(folder)[0])
        hosts = {node: (host, port) for node, (host, port) in sample["peers"].items()}
        hosts[name] = address or _free_address(folder)
        make_node(folder, name, sample["host"], hosts, joins=True)
        shutil.copy(folder / "genesis.json", home / "genesis.json")
    host, port = settings_of(home)["peers"][name]
    for other in node_names(folder):
        _edit(folder / "nodes" / other / FILE, lambda settings: settings["peers"].update({name: [host, port]}))
    _edit(folder / "gateway" / "gateway.json", lambda settings: settings["nodes"].update({name: [host, port]}))
    tell_addresses(folder)
    return entry_of(home)


def make_next_key(folder: Path, name: str) -> GenesisReplica:
    """A node with a new consensus key, which is kept beside the present one until the change is in force."""
    home = home_of(folder, name)
    if not (home / NEXT_KEY).exists():
        write_secret(home / NEXT_KEY, secrets.token_bytes(32).hex().encode())
    return entry_of(home, NEXT_KEY)


def take_next_key(folder: Path, name: str) -> None:
    """The change is in force: the new key takes the place of the old one, and has signed nothing yet."""
    home = home_of(folder, name)
    _edit(home / FILE, lambda settings: settings.update(joins=True))
    (home / NEXT_KEY).replace(home / KEY)
    may_sign(home, "The consensus key is new and has signed nothing yet.")


def may_sign(home: Path, why: str) -> None:
    """The next start may sign: whoever writes this answers for it."""
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / MAY_SIGN).write_text(f"{why} The next start removes this file.\n")


def forgotten(home: Path) -> list[str]:
    """The chains whose replica does not know what it has signed, as the node itself has noted."""
    path = home / "data" / "abstains"
    return path.read_text("ascii").split() if path.exists() else []


def network_id_of(home: Path) -> bytes:
    """The network of a node's folder."""
    return parse_genesis((home / settings_of(home)["genesis"]).read_bytes()).network_id


def tell_addresses(folder: Path) -> None:
    """Let the nodes that run here read `peers` again."""
    for name, process in processes.alive(folder).items():
        if name not in processes.NO_NODES:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGHUP)


def _free_address(folder: Path) -> tuple[str, int]:
    """The port after those of the others, on their host."""
    host = "127.0.0.1"
    for port in range(max(port for _, port in listening(folder).values()) + 1, 65_535):
        with contextlib.suppress(CommandFailed):
            processes.check_ports([(host, port)], "--address")
            return host, port
    raise CommandFailed("no port is free after those of the other nodes; give --address")


def _edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    settings = json.loads(file.read_text("utf-8"))
    change(settings)
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(settings, indent=1))
    new.replace(file)
