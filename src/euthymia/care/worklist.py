"""Who should be looked at first, and why: rules a clinician can check by hand.

A rule never decides. It puts a person on the list with the numbers and dates it saw, and suggests
a next step with the reason for it. The order: answers that speak of self-harm, then worsening by a
score or a model's estimate, then silence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from euthymia.care.contract import Urgency, WorklistItem
from euthymia.care.interventions import interventions
from euthymia.care.monitor.note import change_words
from euthymia.care.summary import DEVICES, RECENT_DAYS, SubjectSummary
from euthymia.care.words import date_words, percent_words
from euthymia.ground.clock import DAY_US, Micros, day_date

ITEM9_NEWS_DAYS: Final = 30  # item 9 asks about two weeks; twice that, and a month between visits
PHQ9_WORSE_POINTS: Final = 5  # reliable change: Loewe 2004, doi:10.1097/00005650-200412000-00006
PHQ9_MODERATE: Final = 10  # usual cut for a depressive episode: Kroenke 2001,
# doi:10.1046/j.1525-1497.2001.016009606.x
SILENT_DAYS: Final = 5  # a weekend without charging, and a working week's start, is not silence
SILENT_NEWS_DAYS: Final = 60  # later the device was most likely handed back: a gap, not news
PHQ9_DUE_DAYS: Final = 28  # four weeks, the usual rhythm of measurement-based care
PHQ9_NEWS_DAYS: Final = 365  # after a year without one the person is no longer followed with it
ANSWERS: Final = ("not at all", "several days", "more than half the days", "nearly every day")

NO_STEP: Final = "Nothing is suggested beyond the planned visits."
NO_STEP_DIED: Final = "Nothing is suggested: call off visits and messages that are still planned."

_RANK: Final = {Urgency.NOW: 0, Urgency.SOON: 1, Urgency.LOOK: 2, Urgency.NONE: 3}
_FEED_PEOPLE: Final = 3  # with fewer people one silent phone and a broken feed look the same

Feed = Mapping[str, int]
"""The newest UTC day on which anybody's phone or watch data reached the clinic."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that applies: how soon, why, since when, what may be done, its weight in the order.

    `step` names a file of `care/interventions`; `filled` is what its text leaves open.
    """

    rule: str  # "self-harm", "worse", "estimate", "changed", "silent", "overdue" or "alert"
    urgency: Urgency
    why: str
    since: Micros | None
    step: str
    weight: float
    filled: str = ""
    at: Micros | None = None  # of the questionnaire that says it
    place: int = 1  # among findings as urgent: an alert that nobody has taken is 0, one taken 2

    @property
    def order(self) -> tuple[int, int, float]:
        """The place among one person's findings, and of the person in the list."""
        return _RANK[self.urgency], self.place, -self.weight

    @property
    def next_step(self) -> str:
        """The suggestion, as it is shown."""
        return interventions()[self.step].step.format(points=self.filled, device=self.filled)


def _day_gap(earlier: Micros, later: Micros) -> int:
    return (later - earlier) // DAY_US


def _self_harm(who: SubjectSummary, now: Micros) -> Finding | None:
    """Find the latest answer to item 9 above "not at all". A missing answer reassures nobody."""
    asked = [score for score in who.phq9 if score.item9 is not None and score.at <= now]
    if not asked or not asked[-1].item9:
        return None
    last, since = asked[-1], asked[-1].at
    for score in reversed(asked):
        if not score.item9:
            break
        since = score.at
    today = who.local_date(now)
    on = date_words(who.local_date(last.at), today)
    answer = ANSWERS[min(3, asked[-1].item9 or 0)]
    why = f'PHQ-9 item 9 (better off dead, self-harm): "{answer}" on {on}'
    if since != last.at:
        why += f", and at each since {date_words(who.local_date(since), today)}"
    age = _day_gap(last.at, now)
    if age <= ITEM9_NEWS_DAYS:
        weight = float(last.item9 or 0)
        return Finding("self-harm", Urgency.NOW, why, since, "speak-today", weight, at=last.at)
    if age <= PHQ9_NEWS_DAYS:
        why += f"; not asked again for {age} days"
        return Finding("self-harm", Urgency.SOON, why, since, "ask-again", 3.0)
    return None


def _screened(who: SubjectSummary, now: Micros) -> Finding | None:
    """Find a yes in the latest C-SSRS screener of the last 30 days: a person looks today.

    One without a yes, but with an answer that could not be read, ends no yes before it; alone it is
    to be read.
    """
    asked = [s for s in who.cssrs if s.at <= now and _day_gap(s.at, now) <= ITEM9_NEWS_DAYS]
    if not asked:
        return None
    said = next((s for s in reversed(asked) if s.words() or not s.unread), None)
    last = said if said is not None and said.words() else asked[-1]
    on = date_words(who.local_date(last.at), who.local_date(now))
    if not last.words():
        if not last.unread:
            return None
        why = f"C-SSRS screener, an answer that is neither yes nor no, to be read, on {on}"
        return Finding("self-harm", Urgency.SOON, why, last.at, "ask-again", 1.0, at=last.at)
    urgency = Urgency.NOW if last.alarming else Urgency.SOON
    step = "speak-today" if last.alarming else "ask-again"
    why = f"C-SSRS screener, yes to: {last.words()}, on {on}"
    return Finding("self-harm", urgency, why, last.at, step, last.weight, at=last.at)


def _changed(who: SubjectSummary, now: Micros) -> Finding | None:
    """Find an open episode of the watch: days unlike the person's own usual, towards worse."""
    note = who.changed
    if note is None:
        return None
    on = date_words(day_date(note.opened), who.local_date(now))
    why = f"Unlike their own usual since {on}: {change_words(note)}"
    weight = min(0.9, 0.2 * note.times_line)  # behind what the person said: a score, an answer
    since = who.zones.start_of_day(note.opened)
    return Finding("changed", Urgency.SOON, why, since, "ask-change", weight)


def _worse(who: SubjectSummary, now: Micros) -> Finding | None:
    """Find a reliable rise of the PHQ-9, or a crossing of 10, since the one before."""
    scored = [(s, s.total) for s in who.phq9 if s.total is not None and s.at <= now]
    if len(scored) < 2:
        return None
    (before, was), (last, is_now) = scored[-2], scored[-1]
    rise = is_now - was
    crossed = was < PHQ9_MODERATE <= is_now
    if (rise < PHQ9_WORSE_POINTS and not crossed) or _day_gap(last.at, now) > PHQ9_NEWS_DAYS:
        return None
    today = who.local_date(now)
    dates = [date_words(who.local_date(score.at), today) for score in (before, last)]
    why = f"PHQ-9 rose from {was:g} ({dates[0]}) to {is_now:g} ({dates[1]}), {rise:+g} points"
    weight = 1.0 + rise / 27
    if rise >= PHQ9_WORSE_POINTS:
        step, filled = "review-treatment", f"{rise:g}"
    else:
        why += f", crossing {PHQ9_MODERATE}"
        step, filled = "review-crossing", f"{PHQ9_MODERATE}"
    return Finding("worse", Urgency.SOON, why, last.at, step, weight, filled, last.at)


def _estimate(who: SubjectSummary) -> Finding | None:
    """Find a model's estimate at or above the clinic's review line."""
    found = who.prediction
    if found is None or found.probability is None or who.threshold is None:
        return None
    if found.abstained_because is not None or found.probability < who.threshold:
        return None
    return Finding(
        "estimate",
        Urgency.SOON,
        estimate_words(who),
        who.predicted_at,
        "call-and-ask",
        found.probability,
    )


def estimate_words(who: SubjectSummary) -> str:
    """Say the model's estimate, or that it gave none and why, in one line."""
    found = who.prediction
    if found is None:
        return "No estimate: no model is released for this person's data"
    if found.probability is None or found.abstained_because is not None:
        return f"No estimate: {found.abstained_because or 'the model gave none'}"
    line = who.threshold
    share, at = _told_apart(found.probability, found.probability if line is None else line)
    words = f"Relapse in {found.horizon_days} days estimated at {share}"
    if found.interval is not None:
        low, high = found.interval
        words += f" ({percent_words(low)} to {percent_words(high)})"
    if line is not None:
        side = "over" if found.probability >= line else "under"
        words += f", {side} the review line of {at}"
    return f"{words}; the model's own audit: {who.doubt}" if who.doubt else words


def _told_apart(probability: float, line: float) -> tuple[str, str]:
    """Return both in per cent, rounded no more than lets one see on which side of it one lies."""
    said = percent_words(probability), percent_words(line)
    if probability == line:
        return said
    for places in range(1, 7):
        if said[0] != said[1]:
            break
        said = _per_cent(probability, places), _per_cent(line, places)
    return said


def _per_cent(share: float, places: int) -> str:
    return f"{100 * share:.{places}f}".rstrip("0").rstrip(".") + "%"


def _silence(who: SubjectSummary, device: str, now: Micros, newest: int) -> Finding | None:
    """Find a device that was heard and no longer is, counted to the feed's newest day."""
    seen = who.seen.get(device)
    if seen is None:
        return None
    silent = newest - seen.last
    if not SILENT_DAYS <= silent <= SILENT_NEWS_DAYS:
        return None
    before = seen.among(seen.last - RECENT_DAYS + 1, seen.last)
    on = date_words(day_date(seen.last), who.local_date(now))
    days = now // DAY_US - seen.last
    why = f"No {device} data since {on} ({days} days); before, {before} of {RECENT_DAYS} days"
    since = (seen.last + 1) * DAY_US
    return Finding("silent", Urgency.LOOK, why, since, "check-in", float(silent), device)


def _overdue(who: SubjectSummary, now: Micros) -> Finding | None:
    """Find a PHQ-9 that is missed: there was one, and none for more than four weeks."""
    past = [score for score in who.phq9 if score.at <= now]
    if not past:
        return None
    last = past[-1]
    age = _day_gap(last.at, now)
    if not PHQ9_DUE_DAYS < age <= PHQ9_NEWS_DAYS:
        return None
    on = date_words(who.local_date(last.at), who.local_date(now))
    total = "" if last.total is None else f"; it was {last.total:g} of 27 then"
    why = f"No PHQ-9 since {on} ({age} days){total}"
    due = last.at + PHQ9_DUE_DAYS * DAY_US
    return Finding("overdue", Urgency.LOOK, why, due, "offer-phq9", age / PHQ9_NEWS_DAYS)


def findings(who: SubjectSummary, now: Micros, feed: Feed | None = None) -> tuple[Finding, ...]:
    """Return every rule that applies to one person, the most urgent first.

    Parameters
    ----------
    who : SubjectSummary
        The person, by pseudonym.
    now : int
        The moment of looking [us since 1970 UTC]; what lies after it is not seen.
    feed : Mapping[str, int], optional
        The newest day on which anybody's data arrived, by device (see `feed_days`). Silence is
        counted up to it, so that a clinic whose own import has stopped does not call every
        patient silent.

    To somebody who has died no rule applies.
    """
    if who.died is not None:
        return ()
    newest = {
        device: min((feed or {}).get(device, now // DAY_US), now // DAY_US) for device in DEVICES
    }
    met = [
        _self_harm(who, now),
        _screened(who, now),
        _worse(who, now),
        _estimate(who),
        _changed(who, now),
        *(_silence(who, device, now, newest[device]) for device in DEVICES),
        _overdue(who, now),
    ]
    found = [finding for finding in met if finding is not None]
    return tuple(sorted(found, key=lambda f: f.order))


def died_words(who: SubjectSummary, now: Micros) -> str:
    """Say that a person has died, and when as far as the record says; empty for the living."""
    if who.died is None:
        return ""
    if who.died == "unknown":
        return "Has died; the date is not on record"
    return f"Has died on {date_words(date.fromisoformat(who.died), who.local_date(now))}"


def _data_seen(who: SubjectSummary, now: Micros) -> str:
    """Say which data there is, how much of the last four weeks, and how old."""
    today, day = who.local_date(now), now // DAY_US
    by_day: dict[int, list[str]] = {}
    for device, seen in who.seen.items():
        share = seen.among(day - RECENT_DAYS + 1, day)
        by_day.setdefault(seen.last, []).append(f"{device} {share}")
    parts: list[str] = []
    of = f" of {RECENT_DAYS} days"  # said once
    for last, shares in by_day.items():
        devices, since = " and ".join(shares), date_words(day_date(last), today)
        if last <= day - RECENT_DAYS:
            parts.append(f"{devices.replace(' 0', '')} none since {since}")
            continue
        parts.append(devices + of + ("" if last >= day - 1 else f", last on {since}"))
        of = ""
    past = [score for score in who.phq9 if score.at <= now]
    if past:
        parts.append(f"PHQ-9 on {date_words(who.local_date(past[-1].at), today)}")
    text = "; ".join(parts) or "no questionnaire, phone or watch data"
    return text[0].upper() + text[1:]


def item(who: SubjectSummary, now: Micros, feed: Feed | None = None) -> WorklistItem:
    """Return one person's row: who, why now, since when, data seen, what to do, whose it is.

    Parameters are those of `findings`. Without a finding the urgency is `NONE`, and the row says
    what was looked at.
    """
    return item_of(who, now, findings(who, now, feed))


def item_of(who: SubjectSummary, now: Micros, found: tuple[Finding, ...]) -> WorklistItem:
    """Return one person's row of these findings, the most urgent first."""
    head = found[0] if found else None
    more = [finding.why for finding in found[1:]]
    died = died_words(who, now)
    if not died and all(finding.rule != "estimate" for finding in found):
        more.append(estimate_words(who))
    estimate = who.prediction if who.prediction and not who.prediction.abstained_because else None
    estimate = None if died else estimate
    return WorklistItem(
        subject=who.subject,
        urgency=head.urgency if head else Urgency.NONE,
        why=head.why if head else died or "No rule applies: no new worsening, no new silence",
        since=head.since if head else None,
        data_seen=_data_seen(who, now),
        next_step=head.next_step if head else NO_STEP_DIED if died else NO_STEP,
        owner=who.owners[0] if who.owners else None,
        evidence=tuple(more),
        probability=estimate.probability if estimate else None,
        interval=estimate.interval if estimate else None,
        intervention=head.step if head else None,
        since_on=who.local_date(head.since) if head and head.since is not None else None,
    )


def feed_days(summaries: Iterable[SubjectSummary]) -> dict[str, int]:
    """Return the newest day of each device over everybody, where enough people have the device."""
    newest: dict[str, list[int]] = {}
    for who in summaries:
        for device, seen in who.seen.items():
            newest.setdefault(device, []).append(seen.last)
    return {device: max(days) for device, days in newest.items() if len(days) >= _FEED_PEOPLE}


def feed_notices(summaries: Iterable[SubjectSummary], now: Micros) -> tuple[str, ...]:
    """Say when nobody's phone or watch data has arrived for days: a fault here, not silence."""
    day = now // DAY_US
    stopped: dict[int, list[str]] = {}
    for device, last in sorted(feed_days(summaries).items()):
        if day - last >= SILENT_DAYS:
            stopped.setdefault(last, []).append(device)
    return tuple(
        f"No {' or '.join(devices)} data has reached the clinic from anybody since "
        f"{date_words(day_date(last), day_date(day))} ({day - last} days). Check the import before "
        f"reading silence into it; silence below is counted up to that day."
        for last, devices in stopped.items()
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One person's row, and every rule that applies to them."""

    item: WorklistItem
    findings: tuple[Finding, ...]

    @property
    def order(self) -> tuple[int, int, float, Micros, str]:
        """The place in the worklist."""
        if not self.findings:
            return _RANK[Urgency.NONE], 0, 0.0, 0, self.item.subject
        head = self.findings[0]
        return *head.order, -(head.since or 0), self.item.subject


def caseload(summaries: Iterable[SubjectSummary], now: Micros) -> list[Case]:
    """Return everybody in worklist order, people without a finding last."""
    people = list(summaries)
    feed = feed_days(people)
    cases = []
    for who in people:
        found = findings(who, now, feed)
        cases.append(Case(item_of(who, now, found), found))
    return sorted(cases, key=lambda case: case.order)
