"""Values of treatment rules, on data whose answer is known by hand."""

import numpy as np
import pytest

from euthymia.evaluation.policy_value import (
    aipw_scores,
    benefit_groups,
    benefit_slope,
    half_samples,
    mean_by_person,
    people_needed,
    power_at,
    rate,
    rate_by_fold,
)


def test_scores_are_unbiased_whatever_the_outcome_model_says():
    rng = np.random.default_rng(1)
    n = 200_000
    x = rng.standard_normal(n)
    arm = (rng.random(n) < 0.3).astype(np.int64)
    y = x + 2.0 * arm + rng.standard_normal(n)
    chance = np.tile([0.7, 0.3], (n, 1))
    scores = aipw_scores(y, arm, np.full((n, 2), 17.0), chance)
    assert scores.mean(axis=0) == pytest.approx([0.0, 2.0], abs=0.15)


def test_missing_outcomes_are_weighted_for():
    rng = np.random.default_rng(2)
    n = 200_000
    x = rng.standard_normal(n)
    arm = rng.integers(0, 2, n)
    y = x + arm
    chance = 1 / (1 + np.exp(-x))
    y[rng.random(n) > chance] = np.nan
    half = np.full((n, 2), 0.5)
    weighted = aipw_scores(y, arm, np.zeros((n, 2)), half, chance).mean(axis=0)
    naive = aipw_scores(y, arm, np.zeros((n, 2)), half).mean(axis=0)
    assert weighted == pytest.approx([0.0, 1.0], abs=0.05)
    assert abs(naive[0]) > 0.1


def test_a_persons_rows_count_as_one_person():
    rng = np.random.default_rng(3)
    own = rng.standard_normal(50)
    once = mean_by_person(own, np.arange(50))
    thrice = mean_by_person(np.repeat(own, 3), np.repeat(np.arange(50), 3))
    assert thrice.error == pytest.approx(once.error)
    assert once.error == pytest.approx(own.std(ddof=1) / np.sqrt(50))


def test_people_needed_give_the_power_asked_for():
    n = people_needed(1.5, 0.2)
    assert n == 442  # (1.959964 + 0.841621)^2 * 1.5^2 / 0.2^2 = 441.5
    assert power_at(n, 1.5, 0.2) == pytest.approx(0.8, abs=0.001)


def test_rate_by_its_definition():
    scores, priority = np.array([3.0, 1.0, 0.0, -2.0]), np.array([4.0, 3.0, 2.0, 1.0])
    curve = np.array([3.0, 2.0, 4 / 3, 0.5]) - 0.5
    once = np.ones((1, 4))
    assert rate(scores, priority, once)[0] == pytest.approx(curve.mean())
    share = np.array([0.25, 0.5, 0.75, 1.0])
    assert rate(scores, priority, once, target="QINI")[0] == pytest.approx((curve * share).mean())


def test_rate_of_equal_priorities_is_zero_whatever_the_order():
    scores = np.array([5.0, -1.0, 2.0])
    assert rate(scores, np.ones(3), np.ones((1, 3)))[0] == pytest.approx(0.0)


def test_rate_finds_an_order_and_not_noise():
    rng = np.random.default_rng(4)
    effect = rng.standard_normal(600)
    scores = effect + rng.standard_normal(600)
    person, fold = np.arange(600), np.tile(np.arange(600) % 5, (1, 1))
    good = rate_by_fold(scores[None], effect[None], fold, person, rng=rng)
    noise = rate_by_fold(scores[None], rng.standard_normal((1, 600)), fold, person, rng=rng)
    assert good.low > 0.5
    assert noise.low < 0 < noise.high


def test_half_samples_keep_half_of_the_people():
    person = np.repeat(np.arange(10), 2)
    drawn = half_samples(person, 5, np.random.default_rng(0))
    assert drawn.sum(axis=1).tolist() == [10.0] * 5
    assert np.array_equal(drawn[:, ::2], drawn[:, 1::2])


def test_calibration_for_benefit():
    rng = np.random.default_rng(5)
    effect = rng.standard_normal(4000)
    scores = effect + rng.standard_normal(4000)
    person = np.arange(4000)
    fold = person % 5
    assert benefit_slope(scores, effect, fold, person).estimate == pytest.approx(1, abs=0.05)
    assert benefit_slope(scores, 2 * effect, fold, person).estimate == pytest.approx(0.5, abs=0.03)
    assert np.isnan(benefit_slope(scores, np.ones(4000), fold, person).estimate)
    groups = benefit_groups(scores, effect, person)
    assert [g.low < g.predicted < g.high for g in groups] == [True] * 3
