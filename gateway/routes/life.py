"""What becomes of certificates: one path for each action, all from one table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, NoReturn

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse

from gateway.errors import Problem
from gateway.life_bodies import (
    AttributeBody,
    ChangeBody,
    HeldBody,
    ObjectRebindBody,
    ReissueBody,
    RequestRebindBody,
    StatusBody,
    UriBody,
    UserBody,
)
from gateway.routes.certificates import CertificateId, show_changed
from gateway.routes.dependencies import GatewayHere, Idempotency, TenantHere, ViewResponse, created
from gateway.services import life

router = APIRouter(prefix="/v1/certificates", tags=["certificates"])


@dataclass(frozen=True, slots=True)
class Action:
    """An action: its name in the path, the method of ddc721, the body, who makes the call of it, and what it does."""

    name: str
    method: str
    body: type[ChangeBody]
    build: life.Build
    does: str
    status: int = 200
    """201 where the answer is a certificate that there was not before."""


ACTIONS: Final = (
    Action("accept", "accept", HeldBody, life.of_held, "Accept a certificate that is offered; its holder does."),
    Action("decline", "decline", HeldBody, life.of_held, "Decline a certificate that is offered; its holder does."),
    Action("revoke", "revoke", StatusBody, life.change_status, "Revoke a certificate, for good; an issuer does."),
    Action("freeze", "freeze", StatusBody, life.change_status, "Suspend a certificate; an operator does."),
    Action("unfreeze", "unfreeze", StatusBody, life.change_status, "Lift a suspension; an operator does."),
    Action(
        "burn", "burn", StatusBody, life.change_status,
        "Burn a certificate, for good; whom its burn authorisation names does, of a frozen one an operator.",
    ),
    Action("lock", "lock", HeldBody, life.of_held, "Lock a certificate; a cross-chain account does."),
    Action("unlock", "unlock", HeldBody, life.of_held, "Unlock a certificate; a cross-chain account or operator does."),
    Action("set-uri", "setURI", UriBody, life.set_uri, "Set the URI of a certificate, once; its holder or issuer does."),
    Action("set-user", "setUser", UserBody, life.set_user, "Let somebody use a certificate for a time; its holder does."),
    Action(
        "set-attribute", "setAttribute", AttributeBody, life.set_attribute,
        "Set or remove an attribute of a certificate; whom its class names does.",
    ),
    Action(
        "reissue", "reissue", ReissueBody, life.reissue,
        "Revoke a certificate and issue another in its place; answers the new one.", 201,
    ),
    Action(
        "request-rebind", "requestRebind", RequestRebindBody, life.request_rebind,
        "Ask that a certificate goes to another account of its holder's DID, signed by the DID.",
    ),
    Action("approve-rebind", "approveRebind", HeldBody, life.of_rebind, "Approve a rebind; an operator does."),
    Action(
        "object-rebind", "objectRebind", ObjectRebindBody, life.object_rebind,
        "Close a rebind, and nothing is moved; the old account or the DID's recovery key does.",
    ),
    Action(
        "complete-rebind", "completeRebind", HeldBody, life.of_rebind,
        "Move a certificate to the account that was asked for, once it is approved and due; anybody does.",
    ),
)  # fmt: skip


def _endpoint(action: Action) -> Callable[..., Awaitable[JSONResponse]]:
    async def change(
        certificate_id: CertificateId,
        tenant: TenantHere,
        gateway: GatewayHere,
        body: Any,
        idempotency: Idempotency = None,
    ) -> JSONResponse:
        said: Any = action.body() if body is None else body
        order = life.ChangeOrder(method=action.method, build=action.build, asked=said.to_order(), account=said.account)
        changed = await life.change(gateway, tenant, certificate_id, order, idempotency)
        view = await show_changed(gateway, tenant, changed)
        return ViewResponse(view) if action.status == 200 else created(view, f"/v1/certificates/{view['id']}")

    needed = any(field.is_required() for field in action.body.model_fields.values())
    may_be_left_out: Any = Annotated[action.body | None, Body(default_factory=action.body)]
    change.__annotations__["body"] = action.body if needed else may_be_left_out
    change.__doc__ = action.does
    return change


for _action in ACTIONS:
    router.add_api_route(
        f"/{{certificate_id:path}}:{_action.name}",
        _endpoint(_action),
        methods=["POST"],
        name=_action.name.replace("-", "_"),
        status_code=_action.status,
    )


async def _refuse(request: Request) -> NoReturn:
    raise Problem("not-found", request.url.path[:200])


router.add_route("/v1/certificates/{certificate_id:path}:{action}", _refuse, ["POST"], include_in_schema=False)
"""An action that there is not: without this, the path of a certificate would answer that it is not to be written to."""
