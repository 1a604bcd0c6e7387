"""Work between chains: mirrors and moves (protocol 33 to 35)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import JSONResponse

from gateway import crosschain_views as views
from gateway.journeys import list_moves
from gateway.routes.dependencies import GatewayHere, Idempotency, Limit, TenantHere, ViewResponse, created
from gateway.schemas import AttestBody, ConfirmBody, MoveBody
from gateway.services import crossing, moving, routing
from gateway.services.certificates import locate
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
    chain: Annotated[
        str | None, Query(max_length=40, description="the chain that mirrors it; without, every one")
    ] = None,
) -> Any:
    """What a chain knows of another's certificate, for which height and time, and whether that is stale.

    Without `chain`: `mirrors`, what each chain knows of it that knows anything.
    """
    if chain is None:
        found = await crossing.find_mirrors(gateway, certificate_id)
        return ViewResponse({"mirrors": [views.mirror_view(mirrored, now_ms()) for mirrored in found]})
    return ViewResponse(views.mirror_view(await crossing.find_mirror(gateway, certificate_id, chain), now_ms()))


@router.get("/routes")
async def get_routes(
    gateway: GatewayHere,
    source: Annotated[
        str | None, Query(alias="from", max_length=40, description="the chain that it comes from")
    ] = None,
    target: Annotated[str | None, Query(alias="to", max_length=40, description="the chain that it goes to")] = None,
    class_: Annotated[str | None, Query(alias="class", max_length=40, description="its class there")] = None,
    use: Annotated[Literal["attest", "require", "move"] | None, Query()] = None,
) -> Any:
    """What can go from which chain to which, what it costs, and how long it usually takes.

    `open` says whether it can now, `code` why not. `fee` is in fen and `gas` in the unit of the chain that is paid. `usual_ms`
    is the median of the `observed` newest: of a move the time between its confirmation's block and its arrival's; else what
    this gateway has seen since its start. With `from`, `to` and `class` a move is judged even if it is not listed.
    """
    found = await routing.find_routes(gateway, source, target, class_, use)
    return {"routes": [views.route_view(gateway.chains.rules, route) for route in found]}


@router.post("/moves", status_code=201)
async def open_move(
    body: MoveBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Open a move of a certificate to an account of its holder's DID on another chain; it is locked until that has ended."""
    view = views.move_view(await moving.open_move(gateway, tenant, body.to_order(), idempotency))
    return created(view, f"/v1/crosschain/moves/{view['chain']}/{view['cross_id']}")


@router.get("/moves")
async def get_moves(
    gateway: GatewayHere,
    source: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    target: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    certificate_id: Annotated[str | None, Query(alias="id", max_length=200, description="of one certificate")] = None,
    limit: Limit = 50,
) -> Any:
    """The newest moves as this gateway has heard of them, with the block times (ms) at which they came so far."""
    place = None
    if certificate_id is not None:
        chain, name, token = locate(gateway, certificate_id)
        place = (chain.rules.chain_id, name.class_id, token)
    rules = gateway.chains.rules
    moves = await gateway.in_index(
        lambda connection: list_moves(connection, rules, source=source, target=target, place=place, limit=limit)
    )
    return {"moves": moves}


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
