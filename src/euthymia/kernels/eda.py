"""Skin conductance: which samples can be believed, its slow level, and its quick responses.

Everything runs on an even grid of 4 Hz, in runs: stretches of grid points without a gap. `edges`
are the bounds of runs in an array: run i is ``[edges[i], edges[i + 1])``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

RATE_HZ: Final = 4
STEP_US: Final = 250_000
GAP_US: Final = 1_000_000  # a longer gap ends a run; a shorter one is bridged by a straight line
LEAST_USIEMENS: Final = 0.05  # Kleckner et al. 2018, rule 1
MOST_USIEMENS: Final = 60.0
STEEPEST_USIEMENS_S: Final = 10.0  # rule 2
KLECKNER_CEL: Final = 30.0  # rule 3
COLDEST_CEL: Final = 25.0  # 4 of 20 people of a public study had worn wrists of 27 to 29 degrees
WARMEST_CEL: Final = 40.0
AROUND_S: Final = 5  # rule 4
TEMPERATURE_NEAR_US: Final = 10_000_000  # a temperature taken longer ago says nothing
MIN_RUN_S: Final = 64  # one segment of the spectrum; far longer than the filters' memory
HALF_MEDIAN_S: Final = 4
CUTOFF_HZ: Final = 0.05
RIPPLE_USIEMENS: Final = 0.01  # a smaller rise and fall is noise: it parts no response in two
SMALLEST_USIEMENS: Final = 0.05  # a response: trough to peak at least this
BAND_HZ: Final = (0.045, 0.25)
FLAT_USIEMENS2: Final = 1e-12  # less power is rounding
_SEGMENT: Final = MIN_RUN_S * RATE_HZ
_PAD: Final = 9  # samples of odd extension at each end before filtering both ways


@compiled("Tuple((i8[::1], f8[::1], i8[::1]))(i8[::1], f8[::1], i8, i8)")
def to_grid(time_us: Ints, value: Array, step_us: int, gap_us: int) -> tuple[Ints, Array, Ints]:
    """Put samples on an even grid, in runs that a gap ends.

    Each grid point is the mean of the samples nearest to it; a point without one lies on the
    straight line between its neighbours. The grid of a run begins at its first sample, so a
    recording that is even already passes unchanged.

    Parameters
    ----------
    time_us : int array, shape (n,)
        Sorted.
    value : array, shape (n,)
    step_us, gap_us : int
        The grid's step; the longest gap inside a run.

    Returns
    -------
    time_us, value : arrays, shape (m,)
        The grid points.
    edges : int array, shape (runs + 1,)
    """
    n = time_us.size
    runs = 0
    points = 0
    first = 0
    for i in range(n):
        if i + 1 == n or time_us[i + 1] - time_us[i] > gap_us:
            points += (time_us[i] - time_us[first] + step_us // 2) // step_us + 1
            runs += 1
            first = i + 1
    at = np.empty(points, np.int64)
    out = np.empty(points, np.float64)
    edges = np.zeros(runs + 1, np.int64)
    run = 0
    base = 0
    first = 0
    i = 0
    while i < n:
        place = -1  # the last grid point of this run that was written
        while i < n and (i == first or time_us[i] - time_us[i - 1] <= gap_us):
            own = (time_us[i] - time_us[first] + step_us // 2) // step_us
            total = 0.0
            many = 0
            while (
                i < n
                and (i == first or time_us[i] - time_us[i - 1] <= gap_us)
                and (time_us[i] - time_us[first] + step_us // 2) // step_us == own
            ):
                total += value[i]
                many += 1
                i += 1
            mean = total / many
            for k in range(place + 1, own):
                before = out[base + place]
                out[base + k] = before + (mean - before) * (k - place) / (own - place)
            out[base + own] = mean
            place = own
        for k in range(place + 1):
            at[base + k] = time_us[first] + k * step_us
        base += place + 1
        run += 1
        edges[run] = base
        first = i
    return at, out, edges


@compiled("b1[::1](i8[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8)")
def believable(
    time_us: Ints,
    level: Array,
    edges: Ints,
    temperature_us: Ints,
    temperature: Array,
    coldest: float,
) -> Mask:
    """Tell which grid points pass the four rules of Kleckner et al. 2018.

    Not believable is what is outside 0.05 to 60 uS, changes by more than 10 uS/s from the grid
    point before it, was taken at a skin temperature outside `coldest` to 40 degrees Celsius (the
    last one of at most 10 s ago; without one the rule is not asked), or lies within 5 s of such.

    Parameters
    ----------
    time_us, level : arrays, shape (m,)
        Grid points, 4 Hz; level in uS.
    edges : int array
        Runs.
    temperature_us, temperature : arrays, shape (k,)
        Skin temperature [Cel] and when it was taken, sorted.
    coldest : float
        30 in the paper.

    References
    ----------
    Kleckner IR et al. Simple, transparent, and flexible automated quality assessment procedures
    for ambulatory electrodermal activity data. IEEE Trans Biomed Eng 2018;65(7):1460-1467,
    doi:10.1109/TBME.2017.2758643.
    """
    good = np.ones(level.size, np.bool_)
    around = AROUND_S * RATE_HZ
    place = 0
    for run in range(edges.size - 1):
        low, high = edges[run], edges[run + 1]
        spoilt = low  # everything before this index in the run is already marked
        for i in range(low, high):
            x = level[i]
            bad = not (LEAST_USIEMENS <= x <= MOST_USIEMENS)
            if i > low and abs(x - level[i - 1]) * RATE_HZ > STEEPEST_USIEMENS_S:
                bad = True
            while place < temperature_us.size and temperature_us[place] <= time_us[i]:
                place += 1
            if place > 0 and time_us[i] - temperature_us[place - 1] <= TEMPERATURE_NEAR_US:
                warm = temperature[place - 1]
                if not (coldest <= warm <= WARMEST_CEL):
                    bad = True
            if bad:
                for k in range(max(i - around, spoilt), min(i + around + 1, high)):
                    good[k] = False
                spoilt = min(i + around + 1, high)
    return good


@compiled("Tuple((i8[::1], f8[::1], i8[::1]))(i8[::1], f8[::1], i8[::1], b1[::1], i8)")
def long_runs(
    time_us: Ints, level: Array, edges: Ints, good: Mask, least: int
) -> tuple[Ints, Array, Ints]:
    """Keep only runs of at least `least` believable grid points in a row, laid end to end.

    Returns
    -------
    time_us, level, edges : arrays
        Empty (with ``edges`` ``[0]``) when and only when there is no such run.
    """
    keep = np.zeros(level.size, np.bool_)
    bounds = np.zeros(level.size // least + 2, np.int64)
    runs = 0
    kept = 0
    for run in range(edges.size - 1):
        start = edges[run]
        for i in range(edges[run], edges[run + 1] + 1):
            if i < edges[run + 1] and good[i]:
                continue
            if i - start >= least:
                keep[start:i] = True
                kept += i - start
                runs += 1
                bounds[runs] = kept
            start = i + 1
    return time_us[keep], level[keep], bounds[: runs + 1].copy()


def butterworth(cutoff: float, *, high_pass: bool) -> Array:
    """Return b0, b1, b2, a1, a2 of a second-order Butterworth filter.

    `cutoff` is in cycles a sample, between 0 and 0.5.
    """
    k = np.tan(np.pi * cutoff)
    scale = 1.0 / (1.0 + np.sqrt(2.0) * k + k * k)
    b0 = scale if high_pass else k * k * scale
    b1 = -2.0 * b0 if high_pass else 2.0 * b0
    a1 = 2.0 * (k * k - 1.0) * scale
    return np.array([b0, b1, b0, a1, (1.0 - np.sqrt(2.0) * k + k * k) * scale])


@compiled("void(f8[::1], i8, i8, i8, f8[::1])")
def _one_way(value: Array, start: int, stop: int, step: int, filtered: Array) -> None:
    """Filter value[start], ..., up to but not value[stop], in place, from its steady state."""
    b0, b1, b2, a1, a2 = filtered[0], filtered[1], filtered[2], filtered[3], filtered[4]
    steady = (b0 + b1 + b2) / (1.0 + a1 + a2) * value[start]
    z2 = b2 * value[start] - a2 * steady
    z1 = b1 * value[start] - a1 * steady + z2
    i = start
    while i != stop:
        x = value[i]
        y = b0 * x + z1
        z1 = b1 * x - a1 * y + z2
        z2 = b2 * x - a2 * y
        value[i] = y
        i += step


@compiled("f8[::1](f8[::1], i8[::1], f8[::1])")
def zero_phase(value: Array, edges: Ints, coefficients: Array) -> Array:
    """Filter each run forth and back with a filter of second order.

    Each run is first drawn out at both ends by the mirror image of its first and last 9 points
    about its end points, and the filter begins in the steady state of its first value: what
    SciPy's ``sosfiltfilt`` does.

    Parameters
    ----------
    value : array, shape (m,)
        Runs laid end to end, each of at least 10 points.
    edges : int array
    coefficients : array, shape (5,)
        b0, b1, b2, a1, a2.

    Returns
    -------
    array, shape (m,)
    """
    out = np.empty(value.size, np.float64)
    drawn = np.empty(value.size + 2 * _PAD, np.float64)
    for run in range(edges.size - 1):
        low, n = edges[run], edges[run + 1] - edges[run]
        last = low + n - 1
        for i in range(_PAD):
            drawn[i] = 2.0 * value[low] - value[low + _PAD - i]
            drawn[n + _PAD + i] = 2.0 * value[last] - value[last - 1 - i]
        for i in range(n):
            drawn[_PAD + i] = value[low + i]
        _one_way(drawn, 0, n + 2 * _PAD, 1, coefficients)
        _one_way(drawn, n + 2 * _PAD - 1, -1, -1, coefficients)
        for i in range(n):
            out[low + i] = drawn[_PAD + i]
    return out


@compiled("f8[::1](f8[::1], i8[::1], i8)")
def running_median(value: Array, edges: Ints, half: int) -> Array:
    """Return the median of the points up to `half` before and after each, inside its run."""
    out = np.empty(value.size, np.float64)
    held = np.empty(2 * half + 1, np.float64)  # in order of size
    for run in range(edges.size - 1):
        low, high = edges[run], edges[run + 1]
        n = 0
        for i in range(low - half, high):
            enters, leaves = i + half < high, i - half - 1 >= low
            j = n  # the place in `held` that is free
            if leaves:
                j = 0
                while held[j] != value[i - half - 1]:
                    j += 1
            if enters:
                if not leaves:
                    n += 1
                x = value[i + half]
                while j > 0 and held[j - 1] > x:
                    held[j] = held[j - 1]
                    j -= 1
                while j < n - 1 and held[j + 1] < x:
                    held[j] = held[j + 1]
                    j += 1
                held[j] = x
            elif leaves:
                n -= 1
                while j < n:
                    held[j] = held[j + 1]
                    j += 1
            if i >= low:
                out[i] = 0.5 * (held[(n - 1) // 2] + held[n // 2])
    return out


@compiled("f8[:, ::1](f8[::1], i8[::1], f8, f8)")
def responses(phasic: Array, edges: Ints, ripple: float, least: float) -> Array:
    """Find skin conductance responses: rises from a trough to a peak.

    Walking along each run, a trough ends a fall and a peak ends a rise once the signal has turned
    back by more than `ripple`. A rise that began before the run, and so without a trough of its
    own, and one that the run's end cuts off are no responses.

    Parameters
    ----------
    phasic : array, shape (m,)
    edges : int array
    ripple, least : float
        What does not part a response; the least amplitude, trough to peak. Same unit as phasic.

    Returns
    -------
    array, shape (k, 4)
        Of each: index of the trough, index of the peak, amplitude, and samples from the peak to
        the first one that is no more than half the amplitude above the trough (NaN where the next
        response or the run's end comes before that).
    """
    found = np.empty((phasic.size // 2 + 1, 4), np.float64)
    k = 0
    for run in range(edges.size - 1):
        low, high = edges[run], edges[run + 1]
        first = k
        peak = trough = low
        going = 0  # 1 up, -1 down, 0 not known yet
        whole = False  # the rise has its own trough
        for i in range(low + 1, high):
            x = phasic[i]
            if going >= 0 and x > phasic[peak]:
                peak = i
            if going <= 0 and x <= phasic[trough]:
                trough = i
            if going >= 0 and phasic[peak] - x > ripple:
                if whole and phasic[peak] - phasic[trough] >= least:
                    found[k, 0], found[k, 1] = trough, peak
                    found[k, 2] = phasic[peak] - phasic[trough]
                    k += 1
                going, trough = -1, i
            elif going <= 0 and x - phasic[trough] > ripple:
                whole = going == -1
                going, peak = 1, i
        for j in range(first, k):
            last = int(found[j + 1, 0]) if j + 1 < k else high - 1
            half = phasic[int(found[j, 0])] + 0.5 * found[j, 2]
            found[j, 3] = np.nan
            for i in range(int(found[j, 1]) + 1, last + 1):
                if phasic[i] <= half:
                    found[j, 3] = i - found[j, 1]
                    break
    return found[:k].copy()


def sympathetic(level: Array, edges: Ints) -> tuple[float, float]:
    """Return the power of skin conductance at the pace of the sympathetic system: EDASymp.

    The mean spectrum of all 64 s segments, half overlapping, that lie in one run: each loses its
    straight line and is tapered by Blackman's window. A sine of amplitude A in the band gives
    A squared over 2.

    Returns
    -------
    power : float
        From 0.045 to 0.25 Hz [uS2]. NaN when and only when no run lasts 64 s.
    share : float
        Of all power above 0 Hz; NaN also where there is less than 1e-12 uS2 of it.

    References
    ----------
    Posada-Quintero HF et al. Power spectral density analysis of electrodermal activity for
    sympathetic function assessment. Ann Biomed Eng 2016;44(10):3124-3135,
    doi:10.1007/s10439-016-1606-6. There the signal is thinned to 2 Hz and passed above 0.01 Hz
    first; segments of 64 s with their line taken out need neither.
    """
    band_power, all_power, segments = 0.0, 0.0, 0
    x = np.arange(_SEGMENT) - (_SEGMENT - 1) / 2
    # the periodic Blackman window, so that a sine on a bin keeps to three bins
    turn = 2 * np.pi * np.arange(_SEGMENT) / _SEGMENT
    taper = 0.42 - 0.5 * np.cos(turn) + 0.08 * np.cos(2 * turn)
    bins = np.arange(_SEGMENT // 2) * RATE_HZ / _SEGMENT
    inside = np.flatnonzero((bins >= BAND_HZ[0]) & (bins <= BAND_HZ[1]))
    waves = np.concatenate([np.cos(turn[:, None] * inside), np.sin(turn[:, None] * inside)], axis=1)
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if high - low < _SEGMENT:
            continue
        parts = np.lib.stride_tricks.sliding_window_view(level[low:high], _SEGMENT)
        flat = parts[:: _SEGMENT // 2].copy()
        flat -= flat.mean(axis=1, keepdims=True)
        flat -= np.outer(flat @ x, x / (x @ x))
        flat *= taper
        band_power += 2 * float(np.sum((flat @ waves) ** 2))
        all_power += _SEGMENT * float(np.sum(flat * flat)) - float(np.sum(flat.sum(axis=1) ** 2))
        segments += len(flat)
    if segments == 0:
        return float("nan"), float("nan")
    scale = segments * _SEGMENT * float(taper @ taper)
    flat_line = all_power / scale < FLAT_USIEMENS2
    share = float("nan") if flat_line else min(band_power / all_power, 1.0)
    return band_power / scale, share
