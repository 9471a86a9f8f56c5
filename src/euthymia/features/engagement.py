"""Whether a phone and its owner take part, any stretch of time: power, pauses, and silence."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import (
    MINUTE_US,
    SILENT_US,
    ends_us,
    held_us,
    labels,
    numbers,
    seen_us,
    take,
    times,
)
from euthymia.features.taken import coverage as share_of
from euthymia.features.windows import bounds_us
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import grouped
from euthymia.kernels.presence import covered_by

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 14
HOUR_US: Final = DAY_US // 24
WATCHED: Final = (
    "screen",
    "battery",
    "location",
    "steps",
    "activity_counts",
    "heart_rate",
    "momentary_answers",
)
"""Streams whose last sample is looked for: cheap to read, and one of them of every device."""

SHUT_DOWN, REBOOTED = -1, -2  # AWARE's codes
UNKNOWN, CHARGING, DISCHARGING, FULL = 1, 2, 3, 5
REASONS: Final = ("off", "permission", "low_power", "paused", "not_worn", "charging", "unknown")


def _silence(
    streams: Mapping[str, Columns], timeline: Timeline, windows: Windows
) -> dict[str, Array]:
    """Return how long before each row's end the last sample of each stream lies."""
    start, _ = bounds_us(timeline, windows.day, LOOKBACK_DAYS)
    end = ends_us(windows)[1]
    found = {}
    for name in WATCHED:
        time = times(streams, name)
        last = np.searchsorted(time, end) - 1
        at = time[np.maximum(last, 0)] if time.size else np.zeros(end.size, np.int64)
        known = (last >= 0) & (at >= start) & (time.size > 0)
        found[f"{name}_silent_h"] = np.where(known, (end - at) / HOUR_US, np.nan)
    return found


def _battery(stream: Columns, timeline: Timeline, windows: Windows) -> dict[str, Array]:
    """Return what the battery tells: charged, used, and switched off."""
    time = np.ascontiguousarray(stream["time"], np.int64)
    level, status = numbers(stream, "level"), numbers(stream, "status")
    taken = take(time, windows)
    rows, row = taken.rows, taken.row
    held = held_us(taken, time, windows, SILENT_US)
    now = status[taken.index]
    plugged = (now == CHARGING) | (now == FULL)
    powered = now > UNKNOWN
    known = grouped.total(row, held * powered, rows)
    charged = grouped.total(row, held * plugged, rows)
    charging = (status == CHARGING) | (status == FULL)
    # a sample may only be compared with the one before it in the same stretch
    before = np.append(0.0, level[:-1])[taken.index]
    was = np.append(False, charging[:-1])[taken.index]
    joined = taken.joined()
    step = before - level[taken.index]
    gap = time[taken.index] - np.append(0, time[:-1])[taken.index]
    using = joined & (np.append(np.nan, status[:-1])[taken.index] == DISCHARGING)
    using &= (gap <= SILENT_US) & (step >= 0)
    used = grouped.total(row[using], step[using], rows)
    hours = grouped.total(row[using], gap[using] / HOUR_US, rows)
    n = taken.count()
    return {
        "charging_pct": np.where(known > 0, 100 * charged / known, np.nan),
        "charges": np.where(
            n > 0, grouped.total(row, 1.0 * (joined & ~was & plugged), rows), np.nan
        ),
        "battery_lowest_pct": taken.lowest(level),
        "battery_use_per_h": np.where(hours > 0, used / hours, np.nan),
        "phone_off_h": np.where(n > 0, _off(time, status, timeline, windows) / HOUR_US, np.nan),
    }


def _off(time: Ints, status: Array, timeline: Timeline, windows: Windows) -> Array:
    """Return for how long each row's phone was off [us]: from a shutdown to the next sample."""
    down = (status == SHUT_DOWN) | (status == REBOOTED)
    until = np.append(time[1:], np.iinfo(np.int64).max)[: time.size]
    first, _ = bounds_us(timeline, windows.day, LOOKBACK_DAYS)
    return _covered(time[down], until[down], first, windows)


def _covered(start: Ints, end: Ints, first: Ints, windows: Windows) -> Array:
    """Return for how long stretches that begin after each row's `first` cover the row [us]."""
    low = np.searchsorted(start, first[windows.row])
    high = np.searchsorted(start, windows.end_us)
    length = np.empty(low.size, np.int64)
    covered_by(start, end, low, high, windows.start_us, windows.end_us, length)
    found = np.zeros(windows.day.size)
    np.add.at(found, windows.row, length)
    return found


def _pauses(stream: Columns, timeline: Timeline, windows: Windows) -> dict[str, Array]:
    """Return for how long any stream was not recorded, for each reason."""
    time = np.ascontiguousarray(stream["time"], np.int64)
    of, on = labels(stream, "stream"), np.asarray(stream["on"], np.int64)
    order = np.argsort(of, kind="stable")
    follows = np.append(of[order][1:] == of[order][:-1], False)[: of.size]
    until = np.full(time.size, np.iinfo(np.int64).max)
    until[order[:-1]] = np.where(follows[:-1], time[order][1:], until[order[:-1]])
    given = stream.get("reason", np.full(time.shape, None, object))
    reason = np.array([r if r in REASONS else "unknown" for r in np.asarray(given, object)], object)
    first, _ = bounds_us(timeline, windows.day, LOOKBACK_DAYS)
    told = np.searchsorted(time, ends_us(windows)[1]) > np.searchsorted(time, first)
    found = {}
    for name in REASONS:
        cause = np.flatnonzero((on == 0) & (reason == name))
        total = _covered(time[cause], until[cause], first, windows)
        found[f"paused_{name}_h"] = np.where(told, total / HOUR_US, np.nan)
    return found


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the taking part of each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    seen = np.zeros(rows)
    for name in FAMILY.streams:
        seen = np.maximum(seen, seen_us(windows, times(streams, name), SILENT_US, MINUTE_US))
    if rows:
        values |= _silence(streams, timeline, windows)
    with np.errstate(invalid="ignore", divide="ignore"):
        if rows and times(streams, "battery").size:
            values |= _battery(streams["battery"], timeline, windows)
    if rows and times(streams, "recording_state").size:
        values |= _pauses(streams["recording_state"], timeline, windows)
    return Days(values, share_of(windows, seen))


_TOROUS = "Torous et al. 2018, doi:10.3389/fpsyt.2018.00520"
_AWARE = "Ferreira et al. 2015 (AWARE), doi:10.3389/fict.2015.00006"
_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_KIANG = "Kiang et al. 2021, doi:10.1038/s41598-021-94516-7"
_LATE = (
    "Data that has not been sent yet looks like silence; it is put right when it comes. A day "
    "without a sample of any watched stream has no row."
)
_CODES = (
    "By the battery's status where the phone tells it (1 not known, 2 charging, 3 discharging, 4 "
    "neither, 5 full, -1 shut down, -2 rebooted); it is not known for phones that give only the "
    "level."
)
_WORDS: Final = {
    "off": "the sensor was off",
    "permission": "permission was missing",
    "low_power": "the phone saved power",
    "paused": "recording was paused",
    "not_worn": "the device was not worn",
    "charging": "the device was on charge",
    "unknown": "no reason is known",
}
_TITLES: Final = {
    "screen": "screen",
    "battery": "battery",
    "location": "location",
    "steps": "steps",
    "activity_counts": "activity counts",
    "heart_rate": "heart rate",
    "momentary_answers": "momentary assessments",
}


def _battery_feature(
    name: str, title: str, unit: str, definition: str, high: float | None, worse: int = 0
) -> Feature:
    return Feature(name, title, unit, definition, _RAPIDS, 0, high, worse, limits=_CODES)


FAMILY = Family(
    name="engagement",
    version="1.1",
    title="Taking part",
    streams=(*WATCHED, "recording_state"),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which the samples of one of the streams, the one that tells "
    "most, are at most 4 hours apart; one alone counts for a minute",
    features=(
        *(
            Feature(
                f"{name}_silent_h",
                f"Time since the last sample: {_TITLES[name]}",
                "h",
                "Hours from the stream's last sample to the end of the window; NaN where the 13 "
                "days before the date and the window hold none.",
                _TOROUS,
                0,
                None,
                1,
                limits=_LATE,
            )
            for name in WATCHED
        ),
        _battery_feature(
            "charging_pct",
            "Share of time on charge",
            "%",
            "Time on charge or full as a share of the time in which the battery's "
            "status is known: each sample of the window holds until the next, at most 4 hours.",
            100,
        ),
        _battery_feature(
            "charges",
            "Times put on charge",
            "{charges}",
            "Times that charging begins in the window.",
            None,
        ),
        _battery_feature(
            "battery_lowest_pct", "Lowest battery level", "%", "Least level in the window.", 100
        ),
        _battery_feature(
            "battery_use_per_h",
            "Battery use",
            "%/h",
            "Fall of the level over the time for which it discharges, between samples "
            "at most 4 hours apart. NaN where it never does.",
            None,
        ),
        Feature(
            "phone_off_h",
            "Time switched off",
            "h",
            "Hours from each shutdown or restart that the phone noted to its next sample.",
            _AWARE,
            0,
            None,
            1,
            limits="A battery that runs empty often leaves no note. " + _CODES,
        ),
        *(
            Feature(
                f"paused_{reason}_h",
                f"Time not recorded: {_WORDS[reason]}",
                "h",
                f"Hours in which at least one stream is noted as not recorded because "
                f"{_WORDS[reason]}: from the note to the stream's next one. NaN where the 13 days "
                "before the date and the window hold no note of any stream.",
                _KIANG,
                0,
                None,
                1,
                limits="Only what a recording app writes down; many write nothing. A note older "
                "than 13 days is not looked back to.",
            )
            for reason in REASONS
        ),
    ),
)
