"""TLS of the pages and the API: who may be spoken to in plain HTTP, and how all others are."""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509

from euthymia.app.config import ServeConfig
from euthymia.ground.errors import AccessError, MissingError, SchemaError

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"  # of TLS 1.2; those of 1.3 are all sound
_ADVICE: Final = (
    "make certificates with `euthymia certificates --server NAME FOLDER` (or have your own) and "
    "name them in [serve] of euthymia.toml; or set behind_proxy = true there, if a proxy in front "
    "ends TLS"
)


def on_this_machine(host: str) -> bool:
    """Tell whether only callers on this machine reach what listens at `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def tls_context(serve: ServeConfig, host: str) -> ssl.SSLContext | None:
    """Return how to speak TLS at `host`; None where plain HTTP is in order.

    Raises
    ------
    AccessError
        Others than this machine would be spoken to in plain HTTP; or others may read the key.
    MissingError, SchemaError
        A file is not there; or certificate and key do not fit each other.
    """
    if serve.certificate is None or serve.key is None:
        if on_this_machine(host) or serve.behind_proxy:
            return None
        raise AccessError(f"{host} is reached from other machines, which takes TLS: {_ADVICE}")
    _require_own(Path(serve.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(serve.certificate, serve.key, password=_no_password)
    except FileNotFoundError as error:
        raise MissingError("serve.certificate names a file that is not there") from error
    except (ssl.SSLError, ValueError) as error:
        raise SchemaError(
            "serve.certificate and serve.key are a PEM certificate and its own key, not encrypted"
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # else OpenSSL would ask on the terminal


def _require_own(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except FileNotFoundError as error:
        raise MissingError("serve.key names a file that is not there") from error
    if mode & 0o007:
        raise AccessError("the file of serve.key can be read by everybody: chmod 600 it")


def address_at(serve: ServeConfig, host: str, port: int) -> str:
    """Return where browsers find the server that listens at `host` and `port`."""
    secure = serve.certificate is not None and serve.key is not None
    name = (secure and server_name(serve)) or (f"[{host}]" if ":" in host else host)
    return f"{'https' if secure else 'http'}://{name}:{port}"


def server_name(serve: ServeConfig) -> str | None:
    """Return the first name, or else address, in the server's certificate."""
    if serve.certificate is None:
        return None
    try:
        made = x509.load_pem_x509_certificate(Path(serve.certificate).read_bytes())
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    found = [
        *names.get_values_for_type(x509.DNSName),
        *(
            f"[{a}]" if a.version == 6 else str(a)
            for a in names.get_values_for_type(x509.IPAddress)
        ),
    ]
    return found[0] if found else None
