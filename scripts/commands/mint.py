"""`mint`: one certificate."""

import json
from pathlib import Path
from typing import Annotated, Any

import rfc8785
import typer

from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, PERSON, Chain, Data, Json, Tenant, ValidUntil
from scripts.errors import CommandFailed
from scripts.screen import out, table
from scripts.typed_calls import address_of, chain_entry


def mint(
    chain: Chain,
    class_: Annotated[str | None, typer.Option("--class", help="Default: the chain's demo class.")] = None,
    holder: Annotated[str, typer.Option(help=PERSON)] = "alice",
    content: Annotated[str | None, typer.Option(help="JSON object; default: the chain's sample.")] = None,
    valid_until: ValidUntil = None,
    bundle: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the offline proof here.")] = None,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Mint one certificate and show it when it is final."""
    entry = chain_entry(load_network(data), chain)
    body = {
        "chain": chain,
        "class": class_ or entry["class"],
        "holder": address_of(entry, holder),
        "content": entry["sample"] if content is None else _parsed(content),
    }
    if valid_until is not None:
        body["valid_until"] = valid_until
    with client_of(data, tenant) as client:
        minted = client.post("/v1/certificates", body)
    if bundle is not None:
        bundle.write_bytes(rfc8785.dumps(minted["proof"]))
    if as_json:
        out.print_json(json.dumps(minted))
        return
    names = ("id", "uid", "status", "holder", "transaction", "height")
    table("Minted 已签发", "", "", rows=[(name, minted[name]) for name in names])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise CommandFailed(f"--content is no JSON: {problem}") from None
