"""Heart rate: level, rest, rise with steps, and its course around the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.windows import day_windows, offsets_around, wall_clock, windows_of
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.kernels.grouped import expand
from euthymia.kernels.heart_rate import binned, circadian, lowest_stretch

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LOOKBACK_DAYS: Final = 2  # of the curve around the clock: two days carry it over single gaps
MINUTE_US: Final = DAY_US // 1440
BIN_US: Final = 5 * MINUTE_US
LONGEST_US: Final = 3 * BIN_US  # a record of steps over a longer time tells no pace
HOUR_BINS: Final = 12
LOWEST: Final = 25.0  # below and above: no heart of a waking or sleeping person
HIGHEST: Final = 240.0
STILL: Final = 10.0  # steps a minute: less is no walk
REST_BINS: Final = 6  # half an hour
REST_KNOWN: Final = 4
DIP_HOURS: Final = (0, 6)  # the night, where sleep is not known
MIN_NIGHT_BINS: Final = 2 * HOUR_BINS
MIN_DAY_BINS: Final = 4 * HOUR_BINS
MIN_BINS: Final = 6

_BOWMAN: Final = "Bowman et al. 2021, doi:10.1016/j.crmeth.2021.100058"
_QUER: Final = "Quer et al. 2020, doi:10.1371/journal.pone.0227709"
_PER_STEP: Final = "Chen et al. 2025, doi:10.1161/JAHA.124.036801"
_DIP: Final = "Ben-Dov et al. 2007, doi:10.1001/archinte.167.19.2116"


@dataclass(frozen=True, slots=True)
class _Bins:
    """Five-minute means of heart rate and steps a minute, over stretches laid end to end."""

    rate: Array
    steps: Array
    hour: Array

    @property
    def size(self) -> int:
        return self.rate.size


class _Stretches:
    """The stretches of all rows in bins, each with a place of its own."""

    def __init__(self, windows: Windows) -> None:
        self.start, self.end, self.row = windows.start_us, windows.end_us, windows.row
        self.bins = -(-(self.end - self.start) // BIN_US)
        self.first = np.cumsum(self.bins) - self.bins
        self.size = int(self.bins.sum())
        self.rows = windows.day.size

    def samples(self, time: Ints) -> tuple[Ints, Ints]:
        """Return the samples of each stretch, end to end, and the stretch of each."""
        low = np.searchsorted(time, self.start)
        return expand(low, np.maximum(np.searchsorted(time, self.end), low))

    def rates(self, stream: Columns) -> Array:
        """Return the mean heart rate of each bin."""
        rate = stream["rate"].astype(np.float64)
        fits = (rate >= LOWEST) & (rate <= HIGHEST)
        time, rate = stream["time"].astype(np.int64, copy=False)[fits], rate[fits]
        index, which = self.samples(time)
        place = self.first[which] + (time[index] - self.start[which]) // BIN_US
        return binned(place, rate[index], self.size)

    def steps(self, stream: Columns | None) -> Array:
        """Return steps a minute in each bin: 0 between the first count of a row and its last.

        A record's steps are spread over its period; one of more than a quarter of an hour (the
        sum of a day) does not say when they were taken, and is left out.
        """
        found = np.full(self.size, np.nan)
        if stream is None or self.size == 0:
            return found
        fine = stream["period"].astype(np.float64) <= LONGEST_US / SECOND_US
        time = stream["time"].astype(np.int64, copy=False)[fine]
        index, which = self.samples(time)
        if which.size == 0:
            return found
        counted = self._spread(stream, fine, time, index, which)
        row = self.row[which]
        change = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
        ends = np.stack([change, np.append(change[1:], row.size) - 1])
        edge = self.first[which[ends]] + (time[index[ends]] - self.start[which[ends]]) // BIN_US
        # from the first count of a row to its last: what a step up and one down enclose
        inside = np.zeros(self.size + 1, np.int64)
        np.add.at(inside, edge[0], 1)
        np.add.at(inside, edge[1] + 1, -1)
        known = np.cumsum(inside[:-1]) > 0
        found[known] = counted[known] / 5.0
        return found

    def _spread(self, stream: Columns, fine: Mask, time: Ints, index: Ints, which: Ints) -> Array:
        """Return the steps in each bin, those of a record spread over its period."""
        taken = np.nan_to_num(stream["steps"][fine].astype(np.float64))
        some = np.flatnonzero((taken != 0)[index])  # most minutes of a day have no step
        index, which = index[some], which[some]
        steps, since = taken[index], time[index] - self.start[which]
        period = stream["period"][fine][index].astype(np.float64)
        length = np.maximum(period * SECOND_US, 1.0)
        counted, stop = np.zeros(self.size), self.first[which] + self.bins[which]
        bin_of = since // BIN_US
        begun = self.first[which] + bin_of
        for more in range(LONGEST_US // BIN_US + 1):
            here = np.flatnonzero(
                (since + length > (bin_of + more) * BIN_US) & (begun + more < stop)
            )
            low = np.maximum((bin_of[here] + more) * BIN_US, since[here])
            high = np.minimum((bin_of[here] + more + 1) * BIN_US, since[here] + length[here])
            share = np.clip((high - low) / length[here], 0.0, 1.0)
            counted += np.bincount(begun[here] + more, steps[here] * share, self.size)
        return counted

    def hours(self, timeline: Timeline) -> Array:
        """Return the hour of the wall clock at the middle of each bin."""
        which = np.repeat(np.arange(self.bins.size), self.bins)
        place = np.arange(self.size) - self.first[which]
        middle = self.start[which] + place * BIN_US + BIN_US // 2
        order = np.argsort(middle, kind="stable")
        found = np.empty(self.size)
        found[order] = (wall_clock(timeline, middle[order]) % DAY_US) / (DAY_US / 24)
        return found


def _bins(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> list[_Bins]:
    """Return the bins of each row."""
    laid = _Stretches(windows)
    rate, hour = laid.rates(streams["heart_rate"]), laid.hours(timeline)
    steps = laid.steps(streams.get("steps"))
    n = np.bincount(laid.row, laid.bins, laid.rows).astype(np.int64)
    edge = np.concatenate([[0], np.cumsum(n)]).tolist()
    return [_Bins(rate[a:b], steps[a:b], hour[a:b]) for a, b in pairwise(edge)]


def _level(bins: _Bins) -> dict[str, float]:
    """Return what any stretch of time can say."""
    rate = bins.rate[~np.isnan(bins.rate)]
    if rate.size < MIN_BINS:
        return {}
    still = np.where(bins.steps >= STILL, np.nan, bins.rate)
    found = {
        "mean_rate_per_min": float(rate.mean()),
        "min_rate_per_min": float(rate.min()),
        "max_rate_per_min": float(rate.max()),
        "sd_rate_per_min": float(rate.std(ddof=1)),
        "resting_rate_per_min": lowest_stretch(still, REST_BINS, REST_KNOWN),
    }
    both = ~np.isnan(bins.rate) & ~np.isnan(bins.steps)
    walked = float(bins.steps[both].sum() * 5)
    if walked > 0:
        found["rate_per_step"] = float(bins.rate[both].mean()) / walked
    return found


def _dip(bins: _Bins) -> float:
    hour = bins.hour
    night = (hour >= DIP_HOURS[0]) & (hour < DIP_HOURS[1])
    asleep, awake = bins.rate[night], bins.rate[~night]
    asleep, awake = asleep[~np.isnan(asleep)], awake[~np.isnan(awake)]
    if asleep.size < MIN_NIGHT_BINS or awake.size < MIN_DAY_BINS:
        return float("nan")
    return float(100 * (1 - asleep.mean() / awake.mean()))


def _around_the_clock(bins: _Bins) -> dict[str, float]:
    known = ~np.isnan(bins.rate)
    found = circadian(bins.rate[known], bins.hour[known], bins.steps[known])
    return {
        "mesor_per_min": found.mesor,
        "amplitude_per_min": found.amplitude,
        "acrophase_h": found.acrophase_h,
        "rise_per_step_rate": found.per_step_rate,
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the heart rate of any stretches of time; the clock's curve where they span it."""
    return _measured(streams, timeline, windows, None)


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the heart rate of local days; the curve of the day and the one before it."""
    if days.size == 0:
        return Days({f.name: np.zeros(0) for f in FAMILY.features}, np.zeros(0))
    offsets = offsets_around(timeline, days, LOOKBACK_DAYS)
    row, end = np.arange(days.size), (days + 1) * DAY_US
    near = windows_of(offsets, days, row, end - LOOKBACK_DAYS * DAY_US, end)
    return _measured(streams, timeline, day_windows(timeline, days), near)


def _measured(
    streams: Mapping[str, Columns], timeline: Timeline, windows: Windows, near: Windows | None
) -> Days:
    values = {f.name: np.full(windows.day.size, np.nan) for f in FAMILY.features}
    coverage = np.zeros(windows.day.size)
    if "heart_rate" not in streams or streams["heart_rate"]["time"].size == 0:
        return Days(values, coverage)
    bins = _bins(streams, timeline, windows)
    curves = bins if near is None else _bins(streams, timeline, near)
    for row, (own, curve) in enumerate(zip(bins, curves, strict=True)):
        known = int((~np.isnan(own.rate)).sum())
        if known == 0:
            continue
        coverage[row] = known / own.size
        found = _level(own) | {"night_dip_pct": _dip(own)} | _around_the_clock(curve)
        for name, value in found.items():
            values[name][row] = value
    return Days(values, coverage)


def _feature(
    name: str, title: str, unit: str, definition: str, paper: str, worse: int, limits: str = ""
) -> Feature:
    return Feature(name, title, unit, definition, paper, None, None, worse, None, limits)


_FIVE: Final = " Of five-minute means of 25 to 240 beats a minute; NaN with less than half an hour."
_CURVE: Final = (
    " From the least-squares fit of mesor, a 24 h cosine and a rise with steps to the five-minute "
    "means of the date and the day before (of the segment, for other time segments); NaN where "
    "they lie in fewer than 18 clock hours. Without recorded steps the rise is left out."
)
_TWO_DAYS: Final = (
    "Of two days at most: one night awake moves it. Without steps it takes the day's movement for "
    "the clock's own swing."
)
_WRIST: Final = "Wristbands err with movement, tattoos and cold; beta blockers lower all of it."

FAMILY = Family(
    name="heart_rate",
    version="2",
    title="Heart rate",
    streams=("heart_rate", "steps"),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    measure=measure,
    coverage="share of the five-minute stretches of the window that have a heart rate",
    features=(
        _feature(
            "mean_rate_per_min",
            "Mean heart rate",
            "/min",
            "Mean." + _FIVE,
            _QUER,
            1,
            _WRIST,
        ),
        _feature(
            "min_rate_per_min", "Lowest heart rate", "/min", "Lowest." + _FIVE, _QUER, 1, _WRIST
        ),
        _feature(
            "max_rate_per_min", "Highest heart rate", "/min", "Highest." + _FIVE, _QUER, 0, _WRIST
        ),
        _feature(
            "sd_rate_per_min",
            "Spread of heart rate",
            "/min",
            "Standard deviation (n - 1)." + _FIVE,
            _QUER,
            0,
            _WRIST,
        ),
        _feature(
            "resting_rate_per_min",
            "Resting heart rate",
            "/min",
            "Lowest mean of half an hour in which at least 20 minutes are known and those with 10 "
            "steps a minute or more are left out. Makers define it otherwise.",
            _QUER,
            1,
            _WRIST,
        ),
        _feature(
            "rate_per_step",
            "Heart rate per step",
            "/min",
            "Mean heart rate over the steps of the same time; known only with steps, of records of "
            "no more than 15 minutes.",
            _PER_STEP,
            1,
            "Days with few steps give very large values.",
        ),
        _feature(
            "night_dip_pct",
            "Fall of the heart rate at night",
            "%",
            "100 (1 - mean from 0:00 to 6:00 over mean of the other hours), two hours of the "
            "night and four of the day known." + _FIVE,
            _DIP,
            -1,
            "Night is what the clock says, not when the person slept.",
        ),
        _feature(
            "mesor_per_min",
            "Heart rate, circadian mean",
            "/min",
            "Mesor." + _CURVE,
            _BOWMAN,
            1,
            f"{_TWO_DAYS} {_WRIST}",
        ),
        _feature(
            "amplitude_per_min",
            "Heart rate, circadian amplitude",
            "/min",
            "Half the swing of the cosine." + _CURVE,
            _BOWMAN,
            -1,
            f"{_TWO_DAYS} {_WRIST}",
        ),
        Feature(
            "acrophase_h",
            "Heart rate, circadian peak",
            "h",
            "Clock hour at which the cosine is highest." + _CURVE,
            _BOWMAN,
            0,
            24,
            0,
            24.0,
            f"{_TWO_DAYS} Says little where the amplitude is small.",
        ),
        _feature(
            "rise_per_step_rate",
            "Rise of the heart rate with steps",
            "1",
            "Beats a minute more for each step a minute." + _CURVE,
            _BOWMAN,
            0,
            "Steps of a phone that is not carried flatten it.",
        ),
    ),
)
