"""What a person wants to do with an alert, and what it is refused for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.contract import Alert, Step
from euthymia.care.alerts.lifecycle import Move
from euthymia.ground.clock import Micros
from euthymia.ground.errors import SchemaError

MAX_WORDS: Final = 2000
FELT: Final = ("better", "same", "worse")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to do with an alert. `id` makes a second click harmless.

    `seen` is `last_act` of the alert as it was shown to them: what somebody else did since is told
    first, or two people would have it and neither would know.
    `until` ends a snooze or a silence, `to` is whom it is handed to; `step` and `felt` say at a
    resolution which intervention was done, and what the person said of how they feel.
    """

    subject: str
    alert: str
    move: Move
    reason: str
    words: str = ""
    until: Micros | None = None
    to: str = ""
    step: str = ""
    felt: str = ""
    id: str = ""
    seen: Micros | None = None


def last_act(alert: Alert) -> Micros:
    """Return when it last changed for whoever reads its page; 0 if never.

    Somebody did something with it, beyond opening its page, or it came back or was said again.
    """
    return max((s.at for s in alert.history if _is_news(s)), default=0)


def _is_news(step: Step) -> bool:
    return step.move is Move.RETURN or (bool(step.by) and step.move is not Move.VIEW)


def check_news(wanted: Wanted, alert: Alert, user: str) -> None:
    """Refuse what rests on a page that somebody else's act has overtaken."""
    if wanted.seen is None:
        return
    for step in reversed(alert.history):
        if step.at <= wanted.seen or not _is_news(step) or step.by == user:
            continue
        if not step.by:
            raise SchemaError(
                "while this page was open, something more was said or seen that this alert is of: "
                "look at it as it stands now, and send again what should still be done"
            )
        raise SchemaError(
            f"while this page was open, {step.by} did something with this alert "
            f"({lifecycle.MOVED[step.move]}): look at it as it stands now, and send again "
            "what should still be done"
        )


def check(wanted: Wanted, alert: Alert, now: Micros) -> None:
    """Refuse what cannot be done, with what can."""
    if wanted.move not in lifecycle.open_to(alert.state):
        able = ", ".join(move.value for move in lifecycle.open_to(alert.state))
        raise SchemaError(f"this alert is {alert.state}: one can {able}")
    reasons = lifecycle.REASONS[wanted.move]
    if wanted.reason not in reasons:
        raise SchemaError(f"a reason is needed, one of: {', '.join(reasons)}")
    if wanted.reason == "other" and not wanted.words.strip():
        raise SchemaError('the reason "other" needs words of its own')
    if len(wanted.words) > MAX_WORDS:
        raise SchemaError(f"words are {MAX_WORDS} characters at most")
    if wanted.move in {Move.SNOOZE, Move.SILENCE} and (wanted.until or 0) <= now:
        raise SchemaError("until when? Name a time that is to come")
    if wanted.move is Move.SILENCE and "answer" in alert.rules:
        raise SchemaError("an answer about self-harm is not silenced: acknowledge or resolve it")
    if wanted.move is Move.REASSIGN and not wanted.to.strip():
        raise SchemaError("to whom? A hand-off names a person")
    if wanted.felt and wanted.felt not in FELT:
        raise SchemaError(f"how they feel is one of: {', '.join(FELT)}")
    if wanted.step and wanted.step not in _interventions():
        raise SchemaError("the step is not one of the interventions on record")


def _interventions() -> Mapping[str, object]:
    from euthymia.care.interventions import interventions

    return interventions()
