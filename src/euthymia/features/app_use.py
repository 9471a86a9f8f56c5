"""Apps in the foreground: how many, how long, of what kind, and how often they change."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import (
    HOUR_US,
    SIGNS,
    Taken,
    held_us,
    hours,
    labels,
    logged,
    numbers,
    phone_seen_us,
    take,
    times,
)
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import SECOND_US, Timeline

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 28  # a log that had an entry lately is kept: a quiet day is then a zero
LONGEST_US: Final = HOUR_US  # in the foreground without any other app for longer: put away
NIGHT_TO_H: Final = 5
SWITCH_US: Final = 60 * SECOND_US  # an app that follows another within a minute: a switch

KINDS: Final = {
    "social": ("social", "dating"),
    "communication": ("communication", "messag", "mail", "phone"),
    "game": ("game",),
    "media": ("video", "entertainment", "music", "audio", "photo", "comic"),
    "work": ("productiv", "business", "education", "finance"),
    "health": ("health", "medical", "fitness"),
}
"""The kinds that minutes are told of, by words in the store's category."""


def _kinds(stream: Columns) -> dict[str, NDArray[np.bool_]]:
    """Tell which uses are of each kind, by the category's text in lower case."""
    if "category" not in stream:
        return dict.fromkeys(KINDS, np.zeros(stream["time"].shape, np.bool_))
    coded = pa.array(stream["category"], from_pandas=True).dictionary_encode()
    known = [str(text).lower() for text in coded.dictionary.to_pylist()]
    place = coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    return {
        name: np.array([*(any(word in text for word in words) for text in known), False])[place]
        for name, words in KINDS.items()
    }


def _lengths_us(stream: Columns, taken: Taken, time: Ints, windows: Windows) -> Array:
    """Return how long each use taken lasted: as told, or to the next app, an hour at most."""
    told = numbers(stream, "duration")[taken.index] * SECOND_US
    left = (windows.end_us[taken.stretch] - time[taken.index]).astype(np.float64)
    until_next = held_us(taken, time, windows, LONGEST_US)
    return np.where(np.isnan(told), until_next, np.minimum(told, left))


def _sum(taken: Taken, value: Array, keep: NDArray[np.bool_]) -> Array:
    return np.bincount(taken.row[keep], value[keep], taken.rows).astype(np.float64)


def _switches(taken: Taken, app: Ints, time: Ints, length: Array) -> Array:
    """Count the times one app directly follows another, within a minute of its end."""
    here, before = taken.index[1:], taken.index[:-1]
    gap = time[here] - time[before] - length[:-1]
    other = taken.joined()[1:] & (app[here] != app[before]) & (gap <= SWITCH_US)
    return np.bincount(taken.row[1:][other], minlength=taken.rows).astype(np.float64)


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the use of apps in each row's stretches of time."""
    time = times(streams, "app_use")
    if time.size == 0 or windows.day.size == 0:
        blank = np.full(windows.day.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(windows.day.size))
    stream, taken = streams["app_use"], take(time, windows)
    app, length = labels(stream, "app"), _lengths_us(stream, taken, time, windows)
    every = np.ones(taken.index.size, bool)
    minutes, uses = _sum(taken, length, every) / 60e6, taken.count()
    night = hours(timeline, time)[taken.index] < NIGHT_TO_H
    values = {
        "app_uses": uses,
        "apps": taken.distinct(app),
        "app_use_min": minutes,
        "app_use_mean_s": np.divide(
            60 * minutes, uses, out=np.full(uses.size, np.nan), where=uses > 0
        ),
        "app_evenness": taken.evenness(app),
        "app_top_pct": 100 * taken.top_share(app),
        "app_switches": _switches(taken, app, time, length),
        "app_night_min": _sum(taken, length, night) / 60e6,
    }
    told = logged(time[labels(stream, "category") >= 0], windows, timeline, LOOKBACK_DAYS)
    for name, mine in _kinds(stream).items():
        own = _sum(taken, length, mine[taken.index])
        values[f"app_{name}_min"] = np.where(told, own / 60e6, np.nan)
    known = logged(time, windows, timeline, LOOKBACK_DAYS)
    coverage = share_of(windows, phone_seen_us(streams, ("app_use",), windows))
    return Days(
        {name: np.where(known, value, np.nan) for name, value in values.items()},
        np.where(known, coverage, 0.0),
    )


_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_NIIMPY = "Ikaheimonen et al. 2023 (niimpy), doi:10.1016/j.softx.2023.101472"
_SHANNON = "Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x"
_LENGTH = (
    "a use whose length is not told lasts to the next app's, an hour at most; none goes beyond "
    "the window it begins in"
)
_SEEN = (
    "launchers and system screens count as apps where the source tells them; iOS tells none, and "
    "what is done in a browser is one app"
)
_STORE = "by the category that the source tells: uses without one are of no kind; " + _LENGTH


def _minutes(kind: str) -> Feature:
    words = ", ".join(KINDS[kind])
    return Feature(
        f"app_{kind}_min",
        f"Time in apps: {kind}",
        "min",
        f"Minutes of uses that begin in the window, of apps whose category holds one of: {words}. "
        "NaN unless a use told its category in the four weeks up to the end of the window.",
        _RAPIDS,
        0,
        None,
        limits=_STORE,
    )


FAMILY = Family(
    name="app_use",
    version="2",
    title="Use of apps",
    streams=("app_use", *SIGNS),
    needs=("app_use",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which apps, screen or battery reported at least every 4 hours",
    features=(
        Feature(
            "app_uses",
            "Times an app was opened",
            "{uses}",
            "Uses of an app that begin in the window.",
            _RAPIDS,
            0,
            None,
            limits=_SEEN,
        ),
        Feature(
            "apps",
            "Apps used",
            "{apps}",
            "Different apps used in the window.",
            _RAPIDS,
            0,
            None,
            limits=_SEEN,
        ),
        Feature(
            "app_use_min",
            "Time in apps",
            "min",
            "Minutes of uses that begin in the window.",
            _NIIMPY,
            0,
            None,
            limits=_LENGTH,
        ),
        Feature(
            "app_use_mean_s",
            "Mean length of an app's use",
            "s",
            "Mean length of uses that begin in the window. NaN without one.",
            _NIIMPY,
            0,
            None,
            limits=_LENGTH,
        ),
        Feature(
            "app_evenness",
            "Spread of use over apps",
            "1",
            "Entropy of the uses by app over ln n of the n apps used: 1 all alike. NaN with fewer "
            "than two apps.",
            _SHANNON,
            0,
            1,
            limits=_SEEN,
        ),
        Feature(
            "app_top_pct",
            "Share of the most used app",
            "%",
            "100 times the share of uses of the app opened most. NaN without a use.",
            _RAPIDS,
            0,
            100,
            limits=_SEEN,
        ),
        Feature(
            "app_switches",
            "Switches between apps",
            "{switches}",
            "Times another app follows within a minute of the end of one, both in the window.",
            "Deng et al. 2019, doi:10.1177/2050157918761491",
            0,
            None,
            limits=_LENGTH,
        ),
        Feature(
            "app_night_min",
            "Time in apps in the small hours",
            "min",
            "Minutes of uses that begin from 00:00 to 05:00 local time.",
            _RAPIDS,
            0,
            None,
            1,
            limits=_LENGTH,
        ),
        *(_minutes(kind) for kind in KINDS),
    ),
)
