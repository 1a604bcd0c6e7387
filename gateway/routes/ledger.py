"""The ledger: genesis, chains, blocks, headers, transactions, accounts, consensus."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from chain.codec import encode
from chain.rpc import REQUEST_KEYS_MAX
from chain.transaction import SignedTransaction
from gateway import views
from gateway.errors import Problem
from gateway.routes.dependencies import NEEDS_KEY, GatewayHere, Idempotency, Limit, TenantHere, ViewResponse, created
from gateway.routes.uploads import OPENAPI_BULK_BODY
from gateway.schemas import AccountBody, EncodeBody, SubmitBody
from gateway.services import accounts, ledger, showing, transactions
from gateway.services.bulk import outcome_lines, read_bulk
from gateway.services.calls import refusal_of

router = APIRouter(prefix="/v1", tags=["ledger"])
ChainId = Annotated[str, Path(max_length=40)]
HexKey = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){1,256}$")]
Height = Annotated[int, Path(ge=0, le=2**53 - 1)]
Hash = Annotated[str, Path(alias="hash", pattern=r"^(0x)?[0-9a-fA-F]{64}$")]


@router.get("/genesis")
async def get_genesis(gateway: GatewayHere) -> Response:
    """The genesis document's exact bytes. Trust it only after comparing its fingerprint with one from a trusted way."""
    return Response(gateway.genesis_bytes, media_type="application/json")


@router.get("/chains")
async def list_chains(gateway: GatewayHere) -> Any:
    """The ten chains and how they stand."""
    stands = await ledger.all_statuses(gateway)
    return {
        "network_id": gateway.chains.genesis.network_id.hex(),
        "chains": [views.chain_view(chain.profile, stands.get(chain.rules.chain_id)) for chain in gateway.chains],
    }


@router.get("/chains/{chain}")
async def get_chain(chain: ChainId, gateway: GatewayHere) -> Any:
    """One chain."""
    found = gateway.chain(chain)
    stands = await ledger.all_statuses(gateway)
    return views.chain_view(found.profile, stands.get(chain))


@router.get("/chains/{chain}/consensus")
async def get_consensus(chain: ChainId, gateway: GatewayHere) -> Any:
    """View, primary, phase, who is behind and why the chain waits, as one node sees it."""
    return views.consensus_view(*await ledger.status(gateway, chain))


@router.get("/chains/{chain}/blocks")
async def list_blocks(
    chain: ChainId, gateway: GatewayHere, before: Annotated[int | None, Query(ge=1, le=2**53)] = None, limit: Limit = 20
) -> Any:
    """Headers from the newest down; `next` is the `before` of the next page."""
    headers, following = await ledger.headers_before(gateway, chain, before, limit)
    return {"headers": [views.certified_view(header) for header in headers], "next": following}


@router.get("/chains/{chain}/blocks/{height}")
async def get_block(chain: ChainId, height: Height, gateway: GatewayHere) -> Any:
    """A block with its transactions and receipts."""
    return views.block_view(gateway.chain(chain), await ledger.block(gateway, chain, height))


@router.get("/chains/{chain}/blocks/{height}/events")
async def list_block_events(
    chain: ChainId,
    height: Height,
    gateway: GatewayHere,
    contract: Annotated[str | None, Query(max_length=40, description="only those of this contract")] = None,
    name: Annotated[str | None, Query(max_length=40, description="only those of this name, such as Revoked")] = None,
) -> Response:
    """The events of a block in order, with the bytes of their receipts and the proof of each under the block's header.

    `place` is a transaction's index in the block, `number` an event's within its receipt. A leaf is the digest of
    0x00 and a receipt's bytes; bit i of `sides` is set where `path[i]` stands on the left (RFC 6962).
    """
    told = await ledger.events_of_block(gateway, chain, height, contract, name)
    return ViewResponse(views.block_events_view(told))


@router.get("/chains/{chain}/headers/{height}")
async def get_header(chain: ChainId, height: Height, gateway: GatewayHere) -> Any:
    """A block's header with its quorum certificate."""
    return views.head_view(await ledger.block(gateway, chain, height))


@router.get("/chains/{chain}/state")
async def show_state(
    chain: ChainId,
    gateway: GatewayHere,
    key: Annotated[
        list[HexKey],
        Query(min_length=1, max_length=REQUEST_KEYS_MAX, description="keys of the state (protocol 14), hex"),
    ],
    since: Annotated[
        int, Query(ge=0, le=2**53 - 1, description="changes of membership above this height are shown")
    ] = 0,
) -> Any:
    """What stands under keys at the head, with the bytes by which another chain is shown it: a `Shown` (protocol 33.3)."""
    keys = [bytes.fromhex(one) for one in key]
    return views.standings_view(await showing.show(gateway.chain(chain), keys, since))


@router.get("/chains/{chain}/accounts/{address}")
async def get_account(chain: ChainId, address: Annotated[str, Path(max_length=128)], gateway: GatewayHere) -> Any:
    """An account, proven from the head."""
    return views.account_view(await accounts.read_account(gateway, chain, address))


@router.post("/accounts", status_code=201)
async def create_account(
    body: AccountBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Create an account; the gateway keeps its key unless a public key is given."""
    written, account = await accounts.create_account(gateway, tenant, body.to_order(), idempotency)
    view = views.account_view(account) | views.written_view(written)
    return created(view, f"/v1/chains/{body.chain}/accounts/{view['address']}")


@router.post("/chains/{chain}/transactions:encode")
async def encode_transaction(chain: ChainId, body: EncodeBody, gateway: GatewayHere) -> Any:
    """A call in, the exact bytes to sign out. Needs no API key: nothing is sent."""
    return views.encoded_view(transactions.encode_call(gateway, body.to_order(chain)))


@router.post(
    "/chains/{chain}/transactions", dependencies=NEEDS_KEY, responses={202: {"description": "Sent, not final"}}
)
async def submit_transaction(
    chain: ChainId,
    body: SubmitBody,
    gateway: GatewayHere,
    wait: Annotated[str, Query(pattern="^(committed|none)$")] = "committed",
) -> JSONResponse:
    """Relay a transaction that the client signed; a retry of the same bytes has the same outcome."""
    raw = encode(SignedTransaction(body=bytes.fromhex(body.body), signature=bytes.fromhex(body.signature)))
    if wait == "none":
        transaction_id = transactions.relay_soon(gateway, chain, raw)
        return JSONResponse({"transaction": transaction_id.hex(), "state": "sent"}, 202)
    return JSONResponse(succeeded_view(await transactions.relay_one(gateway, chain, raw)))


@router.post(
    "/chains/{chain}/transactions:bulk",
    dependencies=NEEDS_KEY,
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    openapi_extra=OPENAPI_BULK_BODY,
)
async def submit_bulk(chain: ChainId, request: Request, gateway: GatewayHere) -> Response:
    """Many signed transactions: msgpack array of byte strings, or JSON lines of `{"body", "signature"}`.

    Answers one JSON line each, in order: index, transaction, outcome, height or problem.
    """
    raws = read_bulk(await request.body(), request.headers.get("content-type", ""))
    lines = outcome_lines(gateway.chain(chain), await transactions.relay_many(gateway, chain, raws))
    return Response(lines, media_type="application/x-ndjson")


@router.get("/chains/{chain}/transactions/{hash}")  # noqa: FAST003 - it is there by its alias
async def get_transaction(chain: ChainId, hash_: Hash, gateway: GatewayHere) -> Any:
    """A transaction with its receipt and the proof of it."""
    found = await transactions.find(gateway, chain, bytes.fromhex(hash_.removeprefix("0x")))
    return views.placed_view(found)


def succeeded_view(placed: transactions.Placed) -> dict[str, Any]:
    """A transaction that took effect; one that failed in its block is a problem with the proof of it."""
    view = views.placed_view(placed)
    if not placed.final.succeeded:
        failed = refusal_of(placed.chain, placed.final)
        raise Problem(failed.code, *failed.values, **view)
    return view
