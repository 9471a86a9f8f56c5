"""Answers about self-harm, one by one: each is told once, however often it is delivered.

What a record says of a day as a whole is in `care/summary.py` and `care/safety.py`. Somebody who
says in the evening what they said in the morning has said it again: that is for a person to hear,
above all where the morning's was dealt with. The same answer delivered twice has the same instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.care.safety import Cssrs, screener_rows, yes_of
from euthymia.care.worklist import ANSWERS
from euthymia.ground.clock import SECOND_US, Micros, Timeline
from euthymia.ground.codes import CSSRS_BEHAVIOUR, CSSRS_IDEATION, CSSRS_RECENT, PHQ9_ITEMS

ONE_SITTING_US: Final = 1800 * SECOND_US
"""A screener whose questions come one by one is one until a question comes again, or so long."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One answer, or one screener, that is not a no: what it is of, when, how grave, in words.

    `name` is "i" (PHQ-9 item 9) or "c" (C-SSRS screener); `at` the instant of the first answer in
    it that is not a no; `level` 1 to 3, or 1 to 6.
    """

    name: str
    at: Micros
    day: int
    level: float
    words: str


def statements(observations: pa.Table, zones: Timeline) -> tuple[Statement, ...]:
    """Return every statement on record, oldest first."""
    found = [*_item9(observations, zones), *_screeners(observations, zones)]
    return tuple(sorted(found, key=lambda s: (s.at, s.name)))


def _item9(observations: pa.Table, zones: Timeline) -> Iterator[Statement]:
    rows = observations.filter(
        pc.and_(
            pc.and_(
                pc.equal(observations["code"], PHQ9_ITEMS[8]), pc.is_valid(observations["time"])
            ),
            pc.and_(
                pc.is_finite(observations["numeric_value"]),
                pc.greater_equal(observations["numeric_value"], 1.0),
            ),
        )
    )
    worst: dict[Micros, int] = {}
    times = rows["time"].cast(pa.int64())
    for at, value in zip(times.to_pylist(), rows["numeric_value"].to_pylist(), strict=True):
        worst[at] = max(int(value), worst.get(at, 0))
    if not worst:
        return
    days = zones.local_day(times.to_numpy()).tolist()
    day_of = dict(zip(times.to_pylist(), days, strict=True))
    for at, points in worst.items():
        answer = ANSWERS[min(3, points)]
        words = f'PHQ-9 item 9 (better off dead, self-harm): "{answer}"'
        yield Statement("i", at, int(day_of[at]), float(points), words)


@dataclass(slots=True)
class _Sitting:
    """One screener in the making: its answers, and when each was given."""

    day: int
    last: Micros
    given: dict[str, bool] = field(default_factory=dict)
    when: dict[str, Micros] = field(default_factory=dict)

    def is_over(self, day: int, at: Micros, code: str) -> bool:
        again = self.when.get(code, at) != at
        return again or day != self.day or at - self.last > ONE_SITTING_US


def _screeners(observations: pa.Table, zones: Timeline) -> Iterator[Statement]:
    rows = screener_rows(observations)
    if not rows.num_rows:
        return
    times = rows["time"].cast(pa.int64())
    told = (rows[name].to_pylist() for name in ("code", "numeric_value", "text_value"))
    days = zones.local_day(times.to_numpy()).tolist()
    answers = sorted(
        (at, code, int(day), yes)
        for at, day, code, number, text in zip(times.to_pylist(), days, *told, strict=True)
        if (yes := yes_of(number, text)) is not None
    )
    sittings: list[_Sitting] = []
    recent: dict[int, bool] = {}
    for at, code, day, yes in answers:
        if not sittings or sittings[-1].is_over(day, at, code):
            sittings.append(_Sitting(day, at))
        now = sittings[-1]
        now.last, now.when[code] = at, at
        now.given[code] = yes or now.given.get(code, False)
        if code == CSSRS_RECENT:
            recent[day] = yes or recent.get(day, False)
    for sitting in sittings:
        yield from _told(sitting, recent.get(sitting.day))


def _told(sitting: _Sitting, recent: bool | None) -> Iterator[Statement]:
    """Give the statement of a screener; that an act was long ago may be said later that day."""
    given = sitting.given
    acted = given.get(CSSRS_BEHAVIOUR, False)
    read = Cssrs(
        sitting.last,
        tuple(n for n, code in enumerate(CSSRS_IDEATION, 1) if given.get(code)),
        acted,
        given.get(CSSRS_RECENT, recent if acted else None),
    )
    if read.alarming:
        first = min(at for code, at in sitting.when.items() if given[code])
        words = f"C-SSRS screener, yes to: {read.words()}"
        yield Statement("c", first, sitting.day, max(1.0, read.weight), words)
