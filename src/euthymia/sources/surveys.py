"""Questionnaires filled in on a phone: PHQ-9 an answer a line, and a survey a person a line."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.codes import LOINC, OWN, PHQ9_ITEMS
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import Facts
from euthymia.sources.table import Chunk, Layout, fits, header_of, read_table

SYSTEM: Final = device_id("surveys", "").system

_PHQ9: Final = Layout(
    (
        Column("time", ("time", "timestamp"), Kind.EPOCH),
        Column(
            "item",
            ("id",),
            Kind.CHOICE,
            choices={f"PHQ9_{i}": i - 1 for i in range(1, len(PHQ9_ITEMS) + 1)},
        ),
        Column("answer", ("answer",), Kind.WHOLE, low=0, high=3),
        Column("who", ("user",), Kind.TEXT, required=False),
    )
)

_FORMS: Final = frozenset(
    ("phq9", "phq-9", "phq_9", "phq", "survey", "surveys", "answers", "questionnaire", "ema")
)
"""Names of files that say what was asked, and not whom."""
_FORTNIGHT: Final = {
    "not-at-all": 0,
    "several-days": 1,
    "more-than-half-the-days": 2,
    "nearly-every-day": 3,
}
_MONTH: Final = {"never": 0, "almost-never": 1, "sometimes": 2, "fairly-often": 3, "very-often": 4}
_LAST_MONTH: Final = "In the last month; how often have you "

# PHQ-2 and GAD-2 items keep their LOINC codes. The PSS-10 items are kept as answered, 0 to 4:
# items 4, 5, 7 and 8 speak of coping and are turned round when the scale is scored.
_QUESTIONS: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = {
    "Little interest or pleasure in doing things.": (PHQ9_ITEMS[0], _FORTNIGHT),
    "Feeling down; depressed or hopeless.": (PHQ9_ITEMS[1], _FORTNIGHT),
    "Feeling nervous; anxious or on edge.": (LOINC + "69725-0", _FORTNIGHT),
    "Not being able to stop or control worrying.": (LOINC + "68509-9", _FORTNIGHT),
    _LAST_MONTH + "felt that you were unable to control the important things in your life?": (
        OWN + "pss10.item2",
        _MONTH,
    ),
    _LAST_MONTH + "felt confident about your ability to handle your personal problems?": (
        OWN + "pss10.item4",
        _MONTH,
    ),
    _LAST_MONTH + "felt that things were going your way?": (OWN + "pss10.item5", _MONTH),
    _LAST_MONTH + "been able to control irritations in your life?": (OWN + "pss10.item7", _MONTH),
    _LAST_MONTH + "felt that you were on top of things?": (OWN + "pss10.item8", _MONTH),
    _LAST_MONTH + "been angered because of things that were outside of your control?": (
        OWN + "pss10.item9",
        _MONTH,
    ),
    _LAST_MONTH + "felt difficulties were piling up so high that you could not overcome them?": (
        OWN + "pss10.item10",
        _MONTH,
    ),
}
_SURVEY: Final = Layout(
    (
        Column("who", ("user",), Kind.TEXT),
        Column("age", ("age",), required=False, nullable=True, low=0, high=130),
        Column("gender", ("gender",), Kind.TEXT, required=False, nullable=True),
        *(
            Column(question, (question,), Kind.CHOICE, required=i < 2, nullable=True, choices=words)
            for i, (question, (_, words)) in enumerate(_QUESTIONS.items())
        ),
    )
)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 1.0 if fits(_SURVEY, head) or _is_phq9(head) else 0.0


def _is_phq9(head: bytes) -> bool:
    """`time, id, answer` could be any questionnaire: the first item's name decides."""
    if not fits(_PHQ9, head):
        return False
    place = header_of(head).index("id")
    first = header_of(head, 1)
    return len(first) <= place or not first[place] or first[place].upper().startswith("PHQ9")


def _read(opened: Opened) -> Iterator[Item]:
    is_survey = fits(_SURVEY, opened.blob.head())
    facts = Facts(SOURCE.name)
    for found in read_table(opened, _SURVEY if is_survey else _PHQ9):
        if isinstance(found, Reject):
            yield found
            continue
        if is_survey:
            _add_survey(facts, found, opened)
        else:
            _add_phq9(facts, found, opened)
        yield from facts.take()


def _add_phq9(facts: Facts, chunk: Chunk, opened: Opened) -> None:
    columns = {name: cells.to_pylist() for name, cells in chunk.columns.items()}
    places = _PHQ9.columns[1].choices
    for i, row in enumerate(chunk.rows.tolist()):
        who = opened.context.subject or (
            columns["who"][i] if "who" in columns else named_after(opened, _FORMS)
        )
        code = PHQ9_ITEMS[places[columns["item"][i]]]
        answer, time_us = columns["answer"][i], columns["time"][i]
        facts.add(row, (SYSTEM, who), code, time_us=time_us, number=answer, unit="{score}")


def _add_survey(facts: Facts, chunk: Chunk, opened: Opened) -> None:
    """One line is one response set. The file has no dates, so its facts have no time."""
    columns = {name: cells.to_pylist() for name, cells in chunk.columns.items()}
    for i, row in enumerate(chunk.rows.tolist()):
        who = (SYSTEM, opened.context.subject or columns["who"][i])
        facts.add(row, who, OWN + "survey", text="answered")
        if "age" in columns and columns["age"][i] is not None:
            facts.add(row, who, OWN + "survey.age", number=columns["age"][i], unit="a")
        if "gender" in columns and columns["gender"][i] is not None:
            facts.add(row, who, OWN + "survey.gender", text=columns["gender"][i])
        for question, (code, scores) in _QUESTIONS.items():
            word = columns[question][i] if question in columns else None
            if word is not None:
                facts.add(row, who, code, number=scores[word], text=word, unit="{score}")


def _example(folder: Path) -> None:
    answers = [f"1626717092,PHQ9_{i},{i % 4}" for i in range(1, 10)]
    (folder / "phq9.csv").write_text(
        "time,id,answer\n" + "\n".join(answers) + "\n", encoding="utf-8"
    )
    header = ",".join(["user", "age", "gender", *_QUESTIONS])
    words = ["several-days"] * 4 + ["sometimes"] * (len(_QUESTIONS) - 4)
    (folder / "survey.csv").write_text(
        f"{header}\n1,20,Male,{','.join(words)}\n2,,,{','.join(words)}\n", encoding="utf-8"
    )


SOURCE = Source(
    name="surveys",
    title="Phone questionnaires",
    formats=("*.csv with time,id,answer (PHQ9_1 to PHQ9_9)", "*.csv with a question a column"),
    recognise=_recognise,
    read=_read,
    example=_example,
    headers=(("time", "id", "answer"), ("user", *list(_QUESTIONS)[:2])),
)
