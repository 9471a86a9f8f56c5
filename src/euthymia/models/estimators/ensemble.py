"""A sum of small binary trees as flat arrays: prediction, and the leaves that reasons come from.

The trees here, not the library that grew them, are the model: what is served, exported and judged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from euthymia.models.estimators.contract import Floats, Ints, Trees

MAX_DEPTH: Final = 4
"""So many features at most stand on the way to a leaf, and reasons can be looked up in a table."""
_CELLS: Final = 2_000_000  # rows x trees walked at once


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Trees of several targets. A row goes left where x <= split, or x is not known and it may.

    Interior nodes come before the nodes below them. `left` and `right` hold the number of an
    interior node, or -1 - the number of a leaf. `seen` are training rows at nodes and leaves.
    """

    roots: Ints
    feature: Ints
    split: Floats
    unknown_left: Ints
    left: Ints
    right: Ints
    node_seen: Floats
    value: Floats
    target: Ints
    leaf_seen: Floats
    targets: int
    constant: Floats  # [targets]

    def sums(self, x: Floats) -> Floats:
        """Return the sum of the leaves that each row falls into, shape [n, targets]."""
        block = max(1, _CELLS // max(1, self.roots.size))
        parts = [self._sums(x[start : start + block]) for start in range(0, len(x), block)]
        return np.concatenate(parts) if parts else np.empty((0, self.targets))

    def _sums(self, x: Floats) -> Floats:
        rows, trees = len(x), self.roots.size
        found = np.tile(self.constant, (rows, 1))
        if trees == 0:
            return found
        at = np.tile(self.roots, (rows, 1))
        row = np.arange(rows)[:, None]
        for _ in range(MAX_DEPTH):
            node = np.maximum(at, 0)
            value = x[row, self.feature[node]]
            unknown = np.isnan(value) & (self.unknown_left[node] == 1)
            goes = (value <= self.split[node]) | unknown
            at = np.where(at < 0, at, np.where(goes, self.left[node], self.right[node]))
        leaf = -1 - at
        place = row * self.targets + self.target[leaf]
        added = np.bincount(
            place.ravel(), weights=self.value[leaf].ravel(), minlength=rows * self.targets
        )
        return found + added.reshape(rows, self.targets)

    def scaled(self, slope: Floats, level: Floats) -> "Ensemble":
        """Return level + slope * this, one of each a target."""
        return Ensemble(
            self.roots, self.feature, self.split, self.unknown_left, self.left, self.right,
            self.node_seen, self.value * slope[self.target], self.target, self.leaf_seen,
            self.targets, level + slope * self.constant,
        )  # fmt: skip

    def leaves(self, target: int) -> Trees:
        """Return the leaves of one target with the conditions on the way to each."""
        paths: list[tuple[float, list[tuple[int, float, float, int, float]]]] = []
        for root in self.roots.tolist():
            self._walk(root, {}, target, paths)
        flat = [condition for _, conditions in paths for condition in conditions]
        columns = list(zip(*flat, strict=True)) if flat else [()] * 5
        first = np.cumsum([0, *(len(conditions) for _, conditions in paths)])
        feature, low, high, unknown, share = columns
        return Trees(
            _f8([value for value, _ in paths]),
            np.asarray(first, "<i8").tobytes(),
            np.asarray(feature, "<i8").tobytes(),
            _f8(low),
            _f8(high),
            np.asarray(unknown, "<i8").tobytes(),
            _f8(share),
        )

    def _walk(
        self,
        at: int,
        way: Mapping[int, tuple[float, float, int, float]],
        target: int,
        paths: list[tuple[float, list[tuple[int, float, float, int, float]]]],
    ) -> None:
        """Collect the leaves below a node: each condition is (feature, low, high, unknown, share).

        Several splits on one feature are one condition; its share is the product of theirs.
        """
        if at < 0:
            if self.target[-1 - at] == target:
                conditions = [(feature, *told) for feature, told in way.items()]
                paths.append((float(self.value[-1 - at]), conditions))
            return
        feature, split = int(self.feature[at]), float(self.split[at])
        low, high, unknown, share = way.get(feature, (-np.inf, np.inf, 1, 1.0))
        goes = int(self.unknown_left[at])
        for child, ends, keeps in (
            (int(self.left[at]), (low, min(high, split)), goes),
            (int(self.right[at]), (max(low, split), high), 1 - goes),
        ):
            seen = self.node_seen[child] if child >= 0 else self.leaf_seen[-1 - child]
            part = float(seen / self.node_seen[at])
            self._walk(
                child, {**way, feature: (*ends, unknown * keeps, share * part)}, target, paths
            )

    def used(self, target: int) -> Ints:
        """Return the features that a target's trees split on."""
        return np.unique(np.frombuffer(self.leaves(target).feature, "<i8"))


def _f8(values: Iterable[float]) -> bytes:
    return np.asarray(list(values), "<f8").tobytes()


class Grown:
    """Collects trees, as LightGBM's `dump_model` writes them, into an `Ensemble`."""

    def __init__(self, targets: int) -> None:
        self._constant = np.zeros(targets)
        self._roots: list[int] = []
        self._nodes: list[list[float]] = []
        self._leaves: list[tuple[float, int, float]] = []

    def add(self, tree: Mapping[str, Any], columns: Ints, target: int) -> None:
        """Add one `tree_structure`; its features are places in `columns`."""
        if "split_feature" not in tree:
            self._constant[target] += tree["leaf_value"]
            return
        self._roots.append(len(self._nodes))
        self._add(tree, columns, target)

    def _add(self, node: Mapping[str, Any], columns: Ints, target: int) -> int:
        if "split_feature" not in node:
            self._leaves.append((node["leaf_value"], target, node["leaf_count"]))
            return -len(self._leaves)
        if node["decision_type"] != "<=":
            raise ValueError("a split that is not a threshold")
        split = float(node["threshold"])
        # a feature that was always known in training: LightGBM takes 0 for what is not known
        known = node["missing_type"] == "NaN"
        left = bool(node["default_left"]) if known else split >= 0.0
        place = len(self._nodes)
        feature = int(columns[node["split_feature"]])
        self._nodes.append([feature, split, left, 0, 0, node["internal_count"]])
        self._nodes[place][3] = self._add(node["left_child"], columns, target)
        self._nodes[place][4] = self._add(node["right_child"], columns, target)
        return place

    def ensemble(self) -> Ensemble:
        """Return what was added."""
        nodes = np.array(self._nodes, np.float64).reshape(-1, 6)
        leaves = np.array(self._leaves, np.float64).reshape(-1, 3)
        whole = nodes[:, [0, 2, 3, 4]].astype(np.int64)
        return Ensemble(
            np.array(self._roots, np.int64),
            whole[:, 0], nodes[:, 1].copy(), whole[:, 1], whole[:, 2], whole[:, 3],
            nodes[:, 5].copy(), leaves[:, 0].copy(), leaves[:, 1].astype(np.int64),
            leaves[:, 2].copy(), self._constant.size, self._constant,
        )  # fmt: skip
