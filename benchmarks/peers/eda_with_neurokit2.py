"""Skin conductance with NeuroKit2: what `benchmarks/eda.py` compares with."""

import json
import resource
import sys
import time
import warnings

import neurokit2 as nk
import numpy as np

warnings.simplefilter("ignore")
level = np.load(sys.argv[1]).astype(np.float64)
seconds = []
for _ in range(int(sys.argv[2])):
    began = time.process_time()
    _, info = nk.eda_process(level, sampling_rate=4)
    seconds.append(time.process_time() - began)
print(
    json.dumps(
        {
            "seconds": seconds,
            "responses": len(info["SCR_Peaks"]),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
