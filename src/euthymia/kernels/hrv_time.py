"""Heart-rate variability in the time domain, for one window or for many at once.

Definitions of the Task Force 1996, doi:10.1161/01.CIR.93.5.1043. Standard deviations divide by
n - 1. pNNx divides by the number of successive differences, not of beats.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEGMENT_US: Final = 300 * 1_000_000  # five minutes, as in SDANN and the SDNN index
RAGGED: Final = 4  # windows this unequal in length are taken one by one
SEGMENT_BEATS: Final = 60  # a segment needs a fifth of its time at 60 beats a minute


@dataclass(frozen=True, slots=True)
class TimeDomain:
    """One value per window; NaN as said in `time_domain`."""

    beats: Array
    mean_nn_ms: Array
    median_nn_ms: Array
    mad_nn_ms: Array
    sdnn_ms: Array
    cvnn: Array
    rmssd_ms: Array
    cvsd: Array
    pnn50_pct: Array
    pnn20_pct: Array


def _sums(values: Array, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> Array:
    """Return the sum of each window's slice (windows follow each other without a gap)."""
    out = np.zeros(counts.size)
    filled = counts > 0
    if filled.any():
        out[filled] = np.add.reduceat(values, starts[filled])
    return out


def _medians(values: Array, counts: NDArray[np.int64]) -> Array:
    """Return the median of each window's slice."""
    if counts.size == 0 or counts.max() * counts.size > RAGGED * values.size:
        parts = np.split(values, np.cumsum(counts))[: counts.size]
        return np.array([np.median(part) if part.size else np.nan for part in parts])
    if values.size == 0:
        return np.full(counts.size, np.nan)
    held = np.arange(counts.max()) < counts[:, None]
    table = np.full(held.shape, np.inf)
    table[held] = values
    table.sort(axis=1)
    rows, last = np.arange(counts.size), np.maximum(counts - 1, 0)
    middle = (table[rows, last // 2] + table[rows, np.maximum(counts, 1) // 2]) / 2
    return np.where(counts == 0, np.nan, middle)


def _mean_and_spread(values: Array, counts: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the mean and the standard deviation (n - 1) of each window's slice."""
    starts = np.cumsum(counts) - counts
    mean = _sums(values, starts, counts) / np.where(counts == 0, np.nan, counts)
    away = (values - np.repeat(mean, counts)) ** 2
    return mean, np.sqrt(_sums(away, starts, counts) / np.where(counts < 2, np.nan, counts - 1))


def _share(hits: Array, of: Array) -> Array:
    return 100.0 * hits / np.where(of == 0, np.nan, of)


def time_domain(
    nn_ms: Array, joined: NDArray[np.bool_], counts: NDArray[np.int64] | None = None
) -> TimeDomain:
    """Describe how the beats of each window vary.

    Parameters
    ----------
    nn_ms : array, shape (n,)
        Normal-to-normal intervals [ms], the windows one after the other.
    joined : bool array, shape (n,)
        True where an interval directly follows the one before it, in the same window. The first
        interval of a window is never joined, whatever is said here.
    counts : int array, shape (windows,), optional
        Intervals in each window; they add up to n. One window of all by default.

    Returns
    -------
    TimeDomain
        Arrays of shape (windows,). NaN when and only when there are no beats (mean, median, MAD),
        fewer than two (SDNN, CVNN) or no joined pair (RMSSD, CVSD, pNN50, pNN20).

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043.
    """
    counts = np.array([nn_ms.size], np.int64) if counts is None else counts
    if counts.sum() != nn_ms.size or joined.shape != nn_ms.shape:
        raise ValueError("counts must add up to the number of intervals, joined have their shape")
    starts = np.cumsum(counts) - counts
    mean, sdnn = _mean_and_spread(nn_ms, counts)
    median = _medians(nn_ms, counts)
    mad = _medians(np.abs(nn_ms - np.repeat(median, counts)), counts)
    follows = joined.copy()
    follows[starts[counts > 0]] = False
    step = np.abs(np.diff(nn_ms, prepend=0.0)) * follows
    pairs = _sums(follows.astype(np.float64), starts, counts)
    rmssd = np.sqrt(_sums(step**2, starts, counts) / np.where(pairs == 0, np.nan, pairs))
    over = [_sums((step > limit).astype(np.float64), starts, counts) for limit in (50, 20)]
    return TimeDomain(
        beats=counts.astype(np.float64),
        mean_nn_ms=mean,
        median_nn_ms=median,
        mad_nn_ms=mad,
        sdnn_ms=sdnn,
        cvnn=sdnn / mean,
        rmssd_ms=rmssd,
        cvsd=rmssd / mean,
        pnn50_pct=_share(over[0], pairs),
        pnn20_pct=_share(over[1], pairs),
    )


def segment_spread(nn_ms: Array, end_us: NDArray[np.int64], start_us: int) -> tuple[float, float]:
    """Part the variability of a window into slow and fast, by five-minute segments.

    Parameters
    ----------
    nn_ms : array, shape (n,)
        Normal-to-normal intervals of one window [ms].
    end_us : int array, shape (n,)
        When each ends, in microseconds; segments are counted from `start_us`.

    Returns
    -------
    sdann_ms : float
        Standard deviation of the segments' means. NaN when and only when fewer than two segments
        have at least 60 beats.
    sdnn_index_ms : float
        Mean of the segments' standard deviations. NaN when and only when no segment has.

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043.
    """
    _, counts = np.unique((end_us - start_us) // SEGMENT_US, return_counts=True)
    mean, spread = _mean_and_spread(nn_ms, counts.astype(np.int64))
    enough = counts >= SEGMENT_BEATS
    sdann = float(np.std(mean[enough], ddof=1)) if enough.sum() > 1 else float("nan")
    return sdann, float(np.mean(spread[enough])) if enough.any() else float("nan")
