"""Whether a device was worn, told from its counts alone."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ZERO_RUN_MINUTES: Final = 180
"""A wrist that lies still this long is not there. Asleep people's wrists stay at zero for up to
about 150 minutes on the counters we have seen; recordings with gaps in wear show runs from 200
minutes up. Choi et al. 2011 (doi:10.1249/MSS.0b013e3181ed61a3) use 90 minutes for a waist-worn
device by day, which would call a tenth of quiet nights not worn."""


def zero_runs(still: NDArray[np.bool_], minutes: int = ZERO_RUN_MINUTES) -> NDArray[np.bool_]:
    """Mark the runs of at least `minutes` still minutes. Runs end at the ends of each row.

    Parameters
    ----------
    still : bool array, shape (days, minutes of the day)
        True where a minute was recorded and its count is zero.

    Returns
    -------
    bool array, same shape
        True where the device counts as not worn.
    """
    rows, width = still.shape
    edges = np.zeros((rows, width + 2), np.int8)
    edges[:, 1:-1] = still
    steps = np.diff(edges, axis=1).ravel()
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    long = ends - starts >= minutes
    marks = np.zeros(rows * (width + 1) + 1, np.int32)
    marks[starts[long]] = 1
    marks[ends[long]] = -1
    inside = np.cumsum(marks[:-1]).reshape(rows, width + 1)
    return np.asarray(inside[:, :width] > 0)
