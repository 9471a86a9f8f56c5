"""`euthymia policy replay`: another alert policy on what this clinic saw, beside the one in force.

The policies in force are replayed as they were, with what people did; what comes out must be what
was told then, to the bit, and each person's last digest on record says whether it is. The other
policy sees the same signals at the same instants. What people did is taken for the same person's
alert of the same kind; an alert that nobody dealt with because it was never shown is taken to be
dealt with after the clinic's own median time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Final

from euthymia.app.accepted import read_text
from euthymia.app.alerts.inputs import JOB, JOURNAL, Inputs, audit_of, inputs_of
from euthymia.app.alerts.policy_file import policy_in_force, read_book, reckoned
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.care.alerts.cases import Assumed
from euthymia.care.alerts.clocks import Hours
from euthymia.care.alerts.contract import Alert
from euthymia.care.alerts.engine import Engine, digest_of
from euthymia.care.alerts.lifecycle import Move
from euthymia.care.alerts.policy import Policy, parse
from euthymia.care.alerts.replay import Window, events_of, figures
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Micros, day_date, day_number, to_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId

DEFAULT_DAYS: Final = 92  # a quarter
DEALT_WITH_US: Final = DAY_US
"""How long an alert is taken to stand where the record has nobody dealing with any."""
TOLD: Final = "told/"


@dataclass(frozen=True, slots=True)
class Asked:
    """A replay: the other policy and the local days [first, last]."""

    text: str
    first: date | None = None
    last: date | None = None
    file: str = "the policy"


def replay_file(
    clinic: Clinic, file: Path, first: date | None, last: date | None
) -> dict[str, Any]:
    """Replay the policy in a file; see `replay`."""
    return replay(clinic, Asked(read_text(file), first, last, file.name))


def replay(clinic: Clinic, asked: Asked) -> dict[str, Any]:
    """Return both policies' figures, side by side, and whether the live one came out as it was.

    Raises
    ------
    SchemaError
        The file is no alert policy, or the days are none.
    """
    other = parse(asked.text, asked.file)
    book = read_book(clinic)
    now = reckoned(book, to_micros(clinic.clock()))
    audit = Entry(JOB, "list subjects", Purpose.CARE)
    people = clinic.store.subjects(audit)
    inputs = inputs_of(clinic, book, people, now)
    live = inputs.policies[-1][1] if inputs.kept else policy_in_force(clinic)
    window = window_of(live, inputs, asked, now)
    start = inputs.start if inputs.kept else window.start
    policies = inputs.policies if inputs.kept else [(0, live)]
    nobody = None if inputs.acts else DEALT_WITH_US
    ours, same = _run_live(clinic, inputs, policies, start, window.end, nobody)
    theirs = run_policies(inputs, [(0, other)], start, window.end, _assumed(ours, inputs))
    events = events_of(inputs.signals, live.outcome)
    rows = [
        figures(p.label, p.digest, alerts, inputs.signals, events, live.outcome, window).plain()
        for p, alerts in ((live, ours), (other, theirs))
    ]
    told = {
        "from": _on(live, inputs, window.start),
        "to": _on(live, inputs, window.end - 1),
        "people": len(people),
        "live": rows[0],
        "replayed": rows[1],
        "difference": _difference(rows[0], rows[1]),
        "live_as_it_was": same,
        "outcome": f"PHQ-9 of {live.outcome.phq9_from:g} or more after a rise of "
        f"{live.outcome.phq9_rise:g} or more, or an admission, within "
        f"{live.outcome.window_days} days",
        "assumed": _words_of(nobody, _assumed(ours, inputs), kept=inputs.kept),
        "simulated": clinic.simulated(people),
    }
    detail = {"policy": other.label, "sha256": other.digest}
    entry = Entry(shell_actor(), "replay alert policy", Purpose.CARE, None, detail)
    return told | {"ledger_entry": clinic.ledger.append(entry)}


def window_of(policy: Policy, inputs: Inputs, asked: Asked, now: Micros) -> Window:
    """Return the instants of the local days asked for, none of them to come.

    None is before the alerts began: nothing was shown then, and neither the days of the history
    that the first run took in nor its worsenings are the alerts' burden or misses.
    """
    hours = Hours(policy, policy.time_zone or inputs.zone)
    today = hours.local_day(now)
    last = today if asked.last is None else day_number(asked.last)
    first = last - DEFAULT_DAYS + 1 if asked.first is None else day_number(asked.first)
    if first > last:
        raise SchemaError("--from is after --to")
    if first > today:
        raise SchemaError("--from is in the future: nothing is known of it")
    begun, end = inputs.start, min(hours.at(last + 1, 0), now + 1)
    if begun >= end:
        day = day_date(hours.local_day(begun)).isoformat()
        raise SchemaError(
            f"these days end before the alerts began, on {day}: nothing was shown then"
        )
    return Window(max(hours.at(first, 0), begun), end)


def run_policies(
    inputs: Inputs,
    policies: Sequence[tuple[Micros, Policy]],
    start: Micros,
    until: Micros,
    assumed: Assumed,
) -> tuple[Alert, ...]:
    """Return the alerts that policies give of all inputs before an instant."""
    engine = Engine(policies, inputs.zone, start, assumed)
    engine.feed(
        (s for s in inputs.signals if s.at < until), (a for a in inputs.acts if a.at < until)
    )
    engine.advance(until - 1)
    return engine.alerts()


def _run_live(
    clinic: Clinic,
    inputs: Inputs,
    policies: Sequence[tuple[Micros, Policy]],
    start: Micros,
    until: Micros,
    nobody: Micros | None,
) -> tuple[tuple[Alert, ...], dict[str, Any] | None]:
    """Return the live policy's alerts, and how many people's are as they were told last."""
    alerts = run_policies(
        inputs, policies, start, until, Assumed(nobody if not inputs.kept else None)
    )
    if not inputs.kept:
        return alerts, None
    told: dict[Micros, dict[str, str]] = {}
    for who in sorted({s.subject for s in inputs.signals}):
        found = _last_told(clinic, who, until)
        if found is not None:
            told.setdefault(found[0], {})[who] = found[1]
    same = alike = 0
    for at, digests in sorted(told.items()):
        by_person = grouped(run_policies(inputs, policies, start, at + 1, Assumed()))
        same += len(digests)
        alike += sum(digest_of(by_person.get(w, ())) == digest for w, digest in digests.items())
    return alerts, {"people": same, "identical": alike}


def grouped(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    """Return alerts by person."""
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.subject, []).append(alert)
    return found


def _last_told(clinic: Clinic, who: str, until: Micros) -> tuple[Micros, str] | None:
    if clinic.store.resolve(who) is None:
        return None
    lines = clinic.store.lines(SubjectId(who), JOURNAL, audit_of("read alerts", SubjectId(who)))
    told = [line for line in lines if line.id.startswith(TOLD) and line.at < until]
    return (told[-1].at, told[-1].text) if told else None


def _assumed(ours: Sequence[Alert], inputs: Inputs) -> Assumed:
    times = [
        step.at - alert.shown_at
        for alert in ours
        if alert.shown_at is not None
        for step in alert.history
        if step.move is Move.RESOLVE and step.by and step.act
    ]
    return Assumed(int(median(times)) if times else DEALT_WITH_US, by_group=bool(inputs.acts))


def _words_of(nobody: Micros | None, assumed: Assumed, *, kept: bool) -> list[str]:
    hours = f"{(assumed.answer_us or 0) / DAY_US * 24:.0f} hours"
    said = [f"under the replayed policy an alert that is not on record is dealt with after {hours}"]
    if nobody is not None and not kept:
        said.append("nothing is on record of what people did: each alert is dealt with after a day")
        said.append(
            "nothing is on record of when scores became known: each day's count as known in the "
            "night after it (`euthymia alerts run` keeps a record from its first run on)"
        )
    return said


def _difference(live: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    share = None if not live["alerts"] else round(other["alerts"] / live["alerts"] - 1, 4)
    points = None
    if live["events"]:
        points = round(100 * (other["caught"] - live["caught"]) / live["events"], 2)
    return {
        "alerts": other["alerts"] - live["alerts"],
        "alerts_share": share,
        "caught": other["caught"] - live["caught"],
        "recall_points": points,
    }


def _on(policy: Policy, inputs: Inputs, at: Micros) -> str:
    return day_date(Hours(policy, policy.time_zone or inputs.zone).local_day(at)).isoformat()
