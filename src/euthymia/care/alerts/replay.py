"""What a policy costs and catches on what became known: burden, caught, missed, lead time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from euthymia.care.alerts.contract import CLINIC, Alert, Signal, Tier
from euthymia.care.alerts.lifecycle import Move
from euthymia.care.alerts.policy import Outcome
from euthymia.ground.clock import DAY_US, Micros

AGAIN: Final = (Move.SHOW, Move.WAKE)
"""Moves that put an alert before somebody: the first time, and each time it comes back."""


@dataclass(frozen=True, slots=True)
class Event:
    """A worsening on record: what an alert before it would have told."""

    subject: str
    at: Micros
    what: str  # "score" or "admission"


@dataclass(frozen=True, slots=True)
class Window:
    """Instants [start, end) that are looked at."""

    start: Micros
    end: Micros

    def holds(self, at: Micros) -> bool:
        """Tell whether an instant is inside."""
        return self.start <= at < self.end


def events_of(signals: Iterable[Signal], outcome: Outcome) -> tuple[Event, ...]:
    """Return the worsenings on record, by person and time; one in each outcome window."""
    found: dict[str, list[Event]] = {}
    for signal in sorted(signals, key=lambda s: (s.subject, s.at, s.id)):
        if signal.kind == "admitted":
            event = Event(signal.subject, signal.at, "admission")
        elif signal.kind == "score" and signal.value is not None:
            if signal.value < outcome.phq9_from or signal.level < outcome.phq9_rise:
                continue
            event = Event(signal.subject, signal.at, "score")
        else:
            continue
        own = found.setdefault(signal.subject, [])
        if not own or event.at - own[-1].at > outcome.window_days * DAY_US:
            own.append(event)
    return tuple(event for own in found.values() for event in own)


def patient_days(signals: Iterable[Signal], window: Window) -> dict[str, int]:
    """Return how many days of each person were scored and became known in the window."""
    count: Counter[str] = Counter()
    for signal in signals:
        if signal.kind == "day" and window.holds(signal.at):
            count[signal.subject] += 1
    return dict(count)


def shows(alert: Alert, window: Window) -> tuple[Micros, ...]:
    """Return the instants in the window at which an alert was put before somebody."""
    return tuple(s.at for s in alert.history if s.move in AGAIN and window.holds(s.at))


@dataclass(frozen=True, slots=True)
class Figures:
    """One policy on one window. Alerts are counted as often as they were put before somebody."""

    policy: str
    digest: str
    alerts: int
    episodes: int
    by_tier: Mapping[str, int]
    escalations: int
    held: Mapping[str, int]
    patient_days: int
    per_100_days: float
    events: int
    caught: int
    chance: float
    lead_days: float | None
    true_alerts: int
    judged_alerts: int

    @property
    def ppv(self) -> float | None:
        """Share of the alerts that a worsening on record followed within the window."""
        return self.true_alerts / self.judged_alerts if self.judged_alerts else None

    def plain(self) -> dict[str, Any]:
        """Return the figures as they are printed."""
        ppv = self.ppv
        return {
            "policy": self.policy,
            "sha256": self.digest,
            "alerts": self.alerts,
            "episodes": self.episodes,
            "by_tier": dict(self.by_tier),
            "escalations": self.escalations,
            "held_back": dict(self.held),
            "patient_days": self.patient_days,
            "per_100_patient_days": round(self.per_100_days, 3),
            "events": self.events,
            "caught": self.caught,
            "missed": self.events - self.caught,
            "caught_share": round(self.caught / self.events, 4) if self.events else None,
            "caught_by_chance": round(self.chance, 4),
            "median_lead_days": self.lead_days,
            "ppv": None if ppv is None else round(ppv, 4),
            "number_needed_to_evaluate": round(1 / ppv, 2) if ppv else None,
        }


def figures(
    name: str,
    digest: str,
    alerts: Sequence[Alert],
    signals: Sequence[Signal],
    events: Sequence[Event],
    outcome: Outcome,
    window: Window,
) -> Figures:
    """Return what a policy costs and catches in a window.

    An event counts if the whole outcome window before it lies in the window looked at. The alerts
    about the clinic itself are no alerts about people and do not count.
    """
    about = [a for a in alerts if a.subject != CLINIC]
    shown = {id(a): shows(a, window) for a in about}
    by_person: dict[str, list[Micros]] = {}
    for alert in about:
        by_person.setdefault(alert.subject, []).extend(shown[id(alert)])
    span = outcome.window_days * DAY_US
    counted = [e for e in events if e.at - span >= window.start and e.at < window.end]
    leads = [
        (e.at - min(before)) / DAY_US
        for e in counted
        if (before := [t for t in by_person.get(e.subject, ()) if e.at - span <= t < e.at])
    ]
    days = sum(patient_days(signals, window).values())
    total = sum(len(s) for s in shown.values())
    judged, true = _judged(about, shown, events, window, span)
    return Figures(
        policy=name,
        digest=digest,
        alerts=total,
        episodes=sum(bool(s) for s in shown.values()),
        by_tier=_by_tier(about, shown),
        escalations=sum(
            s.move is Move.ESCALATE and window.holds(s.at) for a in about for s in a.history
        ),
        held=_held(about, shown, window),
        patient_days=days,
        per_100_days=100 * total / days if days else 0.0,
        events=len(counted),
        caught=len(leads),
        chance=_chance(by_person, patient_days(signals, window), outcome.window_days),
        lead_days=round(median(leads), 1) if leads else None,
        true_alerts=true,
        judged_alerts=judged,
    )


def _by_tier(about: Sequence[Alert], shown: Mapping[int, tuple[Micros, ...]]) -> dict[str, int]:
    count = {tier.value: 0 for tier in Tier}
    for alert in about:
        count[alert.tier.value] += len(shown[id(alert)])
    return count


def _held(
    about: Sequence[Alert], shown: Mapping[int, tuple[Micros, ...]], window: Window
) -> dict[str, int]:
    """Count the alerts that were raised in the window and never shown in it, by the last reason."""
    count = Counter(
        (a.held_for[-1] if a.held_for else "over before the round")
        for a in about
        if not shown[id(a)] and window.holds(a.raised_at)
    )
    return dict(sorted(count.items()))


def _judged(
    about: Sequence[Alert],
    shown: Mapping[int, tuple[Micros, ...]],
    events: Sequence[Event],
    window: Window,
    span: int,
) -> tuple[int, int]:
    """Return how many alerts were followed up for the whole outcome window, and how many true."""
    when: dict[str, list[Micros]] = {}
    for event in events:
        when.setdefault(event.subject, []).append(event.at)
    judged = true = 0
    for alert in about:
        for at in shown[id(alert)]:
            if at + span <= window.end:
                judged += 1
                true += any(at < e <= at + span for e in when.get(alert.subject, ()))
    return judged, true


def _chance(shown: Mapping[str, Sequence[Micros]], days: Mapping[str, int], length: int) -> float:
    """Return the share of windows in which as many alerts on days drawn by lot would fall.

    Each person keeps their own number of alerts; people count by their days.
    """
    if not days:
        return 0.0
    weights = np.array(list(days.values()), np.float64)
    found = [by_lot(len(shown.get(who, ())), n, length) for who, n in days.items()]
    return float(np.average(found, weights=weights))


def by_lot(times: int, days: int, length: int) -> float:
    """Return how likely one of some alerts on days drawn by lot falls in `length` of the days."""
    return 1.0 - (1.0 - min(1.0, length / max(days, 1))) ** times
