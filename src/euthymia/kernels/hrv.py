"""All of heart-rate variability over a long recording: five-minute windows, and the whole."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.beats import SHORTEST_MS, Beats
from euthymia.kernels.hrv_entropy import NAMES as ENTROPY_NAMES
from euthymia.kernels.hrv_entropy import entropies
from euthymia.kernels.hrv_fractal import NAMES as FRACTAL_NAMES
from euthymia.kernels.hrv_fractal import fractals
from euthymia.kernels.hrv_frequency import LF_HZ, band_powers, fill_in
from euthymia.kernels.hrv_frequency import NAMES as FREQUENCY_NAMES
from euthymia.kernels.hrv_nonlinear import CHAIN_NAMES, PLOT_NAMES, chain, poincare
from euthymia.kernels.hrv_time import NAMES as TIME_NAMES
from euthymia.kernels.hrv_time import time_domain
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NAMES: Final = (
    *TIME_NAMES, *PLOT_NAMES, *FREQUENCY_NAMES, *CHAIN_NAMES, *ENTROPY_NAMES, *FRACTAL_NAMES,
)  # fmt: skip
"""The metrics of one five-minute window, in order."""

_PLOT: Final = len(TIME_NAMES)
_FREQUENCY: Final = _PLOT + len(PLOT_NAMES)
_CHAIN: Final = _FREQUENCY + len(FREQUENCY_NAMES)
_ENTROPY: Final = _CHAIN + len(CHAIN_NAMES)
_FRACTAL: Final = _ENTROPY + len(ENTROPY_NAMES)

WINDOW_US: Final = 300_000_000  # five minutes, the Task Force's short-term standard
MOST_BEATS: Final = int(WINDOW_US / 1000 / SHORTEST_MS)
SPAN_US: Final = 270_000_000  # from its first beat to its last a window must last this long
FOR_TIME: Final = 0.6  # share of five minutes that measured beats must fill
FOR_CHAIN: Final = (
    0.8  # the same for spectrum and chain: filled-in beats have no noise of their own
)
BIN_US: Final = 2_000_000
VLF_HZ: Final = 0.0033
VLF_SPAN_US: Final = 3000 * 1_000_000
ULF_SPAN_US: Final = 4 * 3600 * 1_000_000
LONGEST_GAP_MS: Final = 10_000.0  # that is filled in: a breath or two


@compiled("i8(f8[::1], i8[::1], b1[::1], b1[::1], f8[::1], f8[::1], b1[::1])")
def _unbroken(
    nn_ms: Array,
    end_us: Ints,
    made_up: Mask,
    joined: Mask,
    x: Array,
    end_s: Array,
    missing: Mask,
) -> int:
    """Copy beats to x, with beats put into gaps; return how many, 0 where a gap is too long."""
    n = 0
    for i in range(nn_ms.size):
        begin_us = end_us[i] - np.int64(nn_ms[i] * 1000)
        if i > 0 and not joined[i]:
            gap_ms = (begin_us - end_us[i - 1]) / 1000.0
            beats = math.floor(gap_ms / (nn_ms[i - 1] + nn_ms[i]) * 2 + 0.5)
            if gap_ms > LONGEST_GAP_MS or n + beats + nn_ms.size - i > x.size:
                return 0
            for k in range(beats):
                x[n] = gap_ms / beats
                end_s[n] = (end_us[i - 1] - end_us[0]) / 1e6 + (k + 1) * gap_ms / beats / 1000
                missing[n] = True
                n += 1
        x[n], end_s[n], missing[n] = nn_ms[i], (end_us[i] - end_us[0]) / 1e6, made_up[i]
        n += 1
        if n > 1 and end_s[n - 1] <= end_s[n - 2]:
            return 0  # beats of two recordings at once
    return n


@compiled("void(f8[::1], b1[::1], b1[::1], f8[::1])")
def _measured(nn_ms: Array, made_up: Mask, joined: Mask, out: Array) -> None:
    """Write time domain and Poincaré plot: of measured beats, pairs of them that follow directly.

    No value that was filled in enters these.
    """
    kept, earlier, later = np.empty(nn_ms.size), np.empty(nn_ms.size), np.empty(nn_ms.size)
    n, pairs = 0, 0
    for i in range(nn_ms.size):
        if not made_up[i]:
            kept[n] = nn_ms[i]
            n += 1
            if i > 0 and joined[i] and not made_up[i - 1]:
                earlier[pairs], later[pairs] = nn_ms[i - 1], nn_ms[i]
                pairs += 1
    step = np.empty(pairs)
    for i in range(pairs):
        step[i] = later[i] - earlier[i]
    time_domain(kept[:n], step, out[:_PLOT])
    poincare(earlier[:pairs], later[:pairs], out[_PLOT:_FREQUENCY])


@compiled("void(f8[::1], i8[::1], b1[::1], b1[::1], f8[::1])")
def _filled(nn_ms: Array, end_us: Ints, made_up: Mask, joined: Mask, out: Array) -> None:
    """Write all but time domain and plot, of the beats with artefacts and gaps filled in."""
    most = nn_ms.size + MOST_BEATS
    x, end_s, missing = np.empty(most), np.empty(most), np.empty(most, np.bool_)
    n = _unbroken(nn_ms, end_us, made_up, joined, x, end_s, missing)
    if n > 0:
        x, end_s = x[:n], end_s[:n]
        fill_in(x, end_s, missing[:n])
        band_powers(x, end_s, out[_FREQUENCY:_CHAIN])
        chain(x, out[_CHAIN:_ENTROPY])
        entropies(x, out[_ENTROPY:_FRACTAL])
        fractals(x, out[_FRACTAL:])


@compiled("i8(f8[::1], i8[::1], b1[::1], b1[::1], i8[::1], f8[:, ::1])")
def _describe(
    nn_ms: Array,
    end_us: Ints,
    made_up: Mask,
    joined: Mask,
    starts: Ints,
    found: NDArray[np.float64],
) -> int:
    """Set a row of `found` to the metrics of each window that counts; return how many do."""
    rows = 0
    for window in range(starts.size - 1):
        low, high = starts[window], starts[window + 1]
        nn, end = nn_ms[low:high], end_us[low:high]
        fresh, follows = made_up[low:high], joined[low:high]
        seen = 0.0
        for i in range(high - low):
            seen += 0.0 if fresh[i] else nn[i]
        share = seen * 1000 / WINDOW_US
        if share < FOR_TIME or end[high - low - 1] - end[0] + np.int64(nn[0] * 1000) < SPAN_US:
            continue
        _measured(nn, fresh, follows, found[rows])
        if share >= FOR_CHAIN:
            _filled(nn, end, fresh, follows, found[rows])
        rows += 1
    return rows


def window_starts(beats: Beats) -> Ints:
    """Return the first beat of each window of five minutes, and the number of beats.

    A window begins with the first beat that is in none before it, so that a short recording is
    not cut where the clock says.
    """
    begin = beats.end_us - (beats.nn_ms * 1000).astype(np.int64)
    found, low = [0], 0
    while low < begin.size:
        low = max(int(np.searchsorted(begin, begin[low] + WINDOW_US)), low + 1)
        found.append(low)
    return np.array(found, np.int64)


def five_minutes(beats: Beats) -> NDArray[np.float64]:
    """Describe each window of five minutes of a recording.

    A window counts if beats that were measured fill three of its five minutes and its last beat
    ends at least 4.5 minutes after its first begins; spectrum, chain and entropies need four
    minutes and no gap longer than 10 s.

    Parameters
    ----------
    beats : Beats
        As `beats.corrected` returns them.

    Returns
    -------
    array, shape (windows that count, len(NAMES))
        NaN as the kernel of each metric says, and where a window lacks what a metric needs.
    """
    if beats.nn_ms.size == 0:
        return np.empty((0, len(NAMES)))
    starts = window_starts(beats)
    found = np.full((starts.size - 1, len(NAMES)), np.nan)
    rows = _describe(beats.nn_ms, beats.end_us, beats.made_up, beats.joined, starts, found)
    return found[:rows]


def slow_powers(nn_ms: Array, end_us: Ints) -> tuple[float, float]:
    """Measure the power below what five minutes can show, over a recording of an hour or more.

    Means of 2 s, straight lines over what is missing, a Hann taper, one Fourier transform.

    Parameters
    ----------
    nn_ms : array, shape (n,)
        Normal intervals [ms].
    end_us : int array, shape (n,)
        When each ends.

    Returns
    -------
    ulf_ms2, vlf_ms2 : float
        Power below 0.0033 Hz and from there to 0.04 Hz [ms²]. NaN when and only when less than
        80 % of the span from the first beat to the last has beats or it is shorter than 50
        minutes (VLF: ten of its slowest waves) or 4 hours (ULF).

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043.
    """
    span_us = int(end_us[-1] - end_us[0]) if end_us.size else 0
    if span_us < VLF_SPAN_US or nn_ms.sum() * 1000 < FOR_CHAIN * span_us:
        return math.nan, math.nan
    place = (end_us - end_us[0]) // BIN_US
    bins = int(place[-1]) + 1
    held = np.bincount(place, minlength=bins)
    series = np.bincount(place, nn_ms, minlength=bins) / np.maximum(held, 1)
    at = np.arange(bins)
    series = np.interp(at, at[held > 0], series[held > 0])
    line = np.polynomial.Polynomial.fit(at, series, 1)
    taper = np.hanning(bins)
    power = np.abs(np.fft.rfft((series - line(at)) * taper)) ** 2 * 2 / (bins * np.sum(taper**2))
    hz = np.fft.rfftfreq(bins, BIN_US / 1e6)
    power /= np.sinc(hz * BIN_US / 1e6) ** 2  # what the means of 2 s take away
    slow = float(power[hz < VLF_HZ].sum())
    vlf = float(power[(hz >= VLF_HZ) & (hz < LF_HZ)].sum())
    return (slow if span_us >= ULF_SPAN_US else math.nan), vlf
