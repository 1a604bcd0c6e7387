"""`mint`: one certificate."""

import json
from pathlib import Path
from typing import Annotated, Any

import rfc8785
import typer

from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, Data, Json, Tenant
from scripts.errors import CommandFailed
from scripts.screen import out, table

ChainId = Annotated[str, typer.Argument(metavar="CHAIN", help="One of the ten, such as wenchang.")]


def mint(
    chain: ChainId,
    class_: Annotated[str | None, typer.Option("--class", help="Default: the chain's demo class.")] = None,
    holder: Annotated[str, typer.Option(help="An address, or alice or bob.")] = "alice",
    content: Annotated[str | None, typer.Option(help="JSON object; default: the chain's sample.")] = None,
    valid_until: Annotated[str | None, typer.Option(help="RFC 3339, such as 2035-12-31.")] = None,
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


def chain_entry(network: dict[str, Any], chain: str) -> dict[str, Any]:
    """The chain's entry in `network.json`."""
    for entry in network["chains"]:
        if entry["id"] == chain:
            return dict(entry)
    known = ", ".join(entry["id"] for entry in network["chains"])
    raise CommandFailed(f"there is no chain {chain!r}; the chains are {known}")


def address_of(entry: dict[str, Any], holder: str) -> str:
    """An address, given as such or by a demo account's name."""
    account = entry["accounts"].get(holder)
    return holder if account is None else str(account["address"])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise CommandFailed(f"--content is no JSON: {problem}") from None
