"""DIDs and their keys (protocol 28): created, rotated, with services; read by everybody.

A document proves itself, so any chain may hold it. Its home chain decides the order of changes: there the sequence
grows by one at a time. Elsewhere any later statement is taken.
"""

from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain import did as dids
from chain.codec import Record, decoder, encode
from chain.did import BaseDocument, Creation, DidKey, Endpoint, HomeChain, Rotation, ServiceChange, ServiceId
from chain.ids import Did, Natural, Signature
from contracts.gates import sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Readable, Reader, Role, View, refuses
from contracts.keys import did_key, network_key

CONTRACT: Final = "did"
SERVICES_MAX: Final = 8


class DidDocument(Record, frozen=True):
    """A DID as this chain knows it: its keys as of `sequence`, and its services, ascending."""

    did: Did
    home: HomeChain
    authentication: DidKey
    recovery: DidKey
    sequence: Natural
    services: Annotated[tuple[tuple[ServiceId, Endpoint], ...], Meta(max_length=SERVICES_MAX)]
    updated_at: Natural


class NewDid(Record, frozen=True):
    """`create`: the base document, and its authentication key's signature over the DID."""

    base: BaseDocument
    signature: Signature


class Rotate(Record, frozen=True):
    """`rotate`: another authentication key, signed by the recovery key and by the new key."""

    rotation: Rotation
    signature: Signature
    possession: Signature


class SetService(Record, frozen=True):
    """`setService`: an endpoint of a service, or none any more, signed by the authentication key."""

    change: ServiceChange
    signature: Signature


class OfDid(Record, frozen=True):
    """A read about a DID."""

    did: Did


class OfService(Record, frozen=True):
    """A read about a service of a DID."""

    did: Did
    service: ServiceId


def find_document(records: Readable, did: bytes) -> DidDocument | None:
    """The document of the DID as this chain knows it, or None."""
    data = records.get(did_key(did))
    return None if data is None else document_of(data)


def require_document(records: Readable, did: bytes) -> DidDocument:
    """The document, or the refusal `did-unknown`."""
    document = find_document(records, did)
    if document is None:
        raise ContractReverted("did-unknown", did)
    return document


def require_new_did(context: ContractContext, new: NewDid) -> None:
    """Its keys are points of the curve, its home is a chain of the network, and its key signed."""
    base = new.base
    for key in (base.authentication, base.recovery):
        if not dids.check_key(key):
            raise ContractReverted("public-key-malformed", key)
    if base.home != context.rules.chain_id and context.records.get(network_key(base.home)) is None:
        raise ContractReverted("home-unknown", base.home)
    if not dids.is_signed(
        base.authentication, context.rules.network_id, base.home, Creation(did=base.did), new.signature
    ):
        raise ContractReverted("did-not-signed", base.did)


def first_document(base: BaseDocument, time: int) -> DidDocument:
    """The document at sequence 0, known since `time` (ms)."""
    return DidDocument(
        did=base.did,
        home=base.home,
        authentication=base.authentication,
        recovery=base.recovery,
        sequence=0,
        services=(),
        updated_at=time,
    )


def put_new_did(context: ContractContext, base: BaseDocument) -> None:
    """Record the document of a DID that this chain did not know."""
    context.records.put(did_key(base.did), encode(first_document(base, context.time)))


@refuses("public-key-malformed", "home-unknown", "did-not-signed")
def document_proven(context: ContractContext, arguments: NewDid) -> None:
    """Both keys are keys, the home is a chain of the network, and the authentication key signed the DID."""
    require_new_did(context, arguments)


@refuses("did-exists")
def did_new(context: ContractContext, arguments: NewDid) -> None:
    """This chain does not know the DID."""
    if find_document(context.records, arguments.base.did) is not None:
        raise ContractReverted("did-exists", arguments.base.did)


def create(context: ContractContext, arguments: NewDid) -> None:
    """Make the DID known on this chain, with sequence 0."""
    put_new_did(context, arguments.base)
    context.emit("CreateDid", arguments.base.did, arguments.base.home)


def _changed(arguments: Any) -> Rotation | ServiceChange:  # noqa: ANN401 - one of the two records
    changed = arguments.rotation if isinstance(arguments, Rotate) else arguments.change
    assert isinstance(changed, (Rotation, ServiceChange))
    return changed


@refuses("did-unknown")
def did_known(context: ContractContext, arguments: Rotate | SetService) -> None:
    """This chain knows the DID."""
    require_document(context.records, _changed(arguments).did)


@refuses("not-home-chain")
def on_home_chain(context: ContractContext, arguments: SetService) -> None:
    """This is the DID's home chain."""
    home = _document(context, arguments).home
    if home != context.rules.chain_id:
        raise ContractReverted("not-home-chain", home)


@refuses("did-sequence-wrong")
def sequence_follows(context: ContractContext, arguments: Rotate | SetService) -> None:
    """At home the sequence is the next one; elsewhere it is any later one."""
    document, sequence = _document(context, arguments), _changed(arguments).sequence
    at_home = document.home == context.rules.chain_id
    if sequence <= document.sequence or (at_home and sequence != document.sequence + 1):
        raise ContractReverted("did-sequence-wrong", document.sequence, sequence)


@refuses("public-key-malformed")
def new_key_in_form(_context: ContractContext, arguments: Rotate) -> None:
    """The new key is a point of the curve in its one form."""
    if not dids.check_key(arguments.rotation.authentication):
        raise ContractReverted("public-key-malformed", arguments.rotation.authentication)


@refuses("did-not-signed")
def rotation_signed(context: ContractContext, arguments: Rotate) -> None:
    """The recovery key signed the change, and the new key too."""
    document, rotation = _document(context, arguments), arguments.rotation
    network_id, home = context.rules.network_id, document.home
    if not (
        dids.is_signed(document.recovery, network_id, home, rotation, arguments.signature)
        and dids.is_signed(rotation.authentication, network_id, home, rotation, arguments.possession)
    ):
        raise ContractReverted("did-not-signed", rotation.did)


def rotate(context: ContractContext, arguments: Rotate) -> None:
    """Replace the authentication key; DID and recovery key stay."""
    rotation = arguments.rotation
    document = replace(
        _document(context, arguments),
        authentication=rotation.authentication,
        sequence=rotation.sequence,
        updated_at=context.time,
    )
    context.records.put(did_key(rotation.did), encode(document))
    context.emit("RotateDid", rotation.did, rotation.sequence, rotation.authentication)


@refuses("services-full", "no-change")
def service_fits(context: ContractContext, arguments: SetService) -> None:
    """A service has room and its endpoint differs."""
    services, change = dict(_document(context, arguments).services), arguments.change
    if change.service not in services and change.endpoint and len(services) == SERVICES_MAX:
        raise ContractReverted("services-full", SERVICES_MAX)
    if services.get(change.service, "") == change.endpoint:
        raise ContractReverted("no-change", change.service)


@refuses("did-not-signed")
def change_signed(context: ContractContext, arguments: SetService) -> None:
    """The authentication key signed the change."""
    document = _document(context, arguments)
    if not dids.is_signed(
        document.authentication, context.rules.network_id, document.home, arguments.change, arguments.signature
    ):
        raise ContractReverted("did-not-signed", document.did)


def set_service(context: ContractContext, arguments: SetService) -> None:
    """Set, replace or remove the endpoint of a service."""
    change, document = arguments.change, _document(context, arguments)
    services = {**dict(document.services), change.service: change.endpoint}
    kept = tuple(sorted((service, endpoint) for service, endpoint in services.items() if endpoint))
    changed = replace(document, services=kept, sequence=change.sequence, updated_at=context.time)
    context.records.put(did_key(change.did), encode(changed))
    context.emit("SetService", change.did, change.sequence, change.service, change.endpoint)


def _document(context: ContractContext, arguments: Rotate | SetService) -> DidDocument:
    document = find_document(context.records, _changed(arguments).did)
    assert document is not None
    return document


def _authentication(records: Readable, read: OfDid) -> bytes:
    return require_document(records, read.did).authentication


def _recovery(records: Readable, read: OfDid) -> bytes:
    return require_document(records, read.did).recovery


def _home(records: Readable, read: OfDid) -> str:
    return require_document(records, read.did).home


def _sequence(records: Readable, read: OfDid) -> int:
    return require_document(records, read.did).sequence


def _service(records: Readable, read: OfService) -> str:
    return dict(require_document(records, read.did).services).get(read.service, "")


document_of: Final = lru_cache(maxsize=1024)(decoder(DidDocument))
_ANYBODY: Final = sender_is(*Role)
METHODS: Final = {
    "create": Method(
        arguments=NewDid, checks=(_ANYBODY, document_proven, did_new), effect=create, events=("CreateDid",)
    ),
    "rotate": Method(
        arguments=Rotate,
        checks=(_ANYBODY, did_known, sequence_follows, new_key_in_form, rotation_signed),
        effect=rotate,
        events=("RotateDid",),
    ),
    "setService": Method(
        arguments=SetService,
        checks=(_ANYBODY, did_known, on_home_chain, sequence_follows, change_signed, service_fits),
        effect=set_service,
        events=("SetService",),
    ),
}
_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "authentication": (OfDid, _authentication),
    "recovery": (OfDid, _recovery),
    "home": (OfDid, _home),
    "sequence": (OfDid, _sequence),
    "service": (OfService, _service),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
