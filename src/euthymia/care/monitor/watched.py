"""Which features are watched, and one person's days of them, from the derived tables."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.care.band import around_the_clock
from euthymia.care.monitor.norms import MIN_PEOPLE, MIN_VALUES
from euthymia.care.monitor.panel import Days, Features
from euthymia.care.summary import DEVICES, device_of
from euthymia.features.catalogue import families
from euthymia.features.contract import Feature
from euthymia.ground.clock import Timeline

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

WATCHED: Final = (
    ("mobility", "home_time_h"), ("mobility", "max_distance_home_km"), ("mobility", "places"),
    ("screen_use", "night_use_min"), ("screen_use", "screen_on_h"),
    ("social", "contacts"), ("social", "calls_out_min"), ("conversation", "conversation_min"),
    ("sleep_phone", "sleep_onset_h"), ("sleep_phone", "sleep_duration_h"),
    ("momentary", "departure_sd"),
    ("sleep_actigraphy", "sleep_onset_h"), ("sleep_actigraphy", "sleep_duration_h"),
    ("sleep_actigraphy", "waso_min"),
    ("sleep_wearable", "sleep_onset_h"), ("sleep_wearable", "sleep_duration_h"),
    ("activity", "counts_per_min"), ("activity", "counts_sedentary_min"),
    ("rest_activity", "l5_counts_per_min"),
    ("steps", "steps"), ("hrv", "rmssd_ms"), ("heart_rate", "resting_rate_per_min"),
)  # fmt: skip
"""One or a few of each behaviour that is known to change in a relapse: more of a family would only
count the same change again. None looks back over weeks, which would blur its own baseline."""

COVERAGE: Final = 0.2  # under a fifth of the day seen, a day's number says little
TRAVEL_BACK: Final = 56  # days: home is the zone of most of them
MOST_AWAY: Final = 28  # after four weeks elsewhere, elsewhere is home


def spec(family: str, name: str) -> Feature:
    """Return a feature's definition."""
    return next(f for f in families()[family].features if f.name == name)


def features_of(people: Iterable[Mapping[str, pa.Table]]) -> Features | None:
    """Return the watched features that enough people have; None if there are none.

    Enough: what `norms.fit` needs to say what is usual.
    """
    count = dict.fromkeys(WATCHED, 0)
    for tables in people:
        for family, name in WATCHED:
            table = tables.get(family)
            if table is not None and name in table.column_names:
                seen = np.isfinite(_column(table, name)).sum()
                count[family, name] += int(seen >= MIN_VALUES)
    found = [key for key, n in count.items() if n >= MIN_PEOPLE]
    return features_named([f"{family}.{name}" for family, name in found]) if found else None


def features_named(names: Iterable[str]) -> Features:
    """Return features by "<family>.<name>", with their direction and device."""
    kept = tuple(names)
    pairs = [name.split(".", 1) for name in kept]
    device = [DEVICES.index(device_of(families()[family].streams[0])) for family, _ in pairs]
    present = sorted(set(device))
    return Features(
        kept,
        np.array([spec(family, name).worse for family, name in pairs], np.int64),
        np.array([present.index(d) for d in device], np.int64),
    )


def days_of(
    features: Features,
    tables: Mapping[str, pa.Table],
    zones: Timeline,
    last: int,
    stays: frozenset[int] = frozenset(),
) -> Days | None:
    """Return a person's days, from the first with a value to `last`; None without any.

    Parameters
    ----------
    tables : mapping
        Family to derived rows. Days of which less than a fifth was seen count as not seen.
    last : int
        The last local day that is over.
    stays : frozenset of int
        Local days in hospital: not scored, as days in another time zone are not.
    """
    columns = [_feature_column(name, tables) for name in features.names]
    seen = [days[np.isfinite(values)] for days, values in columns]
    firsts = [int(days.min()) for days in seen if days.size]
    if not firsts or min(firsts) > last:
        return None
    first = min(firsts)
    values = np.full((last - first + 1, len(columns)), np.nan)
    for place, (days, column) in enumerate(columns):
        inside = (days >= first) & (days <= last)
        values[days[inside] - first, place] = column[inside]
    for place, name in enumerate(features.names):
        if spec(*name.split(".", 1)).period is not None:
            values[:, place] = around_the_clock(values[:, place])
    day = np.arange(first, last + 1, dtype=np.int64)
    away = away_days(zones, day) | np.isin(day, np.array(sorted(stays), np.int64))
    return Days(first, values, away, away)


def _feature_column(name: str, tables: Mapping[str, pa.Table]) -> tuple[Ints, NDArray[np.float64]]:
    family, column = name.split(".", 1)
    table = tables.get(family)
    if table is None or column not in table.column_names:
        return np.zeros(0, np.int64), np.zeros(0)
    values = _column(table, column)
    values[np.asarray(table["coverage"].to_numpy()) < COVERAGE] = np.nan
    return np.asarray(table["date"].cast(pa.int32()).to_numpy(), np.int64), values


def _column(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.array(table[name].cast(pa.float64()).to_numpy(), np.float64)


def away_days(zones: Timeline, day: Ints) -> Mask:
    """Mark the days spent at another offset from UTC than most of the eight weeks before.

    A change of the clock (an hour) is no travel; after four weeks a new place is home.
    """
    out = np.zeros(day.size, np.bool_)
    if len(zones.changes) == 1 or not day.size:
        return out
    noon = zones.starts_of_days(day) + 43_200_000_000
    offset = zones.offset_s(noon)
    row = since = 0
    for t in range(day.size):
        since = t if t and offset[t] != offset[t - 1] else since
        if t - since >= TRAVEL_BACK:  # nothing else was seen for so long: this is home
            row = 0
            continue
        before = offset[max(0, t - TRAVEL_BACK) : t]
        before = before[~out[max(0, t - TRAVEL_BACK) : t]]
        home = int(np.median(before)) if before.size else int(offset[t])
        row = row + 1 if abs(int(offset[t]) - home) > 3600 else 0
        out[t] = 0 < row <= MOST_AWAY
    return out
