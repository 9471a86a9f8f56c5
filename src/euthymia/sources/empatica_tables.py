"""Empatica E4 as research repositories publish it: a table a sensor, each row with its own time.

As in BIG IDEAs (Cho et al. 2023, doi:10.13026/zthx-5212): `HR_001.csv` with the line of names
`datetime, hr`, and so `eda`, `temp`, `bvp`, `ibi` [s], and `acc_x, acc_y, acc_z` in 1/64 g. The
person is what stands after the sensor, or the folder. Times are those of a clock on the wall.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.lines import BOM
from euthymia.sources.motion import AXES, E4_PER_G, per_g
from euthymia.sources.phone_people import folder_of
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, read_table
from euthymia.sources.wall_clock import InPieces

NAME: Final = "empatica_tables"
SYSTEM: Final = device_id("empatica", "").system
_PERSON: Final = re.compile(r"(?:ACC|BVP|EDA|HR|IBI|TEMP)[_-](\w[\w-]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sensor:
    """A sensor: our stream, its fields in the order of the file's columns, and a factor."""

    stream: str
    fields: tuple[str, ...]
    factor: float = 1.0


_SENSORS: Final = {
    ("acc_x", "acc_y", "acc_z"): _Sensor("accelerometer", AXES),
    ("bvp",): _Sensor("blood_volume_pulse", ("value",)),
    ("eda",): _Sensor("electrodermal_activity", ("level",)),
    ("hr",): _Sensor("heart_rate", ("rate",)),
    ("ibi",): _Sensor("beat_intervals", ("interval",), 1e3),
    ("temp",): _Sensor("skin_temperature", ("value",)),
}


def _sensor(head: bytes) -> _Sensor | None:
    line = head.removeprefix(BOM).split(b"\n", 1)[0].decode("latin-1")
    time, *names = [cell.strip(' "\r').lower() for cell in line.split(",")]
    return _SENSORS.get(tuple(names)) if time == "datetime" else None


def _recognise(path: PurePath, head: bytes) -> float:
    return 0.9 if path.suffix.lower() == ".csv" and _sensor(head) else 0.0


def _person(opened: Opened) -> str:
    named = _PERSON.fullmatch(opened.path.stem)
    folder = folder_of(opened.path) or opened.path.parent.name
    return opened.context.subject or (named.group(1) if named else folder)


def _read(opened: Opened) -> Iterator[Item]:
    sensor, who, unit = _sensor(opened.blob.head()), _person(opened), 0.0
    assert sensor is not None  # or it would not have been recognised
    columns = tuple(Column(name, (name,)) for name in sensor.fields)
    layout = Layout(
        (Column("time", ("datetime",), Kind.WALL), *columns), positional=True, skip_lines=1
    )
    clock: InPieces[Chunk] = InPieces(opened.context.zone_for(device_id("empatica", who)))

    def made(time_us: NDArray[np.int64], chunk: Chunk) -> Item:
        fields = {name: chunk.floats(name) / unit for name in sensor.fields}
        return samples(SYSTEM, sensor.stream, who, chunk.rows, time_us, **fields)

    for found in read_table(opened, layout):
        if isinstance(found, Reject):
            yield found
            continue
        if not unit:
            axes = {name: found.floats(name) for name in sensor.fields}
            acceleration = sensor.fields == AXES
            unit = per_g(axes, 1.0, E4_PER_G) if acceleration else 1 / sensor.factor
        for part in clock.take(found.times("time"), found):
            yield made(*part)
    for part in clock.rest():
        yield made(*part)


def _example(folder: Path) -> None:
    texts = {
        "HR": "datetime, hr\n2024-05-01 10:00:00,71.0\n2024-05-01 10:00:01,71.5\n",
        "EDA": "datetime, eda\n2024-05-01 10:00:00.000,0.41\n2024-05-01 10:00:00.250,0.42\n",
        "TEMP": "datetime, temp\n2024-05-01 10:00:00.000,31.21\n",
        "BVP": "datetime, bvp\n2024-05-01 10:00:00.000000,-5.0\n",
        "IBI": "datetime, ibi\n2024-05-01 10:00:01.250,0.8125\n",
        "ACC": "datetime, acc_x, acc_y, acc_z\n2024-05-01 10:00:00.031250,22.0,45.0,40.0\n",
    }
    home = folder / "E02"
    home.mkdir()
    for name, text in texts.items():
        (home / f"{name}_E02.csv").write_text(text, encoding="utf-8")


SOURCE = Source(
    name=NAME,
    title="Empatica E4, tables with times",
    formats=("{HR,EDA,TEMP,BVP,IBI,ACC}_<id>.csv with datetime and the sensor's values",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
