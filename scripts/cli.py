"""The console script `certnet`: every command of the project."""

import sys
from importlib import import_module
from typing import Final

import typer

from scripts.errors import CommandFailed

ACTIONS: Final = (
    "accept", "decline", "revoke", "freeze", "unfreeze", "burn", "lock", "unlock", "set-uri", "set-user", "set-attribute",
    "reissue", "request-rebind", "approve-rebind", "object-rebind", "complete-rebind",
)  # fmt: skip
"""What can become of a certificate, as the API's paths name it."""
COMMANDS: Final = {
    "demo": "demo",
    "up": "up",
    "down": "down",
    "status": "status",
    "mint": "mint",
    "mint-batch": "mint_batch",
    "verify": "verify",
    "show": "show",
    "history": "show",
    "proof": "show",
    **dict.fromkeys(ACTIONS, "life"),
    "attest": "crosschain",
    "mirror": "crosschain",
    "move": "crosschain",
    "find": "directory",
    "routes": "directory",
    "contracts": "contracts",
    "call": "contracts",
    "read": "contracts",
    "statement": "statement",
    "draft": "statement",
    "sign": "sign",
    "sign-again": "sign_again",
    "backup": "backup",
    "restore": "backup",
    "init": "init",
    "provision": "init",
    "rebuild-index": "rebuild_index",
    "bench": "bench",
    "simulate": "simulate",
    "test": "test",
}
"""Command -> the module of scripts.commands that has it."""
PANELS: Final = {
    "crosschain": "Between chains 跨链",
    "directory": "Between chains 跨链",
    "life": "What becomes of a certificate 证书的一生",
    "contracts": "Contracts and signatures 合约与签名",
    "statement": "Contracts and signatures 合约与签名",
    "sign": "Contracts and signatures 合约与签名",
}
"""Module -> the heading of its commands in the list of all."""
INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""
GROUPS: Final = {"keys": "keys", "certificates": "certificates", "replicas": "replicas"}


def make_app(wanted: str | None = None) -> typer.Typer:
    """All commands, or only the one that is wanted: the others' modules are then not imported."""
    app = typer.Typer(
        help="A local network of ten PBFT chains that mints non-transferable certificates. 本地十链证书网络。",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    names = [wanted] if wanted in COMMANDS else list(COMMANDS)
    for name in names:
        module = import_module(f"scripts.commands.{COMMANDS[name]}")
        app.command(name, rich_help_panel=PANELS.get(COMMANDS[name]))(getattr(module, name.replace("-", "_")))
    for group, module_name in GROUPS.items():
        if wanted not in COMMANDS:
            app.add_typer(import_module(f"scripts.commands.{module_name}").app, name=group)
    if len(names) == 1:
        app.callback()(lambda: None)  # keeps the name of the command, which typer drops for a single one
    return app


def main() -> None:
    """Run a command; what it cannot do is one line on standard error and an exit code other than 0."""
    first = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        make_app(first)(prog_name="certnet")
    except CommandFailed as failed:
        print(failed, file=sys.stderr)
        sys.exit(failed.code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("interrupted: everything that was started has been ended", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
