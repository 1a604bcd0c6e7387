"""Which classes, issuers and DIDs there are on which chain, and one search over all of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.finding import find_anything
from gateway.routes.dependencies import GatewayHere, Limit

router = APIRouter(prefix="/v1", tags=["directory"])


@router.get("/directory")
async def search_directory(
    gateway: GatewayHere,
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="a certificate's id, uid or token, a DID, an address of any chain, or part of a class's id or name",
            examples=["diploma"],
        ),
    ] = "",
    chain: Annotated[str | None, Query(max_length=40, description="one chain; without, all")] = None,
    limit: Limit = 50,
) -> Any:
    """Classes with their issuers, DIDs with their accounts on every chain, and certificates that `q` names.

    Without `q` all classes and DIDs. `more`: there are more than `limit` of either. What is found is this gateway's word; a
    certificate, class or account that is read by its id comes with its proof.
    """
    if chain is not None:
        gateway.chain(chain)
    rules = gateway.chains.rules
    return await gateway.in_index(lambda connection: find_anything(connection, rules, q.strip(), chain, limit))
