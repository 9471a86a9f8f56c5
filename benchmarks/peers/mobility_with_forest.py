"""Daily mobility with Forest's Jasmine: what `benchmarks/mobility.py` compares with."""

import json
import resource
import sys
import tempfile
import time

import numpy as np
from forest.constants import Frequency
from forest.jasmine.traj2stats import Hyperparameters, gps_stats_main

np.random.seed(0)  # noqa: NPY002  (what Jasmine draws from)
parameters = Hyperparameters()
parameters.save_osm_log = False
with tempfile.TemporaryDirectory() as out:
    began = time.process_time()
    gps_stats_main(sys.argv[1], out, "UTC", Frequency.DAILY, False, parameters=parameters)
    seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sys.stdout.write("\n" + json.dumps({"seconds": seconds, "peak_mb": peak}) + "\n")
