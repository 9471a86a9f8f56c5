"""A year of one person, all daily features: `make bench ONLY=year`.

What a person with a phone and a watch leaves in a year: fixes at Beiwe's duty cycle (a minute at
1 Hz, ten minutes off), counts a minute, the screen, calls, messages, typing, apps and their
notices, battery, light, surroundings, five short questions five times a day, steps, heart rate and
breaths every five minutes, stages of sleep, skin temperature, the beats of fifty minutes a night
(ten windows), and a PHQ-9 every other week. Every family of the catalogue makes its rows of all
days from samples in memory. Left out, and said so: raw acceleration at 25 Hz and skin conductance
at 4 Hz, which are measured by the benchmarks `steps` and `eda`, and beats of whole nights (`hrv`).
Seconds are CPU time of one thread, the best of three; the first call is told apart.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

from peers_env import on_one_core  # noqa: E402

TARGET_S = 2.0
DAYS = 365
WARM_DAYS = 30
ROUNDS = 3
ABSENT = ("accelerometer", "electrodermal_activity")
NEEDED = {"electrodermal": "electrodermal_activity", "sleep_acceleration": "accelerometer"}


def made(days: int) -> dict[str, dict[str, np.ndarray]]:
    """Return every stream of a person over some days."""
    from mobility import made as fixes

    from euthymia.features.catalogue import families
    from euthymia.ground.clock import Timeline
    from feature_cases import DAY0, recording

    wanted = {stream for family in families().values() for stream in family.streams}
    rng = np.random.default_rng(20_240_304)
    held = {
        stream: dict(recording(stream, Timeline(), DAY0, days, rng))
        for stream in sorted(wanted - {"location", "observations", *ABSENT})
    }
    asked = answered(DAY0, days, rng)
    return held | {"location": fixes("a minute at 1 Hz in 11", days), "observations": asked}


def answered(first: int, days: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a PHQ-9, its items and its total, every other week at noon."""
    from euthymia.ground.clock import DAY_US
    from euthymia.ground.codes import PHQ9_ITEMS, PHQ9_TOTAL

    visits = range(first, first + days, 14)
    items = rng.integers(0, 4, (len(visits), len(PHQ9_ITEMS))).astype(np.float64)
    value = np.hstack([items, items.sum(axis=1, keepdims=True)])
    time = np.array(visits, np.int64) * DAY_US + DAY_US // 2
    code = np.array([*PHQ9_ITEMS, PHQ9_TOTAL] * len(visits), object)
    return {"time": np.repeat(time, value.shape[1]), "code": code, "value": value.ravel()}


def _computed(held: dict[str, dict[str, np.ndarray]], family_name: str) -> int:
    """Make the rows of a family; return how many values there are."""
    from euthymia.features.catalogue import families
    from euthymia.features.rows import compute_family, local_days
    from euthymia.ground.clock import Timeline
    from euthymia.ground.ids import SubjectId

    family = families()[family_name]
    streams = {name: held[name] for name in family.streams if name in held}
    days = local_days(family, streams, Timeline())
    table = compute_family(
        family, streams, Timeline(), days,
        subject=SubjectId("p-aaaaaaaaaaaaaaaa"), digests={}, inputs=["year"] * days.size,
    )  # fmt: skip
    return table.num_rows * len(family.features)


def ours() -> dict[str, object]:
    """Measure each family; called in a process of its own."""
    from euthymia.features.catalogue import families

    names = [name for name in families() if name not in NEEDED]
    few, held = made(WARM_DAYS), made(DAYS)
    began = time.process_time()
    for name in names:
        _computed(few, name)
    first = time.process_time() - began
    seconds, values = dict.fromkeys(names, float("inf")), 0
    for _ in range(ROUNDS):
        values = 0
        for name in names:
            began = time.process_time()
            values += _computed(held, name)
            seconds[name] = min(seconds[name], time.process_time() - began)
    return {
        "seconds": sum(seconds.values()),
        "ms_by_family": {
            name: round(1000 * each, 1)
            for name, each in sorted(seconds.items(), key=lambda pair: -pair[1])
        },
        "values": values,
        "samples": {name: len(stream["time"]) for name, stream in held.items()},
        "first_call_s": round(first, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def run() -> Iterator[dict[str, object]]:
    """Yield the claim."""
    own = json.loads(on_one_core([sys.executable, str(Path(__file__).resolve())]).splitlines()[-1])
    seconds = float(own.pop("seconds"))
    yield {
        "name": "a year of one person, every daily feature",
        "ours": round(seconds, 2),
        "peer": TARGET_S,
        "peer_name": "the number set",
        "unit": "s",
        "ratio": TARGET_S / seconds,
        "goal": 1.0,
        "not_in_it": list(ABSENT),
    } | own


if __name__ == "__main__":
    print(json.dumps(ours()))
