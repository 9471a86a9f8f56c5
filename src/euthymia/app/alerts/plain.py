"""Alerts as plain values, for `--json`; and the sample of what was never shown."""

from datetime import date
from typing import Any

import msgspec

from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.policy_file import policy_in_force
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.care.alerts.cases import is_sampled
from euthymia.care.alerts.contract import CLINIC, Alert, Card, Desk, Line
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros, day_date, day_number, from_micros
from euthymia.ground.ids import SubjectId


def _when(at: Micros | None) -> str | None:
    return None if at is None else from_micros(at).isoformat(timespec="seconds")


def alert_plain(alert: Alert) -> dict[str, Any]:
    """Return an alert with instants as text."""
    found: dict[str, Any] = msgspec.to_builtins(alert)
    found["since"] = day_date(alert.day).isoformat() if alert.subject != CLINIC else None
    for name in (
        "raised_at", "shown_at", "due", "until", "viewed_at", "acknowledged_at", "over_at",
    ):  # fmt: skip
        found[name] = _when(getattr(alert, name))
    found["history"] = [
        {**msgspec.to_builtins(step), "at": _when(step.at), "until": _when(step.until)}
        for step in alert.history
    ]
    return found


def _line(line: Line) -> dict[str, Any]:
    return alert_plain(line.alert) | {
        "headline": line.headline,
        "seen": line.seen,
        "next_step": line.next_step,
        "due": line.due_words,
        "due_at": _when(line.alert.due),
    }


def desk_plain(desk: Desk) -> dict[str, Any]:
    """Return a desk."""
    return {
        "at": _when(desk.at),
        "started": desk.started,
        "lines": [_line(line) for line in desk.lines],
        "digest": [_line(line) for line in desk.digest],
        "held": [_line(line) for line in desk.held],
        "notices": [alert_plain(alert) for alert in desk.notices],
        "counts": dict(desk.counts),
        "policy": desk.policy,
        "policy_digest": desk.digest_of_policy,
    }


def card_plain(card: Card) -> dict[str, Any]:
    """Return a card: the alert's own values, and what is said of it."""
    told: dict[str, Any] = msgspec.to_builtins(card)
    del told["alert"]
    told["after"]["contacted_at"] = _when(card.after.contacted_at)
    return alert_plain(card.alert) | told


def audit_sample(clinic: Clinic, first: date | None) -> dict[str, Any]:
    """Return the sampled alerts among those that were never shown to anybody."""
    since = day_number(first) if first else 0
    share = policy_in_force(clinic).audit_share
    never = [
        a
        for a in Alerts(clinic).every()
        if a.shown_at is None and a.subject != CLINIC and a.day >= since and a.held_for
    ]
    sample = [alert for alert in never if is_sampled(alert, share)]
    detail: dict[str, str | int | float | bool] = {"sampled": len(sample), "of": len(never)}
    entry = Entry(shell_actor(), "audit alerts held back", Purpose.CARE, None, detail)
    clinic.ledger.append(entry)
    return {
        "share": share,
        "never_shown": len(never),
        "sample": [alert_plain(alert) for alert in sample],
        "simulated": clinic.simulated(SubjectId(alert.subject) for alert in never),
    }
