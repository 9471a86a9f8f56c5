"""StudentLife: the study's own `sensing` folder, and hourly activity as niimpy exports it."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.shapes import samples
from euthymia.sources.studentlife_sensing import is_sensing, read_sensing
from euthymia.sources.table import Layout, fits, read_table

SYSTEM: Final = device_id("studentlife", "").system
# `group` is the PHQ group that a study put a person in, not a fact of this row's moment: not read
_LAYOUT: Final = Layout(
    (
        Column("time", ("timestamp",), Kind.INSTANT),
        Column("who", ("user",), Kind.TEXT),
        Column("activity", ("activity",), Kind.WHOLE, low=-128, high=127),
        Column("group", ("group",), Kind.TEXT, nullable=True),
    )
)


def _recognise(path: PurePath, head: bytes) -> float:
    return 1.0 if fits(_LAYOUT, head) or is_sensing(path, head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    if is_sensing(opened.path, opened.blob.head()):
        yield from read_sensing(opened)
        return
    for found in read_table(opened, _LAYOUT):
        if isinstance(found, Reject):
            yield found
            continue
        who = opened.context.subject or found.columns["who"]
        time_us, activity = found.times("time"), found.columns["activity"]
        yield samples(SYSTEM, "activity_class", who, found.rows, time_us, activity=activity)


def _example(folder: Path) -> None:
    (folder / "sl_activity.csv").write_text(
        "timestamp,user,activity,group\n"
        "2013-03-27 06:00:00-05:00,u00,2,none\n"
        "2013-03-27 07:00:00-05:00,u00,1,none\n"
        "2013-03-27 07:00:00-05:00,u01,0,mild\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name="studentlife",
    title="StudentLife",
    formats=(
        "sensing/{activity,audio,conversation,gps,bluetooth,wifi,phonecharge}/<stream>_uNN.csv",
        "*.csv with timestamp,user,activity,group",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    headers=(tuple(c.aliases[0] for c in _LAYOUT.columns),),
)
