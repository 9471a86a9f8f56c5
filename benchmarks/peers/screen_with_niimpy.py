"""Daily screen features with niimpy: what `benchmarks/screen_sleep.py` compares with."""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from niimpy.preprocessing import screen

warnings.simplefilter("ignore")
held = np.load(sys.argv[1])
frame = pd.DataFrame(
    {"screen_status": held["state"].astype(int), "user": "u", "device": "d", "group": "g"},
    index=pd.to_datetime(held["time"], unit="us", utc=True).tz_convert("Europe/Helsinki"),
)
frame["time"] = held["time"] / 1e6
frame["datetime"] = frame.index
functions = (
    screen.screen_off,
    screen.screen_count,
    screen.screen_duration,
    screen.screen_duration_min,
    screen.screen_duration_max,
    screen.screen_duration_mean,
    screen.screen_duration_median,
    screen.screen_duration_std,
    screen.screen_first_unlock,
)
began = time.process_time()
for function in functions:
    arguments = {} if "resample_args" not in function.__code__.co_varnames else {
        "resample_args": {"rule": "1D"}
    }  # fmt: skip
    function(frame.copy(), None, **arguments)
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sys.stdout.write("\n" + json.dumps({"seconds": seconds, "peak_mb": peak}) + "\n")
