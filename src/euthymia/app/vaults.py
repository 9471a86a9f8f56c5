"""Where a root key may rest, for the command line: which vault, and who is asked for its secret.

OpenBao (or HashiCorp Vault, whose API it has) is a client here and not in `security`: it opens a
socket. It is asked once, when a home is opened; nothing of a person is sent to it.
"""

import base64
import binascii
import http.client
import ipaddress
import json
import os
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from euthymia.app.outbound import allow
from euthymia.ground.errors import AccessError, BusyError, EuthymiaError, IntegrityError
from euthymia.security.roots import (
    NEW_PHRASE,
    OLD_PHRASE,
    Ask,
    OpenVault,
    Passphrase,
    Settings,
    Vault,
    local_vault,
)
from euthymia.security.roots import no_secret as nobody_to_ask

OPENBAO: Final = "openbao"
SECRET_FILE: Final = "EUTHYMIA_KEY_SECRET_FILE"  # noqa: S105 - a variable's name
SECRET_FD: Final = "EUTHYMIA_KEY_SECRET_FD"  # noqa: S105 - a variable's name
_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 65536


class OpenBao:
    """A root secret sealed by a key of an OpenBao transit engine.

    `settings`: `address` (https, or http on this machine alone), `key`, `mount` (transit),
    `ca_file` (the authority that signed the server's certificate, where it is the clinic's own).
    The secret asked for is a token that may use `encrypt` and `decrypt` of that key.
    """

    kind = OPENBAO

    def __init__(self, ask: Ask, settings: Settings) -> None:
        self._ask = ask
        self.settings: dict[str, str | int] = {"mount": "transit", **settings}
        missing = [name for name in ("address", "key") if not self.settings.get(name)]
        if missing:
            raise EuthymiaError(f"an OpenBao root needs its {', '.join(missing)}")

    def seal(self, secret: bytes, *, context: bytes) -> bytes:
        """See `Vault.seal`."""
        body = {"plaintext": _encoded(secret), "associated_data": _encoded(context)}
        return self._answer("encrypt", body, "ciphertext").encode()

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """See `Vault.unseal`."""
        body = {"ciphertext": sealed.decode(), "associated_data": _encoded(context)}
        try:
            return base64.b64decode(self._answer("decrypt", body, "plaintext"), validate=True)
        except binascii.Error:
            raise IntegrityError("OpenBao gave an answer that cannot be read") from None

    def _answer(self, action: str, body: Mapping[str, str], wanted: str) -> str:
        mount, key = (quote(str(self.settings[name]), safe="") for name in ("mount", "key"))
        status, raw = self._post(f"/v1/{mount}/{action}/{key}", json.dumps(body).encode())
        if status in {401, 403}:
            raise AccessError("OpenBao refuses this token for the clinic's root key")
        if status == 400:
            raise IntegrityError(
                "OpenBao does not open keys/tree: its key is another one, or the file is of "
                "another home"
            )
        if status != 200:
            raise BusyError(
                f"OpenBao answers with status {status} (sealed, or without that engine): nothing "
                "can be opened until it works"
            )
        try:
            return str(json.loads(raw)["data"][wanted])
        except (ValueError, KeyError, TypeError):
            raise IntegrityError("OpenBao gave an answer that cannot be read") from None

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        token = self._ask("the OpenBao token").strip().decode("ascii", errors="replace")
        headers = {"X-Vault-Token": token, "Content-Type": "application/json"}
        connection = self._connection()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise BusyError(
                f"the key service does not answer ({type(error).__name__}): nothing can be opened "
                "until it does"
            ) from None
        except ValueError:
            raise AccessError("the OpenBao token is not one") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(str(self.settings["address"]))
        host = parts.hostname or ""
        allow(host)
        if parts.scheme == "https":
            authority = self.settings.get("ca_file")
            trust = ssl.create_default_context(cafile=str(authority) if authority else None)
            return http.client.HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=trust)
        if parts.scheme == "http" and _is_here(host):
            return http.client.HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        raise EuthymiaError("OpenBao's address must begin with https:// (http:// on this machine)")


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# -- secrets -------------------------------------------------------------------------------------


@cache
def _from_descriptor(number: int) -> bytes:
    with os.fdopen(number, "rb") as pipe:  # once: a pipe is empty after that
        return pipe.read(_MOST_BYTES)


def asker(file: str | None = None, descriptor: int | None = None, *, given: bool = False) -> Ask:
    """Return what is asked for a passphrase, a PIN or a token: never an argument of a command.

    In this order: `descriptor`, `EUTHYMIA_KEY_SECRET_FD`, `EUTHYMIA_KEY_SECRET_FILE`, `file`, and
    whoever sits at the terminal. A file that is `given` to this command goes before all.
    """

    def ask(words: str) -> bytes:
        number = os.environ.get(SECRET_FD) if descriptor is None else descriptor
        if given and file:
            return _from_file(Path(file))
        if number is not None:
            try:
                return _from_descriptor(int(number))
            except (ValueError, OSError):
                raise AccessError("the descriptor of the secret cannot be read") from None
        named = os.environ.get(SECRET_FILE) or file
        return _from_file(Path(named)) if named else _from_person(words)

    return ask


def _from_file(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_mode & 0o077:
            raise AccessError(f"others may read the secret's file: run `chmod 600 {path}`")
        return path.read_bytes()[:_MOST_BYTES]
    except OSError as error:
        raise AccessError(f"the secret's file cannot be read ({error.strerror}): {path}") from None


def _from_person(words: str) -> bytes:
    from euthymia.app.shell import bars_held, interactive

    if not interactive():
        return nobody_to_ask(words)
    if words == OLD_PHRASE and _CHOSEN:
        return _CHOSEN[0]
    import click

    again = "the same again" if words == NEW_PHRASE else False
    with bars_held():
        said: Any = click.prompt(words, hide_input=True, err=True, confirmation_prompt=again)
    typed = str(said).encode()
    if again:
        _CHOSEN[:] = [typed]
    return typed


_CHOSEN: Final[list[bytes]] = []
"""The passphrase that was chosen at this terminal: the home is opened with it, and not by typing
it a third time. It was typed twice, since after a slip of the finger nothing opens any more."""


def vault_of(kind: str, settings: Settings, ask: Ask) -> Vault | None:
    """Return a new vault to keep a root in; None for a key file."""
    if kind == "key-file":
        return None
    if kind == "passphrase":
        return Passphrase(ask)
    return opener(ask)(kind, settings)


class Entrusted:
    """The root secret as the process that started this one opened it: nobody is asked again."""

    def __init__(self, kind: str, settings: Settings, secret: bytes) -> None:
        self.kind, self.settings, self._secret = kind, dict(settings), secret

    def seal(self, secret: bytes, *, context: bytes) -> bytes:  # noqa: ARG002 - as in `Vault`
        """See `Vault.seal`: a worker seals no root."""
        raise AccessError("a worker of the server does not change the root key")

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:  # noqa: ARG002 - as in `Vault`
        """See `Vault.unseal`."""
        return self._secret


_ENTRUSTED: Final[list[bytes]] = []


def entrust(secret: bytes) -> None:
    """Take the root secret from the process that started this one, for as long as this one runs."""
    _ENTRUSTED[:] = [secret]


def opener(ask: Ask) -> OpenVault:
    """Return what opens the vault that a home's root rests in."""

    def open_vault(kind: str, settings: Settings) -> Vault:
        if _ENTRUSTED:
            return Entrusted(kind, settings, _ENTRUSTED[0])
        return OpenBao(ask, settings) if kind == OPENBAO else local_vault(kind, settings, ask)

    return open_vault
