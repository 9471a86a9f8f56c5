"""Actiwatch (Philips Respironics): the CSV that Actiware exports, section by section.

Only the section "Epoch-by-Epoch Data" is read: date, time, activity, white light, the button, and
whether the watch was off the wrist. Of an epoch off the wrist only that is kept (its zero would
look like rest); one without a count is counted. The clock is the watch's own, set where it was
started; see `wall_clock`.
"""

import csv
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
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.actigraphy_clock import epoch_of
from euthymia.sources.actiwatch_awd import is_awd, read_awd
from euthymia.sources.cells import NULLS, BadCellError, number
from euthymia.sources.contract import Opened, Source
from euthymia.sources.gather import Fields, Gather, reading
from euthymia.sources.lines import Gap, blocks
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import changes_of_wearing, wearing
from euthymia.sources.wall_clock import to_instants

NAME: Final = "actiwatch"
SYSTEM: Final = device_id(NAME, "").system
_MARKS: Final = (b"Actiwatch Data Properties", b"Epoch-by-Epoch Data")
_NAMES: Final = (  # as Actiware writes them in English, French, German and Dutch
    {"Date", "Datum"},
    {"Time", "Heure", "Zeit", "Tijd"},
    {"Activity", "Activité", "Aktivität", "Activiteit"},
)
_OFF: Final = ("off-wrist", "poignet", "handgelenk", "om-pols")
_LIGHT: Final = {"White Light", "Lumière blanche", "Weißes Licht", "Wit licht"}
_BUTTON: Final = {"Marker", "Marqueur", "Markierung", "Markering"}
_WORN: Final = {"", "0", "FALSE", "False"}
_NONE: Final = {*NULLS, "NAN", "kZ"}
_COMMA: Final = re.compile(r"(?<=\d),(?=\d+(?:[eE][+-]?\d+)?$)")
_GROUPED: Final = re.compile(r"\d{1,3}(,\d{3})+")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])\.?[Mm]\.?)?")
_DAY: Final = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")


def _recognise(path: PurePath, head: bytes) -> float:
    if path.suffix.lower() == ".awd":
        return 0.95 if is_awd(head) else 0.0
    known = b"Actiware" in head[:200] or any(mark in head for mark in _MARKS)
    return 0.95 if path.suffix.lower() == ".csv" and known else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, opened.context.subject or named_after(opened))
    if opened.path.suffix.lower() == ".awd":
        yield from reading(gather, lambda: read_awd(opened.blob, gather, opened.context))
    else:
        yield from reading(gather, lambda: _steps(opened, gather))


def _steps(opened: Opened, gather: Gather) -> Iterator[None]:
    header = list[str]()
    found: list[tuple[int, list[str]]] = []
    for block in blocks(opened.blob):
        if isinstance(block, Gap):
            gather.refuse(block.reason, "")
            continue
        for line, raw in enumerate(_text(block.data).splitlines(), block.line):
            cells = next(csv.reader([raw]), []) if raw.strip(', "') else []
            if not header and all(names & set(cells) for names in _NAMES):
                header = cells[: next(i for i in range(len(cells), 0, -1) if cells[i - 1])]
            elif header and cells and len(cells) >= 3:
                found.append((line, cells))
        yield
    if not header:
        raise SourceError(
            "there is no section Epoch-by-Epoch Data with Date, Time and Activity (in English, "
            "French, German or Dutch); export it again with its epochs"
        )
    _epochs(found, header, opened, gather)


def _text(data: bytes) -> str:
    """Return lines as Actiware wrote them (UTF-8), or as a spreadsheet saved them."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _epochs(
    found: list[tuple[int, list[str]]], header: list[str], opened: Opened, gather: Gather
) -> None:
    day, clock, activity = (
        next(i for i, name in enumerate(header) if name in names) for names in _NAMES
    )
    off_place = next((i for i, n in enumerate(header) if any(w in n.lower() for w in _OFF)), None)
    light, button = (
        next((i for i, name in enumerate(header) if name in names), None)
        for names in (_LIGHT, _BUTTON)
    )
    month_first = _month_first([cells[day] for _, cells in found if len(cells) > day])
    wall, counts, lux = list[int](), list[float](), list[float]()
    off_wrist, pressed = list[bool](), list[bool]()
    for line, cells in found:
        try:
            _whole_line(cells, header)
            at = _moment(cells[day], cells[clock], month_first=month_first)
            found_count = _count(cells[activity])
            level = _number(_cell(cells, light), "White Light")
        except BadCellError as problem:
            gather.refuse(str(problem), f"line {line}")
            continue
        wall.append(at)
        counts.append(found_count)
        lux.append(level)
        off_wrist.append(_cell(cells, off_place) not in _WORN)
        pressed.append(_cell(cells, button) == "1")
    if not wall:
        return
    zone = opened.context.zone_for(gather.subject)
    clock_us = np.array(wall, np.int64)
    left = gather.several(
        to_instants(clock_us, zone),
        _streams(
            np.full(len(wall), epoch_of(clock_us), np.float32),
            np.array(counts),
            np.array(lux),
            np.array(off_wrist),
            np.array(pressed),
        ),
    )
    if left.any():
        gather.leave("an epoch without a count: nothing to keep", int(left.sum()))


def _streams(
    epoch: NDArray[np.float32],
    counts: NDArray[np.float64],
    lux: NDArray[np.float64],
    off: NDArray[np.bool_],
    pressed: NDArray[np.bool_],
) -> dict[str, tuple[NDArray[np.bool_], Fields]]:
    """Return which epochs are samples of which stream, and their fields."""
    return {
        "activity_counts": (~off & ~np.isnan(counts), {"counts": counts, "epoch": epoch}),
        "light": (~off & ~np.isnan(lux), {"level": lux}),
        "event_marks": (pressed, {}),
        "recording_state": (changes_of_wearing(off), wearing(~off)),
    }


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and len(cells) > place else ""


def _whole_line(cells: list[str], header: list[str]) -> None:
    """Refuse a cut line: it may end within a number."""
    if len(cells) < len(header):
        raise BadCellError(f"{len(cells)} cells where the line of names has {len(header)}")


def _count(text: str) -> float:
    """Return an epoch's activity; 1,234 may be a thousand, and is refused."""
    if _GROUPED.fullmatch(text.strip()):
        raise BadCellError("Activity is a number with a comma that may stand for thousands")
    return _number(text, "Activity")


def _number(text: str, name: str) -> float:
    """Return a cell's number, NaN where it holds none; Actiware writes as its computer does."""
    if text.strip() in _NONE:
        return math.nan
    try:
        return number(_COMMA.sub(".", text.strip()))
    except BadCellError:
        raise BadCellError(f"{name} is not a number") from None


def _month_first(days: list[str]) -> bool:
    """Tell whether 4/5/2024 is a day in April: Actiware writes dates as its computer does."""
    parts = [m.groups() for m in map(_DAY.fullmatch, days) if m]
    if len({c for *_, c in parts}) > len({a for a, *_ in parts}) and len(parts[0][0]) < 3:
        raise SourceError(
            "its dates have the year of two digits first; export it with dates as YYYY-MM-DD"
        )
    if any("." in day for day in days):
        return False
    first = [int(a) for a, _, _ in parts if len(a) < 3]
    second = [int(b) for a, b, _ in parts if len(a) < 3]
    if first and max(first) > 12:
        return False
    if not second or max(second) > 12:
        return True
    days_first, days_second = set(first), set(second)
    if len(days_first) == len(days_second) and days_first != days_second:
        raise SourceError(
            "its dates could have the day or the month first, and no other date of the file tells; "
            "export it with dates as YYYY-MM-DD, or a longer recording"
        )
    return len(days_first) <= len(days_second)  # the day changes more often than the month


def _moment(day: str, clock: str, *, month_first: bool) -> int:
    on, at = _DAY.fullmatch(day.strip()), _CLOCK.fullmatch(clock.strip())
    if not on or not at:
        raise BadCellError("Date is not a date of digits, or Time is not hh:mm:ss")
    one, two, three = map(int, on.groups())
    if one > 31:
        year, month, date = one, two, three
    else:
        month, date = (one, two) if month_first else (two, one)
        year = three if three > 99 else 2000 + three
    hour, minute, second = int(at.group(1)), int(at.group(2)), int(at.group(3) or 0)
    if at.group(4):
        hour = hour % 12 + (12 if at.group(4).lower() == "p" else 0)
    try:
        return to_micros(datetime(year, month, date, hour, minute, second, tzinfo=UTC))
    except ValueError as problem:
        raise BadCellError("Date or Time is none of the calendar or the clock") from problem


def _example(folder: Path) -> None:
    rows = "\n".join(
        f'"{i + 1}","5/13/2024","{12 if i < 10 else 1}:{i % 10:02d}:00 PM","0","{i * 7 % 50}","0"'
        for i in range(10)
    )
    (folder / "W01.csv").write_text(
        '"------------------- Subject Properties --------------------"\n\n"Identity:","x"\n\n'
        '"----------------- Actiwatch Data Properties ----------------"\n"Epoch Length:","1.00"\n\n'
        '"-------------------- Epoch-by-Epoch Data -------------------"\n\n'
        '"Line","Date","Time","Off-Wrist Status","Activity","Marker"\n\n' + rows + "\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Actiwatch",
    formats=("<id>.csv of Actiware, with its Epoch-by-Epoch Data", "<id>.awd"),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
