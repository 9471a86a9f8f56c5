"""The confound audit: does how the data were collected predict the label as well as the model.

A season, a site or the length of a recording that differs between the groups lets any model look
good. Each metadata variable is asked alone; if one of them does about as well as the model, the
model's figure is not evidence that what it measures has to do with the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from euthymia.evaluation.cells import (
    MOST,
    Cells,
    areas_by_rates,
    areas_by_score,
    areas_in_order,
    rates_of,
    signs_of,
)
from euthymia.evaluation.discrimination import auc, auc_within, concordant, pairs, ties
from euthymia.evaluation.estimate import Estimate, Floats, Ints, Metric
from euthymia.evaluation.resample import (
    apply_metric,
    bca_interval,
    bootstrap_weights,
    estimates,
    jackknife_weights,
    people_of,
    permuted_labels,
)
from euthymia.evaluation.splits import Split, person_folds

FOLDS = 5
REPEATS = 8
SHUFFLES = 199
_MANY = 2000  # people, from which so many shuffles and replicates tell no more
NOTHING_ASKED = "no metadata to ask"
LEVEL = 0.05  # of the family of variables together
_PRIOR = 1.0  # so many rows of the overall rate are added to each category
_TOO_MANY = 0.5  # categories per person: above it a variable names people and cannot be learned


@dataclass(frozen=True, slots=True)
class ModelScores:
    """The model's held-out predictions: of which rows, and in which split each was made."""

    rows: Ints
    p: Floats
    strata: Ints


@dataclass(frozen=True, slots=True)
class ConfoundRow:
    """One metadata variable alone: AUC on people it was not fitted on, and how it was used.

    `p_value` is that of finding so much in any of the variables if none had to do with the label.
    `within` is the model's AUC among rows that are alike in the variable: where it still beats
    chance, the variable does not explain the model.
    """

    variable: str
    auc: Estimate | None
    p_value: float | None
    within: Estimate | None
    how: str

    def rivals(self, model: Estimate) -> bool:
        """Tell whether the variable predicts, and its interval reaches the model's."""
        if self.auc is None or self.p_value is None:
            return False
        return self.p_value <= LEVEL and self.auc.high >= model.low

    def outdoes(self, model: Estimate) -> bool:
        """Tell whether the variable predicts better than the model, by their intervals."""
        return self.rivals(model) and self.auc is not None and self.auc.low >= model.high

    def explains(self, model: Estimate) -> bool:
        """Tell whether the variable rivals the model, which without it is not shown to predict."""
        return self.rivals(model) and not (self.within is not None and self.within.low > 0.5)


def _is_number(values: NDArray[np.generic]) -> bool:
    return values.dtype.kind in "fiu"


def _filled(values: NDArray[np.generic]) -> Floats:
    numbers = values.astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nanmedian(numbers))


def _categories(values: NDArray[np.generic]) -> tuple[Ints, int]:
    names, code = np.unique(values.astype(str), return_inverse=True)
    return code.astype(np.int64).reshape(-1), names.size


def _sign(values: Floats, labels: Floats, split: Split) -> Floats:
    """Return which way a variable points in training, +1 or -1, shape [b]."""
    train = labels[:, split.train]
    area = auc(train, values[split.train], np.ones_like(train))
    return np.where(area < 0.5, -1.0, 1.0)


def _areas_of_numbers(values: Floats, labels: Floats, splits: tuple[Split, ...]) -> Floats:
    right = np.zeros(labels.shape[0])
    total = np.zeros(labels.shape[0])
    for split in splits:
        sign = _sign(values, labels, split)
        test = labels[:, split.test]
        up, all_pairs = pairs(test, values[split.test], np.ones_like(test))
        right += np.where(sign > 0, up, all_pairs - up)
        total += all_pairs
    return right / total


def _areas_of_categories(
    code: Ints, size: int, labels: Floats, splits: tuple[Split, ...]
) -> Floats:
    """Return the held-out AUC where there are too many categories to compare each with each."""
    member = csr_array((np.ones(code.size), (code, np.arange(code.size))), (size, code.size))
    right = np.zeros(labels.shape[0])
    total = np.zeros(labels.shape[0])
    for split in splits:
        rates = _rates(member, labels, split)
        inside = member[:, split.test]
        events = np.asarray((inside @ labels[:, split.test].T).T)
        others = inside.sum(axis=1)[None] - events
        for row, rate in enumerate(rates):
            order, starts = ties(rate)
            one = concordant(events[row : row + 1, order], others[row : row + 1, order], starts)
            right[row] += one[0][0]
            total[row] += one[1][0]
    return right / total


def _rates(member: csr_array, labels: Floats, split: Split) -> Floats:
    """Return each category's event rate in training, drawn a little to the overall rate, [b, k]."""
    train, inside = labels[:, split.train], member[:, split.train]
    events, count = np.asarray((inside @ train.T).T), inside.sum(axis=1)
    overall = train.mean(axis=1, keepdims=True)
    return np.asarray((events + _PRIOR * overall) / (count + _PRIOR))


def _few(values: NDArray[np.generic], splits: tuple[Split, ...]) -> Cells | None:
    """Return a variable of few values as counts by value; None where it has many."""
    if _is_number(values):
        levels, code = np.unique(_filled(values), return_inverse=True)
        size = levels.size
        code = code.reshape(-1).astype(np.int64)
    else:
        code, size = _categories(values)
    return Cells(code, size, splits) if size <= MOST else None


def _areas(values: NDArray[np.generic], labels: Floats, splits: tuple[Split, ...]) -> Floats:
    """Return the held-out AUC of a variable for each row of labels, shape [b]."""
    cells = _few(values, splits)
    if cells is None and _is_number(values):
        return _areas_of_numbers(_filled(values), labels, splits)
    if cells is None:
        return _areas_of_categories(*_categories(values), labels, splits)
    found = cells.count(labels, np.ones((1, labels.shape[1])))
    train = found.training(cells.repeats)
    if _is_number(values):
        return areas_in_order(found, signs_of(train))
    return areas_by_rates(found, rates_of(train, _PRIOR))


def _scores(values: NDArray[np.generic], y: Floats, splits: tuple[Split, ...]) -> Floats:
    """Return held-out scores of the test rows of each split, one after the other."""
    labels = y[None]
    if _is_number(values):
        numbers = _filled(values)
        return np.concatenate([_sign(numbers, labels, s)[0] * numbers[s.test] for s in splits])
    code, size = _categories(values)
    member = csr_array((np.ones(code.size), (code, np.arange(code.size))), (size, code.size))
    return np.concatenate([_rates(member, labels, s)[0][code[s.test]] for s in splits])


def _how(values: NDArray[np.generic]) -> str:
    if _is_number(values):
        return "rank order; which way it points is learned from other people"
    return f"{np.unique(values.astype(str)).size} categories; rates learned from other people"


def _unusable(values: NDArray[np.generic], people: int) -> str:
    """Return why a variable cannot be asked, or nothing."""
    if _is_number(values):
        known = values[np.isfinite(values.astype(np.float64))]
        return "" if np.unique(known).size > 1 else "the same for everybody"
    size = np.unique(values.astype(str)).size
    if size < 2:
        return "the same for everybody"
    return "" if size <= _TOO_MANY * people else "almost every person has a value of their own"


def _alike(values: NDArray[np.generic]) -> Ints:
    """Return groups of rows that are alike in a variable: its categories, or its fifths."""
    if _is_number(values):
        numbers = _filled(values)
        edges = np.quantile(numbers, (0.2, 0.4, 0.6, 0.8))
        return np.searchsorted(edges, numbers, side="right").astype(np.int64)
    return _categories(values)[0]


def _within(
    values: NDArray[np.generic],
    y: Floats,
    person: NDArray[np.generic],
    model: ModelScores,
    seed: int,
) -> Estimate | None:
    """Return the model's AUC over pairs of one split that are alike in the variable."""
    alike = _alike(values)[model.rows]
    strata = model.strata * (int(alike.max()) + 1) + alike
    metrics = {"auc": lambda a, b, w: auc_within(a, b, w, strata)}
    found = estimates(
        metrics,
        y[model.rows],
        model.p,
        person[model.rows],
        seed=seed,
        replicates=400,
    )["auc"]
    if not np.isfinite(found.low):
        return None
    return Estimate(found.estimate, found.low, found.high, 0.5)


def _family_wise(observed: Floats, shuffled: Floats) -> Floats:
    """Return p-values by the largest standardised value of any variable.

    Westfall & Young 1993, single step: `observed` [k], `shuffled` [k, draws].
    """
    middle = shuffled.mean(axis=1, keepdims=True)
    spread = np.maximum(shuffled.std(axis=1, keepdims=True), 1e-12)
    largest = ((shuffled - middle) / spread).max(axis=0)
    reached = (largest[None] >= (observed[:, None] - middle) / spread).sum(axis=1)
    return np.asarray((1 + reached) / (1 + shuffled.shape[1]))


def confound_audit(
    metadata: Mapping[str, NDArray[np.generic]],
    y: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    model: ModelScores | None = None,
    repeats: int = REPEATS,
    lean: bool = False,
) -> tuple[ConfoundRow, ...]:
    """Return each metadata variable's AUC alone, on people it has not seen, best first.

    Orienting a variable (or rating its categories) on the people it is then judged on would make
    any noise look better than chance. Here both are learned from other people in repeated 5-fold
    splits by person; pairs are compared within a fold only. The whole procedure is run again on
    labels dealt anew between people: their mean is the chance level, and how often any variable
    does as well is the p-value.

    Parameters
    ----------
    metadata : mapping
        Variable -> values, shape [n]. Numbers are used by rank, everything else as categories
        (give a month or a weekday as text: it has no order worth keeping).
    y, person : shape [n]
        Labels 0 or 1, and whose row it is.
    model : ModelScores, optional
        To ask as well how the model does among rows that are alike in a variable.
    repeats : int
        How often people are dealt into folds anew; with many people once is enough.
    lean : bool
        Ask how the model does within a variable only where the variable predicts.

    Examples
    --------
    >>> import numpy as np
    >>> season = np.array(["winter", "summer"] * 20)
    >>> label = np.array([0.0, 1.0] * 20)
    >>> rows = confound_audit({"season": season}, label, np.arange(40), seed=1)
    >>> rows[0].auc.estimate
    1.0
    """
    _, people = people_of(person)
    splits = person_folds(y, person, folds=min(FOLDS, people), repeats=repeats, seed=seed)
    refused = {name: _unusable(values, people) for name, values in metadata.items()}
    asked = [name for name, why in refused.items() if not why]
    found = [ConfoundRow(n, None, None, None, why) for n, why in refused.items() if why]
    if asked:
        shuffles = SHUFFLES if people <= _MANY else SHUFFLES // 2
        dealt = permuted_labels(y, person, shuffles, np.random.default_rng(seed))
        areas = np.array([_areas(metadata[n], np.vstack([y, dealt]), splits) for n in asked])
        p_values = _family_wise(areas[:, 0], areas[:, 1:])
        draws = _Draws.of(person, 400 if people <= _MANY else 200, seed)
        for name, shuffled, p_value in zip(asked, areas[:, 1:], p_values, strict=True):
            values = metadata[name]
            alone = _alone(values, y, splits, float(shuffled.mean()), draws)
            asks = model is not None and (p_value <= LEVEL or not lean)
            within = _within(values, y, person, model, seed) if asks and model else None
            found.append(ConfoundRow(name, alone, float(p_value), within, _how(values)))
    return tuple(sorted(found, key=lambda row: -(row.auc.estimate if row.auc else -1.0)))


@dataclass(frozen=True, slots=True)
class _Draws:
    """The people drawn with replacement, and left out in turn: the same for every variable."""

    again: Floats
    left_out: Floats

    @classmethod
    def of(cls, person: NDArray[np.generic], replicates: int, seed: int) -> "_Draws":
        drawn = bootstrap_weights(person, replicates, np.random.default_rng(seed))
        return cls(drawn, jackknife_weights(person))


def _alone(
    values: NDArray[np.generic],
    y: Floats,
    splits: tuple[Split, ...],
    chance: float,
    draws: _Draws,
) -> Estimate:
    """Return a variable's held-out AUC with its interval by person."""
    cells = _few(values, splits)
    if cells is None:
        rows = np.concatenate([s.test for s in splits])
        strata = np.repeat(np.arange(len(splits)), [s.test.size for s in splits])
        scores, label = _scores(values, y, splits), y[rows]

        def area(weights: Floats) -> Floats:
            metric: Metric = lambda a, b, w: auc_within(a, b, w[:, rows], strata)  # noqa: E731
            return apply_metric(metric, label, scores, weights)
    else:
        counts = cells.count(y[None], np.ones((1, y.size))).training(cells.repeats)
        if _is_number(values):
            score = signs_of(counts)[0][:, None] * np.arange(cells.size)
        else:
            score = rates_of(counts, _PRIOR)[0]

        def area(weights: Floats) -> Floats:
            return areas_by_score(cells.count(y, weights), score)

    value = float(area(np.ones((1, y.size)))[0])
    low, high = bca_interval(value, area(draws.again), area(draws.left_out))
    return Estimate(value, low, high, chance)


def alone(
    values: NDArray[np.generic],
    y: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    repeats: int = REPEATS,
) -> tuple[Estimate, str] | None:
    """Return one variable's AUC on people it was not oriented on, and how it was used.

    As in `confound_audit`, without the shuffles. None where it is the same for everybody or a name.
    """
    _, people = people_of(person)
    if _unusable(values, people):
        return None
    splits = person_folds(y, person, folds=min(FOLDS, people), repeats=repeats, seed=seed)
    return _alone(values, y, splits, 0.5, _Draws.of(person, 200, seed)), _how(values)


def _listed(rows: list[ConfoundRow]) -> str:
    each = [f"{r.variable} ({r.auc.estimate:.2f})" for r in rows if r.auc]
    return " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)


def _without_metadata(silent: int) -> tuple[str, str]:
    if silent:
        return "not explained by metadata", (
            f"None of the {silent} signs of how the data were collected that the table holds"
            " (lengths, gaps, dates, order, names) tells the outcome alone. That rules out the"
            " simple explanations tried here, not all others."
        )
    return NOTHING_ASKED, (
        "How the data were collected was not said: nothing of it could be asked alone. Whether it"
        " explains the figures is open."
    )


def confound_verdict(
    model: Estimate,
    rows: tuple[ConfoundRow, ...],
    *,
    shuffled_p: float = 0.0,
    silent: int = 0,
) -> tuple[str, str]:
    """Return (verdict, the sentence that says why).

    Verdicts: "confounded: not evidence" where a variable alone predicts, its interval reaches the
    model's, and the model is not shown to predict among rows that are alike in it, or its interval
    lies above the model's; "no better than
    chance: not evidence" where the model's interval does not lie above chance, or the same fit
    does as well on labels dealt anew (`shuffled_p`: an interval that holds the predictions fixed
    is too narrow where there is nothing to find); "no metadata to ask" where there is none; else
    "not explained by metadata". Variables that predict about as well are named whatever the
    verdict. `silent`: how many more signs were asked alone and told nothing of the outcome.
    """
    rivals = [row for row in rows if row.rivals(model)]
    outdone = any(row.outdoes(model) for row in rivals)
    much = "better than" if outdone else "about as well as"
    said = (
        f"Without looking at a single measurement, {_listed(rivals)} alone predict"
        f"{'s' if len(rivals) == 1 else ''} the label {much} the model"
        f" ({model.estimate:.2f})."
        if rivals
        else ""
    )
    if outdone or any(row.explains(model) for row in rivals):
        return "confounded: not evidence", (
            f"{said} The model's figure cannot be told from how the data were collected and is not"
            " evidence that the measurements predict the outcome."
        )
    if not model.beats_chance():
        return "no better than chance: not evidence", (
            f"{said} The interval of the model's AUC ({model.low:.2f} to {model.high:.2f}) does not"
            f" lie above the chance level"
            f" ({model.chance if model.chance is not None else 0.5:.2f})."
        ).strip()
    if shuffled_p > LEVEL:
        return "no better than chance: not evidence", (
            f"{said} The same fit does as well on labels dealt anew between people (p ="
            f" {shuffled_p:.2f})."
        ).strip()
    if not rows:
        return _without_metadata(silent)
    if rivals:
        return "not explained by metadata", (
            f"{said} But among rows that are alike in that, the model still does better than"
            " chance, so that alone does not explain it."
        )
    return "not explained by metadata", (
        "No metadata variable alone comes near the model. That rules out the simple explanations"
        " tried here, not all others."
    )
