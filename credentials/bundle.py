"""The offline proof of one certificate: a canonical JSON document that anyone can keep and check (protocol 25).

Canonical means RFC 8785, lower-case hex, integers below 2^53, no unknown field. `parse_bundle` writes what it
read again and compares, so there is one text per bundle.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import rfc8785
from msgspec import Meta

from chain.block import HEADER_VERSION, BlockHeader
from chain.errors import Malformed
from chain.ids import Natural
from chain.light_client import CertifiedHeader, Handover
from chain.membership import Membership, Replica
from chain.quorum import QuorumCertificate
from chain.state import DEPTH_MAX, Siblings, StateProof
from credentials.content import Entry, Hidden, Revealed

FORMAT = "certnet-bundle/1"
BUNDLE_BYTES_MAX = 1_000_000
INTEGER_MAX = 2**53 - 1

Hex = Annotated[str, Meta(pattern=r"\A([0-9a-f]{2})*\Z")]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]


class BundleMalformed(Malformed):
    """A document that is no bundle of this format."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JSON object with exactly these members."""


class HeaderPart(_Part, frozen=True):
    """A block header without network and chain, which the bundle names once."""

    height: Natural
    parent: Hex32
    transaction_root: Hex32
    receipt_root: Hex32
    state_root: Hex32
    time: Natural
    view: Natural
    proposer: Natural
    membership: Hex32
    next_membership: Hex32


class CertificatePart(_Part, frozen=True):
    """A quorum certificate."""

    view: Natural
    signers: tuple[Natural, ...]
    signatures: tuple[Hex64, ...]


class ReplicaPart(_Part, frozen=True):
    """A member of a set that is handed over to."""

    name: str
    consensus_key: Hex32
    tls_key_digest: Hex32


class HandoverPart(_Part, frozen=True):
    """One change of membership on the way from genesis."""

    header: HeaderPart
    certificate: CertificatePart
    next_membership: tuple[ReplicaPart, ...]


class SiblingsPart(_Part, frozen=True):
    """The children beside the path at one branch of the state tree."""

    places: Annotated[int, Meta(ge=0, le=0xFFFF)]
    hashes: Hex


class StatePart(_Part, frozen=True):
    """The certificate's record as the chain stores it, and its proof under the header's state root."""

    record: Hex
    branches: Annotated[tuple[SiblingsPart, ...], Meta(max_length=DEPTH_MAX)]
    bucket: Hex


class Bundle(_Part, frozen=True):
    """The whole document. Each entry of `content` is a revealed field or the leaf hash of a hidden one."""

    format: Literal["certnet-bundle/1"]
    network_id: Hex32
    chain_id: Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]
    id: str
    header: HeaderPart
    certificate: CertificatePart
    handovers: tuple[HandoverPart, ...]
    state: StatePart
    content: Annotated[tuple[dict[str, str | int | bool | None], ...], Meta(max_length=64)]

    def members(self) -> dict[str, Any]:
        """The document as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def canonical(self) -> bytes:
        """The document's bytes; `CanonicalizationError` if it holds a number that has none."""
        if all(_is_plain(entry) for entry in self.content):
            return _encode_sorted(self)  # 2 us; the library of RFC 8785 needs 57
        return rfc8785.dumps(self.members())


_encode_sorted = msgspec.json.Encoder(order="sorted").encode
"""RFC 8785 for names in ASCII, which both orders sort alike, and for integers below 2^53; every text is written alike."""


def _is_plain(entry: Mapping[str, str | int | bool | None]) -> bool:
    """Whether `_encode_sorted` writes the entry as RFC 8785 does. All other parts of a bundle are always so."""
    return all(
        name.isascii() and (not isinstance(value, int) or -INTEGER_MAX <= value <= INTEGER_MAX)
        for name, value in entry.items()
    )


def make_bundle(
    *,
    uid: str,
    certified: CertifiedHeader,
    handovers: tuple[Handover, ...],
    record: bytes,
    proof: StateProof,
    content: tuple[Entry, ...],
) -> Bundle:
    """The bundle of a record proven under a certified header, to which `handovers` lead from genesis."""
    return Bundle(
        format=FORMAT,  # type: ignore[arg-type] # the literal by its name
        network_id=certified.header.network_id.hex(),
        chain_id=certified.header.chain_id,
        id=uid,
        header=_header_part(certified.header),
        certificate=_certificate_part(certified.certificate),
        handovers=tuple(_handover_part(handover) for handover in handovers),
        state=StatePart(
            record=record.hex(),
            branches=tuple(SiblingsPart(places=s.places, hashes=s.hashes.hex()) for s in proof.branches),
            bucket=proof.bucket.hex(),
        ),
        content=tuple(_entry_part(entry) for entry in content),
    )


def parse_bundle(data: bytes) -> Bundle:
    """The bundle whose canonical bytes are `data`; else `BundleMalformed`."""
    if len(data) > BUNDLE_BYTES_MAX:
        raise BundleMalformed(f"a bundle has at most {BUNDLE_BYTES_MAX} bytes, got {len(data)}")
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
        canonical = bundle.canonical()
    except (msgspec.DecodeError, RecursionError, UnicodeError, rfc8785.CanonicalizationError) as problem:
        raise BundleMalformed(f"not a bundle: {problem}; fetch the proof again") from None
    if canonical != data:
        raise BundleMalformed("not the canonical form of a bundle; keep the file as it was fetched, unedited")
    return bundle


def certified_header(bundle: Bundle, header: HeaderPart, certificate: CertificatePart) -> CertifiedHeader:
    """The records of a header and certificate of `bundle`."""
    return CertifiedHeader(
        header=BlockHeader(
            version=HEADER_VERSION,
            network_id=bytes.fromhex(bundle.network_id),
            chain_id=bundle.chain_id,
            height=header.height,
            parent=bytes.fromhex(header.parent),
            transaction_root=bytes.fromhex(header.transaction_root),
            receipt_root=bytes.fromhex(header.receipt_root),
            state_root=bytes.fromhex(header.state_root),
            time=header.time,
            view=header.view,
            proposer=header.proposer,
            membership=bytes.fromhex(header.membership),
            next_membership=bytes.fromhex(header.next_membership),
        ),
        certificate=QuorumCertificate(
            view=certificate.view,
            signers=certificate.signers,
            signatures=tuple(bytes.fromhex(signature) for signature in certificate.signatures),
        ),
    )


def handovers(bundle: Bundle) -> tuple[Handover, ...]:
    """The changes of membership from genesis to the bundle's height."""
    return tuple(
        Handover(
            certified=certified_header(bundle, part.header, part.certificate),
            next_membership=Membership(
                replicas=tuple(
                    Replica(
                        name=replica.name,
                        consensus_key=bytes.fromhex(replica.consensus_key),
                        tls_key_digest=bytes.fromhex(replica.tls_key_digest),
                    )
                    for replica in part.next_membership
                )
            ),
        )
        for part in bundle.handovers
    )


def state_proof(bundle: Bundle) -> StateProof:
    """The record's proof."""
    return StateProof(
        branches=tuple(
            Siblings(places=part.places, hashes=bytes.fromhex(part.hashes)) for part in bundle.state.branches
        ),
        bucket=bytes.fromhex(bundle.state.bucket),
    )


def content_entries(bundle: Bundle) -> tuple[Entry, ...]:
    """The content's entries in schema order; `BundleMalformed` for an entry that is neither form."""
    return tuple(_entry(part) for part in bundle.content)


def _entry_part(entry: Entry) -> dict[str, str | int | bool | None]:
    if isinstance(entry, Hidden):
        return {"leaf": entry.leaf.hex()}
    return {"name": entry.name, "type": entry.type, "value": entry.value, "salt": entry.salt.hex()}


def _entry(part: dict[str, Any]) -> Entry:
    try:
        if set(part) == {"leaf"} and len(part["leaf"]) == 64:
            leaf = bytes.fromhex(part["leaf"])
            if leaf.hex() == part["leaf"]:
                return Hidden(leaf)
        if set(part) == {"name", "type", "value", "salt"} and len(part["salt"]) == 32:
            names = isinstance(part["name"], str) and isinstance(part["type"], str)
            salt = bytes.fromhex(part["salt"])
            if names and salt.hex() == part["salt"]:
                return Revealed(part["name"], part["type"], part["value"], salt)
    except (TypeError, ValueError):
        pass
    raise BundleMalformed("an entry of a bundle's content is a revealed field or a hidden leaf")


def _header_part(header: BlockHeader) -> HeaderPart:
    return HeaderPart(
        height=header.height,
        parent=header.parent.hex(),
        transaction_root=header.transaction_root.hex(),
        receipt_root=header.receipt_root.hex(),
        state_root=header.state_root.hex(),
        time=header.time,
        view=header.view,
        proposer=header.proposer,
        membership=header.membership.hex(),
        next_membership=header.next_membership.hex(),
    )


def _handover_part(handover: Handover) -> HandoverPart:
    return HandoverPart(
        header=_header_part(handover.certified.header),
        certificate=_certificate_part(handover.certified.certificate),
        next_membership=tuple(
            ReplicaPart(
                name=replica.name,
                consensus_key=replica.consensus_key.hex(),
                tls_key_digest=replica.tls_key_digest.hex(),
            )
            for replica in handover.next_membership.replicas
        ),
    )


def _certificate_part(certificate: QuorumCertificate) -> CertificatePart:
    return CertificatePart(
        view=certificate.view,
        signers=certificate.signers,
        signatures=tuple(signature.hex() for signature in certificate.signatures),
    )
