"""Classes, certificates, jobs, verifying."""

import json
from typing import Annotated, Any

import rfc8785
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway import views
from gateway.errors import Problem
from gateway.job_store import count_rows, list_rows
from gateway.routes.dependencies import (
    Cursor,
    GatewayHere,
    Idempotency,
    Limit,
    ReaderHere,
    TenantHere,
    ViewResponse,
    created,
)
from gateway.routes.uploads import OPENAPI_BODY, read_upload
from gateway.schemas import ClassBody, MintBody, VerifyBody
from gateway.search import history, list_classes, search
from gateway.services import certificates, classes, crossing, jobs, verify
from gateway.services.gateway import Gateway, now_ms
from gateway.vault import Tenant, erase_document

router = APIRouter(prefix="/v1", tags=["certificates"])
CertificateId = Annotated[str, Path(max_length=200, examples=["wenchang.ddc721.diploma.12345"])]
Text = Annotated[str | None, Query(max_length=128)]
OfDid = Annotated[
    str | None, Query(pattern=r"^(did:bsn:)?[0-9a-f]{40}$", description="a DID: all its accounts, on every chain")
]


@router.get("/classes")
async def get_classes(gateway: GatewayHere, chain: Text = None) -> Any:
    """Classes of all chains or of one, with their schemas as far as this gateway keeps them."""
    listed = await gateway.in_index(lambda connection: list_classes(connection, chain))
    return {"classes": [await _with_schema(gateway, entry) for entry in listed]}


@router.post("/classes", status_code=201)
async def define_class(
    body: ClassBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Define a class of certificates; its definer may issue it."""
    written, schema = await classes.define_class(gateway, tenant, body.to_order(), idempotency)
    view: dict[str, Any] = {"chain": body.chain, "class": body.class_, "schema": schema.digest.hex()}
    view |= {"standard": body.standard, "rules": body.rules.model_dump()}
    return created(view | views.written_view(written), f"/v1/classes?chain={body.chain}")


@router.post("/certificates", status_code=201)
async def mint(
    body: MintBody, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Mint one certificate; answered when it is final, with receipt, document and offline proof."""
    order = body.to_order()
    if body.requires:
        changed = await crossing.mint_on_others(gateway, tenant, order, body.requires, idempotency)
    else:
        changed = await certificates.mint(gateway, tenant, order, idempotency)
    view = await show_changed(gateway, tenant, changed)
    return created(view, f"/v1/certificates/{view['id']}")


@router.post("/certificates:batch", status_code=202, openapi_extra=OPENAPI_BODY)
async def mint_batch(
    request: Request, tenant: TenantHere, gateway: GatewayHere, idempotency: Idempotency = None
) -> JSONResponse:
    """Mint the rows of a file: CSV, JSON lines or a form with `file`; answers a durable job."""
    order = await read_upload(request)
    job = await jobs.start_job(gateway, tenant, order, idempotency)
    counts = await gateway.in_vault(lambda connection: count_rows(connection, job))
    return JSONResponse(views.job_view(job, counts), 202, headers={"Location": f"/v1/jobs/{job.id}"})


@router.get("/jobs/{job_id}")
async def get_job(
    job_id: Annotated[str, Path(max_length=40)],
    tenant: TenantHere,
    gateway: GatewayHere,
    cursor: Cursor = 0,
    limit: Annotated[int, Query(ge=0, le=1_000)] = 200,
) -> Any:
    """A job, and per row: line, outcome, id or problem. `next` is the cursor of the next page."""
    job = await jobs.find(gateway, tenant, job_id)
    counts = await gateway.in_vault(lambda connection: count_rows(connection, job))
    rows = await gateway.in_vault(lambda connection: list_rows(connection, job.id, cursor, limit))
    following = rows[-1]["line"] if limit and len(rows) == limit else None
    return views.job_view(job, counts) | {"rows": [views.job_row_view(job, row) for row in rows], "next": following}


@router.get("/certificates")
async def find_certificates(
    gateway: GatewayHere,
    chain: Text = None,
    class_: Annotated[str | None, Query(alias="class", max_length=40)] = None,
    issuer: Text = None,
    holder: Text = None,
    issuer_did: OfDid = None,
    holder_did: OfDid = None,
    status: Annotated[
        str | None,
        Query(max_length=128, description="as recorded: active, offered, frozen, locked, revoked, burnt, moved"),
    ] = None,
    cursor: Cursor = 0,
    limit: Limit = 50,
) -> Any:
    """Search over on-chain fields in a stable order; `next` is the cursor of the next page."""
    named = {
        "chain": chain,
        "class": class_,
        "issuer": issuer,
        "holder": holder,
        "issuer_did": issuer_did,
        "holder_did": holder_did,
        "status": status,
    }
    filters = {name: value for name, value in named.items() if value is not None}
    rules = gateway.chains.rules
    found, following = await gateway.in_index(lambda connection: search(connection, rules, filters, cursor, limit))
    return {"certificates": found, "next": following}


@router.get("/certificates/{certificate_id:path}/history")
async def get_history(certificate_id: CertificateId, gateway: GatewayHere) -> Any:
    """What happened to a certificate, oldest first."""
    proven = await certificates.read(gateway, certificate_id)
    name, rules = proven.name, proven.chain.rules
    events = await gateway.in_index(lambda connection: history(connection, rules, name.class_id, name.token))
    return {"id": name.path, "uid": name.universal, "events": events}


@router.get("/certificates/{certificate_id:path}/proof")
async def get_proof(
    certificate_id: CertificateId,
    reader: ReaderHere,
    gateway: GatewayHere,
    reveal: Annotated[str | None, Query(max_length=4_000, description="all, none, or field names with commas")] = None,
) -> Response:
    """The offline bundle in its canonical bytes: keep the file as it is."""
    bundle = await certificates.prove(gateway, reader, certificate_id, reveal)
    return Response(bundle.canonical(), media_type="application/json")


@router.delete("/certificates/{certificate_id:path}/document", status_code=204)
async def delete_document(certificate_id: CertificateId, tenant: TenantHere, gateway: GatewayHere) -> Response:
    """Erase the content and salts that this gateway keeps; the ledger stays valid."""
    proven = await certificates.read(gateway, certificate_id)
    document = await certificates.document_of(gateway, proven)
    if document is None:
        raise Problem("document-unknown", proven.name.path)
    if not certificates.may_read_document(tenant, document, proven):
        raise Problem("document-forbidden", proven.name.path)
    name = proven.name
    await gateway.in_vault(lambda connection: erase_document(connection, name.chain_id, name.class_id, name.token))
    return Response(status_code=204)


@router.get("/certificates/{certificate_id:path}")
async def get_certificate(certificate_id: CertificateId, reader: ReaderHere, gateway: GatewayHere) -> Response:
    """A certificate, proven from the head; with the key of its issuer or holder also its document."""
    proven = await certificates.read(gateway, certificate_id)
    view = views.certificate_view(proven, now_ms())
    document = None if reader is None else await certificates.document_of(gateway, proven)
    if document is not None and certificates.may_read_document(reader, document, proven):
        schema = await classes.schema_of(gateway, proven.chain, proven.name.class_id)
        view["document"] = views.document_view(document, schema)
    return ViewResponse(view)


@router.post("/verify")
async def verify_certificate(body: VerifyBody, gateway: GatewayHere) -> Any:
    """Verify a certificate by its id, or a bundle that somebody holds; no API key needed."""
    body.check()
    if body.id is not None:
        return views.verified_view(await verify.verify_id(gateway, body.id, body.age_ms_max))
    try:
        canonical = rfc8785.dumps(body.bundle)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as problem:
        raise Problem("bundle-malformed", str(problem)) from None
    return views.verified_view(await verify.verify_held(gateway, canonical, body.age_ms_max))


async def show_changed(gateway: Gateway, tenant: Tenant, changed: certificates.Changed) -> dict[str, Any]:
    """The answer to a write: the certificate, its document if the key may read it, and its proof."""
    document = changed.document
    if document is not None and not certificates.may_read_document(tenant, document, changed.proven):
        document = None
    bundle = await certificates.full_bundle(gateway, changed.proven, document)
    shown = None
    if document is not None:
        schema = await classes.schema_of(gateway, changed.proven.chain, changed.proven.name.class_id)
        shown = views.document_view(document, schema)
    return views.changed_view(changed, shown, bundle, now_ms())


async def _with_schema(gateway: Gateway, entry: dict[str, Any]) -> dict[str, Any]:
    try:
        schema = await classes.schema_of(gateway, gateway.chain(entry["chain"]), entry["class"])
    except Problem:
        return entry | {"definition": None}
    return entry | {"definition": json.loads(schema.canonical)}
