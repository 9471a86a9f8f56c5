"""Phone use of the local day, and the phone's rest in the night that ends on it."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.windows import (
    DaySlices,
    Offsets,
    first_at_or_after,
    offsets_around,
    wall_clock,
)
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.screen import HOUR_US, Episodes, Rest, episodes, longest_rest, time_on

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 2
NIGHT_FROM_H: Final = -6  # 18:00 the evening before
NIGHT_TO_H: Final = 14  # 14:00
CHECK_FROM_H: Final = -1  # 23:00: a short use from now on can be a check in the night
CHECK_TO_H: Final = 6
SMALL_HOURS: Final = 5  # night use is use from 00:00 to 05:00
SHORTEST_H: Final = 2.0
LONGEST_H: Final = 14.0  # the phone was rather not recorded, or left somewhere
SILENT_US: Final = 4 * HOUR_US  # an awake owner's phone that says nothing for longer is not seen
MIN_SEEN: Final = 0.5  # of the night window

_ABDULLAH = "Abdullah et al. 2014, doi:10.1145/2632048.2632100"
_BORGER = "Borger et al. 2019, doi:10.1038/s41746-019-0147-4"
_REST = (
    "the phone's longest rest between two uses that begin from 18:00 on the evening before to "
    "14:00, drawn out over uses of less than 5 minutes from 23:00 to 06:00 that have an hour of "
    "rest on each side"
)
_NEED = (
    " NaN unless the rest lasts 2 to 14 hours, half of 18:00 to 14:00 is covered, and no change of "
    "time zone moves it out of those hours."
)


def _seen(time: Ints, rest: Rest, window: Ints) -> float:
    """Return for which share of the window there is evidence that the phone was recorded."""
    start, end = window.tolist()
    if start >= end:
        return 0.0
    low, high = np.clip(time[:-1], start, end), np.clip(time[1:], start, end)
    in_rest = (time[:-1] >= rest.start_us) & (time[1:] <= rest.end_us)
    short = time[1:] - time[:-1] <= SILENT_US
    seen: int = (high - low)[short | in_rest].sum()
    return float(seen / (end - start))


def _night(used: Episodes, wall: Ints, day: int) -> Rest:
    """Return the phone's rest in the night that ends on a local day."""
    hour = (wall - day * DAY_US) / HOUR_US
    inside = (hour >= NIGHT_FROM_H) & (hour < NIGHT_TO_H)
    return longest_rest(used, inside, (hour >= CHECK_FROM_H) & (hour < CHECK_TO_H))


def _believed(rest: Rest) -> bool:
    return SHORTEST_H <= (rest.end_us - rest.start_us) / HOUR_US <= LONGEST_H


def _sleep(rest: Rest, timeline: Timeline, day: int) -> dict[str, float]:
    middle = (rest.start_us + rest.end_us) // 2
    wall = timeline.local_us(np.array([rest.start_us, rest.end_us, middle], np.int64))
    onset, offset, midsleep = ((wall - day * DAY_US) / HOUR_US).tolist()
    if not NIGHT_FROM_H <= onset <= midsleep <= offset <= NIGHT_TO_H:
        return {}  # a change of zone in this night: the clock hours would mean nothing
    return {
        "sleep_onset_h": onset,
        "sleep_offset_h": offset,
        "midsleep_h": midsleep,
        "sleep_duration_h": (rest.end_us - rest.start_us) / HOUR_US,
        "sleep_checks": float(rest.checks),
    }


def _use(used: Episodes, wall: Ints, edges: Ints, day: int) -> dict[str, float]:
    on_us = time_on(used, edges)  # from midnight to 05:00, and from then to the end of the day
    return {
        "screen_on_h": float(on_us.sum()) / HOUR_US,
        "screen_uses": float(np.count_nonzero(wall // DAY_US == day)),
        "night_use_min": float(on_us[0]) * 60 / HOUR_US,
    }


class _Edges:
    """The instants that bound each day's windows."""

    def __init__(self, offsets: Offsets, days: Ints) -> None:
        def at(hour: int) -> Ints:
            return first_at_or_after(offsets, days * DAY_US + hour * HOUR_US)

        evening, end = at(NIGHT_FROM_H), at(24)
        self.use = np.stack([at(0), at(SMALL_HOURS), end], axis=1)
        self.night = np.stack([evening, at(NIGHT_TO_H)], axis=1)
        self.whole = np.stack([evening, end], axis=1)


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe each local day's phone use and the rest in the night that ends on it."""
    values = {f.name: np.full(days.size, np.nan) for f in FAMILY.features}
    coverage = np.zeros(days.size)
    stream = streams.get("screen")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        return Days(values, coverage)
    time = stream["time"].astype(np.int64, copy=False)
    state = stream["state"].astype(np.int64, copy=False)
    local_day = wall_clock(timeline, time) // DAY_US
    slices = DaySlices(local_day)
    edges = _Edges(offsets_around(timeline, days, LOOKBACK_DAYS), days)
    for row, day in enumerate(days.tolist()):
        part = slices.between(day - 1, day)
        if time[part].size == 0 or not (local_day[part] == day).any():
            continue
        used = episodes(time[part], state[part])
        wall = wall_clock(timeline, used.start_us)
        found = _use(used, wall, edges.use[row], day)
        rest = _night(used, wall, day)
        rest = rest if _believed(rest) else Rest(0, 0, 0)
        coverage[row] = _seen(time[part], rest, edges.whole[row])
        if rest.end_us and _seen(time[part], rest, edges.night[row]) >= MIN_SEEN:
            found |= _sleep(rest, timeline, day)
        for name, value in found.items():
            values[name][row] = value
    return Days(values, coverage)


FAMILY = Family(
    name="screen_sleep",
    version="1",
    title="Phone use and rest",
    streams=("screen",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the time from 18:00 on the evening before to the end of the date in which "
    "screen events are less than 4 hours apart or the phone's rest lies",
    features=(
        Feature(
            "sleep_onset_h",
            "Phone put away",
            "h",
            "Hours after local midnight of the date (before it: negative) at which "
            + _REST
            + " begins."
            + _NEED,
            _ABDULLAH,
            NIGHT_FROM_H,
            NIGHT_TO_H,
            0,
        ),
        Feature(
            "sleep_offset_h",
            "Phone taken up",
            "h",
            "Hours after local midnight of the date at which " + _REST + " ends." + _NEED,
            _ABDULLAH,
            NIGHT_FROM_H,
            NIGHT_TO_H,
            0,
        ),
        Feature(
            "midsleep_h",
            "Middle of the phone's rest",
            "h",
            "Hours after local midnight of the date of the middle of " + _REST + "." + _NEED,
            _BORGER,
            NIGHT_FROM_H,
            NIGHT_TO_H,
            0,
        ),
        Feature(
            "sleep_duration_h",
            "Length of the phone's rest",
            "h",
            "Elapsed hours of " + _REST + "; the checks in it count as rest." + _NEED,
            _ABDULLAH,
            SHORTEST_H,
            LONGEST_H,
            0,
        ),
        Feature(
            "sleep_checks",
            "Checks of the phone in the night",
            "{checks}",
            "Short uses inside " + _REST + "." + _NEED,
            _BORGER,
            0,
            None,
            1,
        ),
        Feature(
            "screen_on_h",
            "Screen time",
            "h",
            "Hours with the screen on in the local day. A use without any event for 2 hours ends "
            "at its last event: its end was not recorded.",
            "Christensen et al. 2016, doi:10.1371/journal.pone.0165331",
            0,
            50,
            0,
        ),
        Feature(
            "screen_uses",
            "Times the phone was taken up",
            "{uses}",
            "Uses of the screen that begin in the local day.",
            "Saeb et al. 2015, doi:10.2196/jmir.4273",
            0,
            None,
            0,
        ),
        Feature(
            "night_use_min",
            "Screen time in the small hours",
            "min",
            "Minutes with the screen on from 00:00 to 05:00 local time.",
            "Christensen et al. 2016, doi:10.1371/journal.pone.0165331",
            0,
            1800,
            1,
        ),
    ),
)
