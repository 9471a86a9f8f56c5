"""A whole simulated clinic on disk."""

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia.ground.errors import EuthymiaError
from euthymia.ground.simulated import MARK
from euthymia.simulate.profile import FULL, Profile
from euthymia.simulate.subject import Plan, Written, write_subject
from euthymia.simulate.truth import MANIFEST, MARKER, TruthWriter

WORLD_VERSION: Final = 2
"""Goes up with every change that makes other bytes from the same arguments."""
FIRST_DAY: Final = date(2026, 1, 5)
MOST_DAYS: Final = 3660
MOST_SUBJECTS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a simulated clinic came to."""

    subjects: int
    days: int
    seed: int
    files: int
    bytes: int
    counts: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    unchanged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return asdict(self)


def simulate(
    *,
    subjects: int,
    days: int,
    seed: int,
    out: Path,
    start: date = FIRST_DAY,
    progress: Callable[[int, int], None] | None = None,
    processes: int = 2,
    profile: Profile = FULL,
) -> Summary:
    """Simulate a clinic and write it into `out`, one person at a time.

    The bytes depend on `subjects`, `days`, `seed`, `start` and `profile` alone. Person number i is
    the same however many there are. A folder that already holds exactly this clinic is left as it
    is; an unfinished one is written again.

    Parameters
    ----------
    subjects, days : int
        How many people, and for how many days each from `start` on.
    progress : callable, optional
        Called with (people written, people) after each person.
    processes : int
        Worker processes; 1 does the work in this one.

    Raises
    ------
    EuthymiaError
        If an argument is out of range, or `out` holds anything but this very clinic.
    """
    _check(subjects, days, seed, processes)
    plan = Plan(seed, start, days, profile, out)
    made_from = _arguments(plan, subjects)
    standing = _standing(out, made_from)
    if standing is not None:
        if progress is not None:
            progress(subjects, subjects)
        return standing
    truth = out / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    _write_manifest(truth, made_from, None)
    _mark(out)
    total: Counter[str] = Counter()
    writer = TruthWriter(truth)
    try:
        for done, written in enumerate(_people(plan, subjects, processes), 1):
            writer.add(written.account)
            total.update(files=written.files, bytes=written.size, **written.counts)
            if progress is not None:
                progress(done, subjects)
    finally:
        writer.close()
    _mark(out)
    files, size = total.pop("files", 0), total.pop("bytes", 0)
    formats = _formats(out)
    summary = Summary(subjects, days, seed, files, size, dict(sorted(total.items())), formats)
    _write_manifest(truth, made_from, summary)
    return summary


def standing(out: Path) -> Mapping[str, Any] | None:
    """Return the arguments of the simulation that `out` holds; None if it holds none."""
    manifest = out / "truth" / MANIFEST
    if not manifest.is_file():
        return None
    made_from: Mapping[str, Any] = msgspec.json.decode(manifest.read_bytes())["made_from"]
    return made_from


def standing_start(out: Path) -> date | None:
    """Return the first day of the simulation that `out` holds; None if it holds none."""
    held = standing(out)
    return date.fromisoformat(held["start"]) if held else None


def _check(subjects: int, days: int, seed: int, processes: int) -> None:
    for name, value, low, high in (
        ("subjects", subjects, 1, MOST_SUBJECTS),
        ("days", days, 14, MOST_DAYS),
        ("seed", seed, 0, 2**63 - 1),
        ("processes", processes, 1, 256),
    ):
        if not low <= value <= high:
            raise EuthymiaError(f"{name} must lie in {low} to {high}")


def _arguments(plan: Plan, subjects: int) -> dict[str, Any]:
    return {
        "world_version": WORLD_VERSION,
        "subjects": subjects,
        "days": plan.days,
        "seed": plan.seed,
        "start": plan.start.isoformat(),
        "profile": asdict(plan.profile),
    }


def _standing(out: Path, made_from: dict[str, Any]) -> Summary | None:
    """Return the summary of the clinic that is already here, whole; None if it must be written."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    truth = out / "truth"
    if not (truth / MANIFEST).is_file():
        raise EuthymiaError(
            "the folder to simulate into is not empty and holds no simulated clinic; "
            "name a new or empty folder"
        )
    manifest = msgspec.json.decode((truth / MANIFEST).read_bytes())
    if manifest["made_from"] != made_from:
        raise EuthymiaError(
            "the folder holds a clinic simulated with other arguments; name a new or empty folder"
        )
    if manifest["summary"] is None:
        return None
    summary = msgspec.convert({**manifest["summary"], "unchanged": True}, Summary)
    files, size = _measure(out)
    marked = all((folder / MARK).is_file() for folder in (out, *_rooms(out)))
    return summary if marked and (files, size) == (summary.files, summary.bytes) else None


def _measure(out: Path) -> tuple[int, int]:
    """Return the count and the size of the files in `out`, the truth left out."""
    files = size = 0
    todo = [str(out)]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.path != str(out / "truth"):
                        todo.append(entry.path)
                elif entry.name != MARK:
                    files += 1
                    size += entry.stat().st_size
    return files, size


def _formats(out: Path) -> dict[str, int]:
    """Return how many people each format holds."""
    return {
        room.name: sum(1 for entry in room.iterdir() if entry.name != MARK) for room in _rooms(out)
    }


def _rooms(out: Path) -> list[Path]:
    return sorted(p for p in out.iterdir() if p.is_dir() and p.name != "truth")


def _mark(out: Path) -> None:
    """Say beside the data that it is about nobody: in the whole, and in each format by itself."""
    for folder in (out, *_rooms(out)):
        (folder / MARK).write_bytes(b"Simulated: about nobody.\n")


def _write_manifest(truth: Path, made_from: dict[str, Any], summary: Summary | None) -> None:
    content = {"made_from": made_from, "summary": summary and summary.as_dict()}
    (truth / MARKER).touch()
    (truth / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))


def _people(plan: Plan, subjects: int, processes: int) -> Iterator[Written]:
    """Yield what each person came to, in order, with few people under way at a time."""
    if processes == 1 or subjects == 1:
        for index in range(subjects):
            yield write_subject(plan, index)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy other threads' locks
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: deque[Future[Written]] = deque()
        for index in range(subjects):
            waiting.append(pool.submit(write_subject, plan, index))
            if len(waiting) >= 4 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
