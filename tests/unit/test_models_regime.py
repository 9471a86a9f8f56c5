"""Dynamic regimes on a two-stage trial whose best rule and its value are known."""

import numpy as np
import pytest

from euthymia.models.updating.regime import Stage, as_json, regime

TRUE = 1 + np.sqrt(2 / np.pi) + 0.75 * 0.8 * 1.0085
"""Mean outcome under the best rule: 1 + E|x| + 0.6 E|change|, change being N(+-1, 0.5)."""


def _trial(n, seed, *, gain=1.0, confounded=False):
    """Two stages: 1 suits those with x > 0, then those who fell after the first; 3 of 4 are due."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    tilt = 1 / (1 + np.exp(-1.2 * x)) if confounded else np.full(n, 0.5)
    a1 = (rng.random(n) < tilt).astype(int)
    change = np.where(a1 == 1, 1.0, -1.0) + 0.5 * rng.normal(size=n)
    due = rng.random(n) < 0.75
    a2 = np.where(due, rng.integers(0, 2, n), -1)
    second = np.where(due, -0.8 * (2 * a2 - 1) * change, 0.0)
    y = 1 + gain * ((2 * a1 - 1) * x + second) + 0.5 * rng.normal(size=n)
    chance = np.where(a1 == 1, tilt, 1 - tilt)
    first = Stage(x[:, None], a1, 2, None if confounded else chance)
    return [first, Stage(np.column_stack([x, change]), a2, 2)], y


def test_the_known_best_rule_is_found_and_its_value_covered():
    values, gains, right = [], [], []
    for seed in range(6):
        stages, y = _trial(600, seed)
        found = regime(stages, y, seed=seed)
        values.append((found.value.estimate, found.value.low <= TRUE <= found.value.high))
        gains.append(found.gain.low > 0)
        x = stages[0].state
        right.append(np.mean(found.rules[0].best(x) == (x[:, 0] > 0)))
    estimate = np.mean([v for v, _ in values])
    assert abs(estimate - TRUE) < 0.1
    assert np.mean([inside for _, inside in values]) >= 0.75
    assert np.mean(gains) >= 0.9
    assert np.mean(right) > 0.9


def test_confounded_treatment_is_allowed_for():
    errors = []
    for seed in range(5):
        stages, y = _trial(800, 50 + seed, confounded=True)
        errors.append(regime(stages, y, seed=seed).value.estimate - TRUE)
    assert abs(np.mean(errors)) < 0.1


def test_where_nothing_depends_on_anybody_no_rule_is_better():
    better = []
    for seed in range(8):
        stages, y = _trial(300, 100 + seed, gain=0.0)
        found = regime(stages, y, seed=seed)
        better.append(found.gain.low > 0)
        assert found.value.low < 1.35
    assert np.mean(better) <= 0.15


def test_either_model_may_be_wrong():
    """The outcome is far from linear; chances are known, so the value is right all the same."""
    rng = np.random.default_rng(4)
    found = []
    for seed in range(6):
        x = rng.normal(size=(700, 1))
        arm = rng.integers(0, 2, 700)
        y = np.exp(x[:, 0]) * arm + rng.normal(size=700)
        made = regime([Stage(x, arm, 2, np.full(700, 0.5))], y, seed=seed)
        assert made.best_sequence == (1,)
        found.append(made.value.estimate)
    assert np.mean(found) == pytest.approx(np.exp(0.5), abs=0.12)


def test_what_cannot_be_judged_is_refused():
    stages, y = _trial(200, 1)
    first, second = stages
    with pytest.raises(ValueError, match="not one row a person"):
        regime([first, second], y[:100])
    with pytest.raises(ValueError, match="must be known"):
        regime([Stage(np.full((200, 1), np.nan), first.action, 2)], y)
    with pytest.raises(ValueError, match="treatments are 0 to 1"):
        regime([Stage(first.state, first.action + 1, 2)], y)
    with pytest.raises(ValueError, match="fewer than 10 people"):
        regime([Stage(first.state, first.action, 3)], y)
    said = as_json(regime(stages, y))
    assert set(said["gain"]) == {"estimate", "low", "high", "chance"}
