"""`accept` to `complete-rebind`: what becomes of a certificate; one command for each action of the API, from one table."""

import json
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from scripts.client import client_of, load_network
from scripts.commands import options
from scripts.screen import out, table
from scripts.typed_calls import body_about

SHOWN: Final = (
    "id", "status", "holder", "user", "user_until", "uri", "attributes", "supersedes", "transaction", "height",
)  # fmt: skip
Person = Annotated[str, typer.Argument(metavar="ADDRESS", help=options.PERSON)]
MaybePerson = Annotated[str | None, typer.Argument(metavar="ADDRESS", help=f"{options.PERSON} Left out: nobody.")]
Until = Annotated[str | None, typer.Argument(metavar="UNTIL", help=options.TIME)]
Uri = Annotated[str, typer.Argument(metavar="URI", help="Where more is to be found; for good.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of a-z, digits and _.")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="A code or a number; '' removes the attribute.")]
Holder = Annotated[str | None, typer.Option(help=f"{options.PERSON} Default: who holds the old one.")]
AsDid = Annotated[bool, typer.Option("--as-did", help="The gateway signs with the DID's recovery key, if it keeps it.")]
Sequence = Annotated[int | None, typer.Option(min=0, help="How often the DID has changed; with --signature.")]
Signed = Annotated[str | None, typer.Option("--signature", metavar="HEX", help="By the DID's key; see `statement`.")]


def _takes(name: str, what: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=what, default=default)


def _command(action: str, does: str, *takes: Parameter, tenant: str = "platform") -> Any:
    """The command of an action; what it takes besides the certificate are the members of the body."""

    def change(*, certificate: str, data: Path, tenant: str, as_json: bool, **members: Any) -> None:
        body = body_about(load_network(data), certificate, members)
        with client_of(data, tenant) as client:
            _show(client.post(f"/v1/certificates/{certificate}:{action}", body), as_json=as_json)

    command: Any = change
    command.__doc__ = does
    command.__signature__ = Signature(
        [
            _takes("certificate", options.CertificateId),
            *takes,
            _takes("account", options.Account, None),
            _takes("data", options.Data, options.DEFAULT_DATA),
            _takes("tenant", options.Tenant, tenant),
            _takes("as_json", options.Json, default=False),
        ]
    )
    return command


def _show(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(view))
    else:
        table("Changed 已变更", "", "", rows=[(name, view[name]) for name in SHOWN if view[name] not in (None, "", {})])


_why = _takes("reason", options.Reason, "unspecified")

accept = _command("accept", "Accept a certificate that is offered (its holder).")
decline = _command("decline", "Decline a certificate that is offered (its holder).")
revoke = _command("revoke", "Revoke a certificate for good (its issuer).", _why)
freeze = _command("freeze", "Suspend a certificate (operator or regulator).", _why, tenant="regulator")
unfreeze = _command("unfreeze", "Lift a suspension (operator or regulator).", _why, tenant="regulator")
burn = _command("burn", "Burn a certificate for good (whom its class names).", _why)
lock = _command("lock", "Lock a certificate (a cross-chain account).", tenant="owner")
unlock = _command("unlock", "Unlock a certificate (a cross-chain account or operator).", tenant="owner")
set_uri = _command("set-uri", "Set a certificate's URI, once (its holder or issuer).", _takes("uri", Uri))
set_user = _command(
    "set-user", "Let somebody use a certificate for a time, or nobody any more (its holder).",
    _takes("user", MaybePerson, None), _takes("until", Until, None),
)  # fmt: skip
set_attribute = _command(
    "set-attribute", "Set or remove an attribute (whom the class names).", _takes("name", Name), _takes("value", Value)
)
reissue = _command(
    "reissue", "Revoke a certificate and issue another in its place (its issuer).",
    _takes("content", options.Content), _takes("reason", options.Reason), _takes("holder", Holder, None),
    _takes("valid_until", options.ValidUntil, None),
)  # fmt: skip
request_rebind = _command(
    "request-rebind", "Ask that a certificate goes to another account of its holder's DID (the DID).",
    _takes("to", Person), _takes("did_sequence", Sequence, None), _takes("signature", Signed, None),
)  # fmt: skip
approve_rebind = _command("approve-rebind", "Approve a rebind (operator).", tenant="operator")
object_rebind = _command(
    "object-rebind", "Close a rebind, and nothing is moved (the old account or the DID).",
    _takes("as_did", AsDid, default=False), _takes("signature", Signed, None),
)  # fmt: skip
complete_rebind = _command("complete-rebind", "Move a certificate, once its rebind is approved and due (anybody).")
