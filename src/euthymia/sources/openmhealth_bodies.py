"""The bodies of Open mHealth and IEEE 1752.1 data points that have a stream here."""

from collections.abc import Callable
from typing import Final

from euthymia.ground.clock import SECOND_US
from euthymia.ground.codes import LOINC
from euthymia.sources.gather import Gather
from euthymia.sources.json_tree import Node, ShapeError, instant, node, nodes, number, text

SLEEP_TIME: Final = LOINC + "93832-4"  # sleep duration
ONE_NIGHT_H: Final = 36.0  # a longer interval holds more than one sleep
SHORT_US: Final = 3600 * SECOND_US
LONGEST_S: Final = 366 * 86400.0
SECONDS: Final = {
    "ms": 1e-3,
    "sec": 1.0,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
STAGES: Final = {"awake": 0, "light": 1, "deep": 2, "rem": 3, "asleep": 4, "restless": 6}
ACTIVITIES: Final = {"walking": 1, "running": 2, "cycling": 4, "biking": 4, "sedentary": 0}
_METRES: Final = {"m": 1.0, "km": 1000.0, "ft": 0.3048}
_STATISTIC: Final = (
    "a statistic over several values is no measurement: export the single values, without "
    "descriptive_statistic"
)


def schema_of(point: Node) -> str:
    """Return the name of a point's schema; "" where it has none."""
    header = node(point, "header") or {}
    return text(node(header, "schema_id") or {}, "name") or ""


def read_body(gather: Gather, body: Node, schema: str) -> None:
    """Take one body."""
    if "total_sleep_time" in body and _OF_EPISODES & set(body):
        schema = "sleep-episode"
    named = next((read for name, read in BODIES.items() if name in body), None)
    reader = SCHEMAS.get(schema, named)
    if reader is None:
        raise ShapeError(f"it is none of {', '.join(sorted(BODIES))}, {', '.join(sorted(SCHEMAS))}")
    reader(gather, body)


def quantity(body: Node, name: str, units: dict[str, float]) -> float:
    """Return a unit_value in our unit."""
    found = node(body, name) or {}
    value, unit = number(found, "value"), text(found, "unit")
    if value is None or unit not in units:
        raise ShapeError(f"{name} needs a value and a unit, one of {', '.join(units)}")
    return value * units[unit]


def interval(body: Node, name: str = "effective_time_frame") -> tuple[int, int]:
    """Return the start and end [us]; both are the same for a moment."""
    frame = node(body, name) or {}
    moment = text(frame, "date_time")
    if moment:
        return (at := instant(moment, "date_time")), at
    span = node(frame, "time_interval") or {}
    start, end = text(span, "start_date_time"), text(span, "end_date_time")
    length = None
    if "duration" in span:
        seconds = quantity(span, "duration", SECONDS)
        if not 0 <= seconds < LONGEST_S:
            raise ShapeError("its duration is not between 0 and a year")
        length = round(seconds * SECOND_US)
    if start and end:
        both = instant(start, "start_date_time"), instant(end, "end_date_time")
    elif start and length is not None:
        both = (at := instant(start, "start_date_time")), at + length
    elif end and length is not None:
        both = (at := instant(end, "end_date_time")) - length, at
    else:
        raise ShapeError("its time frame has no date_time and no interval with a start and an end")
    if both[1] < both[0]:
        raise ShapeError("its interval ends before it starts")
    return both


def _night(body: Node, name: str = "effective_time_frame") -> tuple[int, int]:
    start, end = interval(body, name)
    if (end - start) / SECOND_US / 3600 > ONE_NIGHT_H:
        raise ShapeError(f"its interval is longer than one night ({ONE_NIGHT_H:.0f} h)")
    return start, end


def _single(body: Node) -> None:
    if text(body, "descriptive_statistic"):
        raise ShapeError(_STATISTIC)


def _value(stream: str, name: str, units: dict[str, float]) -> Callable[[Gather, Node], None]:
    def read(gather: Gather, body: Node) -> None:
        _single(body)
        value = quantity(body, name, units)
        gather.sample(stream, interval(body)[1], value)

    return read


def _heart_rate(gather: Gather, body: Node) -> None:
    """Take a heart rate; it is an average over some beats anyway, so one over minutes counts."""
    rate = quantity(body, "heart_rate", {"beats/min": 1.0})
    start, end = interval(body)
    if text(body, "descriptive_statistic") not in {None, "average", "median"} or (
        end - start > SHORT_US
    ):
        raise ShapeError("a heart rate that is a statistic over more than an hour, or no average")
    gather.sample("heart_rate", end, rate)


def _steps(gather: Gather, body: Node) -> None:
    _single(body)
    found = body.get("step_count", body.get("base_movement_quantity"))
    plain = isinstance(found, int | float)
    count = number({"steps": found}, "steps") if plain else None
    if count is None:
        name = "step_count" if "step_count" in body else "base_movement_quantity"
        count = quantity(body, name, {"steps": 1.0})
    start, end = interval(body)
    length = (end - start) / SECOND_US
    if not 0 <= count <= 100_000 or length > 86_400:
        raise ShapeError("its steps are not from 0 to 100000, or it is longer than a day")
    gather.sample("steps", start, round(count), length)


def _position(gather: Gather, body: Node) -> None:
    latitude, longitude = (quantity(body, name, {"deg": 1.0}) for name in ("latitude", "longitude"))
    height = quantity(body, "elevation", _METRES) if "elevation" in body else None
    gather.sample("location", interval(body)[0], latitude, longitude, _accuracy(body), height, None)


def _accuracy(body: Node) -> float | None:
    """Return the horizontal accuracy [m]; version 1.0 has a list with one a dimension."""
    stated = body.get("accuracy")
    if not isinstance(stated, list):
        return None if stated is None else quantity(body, "accuracy", _METRES)
    level = (one for one in nodes(body, "accuracy") if text(one, "dimension") == "horizontal")
    return next((quantity({"accuracy": one}, "accuracy", _METRES) for one in level), None)


def _sleep_time(name: str) -> Callable[[Gather, Node], None]:
    def read(gather: Gather, body: Node) -> None:
        if text(body, "descriptive_statistic"):
            raise ShapeError(f"a statistic over many nights is not one night's {name}")
        hours = quantity(body, name, {unit: s / 3600 for unit, s in SECONDS.items()})
        gather.fact(SLEEP_TIME, _night(body)[1], hours, "h")

    return read


def _episode(gather: Gather, body: Node) -> None:
    """Take an episode, from onset to the last awakening, and the time asleep where it tells it."""
    start, end = _night(body)
    if "total_sleep_time" in body:
        _sleep_time("total_sleep_time")(gather, body)
    gather.sample("sleep_stages", start, 4, (end - start) / SECOND_US, None)


def _in_bed(gather: Gather, body: Node) -> None:
    start, end = _night(body)
    gather.sample("sleep_stages", start, 5, (end - start) / SECOND_US, None)


def _stage(gather: Gather, body: Node) -> None:
    word = (text(body, "sleep_stage_state") or "").lower()
    if word not in STAGES:
        raise ShapeError(f"sleep_stage_state is none of {', '.join(STAGES)}")
    framed = "sleep_stage_time_frame" in body
    start, end = _night(body, "sleep_stage_time_frame" if framed else "effective_time_frame")
    gather.sample("sleep_stages", start, STAGES[word], (end - start) / SECOND_US, None)


def _activity(gather: Gather, body: Node) -> None:
    if "base_movement_quantity" in body:
        _steps(gather, body)
        return
    word = (text(body, "activity_name") or "").lower()
    if word not in ACTIVITIES:
        gather.leave("a physical activity without steps whose name has no code here: not kept")
        return
    gather.sample("activity_class", interval(body)[0], ACTIVITIES[word])


BODIES: Final[dict[str, Callable[[Gather, Node], None]]] = {
    "heart_rate": _heart_rate,
    "step_count": _steps,
    "latitude": _position,
    "total_sleep_time": _sleep_time("total_sleep_time"),
    "sleep_duration": _sleep_time("sleep_duration"),
    "time_in_bed": _in_bed,
    "sleep_stage_state": _stage,
    "rr_interval": _value("beat_intervals", "rr_interval", {"ms": 1.0, "sec": 1e3, "s": 1e3}),
    "oxygen_saturation": _value("oxygen_saturation", "oxygen_saturation", {"%": 1.0}),
    "respiratory_rate": _value(
        "respiration_rate", "respiratory_rate", {"breaths/min": 1.0, "breath/min": 1.0}
    ),
    "activity_name": _activity,
}
_OF_EPISODES: Final = frozenset(
    {"latency_to_sleep_onset", "latency_to_arising", "is_main_sleep", "wake_after_sleep_onset"}
)
"""What tells an episode from a time asleep where no schema does."""
SCHEMAS: Final[dict[str, Callable[[Gather, Node], None]]] = {"sleep-episode": _episode}
