import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from euthymia.models.privacy.accountant import (
    SLACK,
    certified,
    delta_of,
    epsilon_of,
    mu2_of,
    total,
)
from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.contract import BudgetError, Charge


def test_published_values_of_gaussian_dp():
    # delta of 1-GDP at epsilon 1 by the closed form of Balle & Wang 2018, theorem 8
    by_hand = norm.cdf(-0.5) - math.e * norm.cdf(-1.5)
    assert delta_of(1.0, 1.0) == pytest.approx(by_hand, rel=1e-10)
    assert delta_of(0.0, 1.0) == pytest.approx(2 * norm.cdf(0.5) - 1, rel=1e-9)


@given(st.floats(0.05, 10), st.sampled_from([1e-9, 1e-6, 1e-5, 1e-3]))
def test_cost_and_claim_are_inverse_and_round_against_the_claim(epsilon, delta):
    mu2 = mu2_of(epsilon, delta)
    assert delta_of(epsilon, mu2) <= delta
    assert epsilon_of(mu2, delta) == pytest.approx(epsilon, rel=1e-6)
    assert delta_of(epsilon, mu2 * 1.0001) > delta


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-6), (1.0, 1e-5), (3.0, 1e-5)])
def test_dp_accounting_says_the_same(epsilon, delta):
    mu2 = mu2_of(epsilon, delta)
    assert certified(mu2, delta) == pytest.approx(epsilon, rel=1e-5)


def test_costs_add_up():
    one = mu2_of(1.0, 1e-5)
    assert epsilon_of(total([one / 3] * 3), 1e-5) == pytest.approx(1.0, rel=1e-6)
    # twice at epsilon 1 is less than epsilon 2 (as one release of twice the cost)
    assert 1.4 < epsilon_of(total([one, one]), 1e-5) < 2.0
    assert epsilon_of(total([]), 1e-5) == 0.0
    assert epsilon_of(total([1e6]), 1e-5) == math.inf


def test_rounded_gaussian_and_discrete_gaussian_are_as_near_as_the_accountant_says():
    for scale in (2.0, 4.0, 16.0, 64.0):
        k = np.arange(-int(40 * scale), int(40 * scale) + 1)
        discrete = np.exp(-(k**2) / (2 * scale**2))
        discrete /= discrete.sum()
        rounded = norm.cdf((k + 0.5) / scale) - norm.cdf((k - 0.5) / scale)
        assert 0.5 * np.abs(discrete - rounded).sum() < 1 / (12 * scale**2)
    assert SLACK > 10**7 / (12 * (2.0**36) ** 2)


def test_an_allowance_is_never_overspent_and_gives_nothing_back():
    held = Allowance(1.0, 1e-5)
    held.spend(Charge("fit", "a fit", held.mu2 * 0.75))
    with pytest.raises(BudgetError, match="spent"):
        held.spend(Charge("evaluation", "a figure", held.mu2 * 0.5))
    held.spend(Charge("evaluation", "a figure", held.left))
    assert held.left == pytest.approx(0, abs=1e-12)
    assert held.spent.epsilon <= 1.0
    assert [charge.kind for charge in held.charges] == ["fit", "evaluation"]


@pytest.mark.parametrize("mu2", [0.0, -1.0, math.inf, math.nan])
def test_a_release_costs_something(mu2):
    with pytest.raises(ValueError, match="mu2"):
        Allowance(1.0, 1e-5).spend(Charge("fit", "a fit", mu2))


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (-1, 1e-5), (30, 1e-5), (1, 0.5)])
def test_a_claim_nobody_can_keep_is_refused(epsilon, delta):
    with pytest.raises(ValueError, match="epsilon"):
        Allowance(epsilon, delta)
