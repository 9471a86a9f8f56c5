"""A variable of few values alone: rows are counted by split, value and outcome, and not sorted.

What a confound audit asks of a variable (its AUC in people that it was not oriented on, for many
labelings or weightings of the rows) follows from those counts. They are one product of a sparse
matrix for all weightings, and the same sums as those over sorted rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from euthymia.evaluation.discrimination import concordant
from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.splits import Split

MOST = 64  # values, up to which counting is quicker than sorting


@dataclass(frozen=True, slots=True)
class Counts:
    """Events and all rows by split and value: shape [b, splits, values]."""

    events: Floats
    rows: Floats

    @property
    def others(self) -> Floats:
        """Those without the event."""
        return self.rows - self.events

    def training(self, repeats: int) -> "Counts":
        """Return the counts of each split's training rows: the folds of a repeat hold every row."""

        def rest(part: Floats) -> Floats:
            return np.asarray(part.sum(axis=1, keepdims=True) / repeats - part)

        return Counts(rest(self.events), rest(self.rows))


class Cells:
    """Each row's place in the tests of repeated folds, by its value.

    Parameters
    ----------
    code : NDArray of int, shape [n]
        The value of each row, 0 to `size` - 1 (in order, where values have one).
    splits : sequence of Split
        Whole repeats: every row is in one test of each.
    """

    def __init__(self, code: Ints, size: int, splits: Sequence[Split]) -> None:
        tests = [split.test for split in splits]
        rows = np.concatenate(tests)
        place = np.repeat(np.arange(len(tests)), [test.size for test in tests]) * size + code[rows]
        self.size, self.splits = size, len(splits)
        self.repeats = rows.size // code.size
        shape = (self.splits * size, code.size)
        self._sums = csr_array((np.ones(rows.size), (place, rows)), shape=shape)

    def count(self, y: Floats, weights: Floats) -> Counts:
        """Count rows under each labeling `y` [b, n] (or [n]) or weighting [b, n]."""
        shape = (-1, self.splits, self.size)
        events = np.asarray((self._sums @ (weights * y).T).T).reshape(shape)
        rows = np.asarray((self._sums @ weights.T).T).reshape(shape)
        return Counts(events, np.broadcast_to(rows, events.shape))


def signs_of(train: Counts) -> Floats:
    """Return which way ordered values point in training, +1 or -1, shape [b, splits]."""
    others = train.others
    below = np.cumsum(others, axis=2) - others / 2
    right = (train.events * below).sum(axis=2)
    total = train.events.sum(axis=2) * others.sum(axis=2)
    return np.where(right < total / 2, -1.0, 1.0)


def rates_of(train: Counts, prior: float) -> Floats:
    """Return each value's event rate in training, drawn a little to the overall rate."""
    overall = train.events.sum(axis=2, keepdims=True) / train.rows.sum(axis=2, keepdims=True)
    return np.asarray((train.events + prior * overall) / (train.rows + prior))


def areas_in_order(found: Counts, sign: Floats) -> Floats:
    """Return the AUC over pairs of one test, of ordered values that point as said, shape [b]."""
    others = found.others
    below = np.cumsum(others, axis=2) - others / 2
    right = (found.events * below).sum(axis=2)
    total = found.events.sum(axis=2) * others.sum(axis=2)
    right = np.where(sign > 0, right, total - right)
    return np.asarray(right.sum(axis=1) / total.sum(axis=1))


def areas_by_rates(found: Counts, rates: Floats) -> Floats:
    """Return the AUC over pairs of one test, of values rated [b, splits, values], shape [b]."""
    right, total = np.zeros(rates.shape[0]), np.zeros(rates.shape[0])
    others = found.others
    for split in range(rates.shape[1]):
        higher, lower = rates[:, split, :, None], rates[:, split, None, :]
        order = (higher > lower) + 0.5 * (higher == lower)
        seen, free = found.events[:, split], others[:, split]
        right += np.einsum("ba,bac,bc->b", seen, order, free)
        total += seen.sum(axis=1) * free.sum(axis=1)
    return np.asarray(right / total)


def areas_by_score(found: Counts, score: Floats) -> Floats:
    """Return the AUC over pairs of one test, of values with one score a split, [splits, values]."""
    right, total = np.zeros(found.events.shape[0]), np.zeros(found.events.shape[0])
    others = found.others
    for split, one in enumerate(score):
        order = np.argsort(one, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(one[order]) != 0])
        seen, free = found.events[:, split][:, order], others[:, split][:, order]
        inside = concordant(seen, free, starts)
        right += inside[0]
        total += inside[1]
    with np.errstate(invalid="ignore"):
        return np.asarray(right / total)
