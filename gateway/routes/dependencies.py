"""What endpoints are handed (the gateway, the tenant behind the API key, the Idempotency-Key), and how they answer."""

from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.errors import Problem
from gateway.services.gateway import Gateway
from gateway.vault import Tenant
from gateway.views import rendered

_bearer = HTTPBearer(auto_error=False, description="An API key, as `certnet up` shows it.")


async def get_gateway(request: Request) -> Gateway:
    """The one gateway of the process. Not a plain function: FastAPI would send every request through a thread."""
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayHere = Annotated[Gateway, Depends(get_gateway)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def get_reader(gateway: GatewayHere, bearer: Bearer) -> Tenant | None:
    """The tenant, if a key came along."""
    return None if bearer is None else await gateway.tenant(bearer.credentials)


async def get_tenant(gateway: GatewayHere, bearer: Bearer) -> Tenant:
    """The tenant; a problem without a key."""
    if bearer is None:
        raise Problem("api-key-missing")
    return await gateway.tenant(bearer.credentials)


NEEDS_KEY = [Depends(get_tenant)]
ReaderHere = Annotated[Tenant | None, Depends(get_reader)]
TenantHere = Annotated[Tenant, Depends(get_tenant)]
Idempotency = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A retry with the same key answers as the first request did, also after the gateway was killed.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[int, Query(ge=0, le=2**53)]


class ViewResponse(JSONResponse):
    """A view as JSON, written in a tenth of the time."""

    def render(self, content: dict[str, Any]) -> bytes:
        """The bytes."""
        return rendered(content)


def created(view: dict[str, Any], location: str) -> JSONResponse:
    """201 with the place of what was made."""
    return ViewResponse(view, 201, headers={"Location": location})
