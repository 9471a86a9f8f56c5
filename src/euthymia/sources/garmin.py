"""Garmin: the JSON of an account export (nights, days), of Garmin Connect, and FIT files.

* `*_sleepData.json` gives a night's start, end and the sums of its stages, not when they were. It
  is kept as one stretch asleep (the minutes awake within it are not subtracted) and the sums as
  observations. Garmin Connect's own answers also say when (`sleepLevels`): these become stages; for
  what else is measured in a night or a day see `garmin_series`.
* `UDSFile_*.json`: the steps of a day and its resting heart rate.
* FIT: heart rate, steps, breaths, oxygen saturation, sleep stages, positions, beat intervals (each
  from the sensor, in ms) and stress scores.

Times are UTC. Everything else is counted, not kept.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.ground.codes import LOINC
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.fit_messages import read_fit, write_example
from euthymia.sources.garmin_series import LISTS, gmt, series, steps_of
from euthymia.sources.gather import Gather, reading
from euthymia.sources.json_stream import begins_json, elements
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, number, whole_node

NAME: Final = "garmin"
SYSTEM: Final = device_id(NAME, "").system
RESTING: Final = LOINC + "40443-4"  # resting heart rate
_SUMS: Final = {
    "deepSleepSeconds": LOINC + "93831-6",
    "lightSleepSeconds": LOINC + "93830-8",
    "remSleepSeconds": LOINC + "93829-0",
}
_LEAST: Final = {"deepSleepSeconds", "lightSleepSeconds"}
"""Without both the sum is no duration of sleep; a watch may tell nothing of REM."""
SLEEP_TIME: Final = LOINC + "93832-4"  # sleep duration
_LEVELS: Final = {0: 2, 1: 1, 2: 3, 3: 0}
"""Garmin Connect's activity levels of a night: 0 deep, 1 light, 2 REM, 3 awake."""
_MARKS: Final = (
    b'"sleepStartTimestampGMT"',
    b'"wellnessStartTimeGmt"',
    b'"heartRateValues"',
    b'"hrvReadings"',
    b'"respirationValuesArray"',
    b'"stressValuesArray"',
    b'"primaryActivityLevel"',
)
_NIGHT: Final = "a night without a start and an end: nothing to keep"
_OTHER: Final = "a record of Garmin that has no stream here: not kept"


def _is_fit(head: bytes) -> bool:
    return len(head) > 12 and head[0] in {12, 14} and head[8:12] == b".FIT"


def _recognise(path: PurePath, head: bytes) -> float:
    if _is_fit(head):
        return 0.95
    named = "sleepdata" in path.stem.lower() or path.stem.startswith("UDSFile")
    known = any(mark in head for mark in _MARKS) or (named and b'"calendarDate"' in head)
    return 0.9 if begins_json(head) and known else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, person_of(opened))
    if _is_fit(opened.blob.head()):
        zone = opened.context.zone_for(gather.subject)
        yield from reading(gather, lambda: read_fit(opened.blob, gather, zone))
        return

    def steps() -> Iterator[None]:
        whole: Node = {}
        for element in elements(opened.blob):
            if element.key is not None:
                _member(whole, element.key, element.value)  # one object: its parts belong together
                continue
            _take(element.value, gather, element.place)
            yield
        if whole:
            _take(whole, gather, "the document")

    yield from reading(gather, steps)


def _member(whole: Node, key: str, value: object) -> None:
    if key == "sleepLevels" or key in LISTS:
        whole.setdefault(key, []).append(value)
    elif key in {"dailySleepDTO", "calendarDate"}:
        whole[key] = value


def _take(entry: object, gather: Gather, place: str) -> None:
    try:
        _entry(whole_node(entry), gather, place)
    except ShapeError as problem:
        gather.refuse(str(problem), place)


def _entry(entry: Node, gather: Gather, place: str) -> None:
    before = gather.rows
    daily = node(entry, "dailySleepDTO")
    if daily is not None:
        _night(daily, gather, nodes(entry, "sleepLevels"))
    elif "sleepStartTimestampGMT" in entry:
        _night(entry, gather, [])
    wrong = series(entry, gather)
    if "primaryActivityLevel" in entry:
        steps_of(entry, gather)
    if "wellnessStartTimeGmt" in entry:
        _day(entry, gather)
    for problem in wrong:
        gather.refuse(str(problem), place)
    if gather.rows == before and not wrong:
        gather.leave(_NIGHT if daily is not None or "calendarDate" in entry else _OTHER)


def _night(entry: Node, gather: Gather, levels: list[Node]) -> None:
    start, end = gmt(entry, "sleepStartTimestampGMT"), gmt(entry, "sleepEndTimestampGMT")
    if start is None or end is None:
        return
    if not 0 < end - start <= 172_800 * SECOND_US:
        raise ShapeError("a night ends before it starts or two days later")
    found = [_level(level) for level in levels]
    stages = sorted(part for part in found if part is not None) or [(start, end, 4)]
    columns = [np.array(part, np.int64) for part in zip(*stages, strict=True)]
    sums = {name: number(entry, name) for name in _SUMS}
    gather.stretch(
        "sleep_stages",
        columns[0],
        stage=columns[2].astype(np.int8),
        duration=((columns[1] - columns[0]) / SECOND_US).astype(np.float32),
    )
    known = {name: seconds for name, seconds in sums.items() if seconds is not None}
    for name, seconds in known.items():
        gather.fact(_SUMS[name], end, seconds / 3600, "h")
    if known.keys() >= _LEAST:
        gather.fact(SLEEP_TIME, end, sum(known.values()) / 3600, "h")


def _level(level: Node) -> tuple[int, int, int] | None:
    start, end = gmt(level, "startGMT"), gmt(level, "endGMT")
    which = number(level, "activityLevel")
    if start is None or end is None or which is None or not 0 <= end - start <= 86_400 * SECOND_US:
        raise ShapeError("a level of a night has no start, end or activityLevel")
    stage = _LEVELS.get(int(which))
    return None if stage is None else (start, end, stage)


def _day(entry: Node, gather: Gather) -> None:
    start, end = gmt(entry, "wellnessStartTimeGmt"), gmt(entry, "wellnessEndTimeGmt")
    steps = number(entry, "totalSteps")
    rate = number(entry, "restingHeartRate")
    if start is None:
        return
    if steps is not None:
        length = (end - start) / SECOND_US if end is not None else 86_400.0
        if not 0 <= steps <= 200_000 or not 0 < length <= 90_000:
            raise ShapeError("the steps or the length of a day are not what they can be")
        if steps > 100_000:
            raise ShapeError("more than 100000 steps in a day")
        gather.sample("steps", start, round(steps), min(length, 86_400.0))
    if rate:
        gather.fact(RESTING, start, rate, "/min")


def _example(folder: Path) -> None:
    home = folder / "anna" / "DI_CONNECT"
    (home / "DI-Connect-Wellness").mkdir(parents=True)
    (home / "DI-Connect-Wellness" / "2024-05-01_2024-08-09_7_sleepData.json").write_text(
        '[{"sleepStartTimestampGMT": "2024-04-30T21:10:00.0", "sleepEndTimestampGMT":'
        ' "2024-05-01T05:02:00.0", "calendarDate": "2024-05-01", "deepSleepSeconds": 4200,\n'
        ' "lightSleepSeconds": 16800, "remSleepSeconds": 5400, "awakeSleepSeconds": 1920}]\n',
        encoding="utf-8",
    )
    (home / "UDSFile_2024-05-01_2024-08-09.json").write_text(
        '[{"calendarDate": "2024-05-01", "totalSteps": 8123, "restingHeartRate": 55,\n'
        ' "wellnessStartTimeGmt": "2024-04-30T22:00:00.0",'
        ' "wellnessEndTimeGmt": "2024-05-01T22:00:00.0"}]\n',
        encoding="utf-8",
    )
    write_example(home / "anna_1714543560.fit")


SOURCE = Source(
    name=NAME,
    title="Garmin",
    formats=(
        "<id>/DI_CONNECT/**/{*_sleepData,UDSFile_*}.json",
        "<id>/**/*.json of Garmin Connect: nights, heart rate, breaths, SpO2, stress, steps",
        "<id>/**/*.fit",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
