"""A fortnight's rest-activity rhythm, beside pyActigraphy: `make bench ONLY=circadian`.

The same fortnights at one-minute epochs, the same core. Ours is everything the family computes:
IS, IV, ISm and IVm over 22 bin widths, RA, L5, M10, kRA, kAR, cosinor and extended cosinor, 24 h
correlation, fluctuation analysis, sleep regularity and the daily profile. pyActigraphy is asked
for IS, ISm, IV, IVm, L5, M10, RA, kRA, kAR and its cosinor: no extended cosinor, no fluctuation
analysis (its `Fractal.dfa` takes seconds). Where the time goes is told by measure;
"days_and_windows" is all that is told in one pass over the days: tens, bins of 22 widths and
fluctuations of each day, the average day, kRA and kAR of each window; these stand by themselves
below as well. Seconds are those of the processor: a busy machine falsifies them less.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers_env import PEERS, on_one_core, python_of

TARGET = 10_000.0  # fortnights a second
FORTNIGHTS = 200
PEER_FORTNIGHTS = 5
ROUNDS = 7
DAYS = 14


def made_fortnights() -> np.ndarray:
    """Return fortnights of counts a minute, (fortnights, minutes): active from seven to eleven."""
    rng = np.random.default_rng(20_240_304)
    hour = np.arange(DAYS * 1440) % 1440 / 60
    level = np.where((hour > 7) & (hour < 23), 300.0, 4.0)
    return np.floor(rng.gamma(0.4, 1.0, (FORTNIGHTS, DAYS * 1440)) * level)


def _best(call: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds)


def _parts(level: np.ndarray, rows: np.ndarray) -> dict[str, Callable[[], object]]:
    from euthymia.kernels import cosinor, fractal, rest_activity
    from euthymia.kernels import rest_activity_minutes as minutes
    from euthymia.kernels import rest_activity_resolutions as resolutions
    from euthymia.kernels.rest_activity_days import told_of
    from euthymia.kernels.rest_activity_transitions import transition_rates

    hourly = level.reshape(-1, DAYS, 24, 60).mean(axis=3)
    profile = minutes.average_day(level, rows)
    return {
        "days_and_windows": lambda: told_of(level, rows),
        "average_day": lambda: minutes.average_day(level, rows),
        "l5_m10": lambda: rest_activity.least_and_most(profile),
        "is_iv": lambda: (
            rest_activity.interdaily_stability(hourly),
            rest_activity.intradaily_variability(hourly),
        ),
        "ism_ivm_22_widths": lambda: resolutions.at_resolutions(level, rows),
        "kra_kar": lambda: transition_rates(level, rows),
        "cosinor": lambda: cosinor.cosinor(hourly),
        "extended_cosinor": lambda: cosinor.extended_cosinor(hourly),
        "correlation_24h": lambda: rest_activity.day_to_day_correlation(hourly),
        "fluctuation_analysis": lambda: fractal.fluctuations(level),
    }


def ours(path: str, rounds: int) -> dict[str, object]:
    """Measure ours; called in a process of its own."""
    level = np.load(path).reshape(-1, 1440)
    rows = np.arange(level.shape[0]).reshape(-1, DAYS)
    began = time.process_time()
    from euthymia.ground.memory import keep_memory
    from euthymia.kernels.rest_activity_measures import measures

    keep_memory()  # as whatever computes features does
    measures(level[:DAYS], rows[:1])
    first = time.process_time() - began
    found = measures(level, rows)
    everything = _best(lambda: measures(level, rows), rounds)
    parts = {name: _best(call, rounds) for name, call in _parts(level, rows).items()}
    return {
        "first_call_s": first,
        "seconds": everything / rows.shape[0],
        "us": {name: round(s / rows.shape[0] * 1e6, 1) for name, s in parts.items()},
        "said": {
            "ISm": float(found["interdaily_stability_mean"][PEER_FORTNIGHTS - 1]),
            "IV": float(found["intradaily_variability"][PEER_FORTNIGHTS - 1]),
            "L5": float(found["l5"][PEER_FORTNIGHTS - 1]),
        },
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run() -> Iterator[dict[str, object]]:
    """Yield the claims."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "counts.npy")
        np.save(path, made_fortnights())
        own = json.loads(
            on_one_core([sys.executable, str(Path(__file__).resolve()), path, str(ROUNDS)])
        )
        script = str(PEERS / "circadian_with_pyactigraphy.py")
        command = [python_of("pyactigraphy"), script, path, str(PEER_FORTNIGHTS)]
        peer = json.loads(on_one_core(command))
    rate, other = 1 / own["seconds"], 1 / min(peer["seconds"])
    common = {"ours": round(rate), "unit": "fortnights/s"}
    yield common | {
        "name": "rest-activity rhythm of a fortnight at 1 min",
        "peer": round(other, 2),
        "peer_name": "pyActigraphy 1.1",
        "ratio": rate / other,
        "goal": None,
        "first_call_s": round(own["first_call_s"], 2),
        "us_by_measure": own["us"],
        "peak_mb": round(own["peak_mb"]),
        "peer_peak_mb": round(peer["peak_mb"]),
        "ours_said": own["said"],
        "peer_said": peer["said"],
    }
    yield common | {
        "name": "all measures of a fortnight, against the target",
        "peer": TARGET,
        "peer_name": "target",
        "ratio": rate / TARGET,
        "goal": 1.0,
    }


if __name__ == "__main__":
    print(json.dumps(ours(sys.argv[1], int(sys.argv[2]))))
