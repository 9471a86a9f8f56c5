"""Internal-external validation: every site is predicted by models that never saw it.

Steyerberg & Harrell 2016, doi:10.1016/j.jclinepi.2015.04.005. Up to `MOST_SPLITS` sites are left
out one by one; more are dealt into that many groups of whole sites, so that a trial of 200
investigators is still predicted investigator by unseen investigator. Pairs are compared within what
was left out together: pooled over models, an AUC would be biased below 0.5 where there is no signal
(Parker, Gunter & Bedo 2007, doi:10.1186/1471-2105-8-326).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation import calibration, discrimination, net_benefit
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.estimate import Estimate, Metric
from euthymia.evaluation.groups import SMALL_CELL
from euthymia.evaluation.meta import Pooled, pool_auc
from euthymia.evaluation.resample import estimates
from euthymia.evaluation.splits import Split
from euthymia.models.estimators.contract import Model, Sample
from euthymia.models.validate import HeldOut, Sets, cross_validate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]

MOST_SPLITS: Final = 20
UNKNOWN: Final = "not known"
MANY_SITES: Final = 10
"""From so many sites on intervals resample sites; with fewer, people, as so few cannot say how
sites differ."""


FEWEST_A_CLASS: Final = 5
FEWEST_POOLED: Final = 3
"""Sites, each with so many people with and without the outcome, below which there is no range for a
new site."""
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class SiteResult:
    """A site that the model had not seen; shown where it has `SMALL_CELL` people or more."""

    site: str
    people: int
    events: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Sites:
    """What leaving sites out says.

    `held`: each row by a model that saw nothing of its site. `cluster`: what the intervals of
    `figures` resample. `pooled`: the random-effects mean of the sites that can be judged alone.
    """

    held: HeldOut
    cluster: Texts
    by: str
    count: int
    splits: int
    figures: Mapping[str, Estimate]
    sites: tuple[SiteResult, ...]
    pooled: Pooled | None

    @property
    def how(self) -> str:
        """Say how sites were left out."""
        if self.splits == self.count:
            return f"each of {self.count} sites left out in turn; intervals by {self.by}"
        return (
            f"{self.count} sites left out in {self.splits} groups of whole sites; intervals by"
            f" {self.by}"
        )


def site_splits(y: Floats, person: Texts, site: Texts, *, seed: int) -> tuple[Split, ...]:
    """Return splits that leave whole sites out, a person never on both sides.

    Rows whose site is not known are learned from and not judged. Where leaving a site out would
    leave only one class to learn from, it is passed over.
    """
    names, people = np.unique(site[site != UNKNOWN]), {}
    for name in names:
        people[str(name)] = np.unique(person[site == name]).size
    if names.size < 2:
        return ()
    groups = [[str(name)] for name in names]
    if names.size > MOST_SPLITS:
        groups = _dealt(people, seed)
    found = []
    for number, group in enumerate(groups, 1):
        inside = np.isin(site, group)
        train = np.flatnonzero(~np.isin(person, person[inside]))
        if train.size and 0 < y[train].mean() < 1:
            name = group[0] if len(group) == 1 else f"group {number} of {len(groups)}"
            found.append(Split(train, np.flatnonzero(inside), name))
    return tuple(found)


def _dealt(people: Mapping[str, int], seed: int) -> list[list[str]]:
    """Deal sites into groups of about as many people: the largest first, to the smallest group."""
    shuffled = np.random.default_rng(seed).permutation(sorted(people)).tolist()
    groups: list[list[str]] = [[] for _ in range(MOST_SPLITS)]
    sizes = [0] * MOST_SPLITS
    for name in sorted(shuffled, key=lambda n: -people[n]):
        place = int(np.argmin(sizes))
        groups[place].append(name)
        sizes[place] += people[name]
    return groups


def leave_sites_out(
    model: Model,
    sample: Sample,
    sets: Sets,
    site: Texts,
    threshold: float,
    *,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> Sites | None:
    """Return every figure at sites that the model has not seen; None where there are not two."""
    splits = site_splits(sample.y, sample.person, site, seed=seed)
    if len(splits) < 2:
        return None
    held, _ = cross_validate(model, sample, sets, splits, seed=seed, progress=progress)
    if not 0 < held.y.mean() < 1:
        return None
    where = site[held.rows]
    count = int(np.unique(where).size)
    by_site = count >= MANY_SITES
    cluster = where if by_site else held.person
    return Sites(
        held=held,
        cluster=cluster,
        by="site" if by_site else "person",
        count=count,
        splits=len(splits),
        figures=_figures(held, cluster, threshold, seed),
        sites=(found := tuple(_judged(held, where, seed))),
        pooled=_pooled(found),
    )


def _pooled(sites: Sequence[SiteResult]) -> Pooled | None:
    """Return the random-effects mean over sites with enough people of each kind.

    Each site's variance is that of an AUC of the common size among so many people (Hanley & McNeil
    1982, doi:10.1148/radiology.143.1.7063747): with each site's own, a site that happens to do well
    would seem surer, or less sure, for it, and the mean would lean.
    """
    used = [s for s in sites if min(s.events, s.people - s.events) >= FEWEST_A_CLASS]
    if len(used) < FEWEST_POOLED:
        return None
    common = float(np.mean([s.figures["auc"].estimate for s in used]))
    common = min(max(common, 0.01), 0.99)
    told = []
    for one in used:
        having, free = one.events, one.people - one.events
        first, second = common / (2 - common), 2 * common**2 / (1 + common)
        spread = common * (1 - common) + (having - 1) * (first - common**2)
        spread += (free - 1) * (second - common**2)
        error = np.sqrt(spread / (having * free)) / (common * (1 - common))
        pairs = having * free
        area = (one.figures["auc"].estimate * pairs + 0.5) / (pairs + 1)
        middle = np.log(area / (1 - area))
        low, high = (float(1 / (1 + np.exp(-(middle + z * error)))) for z in (-_Z, _Z))
        told.append(Estimate(float(area), low, high, 0.5))
    return pool_auc(told)


def _figures(held: HeldOut, cluster: Texts, threshold: float, seed: int) -> dict[str, Estimate]:
    metrics: Mapping[str, Metric] = {
        "auc": held.auc,
        "brier": discrimination.brier,
        "calibration_in_the_large": calibration.calibration_in_the_large,
        "calibration_slope": calibration.calibration_slope,
        "ici": calibration.integrated_calibration_index,
        "net_benefit": net_benefit.net_benefit_at(threshold),
        "net_benefit_gain": net_benefit.gain_at(threshold),
    }
    return estimates(
        held.weighted(metrics),
        held.y,
        held.p,
        cluster,
        seed=seed,
        replicates=500,
        chance=chance_levels(held.y, threshold),
    )


def _judged(held: HeldOut, where: Texts, seed: int) -> Sequence[SiteResult]:
    """Return the figures of each site that is large enough, and saw both outcomes."""
    metrics: Mapping[str, Metric] = {
        "auc": discrimination.auc,
        "brier": discrimination.brier,
        "calibration_in_the_large": calibration.calibration_in_the_large,
        "calibration_slope": calibration.calibration_slope,
    }
    found = []
    for name in np.unique(where):
        rows = np.flatnonzero(where == name)
        y, p, person = held.y[rows], held.p[rows], held.person[rows]
        people, having = np.unique(person).size, np.unique(person[y == 1]).size
        if people < SMALL_CELL or not 0 < y.mean() < 1:
            continue
        judged = estimates(
            held.weighted(metrics, rows),
            y,
            p,
            person,
            seed=seed,
            replicates=300,
            chance=chance_levels(y),
        )
        found.append(SiteResult(str(name), int(people), int(having), judged))
    return found
