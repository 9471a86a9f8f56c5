"""Use of the phone: how often, how long, when, and in what rhythm the screen was on."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.windows import day_windows, wall_clock
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.kernels.screen import FIELDS, TAIL_US, rhythm, use

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK: Final = 7
LOOKBACK_DAYS: Final = WEEK + 1  # the day before says whether the screen was on at midnight

_PER_H, _PER_MIN = 3600.0, 60.0
_OUT: Final = {  # feature: (column of the kernel, divided by)
    "screen_on_h": ("on_s", _PER_H),
    "screen_uses": ("uses", 1.0),
    "unlocks": ("unlocks", 1.0),
    "unlocked_h": ("unlocked_s", _PER_H),
    "use_mean_s": ("mean_s", 1.0),
    "use_median_s": ("median_s", 1.0),
    "use_sd_s": ("sd_s", 1.0),
    "use_longest_min": ("longest_s", _PER_MIN),
    "use_shortest_s": ("shortest_s", 1.0),
    "first_use_h": ("first_h", 1.0),
    "first_morning_use_h": ("first_morning_h", 1.0),
    "last_use_h": ("last_h", 1.0),
    "night_use_min": ("night_s", _PER_MIN),
    "night_uses": ("night_uses", 1.0),
    "longest_gap_h": ("longest_gap_s", _PER_H),
    "gap_median_min": ("median_gap_s", _PER_MIN),
    "use_burstiness": ("burstiness", 1.0),
    "use_entropy": ("entropy", 1.0),
    "hours_used": ("hours", 1.0),
    "use_centre_h": ("centre_h", 1.0),
    "use_concentration": ("concentration", 1.0),
}


def _measured(
    streams: Mapping[str, Columns],
    timeline: Timeline,
    windows: Windows,
    lookback: int,
    tail_us: int,
) -> tuple[Array, Array]:
    """Return what the kernel says of each row: (rows, fields) and seconds by clock hour."""
    stream = streams["screen"]
    time = np.ascontiguousarray(stream["time"], np.int64)
    state = np.ascontiguousarray(stream["state"], np.int64)
    wall = np.ascontiguousarray(wall_clock(timeline, time))
    first, last = int(time[0]), int(max(time[-1], windows.end_us.max(initial=0)))
    changes, offsets = timeline.steps(first, last + 1)
    rows = windows.day.size
    found, hours = np.full((rows, len(FIELDS)), np.nan), np.zeros((rows, 24))
    use(
        time,
        state,
        wall,
        wall // DAY_US,
        windows.day,
        np.ascontiguousarray(windows.row),
        np.ascontiguousarray(windows.start_us),
        np.ascontiguousarray(windows.end_us),
        windows.day - lookback,
        tail_us,
        np.ascontiguousarray(changes),
        np.ascontiguousarray(offsets),
        found,
        hours,
    )
    return found, hours


def _described(found: Array, windows: Windows) -> Days:
    values = {n: found[:, FIELDS[column]] / by for n, (column, by) in _OUT.items()}
    length = windows.lengths_us() / SECOND_US
    seen = np.divide(
        found[:, FIELDS["seen_s"]], length, out=np.zeros(length.size), where=length > 0
    )
    blank = np.full(length.size, np.nan)
    values |= {"use_stability": blank, "use_variability": blank}
    return Days(values, np.nan_to_num(np.minimum(seen, 1.0)))


def _blank(rows: int) -> Days:
    return Days({f.name: np.full(rows, np.nan) for f in FAMILY.features}, np.zeros(rows))


def _empty(streams: Mapping[str, Columns]) -> bool:
    return "screen" not in streams or streams["screen"]["time"].size == 0


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe phone use in each row's stretches of time."""
    if _empty(streams) or windows.day.size == 0:
        return _blank(windows.day.size)
    reach = int(np.max(windows.end_us - windows.start_us, initial=0)) // DAY_US
    found, _ = _measured(streams, timeline, windows, LOOKBACK_DAYS + 366 + reach, TAIL_US)
    return _described(found, windows)


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe phone use on each local day, and how alike the days of its week were."""
    if _empty(streams) or days.size == 0:
        return _blank(days.size)
    back = days[:, None] + np.arange(1 - WEEK, 1)
    needed = np.unique(back.ravel())
    windows = day_windows(timeline, needed)
    found, hours = _measured(streams, timeline, windows, 1, 0)
    every = _described(found, windows)
    place = np.searchsorted(needed, days)
    week = np.searchsorted(needed, back)
    alike = np.full((days.size, 2), np.nan)
    rhythm(hours, every.coverage > 0, week, alike)
    values = {name: value[place] for name, value in every.values.items()}
    values |= {"use_stability": alike[:, 0], "use_variability": alike[:, 1]}
    return Days(values, every.coverage[place])


_SAEB = "Saeb et al. 2015, doi:10.2196/jmir.4273"
_CHRISTENSEN = "Christensen et al. 2016, doi:10.1371/journal.pone.0165331"
_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_SHANNON = "Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x"
_GOH = "Goh & Barabasi 2008, doi:10.1209/0295-5075/81/48002"
_WITTING = "Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5"
_MARDIA = "Fisher 1993, doi:10.1017/CBO9780511564345"
_BEGIN = "uses that begin in the window"
_NONE = " NaN without a use."
_UNLOCKS = "NaN where the phone tells neither locked nor unlocked."
_LIT = (
    "a screen that is lit is not always looked at: notifications, navigation, music; of two phones "
    "of one person that are on at once the time ends with the first that goes off"
)
_HELD = "of a phone that is not locked, or stays unlocked at a trusted place, it tells nothing"
_NIGHT = "the small hours by the clock: of who works nights they are the day"
_SILENT = "a phone that was off or not recorded counts as not used"
_FEW = "of a few short uses it is mostly chance; a phone that was off counts as not used"
_WEEKS = "of a week alone: one odd day moves it, and a phone that was off counts as not used"
_CUT = "a use is counted in the window it begins in, and no further than to the window's end"


def _lengths() -> tuple[Feature, ...]:
    def one(name: str, title: str, unit: str, which: str) -> Feature:
        text = f"{which} of the lengths of {_BEGIN}." + _NONE
        return Feature(name, title, unit, text, _RAPIDS, 0, None, 0, None, _CUT)

    return (
        one("use_mean_s", "Mean length of a use", "s", "Mean"),
        one("use_median_s", "Median length of a use", "s", "Median"),
        one("use_sd_s", "Spread of the lengths of uses", "s", "Sample standard deviation"),
        one("use_longest_min", "Longest use", "min", "Largest"),
        one("use_shortest_s", "Shortest use", "s", "Smallest"),
    )


def _clock(
    name: str, title: str, text: str, paper: str = _RAPIDS, limits: str = _SILENT
) -> Feature:
    return Feature(name, title, "h", text, paper, 0, 24.000001, 0, 24.0, limits)


FAMILY = Family(
    name="screen_use",
    version="1.1",
    title="Phone use",
    streams=("screen",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    measure=measure,
    coverage="share of the window that lies between two screen events less than 12 hours apart; "
    "of segments other than the day also from the last event to the end, where that is no longer "
    "than 9 hours",
    features=(
        Feature(
            "screen_on_h",
            "Screen time",
            "h",
            "Hours with the screen on. A use without any event for 2 hours ends at its last event: "
            "its end was not recorded.",
            _CHRISTENSEN,
            0,
            None,
            limits=_LIT,
        ),
        Feature(
            "screen_uses",
            "Times the phone was taken up",
            "{uses}",
            "Uses of the screen that begin in the window.",
            _SAEB,
            0,
            None,
            limits="a notification that lights the screen counts; unlocks does not count it",
        ),
        Feature(
            "unlocks",
            "Times the phone was unlocked",
            "{uses}",
            f"Uses that begin in the window and in which the phone is unlocked. {_UNLOCKS}",
            _RAPIDS,
            0,
            None,
            limits=_HELD,
        ),
        Feature(
            "unlocked_h",
            "Time with the phone unlocked",
            "h",
            f"Hours from unlocking to the end of the use. {_UNLOCKS}",
            _RAPIDS,
            0,
            None,
            limits=_HELD,
        ),
        *_lengths(),
        _clock(
            "first_use_h",
            "First use",
            "Local clock hour at which the first use that begins in the window does." + _NONE,
        ),
        _clock(
            "first_morning_use_h",
            "First use of the morning",
            "Local clock hour at which the first use that begins from 04:00 on does: before that "
            "people are still up." + _NONE,
        ),
        _clock("last_use_h", "Last use", "Local clock hour at which the last use ends." + _NONE),
        Feature(
            "night_use_min",
            "Screen time in the small hours",
            "min",
            "Minutes with the screen on from 00:00 to 05:00 local time.",
            _CHRISTENSEN,
            0,
            None,
            1,
            limits=_NIGHT,
        ),
        Feature(
            "night_uses",
            "Uses in the small hours",
            "{uses}",
            "Uses that begin from 00:00 to 05:00 local time.",
            _CHRISTENSEN,
            0,
            None,
            1,
            limits=_NIGHT,
        ),
        Feature(
            "longest_gap_h",
            "Longest time without the phone",
            "h",
            "Longest time with the screen off in the window, from its begin and to its end too.",
            _SAEB,
            0,
            None,
            limits=_SILENT,
        ),
        Feature(
            "gap_median_min",
            "Usual time between uses",
            "min",
            "Median time with the screen off between two uses in the window. NaN below two uses.",
            _SAEB,
            0,
            None,
            limits=_SILENT,
        ),
        Feature(
            "use_burstiness",
            "Burstiness of use",
            "1",
            "(s - m) / (s + m) of mean m and population standard deviation s of the times with "
            "the screen off between uses: -1 like a clock, 0 at random, 1 in bursts. NaN below "
            "three uses.",
            _GOH,
            -1,
            1,
            limits=_SILENT,
        ),
        Feature(
            "use_entropy",
            "Spread of use over the day",
            "1",
            "Entropy of the time with the screen on by clock hour, over ln 24: 1 all hours alike, "
            "0 one hour." + _NONE,
            _SHANNON,
            0,
            1,
            limits=_FEW,
        ),
        Feature(
            "hours_used",
            "Hours of the clock with use",
            "{hours}",
            "How many of the 24 clock hours hold any use.",
            _SAEB,
            0,
            24,
            limits=_SILENT,
        ),
        _clock(
            "use_centre_h",
            "Centre of use",
            "Mean direction of the time with the screen on around the clock, from each hour's "
            "middle." + _NONE,
            _MARDIA,
            _FEW,
        ),
        Feature(
            "use_concentration",
            "Concentration of use around its centre",
            "1",
            "Mean resultant length of the time with the screen on around the clock: 1 all in one "
            "hour, 0 no preferred time." + _NONE,
            _MARDIA,
            0,
            1,
            limits=_FEW,
        ),
        Feature(
            "use_stability",
            "Likeness of the days' use",
            "1",
            "Interdaily stability of hourly screen time over the 7 days that end with the date: "
            "variance of the mean of each clock hour over the variance of all hours. NaN with "
            "fewer than 3 days seen, and for segments other than the day.",
            _WITTING,
            0,
            1,
            -1,
            limits=_WEEKS,
        ),
        Feature(
            "use_variability",
            "Brokenness of the days' use",
            "1",
            "Intradaily variability of hourly screen time over the 7 days that end with the date: "
            "mean squared step between hours over their variance. NaN as the stability.",
            _WITTING,
            0,
            None,
            limits=_WEEKS,
        ),
    ),
)
