"""Which outcomes cannot be ruled out: Mondrian conformal sets, calibrated on left-out groups.

A set holds each outcome whose conformal p-value is above 1 - level. The p-value of an outcome is
taken among the calibration rows that had it (class-conditional, or Mondrian: Vovk, Gammerman &
Shafer 2005, doi:10.1007/b106715), so that those who have the event are covered as often as those
who do not. Rows of one cluster (a person's weeks, a site's people) share one vote (hierarchical
conformal prediction: Lee, Barber & Willett 2023, arXiv:2306.06342). The calibration predictions
must come from models that saw neither the row nor its group (cross-conformal: Vovk 2015,
doi:10.1007/s10472-013-9368-4).

One outcome: a definite answer. Both: the data do not tell. None: unlike anybody seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Estimate, Floats, Ints, Metric
from euthymia.evaluation.resample import estimates

LEVEL: Final = 0.9
MARGIN: Final = 0.10  # below the level: coverage is shown where its interval ends above that
_TINY: Final = 1e-12  # a p-value of 0.1 is not above 0.1, whatever the last bit of 1 - 0.9 is
Sets = NDArray[np.bool_]
"""[n, 2]: is outcome 0, is outcome 1 in the set."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Conformal sets as two numbers.

    Outcome 1 is in the set from `positive_from` on, 0 up to `negative_to`, so that each is in the
    set of at least a share `level` of those who have it.

    `clusters`: how many calibration clusters (people or sites) had outcome 0, and outcome 1.
    """

    level: float
    positive_from: float
    negative_to: float
    clusters: tuple[int, int]

    def sets(self, p: Floats) -> Sets:
        """Return the set of each prediction, shape [n, 2]."""
        return np.column_stack([p <= self.negative_to, p >= self.positive_from])


def _votes(cluster: NDArray[np.generic]) -> tuple[Floats, int]:
    """Return each row's share of its cluster's one vote, and how many clusters there are."""
    _, code, size = np.unique(cluster, return_inverse=True, return_counts=True)
    return 1.0 / size[code.reshape(-1)], size.size


def p_values(calibration: Floats, cluster: NDArray[np.generic], score: Floats) -> Floats:
    """Return the conformal p-value of each score [n] among calibration scores [m].

    The share of clusters at least as strange, the new one included: (W + 1) / (K + 1). With one
    row a cluster this is the textbook p-value, without smoothing.

    Parameters
    ----------
    calibration, score : NDArray
        The higher, the stranger.
    cluster : NDArray, shape [m]
        Whose calibration rows belong together.
    """
    votes, clusters = _votes(cluster)
    order = np.argsort(calibration, kind="stable")
    above = np.r_[np.cumsum(votes[order][::-1])[::-1], 0.0]
    place = np.searchsorted(calibration[order], score, side="left")
    return np.asarray((above[place] + 1.0) / (clusters + 1.0))


def mondrian_p_values(y: Floats, p: Floats, cluster: NDArray[np.generic], new: Floats) -> Floats:
    """Return the p-value of outcome 0 and of outcome 1 for new predictions, shape [n, 2].

    Parameters
    ----------
    y, p, cluster : NDArray, shape [m]
        Outcomes, held-out predictions and clusters of the calibration rows.
    """
    without, having = y == 0, y == 1
    return np.column_stack(
        [
            p_values(p[without], cluster[without], new),
            p_values(-p[having], cluster[having], -new),
        ]
    )


def _furthest(score: Floats, cluster: NDArray[np.generic], level: float) -> float:
    """Return the strangest score whose p-value is above 1 - level; inf where any is."""
    least = 1.0 - level + _TINY
    if 1.0 / (np.unique(cluster).size + 1.0) > least:
        return float("inf")
    kept = score[p_values(score, cluster, score) > least]
    return float(kept.max()) if kept.size else float("-inf")


def cutoffs(y: Floats, p: Floats, cluster: NDArray[np.generic], *, level: float = LEVEL) -> Cutoffs:
    """Return the sets of `mondrian_p_values` as two cut-offs.

    Where too few clusters had an outcome to ever rule it out (fewer than level / (1 - level)) it
    is in every set.

    Raises
    ------
    ValueError
        `level` does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError("a coverage level lies between 0 and 1")
    having, without = y == 1, y == 0
    count = (int(np.unique(cluster[without]).size), int(np.unique(cluster[having]).size))
    return Cutoffs(
        level,
        -_furthest(-p[having], cluster[having], level),
        _furthest(p[without], cluster[without], level),
        count,
    )


def cross_sets(
    y: Floats,
    p: Floats,
    cluster: NDArray[np.generic],
    fold: Ints,
    *,
    level: float = LEVEL,
) -> Sets:
    """Return the set of each held-out prediction, calibrated on the other folds' predictions.

    Parameters
    ----------
    p : NDArray, shape [n]
        Each predicted by a model that saw nothing of its fold.
    fold : NDArray of int, shape [n]
        The group left out. A cluster with rows in the fold is left out of its calibration.
    """
    found = np.zeros((y.size, 2), bool)
    for part in np.unique(fold):
        inside = fold == part
        others = ~inside & ~np.isin(cluster, cluster[inside])
        cut = cutoffs(y[others], p[others], cluster[others], level=level)
        found[inside] = cut.sets(p[inside])
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often sets held the truth, and how often they answered.

    `with_event`, `without_event`: coverage among those who had the event and those who did not.
    `definite`, `both`, `neither`: shares of the answers. `right`: of the definite ones.
    """

    level: float
    with_event: Estimate
    without_event: Estimate
    definite: Estimate
    both: float
    neither: float
    right: Estimate

    @property
    def verdict(self) -> str:
        """Say whether the sets hold what they promise."""
        both = (("with", self.with_event), ("without", self.without_event))
        low = [name for name, e in both if e.high < self.level]
        open_ = [(name, e) for name, e in both if not e.low >= self.level - MARGIN]
        told = f"{self.definite.estimate:.0%} definite answers"
        if low:
            return f"covers too few of those {' and '.join(low)} the outcome; {told}"
        if open_:
            found = " and ".join(
                f"{e.estimate:.0%} ({e.low:.0%} to {e.high:.0%}) of those {name} the outcome"
                for name, e in open_
            )
            return f"not shown to cover the promised {self.level:.0%}: {found}; {told}"
        return f"covers what it promises ({self.level:.0%} of each outcome); {told}"


def coverage(
    y: Floats, sets: Sets, person: NDArray[np.generic], *, level: float = LEVEL, seed: int
) -> Coverage:
    """Return the coverage check of held-out sets, intervals by person (or by site).

    Parameters
    ----------
    y : NDArray, shape [n]
    sets : NDArray of bool, shape [n, 2]
        From `cross_sets`.
    person : NDArray, shape [n]
        What the intervals resample.
    """
    held = np.where(y == 1, sets[:, 1], sets[:, 0]).astype(np.float64)
    one = (sets.sum(axis=1) == 1).astype(np.float64)

    def share(of: Floats, among: Floats) -> Metric:
        def metric(_: Floats, __: Floats, weights: Floats) -> Floats:
            below = (weights * among).sum(axis=1)
            above = (weights * among * of).sum(axis=1)
            found: Floats = np.full(below.shape, np.nan)
            np.divide(above, below, out=found, where=below > 0)
            return found

        return metric

    everybody = np.ones(y.size)
    found = estimates(
        {
            "with": share(held, y),
            "without": share(held, 1 - y),
            "definite": share(one, everybody),
            "right": share(held, one),
        },
        y,
        held,
        person,
        seed=seed,
    )
    size = sets.sum(axis=1)
    return Coverage(
        level,
        found["with"],
        found["without"],
        found["definite"],
        float(np.mean(size == 2)),
        float(np.mean(size == 0)),
        found["right"],
    )
