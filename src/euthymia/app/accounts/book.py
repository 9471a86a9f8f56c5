"""The book of accounts: one sealed file, changed under a lock, each time as a new generation."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

import msgspec

from euthymia.app.turn import OncePerTurn
from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import context, seal, unseal

FORMAT: Final = 1
T = TypeVar("T")


class Passkey(msgspec.Struct):
    """One WebAuthn credential. `uses` is the authenticator's own count (0: it keeps none)."""

    id: bytes
    public_key: bytes
    uses: int
    added_at: int


class Account(msgspec.Struct):
    """One user. `enrol_id` is the one enrolment link that holds; `handle` is WebAuthn's user id."""

    role: str
    handle: bytes
    made_at: int
    password: str = ""
    totp: bytes = b""
    totp_step: int = -1
    passkeys: list[Passkey] = []
    enrol_id: str = ""
    disabled: bool = False
    subject: str = ""  # of a patient's account: whose record is their own

    @property
    def enrolled(self) -> bool:
        """Tell whether there is a way to sign in."""
        return bool((self.password and self.totp) or self.passkeys)


class Failures(msgspec.Struct):
    """Failed sign-ins of one name, known or not: how many, the last, and locked until when."""

    count: int
    last: int
    until: int


class Emergency(msgspec.Struct):
    """Somebody broke the glass. Times in seconds since 1970 UTC; 0: not yet."""

    id: str
    user: str
    subject: str
    reason: str
    began: int
    until: int
    ended: int = 0
    seen_by: str = ""
    seen_at: int = 0

    def open_at(self, second: int) -> bool:
        """Tell whether the time is not up and nobody ended it."""
        return self.began <= second < self.until and not self.ended


class Book(msgspec.Struct):
    """All of it. `ended`: sessions and tokens of a user from before this second hold no more."""

    generation: int = 0
    accounts: dict[str, Account] = {}
    failures: dict[str, Failures] = {}
    ended: dict[str, int] = {}
    emergencies: list[Emergency] = []


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Book).decode
_PLACE: Final = context("accounts", FORMAT)
_Stamp = tuple[int, int, int]


class BookFile:
    """The file: read when it changed, written whole, durable before a change is told."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.key = key
        self._stamp = OncePerTurn(self._look)
        self._lock = Lock()
        self._read: tuple[_Stamp | None, Book] | None = None
        self._newest = 0

    def now(self) -> Book:
        """Return the book as it rests on disk. Not to be changed by the caller.

        Raises
        ------
        IntegrityError
            The file was changed, or is older than one this process has seen.
        """
        stamp = self._stamp()
        kept = self._read
        if kept is not None and kept[0] == stamp:
            return kept[1]
        book = self._load()
        self._read = (stamp, book)
        return book

    def change(self, how: Callable[[Book], T]) -> tuple[T, int]:
        """Apply a change and return what it returned and the new generation.

        One change at a time, over threads and processes; the file is whole at every instant.
        """
        with self._lock, self._alone():
            book = self._load()
            result = how(book)
            book.generation += 1
            self._write(book)
            self._newest = book.generation
            self._read = None
            self._stamp.forget()
            return result, book.generation

    def _look(self) -> _Stamp | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - on the path of every call: 1 us less
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> Book:
        newest = self._newest  # before reading: another thread may write while this one reads
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            book = Book()
        else:
            try:
                book = _decode(unseal(self.key, sealed, context=_PLACE))
            except (IntegrityError, msgspec.DecodeError):
                raise IntegrityError(
                    "accounts.sealed does not open: it was changed, or belongs to another clinic; "
                    "restore it from a backup"
                ) from None
        if book.generation < newest:
            raise IntegrityError(
                "accounts.sealed is older than it was: somebody put back an earlier copy, or "
                "removed it; restore the newest"
            )
        self._newest = max(self._newest, book.generation)
        return book

    def _write(self, book: Book) -> None:
        sealed = seal(self.key, _encode(book), context=_PLACE)
        building = self.path.with_name(f".{self.path.name}-{secrets.token_hex(4)}")
        handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            building.replace(self.path)
        except BaseException:
            building.unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self.path.with_name(".accounts.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
