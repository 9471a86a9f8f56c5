"""Certificates by which the machines of one clinic know each other: an own authority, one node.

For mutual TLS between the processes of a computing cluster. The authority's key is used once and
not kept: to add a machine, copy the folder to it over a safe way, or make a new set for all.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from euthymia.ground.errors import MissingError

AUTHORITY: Final = "authority.pem"
NODE: Final = "node.pem"
KEY: Final = "node.key"
LIFETIME: Final = timedelta(days=365)


def make_certificates(folder: Path, *, now: datetime) -> None:
    """Write an authority's certificate, and a node's certificate and key signed by it.

    Parameters
    ----------
    folder : Path
        Made readable by its owner alone. Files in it are replaced.
    now : datetime
        Aware; the certificates hold from an hour before (clocks differ) for a year.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, node_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _named("Euthymia cluster authority")
    authority = (
        _certificate(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    node = (
        _certificate(_named("Euthymia node"), authority_name, node_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(uses, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    _write(folder / AUTHORITY, authority.public_bytes(pem))
    _write(folder / NODE, node.public_bytes(pem))
    plain = serialization.NoEncryption()
    _write(folder / KEY, node_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def require_certificates(folder: Path) -> None:
    """Refuse a folder that lacks one of the three files."""
    absent = [name for name in (AUTHORITY, NODE, KEY) if not (folder / name).is_file()]
    if absent:
        raise MissingError(f"{folder} lacks {', '.join(absent)}: `euthymia certificates {folder}`")


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
