"""Whether a device was worn, told from its counts alone."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

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


@compiled("b1[::1](f8[::1], i8)")
def still_runs(counts: NDArray[np.float64], minutes: int) -> NDArray[np.bool_]:
    """Mark the runs of at least `minutes` minutes of zero counts; NaN ends a run.

    As `zero_runs`, for one stretch of any length.
    """
    marked = np.zeros(counts.size, np.bool_)
    begin = 0
    for i in range(counts.size + 1):
        if i < counts.size and counts[i] == 0.0:
            continue
        if i - begin >= minutes:
            for k in range(begin, i):
                marked[k] = True
        begin = i + 1
    return marked


@compiled("b1[::1](f8[::1])")
def choi(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark non-wear by Choi et al. 2011: 90 minutes of zero counts in a row.

    One or two minutes of other counts do not end such a run where the 30 minutes before them and
    the 30 after them are all zero, as far as they were recorded.

    Parameters
    ----------
    counts : array, shape (minutes,)
        Counts a minute in order of time; NaN where not recorded, which ends any run.

    Returns
    -------
    bool array, same shape
        True where not worn.

    References
    ----------
    Choi et al. 2011, doi:10.1249/MSS.0b013e3181ed61a3. Made for a waist-worn ActiGraph.
    """
    quiet = np.empty(counts.size)
    for i in range(counts.size):
        quiet[i] = counts[i]
    begin = 0
    while begin < counts.size:
        end = begin
        while end < counts.size and counts[end] > 0:
            end += 1
        if 0 < end - begin <= 2:
            alone = True
            for k in range(max(begin - 30, 0), min(end + 30, counts.size)):
                alone = alone and (begin <= k < end or not counts[k] > 0)
            if alone:
                for k in range(begin, end):
                    quiet[k] = 0.0
        begin = max(end, begin + 1)
    return still_runs(quiet, 90)


@compiled("b1[::1](f8[::1])")
def troiano(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark non-wear by Troiano et al. 2008: 60 minutes or more of zero counts in a row.

    One or two minutes in a row of 1 to 100 counts do not end such a run; a minute above 100, a
    third one in a row, or NaN does. A run begins and ends with a zero.

    Parameters
    ----------
    counts : array, shape (minutes,)
        Counts a minute in order of time; NaN where not recorded.

    Returns
    -------
    bool array, same shape
        True where not worn.

    References
    ----------
    Troiano et al. 2008, doi:10.1249/mss.0b013e31815a51b3. Made for a waist-worn ActiGraph.
    """
    marked = np.zeros(counts.size, np.bool_)
    begin = 0
    while begin < counts.size:
        if counts[begin] != 0.0:
            begin += 1
            continue
        last, i, other = begin, begin, 0
        while i < counts.size and counts[i] <= 100.0 and other < 3:
            other = 0 if counts[i] == 0.0 else other + 1
            last = i if other == 0 else last
            i += 1
        if last - begin + 1 >= 60:
            for k in range(begin, last + 1):
                marked[k] = True
        begin = last + 1
    return marked
