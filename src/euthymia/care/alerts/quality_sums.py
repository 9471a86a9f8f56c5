"""What each person adds to the quality board: sums and values over a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.alerts.by_person import Sums
from euthymia.care.alerts.contract import Alert, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import CONTACTS, OVER, OVERRIDES, Move
from euthymia.care.alerts.policy import Outcome
from euthymia.care.alerts.replay import Event, Window, by_lot, patient_days, shows
from euthymia.ground.clock import DAY_US, Micros

HOUR_US: Final = 3_600_000_000
TAKEN_WITHIN_US: Final = DAY_US
MEASURED_FROM_DAYS: Final = 14  # a questionnaire asks about two weeks
FELT: Final = ("better", "same", "worse")
REACTIONS: Final = (Move.ACKNOWLEDGE, Move.SNOOZE, Move.SILENCE, Move.REASSIGN, Move.RESOLVE)
TIMES: Final[dict[str, tuple[Move, ...]]] = {
    "view": (Move.VIEW, *REACTIONS),
    "acknowledge": REACTIONS,
    "act": (Move.RESOLVE,),
}
HALVES: Final = ("first", "second")
_COLUMNS: Final = (
    "days", "by_lot", "shown", "episodes", "judged", "true", "events", "caught", "silent",
    "first", "taken", "done", "spoken", "resolved", "resolved_wrongly",
    "measured", "change", "asked", *(f"felt_{how}" for how in FELT),
    *(f"{half}_{what}" for half in HALVES for what in ("half", "spoken")),
    *(tier.value for tier in Tier), *(f"did_{name}" for name in TIMES),
)  # fmt: skip
_VALUES: Final = ("lead_days", *(f"hours_to_{name}" for name in TIMES))


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the board is made of. `groups`: per person {"sex": "female", ...}."""

    alerts: Sequence[Alert]
    signals: Sequence[Signal]
    events: Sequence[Event]
    outcome: Outcome
    window: Window
    groups: Mapping[str, Mapping[str, str]]
    policy: str = ""
    digest: str = ""


@dataclass(slots=True)
class _Adding:
    """The sums of a window while they are made; `at`: the place of a person."""

    seen: Seen
    at: Mapping[str, int]
    columns: dict[str, NDArray[np.float64]]
    values: dict[str, list[tuple[int, float]]]
    scores: Mapping[str, Sequence[tuple[Micros, float]]]

    def add(self, alert: Alert, name: str, number: float = 1) -> None:
        self.columns[name][self.at[alert.subject]] += number

    def value(self, who: str, name: str, number: float) -> None:
        self.values[name].append((self.at[who], number))


def sums_of(seen: Seen, about: Sequence[Alert]) -> Sums:
    """Return each person's sums and values over the window."""
    days = patient_days(seen.signals, seen.window)
    shown_to = {a.subject for a in about if shows(a, seen.window)}
    people = tuple(sorted({*days, *shown_to, *(e.subject for e in _counted(seen))}))
    to = _Adding(
        seen,
        {who: i for i, who in enumerate(people)},
        {name: np.zeros(len(people)) for name in _COLUMNS},
        {name: [] for name in _VALUES},
        _scores(seen.signals),
    )
    when: dict[str, list[Micros]] = {}
    for event in seen.events:
        when.setdefault(event.subject, []).append(event.at)
    for alert in about:
        if shown := shows(alert, seen.window):
            _add_showings(to, alert, shown, when.get(alert.subject, ()))
            _add_answers(to, alert, shown[0])
            _add_outcome(to, alert, shown[0])
        _add_resolutions(to, alert)
    _add_events(to, about)
    for who, n in days.items():
        at = to.at[who]
        to.columns["days"][at] = n
        times = int(to.columns["shown"][at])
        to.columns["by_lot"][at] = n * by_lot(times, n, seen.outcome.window_days)
    values = {
        name: (
            np.array([at for at, _ in held], np.int64),
            np.array([value for _, value in held], np.float64),
        )
        for name, held in to.values.items()
    }
    return Sums(people, to.columns, values)


def _scores(signals: Sequence[Signal]) -> dict[str, list[tuple[Micros, float]]]:
    found: dict[str, list[tuple[Micros, float]]] = {}
    for signal in sorted(signals, key=lambda s: s.at):
        if signal.kind == "score" and signal.value is not None:
            found.setdefault(signal.subject, []).append((signal.at, signal.value))
    return found


def _add_showings(
    to: _Adding, alert: Alert, shown: Sequence[Micros], hits: Sequence[Micros]
) -> None:
    """Add how often an alert was shown, and how often a worsening followed."""
    span = to.seen.outcome.window_days * DAY_US
    followed = [t for t in shown if t + span <= to.seen.window.end]
    to.add(alert, "shown", len(shown))
    to.add(alert, "episodes")
    to.add(alert, alert.tier.value, len(shown))
    to.add(alert, "judged", len(followed))
    to.add(alert, "true", sum(any(t < e <= t + span for e in hits) for t in followed))


def _add_answers(to: _Adding, alert: Alert, at: Micros) -> None:
    """Add what people did with an alert that was first shown at `at`, and when."""
    window = to.seen.window
    for name, moves in TIMES.items():
        if (step := first_step(alert, moves, at)) is not None:
            to.value(alert.subject, f"hours_to_{name}", (step.at - at) / HOUR_US)
            to.add(alert, f"did_{name}")
    if at + TAKEN_WITHIN_US <= window.end:
        step = first_step(alert, REACTIONS, at)
        to.add(alert, "first")
        to.add(alert, "taken", step is not None and step.at - at <= TAKEN_WITHIN_US)
    done = first_step(alert, (Move.RESOLVE,), at)
    half = HALVES[at >= (window.start + window.end) // 2]
    to.add(alert, f"{half}_half")
    if done is not None:
        to.add(alert, "done")
        if done.reason in CONTACTS:
            to.add(alert, "spoken")
            to.add(alert, f"{half}_spoken")


def _add_outcome(to: _Adding, alert: Alert, at: Micros) -> None:
    """Add what changed after a contact: what was said, and the first score two weeks after it."""
    done = first_step(alert, (Move.RESOLVE,), at)
    if done is None or done.reason not in CONTACTS:
        return
    if done.felt:
        to.add(alert, "asked")
        to.add(alert, f"felt_{done.felt}")
    own = to.scores.get(alert.subject, ())
    before = [v for t, v in own if t <= at]
    later = [v for t, v in own if t >= done.at + MEASURED_FROM_DAYS * DAY_US]
    if before and later:
        to.add(alert, "measured")
        to.add(alert, "change", later[0] - before[-1])


def _add_resolutions(to: _Adding, alert: Alert) -> None:
    """Add the resolutions of the window, of alerts shown before it too."""
    for step in alert.history:
        resolved = step.move is Move.RESOLVE and step.by and to.seen.window.holds(step.at)
        if resolved and alert.subject in to.at:
            to.add(alert, "resolved")
            to.add(alert, "resolved_wrongly", step.reason in OVERRIDES)


def _counted(seen: Seen) -> list[Event]:
    """Return the worsenings whose whole outcome window before them lies in the window."""
    first, end = seen.window.start + seen.outcome.window_days * DAY_US, seen.window.end
    return [event for event in seen.events if first <= event.at < end]


def _add_events(to: _Adding, about: Sequence[Alert]) -> None:
    """Add the worsenings, and whether and how long before each an alert was shown."""
    span = to.seen.outcome.window_days * DAY_US
    own: dict[str, list[Alert]] = {}
    for alert in about:
        own.setdefault(alert.subject, []).append(alert)
    for event in _counted(to.seen):
        at, alerts = to.at[event.subject], own.get(event.subject, [])
        before = Window(event.at - span, event.at)
        shown = [t for a in alerts for t in shows(a, before)]
        to.columns["events"][at] += 1
        to.columns["caught"][at] += bool(shown)
        to.columns["silent"][at] += not any(_stood(a, before) for a in alerts)
        if shown:
            to.value(event.subject, "lead_days", (event.at - min(shown)) / DAY_US)


def _stood(alert: Alert, window: Window) -> bool:
    """Tell whether it was raised or came back in a window, or was not over when that began.

    What became of it since says nothing: the questionnaire that is the worsening raises one too.
    """
    begun = [step for step in alert.history if step.at < window.start]
    return bool(begun and begun[-1].state not in OVER) or any(
        window.holds(step.at) and step.move in {Move.RAISE, Move.RETURN} for step in alert.history
    )


def first_step(alert: Alert, moves: Sequence[Move], since: Micros) -> Step | None:
    """Return the first of such steps that a person took since then."""
    return next((s for s in alert.history if s.move in moves and s.at >= since and s.by), None)
