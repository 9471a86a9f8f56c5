"""The confound audit: does how the data were collected predict the label as well as the model.

A season, a site or the length of a recording that differs between the groups lets any model look
good. Each metadata variable is asked alone; if one of them does about as well as the model, the
model's figure is not evidence that what it measures has to do with the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.discrimination import auc_within
from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.resample import estimates, people_of, permuted_labels
from euthymia.evaluation.splits import Split, person_folds

FOLDS = 5
REPEATS = 8
CHANCE_DRAWS = 30
_PRIOR = 1.0  # so many rows of the overall rate are added to each category
_TOO_MANY = 0.5  # categories per person: above it a variable names people and cannot be learned


@dataclass(frozen=True, slots=True)
class ConfoundRow:
    """One metadata variable alone: AUC on people it was not fitted on, and how it was used."""

    variable: str
    auc: Estimate | None
    how: str

    def rivals(self, model: Estimate) -> bool:
        """Tell whether the variable beats chance and its interval reaches the model's."""
        return self.auc is not None and self.auc.beats_chance() and self.auc.high >= model.low


def _categories(values: NDArray[np.generic]) -> tuple[Ints, int]:
    names, code = np.unique(values.astype(str), return_inverse=True)
    return code.astype(np.int64).reshape(-1), names.size


def _rates(code: Ints, size: int, y: Floats, rows: Ints) -> Floats:
    """Return the event rate of each category among `rows`, drawn a little to the overall rate."""
    count = np.bincount(code[rows], minlength=size)
    events = np.bincount(code[rows], weights=y[rows], minlength=size)
    return np.asarray((events + _PRIOR * y[rows].mean()) / (count + _PRIOR))


def _direction(values: Floats, y: Floats, rows: Ints) -> float:
    """Return +1 or -1: which way the variable points among the rows it may learn from."""
    area = auc_within(y[rows], values[rows], np.ones((1, rows.size)), np.zeros(rows.size, np.int64))
    return 1.0 if not area[0] < 0.5 else -1.0


def _held_out_scores(values: NDArray[np.generic], y: Floats, splits: tuple[Split, ...]) -> Floats:
    """Return scores for the test rows of each split, one after the other."""
    if values.dtype.kind in "fiu":
        numbers = values.astype(np.float64)
        filled = np.where(np.isfinite(numbers), numbers, np.nanmedian(numbers))
        return np.concatenate([_direction(filled, y, s.train) * filled[s.test] for s in splits])
    code, size = _categories(values)
    return np.concatenate([_rates(code, size, y, s.train)[code[s.test]] for s in splits])


def _how(values: NDArray[np.generic]) -> str:
    if values.dtype.kind in "fiu":
        return "rank order; which way it points is learned from other people"
    return f"{np.unique(values.astype(str)).size} categories; rates learned from other people"


def _usable(values: NDArray[np.generic], people: int) -> str:
    """Return why a variable cannot be asked, or nothing."""
    if values.dtype.kind in "fiu":
        known = values[np.isfinite(values.astype(np.float64))]
        return "" if np.unique(known).size > 1 else "the same for everybody"
    size = np.unique(values.astype(str)).size
    if size < 2:
        return "the same for everybody"
    return "" if size <= _TOO_MANY * people else "almost every person has a value of their own"


def _chance(
    values: NDArray[np.generic],
    y: Floats,
    person: NDArray[np.generic],
    splits: tuple[Split, ...],
    rng: np.random.Generator,
) -> float:
    """Return the mean held-out AUC when labels are dealt anew between people."""
    few = splits[:FOLDS]
    rows = np.concatenate([s.test for s in few])
    strata = np.repeat(np.arange(len(few)), [s.test.size for s in few])
    once = np.ones((1, rows.size))
    areas = [
        auc_within(dealt[rows], _held_out_scores(values, dealt, few), once, strata)[0]
        for dealt in permuted_labels(y, person, CHANCE_DRAWS, rng)
        if 0 < dealt.mean() < 1
    ]
    known = [area for area in areas if np.isfinite(area)]
    return float(np.mean(known)) if known else 0.5


def confound_audit(
    metadata: Mapping[str, NDArray[np.generic]],
    y: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
) -> tuple[ConfoundRow, ...]:
    """Return each metadata variable's AUC alone, on people it has not seen, best first.

    Orienting a variable (or rating its categories) on the people it is then judged on would make
    any noise look better than chance. Here both are learned from other people in repeated 5-fold
    splits by person; pairs are compared within a fold only. The chance level is what the same
    procedure gives when labels are dealt anew between people.

    Parameters
    ----------
    metadata : mapping
        Variable -> values, shape [n]. Numbers are used by rank, everything else as categories
        (give a month or a weekday as text: it has no order worth keeping).
    y, person : shape [n]
        Labels 0 or 1, and whose row it is.

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
    splits = person_folds(y, person, folds=min(FOLDS, people), repeats=REPEATS, seed=seed)
    rows = np.concatenate([s.test for s in splits])
    strata = np.repeat(np.arange(len(splits)), [s.test.size for s in splits])
    found = []
    for name, values in metadata.items():
        refused = _usable(values, people)
        if refused:
            found.append(ConfoundRow(name, None, refused))
            continue
        metrics = {"auc": lambda a, b, w: auc_within(a, b, w, strata)}
        scores = _held_out_scores(values, y, splits)
        area = estimates(
            metrics, y[rows], scores, person[rows], seed=seed, replicates=500, chance_draws=0
        )["auc"]
        chance = _chance(values, y, person, splits, np.random.default_rng(seed))
        held = Estimate(area.estimate, area.low, area.high, chance)
        found.append(ConfoundRow(name, held, _how(values)))
    return tuple(sorted(found, key=lambda row: -(row.auc.estimate if row.auc else -1.0)))


def confound_verdict(model: Estimate, rows: tuple[ConfoundRow, ...]) -> tuple[str, str]:
    """Return (verdict, the sentence that says why).

    Verdicts: "confounded: not evidence" where a variable alone beats chance and its interval
    reaches the model's; "no better than chance: not evidence" where the model's interval does;
    else "not explained by metadata".
    """
    rivals = [row for row in rows if row.rivals(model)]
    if rivals:
        each = [f"{r.variable} ({r.auc.estimate:.2f})" for r in rivals if r.auc]
        named = " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)
        return "confounded: not evidence", (
            f"Without looking at a single measurement, {named} alone predict"
            f"{'s' if len(rivals) == 1 else ''} the label about as well as the model"
            f" ({model.estimate:.2f}). The model's figure cannot be told from how the data were"
            " collected and is not evidence that the measurements predict the outcome."
        )
    if not model.beats_chance():
        return "no better than chance: not evidence", (
            f"The interval of the model's AUC ({model.low:.2f} to {model.high:.2f}) does not lie"
            f" above the chance level ({model.chance if model.chance is not None else 0.5:.2f})."
        )
    return "not explained by metadata", (
        "No metadata variable alone comes near the model. That rules out the simple explanations"
        " tried here, not all others."
    )
