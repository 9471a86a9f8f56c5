"""Beiwe's surveys: one file of answers a survey taken, and hourly files of how it was answered.

Answers have no time of their own: a file is named by the moment it was handed in. The timings hold
every step towards an answer; kept of them are surveys that ran out, and how long each question
was looked at (`<question>.seen_s`), so that no answer is counted twice.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from euthymia.ground.clock import to_micros
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.answers import Unscored, score
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Part
from euthymia.sources.recorded import Recorded
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, read_table

SYSTEM: Final = device_id("beiwe", "").system
_NAMED: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d)[_:](\d\d)[_:](\d\d)")
_FREE: Final = "a free-text answer is not kept: it may name people"
_STEP: Final = "a step towards an answer: the answer itself is in survey_answers"
_LONGEST_S: Final = 86400.0
_SIGN: Final = re.compile(";")
_TIGHT: Final = re.compile(r";(?! )")


def _text(name: str, alias: str, *, required: bool = True) -> Column:
    return Column(name, (alias,), Kind.TEXT, required, nullable=True)


ANSWERS: Final = Layout(
    (
        _text("question", "question id"),
        _text("kind", "question type"),
        _text("options", "question answer options"),
        _text("answer", "answer"),
    )
)
TIMINGS: Final = Layout(
    (
        Column("time", ("timestamp",), Kind.EPOCH),
        _text("question", "question id"),
        _text("survey", "survey id", required=False),
        _text("event", "event", required=False),
    )
)


_ANDROID: Final = {"Checkbox Question": "checkbox", "Info Text Box": "info_text_box"}
"""What the Android app calls the kinds of questions that are read in their own way."""
_UNCERTAIN: Final = "its options hold the sign between them (;): which one was meant cannot be told"


def options_of(text: str | None) -> list[str]:
    """Return the options of a question: iPhones write `[never;often]`, Androids `[never; often]`.

    An option may hold a semicolon itself (the apps write it for a comma). Where signs with and
    without a space behind them stand side by side, those without stand between options, as no
    iPhone writes a space there; an Android's list of that sort cannot be taken apart with
    certainty (`certain`).
    """
    if not text or not text.startswith("["):
        return []
    inner = text.strip("[]")
    between = _TIGHT if "; " in inner and _TIGHT.search(inner) else _SIGN
    return [option.strip() for option in between.split(inner)]


def _certain(kind: str | None, text: str | None) -> bool:
    """Tell whether a list of options can be taken apart in one way only."""
    mixed = "; " in (text or "") and _TIGHT.search((text or "").strip("[]")) is not None
    doubled = re.search(r";\s*;", text or "") is not None
    return not doubled and not (mixed and (kind or "").endswith("Question"))


def read_answers(opened: Opened, who: str) -> Iterator[Item]:
    """Yield the answers of each file at the moment in its name."""
    out = Recorded("beiwe", "row")
    for part in opened.parts:
        time_us = _moment(part)
        label = f"{part.path.name}: " if len(opened.parts) > 1 else ""
        alone = Opened(opened.name, (part,), opened.context)
        first = out.row
        for found in read_table(alone, ANSWERS):
            if isinstance(found, Reject):
                yield from out.flush()
                yield Reject(first + found.row, f"{label}{found.reason}", found.rows)
                out.row = first + found.row + found.rows - 1
            elif time_us is None:
                yield from out.flush()
                yield Reject(
                    first + 1, f"{label}the file's name is no time of day", len(found.rows)
                )
                out.row = first + len(found.rows)
            else:
                _take(out, who, time_us, found, first)
    yield from out.flush()


def _moment(part: Part) -> int | None:
    found = _NAMED.match(part.path.name)
    try:
        numbers = [int(group) for group in found.groups()] if found else []
        year, month, day, hour, minute, second = numbers
        return to_micros(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    except ValueError:
        return None


def _take(out: Recorded, who: str, time_us: int, chunk: Chunk, first: int) -> None:
    cells = {name: column.to_pylist() for name, column in chunk.columns.items()}
    for i, row in enumerate(chunk.rows.tolist()):
        out.row = first + row - 1
        question = cells["question"][i] or "question"
        answer, options = cells["answer"][i], options_of(cells["options"][i])
        kind = _ANDROID.get(cells["kind"][i] or "", cells["kind"][i])
        certain = _certain(cells["kind"][i], cells["options"][i])
        if kind == "info_text_box":
            out.take(who, [("momentary_answers", time_us, (question, None))])
        elif kind == "checkbox" and certain:
            out.take(who, _checked(time_us, question, answer, options))
        else:
            try:
                value = score(answer, options if certain else ())
            except Unscored:
                out.refuse(_FREE if certain else _UNCERTAIN)
                continue
            out.take(who, [("momentary_answers", time_us, (question, value))])


def _checked(time_us: int, question: str, answer: str | None, options: list[str]) -> list[Any]:
    """Return one answer an option: 1 chosen, 0 not; none of them if it was passed over."""
    given = (answer or "").strip("[]").casefold()
    if not options or not (answer or "").startswith("["):
        return [("momentary_answers", time_us, (question, None))]
    return [
        (
            *("momentary_answers", time_us),
            (f"{question}.{i}", float(_among(option.casefold(), given))),
        )
        for i, option in enumerate(options)
    ]


def _among(option: str, given: str) -> bool:
    return re.search(rf"(?:^|;)\s*{re.escape(option)}\s*(?:$|;)", given) is not None


def read_timings(opened: Opened, who: str) -> Iterator[Item]:
    """Yield how long questions were looked at, and surveys that ran out."""
    shown: dict[str, int] = {}
    for found in read_table(opened, TIMINGS):
        if isinstance(found, Reject):
            yield found
        else:
            yield from _timings(found, who, shown)


def _timings(chunk: Chunk, who: str, shown: dict[str, int]) -> Iterator[Item]:
    cells = {name: column.to_pylist() for name, column in chunk.columns.items()}
    events = cells.get("event") or [None] * len(chunk.rows)
    surveys = cells.get("survey") or [None] * len(chunk.rows)
    time_us = chunk.times("time")
    kept: list[tuple[int, str, float | None]] = []
    for i, (question, event) in enumerate(zip(cells["question"], events, strict=True)):
        if event == "present" and question:
            shown.setdefault(question, int(time_us[i]))
        elif event == "unpresent" and question in shown:
            seconds = (int(time_us[i]) - shown.pop(question)) / 1e6
            if 0 <= seconds <= _LONGEST_S:
                kept.append((i, f"{question}.seen_s", seconds))
        elif event == "expired":
            kept.append((i, surveys[i] or "survey", None))
    mask = np.zeros(len(chunk.rows), np.bool_)
    if kept:
        places = np.array([i for i, _, _ in kept])
        mask[places] = True
        yield samples(
            *(SYSTEM, "momentary_answers", who, chunk.rows[places], time_us[places]),
            question=pa.array([question for _, question, _ in kept], pa.string()),
            answer=pa.array([value for _, _, value in kept], pa.float64()),
        )
    rows = chunk.rows[~mask]
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), _STEP, int(run.size))
