"""Certificates by which the machines of one clinic know each other: an own authority, one node.

For mutual TLS between the processes of a computing cluster, and for the pages and the API of a
clinic in a closed network. The authority's key is used once and not kept: to add a machine, copy
the folder to it over a safe way, or make a new set for all.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from euthymia.ground.errors import MissingError, SchemaError

AUTHORITY: Final = "authority.pem"
NODE: Final = "node.pem"
KEY: Final = "node.key"
SERVER: Final = "server.pem"
SERVER_KEY: Final = "server.key"
LIFETIME: Final = timedelta(days=365)
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63}){0,8}")
_SIGNS: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def make_certificates(folder: Path, *, now: datetime) -> None:
    """Write an authority's certificate, and a node's certificate and key signed by it.

    Parameters
    ----------
    folder : Path
        Made readable by its owner alone. Files in it are replaced.
    now : datetime
        Aware; the certificates hold from an hour before (clocks differ) for a year.
    """
    names = [x509.DNSName("localhost")]
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    _make(folder, (NODE, KEY), ("Euthymia cluster authority", "Euthymia node"), names, both, now)


def make_server_certificates(folder: Path, names: Sequence[str], *, now: datetime) -> None:
    """Write an authority's certificate, and a server's certificate and key signed by it.

    Browsers of the clinic are told to trust `authority.pem`, which can vouch for these names alone.

    Parameters
    ----------
    folder : Path
        Made readable by its owner alone. Files in it are replaced.
    names : sequence of str
        What browsers call the server: names, such as "clinic.lan", and addresses.
    now : datetime
        Aware; the certificates hold from an hour before (clocks differ) for a year.

    Raises
    ------
    SchemaError
        No name, or one that is neither a host's name nor an address.
    """
    if not names:
        raise SchemaError("a server's certificate needs the name that browsers use")
    alternative = [_alternative(name) for name in names]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH]
    titles = ("Euthymia clinic authority", "Euthymia server")
    _make(folder, (SERVER, SERVER_KEY), titles, alternative, uses, now)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not _HOST.fullmatch(name):
        raise SchemaError("a server is named by a host's name, such as clinic.lan, or its address")
    return x509.DNSName(name.lower())


def _constraint(name: x509.GeneralName) -> x509.GeneralName:
    """Return the subtree of one name: an address becomes the network of it alone."""
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(str(name.value)))
    return name


def _make(
    folder: Path,
    files: tuple[str, str],
    titles: tuple[str, str],
    names: Sequence[x509.GeneralName],
    uses: Sequence[x509.ObjectIdentifier],
    now: datetime,
) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, title = (_named(title) for title in titles)
    limits = x509.NameConstraints([_constraint(name) for name in names], None)
    authority = (
        _certificate(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(limits, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    issued = (
        _certificate(title, authority_name, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_identifier(authority_key), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    _write(folder / AUTHORITY, authority.public_bytes(pem))
    _write(folder / files[0], issued.public_bytes(pem))
    _write(folder / files[1], key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


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
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
