"""EDF, EDF+ (continuous or not) and BDF: polygraphic recordings, with their annotations.

Whose it is: EDF+ has a place for the code by which the patient is known; where it is blank (or `X`)
the file's name says it (`sub-01` of a BIDS name, else all of it).

The start is a clock on the wall, without a zone; it is read in the person's zone. From there on
time is counted by samples: a recorder does not follow daylight saving. Sleep stages scored in the
annotations become stages, other annotations marks (never their text), like the triggers of BDF.
Channels are known by their labels and units; those without a stream, and further ones of a stream
that is one curve, are counted, not kept. A row is one channel of one data record.

Kemp & Olivan (2003), European data format 'plus' (EDF+), doi:10.1016/S1388-2457(03)00123-8.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Source
from euthymia.sources.edf_header import Header, Signal, decode_header, header_size, write_edf
from euthymia.sources.gather import Gather, reading
from euthymia.sources.phone_people import named_after
from euthymia.sources.physiology import Channel, channel_of, one_each, stage_of
from euthymia.sources.wall_clock import to_instants

NAME: Final = "edf"
SYSTEM: Final = device_id(NAME, "").system
BATCH: Final = 8 * MiB
_BIDS: Final = re.compile(r"(?:^|_)(sub-[A-Za-z0-9]+)(?:_|$)")
_TAL: Final = re.compile(rb"([+-]\d+(?:\.\d+)?)(?:\x15(\d+(?:\.\d+)?))?\x14([^\x00]*)\x14\x00")
_CUT: Final = "the recording ends early; whole data records before it were kept; copy it again"
_LONGER: Final = (
    "the file goes on after the data records that its header counts, as where a recorder was "
    "stopped; what comes after them was not kept: set the header's number of records to -1"
)

Micros = NDArray[np.int64]


def _recognise(_path: PurePath, head: bytes) -> float:
    if len(head) < 256 or head[:8] not in {b"0       ", b"\xffBIOSEMI"}:
        return 0.0
    numbers = head[184:192] + head[236:256]
    plain = all(byte in b"0123456789 .-+eE" for byte in numbers)
    return 0.95 if plain and head[168:169].isdigit() else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    chunks = _Stretch(opened.blob.chunks())
    header = decode_header(chunks.take(header_size(chunks.take(256, peek=True))))
    gather = Gather(NAME, _person(opened, header))
    zone = opened.context.zone_for(gather.subject)
    start = int(to_instants(np.array([header.start_us], np.int64), zone)[0])

    def steps() -> Iterator[None]:
        yield from _Recording(header, start, gather).read(chunks)
        if opened.blob.cut:
            raise SourceError("gzip stream ends early; copy the file again and re-ingest")
        if chunks.take(1):
            raise SourceError(_LONGER)

    yield from reading(gather, steps)


def _person(opened: Opened, header: Header) -> str:
    stem = opened.path.stem
    found = _BIDS.search(stem)
    return (
        opened.context.subject
        or header.patient
        or (found.group(1) if found else named_after(opened))
    )


class _Stretch:
    """Bytes in the pieces that are asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._ready = chunks, b""

    def take(self, size: int, *, peek: bool = False) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""
        parts, have = [self._ready], len(self._ready)
        while have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self._ready = whole if peek else whole[size:]
        return whole[:size]


class _Recording:
    """Turns data records into items of a `Gather`."""

    def __init__(self, header: Header, start_us: int, gather: Gather) -> None:
        self._header, self._start, self._to = header, start_us, gather
        self._channels = one_each(
            _destination(s) if not s.annotations else "" for s in header.signals
        )
        self._before = 0  # the trigger before the first

    def read(self, chunks: _Stretch) -> Iterator[None]:
        """Read all data records."""
        size, done = self._header.record_bytes, 0
        at_once = max(1, BATCH // size)
        while self._header.records < 0 or done < self._header.records:
            left = at_once if self._header.records < 0 else self._header.records - done
            data = chunks.take(min(at_once, left) * size)
            count = len(data) // size
            if count:
                self._records(np.frombuffer(data[: count * size], np.uint8), count, done)
                done += count
                yield
            if len(data) % size or (not count and self._header.records >= 0):
                raise SourceError(_CUT)
            if not count:
                return

    def _records(self, data: NDArray[np.uint8], count: int, first: int) -> None:
        table = data.reshape(count, self._header.record_bytes)
        at, parts = 0, []
        for signal in self._header.signals:
            parts.append(table[:, at : at + signal.samples * self._header.width])
            at += signal.samples * self._header.width
        starts = self._starts(parts, count, first)
        for signal, channel, part in zip(self._header.signals, self._channels, parts, strict=True):
            if signal.annotations:
                self._annotations(part)
            elif isinstance(channel, str):
                self._to.leave(channel, count)
            elif channel.stream == "event_marks":
                self._triggers(self._digital(part, signal), starts, count)
            else:
                self._signal(self._digital(part, signal), signal, channel, starts)

    def _starts(self, parts: list[NDArray[np.uint8]], count: int, first: int) -> Micros:
        """Return when each data record starts [us]: counted on, or (EDF+) as it says itself."""
        length = self._header.record_s
        offset = np.arange(first, first + count) * length
        place = next((i for i, s in enumerate(self._header.signals) if s.annotations), None)
        if place is not None:
            for i, record in enumerate(parts[place]):
                found = _TAL.match(record.tobytes())
                if found and not found.group(3).strip(b"\x14"):
                    offset[i] = float(found.group(1))
        if not (np.abs(offset) < 1e9).all():
            raise SourceError("a data record starts more than thirty years from the recording")
        starts: Micros = self._start + np.rint(offset * SECOND_US).astype(np.int64)
        return starts

    def _digital(self, part: NDArray[np.uint8], signal: Signal) -> NDArray[np.int32]:
        """Return (records, samples) of little-endian integers of 16 or 24 bits."""
        raw = np.ascontiguousarray(part)
        if self._header.width == 2:
            short: NDArray[np.int32] = raw.view("<i2").astype(np.int32)
            return short
        three = raw.reshape(len(raw), signal.samples, 3).astype(np.int32)
        value: NDArray[np.int32] = three[..., 0] | three[..., 1] << 8 | three[..., 2] << 16
        value[value >= 1 << 23] -= 1 << 24
        return value

    def _times(self, starts: Micros, samples: int) -> Micros:
        step = self._header.record_s * SECOND_US / samples
        inside = np.rint(np.arange(samples) * step).astype(np.int64)
        return np.asarray(starts[:, None] + inside, np.int64).ravel()

    def _signal(
        self, digital: NDArray[np.int32], signal: Signal, channel: Channel, starts: Micros
    ) -> None:
        value = (digital * signal.gain + signal.base).ravel() * channel.factor
        fields = {channel.field: value.astype(np.float32)}
        also = {"channel": pa.repeat(pa.scalar(channel.label), value.size)} if channel.label else {}
        self._to.column(
            channel.stream,
            self._times(starts, signal.samples),
            each=signal.samples,
            **fields,
            **also,
        )

    def _triggers(self, status: NDArray[np.int32], starts: Micros, count: int) -> None:
        """Take a mark where the lower sixteen bits of BDF's status change to a trigger."""
        code = status.ravel() & 0xFFFF
        marks = (code != np.concatenate(([self._before], code[:-1]))) & (code != 0)
        self._before = int(code[-1])
        times = self._times(starts, status.shape[1])[marks]
        if times.size:
            self._to.stretch("event_marks", times)  # the marks of all these records are one row
        if alone := count - bool(times.size):
            self._to.leave("a record of the trigger channel without a mark of its own", alone)

    def _annotations(self, part: NDArray[np.uint8]) -> None:
        for record in part:
            for onset, length, texts in _TAL.findall(record.tobytes()):
                at = self._start + round(float(onset) * SECOND_US)
                for text in texts.split(b"\x14"):
                    if text:
                        self._annotation(at, float(length or 0), text.decode("utf-8", "replace"))

    def _annotation(self, at: int, length: float, text: str) -> None:
        stage = stage_of(text)
        if stage is not None and length == 0:
            self._to.leave("a sleep stage without its length: export the hypnogram with durations")
        elif stage is not None and length <= 172_800:
            self._to.sample("sleep_stages", at, stage, length, None)
        else:
            self._to.sample("event_marks", at)


def _destination(signal: Signal) -> Channel | str:
    if signal.problem:
        return signal.problem
    if signal.label.lower() == "status" and signal.unit.lower() == "boolean":
        return Channel("event_marks", "", 1.0)
    return channel_of(signal.label, signal.unit)


def _example(folder: Path) -> None:
    home = folder / "recordings"
    home.mkdir()
    t = np.arange(256) / 256
    write_edf(
        home / "sub-01_task-rest.edf",
        [
            ("EEG Fpz-Cz", "uV", 256, 50 * np.sin(2 * np.pi * 10 * np.arange(512) / 256)),
            ("ECG", "mV", 256, np.concatenate([t, t])),
        ],
        annotations=[(0.5, 1.0, "Sleep stage W"), (1.5, 0.0, "Lights off")],
    )


SOURCE = Source(
    name=NAME,
    title="EDF, EDF+ and BDF recordings",
    formats=("<id>.edf, <id>.bdf; the patient code of EDF+ where it is filled in",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
