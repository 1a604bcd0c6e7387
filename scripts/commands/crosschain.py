"""`attest`, `mirror`, `move`: certificates on other chains."""

import json
import time
from typing import Annotated, Any, Final

import typer

from scripts.client import Client, client_of, load_network
from scripts.commands import options
from scripts.commands.options import DEFAULT_DATA, CertificateId, Data, Json, Tenant
from scripts.errors import CommandFailed
from scripts.screen import out, table
from scripts.typed_calls import address_of, chain_entry

Target = Annotated[str, typer.Argument(metavar="CHAIN", help="The other chain.")]
POLL_S: Final = 0.05
SHOWN: Final = (
    "id",
    "chain",
    "status",
    "bound_s",
    "source",
    "to_chain",
    "to",
    "state",
    "code",
    "cross_id",
    "fee",
    "height",
)


def attest(
    certificate: CertificateId,
    chain: Target,
    bound: Annotated[int, typer.Option(min=1, help="Seconds: how long what is shown now counts.")] = 3_600,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Mirror a certificate on another chain, which checks the proof itself."""
    with client_of(data, tenant) as client:
        view = client.post("/v1/crosschain/attestations", {"id": certificate, "chain": chain, "bound_s": bound})
    _show("Mirrored 已镜像", view, as_json=as_json)


def mirror(certificate: CertificateId, chain: Target, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show what another chain knows of a certificate."""
    with client_of(data, "platform") as client:
        view = client.get("/v1/crosschain/attestations", id=certificate, chain=chain)
    _show("Mirror 镜像", view, as_json=as_json)


def move(
    certificate: CertificateId,
    chain: Target,
    to: Annotated[str, typer.Argument(metavar="TO", help=options.PERSON)],
    deadline: Annotated[int, typer.Option(min=1, max=604_800, help="Seconds that it may take.")] = 60,
    confirm: Annotated[bool, typer.Option("--confirm/--open-only", help="Also confirm it, and wait.")] = True,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Move a certificate to its holder's account on another chain; exit 0 only if it has arrived, or waits as asked."""
    address = address_of(chain_entry(load_network(data), chain), to)
    with client_of(data, tenant) as client:
        body = {"id": certificate, "chain": chain, "to": address, "deadline_s": deadline}
        view = client.post("/v1/crosschain/moves", body)
        if confirm:
            view = _confirmed(client, f"/v1/crosschain/moves/{view['chain']}/{view['cross_id']}", deadline)
    _show("Move 跨链转移", view, as_json=as_json)
    if confirm and view["state"] != "done":
        raise CommandFailed(f"the certificate has not moved: {view['code'] or view['state']}")


def _confirmed(client: Client, path: str, deadline: int) -> dict[str, Any]:
    """The move once it has ended, or a while after its deadline."""
    view: dict[str, Any] = client.post(f"{path}:confirm", {})
    patience = time.monotonic() + deadline + 30
    while view["state"] == "sent" and time.monotonic() < patience:
        time.sleep(POLL_S)
        view = client.get(path)
    return view


def _show(title: str, view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(view))
        return
    table(title, "", "", rows=[(name, view[name]) for name in SHOWN if view.get(name) not in (None, "")])
