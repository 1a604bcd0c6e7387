"""`find`, `routes`: what there is on ten chains, and what can go between them."""

import json
from typing import Annotated, Any

import typer

from scripts.client import client_of
from scripts.commands.options import DEFAULT_DATA, Data, Json
from scripts.screen import out, table

OneChain = Annotated[str | None, typer.Option("--chain", metavar="CHAIN", help="One of the ten; without, all.")]


def find(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[TEXT]", help="A certificate's id or token, a DID, an address, part of a class's name."
        ),
    ] = "",
    chain: OneChain = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Search classes, DIDs and certificates of all chains at once; without TEXT, every class and DID."""
    with client_of(data, "platform") as client:
        found = client.get("/v1/directory", q=what, **({} if chain is None else {"chain": chain}))
    if as_json:
        out.print_json(json.dumps(found))
        return
    names = ("uid", "name_en", "name_zh", "issuer_did")
    table("Classes 证书类", *names, rows=[tuple(one[name] or "" for name in names) for one in found["classes"]])
    rows = [(one["did"], *_of_did(one)) for one in found["dids"]]
    table("DIDs 分布式身份", "did", "accounts", "issues", rows=rows)
    shown = ("uid", "holder", "recorded_status", "height")
    table("Certificates 证书", *shown, rows=[tuple(one[name] for name in shown) for one in found["certificates"]])
    if found["more"]:
        out.print("There are more; name what you look for more exactly. 结果未完，请缩小范围。")


def routes(
    source: Annotated[str | None, typer.Option("--from", metavar="CHAIN", help="Where it comes from.")] = None,
    target: Annotated[str | None, typer.Option("--to", metavar="CHAIN", help="Where it goes.")] = None,
    class_id: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="Its class where it comes from.")
    ] = None,
    use: Annotated[str | None, typer.Option(metavar="USE", help="attest, require or move; without, all.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """What can go from which chain to which, what it costs, and how long it usually takes."""
    wanted = {"from": source, "to": target, "class": class_id, "use": use}
    with client_of(data, "platform") as client:
        given = {name: value for name, value in wanted.items() if value is not None}
        found = client.get("/v1/crosschain/routes", **given)["routes"]
    if as_json:
        out.print_json(json.dumps(found))
        return
    names = ("use", "from", "to", "class", "issues", "open", "fee (fen)", "gas", "usually")
    table("Routes 跨链路由", *names, rows=[_route(one) for one in found])


def _of_did(one: dict[str, Any]) -> tuple[str, str]:
    """Its chains, and what it issues on which."""
    chains = ", ".join(dict.fromkeys(account["chain"] for account in one["accounts"]))
    return chains, ", ".join(f"{issued['class']} on {issued['chain']}" for issued in one["issues"])


def _route(one: dict[str, Any]) -> tuple[str, ...]:
    usual = "" if one["usual_ms"] is None else f"{one['usual_ms']} ms of {one['observed']}"
    state = "yes 可" if one["open"] else f"no 否: {one['code']}"
    of = one["class"] or "any 任意"
    gas = f"{one['gas']} {one['gas_unit']}"
    return one["use"], one["from"], one["to"], of, one["issues"] or "", state, str(one["fee"]), gas, usual
