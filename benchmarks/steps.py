"""Steps from raw acceleration at 25 Hz, beside Forest's Oak: `make bench ONLY=steps`.

The same hours, the same core: one hour all walked, and one of which a tenth is. Forest takes a
minute at a time, as its files come, and 10 Hz is its own choice too. Its steps of the same
recording are told beside ours and the truth. Seconds are those of the processor: a busy machine
falsifies them less.
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

TARGET_US = 1.0  # a sample
HZ = 25
CADENCE_HZ = 1.8


def made_hour(share: float) -> tuple[np.ndarray, float]:
    """Return an hour of (time [s], x, y, z [g]) of which a share of each minute is walked."""
    rng = np.random.default_rng(25)
    t = np.arange(3600 * HZ) / HZ
    walked = t % 60 < 60 * share
    swing = 0.35 * np.sin(2 * np.pi * CADENCE_HZ * t) + 0.12 * np.sin(np.pi * CADENCE_HZ * t)
    size = 1 + np.where(walked, swing, 0.0) + rng.normal(0, 0.02, t.size)
    axes = [g * size for g in (0.6, 0.48, 0.64)]
    return np.stack([t, *axes]), float(walked.mean() * 3600 * CADENCE_HZ)


def ours(path: str) -> dict[str, object]:
    """Measure ours; called in a process of its own."""
    at, *axes = np.load(path)
    time_us = np.round(at * 1e6).astype(np.int64)
    x, y, z = (axis.astype(np.float32) for axis in axes)
    began = time.process_time()
    from euthymia.kernels.steps import walking

    walking(time_us[:500], x[:500], y[:500], z[:500])
    first, seconds, steps = time.process_time() - began, [], 0.0
    for _ in range(5):
        began = time.process_time()
        steps = float(walking(time_us, x, y, z)[1].sum())
        seconds.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first_call_s": first, "seconds": min(seconds), "steps": steps, "peak_mb": peak}


def run() -> Iterator[dict[str, object]]:
    """Yield a claim for each hour."""
    for what, share in (("all walked", 1.0), ("a tenth walked", 0.1)):
        recording, truth = made_hour(share)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "hour.npy")
            np.save(path, recording)
            own = json.loads(on_one_core([sys.executable, str(Path(__file__).resolve()), path]))
            script = str(PEERS / "steps_with_forest.py")
            peer = json.loads(on_one_core([python_of("forest"), script, path]))
        samples = recording.shape[1]
        mine, other = own["seconds"] / samples * 1e6, peer["seconds"] / samples * 1e6
        yield {
            "name": f"steps from an hour at 25 Hz, {what}",
            "ours": round(mine, 3),
            "peer": round(other, 2),
            "peer_name": "Forest 1.0 (Oak)",
            "unit": "us/sample",
            "ratio": other / mine,
            "goal": None,
            "within_target": mine <= TARGET_US,
            "ours_steps": round(own["steps"], 1),
            "peer_steps": round(peer["steps"], 1),
            "true_steps": round(truth, 1),
            "first_call_s": round(own["first_call_s"], 2),
            "peer_first_call_s": round(peer["first_call_s"], 2),
            "peak_mb": round(own["peak_mb"]),
            "peer_peak_mb": round(peer["peak_mb"]),
        }


if __name__ == "__main__":
    print(json.dumps(ours(sys.argv[1])))
