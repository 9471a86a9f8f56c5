"""Noise is on the integers: what floating-point noise gives away, and that ours cannot."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.contract import BudgetError, Charge, cost
from euthymia.models.privacy.descent import COUNTING, affordable, count, descend
from euthymia.models.privacy.lattice import STEPS, clipped, contributions, exact_noise, noisy_sum
from euthymia.models.privacy.rows import People, probability


def _proves_zero(released):
    """Floats that cannot be 1 + anything: below a half, 1 + a float is a multiple of 2^-54."""
    scaled = np.abs(released) * 2.0**54
    return (np.abs(released) < 0.5) & (scaled != np.rint(scaled))


def test_floating_point_noise_proves_the_truth_and_the_lattice_does_not():
    drawn = np.random.default_rng(1)
    tries = 4000
    naive = drawn.normal(size=tries)  # truth 0
    assert not _proves_zero(1 + drawn.normal(size=tries)).any()  # the proof is no false one
    assert 0.05 < _proves_zero(naive).mean() < 0.5

    account, mu2 = Allowance(3.0, 1e-5), 1e-4
    step = contributions(np.zeros((1, 1)), 1.0, mu2).step
    for truth in (0.0, 1.0):
        values = np.full((1, 200), truth / math.sqrt(200))
        out = noisy_sum(values, 1.0, mu2, pay=account, kind="statistic", what="a test")
        steps = out / step
        # all bits of every release are those of one grid, which does not depend on the truth
        assert (np.rint(steps) * step == out).all()
        assert (np.abs(steps - np.rint(steps)) < 1e-3).all()


def test_every_integer_can_come_out_of_every_truth():
    """The noise is the discrete Gaussian: frequencies are its probabilities for either truth."""
    reach = np.arange(-8, 9)
    mass = np.exp(-(np.arange(-40, 41) ** 2) / (2 * 3.0**2))
    expected = np.exp(-(reach**2) / (2 * 3.0**2)) / mass.sum()
    for truth in (0, 5):
        drawn = exact_noise(np.full(6000, truth, np.int64), 3) - truth
        seen = np.array([(drawn == k).mean() for k in reach])
        sd = np.sqrt(expected * (1 - expected) / drawn.size)
        assert (np.abs(seen - expected) < 5 * sd).all()
        assert abs(drawn.var() - 9.0) < 0.9


def test_noise_has_the_scale_that_was_paid_for():
    account, mu2 = Allowance(1.0, 1e-5), 0.01
    out = noisy_sum(np.zeros((3, 500)), 2.0, mu2, pay=account, kind="fit", what="a test")
    assert out.std() == pytest.approx(2.0 / math.sqrt(mu2), rel=0.15)
    assert cost(account.charges) == pytest.approx(mu2)


@settings(max_examples=25)
@given(
    st.integers(1, 40),
    st.floats(1e-3, 1e3),
    st.floats(1e-15, 10),
    st.integers(0, 2**32 - 1),
)
def test_no_contribution_exceeds_the_sensitivity(columns, limit, mu2, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(20, columns)) * 10.0 ** rng.integers(-6, 7, (20, 1))
    values[0, 0], values[1, 0], values[2] = np.nan, np.inf, 0.0
    made = contributions(values, limit, mu2)
    for row in made.integers.tolist():  # exact integers, no rounding in the check itself
        assert sum(number * number for number in row) <= made.sensitivity**2
    assert made.sensitivity == pytest.approx(STEPS * math.sqrt(mu2))


def test_a_cost_of_less_than_the_grid_is_refused():
    with pytest.raises(ValueError, match="so small a cost"):
        contributions(np.ones((3, 40)), 1.0, 1e-22)


@settings(max_examples=25)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_a_persons_contribution_does_not_depend_on_who_else_is_there(people, seed):
    """The rounding of a matrix product may: the sensitivity would not be what was paid for."""
    rng = np.random.default_rng(seed)
    who = np.sort(rng.integers(0, people, 3 * people)).astype(np.str_)
    z, y = rng.normal(size=(who.size, 7)), rng.integers(0, 2, who.size).astype(np.float64)
    beta = rng.normal(size=8)
    gone = who[0]
    left = who != gone

    def integers(rows):
        group = People.of(z[rows], y[rows], who[rows])
        return contributions(group.gradients(beta, 1.5), 1.5, 0.01).integers

    everybody = integers(np.ones(who.size, bool))
    place = np.unique(who).tolist().index(gone)
    assert (np.delete(everybody, place, axis=0) == integers(left)).all()
    # and the whole of a person with many rows counts no more than a person with one
    assert (np.linalg.norm(everybody * 1.0, axis=1) <= STEPS * 0.1).all()


def test_the_budget_is_paid_before_the_data_are_looked_at():
    account = Allowance(0.5, 1e-6)
    seen = []

    def noise(values, scale):
        seen.append(values)
        return values

    with pytest.raises(BudgetError):
        noisy_sum(np.ones((2, 2)), 1.0, 1.0, pay=account, kind="fit", what="x", noise=noise)
    assert not seen
    assert not account.charges


def test_disjoint_parts_of_the_people_do_not_add_up():
    account = Allowance(1.0, 1e-5)
    half = account.mu2 / 2
    account.spend(Charge("fit", "one", half, "those who teach"))
    account.spend(Charge("evaluation", "two", half, "those who judge"))
    assert account.left == pytest.approx(half)
    account.spend(Charge("statistic", "of all", half))
    with pytest.raises(BudgetError):
        account.spend(Charge("group audit", "more", half / 1e3, "those who judge"))


def test_probability_is_the_logistic_function():
    at = np.array([-40.0, -3.0, -0.1234, 0.0, 2.0, 40.0])
    assert probability(at) == pytest.approx(1 / (1 + np.exp(-at)), abs=3e-4)


def test_clipping_keeps_directions():
    rows = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    assert clipped(rows, 1.0) == pytest.approx(np.array([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def _simulated(people, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(people, 4))
    truth = np.array([1.0, -0.8, 0.5, 0.0])
    y = (rng.random(people) < 1 / (1 + np.exp(-(z @ truth - 0.5)))).astype(np.float64)
    return z, y, truth


def test_descent_without_noise_finds_the_model_and_with_noise_stays_near():
    z, y, truth = _simulated(6000, 0)
    people = People.of(z, y, np.arange(y.size).astype(np.str_))
    account = Allowance(10.0, 1e-5)
    silent = {"pay": account, "part": "", "noise": lambda values, _scale: values}
    counted = count(people, account.mu2 * COUNTING, **silent)
    assert counted.people == pytest.approx(6000)
    assert counted.events == pytest.approx(y.sum(), rel=1e-5)
    exact = descend(people, counted, account.mu2 * 0.9, **silent)
    # clipped gradients estimate a nearby model: the direction is that of the truth
    cosine = exact[1:] @ truth / np.linalg.norm(exact[1:]) / np.linalg.norm(truth)
    assert cosine > 0.995
    assert 0.7 < np.linalg.norm(exact[1:]) / np.linalg.norm(truth) < 1.3

    account = Allowance(1.0, 1e-5)
    counted = count(people, account.mu2 * COUNTING, pay=account, part="")
    noisy = descend(people, counted, account.left * 0.999, pay=account, part="")
    assert np.linalg.norm(noisy - exact) < 0.25
    assert account.spent.epsilon == pytest.approx(1.0, abs=1e-3)
    assert affordable(counted, account.mu2) > 90


def test_a_release_is_never_made_twice_with_the_same_noise():
    values = np.zeros(64, np.int64)
    assert (exact_noise(values, STEPS) != exact_noise(values, STEPS)).any()
