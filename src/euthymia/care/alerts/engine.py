"""The engine: policy, signals, what people did and a time in; alerts as they stand then out.

Everything that happens is a step of `lifecycle.TRANSITIONS`, in the order of the instants at which
it became known. The engine asks no clock and draws no random number: the same input gives the same
bits, fed at once or in pieces, in whatever order and however often it is delivered. What was said
up to an instant depends on nothing that became known later.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.clocks import MINUTE_US, Hours
from euthymia.care.alerts.conditions import DAILY, Condition, level_of
from euthymia.care.alerts.contract import (
    CLINIC,
    RANK,
    Act,
    Alert,
    DayScores,
    Rule,
    Signal,
    Step,
    Tier,
)
from euthymia.care.alerts.lifecycle import OVER, Move, State
from euthymia.care.alerts.policy import Group, Policy
from euthymia.ground.clock import DAY_US, Micros

MODELLED: Final = "(modelled)"
"""Who acts where a replay has to assume that somebody did."""

NEWS_DAYS: Final = 30
"""Days for which an answer or a questionnaire is news: item 9 asks about two weeks, twice that."""

_SHOWN: Final = (State.OPEN, State.ACKNOWLEDGED)
_PAUSED: Final = (State.SNOOZED, State.SILENCED)
_NEVER_HELD: Final = (Rule.ANSWER.value, Rule.PIPELINE.value)
_POLICY, _SIGNAL, _ACT, _TIMER, _ROUND = range(5)
_HOUR_US: Final = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a replay assumes of people where nothing is on record.

    `answer_us`: each alert is resolved so long after it was shown; None: nobody does anything.
    `by_group`: an act on an alert that does not exist here is taken for the alert of the same
    person and group that stands then.
    """

    answer_us: Micros | None = None
    by_group: bool = False


@dataclass(slots=True)
class _Case:
    """An alert in the making: what `Alert` says, still changing."""

    id: str
    subject: str
    group: str
    day: int
    raised_at: Micros
    rules: list[Rule] = field(default_factory=list)
    state: State = State.HELD
    tier: Tier = Tier.DIGEST
    shown_at: Micros | None = None
    last_shown: Micros | None = None
    owner: str = ""
    escalations: int = 0
    rung: int = 0
    due: Micros | None = None
    until: Micros | None = None
    held: str = ""
    held_for: list[str] = field(default_factory=list)
    level: float = 0.0
    peak: float = 0.0
    then: float = 0.0  # the level when somebody last dealt with it
    on: bool = True
    viewed_at: Micros | None = None
    acknowledged_at: Micros | None = None
    over_at: Micros | None = None
    reason: str = ""
    words: list[str] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Timer:
    """What falls due ("escalate", "wake", "answer", "pipeline"), and since when it runs."""

    what: str
    since: Micros


_Item = Policy | Signal | Act | _Timer | None


@dataclass(slots=True)
class _Person:
    subject: str
    owner: str = ""
    admitted: bool = False
    scores: DayScores | None = None
    conditions: dict[Rule, Condition] = field(default_factory=dict)
    latest: dict[str, _Case] = field(default_factory=dict)
    silences: dict[str, Micros] = field(default_factory=dict)
    shows: list[int] = field(default_factory=list)
    scored_at: Micros = 0  # when the newest questionnaire became known

    def met(self, rules: Iterable[Rule], at: Micros) -> list[Rule]:
        """Return those of the rules whose condition is on; a questionnaire is news for a while."""
        return [
            rule
            for rule in rules
            if (c := self.conditions.get(rule)) is not None
            and c.on
            and not (rule is Rule.SCORE and at - self.scored_at > NEWS_DAYS * DAY_US)
        ]


class Engine:
    """See the module. Feed it, advance it, read it; it forgets nothing.

    Parameters
    ----------
    policies : sequence of (Micros, Policy)
        The policy in force from each instant on, oldest first.
    zone : str
        The clinic's time zone, where a policy names none.
    start : Micros
        Before it nothing is shown and no timer runs: what was known then is history.
    assumed : Assumed
        For replays; nothing is assumed of the live clinic.
    """

    def __init__(
        self,
        policies: Sequence[tuple[Micros, Policy]],
        zone: str,
        start: Micros,
        assumed: Assumed | None = None,
    ) -> None:
        if not policies:
            raise ValueError("an engine needs a policy")
        self.start, self.assumed, self._zone = start, assumed or Assumed(), zone
        self.policy = policies[0][1]
        self.hours = Hours(self.policy, self.policy.time_zone or zone)
        self.now: Micros = -(1 << 62)
        self._seen: set[str] = set()
        self._queue: list[tuple[Micros, int, str, str, int, _Item]] = []
        self._pushed = 0
        self._people: dict[str, _Person] = {}
        self._cases: dict[tuple[str, str], _Case] = {}
        self._waiting: dict[tuple[str, str], _Case] = {}
        self._owner_shows: dict[str, list[int]] = {}
        self._scored_at: Micros | None = None
        for number, (since, policy) in enumerate(policies[1:]):
            self._push(since, _POLICY, "", f"{number:06d}", policy)
        self._push(self.hours.round_after(start - 1), _ROUND, "", "", None)

    # -- in and out ------------------------------------------------------------------------------

    def feed(self, signals: Iterable[Signal] = (), acts: Iterable[Act] = ()) -> None:
        """Take what became known and what was done; what was taken before changes nothing.

        Raises
        ------
        ValueError
            Something new is of an instant that is over: what was said already cannot be unsaid.
        """
        for kind, items in ((_SIGNAL, signals), (_ACT, acts)):
            for item in items:
                name = f"{kind}/{item.subject}/{item.id}"
                if name in self._seen:
                    continue
                if item.at <= self.now:
                    raise ValueError("an input is of an instant that is over")
                self._seen.add(name)
                self._push(item.at, kind, item.subject, item.id, item)

    def advance(self, until: Micros) -> None:
        """Go on to an instant, and do all that falls due up to and with it."""
        while self._queue and self._queue[0][0] <= until:
            at, _, subject, name, _, item = heapq.heappop(self._queue)
            if isinstance(item, Policy):
                self._switch(item)
            elif isinstance(item, Signal):
                self._signal(item)
            elif isinstance(item, Act):
                self._act(item)
            elif isinstance(item, _Timer):
                self._timer(at, subject, name, item)
            else:
                self._round(at)
                self._push(self.hours.round_after(at), _ROUND, "", "", None)
        self.now = max(self.now, until)

    def alerts(self) -> tuple[Alert, ...]:
        """Return every alert there ever was, in the order in which they were raised."""
        return tuple(_frozen(case) for case in self._cases.values())

    def sampled(self, alert: Alert) -> bool:
        """Tell whether an alert that was held back is in the sample for audit."""
        told = hashlib.sha256(f"{alert.subject}/{alert.id}".encode()).digest()
        return int.from_bytes(told[:4], "big") < self.policy.audit_share * 2**32

    def _push(self, at: Micros, kind: int, subject: str, name: str, item: "_Item") -> None:
        self._pushed += 1  # orders what is alike in all else: the same timer, started twice
        heapq.heappush(self._queue, (at, kind, subject, name, self._pushed, item))

    def _switch(self, policy: Policy) -> None:
        self.policy = policy
        self.hours = Hours(policy, policy.time_zone or self._zone)

    # -- what becomes known ----------------------------------------------------------------------

    def _person(self, subject: str) -> _Person:
        found = self._people.get(subject)
        if found is None:
            found = self._people[subject] = _Person(subject)
        return found

    def _signal(self, signal: Signal) -> None:
        if signal.kind == "scored":
            self._scored(signal)
            return
        who = self._person(signal.subject)
        if signal.kind == "day" and signal.scores is not None:
            self._day(who, signal, signal.scores)
        elif signal.kind == "answer":
            self._answer(who, signal)
        elif signal.kind == "score":
            who.scored_at = signal.at
            self._take(who, Rule.SCORE, signal.level)
            self._reconsider(who, Rule.SCORE, signal)
        elif signal.kind in {"admitted", "discharged"}:
            who.admitted = signal.kind == "admitted"
            self._hide(who, signal.at)
        elif signal.kind == "owner":
            who.owner = signal.words

    def _take(self, who: _Person, rule: Rule, value: float) -> None:
        condition = who.conditions.get(rule)
        if condition is None:
            condition = who.conditions[rule] = Condition()
        condition.take(value, self.policy.rules[rule])

    def _day(self, who: _Person, signal: Signal, scores: DayScores) -> None:
        who.scores = scores
        for rule in DAILY:
            self._take(who, rule, level_of(rule, scores))
        done: set[str] = set()
        for rule in DAILY:
            group = self.policy.group_of(rule)
            if group not in done:
                done.add(group)
                self._reconsider(who, rule, signal)
        self._hide(who, signal.at)

    def _answer(self, who: _Person, signal: Signal) -> None:
        if signal.level < self.policy.rules[Rule.ANSWER].open_at:
            return
        case = who.latest.get(Rule.ANSWER)
        if case is None or case.state is not State.OPEN:
            case = self._raise(who, Rule.ANSWER.value, signal)
        case.level = signal.level
        case.peak = max(case.peak, signal.level)
        self._say(case, Rule.ANSWER, signal.words)
        if case.state is State.HELD and signal.at >= self.start:
            self._show(case, signal.at)

    def _scored(self, signal: Signal) -> None:
        self._scored_at = signal.at
        who = self._person(CLINIC)
        case = who.latest.get(Rule.PIPELINE)
        if case is not None and case.on:
            self._off(case, signal.at)
        due = signal.at + self.policy.pipeline_hours * _HOUR_US
        self._push(due, _TIMER, CLINIC, "", _Timer("pipeline", signal.at))

    # -- conditions and alerts -------------------------------------------------------------------

    def _reconsider(self, who: _Person, rule: Rule, signal: Signal) -> None:
        """Bring the alert of a rule's group in line with the conditions of its rules."""
        name = self.policy.group_of(rule)
        group = self.policy.group(name)
        met = who.met(group.rules, signal.at)
        met += [r for r in group.rules if (c := who.conditions.get(r)) and c.pending]
        case = who.latest.get(name)
        if not met:
            if case is not None and case.on:
                self._off(case, signal.at)
            return
        level = max(who.conditions[r].level for r in met)
        if case is None or self._is_past(case, group, signal.at):
            case = self._raise(who, name, signal)
        case.level, case.peak, case.on = level, max(case.peak, level), True
        for each in met:
            self._say(case, each, signal.words if each is Rule.SCORE else "")
        if case.state in OVER:
            self._return(case, group, signal.at)
        elif case.state is State.SNOOZED and level >= group.worse_by * case.then > 0:
            self._move(case, signal.at, Move.WAKE, reason="worse")
            case.until, case.rung = None, 0
            self._start_timer(case, signal.at)
        if case.state is State.HELD:
            self._hold(who, case, signal.at)

    def _is_past(self, case: _Case, group: Group, at: Micros) -> bool:
        if case.state not in OVER or case.over_at is None or case.on:
            return False
        return at - case.over_at > max(group.join_days, group.quiet_days) * DAY_US

    def _raise(self, who: _Person, group: str, signal: Signal) -> _Case:
        name = f"{group}-{signal.day}"
        while (who.subject, name) in self._cases:
            name += "-2"
        case = _Case(name, who.subject, group, signal.day, signal.at)
        case.history.append(Step(signal.at, Move.RAISE, State.HELD))
        self._cases[who.subject, name] = case
        who.latest[group] = case
        self._waiting[who.subject, name] = case
        return case

    def _say(self, case: _Case, rule: Rule, words: str) -> None:
        if rule not in case.rules:
            case.rules.append(rule)
            case.tier = min(case.tier, self.policy.rules[rule].tier, key=RANK.__getitem__)
        if words and words not in case.words:
            case.words.append(words)

    def _return(self, case: _Case, group: Group, at: Micros) -> None:
        """Bring back an alert that was over, unless it is too soon and no worse."""
        since = max(case.over_at or 0, case.last_shown or 0)
        worse = case.level >= group.worse_by * case.then > 0
        if case.last_shown is not None and at - since < group.quiet_days * DAY_US and not worse:
            self._keep(case, "quiet")
            return
        self._move(case, at, Move.RETURN, reason="worse" if worse else "again")
        case.over_at = None
        self._waiting[case.subject, case.id] = case

    def _off(self, case: _Case, at: Micros) -> None:
        """Note that the condition is over; clear the alert where nobody has taken it."""
        case.on = False
        if lifecycle.after(case.state, Move.CLEAR) is not None:
            self._move(case, at, Move.CLEAR)
            self._end(case, at)

    def _end(self, case: _Case, at: Micros) -> None:
        case.over_at, case.due, case.until = at, None, None
        case.then = case.level
        case.held = ""
        self._waiting.pop((case.subject, case.id), None)

    # -- shown or held back ----------------------------------------------------------------------

    def _keep(self, case: _Case, why: str) -> None:
        case.held = why if case.state is State.HELD else case.held
        if not case.held_for or case.held_for[-1] != why:
            case.held_for.append(why)

    def _muted(self, who: _Person, rule: Rule) -> str:
        """Return what keeps a rule from being shown now; "" if nothing does."""
        scores = who.scores
        for entry in self.policy.inhibit:
            if rule not in entry.mutes:
                continue
            if entry.when == "admitted" and who.admitted:
                return "admitted"
            if scores is None:
                continue
            if entry.when == "unseen" and scores.unseen_days >= entry.days:
                return "unseen"
            if entry.when == "excused" and scores.excused:
                return "excused"
        return ""

    def _why_not(self, who: _Person, case: _Case, at: Micros) -> str:
        """Return why an alert is not to be shown now, budgets aside; "" if nothing is against."""
        if case.group in _NEVER_HELD:
            return ""
        if who.silences.get(case.group, 0) > at:
            return "silenced"
        met = who.met(case.rules, at)
        if not met:
            return "dwell"
        muted = [self._muted(who, rule) for rule in met]
        return f"inhibited: {muted[0]}" if all(muted) else ""

    def _hold(self, who: _Person, case: _Case, at: Micros) -> None:
        """Say why it is not shown; show at once what interrupts."""
        why = self._why_not(who, case, at)
        if why:
            self._keep(case, why)
            return
        if case.tier is Tier.NOW and at >= self.start:
            self._within_budget_or_held(who, case, at)
        else:
            case.held = "next round"

    def _hide(self, who: _Person, at: Micros) -> None:
        """Take back what stands open and nobody has taken, where an inhibition says so."""
        hiding = [i for i in self.policy.inhibit if i.hides_open and i.when == "admitted"]
        if not (hiding and who.admitted):
            return
        for case in who.latest.values():
            rules = who.met(case.rules, at)
            if case.state is State.OPEN and rules and all(self._muted(who, r) for r in rules):
                self._move(case, at, Move.HOLD, reason="inhibited: admitted")
                self._keep(case, "inhibited: admitted")
                case.due = None
                self._waiting[case.subject, case.id] = case

    def _round(self, at: Micros) -> None:
        """Make the list of the day: the most urgent first, as far as the budgets go."""
        order = sorted(
            self._waiting.values(),
            key=lambda c: (RANK[c.tier], -c.level, c.raised_at, c.subject, c.id),
        )
        digest = self.hours.is_digest_day(at)
        for case in order:
            if case.state is not State.HELD:
                self._waiting.pop((case.subject, case.id), None)
            elif at - case.raised_at > NEWS_DAYS * DAY_US and case.group in _NEVER_HELD:
                self._off(case, at)  # history: it was over before anybody was told of anything
            elif case.tier is not Tier.DIGEST or digest:
                who = self._people[case.subject]
                why = self._why_not(who, case, at)
                if why:
                    self._keep(case, why)
                else:
                    self._within_budget_or_held(who, case, at)

    def _within_budget_or_held(self, who: _Person, case: _Case, at: Micros) -> None:
        if case.tier is not Tier.DIGEST and case.group not in _NEVER_HELD:
            day = self.hours.local_day(at)
            owner = self._named(who, case, at)
            caps = self.policy.budgets
            theirs = self._owner_shows.setdefault(owner, [])
            if _spent(who.shows, day, caps.per_patient.days) >= caps.per_patient.alerts:
                self._keep(case, "budget: patient")
                return
            if _spent(theirs, day, caps.per_clinician.days) >= caps.per_clinician.alerts:
                self._keep(case, "budget: clinician")
                return
            who.shows.append(day)
            theirs.append(day)
        self._show(case, at)

    def _named(self, who: _Person, case: _Case, at: Micros) -> str:
        return case.owner or who.owner or self.hours.on_shift(at) or self.policy.lead

    def _show(self, case: _Case, at: Micros) -> None:
        who = self._person(case.subject)
        case.owner = self._named(who, case, at)
        self._move(case, at, Move.SHOW, to=case.owner)
        case.shown_at = at if case.shown_at is None else case.shown_at
        case.last_shown, case.then, case.held = at, case.level, ""
        case.escalations = case.rung = 0
        self._waiting.pop((case.subject, case.id), None)
        self._start_timer(case, at)
        if self.assumed.answer_us is not None:
            due = at + self.assumed.answer_us
            self._push(due, _TIMER, case.subject, case.id, _Timer("answer", at))

    # -- timers ----------------------------------------------------------------------------------

    def _start_timer(self, case: _Case, at: Micros) -> None:
        lines = self.policy.tiers.get(case.tier)
        steps = lines.escalate if lines is not None else ()
        case.due = None
        if case.rung < len(steps):
            step = steps[case.rung]
            case.due = self.hours.after(at, step.after_min, always=step.always)
            self._push(case.due, _TIMER, case.subject, case.id, _Timer("escalate", at))

    def _timer(self, at: Micros, subject: str, name: str, timer: "_Timer") -> None:
        """Do what falls due, unless what it was started for has changed since."""
        if timer.what == "pipeline":
            self._dead(at, timer.since)
            return
        case = self._cases[subject, name]
        if timer.what == "escalate" and case.due == at:
            self._escalate(case, at)
        elif timer.what == "wake" and case.until == at and case.state in _PAUSED:
            self._wake(case, at)
        elif timer.what == "answer" and case.last_shown == timer.since and case.state in _SHOWN:
            self._finish(case, at, MODELLED, "contacted", "", "")

    def _dead(self, at: Micros, since: Micros) -> None:
        """Nothing was scored since: an alert about the clinic itself."""
        if self._scored_at != since or at < self.start:
            return
        who = self._person(CLINIC)
        known = Signal("dead", CLINIC, at, "dead", self.hours.local_day(at))
        case = self._raise(who, Rule.PIPELINE.value, known)
        case.level = case.peak = 1.0
        self._say(case, Rule.PIPELINE, f"Nothing was scored for {self.policy.pipeline_hours} hours")
        self._show(case, at)

    def _escalate(self, case: _Case, at: Micros) -> None:
        lines = self.policy.tiers[case.tier]
        taken = case.state is State.ACKNOWLEDGED
        to = lines.overdue_to if taken else lines.escalate[case.rung].to
        who = self._person(case.subject)
        named = {
            "owner": who.owner or case.owner,
            "lead": self.policy.lead,
            "shift": self.hours.on_shift(at) or self.policy.lead,
        }.get(to, to)
        case.owner = named
        case.escalations += 1
        self._move(
            case, at, Move.ESCALATE, reason="not resolved" if taken else "not taken", to=named
        )
        if taken:
            case.due = None
        else:
            case.rung += 1
            self._start_timer(case, at)

    def _wake(self, case: _Case, at: Micros) -> None:
        silenced = case.state is State.SILENCED
        if not case.on:
            self._off(case, at)
            return
        self._move(case, at, Move.WAKE, reason="the time is up")
        case.until = None
        if silenced:
            self._waiting[case.subject, case.id] = case
            self._hold(self._person(case.subject), case, at)
        else:
            case.rung = 0
            self._start_timer(case, at)

    # -- people ----------------------------------------------------------------------------------

    def _target(self, act: Act) -> _Case | None:
        case = self._cases.get((act.subject, act.alert))
        if case is None and self.assumed.by_group:
            group = act.alert.rpartition("-")[0].removesuffix("-2")
            return self._person(act.subject).latest.get(group)
        return case

    def _act(self, act: Act) -> None:
        """Do what a person asked for, where the table has it; else it changes nothing."""
        case = self._target(act)
        if case is None or lifecycle.after(case.state, act.move) is None:
            return
        if act.move is Move.VIEW:
            if case.viewed_at is None:
                self._move(case, act.at, Move.VIEW, by=act.by, act=act)
                case.viewed_at = act.at
        elif act.move is Move.RESOLVE:
            self._finish(case, act.at, act.by, act.reason, act.words, act.id)
        else:
            self._taken(case, act)

    def _taken(self, case: _Case, act: Act) -> None:
        if act.move is Move.ACKNOWLEDGE and (case.state, case.owner) == (
            State.ACKNOWLEDGED,
            act.by,
        ):
            return
        until = self._until(act)
        self._move(case, act.at, act.move, by=act.by, act=act, until=until)
        case.reason, case.then, case.due, case.until = act.reason, case.level, None, until
        case.viewed_at = case.viewed_at or act.at
        if act.move is Move.ACKNOWLEDGE:
            case.acknowledged_at = case.acknowledged_at or act.at
            case.owner = act.by
            self._overdue(case, act.at)
        elif act.move is Move.REASSIGN:
            case.owner, case.rung = act.to, 0
            self._start_timer(case, act.at)
        elif until is not None:
            if act.move is Move.SILENCE:
                self._person(case.subject).silences[case.group] = until
                self._waiting.pop((case.subject, case.id), None)
            self._push(until, _TIMER, case.subject, case.id, _Timer("wake", act.at))

    def _until(self, act: Act) -> Micros | None:
        """Return when a snooze or silence ends: never later than the policy allows."""
        most = {
            Move.SNOOZE: self.policy.max_snooze_days,
            Move.SILENCE: self.policy.max_silence_days,
        }.get(act.move)
        if most is None:
            return None
        last = act.at + most * DAY_US
        return last if act.until is None else max(act.at + 1, min(act.until, last))

    def _overdue(self, case: _Case, at: Micros) -> None:
        lines = self.policy.tiers.get(case.tier)
        if lines is not None and lines.act_within_min:
            case.due = self.hours.after(at, lines.act_within_min, always=True)
            self._push(case.due, _TIMER, case.subject, case.id, _Timer("escalate", at))

    def _finish(
        self, case: _Case, at: Micros, by: str, reason: str, words: str, ident: str
    ) -> None:
        step = Step(at, Move.RESOLVE, State.RESOLVED, by, reason, words=words, act=ident)
        self._do(case, step)
        case.reason = reason
        case.viewed_at = case.viewed_at or at
        self._end(case, at)

    def _move(
        self,
        case: _Case,
        at: Micros,
        move: Move,
        *,
        by: str = "",
        reason: str = "",
        to: str = "",
        act: Act | None = None,
        until: Micros | None = None,
    ) -> None:
        follows = lifecycle.TRANSITIONS[case.state, move]
        if act is not None:
            step = Step(at, move, follows, by, act.reason, act.to, until, act.words, act.id)
        else:
            step = Step(at, move, follows, by, reason, to, until)
        self._do(case, step)

    def _do(self, case: _Case, step: Step) -> None:
        case.history.append(step)
        case.state = step.state


def _spent(days: Sequence[int], today: int, within: int) -> int:
    """Count the entries of the last days, today with them."""
    return sum(day > today - within for day in days)


def _frozen(case: _Case) -> Alert:
    return Alert(
        id=case.id,
        subject=case.subject,
        group=case.group,
        tier=case.tier,
        state=case.state,
        rules=tuple(case.rules),
        day=case.day,
        raised_at=case.raised_at,
        shown_at=case.shown_at,
        owner=case.owner,
        escalations=case.escalations,
        due=case.due,
        until=case.until,
        held=case.held,
        held_for=tuple(case.held_for),
        level=case.level,
        peak=case.peak,
        on=case.on,
        viewed_at=case.viewed_at,
        acknowledged_at=case.acknowledged_at,
        over_at=case.over_at,
        reason=case.reason,
        words=tuple(case.words),
        history=tuple(case.history),
    )


def run(
    policies: Sequence[tuple[Micros, Policy]],
    signals: Iterable[Signal],
    acts: Iterable[Act],
    *,
    zone: str,
    start: Micros,
    until: Micros,
    assumed: Assumed | None = None,
) -> tuple[Alert, ...]:
    """Return the alerts as they stand at `until`; the parameters are those of `Engine`."""
    engine = Engine(policies, zone, start, assumed)
    engine.feed((s for s in signals if s.at <= until), (a for a in acts if a.at <= until))
    engine.advance(until)
    return engine.alerts()


def digest_of(alerts: Iterable[Alert]) -> str:
    """Return SHA-256 of everything that alerts say: two runs are alike if this is."""
    import msgspec

    return hashlib.sha256(msgspec.json.encode(list(alerts))).hexdigest()
