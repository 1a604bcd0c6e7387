"""Classes of certificates and who may issue them (protocol 16)."""

from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.ids import Address, ClassId, Did, Digest, Natural
from contracts.access import Role, require_active, require_sender
from contracts.interface import ContractContext, ContractReverted, Method, Records
from contracts.keys import class_key, grant_key

CONTRACT: Final = "classes"
GRANTED: Final = b"\x01"
FIELDS_MAX: Final = 64

Label = Annotated[str, Meta(min_length=1, max_length=80)]
FieldName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,39}\Z")]


class CertificateClass(Record, frozen=True):
    """A class: its names, the DID and account that defined it, and the digest and fields of its schema."""

    class_id: ClassId
    name_en: Label
    name_zh: Label
    issuer_did: Did
    issuer: Address
    schema: Digest
    """SHA-256 of the schema's canonical JSON."""
    fields: tuple[FieldName, ...]
    defined_at: Natural


class DefineClass(Record, frozen=True):
    """`defineClass`: what the class is; its definer becomes its first issuer."""

    class_id: ClassId
    name_en: Label
    name_zh: Label
    schema: Digest
    fields: Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=FIELDS_MAX)]


class SetIssuer(Record, frozen=True):
    """`setIssuer`: let an account issue certificates of the class, or no longer."""

    class_id: ClassId
    address: Address
    granted: bool


def require_class(records: Records, class_id: str) -> CertificateClass:
    """The class, or the refusal `class-unknown`."""
    data = records.get(class_key(class_id))
    if data is None:
        raise ContractReverted("class-unknown", class_id)
    return _class(data)


def may_issue(records: Records, class_id: str, address: bytes) -> bool:
    """Whether the account is a granted issuer of the class."""
    return records.get(grant_key(class_id, address)) == GRANTED


def define_class(context: ContractContext, arguments: DefineClass) -> None:
    """Define a class; platforms and operators may."""
    # CHECKS
    sender = require_sender(context, Role.OPERATOR, Role.PLATFORM)
    if context.records.get(class_key(arguments.class_id)) is not None:
        raise ContractReverted("class-exists", arguments.class_id)
    if len(set(arguments.fields)) != len(arguments.fields):
        raise ContractReverted("fields-repeat", arguments.class_id)
    # STATE
    defined = CertificateClass(
        class_id=arguments.class_id,
        name_en=arguments.name_en,
        name_zh=arguments.name_zh,
        issuer_did=sender.did,
        issuer=context.sender,
        schema=arguments.schema,
        fields=arguments.fields,
        defined_at=context.time,
    )
    context.records.put(class_key(arguments.class_id), encode(defined))
    context.records.put(grant_key(arguments.class_id, context.sender), GRANTED)
    # EVENTS
    context.emit(CONTRACT, "DefineClass", arguments.class_id, context.sender, sender.did, arguments.schema)


def set_issuer(context: ContractContext, arguments: SetIssuer) -> None:
    """Grant or withdraw the right to issue; only the account that defined the class may."""
    # CHECKS
    require_sender(context, Role.OPERATOR, Role.PLATFORM)
    defined = require_class(context.records, arguments.class_id)
    if defined.issuer != context.sender:
        raise ContractReverted("not-class-issuer", arguments.class_id)
    if arguments.granted:  # the right can be taken from a frozen account, but not given to one
        require_active(context.records, arguments.address, unknown="account-unknown", frozen="account-frozen")
    if may_issue(context.records, arguments.class_id, arguments.address) == arguments.granted:
        raise ContractReverted("no-change", arguments.address)
    # STATE
    granted = GRANTED if arguments.granted else None
    context.records.put(grant_key(arguments.class_id, arguments.address), granted)
    # EVENTS
    context.emit(CONTRACT, "SetIssuer", arguments.class_id, arguments.address, arguments.granted)


_class = lru_cache(maxsize=1024)(decoder(CertificateClass))
"""Remembered by its bytes: every certificate is one of a class, 3 us to decode."""

METHODS: Final = {
    "defineClass": Method(DefineClass, define_class),
    "setIssuer": Method(SetIssuer, set_issuer),
}
