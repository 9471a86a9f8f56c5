"""RADAR-base questionnaires: one record a questionnaire, its answers a list."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from euthymia.ground.records import Item, Reject
from euthymia.sources.answers import Unscored, score
from euthymia.sources.cells import BadCellError, Column, Kind
from euthymia.sources.contract import Opened
from euthymia.sources.recorded import Made, Recorded
from euthymia.sources.table import Layout, header_of, read_table
from euthymia.sources.typed_cells import typed

NAME: Final = "radar_base"
_PLACE: Final = re.compile(r"value\.answers\.(\d{1,4})\.value(\.\w+)?")
_TIME: Final = Column("time", ("time",), Kind.EPOCH)
_DONE: Final = Column("done", ("timeCompleted",), Kind.EPOCH, nullable=True)
_WHO: Final = Column("who", ("userId",), Kind.TEXT)
_WORDS_ONLY: Final = "none of its answers is a number: a free text may name people"


def is_questionnaire(record: str) -> bool:
    """Tell whether the values of a container are questionnaires."""
    return record == "Questionnaire"


def answer_places(header: Sequence[str]) -> dict[int, list[str]]:
    """Return the columns of each answer's value (one, or one a type it may have)."""
    places: dict[int, list[str]] = {}
    for name in header:
        found = _PLACE.fullmatch(name)
        if found:
            places.setdefault(int(found[1]), []).append(name)
    return places


def csv_answers(opened: Opened) -> Iterator[Item]:
    """Yield the answers of CSV files, whose columns are numbered: `value.answers.0.value`."""
    header: list[str] = []
    for part in opened.parts:
        header += [name for name in header_of(part.blob.head()) if name not in header]
    out = Recorded(NAME, "record")
    for found in read_table(opened, Layout(_columns(header))):
        if isinstance(found, Reject):
            yield from out.flush()
            yield found
            continue
        cells = {name: column.to_pylist() for name, column in found.columns.items()}
        for i, row in enumerate(found.rows.tolist()):
            out.row = row - 1
            record = {name: column[i] for name, column in cells.items()}
            value = {**record, "answers": _listed(record)}
            who = opened.context.subject or record["key.userId"]
            _take(out, str(who), value, record["value.time"], record.get("value.timeCompleted"))
        yield from out.flush()


def _columns(header: Sequence[str]) -> tuple[Column, ...]:
    wanted = [
        Column("key.userId", ("key.userId",), Kind.TEXT),
        Column("value.time", ("value.time",), Kind.EPOCH),
    ]
    if "value.timeCompleted" in header:
        names = ("value.timeCompleted",)
        wanted.append(Column(names[0], names, Kind.EPOCH, required=False, nullable=True))
    ids = [f"value.answers.{place}.questionId" for place in answer_places(header)]
    values = [name for names in answer_places(header).values() for name in names]
    texts = ("value.name", *ids, *values)
    return (
        *wanted,
        *(Column(name, (name,), Kind.TEXT, required=False, nullable=True) for name in texts),
    )


def _listed(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = []
    for place, names in sorted(answer_places(list(record)).items()):
        value = next((record[name] for name in names if record[name] is not None), None)
        question = record.get(f"value.answers.{place}.questionId")
        if value is not None or question is not None:
            answers.append({"value": value, "questionId": question, "place": place})
    return answers


def record_answers(out: Recorded, who: object, value: Mapping[str, Any]) -> None:
    """Take a record of an Avro container."""
    try:
        name = typed(_WHO, who)
        time_us = typed(_TIME, value.get("time"))
        done_us = typed(_DONE, value.get("timeCompleted"))
    except BadCellError as problem:
        out.refuse(f"userId, time or timeCompleted {problem}")
        return
    _take(out, str(name), {"value.name": value.get("name"), **value}, time_us, done_us)


def _take(
    out: Recorded,
    who: str,
    value: Mapping[str, Any],
    time_us: float | str | None,
    done_us: float | str | None,
) -> None:
    made: list[Made] = []
    answers = value.get("answers")
    for place, answer in enumerate(answers if isinstance(answers, list) else []):
        if not isinstance(answer, dict):
            continue
        number = answer.get("place", place)
        question = answer.get("questionId") or f"{value.get('value.name') or 'esm'}.{number}"
        try:
            made.append(
                (
                    *("momentary_answers", int(done_us or time_us or 0)),
                    (str(question), score(_text(answer.get("value")))),
                )
            )
        except Unscored:
            continue
    if made:
        out.take(who, made)
    else:
        out.refuse(_WORDS_ONLY)


def _text(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value)
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)
