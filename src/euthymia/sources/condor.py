"""Condor's ActTrust and ActLumus: the text that ActStudio exports, with its report or without.

Counts are those of the mode ZCM (crossings of zero), of which the scorings of sleep were made (Cole
et al. 1992, Sadeh et al. 1994); of a watch that did not record it, PIM, else TAT. With them come
the light [lx], the temperature on the side of the wrist, presses of the button, and when the watch
was off (`STATE` 4): such an epoch gives no counts, its zero would look like rest. The clock is the
watch's own, with the day first (a spreadsheet may have put the year first); see `wall_clock`.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import to_micros
from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item
from euthymia.sources.actigraphy_clock import epoch_of
from euthymia.sources.cells import NULLS, BadCellError, moment, number
from euthymia.sources.contract import Opened, Source
from euthymia.sources.gather import Gather, reading
from euthymia.sources.lines import BOM, Gap, blocks
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import changes_of_wearing, wearing
from euthymia.sources.wall_clock import to_instants

NAME: Final = "condor"
_HEADER: Final = re.compile(rb"(?:^|\n)DATE/TIME[;,\t][^\n]*\b(?:PIM|ZCM|TAT)\b")
_MOMENT: Final = re.compile(r"(\d\d?)/(\d\d?)/(\d{4}|\d\d) (\d\d?):(\d\d):(\d\d)", re.ASCII)
_MODES: Final = ("ZCM", "PIM", "TAT")
_LIGHT, _WARMTH, _BUTTON, _STATE = "LIGHT", "TEMPERATURE", "EVENT", "STATE"
_WANTED: Final = (*_MODES, _LIGHT, _WARMTH, _BUTTON, _STATE)
_OFF_WRIST: Final = 4.0
_MARKS: Final = ";\t,"
_BAD_TIME: Final = "DATE/TIME is not dd/mm/yyyy hh:mm:ss"
_MONTH_FIRST: Final = (
    "line {}: DATE/TIME has the month before the day, and of other lines that cannot be told; "
    "export it again from ActStudio, which writes dd/mm/yyyy"
)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.95 if _HEADER.search(head.removeprefix(BOM)) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, opened.context.subject or named_after(opened))
    yield from reading(gather, lambda: _steps(opened, gather))


def _steps(opened: Opened, gather: Gather) -> Iterator[None]:
    names, mark = list[str](), ";"
    wall, rows = list[int](), list[list[float]]()
    for block in blocks(opened.blob):
        if isinstance(block, Gap):
            gather.refuse(block.reason, "")
            continue
        lines = block.data.removeprefix(BOM).decode("latin-1").split("\n")
        for line, text in enumerate(lines, block.line):
            if not names and text.startswith("DATE/TIME"):
                mark = next(mark for mark in _MARKS if mark in text)
                names = [name.strip() for name in text.rstrip(mark + "\r ").split(mark)]
            elif names and text.strip():
                cells = [cell.strip() for cell in text.split(mark)]
                try:
                    row = _row(cells, names)
                    wall.append(_moment(cells[0], line))
                except BadCellError as problem:
                    gather.refuse(str(problem), f"line {line}")
                else:
                    rows.append(row)
        yield
    if not names:
        raise SourceError("no line of it begins with DATE/TIME; export it again from ActStudio")
    if wall:
        _hand_over(np.array(wall, np.int64), np.array(rows), opened, gather)


def _moment(text: str, line: int) -> int:
    found = _MOMENT.fullmatch(text)
    if not found:
        try:
            return moment(text, zoned=False)
        except BadCellError:
            raise BadCellError(_BAD_TIME) from None
    day, month, year, hour, minute, second = map(int, found.groups())
    if day <= 12 < month <= 31:
        raise SourceError(_MONTH_FIRST.format(line))
    year += 0 if year > 99 else 2000
    try:
        return to_micros(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    except ValueError as problem:
        raise BadCellError(_BAD_TIME) from problem


def _row(cells: list[str], names: list[str]) -> list[float]:
    """Return what is wanted of a line; a cut one may end within a number."""
    if len(cells) < len(names):
        raise BadCellError(f"{len(cells)} cells where the line of names has {len(names)}")
    return [_number(cells, name, names) for name in _WANTED]


def _number(cells: list[str], name: str, names: list[str]) -> float:
    """Return the number in a column; NaN where it is empty or there is no such column."""
    text = cells[names.index(name)] if name in names else ""
    try:
        return math.nan if text in NULLS else number(text.replace(",", "."))
    except BadCellError:
        raise BadCellError(f"{name} is not a number") from None


def _hand_over(
    wall: NDArray[np.int64], values: NDArray[np.float64], opened: Opened, gather: Gather
) -> None:
    *modes, light, warmth, button, state = values.T
    recorded = (mode for mode in modes if (mode > 0).any())
    counts = next(recorded, next((mode for mode in modes if (mode >= 0).any()), modes[0]))
    off = state == _OFF_WRIST
    left = gather.several(
        to_instants(wall, opened.context.zone_for(gather.subject)),
        {
            "activity_counts": (
                ~off & (counts >= 0),
                {"counts": counts, "epoch": np.full(wall.size, epoch_of(wall), np.float32)},
            ),
            "light": (~off & (light >= 0), {"level": light}),
            "skin_temperature": (~off & (warmth > 0), {"value": warmth}),
            "event_marks": (button > 0, {}),
            "recording_state": (changes_of_wearing(off), wearing(~off)),
        },
    )
    if left.any():
        gather.leave("an epoch without a count: nothing to keep", int(left.sum()))


def _example(folder: Path) -> None:
    rows = "".join(
        f"13/05/2024 12:{i:02d}:00;0;0;30.5;28.1;0;{i * 70};1.2;{i};0;{i};0;120.5;0\n"
        for i in range(10)
    )
    (folder / "C01.txt").write_text(
        "+-------------+ Condor Instruments Report +-------------+\nDEVICE_MODEL : ActTrust1\n"
        "INTERVAL : 60\n+-------------------------------------------------------+\n"
        "DATE/TIME;MS;EVENT;TEMPERATURE;EXT TEMPERATURE;ORIENTATION;PIM;PIMn;TAT;TATn;ZCM;ZCMn;"
        "LIGHT;STATE\n" + rows,
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Condor ActTrust and ActLumus",
    formats=("<id>.txt of ActStudio, with DATE/TIME and PIM, TAT or ZCM",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
