"""A root that rests in a PKCS#11 token (a hardware security module, a smart card): extra `hsm`.

The token holds an AES-256 key that never leaves it; it seals the root secret (AES-GCM).
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from euthymia.ground.errors import AccessError, BusyError, EuthymiaError, IntegrityError
from euthymia.security.envelope import NONCE_BYTES, TAG_BYTES
from euthymia.security.roots import Ask, Settings

PKCS11: Final = "pkcs11"


class Token:
    """A root secret sealed by a key in a PKCS#11 token.

    `settings`: `module` (path of the vendor's library), `token` (its label), `key` (the label of
    the AES key in it, made there if it is not there yet).
    """

    kind = PKCS11

    def __init__(self, ask: Ask, settings: Settings) -> None:
        self._ask = ask
        self.settings: dict[str, str | int] = dict(settings)
        missing = [name for name in ("module", "token", "key") if not self.settings.get(name)]
        if missing:
            raise EuthymiaError(f"a PKCS#11 root needs its {', '.join(missing)}")

    def seal(self, secret: bytes, *, context: bytes) -> bytes:
        """See `Vault.seal`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        with self._session(write=True) as (pkcs11, session):
            try:
                key = session.get_key(**self._wanted(pkcs11))
            except pkcs11.exceptions.NoSuchKey:
                key = self._make(pkcs11, session)
            return nonce + bytes(key.encrypt(secret, **_gcm(pkcs11, nonce, context)))

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """See `Vault.unseal`."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        with self._session() as (pkcs11, session):
            try:
                key = session.get_key(**self._wanted(pkcs11))
            except pkcs11.exceptions.NoSuchKey:
                raise IntegrityError(
                    "the PKCS#11 token does not hold the clinic's root key: insert the right token"
                ) from None
            try:
                return bytes(key.decrypt(body, **_gcm(pkcs11, nonce, context)))
            except pkcs11.exceptions.PKCS11Error:
                raise IntegrityError(
                    "the PKCS#11 token does not open keys/tree: its key is another one"
                ) from None

    def _wanted(self, pkcs11: ModuleType) -> dict[str, Any]:
        return {
            "label": str(self.settings["key"]),
            "key_type": pkcs11.KeyType.AES,
            "object_class": pkcs11.ObjectClass.SECRET_KEY,
        }

    def _make(self, pkcs11: ModuleType, session: Any) -> Any:  # noqa: ANN401 - untyped library
        never_out = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
        return session.generate_key(
            pkcs11.KeyType.AES,
            256,
            label=str(self.settings["key"]),
            store=True,
            capabilities=pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT,
            template=never_out,
        )

    @contextmanager
    def _session(self, *, write: bool = False) -> Iterator[tuple[ModuleType, Any]]:
        try:
            import pkcs11
        except ImportError:
            raise EuthymiaError(
                "a PKCS#11 root needs the extra `hsm`: pip install -e '.[hsm]' "
                "in the software's folder"
            ) from None
        pin = self._ask("the PIN of the PKCS#11 token").rstrip(b"\r\n").decode(errors="replace")
        errors = pkcs11.exceptions
        try:
            token = pkcs11.lib(str(self.settings["module"])).get_token(
                token_label=str(self.settings["token"])
            )
            with token.open(user_pin=pin, rw=write) as session:
                yield pkcs11, session
        except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange):
            raise AccessError("the PKCS#11 token refuses this PIN") from None
        except (errors.PinLocked, errors.PinExpired):
            raise AccessError("the PIN of the PKCS#11 token is locked or expired") from None
        except (errors.PKCS11Error, RuntimeError, OSError) as error:
            raise BusyError(
                f"the PKCS#11 token does not answer ({type(error).__name__}): nothing can be "
                "opened without it; insert it, and check its module and label"
            ) from None


def _gcm(pkcs11: ModuleType, nonce: bytes, context: bytes) -> dict[str, Any]:
    params = pkcs11.GCMParams(nonce, context, TAG_BYTES * 8)
    return {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": params}
