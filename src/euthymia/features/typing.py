"""How somebody types, any stretch of time: how much, how fast, how regularly, and when."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import (
    SIGNS,
    Taken,
    ends_us,
    hours,
    labels,
    logged,
    numbers,
    phone_seen_us,
    take,
    times,
)
from euthymia.features.taken import coverage as share_of
from euthymia.features.windows import bounds_us
from euthymia.ground.clock import Timeline
from euthymia.kernels import grouped, typing

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 28
MIN_KEYS: Final = 20  # for speeds and shares: fewer are chance
MIN_BEFORE: Final = 200  # keys of the days before, to compare the hours with
NIGHT_TO_H: Final = 5
MINUTE_US: Final = 60_000_000


class _Presses(NamedTuple):
    time: Ints
    kind: Ints
    session: Ints
    hold_ms: Array
    hour: Array


def _presses(stream: Columns, timeline: Timeline) -> _Presses:
    time = np.ascontiguousarray(stream["time"], np.int64)
    session = typing.sessions(time, labels(stream, "session"))
    kind = np.ascontiguousarray(stream["kind"], np.int64)
    return _Presses(time, kind, session, numbers(stream, "hold"), hours(timeline, time))


def _enough(found: Array, n: Array) -> Array:
    return np.where(n >= MIN_KEYS, found, np.nan)


def _by_session(taken: Taken, keys: _Presses) -> dict[str, Array]:
    """Return what is said of whole sessions: their number, presses and lengths."""
    own = keys.session[taken.index]
    fresh = np.append(True, (own[1:] != own[:-1]) | (taken.row[1:] != taken.row[:-1]))[: own.size]
    first = np.flatnonzero(fresh)
    stop = np.append(first[1:], own.size)[: first.size]
    row = taken.row[first]
    at = keys.time[taken.index]
    length_us = (at[stop - 1] - at[first]).astype(np.float64)
    presses = (stop - first).astype(np.float64)
    characters = taken.where(keys.kind == typing.CHARACTER).count()
    minutes = grouped.total(row, length_us, taken.rows) / MINUTE_US
    return {
        "sessions": grouped.count(row, taken.rows),
        "keys_per_session": grouped.quantiles(row, presses, taken.rows, (0.5,))[:, 0],
        "session_s": grouped.quantiles(row, length_us / 1e6, taken.rows, (0.5,))[:, 0],
        "typing_min": minutes,
        "characters_per_min": _enough(np.where(minutes > 0, characters / minutes, np.nan),
                                      characters),
    }  # fmt: skip


def _speed(taken: Taken, keys: _Presses) -> dict[str, Array]:
    """Return delays between presses and how long keys are held."""
    delay = typing.interkey_ms(keys.time, keys.session, keys.kind)[taken.index]
    delay = np.where(taken.joined(), delay, np.nan)  # the press before lies in the same stretch
    known = ~np.isnan(delay)
    row, ms = taken.row[known], delay[known]
    n = grouped.count(row, taken.rows)
    low, middle, high, long = grouped.quantiles(row, ms, taken.rows, (0.25, 0.5, 0.75, 0.95)).T
    away = np.abs(ms - middle[row])
    held = taken.where(~np.isnan(keys.hold_ms))
    h_low, h_middle, h_high = held.quantiles(keys.hold_ms, 0.25, 0.5, 0.75).T
    return {
        "interkey_median_ms": _enough(middle, n),
        "interkey_iqr_ms": _enough(high - low, n),
        "interkey_mad_ms": _enough(grouped.quantiles(row, away, taken.rows, (0.5,))[:, 0], n),
        "interkey_p95_ms": _enough(long, n),
        "hold_median_ms": _enough(h_middle, held.count()),
        "hold_iqr_ms": _enough(h_high - h_low, held.count()),
    }


def _profile(hour: Array, low: Ints, high: Ints) -> Array:
    """Return how many presses of each clock hour lie in ranges [low, high), shape (rows, 24)."""
    clock = hour.astype(np.int64)
    found = np.zeros((low.size, 24))
    for h in range(24):
        at = np.flatnonzero(clock == h)
        found[:, h] = np.searchsorted(at, high) - np.searchsorted(at, low)
    return found


def _when(taken: Taken, keys: _Presses, windows: Windows, timeline: Timeline) -> dict[str, Array]:
    """Return at which hours of the day somebody types."""
    n = taken.count()
    angle = keys.hour * (2 * np.pi / 24)
    direction, length = grouped.circular(taken.row, angle[taken.index], taken.rows)
    night = taken.where(keys.hour < NIGHT_TO_H).count()
    start, _ = bounds_us(timeline, windows.day, LOOKBACK_DAYS)
    begin = np.maximum(ends_us(windows)[0], start)
    before = _profile(keys.hour, *(np.searchsorted(keys.time, t) for t in (start, begin)))
    cell = taken.row * 24 + keys.hour[taken.index].astype(np.int64)
    now = np.bincount(cell, minlength=taken.rows * 24).reshape(taken.rows, 24)
    alike = typing.likeness(now.astype(np.float64), before)
    return {
        "typing_hour_h": _enough(direction * 24 / (2 * np.pi), n),
        "typing_concentration": _enough(length, n),
        "night_keys_pct": _enough(100 * night / n, n),
        "hours_likeness": np.where(before.sum(axis=1) >= MIN_BEFORE, _enough(alike, n), np.nan),
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the key presses of each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    seen = phone_seen_us(streams, ("typing",), windows)
    time = times(streams, "typing")
    if time.size:
        kept = logged(time, windows, timeline, LOOKBACK_DAYS) & (seen > 0)
        keys = _presses(streams["typing"], timeline)
        taken = take(time, windows)
        n = taken.count()
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = {
                name: _enough(100 * taken.where(keys.kind == kind).count() / n, n)
                for name, kind in (
                    ("backspace_pct", typing.BACKSPACE),
                    ("correction_pct", typing.CORRECTION),
                )
            }
            found = _by_session(taken, keys) | _speed(taken, keys) | shares | {"keys": n}
            found |= _when(taken, keys, windows, timeline)
        values |= {name: np.where(kept, value, np.nan) for name, value in found.items()}
    return Days(values, share_of(windows, seen))


_ZULUETA = "Zulueta et al. 2018, doi:10.2196/jmir.9775"
_VESEL = "Vesel et al. 2020, doi:10.1093/jamia/ocaa057"
_CAO = "Cao et al. 2017, doi:10.1145/3097983.3098086"
_KEYBOARD = (
    "Keyboards differ in what they correct and offer, and speed in the phone's size and the "
    "language; a new phone or keyboard changes every value. Swiped words and dictation press no "
    "keys. Speed falls with age."
)
_QUIET = " NaN unless a key was pressed in the four weeks up to the end of the window."
_NEED = " NaN with fewer than 20 of them in the window."
_SESSION = "A session ends when no key is pressed for 5 s, or where the recording names another."
_DELAY = (
    "of the delays from one character to the next of the same session; backspaces, corrections "
    "and other keys break the chain."
)


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    high: float | None,
    paper: str,
    worse: int = 0,
    period: float | None = None,
) -> Feature:
    text = definition + _QUIET
    return Feature(name, title, unit, text, paper, 0, high, worse, period, _KEYBOARD)


FAMILY = Family(
    name="typing",
    version="1",
    title="Typing",
    streams=("typing", *SIGNS),
    needs=("typing",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which the events of one of key presses, screen and battery, "
    "the one that tells most, are at most 4 hours apart; one alone counts for a minute",
    features=(
        _feature(
            "sessions",
            "Typing sessions",
            "{sessions}",
            f"Sessions with a key press in the window. {_SESSION}",
            None,
            _CAO,
        ),
        _feature("keys", "Key presses", "{keys}", "Key presses of any kind.", None, _ZULUETA),
        _feature(
            "keys_per_session",
            "Presses a session",
            "{keys}",
            f"Median number of the window's presses a session. {_SESSION}",
            None,
            _CAO,
        ),
        _feature(
            "session_s",
            "Length of sessions",
            "s",
            "Median time from the first to the last press of a session in the window. " + _SESSION,
            None,
            _VESEL,
            -1,
        ),
        _feature(
            "typing_min",
            "Time typing",
            "min",
            f"Summed time from the first to the last press of sessions. {_SESSION}",
            None,
            _VESEL,
        ),
        _feature(
            "characters_per_min",
            "Characters a minute",
            "/min",
            "Characters over the time typing." + _NEED,
            None,
            _VESEL,
            -1,
        ),
        _feature(
            "interkey_median_ms",
            "Delay between keys",
            "ms",
            f"Median {_DELAY}" + _NEED,
            5000,
            _VESEL,
            1,
        ),
        _feature(
            "interkey_iqr_ms",
            "Spread of the delay between keys",
            "ms",
            f"Interquartile range {_DELAY}" + _NEED,
            5000,
            _VESEL,
            1,
        ),
        _feature(
            "interkey_mad_ms",
            "Typical deviation of the delay between keys",
            "ms",
            f"Median absolute deviation from the median (not scaled) {_DELAY}" + _NEED,
            5000,
            _VESEL,
            1,
        ),
        _feature(
            "interkey_p95_ms",
            "Long delays between keys",
            "ms",
            f"95th percentile {_DELAY}" + _NEED,
            5000,
            _VESEL,
            1,
        ),
        _feature(
            "hold_median_ms",
            "Hold time",
            "ms",
            "Median time for which a key is held down." + _NEED,
            60000,
            _ZULUETA,
            1,
        ),
        _feature(
            "hold_iqr_ms",
            "Spread of hold time",
            "ms",
            "Interquartile range of the time for which a key is held down." + _NEED,
            60000,
            _ZULUETA,
            1,
        ),
        _feature(
            "backspace_pct",
            "Backspaces",
            "%",
            "Backspaces as a share of key presses." + _NEED,
            100,
            _ZULUETA,
        ),
        _feature(
            "correction_pct",
            "Corrections",
            "%",
            "Suggestions taken and corrections made by the keyboard, as a share of key "
            "presses." + _NEED,
            100,
            _ZULUETA,
            1,
        ),
        _feature(
            "typing_hour_h",
            "Hour of typing",
            "h",
            "Mean local clock hour of key presses, on the circle." + _NEED,
            24,
            _ZULUETA,
            0,
            24,
        ),
        _feature(
            "typing_concentration",
            "How typing keeps to its hour",
            "1",
            "Length of the mean of key presses as points on the circle of 24 hours: 1 all at "
            "one hour, 0 all around." + _NEED,
            1,
            _ZULUETA,
        ),
        _feature(
            "night_keys_pct",
            "Typing in the small hours",
            "%",
            "Share of key presses from 00:00 to 05:00 local time." + _NEED,
            100,
            _VESEL,
            1,
        ),
        _feature(
            "hours_likeness",
            "Likeness to the usual hours of typing",
            "1",
            "Cosine of the presses in each of the 24 clock hours with those of the time "
            "before the window, back to 27 before its date: the circadian baseline "
            "similarity of Zulueta et al. NaN with fewer than 200 presses before." + _NEED,
            1,
            _ZULUETA,
            -1,
        ),
    ),
)
