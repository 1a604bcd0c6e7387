"""`certificates renew`: new TLS certificates for the network's members, with the keys they have."""

from pathlib import Path

import typer

from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.network import GATEWAY_ROLE, NODE_ROLE
from scripts.pki import make_member
from scripts.screen import out

app = typer.Typer(help="TLS certificates of the network's members.", no_args_is_help=True)


@app.callback()
def certificates() -> None:
    """TLS certificates of the network's members."""


@app.command("renew")
def renew(data: Data = DEFAULT_DATA) -> None:
    """Renew every certificate; keys and pins stay. Takes effect when a process starts again."""
    authority = data / "ca"
    if not (authority / "ca.key").exists():
        raise CommandFailed(f"there is no certificate authority in {authority}")
    for home in _members(data):
        role = GATEWAY_ROLE if home.name == "gateway" else NODE_ROLE
        make_member(authority, home, home.name, role)
        out.print(f"renewed {home / 'tls.crt'}")


def _members(data: Path) -> list[Path]:
    return [*sorted((data / "nodes").iterdir()), data / "gateway"]
