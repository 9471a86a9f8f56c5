"""Routes (GPX) and electrocardiograms (CSV) that come with Apple Health's export."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.sources.apple_records import moment_us
from euthymia.sources.blob import Blob, MiB
from euthymia.sources.cells import BadCellError, number
from euthymia.sources.contract import Opened
from euthymia.sources.gather import Gather
from euthymia.sources.json_tree import ShapeError, instant
from euthymia.sources.xml_stream import Attributes, Elements

MAX_ECG: Final = 8 * MiB  # 30 s at 512 Hz are 0.2 MiB
_PER_MV: Final = {"µV": 1000.0, "μV": 1000.0, "uV": 1000.0, "mV": 1.0, "V": 0.001}
_WANTED: Final = {"ele": "altitude", "time": "time", "speed": "speed", "hAcc": "accuracy"}


def is_gpx(head: bytes) -> bool:
    """Tell whether a file is a GPX track."""
    return re.search(rb"<gpx[\s>]", head) is not None


class _Route(Elements):
    """Reads track points into a `Gather`."""

    def __init__(self, gather: Gather) -> None:
        super().__init__(text=True)
        self._to = gather
        self._point: dict[str, str] | None = None
        self._name: str | None = None

    def begin(self, _depth: int, name: str, attributes: Attributes) -> None:
        """Begin a point, or one of its parts."""
        if name == "trkpt":
            self._point = {"latitude": attributes.get("lat", ""), "longitude": ""}
            self._point["longitude"] = attributes.get("lon", "")
        self._name = _WANTED.get(name) if self._point is not None else None

    def text(self, data: str) -> None:
        """Keep the text of a part."""
        if self._point is not None and self._name is not None:
            self._point[self._name] = self._point.get(self._name, "") + data

    def end(self, _depth: int, name: str) -> None:
        """Take a point at its end."""
        self._name = None
        if name == "trkpt" and self._point is not None:
            point, self._point = self._point, None
            try:
                self._take(point)
            except (BadCellError, ShapeError):
                self._to.refuse(
                    "a track point's place, time, height, speed or accuracy is not what it must be",
                    f"line {self.line}",
                )

    def _take(self, point: dict[str, str]) -> None:
        time_us = instant(point.get("time", "").strip(), "time")
        part = {
            name: number(text.strip()) for name, text in point.items() if name != "time" and text
        }
        accuracy, speed = part.get("accuracy"), part.get("speed")
        self._to.sample(
            "location",
            time_us,
            number(point["latitude"].strip()),
            number(point["longitude"].strip()),
            accuracy if accuracy is not None and accuracy >= 0 else None,  # below 0: not known
            part.get("altitude"),
            speed if speed is not None and speed >= 0 else None,
        )


def gpx(blob: Blob, gather: Gather) -> Iterator[None]:
    """Read a route."""
    yield from _Route(gather).feed(blob)


# -- electrocardiograms ----------------------------------------------------------------------------


def is_ecg(path: PurePath, head: bytes) -> bool:
    """Tell whether a file is Apple's ECG: a CSV whose first lines are names and values.

    The names are in the language of the phone; the date with its offset and the rate are not.
    """
    if path.suffix.lower() != ".csv":
        return False
    lines = head[:4096].decode("utf-8", "replace").splitlines()[:14]
    return _recorded(lines) is not None and _rate(lines) is not None


def _values(lines: list[str]) -> Iterator[str]:
    for line in lines:
        _, comma, value = line.partition(",")
        if comma:
            yield value.strip().strip('"')


def _recorded(lines: list[str]) -> int | None:
    for value in _values(lines):
        try:
            return moment_us(value)
        except BadCellError:
            continue
    return None


def _rate(lines: list[str]) -> float | None:
    for value in _values(lines):
        found = re.fullmatch(r"(\d{2,4}(?:[.,]\d+)?) ?\D{1,10}", value)
        if found:
            rate = float(found.group(1).replace(",", "."))
            return rate if 50 <= rate <= 2000 else None
    return None


def ecg(opened: Opened, gather: Gather) -> Iterator[None]:
    """Read an ECG: voltages at an even rate from the recorded date on.

    They are microvolts, unless a line before them names another unit.
    """
    text = opened.blob.whole(MAX_ECG, even_if_cut=True).decode("utf-8", "replace")
    lines = text.removeprefix("\ufeff").splitlines()
    start, rate = _recorded(lines[:14]), _rate(lines[:14])
    if start is None or rate is None:
        raise SourceError("the ECG names no recorded date with its offset or no sample rate in Hz")
    first = next((i for i, line in enumerate(lines) if _voltage(line) is not None), len(lines))
    body, units = lines[first:], [value for value in _values(lines[:first]) if value in _PER_MV]
    per_mv = _PER_MV[units[0] if units else "µV"]
    if opened.blob.cut and body:
        body.pop()  # it may be a part of a number
    read = [_voltage(line) for line in body if line.strip()]
    good = np.array([i for i, value in enumerate(read) if value is not None], np.int64)
    value = np.array([v for v in read if v is not None], np.float64)
    time_us = start + np.rint(good * (SECOND_US / rate)).astype(np.int64)
    gather.column("electrocardiogram", time_us, value=(value / per_mv).astype(np.float32))
    if len(read) > good.size:
        gather.refuse("a voltage is not a number", "after the header", len(read) - good.size)
    if opened.blob.cut:
        gather.refuse("gzip stream ends early; copy the file again and re-ingest", "")
    yield


def _voltage(line: str) -> float | None:
    cells = line.replace('"', "").strip().strip(",").split(",")
    try:
        return number(cells[0]) if len(cells) == 1 else number(".".join(cells))
    except BadCellError:
        return None
