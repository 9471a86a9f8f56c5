"""The records of Apple Health's `export.xml`; see `apple_health` for the rules."""

import re
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.codes import LOINC, OWN
from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob
from euthymia.sources.cells import BadCellError, number
from euthymia.sources.gather import Gather
from euthymia.sources.overlap import counted_once
from euthymia.sources.xml_stream import Attributes, Elements

SDNN: Final = LOINC + "80404-7"  # R-R interval standard deviation
RESTING: Final = LOINC + "40443-4"  # resting heart rate
MINDFUL: Final = OWN + "apple_health.mindful"
TICK_S: Final = 0.01  # the resolution of the beats' times
LONGEST_S: Final = 172_800
LATEST_S: Final = 2**32  # the year 2106
MOST_DEVICES: Final = 1000  # of which steps or sleep are told apart
PIECE: Final = 100_000

_QUANTITY: Final = "HKQuantityTypeIdentifier"
_SLEEP: Final = "HKCategoryTypeIdentifierSleepAnalysis"
_STAGES: Final = {
    "InBed": 5,
    "Asleep": 4,
    "AsleepUnspecified": 4,
    "AsleepCore": 1,
    "AsleepDeep": 2,
    "AsleepREM": 3,
    "Awake": 0,
    "0": 5,
    "1": 4,
    "2": 0,
    "3": 1,
    "4": 2,
    "5": 3,
}
_IN_BED: Final = 5

_Unit = Callable[[float], float]
_PER_MINUTE: Final[dict[str, _Unit]] = {
    "count/min": lambda value: value,
    "bpm": lambda value: value,
    "count/s": lambda value: value * 60,
    "Hz": lambda value: value * 60,
}
_PERCENT: Final[dict[str, _Unit]] = {"%": lambda value: value * 100 if value <= 1 else value}
"""Apple writes 0.97 and calls it %; some apps write 97. No living person's saturation is 1 %."""
_CELSIUS: Final[dict[str, _Unit]] = {
    "degC": lambda value: value,
    "degF": lambda value: (value - 32) / 1.8,
    "K": lambda value: value - 273.15,
}
_SOUND: Final[dict[str, _Unit]] = {
    name: lambda value: value for name in ("dBASPL", "dB", "dB(SPL)")
}

_STREAMS: Final[dict[str, tuple[str, dict[str, _Unit]]]] = {
    _QUANTITY + "HeartRate": ("heart_rate", _PER_MINUTE),
    _QUANTITY + "RespiratoryRate": ("respiration_rate", _PER_MINUTE),
    _QUANTITY + "OxygenSaturation": ("oxygen_saturation", _PERCENT),
    _QUANTITY + "AppleSleepingWristTemperature": ("skin_temperature", _CELSIUS),
    _QUANTITY + "EnvironmentalAudioExposure": ("audio_level", _SOUND),
}
_COUNTED_BY_ANOTHER: Final = (
    "the same time is counted by a watch or another device that is preferred; steps and sleep are "
    "counted once"
)
_BAD_TIME: Final = "startDate or endDate is not a date and time with its offset"
_BAD_VALUE: Final = "value is not a number"
_CLOCK: Final = re.compile(r"(\d{1,2})[:.](\d\d)[:.](\d\d)[.,](\d\d)(?!\d)")


_HALVES: Final = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d):(\d\d)[ \xa0\u202f]?([AaPp])\.?[Mm]\.? ([+-]\d{4})",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def _hour(date: str, hour: str, zone: str) -> int:
    text = f"{date}T{hour}:00:00{zone[:3]}:{zone[3:]}"
    try:
        return to_micros(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError) as problem:
        raise BadCellError from problem


def moment_us(text: str) -> int:
    """Return `2024-05-01 08:00:00 +0200` in microseconds UTC; BadCellError if it is not that.

    A phone set to twelve hours may write `2024-05-01 8:00:00 PM +0200`.
    """
    if len(text) != 25 and (half := _HALVES.fullmatch(text)):
        day, hour, minute_text, second_text, mark, zone = half.groups()
        if not 1 <= int(hour) <= 12:
            raise BadCellError
        whole = int(hour) % 12 + (12 if mark in "Pp" else 0)
        text = f"{day} {whole:02d}:{minute_text}:{second_text} {zone}"
    if len(text) != 25 or text[19] != " " or text[20] not in "+-" or text[13] != ":":
        raise BadCellError
    if text[16] != ":" or not (text[14:16] + text[17:19] + text[21:]).isdecimal():
        raise BadCellError
    minute, second = int(text[14:16]), int(text[17:19])
    if minute > 59 or second > 60:
        raise BadCellError
    return _hour(text[:10], text[11:13], text[20:]) + (minute * 60 + second) * SECOND_US


def _rank(attributes: Attributes) -> int:
    """Return how a device is preferred: a watch, then any other, then a phone."""
    device = attributes.get("device", "")
    if "Watch" in device:
        return 0
    if "iPhone" in device or "iPad" in device:
        return 2
    source = attributes.get("sourceName", "")
    return 0 if "Watch" in source else 2 if "iPhone" in source else 1


_Reader = Callable[[str, int, int, Attributes], None]


class _Shared:
    """Records of which two devices may report the same time; kept until all are known.

    A record takes 14 bytes: an export of 4 GB has some millions of them.
    """

    def __init__(self) -> None:
        self._start, self._length = array("I"), array("I")  # [s]
        self._value, self._device = array("i"), array("h")
        self._known: dict[tuple[int, str], int] = {}

    def add(self, start_us: int, end_us: int, value: int, attributes: Attributes) -> None:
        """Take one record; its times are whole seconds."""
        device = (_rank(attributes), attributes.get("sourceName", ""))
        number = self._known.setdefault(device, len(self._known))
        self._start.append(start_us // SECOND_US)
        self._length.append((end_us - start_us) // SECOND_US)
        self._value.append(value)
        self._device.append(min(number, MOST_DEVICES))

    def once(self, free: int | None = None) -> Iterator[tuple[NDArray[np.int64], ...]]:
        """Yield start [us], length [us] and value of what is kept, and which are not, in pieces.

        Records with the value `free` do not compete. A record lasts two days at most, so whether
        it is kept hangs on those that start within two days for each device that is preferred.
        """
        start = np.frombuffer(self._start, np.uintc)
        order = np.argsort(start, kind="stable").astype(np.uint32)
        start = start[order]
        reach = LONGEST_S * max(len(self._known), 1)
        for at in range(0, start.size, PIECE):
            end = min(at + PIECE, start.size)
            low = int(np.searchsorted(start, max(int(start[at]) - reach, 0)))
            high = int(np.searchsorted(start, int(start[end - 1]) + reach, side="right"))
            keep = self._kept(order[low:high], free)[at - low : end - low]
            mine = order[at:end]
            time_us = start[at:end].astype(np.int64) * SECOND_US
            length = np.frombuffer(self._length, np.uintc)[mine].astype(np.int64) * SECOND_US
            value = np.frombuffer(self._value, np.intc)[mine].astype(np.int64)
            yield time_us[keep], length[keep], value[keep], np.flatnonzero(~keep)

    def _kept(self, which: NDArray[np.uint32], free: int | None) -> NDArray[np.bool_]:
        start = np.frombuffer(self._start, np.uintc)[which].astype(np.int64) * SECOND_US
        length = np.frombuffer(self._length, np.uintc)[which].astype(np.int64) * SECOND_US
        value = np.frombuffer(self._value, np.intc)[which]
        device = np.frombuffer(self._device, np.short)[which]
        keep = np.ones(which.size, np.bool_)
        rival = np.flatnonzero(value != free) if free is not None else np.arange(which.size)
        begin, place = start[rival], self._places()[device[rival]]
        keep[rival] = counted_once(begin, begin + length[rival], place)
        return keep

    def _places(self) -> NDArray[np.int64]:
        """Return the place of each device in the order of preference: then by how much it has."""
        known = list(self._known.items())[: MOST_DEVICES + 1]
        amount = np.bincount(np.frombuffer(self._device, np.short), minlength=len(known))
        order = sorted(known, key=lambda item: (item[0][0], -int(amount[item[1]])))
        place = np.zeros(len(known), np.int64)
        place[[number for _, number in order]] = np.arange(len(known))
        return place


_TWICE: Final = re.compile(
    rb'(<WorkoutStatistics\b[^<>]*?\sstartDate="[^"<>]*"[^<>]*?\s)startDate(?==")'
)
"""iOS 16.0 wrote the end of a workout's sums as a second `startDate`: no XML has an attribute twice
(developer.apple.com/forums/thread/714063)."""


class Records(Elements):
    """Reads `export.xml` into a `Gather`."""

    slip = (_TWICE, rb"\1endDate")

    def __init__(self, gather: Gather) -> None:
        super().__init__()
        self._to = gather
        self._steps, self._sleep = _Shared(), _Shared()
        self._beats: list[tuple[str, str]] | None = None
        self._span: tuple[int, int] | None = None
        self._readers: dict[str, _Reader] = {
            **dict.fromkeys(_STREAMS, self._quantity),
            _QUANTITY + "StepCount": self._step_count,
            _SLEEP: self._sleep_stage,
            _QUANTITY + "HeartRateVariabilitySDNN": self._sdnn,
            _QUANTITY + "RestingHeartRate": self._resting,
            "HKCategoryTypeIdentifierMindfulSession": self._mindful,
        }

    def read(self, blob: Blob) -> Iterator[None]:
        """Read the file; steps and sleep come at its end (also where it is cut)."""
        problem: SourceError | None = None
        try:
            yield from self.feed(blob)
        except SourceError as found:
            problem = found
        yield from self._hand_over()
        if problem is not None:
            raise problem

    def begin(self, depth: int, name: str, attributes: Attributes) -> None:
        """Take a record at its beginning; only a list of beats waits for its end."""
        if depth == 2:
            self._span = None
            if name == "Record":
                self._record(attributes)
            elif name not in {"ExportDate", "Me"}:
                self._to.leave(f"{name} is a summary or a document, not a measurement: not kept")
        elif name == "HeartRateVariabilityMetadataList" and depth == 3:
            self._beats = []
        elif name == "Location":
            self._place(attributes)
        elif name == "InstantaneousBeatsPerMinute" and self._beats is not None:
            self._beats.append((attributes.get("time", ""), attributes.get("bpm", "")))

    def end(self, depth: int, name: str) -> None:
        """Take a list of beats at its end."""
        if name == "HeartRateVariabilityMetadataList" and self._beats is not None and depth == 3:
            self._take_beats(self._beats)
            self._beats = None

    def _refuse(self, rule: str) -> None:
        self._to.refuse(rule, f"line {self.line}")

    def _record(self, attributes: Attributes) -> None:
        kind = attributes.get("type", "")
        reader = self._readers.get(kind)
        if reader is None:
            self._to.leave(_not_kept(kind))
            return
        first, last = attributes.get("startDate", ""), attributes.get("endDate", "")
        try:
            start = moment_us(first)
            end = start if first == last else moment_us(last)
        except BadCellError:
            self._refuse(_BAD_TIME)
            return
        if not 0 <= start < LATEST_S * SECOND_US:
            self._refuse("a date is before 1970 or after 2106")
            return
        if not 0 <= end - start <= LONGEST_S * SECOND_US:
            self._refuse("endDate is before startDate or more than two days after it")
            return
        reader(kind, start, end, attributes)

    def _place(self, attributes: Attributes) -> None:
        """Take a point of a workout's route: iOS before 13 wrote routes into the file itself."""
        try:
            time_us = moment_us(attributes.get("date", ""))
            latitude, longitude = (number(attributes.get(n, "")) for n in ("latitude", "longitude"))
            altitude, accuracy, speed = (
                number(attributes[name]) if name in attributes else None
                for name in ("altitude", "horizontalAccuracy", "speed")
            )
        except BadCellError:
            self._refuse("a Location's date or one of its numbers is not what it must be")
            return
        near = accuracy if accuracy is not None and accuracy >= 0 else None  # below 0: not known
        self._to.sample("location", time_us, latitude, longitude, near, altitude, speed)

    def _number(self, attributes: Attributes) -> float | None:
        try:
            value = float(attributes.get("value", ""))
        except ValueError:
            value = float("nan")
        if value - value != 0:  # neither infinite nor NaN
            self._refuse(_BAD_VALUE)
            return None
        return value

    def _quantity(self, kind: str, start: int, end: int, attributes: Attributes) -> None:
        stream, units = _STREAMS[kind]
        convert = units.get(attributes.get("unit", ""))
        if convert is None:
            self._refuse(f"the unit of {stream} is none of {', '.join(units)}")
            return
        value = self._number(attributes)
        if value is None:
            return
        if stream == "audio_level":
            self._to.sample(stream, start, None, convert(value), None)
        else:
            self._to.sample(stream, end, convert(value))

    def _step_count(self, _kind: str, start: int, end: int, attributes: Attributes) -> None:
        value = self._number(attributes)
        if value is None:
            return
        if not 0 <= value <= 100_000:
            self._refuse("a record has more than 100000 steps or less than none")
            return
        self._steps.add(start, end, round(value), attributes)

    def _sleep_stage(self, _kind: str, start: int, end: int, attributes: Attributes) -> None:
        word = attributes.get("value", "").removeprefix("HKCategoryValueSleepAnalysis")
        if word not in _STAGES:
            self._refuse("the value of a sleep record is none of Apple's categories")
            return
        self._sleep.add(start, end, _STAGES[word], attributes)

    def _sdnn(self, _kind: str, start: int, end: int, attributes: Attributes) -> None:
        value = self._number(attributes)
        unit = attributes.get("unit", "")
        if value is None:
            return
        if unit not in {"ms", "s"}:
            self._refuse("the unit of SDNN is neither ms nor s")
            return
        self._to.fact(SDNN, end, value * (1000 if unit == "s" else 1), "ms")
        self._span = (start, end)

    def _resting(self, _kind: str, start: int, _end: int, attributes: Attributes) -> None:
        """Keep a day's resting heart rate at its beginning."""
        value, convert = self._number(attributes), _PER_MINUTE.get(attributes.get("unit", ""))
        if convert is None:
            self._refuse(f"the unit of a resting heart rate is none of {', '.join(_PER_MINUTE)}")
        elif value is not None:
            self._to.fact(RESTING, start, convert(value), "/min")

    def _mindful(self, _kind: str, start: int, end: int, _attributes: Attributes) -> None:
        self._to.fact(MINDFUL, start, (end - start) / SECOND_US / 60, "min")

    def _take_beats(self, beats: list[tuple[str, str]]) -> None:
        if self._span is None:
            self._refuse("a list of beats belongs to a record that is not kept")
            return
        found = beat_intervals(beats, *self._span)
        if isinstance(found, str):
            self._refuse(found)
        else:
            time_us, interval = found
            self._to.stretch("beat_intervals", time_us, interval=interval)

    def _hand_over(self) -> Iterator[None]:
        lost = 0
        for start, length, steps, unused in self._steps.once():
            period = (length / SECOND_US).astype(np.float32)
            self._to.column("steps", start, steps=steps.astype(np.int32), period=period)
            lost += unused.size
            yield
        for start, length, stage, unused in self._sleep.once(free=_IN_BED):
            duration = (length / SECOND_US).astype(np.float32)
            self._to.column("sleep_stages", start, stage=stage.astype(np.int8), duration=duration)
            lost += unused.size
            yield
        if lost:
            self._to.leave(_COUNTED_BY_ANOTHER, lost)


def beat_intervals(
    beats: list[tuple[str, str]], start_us: int, end_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | str:
    """Return the time and length [ms] of the intervals between neighbouring beats, or a refusal.

    Parameters
    ----------
    beats : list of (time, bpm)
        `8:00:14.82 AM` (in any language, with any mark) and `73`.
    start_us, end_us : int
        The record's own interval, in which the beats lie.
    """
    seconds, rates = [], []
    for clock, rate in beats:
        found = _CLOCK.search(clock)
        if not found or not rate.isdecimal() or len(rate) > 3 or not int(rate):
            return "a list of beats has a time or a rate that is none"
        _, minute, second, hundredth = map(int, found.groups())
        seconds.append(minute * 60 + second + hundredth / 100)
        rates.append(int(rate))
    if len(seconds) < 2:
        return "a list of beats has less than two of them"
    step = np.diff(np.array(seconds)) % 3600.0
    bpm = np.array(rates[1:], np.float64)
    quarter = 900 * SECOND_US  # offsets from UTC are whole quarters of an hour
    earliest = start_us - 2 * SECOND_US
    first = earliest + (round(seconds[0] * SECOND_US) - earliest) % quarter
    time_us = first + np.rint(np.cumsum(step) * SECOND_US).astype(np.int64)
    if time_us[-1] > end_us + 5 * SECOND_US:
        return "a list of beats does not lie within its record"
    near = (step >= 60 / (bpm + 0.5) - TICK_S) & (step <= 60 / (bpm - 0.5) + TICK_S)
    if not near.any():
        return "a list of beats has no two that follow one another"
    return time_us[near], (step[near] * 1000).astype(np.float32)


@lru_cache(maxsize=512)
def _not_kept(kind: str) -> str:
    """Name a type that is not kept; made-up ones are counted together."""
    known = kind.startswith(("HKQuantityTypeIdentifier", "HKCategoryTypeIdentifier", "HKDataType"))
    if known and kind.isalnum() and len(kind) < 90:
        short = re.sub("^HK(Quantity|Category)TypeIdentifier", "", kind)
        return f"{short} has no stream here: not kept"
    return "a record has a type that Apple does not define: not kept"
