"""An alert in the making, a person as the engine knows them, and what falls due."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from euthymia.care.alerts.conditions import Condition
from euthymia.care.alerts.contract import Act, Alert, DayScores, Rule, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import State
from euthymia.care.alerts.policy import Policy
from euthymia.ground.clock import DAY_US, Micros

MODELLED: Final = "(modelled)"
"""Who acts where a replay has to assume that somebody did."""

NEWS_DAYS: Final = 30
"""Days for which an answer or a questionnaire is news: item 9 asks about two weeks, twice that."""

_NAME: Final = re.compile(r"-\d+(-2)*$")
STANDING: Final = (State.OPEN, State.ACKNOWLEDGED)
PAUSED: Final = (State.SNOOZED, State.SILENCED)
NEVER_HELD: Final = (Rule.ANSWER.value, Rule.PIPELINE.value)


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
class Case:
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
class Timer:
    """What falls due ("escalate", "wake", "answer", "pipeline"), and since when it runs."""

    what: str
    since: Micros


Item = Policy | Signal | Act | Timer | None


@dataclass(slots=True)
class Person:
    """One person: conditions, the latest case of each group, silences, days of what was shown.

    `awake`: some condition is met, so that the next day's scores have to be looked at closely.
    """

    subject: str
    owner: str = ""
    admitted: bool = False
    scores: DayScores | None = None
    conditions: dict[Rule, Condition] = field(default_factory=dict)
    latest: dict[str, Case] = field(default_factory=dict)
    silences: dict[str, Micros] = field(default_factory=dict)
    shows: list[int] = field(default_factory=list)
    awake: bool = False
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


def spent(days: Sequence[int], today: int, within: int) -> int:
    """Count the entries of the last days, today with them."""
    return sum(day > today - within for day in days)


def named(group: str, day: int, times: int) -> str:
    """Return the name of an alert: of a group, from a day, the `times`-th of that day."""
    return f"{group}-{day}" + "-2" * (times - 1)


def group_named(alert: str) -> str:
    """Return the group in a name that `named` gave."""
    return _NAME.sub("", alert)


def frozen(case: Case) -> Alert:
    """Return the alert as it stands, as a value."""
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


def is_sampled(alert: Alert, share: float) -> bool:
    """Tell whether an alert that was held back is in the sample for audit: always the same ones."""
    told = hashlib.sha256(f"{alert.subject}/{alert.id}".encode()).digest()
    return int.from_bytes(told[:4], "big") < share * 2**32
