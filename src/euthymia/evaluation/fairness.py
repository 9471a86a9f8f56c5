"""Does the model do as well by every group, and what would it cost to make it.

Figures of small groups are hidden as in `groups`. Three demands that cannot all be met where groups
differ in how common the outcome is (Kleinberg et al. 2017, doi:10.4230/LIPIcs.ITCS.2017.43) are put
side by side: calibration, PPV, and errors. Which of them matters is for people to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import calibration_in_the_large, recalibrate
from euthymia.evaluation.discrimination import auc_within
from euthymia.evaluation.estimate import Estimate, Floats, Ints, Labels, Metric
from euthymia.evaluation.groups import SMALL_CELL
from euthymia.evaluation.net_benefit import net_benefit
from euthymia.evaluation.resample import bca_interval, bootstrap_weights, estimates, people_of
from euthymia.evaluation.workload import false_negative_rate, false_positive_rate, ppv

REPLICATES: Final = 400
_MANY: Final = 4000  # rows, from which half of the replicates do
FOLDS: Final = 5  # of people, in which thresholds are chosen on the others


@dataclass(frozen=True, slots=True)
class Fairness:
    """One group at the threshold. None: not shown, or not defined."""

    variable: str
    group: str
    people: int | None
    having: int | None
    figures: Mapping[str, Estimate | None]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mitigation:
    """What thresholds of their own for the groups would do, chosen on other people.

    `gap` and `gap_after` are equalised-odds gaps, `cost` the net benefit lost by it (above 0: the
    groups' own thresholds do less good in all).
    """

    gap: Estimate
    gap_after: Estimate
    cost: Estimate
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FairnessTable:
    """One variable: its groups, the equalised-odds gap between those shown, and its mitigation."""

    variable: str
    groups: tuple[Fairness, ...]
    gap: Estimate | None
    false_negative_gap: Estimate | None
    mitigation: Mitigation | None
    note: str = ""


def acted_on(p: Floats, threshold: float) -> Floats:
    """Return 1 where a prediction reaches the threshold, else 0."""
    return (p >= threshold).astype(np.float64)


def _metrics(threshold: float, strata: Ints) -> dict[str, Metric]:
    def acted(metric: Metric) -> Metric:
        return lambda y, p, w: metric(y, acted_on(p, threshold), w)

    return {
        "auc": lambda y, p, w: auc_within(y, p, w, strata),
        "calibration_in_the_large": calibration_in_the_large,
        "calibration_slope": lambda y, p, w: recalibrate(y, p, w)[:, 1],
        "ppv": acted(ppv),
        "false_negative_rate": acted(false_negative_rate),
        "false_positive_rate": acted(false_positive_rate),
        "acted_on": acted(lambda _, a, w: np.asarray((w * a).sum(axis=1) / w.sum(axis=1))),
    }


def _count(person: NDArray[np.generic]) -> int:
    return int(np.unique(person).size)


@dataclass(frozen=True, slots=True)
class _Data:
    y: Floats
    p: Floats
    person: NDArray[np.generic]
    strata: Ints
    threshold: float
    seed: int

    def take(self, rows: NDArray[np.bool_]) -> "_Data":
        return replace(
            self, y=self.y[rows], p=self.p[rows], person=self.person[rows], strata=self.strata[rows]
        )


def _replicates(data: _Data) -> int:
    return REPLICATES if data.y.size <= _MANY else REPLICATES // 2


def _of_group(variable: str, group: str, data: _Data) -> Fairness:
    people = _count(data.person)
    having = _count(data.person[data.y == 1])
    free = _count(data.person[data.y == 0])
    if people < SMALL_CELL:
        return Fairness(variable, group, None, None, {}, f"fewer than {SMALL_CELL} people")
    metrics = _metrics(data.threshold, data.strata)
    if not (having and free):
        metrics = {"acted_on": metrics["acted_on"]}
    found = estimates(
        metrics,
        data.y,
        data.p,
        data.person,
        seed=data.seed,
        replicates=_replicates(data),
        chance={"auc": 0.5, "ppv": float(data.y.mean())},
    )
    shown: dict[str, Estimate | None] = {
        name: e if np.isfinite(e.estimate) else None for name, e in found.items()
    }
    note = "" if having and free else "only one class was seen"
    if 0 < having < SMALL_CELL:
        # a share of so few people would give their number away
        shown |= dict.fromkeys(("ppv", "false_negative_rate"))
        note = f"fewer than {SMALL_CELL} people had the event"
    if 0 < free < SMALL_CELL:
        shown |= dict.fromkeys(("ppv", "false_positive_rate"))
        note = f"fewer than {SMALL_CELL} people were free of the event"
    seen = None if 0 < min(having, free) < SMALL_CELL else having
    return Fairness(variable, group, people, seen, shown, note)


def _hide_one_more(rows: list[Fairness], sizes: list[int]) -> list[Fairness]:
    """Hide the next smallest group (or number with the event) that subtraction would give away."""
    hidden = [i for i, r in enumerate(rows) if r.people is None]
    shown = [i for i, r in enumerate(rows) if r.people is not None]
    if len(hidden) == 1 and shown:
        i = min(shown, key=lambda j: sizes[j])
        why = "hidden so that a small group stays hidden"
        rows[i] = Fairness(rows[i].variable, rows[i].group, None, None, {}, why)
    unsaid = [i for i, r in enumerate(rows) if r.people is not None and r.having is None]
    said = [i for i, r in enumerate(rows) if r.having is not None]
    if len(unsaid) == 1 and said and all(r.people is not None for r in rows):
        i = min(said, key=lambda j: rows[j].having or 0)
        why = rows[i].note or "their number with the event is hidden: another group's is small"
        rows[i] = replace(rows[i], having=None, note=why)
    return [_blurred(row) if row.having is None else row for row in rows]


def _blurred(row: Fairness) -> Fairness:
    """Return a group whose number with the event is hidden, figures as coarse as hides it.

    The chance level of a PPV is that number by the group's size, and a share of six digits is a
    fraction that can be told.
    """
    coarse = {
        name: e and Estimate(round(e.estimate, 2), round(e.low, 2), round(e.high, 2), e.chance)
        for name, e in row.figures.items()
    }
    told = coarse.get("ppv")
    return replace(row, figures=coarse | ({"ppv": replace(told, chance=None)} if told else {}))


def equalised_odds_gap(y: Floats, acted: Floats, weights: Floats, group: Ints) -> Floats:
    """Return the largest difference between groups in true or in false positive rate.

    Hardt, Price & Srebro 2016, arXiv:1610.02413; fairlearn's `equalized_odds_difference`. 0 is
    equal; chance alone puts small groups above it.

    Parameters
    ----------
    acted : shape [n] or [b, n]
    group : shape [n]
    """
    gaps = []
    for rate in (false_negative_rate, false_positive_rate):
        each = np.column_stack(
            [rate(y, acted, weights * (group == g)) for g in range(int(group.max()) + 1)]
        )
        gaps.append(each.max(axis=1) - each.min(axis=1))
    return np.asarray(np.maximum(*gaps))


def _interval(of: Callable[[Floats], Floats], data: _Data, chance: float | None) -> Estimate:
    """Return a figure of weights with its interval by person."""
    drawn = of(bootstrap_weights(data.person, _replicates(data), np.random.default_rng(data.seed)))
    value = float(of(np.ones((1, data.y.size)))[0])
    # a gap cannot be below 0, where the corrected interval is not to be trusted: percentiles
    return Estimate(value, *bca_interval(value, drawn, np.array([value, value])), chance)


def _chance_gap(data: _Data, group: Ints) -> float:
    """Return the mean gap of the same sizes of groups dealt at random between people."""
    code, people = people_of(data.person)
    rng = np.random.default_rng(data.seed)
    acted, once = acted_on(data.p, data.threshold), np.ones((1, data.y.size))
    first = np.unique(code, return_index=True)[1]
    found = []
    for _ in range(50):
        dealt = group[first][rng.permutation(people)][code]
        found.append(float(equalised_odds_gap(data.y, acted, once, dealt)[0]))
    known = [f for f in found if np.isfinite(f)]
    return float(np.mean(known)) if known else float("nan")


def _rates(y: Floats, p: Floats, cuts: Floats) -> Floats:
    """Return the true and false positive rate at each cut, shape [2, cuts]."""
    acted = p[None] >= cuts[:, None]
    return np.vstack([acted[:, y == 1].mean(axis=1), acted[:, y == 0].mean(axis=1)])


def _own_thresholds(y: Floats, p: Floats, group: Ints, threshold: float) -> Floats:
    """Return a threshold a group that brings its error rates nearest to those of all people.

    The distance is the larger of the differences in true and false positive rate; of equally near
    cuts the one nearest to the common threshold.
    """
    goal = _rates(y, p, np.array([threshold]))
    found = np.full(int(group.max()) + 1, threshold)
    for g in range(found.size):
        inside = group == g
        if not 0 < y[inside].mean() < 1:
            continue
        cuts = np.unique(np.r_[threshold, np.quantile(p[inside], np.linspace(0, 1, 101))])
        apart = np.abs(_rates(y[inside], p[inside], cuts) - goal).max(axis=0)
        near = np.flatnonzero(apart <= apart.min() + 1e-9)
        found[g] = cuts[near[np.abs(cuts[near] - threshold).argmin()]]
    return found


def mitigate(data: _Data, group: Ints, names: tuple[str, ...]) -> Mitigation:
    """Return what a threshold a group, chosen on other people, does to the gap and to the good."""
    code, people = people_of(data.person)
    fold = np.random.default_rng(data.seed).permutation(people)[code] % FOLDS
    after = np.zeros(data.y.size)
    for part in range(FOLDS):
        inside = fold == part
        own = _own_thresholds(data.y[~inside], data.p[~inside], group[~inside], data.threshold)
        after[inside] = data.p[inside] >= own[group[inside]]
    before = acted_on(data.p, data.threshold)

    def cost(w: Floats) -> Floats:
        good = [net_benefit(data.y, a, w, data.threshold) for a in (before, after)]
        return np.asarray(good[0] - good[1])

    final = _own_thresholds(data.y, data.p, group, data.threshold)
    chance = _chance_gap(data, group)
    return Mitigation(
        _interval(lambda w: equalised_odds_gap(data.y, before, w, group), data, chance),
        _interval(lambda w: equalised_odds_gap(data.y, after, w, group), data, chance),
        _interval(cost, data, 0.0),
        dict(zip(names, final.tolist(), strict=True)),
    )


def _gaps(data: _Data, values: Labels, shown: list[str]) -> tuple[Estimate, Estimate, Mitigation]:
    """Return the gaps between the groups that are shown."""
    inside = data.take(np.isin(values, shown))
    names, group = np.unique(values[np.isin(values, shown)], return_inverse=True)
    acted = acted_on(inside.p, inside.threshold)
    done = mitigate(inside, group.astype(np.int64), tuple(map(str, names)))

    def missed(w: Floats) -> Floats:
        each = np.column_stack(
            [false_negative_rate(inside.y, acted, w * (group == g)) for g in range(names.size)]
        )
        return np.asarray(each.max(axis=1) - each.min(axis=1))

    return done.gap, _interval(missed, inside, None), done


def fairness_tables(
    groups: Mapping[str, Labels],
    y: Floats,
    p: Floats,
    person: NDArray[np.generic],
    *,
    threshold: float,
    seed: int,
    strata: Ints | None = None,
) -> tuple[FairnessTable, ...]:
    """Return AUC, calibration, PPV, FNR and FPR of each group, the gap, and what to close it costs.

    Parameters
    ----------
    groups : mapping
        Variable -> each row's group, shape [n]; the empty text is "not known".
    p : shape [n]
        Held-out probabilities; `p >= threshold` is acted on.
    strata : shape [n], optional
        Folds: the AUC compares rows of one fold.

    Returns
    -------
    tuple of FairnessTable
        A group of fewer than `SMALL_CELL` people shows nothing, shares of fewer people with (or
        without) the event are hidden, and gaps are between groups of which both are shown.
    """
    folds = np.zeros(y.size, np.int64) if strata is None else strata
    data = _Data(y, p, person, folds, threshold, seed)
    return tuple(_table(variable, values, data) for variable, values in groups.items())


def _table(variable: str, values: Labels, data: _Data) -> FairnessTable:
    names = [str(n) for n in np.unique(values)]
    rows = [_of_group(variable, n or "not known", data.take(values == n)) for n in names]
    rows = _hide_one_more(rows, [_count(data.person[values == n]) for n in names])
    shown = [
        n
        for n, row in zip(names, rows, strict=True)
        if n and row.figures.get("false_negative_rate") and row.figures.get("false_positive_rate")
    ]
    if len(shown) < 2:
        why = "fewer than two groups are large enough to compare"
        return FairnessTable(variable, tuple(rows), None, None, None, why)
    return FairnessTable(variable, tuple(rows), *_gaps(data, values, shown))
