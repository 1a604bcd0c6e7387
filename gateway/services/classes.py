"""Classes of certificates: define one, find one with its schema."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chain.codec import decode
from chain.ids import ClassId
from contracts.classes import DEFAULT_RULES, CertificateClass, ClassRules, DefineClass
from contracts.keys import class_key
from credentials.schema import ClassSchema, SchemaMalformed, parse_schema
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import Call, Written, earlier, read_state, request_digest, sender_of, write
from gateway.services.gateway import Gateway
from gateway.vault import Tenant, find_schema, keep_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOrder:
    """A class to be defined: id, names, its schema as a JSON object (docs/class-schemas.md), standard and rules."""

    chain_id: str
    class_id: str
    name_en: str
    name_zh: str
    schema: Mapping[str, Any]
    standard: int = 721
    rules: ClassRules = DEFAULT_RULES


async def define_class(
    gateway: Gateway, tenant: Tenant, order: ClassOrder, idempotency: str | None
) -> tuple[Written, ClassSchema]:
    """Define a class; the schema is kept in the vault, its digest and field names go on chain."""
    chain = gateway.chain(order.chain_id)
    sender = sender_of(tenant, chain, "classes.defineClass")
    try:
        schema = parse_schema(order.schema)
    except SchemaMalformed as malformed:
        raise Problem("schema-malformed", str(malformed)) from None
    request = request_digest("class", replace(order, schema={}), schema.digest)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        await gateway.in_vault(lambda connection: keep_schema(connection, schema.digest, schema.canonical))
        written = await write(gateway, tenant, _call(chain, sender, order, schema), idempotency, request)
    return written, schema


async def class_of(gateway: Gateway, chain: Chain, class_id: str) -> CertificateClass:
    """The class as it was proven once and is remembered: nothing of it but its signatories ever changes."""
    place = (chain.rules.chain_id, class_id)
    if place not in gateway.classes:
        if not _is_class_id(class_id):  # what no class can be called
            raise Problem("class-unknown", class_id[:60])
        state = await read_state(chain, [class_key(class_id)])
        record = state.values[0].value
        if record is None:
            raise Problem("class-unknown", class_id)
        gateway.classes[place] = decode(record, CertificateClass)
    return gateway.classes[place]


async def schema_of(gateway: Gateway, chain: Chain, class_id: str) -> ClassSchema:
    """The schema of a class, from the vault, under the digest that the chain has."""
    digest = (await class_of(gateway, chain, class_id)).schema
    schema = gateway.schemas.get(digest)
    if schema is None:
        document = await gateway.in_vault(lambda connection: find_schema(connection, digest))
        if document is None:
            raise Problem("schema-unknown", class_id)
        schema = parse_schema(document.encode("utf-8"))
        gateway.schemas[digest] = schema
    return schema


def _is_class_id(text: str) -> bool:
    try:
        msgspec.convert(text, ClassId)
    except msgspec.ValidationError:
        return False
    return True


def _call(chain: Chain, sender: str, order: ClassOrder, schema: ClassSchema) -> Call:
    return Call(
        chain=chain,
        sender=sender,
        contract="classes",
        method="defineClass",
        arguments=DefineClass(
            class_id=order.class_id,
            standard=order.standard,
            name_en=order.name_en,
            name_zh=order.name_zh,
            schema=schema.digest,
            fields=tuple(field.name for field in schema.fields),
            rules=order.rules,
        ),
        reference={"class": order.class_id},
    )
