"""A yes in the C-SSRS screener is on top of the worklist, whatever else there is."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from euthymia.care.contract import Urgency
from euthymia.care.summary import summarise
from euthymia.care.worklist import findings
from euthymia.ground.clock import Timeline, to_micros
from euthymia.ground.codes import CSSRS_BEHAVIOUR, CSSRS_IDEATION, CSSRS_RECENT
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVATIONS

NOW = datetime(2026, 6, 12, 9, tzinfo=UTC)
WHO = SubjectId("p-aaaaaaaaaaaaaaaa")


def found(*given: tuple[str, float | None, str | None], days_ago: int = 2):
    return judged(answers(*given, days_ago=days_ago))


def answers(*given: tuple[str, float | None, str | None], days_ago: int):
    at = NOW - timedelta(days=days_ago)
    return [
        {
            "subject_id": WHO, "time": at, "code": code, "numeric_value": number,
            "text_value": text, "unit": None, "purpose": "care", "source": "test",
            "sensitivity": None,
        }
        for code, number, text in given
    ]  # fmt: skip


def judged(rows):
    table = pa.Table.from_pylist(rows, OBSERVATIONS)
    who = summarise(WHO, observations=table, segments={}, zones=Timeline())
    return findings(who, to_micros(NOW))


@pytest.mark.parametrize(("number", "text"), [(1.0, None), (None, "Yes"), (None, "LA33-6")])
def test_a_yes_however_it_is_coded_alerts_today(number: float | None, text: str | None) -> None:
    (item,) = found((CSSRS_IDEATION[0], number, text), (CSSRS_IDEATION[3], number, text))
    assert (item.urgency, item.step) == (Urgency.NOW, "speak-today")
    assert "some intention to act, a wish to be dead" in item.why


def test_no_is_no_alarm_and_an_unreadable_answer_is_none() -> None:
    assert found((CSSRS_IDEATION[0], 0.0, "false"), (CSSRS_IDEATION[1], None, "No")) == ()
    assert found((CSSRS_IDEATION[0], None, "not asked")) == ()


def test_an_act_long_ago_is_asked_about_and_a_recent_one_is_today() -> None:
    acted = (CSSRS_BEHAVIOUR, None, "Yes")
    assert found(acted, (CSSRS_RECENT, None, "No"))[0].urgency is Urgency.SOON
    assert found(acted, (CSSRS_RECENT, None, "Yes"))[0].urgency is Urgency.NOW
    assert found(acted)[0].urgency is Urgency.NOW


def test_an_answer_that_cannot_be_read_is_told_and_ends_no_alarm() -> None:
    (item,) = found((CSSRS_IDEATION[1], None, "some nights"), (CSSRS_IDEATION[2], None, "No"))
    assert (item.urgency, item.step) == (Urgency.SOON, "ask-again")
    assert "neither yes nor no" in item.why
    assert found((CSSRS_IDEATION[1], None, "Yes, refused safety plan"))[0].urgency is Urgency.NOW
    rows = answers((CSSRS_IDEATION[0], 1.0, None), days_ago=9)
    (item,) = judged(rows + answers((CSSRS_IDEATION[1], None, "some nights"), days_ago=2))
    assert item.urgency is Urgency.NOW
    assert judged(rows + answers((CSSRS_IDEATION[1], None, "no"), days_ago=2)) == ()


def test_after_a_month_it_is_no_news() -> None:
    assert found((CSSRS_IDEATION[4], 1.0, None), days_ago=31) == ()
