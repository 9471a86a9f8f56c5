"""Each day's usual value of one person: from a window of their own earlier days, shrunk to a prior.

A window of days says where a feature usually lies (centre, spread) on a weekday and on a weekend.
Values that stand out are pulled in before they enter a window (winsorised at `CLIP` spreads of the
baseline of their own day: Huber 1981, doi:10.1002/0471725250), so that one wild day moves nothing.
Few days are shrunk towards what is usual in other people (empirical Bayes: Efron & Morris 1975,
doi:10.1080/01621459.1975.10479864).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLIP: Final = 3.0  # spreads: what is farther out counts as that far
SPREAD_PRIOR: Final = 10.0  # days that the cohort's spread is worth against the person's own
WEEKEND_PRIOR: Final = 10.0  # days of the rarer kind before half of a weekend effect is believed


@compiled("void(f8[::1], b1[::1], i8, i8, f8[::1], f8, f8[::1])")
def window(
    kept: Array, weekend: Mask, first: int, end: int, prior: Array, memory: float, out: Array
) -> None:
    """Put what is usual in the days [first, end) into `out`.

    Parameters
    ----------
    kept : array, shape (days,)
        Values; NaN where not known.
    weekend : bool array, shape (days,)
    first, end : int
    prior : array, shape (3,)
        The cohort's mean, its typical spread within a person, and that between people's means.
    memory : float
        How many days weigh as much as one independent day: (1 + r) / (1 - r) for a day-to-day
        correlation r (Bayley & Hammersley 1946, doi:10.2307/2983560).
    out : array, shape (4,)
        Set to: centre on weekdays, what a weekend adds, spread of a new day around the centre
        (with the centre's own uncertainty), and the number of known days.
    """
    n, ends, total, late, square = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, end):
        v = kept[k] - prior[0]
        if not np.isnan(v):
            n += 1.0
            total += v
            square += v * v
            if weekend[k]:
                ends += 1.0
                late += v
    contrast = 0.0
    if ends > 0.0 and n > ends:
        worth = 1.0 / (1.0 / ends + 1.0 / (n - ends))
        contrast = worth / (worth + WEEKEND_PRIOR) * (late / ends - (total - late) / (n - ends))
    level, left = 0.0, 0.0
    if n > 0.0:
        level = (total - contrast * ends) / n
        left = square - 2 * contrast * late + contrast * contrast * ends - n * level * level
    variance = (max(left, 0.0) + SPREAD_PRIOR * prior[1] ** 2) / (n + SPREAD_PRIOR)
    worth = memory * prior[1] ** 2 / prior[2] ** 2
    out[0] = prior[0] + n * level / (n + worth)
    out[1] = contrast
    out[2] = np.sqrt(variance * (1.0 + memory / (n + worth)))
    out[3] = n


@compiled(
    "void(f8[:, ::1], f8[:, ::1], b1[::1], i8, i8, i8, f8[:, ::1], f8, "
    "f8[:, ::1], f8[:, ::1], f8[:, ::1])"
)
def lagged_baseline(
    values: Array,
    kept: Array,
    weekend: Mask,
    start: int,
    days: int,
    lag: int,
    prior: Array,
    memory: float,
    centre: Array,
    spread: Array,
    count: Array,
) -> None:
    """Fill in what was usual for each day from `start` on, seen from that day: no later value.

    The window of day t is the `days` days that end `lag` days before t. A person's first days have
    a shorter lag (a third of their history), so that a baseline begins at all.

    Parameters
    ----------
    values : array, shape (features, days)
        NaN where not known.
    kept : array, shape (features, days)
        The winsorised values: those before `start` are read, those from it on are set.
    centre, spread, count : arrays, shape (features, days)
        Set from `start` on.
    """
    out = np.empty(4)
    for j in range(values.shape[0]):
        for t in range(start, values.shape[1]):
            back = min(lag, t // 3)
            end = t - back + 1 if back > 0 else t
            window(kept[j], weekend, max(0, end - days), end, prior[j], memory, out)
            centre[j, t] = out[0] + out[1] * weekend[t]
            spread[j, t] = out[2]
            count[j, t] = out[3]
            v = values[j, t]
            if not np.isnan(v):
                most = CLIP * out[2]
                v = min(max(v, centre[j, t] - most), centre[j, t] + most)
            kept[j, t] = v


@compiled("void(f8[:, ::1], b1[::1], i8, i8, f8[:, ::1], f8, f8[:, ::1], f8[:, ::1])")
def fixed_baseline(
    kept: Array,
    weekend: Mask,
    first: int,
    end: int,
    prior: Array,
    memory: float,
    centre: Array,
    spread: Array,
) -> None:
    """Fill in what was usual in the days [first, end), for every day. See `lagged_baseline`."""
    out = np.empty(4)
    for j in range(kept.shape[0]):
        window(kept[j], weekend, first, end, prior[j], memory, out)
        for t in range(kept.shape[1]):
            centre[j, t] = out[0] + out[1] * weekend[t]
            spread[j, t] = out[2]


@compiled("void(f8[:, ::1], f8[:, ::1], b1[::1], i8, i8, f8[:, ::1], f8, f8[:, ::1], f8[:, ::1])")
def growing_baseline(
    values: Array,
    kept: Array,
    weekend: Mask,
    least: int,
    lag: int,
    prior: Array,
    memory: float,
    centre: Array,
    spread: Array,
) -> None:
    """Fill in what was usual for each day, from all days up to `lag` before it, `least` at least.

    The first `least` days are set against all of themselves. See `lagged_baseline`.
    """
    out = np.empty(4)
    for j in range(values.shape[0]):
        for t in range(min(least, values.shape[1])):
            kept[j, t] = values[j, t]
        for t in range(values.shape[1]):
            end = max(least, t - lag + 1)
            window(kept[j], weekend, 0, min(end, values.shape[1]), prior[j], memory, out)
            centre[j, t] = out[0] + out[1] * weekend[t]
            spread[j, t] = out[2]
            if t >= least:
                v = values[j, t]
                if not np.isnan(v):
                    most = CLIP * out[2]
                    v = min(max(v, centre[j, t] - most), centre[j, t] + most)
                kept[j, t] = v
