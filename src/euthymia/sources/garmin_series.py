"""Series in Garmin Connect's answers and account exports: what is measured within a night or a day.

Heart rate and breaths of a sleep, oxygen saturation by the minute, RMSSD of each five minutes,
stress scores, steps of each quarter of an hour, and naps. A negative value says that nothing was
measured then. Lists of Garmin's own scores are counted and named.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.sources.fit_messages import RMSSD, STRESS
from euthymia.sources.gather import Gather
from euthymia.sources.json_tree import Node, ShapeError, instant, nodes, number

LATEST_MS: Final = 253_402_300_799_000
DAY_S: Final = 86_400.0
_PAIRS: Final = {
    "heartRateValues": ("heart_rate", "rate"),
    "respirationValuesArray": ("respiration_rate", "rate"),
}
"""Lists of [time, value] -> a stream and its field."""
_POINTS: Final = {
    "sleepHeartRate": ("heart_rate", "rate", "startGMT", "value"),
    "wellnessEpochRespirationDataDTOList": (
        "respiration_rate",
        "rate",
        "startTimeGMT",
        "respirationValue",
    ),
    "wellnessEpochSPO2DataDTOList": (
        "oxygen_saturation",
        "value",
        "epochTimestamp",
        "spo2Reading",
    ),
}
"""Lists of objects -> a stream and its field, and where an object has its time and its value."""
_FACTS: Final = {
    "hrvData": (RMSSD, "ms", "startGMT", "value"),
    "hrvReadings": (RMSSD, "ms", "readingTimeGMT", "hrvValue"),
    "sleepStress": (STRESS, "{score}", "startGMT", "value"),
}
_STRESS: Final = "stressValuesArray"
_NAPS: Final = "napList"
_SCORES: Final = frozenset({"sleepMovement", "sleepBodyBattery", "sleepRestlessMoments"})
LISTS: Final = frozenset({*_PAIRS, *_POINTS, *_FACTS, *_SCORES, _STRESS, _NAPS})
"""Names of the lists that are read or named here."""
_SCORED: Final = "Garmin's scores of movement and energy within a night: not kept"


def gmt(entry: Node, name: str) -> int | None:
    """Return a time of Garmin: milliseconds, or text in UTC without saying so."""
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST_MS:
        return value * 1000
    if not isinstance(value, str):
        raise ShapeError(f"{name} is not a time")
    return instant(value.removesuffix("Z").replace(" ", "T", 1) + "Z", name)


def series(entry: Node, gather: Gather) -> list[ShapeError]:
    """Take every list of an object that is known; return what is wrong with those that are not."""
    wrong = []
    for names, take in _TAKERS:
        for name in names:
            try:
                if entry.get(name):
                    take(name, entry, gather)
            except ShapeError as problem:
                wrong.append(problem)
    return wrong


def _pairs(entry: Node, name: str, *, above: float) -> list[tuple[int, float]]:
    found, values = [], entry.get(name)
    for pair in values if isinstance(values, list) else []:
        if not isinstance(pair, list) or len(pair) < 2:
            raise ShapeError(f"{name} is not a list of times and values")
        at, value = gmt({"time": pair[0]}, "time"), number({"value": pair[1]}, "value")
        if at is not None and value is not None and value > above:
            found.append((at, value))
    return found


def _points(
    entry: Node, name: str, time: str, value: str, *, above: float
) -> list[tuple[int, float]]:
    found = []
    for point in nodes(entry, name):
        at, measured = gmt(point, time), number(point, value)
        if at is None:
            raise ShapeError(f"{name} has a value without its {time}")
        if measured is not None and measured > above:
            found.append((at, measured))
    return found


def _stretch(stream: str, field: str, found: list[tuple[int, float]], gather: Gather) -> None:
    if found:
        time_us, values = zip(*found, strict=True)
        gather.stretch(stream, np.array(time_us, np.int64), **{field: np.array(values, np.float64)})


def _take_pairs(name: str, entry: Node, gather: Gather) -> None:
    _stretch(*_PAIRS[name], _pairs(entry, name, above=0), gather)


def _take_points(name: str, entry: Node, gather: Gather) -> None:
    stream, field, time, value = _POINTS[name]
    _stretch(stream, field, _points(entry, name, time, value, above=0), gather)


def _take_facts(name: str, entry: Node, gather: Gather) -> None:
    code, unit, time, value = _FACTS[name]
    for at, measured in _points(entry, name, time, value, above=0 if code == RMSSD else -0.5):
        gather.fact(code, at, measured, unit)


def _take_stress(name: str, entry: Node, gather: Gather) -> None:
    for at, score in _pairs(entry, name, above=-0.5):
        gather.fact(STRESS, at, score, "{score}")


def _take_naps(name: str, entry: Node, gather: Gather) -> None:
    for nap in nodes(entry, name):
        start, end = gmt(nap, "napStartTimestampGMT"), gmt(nap, "napEndTimestampGMT")
        if start is None or end is None or not 0 < end - start <= 86_400 * SECOND_US:
            raise ShapeError("a nap has no start and end within a day")
        gather.sample("sleep_stages", start, 4, (end - start) / SECOND_US, None)


def _name_scores(name: str, entry: Node, gather: Gather) -> None:
    gather.leave(_SCORED, len(nodes(entry, name)))


_TAKERS: Final[tuple[tuple[frozenset[str], Callable[[str, Node, Gather], None]], ...]] = (
    (frozenset(_PAIRS), _take_pairs),
    (frozenset(_POINTS), _take_points),
    (frozenset(_FACTS), _take_facts),
    (frozenset({_STRESS}), _take_stress),
    (frozenset({_NAPS}), _take_naps),
    (_SCORES, _name_scores),
)


def steps_of(entry: Node, gather: Gather) -> None:
    """Take the steps of a quarter of an hour."""
    start, end, count = gmt(entry, "startGMT"), gmt(entry, "endGMT"), number(entry, "steps")
    if start is None or end is None or count is None:
        raise ShapeError("a quarter of an hour has no startGMT, endGMT or steps")
    length = (end - start) / SECOND_US
    if not 0 < length <= DAY_S or not 0 <= count <= 100_000:
        raise ShapeError("steps are below 0, or over no time or more than a day")
    gather.sample("steps", start, round(count), length)
