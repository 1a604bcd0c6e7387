"""Contracts: what they offer, every method with a kept key, every read with its proof."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request

from gateway import views
from gateway.contract_forms import catalogue, method_examples
from gateway.routes.dependencies import GatewayHere, Idempotency, TenantHere
from gateway.schemas import MethodBody
from gateway.services import contracts
from gateway.services.contracts import MethodOrder

router = APIRouter(prefix="/v1", tags=["contracts"])
ChainId = Annotated[str, Path(max_length=40)]
Contract = Annotated[str, Path(max_length=40, examples=["ddc721"])]
Name = Annotated[str, Path(max_length=40)]


@router.get("/contracts")
async def list_contracts() -> Any:
    """Every contract: its methods with callers, checks in order, events and price, its reads, an example of each."""
    return catalogue()


@router.post("/chains/{chain}/contracts/{contract}/{method}")
async def call_method(
    chain: ChainId,
    contract: Contract,
    method: Annotated[Name, Path(examples=["setAttribute"])],
    body: Annotated[MethodBody, Body(openapi_examples=method_examples())],
    tenant: TenantHere,
    gateway: GatewayHere,
    idempotency: Idempotency = None,
) -> Any:
    """Call a method with a key that the gateway keeps; answered when it is final."""
    order = MethodOrder(
        chain_id=chain, contract=contract, method=method, arguments=body.arguments, account=body.account
    )
    return views.written_view(await contracts.call_method(gateway, tenant, order, idempotency))


@router.get("/chains/{chain}/contracts/{contract}/{read}")
async def read_contract(
    chain: ChainId, contract: Contract, read: Annotated[Name, Path(examples=["ownerOf"])], request: Request,
    gateway: GatewayHere,
) -> Any:  # fmt: skip
    """What a read answers at the head, and the proven records that it follows from. Arguments are query parameters."""
    given = request.query_params.multi_items()
    return views.read_view(await contracts.read_contract(gateway, chain, contract, read, given))
