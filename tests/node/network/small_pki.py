"""Certificates for tests, made with the network's own tools, and one that those tools would not make."""

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.membership import Membership, Replica
from node.network.tls import LinkRole
from scripts.pki import _load_key, make_authority, make_member
from tests.chain.small_network import key_pair

NAMES = ("beijing", "shanghai", "guangzhou", "xian")


@dataclass(frozen=True, slots=True)
class Pki:
    """A network's certificates: a folder per member, and the membership with their pins."""

    folder: Path
    membership: Membership

    def of(self, name: str) -> Path:
        """The folder of a member."""
        return self.folder / name

    def member(self, name: str, role: str, *, days: int = 30, authority: str = "ca") -> Path:
        """The folder of one more member."""
        make_member(self.folder / authority, self.folder / name, name, role, days=days)
        return self.folder / name


def make_pki(folder: Path) -> Pki:
    """A network's authority, a rival authority, four replicas and a gateway."""
    for authority in ("ca", "rival"):
        (folder / authority).mkdir()
        make_authority(folder / authority, authority)
    pins = [make_member(folder / "ca", folder / name, name, LinkRole.NODE) for name in NAMES]
    make_member(folder / "ca", folder / "gateway", "gateway", LinkRole.GATEWAY)
    replicas = tuple(
        Replica(name=name, consensus_key=key_pair(name).public_key, tls_key_digest=pin)
        for name, pin in zip(NAMES, pins, strict=True)
    )
    return Pki(folder, Membership(replicas=replicas))


def bare_certificate(pki: Pki, name: str) -> Path:
    """Sign a certificate of no usage at all, with the network's own authority, for a member's own key."""
    folder = pki.of(name)
    key = _load_key(folder / "tls.key")
    authority = x509.load_pem_x509_certificate((pki.folder / "ca" / "ca.crt").read_bytes())
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - a certificate's own time
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(_load_key(pki.folder / "ca" / "ca.key"), hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder


def pin_of(folder: Path) -> bytes:
    """The pin of the key in a folder."""
    key: ec.EllipticCurvePublicKey = _load_key(folder / "tls.key").public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
