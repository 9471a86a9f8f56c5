"""FIT messages as samples: what a watch and a chest strap write into Garmin's files."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US, Timeline
from euthymia.ground.codes import OWN
from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB
from euthymia.sources.fit_decode import EPOCH_S, Message, checksum, instant, messages
from euthymia.sources.gather import Gather

STRESS: Final = OWN + "garmin.stress"
"""Garmin's stress score, 0 to 100."""
RMSSD: Final = OWN + "garmin.hrv-rmssd"
MAX_FIT: Final = 64 * MiB  # a day of a watch has 0.5 MiB, a long activity 5
DRIFT_S: Final = 3.0
"""Beats have no times of their own: they are counted on from a timestamp, and set right when they
are this far from the next one (a pause, a lost beat)."""
_SEMICIRCLE: Final = 180 / 2**31
_WALKING: Final = frozenset({1, 6})
_STAGES: Final = {1: 0, 2: 1, 3: 2, 4: 3}
_OTHER: Final = "a FIT message that has no stream here (a device, a lap, a setting): not kept"
_CUT: Final = "gzip stream ends early; copy the file again and re-ingest"
_UNSET: Final = "a FIT message of a device whose clock was not set: when it was is not known"
_EMPTY: Final = "a FIT message without the values it is for: nothing to keep"
_TOTAL: Final = "a running total of steps that began in an earlier file: only what is added counts"
_LONG: Final = "steps are counted over more than a day, or are more than 100000"


@dataclass
class _State:
    """What later messages depend on."""

    gather: Gather
    zone: Timeline
    offset_s: int | None = None  # of the watch's clock, where it tells it
    stamp_s: int | None = None  # the last whole timestamp of monitoring
    began_s: int | None = None  # the first time of monitoring
    beat_s: float | None = None
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)  # activity: time, steps so far
    level: tuple[int, int] | None = None  # of sleep: time, stage


def read_fit(blob: Blob, gather: Gather, zone: str) -> Iterator[None]:
    """Read a FIT file; `zone` says when a day begins, where the file does not."""
    data = blob.whole(MAX_FIT, even_if_cut=True)
    state = _State(gather, Timeline(((0, zone),)))
    try:
        for message in messages(data):
            _take(message, state)
            yield
    except SourceError as problem:
        if blob.cut:
            raise SourceError(_CUT) from problem
        raise
    if blob.cut:
        raise SourceError(_CUT)


def _take(message: Message, state: _State) -> None:
    reader = _READERS.get(message.number)
    if reader is None:
        state.gather.leave(_OTHER)
        return
    before = state.gather.rows
    why = reader(message, state)
    if state.gather.rows == before:
        unset = 253 in message.fields and message.time_s is None
        state.gather.leave(_UNSET if unset else why or _EMPTY)


def _one(message: Message, which: int) -> float | None:
    value = message.fields.get(which)
    return value if isinstance(value, int | float) else None


def _many(message: Message, which: int) -> tuple[float, ...]:
    value = message.fields.get(which, ())
    return value if isinstance(value, tuple) else (value,)


def _record(message: Message, state: _State) -> None:
    """Read a moment of an activity: a place makes one sample, a heart rate another."""
    if message.time_s is None:
        return
    time_us = message.time_s * SECOND_US
    if state.beat_s is None or abs(state.beat_s - message.time_s) > DRIFT_S:
        state.beat_s = float(message.time_s)
    rate, lat, lon = (_one(message, which) for which in (3, 0, 1))
    if rate:
        state.gather.sample("heart_rate", time_us, rate)
    if lat is not None and lon is not None:
        height = _one(message, 78) if 78 in message.fields else _one(message, 2)
        speed = _one(message, 73) if 73 in message.fields else _one(message, 6)
        state.gather.sample(
            "location",
            time_us,
            lat * _SEMICIRCLE,
            lon * _SEMICIRCLE,
            _one(message, 31),
            None if height is None else height / 5 - 500,
            None if speed is None else speed / 1000,
        )


def _beats(message: Message, state: _State) -> None:
    """Read the intervals between beats [1/1000 s] since the last ones."""
    found = np.array(_many(message, 0), np.float64)
    if message.time_s is None or not found.size:
        return
    begin = state.beat_s if state.beat_s is not None else float(message.time_s)
    ends = begin + np.cumsum(found) / 1000
    state.beat_s = float(ends[-1])
    time_us = np.rint(ends * SECOND_US).astype(np.int64)
    state.gather.stretch("beat_intervals", time_us, interval=found)


def _beat_intervals(message: Message, state: _State) -> None:
    """Read intervals [ms] that have a time of their own."""
    found = np.array(_many(message, 1), np.float64)
    if message.time_s is None or not found.size:
        return
    begin = message.time_s * 1000 + (_one(message, 0) or 0)
    time_us = np.rint((begin + np.cumsum(found)) * 1000).astype(np.int64)
    state.gather.stretch("beat_intervals", time_us, interval=found)


def _monitoring_begins(message: Message, state: _State) -> str:
    """Learn how far the watch's clock on the wall is from UTC."""
    local = _one(message, 0)
    if message.time_s is not None and local is not None:
        apart = int(local) + EPOCH_S - message.time_s
        state.offset_s = apart if abs(apart) <= 15 * 3600 else None
    return _OTHER


def _monitoring(message: Message, state: _State) -> str | None:
    """Read a moment of a day: its time may be given by its last 16 bits only.

    Returns why its steps are not counted, if they are not.
    """
    if 253 in message.fields and message.time_s is not None:
        state.stamp_s = message.time_s - EPOCH_S
    short = _one(message, 26)
    if short is not None and state.stamp_s is not None:
        state.stamp_s += (int(short) - (state.stamp_s & 0xFFFF)) & 0xFFFF
    if state.stamp_s is None:
        return None
    at_s = state.stamp_s + EPOCH_S
    state.began_s = at_s if state.began_s is None else state.began_s
    rate = _one(message, 27)
    if rate:
        state.gather.sample("heart_rate", at_s * SECOND_US, rate)
    kind = _one(message, 5)
    packed = _one(message, 24)
    kind = int(packed) & 0x1F if kind is None and packed is not None else kind
    steps = _one(message, 3)
    if steps is not None and kind in _WALKING:
        return _count(state, int(kind), at_s, int(steps))
    return None


def _count(state: _State, kind: int, at_s: int, steps: int) -> str | None:
    """Take the steps since the last total of this kind, or say why there are none to take.

    A total begins anew at midnight and runs on from file to file: what a file's first one counts
    is known only where the day began within the file. The total at midnight is that of the day
    before.
    """
    midnight_s = _midnight(state, at_s)
    since, before = state.steps.get(kind, (state.began_s or at_s, None))
    state.steps[kind] = (at_s, steps)
    if since <= midnight_s:
        since, before = midnight_s, 0
    if before is None:
        return _TOTAL
    more = steps - before if steps >= before else steps
    length = at_s - since
    if not 0 <= length <= 86_400 or more > 100_000:
        return _LONG
    state.gather.sample("steps", since * SECOND_US, more, float(length))
    return None


def _midnight(state: _State, at_s: int) -> int:
    """Return when the day began that ends at, or goes on through, a moment [s since 1970]."""
    offset_s = state.offset_s
    if offset_s is None:
        offset_s = int(state.zone.offset_s(np.array([at_s * SECOND_US], np.int64))[0])
    return (at_s - 1 + offset_s) // 86_400 * 86_400 - offset_s


def _sleep_level(message: Message, state: _State) -> None:
    """Read a stage that holds from the message before to this one."""
    if message.time_s is None:
        return
    previous, state.level = state.level, (message.time_s, int(_one(message, 0) or 0))
    if previous is None or state.level[1] not in _STAGES:
        return
    length = message.time_s - previous[0]
    if 0 < length <= 3600:  # Garmin writes one a minute
        stage = _STAGES[state.level[1]]
        state.gather.sample("sleep_stages", previous[0] * SECOND_US, stage, float(length), None)


def _stress(message: Message, state: _State) -> None:
    stamp, score = _one(message, 1), _one(message, 0)
    at = None if stamp is None else instant(int(stamp))
    if at is not None and score is not None and 0 <= score <= 100:  # below 0: not measurable
        state.gather.fact(STRESS, at * SECOND_US, score, "{score}")


def _scaled(stream: str, which: int, scale: float, low: float) -> Callable[[Message, _State], None]:
    def read(message: Message, state: _State) -> None:
        value = _one(message, which)
        if message.time_s is not None and value is not None and value >= low:
            state.gather.sample(stream, message.time_s * SECOND_US, value / scale)

    return read


def _rmssd(message: Message, state: _State) -> None:
    value = _one(message, 0)
    if message.time_s is not None and value is not None:
        state.gather.fact(RMSSD, message.time_s * SECOND_US, value / 128, "ms")


_READERS: Final[dict[int, Callable[[Message, _State], str | None]]] = {
    20: _record,
    55: _monitoring,
    78: _beats,
    103: _monitoring_begins,
    227: _stress,
    269: _scaled("oxygen_saturation", 0, 1, 1),
    275: _sleep_level,
    290: _beat_intervals,
    297: _scaled("respiration_rate", 0, 100, 1),
    371: _rmssd,
}


# -- writing, for examples and tests ---------------------------------------------------------------


def encode(records: bytes, *, profile: int = 2132) -> bytes:
    """Return records with a FIT header and checksum."""
    head = struct.pack("<BBHI4s", 14, 0x20, profile, len(records), b".FIT")
    head += struct.pack("<H", checksum(head))
    return head + records + struct.pack("<H", checksum(head + records))


def define(local: int, number: int, *fields: tuple[int, int, int]) -> bytes:
    """Return a definition of fields (number, size, base type), little-endian."""
    body = b"".join(bytes(one) for one in fields)
    return struct.pack("<BBBHB", 0x40 | local, 0, 0, number, len(fields)) + body


def write_example(path: Path) -> None:
    """Write an activity of some seconds with heart rate, a place and beats."""
    start = 1_714_543_500 - EPOCH_S
    records = define(0, 20, (253, 4, 0x86), (0, 4, 0x85), (1, 4, 0x85), (3, 1, 0x02))
    place = [round(degrees / _SEMICIRCLE) for degrees in (52.5, 13.4)]
    records += struct.pack("<BIiiB", 0, start, *place, 61)
    records += define(1, 78, (0, 10, 0x84))
    records += struct.pack("<B5H", 1, 820, 815, 0xFFFF, 0xFFFF, 0xFFFF)
    path.write_bytes(encode(records))
