"""Rest-activity rhythm with pyActigraphy: what `benchmarks/circadian.py` compares with."""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from pyActigraphy.analysis import Cosinor
from pyActigraphy.io import BaseRaw

warnings.simplefilter("ignore")
counts = np.load(sys.argv[1])  # fortnights x minutes
seconds, said = [], {}
for row in counts[: int(sys.argv[2])]:
    index = pd.date_range("2024-03-04", periods=row.size, freq="1min")
    raw = BaseRaw(
        name="one",
        uuid="one",
        format="Pandas",
        axial_mode=None,
        start_time=index[0],
        period=index[-1] - index[0],
        frequency=pd.Timedelta("1min"),
        data=pd.Series(row, index=index).asfreq("1min"),
        light=None,
    )
    began = time.process_time()
    said = {
        name: float(getattr(raw, name)(binarize=False))
        for name in ("IS", "ISm", "IV", "IVm", "L5", "M10", "RA")
    }
    said["kRA"], said["kAR"] = float(raw.kRA(0)), float(raw.kAR(0))
    said["mesor"] = float(Cosinor().fit(raw.data, verbose=False).params["Mesor"].value)
    seconds.append(time.process_time() - began)
print(
    json.dumps(
        {
            "seconds": seconds,
            "said": said,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
