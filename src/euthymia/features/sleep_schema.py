"""One description of sleep for every source: the same names, the same definitions.

A family of sleep finds, in its own way, the main sleep that ends on each date (`Nights`). All that
is said of it is defined here, once: hence a phone, an actigraph and a wearable are comparable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Feature
from euthymia.features.windows import first_at_or_after, last_before, offsets_around
from euthymia.ground.clock import DAY_US, Timeline

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_US: Final = DAY_US // 24
MINUTE_US: Final = HOUR_US // 60
MINUTES: Final = 1440
NIGHTS: Final = 14  # the trailing nights that the date's row may look back on
WEEK: Final = 7
LEAST_WEEK: Final = 3  # known nights, below which a week has no spread
LEAST_FORTNIGHT: Final = 5
LEAST_PAIRS: Final = 3  # successive days both known, below which a week has no regularity
LEAST_FREE: Final = 2
LEAST_WORK: Final = 3
FLOWN_US: Final = HOUR_US  # a change of the clock of no more than this is daylight saving
SCHEMA_VERSION: Final = "1"

_CUTTONE = "Cuttone et al. 2017, doi:10.1371/journal.pone.0169901"
_OHAYON = "Ohayon et al. 2017, doi:10.1016/j.sleh.2016.11.006"
_REED = "Reed & Sacco 2016, doi:10.5664/jcsm.5498"
_PHILLIPS = "Phillips et al. 2017, doi:10.1038/s41598-017-03171-4"
_WITTMANN = "Wittmann et al. 2006, doi:10.1080/07420520500545979"
_ROENNEBERG = "Roenneberg et al. 2012, doi:10.1016/j.cub.2012.03.038"
_BEI = "Bei et al. 2016, doi:10.1016/j.smrv.2015.06.003"
_MAIN = "the main sleep: the one of all that end on the date that the source holds for likeliest"
_FLOWN = " NaN if the clock moved by more than an hour in that sleep."
_SPREAD = {
    "sleep_onset": "falling asleep",
    "midsleep": "the middle of the sleep",
    "sleep_duration": "the time asleep",
}
_WEEKDAYS = (
    "Sleep that ends on a Saturday or Sunday counts as free, on other days as before work: wrong "
    "for whoever works other days."
)


@dataclass(frozen=True, slots=True)
class Nights:
    """The main sleep that ends on each of some local days; arrays of one length, days sorted.

    `onset_us` and `offset_us` are first and last instant asleep, 0 where no sleep is known;
    `in_bed_us` and `up_us` bound the time in bed (or at rest) around them. `asleep_min` is the
    time asleep in between, `awakenings` how often it was broken.
    """

    day: Ints
    in_bed_us: Ints
    onset_us: Ints
    offset_us: Ints
    up_us: Ints
    asleep_min: Array
    awakenings: Array
    naps: "Naps | None" = None
    wakes: "Wakes | None" = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which nights have a main sleep."""
        return self.offset_us > 0


@dataclass(frozen=True, slots=True)
class Naps:
    """Other sleeps, each with the local day on which it ends."""

    day: Ints
    onset_us: Ints
    offset_us: Ints
    asleep_min: Array


@dataclass(frozen=True, slots=True)
class Wakes:
    """Stretches awake within the main sleep or a nap, each with the day on which that ends."""

    day: Ints
    begin_us: Ints
    end_us: Ints


def needed_days(days: Ints, before: int = 0) -> Ints:
    """Return the nights that rows of some dates look at, and those of so many days before them."""
    back = np.arange(1 - NIGHTS - before, 1)
    return np.unique((days[:, None] + back).ravel())


def night_edges(timeline: Timeline, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the begin of the day before each date, the begin of the date, and its end [us]."""
    offsets = offsets_around(timeline, days, 2)
    before, midnight = (first_at_or_after(offsets, d * DAY_US) for d in (days - 1, days))
    return before, midnight, np.maximum(last_before(offsets, (days + 1) * DAY_US), midnight)


# -- values --------------------------------------------------------------------------------------


def _hours(nights: Nights, timeline: Timeline) -> dict[str, Array]:
    """Return onset, offset and midsleep on the wall clock, in hours from the date's midnight."""
    known = nights.known
    at = np.stack([nights.onset_us, nights.offset_us, (nights.onset_us + nights.offset_us) // 2])
    wall = timeline.local_us(at[:, known])
    moved = (wall[1] - wall[0]) - (at[1] - at[0])[known]
    hours = (wall - nights.day[known] * DAY_US) / HOUR_US
    held = np.full(at.shape, np.nan)
    # a date that came in two parts (a flight west over midnight) has hours that are not its own
    own = (np.abs(moved) <= FLOWN_US) & (hours[1] >= 0) & (hours[1] <= 24)
    held[:, known] = np.where(own, hours, np.nan)
    return dict(zip(("sleep_onset_h", "sleep_offset_h", "midsleep_h"), held, strict=True))


def _own(nights: Nights, timeline: Timeline) -> dict[str, Array]:
    """Return what is said of each night by itself."""
    known = nights.known
    found = _hours(nights, timeline)
    period = (nights.offset_us - nights.onset_us) / MINUTE_US
    in_bed = (nights.up_us - nights.in_bed_us) / MINUTE_US
    waso = np.maximum(period - nights.asleep_min, 0.0)
    blank = np.full(known.size, np.nan)
    efficiency = np.divide(100 * nights.asleep_min, in_bed, out=blank.copy(), where=in_bed > 0)
    found |= {
        "sleep_duration_h": nights.asleep_min / 60,
        "sleep_period_h": period / 60,
        "time_in_bed_h": in_bed / 60,
        "waso_min": waso,
        "sleep_efficiency_pct": np.minimum(efficiency, 100.0),
        "awakenings": nights.awakenings,
        "sleep_latency_min": (nights.onset_us - nights.in_bed_us) / MINUTE_US,
    }
    return {name: np.where(known, value, np.nan) for name, value in found.items()}


def _spreads(block: Array) -> tuple[Array, Array]:
    """Return the sample standard deviation of the last 7 and of all 14 columns, NaN left out."""
    seen = ~np.isnan(block)
    held = np.where(seen, block, 0.0)
    found = []
    for width, enough in ((WEEK, LEAST_WEEK), (NIGHTS, LEAST_FORTNIGHT)):
        known, part = seen[:, -width:], held[:, -width:]
        count = known.sum(axis=1)
        mean = part.sum(axis=1) / np.maximum(count, 1)
        total = ((part - mean[:, None]) ** 2 * known).sum(axis=1)
        sd = np.sqrt(total / np.maximum(count - 1, 1))
        found.append(np.where(count >= enough, sd, np.nan))
    return found[0], found[1]


def _mean(block: Array, enough: int) -> Array:
    seen = ~np.isnan(block)
    count = seen.sum(axis=1)
    total = np.where(seen, block, 0.0).sum(axis=1)
    return np.where(count >= enough, total / np.maximum(count, 1), np.nan)


def is_free(day: Ints) -> NDArray[np.bool_]:
    """Tell Saturdays and Sundays. Day 0, 1970-01-01, was a Thursday."""
    return np.asarray((day + 3) % 7 >= 5, np.bool_)


def _jetlag(window: Ints, midsleep: Array, period: Array) -> dict[str, Array]:
    free = is_free(window)
    free_mid = _mean(np.where(free, midsleep, np.nan), LEAST_FREE)
    work_mid = _mean(np.where(free, np.nan, midsleep), LEAST_WORK)
    free_long = _mean(np.where(free, period, np.nan), LEAST_FREE)
    work_long = _mean(np.where(free, np.nan, period), LEAST_WORK)
    week_long = (5 * work_long + 2 * free_long) / 7
    debt = np.where(free_long > work_long, (free_long - week_long) / 2, 0.0)
    return {
        "social_jetlag_h": np.abs(free_mid - work_mid),
        "msfsc_h": np.where(np.isnan(work_mid), np.nan, free_mid - debt),
    }


def _agreement(nights: Nights, timeline: Timeline) -> Array:
    """Return for each night the share of minutes, noon to noon, in the state of the day before.

    NaN unless the main sleep of both is known. A sleep fills no more than the two days from the
    noon before the date that it ends on; what is awake in it, as far as the source says, is awake.
    """
    days, known = nights.day, nights.known
    first = int(days[0]) * MINUTES - MINUTES // 2  # noon before the first date, on the wall clock
    span = int(days[-1] - days[0]) + 2
    asleep = np.zeros(span * MINUTES, np.bool_)
    sleeps = [(days[known], nights.onset_us[known], nights.offset_us[known])]
    if nights.naps is not None:
        sleeps.append((nights.naps.day, nights.naps.onset_us, nights.naps.offset_us))
    waking = nights.wakes
    awake = [] if waking is None else [(waking.day, waking.begin_us, waking.end_us)]
    for state, stretches in ((True, sleeps), (False, awake)):
        for day, begin, end in stretches:
            wall = timeline.local_us(np.stack([begin, end])) // MINUTE_US
            low = np.maximum(wall[0], day * MINUTES - MINUTES // 2) - first
            high = np.minimum(wall[1], (day + 1) * MINUTES) - first
            for a, b in zip(low.tolist(), high.tolist(), strict=True):
                asleep[max(a, 0) : max(b, 0)] = state
    grid = asleep.reshape(span, MINUTES)[days - days[0]]
    same = (grid[1:] == grid[:-1]).mean(axis=1)
    both = known[1:] & known[:-1] & (np.diff(days) == 1)
    return np.concatenate([[np.nan], np.where(both, same, np.nan)])[: days.size]


def _naps(nights: Nights) -> dict[str, Array]:
    naps = nights.naps
    if naps is None:
        return {}
    place = np.searchsorted(nights.day, naps.day)
    count = np.bincount(place, minlength=nights.day.size).astype(np.float64)
    long = np.zeros(nights.day.size)
    np.add.at(long, place, naps.asleep_min)
    return {"naps": count, "nap_min": long}


def values(nights: Nights, timeline: Timeline, days: Ints) -> dict[str, Array]:
    """Return all shared features of some dates; `nights` holds `needed_days(days)` at least."""
    own = _own(nights, timeline)
    own |= {name: np.where(nights.known, value, np.nan) for name, value in _naps(nights).items()}
    back = days[:, None] + np.arange(1 - NIGHTS, 1)
    place = np.searchsorted(nights.day, back)
    found = {name: value[place[:, -1]] for name, value in own.items()}
    block = np.concatenate([own[f"{name}_h"][place] for name in _SPREAD])
    for days_back, sd in zip((WEEK, NIGHTS), _spreads(block), strict=True):
        for name, part in zip(_SPREAD, np.split(sd, len(_SPREAD)), strict=True):
            found[f"{name}_sd_{days_back}d_h"] = part
    found |= _jetlag(back, own["midsleep_h"][place], own["sleep_period_h"][place])
    same = _agreement(nights, timeline)[place[:, 1 - WEEK :]]
    found["sleep_regularity_index"] = 200 * _mean(same, LEAST_PAIRS) - 100
    return found


# -- definitions ---------------------------------------------------------------------------------


_OF_THE_NIGHT: Final = (
    Feature(
        "sleep_onset_h",
        "Fell asleep",
        "h",
        f"Hours from local midnight of the date (before it: negative) to the begin of {_MAIN}."
        + _FLOWN,
        _CUTTONE,
        -24,
        24,
    ),
    Feature(
        "sleep_offset_h",
        "Woke up",
        "h",
        f"Hours from local midnight of the date to the end of {_MAIN}." + _FLOWN,
        _CUTTONE,
        0,
        24,
    ),
    Feature(
        "midsleep_h",
        "Middle of the sleep",
        "h",
        "Hours from local midnight of the date to the middle between onset and offset of the "
        "main sleep." + _FLOWN,
        _ROENNEBERG,
        -24,
        24,
    ),
    Feature(
        "sleep_duration_h",
        "Time asleep",
        "h",
        "Total sleep time: hours asleep between onset and offset of the main sleep, time awake "
        "in between left out.",
        _REED,
        0,
        48,
    ),
    Feature(
        "sleep_period_h",
        "From falling asleep to waking up",
        "h",
        "Elapsed hours from onset to offset of the main sleep.",
        _REED,
        0,
        48,
    ),
    Feature(
        "time_in_bed_h",
        "Time in bed",
        "h",
        "Elapsed hours from the begin to the end of the rest that the main sleep lies in.",
        _REED,
        0,
        48,
    ),
    Feature(
        "waso_min",
        "Awake in the night",
        "min",
        "Minutes awake between onset and offset of the main sleep.",
        _REED,
        0,
        1440,
        1,
    ),
    Feature(
        "sleep_efficiency_pct",
        "Sleep efficiency",
        "%",
        "100 times time asleep over time in bed.",
        _REED,
        0,
        100,
        -1,
    ),
    Feature(
        "awakenings",
        "Times woken up",
        "{awakenings}",
        "Times awake between onset and offset of the main sleep.",
        _OHAYON,
        0,
        None,
        1,
    ),
)


def _trailing_features() -> tuple[Feature, ...]:
    spreads = []
    for name, what in _SPREAD.items():
        for days, least in ((WEEK, LEAST_WEEK), (NIGHTS, LEAST_FORTNIGHT)):
            spreads.append(
                Feature(
                    f"{name}_sd_{days}d_h",
                    f"Spread of {what}, {days} days",
                    "h",
                    f"Standard deviation (n - 1) of {name}_h over the {days} dates that end with "
                    f"the date. NaN with fewer than {least} known.",
                    _BEI,
                    0,
                    None,
                    1,
                )
            )
    return (
        *spreads,
        Feature(
            "sleep_regularity_index",
            "Regularity of sleep",
            "1",
            "-100 + 200 times the share of minutes in which sleeping or waking is as at the same "
            "clock time of the day before, in the 7 days (noon to noon) that end at noon of the "
            "date: six pairs of days. NaN with fewer than 3 pairs whose main sleeps are known.",
            _PHILLIPS,
            -100,
            100,
            -1,
            limits="what is no known sleep counts as awake, and so do minutes awake in a sleep "
            "where the source scores each of them (not the phone)",
        ),
        Feature(
            "social_jetlag_h",
            "Social jetlag",
            "h",
            "Absolute difference of mean midsleep on free days and before work, over the 14 dates "
            "that end with the date. NaN with fewer than 2 free or 3 other nights.",
            _WITTMANN,
            0,
            None,
            1,
            limits=_WEEKDAYS,
        ),
        Feature(
            "msfsc_h",
            "Chronotype",
            "h",
            "MSFsc: mean midsleep on free days less half of what they exceed the mean week's sleep "
            "by, (5 work + 2 free) / 7, over 14 dates; uncorrected where free nights are no "
            "longer. Hours from midnight. NaN as social jetlag.",
            _ROENNEBERG,
            -24,
            24,
            0,
            limits=_WEEKDAYS,
        ),
    )


LATENCY: Final = Feature(
    "sleep_latency_min",
    "Time to fall asleep",
    "min",
    "Minutes from the begin of the time in bed to the onset of the main sleep.",
    _REED,
    0,
    1440,
    1,
)
NAP_FEATURES: Final = (
    Feature(
        "naps",
        "Naps",
        "{naps}",
        "Sleeps other than the main one that end on the date.",
        _OHAYON,
        0,
        None,
        1,
    ),
    Feature(
        "nap_min",
        "Time asleep in naps",
        "min",
        "Minutes asleep in sleeps other than the main one that end on the date.",
        _OHAYON,
        0,
        1500,
        1,
    ),
)
SHARED: Final = (*_OF_THE_NIGHT, *_trailing_features())
"""What every family of sleep says. `LATENCY` and `NAP_FEATURES` are for those that can."""


def with_limits(features: tuple[Feature, ...], limits: Mapping[str, str]) -> tuple[Feature, ...]:
    """Return features with what is known to make them wrong as one source sees them.

    The key "" stands for every feature that has no entry of its own.
    """
    said = []
    for f in features:
        own = limits.get(f.name, limits.get("", ""))
        both = "; ".join(text for text in (own, f.limits) if text)
        said.append(
            Feature(
                f.name, f.title, f.unit, f.definition, f.paper, f.low, f.high, f.worse, f.period,
                both,
            )
        )  # fmt: skip
    return tuple(said)
