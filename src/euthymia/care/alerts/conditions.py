"""When a rule's condition is met: lines with hysteresis and dwell, day by day."""

from dataclasses import dataclass
from typing import Final

from euthymia.care.alerts.contract import DayScores, Rule
from euthymia.care.alerts.policy import RuleLines

DAILY: Final = (Rule.DRIFT, Rule.FROZEN, Rule.PATTERN, Rule.ESTIMATE, Rule.UNSEEN)
"""The rules that a day's scores speak of."""


_FIELD: Final = {
    Rule.DRIFT: "drift",
    Rule.FROZEN: "frozen",
    Rule.PATTERN: "pattern",
    Rule.ESTIMATE: "estimate",
    Rule.UNSEEN: "unseen_days",
}


def level_of(rule: Rule, scores: DayScores) -> float:
    """Return what a rule looks at, in the unit of its lines; NaN: not known."""
    value = getattr(scores, _FIELD[rule])
    return float(value)


@dataclass(slots=True)
class Condition:
    """One rule of one person: off, pending (over the line, dwell not reached) or on.

    `level` is the last known one as a multiple of the line that opens.
    """

    on: bool = False
    pending: bool = False
    over: int = 0
    under: int = 0
    level: float = 0.0

    def take(self, value: float, lines: RuleLines) -> None:
        """Take one more value; one that is not known changes nothing."""
        if value != value:  # noqa: PLR0124 - NaN
            return
        close_at = lines.close_at or lines.open_at
        self.level = value / lines.open_at
        self.over = self.over + 1 if value >= lines.open_at else 0
        self.under = self.under + 1 if value < close_at else 0
        if self.on:
            self.on = self.under < lines.close_days
            self.pending = False
        else:
            self.on = self.over >= lines.open_days
            self.pending = self.over > 0 and not self.on
