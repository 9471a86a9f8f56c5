"""A task of the clinic that is asked anew in a course is judged week by week, beside the rule."""

from dataclasses import replace

import numpy as np
import pytest

from euthymia.app.table_update import update_clinic
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models.frame import CohortFrame
from euthymia.models.tasks import tasks
from euthymia.models.updating.weeks import update_cohort

WEEKLY = tasks()["antidepressant-response-weekly"]


def _frame(people=60):
    """Return weeks 1 and 2 of each person; what has changed by week 2 tells the outcome."""
    rng = np.random.default_rng(5)
    n, who = 2 * people, np.repeat(np.arange(people), 2)
    names = tuple(spec.name for spec in WEEKLY.features)
    y = (np.arange(people) % 2).astype(float)[who]
    week = np.tile([1.0, 2.0], people)
    x = np.full((n, len(names)), np.nan)
    change = rng.normal(size=n) - np.where(week == 2, 6 * y, 0)
    given = {
        "course.days": 7 * week,
        "course.start": rng.integers(12, 24, n),
        "course.change": change,
        "course.better_20": change < -3,
        "phq9.last": rng.integers(4, 20, n),
    }
    for name, values in given.items():
        x[:, names.index(name)] = values
    person = np.array([f"p{i}" for i in who])
    site, at, known = np.full(n, "not known"), np.arange(n), np.ones(n)
    return CohortFrame(WEEKLY.name, names, x, y, person, site, at, known, known, {}, {}, (), 0)


def test_a_week_is_judged_on_its_own_rows():
    asked = replace(
        WEEKLY,
        renewal=replace(WEEKLY.renewal, moments={"week 2": 14}),
        feature_sets={"course": ("phq9.last", "course.change")},
        baselines={},
    )
    [second] = update_cohort(asked, _frame(), seed=1).moments
    assert (second.title, second.people, second.frame.y.size) == ("week 2", 60, 60)
    assert (second.frame.x[:, second.frame.columns(["course.days"])] == 14).all()
    assert second.signal == "predicts"
    assert second.rule[0].rule > 0


def test_a_task_that_is_asked_once_says_so():
    with pytest.raises(SchemaError, match="not asked anew"):
        update_cohort(tasks()["next-session"], _frame(), seed=1)
    with pytest.raises(MissingError, match="antidepressant-response-weekly is"):
        update_clinic(
            None, "next-session", report=None, seed=1, estimator="", progress=lambda *_: None
        )


def test_a_renewal_names_features_of_its_task():
    for task in tasks().values():
        if task.renewal is not None:
            assert {task.renewal.days, task.renewal.rule} <= {spec.name for spec in task.features}
