"""Rules for trials in stages: what to do now, given what was done and how it went.

Q-learning by backward induction (Murphy 2005, doi:10.1002/sim.2022; Schulte et al. 2014,
doi:10.1214/13-STS450), the outcome as it was plus what the best treatment would have added (Huang
et al. 2015, doi:10.1002/sim.6558: the state's own part need not be right), with ridge-regularised
linear contrasts; and the value of the rule it gives
estimated off-policy by the sequentially doubly robust estimator (Zhang et al. 2013,
doi:10.1093/biomet/ast014; Jiang & Li 2016, arXiv:1511.03722): right where either the chances of
treatment or the outcome models are. Folds by person: nobody is judged by a rule learned from them.
The rule is set beside the best of the fixed sequences, chosen in training as well: a rule that does
not beat giving everybody the same is not worth its data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.splits import person_folds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS: Final = 5
RIDGE: Final = 1.0
"""Of standardised columns: less than one person's worth of information; the main effect of each
treatment carries none."""
LEAST_CHANCE: Final = 0.02  # of a treatment: a smaller one is held here; nobody counts 50-fold
MOST_SEQUENCES: Final = 64
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Stage:
    """One decision of every person.

    Attributes
    ----------
    state : NDArray, shape [n, k]
        What is known before the decision (of earlier stages too, as far as it matters); no NaN.
    action : NDArray of int, shape [n]
        Which treatment was given, 0 to `actions` - 1; -1: none was due (such as after remission).
    actions : int
    chance : NDArray, shape [n], optional
        The probability with which the given action was drawn, where the trial fixed it. Without it
        the chances are estimated from the state.
    """

    state: Floats
    action: Ints
    actions: int
    chance: Floats | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The learned rule of one stage: the treatment of the highest predicted outcome."""

    mean: Floats
    scale: Floats
    coefficients: Floats  # [actions, k + 1], intercept first

    def values(self, state: Floats) -> Floats:
        """Return the predicted outcome under each treatment, shape [n, actions]."""
        z = (state - self.mean) / self.scale
        return np.asarray(self.coefficients[:, 0] + z @ self.coefficients[:, 1:].T)

    def best(self, state: Floats) -> Ints:
        """Return the treatment that each person should get."""
        return np.asarray(self.values(state).argmax(axis=1), np.int64)


@dataclass(frozen=True, slots=True)
class Regime:
    """A learned regime and what following it would have been worth.

    Attributes
    ----------
    rules : tuple of Rule
        One a stage, from everybody; higher outcomes are better.
    value : Estimate
        Mean outcome had everybody followed it, judged on people it was not learned from.
    best_sequence : tuple of int
        The best fixed sequence (from everybody).
    sequence_value, gain : Estimate
        Its value, chosen in training too; and the regime's value less it.
    observed : float
        Mean outcome as it was.
    """

    rules: tuple[Rule, ...]
    value: Estimate
    best_sequence: tuple[int, ...]
    sequence_value: Estimate
    gain: Estimate
    observed: float

    @property
    def verdict(self) -> str:
        """Say whether the regime is worth its data."""
        if self.gain.low > 0:
            return "better than any fixed sequence"
        return "not shown to be better than the best fixed sequence"


def _standard(x: Floats) -> tuple[Floats, Floats]:
    spread = x.std(axis=0)
    return x.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _ridge(x: Floats, y: Floats, penalty: Floats) -> Floats:
    return np.asarray(np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y))


def _fit_rule(stage: Stage, rows: Ints, outcome: Floats) -> Rule:
    """Return the outcome under each treatment, linear in the state, from the rows that had it."""
    due = rows[stage.action[rows] >= 0]
    mean, scale = _standard(stage.state[due])
    found = np.zeros((stage.actions, stage.state.shape[1] + 1))
    penalty = np.r_[0.0, np.full(stage.state.shape[1], RIDGE)]
    for action in range(stage.actions):
        mine = due[stage.action[due] == action]
        if mine.size == 0:
            raise ValueError(f"nobody in training had treatment {action}")
        z = (stage.state[mine] - mean) / scale
        found[action] = _ridge(np.column_stack([np.ones(mine.size), z]), outcome[mine], penalty)
    return Rule(mean, scale, found)


def _regret(stage: Stage, values: Floats) -> Floats:
    """Return what each person would have gained by the best treatment instead of the given one."""
    given = values[np.arange(values.shape[0]), np.maximum(stage.action, 0)]
    return np.where(stage.action >= 0, values.max(axis=1) - given, 0.0)


def learn(stages: Sequence[Stage], outcome: Floats, rows: Ints) -> tuple[Rule, ...]:
    """Return the rules of all stages, learned backwards on some rows."""
    later = outcome.astype(np.float64).copy()
    rules: list[Rule] = []
    for stage in reversed(stages):
        rule = _fit_rule(stage, rows, later)
        rules.append(rule)
        later = later + _regret(stage, rule.values(stage.state))
    return tuple(reversed(rules))


def _chances(stage: Stage, train: Ints, test: Ints) -> Floats:
    """Return the chance of the given treatment for the test rows."""
    if stage.chance is not None:
        return np.maximum(stage.chance[test], LEAST_CHANCE)
    due = train[stage.action[train] >= 0]
    mean, scale = _standard(stage.state[due])
    design = np.column_stack([np.ones(stage.state.shape[0]), (stage.state - mean) / scale])
    score = np.column_stack(
        [
            _logistic(design[due], (stage.action[due] == action).astype(np.float64))
            for action in range(stage.actions)
        ]
    )
    p = 1 / (1 + np.exp(-np.clip(design[test] @ score, -20, 20)))
    p /= p.sum(axis=1, keepdims=True)
    given = np.maximum(stage.action[test], 0)
    return np.maximum(p[np.arange(test.size), given], LEAST_CHANCE)


def _logistic(x: Floats, y: Floats) -> Floats:
    """Return ridge-logistic coefficients by Newton's method."""
    beta, penalty = np.zeros(x.shape[1]), np.r_[1e-6, np.full(x.shape[1] - 1, RIDGE)]
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -20, 20)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, x.T @ (p - y) + penalty * beta)
        beta = beta - step
        if np.abs(step).max() < 1e-9:
            break
    return beta


Policy = Sequence[Ints]
"""The treatment that each person would get at each stage, shape [n] a stage."""


def _judged(
    stages: Sequence[Stage], outcome: Floats, policy: Policy, train: Ints, test: Ints
) -> Floats:
    """Return each test row's doubly robust value of a policy, shape [test].

    Backwards: v = Q(s, policy) + [followed] / chance * (what came after - Q(s, given)), with the
    outcome model fitted on training rows to the value of the policy from there on.
    """
    after_train = outcome.astype(np.float64).copy()
    after = outcome[test].astype(np.float64)
    for stage, wanted in zip(reversed(stages), reversed(policy), strict=True):
        model = _fit_rule(stage, train, after_train)
        values = model.values(stage.state)
        place = np.arange(outcome.size)
        planned = values[place, wanted]
        given = values[place, np.maximum(stage.action, 0)]
        due = stage.action >= 0
        followed = (stage.action[test] == wanted[test]) / _chances(stage, train, test)
        robust = planned[test] + followed * (after - given[test])
        after = np.where(due[test], robust, after)
        after_train = np.where(due, after_train + planned - given, after_train)
    return after


def _same(stages: Sequence[Stage], sequence: Sequence[int]) -> Policy:
    size = stages[0].action.size
    return [np.full(size, action, np.int64) for action in sequence]


def _best_sequence(stages: Sequence[Stage], outcome: Floats, rows: Ints) -> tuple[int, ...]:
    """Return the fixed sequence of the highest value within some rows."""
    sequences = list(product(*(range(stage.actions) for stage in stages)))
    if len(sequences) > MOST_SEQUENCES:
        raise ValueError(f"more than {MOST_SEQUENCES} fixed sequences: leave out stages or arms")
    worth = [_judged(stages, outcome, _same(stages, s), rows, rows).mean() for s in sequences]
    return sequences[int(np.argmax(worth))]


def _estimate(values: Floats, person: NDArray[np.generic], chance: float | None) -> Estimate:
    """Return a mean with a normal interval clustered by person."""
    _, code = np.unique(person, return_inverse=True)
    mean = float(values.mean())
    sums = np.bincount(code.reshape(-1), weights=values - mean)
    error = float(np.sqrt((sums**2).sum())) / values.size
    return Estimate(mean, mean - _Z * error, mean + _Z * error, chance)


def _checked(stages: Sequence[Stage], outcome: Floats, person: NDArray[np.generic]) -> None:
    size = outcome.size
    for number, stage in enumerate(stages, 1):
        if stage.state.shape[0] != size or stage.action.size != size:
            raise ValueError(f"stage {number} has not one row a person")
        if not np.isfinite(stage.state).all():
            raise ValueError(f"stage {number}: the state must be known for everybody; fill it in")
        if stage.action.max() >= stage.actions or stage.action.min() < -1:
            raise ValueError(f"stage {number}: treatments are 0 to {stage.actions - 1}, or -1")
        counts = np.bincount(stage.action[stage.action >= 0], minlength=stage.actions)
        if counts.min() < 2 * FOLDS:
            raise ValueError(f"stage {number}: fewer than {2 * FOLDS} people had a treatment")
    if not np.isfinite(outcome).all() or person.size != size:
        raise ValueError("each person has one outcome, and it must be known")


def regime(
    stages: Sequence[Stage],
    outcome: Floats,
    *,
    person: NDArray[np.generic] | None = None,
    seed: int = 1,
) -> Regime:
    """Learn what to do at each stage of a sequential trial, and what that is worth.

    Parameters
    ----------
    stages : sequence of Stage
        In order of time.
    outcome : NDArray, shape [n]
        At the end; higher is better.
    person : NDArray, shape [n], optional
        Rows of one person stay together; each row is a person by default.
    seed : int
        Of the folds.

    Raises
    ------
    ValueError
        A stage has rows of another length, a state that is not known, or too few of a treatment.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, arm = rng.normal(size=(400, 1)), rng.integers(0, 2, 400)
    >>> y = (2 * arm - 1) * np.sign(x[:, 0]) + 0.1 * rng.normal(size=400)
    >>> found = regime([Stage(x, arm, 2, np.full(400, 0.5))], y)
    >>> found.verdict
    'better than any fixed sequence'
    """
    who = np.arange(outcome.size) if person is None else person
    _checked(stages, outcome, who)
    splits = person_folds(np.zeros(outcome.size), who, folds=FOLDS, repeats=1, seed=seed)
    ours, fixed = np.empty(outcome.size), np.empty(outcome.size)
    for split in splits:
        rules = learn(stages, outcome, split.train)
        policy = [rule.best(stage.state) for rule, stage in zip(rules, stages, strict=True)]
        ours[split.test] = _judged(stages, outcome, policy, split.train, split.test)
        same = _same(stages, _best_sequence(stages, outcome, split.train))
        fixed[split.test] = _judged(stages, outcome, same, split.train, split.test)
    everybody = np.arange(outcome.size)
    return Regime(
        rules=learn(stages, outcome, everybody),
        value=_estimate(ours, who, None),
        best_sequence=_best_sequence(stages, outcome, everybody),
        sequence_value=_estimate(fixed, who, None),
        gain=_estimate(ours - fixed, who, 0.0),
        observed=float(outcome.mean()),
    )


def as_json(found: Regime) -> Mapping[str, object]:
    """Return the regime's figures as plain values."""

    def said(e: Estimate) -> dict[str, float | None]:
        return {"estimate": e.estimate, "low": e.low, "high": e.high, "chance": e.chance}

    return {
        "verdict": found.verdict,
        "value": said(found.value),
        "best_sequence": list(found.best_sequence),
        "sequence_value": said(found.sequence_value),
        "gain": said(found.gain),
        "observed": found.observed,
    }
