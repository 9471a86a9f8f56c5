"""A text of the clinic's own that holds only as it was accepted: a file, and a keyed digest of it.

A person edits the file; `accept` puts it into force. What was changed behind the clinic's back is
refused at the next use, and found by `euthymia verify`.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path

from euthymia.ground.errors import IntegrityError, MissingError, SchemaError
from euthymia.security.keys import Keyring


@dataclass(frozen=True, slots=True)
class AcceptedText:
    """One such text. There need be none: then neither the file nor its seal is there.

    Attributes
    ----------
    file : Path
        What a person may write; the seal lies beside it.
    about : str
        What it is about. It is digested with the text, so that no seal fits another file.
    command : str
        The command that checks it and accepts it.
    """

    file: Path
    about: str
    command: str

    @property
    def seal(self) -> Path:
        """Return the file of the keyed digest of what was accepted last."""
        return self.file.with_name(f"{self.file.name}.seal")

    def read(self, keyring: Keyring) -> str:
        """Return the text as it was accepted; "" where there is none.

        Raises
        ------
        IntegrityError
            The file is not the one that was accepted, or one of file and seal is gone.
        """
        if not self.file.is_file() and not self.seal.is_file():
            return ""
        raw = self.file.read_bytes() if self.file.is_file() else b""
        sealed = self.seal.read_bytes() if self.seal.is_file() else b""
        if not hmac.compare_digest(sealed, self._seal_of(keyring, raw)):
            raise IntegrityError(
                f"{self.file.name} is not the file that was accepted; if the change is yours, look "
                f"at it with `{self.command} check` and accept it with `{self.command} accept`"
            )
        return raw.decode("utf-8")

    def keep(self, keyring: Keyring, raw: bytes | None) -> None:
        """Put a text in its place and seal it; None: there is none any more."""
        if raw is None:
            self.seal.unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)
            return
        self.file.write_bytes(raw)
        self.seal.write_bytes(self._seal_of(keyring, raw))
        self.seal.chmod(0o600)

    def _seal_of(self, keyring: Keyring, raw: bytes) -> bytes:
        digest = hmac.new(keyring.derive("config"), self.about.encode() + b"\0" + raw, "sha256")
        return digest.hexdigest().encode() + b"\n"


def read_text(path: Path) -> str:
    """Return the text of a file that was named; MissingError or SchemaError where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise MissingError(f"there is no file {path}") from None
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path}: byte {error.start + 1} is not UTF-8 text") from None
