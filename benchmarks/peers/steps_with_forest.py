"""Steps with Forest's Oak: what `benchmarks/steps.py` compares with."""

import json
import resource
import sys
import time
import warnings

import numpy as np
from forest.oak.base import find_walking, preprocess_bout

warnings.simplefilter("ignore")
at, x, y, z = np.load(sys.argv[1])
preprocess = time.process_time()
find_walking(preprocess_bout(at[:500], x[:500], y[:500], z[:500])[1])
first = time.process_time() - preprocess
began, steps = time.process_time(), 0.0
minute = np.floor(at / 60).astype(int)
edges = np.flatnonzero(np.diff(minute, prepend=-1))
for low, high in zip(edges, [*edges[1:], at.size], strict=True):  # it takes a minute at a time
    _, size = preprocess_bout(at[low:high], x[low:high], y[low:high], z[low:high])
    steps += float(find_walking(size).sum())
print(
    json.dumps(
        {
            "seconds": time.process_time() - began,
            "first_call_s": first,
            "steps": steps,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
