"""A day of skin conductance, beside NeuroKit2's `eda_process`: `make bench ONLY=eda`.

The same 24 hours at 4 Hz (345,600 samples, made from a seed), the same core, one after the other.
Ours is the whole family: artefact rules, tonic and phasic by two methods, responses of both with
their sizes and times, and EDASymp. NeuroKit2 parts by its high-pass filter and finds peaks; it has
no artefact rules, and EDASymp is a further call that is not counted. Both are run in processes of
their own; the first call, with kernels read from disk, and the peak memory are told apart.
Seconds are those of the processor: a busy machine falsifies them less.
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

GOAL = 10.0
ROUNDS = 5
PEER_ROUNDS = 2
SAMPLES = 86_400 * 4


def made_day() -> np.ndarray:
    """Return a day of skin conductance [uS]: a drift, about three responses a minute, noise."""
    rng = np.random.default_rng(20_240_501)
    driver = (rng.random(SAMPLES) < 3 / 240) * rng.gamma(2, 0.15, SAMPLES)
    t = np.arange(160) / 4
    responses = np.convolve(driver, 1.6 * (np.exp(-t / 4) - np.exp(-t / 0.8)))[:SAMPLES]
    slow = 4 + 1.5 * np.sin(2 * np.pi * np.arange(SAMPLES) / SAMPLES)
    return (slow + responses + rng.normal(0, 0.002, SAMPLES)).astype(np.float32)


def ours(path: str, rounds: int) -> dict[str, object]:
    """Measure our family; called in a process of its own."""
    from euthymia.features.electrodermal import measure
    from euthymia.features.windows import day_windows
    from euthymia.ground.clock import DAY_US, Timeline

    level = np.load(path)
    at = 19_800 * DAY_US + np.arange(level.size, dtype=np.int64) * 250_000
    windows = day_windows(Timeline(), np.array([19_800], np.int64))
    streams = {"electrodermal_activity": {"time": at, "level": level}}
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        found = measure(streams, Timeline(), windows)
        seconds.append(time.process_time() - start)
    return {
        "seconds": seconds,
        "first_call_s": seconds[0],
        "responses": round(float(found.values["scr_highpass_per_min"][0]) * 1440),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run() -> Iterator[dict[str, object]]:
    """Yield the one claim."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "day.npy")
        np.save(path, made_day())
        here = str(Path(__file__).resolve())
        cold = json.loads(on_one_core([sys.executable, here, path, "1"]))
        own = json.loads(on_one_core([sys.executable, here, path, str(ROUNDS)]))
        peer = json.loads(
            on_one_core(
                [
                    python_of("neurokit2"),
                    str(PEERS / "eda_with_neurokit2.py"),
                    path,
                    str(PEER_ROUNDS),
                ]
            )
        )
    best, other = min(own["seconds"]), min(peer["seconds"])
    yield {
        "name": "a day of skin conductance at 4 Hz",
        "ours": round(best, 4),
        "peer": round(other, 4),
        "peer_name": "NeuroKit2 0.2.13 eda_process",
        "unit": "s",
        "ratio": other / best,
        "goal": GOAL,
        "samples": SAMPLES,
        "ours_ns_per_sample": round(best / SAMPLES * 1e9, 1),
        "first_call_s": round(own["first_call_s"], 3),
        "first_call_ever_s": round(cold["first_call_s"], 3),
        "peak_mb": round(own["peak_mb"]),
        "peer_peak_mb": round(peer["peak_mb"]),
        "ours_responses": own["responses"],
        "peer_responses": peer["responses"],
    }


if __name__ == "__main__":
    print(json.dumps(ours(sys.argv[1], int(sys.argv[2]))))
