"""Made-up recordings for tests of feature families: any stream, any zone, with gaps."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Family
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.ground.schemas import STREAMS

WHO = "p-aaaaaaaaaaaaaaaa"
DAY0 = 19_800  # 2024-03-18: daylight saving begins in Europe within a fortnight
ZONES = (
    "UTC",
    "Europe/Oslo",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Honolulu",
    "America/St_Johns",
    "Africa/Casablanca",
)
EMPTY_COVERAGE = 0.0


def _activity(wall: NDArray[np.int64], rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    hour = wall % DAY_US / DAY_US * 24
    awake = (hour > 7) & (hour < 23)
    counts = np.where(awake, rng.gamma(1.0, 200, wall.size), rng.gamma(0.1, 30, wall.size))
    return {
        "counts": np.where(counts < 1, 0, counts).astype(np.float32),
        "epoch": np.full(wall.size, 60, np.float32),
    }


def _even(start: int, days: int, hz: float, minutes: float, every_h: float) -> NDArray[np.int64]:
    """Return times of recordings of some minutes every few hours, at an even rate."""
    begins = np.arange(0, days * 24, every_h) * 3600
    within = np.arange(int(minutes * 60 * hz)) / hz
    return start + np.round((begins[:, None] + within).ravel() * SECOND_US).astype(np.int64)


def _skin_conductance(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    driver = np.zeros(n)
    driver[rng.random(n) < 0.01] = 1.0
    t = np.arange(160) / 4
    shape = (np.exp(-t / 3.0) - np.exp(-t / 0.7)) * rng.uniform(0.3, 0.6)
    slow = 3 + np.cumsum(rng.normal(0, 0.003, n))
    return np.clip(slow + np.convolve(driver, shape)[:n], 0.2, 30) + rng.normal(0, 0.001, n)


def _sensed(
    stream: str, timeline: Timeline, start: int, days: int, rng: np.random.Generator
) -> Columns | None:
    """Return samples of sensors that record at an even rate; None for other streams."""
    if stream == "electrodermal_activity":
        time = _even(start, days, 4, 6, 4)
        return {"time": time, "level": _skin_conductance(time.size, rng).astype(np.float32)}
    if stream == "skin_temperature":
        time = _even(start, days, 1 / 20, 60, 1)
        hour = timeline.local_us(time) % DAY_US / DAY_US * 24
        value = 33 + np.cos((hour - 2) * np.pi / 12) + rng.normal(0, 0.1, time.size)
        return {"time": time, "value": value.astype(np.float32)}
    return None


def _done_by_phone(stream: str, start: int, days: int, rng: np.random.Generator) -> Columns | None:
    """Return what somebody does with a phone, and who is near; None for other streams."""

    def moments(a_day: int) -> NDArray[np.int64]:
        return start + np.sort(rng.integers(0, days * 86_400, days * a_day)) * SECOND_US

    def one_of(n: int, names: str, missing: float = 0.0) -> NDArray[np.object_]:
        found = rng.choice(np.array(list(names), object), n)
        found[rng.random(n) < missing] = None
        return found

    if stream == "calls":
        time = moments(20)
        seconds = np.round(rng.gamma(1, 200, time.size)).astype(np.float32)
        direction = rng.choice([1, 2, 3], time.size).astype(np.int8)
        seconds[direction == 3] = 0
        contact = one_of(time.size, "abcde", 0.1)
        return {"time": time, "direction": direction, "duration": seconds, "contact": contact}
    if stream == "messages":
        time = moments(50)
        length = rng.integers(0, 160, time.size).astype(np.int32)
        direction = rng.choice([1, 2], time.size).astype(np.int8)
        contact = one_of(time.size, "defgh", 0.1)
        return {"time": time, "direction": direction, "length": length, "contact": contact}
    if stream == "proximity":
        time = moments(150)
        kind = rng.choice([1, 2], time.size).astype(np.int8)
        return {"time": time, "kind": kind, "device": one_of(time.size, "aaaabbbcdefghijklm")}
    if stream == "conversation":
        time = moments(20)
        return {"time": time, "duration": rng.gamma(2, 300, time.size).astype(np.float32)}
    if stream == "typing":
        begin = np.repeat(moments(10), 30)
        time = np.sort(begin + rng.integers(0, 20_000, begin.size) * 1000)
        kind = rng.choice([1, 2, 3, 4], time.size, p=[0.85, 0.1, 0.03, 0.02]).astype(np.int8)
        hold = rng.gamma(4, 20, time.size).astype(np.float32)
        return {"time": time, "kind": kind, "hold": hold, "session": one_of(time.size, "s", 0.01)}
    return None


def recording(
    stream: str, timeline: Timeline, first_day: int, days: int, rng: np.random.Generator
) -> Columns:
    """Return one stream's samples over some UTC days."""
    start = first_day * DAY_US
    sensed = _sensed(stream, timeline, start, days, rng)
    if sensed is None:
        sensed = _done_by_phone(stream, start, days, rng)
    if sensed is not None:
        return sensed
    if stream == "activity_counts":
        time = start + np.arange(days * 1440, dtype=np.int64) * 60 * SECOND_US
        return {"time": time, **_activity(timeline.local_us(time), rng)}
    if stream == "screen":
        time = start + np.sort(rng.integers(0, days * 86_400, days * 150)) * SECOND_US
        hour = timeline.local_us(time) % DAY_US / DAY_US * 24
        time = time[(hour > 7.5) & (hour < 23) | (rng.random(time.size) < 0.02)]
        state = np.tile([1, 3, 0, 2], time.size // 4 + 1)[: time.size]
        return {"time": time, "state": state.astype(np.int8)}
    if stream == "beat_intervals":
        interval = np.round(rng.normal(900, 50, days * 1500))
        interval[rng.random(interval.size) < 0.02] *= 2
        time = start + np.cumsum(interval * 1000).astype(np.int64)
        step = DAY_US // 6
        time = time + (np.arange(time.size) // 250) * (step - 250 * 900_000)
        return {"time": np.sort(time), "interval": interval.astype(np.float32)}
    time = start + np.sort(rng.integers(0, days * 86_400, days * 200)) * SECOND_US
    columns: dict[str, NDArray[np.generic]] = {"time": time}
    for field in STREAMS[stream].fields:  # a family of somebody else's: anything in range
        low, high = field.low or 0.0, field.high or 100.0
        columns[field.name] = rng.uniform(low, high, time.size).astype(field.type.to_pandas_dtype())
    return columns


def recordings(
    family: Family, timeline: Timeline, first_day: int, days: int, seed: int
) -> dict[str, Columns]:
    rng = np.random.default_rng(seed)
    return {s: recording(s, timeline, first_day, days, rng) for s in family.streams}


def take(stream: Columns, keep: NDArray[np.bool_] | slice) -> Columns:
    return {name: values[keep] for name, values in stream.items()}


def between(streams: Mapping[str, Columns], low: int, high: int) -> dict[str, Columns]:
    return {n: take(s, (s["time"] >= low) & (s["time"] < high)) for n, s in streams.items()}


def digests_of(streams: Mapping[str, Columns]) -> dict[str, dict[int, str]]:
    """Return what a store would say of these samples: a digest a stream and UTC day."""
    found: dict[str, dict[int, str]] = {}
    for name, stream in streams.items():
        utc = stream["time"] // DAY_US
        held = found.setdefault(name, {})
        for day in np.unique(utc).tolist():
            parts = [np.ascontiguousarray(v[utc == day]).tobytes() for v in stream.values()]
            held[day] = str(hash(b"".join(parts)))
    return found
