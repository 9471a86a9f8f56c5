"""What every estimator must do; a new `MODEL` is tested here by being there."""

import dataclasses

import numpy as np
import onnxruntime as ort
import pytest

import estimator_cases as cases
from euthymia.evaluation.calibration import calibration_in_the_large, calibration_slope
from euthymia.evaluation.discrimination import auc
from euthymia.evaluation.logistic import logit
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models.bundle import pack, unpack
from euthymia.models.estimators import DEFAULT, estimator, estimators
from euthymia.models.serve import Served
from euthymia.security.keys import Keyring

NAMES = sorted(estimators())
ALL = [("all", np.arange(cases.FEATURES))]
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module", params=NAMES)
def served(request) -> Served:
    return Served(cases.bundle(request.param), "d" * 64)


def _said(fitted, x):
    session = ort.InferenceSession(
        fitted.to_onnx(cases.FEATURES), providers=["CPUExecutionProvider"]
    )
    return [found[:, 0] for found in session.run(["probability", "low", "high"], {"x": x})]


def _hard(x):
    """Return the rows, each value one ulp off to both sides, and what should not be there."""
    hostile = np.array([[np.nan], [1e300], [-1e300], [0.0], [-0.0], [5e-324]])
    rows = [x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)]
    return np.vstack([*rows, np.repeat(hostile, x.shape[1], axis=1)])


def test_the_estimators_that_are_promised_are_there():
    assert {DEFAULT, "lightgbm", "cox", "hazard"} <= set(NAMES)
    with pytest.raises(MissingError, match="no such estimator; there are"):
        estimator("magic")


@each
def test_an_estimator_says_what_it_is(name):
    model = estimator(name)
    assert model.name == name
    assert model.kind in {"binary", "survival"}
    assert model.title
    assert model.interval
    assert all(sentence.endswith(".") for sentence in model.methods)
    told = cases.fitted(name).told()
    assert told.text
    assert all(len(row) == len(told.head) == 3 for row in told.rows)
    assert all(-1 <= place < cases.FEATURES for place, _, _ in told.rows)


@each
def test_the_graph_equals_the_model_on_every_row(name):
    fitted = cases.fitted(name)
    x = _hard(cases.sample(estimator(name), seed=5, people=60).x)
    for ours, theirs in zip(_said(fitted, x), fitted.predict_interval(x), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=0)


@each
def test_probabilities_lie_in_their_intervals(name):
    fitted = cases.fitted(name)
    x = _hard(cases.sample(estimator(name), seed=6, people=40).x)
    p, low, high = fitted.predict_interval(x)
    assert np.all((low >= 0) & (low <= p) & (p <= high) & (high <= 1))
    np.testing.assert_array_equal(p, fitted.predict(x))


@each
def test_the_same_seed_gives_the_same_model_and_leaves_the_sample_alone(name):
    model = estimator(name)
    rows = cases.sample(model, people=60, rows=2)
    before = dataclasses.replace(rows, x=rows.x.copy(), y=rows.y.copy())
    made = [model.fit(rows, ALL, seed=3, heads=5).to_onnx(cases.FEATURES) for _ in range(2)]
    assert made[0] == made[1]
    np.testing.assert_array_equal(rows.x, before.x)
    np.testing.assert_array_equal(rows.y, before.y)


@each
def test_it_learns_and_is_calibrated_on_people_it_has_not_seen(name):
    model = estimator(name)
    rows = cases.sample(model, seed=9, people=700, rows=1)
    p, once = cases.fitted(name).predict(rows.x), np.ones((1, 700))
    y = rows.y
    if model.kind == "survival":
        assert rows.time is not None
        seen = (rows.time > cases.HORIZON) | (rows.cause != 0)
        y = ((rows.time <= cases.HORIZON) & (rows.cause == 1)).astype(float)
        once = once * seen  # those censored before the horizon are few, and alike in risk
    assert auc(y, p, once)[0] > 0.70
    assert 0.6 < calibration_slope(y, p, once)[0] < 1.7
    assert abs(calibration_in_the_large(y, p, once)[0]) < 0.5


@each
def test_people_are_never_on_both_sides_of_the_tuning(name):
    """Features tell who it is, labels are dealt to people by chance: tuning that split rows would
    find that they predict, and be sure of it for people it never saw."""
    model = estimator(name)
    rng = np.random.default_rng(4)
    rows = cases.sample(model, seed=4, people=40, rows=6, signal=0.0)
    own = np.exp(rng.normal(size=(40, cases.FEATURES)))[np.repeat(np.arange(40), 6)]
    x = own * np.exp(rng.normal(0, 0.01, own.shape))
    dealt = np.repeat(np.arange(0, 240, 6), 6)  # each person's rows all end as the first did
    same = dataclasses.replace(rows.dealt(np.arange(240), dealt), x=x)
    fresh = np.exp(rng.normal(size=(400, cases.FEATURES)))
    assert model.fit(same, ALL, seed=1, heads=0).predict(fresh).std() < 0.15


@each
def test_refits_follow_the_outcomes_they_are_dealt(name):
    model = estimator(name)
    rows = cases.sample(model, people=150, rows=1)
    train, held = np.arange(100), np.arange(100, 150)
    shuffled = np.random.default_rng(1).permutation(100)
    choice = cases.fitted(name).choice
    found = model.refit(rows, train, ALL[0][1], choice, np.vstack([train, shuffled, train]), held)
    assert found.shape == (3, 50)
    np.testing.assert_array_equal(found[0], found[2])
    trait = np.nan_to_num(np.log(rows.x[held, 0])) - np.nan_to_num(np.log(rows.x[held, 1]))
    right, wrong = (np.corrcoef(trait, score)[0, 1] for score in found[:2])
    assert right > 0.4
    assert wrong < right


# -- served --------------------------------------------------------------------------------------
def test_a_bundle_comes_back_as_it_was_and_its_card_is_complete(served, tmp_path):
    keys = Keyring.create(tmp_path / "keys")
    assert unpack(pack(served.bundle, keys), keys) == served.bundle
    card = served.bundle.card
    model = estimator(served.bundle.estimator)
    assert (card["estimator"], card["estimator_name"]) == (model.title, model.name)
    assert card["interval"] == model.interval
    assert card["settings"]
    assert len(card["calibration"]) == 2
    assert card["synthetic"]
    assert all(card[k] for k in ("intended_use", "not_for", "population", "metrics", "verdicts"))


def test_it_answers_as_the_model_does_one_by_one_and_together(served):
    x = cases.sample(estimator(served.bundle.estimator), seed=8, people=20, rows=1).x
    fitted = cases.fitted(served.bundle.estimator)
    many = served.predict_many(x, [None] * 20, [None] * 20)
    near = 0.005 + 1e-6 if served.bundle.trees is not None else 1e-6  # trees answer in hundredths
    for row, p, together in zip(x, fitted.predict(x), many, strict=True):
        alone = served.predict(row)
        assert alone.abstained_because == together.abstained_because
        if alone.probability is not None:
            assert alone.probability == pytest.approx(p, abs=near)
            assert together.probability == pytest.approx(p, abs=near)
            if served.bundle.trees is not None:
                said = (alone.probability, *alone.interval)
                assert said == tuple(round(value, 2) for value in said)
                assert all(r.contribution == round(r.contribution, 1) for r in alone.reasons)
            assert [r.feature for r in alone.reasons] == [r.feature for r in together.reasons]


def test_it_abstains_off_its_range(served):
    assert (
        "none of the features" in served.predict(np.full(cases.FEATURES, np.nan)).abstained_because
    )
    beyond = np.array([1e6 if f.high is None else f.high for f in served.bundle.features])
    assert "beyond the training data" in served.predict(beyond).abstained_because
    assert "impossible values" in served.predict(beyond * 1e6).abstained_because
    with pytest.raises(SchemaError, match="infinite"):
        served.predict(np.full(cases.FEATURES, np.inf))


def test_its_reasons_add_up(served):
    """Pushes differ between two rows by what their predictors differ by."""
    name = served.bundle.estimator
    rows = cases.sample(estimator(name), seed=0).x[:12]
    fitted = cases.fitted(name)
    pushed = served.contributions(rows).sum(axis=1)
    assert np.all(np.isfinite(pushed))
    if not hasattr(fitted, "log_odds"):
        fitted_p = fitted.predict(rows)
        assert np.corrcoef(pushed, logit(fitted_p))[0, 1] > 0.9
        return
    apart = fitted.log_odds(rows)
    np.testing.assert_allclose(pushed - pushed[0], apart - apart[0], atol=1e-9)
