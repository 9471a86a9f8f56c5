"""Heart-rate variability with hrv-analysis: what `benchmarks/hrv.py` compares with."""

import importlib.resources as resources
import json
import resource
import sys
import time
import warnings
from contextlib import redirect_stdout
from io import StringIO

import numpy as np

# its dependency nolds asks for the files of a module as if it were a package
_files = resources.files
resources.files = lambda name: _files("nolds" if name == "nolds.datasets" else name)

import hrvanalysis as hrv  # noqa: E402

warnings.simplefilter("ignore")


def all_of_it(nn):
    clean = hrv.remove_outliers(nn.tolist(), verbose=False)
    clean = hrv.interpolate_nan_values(clean)
    clean = hrv.remove_ectopic_beats(clean, method="malik", verbose=False)
    clean = [x for x in hrv.interpolate_nan_values(clean) if x == x]
    parts = (
        hrv.get_time_domain_features,
        hrv.get_geometrical_features,
        hrv.get_frequency_domain_features,
        hrv.get_csi_cvi_features,
        hrv.get_poincare_plot_features,
        hrv.get_sampen,
    )
    return sum(len(part(clean)) for part in parts)


windows = np.load(sys.argv[1], allow_pickle=False)
with redirect_stdout(StringIO()):
    metrics = all_of_it(windows[0][windows[0] > 0])
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
