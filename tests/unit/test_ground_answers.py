"""Answers in words: what is no answer is never a no."""

import pyarrow as pa
import pytest

from euthymia.care.safety import cssrs_screeners
from euthymia.features.observed import observed
from euthymia.ground.answers import yes_or_no
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
]
NO = ["no", "No.", "N", "false", "la32-8", "No, never", "no - not since 2019", "No (never)"]
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
    assert ideas == ([] if answer is None else [(1,) if answer else ()])
