"""How many relapses a detector catches at a budget of false alarms, on people it was not set on.

Each detector gives one score a person and day. People are dealt into folds; norms and lines of a
fold come from the relapse-free days of the others. A relapse is caught within h days if an episode
*opens* on one of the h days from its onset on: an episode that was open before does not count. A
false alarm is an episode that opens on a relapse-free day; days before `FROM_DAY`, days of a
relapse and the four weeks after it are neither.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor import norms as norming
from euthymia.care.monitor.contract import Lines
from euthymia.care.monitor.lines import (
    FROM_DAY,
    Judged,
    episode_days,
    false_alarms,
    level,
    opened,
    set_lines,
    watched,
)
from euthymia.care.monitor.norms import DESIGN, Design, Norms
from euthymia.care.monitor.panel import Days, Panel
from euthymia.care.monitor.score import Walk

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WASHED_OUT: Final = 28  # days after a relapse that count neither way
HORIZONS: Final = (14, 28, 42)
FOLDS: Final = 5
START: Final = Lines(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Relapse:
    """Person (place in the panel), first day and first day after the end (places of days)."""

    person: int
    onset: int
    end: int
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A cohort whose relapses are known."""

    panel: Panel
    relapses: tuple[Relapse, ...]
    simulated: bool = True


@dataclass(frozen=True, slots=True)
class Detector:
    """A name; what it learns from a panel; and how it scores another with that.

    Scores are one (composite, MEWMA) a person; a detector of one score leaves the second at 0.
    `like` gives release and dwell of its episodes.
    """

    name: str
    learn: Callable[[Panel], Norms]
    scores: Callable[[Norms, Panel], list[tuple[Floats, Floats]]]
    like: Lines = START


def trial(panel_of: Panel, relapses: tuple[Relapse, ...], *, simulated: bool = True) -> Trial:
    """Return a trial: the panel's well days without relapses, wash-outs and first days."""
    well = [mask.copy() for mask in panel_of.well]
    for mask in well:
        mask[:FROM_DAY] = False
    for r in relapses:
        well[r.person][r.onset : r.end + WASHED_OUT] = False
    return Trial(replace(panel_of, well=tuple(well)), relapses, simulated)


def hybrid(design: Design = DESIGN) -> Detector:
    """Return the watch's own detector."""

    def scores(usual: Norms, judge: Panel) -> list[tuple[Floats, Floats]]:
        walks = [Walk(judge.features, usual, design).go(days) for days in judge.people]
        return [(w.composite, w.mewma) for w in walks]

    return Detector("hybrid", lambda panel: norming.fit(panel, design), scores)


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. Shares of relapses caught, and false alarms in `budget_days`."""

    name: str
    caught: dict[int, float]
    median_delay_days: float | None
    alarms_per_budget: float
    seconds: float
    by_shape: dict[str, float]
    chance: dict[int, float]
    relapses: int
    patient_days: int

    def plain(self) -> dict[str, Any]:
        """Return the row as it is printed."""
        return {
            "name": self.name,
            **{f"caught_{h}d": round(v, 4) for h, v in self.caught.items()},
            "median_delay_days": self.median_delay_days,
            "alarms_per_budget": round(self.alarms_per_budget, 4),
            "seconds": round(self.seconds, 3),
            **{f"chance_{h}d": round(v, 4) for h, v in self.chance.items()},
            "caught_28d_by_shape": {k: round(v, 4) for k, v in self.by_shape.items()},
            "relapses": self.relapses,
            "patient_days": self.patient_days,
        }


def judge(detector: Detector, asked: Trial, budgets: tuple[float, ...], seed: int) -> list[Result]:
    """Return the detector's figures at each budget."""
    panel = asked.panel
    count = len(panel.people)
    fold = np.random.default_rng(seed).permutation(count) % FOLDS
    alarms: dict[float, list[Mask]] = {b: [np.zeros(0, np.bool_)] * count for b in budgets}
    wrong = dict.fromkeys(budgets, 0)
    seconds = 0.0
    for number in range(FOLDS):
        others, these = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        usual = detector.learn(panel.some(others))
        began = time.process_time()
        found = detector.scores(usual, panel)
        seconds += (time.process_time() - began) / FOLDS
        judged = [watched(c, m, w) for (c, m), w in zip(found, panel.well, strict=True)]
        for budget in budgets:
            lines = set_lines([judged[i] for i in others], budget, detector.like)
            wrong[budget] += false_alarms([judged[i] for i in these], lines)[0]
            for i in these:
                alarms[budget][i] = _alarms(judged[i], lines)
    days = sum(int(w.sum()) for w in panel.well)
    return [_result(detector.name, asked, alarms[b], wrong[b] * b / days, seconds) for b in budgets]


def _alarms(who: Judged, lines: Lines) -> Mask:
    return opened(episode_days(level(who.composite, who.mewma, lines), lines))


def _result(
    name: str, asked: Trial, alarms: list[Mask], per_budget: float, seconds: float
) -> Result:
    last = max(HORIZONS)
    followed = [r for r in asked.relapses if r.onset + last <= alarms[r.person].size]
    followed = [r for r in followed if r.onset >= FROM_DAY]
    delays = np.array([_delay(alarms[r.person], r.onset) for r in followed])
    within = delays[delays < last]
    shapes = sorted({r.shape for r in followed} - {""})
    return Result(
        name=name,
        caught={h: float((delays < h).mean()) if delays.size else 0.0 for h in HORIZONS},
        median_delay_days=float(np.median(within)) if within.size else None,
        alarms_per_budget=per_budget,
        seconds=seconds,
        by_shape={
            s: float(
                np.mean([d < 28 for d, r in zip(delays, followed, strict=True) if r.shape == s])
            )
            for s in shapes
        },
        chance={h: _chance(asked.panel, alarms, h) for h in HORIZONS},
        relapses=len(followed),
        patient_days=sum(int(w.sum()) for w in asked.panel.well),
    )


def _delay(alarms: Mask, onset: int) -> float:
    """Return days from an onset to the first alarm; infinity without one."""
    found = np.flatnonzero(alarms[onset:])
    return float(found[0]) if found.size else np.inf


def _chance(panel: Panel, alarms: list[Mask], horizon: int) -> float:
    """Return the share of relapse-free stretches of this length in which an alarm falls."""
    hit, all_of_them = 0, 0
    for mask, well in zip(alarms, panel.well, strict=True):
        if mask.size < horizon:
            continue
        ones = np.ones(horizon, np.int64)
        inside = np.convolve(well, ones, "valid") == horizon
        some = np.convolve(mask, ones, "valid") > 0
        hit += int((inside & some).sum())
        all_of_them += int(inside.sum())
    return hit / all_of_them if all_of_them else 0.0


def days_of(values: Floats, first: int, away: Mask) -> Days:
    """Return one simulated person's days."""
    return Days(first, np.ascontiguousarray(values), away, away)
