import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from euthymia.evaluation.membership import (
    attack,
    deal_members,
    epsilon_lower_bound,
    likelihood_ratios,
    one_run_bound,
)


def _answers(shift, models=16, people=400, seed=0):
    """Models that answer a person they saw with `shift` more confidence: a known leak."""
    rng = np.random.default_rng(seed)
    member = rng.random((models, people)) < 0.5
    own = rng.normal(size=people)  # some are easy, some hard, whoever saw them
    return own + rng.normal(size=member.shape) + shift * member, member


def test_a_model_that_gives_nothing_away_is_at_chance():
    found = attack(*_answers(0.0), delta=1e-5, seed=1)
    assert found.auc.low < 0.5 < found.auc.high
    for rate, tpr in found.tpr:
        assert tpr.low <= rate * 1.6
        assert tpr.estimate == pytest.approx(rate, abs=0.006)
    assert found.epsilon < 0.2


def test_a_known_leak_is_found_and_is_as_large_as_theory_says():
    found = attack(*_answers(2.0, models=32, people=400), delta=1e-5, seed=1, replicates=40)
    # with the shift known, two normals 2 apart: TPR = Phi(2 + Phi^-1(FPR)); own mean is estimated
    best = stats.norm.cdf(2 + stats.norm.ppf(0.01))
    assert 0.7 * best < found.tpr[0][1].estimate < 1.15 * best
    assert found.auc.estimate == pytest.approx(stats.norm.cdf(math.sqrt(2)), abs=0.02)
    # the claim that is true of a shift by 2 is 2-GDP; the bound proves much and never more
    assert 1.0 < found.epsilon < 9.0


def test_the_bound_of_a_leak_stays_below_the_true_epsilon():
    above = 0
    for seed in range(4):  # 0.5-GDP is (2.1, 1e-5); at 95 % hardly one in six may exceed it
        above += attack(*_answers(0.5, seed=seed), delta=1e-5, seed=seed, replicates=2).epsilon > 2
    assert above <= 1


def test_a_person_whom_too_few_models_saw_has_no_score():
    confidence, member = _answers(1.0, models=6, people=3)
    member[:, 0], member[:, 1] = False, [True, True, True, False, False, False]
    found = likelihood_ratios(confidence, member)
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


def test_bound_by_counts():
    # by hand: Clopper-Pearson at 97.5 % of 90 / 100 and 10 / 100
    low, high = stats.beta.ppf(0.025, 90, 11), stats.beta.ppf(0.975, 11, 90)
    assert epsilon_lower_bound(90, 100, 10, 100, delta=0) == pytest.approx(math.log(low / high))
    assert epsilon_lower_bound(90, 100, 10, 100, delta=0) == pytest.approx(1.548, abs=0.02)
    assert epsilon_lower_bound(10, 100, 10, 100, delta=0) == 0
    assert epsilon_lower_bound(0, 100, 0, 100, delta=0) == 0
    assert epsilon_lower_bound(100, 100, 100, 100, delta=0) == 0


def test_bound_of_one_run():
    # all of m guesses right: epsilon where chance^m = 5 %, chance = e^eps / (1 + e^eps)
    chance = 0.05 ** (1 / 100)
    expected = math.log(chance / (1 - chance))
    assert one_run_bound(100, 100, 100, delta=0) == pytest.approx(expected, rel=1e-6)
    assert one_run_bound(100, 100, 50, delta=1e-5) == 0
    assert one_run_bound(1000, 100, 95, delta=1e-5) < one_run_bound(1000, 100, 95, delta=0)


def test_bound_of_one_run_is_where_scipys_binomial_has_it():
    for people, guesses, right, delta in ((1000, 100, 95, 1e-5), (60, 40, 33, 1e-3)):
        epsilon = one_run_bound(people, guesses, right, delta=delta)
        chance = 1 / (1 + math.exp(-epsilon))
        i = np.arange(1, right + 1)
        mass = np.cumsum(stats.binom.pmf(right - i, guesses, chance))
        p = stats.binom.sf(right - 1, guesses, chance) + 2 * people * delta * (mass / i).max()
        assert epsilon > 0
        assert p == pytest.approx(0.05, rel=1e-6)


def test_training_does_not_wait_for_the_distributions_of_scipy():
    code = "import sys, euthymia.models.train; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_person_is_in_half_of_the_models_by_coins():
    member = deal_members(9, 2000, np.random.default_rng(0))
    assert np.abs(member.mean(axis=1) - 0.5).max() < 0.05
    assert np.abs(np.corrcoef(member) - np.eye(9)).max() < 0.1
    with pytest.raises(ValueError, match="six"):
        deal_members(5, 10, np.random.default_rng(0))
