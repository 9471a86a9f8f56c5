"""Where a feature lies and how wide it is, without looking: or looked at, and paid for.

A range that a task declares ("a value outside cannot be true") says it for nothing. A feature that
has none is looked for among powers of two, as noisy counts of people.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from euthymia.models.estimators.contract import Ints
from euthymia.models.estimators.linear import Preparation
from euthymia.models.privacy.contract import Budget
from euthymia.models.privacy.lattice import Floats, Noise, exact_noise, noisy_sum
from euthymia.models.privacy.rows import People
from euthymia.models.tasks.contract import FeatureSpec

SPREADS: Final = 5.0
"""A measure's declared range is taken for so many of its standard deviations."""
BINARY: Final = 2.0  # a range of 1 is that of a yes or no, whose spread is at most a half
LONGEST: Final = 3.0  # spreads from the middle; beyond them a value says no more
_POWERS: Final = np.arange(-7.0, 21.0)
_EDGES: Final = np.concatenate([-(2.0 ** _POWERS[::-1]), [0.0], 2.0**_POWERS])
_SURE: Final = 3.0  # standard deviations of the noise, above which a count is somebody


def declared(spec: FeatureSpec) -> tuple[float, float] | None:
    """Return the range that a task declares for a feature; None where an end is open."""
    if spec.low is None or spec.high is None or not spec.low < spec.high:
        return None
    return float(spec.low), float(spec.high)


def undeclared(specs: Sequence[FeatureSpec], columns: Ints) -> Ints:
    """Return the columns whose range would have to be paid for."""
    return np.array([c for c in columns.tolist() if declared(specs[c]) is None], np.int64)


def look(
    x: Floats,
    people: People,
    columns: Ints,
    mu2: float,
    *,
    pay: Budget,
    part: str,
    noise: Noise = exact_noise,
) -> dict[int, tuple[float, float]]:
    """Return a range for each column, from noisy counts of people between powers of two.

    A range that holds nobody for sure is (-1, 1). `x` holds the rows of `people`, in their order.
    """
    counts = []
    for column in columns.tolist():
        known = np.isfinite(x[:, column])
        share = people.summed(np.where(known, 1.0, 0.0)[:, None])[:, 0]
        total = people.summed(np.where(known, x[:, column], 0.0)[:, None])[:, 0]
        mean = np.divide(total, share, out=np.zeros_like(total), where=share > 0)
        place = np.digitize(mean, _EDGES)
        one = np.zeros((people.count, _EDGES.size + 1))
        one[np.arange(people.count), place] = share > 0
        counts.append(one)
    limit = float(np.sqrt(columns.size))
    found = noisy_sum(
        np.hstack(counts),
        limit,
        mu2,
        pay=pay,
        kind="bounds",
        what=f"people between powers of two, for {columns.size} features without a declared range",
        part=part,
        noise=noise,
    ).reshape(columns.size, -1)
    sure = _SURE * limit / np.sqrt(mu2)
    return {c: _range(row, sure) for c, row in zip(columns.tolist(), found, strict=True)}


def _range(row: Floats, sure: float) -> tuple[float, float]:
    there = np.flatnonzero(row > sure)
    if not there.size:
        return -1.0, 1.0
    ends = np.concatenate([[2 * _EDGES[0]], _EDGES, [2 * _EDGES[-1]]])
    return float(ends[there[0]]), float(ends[there[-1] + 1])


def preparation(
    specs: Sequence[FeatureSpec], columns: Ints, seen: dict[int, tuple[float, float]]
) -> Preparation:
    """Return how features become columns: middle and spread of each range, nothing else.

    What is not known counts as the middle.
    """
    ranges = [seen.get(c) or declared(specs[c]) or (-1.0, 1.0) for c in columns.tolist()]
    low, high = (np.array(ends) for ends in zip(*ranges, strict=True))
    width = high - low
    middle = (low + high) / 2
    spread = width / np.where(width <= 1, BINARY, SPREADS)
    return Preparation(
        columns=columns,
        fill=middle,
        low=np.maximum(low, middle - LONGEST * spread),
        high=np.minimum(high, middle + LONGEST * spread),
        indicators=np.array([], np.int64),
        mean=middle,
        scale=spread,
    )
