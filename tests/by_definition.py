"""Features worked out anew from their words in the catalogue, in plain Python: no code of ours.

A fortnight in Madrid around the night of 30 March 2025, which has 23 hours: every quantity of a
local day is found by asking Python's own calendar of each event.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

import euthymia as eu

ZONE = "Europe/Madrid"
_ZONE = ZoneInfo(ZONE)
_DATES = tuple(date(2025, 3, 24) + timedelta(k) for k in range(12))
NAN = math.nan

Told = dict[str, float]


def midnight(day: date) -> float:
    """Return when a date begins [s since 1970]."""
    return datetime.combine(day, time(), _ZONE).timestamp()


START, END = midnight(_DATES[0]), midnight(_DATES[-1] + timedelta(1))


def at_hour(begin: float, hour: int) -> float:
    """Return when it is `hour` o'clock on the date that begins at `begin`."""
    day = datetime.fromtimestamp(begin, _ZONE).date()
    return datetime.combine(day, time(hour), _ZONE).timestamp()


def hour(at: float) -> float:
    """Return the local clock hour."""
    local = datetime.fromtimestamp(at, _ZONE)
    return local.hour + local.minute / 60 + (local.second + local.microsecond / 1e6) / 3600


def events(chance: np.random.Generator, count: int) -> np.ndarray:
    """Return random instants [s since 1970], in order, each once."""
    return np.unique(np.round(chance.uniform(START, END, count), 3))


def frame(at: Iterable[float], **columns: object) -> pa.Table:
    """Return a stream's table."""
    micros = np.round(np.asarray(at) * 1e6).astype(np.int64)
    return pa.table({"time": pa.array(micros).cast(pa.timestamp("us", "UTC")), **columns})


def of(values: np.ndarray | Sequence[float], places: Iterable[int]) -> list[float]:
    """Return plain numbers at some places."""
    return [float(values[k]) for k in places]


def within(at: np.ndarray, begin: float, end: float) -> list[int]:
    """Return the places of the events in [begin, end)."""
    return np.flatnonzero((at >= begin) & (at < end)).tolist()


def mean(values: Sequence[float]) -> float:
    """Return the mean, NaN of nothing."""
    return statistics.fmean(values) if values else NAN


def median(values: Sequence[float]) -> float:
    """Return the median, NaN of nothing."""
    return statistics.median(values) if values else NAN


def sd(values: Sequence[float]) -> float:
    """Return the sample standard deviation, NaN of fewer than two."""
    return statistics.stdev(values) if len(values) > 1 else NAN


def quantile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, linear between neighbours (Hyndman and Fan's type 7)."""
    return float(np.percentile(values, percent)) if len(values) else NAN


def iqr(values: Sequence[float]) -> float:
    """Return the interquartile range."""
    return quantile(values, 75) - quantile(values, 25)


def evenness(names: Sequence[str]) -> float:
    """Return Shannon's entropy of the shares over ln n."""
    shares = [n / len(names) for n in Counter(names).values()]
    if len(shares) < 2:
        return NAN
    return -sum(share * math.log(share) for share in shares) / math.log(len(shares))


def top_percent(names: Sequence[str]) -> float:
    """Return the share of the most frequent one [%]."""
    return 100 * Counter(names).most_common(1)[0][1] / len(names) if names else NAN


def on_circle(hours: Sequence[float], weights: Sequence[float] | None = None) -> complex:
    """Return the mean of clock hours as points on the circle of 24."""
    weights = [1.0] * len(hours) if weights is None else weights
    points = (w * complex(*_unit(h)) for h, w in zip(hours, weights, strict=True))
    return sum(points, 0j) / sum(weights)


def _unit(at: float) -> tuple[float, float]:
    return math.cos(at * math.pi / 12), math.sin(at * math.pi / 12)


def clock_of(point: complex) -> float:
    """Return the clock hour in whose direction a point lies."""
    return math.atan2(point.imag, point.real) % (2 * math.pi) * 12 / math.pi


SEGMENTS = {"day": (0, 24), "night": (0, 6), "morning": (6, 12), "evening": (18, 24)}
"""Parts of the day and the clock hours that they begin and end at."""


def differences(
    family: str, streams: dict[str, pa.Table], told: Callable[[float, float], Told]
) -> tuple[int, list[tuple[str, str, str, float, float]]]:
    """Return how many features `told` works out, and each value that ours differs in.

    `told` is given the beginning and the end of a local day, and of parts of it.
    """
    table = eu.features.compute(streams, [family], tz=ZONE, segments=list(SEGMENTS))
    rows = {(row["date"], row["segment"]): row for row in table.to_pylist()}
    names: set[str] = set()
    wrong = []
    for (day, segment), row in sorted(rows.items()):
        low, high = SEGMENTS[segment]
        begin, end = midnight(day), midnight(day + timedelta(1))
        window = (at_hour(begin, low), end if high == 24 else at_hour(begin, high))
        for name, wanted in told(*window).items():
            names.add(name)
            ours = row[f"{family}_{name}"]
            found = NAN if ours is None else ours
            same = math.isclose(found, wanted, rel_tol=1e-5, abs_tol=1e-7)
            if not (same or (math.isnan(found) and math.isnan(wanted))):
                wrong.append((segment, name, day.isoformat(), found, wanted))
    return len(names), wrong
