"""AWARE's momentary assessments (ESM): one row a question, its settings as JSON in the row."""

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.answers import Unscored, score
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Context
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk

SYSTEM: Final = device_id("aware", "").system
ANSWERED: Final = 2
PASSED_OVER: Final = frozenset({0, 1, 3, 4})  # new, dismissed, expired, seen
_NO_ANSWER: Final = "the question has no answer that is kept: a free text may name people"
_MAX_JSON: Final = 65_536

ANSWER_COLUMNS: Final = (
    Column("settings", ("esm_json",), Kind.TEXT, nullable=True),
    Column("status", ("esm_status",), Kind.WHOLE, low=-128, high=127),
    Column("answer", ("esm_user_answer",), Kind.TEXT, nullable=True),
    Column(
        "answered",
        ("double_esm_user_answer_timestamp",),
        required=False,
        nullable=True,
        low=0,
        high=4e12,
    ),
    Column("trigger", ("esm_trigger",), Kind.TEXT, required=False, nullable=True),
)


def answers(chunk: Chunk, who: pa.Array | str, _: Context) -> Iterator[Item]:
    """Yield answers at the moment they were given; questions passed over without one."""
    columns = {name: cells.to_pylist() for name, cells in chunk.columns.items()}
    time_us = chunk.times("time").copy()
    kept: list[int] = []
    question: list[str] = []
    value: list[float | None] = []
    for i, row in enumerate(chunk.rows.tolist()):
        cells = {name: column[i] for name, column in columns.items()}
        try:
            value.append(_answer(cells))
        except Unscored:
            yield Reject(row, _NO_ANSWER)
            continue
        kept.append(i)
        question.append(_question(cells))
        at = cells.get("answered")
        if cells["status"] == ANSWERED and at:
            time_us[i] = round(at * (1e3 if at >= 1e11 else 1e6))
    if kept:
        place = np.array(kept)
        owner = who if isinstance(who, str) else who.take(pa.array(place))
        yield samples(
            *(SYSTEM, "momentary_answers", owner, chunk.rows[place], time_us[place]),
            question=pa.array(question, pa.string()),
            answer=pa.array(value, pa.float64()),
        )


def _settings(cells: dict[str, Any]) -> dict[str, Any]:
    text = cells.get("settings") or ""
    try:
        found = json.loads(text) if len(text) <= _MAX_JSON else None
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, dict) and isinstance(found.get("esm"), dict):
        found = found["esm"]
    return found if isinstance(found, dict) else {}


def _question(cells: dict[str, Any]) -> str:
    settings = _settings(cells)
    named = (settings.get(name) for name in ("esm_title", "esm_instructions"))
    title = next((text for text in named if isinstance(text, str) and text.strip()), None)
    return title or cells.get("trigger") or "esm"


def _answer(cells: dict[str, Any]) -> float | None:
    if cells["status"] in PASSED_OVER:
        return None
    if cells["status"] != ANSWERED and not cells["answer"]:
        return None
    settings = _settings(cells)
    options: list[str] = []
    for name in ("esm_radios", "esm_quick_answers", "esm_checkboxes"):
        found = settings.get(name)
        if isinstance(found, list):
            options = [str(option) for option in found]
            break
    return score(cells["answer"], options)
