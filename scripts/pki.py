"""The network's own certificate authority and the certificates of its members (X.509, P-256, TLS 1.3)."""

import datetime
import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS: Final = 3_650
MEMBER_DAYS: Final = 397


def write_secret(path: Path, data: bytes) -> None:
    """A new file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def make_authority(folder: Path, network: str) -> None:
    """`ca.key` and `ca.crt` of a new authority in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{network} certificate authority")
    certificate = (
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_secret(folder / "ca.key", _private_pem(key))
    (folder / "ca.crt").write_bytes(certificate.public_bytes(Encoding.PEM))


def make_member(authority: Path, folder: Path, name: str, role: str, *, days: int = MEMBER_DAYS) -> bytes:
    """`tls.key`, `tls.crt` and `ca.crt` in `folder`; SHA-256 of the public key (SPKI), which is the pin.

    An existing key stays, so that a renewed certificate keeps the pin. `role` is the OID of an extended key usage.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tls.key"
    key = _load_key(path) if path.exists() else ec.generate_private_key(ec.SECP256R1())
    ca_certificate = x509.load_pem_x509_certificate((authority / "ca.crt").read_bytes())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, x509.ObjectIdentifier(role)]
    certificate = (
        _builder(_name(name), ca_certificate.subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(_load_key(authority / "ca.key"), hashes.SHA256())
    )
    write_secret(path, _private_pem(key))
    (folder / "tls.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
    return pin_of(folder)


def pin_of(folder: Path) -> bytes:
    """SHA-256 of the public key (SPKI) of the certificate in a member's folder."""
    certificate = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - X.509 counts by the calendar
    start = now - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
