"""CamNtech's MotionWare (MotionWatch): `.mtn`, XML with a channel of counts and maybe one of light.

A channel has the length of its epoch [s], where it begins after the start of the recording
(`offset`, in epochs), and its values between commas. Other channels, and marks, are counted and
named. The clock is the watch's own; see `wall_clock`.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item
from euthymia.sources.cells import BadCellError, moment, number
from euthymia.sources.contract import Opened, Source
from euthymia.sources.gather import Gather, reading
from euthymia.sources.phone_people import named_after
from euthymia.sources.wall_clock import to_instants
from euthymia.sources.xml_stream import Attributes, Elements

NAME: Final = "motionware"
_START: Final = "=StartTime"
_TEXTS: Final = frozenset({"name", "content", "epoch", "offset", "units", "data"})
_STREAMS: Final = {"motion": ("activity_counts", "counts"), "light": ("light", "level")}
MOST: Final = 64 * 1024 * 1024  # characters of a channel: 100 days of epochs of a second have 30


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.95 if b"<motionfile" in head[:4096] else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, opened.context.subject or named_after(opened))
    yield from reading(gather, lambda: _Watch(gather, opened).read())


class _Watch(Elements):
    """Reads a recording into a `Gather`."""

    def __init__(self, gather: Gather, opened: Opened) -> None:
        super().__init__(text=True)
        self._to, self._opened = gather, opened
        self._start: int | None = None
        self._texts: dict[str, list[str]] = {}
        self._name, self._size = "", 0

    def read(self) -> Iterator[None]:
        """Read the file."""
        yield from self.feed(self._opened.blob)

    def begin(self, _depth: int, name: str, _attributes: Attributes) -> None:
        """Begin a channel or a property, or one of its parts."""
        if name in {"channel", "property"}:
            self._texts, self._size = {}, 0
        self._name = name if name in _TEXTS else ""

    def text(self, data: str) -> None:
        """Keep the text of a part."""
        if not self._name:
            return
        self._size += len(data)
        if self._size > MOST:
            raise SourceError(f"line {self.line}: a channel is longer than any recording")
        self._texts.setdefault(self._name, []).append(data)

    def end(self, _depth: int, name: str) -> None:
        """Take a property or a channel at its end."""
        self._name = ""
        if name == "property" and self._part("name") == _START:
            try:
                self._start = moment(self._part("content"), zoned=False)
            except BadCellError:
                raise SourceError("StartTime is not YYYY-MM-DD hh:mm:ss") from None
        elif name == "channel":
            self._channel()
        elif name == "ann":
            self._to.leave("an annotation: it names no time that is kept")

    def _part(self, name: str) -> str:
        return "".join(self._texts.get(name, ())).strip()

    def _channel(self) -> None:
        kind = self._part("name").lower()
        if kind not in _STREAMS:
            self._to.leave("a channel that is neither motion nor light: not kept")
            return
        if self._start is None:
            raise SourceError("no StartTime stands before the first channel; export it again")
        try:
            epoch, offset = number(self._part("epoch")), number(self._part("offset") or "0")
        except BadCellError:
            epoch = offset = 0.0
        if not 0 < epoch <= 3600 or not 0 <= offset < 1e8:
            self._to.refuse("a channel's epoch is not a number of seconds", f"line {self.line}")
            return
        values = self._values(self._part("data"))
        step = np.arange(values.size) + offset
        wall = self._start + np.rint(step * epoch * SECOND_US).astype(np.int64)
        time_us = to_instants(wall, self._opened.context.zone_for(self._to.subject))
        stream, field = _STREAMS[kind]
        keep = values >= 0
        also: dict[str, NDArray[np.float64]] = {field: values[keep]}
        if stream == "activity_counts":
            also["epoch"] = np.full(int(keep.sum()), epoch)
        self._to.column(stream, time_us[keep], 1, **also)

    def _values(self, data: str) -> NDArray[np.float64]:
        """Return the values of a channel; NaN for one that is none, which is refused."""
        cells = data.rstrip(", \r\n").split(",") if data.strip(", \r\n") else []
        out = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            try:
                out[i] = number(cell.strip())
            except BadCellError:
                out[i] = np.nan
        bad = int((~(out >= 0)).sum())
        if bad:
            self._to.refuse("a value of a channel is not a number from 0", f"line {self.line}", bad)
        return out


def _example(folder: Path) -> None:
    (folder / "M01.mtn").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><motionfile><log2 major="2" minor="1">\n'
        f"<change><property><name>{_START}</name><content>2024-05-13 12:00:00</content>"
        "</property></change>\n<change><channel><name>motion</name><units>Counts</units>"
        '<epoch>30</epoch><offset>0</offset><data encoding="text">0,5,12,\n7,0,3</data></channel>'
        "</change></log2></motionfile>\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="CamNtech MotionWare",
    formats=("<id>.mtn",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
