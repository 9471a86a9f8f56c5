"""Tasks on the chart, by hand: who is asked, what counts, what was tried and whether it helped."""

import numpy as np
import pytest

import models_data
from euthymia.ground import codes
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import SchemaError
from euthymia.models import chart
from euthymia.models.contract import SubjectData
from euthymia.models.tasks import refuse_switched_off, tasks
from models_data import DAY0

PHQ, RX, AMB = codes.PHQ9_TOTAL, "RxNorm/36437", "ActCode/AMB"


def _day(n):
    return (DAY0 + n) * DAY_US


def _rows(*rows):
    return [(_day(day), code, value, text) for day, code, value, text in rows]


def _history(name, rows, until=400, **attributes):
    data = SubjectData("p-x", models_data.observations(rows), {}, attributes, _day(until))
    return tasks()[name].history(data)


def _marks(name, rows, until=400, **attributes):
    history = _history(name, rows, until, **attributes)
    found = tasks()[name].landmarks(history)
    return {(m.at - _day(0)) / DAY_US: (m.label, m.excluded) for m in found}


COURSE = _rows((0, PHQ, 16.0, None), (2, RX, None, "sertraline 50 MG"))


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        ([(40, 8.0)], (1, "")),
        ([(40, 8.0), (80, 9.0)], (0, "")),
        ([(40, 12.0), (120, 2.0)], (0, "")),
        ([(20, 2.0)], (None, "censored: not seen: no PHQ-9 in weeks 5 to 12")),
    ],
)
def test_response_is_the_last_score_of_weeks_5_to_12(after, wanted):
    rows = COURSE + _rows(*((day, PHQ, score, None) for day, score in after))
    assert _marks("antidepressant-response", rows) == {2: wanted}


def test_a_course_that_is_too_young_or_needless_is_no_index_date():
    rows = COURSE + _rows((40, PHQ, 4.0, None))
    assert _marks("antidepressant-response", rows, until=60)[2][1].startswith(
        "censored: the twelve"
    )
    mild = _rows((0, PHQ, 7.0, None), (2, RX, None, "sertraline"), (40, PHQ, 3.0, None))
    assert _marks("antidepressant-response", mild)[2][1].startswith("not in an episode")
    bipolar = [*rows, *_rows((-5, "SNOMED/13746004", None, "Bipolar disorder"))]
    assert "bipolar" in _marks("antidepressant-response", bipolar)[2][1]
    assert _marks("antidepressant-response", _rows((0, PHQ, 16.0, None))) == {}


def test_a_refill_is_no_new_course_and_a_break_is():
    refills = COURSE + _rows(*((d, RX, None, "sertraline") for d in (30, 60, 90)))
    assert list(_marks("antidepressant-response", refills)) == [2]
    again = refills + _rows((300, PHQ, 15.0, None), (310, RX, None, "sertraline"))
    assert list(_marks("antidepressant-response", again)) == [2, 310]


def test_what_was_tried_and_whether_it_helped_is_known_from_the_chart():
    rows = COURSE + _rows(
        (50, PHQ, 6.0, None),
        (200, PHQ, 18.0, None),
        (205, "RxNorm/15996", None, "mirtazapine 15 MG"),
        (260, PHQ, 17.0, None),
        (300, "RxNorm/6448", None, "lithium"),
        (-100, "SNOMED/21897009", None, "Generalized anxiety disorder"),
        (10, codes.PHQ9_ITEMS[8], 1.0, None),
    )
    history = _history("antidepressant-response", rows, birth_year="1980")
    told = dict(zip(chart.NAMES, chart.values(history, _day(2)), strict=True))
    assert told["rx.tried"] == 0  # the drug that is asked about does not count
    assert np.isnan(told["rx.helped"])
    assert told["dx.anxiety"] == 1
    assert np.isnan(told["phq9.item9"])
    told = dict(zip(chart.NAMES, chart.values(history, _day(301)), strict=True))
    assert (told["rx.tried"], told["rx.helped"], told["rx.augmented"]) == (2, 0.5, 1)
    assert told["rx.days_since_start"] == 96
    assert told["phq9.item9"] == 1
    # on day 45 the first course has no score of its weeks 5 to 12 yet
    assert np.isnan(
        dict(zip(chart.NAMES, chart.values(history, _day(45)), strict=True))["rx.helped"]
    )


def test_the_weekly_task_follows_the_course():
    rows = COURSE + _rows((10, PHQ, 12.0, None), (50, PHQ, 6.0, None))
    marks = _marks("antidepressant-response-weekly", rows)
    assert marks == {9: (1, ""), 16: (1, ""), 23: (1, ""), 30: (1, "")}
    task = tasks()["antidepressant-response-weekly"]
    history = _history("antidepressant-response-weekly", rows)
    told = dict(
        zip([f.name for f in task.features], task.describe(history, _day(16)).x, strict=True)
    )
    assert (told["course.days"], told["course.start"], told["course.change"]) == (14, 16, -4)
    assert told["course.better_20"] == 1
    early = dict(
        zip([f.name for f in task.features], task.describe(history, _day(9)).x, strict=True)
    )
    assert np.isnan(early["course.change"])
    switched = rows + _rows((18, "RxNorm/72625", None, "duloxetine"))
    found = _marks("antidepressant-response-weekly", switched)
    assert found[23] == (None, "another antidepressant was begun since")


def test_worsening_needs_a_rise_of_five_into_an_episode_or_a_stay():
    start = _rows((0, PHQ, 6.0, None), (0, AMB, None, None), (30, PHQ, 6.0, None))
    for later, wanted in ((10.0, 0), (11.0, 1)):
        marks = _marks("worsening-30d", start + _rows((50, PHQ, later, None)))
        assert marks[28] == (wanted, "") or marks[35] == (wanted, "") or marks[42] == (wanted, "")
    stay = _marks("worsening-30d", start + _rows((50, codes.ADMISSION, 3.0, "depression")))
    assert any(label == 1 for label, _ in stay.values())
    silent = _marks("worsening-30d", start)
    assert all(label is None or day < 30 for day, (label, _) in silent.items())


def test_suicidality_counts_answers_and_attempts_and_needs_an_answer_for_no():
    item = codes.PHQ9_ITEMS[8]
    start = _rows((0, AMB, None, None), (20, item, 0.0, None))
    yes = _marks("suicidality-90d", start + _rows((90, item, 1.0, None)))
    assert yes[28][0] == 1
    attempt = _rows((100, "SNOMED/82313006", None, "Suicide attempt"))
    assert _marks("suicidality-90d", start + attempt)[28][0] == 1
    no = _marks("suicidality-90d", start + _rows((90, item, 0.0, None)))
    assert no[28][0] == 0
    assert "not asked again" in _marks("suicidality-90d", start)[28][1]
    died = _marks("suicidality-90d", start, deceased_on="2024-12-01")
    assert "died" in died[28][1]


def test_the_next_session_is_the_next_score():
    rows = _rows(
        (0, PHQ, 12.0, None), (3, PHQ, 20.0, None), (14, PHQ, 9.0, None), (70, PHQ, 15, None)
    )
    marks = _marks("next-session", rows)
    assert marks[0] == (0, "")  # not the score of day 3, which is the same session's
    assert marks[14][1].startswith("censored: not seen")


def test_first_episodes_are_of_people_without_any_and_off_by_default():
    rows = _rows(*((d, AMB, None, None) for d in range(0, 700, 60)), (300, PHQ, 14.0, None))
    marks = _marks("first-episode", rows, until=900)
    first = min(marks)
    assert marks[first] == (1, "")
    assert marks[max(marks)][1] == "has had an episode, or treatment for one"
    task = tasks()["first-episode"]
    with pytest.raises(SchemaError, match="first-episode is off"):
        refuse_switched_off(task, "because")
    refuse_switched_off(task, "Ethics board of the clinic, decision 12/2026")
    for other in tasks().values():
        if other.name != "first-episode":
            refuse_switched_off(other, "")


def test_a_relapse_is_timed_and_death_and_silence_end_the_follow_up():
    well = _rows((2, PHQ, 14.0, None), (40, PHQ, 5.0, None))
    later = _rows((150, PHQ, 12.0, None))
    task = tasks()["relapse-unipolar"]

    def first(rows, **said):
        return task.landmarks(_history("relapse-unipolar", rows, **said))

    timed = [m for m in first(well + later) if m.label is not None]
    assert [m.label for m in timed] == [1]
    assert 0 < timed[0].days < 150
    assert timed[0].ended_by == 1
    never = first(_rows((2, PHQ, 5.0, None), (40, PHQ, 5.0, None)))
    assert {m.excluded for m in never} == {
        "no earlier episode on record: a first one is no relapse"
    }
    bipolar = well + later + _rows((3, "SNOMED/13746004", None, "Bipolar disorder"))
    assert "asked by relapse-bipolar" in first(bipolar)[0].excluded
    asked = tasks()["relapse-bipolar"].landmarks(_history("relapse-bipolar", bipolar))
    assert [m.label for m in asked if m.label is not None] == [1]
    silent = first(well)
    assert "censored: not seen again" in {m.excluded for m in silent}
