"""Scores of one person's days: what lies behind a `ScoreStream`, before any line is drawn.

A walk through the days in order. It can be taken up on any day (`Walk.go`), and gives the same
bits as one walk through all of them: nothing of a day depends on a later one.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.norms import DESIGN, Design, Norms
from euthymia.care.monitor.panel import Days, Features, weekday
from euthymia.kernels.watch_baseline import fixed_baseline, lagged_baseline
from euthymia.kernels.watch_scores import (
    absence,
    composite_cusum,
    day_evidence,
    e_detector,
    mewma,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CASES: Final = 2  # relapses in which the values alone change, and those in which people vanish too
BETS: Final = np.array([0.15, 0.3, 0.6, 0.9])  # small ones for slow changes, large for sudden ones


@dataclass(frozen=True, slots=True)
class Distances:
    """Each day's distance from the baseline [spreads], and how many days that rests on."""

    z: Floats
    kept: Floats  # (features, days) winsorised values
    count: Floats  # (features, days)


@dataclass(slots=True)
class Scores:
    """Arrays over days; see `ScoreStream`. `smooth` is (days, features), `sums` (days, cases)."""

    composite: Floats
    frozen: Floats
    mewma: Floats
    log_e: Floats
    unseen: Floats
    baseline_days: Floats
    smooth: Floats
    variance: Floats
    wealth: Floats
    sums: Floats


def distances(days: Days, norms: Norms, design: Design = DESIGN) -> Distances:
    """Return how far each day is from the person's own rolling lagged baseline."""
    values = np.ascontiguousarray(norms.adjusted(days).T)
    weekend = np.ascontiguousarray(weekday(days.day) >= 5)
    centre, spread, count, kept = (np.empty(values.shape) for _ in range(4))
    lagged_baseline(
        values, kept, weekend, 0, design.window, design.lag, norms.prior, norms.memory,
        centre, spread, count,
    )  # fmt: skip
    z = np.ascontiguousarray(((kept - centre) / spread).T)
    return Distances(z, kept, count)


@dataclass(slots=True)
class Walk:
    """A walk through one person's days.

    Parameters
    ----------
    features, norms, design
        What is watched, and what is usual.
    frozen : (int, int), optional
        Local day numbers [first, end) of the frozen baseline.
    """

    features: Features
    norms: Norms
    design: Design = DESIGN
    frozen: tuple[int, int] | None = None
    _scores: Scores | None = field(default=None, init=False)

    def go(self, days: Days) -> Scores:
        """Walk on to the end of `days`, whose first days are those walked already.

        Raises
        ------
        ValueError
            If there are fewer days than before.
        """
        start = 0 if self._scores is None else self._scores.composite.size
        if len(days.values) < start:
            raise ValueError("a walk goes forward: days that were walked are missing")
        found = self._room(len(days.values))
        own = distances(days, self.norms, self.design)
        self._rolling(found, own, days, start)
        self._frozen(found, own, days)
        _count_unseen(days, found.unseen)
        found.baseline_days[:] = own.count.mean(axis=0)
        self._scores = found
        return found

    def _room(self, count: int) -> Scores:
        wide, bets = len(self.features.names), BETS.size
        before = self._scores
        sizes = {"smooth": (wide,), "variance": (wide,), "wealth": (bets,), "sums": (CASES,)}
        made = {}
        for name in Scores.__dataclass_fields__:
            made[name] = np.zeros((count, *sizes.get(name, ())))
            if before is not None:
                old = getattr(before, name)
                made[name][: len(old)] = old
        return Scores(**made)

    def _extra(self, days: Days) -> Floats:
        """Return what absence says: in one case nothing, in the other what it usually says."""
        out, told = np.zeros((len(days.values), CASES)), np.zeros(len(days.values))
        d = self.design
        absence(
            self.features.gone(days.values), days.excused, 0, d.window, d.lag,
            self.norms.absence, self.norms.stick, d.absence_days, d.odds, told,
        )  # fmt: skip
        out[:, 1] = told
        return out

    def _rolling(self, found: Scores, own: Distances, days: Days, start: int) -> None:
        d, norms = self.design, self.norms
        toward, amount = self._evidence(own.z)
        extra = self._extra(days)
        composite_cusum(
            toward, amount, extra, d.shift, norms.memory, d.hold, start,
            found.sums, found.composite,
        )  # fmt: skip
        mewma(
            own.z, norms.correlation, d.rate, norms.memory, d.floor, start,
            found.smooth, found.variance, found.mewma,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            day_score = np.where(amount > 0, toward / np.sqrt(amount), np.nan)
        e_detector(
            day_score, BETS, d.e_bound, norms.carry, d.margin, start, found.wealth, found.log_e
        )

    def _evidence(self, z: Floats) -> tuple[Floats, Floats]:
        toward, amount = np.zeros(len(z)), np.zeros(len(z))
        worse = self.features.worse.astype(np.float64)
        day_evidence(z, worse, self.norms.ridged, 0, toward, amount)
        return toward / self.norms.scale, amount / self.norms.scale

    def _frozen(self, found: Scores, own: Distances, days: Days) -> None:
        found.frozen[:] = np.nan
        if self.frozen is None:
            return
        first, end = (min(max(0, day - days.first), len(days.values)) for day in self.frozen)
        if end <= first or end >= len(days.values):
            return
        centre, spread = np.empty(own.kept.shape), np.empty(own.kept.shape)
        weekend = np.ascontiguousarray(weekday(days.day) >= 5)
        fixed_baseline(
            own.kept, weekend, first, end, self.norms.prior, self.norms.memory, centre, spread
        )
        values = self.norms.adjusted(days).T
        z = np.clip((values - centre) / spread, -self.design.bound, self.design.bound)
        toward, amount = self._evidence(np.ascontiguousarray(z.T[end:]))
        out, extra = np.zeros(len(days.values) - end), self._extra(days)[end:]
        composite_cusum(
            toward, amount, extra, self.design.shift, self.norms.memory, self.design.hold, 0,
            np.zeros(extra.shape), out,
        )  # fmt: skip
        found.frozen[end:] = out


def _count_unseen(days: Days, out: Floats) -> None:
    """Count days in a row without any value; excused ones neither count nor end a row."""
    seen: Mask = np.asarray(np.isfinite(days.values).any(axis=1))
    row = 0
    for t in range(seen.size):
        if seen[t]:
            row = 0
        elif not days.excused[t]:
            row += 1
        out[t] = row
