"""Landmarks, labels, censoring and features of the relapse task, by hand."""

import dataclasses
from datetime import date, timedelta

import numpy as np
import pytest

import models_data
from euthymia.ground import codes
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import SchemaError
from euthymia.models import clinical
from euthymia.models.contract import SubjectData
from euthymia.models.frame import cohort
from euthymia.models.history import day_table
from euthymia.models.signals import family_specs, family_values, median
from euthymia.models.tasks import tasks
from models_data import DAY0

TASK = tasks()[models_data.RELAPSE]
PHQ, AMB = codes.PHQ9_TOTAL, "ActCode/AMB"


def _day(n):
    return (DAY0 + n) * DAY_US


def _person(rows, until=200):
    return SubjectData("p-x", models_data.observations(rows), {}, {}, _day(until))


def _marks(rows, until=200):
    history = TASK.history(_person(rows, until))
    return {(m.at - _day(0)) // DAY_US: m for m in TASK.landmarks(history)}


def test_index_dates_are_weekly_after_four_weeks():
    marks = _marks([(_day(0), PHQ, 3.0, None)])
    assert sorted(marks)[:3] == [28, 35, 42]
    assert TASK.landmarks(TASK.history(_person([]))) == []


@pytest.mark.parametrize("first_contact", range(7))
def test_index_dates_are_mondays_whatever_the_day_of_the_first_visit(first_contact):
    marks = _marks([(_day(first_contact) + 5, PHQ, 3.0, None)])
    assert min(marks) == 35
    assert {day % 7 for day in marks} == {0}


def test_labels_and_censoring():
    rows = [(_day(0), PHQ, 3.0, None), (_day(60), PHQ, 12.0, None), (_day(90), PHQ, 4.0, None)]
    rows += [(_day(112), AMB, None, None)]
    marks = _marks(rows)
    assert marks[28].excluded == "censored: not seen again at the end of the 30 days" or (
        marks[28].label == 0  # seen on day 60, after day 28 + 16
    )
    assert marks[28].label == 0
    assert marks[35].label == 1  # 12 on day 60 is within (35, 65]
    assert marks[56].label == 1
    assert "in an episode" in marks[63].excluded
    assert "in an episode" in marks[84].excluded
    assert marks[91].label == 0  # the visit on day 112 is after 91 + 16
    assert "not seen again" in marks[98].excluded
    assert "not over" in marks[175].excluded


def test_the_end_of_the_data_censors_events_as_well():
    """An event seen early must not be kept while those without one are dropped."""
    rows = [(_day(0), PHQ, 3.0, None), (_day(40), PHQ, 15.0, None)]
    assert _marks(rows, until=60)[35].label is None
    assert _marks(rows, until=66)[35].label == 1


def test_admissions_count_unless_for_another_reason():
    rows = [(_day(0), PHQ, 3.0, None), (_day(50), codes.ADMISSION, None, "Appendicectomy")]
    assert _marks([*rows, (_day(60), AMB, None, None)])[42].label == 0
    for reason in (None, "Major depressive disorder", "SNOMED/370143000"):
        rows[1] = (_day(50), codes.ADMISSION, None, reason)
        marks = _marks(rows)
        assert marks[42].label == 1
        assert marks[56].excluded == "admitted in the last 30 days"


def _dying(rows, on):
    return dataclasses.replace(_person(rows), attributes={"deceased_on": on})


def test_nobody_is_asked_about_from_the_day_of_their_death_on():
    visits = [(_day(0), PHQ, 3.0, None), *((_day(d), AMB, None, None) for d in range(10, 120, 10))]
    on = (date(1970, 1, 1) + timedelta(days=DAY0 + 84)).isoformat()  # day 84 is a Monday
    data = _dying(visits, on)
    marks = {(m.at - _day(0)) // DAY_US: m for m in TASK.landmarks(TASK.history(data))}
    assert max(marks) == 77
    assert marks[49].label == 0
    for day in (56, 63, 70, 77):  # day 54 + 30 is the day of the death
        assert marks[day].label is None
        assert marks[day].excluded == "censored: died within the 30 days"
    assert TASK.outside_population(data, _day(84) - 1) == ""
    assert TASK.outside_population(data, _day(84)) == "has died"
    assert TASK.outside_population(_dying(visits, "unknown"), _day(70)) == "has died"


def test_a_relapse_before_a_death_is_a_relapse():
    rows = [(_day(0), PHQ, 3.0, None), (_day(60), PHQ, 15.0, None)]
    on = (date(1970, 1, 1) + timedelta(days=DAY0 + 70)).isoformat()
    marks = TASK.landmarks(TASK.history(_dying(rows, on)))
    assert {(m.at - _day(0)) // DAY_US: m.label for m in marks}[49] == 1


def test_nobody_is_asked_about_before_a_first_phq9():
    marks = _marks([(_day(0), AMB, None, None), (_day(60), PHQ, 4.0, None)])
    assert marks[28].excluded == "no PHQ-9 yet"
    assert marks[63].excluded != "no PHQ-9 yet"


def test_phq9_items_are_summed_and_few_missing_ones_replaced():
    items = [(_day(0), code, 2.0, None) for code in codes.PHQ9_ITEMS]
    table = clinical.timed(models_data.observations(items))
    assert clinical.phq9_totals(table)[1].tolist() == [18.0]
    table = clinical.timed(models_data.observations(items[:7]))
    assert clinical.phq9_totals(table)[1].tolist() == [18.0]
    table = clinical.timed(models_data.observations(items[:6]))
    assert clinical.phq9_totals(table)[1].size == 0
    table = clinical.timed(models_data.observations([*items, (_day(0), PHQ, 17.0, None)]))
    assert clinical.phq9_totals(table)[1].tolist() == [17.0]


def test_clinical_features_by_hand():
    rows = [(_day(0), PHQ, 12.0, None), (_day(30), PHQ, 6.0, None), (_day(60), PHQ, 4.0, None)]
    data = SubjectData("p-x", models_data.observations(rows), {}, {"birth_year": "1970"}, _day(100))
    x, coverage, age = TASK.vector(data, _day(70))
    found = dict(zip([s.name for s in TASK.features], x, strict=True))
    assert found["phq9.last"] == 4
    assert found["phq9.age_days"] == 10
    assert found["phq9.slope_30d"] == pytest.approx(-4.0)
    assert found["phq9.highest_180d"] == 12
    assert found["history.episodes"] == 1
    assert found["person.age_years"] == 54
    assert found["care.days"] == 70
    assert coverage == 0
    assert age == 240


def test_passive_features_by_hand():
    family = TASK.families["screen_use"]
    names = [s.name for s in family_specs(family)]
    days = np.arange(DAY0, DAY0 + 35)
    values = np.tile(np.r_[np.full(28, 2.0), np.full(7, 5.0)][:, None], (1, len(family.features)))
    values[:28:2] += 1.0  # a baseline of 2s and 3s
    table = models_data.features(family, days[:33], values[:33], np.ones(33))
    data = SubjectData("p-x", models_data.observations([]), {family.name: table}, {}, _day(60))
    x, coverage = family_values(family, TASK.history(data), DAY0 + 34)
    found = dict(zip(names, x, strict=True))
    assert found["screen_use.screen_on_h.mean_7d"] == 5.0
    assert found["screen_use.screen_on_h.shift_7d"] == pytest.approx(2.5 / (1.4826 * 0.5))
    mild = min(3.0, 2.5 / (1.4826 * 0.5))
    worse = np.array([f.worse for f in family.features])
    assert found["screen_use.worsening_7d"] == pytest.approx(mild * worse[worse != 0].mean())
    assert found["screen_use.missing_7d"] == pytest.approx(2 / 7)
    assert found["screen_use.missing_28d"] == 0
    assert found["screen_use.missing_change"] == pytest.approx(2 / 7)
    assert coverage.sum() == 33


def test_times_of_day_shift_across_midnight():
    family = TASK.families["rest_activity"]
    names = [s.name for s in family_specs(family)]
    onset = np.r_[np.tile([23.5, 0.5], 14), np.full(7, 2.0)]
    values = np.tile(onset[:, None], (1, len(family.features)))
    table = models_data.features(family, np.arange(DAY0, DAY0 + 35), values, np.ones(35))
    data = SubjectData("p-x", models_data.observations([]), {family.name: table}, {}, _day(60))
    x, _ = family_values(family, TASK.history(data), DAY0 + 34)
    found = dict(zip(names, x, strict=True))
    assert found["rest_activity.l5_onset_h.shift_7d"] == pytest.approx(2 / (1.4826 * 0.5), rel=0.05)
    assert "rest_activity.l5_onset_h.mean_7d" not in found


def test_the_median_equals_numpy():
    x = np.random.default_rng(1).normal(size=(28, 6))
    x[np.random.default_rng(2).uniform(size=x.shape) < 0.4] = np.nan
    x[:, 5] = np.nan
    np.testing.assert_allclose(median(x)[:5], np.nanmedian(x[:, :5], axis=0))
    assert np.isnan(median(x)[5])


def test_a_table_without_the_familys_columns_is_refused():
    family = TASK.families["screen_use"]
    table = models_data.features(family, [DAY0], np.ones((1, len(family.features))), [1.0])
    with pytest.raises(SchemaError, match="compute the features anew"):
        day_table(family, table.drop_columns(["screen_on_h"]))


def test_people_with_too_little_data_are_counted_out():
    rows = [(_day(d), PHQ, 3.0, None) for d in range(0, 190, 10)]
    frame = cohort(TASK, [_person(rows)])
    assert frame.y.size == 0
    assert {why: n for why, n, _ in frame.flow}["too little data: the model would abstain"]


def test_an_extract_that_ended_long_ago_is_not_everybody_falling_silent():
    data = models_data.person(1, days=150)
    today = dataclasses.replace(data, seen_until=data.seen_until + 300 * DAY_US)
    first, second = cohort(TASK, [data]), cohort(TASK, [today])
    assert first.flow[1:] == second.flow[1:]


def test_every_task_declares_what_it_must():
    for task in tasks().values():
        names = [spec.name for spec in task.features]
        assert len(set(names)) == len(names)
        assert task.purposes
        assert task.not_for
        assert 0 < task.threshold < 1
        for chosen in (*task.feature_sets.values(), *task.baselines.values()):
            assert chosen
            assert set(chosen) <= set(names)
