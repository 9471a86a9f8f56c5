"""A folder of clinical notes: `<id>/<YYYY-MM-DD>*.txt`, one note a file, UTF-8."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import DAY_US, day_number
from euthymia.ground.codes import NOTE
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Source
from euthymia.sources.lines import BOM
from euthymia.sources.phone_people import folder_of
from euthymia.sources.shapes import Facts
from euthymia.sources.wall_clock import to_instants

MAX_NOTE: Final = 4 * MiB
_DATED: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?!\d).*\.txt", re.IGNORECASE)


def _recognise(path: PurePath, head: bytes) -> float:
    looks_like_text = b"\0" not in head
    return 0.5 if _DATED.fullmatch(path.name) and looks_like_text and folder_of(path) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    """Yield the note, at the start of the day in its file's name where the person lives."""
    who = device_id(SOURCE.name, opened.context.subject or folder_of(opened.path))
    found = _DATED.fullmatch(opened.path.name)
    try:
        day = day_number(date.fromisoformat(found.group(1) if found else ""))
    except ValueError:
        raise SourceError(
            "the file's name does not begin with a date of the calendar (YYYY-MM-DD); rename it"
        ) from None
    data = opened.blob.whole(MAX_NOTE).removeprefix(BOM)
    try:
        text = data.decode("utf-8").strip()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise SourceError(f"line {line}: the note is not UTF-8 text; save it as UTF-8") from None
    if not text:
        raise SourceError("the note is empty")
    if "\0" in text:
        raise SourceError("the note holds NUL bytes, so it is not text; export it again")
    wall_us = np.array([day * DAY_US], np.int64)
    time_us = int(to_instants(wall_us, opened.context.zone_for(who))[0])
    facts = Facts(SOURCE.name)
    facts.add(1, who, NOTE, time_us=time_us, text=text)
    yield from facts.take()


def _example(folder: Path) -> None:
    home = folder / "E-1001"
    home.mkdir(parents=True)
    (home / "2024-05-01.txt").write_text("Sleeps better. Walks daily.\n", encoding="utf-8")
    (home / "2024-06-01 visit.txt").write_text("Mood stable.\n", encoding="utf-8")


SOURCE = Source(
    name="notes",
    title="Clinical notes",
    formats=("<id>/<YYYY-MM-DD>*.txt",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
