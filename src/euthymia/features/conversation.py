"""Speech nearby, of any stretch of time, as the phone inferred it: how often and how long."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import (
    SIGNS,
    hours,
    logged,
    numbers,
    phone_seen_us,
    take,
    times,
)
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline

Array = NDArray[np.float64]

LOOKBACK_DAYS: Final = 7


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the conversations that begin in each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    seen = phone_seen_us(streams, ("conversation",), windows)
    time = times(streams, "conversation")
    if time.size:
        kept = logged(time, windows, timeline, LOOKBACK_DAYS) & (seen > 0)
        minutes = numbers(streams["conversation"], "duration") / 60
        some = take(time, windows)
        hour = hours(timeline, time)
        evening = some.where(hour >= 18)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = some.total(minutes)
            found: dict[str, Array] = {
                "conversations": some.count(),
                "conversation_min": total,
                "conversation_mean_min": some.mean(minutes),
                "conversation_sd_min": some.spread(minutes),
                "conversation_shortest_min": some.lowest(minutes),
                "conversation_longest_min": some.highest(minutes),
                "conversation_evening_pct": 100 * np.minimum(evening.total(minutes) / total, 1),
            }
            order = np.arange(time.size, dtype=np.float64)
            for name, at in (("first", some.lowest(order)), ("last", some.highest(order))):
                place = np.where(np.isnan(at), 0, at).astype(np.int64)
                found[f"{name}_conversation_h"] = np.where(np.isnan(at), np.nan, hour[place])
        values |= {name: np.where(kept, value, np.nan) for name, value in found.items()}
    return Days(values, share_of(windows, seen))


_STUDENTLIFE = "Wang et al. 2014 (StudentLife), doi:10.1145/2632048.2632054"
_LIMITS = (
    "Speech nearby is not speech of the person's: television, lectures and strangers count. The "
    "phone listens for a minute out of every few, so short talks are missed."
)
_QUIET = " NaN unless there was a conversation in the 7 days up to the end of the window."


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    high: float | None,
    worse: int = -1,
    period: float | None = None,
) -> Feature:
    text = definition + _QUIET
    return Feature(name, title, unit, text, _STUDENTLIFE, 0, high, worse, period, _LIMITS)


_OF = "of conversations that begin in the window; each counts in full."

FAMILY = Family(
    name="conversation",
    version="1",
    title="Speech nearby",
    streams=("conversation", *SIGNS),
    needs=("conversation",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which the events of one of conversations, screen and battery, "
    "the one that tells most, are at most 4 hours apart; one alone counts for a minute",
    features=(
        _feature(
            "conversations",
            "Conversations",
            "{conversations}",
            "Number of conversations that begin in the window.",
            None,
        ),
        _feature("conversation_min", "Time in conversation", "min", f"Summed length {_OF}", None),
        _feature(
            "conversation_mean_min",
            "Mean conversation",
            "min",
            f"Mean length {_OF} NaN without one.",
            1440,
        ),
        _feature(
            "conversation_sd_min",
            "Spread of conversations",
            "min",
            f"Standard deviation of the length {_OF} NaN with fewer than two.",
            1440,
        ),
        _feature(
            "conversation_shortest_min",
            "Shortest conversation",
            "min",
            f"Least length {_OF} NaN without one.",
            1440,
            0,
        ),
        _feature(
            "conversation_longest_min",
            "Longest conversation",
            "min",
            f"Greatest length {_OF} NaN without one.",
            1440,
        ),
        _feature(
            "conversation_evening_pct",
            "Share of conversation in the evening",
            "%",
            f"Share from 18:00 to 24:00 local time of the summed length {_OF} NaN without any.",
            100,
            0,
        ),
        _feature(
            "first_conversation_h",
            "First conversation",
            "h",
            "Local clock hour at which the window's first conversation begins; NaN without one.",
            24,
            0,
            24,
        ),
        _feature(
            "last_conversation_h",
            "Last conversation",
            "h",
            "Local clock hour at which the window's last conversation begins; NaN without one.",
            24,
            0,
            24,
        ),
    ),
)
