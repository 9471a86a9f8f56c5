"""Five-minute windows of heart-rate variability beside three libraries: `make bench ONLY=hrv`.

The same windows of beats (rhythms, noise, some early, missed and extra beats, made from a seed),
the same core, one after the other, each in a process of its own. Ours corrects artefacts and
computes every metric of a window; the peers do what they have: NeuroKit2 its Kubios correction,
`hrv_time`, `hrv_frequency` and `hrv_nonlinear`; hrv-analysis its cleaning and six feature
functions; pyHRV, without correction, time domain, Welch, Poincaré, sample entropy and DFA. Told
apart: the first call with kernels read from disk, and with every kernel compiled anew. All times
are processor time of one thread, so that whatever else the machine does counts against nobody.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers_env import PEERS, ROOT, on_one_core, python_of

GOAL = 30.0
GOAL_WINDOWS_PER_S = 1000.0
WINDOWS = 1000
PEER_WINDOWS = {"neurokit2": 8, "hrv-analysis": 100, "pyhrv": 15}
NAMES = {"neurokit2": "NeuroKit2", "hrv-analysis": "hrv-analysis", "pyhrv": "pyHRV"}


def made_windows() -> np.ndarray:
    """Return windows of five minutes, a row of intervals [ms] each, zeros after its end."""
    rng = np.random.default_rng(20_190_701)
    found = np.zeros((WINDOWS, 460))
    for row in found:
        beat = np.arange(460.0)
        middle = rng.uniform(700, 1050)
        nn = middle + rng.normal(0, 15, 460)
        nn += rng.uniform(15, 40) * np.sin(2 * np.pi * 0.1 * beat * middle / 1000 + rng.random())
        nn += rng.uniform(10, 40) * np.sin(2 * np.pi * 0.25 * beat * middle / 1000 + rng.random())
        for i in rng.choice(np.arange(5, 250, 5), 4, replace=False):
            kind = rng.integers(3)
            if kind == 0:
                nn[i], nn[i + 1] = 0.65 * nn[i], nn[i + 1] + 0.35 * nn[i]
            elif kind == 1:
                nn[i] += nn[i + 1]
            else:
                nn[i] /= 2
        nn = np.round(nn[np.cumsum(nn) < 300_000])
        row[: nn.size] = nn
    return found


def ours(path: str) -> dict[str, object]:
    """Measure ours; called in a process of its own."""
    from euthymia.kernels.beats import corrected
    from euthymia.kernels.hrv import NAMES as METRICS
    from euthymia.kernels.hrv import five_minutes

    rows = [row[row > 0] for row in np.load(path, allow_pickle=False)]
    ends = [np.cumsum(row * 1000).astype(np.int64) for row in rows]
    began = time.process_time()
    five_minutes(corrected(rows[0], ends[0]))
    first = time.process_time() - began
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        counted = sum(
            five_minutes(corrected(nn, end)).shape[0] for nn, end in zip(rows, ends, strict=True)
        )
        best = max(best, len(rows) / (time.process_time() - began))
    return {
        "windows_per_s": best,
        "metrics": len(METRICS),
        "valid_windows": counted,
        "first_call_s": first,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def compiled_anew(path: str, folder: Path) -> float:
    """Return how long the first call takes where nothing is kept on disk [s]."""
    copy = folder / "src"
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    here = str(Path(__file__).resolve())
    return float(json.loads(on_one_core([sys.executable, here, path, str(copy)]))["first_call_s"])


def run() -> Iterator[dict[str, object]]:
    """Yield a claim for each peer, and the rate by itself."""
    here = str(Path(__file__).resolve())
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "windows.npy")
        np.save(path, made_windows())
        anew = compiled_anew(path, Path(folder))
        on_one_core([sys.executable, here, path])
        own = json.loads(on_one_core([sys.executable, here, path]))
        about = {
            "metrics": own["metrics"],
            "first_call_s": round(own["first_call_s"], 2),
            "first_call_compiling_s": round(anew, 1),
            "peak_mb": round(own["peak_mb"]),
        }
        yield {
            "name": "hrv_windows",
            "ours": round(own["windows_per_s"], 1),
            "peer": GOAL_WINDOWS_PER_S,
            "peer_name": "the rate wanted",
            "unit": "windows/s",
            "ratio": own["windows_per_s"] / GOAL_WINDOWS_PER_S,
            "goal": 1.0,
            **about,
        }
        for peer, windows in PEER_WINDOWS.items():
            command = [python_of(peer), str(PEERS / f"hrv_with_{peer}.py"), path, str(windows)]
            try:
                theirs = json.loads(on_one_core(command))
            except subprocess.CalledProcessError:
                print(f"{NAMES[peer]} cannot be run here: left out", file=sys.stderr)
                continue
            yield {
                "name": f"hrv_beside_{peer}",
                "ours": round(own["windows_per_s"], 1),
                "peer": round(theirs["windows_per_s"], 2),
                "peer_name": NAMES[peer],
                "unit": "windows/s",
                "ratio": own["windows_per_s"] / theirs["windows_per_s"],
                "goal": GOAL,
                **about,
                "peer_metrics": theirs["metrics"],
                "peer_peak_mb": round(theirs["peak_mb"]),
            }


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.path.insert(0, sys.argv[2])
    print(json.dumps(ours(sys.argv[1])))
