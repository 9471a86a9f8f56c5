"""One list for the morning: the alerts that stand, and the worklist's rules beside them.

Once a clinic's alerts have been started, its alert policy decides who is put before whom. A rule of
the worklist that says what an alert says gives its words to that alert, and does not stand beside
it; one that somebody has dealt with, asked to see later, or that the policy holds back, puts nobody
on the list again: what became of it is said. What no alert speaks of stays as it was, and nobody is
there twice.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from euthymia.care.alerts.card import LINED, headline, rise_of, suggested, urgent_rule
from euthymia.care.alerts.contract import RANK, Alert, Rule, Tier
from euthymia.care.alerts.lifecycle import HELD, REASONS, Move, State
from euthymia.care.contract import Urgency
from euthymia.care.summary import SubjectSummary
from euthymia.care.timeline import PatientView
from euthymia.care.words import count_words, date_words, number_words
from euthymia.care.worklist import Case, Feed, Finding, findings, item_of
from euthymia.ground.clock import Micros, Timeline, day_date
from euthymia.ground.ids import SubjectId

URGENCY: Final = {
    Tier.NOW: Urgency.NOW,
    Tier.WORKLIST: Urgency.SOON,
    Tier.DIGEST: Urgency.LOOK,
}
SAYS: Final = {
    "self-harm": (Rule.ANSWER,),
    "worse": (Rule.SCORE,),
    "estimate": (Rule.ESTIMATE,),
    "changed": (Rule.DRIFT, Rule.FROZEN, Rule.PATTERN),
    "silent": (Rule.UNSEEN,),
}
"""Which rules of the alert policy say what a rule of the worklist says."""


def held_back(alerts: Iterable[Alert], people: Collection[SubjectId]) -> str:
    """Say how many alerts about these people the policy keeps off the list now, and why; or ""."""
    why = Counter(
        alert.held
        for alert in alerts
        if alert.state is State.HELD
        and alert.held.startswith(("inhibited", "budget"))
        and alert.subject in people
    )
    if not why:
        return ""
    said = ", ".join(f"{n}: {HELD.get(code, code)}" for code, n in sorted(why.items()))
    one = count_words(why.total(), "alert is", "alerts are")
    return f"{one} held back by the alert policy and not on this list ({said}): see Alerts."


def morning(
    cases: Iterable[Case],
    people: Mapping[SubjectId, SubjectSummary],
    alerts: Iterable[Alert],
    now: Micros,
) -> list[Case]:
    """Return everybody's row with the alerts that stand, in the order of the morning.

    Parameters
    ----------
    cases : iterable of Case
        The worklist's own rows.
    people : mapping
        Pseudonym to summary, of everybody in `cases`.
    alerts : iterable of Alert
        Every alert there ever was.
    now : int
        The moment of looking [us since 1970 UTC].
    """
    own: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.state is not State.CLEARED:
            own.setdefault(alert.subject, []).append(alert)
    found = [
        _row(case, people[case.item.subject], own[case.item.subject], now)
        if case.item.subject in own
        else case
        for case in cases
    ]
    return sorted(found, key=lambda case: case.order)


def _row(case: Case, who: SubjectSummary, alerts: Sequence[Alert], now: Micros) -> Case:
    standing = sorted((a for a in alerts if a.shown), key=in_order) if who.died is None else []
    left, dealt, spoken = [], [], []
    for finding in case.findings:
        knowing = [a for a in alerts if _says(a, finding) and _knows(a, finding)]
        if not knowing:
            left.append(finding)
        elif any(a.shown for a in knowing):
            spoken.append(finding)
        else:
            dealt.append(f"{finding.why} ({_became(knowing[-1], who, now)})")
    heads = [_finding(alert, spoken, who, now) for alert in standing]
    found = tuple(sorted([*heads, *left], key=lambda f: f.order))
    made = item_of(who, now, found)
    if dealt and not found:
        return Case(replace(made, why=f"Nothing stands now: {'; '.join(dealt)}"), found)
    if not standing:
        return Case(replace(made, evidence=(*made.evidence, *dealt)), found)
    first = standing[0]
    said = [*_evidence(first), *(f.why for f in spoken), *made.evidence, *dealt]
    made = replace(
        made,
        alert=first.id,
        state=first.state.value,
        owner=first.owner or made.owner,
        evidence=tuple(dict.fromkeys(words for words in said if words not in made.why)),
    )
    return Case(made, found)


def with_alerts(
    view: PatientView, alerts: Sequence[Alert], now: Micros, feed: Feed | None = None
) -> PatientView:
    """Return a person's page with the row that the list has of them: what their alerts say first.

    `alerts`: all there ever were about them. `feed` is that of `findings`.
    """
    if not alerts:
        return view
    own = Case(view.row, findings(view.summary, now, feed))
    people = {view.summary.subject: view.summary}
    return replace(view, row=morning([own], people, alerts, now)[0].item)


def in_order(alert: Alert) -> tuple[object, ...]:
    """Sort one person's alerts by this: what nobody has taken first, then the most urgent."""
    return (alert.state is State.ACKNOWLEDGED, RANK[alert.tier], -alert.level, alert.raised_at)


def _says(alert: Alert, finding: Finding) -> bool:
    """Tell whether an alert says what a rule says; that something was not asked again none does."""
    return finding.step != "ask-again" and bool(set(SAYS.get(finding.rule, ())) & set(alert.rules))


def _knows(alert: Alert, finding: Finding) -> bool:
    """Tell whether an alert knows of what a rule found: not of a newer questionnaire or change."""
    if finding.at is not None:
        return finding.at <= alert.history[-1].at
    return alert.on


def _finding(alert: Alert, spoken: Sequence[Finding], who: SubjectSummary, now: Micros) -> Finding:
    """Return an alert as the reason of a row: in the words of the rule that asks for its step."""
    rule, step = urgent_rule(alert), suggested(alert)
    same = next((f for f in spoken if rule in SAYS[f.rule] and _knows(alert, f)), None)
    return Finding(
        rule="alert",
        urgency=URGENCY[alert.tier],
        why=same.why if same else _why(alert, who, now),
        since=same.since if same else _begun(who.zones, alert.day),
        step=same.step if same else step.name,
        weight=alert.level,
        filled=same.filled if same else rise_of(alert) or "phone or watch",
        place=2 if alert.state is State.ACKNOWLEDGED else 0,
    )


def _why(alert: Alert, who: SubjectSummary, now: Micros) -> str:
    """Say why in one line: an answer or a score alone in its own words, which say all.

    An answer has its date; one that was asked for again since, what was said then instead.
    """
    if not (alert.words and alert.rules and set(alert.rules) <= {Rule.ANSWER, Rule.SCORE}):
        return ": ".join([headline(alert), *alert.words[-1:]])
    if len(alert.words) > 1 or not alert.words[0].startswith("PHQ-9 item 9"):
        return alert.words[-1]
    today = who.local_date(now)
    asked = [s for s in who.phq9 if s.item9 is not None and s.at <= now]
    if asked and asked[-1].item9 == 0 and who.local_date(asked[-1].at) > day_date(alert.day):
        return (
            f'{alert.words[0]}; on {date_words(who.local_date(asked[-1].at), today)} "not at all"'
        )
    return f"{alert.words[0]} on {date_words(day_date(alert.day), today)}"


@lru_cache(maxsize=8192)
def _begun(zones: Timeline, day: int) -> Micros:
    """Return when a local day began: looked up once, for a list is made again and again."""
    return zones.start_of_day(day)


def _evidence(alert: Alert) -> list[str]:
    said = [headline(alert), *alert.words]
    if set(alert.rules) <= LINED:
        said.append(f"{number_words(alert.level)} times its line now")
    if alert.escalations:
        said.append(f"Told to {alert.owner} because nobody had taken it")
    return said


def _became(alert: Alert, who: SubjectSummary, now: Micros) -> str:
    """Say what became of an alert that is not shown now."""
    if alert.state is State.HELD:
        return f"held back: {HELD.get(alert.held, alert.held)}" if alert.held else "held back"
    last = next((s for s in reversed(alert.history) if s.by), alert.history[-1])
    on = date_words(who.local_date(last.at), who.local_date(now))
    if alert.until is not None:
        until = date_words(who.local_date(alert.until), who.local_date(now))
        return f"{alert.state.value} on {on} by {last.by} until {until}"
    reason = REASONS.get(Move.RESOLVE, {}).get(last.reason, last.reason)
    return f"{alert.state.value} on {on} by {last.by}: {reason}"
