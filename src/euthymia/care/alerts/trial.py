"""What a policy costs and catches on a cohort whose relapses are known, beside plain snoozing.

Plain snoozing is what most products do: each detector over its line is an alert, and is quiet for
so many days after each. Both see the same scores, of norms and lines that were set on other people
(five folds). Somebody deals with each alert a day after it is shown: snoozed there, resolved here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.alerts.cases import Assumed
from euthymia.care.alerts.contract import Alert, DayScores, Signal
from euthymia.care.alerts.engine import run
from euthymia.care.alerts.lifecycle import Move
from euthymia.care.alerts.policy import Policy
from euthymia.care.alerts.signals import day_signals, nominal
from euthymia.care.monitor import norms as norming
from euthymia.care.monitor.contract import Lines
from euthymia.care.monitor.evaluate import FOLDS, START, Relapse, Trial
from euthymia.care.monitor.lines import FROM_DAY, set_lines, watched
from euthymia.care.monitor.score import Scores, Walk
from euthymia.care.monitor.trials import simulated
from euthymia.ground.clock import DAY_US
from euthymia.simulate.watched import Asked

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

SNOOZES: Final = (7, 14, 28)
SNOOZE_DAYS: Final = 14
"""Plain snoozing that a policy is measured against: two weeks, the middle of what is offered."""
WINDOW_DAYS: Final = 28
UNSEEN_DAYS: Final = 7
PANEL: Final = 50  # patients of one clinician


@dataclass(frozen=True, slots=True)
class Scored:
    """One cohort's days as the engine is told them, person by person, and its relapses."""

    days: tuple[tuple[DayScores, ...], ...]
    well: tuple[Mask, ...]
    relapses: tuple[Relapse, ...]
    simulated: bool


def scored(asked: Trial, budget_days: float, seed: int) -> Scored:
    """Score a cohort: each person by norms and lines of other people."""
    panel = asked.panel
    count = len(panel.people)
    fold = np.random.default_rng(seed).permutation(count) % FOLDS
    found: list[tuple[DayScores, ...]] = [()] * count
    for number in range(FOLDS):
        others, these = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        usual = norming.fit(panel.some(others))
        walks = [Walk(panel.features, usual).go(days) for days in panel.people]
        judged = [
            watched(w.composite, w.mewma, well) for w, well in zip(walks, panel.well, strict=True)
        ]
        lines = set_lines([judged[i] for i in others], budget_days, START)
        for i in these:
            found[i] = _days(panel.people[i].values, panel.people[i].excused, walks[i], lines)
    return Scored(tuple(found), panel.well, asked.relapses, asked.simulated)


def _days(
    values: NDArray[np.float64], excused: Mask, walk: Scores, lines: Lines
) -> tuple[DayScores, ...]:
    seen = np.isfinite(values).mean(axis=1)
    drift, pattern = walk.composite / lines.composite, walk.mewma / lines.mewma
    drift[:FROM_DAY] = pattern[:FROM_DAY] = np.nan
    return tuple(
        DayScores(
            t, drift[t], np.nan, pattern[t], np.nan, walk.unseen[t], seen[t], bool(excused[t])
        )
        for t in range(len(values))
    )


def snoozing(cohort: Scored, days: int) -> list[Counts]:
    """Return how many alerts each person raises on each day under plain snoozing."""
    found = []
    for person in cohort.days:
        shown = np.zeros(len(person), np.int64)
        quiet = [-1, -1, -1]
        for t in range(FROM_DAY, len(person)):
            day = person[t]
            over = (day.drift >= 1, day.pattern >= 1, day.unseen_days >= UNSEEN_DAYS)
            for place, met in enumerate(over):
                if met and t > quiet[place]:
                    shown[t] += 1
                    quiet[place] = t + days
        found.append(shown)
    return found


def under_policy(cohort: Scored, policy: Policy) -> list[Counts]:
    """Return the same under a policy: every time an alert is shown, or comes back."""
    signals: list[Signal] = []
    most = max(len(days) for days in cohort.days)
    for place, days in enumerate(cohort.days):
        name = f"{place:06d}"
        signals.append(Signal("owner", name, 0, "owner", 0, words=f"c-{place // PANEL}"))
        signals += day_signals(name, days)
    alerts = run(
        [(0, policy)],
        signals,
        (),
        zone="UTC",
        start=nominal(FROM_DAY - 1),
        until=nominal(most) + DAY_US,
        assumed=Assumed(answer_us=DAY_US),
    )
    found = [np.zeros(len(days), np.int64) for days in cohort.days]
    for alert in alerts:
        for at in shows_of(alert):
            day = min(at // DAY_US - 1, len(found[int(alert.subject)]) - 1)
            found[int(alert.subject)][day] += 1
    return found


def shows_of(alert: Alert) -> list[int]:
    """Return the instants at which an alert was put before somebody: shown, or come back."""
    return [step.at for step in alert.history if step.move in (Move.SHOW, Move.WAKE)]


@dataclass(frozen=True, slots=True)
class Row:
    """What one way of alerting costs and catches."""

    name: str
    alerts: int
    per_100_days: float
    false_per_100_days: float  # on relapse-free days
    hits: int  # relapses of `relapses` before whose 28th day an alert was shown
    relapses: int
    chance: float  # of a relapse-free stretch of that length
    lead_days: float | None  # median, from the onset

    @property
    def caught(self) -> float:
        """Share of the relapses that were caught within `WINDOW_DAYS` of the onset."""
        return self.hits / max(1, self.relapses)

    def plain(self) -> dict[str, Any]:
        """Return the row as it is printed."""
        kept: dict[str, Any] = {"name": self.name, "alerts": self.alerts}
        kept |= {"caught": self.hits, "relapses": self.relapses}
        return kept | {
            "per_100_patient_days": round(self.per_100_days, 3),
            "false_per_100_relapse_free_days": round(self.false_per_100_days, 3),
            "caught_28d": round(self.caught, 4),
            "chance_28d": round(self.chance, 4),
            "median_days_from_onset": self.lead_days,
        }


def row(name: str, cohort: Scored, shown: Sequence[Counts]) -> Row:
    """Return the figures of one way of alerting."""
    alerts = int(sum(int(n.sum()) for n in shown))
    days = sum(max(0, n.size - FROM_DAY) for n in shown)
    false = sum(int(n[well].sum()) for n, well in zip(shown, cohort.well, strict=True))
    delays = []
    for r in cohort.relapses:
        if r.onset < FROM_DAY or r.onset + WINDOW_DAYS > shown[r.person].size:
            continue
        hits = np.flatnonzero(shown[r.person][r.onset : r.onset + WINDOW_DAYS])
        delays.append(float(hits[0]) if hits.size else np.inf)
    found = np.array(delays)
    caught = found[np.isfinite(found)]
    return Row(
        name=name,
        alerts=alerts,
        per_100_days=100 * alerts / days,
        false_per_100_days=100 * false / max(1, sum(int(w.sum()) for w in cohort.well)),
        hits=int(caught.size),
        relapses=int(found.size),
        chance=_chance(cohort, shown),
        lead_days=float(np.median(caught)) if caught.size else None,
    )


def _chance(cohort: Scored, shown: Sequence[Counts]) -> float:
    hit = every = 0
    ones = np.ones(WINDOW_DAYS, np.int64)
    for counts, well in zip(shown, cohort.well, strict=True):
        if well.size >= WINDOW_DAYS:
            inside = np.convolve(well, ones, "valid") == WINDOW_DAYS
            hit += int((inside & (np.convolve(counts, ones, "valid") > 0)).sum())
            every += int(inside.sum())
    return hit / every if every else 0.0


def over_seeds(
    asked: Asked, seeds: Sequence[int], budget_days: float, policy: Policy
) -> dict[str, Any]:
    """Return the tables of several cohorts, and what all of them together save and lose."""
    found, plain, ours = [], [0, 0, 0], [0, 0, 0]
    for seed in seeds:
        cohort = scored(simulated(replace(asked, seed=seed)), budget_days, seed)
        told = table(cohort, policy)
        found.append({"seed": seed, **told})
        base = next(r for r in told["rows"] if r["name"] == told["against"])
        for sums, each in ((ours, told["rows"][0]), (plain, base)):
            sums[0] += each["alerts"]
            sums[1] += each["caught"]
            sums[2] += each["relapses"]
    return {
        "policy": policy.label,
        "digest": policy.digest,
        "budget_days": budget_days,
        "against": f"plain snoozing, {SNOOZE_DAYS} days",
        "fewer_alerts": round(1 - ours[0] / plain[0], 4) if plain[0] else None,
        "recall_points": round(100 * (ours[1] / ours[2] - plain[1] / plain[2]), 2)
        if ours[2]
        else None,
        "relapses": ours[2],
        "cohorts": found,
        "simulated": True,
    }


def table(cohort: Scored, policy: Policy) -> dict[str, Any]:
    """Return the policy beside plain snoozing, and what the policy saves and loses by it."""
    rows = [row(f"plain snoozing, {d} days", cohort, snoozing(cohort, d)) for d in SNOOZES]
    ours = row(policy.label, cohort, under_policy(cohort, policy))
    plain = rows[SNOOZES.index(SNOOZE_DAYS)]
    return {
        "rows": [ours.plain(), *(r.plain() for r in rows)],
        "against": plain.name,
        "fewer_alerts": round(1 - ours.alerts / plain.alerts, 4) if plain.alerts else None,
        "recall_points": round(100 * (ours.caught - plain.caught), 2),
        "relapses": len(cohort.relapses),
        "simulated": cohort.simulated,
    }
