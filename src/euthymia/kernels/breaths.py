"""Breaths of a breathing signal, and how much the heart quickens and slows with each."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_US: Final = 100_000  # breaths are looked for ten times a second
GAP_US: Final = 1_000_000  # a longer gap ends a stretch of signal
BASE_STEPS: Final = 201  # 20 s: what drifts more slowly is no breath
SMOOTH_STEPS: Final = 5
SHORTEST_US: Final = 1_500_000  # 40 breaths a minute
LONGEST_US: Final = 20_000_000
SHALLOW: Final = 0.3  # of the median depth: less is no breath
LAG_US: Final = 750_000  # the heart answers late: Grossman et al. 1990


def _smooth(x: Array, steps: int) -> Array:
    """Return the centred moving mean; towards the ends of as many as there are on both sides."""
    sums = np.concatenate([[0.0], np.cumsum(x)])
    at = np.arange(x.size)
    reach = np.minimum(np.minimum(at, x.size - 1 - at), steps // 2)
    return np.asarray((sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1), np.float64)


def _even(time_us: Ints, value: Array) -> tuple[int, Array]:
    """Return the first instant, and the signal ten times a second: means, and lines between."""
    place = time_us // STEP_US
    held, own = np.unique(place, return_inverse=True)
    mean = np.bincount(own, value) / np.bincount(own)
    grid = np.arange(held[0], held[-1] + 1)
    return int(held[0]) * STEP_US + STEP_US // 2, np.interp(grid, held, mean)


def _turns(x: Array) -> Ints:
    """Return where the signal turns: its extremes between crossings of zero, deep enough."""
    above = x > 0
    edges = np.flatnonzero(above[1:] != above[:-1]) + 1
    if edges.size < 2:
        return np.zeros(0, np.int64)
    lobe = np.repeat(np.arange(edges.size - 1), np.diff(edges))
    height = np.abs(x[edges[0] : edges[-1]])
    top = np.flatnonzero(height == np.maximum.reduceat(height, edges[:-1] - edges[0])[lobe])
    turns = top[np.unique(lobe[top], return_index=True)[1]] + edges[0]
    least = SHALLOW * float(np.median(np.abs(np.diff(x[turns])))) if turns.size > 1 else 0.0
    return _deep(x[turns].tolist(), turns, least)


def _deep(level: list[float], turns: Ints, least: float) -> Ints:
    """Return the turns without humps on the way that are less than `least` deep."""
    kept: list[int] = []
    for i, height in enumerate(level):
        if not kept:
            kept.append(i)
            continue
        away = height - level[kept[-1]]
        onward = away * (level[kept[-1]] - level[kept[-2]]) > 0 if len(kept) > 1 else False
        if onward:
            kept[-1] = i  # the leg before goes on
        elif abs(away) >= least:
            kept.append(i)
    return turns[kept]


def breaths(time_us: Ints, value: Array) -> Ints:
    """Return the breaths of a signal that rises with inhaling.

    Samples are averaged ten times a second, smoothed over half a second, and what drifts over 20 s
    is taken out. A breath goes from trough to peak to trough, each the extreme between two
    crossings of zero; humps of less than 0.3 of the median depth are no breaths (Khodadad et al.
    2018, doi:10.1088/1361-6579/aad7e6).

    Parameters
    ----------
    time_us : int array, shape (n,)
        In order.
    value : array, shape (n,)

    Returns
    -------
    int array, shape (breaths, 3)
        Trough, peak and next trough [us]; each breath lasts 1.5 to 20 s. Over a gap of more than a
        second there is none.
    """
    known = np.isfinite(value)
    time_us, value = time_us[known], value[known]
    cuts = np.flatnonzero(np.diff(time_us) > GAP_US) + 1
    found = [np.zeros((0, 3), np.int64)]
    for part in np.split(np.arange(time_us.size), cuts):
        if part.size < 2 or time_us[part[-1]] - time_us[part[0]] < LONGEST_US:
            continue
        start, x = _even(time_us[part], value[part])
        x = _smooth(x, SMOOTH_STEPS)
        x = x - _smooth(x, BASE_STEPS)
        if np.ptp(x) <= 1e-9 * max(1.0, float(np.abs(value[part]).max())):
            continue
        turns = _turns(x)
        turns = turns[1 if turns.size and x[turns[0]] > 0 else 0 :]
        count = (turns.size - 1) // 2
        if count > 0:
            at = start + turns * STEP_US
            ends = np.stack([at[0 : 2 * count : 2], at[1 : 2 * count : 2], at[2::2][:count]], 1)
            found.append(ends)
    whole = np.concatenate(found)
    long = whole[:, 2] - whole[:, 0]
    return whole[(long >= SHORTEST_US) & (long <= LONGEST_US)]


def peak_to_valley(begin_us: Ints, end_us: Ints, breath_us: Ints) -> Array:
    """Return each breath's respiratory sinus arrhythmia [ms]: peak to valley.

    The longest beat interval of breathing out less the shortest of breathing in, each allowed to
    end 0.75 s later; 0 where that is negative.

    Parameters
    ----------
    begin_us, end_us : int arrays, shape (n,)
        Beat intervals, in order.
    breath_us : int array, shape (breaths, 3)
        As `breaths` returns them.

    Returns
    -------
    array, shape (breaths,)
        NaN when and only when a phase holds no whole interval.

    References
    ----------
    Grossman, van Beek & Wientjes 1990, doi:10.1111/j.1469-8986.1990.tb03198.x.
    """
    length = (end_us - begin_us) / 1000
    trough, peak, after = breath_us.T
    found = np.full(trough.size, np.nan)
    bounds = []
    for low, high in ((trough, peak + LAG_US), (peak, after + LAG_US)):
        first = np.searchsorted(begin_us, low)
        bounds.append((first.tolist(), np.searchsorted(end_us, high).tolist()))
    for i in range(trough.size):
        (a, b), (c, d) = ((first[i], last[i]) for first, last in bounds)
        if a < b and c < d:
            found[i] = max(length[c:d].max() - length[a:b].min(), 0.0)
    return found
