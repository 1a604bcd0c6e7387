"""`keys new`: a key pair of one's own for one chain."""

import json
import secrets
from pathlib import Path
from typing import Annotated

import typer

from chain.profiles import load_profiles
from chain.rules import ChainRules
from scripts.client import load_network
from scripts.commands.api_keys import new_api, revoke_api
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.pki import write_secret
from scripts.screen import out, table

app = typer.Typer(help="Local keys, for transactions signed by yourself, and API keys.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Local keys, for transactions signed by yourself, and API keys."""


app.command("new-api")(new_api)
app.command("revoke-api")(revoke_api)


@app.command("new")
def new(
    chain: Annotated[str, typer.Argument(metavar="CHAIN", help="The chain whose scheme the key is for.")],
    output: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the private key (mode 0600).")],
    address: Annotated[str | None, typer.Option(help="The name to register, on chains that register names.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Draw a key; shows what POST /v1/accounts needs to create its account."""
    profile = load_profiles().get(chain)
    if profile is None:
        raise CommandFailed(f"there is no chain {chain!r}")
    if output.exists():
        raise CommandFailed(f"{output} exists already; keys are never overwritten")
    rules = ChainRules.of(bytes.fromhex(load_network(data)["network_id"]), profile)
    seed = secrets.token_bytes(32)
    pair = rules.scheme.key_pair(seed)
    body = {"chain": chain, "public_key": pair.public_key.hex()}
    if rules.addresses.registered:
        if address is None:
            raise CommandFailed(f"{chain} registers names: give --address, such as {rules.addresses.example}")
        raw = rules.addresses.parse(address)
        body |= {"address": address, "possession": pair.sign(rules.registration_bytes(raw, pair.public_key)).hex()}
    else:
        body["address"] = rules.addresses.format(rules.addresses.derive(pair.public_key))
    write_secret(output, json.dumps({"chain": chain, "address": body["address"], "seed": seed.hex()}).encode())
    table("New key 新密钥", "", "", rows=list(body.items()))
    out.print(f"The private key is in {output} and nowhere else. Create the account: POST /v1/accounts with the above.")
