"""The chunks of an XDF file; see `xdf` for the rules."""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB
from euthymia.sources.physiology import Channel, channel_of, one_each
from euthymia.sources.xdf_time import Floats, Line, Regular, clock_lines, synced
from euthymia.sources.xml_stream import Attributes, Elements

MAGIC: Final = b"XDF:"
MAX_CHUNK: Final = 256 * MiB
MAX_CHANNELS: Final = 4096
_FORMATS: Final = {
    "float32": "<f4",
    "double64": "<f8",
    "int8": "i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
}
_CUT: Final = "the XDF file ends early; what came before was kept; copy it again"
_MOTION: Final = (
    (re.compile(r"acc.*", re.IGNORECASE), "accelerometer"),
    (re.compile(r"gyr.*", re.IGNORECASE), "gyroscope"),
)
_PER_G: Final = {"g": 1.0, "mg": 1e-3, "m/s2": 1 / 9.80665, "m/s^2": 1 / 9.80665}
_PER_S: Final = {"deg/s": 1.0, "dps": 1.0, "rad/s": 180 / np.pi}


@dataclass
class Stream:
    """One stream: what its channels are and how its clock runs."""

    kind: str
    rate: float
    packing: str | None  # None: strings
    channels: tuple[Channel | str, ...]
    motion: tuple[str, float] | None
    times: list[float] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)
    first_s: float | None = None
    last_s: float | None = None
    regular: Regular | None = None
    lines: tuple[Line, ...] = ()
    seen: int = 0

    @property
    def step_s(self) -> float:
        """The time between two samples; 0 where they come as they come."""
        return 1 / self.rate if self.rate > 0 else 0.0


@dataclass
class Survey:
    """What the first pass found."""

    recorded: str | None = None
    streams: dict[int, Stream] = field(default_factory=dict)
    problem: str | None = None
    zero_s: float | None = None


class _Xml(Elements):
    """The texts of a small XML document by their path."""

    def __init__(self) -> None:
        super().__init__(text=True)
        self.texts: dict[str, list[str]] = {}
        self._path: list[str] = []

    def begin(self, _depth: int, name: str, _attributes: Attributes) -> None:
        """Go down."""
        self._path.append(name)
        if name == "channel":
            for part in ("label", "unit", "type"):
                self.texts.setdefault(f"channel/{part}", []).append("")

    def text(self, data: str) -> None:
        """Keep the text."""
        if not data.strip():
            return
        if len(self._path) > 1 and self._path[-2] == "channel":
            known = self.texts.get(f"channel/{self._path[-1]}")
            if known:
                known[-1] += data.strip()
        else:
            self.texts.setdefault("/".join(self._path), []).append(data.strip())

    def end(self, _depth: int, _name: str) -> None:
        """Go up."""
        self._path.pop()


def _xml(data: bytes) -> dict[str, list[str]]:
    tree = _Xml()
    for _ in tree.feed(Blob(lambda: io.BytesIO(data), len(data))):
        pass
    return tree.texts


def _chunks(blob: Blob) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the content of each chunk."""
    source, ready = blob.chunks(), b""

    def take(size: int) -> bytes:
        nonlocal ready
        parts, have = [ready], len(ready)
        while have < size:
            more = next(source, None)
            if more is None:
                raise SourceError(_CUT)
            parts.append(more)
            have += len(more)
        whole = b"".join(parts)
        ready = whole[size:]
        return whole[:size]

    if take(4) != MAGIC:
        raise SourceError("not an XDF file")
    while True:
        if not ready and (ready := next(source, b"")) == b"":
            return
        width = take(1)[0]
        if width not in {1, 4, 8}:
            raise SourceError("an XDF chunk's length is damaged; what came before was kept")
        size = int.from_bytes(take(width), "little")
        if not 2 <= size <= MAX_CHUNK:
            raise SourceError("an XDF chunk is longer than 256 MiB or damaged")
        content = take(size)
        yield int.from_bytes(content[:2], "little"), content[2:]


def survey(blob: Blob) -> Survey:
    """Read headers and clock offsets, and learn where regular streams break."""
    found = Survey()
    try:
        for tag, content in _chunks(blob):
            _look(found, tag, content)
    except SourceError as problem:
        found.problem = str(problem)
    except (struct.error, IndexError, ValueError, UnicodeDecodeError):
        found.problem = "an XDF chunk is damaged; what came before was kept; copy it again"
    _parted(found)
    zeros = []
    for stream in found.streams.values():
        stream.lines = clock_lines(np.array(stream.times), np.array(stream.offsets))
        if stream.regular:
            stream.regular.close()
        if stream.times:
            zeros.append(stream.times[0] + stream.offsets[0])
    if not zeros:
        zeros = [
            float(synced(np.array([s.first_s]), s.lines)[0])
            for s in found.streams.values()
            if s.first_s is not None
        ]
    found.zero_s = min(zeros) if zeros else None
    return found


def _parted(found: Survey) -> None:
    """Let no two channels of the file, nor two motion sensors, write into the same stream."""
    motions = set[str]()
    for stream in found.streams.values():
        if stream.motion and stream.motion[0] in motions:
            further = f"a further sensor of {stream.motion[0]}: the first of the file is kept"
            stream.channels, stream.motion = (further,) * len(stream.channels), None
        elif stream.motion:
            motions.add(stream.motion[0])
    plain = [s for s in found.streams.values() if not s.motion and s.packing is not None]
    channels = iter(one_each(channel for stream in plain for channel in stream.channels))
    for stream in plain:
        stream.channels = tuple(islice(channels, len(stream.channels)))


def _look(found: Survey, tag: int, content: bytes) -> None:
    if tag == 1:
        dates = _xml(content).get("info/datetime")
        found.recorded = dates[0] if dates else None
        return
    number = int.from_bytes(content[:4], "little")
    if tag == 2:
        found.streams[number] = _stream(_xml(content[4:]))
    elif tag == 4 and number in found.streams:
        at, offset = struct.unpack_from("<dd", content, 4)
        if np.isfinite(at) and np.isfinite(offset):
            found.streams[number].times.append(at)
            found.streams[number].offsets.append(offset)
    elif tag == 3 and number in found.streams:
        stream = found.streams[number]
        time_s, _ = _samples(stream, content)
        if time_s.size:
            stream.first_s = float(time_s[0]) if stream.first_s is None else stream.first_s
            if stream.regular:
                stream.regular.learn(time_s)


def _stream(texts: dict[str, list[str]]) -> Stream:
    def one(name: str) -> str:
        return texts.get(f"info/{name}", [""])[0]

    kind, count, packing = one("type"), int(one("channel_count")), one("channel_format")
    rate = float(one("nominal_srate") or 0)
    if not 1 <= count <= MAX_CHANNELS or not 0 <= rate < 1e6:
        raise SourceError("an XDF stream has no channels, too many, or an impossible rate")
    if packing != "string" and packing not in _FORMATS:
        raise SourceError("an XDF stream has an unknown channel format")
    labels, units, kinds = (
        (texts.get(f"channel/{part}", []) + [""] * count)[:count]
        for part in ("label", "unit", "type")
    )
    channels = tuple(
        channel_of(label or kind, unit, own or kind)
        for label, unit, own in zip(labels, units, kinds, strict=True)
    )
    motion = _motion(kind, units, count)
    regular = Regular(rate) if rate > 0 else None
    return Stream(kind, rate, _FORMATS.get(packing), channels, motion, regular=regular)


def _motion(kind: str, units: list[str], count: int) -> tuple[str, float] | None:
    name = next((stream for pattern, stream in _MOTION if pattern.fullmatch(kind)), None)
    if name is None or count < 3:
        return None
    known = _PER_G if name == "accelerometer" else _PER_S
    factor = known.get(units[0].strip().lower())
    return None if factor is None else (name, factor)


def samples_in(
    blob: Blob, found: Survey
) -> Iterator[tuple[Stream, Floats, NDArray[np.float64] | None]]:
    """Yield the samples of each chunk: times on the recorder's clock, values (None: markers)."""
    for stream in found.streams.values():
        stream.last_s = None
    try:
        for tag, content in _chunks(blob):
            stream_of = found.streams.get(int.from_bytes(content[:4], "little"))
            if tag != 3 or stream_of is None:
                continue
            time_s, values = _samples(stream_of, content)
            if not time_s.size:
                continue
            if stream_of.regular:
                time_s = stream_of.regular.smooth(stream_of.seen, time_s.size)
            stream_of.seen += time_s.size
            yield stream_of, synced(time_s, stream_of.lines), values
    except (SourceError, struct.error, IndexError, ValueError):
        return  # the survey met it too, and says so


def _samples(stream: Stream, content: bytes) -> tuple[Floats, NDArray[np.float64] | None]:
    """Return time stamps as written (or counted on) and the values of a chunk."""
    width = content[4]
    if width not in {1, 4, 8}:
        raise ValueError
    count = int.from_bytes(content[5 : 5 + width], "little")
    body = content[5 + width :]
    if stream.packing is None:
        time_s: Floats = _strings(stream, body, count)
        return time_s, None
    kind = np.dtype(stream.packing)
    size = kind.itemsize * len(stream.channels)
    full = np.dtype([("flag", "u1"), ("at", "<f8"), ("values", kind, len(stream.channels))])
    if len(body) == count * (9 + size):
        table = np.frombuffer(body, full)
        if (table["flag"] == 8).all():
            stream.last_s = float(table["at"][-1]) if count else stream.last_s
            values = table["values"].reshape(count, -1).astype(np.float64)
            return table["at"].astype(np.float64), values
    return _mixed(stream, body, count, kind)


def _mixed(
    stream: Stream, body: bytes, count: int, kind: np.dtype[np.generic]
) -> tuple[Floats, NDArray[np.float64]]:
    """Read samples of which only some have a time stamp."""
    channels = len(stream.channels)
    size = kind.itemsize * channels
    if count * (1 + size) > len(body):
        raise ValueError
    time_s, values = np.empty(count), np.empty((count, channels))
    at = 0
    for i in range(count):
        time_s[i], at = _stamp(stream, body, at)
        values[i] = np.frombuffer(body, kind, channels, at).astype(np.float64)
        at += size
    return time_s, values


def _stamp(stream: Stream, body: bytes, at: int) -> tuple[float, int]:
    flag = body[at]
    if flag == 8:
        stream.last_s = float(struct.unpack_from("<d", body, at + 1)[0])
        return stream.last_s, at + 9
    if flag:
        raise ValueError
    stream.last_s = (stream.last_s or 0.0) + stream.step_s
    return stream.last_s, at + 1


def _strings(stream: Stream, body: bytes, count: int) -> Floats:
    """Return the times of markers; their texts are stepped over."""
    if count * 2 > len(body):
        raise ValueError
    time_s, at = np.empty(count), 0
    for i in range(count):
        time_s[i], at = _stamp(stream, body, at)
        for _ in stream.channels:
            width = body[at]
            if width not in {1, 4, 8}:
                raise ValueError
            at += 1 + width + int.from_bytes(body[at + 1 : at + 1 + width], "little")
            if at > len(body):
                raise ValueError
    return time_s


# -- writing, for examples and tests ---------------------------------------------------------------

Written = tuple[str, float, tuple[str, ...], str, NDArray[np.float64], object]
"""Type, rate, labels, unit, times [s] and values ((samples, channels), or texts)."""


def _chunk(tag: int, content: bytes) -> bytes:
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def write_xdf(
    path: Path,
    streams: Sequence[Written],
    *,
    recorded: str = "2024-05-01T10:00:00+0200",
    offsets: Sequence[Sequence[tuple[float, float]]] | None = None,
    per_chunk: int = 20,
) -> None:
    """Write an XDF file; without `offsets`, every stream has one of 0 s at its first sample."""
    head = (
        f"<?xml version='1.0'?><info><version>1.0</version><datetime>{recorded}</datetime></info>"
    )
    data = MAGIC + _chunk(1, head.encode())
    for i, (kind, rate, labels, unit, times, values) in enumerate(streams):
        named = "".join(
            f"<channel><label>{label}</label><unit>{unit}</unit></channel>" for label in labels
        )
        text = isinstance(values, list)
        xml = (
            f"<?xml version='1.0'?><info><name>s{i}</name><type>{kind}</type>"
            f"<channel_count>{max(len(labels), 1)}</channel_count><nominal_srate>{rate}"
            f"</nominal_srate><channel_format>{'string' if text else 'double64'}"
            f"</channel_format><desc><channels>{named}</channels></desc></info>"
        )
        data += _chunk(2, struct.pack("<I", i) + xml.encode())
        pairs = offsets[i] if offsets is not None else [(float(times[0]), 0.0)]
        for at, offset in pairs:
            data += _chunk(4, struct.pack("<Idd", i, at, offset))
        for begin in range(0, len(times), per_chunk):
            part = slice(begin, begin + per_chunk)
            data += _chunk(3, _written(i, times[part], values[part]))  # type: ignore[index]
    path.write_bytes(data)


def _written(number: int, times: NDArray[np.float64], values: object) -> bytes:
    body = struct.pack("<IBI", number, 4, len(times))
    for i, at in enumerate(times.tolist()):
        body += struct.pack("<Bd", 8, at)
        if isinstance(values, list):
            text = str(values[i]).encode()
            body += struct.pack("<BI", 4, len(text)) + text
        else:
            body += np.asarray(values)[i].astype("<f8").tobytes()
    return body
