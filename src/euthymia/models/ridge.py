"""The estimator: ridge logistic regression on clipped, standardised, imputed features.

See docs/adr/0005-logistic-first.md for why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import recalibrate
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.evaluation.resample import bootstrap_weights
from euthymia.evaluation.splits import Split, person_folds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PENALTIES: Final = (3.0, 30.0, 100.0, 300.0, 1000.0)
"""Candidates for the ridge; 1 / C in the words of scikit-learn."""
INNER_FOLDS: Final = 4
HEADS: Final = 100
"""Person-bootstrap refits whose percentiles are the interval of a probability."""
_CLIP: Final = (1.0, 99.0)  # percentiles of the training rows; beyond them a value says no more
_MIN_KNOWN: Final = 0.02  # share of training rows, below which a feature is not used
_MIN_MISSING: Final = 0.01  # share of training rows, from which "not known" is a feature itself
_ROUGH: Final = 1e-6  # of the loss: enough to choose a penalty by
_SLOPES: Final = (0.1, 2.0)  # a recalibration slope outside is an accident of few events


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a feature vector becomes the columns that the coefficients multiply.

    z = [clip(impute(x[columns])), isnan(x[indicators])] standardised.
    """

    columns: Ints
    fill: Floats
    low: Floats
    high: Floats
    indicators: Ints
    mean: Floats
    scale: Floats

    def apply(self, x: Floats) -> Floats:
        """Return z for rows of x, shape [n, k]."""
        chosen = x[:, self.columns]
        filled = np.where(np.isnan(chosen), self.fill, chosen)
        known = np.clip(filled, self.low, self.high)
        gone = np.isnan(x[:, self.indicators]).astype(np.float64)
        return np.asarray((np.hstack([known, gone]) - self.mean) / self.scale)

    @property
    def sources(self) -> Ints:
        """The feature that each column of z comes from."""
        return np.concatenate([self.columns, self.indicators])


def _percentiles(x: Floats, percents: tuple[float, ...]) -> Floats:
    """Return percentiles of the known values of each column, shape [percents, columns]."""
    ranked = np.sort(x, axis=0)  # what is not known comes last
    known = (~np.isnan(x)).sum(axis=0)
    place = np.array(percents)[:, None] / 100 * (known - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, known - 1)
    columns = np.arange(x.shape[1])
    low, high = ranked[below, columns], ranked[above, columns]
    return np.asarray(low + (place - below) * (high - low))


def prepare(x: Floats, columns: Ints) -> Preparation:
    """Learn medians, clipping limits, missing indicators and scales from training rows.

    Features that are hardly ever known, and those that are the same for everybody, are left out.
    Features that always go missing together share one indicator.
    """
    known = ~np.isnan(x)
    share = known.mean(axis=0)
    used = [c for c in columns if share[c] >= _MIN_KNOWN and np.ptp(x[known[:, c], c]) > 0]
    kept = np.array(used, np.int64)
    limits = _percentiles(x[:, kept], (50.0, *_CLIP))
    patterns: dict[bytes, int] = {}
    for c in columns:
        if _MIN_MISSING <= 1 - share[c] <= 1 - _MIN_MISSING:
            patterns.setdefault(known[:, c].tobytes(), int(c))
    raw = Preparation(
        columns=kept,
        fill=limits[0],
        low=limits[1],
        high=limits[2],
        indicators=np.array(list(patterns.values()), np.int64),
        mean=np.zeros(kept.size + len(patterns)),
        scale=np.ones(kept.size + len(patterns)),
    )
    z = raw.apply(x)
    spread = z.std(axis=0)
    return Preparation(
        raw.columns,
        raw.fill,
        raw.low,
        raw.high,
        raw.indicators,
        z.mean(axis=0),
        np.where(spread > 0, spread, 1.0),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What tuning chose: a feature set and a penalty, and the held-out loss of every candidate."""

    features: str
    ridge: float
    losses: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted, calibrated model; the calibration is folded into intercept and coefficients.

    `heads` [1 + k, HEADS] are person-bootstrap refits, each with its own recalibration.
    """

    preparation: Preparation
    intercept: float
    coefficients: Floats
    heads: Floats
    calibration: tuple[float, float]
    choice: Choice

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
        drawn = sigmoid(self.heads[0] + z @ self.heads[1:])
        low, high = np.percentile(drawn, (2.5, 97.5), axis=1)
        return p, np.minimum(low, p), np.maximum(high, p)


@dataclass(frozen=True, slots=True)
class Sample:
    """Training rows: features, labels, whose they are."""

    x: Floats
    y: Floats
    person: NDArray[np.str_]

    def take(self, rows: Ints) -> "Sample":
        """Return some of the rows."""
        return Sample(self.x[rows], self.y[rows], self.person[rows])


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
        start = fit_logistic(z, train.y, once, ridge=ridge, start=start, tolerance=_ROUGH)
        found.append(start[0, 0] + held @ start[0, 1:])
    return np.array(found[::-1])


def _loss(y: Floats, log_odds: Floats) -> float:
    return float(np.mean(np.logaddexp(0, log_odds) - y * log_odds))


def tune(sample: Sample, sets: Sequence[tuple[str, Ints]], seed: int) -> tuple[Choice, Floats]:
    """Choose a feature set and a penalty by held-out log loss, folds by person.

    Returns
    -------
    Choice, and the held-out log-odds of every row under the choice, for the recalibration.
    """
    _, events = np.unique(sample.person[sample.y == 1], return_counts=True)
    folds = max(2, min(INNER_FOLDS, events.size))
    splits = person_folds(sample.y, sample.person, folds=folds, repeats=1, seed=seed)
    losses: list[tuple[str, float, float]] = []
    best: tuple[float, Floats] | None = None
    for name, columns in sets:
        held = np.empty((len(PENALTIES), sample.y.size))
        for split in splits:
            held[:, split.test] = _path(sample, split, columns)
        for ridge, log_odds in zip(PENALTIES, held, strict=True):
            losses.append((name, ridge, _loss(sample.y, log_odds)))
            if best is None or losses[-1][2] < best[0]:
                best = (losses[-1][2], log_odds)
                chosen = (name, ridge)
    assert best is not None
    return Choice(chosen[0], chosen[1], tuple(losses)), best[1]


def _calibrator(y: Floats, log_odds: Floats, weights: Floats) -> Floats:
    """Return (intercept, slope) of the recalibration for each row of weights, shape [b, 2]."""
    p = sigmoid(log_odds)
    found = recalibrate(y, p, weights)
    slope = np.clip(found[:, 1], *_SLOPES)
    moved = np.where(np.isfinite(slope), slope, 1.0)
    level = np.where(np.isfinite(found[:, 0]), found[:, 0], 0.0)
    return np.column_stack([level, moved])


def fit(
    sample: Sample,
    sets: Sequence[tuple[str, Ints]],
    *,
    seed: int,
    heads: int = HEADS,
) -> Fitted:
    """Tune, fit and recalibrate a model, and refit it on `heads` person-bootstrap samples.

    Parameters
    ----------
    sets : sequence of (name, columns of x)
        What tuning may choose between.
    heads : int
        0 for a model whose intervals are not needed.
    """
    choice, held_out = tune(sample, sets, seed)
    columns = dict(sets)[choice.features]
    prepared, beta = plain_fit(sample, columns, choice.ridge)
    once = np.ones((1, sample.y.size))
    level, slope = _calibrator(sample.y, held_out, once)[0]
    folded = slope * beta
    folded[0] += level
    refits = _heads(sample, prepared, beta, held_out, choice.ridge, heads, seed)
    return Fitted(
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
    drawn = fit_logistic(z, sample.y, weights, ridge=ridge, start=beta[None], tolerance=_ROUGH)
    usable = np.isfinite(drawn).all(axis=1)
    drawn[~usable] = beta  # a resample without any event: as good as none
    calibrators = _calibrator(sample.y, held_out, weights)
    folded = drawn * calibrators[:, 1:]
    folded[:, 0] += calibrators[:, 0]
    return np.asarray(folded.T)
