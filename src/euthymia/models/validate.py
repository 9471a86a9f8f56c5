"""How good is it on people (and sites) it has not seen, beside trivial models and chance."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation import calibration, discrimination, net_benefit
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.confounds import ModelScores
from euthymia.evaluation.estimate import Estimate, Metric
from euthymia.evaluation.logistic import sigmoid
from euthymia.evaluation.probe import compare_splits
from euthymia.evaluation.resample import difference, estimates, permuted_labels
from euthymia.evaluation.splits import Split, person_folds, row_folds
from euthymia.evaluation.survival import censoring_weights, concordance_estimate
from euthymia.models.estimators.contract import Choice, Model, Sample
from euthymia.models.estimators.logistic import plain_fit, plain_log_odds
from euthymia.models.wording import METRICS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sets = Sequence[tuple[str, Ints]]

FOLDS: Final = 5
REPEATS: Final = 2
SHUFFLES: Final = 19  # of which the largest is the 5 % point
WORKERS: Final = 2
_BASELINE_RIDGE: Final = 1.0


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions of rows by models that saw neither them nor their people.

    `strata` is the split that each row was predicted in; with repeats a row occurs more than once.
    Of a time to an event, only rows are here whose outcome by the horizon is known, `weight` is
    their inverse probability of not being lost before it, and `every` holds (rows, p, strata) of
    all, for figures of the whole follow-up.
    """

    rows: Ints
    y: Floats
    p: Floats
    person: NDArray[np.str_]
    strata: Ints
    weight: Floats | None = None
    every: "tuple[Ints, Floats, Ints] | None" = None

    @property
    def auc(self) -> Metric:
        """The AUC over pairs predicted by the same model."""

        def metric(y: Floats, p: Floats, weights: Floats) -> Floats:
            return discrimination.auc_within(y, p, weights, self.strata)

        return metric

    def weighted(
        self, metrics: Mapping[str, Metric], rows: Ints | None = None
    ) -> Mapping[str, Metric]:
        """Return metrics in which rows stand for those like them who were lost too early."""
        if self.weight is None:
            return metrics
        held = self.weight if rows is None else self.weight[rows]

        def one(metric: Metric) -> Metric:
            return lambda y, p, weights: metric(y, p, weights * held)

        return {name: one(metric) for name, metric in metrics.items()}

    def only(self, kept: Ints) -> "HeldOut":
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[kept]
        return HeldOut(
            self.rows[kept],
            self.y[kept],
            self.p[kept],
            self.person[kept],
            self.strata[kept],
            weight,
        )


def held_out(sample: Sample, splits: Sequence[Split], predicted: Sequence[Floats]) -> HeldOut:
    """Put the predictions of each split's test rows together."""
    rows = np.concatenate([s.test for s in splits])
    strata = np.repeat(np.arange(len(splits)), [s.test.size for s in splits])
    p, (label, known) = np.concatenate(predicted), sample.by_horizon
    found = HeldOut(rows, label[rows], p, sample.person[rows], strata)
    if sample.time is None or sample.cause is None:
        return found
    weight = censoring_weights(sample.time, sample.cause, sample.horizon)
    kept = np.flatnonzero(known[rows])
    return replace(found.only(kept), weight=weight[rows[kept]], every=(rows, p, strata))


def outer_splits(sample: Sample, seed: int) -> tuple[Split, ...]:
    """Return the repeated k-fold splits by person that everything is judged on."""
    return person_folds(sample.y, sample.person, folds=FOLDS, repeats=REPEATS, seed=seed)


def cross_validate(
    model: Model,
    sample: Sample,
    sets: Sets,
    splits: Sequence[Split],
    *,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> tuple[HeldOut, tuple[str, ...]]:
    """Tune, fit, recalibrate in each training part; predict its test part.

    Returns
    -------
    HeldOut, and the feature set that tuning chose in each split.
    """

    def one(numbered: tuple[int, Split]) -> tuple[Floats, str]:
        number, split = numbered
        fitted = model.fit(sample.take(split.train), sets, seed=seed + number, heads=0)
        return fitted.predict(sample.x[split.test]), fitted.choice.features

    predicted, chosen = [], []
    with ThreadPoolExecutor(WORKERS) as pool:  # linear algebra lets go of the interpreter
        for values, name in pool.map(one, enumerate(splits)):
            predicted.append(values)
            chosen.append(name)
            progress()
    return held_out(sample, splits, predicted), tuple(chosen)


def _plain(sample: Sample, splits: Sequence[Split], columns: Ints, ridge: float) -> HeldOut:
    predicted = []
    for split in splits:
        label, known = sample.by_horizon
        rows = split.train[known[split.train]]
        judged = Sample(sample.x[rows], label[rows], sample.person[rows])
        fitted = plain_fit(judged, columns, ridge)
        predicted.append(sigmoid(plain_log_odds(*fitted, sample.x[split.test])))
    return held_out(sample, splits, predicted)


def figures(found: HeldOut, threshold: float, *, seed: int) -> dict[str, Estimate]:
    """Return every figure of held-out predictions with interval and, where it has one, chance."""
    metrics: Mapping[str, Metric] = {
        "auc": found.auc,
        "auprc": discrimination.auprc,
        "brier": discrimination.brier,
        "log_loss": discrimination.log_loss,
        "calibration_in_the_large": calibration.calibration_in_the_large,
        "calibration_slope": calibration.calibration_slope,
        "ece": calibration.expected_calibration_error,
        "net_benefit": net_benefit.net_benefit_at(threshold),
        "net_benefit_gain": net_benefit.gain_at(threshold),
    }
    chance = chance_levels(found.y, threshold)
    distances = found.weighted({"distances": calibration.distances})["distances"]
    told = estimates(
        found.weighted(metrics),
        found.y,
        found.p,
        found.person,
        seed=seed,
        chance=chance,
        together={calibration.DISTANCES: distances},
    )
    return {name: told[name] for name in METRICS if name in told}


def c_index(sample: Sample, found: HeldOut, *, seed: int) -> Estimate | None:
    """Return Harrell's C of held-out predictions over the whole follow-up; None without times."""
    if found.every is None or sample.time is None or sample.cause is None:
        return None
    rows, p, strata = found.every
    return concordance_estimate(
        sample.time[rows], sample.cause[rows], p, sample.person[rows], strata, seed=seed
    )


@dataclass(frozen=True, slots=True)
class Baseline:
    """A trivial model on the same splits, and how far the model is ahead of it."""

    name: str
    auc: Estimate
    brier: Estimate
    ahead: Estimate


def baselines(
    sample: Sample,
    splits: Sequence[Split],
    columns: Mapping[str, Ints],
    model: HeldOut,
    *,
    seed: int,
) -> tuple[Baseline, ...]:
    """Return trivial models: the training prevalence, and logistic models of a few columns."""
    label, known = sample.by_horizon
    flat = [np.full(s.test.size, label[s.train[known[s.train]]].mean()) for s in splits]
    trivial = {"prevalence": held_out(sample, splits, flat)}
    for name, places in columns.items():
        if places.size:
            trivial[name] = _plain(sample, splits, places, _BASELINE_RIDGE)
    found = []
    for name, other in trivial.items():
        metrics: Mapping[str, Metric] = {"auc": other.auc, "brier": discrimination.brier}
        metrics = other.weighted(metrics)
        mine = estimates(
            metrics,
            other.y,
            other.p,
            other.person,
            seed=seed,
            replicates=500,
            chance=chance_levels(other.y),
        )
        ahead = difference(
            model.auc, model.p, other.auc, other.p, model.y, model.person, seed=seed, replicates=500
        )
        found.append(Baseline(name, mine["auc"], mine["brier"], ahead))
    return tuple(found)


def baseline_verdict(model: Estimate, rows: Sequence[Baseline]) -> tuple[str, str]:
    """Return (verdict, the sentence that says why) on the model beside trivial models.

    The model beats one where the interval of the difference in AUC lies above 0.
    """
    level = [row for row in rows if not row.ahead.low > 0]
    if not level:
        return "beats every trivial model", "The model is ahead of every trivial model tried."
    names = ", ".join(row.name for row in level)
    best = max(level, key=lambda row: row.auc.estimate)
    return f"not shown to beat {names}", (
        f"Beside trivial models, {best.name} reaches an AUC of {best.auc.estimate:.2f}"
        f" ({best.auc.low:.2f} to {best.auc.high:.2f}) and the model {model.estimate:.2f}: the"
        f" model is not shown to beat {names}."
    )


@dataclass(frozen=True, slots=True)
class Leakage:
    """What splitting rows instead of people would have claimed."""

    by_person: float
    by_row: float
    rows_per_person: float
    inflation: Estimate


def leakage(model: Model, sample: Sample, columns: Ints, choice: Choice, *, seed: int) -> Leakage:
    """Return the same model's AUC under a split by person and under a random split of rows."""
    by_person = person_folds(sample.y, sample.person, folds=FOLDS, repeats=1, seed=seed)
    by_row = row_folds(sample.y, folds=FOLDS, repeats=1, seed=seed)
    found = []
    for splits in (by_person, by_row):
        predicted = []
        for split in splits:
            rows, held = split.train, split.test
            predicted.append(model.refit(sample, rows, columns, choice, rows[None], held)[0])
        held_of = held_out(sample, splits, predicted)
        found.append(ModelScores(held_of.rows, held_of.p, held_of.strata))
    each = sample.y.size / np.unique(sample.person).size
    made = compare_splits(
        model.name, (found[0], found[1]), sample.by_horizon[0], sample.person, seed
    )
    return Leakage(made.by_person.estimate, made.by_row.estimate, each, made.inflation)


@dataclass(frozen=True, slots=True)
class ShuffleTest:
    """A fit with the final settings on labels dealt anew between people: what it finds in nothing.

    The settings were chosen on all of the true labels: `observed` flatters by that, and judges
    nothing but the shuffled ones.
    """

    observed: float
    shuffled_mean: float
    shuffled_high: float
    p_value: float


def shuffle_test(
    model: Model, sample: Sample, columns: Ints, choice: Choice, *, seed: int
) -> ShuffleTest:
    """Refit on shuffled labels (Ojala & Garriga 2010, JMLR 11:1833) and judge held-out people."""
    rng = np.random.default_rng(seed)
    true = np.arange(sample.y.size)
    shuffled = permuted_labels(true.astype(np.float64), sample.person, SHUFFLES, rng).astype(
        np.int64
    )
    dealt = np.vstack([true, shuffled])
    splits = person_folds(sample.y, sample.person, folds=FOLDS, repeats=1, seed=seed)
    predicted = np.empty(dealt.shape)
    strata = np.empty(sample.y.size, np.int64)
    for number, split in enumerate(splits):
        rows, held = split.train, split.test
        predicted[:, held] = model.refit(sample, rows, columns, choice, dealt[:, rows], held)
        strata[split.test] = number
    label, known = sample.by_horizon
    areas = [
        float(
            discrimination.auc_within(
                label[given], predicted[i], known[given][None].astype(float), strata
            )[0]
        )
        for i, given in enumerate(dealt)
    ]
    others = np.array(areas[1:])
    p_value = (1 + int((others >= areas[0]).sum())) / (1 + SHUFFLES)
    return ShuffleTest(areas[0], float(others.mean()), float(others.max()), p_value)
