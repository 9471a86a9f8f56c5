"""Fitbit as studies keep it: the tables of Fitabase and of RAPIDS.

* **Fitabase**: `heartrate_*`, `minuteStepsNarrow*` (and `Wide`: an hour a row), `minuteSleep*` and
  `30secondSleepStages*.csv`, of one person (the file's folder or the beginning of its name) or of
  all (`*_merged.csv`, with their `Id`). Times are written 4/12/2016 7:21:00 AM, always with the
  month first. `minuteSleep` has 1 for asleep, 2 for restless and 3 for awake.
* **RAPIDS** `fitbitparsed_csv`: `device_id`, `local_date_time` and heartrate, steps, or the
  `duration` and `level` of a stage of sleep.

All times are the clock on the person's wall; see `wall_clock`. It follows the phone's, but a sleep
keeps to the offset in force at its beginning. Of a table of Time and
Value the file's name must say that it is of heart rates. Sums of hours and days repeat what
the minutes say, and calories, intensities and METs are the maker's guesses: they are counted, not
kept.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.fitbit_sleep import STAGES
from euthymia.sources.shapes import codes, samples
from euthymia.sources.table import Chunk, Layout, fits, header_of, read_table
from euthymia.sources.wall_clock import to_instants

NAME: Final = "fitbit_study"
SYSTEM: Final = device_id(NAME, "").system
_MINUTE_SLEEP: Final = {"1": STAGES["asleep"], "2": STAGES["restless"], "3": STAGES["awake"]}
_AMERICAN: Final = re.compile(r"\d\d?/\d\d?/\d{4} \d\d?:\d\d:\d\d [AP]M", re.ASCII)
_ANY: Final = re.compile(r"[\d/-]{8,10} [\d:]{7,8}( [AP]M)?", re.ASCII)  # as a dialect has them
_FORMS: Final = ("%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S")
_OF_KIND: Final = re.compile(
    r"(heart)?rate|heart|seconds|\d+(min|sec|seconds?)|minute\w*|30second\w*|merged|narrow|\d{8}",
    re.IGNORECASE,
)
"""Words of a file's name that tell what is in it, and when: not whose it is."""
_OF_HEART: Final = re.compile(r"heart_?rate", re.IGNORECASE)
_WRONG_TIME: Final = "the time is not M/D/YYYY h:mm:ss AM or YYYY-MM-DD hh:mm:ss"

_SUMS: Final = (
    "sums of hours and days (its minutes are what is kept), or the maker's calories, intensities, "
    "METs or weights: not kept"
)
_SUMMED: Final = (
    {"ActivityDate", "TotalSteps"},
    {"ActivityDay", "StepTotal"},
    {"ActivityDay", "Calories"},
    {"ActivityDay", "SedentaryMinutes"},
    {"ActivityHour", "StepTotal"},
    {"ActivityHour", "Calories"},
    {"ActivityHour", "TotalIntensity"},
    {"ActivityHour", "Calories00"},
    {"ActivityHour", "Intensity00"},
    {"ActivityMinute", "Calories"},
    {"ActivityMinute", "Intensity"},
    {"ActivityMinute", "METs"},
    {"SleepDay", "TotalMinutesAsleep"},
    {"Date", "WeightKg", "BMI"},
)
"""What the columns of Fitabase's other tables are told by."""
MINUTE_US: Final = 60 * SECOND_US

_Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Table:
    """One kind of file: its stream, its columns, and the fields of the stream."""

    stream: str
    time: str
    columns: tuple[Column, ...]
    make: Callable[[Chunk], _Fields]
    who: str | None = None  # a column that must be there; else it may be
    wide: bool = False  # a row is an hour, with a column for each of its minutes

    @property
    def layout(self) -> Layout:
        who = Column("who", (self.who or "Id",), Kind.TEXT, required=self.who is not None)
        return Layout((who, Column("time", (self.time,), Kind.TEXT), *self.columns))


def _rate(chunk: Chunk) -> _Fields:
    return {"rate": chunk.floats("value").astype(np.float32)}


def _steps(chunk: Chunk) -> _Fields:
    period = np.full(chunk.rows.size, 60.0, np.float32)
    return {"steps": chunk.floats("value").astype(np.int32), "period": period}


def _stages(words: dict[str, int], seconds: float | None) -> Callable[[Chunk], _Fields]:
    def make(chunk: Chunk) -> _Fields:
        length = (
            np.full(chunk.rows.size, seconds, np.float32)
            if seconds is not None
            else chunk.floats("duration").astype(np.float32)
        )
        return {
            "stage": codes(chunk.columns["stage"], words),
            "duration": length,
            "session": chunk.columns.get("session"),
        }

    return make


def _stage(name: str, words: dict[str, int]) -> Column:
    return Column("stage", (name,), Kind.CHOICE, choices=words)


def _session(name: str) -> Column:
    return Column("session", (name,), Kind.TEXT, nullable=True)


def _count(name: str) -> Column:
    return Column("value", (name,), Kind.WHOLE, low=0, high=100_000)


def _beats(name: str) -> Column:
    return Column("value", (name,), low=1, high=400)


_WIDE: Final = tuple(replace(_count(f"Steps{m:02d}"), name=f"value{m}") for m in range(60))
_LENGTH: Final = Column("duration", ("duration",), low=0, high=172_800)
_RAPIDS: Final = "device_id"
_HEART: Final = _Table("heart_rate", "Time", (_beats("Value"),), _rate)
_TABLES: Final = (
    _HEART,
    _Table("steps", "ActivityMinute", (_count("Steps"),), _steps),
    _Table("steps", "ActivityHour", _WIDE, _steps, wide=True),
    _Table(
        "sleep_stages",
        "date",
        (_stage("value", _MINUTE_SLEEP), _session("logId")),
        _stages(_MINUTE_SLEEP, 60.0),
    ),
    _Table(
        "sleep_stages",
        "Time",
        (_stage("SleepStage", STAGES), _session("LogId")),
        _stages(STAGES, 30.0),
    ),
    _Table("heart_rate", "local_date_time", (_beats("heartrate"),), _rate, _RAPIDS),
    _Table("steps", "local_date_time", (_count("steps"),), _steps, _RAPIDS),
    _Table(
        "sleep_stages",
        "local_date_time",
        (_stage("level", STAGES), _session("type_episode_id"), _LENGTH),
        _stages(STAGES, None),
        _RAPIDS,
    ),
)


def _table(head: bytes, moment: re.Pattern[str] = _AMERICAN) -> _Table | None:
    """Return what a file is: of one person, it is known by its American times alone."""
    for table in _TABLES:
        if not fits(table.layout, head):
            continue
        place = header_of(head).index(table.time)
        first = header_of(head, 1)[place : place + 1]
        if table.who is not None:
            return table if first and len(first[0]) > len("2020-10-07") else None  # a day's sum
        if first and (moment.fullmatch(first[0]) or "Id" in header_of(head)):
            return table
    return None


def _summed(head: bytes) -> bool:
    names = set(header_of(head))
    return any(columns <= names for columns in _SUMMED)


def _recognise(path: PurePath, head: bytes) -> float:
    table = _table(head)
    if table is None and _summed(head):
        return 0.85
    if table is None or (table is _HEART and not _OF_HEART.search(path.stem)):
        return 0.0  # Time and Value may be of anything: sugar, weight
    return 0.9


def _person(opened: Opened) -> str:
    """Return whose a file without a column of people is: what its name says, else its folder.

    Of P9_30secondSleepStages_20160401_20160430 that is P9.
    """
    if opened.context.subject:
        return opened.context.subject
    named = [word for word in opened.path.stem.split("_") if not _OF_KIND.fullmatch(word)]
    return "_".join(named) or person_of(opened)


def _moments(words: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return times of the wall clock [us], and which of them are times."""
    found = [pc.strptime(words, format=f, unit="us", error_is_null=True) for f in _FORMS]
    wall = pc.coalesce(*found)
    return wall.fill_null(0).cast(pa.int64()).to_numpy(), wall.is_valid().to_numpy(False)


def _read(opened: Opened) -> Iterator[Item]:
    """Yield each person's rows once the file goes on without them: their clock is judged whole."""
    table = _table(opened.blob.head(), _ANY)
    if table is None and _summed(opened.blob.head()):
        yield from _counted(opened)
        return
    if table is None:
        raise SourceError("its columns are not those it was known by; export it again")
    waiting: dict[str, list[_Part]] = {}
    for found in read_table(opened, table.layout):
        if isinstance(found, Reject):
            yield found
            continue
        wall, good = _moments(found.columns.pop("time"))
        for row in found.rows[~good].tolist():
            yield Reject(row, _WRONG_TIME)
        kept, wall = found.of(good), wall[good]
        if table.wide:
            kept, wall = _minutes(kept, wall)
        here = dict(_of_people(kept, wall, opened)) if good.any() else {}
        for who in [name for name in waiting if name not in here]:
            yield from _settled(who, waiting.pop(who), table, opened)
        for who, part in here.items():
            waiting.setdefault(who, []).append(part)
    for who, parts in waiting.items():
        yield from _settled(who, parts, table, opened)


def _counted(opened: Opened) -> Iterator[Item]:
    """Say of every row of a table of sums that it is not kept."""
    nothing = Layout((Column("any", header_of(opened.blob.head()), Kind.TEXT, nullable=True),))
    for found in read_table(opened, nothing):
        if isinstance(found, Reject):
            yield found
        elif found.rows.size:
            yield Reject(int(found.rows[0]), _SUMS, found.rows.size)


def _minutes(chunk: Chunk, wall: NDArray[np.int64]) -> tuple[Chunk, NDArray[np.int64]]:
    """Return hours of sixty columns as minutes, which share the row of their hour."""
    values = np.stack([chunk.floats(column.name) for column in _WIDE], axis=1)
    columns = {"value": pa.array(values.reshape(-1))}
    if "who" in chunk.columns:
        columns["who"] = chunk.columns["who"].take(pa.array(np.repeat(np.arange(wall.size), 60)))
    each = (wall[:, None] + np.arange(60) * MINUTE_US).reshape(-1)
    return Chunk(np.repeat(chunk.rows, 60), columns), each


_Part = tuple[Chunk, NDArray[np.int64]]
"""Some rows of one person, and what the clock on the wall showed at each [us]."""


def _of_people(
    chunk: Chunk, wall: NDArray[np.int64], opened: Opened
) -> Iterator[tuple[str, _Part]]:
    """Yield the rows of each person: their wall has its own zone."""
    named = chunk.columns.pop("who", None)
    if opened.context.subject or named is None:
        yield _person(opened), (chunk, wall)
        return
    for who in pc.unique(named).to_pylist():
        mine = pc.equal(named, who).to_numpy(zero_copy_only=False)
        yield who, (chunk.of(mine), wall[mine])


def _settled(who: str, parts: list[_Part], table: _Table, opened: Opened) -> Iterator[Item]:
    """Yield one person's samples."""
    zone = opened.context.zone_for(device_id(NAME, who))
    wall = np.concatenate([own for _, own in parts])
    time_us = to_instants(wall, zone, follows=True)
    if all("session" in chunk.columns for chunk, _ in parts):
        for sleep in _sleeps([chunk.columns["session"] for chunk, _ in parts]):
            time_us[sleep] = to_instants(wall[sleep], zone)
    start = 0
    for chunk, own in parts:
        at = time_us[start : start + own.size]
        yield samples(SYSTEM, table.stream, who, chunk.rows, at, **table.make(chunk))
        start += own.size


def _sleeps(sessions: list[pa.Array]) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each sleep, in order; those of none are left out."""
    coded = pa.concat_arrays(sessions).dictionary_encode().indices.fill_null(-1)
    label = coded.to_numpy(zero_copy_only=False)
    order = np.argsort(label, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if label[rows[0]] >= 0:
            yield rows


def _example(folder: Path) -> None:
    texts = {
        "heartrate_seconds_merged.csv": "Id,Time,Value\n2022484408,4/12/2016 7:21:00 AM,97\n",
        "minuteStepsNarrow_merged.csv": (
            "Id,ActivityMinute,Steps\n1503960366,4/12/2016 12:00:00 AM,4\n"
        ),
        "fitbit_sleep_intraday.csv": (
            "device_id,type_episode_id,local_date_time,duration,level,is_main_sleep,type\n"
            "a748ee1a,1,2020-10-10 01:46:30,420,light,1,stages\n"
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


SOURCE = Source(
    name=NAME,
    title="Fitbit of a study (Fitabase, RAPIDS)",
    formats=(
        "Fitabase's heartrate_*, minuteSteps*, minuteSleep*, 30secondSleepStages*.csv",
        "RAPIDS' *.csv with device_id, local_date_time and heartrate, steps or level",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    headers=tuple(
        tuple(c.aliases[0] for c in table.layout.columns if c.required and c.name != "who")
        for table in _TABLES
    ),
    month_first=True,
)
