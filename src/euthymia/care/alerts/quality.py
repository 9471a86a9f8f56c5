"""Burden and benefit of alerts, measured: how many, how many true, how soon, what came of them.

Shares and rates carry 95 % intervals from drawing people, not days, anew (2,000 times, one seed);
where nothing or everything was counted, which no draw can vary, exact ones (Clopper & Pearson 1934,
Garwood 1936). Figures of fewer than `SMALLEST` people are not told, nor a group's figure that fewer
have part in, and what would follow from the others by subtraction is left out with them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from euthymia.care.alerts.contract import CLINIC, Alert, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import CONTACTS, OVER, OVERRIDES, Move
from euthymia.care.alerts.policy import Outcome
from euthymia.care.alerts.replay import Event, Figures, Window, figures, patient_days, shows
from euthymia.ground.clock import DAY_US, Micros

Floats = NDArray[np.float64]

SMALLEST: Final = 10  # people: the usual rule for published counts of patients
TOO_FEW: Final = "in groups of fewer than ten"
T = TypeVar("T")
FEWEST_ALERTS: Final = 20  # of a clinician, for a slope over time
DRAWS: Final = 2000
SEED: Final = 20_260_101
TAIL: Final = 0.025
SHARES: Final = {
    ("true", "judged"), ("caught", "events"), ("silent", "events"),
    ("taken", "first"), ("spoken", "done"), ("overridden", "done"),
}  # fmt: skip
HOUR_US: Final = 3_600_000_000
TAKEN_WITHIN_US: Final = DAY_US
MEASURED_FROM_DAYS: Final = 14  # a questionnaire asks about two weeks
_REACTIONS: Final = (Move.ACKNOWLEDGE, Move.SNOOZE, Move.SILENCE, Move.REASSIGN, Move.RESOLVE)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the board is made of. `groups`: per person {"sex": "female", ...}."""

    alerts: Sequence[Alert]
    signals: Sequence[Signal]
    events: Sequence[Event]
    outcome: Outcome
    window: Window
    groups: Mapping[str, Mapping[str, str]]
    policy: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Counts:
    """Sums of each person, in the order of `people`: what shares and rates are made of."""

    people: tuple[str, ...]
    columns: Mapping[str, Floats]

    def only(self, values: Mapping[str, str], value: str) -> "_Counts":
        """Return the people who have this value."""
        keep = np.array([values[who] == value for who in self.people], np.bool_)
        people = tuple(who for who in self.people if values[who] == value)
        return _Counts(people, {name: column[keep] for name, column in self.columns.items()})


def board(seen: Seen) -> dict[str, Any]:
    """Return the quality board of a window; see `docs/alerts.md` for each figure."""
    about = [a for a in seen.alerts if a.subject != CLINIC]
    counts = _counts(seen, about)
    whole = figures(
        seen.policy, seen.digest, seen.alerts, seen.signals, seen.events, seen.outcome, seen.window
    )
    return {
        "policy": seen.policy,
        "people": _told(counts, len(counts.people)),
        **_burden(counts, whole),
        **_truth(counts, whole),
        "times_h": _times(about, seen.window),
        "overrides": _overrides(about, seen.window),
        "alerts_per_episode": _ratio(counts, "shown", "episodes"),
        "habituation": _habituation(about, seen.window),
        "contact": _contact(about, seen, counts),
        "groups": _groups(seen, counts),
    }


def _counts(seen: Seen, about: Sequence[Alert]) -> _Counts:
    """Return each person's sums over the window."""
    days = patient_days(seen.signals, seen.window)
    people = tuple(sorted(set(days) | {a.subject for a in about if shows(a, seen.window)}))
    place = {who: i for i, who in enumerate(people)}
    names = (
        "days", "shown", "episodes", "judged", "true", "events", "caught", "silent",
        "first", "taken", "done", "spoken", "overridden",
        *(tier.value for tier in Tier),
    )  # fmt: skip
    columns = {name: np.zeros(len(people)) for name in names}
    for who, n in days.items():
        columns["days"][place[who]] = n
    span = seen.outcome.window_days * DAY_US
    when: dict[str, list[Micros]] = {}
    for event in seen.events:
        when.setdefault(event.subject, []).append(event.at)
    for alert in about:
        shown = shows(alert, seen.window)
        if not shown:
            continue
        at = place[alert.subject]
        columns["shown"][at] += len(shown)
        columns["episodes"][at] += 1
        columns[alert.tier.value][at] += len(shown)
        followed = [t for t in shown if t + span <= seen.window.end]
        columns["judged"][at] += len(followed)
        hits = when.get(alert.subject, ())
        columns["true"][at] += sum(any(t < e <= t + span for e in hits) for t in followed)
        _add_answers(alert, shown[0], seen.window, at, columns)
    _add_events(seen, about, place, columns, span)
    return _Counts(people, columns)


def _add_answers(
    alert: Alert, at: Micros, window: Window, row: int, columns: Mapping[str, Floats]
) -> None:
    """Add what people did with an alert that was first shown at `at`."""
    if at + TAKEN_WITHIN_US <= window.end:
        step = _first(alert, _REACTIONS, at)
        columns["first"][row] += 1
        columns["taken"][row] += step is not None and step.at - at <= TAKEN_WITHIN_US
    done = _first(alert, (Move.RESOLVE,), at)
    if done is not None:
        columns["done"][row] += 1
        columns["spoken"][row] += done.reason in CONTACTS
        columns["overridden"][row] += done.reason in OVERRIDES


def _add_events(
    seen: Seen,
    about: Sequence[Alert],
    place: Mapping[str, int],
    columns: Mapping[str, Floats],
    span: int,
) -> None:
    own: dict[str, list[Alert]] = {}
    for alert in about:
        own.setdefault(alert.subject, []).append(alert)
    for event in seen.events:
        if event.at - span < seen.window.start or event.at >= seen.window.end:
            continue
        if event.subject not in place:
            continue
        at, alerts = place[event.subject], own.get(event.subject, [])
        before = Window(event.at - span, event.at)
        columns["events"][at] += 1
        columns["caught"][at] += any(shows(a, before) for a in alerts)
        columns["silent"][at] += not any(_stood(a, before) for a in alerts)


def _stood(alert: Alert, window: Window) -> bool:
    """Tell whether it was raised or came back in a window, or was not over when that began.

    What became of it since says nothing: the questionnaire that is the worsening raises one too.
    """
    begun = [step for step in alert.history if step.at < window.start]
    return bool(begun and begun[-1].state not in OVER) or any(
        window.holds(step.at) and step.move in {Move.RAISE, Move.RETURN} for step in alert.history
    )


def _told(counts: _Counts, figure: T) -> T | None:
    """Return a figure about the patients; None of too few people."""
    return figure if len(counts.people) >= SMALLEST else None


@lru_cache(maxsize=1)
def _drawn(n: int) -> NDArray[np.float64]:
    """Return how often each of n people is drawn in each draw: the same for every figure."""
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS)
    return drawn.astype(np.float64)


def _ratio(counts: _Counts, top: str, under: str, scale: float = 1.0) -> dict[str, Any] | None:
    """Return a ratio of sums with its interval by person; None of too few people."""
    if len(counts.people) < SMALLEST:
        return None
    a, b = counts.columns[top], counts.columns[under]
    if b.sum() == 0:
        return {"estimate": None, "low": None, "high": None, "of": 0}
    drawn = _drawn(len(counts.people))
    below = drawn @ b
    found = scale * (drawn @ a)[below > 0] / below[below > 0]
    low, high = (float(limit) for limit in np.quantile(found, [0.025, 0.975]))
    had = int((b > 0).sum())  # people, not alerts: those of one person are not so many proofs
    if not a.any():
        high = 1 - TAIL ** (1 / had) if (top, under) in SHARES else -scale * log(TAIL) / b.sum()
    elif (top, under) in SHARES and a.sum() == b.sum():
        low = TAIL ** (1 / had)
    return {
        "estimate": round(scale * float(a.sum() / b.sum()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "of": int(b.sum()),
    }


def _burden(counts: _Counts, whole: Figures) -> dict[str, Any]:
    return {
        "patient_days": whole.patient_days,
        "alerts": whole.alerts,
        "alerts_per_100_patient_days": _ratio(counts, "shown", "days", 100),
        "by_tier": {tier.value: _ratio(counts, tier.value, "days", 100) for tier in Tier},
        "escalations": whole.escalations,
        "held_back": dict(whole.held),
    }


def _truth(counts: _Counts, whole: Figures) -> dict[str, Any]:
    ppv = _ratio(counts, "true", "judged")
    value = ppv and ppv["estimate"]
    return {
        "ppv": ppv,
        "number_needed_to_evaluate": round(1 / value, 2) if value else None,
        "worsenings": _told(counts, whole.events),
        "caught": _ratio(counts, "caught", "events"),
        "caught_by_chance": _told(counts, round(whole.chance, 4)),
        "median_lead_days": _told(counts, whole.lead_days),
        "silent_misses": _ratio(counts, "silent", "events"),
    }


# -- people's time ---------------------------------------------------------------------------------


def _first(alert: Alert, moves: Sequence[Move], since: Micros) -> Step | None:
    return next((s for s in alert.history if s.move in moves and s.at >= since and s.by), None)


def _shown_first(about: Sequence[Alert], window: Window) -> list[tuple[Alert, Micros]]:
    return [(alert, times[0]) for alert in about if (times := shows(alert, window))]


def _times(about: Sequence[Alert], window: Window) -> dict[str, Any]:
    """Return hours from the first showing to the first look, taking and resolution."""
    kinds = {
        "view": (Move.VIEW, *_REACTIONS),
        "acknowledge": _REACTIONS,
        "act": (Move.RESOLVE,),
    }
    found: dict[str, Any] = {}
    shown = _shown_first(about, window)
    for name, moves in kinds.items():
        hours = [
            (step.at - at) / HOUR_US
            for alert, at in shown
            if (step := _first(alert, moves, at)) is not None
        ]
        found[name] = {
            "done": len(hours),
            "of": len(shown),
            "median": round(float(np.median(hours)), 2) if hours else None,
            "p90": round(float(np.quantile(hours, 0.9)), 2) if hours else None,
        }
    return found


def _overrides(about: Sequence[Alert], window: Window) -> dict[str, Any]:
    """Count resolutions by reason, and the share that says the alert should not have been."""
    reasons = Counter(
        step.reason
        for alert in about
        for step in alert.history
        if step.move is Move.RESOLVE and step.by and window.holds(step.at)
    )
    resolved = sum(reasons.values())
    wrong = sum(n for reason, n in reasons.items() if reason in OVERRIDES)
    return {
        "resolved": resolved,
        "overridden": wrong,
        "share": round(wrong / resolved, 4) if resolved else None,
        "by_reason": dict(sorted(reasons.items())),
    }


def _habituation(about: Sequence[Alert], window: Window) -> dict[str, Any]:
    """Return, per clinician, how the share taken within a day changes in 30 days (a slope)."""
    by: dict[str, list[tuple[float, float]]] = {}
    for alert, at in _shown_first(about, window):
        if at + TAKEN_WITHIN_US > window.end:
            continue
        to = next((s.to for s in alert.history if s.move is Move.SHOW and s.at == at), "")
        step = _first(alert, _REACTIONS, at)
        taken = step is not None and step.at - at <= TAKEN_WITHIN_US
        by.setdefault(to or "nobody", []).append(((at - window.start) / DAY_US, float(taken)))
    return {who: _slope(points) for who, points in sorted(by.items())}


def _slope(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    told: dict[str, Any] = {"alerts": len(points), "per_30_days": None, "low": None, "high": None}
    days, taken = np.array(points, np.float64).T
    if len(points) < FEWEST_ALERTS or np.ptp(days) == 0:
        return told | {"because": f"fewer than {FEWEST_ALERTS} alerts"}
    away = days - days.mean()
    slope = float(away @ taken / (away @ away))
    left = taken - taken.mean() - slope * away
    weight = away**2 / (away @ away) ** 2  # robust to unequal variance (HC0)
    error = float(np.sqrt(weight @ left**2))
    low, high = (30 * (slope + side * 1.96 * error) for side in (-1, 1))
    return told | {
        "per_30_days": round(30 * slope, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "taken_within_a_day": round(float(taken.mean()), 4),
    }


# -- what came of it -------------------------------------------------------------------------------


def _contact(about: Sequence[Alert], seen: Seen, counts: _Counts) -> dict[str, Any]:
    """Return how many alerts led to a contact, with a measured change, and where none did."""
    totals: dict[str, list[tuple[Micros, float]]] = {}
    for signal in sorted(seen.signals, key=lambda s: s.at):
        if signal.kind == "score" and signal.value is not None:
            totals.setdefault(signal.subject, []).append((signal.at, signal.value))
    shown = _shown_first(about, seen.window)
    contacts, changes, felt, without = 0, [], Counter[str](), 0
    for alert, at in shown:
        done = _first(alert, (Move.RESOLVE,), at)
        if done is None:
            continue
        if done.reason not in CONTACTS:
            without += 1
            continue
        contacts += 1
        felt[done.felt or "not asked"] += 1
        own = totals.get(alert.subject, [])
        before = [v for t, v in own if t <= at]
        later = [v for t, v in own if t >= at + MEASURED_FROM_DAYS * DAY_US]
        if before and later:
            changes.append(later[0] - before[-1])
    days = float(counts.columns["days"].sum())
    return {
        "with_contact": contacts,
        "resolved_without_contact": without,
        "contacts_per_100_patient_days": round(100 * contacts / days, 4) if days else None,
        "with_measured_change": len(changes),
        "mean_change": round(float(np.mean(changes)), 2) if len(changes) >= SMALLEST else None,
        "felt": dict(felt) if contacts >= SMALLEST else None,
        "halves": _halves(shown, seen.window),
    }


def _halves(shown: Sequence[tuple[Alert, Micros]], window: Window) -> list[dict[str, Any]]:
    """Return the share with a contact in both halves of the window: where screens replace calls."""
    middle = (window.start + window.end) // 2
    found = []
    for half in (Window(window.start, middle), Window(middle, window.end)):
        own = [(a, at) for a, at in shown if half.holds(at)]
        spoken = sum(
            (step := _first(a, (Move.RESOLVE,), at)) is not None and step.reason in CONTACTS
            for a, at in own
        )
        share = round(spoken / len(own), 4) if len(own) >= SMALLEST else None
        found.append({"alerts": len(own), "with_contact": share})
    return found


# -- groups ----------------------------------------------------------------------------------------


def _groups(seen: Seen, counts: _Counts) -> dict[str, Any]:
    """Return the main figures by group; of small groups nothing, and of none that tells on one."""
    attributes = sorted({name for own in seen.groups.values() for name in own})
    found: dict[str, Any] = {}
    for name in attributes:
        values = {who: seen.groups.get(who, {}).get(name, "not known") for who in counts.people}
        hidden = _hidden(Counter(values.values()))
        own = {
            value: counts.only(values, value)
            for value in sorted(set(values.values()))
            if value not in hidden
        }
        rest = _Counts(
            tuple(who for who in counts.people if values[who] in hidden),
            {
                k: v[[values[who] in hidden for who in counts.people]]
                for k, v in counts.columns.items()
            },
        )
        found[name] = {value: {"people": len(one.people)} for value, one in own.items()}
        for figure, (top, under, scale) in _OF_GROUPS.items():
            had = {value: int((one.columns[under] > 0).sum()) for value, one in own.items()}
            few = _hidden(had, len(hidden), int((rest.columns[under] > 0).sum()))
            for value, one in own.items():
                kept = {"suppressed": True} if value in few else _ratio(one, top, under, scale)
                found[name][value][figure] = kept
        if hidden:  # which they are would tell of one person what they are
            found[name][TOO_FEW] = {"suppressed": True}
    return found


def _hidden(sizes: Mapping[str, int], others: int = 0, in_others: int = 0) -> set[str]:
    """Return the groups that are too small to be told of, and as many more as cover for them.

    Whoever knows the whole can subtract what is told: what is left, `others` with their people
    included, is never one group alone nor fewer than `SMALLEST` people.
    """
    small = {value for value, n in sizes.items() if n < SMALLEST}
    left = sorted(set(sizes) - small, key=lambda value: (sizes[value], value))
    while left and (small or others):
        people = in_others + sum(sizes[value] for value in small)
        if len(small) + others > 1 and people >= SMALLEST:
            break
        small.add(left.pop(0))
    return small


_OF_GROUPS: Final = {
    "alerts_per_100_patient_days": ("shown", "days", 100),
    **{f"{tier.value}_per_100_patient_days": (tier.value, "days", 100) for tier in Tier},
    "alerts_per_episode": ("shown", "episodes", 1),
    "ppv": ("true", "judged", 1),
    "caught": ("caught", "events", 1),
    "silent_misses": ("silent", "events", 1),
    "taken_within_a_day": ("taken", "first", 1),
    "resolved_with_contact": ("spoken", "done", 1),
    "overridden": ("overridden", "done", 1),
}
"""What is told of each group: sums over sums of the people in it."""
