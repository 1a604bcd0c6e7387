"""`show`, `history`, `proof`: a certificate as it is, what happened to it, and its bundle."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.client import client_of
from scripts.commands.options import DEFAULT_DATA, CertificateId, Data, Json, Tenant
from scripts.screen import out, table


def show(
    certificate: CertificateId, data: Data = DEFAULT_DATA, tenant: Tenant = "platform", as_json: Json = False
) -> None:
    """Show a certificate, and its content if the key may read it."""
    with client_of(data, tenant) as client:
        view = client.get(f"/v1/certificates/{certificate}")
    if as_json:
        out.print_json(json.dumps(view))
        return
    content = view.pop("document", {}).get("content", {})
    table(
        "Certificate 证书", "", "", rows=[(name, value) for name, value in view.items() if value not in (None, "", {})]
    )
    if content:
        table("Content 内容", "", "", rows=list(content.items()))


def history(certificate: CertificateId, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What happened to a certificate, oldest first."""
    with client_of(data, "platform") as client:
        events: list[dict[str, Any]] = client.get(f"/v1/certificates/{certificate}/history")["events"]
    if as_json:
        out.print_json(json.dumps(events))
        return
    names = ("event", "height", "time", "transaction")
    table("History 历史", *names, rows=[tuple(event[name] for name in names) for event in events])


def proof(
    certificate: CertificateId,
    output: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the bundle.")],
    reveal: Annotated[str, typer.Option(help="all, none, or field names with commas.")] = "all",
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
) -> None:
    """Write the offline bundle of a certificate."""
    with client_of(data, tenant) as client:
        bundle = client.get_bytes(f"/v1/certificates/{certificate}/proof", reveal=reveal)
    output.write_bytes(bundle)
    out.print(f"{len(bundle)} bytes in {output}; check it anywhere: verify --offline {output} --genesis GENESIS.json")
