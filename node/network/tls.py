"""Mutual TLS 1.3 between the members of a network, and who is at the other end (protocol 12.2).

The network's own CA signs every certificate; a certificate of another CA, expired or missing ends in the
handshake. A node's identity is the pin of its TLS public key, nothing else; the roles of callers are extended key usages.
"""

import hashlib
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.network.directory import Directory


class LinkRole(StrEnum):
    """What a certificate entitles its bearer to say; the values are its extended key usage."""

    NODE = "1.3.6.1.4.1.59999.1.1"
    GATEWAY = "1.3.6.1.4.1.59999.1.2"
    RELAYER = "1.3.6.1.4.1.59999.1.3"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a certificate speaks for: its roles, and the number of the node whose pinned key it is, if any."""

    roles: frozenset[LinkRole]
    node: int | None


def server_context(folder: Path) -> ssl.SSLContext:
    """What a node listens with: TLS 1.3, certificates on both sides.

    No session is resumed, for a resumed one would not show its certificate again, which may have expired.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, folder)
    context.num_tickets = 0
    return context


def client_context(folder: Path) -> ssl.SSLContext:
    """What a node dials with. Names in certificates are not used: the pin identifies."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, folder)
    context.check_hostname = False
    return context


def identify(certificate: bytes | None, directory: Directory) -> Identity:
    """Who is behind a peer's certificate (DER) that the handshake has already accepted; nobody if it cannot be read."""
    try:
        parsed = x509.load_der_x509_certificate(certificate or b"")
        usages = [extension.value for extension in parsed.extensions]
        key = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001 - the parser has many ways to say no
        return Identity(frozenset(), None)
    oids = {oid.dotted_string for usage in usages if isinstance(usage, x509.ExtendedKeyUsage) for oid in usage}
    roles = frozenset(role for role in LinkRole if role.value in oids)
    node = directory.find(hashlib.sha256(key).digest())
    return Identity(roles, node if LinkRole.NODE in roles else None)


def _context(protocol: int, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.crt")
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context
