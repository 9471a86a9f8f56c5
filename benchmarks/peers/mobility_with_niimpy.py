"""Daily mobility with niimpy: what `benchmarks/mobility.py` compares with."""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from niimpy.preprocessing import location

warnings.simplefilter("ignore")
held = np.load(sys.argv[1])
frame = pd.DataFrame(
    {
        "latitude": held["latitude"],
        "longitude": held["longitude"],
        "user": "u",
        "device": "d",
        "group": "g",
    },
    index=pd.to_datetime(held["time"], unit="us", utc=True),
)
arguments = {
    "latitude_column": "latitude",
    "longitude_column": "longitude",
    "resample_args": {"rule": "1D"},
}
began = time.process_time()
location.location_significant_place_features(frame, **arguments)
location.location_distance_features(frame, **arguments)
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sys.stdout.write("\n" + json.dumps({"seconds": seconds, "peak_mb": peak}) + "\n")
