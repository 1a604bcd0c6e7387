"""Certificates: mint one, read one with its proof."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from chain.errors import ChainError
from chain.universal_id import CertificateName, TokenStyle, format_token, parse_name, parse_token
from contracts.certificate import Certificate, certificate_of
from contracts.issuing import Mint, MintItem
from contracts.keys import certificate_key
from credentials.bundle import Bundle, make_bundle
from credentials.content import SALT_BYTES, Entry, Hidden, content_root, entries
from credentials.schema import ClassSchema, FieldFault, content_faults
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.reading import ProvenState
from gateway.services.calls import (
    Call,
    Written,
    earlier,
    parse_address,
    read_state,
    request_digest,
    sender_of,
    write,
)
from gateway.services.classes import schema_of
from gateway.services.gateway import Gateway
from gateway.shown import address_text
from gateway.tokens import TokenRuns
from gateway.vault import Document, Tenant, find_document

FAULTS_SHOWN_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MintOrder:
    """A certificate to be issued; times in ms, `token` as the chain writes it (None: drawn).

    `holder` is None for an edition, whose holdings have holders.
    """

    chain_id: str
    class_id: str
    holder: str | None
    content: Mapping[str, Any]
    valid_from: int | None = None
    valid_until: int | None = None
    uri: str = ""
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A certificate as one certified header proves it."""

    chain: Chain
    name: CertificateName
    certificate: Certificate
    record: bytes
    state: ProvenState


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A certificate after a write: the write, the certificate with its proof, and its document if it is kept here."""

    written: Written
    proven: Proven
    document: Document | None


async def mint(gateway: Gateway, tenant: Tenant, order: MintOrder, idempotency: str | None) -> Changed:
    """Issue one certificate with the tenant's kept key; final when this returns."""
    chain = gateway.chain(order.chain_id)
    sender = sender_of(tenant, chain, "ddc721.mint")
    request = request_digest("mint", order)
    written, document = await earlier(gateway, tenant, idempotency, request), None
    if written is None:
        schema = await schema_of(gateway, chain, order.class_id)
        call = mint_call(chain, sender, schema, order)
        written, (document,) = await write(gateway, tenant, call, idempotency, request), call.documents
    return await changed_by(gateway, written, document)


async def read(gateway: Gateway, certificate_id: str, *, at_least: int = 0) -> Proven:
    """The certificate with a proof from the head; the problem `certificate-unknown` if there is none."""
    chain, name, token = locate(gateway, certificate_id)
    state = await read_state(chain, [certificate_key(name.class_id, token)], at_least=at_least)
    record = state.values[0].value
    if record is None or state.certified is None:
        raise Problem("certificate-unknown", name.class_id, name.token)
    return Proven(chain=chain, name=name, certificate=certificate_of(record), record=record, state=state)


async def document_of(gateway: Gateway, proven: Proven) -> Document | None:
    """The document that this gateway keeps for the certificate."""
    name = proven.name
    return await gateway.in_vault(
        lambda connection: find_document(
            connection, name.chain_id, name.class_id, name.token, proven.certificate.content_root
        )
    )


def may_read_document(tenant: Tenant | None, document: Document, proven: Proven) -> bool:
    """Whether the key has the account that drew the document up or the one that holds the certificate now."""
    rules = proven.chain.rules
    accounts = () if tenant is None else tenant.accounts.get(rules.chain_id, ())
    return document.issuer in accounts or address_text(rules.addresses, proven.certificate.holder) in accounts


async def prove(gateway: Gateway, tenant: Tenant | None, certificate_id: str, reveal: str | None) -> Bundle:
    """The offline bundle. `reveal` names fields, or is `all` or `none`; None: all that the key may read."""
    proven = await read(gateway, certificate_id)
    if tenant is None and reveal in (None, "none"):
        return bundle_of(proven, ())
    document = await document_of(gateway, proven)
    allowed = document is not None and may_read_document(tenant, document, proven)
    if reveal not in (None, "none") and not allowed:
        raise Problem("document-unknown" if document is None else "document-forbidden", proven.name.path)
    if document is None or not allowed or reveal == "none":
        return bundle_of(proven, ())
    return bundle_of(proven, await _entries(gateway, proven, document, reveal))


def bundle_of(proven: Proven, content: tuple[Entry, ...]) -> Bundle:
    """The bundle of a proven certificate; without entries the content root stands for the whole content."""
    assert proven.state.certified is not None
    return make_bundle(
        uid=proven.name.universal,
        certified=proven.state.certified,
        handovers=proven.chain.trust.handovers_to(proven.state.header.height),
        record=proven.record,
        proof=proven.state.values[0].proof,
        content=content or (Hidden(proven.certificate.content_root),),
    )


async def full_bundle(gateway: Gateway, proven: Proven, document: Document | None) -> Bundle:
    """The bundle with every field that is kept here."""
    if document is None:
        return bundle_of(proven, ())
    return bundle_of(proven, await _entries(gateway, proven, document, None))


def locate(gateway: Gateway, certificate_id: str) -> tuple[Chain, CertificateName, bytes]:
    """The chain, name and token id of either form of id."""
    try:
        name = parse_name(certificate_id)
        chain = gateway.chain(name.chain_id)
        return chain, name, parse_token(chain.profile.token_id_style, name.token)
    except ChainError as malformed:
        raise Problem("id-malformed", str(malformed).rstrip(".")) from None


def content_problem(faults: tuple[FieldFault, ...]) -> Problem:
    """What is wrong with a content, field by field."""
    return Problem(
        "content-invalid",
        "; ".join(f"{fault.field}: {fault.why}" for fault in faults[:5]),
        fields=shown_faults(faults),
    )


def shown_faults(faults: tuple[FieldFault, ...]) -> list[dict[str, str]]:
    """Faults as JSON, the first of very many."""
    shown = faults[:FAULTS_SHOWN_MAX]
    return [{"field": fault.field, "problem": fault.why, "problem_zh": fault.why_zh} for fault in shown]


def draw_token(chain: Chain, class_id: str) -> bytes:
    """A new token id for a certificate of the class."""
    return _token_runs(chain.rules.chain_id, class_id, chain.profile.token_id_style).draw()


@lru_cache(maxsize=1024)
def _token_runs(_chain_id: str, _class_id: str, style: TokenStyle) -> TokenRuns:
    """One for each class; a class that is forgotten begins a new run."""
    return TokenRuns(style)


def draw_salts(schema: ClassSchema) -> tuple[bytes, ...]:
    """One salt per field."""
    drawn = secrets.token_bytes(SALT_BYTES * len(schema.fields))
    return tuple(drawn[i : i + SALT_BYTES] for i in range(0, len(drawn), SALT_BYTES))


def draw_item(chain: Chain, issuer: str, schema: ClassSchema, order: MintOrder) -> tuple[MintItem, Document]:
    """A certificate as it is to be issued, and the document that is kept for it."""
    if order.holder is None:
        raise Problem("parameter-malformed", "give 'holder': a certificate of this class has one")
    token, document = draw_document(chain, issuer, schema, order)
    item = MintItem(
        token=token,
        holder=parse_address(chain, order.holder),
        content_root=document.content_root,
        uri=order.uri,
        valid_from=order.valid_from,
        valid_until=order.valid_until,
    )
    return item, document


def draw_document(chain: Chain, issuer: str, schema: ClassSchema, order: MintOrder) -> tuple[bytes, Document]:
    """A token id, and the content under it with new salts; a problem if the content is not as the schema asks."""
    faults = content_faults(schema, order.content)
    if faults:
        raise content_problem(faults)
    token, salts = _token(chain, order.class_id, order.token), draw_salts(schema)
    document = Document(
        chain=order.chain_id,
        class_id=order.class_id,
        token=format_token(chain.profile.token_id_style, token),
        content_root=content_root(chain.rules.digest, schema, order.content, salts),
        issuer=issuer,
        holder=order.holder or "",
        content=dict(order.content),
        salts=salts,
    )
    return token, document


def mint_call(chain: Chain, sender: str, schema: ClassSchema, order: MintOrder) -> Call:
    """The call that issues a certificate, with the document to be kept; a problem if the content does not fit its class."""
    item, document = draw_item(chain, sender, schema, order)
    return Call(
        chain=chain,
        sender=sender,
        contract="ddc721",
        method="mint",
        arguments=Mint(class_id=order.class_id, item=item),
        reference={"class": order.class_id, "token": document.token},
        documents=(document,),
    )


async def changed_by(gateway: Gateway, written: Written, kept: Document | None = None) -> Changed:
    """The certificate after a write. `kept`: the document that was stored with it, unless an earlier request had one."""
    name = CertificateName(written.chain.rules.chain_id, written.reference["class"], written.reference["token"])
    proven = await read(gateway, name.path, at_least=written.height)
    is_its_own = kept is not None and (kept.token, kept.content_root) == (name.token, proven.certificate.content_root)
    document = kept if is_its_own else await document_of(gateway, proven)
    return Changed(written=written, proven=proven, document=document)


def _token(chain: Chain, class_id: str, text: str | None) -> bytes:
    if text is None:
        return draw_token(chain, class_id)
    try:
        return parse_token(chain.profile.token_id_style, text)
    except ChainError as malformed:
        raise Problem("id-malformed", str(malformed).rstrip(".")) from None


async def _entries(gateway: Gateway, proven: Proven, document: Document, reveal: str | None) -> tuple[Entry, ...]:
    schema = await schema_of(gateway, proven.chain, proven.name.class_id)
    names = None if reveal in (None, "all") else frozenset(reveal.split(","))
    unknown = (names or frozenset()) - {field.name for field in schema.fields}
    if unknown:
        raise Problem("parameter-malformed", f"reveal names no field {min(unknown)[:60]!r} of this class")
    return entries(proven.chain.rules.digest, schema, document.content, document.salts, names)
