"""Made-up recordings for tests of feature families: any stream, any zone, with gaps."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Family
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.ground.schemas import OBSERVED, STREAMS

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


def _steps(wall: NDArray[np.int64], rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    hour = wall % DAY_US / DAY_US * 24
    about = (hour > 7) & (hour < 23) & (np.sin(wall / (47 * 60 * SECOND_US)) > 0.3)
    steps = np.where(about & (rng.random(wall.size) < 0.8), rng.integers(1, 125, wall.size), 0)
    return {"steps": steps.astype(np.int32), "period": np.full(wall.size, 60, np.float32)}


def _acceleration(
    time: NDArray[np.int64], wall: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """A wrist: turned now and then, walking in every third recording of the day."""
    hour = wall % DAY_US / DAY_US * 24
    burst = time // (1800 * SECOND_US)
    walking = (hour > 7) & (hour < 23) & (burst % 3 == 0)
    turned = burst * 2.399
    stride = np.where(walking, 0.4, 0.01) * np.sin(2 * np.pi * 1.8 * time / SECOND_US)
    parts = np.cos(turned) * 0.6, np.sin(turned) * 0.6, np.full(time.size, 0.8)
    moved = [g * (1 + stride) + rng.normal(0, 0.02, time.size) for g in parts]
    return {a: v.astype(np.float32) for a, v in zip("xyz", moved, strict=True)}


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
    if stream == "accelerometer":
        time = _even(start, days, 20, 0.5, 0.5)
        return {"time": time, **_acceleration(time, timeline.local_us(time), rng)}
    if stream == "respiration":
        time = _even(start, days, 2, 3, 2)
        wave = np.sin(1.5 * time / SECOND_US) + rng.normal(0, 0.05, time.size)
        return {"time": time, "value": wave.astype(np.float32)}
    if stream == "steps":
        time = start + np.arange(days * 1440, dtype=np.int64) * 60 * SECOND_US
        return {"time": time, **_steps(timeline.local_us(time), rng)}
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


def _beats(
    timeline: Timeline, start: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Return the beats of some minutes from each local midnight and from 5:00 on.

    All the time in between on the last three days. A breath, a slower wave, noise, and one beat
    in fifty missed.
    """
    five = 300 * SECOND_US
    marks = start + np.arange(days * 288, dtype=np.int64) * five
    wall = timeline.local_us(marks) % DAY_US
    late = marks >= start + max(days - 3, 0) * DAY_US
    later = (wall >= 60 * five) & (wall < 62 * five)
    marks = marks[(wall < 8 * five) | later | (late & (wall < 62 * five))]
    at = np.arange(333) * 0.9 + rng.uniform(0, 7, (marks.size, 1))
    waves = 40 * np.sin(0.6 * at) + 30 * np.sin(1.5 * at) + rng.normal(0, 15, at.shape)
    interval = np.round(900 + waves)
    time = marks[:, None] + np.cumsum(interval * 1000, axis=1).astype(np.int64)
    time, seen = time.ravel(), rng.random(time.size) > 0.02
    order = np.argsort(time[seen], kind="stable")
    time = time[seen][order]
    interval = np.diff(time, prepend=time[0] - 900_000) / 1000
    lost = interval > 5000
    return {"time": time, "interval": np.where(lost, 900, interval).astype(np.float32)}


def _noted(stream: str, start: int, days: int, rng: np.random.Generator) -> Columns | None:
    """Return what surrounds a phone and what it notes of itself; None for other streams."""
    if stream == "light":
        time = start + np.arange(days * 480, dtype=np.int64) * 180 * SECOND_US
        level = np.round(10 ** rng.uniform(0, 4, time.size) - 1, 1)
        return {"time": time, "level": level.astype(np.float32)}
    if stream == "audio_level":
        time = start + np.arange(days * 96, dtype=np.int64) * 900 * SECOND_US
        return {
            "time": time,
            "silent": rng.choice([0, 1], time.size).astype(np.int8),
            "level": rng.normal(50, 15, time.size).astype(np.float32),
            "frequency": rng.uniform(50, 2000, time.size).astype(np.float32),
        }
    if stream == "momentary_answers":
        begin = np.repeat(np.arange(days * 5, dtype=np.int64) * DAY_US // 5, 4)
        time = start + begin + np.tile(np.arange(4), days * 5) * 20 * SECOND_US
        answer = rng.integers(0, 5, time.size).astype(np.float64)
        answer[rng.random(time.size) < 0.1] = np.nan
        question = np.tile(np.array(["calm", "tired", "sad", "alone"], object), days * 5)
        return {"time": time, "question": question, "answer": answer}
    if stream == "battery":
        time = start + np.arange(days * 72, dtype=np.int64) * 1200 * SECOND_US
        level = 50 + 49 * np.sin(np.arange(time.size) / 11)
        rising = np.append(np.diff(level) > 0, True)
        status = np.where(rising, 2, 3).astype(np.int8)
        status[rng.random(time.size) < 0.01] = -1
        return {"time": time, "level": level.astype(np.float32), "status": status}
    if stream == "recording_state":
        time = start + np.sort(rng.integers(0, days * 86_400, days * 6)) * SECOND_US
        reasons = np.array(["off", "permission", "low_power", "not_worn", None], object)
        return {
            "time": time,
            "stream": rng.choice(np.array(["location", "screen"], object), time.size),
            "on": rng.choice([0, 1], time.size).astype(np.int8),
            "reason": rng.choice(reasons, time.size),
        }
    return None


def _location(
    time: NDArray[np.int64], wall: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Home, work and a third place on both sides of the date line; 12 m of scatter, and jumps."""
    hour = (wall % DAY_US) / DAY_US * 24
    third = np.where(wall // DAY_US % 2 == 0, 1500.0, -2500.0)
    turns = [0.0, 8.5, 9.0, 17.0, 17.3, 18.0, 18.2, 19.5, 19.8, 24.0]
    east = np.interp(hour, turns, [0, 0, 4000, 4000, 0, 0, 0, 0, 0, 0])
    north = third * np.interp(hour, turns, [0, 0, 0, 0, 0, 0, 1, 1, 0, 0])
    error = rng.normal(0, 12, (2, time.size))
    error[:, rng.random(time.size) < 0.01] += 5000
    metre = 1 / 111_195
    latitude = -17 + (north + error[0]) * metre
    longitude = 179.98 + (east + error[1]) * metre / np.cos(np.radians(-17))
    return {
        "latitude": latitude,
        "longitude": (longitude + 180) % 360 - 180,
        "accuracy": rng.uniform(5, 30, time.size).astype(np.float32),
    }


def _every_five_minutes(
    stream: str, timeline: Timeline, start: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """A pulse that falls at night, or a breath; one value in ten is missing."""
    time = start + np.arange(days * 288, dtype=np.int64) * 300 * SECOND_US
    time = time[rng.random(time.size) < 0.9]
    turn = timeline.local_us(time) % DAY_US / DAY_US * 2 * np.pi
    middle, swing, noise = (70, -12, 4) if stream == "heart_rate" else (15, -1, 1)
    rate = middle + swing * np.cos(turn - 0.5) + rng.normal(0, noise, time.size)
    return {"time": time, "rate": rate.astype(np.float32)}


def _slept(
    timeline: Timeline, start: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """A night in stages of 5 to 40 minutes from about 23:00 on, and a nap on some afternoons."""
    time, stage, duration = [], [], []
    first = int(timeline.local_us(np.array([start], np.int64))[0]) // DAY_US
    shift = int(timeline.offset_s(np.array([start], np.int64))[0]) * SECOND_US
    for day in range(first, first + days):
        at = day * DAY_US - shift + round((22.5 + rng.random()) * 3600) * SECOND_US
        lengths = rng.integers(10, 80, 20) * 30
        found = rng.choice([0, 1, 2, 3], 20, p=[0.1, 0.5, 0.2, 0.2])
        found[0], found[-1] = 5, 3
        blocks = [(at, lengths, found)]
        if rng.random() < 0.5:
            blocks.insert(0, (at - DAY_US // 3, np.array([1500]), np.array([4])))
        for begin, long, what in blocks:
            ends = np.cumsum(long)
            time += (begin + (ends - long) * SECOND_US).tolist()
            stage += what.tolist()
            duration += long.tolist()
    order = np.argsort(np.array(time), kind="stable")
    return {
        "time": np.array(time, np.int64)[order],
        "stage": np.array(stage, np.int8)[order],
        "duration": np.array(duration, np.float32)[order],
        "session": np.full(order.size, None, object),
    }


def _apps(
    stream: str, start: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Apps in the foreground for a while each, some without a category; or their notices."""
    time = start + np.sort(rng.integers(0, days * 86_400, days * 120)) * SECOND_US
    app = rng.choice(np.array([f"app{i}" for i in range(9)], object), time.size)
    if stream == "notifications":
        return {"time": time, "app": app}
    kind = dict(zip([f"app{i}" for i in range(9)], _KINDS, strict=True))
    return {
        "time": time,
        "app": app,
        "category": np.array([kind[a] for a in app], object),
        "duration": rng.gamma(1, 90, time.size).astype(np.float32),
    }


_KINDS = ("social", "communication", "game", "video", "browser", "productivity", "music", "x", None)


def recording(
    stream: str, timeline: Timeline, first_day: int, days: int, rng: np.random.Generator
) -> Columns:
    """Return one stream's samples over some UTC days."""
    start = first_day * DAY_US
    sensed = _sensed(stream, timeline, start, days, rng)
    if sensed is None:
        sensed = _done_by_phone(stream, start, days, rng) or _noted(stream, start, days, rng)
    if sensed is not None:
        return sensed
    if stream == "activity_counts":
        time = start + np.arange(days * 1440, dtype=np.int64) * 60 * SECOND_US
        return {"time": time, **_activity(timeline.local_us(time), rng)}
    if stream == "location":
        time = start + np.arange(days * 144, dtype=np.int64) * 600 * SECOND_US
        time += rng.integers(0, 60, time.size) * SECOND_US
        time = time[rng.random(time.size) < 0.9]
        return {"time": time, **_location(time, timeline.local_us(time), rng)}
    if stream == "screen":
        time = start + np.sort(rng.integers(0, days * 86_400, days * 150)) * SECOND_US
        hour = timeline.local_us(time) % DAY_US / DAY_US * 24
        time = time[(hour > 7.5) & (hour < 23) | (rng.random(time.size) < 0.02)]
        state = np.tile([1, 3, 0, 2], time.size // 4 + 1)[: time.size]
        return {"time": time, "state": state.astype(np.int8)}
    if stream == "sleep_stages":
        return _slept(timeline, start, days, rng)
    if stream in {"app_use", "notifications"}:
        return _apps(stream, start, days, rng)
    if stream == "beat_intervals":
        return _beats(timeline, start, days, rng)
    if stream in {"heart_rate", "respiration_rate"}:
        return _every_five_minutes(stream, timeline, start, days, rng)
    time = start + np.sort(rng.integers(0, days * 86_400, days * 200)) * SECOND_US
    columns: dict[str, NDArray[np.generic]] = {"time": time}
    for field in STREAMS[stream].fields:  # a family of somebody else's: anything in range
        low, high = field.low or 0.0, field.high or 100.0
        columns[field.name] = rng.uniform(low, high, time.size).astype(field.type.to_pandas_dtype())
    return columns


def worn_at_night(timeline: Timeline, first: int, days: int, rng: np.random.Generator) -> Columns:
    """A wrist from 20:00 to 10:00, one sample a second: it turns often awake, seldom asleep."""
    time = np.arange(first * 86_400, (first + days) * 86_400, dtype=np.int64) * SECOND_US
    hour = timeline.local_us(time) % DAY_US / DAY_US * 24
    worn = (hour < 10) | (hour >= 20)
    time, hour = time[worn], hour[worn]
    asleep = (hour < 7) | (hour >= 23)
    posture = np.cumsum(rng.random(time.size) < np.where(asleep, 1 / 900, 1 / 10))
    tilt, turn = rng.uniform(-1.5, 1.5, (2, int(posture[-1]) + 1))
    z, x = np.sin(tilt[posture]), np.cos(tilt[posture]) * np.cos(turn[posture])
    y = np.cos(tilt[posture]) * np.sin(turn[posture])
    noise = rng.normal(0, np.where(asleep, 0.004, 0.05), (3, time.size))
    felt = (np.stack([x, y, z]) + noise).astype(np.float32)
    return {"time": time, "x": felt[0], "y": felt[1], "z": felt[2]}


def answered(
    family: Family, first_day: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Answers and scores on record: each code on five dates of six, at some time of the day."""
    codes = np.array(family.codes, object)
    day, which = np.divmod(np.arange(days * codes.size), codes.size)
    kept = rng.random(day.size) < 5 / 6
    kept[0] = True
    at = rng.integers(0, 86_400, day.size) * SECOND_US
    time = (first_day + day[kept]) * DAY_US + at[kept]
    order = np.argsort(time, kind="stable")
    value = rng.choice([0.0, 1.0, 2.0, 3.0], order.size)  # a low total, and an answer to any item
    return {"time": time[order], "code": codes[which[kept]][order], "value": value}


def recordings(
    family: Family, timeline: Timeline, first_day: int, days: int, seed: int
) -> dict[str, Columns]:
    rng = np.random.default_rng(seed)
    made: dict[str, Columns] = {
        s: answered(family, first_day, days, rng)
        if s == OBSERVED.name
        else recording(s, timeline, first_day, days, rng)
        for s in family.streams
    }
    if family.name == "sleep_acceleration":
        made["accelerometer"] = worn_at_night(timeline, first_day, days, rng)
    return between(made, first_day * DAY_US, (first_day + days) * DAY_US)


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
