"""The life of an alert: its states, what moves it, and the one table that says what follows.

Nothing else decides which state comes next: the engine, the pages and the diagram in
`docs/alerts.md` all read `TRANSITIONS`. Acknowledging is not resolving: an acknowledged alert
stays somebody's until that somebody says what came of it.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where an alert stands."""

    HELD = "held"  # its condition is met; it is not shown, and why not is on record
    OPEN = "open"  # shown; nobody has taken it yet
    ACKNOWLEDGED = "acknowledged"  # a named person has it
    SNOOZED = "snoozed"  # a named person asked to see it again later
    SILENCED = "silenced"  # a silence with author, reason and expiry covers it
    RESOLVED = "resolved"  # a named person said what came of it
    CLEARED = "cleared"  # the condition went away before anybody took it


class Move(StrEnum):
    """What happens to an alert. The first seven are done by the engine, the others by people."""

    RAISE = "raise"
    SHOW = "show"
    HOLD = "hold"
    ESCALATE = "escalate"
    WAKE = "wake"
    CLEAR = "clear"
    RETURN = "return"
    VIEW = "view"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    SILENCE = "silence"
    REASSIGN = "reassign"
    RESOLVE = "resolve"


BY_PEOPLE: Final = (
    Move.VIEW,
    Move.ACKNOWLEDGE,
    Move.SNOOZE,
    Move.SILENCE,
    Move.REASSIGN,
    Move.RESOLVE,
)

_H, _O, _A, _S, _Q, _R, _C = State
TRANSITIONS: Final[dict[tuple[State, Move], State]] = {
    (_H, Move.SHOW): _O,
    (_H, Move.CLEAR): _C,
    (_H, Move.SILENCE): _Q,
    (_H, Move.RESOLVE): _R,
    (_O, Move.VIEW): _O,
    (_O, Move.HOLD): _H,  # an inhibition begins: the phone went silent, the person was admitted
    (
        _O,
        Move.RETURN,
    ): _O,  # said again: an answer about self-harm, while nobody has taken the first
    (_O, Move.ESCALATE): _O,
    (_O, Move.ACKNOWLEDGE): _A,
    (_O, Move.SNOOZE): _S,
    (_O, Move.SILENCE): _Q,
    (_O, Move.REASSIGN): _O,
    (_O, Move.RESOLVE): _R,
    (_O, Move.CLEAR): _C,
    (_A, Move.VIEW): _A,
    (_A, Move.ESCALATE): _A,  # taken, and nothing came of it in time
    (_A, Move.ACKNOWLEDGE): _A,  # another person takes it over
    (_A, Move.SNOOZE): _S,
    (_A, Move.SILENCE): _Q,
    (_A, Move.REASSIGN): _O,  # a hand-off: the named person has to take it
    (_A, Move.RESOLVE): _R,
    (_S, Move.VIEW): _S,
    (_S, Move.WAKE): _O,
    (_S, Move.CLEAR): _C,
    (_S, Move.ACKNOWLEDGE): _A,
    (_S, Move.SNOOZE): _S,
    (_S, Move.SILENCE): _Q,
    (_S, Move.REASSIGN): _O,
    (_S, Move.RESOLVE): _R,
    (_Q, Move.VIEW): _Q,
    (_Q, Move.WAKE): _H,  # the silence ended: from here it is held or shown like any other
    (_Q, Move.CLEAR): _C,
    (_Q, Move.ACKNOWLEDGE): _A,
    (_Q, Move.RESOLVE): _R,
    (_C, Move.RETURN): _H,
    (_C, Move.VIEW): _C,
    (_C, Move.RESOLVE): _R,
    (_R, Move.RETURN): _H,
    (_R, Move.VIEW): _R,
}
"""(state, move) -> state. A pair that is not here does not happen: a person is told so."""

SHOWN: Final = frozenset({State.OPEN, State.ACKNOWLEDGED, State.SNOOZED})
OVER: Final = frozenset({State.RESOLVED, State.CLEARED})

REASONS: Final[dict[Move, dict[str, str]]] = {
    Move.VIEW: {"opened": "Opened its page"},
    Move.ACKNOWLEDGE: {
        "will-contact": "I will contact them",
        "will-review": "I will look at the record first",
        "already-in-contact": "We are in contact already",
        "other": "Something else (say what)",
    },
    Move.SNOOZE: {
        "appointment-soon": "They have an appointment soon",
        "waiting-for-answer": "Waiting for their answer",
        "waiting-for-data": "Waiting for more data",
        "other": "Something else (say what)",
    },
    Move.SILENCE: {
        "known-cause": "A known cause: holiday, shift work, a move",
        "device-change": "A new or broken device",
        "patient-asked": "The patient asked for it",
        "other": "Something else (say what)",
    },
    Move.REASSIGN: {
        "shift-ends": "My shift ends",
        "knows-them": "The other person knows them",
        "away": "I am away",
        "other": "Something else (say what)",
    },
    Move.RESOLVE: {
        "contacted": "Reached them; nothing more is needed now",
        "care-changed": "Reached them; their care was changed",
        "referred": "Handed on to other care",
        "not-reached": "Not reached after several tries",
        "known-already": "Override: known already",
        "not-relevant": "Override: not clinically relevant",
        "data-fault": "Override: a fault of the data",
        "patient-declined": "The patient does not want to be contacted",
        "other": "Something else (say what)",
    },
}
"""What a person may give as reason for each move; "other" needs words of their own."""

HELD: Final = {
    "dwell": "it has not lasted long enough yet",
    "next round": "it waits for the next morning's list",
    "over before the round": "it was over before the next morning's list",
    "quiet": "somebody dealt with it a short while ago",
    "silenced": "somebody silenced alerts of this kind",
    "inhibited: admitted": "they are in hospital",
    "inhibited: unseen": "no data has come for days",
    "inhibited: excused": "the days are excused",
    "budget: clinician": "over the owner's daily limit",
    "budget: patient": "over the patient's monthly limit",
}
"""Why an alert is not shown now, in words."""

MOVED: Final = {
    Move.RAISE: "raised",
    Move.SHOW: "shown",
    Move.HOLD: "held back",
    Move.ESCALATE: "escalated",
    Move.WAKE: "shown again",
    Move.CLEAR: "cleared by itself",
    Move.RETURN: "came back",
    Move.VIEW: "opened",
    Move.ACKNOWLEDGE: "acknowledged",
    Move.SNOOZE: "snoozed",
    Move.SILENCE: "silenced",
    Move.REASSIGN: "handed on",
    Move.RESOLVE: "resolved",
}
"""What happened to an alert, in words."""

OVERRIDES: Final = frozenset({"known-already", "not-relevant", "data-fault"})
"""Resolutions that say the alert should not have been there."""
CONTACTS: Final = frozenset({"contacted", "care-changed", "referred"})
"""Resolutions that say somebody spoke with the person: a completed action."""


def after(state: State, move: Move) -> State | None:
    """Return the state that follows; None if this move does not happen in this state."""
    return TRANSITIONS.get((state, move))


def open_to(state: State) -> tuple[Move, ...]:
    """Return what a person may do with an alert in this state."""
    return tuple(move for move in BY_PEOPLE if (state, move) in TRANSITIONS)


def diagram() -> str:
    """Return the table as a Mermaid state diagram: the one in the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> held: raise"]
    told: dict[tuple[State, State], list[str]] = {}
    for (state, move), follows in TRANSITIONS.items():
        told.setdefault((state, follows), []).append(move.value)
    lines += [f"    {a} --> {b}: {', '.join(moves)}" for (a, b), moves in told.items()]
    return "\n".join(lines)
