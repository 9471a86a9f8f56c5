"""The engine: policy, signals, what people did and a time in; alerts as they stand then out.

Everything that happens is a step of `lifecycle.TRANSITIONS`, in the order of the instants at which
it became known. The engine asks no clock and draws no random number: the same input gives the same
bits, fed at once or in pieces, in whatever order and however often it is delivered. What was said
up to an instant depends on nothing that became known later.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from operator import ge

from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.board import ACT, POLICY, ROUND, SIGNAL, TIMER, Board
from euthymia.care.alerts.cases import NEVER_HELD, Assumed, Case, Person, Timer, frozen, group_named
from euthymia.care.alerts.clocks import HOUR_US
from euthymia.care.alerts.conditions import DAILY, Condition, level_of
from euthymia.care.alerts.contract import CLINIC, Act, Alert, DayScores, Rule, Signal
from euthymia.care.alerts.lifecycle import OVER, Move, State
from euthymia.care.alerts.policy import Policy
from euthymia.ground.clock import DAY_US, Micros


class Engine(Board):
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
        super().__init__(policies[0][1], zone, start, assumed or Assumed())
        self.now: Micros = -(1 << 62)
        self._done: tuple[Micros, int, str, str] = (self.now, 0, "", "")
        self._seen: set[str] = set()
        for number, (since, policy) in enumerate(policies[1:]):
            self._push(since, POLICY, "", f"{number:06d}", policy)
        self._push(start, ROUND, "", "", None)  # what is urgent does not wait for the next morning

    # -- in and out ------------------------------------------------------------------------------

    def feed(self, signals: Iterable[Signal] = (), acts: Iterable[Act] = ()) -> None:
        """Take what became known and what was done; what was taken before changes nothing.

        Raises
        ------
        ValueError
            Something new is of an instant that is over: what was said already cannot be unsaid.
        """
        for kind, items in ((SIGNAL, signals), (ACT, acts)):
            for item in items:
                name = f"{kind}/{item.subject}/{item.id}"
                if name in self._seen:
                    continue
                if (item.at, kind, item.subject, item.id) <= self._done:
                    raise ValueError("an input is of an instant that is over")
                self._seen.add(name)
                self._push(item.at, kind, item.subject, item.id, item)

    def advance(self, until: Micros) -> None:
        """Go on to an instant, and do all that falls due up to and with it."""
        while self._queue and self._queue[0][0] <= until:
            at, kind, subject, name, _, item = heapq.heappop(self._queue)
            self._done = (at, kind, subject, name)
            if isinstance(item, Policy):
                self._switch(item)
                self._carry_over(at)
            elif isinstance(item, Signal):
                self._signal(item)
            elif isinstance(item, Act):
                self._act(item)
            elif isinstance(item, Timer):
                self._timer(at, subject, name, item)
            else:
                self._round(at)
                self._push(self.hours.round_after(at), ROUND, "", "", None)
        self.now = max(self.now, until)

    def alerts(self) -> tuple[Alert, ...]:
        """Return every alert there ever was, in the order in which they were raised."""
        return tuple(frozen(case) for case in self._cases.values())

    def _carry_over(self, at: Micros) -> None:
        """Bring what stands under a policy that comes into force: its groups, its next steps.

        Timers that run run on. An alert whose rule is in another group now is that group's, unless
        that group has one that stands: so what was one alert does not become two.
        """
        for who in self._people.values():
            self._regroup(who)
        for case in self._cases.values():
            if case.state is State.OPEN and case.due is None:
                self._start_timer(case, at)

    def _regroup(self, who: Person) -> None:
        """Put a person's alerts, all at once, where their first rules are; what stands goes first.

        Whose group has one already keeps its own name, where nobody else has taken that.
        """
        order = sorted(who.latest.values(), key=lambda c: c.state in OVER)
        found: dict[str, Case] = {}
        for case in order:
            found.setdefault(self._group[case.rules[0]], case)
        placed = {case.id for case in found.values()}
        for case in order:
            if case.id not in placed:
                found.setdefault(case.group, case)
        who.silences = {
            name: who.silences[case.group]
            for name, case in found.items()
            if case.group in who.silences
        }
        for name, case in found.items():
            case.group = name
        who.latest = found

    # -- what becomes known ----------------------------------------------------------------------

    def _signal(self, signal: Signal) -> None:
        if signal.kind == "scored":
            self._scored(signal)
            return
        if signal.kind == "gone":
            self._gone = frozenset(signal.words.split("\n"))
            return
        who = self._person(signal.subject)
        if signal.kind == "day" and signal.scores is not None:
            self._day(who, signal, signal.scores)
        elif signal.kind == "answer":
            self._answer(who, signal)
        elif signal.kind == "score":
            who.scored_at = signal.at
            self._take(who, Rule.SCORE, signal.level)
            who.awake = True
            self._reconsider(who, Rule.SCORE, signal)
        elif signal.kind in {"admitted", "discharged"}:
            who.admitted = signal.kind == "admitted"
            self._hide(who, signal.at)
        elif signal.kind == "owner":
            who.owner = signal.words

    def _take(self, who: Person, rule: Rule, value: float) -> None:
        condition = who.conditions.get(rule)
        if condition is None:
            condition = who.conditions[rule] = Condition()
        condition.take(value, self.policy.rules[rule])

    def _day(self, who: Person, signal: Signal, scores: DayScores) -> None:
        who.scores = scores
        levels = [level_of(rule, scores) for rule in DAILY]
        if not who.awake and not any(map(ge, levels, self._opens)):
            return  # nothing was met, and nothing is: most days of most people
        for rule, level in zip(DAILY, levels, strict=True):
            self._take(who, rule, level)
        for rule in self._daily:
            self._reconsider(who, rule, signal)
        who.awake = any(c.on or c.pending for c in who.conditions.values())
        self._hide(who, signal.at)

    def _answer(self, who: Person, signal: Signal) -> None:
        if signal.level < self.policy.rules[Rule.ANSWER].open_at:
            return
        case = who.latest.get(Rule.ANSWER)
        if case is None or case.state is not State.OPEN:
            case = self._raise(who, Rule.ANSWER.value, signal)
        elif signal.at > case.raised_at:  # said again: whoever has its page open has not read that
            worse = signal.level > case.level
            self._move(case, signal.at, Move.RETURN, reason="worse" if worse else "again")
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
        due = signal.at + self.policy.pipeline_hours * HOUR_US
        self._push(due, TIMER, CLINIC, "", Timer("pipeline", signal.at))

    # -- people ----------------------------------------------------------------------------------

    def _target(self, act: Act) -> Case | None:
        """Return the alert that an act is about.

        One that is not there any more (a consent is withdrawn: it began with scores, and goes on
        with a questionnaire) is the same person's of that kind. Of answers about self-harm each
        is its own.
        """
        case = self._cases.get((act.subject, act.alert))
        group = group_named(act.alert)
        if case is None and (self.assumed.by_group or group not in NEVER_HELD):
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
            self._finish(case, act.at, act.by, act.reason, act)
        else:
            self._taken(case, act)

    def _taken(self, case: Case, act: Act) -> None:
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
            self._push(until, TIMER, case.subject, case.id, Timer("wake", act.at))

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

    def _overdue(self, case: Case, at: Micros) -> None:
        lines = self.policy.tiers.get(case.tier)
        if lines is not None and lines.act_within_min:
            case.due = self.hours.after(at, lines.act_within_min, always=True)
            self._push(case.due, TIMER, case.subject, case.id, Timer("escalate", at))


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
