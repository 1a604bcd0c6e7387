"""What keys sign beside transactions, and drafts of certificates that are issued with several signatures."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Response
from fastapi.openapi.models import Example

from gateway import views
from gateway.routes.dependencies import GatewayHere, TenantHere, ViewResponse
from gateway.schemas import ClassName, DraftBody
from gateway.services.did_statements import DidStatementOrder, state_did
from gateway.services.drafts import draft, erase_draft
from gateway.services.statements import MetaOrder, state_issue, state_meta
from gateway.statement_bodies import EXAMPLES, AnyStatementBody

router = APIRouter(prefix="/v1", tags=["statements"])
ChainId = Annotated[str, Path(max_length=40)]
_FORMS: Final = {kind: Example(value=example) for kind, example in EXAMPLES.items()}
_KINDS: Final = Body(discriminator="kind", openapi_examples=_FORMS)


@router.post("/chains/{chain}/statements")
async def make_statement(
    chain: ChainId, body: Annotated[AnyStatementBody, _KINDS], tenant: TenantHere, gateway: GatewayHere
) -> Response:
    """What a DID's key, a holder or a signatory signs beside transactions, and its signature if the key is kept here.

    The scheme signs `digest`. Nothing is sent: the signature goes into the call that needs it, whoever makes that call.
    """
    order = body.to_order(chain)
    if isinstance(order, DidStatementOrder):
        stated = await state_did(gateway, tenant, order)
    elif isinstance(order, MetaOrder):
        stated = await state_meta(gateway, tenant, order)
    else:
        stated = await state_issue(gateway, tenant, order)
    return ViewResponse(views.stated_view(stated))


@router.post("/certificates:draft")
async def draft_certificate(body: DraftBody, tenant: TenantHere, gateway: GatewayHere) -> Response:
    """Check a content and keep its document, for whoever issues `item`; asked again it draws again."""
    return ViewResponse(views.draft_view(await draft(gateway, tenant, body.to_order())))


@router.delete("/chains/{chain}/drafts/{class}/{token}", status_code=204)
async def delete_draft(
    chain: ChainId,
    class_: Annotated[ClassName, Path(alias="class")],
    token: Annotated[str, Path(max_length=40, examples=["12345"])],
    tenant: TenantHere,
    gateway: GatewayHere,
) -> Response:
    """Erase the contents and salts that the tenant has drafted or issued under the id; the ledger stays valid."""
    await erase_draft(gateway, tenant, chain, class_, token)
    return Response(status_code=204)
