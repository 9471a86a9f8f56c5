"""Which models this clinic has, and which are in use: bundles, and roles that vouch for them.

Every byte of every file is vouched for: each bundle by its own signature and by its length and
digest in the targets, those by the snapshot, that by the timestamp (`models/roles.py`). The version
of the targets is a counter that only grows; `models.seen` beside the folder and the ledger remember
it, so that a folder put back to an older state is refused, and noticed by `verify` (`counter`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from euthymia.ground.clock import Clock
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.models.bundle import (
    MAX_BUNDLE_BYTES,
    Bundle,
    Keys,
    file_digest,
    make_bundle,
    pack,
    unpack,
)
from euthymia.models.export import check_bytes
from euthymia.models.roles import ROOT, TIMESTAMP, Event, Registered, Targets, TrustedSet
from euthymia.models.shelf_files import RoleFiles, read_bounded, write

if TYPE_CHECKING:
    from euthymia.models.train import Trained  # training is heavy to import, and not needed here

__all__ = ["INDEX", "Event", "Registered", "Registry"]

INDEX: Final = TIMESTAMP
"""The file whose change says that something changed."""
LOCK: Final = "lock"
OLD_INDEX: Final = "index"
"""Of homes made before there were roles; the next change replaces it."""
_OLD_MAGIC: Final = b"EUTHIDX1"
_SIGNATURE_BYTES: Final = 64
_INTO_USE: Final = frozenset({"release", "rollback"})
REFUSED: Final = "not evidence"  # in a verdict: the audits do not vouch for the figures


RELEASED: Final = "released"
SHADOW: Final = "shadow"
"""Asked beside the model in use, and shown to nobody."""
Names = list[str]  # the class below has a method called list


class _OldIndex(msgspec.Struct, frozen=True):
    counter: int = 0
    models: tuple[Registered, ...] = ()
    history: tuple[Event, ...] = ()


def _file_name(name: str, version: int) -> str:
    return f"{name}@{version}.bundle"


def _released_before(index: Targets, now: Registered) -> Registered | None:
    """Return what was in use before `now` came into use, from the history."""
    in_use = [e.version for e in index.history if e.name == now.name and e.action in _INTO_USE]
    versions = {m.version: m for m in index.models if m.name == now.name}
    older: list[int] = []  # as a stack: going back takes off what was put on
    for version in in_use:
        if version in older:
            older = older[: older.index(version)]
        older.append(version)
    older = [v for v in older if v != now.version and v in versions]
    return versions[older[-1]] if older else None


class Registry:
    """The models of one clinic.

    Parameters
    ----------
    folder : Path
        Made on the first `add`.
    keys : Keys
        The clinic's keyring: bundles are sealed and signed with it, and no others are read.
    clock : Clock, optional
        Without one nothing runs out.
    """

    def __init__(self, folder: Path, keys: Keys, clock: Clock | None = None) -> None:
        self._folder = folder
        self._keys = keys
        self._roles = RoleFiles(folder, keys, clock)

    # -- reading ---------------------------------------------------------------------------------
    @property
    def counter(self) -> int:
        """The number of changes so far; it never falls."""
        return self._read().version

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

    def load(self, model: str, *, for_use: bool = True) -> tuple[Bundle, Registered]:
        """Return a bundle and its entry, after every check (see `unpack`).

        Not `for_use` (who was it trained with?), also where the registry's timestamp has run out.
        """
        entry = self._find(self._read(for_use=for_use), model)
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
        for entry in self._read(for_use=True).models:
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
                len(content),
            )
            write(self._folder / _file_name(name, version), content)
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
                    " released without a reason of its own (--because)"
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

    def rollback(self, name: str, *, because: str) -> Registered:
        """Put the version that was released before the one in use back into use.

        Parameters
        ----------
        because : str
            Why; it stays in the history.

        Raises
        ------
        MissingError
            None is released, or none was before it.
        EuthymiaError
            No reason is given.
        IntegrityError
            The bundle is not as it was written.
        """
        if not because.strip():
            raise EuthymiaError("a model is not rolled back without a reason: say why")
        with self._locked() as index:
            now = [m for m in index.models if m.name == name and m.state == RELEASED]
            if not now:
                raise MissingError("no such model is released; `euthymia models` lists them")
            before = _released_before(index, now[0])
            if before is None:
                raise MissingError(
                    f"{name}@{now[0].version} is the first that was released: there is none to go"
                    " back to"
                )
            self._open(before)
            released = msgspec.structs.replace(before, state=RELEASED)
            models = tuple(self._after_release(m, released) for m in index.models)
            self._save(index, models, "rollback", released, because)
        return released

    def shadow(self, model: str, *, because: str = "") -> Registered:
        """Set a candidate beside the model in use: it is asked too, and shown to nobody.

        The one that was in the shadow before it is a candidate again.

        Raises
        ------
        MissingError
            There is no such model.
        EuthymiaError
            It is in use.
        IntegrityError
            The bundle is not as it was written.
        """
        with self._locked() as index:
            entry = self._find(index, model)
            self._open(entry)
            if entry.state == RELEASED:
                raise EuthymiaError(f"{entry.name}@{entry.version} is in use: it has no shadow")
            hidden = msgspec.structs.replace(entry, state=SHADOW)
            models = tuple(self._after_shadow(m, hidden) for m in index.models)
            self._save(index, models, "shadow", hidden, because)
        return hidden

    def shadow_of(self, name: str) -> Registered | None:
        """Return the model in the shadow under a name, None where there is none."""
        found = [m for m in self._read().models if m.name == name and m.state == SHADOW]
        return found[0] if found else None

    @staticmethod
    def _after_shadow(model: Registered, hidden: Registered) -> Registered:
        if (model.name, model.version) == (hidden.name, hidden.version):
            return hidden
        if model.name == hidden.name and model.state == SHADOW:
            return msgspec.structs.replace(model, state="candidate")
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
            gone = least_counter or self._roles.seen_file.exists()
            return ["the registry is missing"] if gone else []
        try:
            index = self._read()
        except IntegrityError as error:
            return [str(error)]
        problems = []
        if index.version < least_counter:
            problems.append("the registry was put back to an older state")
        for entry in index.models:
            try:
                self._open(entry)
            except EuthymiaError as error:
                problems.append(f"{entry.name}@{entry.version}: {error}")
        return problems + self._strangers(index)

    def _strangers(self, index: Targets) -> Names:
        """Name files that nothing vouches for; what a crash during `add` leaves is ours."""
        known = {_file_name(m.name, m.version) for m in index.models} | {LOCK}
        problems = []
        if self._roles.exist():
            trusted = self._roles.read(may_have_run_out=True)
            known |= {ROOT, TIMESTAMP, *self._signed_once(trusted)}
        else:
            known |= {OLD_INDEX, *(p.name for p, _, _ in self._roles.numbered()), ROOT}
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

    def _signed_once(self, trusted: TrustedSet) -> Iterator[str]:
        """Yield the numbered files in use, and those of the state before or of a crash."""
        for path, role, _ in self._roles.numbered():
            if not self._roles.strange(trusted, path, role):
                yield path.name

    # -- files -----------------------------------------------------------------------------------
    @staticmethod
    def _find(index: Targets, model: str) -> Registered:
        name, _, version = model.partition("@")
        found = [
            m for m in index.models if m.name == name and (not version or str(m.version) == version)
        ]
        if not found:
            raise MissingError("no such model; `euthymia models` lists them")
        return max(found, key=lambda m: m.version)

    def _open(self, entry: Registered) -> Bundle:
        path = self._folder / _file_name(entry.name, entry.version)
        most = entry.length or MAX_BUNDLE_BYTES
        try:
            content = read_bounded(path, most)
        except FileNotFoundError as error:
            raise IntegrityError("the bundle is missing") from error
        if len(content) > most or (entry.length and len(content) < most):
            raise IntegrityError("the bundle has another length than was registered: it was cut")
        if file_digest(content) != entry.digest:
            raise IntegrityError("the bundle is not the one that was registered")
        bundle = unpack(content, self._keys)
        if (bundle.name, bundle.version) != (entry.name, entry.version):
            raise IntegrityError("the bundle is another model's")
        return bundle

    def _read(self, *, for_use: bool = False) -> Targets:
        """Return what is signed; `for_use`: and has not run out."""
        if self._roles.exist():
            found = self._roles.read(may_have_run_out=not for_use).targets
            assert found is not None
            return found
        return self._read_old()

    def _read_old(self) -> Targets:
        """Return what a home says that was made before there were roles."""
        try:
            content = (self._folder / OLD_INDEX).read_bytes()
        except FileNotFoundError:
            if self._folder.is_dir() and any(self._folder.glob("*.bundle")):
                raise IntegrityError("the registry's timestamp is missing") from None
            return Targets()
        start = len(_OLD_MAGIC) + _SIGNATURE_BYTES
        signature, body = content[len(_OLD_MAGIC) : start], content[start:]
        try:
            self._keys.verifier("model").verify(signature, _OLD_MAGIC + body)
        except InvalidSignature as error:
            raise IntegrityError("the registry's index is not as it was signed") from error
        if content[: len(_OLD_MAGIC)] != _OLD_MAGIC:
            raise IntegrityError("the registry's index is not as it was signed")
        old = msgspec.json.decode(body, type=_OldIndex)
        return Targets(old.counter, old.models, old.history)

    def _save(
        self,
        index: Targets,
        models: tuple[Registered, ...],
        action: str,
        entry: Registered,
        because: str,
    ) -> None:
        version = index.version + 1
        event = Event(version, action, entry.name, entry.version, because)
        self._roles.save(Targets(version, models, (*index.history, event)))
        (self._folder / OLD_INDEX).unlink(missing_ok=True)

    # -- time ------------------------------------------------------------------------------------
    def due(self) -> bool:
        """Tell whether what vouches for the registry runs out soon, or has: see `renew`."""
        return self._roles.due()

    def renew(self, *, least_counter: int) -> None:
        """Say anew that this is the newest state.

        Parameters
        ----------
        least_counter : int
            The largest counter in the ledger.

        Raises
        ------
        IntegrityError
            The ledger knows a newer state, or something is not as it was signed.
        """
        with self._held_folder():
            found = self._roles.read(may_have_run_out=True).targets
            assert found is not None
            if found.version < least_counter:
                raise IntegrityError(
                    "the registry was put back to an older state: the ledger knows a newer one"
                )
            self._roles.renew()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody from changing the folder for the length of a `with` block."""
        with self._held_folder():
            yield

    @contextmanager
    def _locked(self) -> Iterator[Targets]:
        """Hold the folder against other processes and read the index anew."""
        with self._held_folder():
            yield self._read()

    @contextmanager
    def _held_folder(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for part in self._folder.glob(".*.part"):
                part.unlink()
            yield
        finally:
            os.close(descriptor)
