"""`release-snapshot`: the one job that carries anything from the live zone towards training.

It reads the consented people through the store, which decides, and writes one frozen file a task
into `HOME/snapshots` (see `models/snapshot.py`). A newer one takes the place of the older. One that
holds somebody who withdraws, or is erased, is destroyed at once.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home
from euthymia.app.shell import Progress
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros, to_micros
from euthymia.ground.errors import BusyError, ConsentError, EuthymiaError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import SubjectData
from euthymia.models.snapshot import (
    FORMAT,
    Deriving,
    Manifest,
    digest,
    ended_of,
    members_of,
    new_names,
    pack,
    pack_members,
    pack_rows,
    renamed,
    unpack,
)
from euthymia.models.tasks import refuse_switched_off, tasks
from euthymia.security.key_files import held, is_unfinished, shred, sync_folder, write_private
from euthymia.store.consent import Kind, require, require_derived

ACTION: Final = "release snapshot"
BASIS: Final = (
    "consent to training in force at the moment of release, asked of the store for each person, "
    "and for passive data the consent to monitoring that it rests on"
)
RESTED_ON: Final = frozenset({Purpose.TRAINING, Purpose.MONITORING})
"""The purposes whose withdrawal, even of a part, takes a person's rows back."""
_SUFFIX: Final = ".snapshot"


@dataclass(frozen=True, slots=True)
class Released:
    """A snapshot on disk. `content`: its bytes. `people`: {name in it: live pseudonym}.

    `ended`: {live pseudonym: how many consents, or parts of them, they had withdrawn, or had run
    out, and how many records were taken back, before their data was read}.
    """

    manifest: Manifest
    content: bytes
    people: Mapping[str, str]
    ended: Mapping[str, int]


class Consenting(NamedTuple):
    """Who consented to training; `without`: how many did not; `ended` as in `Released`."""

    people: list[SubjectData]
    without: int
    ended: Mapping[str, int]


def consenting(clinic: Clinic, task: str, progress: Progress) -> Consenting:
    """Return the people who consented to training, and how many did not.

    The store checks the consent: an entry with the purpose `training` reads nobody else.
    """
    listed = clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.TRAINING))
    people: list[SubjectData] = []
    before: dict[str, int] = {}
    for done, who in enumerate(listed):
        progress(done, len(listed))
        audit = Entry(shell_actor(), "release to training", Purpose.TRAINING, who, {"task": task})
        before[who] = _ended(clinic, who)
        try:
            people.append(clinic.subject_data(who, audit))
        except (ConsentError, MissingError):  # that is, or erased meanwhile
            continue
    return Consenting(people, len(listed) - len(people), before)


def _ended(clinic: Clinic, who: SubjectId) -> int:
    """Count what a person withdrew, or what ran out, of all that a snapshot rests on.

    And the records of theirs that were taken back: what they told may be another person's.
    """
    now = to_micros(clinic.clock())
    rests_on = [grant for grant in clinic.store.grants(who) if grant.purpose in RESTED_ON]
    ended = sum(not g.permit or (g.until is not None and g.until <= now) for g in rests_on)
    return ended + clinic.store.retractions(who)


def release_snapshot(clinic: Clinic, name: str, progress: Progress) -> Released:
    """Write the snapshot of a task, in the place of the one before.

    Raises
    ------
    MissingError
        There is no such task.
    SchemaError
        There are too few people to train it.
    """
    from euthymia.models.frame import cohort, with_refusals
    from euthymia.models.train import refuse_too_few

    task = tasks().get(name)
    if task is None:
        raise MissingError(f"no such task; tasks are {', '.join(tasks())}")
    refuse_switched_off(task, clinic.config.training.population_risk)
    people, without, before = consenting(clinic, name, progress)
    frame = with_refusals(cohort(task, people), without)
    refuse_too_few(frame)
    snapshot = f"{name}-{secrets.token_hex(6)}"
    names = new_names(clinic.keyring, snapshot, sorted(set(frame.person.tolist())))
    rows = pack_rows(clinic.keyring, snapshot, renamed(frame, names))
    ended = {who: before[who] for who in names}
    members = pack_members(clinic.keyring, snapshot, names, ended)
    with still_consenting(clinic, ended):
        told = _tell(clinic, snapshot, name, len(names), without, digest(rows))
        manifest = Manifest(
            format=FORMAT,
            snapshot=snapshot,
            task=name,
            schema_digest=task.schema_digest,
            made_at=clinic.clock().isoformat(timespec="seconds"),
            people=len(names),
            offered=len(people),
            without_consent=without,
            rows=int(frame.y.size),
            features=len(frame.names),
            consent_basis=BASIS,
            ledger_entry=told,
            rows_sha256=digest(rows),
            members_sha256=digest(members),
            synthetic=clinic.simulated(SubjectId(who) for who in names),
        )
        content = pack(clinic.keyring, manifest, members, rows)
        older = [file for file, held_ in _manifests(clinic) if held_.task == name]
        write_private(clinic.home.snapshots / f"{snapshot}{_SUFFIX}", content)
        for file in older:
            _remove(file)
    progress(1, 1)
    return Released(manifest, content, {new: who for who, new in names.items()}, ended)


@contextmanager
def still_consenting(clinic: Clinic, ended: Mapping[str, int]) -> Iterator[None]:
    """Hold the snapshots while what people's data became is put in its place.

    Who withdraws or is erased from now on waits, and then finds it. Who did since their data was
    read, be it a part only, is not in it: `ended` is as in `Released`.

    Raises
    ------
    BusyError
        Somebody did: then nothing is put anywhere.
    """
    now = to_micros(clinic.clock())
    with _alone(clinic.home):
        if not all(_stands(clinic, SubjectId(who), n, now) for who, n in ended.items()):
            raise BusyError(
                "somebody in it withdrew their consent, or was erased, while it was made: nothing "
                "was kept; run it again"
            )
        yield


def _stands(clinic: Clinic, who: SubjectId, ended: int, now: Micros) -> bool:
    """Tell whether a person's consents cover them now, and no part of one ended since."""
    return _ended(clinic, who) == ended and _covered(clinic, who, now)


def _covered(clinic: Clinic, who: SubjectId, now: Micros) -> bool:
    """Tell whether a person's rows may be released to training now, as the store decides it."""
    audit = Entry(shell_actor(), ACTION, Purpose.TRAINING, who)
    grants = clinic.store.grants(who)  # of somebody erased there are none
    try:
        require(grants, audit, Kind.PASSIVE, now)
        require_derived(grants, audit, now)
    except ConsentError:
        return False
    return True


def _tell(clinic: Clinic, snapshot: str, task: str, people: int, without: int, rows: str) -> str:
    detail: dict[str, str | int | float | bool] = {
        "snapshot": snapshot,
        "task": task,
        "people": people,
        "without_consent": without,
        "snapshot_rows_sha256": rows,
    }
    return clinic.ledger.append(Entry(shell_actor(), ACTION, Purpose.TRAINING, detail=detail))


def _files(home: Home) -> list[Path]:
    """Return the snapshots; what is to be destroyed has lost its name and is none any more."""
    if not home.snapshots.is_dir():
        return []
    return sorted(f for f in home.snapshots.glob(f"*{_SUFFIX}") if not is_unfinished(f))


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the folder against other processes; what a crash left half written is destroyed."""
    home.snapshots.mkdir(mode=0o700, exist_ok=True)
    with held(home.snapshots):
        for left in home.snapshots.glob(".*"):
            shred(left)
        yield


def _remove(file: Path) -> None:
    """Destroy a snapshot. It loses its name first: a crash leaves nothing that looks altered."""
    left = file.with_name(f".{file.name}")
    file.rename(left)
    sync_folder(file.parent)
    shred(left)


def _manifests(clinic: Clinic) -> Iterator[tuple[Path, Manifest]]:
    for file in _files(clinic.home):
        try:
            yield file, unpack(clinic.keyring, file.read_bytes()).manifest
        except EuthymiaError:
            continue  # `verify` names it


def list_snapshots(clinic: Clinic) -> list[Manifest]:
    """Return the manifests of the snapshots that there are."""
    return [manifest for _, manifest in _manifests(clinic)]


# -- taking back ---------------------------------------------------------------------------------


def withdraw_person(clinic: Clinic, who: SubjectId, because: str) -> list[str]:
    """Destroy the snapshots that hold a person; return their names.

    One that cannot be read, so that nobody can tell whom it holds, is destroyed as well.
    """
    return _destroy(clinic, lambda members: str(who) in members, because)


def sweep(clinic: Clinic) -> list[str]:
    """Destroy the snapshots that hold anybody whose consents do not cover them now.

    For consents that ended or were withdrawn since, be it a part; so also where the command that
    took the withdrawal in was killed. And those of anybody of whom a record was taken back since.
    """
    now = to_micros(clinic.clock())

    def uncovered(members: Mapping[str, int]) -> bool:
        return not all(_stands(clinic, SubjectId(who), n, now) for who, n in members.items())

    return _destroy(
        clinic, uncovered, "a consent is no longer in force, or a record was taken back"
    )


def _destroy(
    clinic: Clinic, chosen: Callable[[Mapping[str, int]], bool], because: str
) -> list[str]:
    if not clinic.home.snapshots.is_dir():
        return []
    gone = []
    with _alone(clinic.home):
        for file in _files(clinic.home):
            if not _is_chosen(clinic, file, chosen):
                continue
            name = file.name.removesuffix(_SUFFIX)
            detail: dict[str, str | int | float | bool] = {"snapshot": name, "because": because}
            clinic.ledger.append(
                Entry(shell_actor(), "destroy snapshot", Purpose.TRAINING, detail=detail)
            )
            _remove(file)
            gone.append(name)
    return gone


def _is_chosen(clinic: Clinic, file: Path, chosen: Callable[[Mapping[str, int]], bool]) -> bool:
    """Tell whether a file's members are chosen; one that cannot be read is."""
    try:
        opened = unpack(clinic.keyring, file.read_bytes())
        return chosen(ended_of(clinic.keyring, opened))
    except EuthymiaError:
        return True


# -- checking ------------------------------------------------------------------------------------


def problems(home: Home, keys: Deriving, told: Mapping[str, str]) -> list[str]:
    """Compare each snapshot with what the ledger tells of it: {snapshot: digest of its rows}.

    One that is not there was taken back, or never finished: the ledger says so where it matters.
    """
    found = []
    if not home.snapshots.is_dir():
        return []
    for file in sorted(home.snapshots.iterdir()):
        name = file.name.removesuffix(_SUFFIX)
        if is_unfinished(file):
            continue  # what a crash left; the next release destroys it
        try:
            opened = unpack(keys, file.read_bytes())
            members_of(keys, opened)
        except (EuthymiaError, OSError) as error:
            found.append(f"{file.name}: {error}")
            continue
        if opened.manifest.snapshot != name or told.get(name) != opened.manifest.rows_sha256:
            found.append(f"{file.name} is not the snapshot that was released under that name")
    return found


def told_of(details: Iterator[Mapping[str, Any]]) -> dict[str, str]:
    """Return {snapshot: digest of its rows} from the details of ledger entries."""
    return {
        str(detail["snapshot"]): str(detail["snapshot_rows_sha256"])
        for detail in details
        if "snapshot_rows_sha256" in detail
    }


def result_of(manifest: Manifest, path: Path) -> dict[str, Any]:
    """Return what the command tells of a snapshot."""
    return {
        "snapshot": manifest.snapshot,
        "file": path / f"{manifest.snapshot}{_SUFFIX}",
        "task": manifest.task,
        "people": manifest.people,
        "without_consent": manifest.without_consent,
        "rows": manifest.rows,
        "features": manifest.features,
        "synthetic": manifest.synthetic,
        "schema_digest": manifest.schema_digest,
        "consent_basis": manifest.consent_basis,
        "ledger_entry": manifest.ledger_entry,
        "rows_sha256": manifest.rows_sha256,
    }
