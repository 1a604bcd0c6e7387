"""Work between chains: mirrors and moves (protocol 33 to 35)."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import JSONResponse

from gateway import views
from gateway.routes.dependencies import GatewayHere, Idempotency, TenantHere, ViewResponse, created
from gateway.schemas import AttestBody, ConfirmBody, MoveBody
from gateway.services import crossing, moving
from gateway.services.gateway import now_ms

router = APIRouter(prefix="/v1/crosschain", tags=["between chains"])
ChainId = Annotated[str, Path(max_length=40)]
CrossId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="as the opening of the move answered it")]


@router.post("/attestations", status_code=201)
async def attest(
    body: AttestBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Mirror a certificate on another chain, which checks the proof itself; or show it anew what stands there now."""
    view = views.mirror_view(await crossing.attest(gateway, tenant, body.to_order(), idempotency), now_ms())
    return created(view, f"/v1/crosschain/attestations?id={view['id']}&chain={view['chain']}")


@router.get("/attestations")
async def get_attestation(
    gateway: GatewayHere,
    certificate_id: Annotated[str, Query(alias="id", max_length=200)],
    chain: Annotated[str, Query(max_length=40, description="the chain that mirrors it")],
) -> Any:
    """What a chain knows of another's certificate, for which height and time, and whether that is stale."""
    return ViewResponse(views.mirror_view(await crossing.find_mirror(gateway, certificate_id, chain), now_ms()))


@router.post("/moves", status_code=201)
async def open_move(
    body: MoveBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Open a move of a certificate to an account of its holder's DID on another chain; it is locked until that has ended."""
    view = views.move_view(await moving.open_move(gateway, tenant, body.to_order(), idempotency))
    return created(view, f"/v1/crosschain/moves/{view['chain']}/{view['cross_id']}")


@router.get("/moves/{chain}/{cross_id}")
async def get_move(chain: ChainId, cross_id: CrossId, gateway: GatewayHere) -> Any:
    """How far a move is, on both chains."""
    return ViewResponse(views.move_view(await moving.find_move(gateway, chain, bytes.fromhex(cross_id))))


@router.post("/moves/{chain}/{cross_id}:confirm")
async def confirm_move(
    chain: ChainId,
    cross_id: CrossId,
    body: Annotated[ConfirmBody, Body(default_factory=ConfirmBody)],
    tenant: TenantHere,
    gateway: GatewayHere,
    idempotency: Idempotency = None,
) -> Any:
    """Send the certificate on its way, signed by its holder's DID; relayers do the rest."""
    signature = None if body.signature is None else bytes.fromhex(body.signature)
    moved = await moving.confirm(gateway, tenant, chain, bytes.fromhex(cross_id), signature, idempotency)
    return ViewResponse(views.move_view(moved))


@router.post("/moves/{chain}/{cross_id}:cancel")
async def cancel_move(
    chain: ChainId, cross_id: CrossId, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> Any:
    """End a move that is not confirmed: by its holder, or from its deadline on by anybody."""
    moved = await moving.cancel(gateway, tenant, chain, bytes.fromhex(cross_id), idempotency)
    return ViewResponse(views.move_view(moved))
