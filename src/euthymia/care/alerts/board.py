"""The board: cases raised, shown within budgets, held back with a reason, escalated and cleared."""

import heapq

from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.cases import (
    MODELLED,
    NEVER_HELD,
    NEWS_DAYS,
    PAUSED,
    STANDING,
    Assumed,
    Case,
    Item,
    Person,
    Timer,
    named,
    spent,
)
from euthymia.care.alerts.clocks import Hours
from euthymia.care.alerts.conditions import DAILY
from euthymia.care.alerts.contract import CLINIC, RANK, Act, Rule, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import OVER, Move, State
from euthymia.care.alerts.policy import Group, Policy
from euthymia.ground.clock import DAY_US, Micros

POLICY, SIGNAL, ACT, TIMER, ROUND = range(5)


class Board:
    """What stands, and what falls due. `Engine` feeds it and says what it does."""

    def __init__(self, policy: Policy, zone: str, start: Micros, assumed: Assumed) -> None:
        self.start, self.assumed, self._zone = start, assumed, zone
        self._switch(policy)
        self._queue: list[tuple[Micros, int, str, str, int, Item]] = []
        self._pushed = 0
        self._people: dict[str, Person] = {}
        self._cases: dict[tuple[str, str], Case] = {}
        self._waiting: dict[tuple[str, str], Case] = {}
        self._owner_shows: dict[str, list[int]] = {}
        self._scored_at: Micros | None = None
        self._gone: frozenset[str] = frozenset()
        self.moved = 0  # how often anything happened to any alert

    def _switch(self, policy: Policy) -> None:
        """Go by another policy from here on."""
        self.policy = policy
        self.hours = Hours(policy, policy.time_zone or self._zone)
        self._group = {rule: policy.group_of(rule) for rule in Rule}
        self._daily = policy.daily
        self._opens = [policy.rules[rule].open_at for rule in DAILY]

    def _push(self, at: Micros, kind: int, subject: str, name: str, item: Item) -> None:
        self._pushed += 1  # orders what is alike in all else: the same timer, started twice
        heapq.heappush(self._queue, (at, kind, subject, name, self._pushed, item))

    def _person(self, subject: str) -> Person:
        found = self._people.get(subject)
        if found is None:
            found = self._people[subject] = Person(subject)
        return found

    # -- conditions and alerts -------------------------------------------------------------------

    def _reconsider(self, who: Person, rule: Rule, signal: Signal) -> None:
        """Bring the alert of a rule's group in line with the conditions of its rules."""
        name = self._group[rule]
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

    def _is_past(self, case: Case, group: Group, at: Micros) -> bool:
        if case.state not in OVER or case.over_at is None or case.on:
            return False
        return at - case.over_at > max(group.join_days, group.quiet_days) * DAY_US

    def _raise(self, who: Person, group: str, signal: Signal) -> Case:
        times = 1
        while (who.subject, name := named(group, signal.day, times)) in self._cases:
            times += 1
        case = Case(name, who.subject, group, signal.day, signal.at)
        case.history.append(Step(signal.at, Move.RAISE, State.HELD))
        self._cases[who.subject, name] = case
        who.latest[group] = case
        self._waiting[who.subject, name] = case
        return case

    def _say(self, case: Case, rule: Rule, words: str) -> None:
        if rule not in case.rules:
            case.rules.append(rule)
            lines = self.policy.rules.get(rule)  # a policy need not name the pipeline
            tier = Tier.NOW if lines is None else lines.tier
            case.tier = min(case.tier, tier, key=RANK.__getitem__)
        if words and words not in case.words:
            case.words.append(words)

    def _return(self, case: Case, group: Group, at: Micros) -> None:
        """Bring back an alert that was over, unless it is too soon and no worse."""
        since = max(case.over_at or 0, case.last_shown or 0)
        worse = case.level >= group.worse_by * case.then > 0
        if case.last_shown is not None and at - since < group.quiet_days * DAY_US and not worse:
            self._keep(case, "quiet")
            return
        self._move(case, at, Move.RETURN, reason="worse" if worse else "again")
        case.over_at = None
        self._waiting[case.subject, case.id] = case

    def _off(self, case: Case, at: Micros) -> None:
        """Note that the condition is over; clear the alert where nobody has taken it."""
        case.on = False
        if lifecycle.after(case.state, Move.CLEAR) is not None:
            self._move(case, at, Move.CLEAR)
            self._end(case, at)

    def _end(self, case: Case, at: Micros) -> None:
        case.over_at, case.due, case.until = at, None, None
        case.then = case.level
        case.held = ""
        self._waiting.pop((case.subject, case.id), None)

    # -- shown or held back ----------------------------------------------------------------------

    def _keep(self, case: Case, why: str) -> None:
        case.held = why if case.state is State.HELD else case.held
        if not case.held_for or case.held_for[-1] != why:
            case.held_for.append(why)

    def _muted(self, who: Person, rule: Rule) -> str:
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

    def _why_not(self, who: Person, case: Case, at: Micros) -> str:
        """Return why an alert is not to be shown now, budgets aside; "" if nothing is against."""
        if case.group in NEVER_HELD:
            return ""
        if who.silences.get(case.group, 0) > at:
            return "silenced"
        met = who.met(case.rules, at)
        if not met:
            return "dwell"
        muted = [self._muted(who, rule) for rule in met]
        return f"inhibited: {muted[0]}" if all(muted) else ""

    def _hold(self, who: Person, case: Case, at: Micros) -> None:
        """Say why it is not shown; show at once what interrupts."""
        why = self._why_not(who, case, at)
        if why:
            self._keep(case, why)
            return
        if case.tier is Tier.NOW and at >= self.start:
            self._within_budget_or_held(who, case, at)
        else:
            case.held = "next round"

    def _hide(self, who: Person, at: Micros) -> None:
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
            elif at - case.raised_at > NEWS_DAYS * DAY_US and case.group in NEVER_HELD:
                self._off(case, at)  # history: it was over before anybody was told of anything
            elif case.tier is not Tier.DIGEST or digest:
                who = self._people[case.subject]
                why = self._why_not(who, case, at)
                if why == "dwell" and not any(
                    c.pending for rule in case.rules if (c := who.conditions.get(rule))
                ):
                    self._off(case, at)  # a questionnaire that is no news any more
                elif why:
                    self._keep(case, why)
                else:
                    self._within_budget_or_held(who, case, at)

    def _within_budget_or_held(self, who: Person, case: Case, at: Micros) -> None:
        if case.tier is not Tier.DIGEST and case.group not in NEVER_HELD:
            day = self.hours.local_day(at)
            owner = self._named(who, case, at)
            caps = self.policy.budgets
            theirs = self._owner_shows.setdefault(owner, [])
            if spent(who.shows, day, caps.per_patient.days) >= caps.per_patient.alerts:
                self._keep(case, "budget: patient")
                return
            if spent(theirs, day, caps.per_clinician.days) >= caps.per_clinician.alerts:
                self._keep(case, "budget: clinician")
                return
            who.shows.append(day)
            theirs.append(day)
        self._show(case, at)

    def _named(self, who: Person, case: Case, at: Micros) -> str:
        return self._there(at, case.owner, who.owner)

    def _there(self, at: Micros, *first: str) -> str:
        """Return the first who can take an alert: of these, then on shift, then the lead.

        Where nobody can, the first that is named at all: an alert is never nobody's.
        """
        named = [u for u in (*first, *self.hours.on_shift(at), self.policy.lead) if u]
        return next((u for u in named if u not in self._gone), named[0] if named else "")

    def _show(self, case: Case, at: Micros) -> None:
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
            self._push(due, TIMER, case.subject, case.id, Timer("answer", at))

    # -- timers ----------------------------------------------------------------------------------

    def _start_timer(self, case: Case, at: Micros) -> None:
        lines = self.policy.tiers.get(case.tier)
        steps = lines.escalate if lines is not None else ()
        case.due = None
        if case.rung < len(steps):
            step = steps[case.rung]
            case.due = self.hours.after(at, step.after_min, always=step.always)
            self._push(case.due, TIMER, case.subject, case.id, Timer("escalate", at))

    def _timer(self, at: Micros, subject: str, name: str, timer: "Timer") -> None:
        """Do what falls due, unless what it was started for has changed since."""
        if timer.what == "pipeline":
            self._dead(at, timer.since)
            return
        case = self._cases[subject, name]
        if timer.what == "escalate" and case.due == at:
            self._escalate(case, at)
        elif timer.what == "wake" and case.until == at and case.state in PAUSED:
            self._wake(case, at)
        elif timer.what == "answer" and case.last_shown == timer.since and case.state in STANDING:
            self._finish(case, at, MODELLED, "contacted")

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

    def _to(self, case: Case) -> str:
        """Return to whom an alert goes on now; "" where the policy in force says no such step."""
        lines = self.policy.tiers.get(case.tier)
        if lines is None:
            return ""
        if case.state is State.ACKNOWLEDGED:
            return lines.overdue_to if lines.act_within_min else ""
        return lines.escalate[case.rung].to if case.rung < len(lines.escalate) else ""

    def _escalate(self, case: Case, at: Micros) -> None:
        taken, to = case.state is State.ACKNOWLEDGED, self._to(case)
        if not to:  # the timer was started under a policy that had this step
            case.due = None
            return
        who = self._person(case.subject)
        first = {
            "owner": (who.owner, case.owner),
            "lead": (self.policy.lead,),
            "shift": (),
        }.get(to, (to,))
        named = case.owner = self._there(at, *first)
        case.escalations += 1
        self._move(
            case, at, Move.ESCALATE, reason="not resolved" if taken else "not taken", to=named
        )
        if taken:
            case.due = None
        else:
            case.rung += 1
            self._start_timer(case, at)

    def _wake(self, case: Case, at: Micros) -> None:
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

    def _finish(self, case: Case, at: Micros, by: str, reason: str, act: Act | None = None) -> None:
        if act is None:
            step = Step(at, Move.RESOLVE, State.RESOLVED, by, reason)
        else:
            step = Step(
                at, Move.RESOLVE, State.RESOLVED, by, reason,
                words=act.words, felt=act.felt, step=act.step, act=act.id,
            )  # fmt: skip
        self._do(case, step)
        case.reason = reason
        case.viewed_at = case.viewed_at or at
        self._end(case, at)

    def _move(
        self,
        case: Case,
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
            step = Step(at, move, follows, by, act.reason, act.to, until, act.words, act=act.id)
        else:
            step = Step(at, move, follows, by, reason, to, until)
        self._do(case, step)

    def _do(self, case: Case, step: Step) -> None:
        case.history.append(step)
        case.state = step.state
        self.moved += 1
