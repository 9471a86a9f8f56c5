"""Where the people lie on each feature, and how widely: looked for, and paid for.

A range that a task declares ("a value outside cannot be true") is often far wider than the people
are. So noisy counts of people in parts of the range say where the middle three fifths are; where no
range is declared, in parts between powers of two. Yes or no needs no look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.models.estimators.contract import Ints
from euthymia.models.estimators.linear import Preparation
from euthymia.models.privacy.contract import Budget
from euthymia.models.privacy.lattice import Floats, Noise, exact_noise, noisy_sum
from euthymia.models.privacy.rows import People
from euthymia.models.tasks.contract import FeatureSpec

PARTS: Final = 32
"""Of a declared range."""
SPREADS: Final = 5.0
"""A range is taken for so many standard deviations where the counts do not say."""
NARROWEST, WIDEST = 20.0, 3.0  # a declared range, in standard deviations of the people
LONGEST: Final = 3.0  # standard deviations from the middle; beyond them a value says no more
_MIDDLE: Final = (0.2, 0.5, 0.8)
_APART: Final = 1.683  # standard deviations of a normal between its 20th and 80th percentile
_POWERS: Final = np.arange(-7.0, 21.0)
_LOG: Final = np.concatenate([-(2.0 ** _POWERS[::-1]), [0.0], 2.0**_POWERS])


@dataclass(frozen=True, slots=True)
class Scale:
    """The middle and the standard deviation of a feature, and where its values are cut."""

    middle: float
    spread: float
    low: float
    high: float


def declared(spec: FeatureSpec) -> tuple[float, float] | None:
    """Return the range that a task declares for a feature; None where an end is open."""
    if spec.low is None or spec.high is None or not spec.low < spec.high:
        return None
    return float(spec.low), float(spec.high)


def is_flag(spec: FeatureSpec) -> bool:
    """Tell whether a feature is yes or no, as declared."""
    return declared(spec) == (0.0, 1.0)


def _edges(spec: FeatureSpec) -> Floats:
    ends = declared(spec)
    return _LOG if ends is None else np.linspace(*ends, PARTS + 1)


def look(
    x: Floats,
    people: People,
    specs: Sequence[FeatureSpec],
    columns: Ints,
    mu2: float,
    *,
    pay: Budget,
    part: str,
    noise: Noise = exact_noise,
) -> dict[int, Scale]:
    """Return a scale for each column that is not yes or no, from one release of noisy counts.

    Parameters
    ----------
    x : NDArray
        The rows of `people`, in their order. A person is counted once, at the mean of what is
        known of them.
    """
    asked = [c for c in columns.tolist() if not is_flag(specs[c])]
    if not asked:
        return {}
    edges = [_edges(specs[c]) for c in asked]
    limit = float(np.sqrt(len(asked)))
    found = noisy_sum(
        np.hstack([_places(x[:, c], people, e) for c, e in zip(asked, edges, strict=True)]),
        limit,
        mu2,
        pay=pay,
        kind="bounds",
        what=f"people in parts of the ranges of {len(asked)} features",
        part=part,
        noise=noise,
    )
    ends = np.cumsum([e.size + 1 for e in edges])[:-1]
    rows = np.split(found, ends)
    return {c: _scale(specs[c], e, row) for c, e, row in zip(asked, edges, rows, strict=True)}


def _places(values: Floats, people: People, edges: Floats) -> Floats:
    """Return for each person a 1 in the part that holds their mean; none where nothing is known."""
    known = np.isfinite(values)
    share = people.summed(np.where(known, 1.0, 0.0)[:, None])[:, 0]
    total = people.summed(np.where(known, values, 0.0)[:, None])[:, 0]
    mean = np.divide(total, share, out=np.zeros_like(total), where=share > 0)
    one = np.zeros((people.count, edges.size + 1))
    one[np.arange(people.count), np.digitize(mean, edges)] = share > 0
    return one


def _scale(spec: FeatureSpec, edges: Floats, counts: Floats) -> Scale:
    ends = declared(spec)
    risen = np.maximum.accumulate(np.cumsum(counts))
    places = np.concatenate([[edges[0]], edges, [edges[-1]]])
    heights = np.concatenate([[0.0], risen]) + np.arange(places.size) * 1e-9
    if heights[-1] <= 1:
        low, middle, high = edges[0], (edges[0] + edges[-1]) / 2, edges[-1]
    else:
        low, middle, high = np.interp(np.array(_MIDDLE) * heights[-1], heights, places)
    spread = float(high - low) / _APART
    if ends is None:
        spread = max(spread, 2.0 ** _POWERS[0])
        return Scale(float(middle), spread, -np.inf, np.inf)
    width = ends[1] - ends[0]
    if spread < width / PARTS / 2:  # most people in one place: the counts say nothing of the rest
        spread = width / SPREADS
    return Scale(
        float(middle), float(np.clip(spread, width / NARROWEST, width / WIDEST)), ends[0], ends[1]
    )


def preparation(specs: Sequence[FeatureSpec], columns: Ints, seen: dict[int, Scale]) -> Preparation:
    """Return how features become columns. What is not known counts as the middle."""
    scales = [seen.get(c) or _unseen(specs[c]) for c in columns.tolist()]
    middle, spread, low, high = (
        np.array([getattr(scale, name) for scale in scales])
        for name in ("middle", "spread", "low", "high")
    )
    return Preparation(
        columns=columns,
        fill=middle,
        low=np.maximum(low, middle - LONGEST * spread),
        high=np.minimum(high, middle + LONGEST * spread),
        indicators=np.array([], np.int64),
        mean=middle,
        scale=spread,
    )


def _unseen(spec: FeatureSpec) -> Scale:
    low, high = declared(spec) or (-1.0, 1.0)
    share = 2.0 if is_flag(spec) else SPREADS
    return Scale((low + high) / 2, (high - low) / share, low, high)
