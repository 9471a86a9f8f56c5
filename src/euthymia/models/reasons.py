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
        """Return each feature's push for one row."""

    def of_many(self, x: Floats) -> Floats:
        """Return each feature's push for each row."""


def pushes(columns: tuple[Column, ...], trees: Trees | None, features: int) -> Pushes:
    """Return what explains a model of so many features."""
    return LinearPushes(columns, features) if trees is None else TreePushes(trees, features)


class LinearPushes:
    """Coefficient times distance from the mean of the training rows.

    They add up to the linear predictor of a row less its mean in training.
    """

    def __init__(self, columns: tuple[Column, ...], features: int) -> None:
        kept = [c for c in columns if not c.missing]
        self._kept = np.array([c.feature for c in kept], np.int64)
        self._fill = np.array([c.fill for c in kept])
        self._low, self._high = np.array([c.low for c in kept]), np.array([c.high for c in kept])
        self._gone = np.array([c.feature for c in columns if c.missing], np.int64)
        self._push = np.array([c.coefficient / c.scale for c in columns])
        self._at_mean = self._push * np.array([c.mean for c in columns])
        self._source = np.array([c.feature for c in columns], np.int64)
        self._size = features
        self.used = np.unique(self._source)

    def of(self, x: Floats) -> Floats:
        """Return each feature's push for one row."""
        chosen = x[self._kept]
        known = np.where(np.isnan(chosen), self._fill, chosen)
        raw = np.concatenate(
            [np.minimum(np.maximum(known, self._low), self._high), np.isnan(x[self._gone])]
        )
        pushed = self._push * raw - self._at_mean
        return np.asarray(
            np.bincount(self._source, weights=pushed, minlength=self._size), np.float64
        )

    def of_many(self, x: Floats) -> Floats:
        """Return each feature's push for each row."""
        rows, size = len(x), self._size
        chosen = x[:, self._kept]
        known = np.where(np.isnan(chosen), self._fill, chosen)
        raw = np.hstack(
            [np.minimum(np.maximum(known, self._low), self._high), np.isnan(x[:, self._gone])]
        )
        pushed = (self._push * raw - self._at_mean).ravel()
        place = (np.arange(rows)[:, None] * size + self._source).ravel()
        found = np.bincount(place, weights=pushed, minlength=rows * size)
        return np.asarray(found, np.float64).reshape(rows, size)


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
        """Return each feature's push for one row."""
        value = x[self._feature]
        holds = ((value > self._low) & (value <= self._high)) | (np.isnan(value) & self._unknown)
        found = self._table[self._leaf, holds @ self._bits]
        return np.asarray(
            np.bincount(self._flat, weights=found.ravel(), minlength=self._size), np.float64
        )

    def of_many(self, x: Floats) -> Floats:
        """Return each feature's push for each row."""
        return np.array([self.of(row) for row in x]).reshape(len(x), self._size)


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
