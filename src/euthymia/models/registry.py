"""Which models this clinic has, and which are in use: bundles and a signed index in one folder.

Every byte of every file is vouched for: the index by its signature, each bundle by its own
signature and by its digest in the index. The index carries a counter that only grows; a folder put
back to an older state as a whole is noticed by whoever remembers the counter (`counter`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.models.bundle import Bundle, Keys, file_digest, make_bundle, pack, unpack
from euthymia.models.export import check_bytes

if TYPE_CHECKING:
    from euthymia.models.train import Trained  # training is heavy to import, and not needed here

INDEX: Final = "index"
LOCK: Final = "lock"
_MAGIC: Final = b"EUTHIDX1"
_SIGNATURE_BYTES: Final = 64
REFUSED: Final = "not evidence"  # in a verdict: the audits do not vouch for the figures


Names = list[str]  # the class below has a method called list


class Registered(msgspec.Struct, frozen=True):
    """One version of one model. `state`: candidate, released or superseded."""

    name: str
    version: int
    task: str
    state: str
    digest: str
    trained_at: str
    evidence: str
    synthetic: bool


class Event(msgspec.Struct, frozen=True):
    """One change of the registry, in order of `counter`."""

    counter: int
    action: str
    name: str
    version: int
    because: str = ""


class _Index(msgspec.Struct, frozen=True):
    counter: int = 0
    models: tuple[Registered, ...] = ()
    history: tuple[Event, ...] = ()


def _file_name(name: str, version: int) -> str:
    return f"{name}@{version}.bundle"


def _write(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Registry:
    """The models of one clinic.

    Parameters
    ----------
    folder : Path
        Made on the first `add`.
    keys : Keys
        The clinic's keyring: bundles are sealed and signed with it, and no others are read.
    """

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._keys = keys

    # -- reading ---------------------------------------------------------------------------------
    @property
    def counter(self) -> int:
        """The number of changes so far; it never falls."""
        return self._read().counter

    def list(self) -> tuple[Registered, ...]:
        """Return every version of every model, by name and version."""
        return tuple(sorted(self._read().models, key=lambda m: (m.name, m.version)))

    def history(self) -> tuple[Event, ...]:
        """Return every change, oldest first."""
        return self._read().history

    def find(self, model: str) -> Registered:
        """Return NAME@VERSION, or the newest version of NAME.

        Raises
        ------
        MissingError
            There is no such model.
        """
        return self._find(self._read(), model)

    def load(self, model: str) -> tuple[Bundle, Registered]:
        """Return a bundle and its entry, after every check (see `unpack`)."""
        entry = self.find(model)
        return self._open(entry), entry

    def load_released(self, name: str) -> tuple[Bundle, Registered]:
        """Return the bundle in use under a name.

        Raises
        ------
        MissingError
            None is released.
        IntegrityError
            The index or the bundle is not as it was written.
        """
        for entry in self._read().models:
            if entry.name == name and entry.state == "released":
                return self._open(entry), entry
        raise MissingError("no such model is released; `euthymia models` lists them")

    def trained_with(self, subject: str) -> Names:
        """Return the models (NAME@VERSION) whose training data held a subject."""
        return [
            f"{entry.name}@{entry.version}"
            for entry in self.list()
            if subject in self._open(entry).people
        ]

    # -- writing ---------------------------------------------------------------------------------
    def add(self, trained: "Trained") -> Registered:
        """Seal and keep a trained model as a candidate; its version is the next of its name."""
        return self.add_bundle(make_bundle(trained, 0))

    def add_bundle(self, made: Bundle) -> Registered:
        """Do as `add` for a bundle, whatever version it has."""
        check_bytes(made.onnx)
        with self._locked() as index:
            name = made.name
            version = 1 + max((m.version for m in index.models if m.name == name), default=0)
            bundle = msgspec.structs.replace(made, version=version)
            content = pack(bundle, self._keys)
            entry = Registered(
                name,
                version,
                bundle.task,
                "candidate",
                file_digest(content),
                bundle.trained_at,
                bundle.evidence,
                bundle.synthetic,
            )
            _write(self._folder / _file_name(name, version), content)
            self._save(index, (*index.models, entry), "add", entry, "")
        return entry

    def release(self, model: str, *, because: str = "") -> Registered:
        """Put NAME@VERSION (or the newest version of NAME) into use; the one before is superseded.

        Parameters
        ----------
        because : str
            Needed where the audits refuse to call the model's figures evidence: confounded, or no
            better than chance.

        Raises
        ------
        MissingError
            There is no such model.
        EuthymiaError
            The model's figures are not evidence and no reason is given.
        IntegrityError
            The bundle is not as it was written.
        """
        with self._locked() as index:
            entry = self._find(index, model)
            self._open(entry)
            if REFUSED in entry.evidence and not because.strip():
                raise EuthymiaError(
                    f"{entry.name}@{entry.version} is {entry.evidence} (see its report); it is not"
                    " released without a reason of its own"
                )
            released = msgspec.structs.replace(entry, state="released")
            models = tuple(self._after_release(m, released) for m in index.models)
            self._save(index, models, "release", released, because)
        return released

    @staticmethod
    def _after_release(model: Registered, released: Registered) -> Registered:
        if (model.name, model.version) == (released.name, released.version):
            return released
        if model.name == released.name and model.state == "released":
            return msgspec.structs.replace(model, state="superseded")
        return model

    # -- checking --------------------------------------------------------------------------------
    def verify(self, *, least_counter: int = 0) -> Names:
        """Read and authenticate every file; return the problems found, in words.

        Parameters
        ----------
        least_counter : int
            The largest counter ever seen: an index below it was put back from an older copy.
        """
        if not self._folder.is_dir():
            return ["the registry is missing"] if least_counter else []
        try:
            index = self._read()
        except IntegrityError as error:
            return [str(error)]
        problems = []
        if index.counter < least_counter:
            problems.append("the registry was put back to an older state")
        for entry in index.models:
            try:
                self._open(entry)
            except EuthymiaError as error:
                problems.append(f"{entry.name}@{entry.version}: {error}")
        return problems + self._strangers(index)

    def _strangers(self, index: _Index) -> Names:
        """Name files that nothing vouches for; what a crash during `add` leaves is ours."""
        known = {_file_name(m.name, m.version) for m in index.models} | {INDEX, LOCK}
        problems = []
        for path in sorted(self._folder.iterdir()):
            if path.name in known or path.name.endswith(".part"):
                continue
            try:
                unpack(path.read_bytes(), self._keys)
            except (EuthymiaError, OSError):
                problems.append(f"{path.name}: not a file of the registry: remove it")
        lock = self._folder / LOCK
        if lock.is_file() and lock.stat().st_size:
            problems.append("lock: it should be empty")
        return problems

    # -- files -----------------------------------------------------------------------------------
    @staticmethod
    def _find(index: _Index, model: str) -> Registered:
        name, _, version = model.partition("@")
        found = [
            m for m in index.models if m.name == name and (not version or str(m.version) == version)
        ]
        if not found:
            raise MissingError("no such model; `euthymia models` lists them")
        return max(found, key=lambda m: m.version)

    def _open(self, entry: Registered) -> Bundle:
        path = self._folder / _file_name(entry.name, entry.version)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise IntegrityError("the bundle is missing") from error
        if file_digest(content) != entry.digest:
            raise IntegrityError("the bundle is not the one that was registered")
        bundle = unpack(content, self._keys)
        if (bundle.name, bundle.version) != (entry.name, entry.version):
            raise IntegrityError("the bundle is another model's")
        return bundle

    def _read(self) -> _Index:
        path = self._folder / INDEX
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            if self._folder.is_dir() and any(self._folder.glob("*.bundle")):
                raise IntegrityError("the registry's index is missing") from None
            return _Index()
        start = len(_MAGIC) + _SIGNATURE_BYTES
        signature, body = content[len(_MAGIC) : start], content[start:]
        try:
            self._keys.verifier("model").verify(signature, _MAGIC + body)
        except InvalidSignature as error:
            raise IntegrityError("the registry's index is not as it was signed") from error
        if content[: len(_MAGIC)] != _MAGIC:
            raise IntegrityError("the registry's index is not as it was signed")
        return msgspec.json.decode(body, type=_Index)

    def _save(
        self,
        index: _Index,
        models: tuple[Registered, ...],
        action: str,
        entry: Registered,
        because: str,
    ) -> None:
        counter = index.counter + 1
        event = Event(counter, action, entry.name, entry.version, because)
        body = msgspec.json.encode(_Index(counter, models, (*index.history, event)), order="sorted")
        signature = self._keys.signer("model").sign(_MAGIC + body)
        _write(self._folder / INDEX, _MAGIC + signature + body)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody from changing the folder for the length of a `with` block."""
        with self._locked():
            yield

    @contextmanager
    def _locked(self) -> Iterator[_Index]:
        """Hold the folder against other processes and read the index anew."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for part in self._folder.glob(".*.part"):
                part.unlink()
            yield self._read()
        finally:
            os.close(descriptor)
