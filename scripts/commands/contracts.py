"""`contracts`, `call`, `read`: what the contracts offer, any of their methods, any of their reads."""

import json
from typing import Annotated, Any

import typer

from scripts.client import client_of
from scripts.commands.options import DEFAULT_DATA, Chain, Data, Given, Json, Tenant
from scripts.errors import CommandFailed
from scripts.screen import out, table
from scripts.typed_calls import arguments_of, path_of

Place = Annotated[str, typer.Argument(metavar="CONTRACT.NAME", help="Such as ddc721.freeze; `contracts` lists all.")]


def contracts(
    contract: Annotated[str | None, typer.Argument(metavar="[CONTRACT]", help="One contract's methods, whole.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """List the contracts; of one, every method with its callers, what it takes and what it does."""
    with client_of(data, "platform") as client:
        listed: list[dict[str, Any]] = client.get("/v1/contracts")["contracts"]
    chosen = [entry for entry in listed if contract in (None, entry["contract"])]
    if not chosen:
        names = ", ".join(entry["contract"] for entry in listed)
        raise CommandFailed(f"there is no contract {contract}; there are {names}")
    if as_json:
        out.print_json(json.dumps(chosen))
    elif contract is None:
        rows = [(entry["contract"], len(entry["methods"]), len(entry["reads"])) for entry in chosen]
        table("Contracts 合约", "contract", "methods", "reads", rows=rows)
    else:
        _show_contract(chosen[0])


def call(
    chain: Chain,
    place: Place,
    given: Given = None,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    account: Annotated[str | None, typer.Option(help="Which of the key's accounts signs; else its first.")] = None,
    as_json: Json = False,
) -> None:
    """Call any method with a key that the gateway keeps."""
    body = {"account": account, "arguments": arguments_of(given or ())}
    with client_of(data, tenant) as client:
        view = client.post(path_of(chain, place), body)
    if as_json:
        out.print_json(json.dumps(view))
        return
    table("Final 已确认", "", "", rows=[(name, view[name]) for name in ("transaction", "height")])
    rows = [(event["name"], json.dumps(event["values"], ensure_ascii=False)) for event in view["receipt"]["events"]]
    table("Events 事件", "event", "values", rows=rows)


def read(chain: Chain, place: Place, given: Given = None, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What a read answers, as the chain's head proves it."""
    parameters = arguments_of(given or ())
    with client_of(data, "platform") as client:
        view = client.get(path_of(chain, place), **parameters)
    if as_json:
        out.print_json(json.dumps(view))
        return
    rows = [("value", view["value"]), ("height", view["height"]), ("proven records", len(view["proof"]["records"]))]
    table(f"{place}", "", "", rows=rows)


def _show_contract(entry: dict[str, Any]) -> None:
    rows = [
        (
            method["method"],
            ", ".join(method["callers"] or ["anyone"]),
            ", ".join(method["arguments"]),
            method["effect"],
        )
        for method in entry["methods"]
    ]
    table(f"{entry['contract']}: methods 方法", "method", "callers", "arguments", "effect", rows=rows)
    reads = [(one["read"], ", ".join(one["arguments"])) for one in entry["reads"]]
    table("Reads 查询", "read", "arguments", rows=reads)
