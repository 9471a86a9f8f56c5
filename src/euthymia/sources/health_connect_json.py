"""Health Connect's records as JSON: the words of its programming interface, by several exporters.

Android itself exports no JSON. Apps that do write lists of records under a name (`steps`,
`heart_rate`, `HeartRateRecord`, `sleep`) with the fields of Health Connect's records, in camel or
snake case, and times as ISO 8601 with an offset or as milliseconds. Where they name the app that
wrote a record (`dataOrigin`, `package_name`), steps and sleep that several apps report for the same
time are counted once, by the app with the most records.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.sources.blob import Blob
from euthymia.sources.cells import epoch_micros
from euthymia.sources.gather import Gather
from euthymia.sources.health_connect_tables import (
    RESTING,
    RMSSD,
    UNKNOWN_STAGE,
    Spans,
    hand_over_steps,
    leave_twice,
)
from euthymia.sources.json_stream import Element, begins_json, elements
from euthymia.sources.json_tree import Node, ShapeError, instant, number, whole_node

_LIST: Final = re.compile(
    rb'"(steps|heart_?rate|sleep|oxygen_?saturation|respiratory_?rate|resting_?heart_?rate|'
    rb'heart_?rate_?variability\w*)(_?(record|session)s?)?s?"\s*:\s*\[\s*[\]{]',
    re.IGNORECASE,
)
_STAGES: Final = {
    "awake": 0,
    "awakeinbed": 0,
    "outofbed": 0,
    "sleeping": 4,
    "asleep": 4,
    "light": 1,
    "deep": 2,
    "rem": 3,
}
_BY_NUMBER: Final = {1: 0, 2: 4, 3: 0, 4: 1, 5: 2, 6: 3, 7: 0}
LATEST_MS: Final = 253_402_300_799_000


def is_records(head: bytes) -> bool:
    """Tell whether a file is an object of lists of records of Health Connect."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    timed = re.search(rb'"(start_?time|end_?time|time)"', head, re.IGNORECASE) is not None
    return begins_json(head) and start[:1] == b"{" and timed and _LIST.search(head) is not None


def _plain(name: str) -> str:
    """Return `HeartRateRecord`, `heart_rate` and `heartRates` as one word."""
    word = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"(records?|sessions?|series)$", "", word).removesuffix("s") or word


Stages = list[tuple[int, int, int]]


@dataclass(slots=True)
class _Shared:
    """What several apps may report for the same time; kept until all of it is known."""

    steps: Spans = field(default_factory=Spans)
    nights: Spans = field(default_factory=Spans)
    stages: list[Stages] = field(default_factory=list)
    apps: dict[str, int] = field(default_factory=dict)

    def app(self, entry: Node) -> int:
        """Return the number of the app that wrote a record; of all that name none, one."""
        return self.apps.setdefault(_origin(entry), len(self.apps))

    def hand_over(self, gather: Gather) -> None:
        """Hand over steps and nights, each time once."""
        hand_over_steps(self.steps, [], gather)
        *_, places, keep = self.nights.once([])
        for place in places[keep].tolist():
            columns = [np.array(part, np.int64) for part in zip(*self.stages[place], strict=True)]
            gather.stretch(
                "sleep_stages",
                columns[0],
                stage=columns[2].astype(np.int8),
                duration=((columns[1] - columns[0]) / SECOND_US).astype(np.float32),
            )
        leave_twice(gather, keep)


def _origin(entry: Node) -> str:
    """Return the package that wrote a record, as exporters name it; "" where they do not."""
    about = entry.get("metadata")
    parts = [{_key(n): v for n, v in about.items()}] if isinstance(about, dict) else []
    for part in (entry, *parts):
        for name in ("dataorigin", "packagename", "app", "source"):
            found = part.get(name)
            if isinstance(found, dict):
                found = next((v for v in found.values() if isinstance(v, str)), None)
            if isinstance(found, str) and found:
                return found
    return ""


def read_records(blob: Blob, gather: Gather) -> Iterator[None]:
    """Read every record that has a stream."""
    shared = _Shared()
    for element in elements(blob):
        if not isinstance(element.value, dict | list) and element.key is not None:
            continue  # the exporter's name, version, date
        try:
            _record(element, gather, shared)
        except ShapeError as problem:
            gather.refuse(str(problem), element.place)
        yield
    shared.hand_over(gather)
    yield


def _record(element: Element, gather: Gather, shared: _Shared) -> None:
    entry = {_key(name): value for name, value in whole_node(element.value).items()}
    match _plain(element.key or ""):
        case "step":
            _steps(entry, shared)
        case "heartrate":
            _heart_rate(entry, gather)
        case "sleep":
            _sleep(entry, gather, shared)
        case "oxygensaturation":
            share = _value(entry, "percentage", "value")  # 0.97 of a fraction is 97 %
            gather.sample("oxygen_saturation", _at(entry), share * 100 if share <= 1 else share)
        case "respiratoryrate":
            gather.sample("respiration_rate", _at(entry), _value(entry, "rate", "value"))
        case "restingheartrate":
            rate = _value(entry, "beatsperminute", "bpm", "value")
            gather.fact(RESTING, _at(entry), rate, "/min")
        case "heartratevariabilityrmssd" | "heartratevariability":
            names = ("heartratevariabilitymillis", "rmssdmillis", "rmssd", "value")
            gather.fact(RMSSD, _at(entry), _value(entry, *names), "ms")
        case _:
            gather.leave("a list of records that has no stream here: not kept")


def _key(name: str) -> str:
    return name.lower().replace("_", "")


def _moment(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST_MS:
        return epoch_micros(value)  # seconds or milliseconds
    return instant(value if isinstance(value, str) else "", name)


def _at(entry: Node) -> int:
    name = next((n for n in ("time", "timestamp", "endtime", "starttime") if n in entry), "time")
    return _moment(entry.get(name), name)


def _span(entry: Node) -> tuple[int, int]:
    start, end = _moment(entry.get("starttime"), "start"), _moment(entry.get("endtime"), "end")
    if not 0 <= end - start <= 172_800 * SECOND_US:
        raise ShapeError("it ends before it starts or two days later")
    return start, end


def _value(entry: Node, *names: str) -> float:
    """Return the first number under one of the names; `{"value": 97, "unit": ...}` counts."""
    for name in names:
        found: Any = entry.get(name)
        if isinstance(found, dict):
            found = next((v for v in found.values() if isinstance(v, int | float)), None)
        value = number({name: found}, name)
        if value is not None:
            return value
    raise ShapeError(f"it has no {names[0]}")


def _steps(entry: Node, shared: _Shared) -> None:
    start, end = _span(entry)
    count = _value(entry, "count", "steps", "value")
    if not 0 <= count <= 100_000:
        raise ShapeError("its steps are not from 0 to 100000")
    shared.steps.add(start // 1000, end // 1000, round(count), shared.app(entry))


def _heart_rate(entry: Node, gather: Gather) -> None:
    series = entry.get("samples")
    if not isinstance(series, list):
        gather.sample("heart_rate", _at(entry), _value(entry, "beatsperminute", "bpm", "value"))
        return
    parts = [{_key(n): v for n, v in whole_node(part).items()} for part in series]
    times = [_at(part) for part in parts]
    rates = [_value(part, "beatsperminute", "bpm", "value") for part in parts]
    if not times:
        raise ShapeError("it has no samples")
    gather.stretch("heart_rate", np.array(times, np.int64), rate=np.array(rates, np.float64))


def _sleep(entry: Node, gather: Gather, shared: _Shared) -> None:
    start, end = _span(entry)
    stages = entry.get("stages")
    found: Stages = []
    for part in stages if isinstance(stages, list) else []:
        stage = {_key(n): v for n, v in whole_node(part).items()}
        word = stage.get("stage", stage.get("type", stage.get("stagetype")))
        which = _stage(word)
        if which is None:
            gather.leave(UNKNOWN_STAGE)
        else:
            found.append((*_span(stage), which))
    shared.nights.add(start // 1000, end // 1000, len(shared.stages), shared.app(entry))
    shared.stages.append(found or [(start, end, 4)])


def _stage(word: object) -> int | None:
    if isinstance(word, int) and not isinstance(word, bool):
        return _BY_NUMBER.get(word)
    if isinstance(word, str) and re.fullmatch("[0-7]", word):
        return _BY_NUMBER.get(int(word))
    plain = re.sub(r"[^a-z]", "", word.lower()) if isinstance(word, str) else ""
    return _STAGES.get(plain.removeprefix("stagetype").removeprefix("stage"))
