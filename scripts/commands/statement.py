"""`statement` and `draft`: what keys sign beside transactions, and certificates that are issued with several signatures."""

import json
from typing import Annotated

import typer

from chain.universal_id import CertificateName
from scripts.client import client_of, load_network
from scripts.commands import options
from scripts.commands.options import DEFAULT_DATA, Chain, Content, Data, Given, Json, Tenant, ValidUntil
from scripts.screen import out, table
from scripts.typed_calls import address_of, arguments_of, chain_entry, content_in

Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND", help="meta, issue, creation, rotation, service-change, joining, rebinding, objection."
    ),
]
Sign = Annotated[bool, typer.Option("--sign/--no-sign", help="Sign it, if the gateway keeps the key.")]
Holder = Annotated[str | None, typer.Option(help=f"{options.PERSON} Of an edition (1155): none.")]


def statement(
    chain: Chain,
    kind: Kind,
    given: Given = None,
    sign: Sign = True,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Show what a key signs beside transactions, and sign it; nothing is sent."""
    body = arguments_of(given or ()) | {"kind": kind, "sign": sign}
    with client_of(data, tenant) as client:
        view = client.post(f"/v1/chains/{chain}/statements", body)
    if as_json:
        out.print_json(json.dumps(view))
        return
    out.print_json(json.dumps(view["statement"]))
    names = ("kind", "signed_by", "key", "signature_scheme", "digest")
    rows = [(name, view[name]) for name in names] + list(view.get("signatures", {}).items())
    table("Signed 已签名" if "signatures" in view else "To be signed 待签名", "", "", rows=rows)


def draft(
    chain: Chain,
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="Such as diploma.")],
    content: Content,
    holder: Holder = None,
    valid_until: ValidUntil = None,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Check a content and keep its document, before those who sign see its item."""
    entry = chain_entry(load_network(data), chain)
    to = None if holder is None else address_of(entry, holder)
    body = {"chain": chain, "class": class_, "holder": to, "content": content_in(content), "valid_until": valid_until}
    with client_of(data, tenant) as client:
        view = client.post("/v1/certificates:draft", body)
    if as_json:
        out.print_json(json.dumps(view))
        return
    token = view["token"]
    rows = [("token", token)] if to is None else [("id", CertificateName(chain, class_, token).path), ("token", token)]
    table("Drafted 已起草", "", "", rows=rows)
    out.print_json(json.dumps(view["item"]))
