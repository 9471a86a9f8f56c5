"""Heart-beat intervals: which are wrong, what a wrong one was, and which follow each other."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]
Mask = NDArray[np.bool_]

SHORTEST_MS: Final = 300.0  # 200 beats a minute
LONGEST_MS: Final = 2000.0  # 30 beats a minute
RAW_SHORTEST_MS: Final = 80.0  # an extra detection may part a beat; below this it is no interval
RAW_LONGEST_MS: Final = 4000.0  # a missed beat doubles an interval; above this the signal was lost
JOIN_TOLERANCE_MS: Final = 150.0  # half the shortest beat: no beat can hide in it

ALPHA: Final = 5.2  # of quartile deviations: 3.32 standard deviations of a normal distribution
WIDTH: Final = 91  # beats over which the spread is taken
PLACES: Final = 96  # for the beats of that width, in eights as the processor takes them
MEDIAN_OVER: Final = 11
CHUNK: Final = 64  # beats whose medians are found side by side
C1: Final = 0.13
C2: Final = 0.17
FLOOR_MS: Final = 35.0
"""The least threshold: two steps of a 64 Hz clock. Without it a steady pulse, whose differences
are all alike, has a threshold of zero, and a wristband's rounding looks like an artefact."""

NORMAL, ECTOPIC, ODD, MISSED, EXTRA = 0, 1, 2, 3, 4
"""What an interval is: normal; made by a beat too early or late and the pause after it; too long or
too short; two beats taken for one; one part of a beat cut in two."""


class Beats(NamedTuple):
    """A corrected series.

    `nn_ms`, `end_us`: the intervals and when each ends. `made_up[i]`: interval i was not measured
    (it stands where an artefact was). `joined[i]`: interval i begins where i - 1 ends. `wrong`:
    how many of the `recorded` intervals were artefacts.
    """

    nn_ms: Array
    end_us: Ints
    made_up: Mask
    joined: Mask
    wrong: int
    recorded: int


@compiled("f8(f4[::1], i8, f8)")
def _quantile(held: Singles, count: int, share: float) -> float:
    """Return a quantile of the values in places 1 to `count`, which are sorted."""
    place = 1 + share * (count - 1)
    low = int(place)
    high = min(low + 1, count)
    return float(held[low] + (place - low) * (held[high] - held[low]))


@compiled("void(f4[::1], f4[::1], f4, f4)")
def _slide(held: Singles, after: Singles, old: np.float32, new: np.float32) -> None:
    """Set `after` to sorted values without `old` and with `new`; infinity stands in a free place.

    No step depends on what is found, so that the processor takes many places at a time. Both
    begin with minus infinity and end with infinity, which stay.
    """
    for i in range(1, held.size - 1):
        lower = held[i - 1] if held[i - 1] < old else held[i]
        upper = held[i] if held[i] < old else held[i + 1]
        high = min(new, upper)
        after[i] = max(lower, high)


@compiled("void(f8[::1], f8[::1])")
def _thresholds(values: Array, out: Array) -> None:
    """Set `out` to 5.2 quartile deviations of |values| over the 91 beats around each.

    What is sorted is held in single precision, as intervals are stored: twice as many at a time.
    """
    n, half = values.size, WIDTH // 2
    held = np.full(PLACES + 2, np.inf, np.float32)
    after = held.copy()
    held[0] = after[0] = -np.inf
    for step in range(n + half):
        gone = step - WIDTH
        old = np.float32(abs(values[gone]) if gone >= 0 else np.inf)
        _slide(held, after, old, np.float32(abs(values[step]) if step < n else np.inf))
        held, after = after, held
        if step >= half:
            count = min(step + 1, n) - max(gone + 1, 0)
            spread = (_quantile(held, count, 0.75) - _quantile(held, count, 0.25)) / 2
            out[step - half] = max(ALPHA * spread, FLOOR_MS)


@compiled("f8(f8[::1])")
def _median(values: Array) -> float:
    ordered = values.copy()
    for i in range(1, ordered.size):
        value, at = ordered[i], i
        while at > 0 and ordered[at - 1] > value:
            ordered[at] = ordered[at - 1]
            at -= 1
        ordered[at] = value
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


@compiled("void(f8[:, ::1], i8)")
def _least_first(held: NDArray[np.float64], count: int) -> None:
    """Put the least `count` of each column in order into its first rows, side by side."""
    for k in range(count):
        for other in range(k + 1, held.shape[0]):
            for i in range(held.shape[1]):
                low, high = min(held[k, i], held[other, i]), max(held[k, i], held[other, i])
                held[k, i], held[other, i] = low, high


@compiled("void(f8[::1], f8[::1])")
def _running_median(values: Array, out: Array) -> None:
    """Set `out` to the median of the 11 beats around each, fewer at the ends."""
    n, half = values.size, MEDIAN_OVER // 2
    for i in range(min(half, n)):
        out[i] = _median(values[: i + half + 1])
        out[n - 1 - i] = _median(values[max(n - 1 - i - half, 0) :])
    held = np.zeros((MEDIAN_OVER, CHUNK))
    for first in range(half, n - half, CHUNK):
        size = min(CHUNK, n - half - first)
        for k in range(MEDIAN_OVER):
            for i in range(size):
                held[k, i] = values[first - half + k + i]
        _least_first(held, half + 1)
        for i in range(size):
            out[first + i] = held[half, i]


@compiled("i8(f8, f8, f8, f8, f8, f8)")
def _odd(
    step: float, later1: float, later2: float, away: float, whole: float, halved: float
) -> int:
    """Say what an interval is whose step is large and is no ectopic pattern.

    `away`: how far off the median; `whole`, `halved`: how far it is with its neighbour added, and
    its half; all in thresholds.
    """
    ahead = min(later1, later2) if step >= 0 else max(later1, later2)
    longer, shorter = step > 1 and ahead < -1, step < -1 and ahead > 1
    if not (longer or shorter or abs(away) > 3):
        return NORMAL
    if shorter and whole < 1:
        return EXTRA
    if longer and halved < 1:
        return MISSED
    return ODD


@compiled("void(f8[::1], b1[::1], i1[::1])")
def classify(rr_ms: Array, joined: Mask, kind: Bytes) -> None:
    """Say of each interval what it is, into `kind`.

    The rules and constants are those of the paper; a step over a gap in the recording is no step,
    and a threshold is at least `FLOOR_MS`.

    Parameters
    ----------
    rr_ms : array, shape (n,)
        Intervals [ms], in order of time.
    joined : bool array, shape (n,)
        Whether each begins where the one before it ends.
    kind : int8 array, shape (n,)
        Is set to `NORMAL`, `ECTOPIC` (this interval and the one before it are the two sides of a
        beat out of place), `ODD`, `MISSED` or `EXTRA` (a part of the one after it).

    References
    ----------
    Lipponen & Tarvainen 2019, doi:10.1080/03091902.2019.1640306.
    """
    n = rr_ms.size
    step, limit = np.zeros(n + 4), np.empty(n)
    for i in range(1, n):
        if joined[i]:
            step[i + 2] = rr_ms[i] - rr_ms[i - 1]
    _thresholds(step[2 : n + 2], limit)
    for i in range(n):
        step[i + 2] /= limit[i]
    middle, away, limit2 = np.empty(n), np.empty(n), np.empty(n)
    _running_median(rr_ms, middle)
    for i in range(n):
        off = rr_ms[i] - middle[i]
        away[i] = off if off >= 0 else 2 * off
        kind[i] = NORMAL
    _thresholds(away, limit2)
    i = 0
    while i < n:
        here, before, after = step[i + 2], step[i + 1], step[i + 3]
        if abs(here) <= 1:
            i += 1
            continue
        if (here > 1 and max(before, after) < -C1 * here - C2) or (
            here < -1 and min(before, after) > -C1 * here + C2
        ):
            kind[i] = ECTOPIC
            i += 1
            continue
        last = i + 1 if i + 1 < n and abs(step[i + 3]) < abs(step[i + 4]) else i
        for j in range(i, last + 1):
            follows = rr_ms[j + 1] if j + 1 < n and joined[j + 1] else 0.0
            kind[j] = _odd(
                step[j + 2],
                step[j + 3],
                step[min(j + 4, n + 3)],
                away[j] / limit2[j],
                abs(rr_ms[j] + follows - middle[j]) / limit2[j],
                abs(rr_ms[j] / 2 - middle[j]) / limit2[j],
            )
        i = last + 1


@compiled("i8(f8[::1], i8[::1], b1[::1], i1[::1], f8[::1], i8[::1], b1[::1], b1[::1])")
def _recount(
    rr_ms: Array,
    end_us: Ints,
    joined: Mask,
    kind: Bytes,
    nn_ms: Array,
    out_us: Ints,
    follows: Mask,
    made_up: Mask,
) -> int:
    """Part intervals that hold a missed beat, join those that an extra one cut; return how many."""
    n, made = rr_ms.size, 0
    i = 0
    while i < n:
        follows[made] = joined[i]
        if kind[i] == MISSED:
            half = rr_ms[i] / 2
            nn_ms[made], nn_ms[made + 1] = half, half
            out_us[made], out_us[made + 1] = end_us[i] - np.int64(half * 1000), end_us[i]
            made_up[made], made_up[made + 1], follows[made + 1] = True, True, True
            made += 2
        elif kind[i] == EXTRA and i + 1 < n and joined[i + 1]:
            nn_ms[made] = rr_ms[i] + rr_ms[i + 1]
            out_us[made] = end_us[i + 1]
            made_up[made] = False
            made += 1
            i += 1
        else:
            nn_ms[made] = rr_ms[i]
            out_us[made] = end_us[i]
            made_up[made] = False
            made += 1
        i += 1
    return made


@compiled("void(f8[::1], b1[::1], i1[::1], b1[::1], b1[::1], i8[::1])")
def _marked(
    nn_ms: Array, joined: Mask, kind: Bytes, made_up: Mask, fits: Mask, counts: Ints
) -> None:
    """Mark what has to be filled in and what is no beat; add both to counts[1]."""
    for i in range(nn_ms.size):
        fits[i] = SHORTEST_MS <= nn_ms[i] <= LONGEST_MS
        if kind[i] != NORMAL:
            made_up[i] = True
            if kind[i] == ECTOPIC and i > 0:
                made_up[i - 1] = True
        if kind[i] != NORMAL or not fits[i]:
            counts[1] += 1
        if i > 0 and not fits[i - 1]:
            joined[i] = False


@compiled("void(f8[::1], i8[::1], f8[::1], i8[::1], b1[::1], b1[::1], i8[::1])")
def _correct(
    interval_ms: Array,
    end_us: Ints,
    nn_ms: Array,
    at_us: Ints,
    made_up: Mask,
    joined: Mask,
    counts: Ints,
) -> None:
    """Do what `corrected` says; set `counts` to how many beats there are, and how many wrong."""
    n, wrong = 0, 0
    rr, end = np.empty(interval_ms.size), np.empty(interval_ms.size, np.int64)
    for i in range(interval_ms.size):
        if RAW_SHORTEST_MS <= interval_ms[i] <= RAW_LONGEST_MS:
            rr[n], end[n] = interval_ms[i], end_us[i]
            n += 1
    follows, kind = np.zeros(n, np.bool_), np.zeros(n, np.int8)
    for i in range(1, n):
        follows[i] = abs((end[i] - end[i - 1]) / 1000.0 - rr[i]) <= JOIN_TOLERANCE_MS
    classify(rr[:n], follows, kind)
    for i in range(n):
        wrong += kind[i] == MISSED or kind[i] == EXTRA
    count = _recount(rr[:n], end[:n], follows, kind, nn_ms, at_us, joined, made_up)
    counts[1] = interval_ms.size - n + wrong
    if wrong:
        kind = np.zeros(count, np.int8)
        classify(nn_ms[:count], joined[:count], kind)
    fits = np.empty(count, np.bool_)
    _marked(nn_ms[:count], joined, kind, made_up, fits, counts)
    for i in range(count):
        if fits[i]:
            at = counts[0]
            nn_ms[at], at_us[at] = nn_ms[i], at_us[i]
            made_up[at], joined[at] = made_up[i], joined[i]
            counts[0] += 1


def corrected(interval_ms: Array, end_us: Ints) -> Beats:
    """Find artefacts, and correct what can be corrected.

    A missed beat is put back, an extra one taken out; the two intervals at an ectopic beat, and
    intervals that are too long or too short, are marked `made_up`: they keep their time, their
    value has to be filled in (`hrv_frequency.fill_in`) or left out. What is outside 300-2000 ms
    after that is dropped, and leaves a gap.

    Parameters
    ----------
    interval_ms : array, shape (n,)
        Intervals [ms] in order of time, as recorded.
    end_us : int array, shape (n,)
        The instant each ends, in microseconds.

    Returns
    -------
    Beats

    References
    ----------
    Lipponen & Tarvainen 2019, doi:10.1080/03091902.2019.1640306. Task Force 1996,
    doi:10.1161/01.CIR.93.5.1043.
    """
    given = np.ascontiguousarray(interval_ms, np.float64)
    at = np.ascontiguousarray(end_us, np.int64)
    nn, out_us = np.empty(2 * given.size), np.empty(2 * given.size, np.int64)
    made_up, joined = np.zeros(2 * given.size, bool), np.zeros(2 * given.size, bool)
    counts = np.zeros(2, np.int64)
    _correct(given, at, nn, out_us, made_up, joined, counts)
    count, wrong = counts.tolist()
    return Beats(
        nn[:count],
        out_us[:count],
        made_up[:count],
        joined[:count],
        min(wrong, given.size),
        given.size,
    )
