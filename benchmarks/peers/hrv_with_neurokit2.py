"""Heart-rate variability with NeuroKit2: what `benchmarks/hrv.py` compares with."""

import json
import resource
import sys
import time
import warnings

import neurokit2 as nk
import numpy as np

warnings.simplefilter("ignore")


def all_of_it(nn):
    peaks = np.concatenate([[0.0], np.cumsum(nn)]).astype(int)
    _, clean = nk.signal_fixpeaks(peaks, sampling_rate=1000, iterative=True, method="Kubios")
    parts = (nk.hrv_time, nk.hrv_frequency, nk.hrv_nonlinear)
    return [part(clean, sampling_rate=1000).shape[1] for part in parts]


windows = np.load(sys.argv[1], allow_pickle=False)
metrics = sum(all_of_it(windows[0][windows[0] > 0]))
began = time.process_time()
for row in windows[: int(sys.argv[2])]:
    all_of_it(row[row > 0])
seconds = time.process_time() - began
print(
    json.dumps(
        {
            "windows_per_s": min(int(sys.argv[2]), len(windows)) / seconds,
            "metrics": metrics,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
