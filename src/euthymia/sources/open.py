"""Open files and folders: find what they are, in which order to read them, and read them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path, PurePath
from typing import Final, cast

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.errors import SourceError
from euthymia.ground.plugins import discover
from euthymia.ground.records import Item, Observations, Reject, Samples
from euthymia.sources.beside import Beside, checked
from euthymia.sources.blob import KEEP, Blob, MiB
from euthymia.sources.contract import Context, Hasher, Opened, Part, Source, ZoneOf
from euthymia.sources.device_people import SEVERAL, alike, in_an_export
from euthymia.sources.dialect import Dialect, after_preamble, dialects, with_slashes
from euthymia.sources.on_time import on_time
from euthymia.sources.unknown import packed, unknown
from euthymia.sources.walk import Found, Group, Skipped, Walk

Progress = Callable[[int, int], None]
"""(bytes read, bytes in all)."""

KEEP_TOGETHER: Final = 256 * MiB  # content of a group of files that is held while it is read
HEADS_TRIED: Final = 3  # files of a group that are looked at to recognise it
UNKNOWN: Final = "unknown"


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """Return every data source by its name: the modules of this room and entry points."""
    found = discover("euthymia.sources", "SOURCE").values()
    return {s.name: s for s in sorted(cast("list[Source]", list(found)), key=lambda s: s.name)}


@dataclass
class Reading:
    """One logical file, open.

    `digest` is a SHA-256 of its content and of the names that say whose it is, so that equal
    files of two people have two digests. `rows_in` is right when `items` is exhausted.
    `synthetic`: a simulation wrote it, and says so beside it. `files`: how many files on disk (a
    day's or a stream's hourly ones are one logical file).
    """

    source: str
    file_name: str
    digest: str
    items: Iterator[Item] = field(repr=False)
    rows_in: int = 0
    synthetic: bool = False
    files: int = 1


def readings(
    paths: Sequence[Path],
    *,
    hasher: Hasher,
    subject: str | None = None,
    zone: str = "UTC",
    zone_of: ZoneOf | None = None,
    skipped: Skipped | None = None,
    progress: Progress | None = None,
    hashed: bool = True,
) -> Iterator[Reading]:
    """Yield every logical file under `paths`; those with identities and consents come first.

    A file is opened when its turn comes, so `zone_of` may ask what earlier files brought.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders (searched to the bottom) and zip archives; `.gz` is unpacked.
    hasher : callable
        Keyed hash for phone numbers and app names.
    subject : str, optional
        Whose data it is, for files that do not say.
    zone : str
        IANA zone of wall-clock times where `zone_of` does not know the person.
    zone_of : callable, optional
        Returns the zone on record for a `SourceId`.
    skipped : callable, optional
        Told (file, reason) of each file left out on purpose.
    progress : callable, optional
        Told (bytes read, bytes in all).
    hashed : bool
        False where nobody asks for digests (they are then the same for any content): hashing takes
        a tenth of the time.

    Raises
    ------
    MissingError
        If a path does not exist. Nothing else stops the run: a file that cannot be read is a
        Reading with a `Reject`.
    """
    context = Context(hasher, subject, zone, *((zone_of,) if zone_of else ()))
    walk = Walk(skipped or (lambda _file, _reason: None), _group_of)
    try:
        files = list(walk.find(paths))
        context = replace(context, recurring=_recurring(files))
        jobs = _arranged(files)
        jobs = jobs if subject else _of_one_person_each(jobs)
        beside = _beside(jobs)
        total = sum(found.packed_size for job in jobs for found in job.files)
        done = 0
        for job in jobs:
            told = beside.get(job.source.name) if job.source and subject is None else None
            shared = told.shared(job.path) if told else frozenset[str]()
            yield _open(job, context, shared, hashed=hashed)
            done += sum(found.packed_size for found in job.files)
            if progress:
                progress(done, total)
    finally:
        walk.close()


@dataclass(frozen=True, slots=True)
class _Job:
    """A logical file and the source that reads it."""

    source: Source | None
    label: str
    files: tuple[Found, ...]
    dialect: Dialect | None = None

    @property
    def path(self) -> PurePath:
        """The path of its first file."""
        return self.files[0].path


def _beside(jobs: Sequence[_Job]) -> dict[str, Beside]:
    """Return what tells people apart by the names of files, of each source that needs them."""
    paths: dict[str, list[PurePath]] = {}
    for job in jobs:
        if job.source and job.source.by_path:
            paths.setdefault(job.source.name, []).append(job.path)
    return {name: Beside(found) for name, found in paths.items()}


def _group_of(path: PurePath) -> Group | None:
    for source in sources().values():
        key = source.group(path) if source.group else None
        if key:
            return source.name, key
    return None


def _arranged(files: list[Found]) -> list[_Job]:
    groups: dict[Group, list[Found]] = {}
    alone: list[Found] = []
    for found in files:
        if found.group is None or found.problem:
            alone.append(found)
        else:
            groups.setdefault(found.group, []).append(found)
    jobs: list[_Job] = []
    for (name, _), members in groups.items():
        source = sources()[name]
        if any(source.recognise(f.path, _head(f)) > 0 for f in members[:HEADS_TRIED]):
            label = members[0].label
            many = len(members) > 1
            jobs.append(_Job(source, label.rpartition("/")[0] if many else label, tuple(members)))
        else:
            alone += members
    for found in alone:
        known, dialect = _best(found)
        jobs.append(_Job(known, found.label, (found,), dialect))
    return sorted(jobs, key=lambda job: (job.source.order if job.source else 9, job.label))


def _recurring(files: list[Found]) -> frozenset[str]:
    """Return names of files that more than one folder has; not of those that belong together."""
    places: dict[str, PurePath] = {}
    twice: set[str] = set()
    for found in files:
        if found.group is None:
            stem = found.path.stem.lower()
            if places.setdefault(stem, found.path.parent) != found.path.parent:
                twice.add(stem)
    return frozenset(twice)


def _of_one_person_each(jobs: list[_Job]) -> list[_Job]:
    """Return jobs without the source where its files in one folder may be of several people."""
    shelves: dict[tuple[str, PurePath], list[int]] = {}
    for place, job in enumerate(jobs):
        first, whole = job.files[0], job.source.whole if job.source else None
        if whole and not in_an_export(first.path) and whole(first.path, _head(first)):
            name = job.source.name if job.source else UNKNOWN
            shelves.setdefault((name, first.path.parent), []).append(place)
    for places in shelves.values():
        if len({alike(jobs[place].files[0].path) for place in places}) < 2:
            continue
        for place in places:
            refused = tuple(replace(found, problem=SEVERAL) for found in jobs[place].files)
            jobs[place] = replace(jobs[place], source=None, files=refused)
    return jobs


def _head(found: Found) -> bytes:
    return Blob(found.opener, found.packed_size).head()


def _best(found: Found) -> tuple[Source | None, Dialect | None]:
    """Return which source reads a file, and how its table is written if not as sources know it."""
    if found.problem:
        return None, None
    head = _head(found)
    if packed(head):  # a tar's files may be several people's, one after the other
        return None, None
    source = _recognised(found.path, head)
    if source:
        slashes = with_slashes(head)
        if slashes and source.month_first and not slashes.day_first:
            slashes = None
        return source, after_preamble(head) or slashes
    tried = list(dialects(head, _spelling()))
    for dialect in tried:
        source = _recognised(found.path, b"".join(dialect.recode(iter([head]))))
        if source:
            return source, dialect
    return None, tried[0] if tried and tried[0].mark != "," else None


def _recognised(path: PurePath, head: bytes) -> Source | None:
    scores = [(source.recognise(path, head), name) for name, source in sources().items()]
    score, name = max(scores)
    return sources()[name] if score > 0 else None


@lru_cache(maxsize=1)
def _spelling() -> dict[str, str]:
    """Return the names of columns that are not in small letters, by their small letters."""
    names = {name for source in sources().values() for wanted in source.headers for name in wanted}
    return {name.lower(): name for name in sorted(names) if name.lower() not in names}


def _open(job: _Job, context: Context, shared: frozenset[str], *, hashed: bool) -> Reading:
    parts, room = [], KEEP_TOGETHER
    running = hashlib.sha256(f"{job.source and job.source.name}\0{context.subject}".encode())
    for found in job.files:
        blob = Blob(found.opener, found.packed_size, problem=found.problem)
        if job.dialect:
            blob.recode, blob.first_line = job.dialect.recode, job.dialect.first_line
        keep = min(KEEP, room)
        content = found.problem or blob.digest(keep, hashed=hashed)
        if hashed:
            names = "/".join(found.path.parts[-3:]).encode("utf-8", "surrogatepass")
            running.update(names + b"\0" + content.encode() + b"\0")
        room -= blob.kept
        parts.append(Part(found.path, blob))
    opened = Opened(job.label, tuple(parts), context)
    reading = Reading(
        job.source.name if job.source else UNKNOWN, job.label, running.hexdigest(), iter(())
    )
    reading.synthetic = any(found.synthetic for found in job.files)
    reading.files = len(job.files)
    read = job.source.read if job.source else partial(unknown, known=sources())
    reading.items = _counted(reading, lambda given: checked(read(given), shared), opened)
    return reading


def _counted(
    reading: Reading, read: Callable[[Opened], Iterator[Item]], opened: Opened
) -> Iterator[Item]:
    try:
        told: set[int] = set()
        for item in (checked for given in read(opened) for checked in on_time(given, told)):
            reading.rows_in = max(reading.rows_in, _last_row(item))
            yield item
    except SourceError as problem:
        reading.rows_in += 1
        yield Reject(reading.rows_in, str(problem))
    finally:
        for part in opened.parts:
            part.blob.release()


def _last_row(item: Item) -> int:
    if isinstance(item, Observations | Samples):
        rows: pa.ChunkedArray = item.table.column("row")
        return int(pc.max(rows).as_py() or 0)
    return item.row + item.rows - 1 if isinstance(item, Reject) else item.row
