"""Burden and benefit of alerts, measured: how many, how many true, how soon, what came of them.

Every figure has its 95 % interval by person (`by_person`). Of a clinic of fewer than `SMALLEST`
people nothing is told about the people, nor a group's figure that fewer have part in, and what
would follow from the others by subtraction is left out with them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final, TypeVar

import numpy as np
from scipy.special import stdtrit

from euthymia.care.alerts.by_person import SMALLEST, TAIL, Kind, Sums, change, quantile, ratio
from euthymia.care.alerts.contract import CLINIC, Alert, Tier
from euthymia.care.alerts.lifecycle import OVERRIDES, Move
from euthymia.care.alerts.quality_sums import (
    FELT,
    HALVES,
    REACTIONS,
    TAKEN_WITHIN_US,
    TIMES,
    Seen,
    first_step,
    sums_of,
)
from euthymia.care.alerts.replay import Figures, Window, figures, shows
from euthymia.ground.clock import DAY_US, Micros

TOO_FEW: Final = "in groups of fewer than ten"
T = TypeVar("T")
FEWEST_ALERTS: Final = 20  # of a clinician, for a slope over time


def board(seen: Seen) -> dict[str, Any]:
    """Return the quality board of a window; see `docs/alerts.md` for each figure."""
    about = [a for a in seen.alerts if a.subject != CLINIC]
    sums = sums_of(seen, about)
    whole = figures(
        seen.policy, seen.digest, seen.alerts, seen.signals, seen.events, seen.outcome, seen.window
    )
    return {
        "policy": seen.policy,
        "people": _told(sums, len(sums.people)),
        **_burden(sums, whole),
        **_truth(sums, whole),
        "times_h": _times(sums),
        "overrides": _overrides(about, seen.window, sums),
        "alerts_per_episode": _ratio(sums, "alerts_per_episode"),
        "habituation": _habituation(about, seen.window),
        "contact": _contact(sums),
        "groups": _groups(seen, sums),
    }


def _told(sums: Sums, figure: T) -> T | None:
    """Return a figure about the patients; None of too few people."""
    return figure if len(sums.people) >= SMALLEST else None


def _ratio(sums: Sums, figure: str) -> dict[str, Any] | None:
    top, under, kind, scale = _RATIOS[figure]
    return ratio(sums, top, under, kind, scale)


def _burden(sums: Sums, whole: Figures) -> dict[str, Any]:
    return {
        "patient_days": whole.patient_days,
        "alerts": whole.alerts,
        "alerts_per_100_patient_days": _ratio(sums, "alerts_per_100_patient_days"),
        "by_tier": {tier.value: _ratio(sums, f"{tier.value}{_PER_DAYS}") for tier in Tier},
        "escalations": whole.escalations,
        "held_back": dict(whole.held),
    }


def _truth(sums: Sums, whole: Figures) -> dict[str, Any]:
    ppv = _ratio(sums, "ppv")
    return {
        "ppv": ppv,
        "number_needed_to_evaluate": ppv and _over(ppv),
        "worsenings": _told(sums, whole.events),
        "caught": _ratio(sums, "caught"),
        "caught_by_chance": _ratio(sums, "caught_by_chance"),
        "median_lead_days": quantile(sums, "lead_days", 0.5),
        "silent_misses": _ratio(sums, "silent_misses"),
    }


def _over(share: Mapping[str, Any]) -> dict[str, Any]:
    """Return one over a share: how many alerts there are to one that is true."""
    ends = {"estimate": "estimate", "low": "high", "high": "low"}
    turned = {name: share[end] for name, end in ends.items()}
    return {name: round(1 / v, 2) if v else None for name, v in turned.items()} | {
        "of": share["of"]
    }


# -- people's time ---------------------------------------------------------------------------------


def _shown_first(about: Sequence[Alert], window: Window) -> list[tuple[Alert, Micros]]:
    return [(alert, times[0]) for alert in about if (times := shows(alert, window))]


def _times(sums: Sums) -> dict[str, Any]:
    """Return hours to the first look, taking and resolution, of the alerts that had them."""
    return {
        name: {
            "done": int(sums.values[f"hours_to_{name}"][1].size),
            "of": int(sums.columns["episodes"].sum()),
            "median": quantile(sums, f"hours_to_{name}", 0.5),
            "p90": quantile(sums, f"hours_to_{name}", 0.9),
        }
        for name in TIMES
    }


def _overrides(about: Sequence[Alert], window: Window, sums: Sums) -> dict[str, Any]:
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
        "share": _ratio(sums, "overridden_share"),
        "by_reason": dict(sorted(reasons.items())),
    }


def _habituation(about: Sequence[Alert], window: Window) -> dict[str, Any]:
    """Return, per clinician, how the share taken within a day changes in 30 days (a slope)."""
    by: dict[str, list[tuple[float, float, str]]] = {}
    for alert, at in _shown_first(about, window):
        if at + TAKEN_WITHIN_US > window.end:
            continue
        to = next((s.to for s in alert.history if s.move is Move.SHOW and s.at == at), "")
        step = first_step(alert, REACTIONS, at)
        taken = step is not None and step.at - at <= TAKEN_WITHIN_US
        day = (at - window.start) / DAY_US
        by.setdefault(to or "nobody", []).append((day, float(taken), alert.subject))
    return {who: _slope(points) for who, points in sorted(by.items())}


def _slope(points: Sequence[tuple[float, float, str]]) -> dict[str, Any]:
    """Return the slope of (day, taken or not, whose alert), its interval by patient.

    Least squares; a patient's alerts are not so many proofs, and patients are few: the error is the
    jackknife's over patients, with Student's t (Cameron & Miller 2015, doi:10.3368/jhr.50.2.317).
    """
    told: dict[str, Any] = {"alerts": len(points), "per_30_days": None, "low": None, "high": None}
    if len(points) < FEWEST_ALERTS:
        return told | {"because": f"fewer than {FEWEST_ALERTS} alerts"}
    patients, whose = np.unique([point[2] for point in points], return_inverse=True)
    if patients.size < SMALLEST:
        return told | {"because": f"alerts of fewer than {SMALLEST} patients"}
    days, taken = np.array([point[:2] for point in points], np.float64).T
    away = days - days.mean()
    parts = [np.bincount(whose, part) for part in (away**0, away, taken, away**2, away * taken)]
    n, x, y, xx, xy = (part.sum() - np.r_[0.0, part] for part in parts)  # all, then all but each
    wide = xx - x * x / n
    if (wide <= 1e-9 * (1 + days.max() ** 2)).any():
        return told | {"because": "alerts of one day"}
    slopes = (xy - x * y / n) / wide
    spread = slopes[1:] - slopes[0]
    error = sqrt((1 - 1 / patients.size) * float(spread @ spread))
    margin = -float(stdtrit(patients.size - 1, TAIL)) * error
    low, slope, high = (30 * (float(slopes[0]) + side * margin) for side in (-1, 0, 1))
    return told | {
        "per_30_days": round(slope, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "taken_within_a_day": round(float(taken.mean()), 4),
    }


# -- what came of it -------------------------------------------------------------------------------


def _contact(sums: Sums) -> dict[str, Any]:
    """Return how many alerts led to a contact, with a measured change, and where none did.

    `halves` and `change_of_contact`: the share of alerts with a contact in both halves of the
    window; where it falls, screens replace calls.
    """
    count = {
        name: int(sums.columns[name].sum()) for name in ("spoken", "done", "measured", "asked")
    }
    halves = [
        {
            "alerts": int(sums.columns[f"{half}_half"].sum()),
            "with_contact": _ratio(sums, f"{half}_half_contact"),
        }
        for half in HALVES
    ]
    first, second = ((f"{half}_spoken", f"{half}_half") for half in HALVES)
    return {
        "with_contact": count["spoken"],
        "resolved_without_contact": count["done"] - count["spoken"],
        "contacts_per_100_patient_days": _ratio(sums, "contacts_per_100_patient_days"),
        "with_measured_change": count["measured"],
        "mean_change": _ratio(sums, "mean_change"),
        "not_asked_how_they_feel": count["spoken"] - count["asked"],
        "felt": {how: _ratio(sums, f"felt_{how}") for how in FELT},
        "halves": halves,
        "change_of_contact": change(sums, first, second),
    }


# -- groups ----------------------------------------------------------------------------------------


def _groups(seen: Seen, sums: Sums) -> dict[str, Any]:
    """Return the main figures by group; of small groups nothing, and of none that tells on one."""
    attributes = sorted({name for own in seen.groups.values() for name in own})
    found: dict[str, Any] = {}
    for name in attributes:
        values = [seen.groups.get(who, {}).get(name, "not known") for who in sums.people]
        hidden = _hidden(Counter(values))
        group = np.array(values, object)
        own = {v: sums.only(group == v) for v in sorted(set(values)) if v not in hidden}
        rest = sums.only(np.isin(group, list(hidden)))
        found[name] = {value: {"people": len(one.people)} for value, one in own.items()}
        for figure in OF_GROUPS:
            had = {value: one.having(_part_in(figure)) for value, one in own.items()}
            few = _hidden(had, len(hidden), rest.having(_part_in(figure)))
            for value, one in own.items():
                told = {"suppressed": True} if value in few else _figure(one, figure)
                found[name][value][figure] = told
        if hidden:  # which they are would tell of one person what they are
            found[name][TOO_FEW] = {"suppressed": True}
    return found


def _part_in(figure: str) -> str:
    """Return what a person must have to have part in a figure."""
    return _QUANTILES[figure][0] if figure in _QUANTILES else _RATIOS[figure][1]


def _figure(sums: Sums, figure: str) -> dict[str, Any] | None:
    return quantile(sums, *_QUANTILES[figure]) if figure in _QUANTILES else _ratio(sums, figure)


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


_PER_DAYS: Final = "_per_100_patient_days"
_RATIOS: Final[dict[str, tuple[str, str, Kind, float]]] = {
    f"alerts{_PER_DAYS}": ("shown", "days", Kind.RATE, 100),
    **{f"{tier.value}{_PER_DAYS}": (tier.value, "days", Kind.RATE, 100) for tier in Tier},
    "alerts_per_episode": ("shown", "episodes", Kind.MEAN, 1),
    "ppv": ("true", "judged", Kind.SHARE, 1),
    "caught": ("caught", "events", Kind.SHARE, 1),
    "caught_by_chance": ("by_lot", "days", Kind.MEAN, 1),
    "silent_misses": ("silent", "events", Kind.SHARE, 1),
    "taken_within_a_day": ("taken", "first", Kind.SHARE, 1),
    "resolved_with_contact": ("spoken", "done", Kind.SHARE, 1),
    "overridden_share": ("resolved_wrongly", "resolved", Kind.SHARE, 1),
    f"contacts{_PER_DAYS}": ("spoken", "days", Kind.RATE, 100),
    "mean_change": ("change", "measured", Kind.MEAN, 1),
    **{f"felt_{how}": (f"felt_{how}", "asked", Kind.SHARE, 1) for how in FELT},
    **{f"{name}_share": (f"did_{name}", "episodes", Kind.SHARE, 1) for name in TIMES},
    **{f"{h}_half_contact": (f"{h}_spoken", f"{h}_half", Kind.SHARE, 1) for h in HALVES},
}
"""Figures that are sums over sums: of what, over what, what they are, and times what."""
_QUANTILES: Final = {
    "median_lead_days": ("lead_days", 0.5),
    **{
        f"hours_to_{name}_{title}": (f"hours_to_{name}", share)
        for name in TIMES
        for title, share in (("median", 0.5), ("p90", 0.9))
    },
}
OF_GROUPS: Final = (
    f"alerts{_PER_DAYS}", *(f"{tier.value}{_PER_DAYS}" for tier in Tier), "alerts_per_episode",
    "ppv", "caught", "caught_by_chance", "median_lead_days", "silent_misses",
    *(f"{name}_share" for name in TIMES), *(n for n in _QUANTILES if n != "median_lead_days"),
    "taken_within_a_day", "overridden_share", "resolved_with_contact", "mean_change", "felt_better",
)  # fmt: skip
"""What is told of each group."""
