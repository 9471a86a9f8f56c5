"""A year of one phone's screen, beside niimpy: `make bench ONLY=screen_sleep`.

The same events (some 260 a day, made from a seed), the same core, one after the other. Ours is
both families: all of phone use, and sleep with regularity over a week and a fortnight. niimpy is
its nine screen functions resampled by the day; it has no sleep from the screen. RAPIDS' screen
scripts are not measured: they are no package but part of a Snakemake pipeline on conda (Python 3.7)
and R, which a hashed lock of this folder cannot name. Seconds are those of the processor.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers_env import PEERS, on_one_core, python_of

GOAL = 50.0
GOAL_DAYS_PER_S = 10_000.0
DAYS = 365
ROUNDS = 7
DAY0 = 19_800
DAY_S = 86_400


def made_year() -> dict[str, np.ndarray]:
    """Return a year of screen events: uses at random by day, few by night, from a seed."""
    rng = np.random.default_rng(20_240_502)
    begin = np.sort(rng.integers(0, DAYS * DAY_S, DAYS * 90))
    hour = begin % DAY_S / 3600
    begin = begin[((hour > 7) & (hour < 23.3)) | (rng.random(begin.size) < 0.03)]
    room = np.append(np.diff(begin), DAY_S)
    begin = begin[room > 10]
    length = np.minimum(np.clip(rng.lognormal(4.3, 1.1, begin.size), 3, 3000), room[room > 10] - 6)
    edges = np.stack([begin, begin + 1, begin + length, begin + length + 1], axis=1)
    time_us = (DAY0 * DAY_S * 1e6 + edges.ravel() * 1e6).astype(np.int64)
    order = np.argsort(time_us, kind="stable")
    state = np.tile(np.array([1, 3, 0, 2], np.int8), begin.size)
    return {"time": time_us[order], "state": state[order]}


def ours(path: str, rounds: int) -> dict[str, object]:
    """Measure our families; called in a process of its own."""
    began = time.process_time()
    from euthymia.features import screen_use, sleep_phone
    from euthymia.ground.clock import Timeline

    held = np.load(path)
    streams = {"screen": {"time": held["time"], "state": held["state"]}}
    timeline, days = Timeline(((0, "Europe/Helsinki"),)), np.arange(DAY0, DAY0 + DAYS)
    loaded = time.process_time() - began
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        use = screen_use.compute(streams, timeline, days)
        sleep = sleep_phone.compute(streams, timeline, days)
        seconds.append(time.process_time() - start)
    return {
        "seconds": seconds,
        "first_call_s": loaded + seconds[0],
        "features": len(use.values) + len(sleep.values),
        "nights": int(np.count_nonzero(~np.isnan(sleep.values["sleep_onset_h"]))),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run() -> Iterator[dict[str, object]]:
    """Yield the pace beside the goal, and beside niimpy."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "year.npz")
        made = made_year()
        np.savez(path, **made)
        here = str(Path(__file__).resolve())
        on_one_core([sys.executable, here, path, "1"])  # kernels are on disk from now on
        cold = json.loads(on_one_core([sys.executable, here, path, "1"]))
        own = json.loads(on_one_core([sys.executable, here, path, str(ROUNDS)]))
        peer = on_one_core([python_of("niimpy"), str(PEERS / "screen_with_niimpy.py"), path])
    other = json.loads(peer.strip().splitlines()[-1])
    pace, theirs = DAYS / min(own["seconds"]), DAYS / other["seconds"]
    said = {
        "unit": "person-days/s",
        "ours": round(pace),
        "days": DAYS,
        "events": int(made["time"].size),
        "features": own["features"],
        "nights": own["nights"],
        "first_call_s": round(cold["first_call_s"], 2),
        "peak_mb": round(own["peak_mb"]),
    }
    yield said | {
        "name": "phone use and sleep of a year",
        "peer": round(theirs, 1),
        "peer_name": "niimpy 1.3.0 screen (no sleep)",
        "ratio": pace / theirs,
        "goal": GOAL,
        "peer_peak_mb": round(other["peak_mb"]),
    }
    yield said | {
        "name": "phone use and sleep of a year, beside the goal",
        "peer": GOAL_DAYS_PER_S,
        "peer_name": "10,000 person-days/s",
        "ratio": pace / GOAL_DAYS_PER_S,
        "goal": 1.0,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ours(sys.argv[1], int(sys.argv[2]))))
