"""Heart-rate variability with pyHRV: what `benchmarks/hrv.py` compares with."""

import importlib.resources as resources
import json
import resource
import sys
import time
import warnings

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # it is imported, and draws nothing below
# its dependency nolds asks for the files of a module as if it were a package
_files = resources.files
resources.files = lambda name: _files("nolds" if name == "nolds.datasets" else name)

from pyhrv import frequency_domain, nonlinear, time_domain  # noqa: E402

warnings.simplefilter("ignore")


def all_of_it(nn):
    """It has no artefact correction; in its mode "dev" it draws no figure."""
    found = len(time_domain.time_domain(nni=nn, plot=False, show=False))
    found += len(frequency_domain.welch_psd(nni=nn, show=False, mode="dev")[0])
    found += len(nonlinear.poincare(nni=nn, mode="dev"))
    found += len(nonlinear.sample_entropy(nni=nn))
    found += len(nonlinear.dfa(nn, mode="dev"))
    return found


windows = np.load(sys.argv[1], allow_pickle=False)
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
