"""What passes between the engine of alerts, the pages and the record. All of it is values.

The engine (`care/alerts/engine.py`) is pure: the policy, what became known about people and when
(`Signal`), what people did (`Act`) and a time give the alerts as they stand then. The same input
gives the same bits, in pieces or at once, whatever came twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from euthymia.care.alerts.lifecycle import Move, State
from euthymia.ground.clock import Micros


class Tier(StrEnum):
    """How an alert reaches people."""

    NOW = "now"  # interrupts a named person
    WORKLIST = "worklist"  # stands in the list of the day
    DIGEST = "digest"  # one line in the summary of the week


RANK: Final = {Tier.NOW: 0, Tier.WORKLIST: 1, Tier.DIGEST: 2}


class Rule(StrEnum):
    """What can be the matter. A policy says the tier and the lines of each."""

    ANSWER = "answer"  # item 9 of the PHQ-9, or a C-SSRS answer: no statistics
    SCORE = "score"  # a reliable worsening of a questionnaire
    ESTIMATE = "estimate"  # a model's probability over its line
    DRIFT = "drift"  # the signed composite against the rolling baseline
    FROZEN = "frozen"  # the same against the baseline that a clinician froze
    PATTERN = "pattern"  # all features together, either way
    UNSEEN = "unseen"  # nobody has seen anything of them for days
    PIPELINE = "pipeline"  # nothing was scored for hours: about the clinic, not a person


CLINIC: Final = "clinic"
"""The subject of alerts about the clinic itself: the dead-man's switch."""


@dataclass(frozen=True, slots=True)
class DayScores:
    """What the watch says of one local day, as it stood when the engine first saw it.

    Levels are multiples of the line in force on that day; NaN: not known.
    """

    day: int
    drift: float
    frozen: float
    pattern: float
    estimate: float
    unseen_days: float
    coverage: float
    excused: bool = False
    log_e: float = float("nan")


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that became known about a person.

    `id` is the same whenever the same thing is delivered again, which then changes nothing. `at`
    is when it became known here, the one order the engine goes by; `day` the local day it is of.
    Of the clinic itself are "scored" (a run of the watch) and "gone" (`words`: who of those that
    alerts could go to cannot take any from now on, a name a line).
    """

    id: str
    subject: str
    at: Micros
    kind: str  # "day", "answer", "score", "admitted", "discharged", "owner"; of the clinic: below
    day: int
    scores: DayScores | None = None
    level: float = 0.0  # of an answer: its points; of a score: its rise
    words: str = ""  # what a person reads: "PHQ-9 item 9: several days"
    value: float | None = None  # of a score: the total


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did with an alert, and why. `id` makes a second delivery harmless.

    `until` ends a snooze or a silence, `to` is whom it is handed to, `step` the intervention that
    was done, `contact` whether the person was spoken with, `felt` what they said of how they feel
    since ("better", "same", "worse"; "" where nobody asked).
    """

    id: str
    alert: str
    subject: str
    at: Micros
    by: str
    move: Move
    reason: str
    words: str = ""
    until: Micros | None = None
    to: str = ""
    step: str = ""
    felt: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an alert's history: what happened, when, by whom ("" is the engine), why."""

    at: Micros
    move: Move
    state: State
    by: str = ""
    reason: str = ""
    to: str = ""
    until: Micros | None = None
    words: str = ""
    felt: str = ""  # what the person said of how they feel since
    step: str = ""  # the intervention that was done
    act: str = ""  # the act's id, where a person did it


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: one episode of one person, however many rules and days are in it.

    `rules` are in the order in which they came; `tier` is the most urgent of theirs. `held` says
    why it is not shown now ("" if it is): "dwell", "budget", "inhibited: ...", "silenced". `owner`
    is the named person whose it is; `due` when it escalates next; `until` ends a snooze or silence.
    """

    id: str
    subject: str
    group: str
    tier: Tier
    state: State
    rules: tuple[Rule, ...]
    day: int  # the local day it is from
    raised_at: Micros
    shown_at: Micros | None = None
    owner: str = ""
    escalations: int = 0
    due: Micros | None = None
    until: Micros | None = None
    held: str = ""
    held_for: tuple[str, ...] = ()  # every reason for which it was ever held back, in order
    level: float = 0.0  # the highest now, as a multiple of its line
    peak: float = 0.0
    on: bool = True  # whether its condition is still met
    viewed_at: Micros | None = None
    acknowledged_at: Micros | None = None
    over_at: Micros | None = None
    reason: str = ""  # the reason of the last thing a person did
    words: tuple[str, ...] = ()
    history: tuple[Step, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether it stands before somebody's eyes now."""
        return self.state in {State.OPEN, State.ACKNOWLEDGED}


@dataclass(frozen=True, slots=True)
class Trace:
    """A small picture of one feature: values of days beside the person's own band.

    Arrays of one length, the oldest day first; None where nothing was seen.
    """

    feature: str
    title: str
    unit: str
    days: tuple[int, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed against this person's own band, in words and as a small picture."""

    feature: str
    words: str  # "Time at home: more than usual for them (19 h, usually 11 to 15 h)"
    z: float
    worse: bool  # it moved in the direction in which a worsening usually moves it
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Suggested:
    """A next step, of a file of `care/interventions`, and what is known of it."""

    name: str
    title: str
    step: str
    because: str
    not_for: tuple[str, ...]
    within_days: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class After:
    """What happened after an alert was shown, as far as is known now."""

    contacted_at: Micros | None
    contact: str  # in words: "Reached them on 3 June (dr-lind)", "No contact on record"
    felt: str  # "better", "same", "worse" or ""
    score: str  # "PHQ-9 14 before, 9 after (-5)" or why there is none
    score_change: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Card:
    """All that an alert carries to whoever opens it."""

    alert: Alert
    headline: str
    why: tuple[str, ...]
    since_on: date
    changes: tuple[Change, ...]
    seen: str
    unseen: str
    evidence: tuple[str, ...]
    clears: str
    next_step: Suggested
    after: After
    actions: tuple[Move, ...]
    reasons: Mapping[str, Mapping[str, str]]
    level: Trace | None = None  # the score itself against its line
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One alert as a row of the worklist."""

    alert: Alert
    headline: str
    since_on: date
    seen: str
    next_step: str
    owner: str
    due_words: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The alerts of everybody a person may see, in the order of the policy.

    `lines` are shown now; `digest` is the week's summary; `held` what is not shown and why;
    `notices` are about the clinic itself (the dead-man's switch).
    """

    at: Micros
    lines: tuple[Line, ...] = ()
    digest: tuple[Line, ...] = ()
    held: tuple[Line, ...] = ()
    notices: tuple[Alert, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    started: bool = True  # whether the clinic has ever run `euthymia alerts run`
    policy: str = ""  # name and version of the policy in force
    digest_of_policy: str = ""
