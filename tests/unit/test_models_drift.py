"""Drift of a released model: what was moved is named, what stayed is not, few are too few."""

import dataclasses

import numpy as np
import pytest

import estimator_cases as cases
import models_data
from euthymia.ground.clock import DAY_US
from euthymia.models import drift
from euthymia.models.drift import Moments, drifted
from euthymia.models.serve import Served

TRAINED, SINCE = 400 * DAY_US, 450 * DAY_US


@pytest.fixture(scope="module")
def served():
    return Served(cases.bundle("logistic"), "a" * 64)


def _frame(change=lambda x, y: (x, y), people=200):
    """Return rows of before and after, those of after changed; nobody is in both."""
    model = cases.estimator("logistic")
    parts = [cases.sample(model, seed=s, people=people, rows=1) for s in (7, 8)]
    x, y = change(parts[1].x.copy(), parts[1].y.copy())
    frame = models_data.frame(people=2 * people, rows=1)
    return dataclasses.replace(
        frame,
        x=np.vstack([parts[0].x, x]),
        y=np.r_[parts[0].y, y],
        at=np.repeat([100, 500], people) * DAY_US,
    )


def _none():
    gone = np.zeros(0)
    return Moments(np.zeros((0, cases.FEATURES)), gone, np.zeros(0, "<U1"), gone, gone)


def _found(served, frame, open_still=None):
    return drifted(served, frame, open_still or _none(), trained_at=TRAINED, since=SINCE, seed=1)


def test_where_nothing_moved_nothing_is_said(served):
    found = _found(served, _frame())
    assert found.found == ()
    assert found.verdict == "nothing moved"
    assert found.rows == found.people == (200, 200)
    assert found.figures["auc"][1].low > 0.6
    told = found.to_json()
    assert {row["name"] for row in told["figures"]} == set(drift._FIGURES)
    assert len(told["inputs"]) == served.used.size


def test_an_input_that_moved_is_named(served):
    def change(x, y):
        x[:, 0] *= 1.5
        return x, y

    found = _found(served, _frame(change))
    assert found.verdict == "it has moved"
    assert found.inputs[0].column == served.names[0]
    assert served.names[0] in found.found[0]
    assert found.told_apart.low > 0.5


def test_an_outcome_that_became_common_shows_in_prevalence_and_calibration(served):
    def change(x, y):
        return x, np.where(np.arange(y.size) % 3 == 0, 1.0, y)

    found = _found(served, _frame(change))
    said = " ".join(found.found)
    assert "commoner by" in said
    assert "predicts too low" in said
    assert "Inputs moved" not in said


def test_dates_with_open_outcomes_count_for_inputs_alone(served):
    whole = _frame()
    early, late = whole.rows(np.arange(200)), whole.rows(np.arange(200, 400))
    waiting = Moments(late.x, np.full(200, np.nan), late.person, late.coverage, late.data_age_hours)
    found = _found(served, early, waiting)
    assert found.rows == (200, 200)
    assert found.figures == {}
    assert found.prevalence is None
    assert found.verdict == "inputs have not moved; too early to say of the rest"


def test_too_few_dates_claim_nothing_and_count_nobody_out(served):
    whole = _frame()
    found = _found(served, whole.rows(np.arange(206)))
    assert found.verdict == "too early to say"
    assert found.inputs == ()
    assert found.to_json()["people"] == [200, None]


def test_dates_whose_outcome_training_saw_are_never_after(served):
    frame = dataclasses.replace(_frame(), at=np.repeat([100, 390], 200) * DAY_US)
    found = drifted(served, frame, _none(), trained_at=TRAINED, since=0, seed=1)
    ahead = TRAINED - served.bundle.horizon_days * DAY_US
    assert found.rows == ((200, 200) if ahead < 390 * DAY_US else (400, 0))
