"""Trees: equal to the library that grew them at every threshold, their reasons, their graph."""

import builtins

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import estimator_cases as cases
from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.models.estimators import estimator
from euthymia.models.estimators.contract import Sample
from euthymia.models.export import check_graph
from euthymia.models.reasons import TreePushes

boosted = pytest.importorskip("euthymia.models.estimators.lightgbm")


@pytest.fixture(scope="module")
def fitted():
    return cases.fitted("lightgbm")


@pytest.fixture(scope="module")
def library(fitted):
    """LightGBM's own model of the same rows and settings, before the recalibration."""
    rows = cases.sample(estimator("lightgbm"))
    return boosted._grow(rows, np.arange(cases.FEATURES), fitted.choice, 1)


@pytest.fixture(scope="module")
def session(fitted):
    return ort.InferenceSession(fitted.to_onnx(cases.FEATURES), providers=["CPUExecutionProvider"])


def _around(fitted):
    """Return rows at each threshold, one ulp to each side of it, and not known."""
    trees = fitted.ensemble
    rows = []
    rng = np.random.default_rng(0)
    for feature, split in zip(trees.feature.tolist(), trees.split.tolist(), strict=True):
        for value in (split, np.nextafter(split, 9e9), np.nextafter(split, -9e9), np.nan):
            row = rng.choice(trees.split, cases.FEATURES)
            row[feature] = value
            rows.append(row)
    return np.array(rows[:4000])


def test_our_walk_and_the_graph_equal_lightgbm_at_and_around_every_threshold(
    fitted, library, session
):
    x = _around(fitted)
    level, slope = fitted.calibration
    theirs = level + slope * library.predict(x, raw_score=True)
    np.testing.assert_allclose(fitted.log_odds(x), theirs, atol=1e-9)
    said = session.run(["probability"], {"x": x})[0][:, 0]
    np.testing.assert_allclose(said, 1 / (1 + np.exp(-theirs)), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.floats(allow_nan=True, allow_infinity=False),
        min_size=cases.FEATURES,
        max_size=cases.FEATURES,
    )
)
def test_any_row_is_answered_alike(values):
    fitted = cases.fitted("lightgbm")
    session = ort.InferenceSession(
        fitted.to_onnx(cases.FEATURES), providers=["CPUExecutionProvider"]
    )
    x = np.array([values])
    for ours, theirs in zip(session.run(None, {"x": x}), fitted.predict_interval(x), strict=True):
        assert ours[0, 0] == pytest.approx(theirs[0], abs=1e-9)


def test_reasons_equal_the_shapley_values_of_lightgbm(fitted, library):
    x = np.vstack([cases.sample(estimator("lightgbm"), seed=3, people=20).x, _around(fitted)[:60]])
    pushes = TreePushes(fitted.trees(), cases.FEATURES)
    theirs = library.predict(x, pred_contrib=True)
    np.testing.assert_allclose(pushes.of(x), theirs[:, :-1] * fitted.calibration[1], atol=1e-9)
    np.testing.assert_allclose(
        pushes.of(x).sum(axis=1) - pushes.of(x[:1]).sum(),
        fitted.log_odds(x) - fitted.log_odds(x[:1]),
        atol=1e-9,
    )


def test_a_risk_that_may_only_rise_only_rises():
    model = estimator("lightgbm")
    rows = cases.sample(model, people=100, rows=2, signal=0.3)
    monotone = np.zeros(cases.FEATURES, np.int64)
    monotone[0] = 1
    held = Sample(rows.x, rows.y, rows.person, monotone=monotone)
    made = model.fit(held, [("all", np.arange(cases.FEATURES))], seed=1, heads=0)
    x = np.repeat(rows.x[:1], 200, axis=0)
    x[:, 0] = np.linspace(np.nanmin(rows.x[:, 0]), np.nanmax(rows.x[:, 0]), 200)
    assert np.all(np.diff(made.predict(x)) >= 0)


def test_nothing_to_learn_gives_the_prevalence():
    model = estimator("lightgbm")
    rng = np.random.default_rng(0)
    x = np.ones((60, 4))
    rows = Sample(x, (rng.random(60) < 0.4).astype(float), np.arange(60).astype(str))
    made = model.fit(rows, [("all", np.arange(4))], seed=1)
    assert made.predict(x)[0] == pytest.approx(rows.y.mean(), abs=0.02)
    session = ort.InferenceSession(made.to_onnx(4), providers=["CPUExecutionProvider"])
    hard = np.array([[1.0] * 4, [np.nan] * 4, [1e300] * 4])
    for ours, theirs in zip(
        session.run(None, {"x": hard}), made.predict_interval(hard), strict=True
    ):
        np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-9)


# -- a graph that was tampered with ----------------------------------------------------------------
def _ints(node, name):
    return next(a for a in node.attribute if a.name == name).ints


def _loop(node):
    _ints(node, "nodes_truenodeids")[1] = 0
    _ints(node, "nodes_trueleafs")[1] = 0


def _far(name, value):
    def change(node):
        _ints(node, name)[0] = value

    return change


def _grown(node):
    _ints(node, "tree_roots").append(0)


def _more(node):
    node.attribute.append(onnx.helper.make_attribute("hitrates", [1.0]))


def _mode(node):
    tensor = next(a for a in node.attribute if a.name == "nodes_modes").t
    tensor.raw_data = b"\x06" + tensor.raw_data[1:]


def _nan(node):
    tensor = next(a for a in node.attribute if a.name == "nodes_splits").t
    tensor.raw_data = np.array([np.nan]).tobytes() + tensor.raw_data[8:]


def _short(node):
    tensor = next(a for a in node.attribute if a.name == "leaf_weights").t
    tensor.dims[0] -= 1
    tensor.raw_data = tensor.raw_data[8:]


@pytest.mark.parametrize(
    "change",
    [
        _loop,
        _far("nodes_featureids", 10_000),
        _far("nodes_featureids", -1),
        _far("leaf_targetids", 21),
        _far("nodes_truenodeids", 1 << 40),
        _far("nodes_falsenodeids", -5),
        _far("tree_roots", 1 << 30),
        _grown,
        _more,
        _mode,
        _nan,
        _short,
    ],
)
def test_trees_that_are_not_trees_are_refused_before_any_runtime_sees_them(fitted, change):
    model = onnx.load_from_string(fitted.to_onnx(cases.FEATURES))
    check_graph(model)
    change(next(node for node in model.graph.node if node.op_type == "TreeEnsemble"))
    with pytest.raises(IntegrityError):
        check_graph(model)


# -- a machine without it --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ImportError("no module"), "package lightgbm"),
        (OSError("libgomp.so.1: cannot open shared object file"), "apt-get install libgomp1"),
    ],
)
def test_a_machine_without_the_library_is_told_what_to_install(monkeypatch, error, says):
    load = builtins.__import__

    def without(name, *rest):
        if name == "lightgbm":
            raise error
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SchemaError, match=says):
        estimator("lightgbm").ready()
