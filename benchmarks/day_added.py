"""What a person costs whose new day comes in: `make bench ONLY=day_added`.

A clinic of a few people with a phone at Beiwe's rhythm (a minute at 1 Hz in 11, hourly files),
after a month and after a year (EUTHYMIA_BENCH_DAYS): processor time of reading their raw files into
the store, and of making every feature anew that another day of theirs changes, and what the store
grows by. `docs/scale.md` works with these figures. No number was set, and no peer has such a step.
"""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

from mobility import DAY0, made, write_hours  # noqa: E402

from whole_clinic import run as command  # noqa: E402

RHYTHM = "a minute at 1 Hz in 11"
FOLLOW_UPS = tuple(int(d) for d in os.environ.get("EUTHYMIA_BENCH_DAYS", "28,365").split(","))
PEOPLE = 4
ADDED = 3
CONSENT = ("--consent", "monitoring", "--because", "a benchmark")


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _costs(home: Path, *arguments: str) -> float:
    began = _cpu_s()
    command(home, *arguments)
    return _cpu_s() - began


def _write(folder: Path, days: int) -> None:
    """Write the follow-up into `before`, and each day that comes after it into a folder of its own.

    Everybody goes the same ways, in files of their own.
    """
    columns = made(RHYTHM, days + ADDED)
    midnights = np.arange(DAY0, DAY0 + days + ADDED + 1) * 86_400_000_000
    edges = np.searchsorted(columns["time"], midnights)
    for day, (low, high) in enumerate(pairwise(edges.tolist())):
        one = folder / "one"
        write_hours({name: values[low:high] for name, values in columns.items()}, one)
        into = folder / ("before" if day < days else f"day{day - days}")
        for person in range(PEOPLE):
            gps = into / "beiwe" / f"p{person}" / "gps"
            shutil.copytree(one, gps, dirs_exist_ok=True)
        shutil.rmtree(one)


def _measured(days: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder, days)
        home = folder / "home"
        command(home, "init", "--name", "Benchmark")
        empty = (home / "clinic.db").stat().st_size
        read = _costs(home, "ingest", str(folder / "before"), *CONSENT)
        stored = (home / "clinic.db").stat().st_size - empty
        first = _costs(home, "features")
        added = []
        for nth in range(ADDED):
            command(home, "ingest", str(folder / f"day{nth}"), *CONSENT)
            added.append(_costs(home, "features"))
    rows = made(RHYTHM, 1)["time"].size
    return {
        "name": f"a day added after {days}",
        "ours": round(min(added) / PEOPLE * 1000, 1),
        "peer": None,
        "peer_name": None,
        "unit": "ms/person",
        "ratio": None,
        "goal": None,
        "read_ms_per_person_day": round(read / PEOPLE / days * 1000, 1),
        "first_features_ms_per_person_day": round(first / PEOPLE / days * 1000, 2),
        "stored_bytes_per_person_day": round(stored / PEOPLE / days),
        "rows_per_person_day": rows,
    }


def run() -> Iterator[dict[str, object]]:
    """Yield a figure for each follow-up."""
    for days in FOLLOW_UPS:
        yield _measured(days)
