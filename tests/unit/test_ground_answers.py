"""Answers in words: what is no answer is never a no."""

import pyarrow as pa
import pytest

from euthymia.care.safety import cssrs_screeners
from euthymia.features.observed import observed
from euthymia.ground.answers import unreadable, yes_or_no
from euthymia.ground.clock import Timeline
from euthymia.ground.codes import CSSRS_IDEATION
from euthymia.ground.schemas import OBSERVATIONS

YES = [
    "yes",
    " Yes.",
    "Y",
    "true",
    "LA33-6",
    "Yes, last year",
    "yes - twice",
    "Yes (in May)",
    "Sí",
    "yes sometimes",
    "sí, a veces",
    "yes 2/7 days",
    "Yes, refused safety plan",
    "Yes, declined admission",
    "Yes (mother does not know)",
    "yes - responding to voices",
    "Yes; assessed, high risk",
    "Yes no plan",
    "Yes, no/little intent",
    "Si, ayer",
    "Yes-passive",
    "yes\u2014daily",
]
NO = [
    "no",
    "No.",
    "N",
    "false",
    "la32-8",
    "No, never",
    "no - not since 2019",
    "No (never)",
    "No; risk assessed",
    "No, asked twice",
]
NEITHER = [
    None,
    "",
    " ",
    "N/A",
    "n.a.",
    "NA",
    "No answer",
    "no response",
    "Not asked",
    "Y/N",
    "y / n",
    "Yes/No",
    "yes / no",
    "yes or no",
    "Yes No",
    "Sí / No",
    "nobody knows",
    "none",
    "no-show",
    "no, declined",
    "No: not assessed",
    "no (refused to answer)",
    "no contesta",
    "yesterday",
    "unknown",
]


@pytest.mark.parametrize(
    ("text", "answer"),
    [*((t, True) for t in YES), *((t, False) for t in NO), *((t, None) for t in NEITHER)],
)
def test_an_answer_is_read_alike_by_alerts_and_features(text, answer):
    assert yes_or_no(text) is answer
    row = dict.fromkeys(OBSERVATIONS.names) | {"subject_id": "a", "time": 0, "purpose": "care"}
    row |= {"source": "x", "code": CSSRS_IDEATION[0], "text_value": text}
    table = pa.Table.from_pylist([row], OBSERVATIONS)
    assert observed(table)["value"].to_pylist() == ([] if answer is None else [float(answer)])
    ideas = [s.ideas for s in cssrs_screeners(table, Timeline())]
    read = answer is not None or unreadable(text)
    assert ideas == ([(1,) if answer else ()] if read else [])


@pytest.mark.parametrize(
    "text",
    ["most days", "sometimes", "a veces", "0-1", "declined", "No answer", "No, refused to say"],
)
def test_an_answer_in_other_words_is_to_be_read(text):
    assert yes_or_no(text) is None
    assert unreadable(text)


@pytest.mark.parametrize(
    "text",
    [None, "", "-", "?", "N/A", "n.a.", "na", "not asked", "No: not assessed", "Y/N", "unknown"],
)
def test_what_is_no_answer_is_not(text):
    assert not unreadable(text)
