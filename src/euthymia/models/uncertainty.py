"""How sure a model may be of one person: conformal sets, and the check that they hold."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from euthymia.evaluation.conformal import LEVEL, Coverage, Cutoffs, coverage, cross_sets, cutoffs
from euthymia.models.sites import Sites
from euthymia.models.validate import HeldOut


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """The cut-offs that are served, and how sets made in the same way did on left-out groups.

    `groups`: what was left out when they were calibrated, "site" or "person".
    """

    cutoffs: Cutoffs
    check: Coverage
    groups: str

    @property
    def words(self) -> str:
        """Say what a prediction becomes under the cut-offs."""
        cut = self.cutoffs
        low, high = cut.positive_from, cut.negative_to
        people = " and ".join(f"{n}" for n in cut.clusters)
        told = (
            f"Calibrated on left-out groups ({self.groups}), {people} people without and with it."
        )
        if low > high:
            return (
                f"“Yes” from a probability of {low:.2f} on, “no” up to {high:.2f}; between them it"
                f" is unlike both. {told}"
            )
        return (
            f"“Yes” above a probability of {max(0.0, high):.2f}, “no” below {min(1.0, low):.2f};"
            f" between them both are possible. {told}"
        )

    def audit(self) -> dict[str, Any]:
        """Return what the command line prints beside the figures."""
        return {
            "verdict": self.check.verdict,
            "left_out": self.groups,
            "cutoffs": asdict(self.cutoffs),
            **asdict(self.check),
        }


def uncertainty(
    held: HeldOut, sites: Sites | None, *, seed: int, level: float = LEVEL
) -> Uncertainty:
    """Return conformal sets from held-out predictions: by site where sites could be left out.

    Where cross-validation was repeated, its first round is used: each row once.
    """
    if sites is not None:
        found, groups, cluster = sites.held, "site", sites.cluster
    else:
        first = _first_round(held)
        found, groups, cluster = first, "person", first.person
    sets = cross_sets(found.y, found.p, found.person, found.strata, level=level)
    return Uncertainty(
        cutoffs(found.y, found.p, found.person, level=level),
        coverage(found.y, sets, cluster, level=level, seed=seed),
        groups,
    )


def _first_round(held: HeldOut) -> HeldOut:
    _, first = np.unique(held.rows, return_index=True)
    return held.only(np.sort(first))
