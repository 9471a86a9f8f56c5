"""Doubly robust scores and policy trees against econml on the same folds.

econml 0.17.0 with scikit-learn 1.9.1, in an environment of its own:

    est = LinearDRLearner(model_propensity=DummyClassifier(strategy="prior"),
                          model_regression=LinearRegression(), cv=folds, min_propensity=1e-6)
    est.fit(y, t, X=x); est.coef_(T=1); est.intercept_(T=1); est.coef__interval(T=1)
    PolicyTree(max_depth=d, min_samples_leaf=20, honest=False, min_balancedness_tol=0.5,
               random_state=1).fit(x, scores).predict(x)
"""

import numpy as np
import pytest

from euthymia.evaluation.policy_value import aipw_scores, mean_by_person
from euthymia.models.matching.learners import Part, grow
from euthymia.models.matching.trial import BINS, Trial

COEF = [-0.24835485, 1.10942292, -0.01136301, -0.01334262]
INTERCEPT, ATE = 0.23257049979274658, 0.09622204647502476
HALF_WIDTH = [0.20741194, 0.21898820, 0.21206540, 0.20512395]
COLLECTED = {1: 62.381977198511244, 2: 64.31843403115477}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(20)
    x, t = rng.standard_normal((400, 4)), rng.integers(0, 2, 400)
    y = x[:, 0] + 0.5 * x[:, 1] * (2 * t - 1) + 0.3 * t + rng.standard_normal(400)
    turn = 0.4 * np.where((x[:, 1] > 0) ^ (x[:, 2] > 0), 1, -1)
    scores = np.column_stack([np.zeros(400), turn + 0.3 * x[:, 3] + rng.standard_normal(400)])
    return x, t, y, scores


def test_scores_give_the_dr_learner_of_econml(drawn):
    x, t, y, _ = drawn
    scores = np.empty((400, 2))
    for k in range(4):
        train, test = (
            np.flatnonzero(np.arange(400) % 4 != k),
            np.flatnonzero(np.arange(400) % 4 == k),
        )
        design = np.column_stack([np.ones(train.size), x[train], t[train]])
        beta = np.linalg.lstsq(design, y[train], rcond=None)[0]
        expected = np.column_stack(
            [
                np.column_stack([np.ones(test.size), x[test], np.full(test.size, a)]) @ beta
                for a in (0, 1)
            ]
        )
        share = t[train].mean()
        chance = np.tile([1 - share, share], (test.size, 1))
        scores[test] = aipw_scores(y[test], t[test], expected, chance)
    effect = scores[:, 1] - scores[:, 0]
    design = np.column_stack([np.ones(400), x])
    beta = np.linalg.lstsq(design, effect, rcond=None)[0]
    assert beta[1:] == pytest.approx(COEF, abs=1e-7)
    assert beta[0] == pytest.approx(INTERCEPT, abs=1e-9)
    assert mean_by_person(effect, np.arange(400)).estimate == pytest.approx(ATE, abs=1e-9)
    bread = np.linalg.inv(design.T @ design)
    left = effect - design @ beta
    error = np.sqrt(np.diag(bread @ (design.T * left**2) @ design @ bread) * 400 / 395)
    assert 1.96 * error[1:] == pytest.approx(HALF_WIDTH, rel=0.005)


def test_no_greedy_tree_of_econml_collects_more(drawn):
    x, _, _, scores = drawn
    cuts = np.arange(1, BINS) / BINS
    binned = np.column_stack(
        [np.searchsorted(np.quantile(x[:, k], cuts), x[:, k]) for k in range(4)]
    ).astype(np.int64)
    arm = np.zeros((1, 400), np.int64)
    trial = Trial(x, binned, np.full(4, BINS), np.zeros((1, 400)), arm, 2, np.arange(400), None)
    contrast = scores[None] - scores[None].mean(axis=2, keepdims=True)
    (pair,) = grow(trial, Part.of(trial, np.arange(400)), contrast)
    for depth, tree in enumerate(pair, 1):
        chosen = tree(binned).argmax(axis=1)
        collected = scores[np.arange(400), chosen].sum()
        # theirs may cut at any value and ours at octiles, ours finds the best pair of cuts
        assert collected > (0.8 if depth == 1 else 1.0) * COLLECTED[depth]
