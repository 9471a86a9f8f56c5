"""What the two time-to-event estimators share: from log-hazards in pieces to the risk by a horizon.

Follow-up to the horizon is cut into pieces. In each, a cause's log-hazard is a level plus one
linear predictor; the levels of a cause differ between pieces, its coefficients do not. The risk is
the cumulative incidence of cause 1: competing events are not treated as censoring.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.cox import fit_cox
from euthymia.evaluation.resample import bootstrap_weights
from euthymia.evaluation.splits import person_folds
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators.contract import (
    EVENT,
    HEADS,
    Choice,
    Column,
    Floats,
    Ints,
    Sample,
    Sets,
    Told,
    Trees,
    said,
)
from euthymia.models.estimators.linear import Preparation, linear_columns, linear_told, prepare
from euthymia.models.estimators.logistic import INNER_FOLDS, PENALTIES

PIECES: Final = 20
LIMITS: Final = (-50.0, 30.0)  # of a log-hazard: beyond, a probability is 0 or 1 to 1e-13
MIN_COMPETING: Final = 10
"""With fewer competing events of a cause its hazard does not depend on the features."""
SLOPES: Final = (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Survival:
    """A fitted, recalibrated model of 1 + heads hazards of each of c causes in k pieces.

    Attributes
    ----------
    ends : NDArray, shape [k]
        The last day of each piece; the last of them is the horizon.
    levels : NDArray, shape [c, 1 + heads, k]
        Log-hazards of a piece at the mean of the columns. Head 0 is the model.
    coefficients : NDArray, shape [c, 1 + heads, columns]
    discrete : bool
        The hazard is a chance (its logit is linear), not a rate integrated over the piece.
    """

    preparation: Preparation
    ends: Floats
    levels: Floats
    coefficients: Floats
    discrete: bool
    calibration: tuple[float, float]
    choice: Choice
    title: str
    limits: tuple[float, float] = LIMITS

    @property
    def sources(self) -> Ints:
        """The features that the model looks at."""
        return np.unique(self.preparation.sources)

    def curves(self, x: Floats, heads: int) -> Floats:
        """Return the cumulative incidence at each of `ends`, shape [n, heads, k]."""
        z = self.preparation.apply(x)
        predictor = np.einsum("nj,chj->cnh", z, self.coefficients[:, :heads])
        eta = np.clip(predictor[..., None] + self.levels[:, None, :heads], *self.limits)
        rate = np.exp(eta)
        total = rate.sum(axis=0)
        lost = np.log1p(total) if self.discrete else total
        before = np.cumsum(lost, axis=-1) - lost
        return np.cumsum(np.exp(-before) * -np.expm1(-lost) * (rate[0] / total), axis=-1)

    def curve(self, x: Floats) -> Floats:
        """Return the risk by each of `ends`, shape [n, k]."""
        return self.curves(x, 1)[:, 0]

    def predict(self, x: Floats) -> Floats:
        """Return the probability of the event by the horizon."""
        return np.asarray(self.curve(x)[:, -1])

    def predict_interval(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (probability, low, high): percentiles of the refits, widened to hold it."""
        every = self.levels.shape[1]
        blocks = [x[start : start + 1000] for start in range(0, len(x), 1000)] or [x]
        risk = np.concatenate([self.curves(block, every)[:, :, -1] for block in blocks])
        p = risk[:, 0]
        if every == 1:
            return p, p, p
        low, high = np.percentile(risk[:, 1:], (2.5, 97.5), axis=1)
        return p, np.minimum(low, p), np.maximum(high, p)

    def to_onnx(self, features: int) -> bytes:
        """Return the model as a checked ONNX file; see `Fitted.to_onnx`."""
        from euthymia.models.export_survival import survival_graph

        return survival_graph(self, features)

    def columns(self) -> tuple[Column, ...]:
        """Return the linear predictor of cause 1 column by column."""
        return linear_columns(self.preparation, self.coefficients[0, 0])

    def trees(self) -> Trees | None:
        """Return None: the reasons come from `columns`."""
        return None

    def told(self) -> Told:
        """Return what the report says of the model."""
        others = self.levels.shape[0] - 1
        competing = f" {others} competing cause{'s' if others > 1 else ''}." if others else ""
        text = (
            f"{self.title[0].upper()}{self.title[1:]} on the feature set “{self.choice.features}”,"
            f" {self.choice.words}; {self.ends.size} pieces up to day {self.ends[-1]:g};"
            f" recalibrated with slope {self.calibration[1]:.2f}.{competing}"
        )
        return linear_told(self.preparation, self.coefficients[0, 0], text, "log-hazard")


def follow_up(sample: Sample) -> tuple[Floats, Ints]:
    """Return (time, cause) of a sample.

    Raises
    ------
    SchemaError
        It has none, or no horizon.
    """
    if sample.time is None or sample.cause is None or sample.horizon <= 0:
        raise SchemaError(
            "an estimator of times to an event needs how long each row was followed, how that"
            " ended, and a horizon: declare them in the task, or use another estimator"
        )
    return sample.time, sample.cause


def piece_ends(time: Floats, cause: Ints, horizon: float, pieces: int = PIECES) -> Floats:
    """Return the ends of pieces with about equally many events in each; the last is the horizon."""
    seen = time[(cause == EVENT) & (time < horizon)]
    if seen.size == 0:
        return np.array([horizon])
    inner = np.quantile(seen, np.linspace(0, 1, pieces + 1)[1:-1], method="higher")
    return np.unique(np.r_[inner, horizon])


def causes_of(cause: Ints) -> list[int]:
    """Return the causes that occur: the event first, then competing ones that are frequent."""
    return [EVENT, *(int(c) for c in np.unique(cause) if c > EVENT)]


def inner_folds(sample: Sample, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row, by person, that tuning is judged on."""
    _, events = np.unique(sample.person[sample.y == 1], return_counts=True)
    folds = max(2, min(INNER_FOLDS, events.size))
    found = np.empty(sample.y.size, np.int64)
    splits = person_folds(sample.y, sample.person, folds=folds, repeats=1, seed=seed)
    for number, split in enumerate(splits):
        found[split.test] = number
    return found


class Method(Protocol):
    """One way to fit the hazards of a cause. `scores` have the scale of its coefficients."""

    title: str
    discrete: bool

    def coefficients(
        self,
        z: Floats,
        sample: Sample,
        cause: int,
        ridge: float,
        weights: Floats,
        start: Floats | None = None,
        *,
        rough: bool = False,
    ) -> Floats:
        """Return the coefficients of standardised columns."""

    def levels(
        self, score: Floats, sample: Sample, cause: int, weights: Floats, ends: Floats
    ) -> tuple[Floats, float]:
        """Return levels of the pieces with a held-out score's own slope, and that slope."""

    def loss(self, score: Floats, sample: Sample) -> float:
        """Return how badly held-out scores of one fold put its rows in order [nat]."""


def held_slope(found: float) -> float:
    """Return a recalibration slope within its limits; 1 where there is none."""
    return float(np.clip(found, *SLOPES)) if np.isfinite(found) else 1.0


def cox_slope(score: Floats, sample: Sample, cause: int, weights: Floats) -> float:
    """Return the slope of the log-hazard of a cause on held-out scores."""
    time, ended = follow_up(sample)
    if float(np.ptp(score)) == 0.0:
        return 1.0
    found = fit_cox(score[:, None], time, ended == cause, weights, ridge=1e-6)
    return held_slope(float(found[0]))


def tune(method: Method, sample: Sample, sets: Sets, seed: int) -> tuple[Choice, Floats]:
    """Choose a feature set and a penalty by the held-out loss of cause 1, folds by person.

    Returns
    -------
    Choice, and the held-out scores of every row under the choice.
    """
    fold = inner_folds(sample, seed)
    losses: list[tuple[str, str, float]] = []
    best: tuple[float, Floats] | None = None
    for name, columns in sets:
        held = np.zeros((len(PENALTIES), sample.y.size))
        for part in np.unique(fold):
            held[:, fold == part] = _path(method, sample, columns, fold != part, fold == part)
        for penalty, score in zip(PENALTIES, held, strict=True):
            parts = [np.flatnonzero(fold == part) for part in np.unique(fold)]
            loss = sum(method.loss(score[rows], sample.take(rows)) for rows in parts)
            settings = {"penalty": penalty}
            losses.append((name, said(settings), loss / sample.y.size))
            if best is None or losses[-1][2] < best[0]:
                best, chosen = (losses[-1][2], score), (name, settings)
    assert best is not None
    return Choice(chosen[0], chosen[1], tuple(losses)), best[1]


def _path(
    method: Method,
    sample: Sample,
    columns: Ints,
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
) -> Floats:
    train = sample.take(np.flatnonzero(inside))
    prepared = prepare(train.x, columns)
    z, held = prepared.apply(train.x), prepared.apply(sample.x[outside])
    once, start, found = np.ones(train.y.size), None, []
    for penalty in sorted(PENALTIES, reverse=True):
        start = method.coefficients(z, train, EVENT, penalty, once, start, rough=True)
        found.append(held @ start)
    return np.nan_to_num(np.array(found[::-1]))


def fit_survival(
    method: Method, sample: Sample, sets: Sets, *, seed: int, heads: int = HEADS
) -> Survival:
    """Tune, fit and recalibrate the hazards of each cause, and refit on people drawn again."""
    time, cause = follow_up(sample)
    choice, held_out = tune(method, sample, sets, seed)
    prepared = prepare(sample.x, dict(sets)[choice.features])
    z, ends = prepared.apply(sample.x), piece_ends(time, cause, sample.horizon)
    causes, once = causes_of(cause), np.ones(sample.y.size)
    drawn = bootstrap_weights(sample.person, heads, np.random.default_rng(seed))[:heads]
    counts = [once, *drawn]
    levels = np.empty((len(causes), len(counts), ends.size))
    betas = np.zeros((len(causes), len(counts), z.shape[1]))
    slope = 1.0
    for i, one in enumerate(causes):
        score = held_out if one == EVENT else np.zeros(sample.y.size)
        free = one == EVENT or int((cause == one).sum()) >= MIN_COMPETING
        start: Floats | None = None
        for head, weights in enumerate(counts):
            level, held = method.levels(score, sample, one, weights, ends)
            if free:
                beta = method.coefficients(
                    z, sample, one, choice.settings["penalty"], weights, start, rough=head > 0
                )
                if not np.isfinite(beta).all():  # a resample without any event: as good as none
                    beta = betas[i, 0] / held
                start = beta if head == 0 else start
                betas[i, head] = held * beta
            levels[i, head] = level
            slope = held if (one, head) == (EVENT, 0) else slope
    return Survival(
        prepared, ends, levels, betas, method.discrete, (0.0, slope), choice, method.title
    )


def refit_survival(
    method: Method,
    sample: Sample,
    rows: Ints,
    columns: Ints,
    choice: Choice,
    dealt: Ints,
    held: Ints,
) -> Floats:
    """Return held-out scores of cause 1 for each way of dealing the outcomes; see `Refit`."""
    prepared = prepare(sample.x[rows], columns)
    z, test = prepared.apply(sample.x[rows]), prepared.apply(sample.x[held])
    once = np.ones(rows.size)
    found = [
        method.coefficients(
            z, sample.dealt(rows, given), EVENT, choice.settings["penalty"], once, rough=True
        )
        for given in dealt
    ]
    return np.nan_to_num(np.array(found) @ test.T)
