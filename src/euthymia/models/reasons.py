"""Why a probability is what it is: each feature's push, exact, for linear models and for trees."""

from itertools import product
from math import factorial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import IntegrityError
from euthymia.models.estimators.contract import Column, Trees

Floats = NDArray[np.float64]
_MAX_WIDTH: Final = 6  # features on the way to a leaf; the table has 2 to the power of it a leaf


class Pushes(Protocol):
    """What a served model asks for its reasons."""

    used: NDArray[np.int64]
    """The features that the model looks at, in order."""

    def of(self, x: Floats) -> Floats:
        """Return each feature's push for each row; shapes (n, features)."""


def pushes(columns: tuple[Column, ...], trees: Trees | None, features: int) -> Pushes:
    """Return what explains a model of so many features."""
    return LinearPushes(columns, features) if trees is None else TreePushes(trees, features)


class LinearPushes:
    """Coefficient times distance from the mean of the training rows.

    They add up to the linear predictor of a row less its mean in training. A feature has one column
    for its value and one that says that it is not known, or either, or none: what is not there
    pushes by nothing.
    """

    def __init__(self, columns: tuple[Column, ...], features: int) -> None:
        if len({(c.feature, c.missing) for c in columns}) != len(columns):
            raise IntegrityError("the model's reasons name a column twice")
        self._fill, self._low, self._high, self._push, self._push_unknown, self._at_mean = np.zeros(
            (6, features)
        )
        for c in columns:
            push = c.coefficient / c.scale
            self._at_mean[c.feature] += push * c.mean
            if c.missing:
                self._push_unknown[c.feature] = push
                continue
            self._push[c.feature] = push
            self._fill[c.feature] = c.fill
            self._low[c.feature], self._high[c.feature] = c.low, c.high
        self.used = np.unique([c.feature for c in columns]).astype(np.int64)

    def of(self, x: Floats) -> Floats:
        """Return each feature's push for each row; shapes (n, features)."""
        unknown = np.isnan(x)
        known = np.where(unknown, self._fill, x)
        within = np.minimum(np.maximum(known, self._low), self._high)
        pushed = within * self._push + unknown * self._push_unknown - self._at_mean
        return np.asarray(pushed, np.float64)


class TreePushes:
    """Exact Shapley values of trees (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).

    They add up to the log-odds of a row less their mean in training. A leaf's share of each of the
    features on the way to it depends only on which of their conditions a row fulfils, so all cases
    are worked out once, when the model is opened (Yang 2021, arXiv:2109.09847): an answer costs one
    look-up a leaf.
    """

    def __init__(self, trees: Trees, features: int) -> None:
        value, first = np.frombuffer(trees.value, "<f8"), np.frombuffer(trees.first, "<i8")
        feature = np.frombuffer(trees.feature, "<i8")
        ends = [np.frombuffer(part, "<f8") for part in (trees.low, trees.high, trees.share)]
        unknown = np.frombuffer(trees.unknown, "<i8")
        sizes = {feature.size, unknown.size, *(part.size for part in ends)}
        within = feature.size == 0 or (feature.min() >= 0 and feature.max() < features)
        rising = first.size == value.size + 1 and bool(np.all(np.diff(first) >= 0))
        if sizes != {int(first[-1]) if rising else -1} or first[0] != 0 or not within:
            raise IntegrityError("the model's reasons are not those of its trees")
        width = int(np.diff(first).max(initial=0))
        if width > _MAX_WIDTH:
            raise IntegrityError("the model's reasons are larger than those of trees grown here")
        shape = (value.size, max(1, width))
        place = np.arange(shape[1]) < np.diff(first)[:, None]

        def laid(part: NDArray[np.generic], empty: float) -> Floats:
            whole = np.full(shape, empty)
            whole[place] = part
            return whole

        # a feature that is not there has a condition that always holds: it gets nothing
        self._feature = laid(feature, 0).astype(np.int64)
        self._low, self._high = laid(ends[0], -np.inf), laid(ends[1], np.inf)
        self._unknown = laid(unknown, 1) == 1
        self._table = _table(value, laid(ends[2], 1.0))
        self._bits = 1 << np.arange(shape[1])
        self._leaf = np.arange(value.size)
        self._size = features
        self._flat = self._feature.ravel()
        self.used = np.unique(feature)

    def of(self, x: Floats) -> Floats:
        """Return each feature's push for each row; shapes (n, features)."""
        return np.array([self._of_row(row) for row in x]).reshape(len(x), self._size)

    def _of_row(self, x: Floats) -> Floats:
        value = x[self._feature]
        holds = ((value > self._low) & (value <= self._high)) | (np.isnan(value) & self._unknown)
        found = self._table[self._leaf, holds @ self._bits]
        return np.asarray(
            np.bincount(self._flat, weights=found.ravel(), minlength=self._size), np.float64
        )


def _table(value: Floats, share: Floats) -> Floats:
    """Return each feature's Shapley value in each leaf and case, shape [leaves, 2^width, width].

    In case `c` bit `i` says that the row fulfils the condition on the leaf's feature `i`. Knowing
    a feature set S, a leaf is reached with the product of what holds in S and of the shares of
    training rows elsewhere.
    """
    leaves, width = share.shape
    reached = np.empty((leaves, 1 << width, 1 << width))  # [leaf, case, S]
    for case, known in product(range(1 << width), repeat=2):
        each = np.array([[case >> i & 1, known >> i & 1] for i in range(width)], bool)
        part = np.where(each[:, 1], each[:, 0].astype(np.float64), share)
        reached[:, case, known] = value * part.prod(axis=1)
    found = np.zeros((leaves, 1 << width, width))
    for i in range(width):
        for known in range(1 << width):
            if known >> i & 1:
                continue
            size = known.bit_count()
            weight = factorial(size) * factorial(width - size - 1) / factorial(width)
            found[:, :, i] += weight * (reached[:, :, known | 1 << i] - reached[:, :, known])
    return found
