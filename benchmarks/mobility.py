"""Days of mobility a second: `make bench ONLY=mobility`.

The same made-up weeks, one core, each in a process of its own. Ours is the whole family (42
numbers a day, places over the follow-up), beside Forest's Jasmine (Beiwe's duty cycle: a minute at
1 Hz, ten minutes off; both from hourly CSV files) and niimpy (one fix a minute, from arrays).
Seconds are CPU time of the one thread, so that a busy machine changes little; imports of the
peers are not counted. RAPIDS is not measured: it is no package but a Snakemake pipeline of R and
Python 3.7 scripts, run inside a clone of its repository on a conda environment and an renv of R
packages, none of which a hashed lock of this folder can name. scikit-mobility 1.3.1 does not
import with the NumPy that its own requirements bring.
Told apart: from arrays, from stored segments (unsealed, decoded), and from raw files.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

from peers_env import PEERS, on_one_core, python_of  # noqa: E402

DAYS = 112
PEER_DAYS = 4
ROUNDS = 5
DAY0 = 19_800
RHYTHMS = {"a minute at 1 Hz in 11": (660, 60), "one fix a minute": (60, 0)}
GOALS = {"a minute at 1 Hz in 11": 2000, "one fix a minute": 12_000}
RAW_GOAL = 400


def made(rhythm: str, days: int) -> dict[str, np.ndarray]:
    """Return the fixes of some working days, with scatter and jumps."""
    from mobility_days import every, workday

    step, on = RHYTHMS[rhythm]
    walker = workday(days=days)
    return dict(walker.fixes(every(days, step, on_s=on), DAY0 * 86_400_000_000, jumps=0.005))


def write_hours(columns: dict[str, np.ndarray], folder: Path) -> None:
    """Write fixes as Beiwe does: a folder a person and stream, a file an hour."""
    folder.mkdir(parents=True)
    hour = columns["time"] // 3_600_000_000
    for each in np.unique(hour).tolist():
        name = str(np.datetime64(each, "h")).replace("T", " ")
        lines = ["timestamp,UTC time,latitude,longitude,altitude,accuracy"]
        for i in np.flatnonzero(hour == each).tolist():
            ms = int(columns["time"][i]) // 1000
            at = f"{columns['latitude'][i]:.7f},{columns['longitude'][i]:.7f}"
            lines.append(f"{ms},{np.datetime64(ms, 'ms')},{at},10,{columns['accuracy'][i]:.1f}")
        (folder / f"{name}_00_00.csv").write_text("\n".join(lines) + "\n")


def _timed(rounds: int, work: Callable[[], object]) -> tuple[list[float], object]:
    seconds, found = [], None
    for _ in range(rounds):
        began = time.process_time()
        found = work()
        seconds.append(time.process_time() - began)
    return seconds, found


def _measure(columns: dict[str, np.ndarray], days: int) -> object:
    from euthymia.features.mobility import measure
    from euthymia.features.windows import day_windows
    from euthymia.ground.clock import Timeline

    windows = day_windows(Timeline(), np.arange(DAY0, DAY0 + days))
    return measure({"location": columns}, Timeline(), windows)


def _segments(columns: dict[str, np.ndarray]) -> Callable[[], dict[str, np.ndarray]]:
    from euthymia.security.envelope import seal, unseal_all
    from euthymia.store.chunk import encode
    from euthymia.store.chunks import Joined
    from euthymia.store.frame import Column

    key = bytes(32)
    kinds = {"time": "t", "latitude": "f8", "longitude": "f8", "accuracy": "f4"}
    edge = np.searchsorted(columns["time"], np.arange(DAY0, DAY0 + DAYS + 1) * 86_400_000_000)
    sealed = []
    for low, high in pairwise(edge.tolist()):
        frame = {name: Column(kind, columns[name][low:high]) for name, kind in kinds.items()}
        sealed.append(seal(key, encode(frame), context=b"bench"))

    at_once = 1 + (1 << 24) // len(sealed[0])  # as the store does

    def read() -> dict[str, np.ndarray]:
        whole = Joined(columns["time"].size)
        for some in range(0, len(sealed), at_once):
            now = sealed[some : some + at_once]
            whole.add(*unseal_all(key, now, [b"bench"] * len(now)))
        frame = whole.frame()
        return {name: frame[name].values for name in kinds}

    return read


def ours(rhythm: str, what: str, folder: str) -> dict[str, object]:
    """Measure one way in; called in a process of its own."""
    from euthymia.ground.memory import keep_memory

    keep_memory()  # as whatever computes features does
    if what == "raw":
        from euthymia.features.recordings import read
        from euthymia.features.rows import as_columns

        days = PEER_DAYS * 7

        def work() -> object:
            held = read(folder, streams=["location"])
            return _measure(dict(as_columns(next(iter(held.people.values()))["location"])), days)

        seconds, _ = _timed(ROUNDS, work)
    else:
        days, columns = DAYS, made(rhythm, DAYS)
        if what == "segments":
            get = _segments(columns)
            seconds, _ = _timed(ROUNDS, lambda: _measure(get(), days))
        else:
            seconds, _ = _timed(ROUNDS, lambda: _measure(columns, days))
    return {
        "per_s": days / min(seconds),
        "first_call_s": round(seconds[0], 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _own(rhythm: str, what: str, folder: str = "") -> dict[str, object]:
    here = str(Path(__file__).resolve())
    found: dict[str, object] = json.loads(
        on_one_core([sys.executable, here, rhythm, what, folder]).splitlines()[-1]
    )
    return found


def _peer(package: str, script: str, path: str) -> dict[str, float]:
    said = on_one_core([python_of(package), str(PEERS / script), path])
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def _claim(name: str, own: dict[str, object], goal: float, **more: object) -> dict[str, object]:
    """Return a claim of days a second against a number that was set."""
    per_s = float(str(own["per_s"]))
    return {
        "name": name,
        "ours": round(per_s),
        "peer": goal,
        "peer_name": "the number set",
        "unit": "person-days/s",
        "ratio": per_s / goal,
        "goal": 1.0,
        "first_call_s": own["first_call_s"],
        "peak_mb": own["peak_mb"],
    } | more


def _beside(
    name: str, own: dict[str, object], peer: dict[str, float], who: str
) -> dict[str, object]:
    per_s, theirs = float(str(own["per_s"])), PEER_DAYS / peer["seconds"]
    return _claim(name, own, 1.0) | {
        "peer": round(theirs, 2),
        "peer_name": who,
        "ratio": per_s / theirs,
        "goal": None,
        "peer_peak_mb": round(peer["peak_mb"]),
    }


def run() -> Iterator[dict[str, object]]:
    """Yield a claim for each rhythm and way in, then the peers."""
    best = {}
    for rhythm, goal in GOALS.items():
        best[rhythm] = _own(rhythm, "arrays")
        yield _claim(f"mobility from arrays, {rhythm}", best[rhythm], goal)
        yield _claim(f"mobility from stored segments, {rhythm}", _own(rhythm, "segments"), goal)
    beiwe, minute = RHYTHMS
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        write_hours(made(beiwe, PEER_DAYS * 7), root / "ours" / "p1" / "gps")
        write_hours(made(beiwe, PEER_DAYS), root / "peer" / "p1" / "gps")
        raw = _own(beiwe, "raw", str(root / "ours"))
        yield _claim(f"mobility from raw hourly files, {beiwe}", raw, RAW_GOAL)
        forest = _peer("forest", "mobility_with_forest.py", str(root / "peer"))
        yield _beside("mobility from raw hourly files", raw, forest, "Forest 1.0 (Jasmine)")
        np.savez(root / "four.npz", **made(minute, PEER_DAYS))
        niimpy = _peer("niimpy", "mobility_with_niimpy.py", str(root / "four.npz"))
        name = "mobility from arrays, one fix a minute"
        yield _beside(name, best[minute], niimpy, "niimpy 1.3.0")


if __name__ == "__main__":
    print(json.dumps(ours(*sys.argv[1:])))
