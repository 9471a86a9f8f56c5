"""Ridge logistic regression on clipped, standardised, imputed features: the default estimator.

See docs/adr/0005-logistic-first.md for why.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.evaluation.calibration import recalibrate
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.evaluation.resample import bootstrap_weights
from euthymia.evaluation.splits import Split, person_folds
from euthymia.models.estimators.contract import (
    HEADS,
    Choice,
    Column,
    Floats,
    Ints,
    Model,
    Sample,
    Sets,
    Told,
    Trees,
    said,
)
from euthymia.models.estimators.linear import Preparation, linear_columns, linear_told, prepare

PENALTIES: Final = (3.0, 30.0, 100.0, 300.0, 1000.0)
"""Candidates for the ridge; 1 / C in the words of scikit-learn."""
INNER_FOLDS: Final = 4
ROUGH: Final = 1e-6  # of the loss: enough to choose a penalty by
_SLOPES: Final = (0.1, 2.0)  # a recalibration slope outside is an accident of few events
INTERVAL: Final = (
    "2.5th to 97.5th percentile of 100 refits on people drawn with replacement. Covers who happened"
    " to be in the training data; not a wrong model, nor patients unlike those of the training"
    " data, nor the choice of features. It is about the probability, not about what will happen."
)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted, calibrated model; the calibration is folded into intercept and coefficients.

    `heads` [1 + k, HEADS] are person-bootstrap refits, each with its own recalibration.
    """

    preparation: Preparation
    intercept: float
    coefficients: Floats
    heads: Floats
    calibration: tuple[float, float]
    choice: Choice

    @property
    def sources(self) -> Ints:
        """The features that the model looks at."""
        return np.unique(self.preparation.sources)

    def log_odds(self, x: Floats) -> Floats:
        """Return the calibrated log-odds of each row."""
        return np.asarray(self.intercept + self.preparation.apply(x) @ self.coefficients)

    def predict(self, x: Floats) -> Floats:
        """Return the calibrated probability of each row."""
        return sigmoid(self.log_odds(x))

    def predict_interval(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (probability, low, high) of each row.

        The interval is the 2.5th to 97.5th percentile of the bootstrap refits, widened to hold the
        probability where it lies outside. It covers who happened to be in the training data. It
        does not cover a wrong model, a change of the clinic's patients, or which features were
        chosen; and it is about the probability, not about what will happen.
        """
        z = self.preparation.apply(x)
        p = sigmoid(self.intercept + z @ self.coefficients)
        if not self.heads.shape[1]:
            return p, p, p
        drawn = sigmoid(self.heads[0] + z @ self.heads[1:])
        low, high = np.percentile(drawn, (2.5, 97.5), axis=1)
        return p, np.minimum(low, p), np.maximum(high, p)

    def to_onnx(self, features: int) -> bytes:
        """Return the model as a checked ONNX file; see `Fitted.to_onnx`."""
        from euthymia.models.export import linear_graph

        intercepts, coefficients = self.folded()
        return linear_graph(self.preparation, intercepts, coefficients, features)

    def folded(self) -> tuple[Floats, Floats]:
        """Return intercepts and coefficients of model and heads for unstandardised columns."""
        prepared = self.preparation
        both = np.column_stack([self.coefficients, self.heads[1:]])
        coefficients = both / prepared.scale[:, None]
        return np.r_[self.intercept, self.heads[0]] - prepared.mean @ coefficients, coefficients

    def columns(self) -> tuple[Column, ...]:
        """Return the linear predictor column by column."""
        return linear_columns(self.preparation, self.coefficients)

    def trees(self) -> Trees | None:
        """Return None: the reasons come from `columns`."""
        return None

    def told(self) -> Told:
        """Return what the report says of the model."""
        text = (
            f"Ridge logistic regression on the feature set “{self.choice.features}”,"
            f" {self.choice.words}; recalibrated with slope {self.calibration[1]:.2f}."
        )
        return linear_told(self.preparation, self.coefficients, text, "log-odds")


def plain_fit(sample: Sample, columns: Ints, ridge: float) -> tuple[Preparation, Floats]:
    """Return preparation and coefficients (intercept first) without tuning or calibration."""
    prepared = prepare(sample.x, columns)
    once = np.ones((1, sample.y.size))
    return prepared, fit_logistic(prepared.apply(sample.x), sample.y, once, ridge=ridge)[0]


def plain_log_odds(prepared: Preparation, beta: Floats, x: Floats) -> Floats:
    """Return the log-odds of rows under `plain_fit`."""
    return np.asarray(beta[0] + prepared.apply(x) @ beta[1:])


def _path(sample: Sample, split: Split, columns: Ints) -> Floats:
    """Return held-out log-odds of a split's test rows for each penalty, shape [penalties, test]."""
    train = sample.take(split.train)
    prepared = prepare(train.x, columns)
    z, held = prepared.apply(train.x), prepared.apply(sample.x[split.test])
    once, start, found = np.ones((1, train.y.size)), None, []
    for ridge in sorted(PENALTIES, reverse=True):
        start = fit_logistic(z, train.y, once, ridge=ridge, start=start, tolerance=ROUGH)
        found.append(start[0, 0] + held @ start[0, 1:])
    return np.array(found[::-1])


def log_loss(y: Floats, log_odds: Floats) -> float:
    """Return the mean negative log-likelihood of log-odds [nat]."""
    return float(np.mean(np.logaddexp(0, log_odds) - y * log_odds))


def inner_splits(sample: Sample, seed: int) -> tuple[Split, ...]:
    """Return the folds by person that tuning is judged on."""
    _, events = np.unique(sample.person[sample.y == 1], return_counts=True)
    folds = max(2, min(INNER_FOLDS, events.size))
    return person_folds(sample.y, sample.person, folds=folds, repeats=1, seed=seed)


def tune(sample: Sample, sets: Sets, seed: int) -> tuple[Choice, Floats]:
    """Choose a feature set and a penalty by held-out log loss, folds by person.

    Returns
    -------
    Choice, and the held-out log-odds of every row under the choice, for the recalibration.
    """
    splits = inner_splits(sample, seed)
    losses: list[tuple[str, str, float]] = []
    best: tuple[float, Floats] | None = None
    for name, columns in sets:
        held = np.empty((len(PENALTIES), sample.y.size))
        for split in splits:
            held[:, split.test] = _path(sample, split, columns)
        for ridge, log_odds in zip(PENALTIES, held, strict=True):
            settings = {"penalty": ridge}
            losses.append((name, said(settings), log_loss(sample.y, log_odds)))
            if best is None or losses[-1][2] < best[0]:
                best = (losses[-1][2], log_odds)
                chosen = (name, settings)
    assert best is not None
    return Choice(chosen[0], chosen[1], tuple(losses)), best[1]


def calibrators(y: Floats, log_odds: Floats, weights: Floats) -> Floats:
    """Return (intercept, slope) of the recalibration for each row of weights, shape [b, 2].

    Where the slope is held to a limit, the intercept is the one that belongs to that slope: without
    any signal held-out predictions fall where the outcome is more frequent, as each fold's lie
    nearer to the other folds' prevalence.
    """
    found = recalibrate(y, sigmoid(log_odds), weights)
    for limit, beyond in (
        (_SLOPES[0], ~(found[:, 1] >= _SLOPES[0])),
        (_SLOPES[1], found[:, 1] > _SLOPES[1]),
    ):
        rows = np.flatnonzero(beyond)
        if rows.size:
            none = np.zeros((y.size, 0))
            level = fit_logistic(none, y, weights[rows], offset=limit * log_odds)
            found[rows] = np.column_stack([level[:, 0], np.full(rows.size, limit)])
    return np.where(np.isfinite(found).all(axis=1, keepdims=True), found, np.array([0.0, 1.0]))


def fit(sample: Sample, sets: Sets, *, seed: int, heads: int = HEADS) -> Logistic:
    """Tune, fit and recalibrate a model, and refit it on `heads` person-bootstrap samples.

    Parameters
    ----------
    sets : sequence of (name, columns of x)
        What tuning may choose between.
    heads : int
        0 for a model whose intervals are not needed.
    """
    choice, held_out = tune(sample, sets, seed)
    columns, ridge = dict(sets)[choice.features], choice.settings["penalty"]
    prepared, beta = plain_fit(sample, columns, ridge)
    once = np.ones((1, sample.y.size))
    level, slope = calibrators(sample.y, held_out, once)[0]
    folded = slope * beta
    folded[0] += level
    refits = _heads(sample, prepared, beta, held_out, ridge, heads, seed)
    return Logistic(
        prepared, float(folded[0]), folded[1:], refits, (float(level), float(slope)), choice
    )


def _heads(
    sample: Sample,
    prepared: Preparation,
    beta: Floats,
    held_out: Floats,
    ridge: float,
    heads: int,
    seed: int,
) -> Floats:
    if heads == 0:
        return np.empty((beta.size, 0))
    weights = bootstrap_weights(sample.person, heads, np.random.default_rng(seed))
    z = prepared.apply(sample.x)
    drawn = fit_logistic(z, sample.y, weights, ridge=ridge, start=beta[None], tolerance=ROUGH)
    usable = np.isfinite(drawn).all(axis=1)
    drawn[~usable] = beta  # a resample without any event: as good as none
    found = calibrators(sample.y, held_out, weights)
    folded = drawn * found[:, 1:]
    folded[:, 0] += found[:, 0]
    return np.asarray(folded.T)


def refit(
    sample: Sample, rows: Ints, columns: Ints, choice: Choice, dealt: Ints, held: Ints
) -> Floats:
    """Return held-out log-odds for each way of dealing the outcomes; see `Refit`."""
    x = sample.x[rows]
    prepared = prepare(x, columns)
    once = np.ones(dealt.shape)
    beta = fit_logistic(prepared.apply(x), sample.y[dealt], once, ridge=choice.settings["penalty"])
    return np.asarray(beta[:, :1] + beta[:, 1:] @ prepared.apply(sample.x[held]).T)


MODEL = Model(
    name="logistic",
    title="ridge logistic regression, recalibrated on held-out predictions",
    kind="binary",
    methods=(
        (
            "Features outside the 1st to 99th percentile of the training rows are clipped, missing"
            " ones replaced by the median with an indicator, all standardised."
        ),
        (
            "Ridge logistic regression by Newton's method; penalty and feature set by held-out log"
            " loss in four inner folds by person; logistic recalibration on the inner held-out"
            " predictions."
        ),
    ),
    interval=INTERVAL,
    fit=fit,
    refit=refit,
)
