"""Which heart-beat intervals to believe, and which of them follow each other."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHORTEST_MS: Final = 300.0  # 200 beats a minute
LONGEST_MS: Final = 2000.0  # 30 beats a minute
CHANGE_SHARE: Final = 0.30
"""Malik et al. 1989 use 20 %, which takes the breath for an artefact: on a clean recording with
strong respiratory swings it drops 7 % of the beats and a quarter of RMSSD; 30 % drops 1.5 % and a
tenth, and still finds missed beats (+100 %) and beats cut in two (-40 to -60 %)."""
JOIN_TOLERANCE_MS: Final = 150.0  # half the shortest beat: no beat can hide in it


class Beats(NamedTuple):
    """`kept`: believed intervals. `joined[i]`: i and i - 1 are kept and nothing lies between."""

    kept: Mask
    joined: Mask


def _median_of_5(values: Array) -> Array:
    """Return the running median of each value, two before and two after (ends repeated)."""
    padded = np.pad(values, 2, mode="edge")
    a, b, c, d, e = (padded[i : i + values.size] for i in range(5))
    # the median of five is the median of e, the larger of the minima, the smaller of the maxima
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))


def normal_beats(interval_ms: Array, end_us: NDArray[np.int64]) -> Beats:
    """Keep the intervals that can be a normal beat, and say where the chain is whole.

    An interval is kept if it is within 300-2000 ms and differs by at most 30 % from the median of
    itself and the two in-range intervals on each side. The median (not the beat before, as in
    Malik's rule) keeps one bad beat from condemning its neighbours. Successive differences may be
    taken only where `joined`: both beats kept, next to each other, and the later one beginning
    where the earlier one ended (within 150 ms). Nothing is interpolated.

    Parameters
    ----------
    interval_ms : array, shape (n,)
        Intervals in order of time.
    end_us : int array, shape (n,)
        The instant each interval ends, in microseconds.

    Returns
    -------
    Beats
        Two bool arrays, shape (n,).

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043. Malik et al. 1989, Eur Heart J 10:1060.
    """
    kept = (interval_ms >= SHORTEST_MS) & (interval_ms <= LONGEST_MS)
    inside = interval_ms[kept]
    if inside.size:
        near = _median_of_5(inside)
        kept[kept] = np.abs(inside - near) <= CHANGE_SHARE * near
    joined = np.zeros_like(kept)
    space_ms = np.diff(end_us) / 1000.0 - interval_ms[1:]
    joined[1:] = kept[1:] & kept[:-1] & (np.abs(space_ms) <= JOIN_TOLERANCE_MS)
    return Beats(kept, joined)
