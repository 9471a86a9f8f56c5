"""What an alert carries: what changed, on what data, on what evidence, what clears it, what next.

Everything is said in words first; the numbers beside them are for small pictures. Nothing here
decides anything.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.contract import (
    After,
    Alert,
    Card,
    Change,
    DayScores,
    Line,
    Rule,
    Suggested,
    Trace,
)
from euthymia.care.alerts.lifecycle import CONTACTS, Move
from euthymia.care.alerts.policy import Policy
from euthymia.care.band import MAD_TO_SD, SPREADS, around_the_clock, is_clock
from euthymia.care.interventions import interventions
from euthymia.care.monitor.contract import ScoreStream
from euthymia.care.monitor.watched import spec
from euthymia.care.summary import SubjectSummary
from euthymia.care.words import (
    clock_words,
    count_words,
    date_words,
    number_words,
    unit_words,
)
from euthymia.features.catalogue import families
from euthymia.features.contract import Feature
from euthymia.ground.clock import DAY_US, Micros, day_date

SHOWN_DAYS: Final = 56
BASE_DAYS: Final = 56
LAG_DAYS: Final = 14
RECENT_DAYS: Final = 7
FEWEST: Final = 14
TELLING: Final = 0.5
LINED: Final = {Rule.DRIFT, Rule.FROZEN, Rule.PATTERN, Rule.ESTIMATE}
"""Rules whose level is a multiple of a line that the watch has set for a rate of false alarms."""
STEP_OF: Final = {
    Rule.ANSWER: "speak-today",
    Rule.SCORE: "review-treatment",
    Rule.ESTIMATE: "call-and-ask",
    Rule.DRIFT: "ask-change",
    Rule.FROZEN: "ask-change",
    Rule.PATTERN: "ask-change",
    Rule.UNSEEN: "check-in",
}
_ORDER: Final = tuple(STEP_OF)
_RISE: Final = re.compile(r"\+(\d+(?:\.\d+)?) points")
_RULE_WORDS: Final = {
    Rule.ANSWER: "an answer about self-harm that is not a no",
    Rule.SCORE: "scores worse on a questionnaire",
    Rule.ESTIMATE: "a model's estimate is over its line",
    Rule.DRIFT: "days drift towards worse than usual for them",
    Rule.FROZEN: "days are worse than when they were well",
    Rule.PATTERN: "days are unlike usual for them, all features together",
    Rule.UNSEEN: "no phone or watch data for days",
    Rule.PIPELINE: "nothing is being scored",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person beside the alert; None or empty where it may not be read."""

    summary: SubjectSummary
    now: Micros
    stream: ScoreStream | None = None
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    promised_days: float | None = None
    found_days: float | None = None
    simulated: bool = False

    @property
    def today(self) -> int:
        """The person's own local day."""
        zones = self.summary.zones
        return int(zones.local_day(np.array([self.now], np.int64))[0])


def _rules_said(alert: Alert) -> list[str]:
    """Return what the alert's rules say, the most urgent first."""
    return [words for rule, words in _RULE_WORDS.items() if rule in alert.rules]


def headline(alert: Alert) -> str:
    """Say in one line what the matter is: the most urgent rule first."""
    said = _rules_said(alert)
    more = f" (and {count_words(len(said) - 1, 'more sign')})" if len(said) > 1 else ""
    return f"{said[0][0].upper()}{said[0][1:]}{more}" if said else "Nothing is on record"


NO_SCORES: Final = (
    "no scores of phone or watch days (no consent to monitoring or too little of these data)"
)
TAKEN_BACK: Final = (
    "The health record holds this answer no more: it was corrected, or entered in error, perhaps "
    "about another patient. Find out which before you resolve this"
)


def card(alert: Alert, known: Known, policy: Policy, scores: Sequence[DayScores] = ()) -> Card:
    """Return all that an alert carries to whoever opens it."""
    return Card(
        alert=alert,
        headline=headline(alert),
        why=(*alert.words, *_rules_said(alert)[1:]),  # the headline says the first
        since_on=day_date(alert.day),
        changes=changes(known),
        seen=seen_words(known),
        unseen=unseen_words(known),
        evidence=_evidence(alert, known, policy),
        clears=clears_words(alert, policy),
        next_step=suggested(alert),
        after=after(alert, known),
        actions=actions(alert),
        reasons={move.value: lifecycle.REASONS[move] for move in actions(alert)},
        level=_level(scores),
        simulated=known.simulated,
    )


def actions(alert: Alert) -> tuple[Move, ...]:
    """Return what a person may do with an alert now; an answer about self-harm is not silenced."""
    able = lifecycle.open_to(alert.state)
    return tuple(m for m in able if not (m is Move.SILENCE and Rule.ANSWER in alert.rules))


def standing_words(alert: Alert) -> str:
    """Return what an alert that is not over says, and why it is not shown where it is not."""
    if alert.shown:
        return headline(alert)
    if alert.state is not lifecycle.State.HELD:
        return f"{headline(alert)}: {alert.state.value}"
    why = lifecycle.HELD.get(alert.held, alert.held)
    return ": ".join(filter(None, (headline(alert), "held back", why)))


def line(alert: Alert, seen: str, now: Micros) -> Line:
    """Return an alert as a row."""
    due = ""
    if alert.due is not None:
        left = (alert.due - now) // 60_000_000
        after = f"in {left // 60} h" if left >= 60 else f"in {left} min"
        due = f"escalates {after if left > 0 else 'now'}"
    return Line(
        alert, headline(alert), day_date(alert.day), seen, suggested(alert).step, alert.owner, due
    )


# -- what changed ----------------------------------------------------------------------------------


def changes(known: Known, most: int = 5) -> tuple[Change, ...]:
    """Return what changed most against this person's own band, the most telling first."""
    stream = known.stream
    if stream is None or not stream.day.size:
        return ()
    worse = {name: spec(*name.split(".", 1)).worse for name in stream.z}
    drivers = [
        driver
        for driver in stream.drivers(stream.day.size - 1, worse, most)
        if (driver.z * driver.worse if driver.worse else abs(driver.z)) >= TELLING
    ]
    told = _named([driver.feature for driver in drivers])
    found = []
    for driver in drivers:
        feature = told[driver.feature]
        trace = _trace(driver.feature, feature, known)
        words = _change_words(feature, driver.z, trace)
        found.append(Change(driver.feature, words, driver.z, bool(driver.worse), trace))
    return tuple(found)


def _named(names: Sequence[str]) -> dict[str, Feature]:
    """Return features by "<family>.<name>"; of those with one title each says its family as well.

    A phone and a watch both tell when somebody fell asleep, and need not agree.
    """
    found = {name: spec(*name.split(".", 1)) for name in names}
    count = Counter(feature.title for feature in found.values())
    for name, feature in found.items():
        if count[feature.title] > 1:
            of = families()[name.partition(".")[0]].title
            title = f"{feature.title} ({of[0].lower()}{of[1:]})"
            found[name] = replace(feature, title=title)
    return found


def _trace(name: str, feature: Feature, known: Known) -> Trace | None:
    """Return eight weeks beside the band of the eight weeks that end a fortnight before."""
    family, column = name.split(".", 1)
    table = known.tables.get(family)
    if table is None or column not in table.column_names:
        return None
    last = known.today - 1
    first = last - SHOWN_DAYS + 1
    start = first - BASE_DAYS - LAG_DAYS
    values = np.full(last - start + 1, np.nan)
    days = np.asarray(table["date"].cast(pa.int32()).to_numpy(), np.int64)
    inside = (days >= start) & (days <= last)
    values[days[inside] - start] = np.asarray(table[column].to_numpy(), np.float64)[inside]
    if feature.period is not None:
        values = around_the_clock(values)
    low, high = _bands(values)
    cut = slice(first - start, None)
    return Trace(
        name,
        feature.title,
        feature.unit,
        tuple(range(first, last + 1)),
        *(_plain(series[cut]) for series in (values, low, high)),
    )


def _bands(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.full(values.size, np.nan), np.full(values.size, np.nan)
    for t in range(BASE_DAYS + LAG_DAYS, values.size):
        base = values[t - BASE_DAYS - LAG_DAYS : t - LAG_DAYS]
        base = base[np.isfinite(base)]
        if base.size >= FEWEST:
            middle = float(np.median(base))
            spread = SPREADS * MAD_TO_SD * float(np.median(np.abs(base - middle)))
            low[t], high[t] = middle - spread, middle + spread
    return low, high


def _plain(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(v if np.isfinite(v) else None for v in values.tolist())


def _change_words(feature: Feature, z: float, trace: Trace | None) -> str:
    """Say which way a feature went; where most recent days are as usual, that they are."""
    clock = feature.period is not None or is_clock(feature)
    side = ("less", "more", "earlier", "later")[(z > 0) + 2 * clock]
    words = f"{feature.title}: {side} than usual for them"
    if trace is None:
        return words
    recent = [v for v in trace.values[-RECENT_DAYS:] if v is not None]
    low, high = trace.low[-1], trace.high[-1]
    if not recent or low is None or high is None:
        return words
    say = clock_words if clock else number_words
    unit = "" if clock else unit_words(feature.unit, " ")
    floor = low if feature.low is None or clock else max(low, feature.low)
    middle = float(np.median(recent))
    if low <= middle <= high:
        words = f"{feature.title}: {side} on the last day, most recent days as usual"
    return f"{words} ({say(middle)}{unit}, usually {say(floor)} to {say(high)}{unit})"


# -- on what data ----------------------------------------------------------------------------------


def _by_device(known: Known) -> list[tuple[str, int, int]]:
    """Return (device, days seen of the last 28, days since the last one)."""
    today = known.today
    return [
        (device, seen.among(today - 28, today - 1), today - seen.last)
        for device, seen in known.summary.seen.items()
        if seen.days
    ]


def seen_words(known: Known) -> str:
    """Say what data there was in the last four weeks."""
    said = [f"{device} {days} of 28 days" for device, days, _ in _by_device(known)]
    past = [s for s in known.summary.phq9 if s.at <= known.now and s.total is not None]
    if past:
        today = day_date(known.today)
        last = past[-1]
        total = last.total or 0
        said.append(f"PHQ-9 {total:g} on {date_words(known.summary.local_date(last.at), today)}")
    return ", ".join(said) or "no questionnaire, phone or watch data"


def unseen_words(known: Known) -> str:
    """Say what was not seen, so that nobody takes silence for health."""
    said = [
        f"no {device} data for {count_words(since, 'day')}"
        for device, _, since in _by_device(known)
        if since > 1
    ]
    absent = [d for d in ("phone", "watch") if d not in known.summary.seen]
    said += [f"never any {device} data" for device in absent]
    if not any(s.total is not None for s in known.summary.phq9):
        said.append("no PHQ-9")
    if known.stream is None:
        said.append(NO_SCORES)
    return ", ".join(said) or "nothing is known to be missing"


# -- evidence, what clears it, what next -----------------------------------------------------------


def _evidence(alert: Alert, known: Known, policy: Policy) -> tuple[str, ...]:
    rules = set(alert.rules)
    said = []
    if rules <= LINED:
        level = number_words(alert.level)
        said.append(f"{number_words(alert.peak)} times its line at most, {level} now")
    stream = known.stream
    if stream is not None and stream.day.size:
        log_e = float(stream.log_e[-1])
        if np.isfinite(log_e) and log_e > 0:
            times = number_words(float(np.exp(min(log_e, 700.0))))
            said.append(
                f"evidence that things are worse than usual: e-value {times} (valid however often "
                "one looks; 20 is strong)"
            )
        rests = round(float(stream.baseline_days[-1]))
        if rests:
            said.append(f"the baseline rests on {count_words(rests, 'day')}")
    if rules & LINED and known.promised_days is not None:
        found = "none" if not known.found_days else f"one in {known.found_days:.0f}"
        said.append(
            f"lines set for one false alarm in {known.promised_days:g} patient-days; found: {found}"
        )
    said.append(f"alert policy {policy.label}")
    return tuple(said)


def clears_words(alert: Alert, policy: Policy) -> str:
    """Say what would clear the alert."""
    if Rule.ANSWER in alert.rules:
        return "Nothing but a person: somebody speaks with them and says what came of it."
    if Rule.PIPELINE in alert.rules:
        return "The next run of `euthymia watch` that scores a new day."
    said = []
    for rule in alert.rules:
        lines = policy.rules[rule]
        days = count_words(lines.close_days, "day")
        if rule is Rule.UNSEEN:
            said.append(f"data again on {days}")
        elif rule is Rule.SCORE:
            said.append("a questionnaire without a further rise, or 30 days")
        else:
            at = f"{lines.close_at or lines.open_at:g} times the line"
            said.append(f"{rule.value} under {at} for {days} in a row")
    taken = alert.acknowledged_at is not None
    end = " It is taken, so somebody has to resolve it as well." if taken else ""
    return f"{'; '.join(said)}.{end}"


def urgent_rule(alert: Alert) -> Rule | None:
    """Return the rule that says what to do next; None for an alert about the clinic itself."""
    return next((rule for rule in _ORDER if rule in alert.rules), None)


def rise_of(alert: Alert) -> str:
    """Return by how many points the newest questionnaire rose that the alert was told of."""
    told = [found[1] for words in alert.words if (found := _RISE.search(words))]
    return told[-1] if told else ""


def suggested(alert: Alert) -> Suggested:
    """Return the next step of the most urgent rule, with what is known of it."""
    rule = urgent_rule(alert)
    if rule is None:
        return Suggested(
            "restart-the-watch",
            "See that the watch runs",
            "Run `euthymia ingest`, `euthymia features` and `euthymia watch`, and see why they "
            "did not run: until then nobody is watched.",
            "Nothing has been scored for longer than the policy allows.",
            (),
            0,
            ("Silence of the pipeline looks like health of the patients.",),
        )
    found = interventions()[STEP_OF[rule]]
    return Suggested(
        STEP_OF[rule],
        found.title,
        found.step.format(points=rise_of(alert), device="phone or watch"),
        found.because,
        found.not_for,
        found.within_days,
        tuple(e.says + (f" ({e.paper}, doi:{e.doi})" if e.doi else "") for e in found.evidence),
    )


def after(alert: Alert, known: Known) -> After:
    """Return what happened after an alert was shown, as far as is known now."""
    done = [s for s in alert.history if s.move is Move.RESOLVE]
    contact = next((s for s in done if s.reason in CONTACTS), None)
    today = day_date(known.today)
    if contact is not None:
        on = date_words(known.summary.local_date(contact.at), today)
        said = f"Reached them on {on} ({contact.by})"
    else:
        said = "No contact on record"
    felt = next((s.felt for s in reversed(done) if s.felt), "")
    score, change = _score_change(alert, known, contact.at if contact else alert.shown_at)
    words = f"{said}; {f'they feel {felt}' if felt else 'how they feel was not asked'}; {score}"
    return After(contact.at if contact else None, said, felt, score, change, words)


def _score_change(alert: Alert, known: Known, since: Micros | None) -> tuple[str, float | None]:
    """Compare the last PHQ-9 before the alert with the first a fortnight after `since`, or later.

    `since`: the contact, or where there was none the alert.
    """
    if alert.shown_at is None or since is None:
        return "it was not shown", None
    totals = [(s.at, s.total) for s in known.summary.phq9 if s.total is not None]
    before = [total for at, total in totals if at <= alert.shown_at]
    later = [total for at, total in totals if since + 14 * DAY_US <= at <= known.now]
    if not before or not later:
        return "no PHQ-9 both before and two weeks or more after", None
    change = later[0] - before[-1]
    return f"PHQ-9 {before[-1]:g} before, {later[0]:g} after ({change:+g})", change


def _level(scores: Sequence[DayScores]) -> Trace | None:
    """Return the highest level of each day as a multiple of the line, which is at 1."""
    if not scores:
        return None
    last = list(scores)[-SHOWN_DAYS:]
    levels = np.array([[s.drift, s.frozen, s.pattern, s.estimate] for s in last])
    with np.errstate(all="ignore"):
        most = np.fmax.reduce(levels, axis=1)
    count = len(last)
    return Trace(
        "level",
        "How far from usual, as a multiple of the line",
        "1",
        tuple(s.day for s in last),
        _plain(most),
        (0.0,) * count,
        (1.0,) * count,
    )
