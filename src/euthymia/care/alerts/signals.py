"""What the engine is told of a person: score streams and the clinical record, as `Signal`s.

A signal's id is made of what it is of, so that the same day, answer or questionnaire is one signal
however often it is read; an answer about self-harm that is given again is another. What became
known when is kept with it (see `app/alerts/inputs.py`); where nothing was kept, a day's scores
count as known in the night after it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.care.alerts.contract import DayScores, Signal
from euthymia.care.monitor.contract import ScoreStream
from euthymia.care.monitor.lines import FROM_DAY
from euthymia.care.statements import statements
from euthymia.care.summary import phq9_scores
from euthymia.ground.clock import DAY_US, SECOND_US, Micros, Timeline
from euthymia.ground.codes import ADMISSION

NIGHT_US: Final = 3 * 3600 * SECOND_US  # after midnight: when a day is over and has been scored
NEVER: Final = float("nan")
OPEN_STAY_DAYS: Final = 60
"""A stay without an end on record counts as over then: or it would mute a person for ever."""


_OF_A_DAY: Final = re.compile(r"([ic])-(\d{7})-(\d+(?:\.\d+)?)")


def is_told(signal: Signal, known: Mapping[str, Micros]) -> bool:
    """Tell whether a signal, at the record's own time, is among those told before (id to when).

    Earlier versions told a day's answers as one, by its worst ("i-0020514-3"): what had been said
    until then and was no worse is told.
    """
    if signal.id in known:
        return True
    if signal.kind != "answer":
        return False
    of_a_day = f"{signal.id[0]}-{signal.day:07d}-"
    return any(
        signal.level <= float(found[3]) and signal.at <= at
        for ident, at in known.items()
        if ident.startswith(of_a_day) and (found := _OF_A_DAY.fullmatch(ident))
    )


def nominal(day: int) -> Micros:
    """Return when a day's scores count as known, where it is not on record."""
    return (day + 1) * DAY_US + NIGHT_US


def days_of(stream: ScoreStream) -> tuple[DayScores, ...]:
    """Return a stream's days as multiples of the lines in force on them.

    The first days, on which a baseline is mostly the cohort's, have no level.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        levels = [
            stream.composite / stream.composite_line,
            stream.frozen / stream.composite_line,
            stream.mewma / stream.mewma_line,
            np.where(
                np.isfinite(stream.probability_line),
                stream.probability / stream.probability_line,
                NEVER,
            ),
        ]
    for level in levels:
        level[:FROM_DAY] = NEVER
    columns = (
        stream.day.tolist(),
        *(level.tolist() for level in levels),
        stream.unseen_days.tolist(),
        stream.coverage.tolist(),
        (stream.excused > 0).tolist(),
        stream.log_e.tolist(),
    )
    return tuple(DayScores(*row) for row in zip(*columns, strict=True))


def day_signal(subject: str, scores: DayScores, at: Micros) -> Signal:
    """Return the signal of one day's scores."""
    return Signal(f"d-{scores.day:07d}", subject, at, "day", scores.day, scores)


def day_signals(subject: str, days: Iterable[DayScores]) -> list[Signal]:
    """Return a day's signals with the nominal times."""
    return [day_signal(subject, scores, nominal(scores.day)) for scores in days]


def record_signals(
    subject: str, observations: pa.Table, zones: Timeline, until: Micros
) -> list[Signal]:
    """Return what the clinical record says: answers about self-harm, worsened scores, stays.

    `at` is the record's own time; whoever keeps signals sets when it became known. An answer about
    self-harm does not wait for its own time: a telephone whose clock is ahead has sent it already.
    """
    found = [
        *_answers(subject, observations, zones),
        *(s for s in _scores(subject, observations, zones) if s.at <= until),
        *(s for s in _stays(subject, observations, zones) if s.at <= until),
    ]
    return sorted(found, key=lambda s: (s.at, s.id))


def _answers(subject: str, observations: pa.Table, zones: Timeline) -> list[Signal]:
    """Return each statement about self-harm; its level is the worst of its day until then."""
    worst: dict[tuple[str, int], float] = {}
    found = []
    for said in statements(observations, zones):
        level = max(said.level, worst.get((said.name, said.day), 0.0))
        worst[said.name, said.day] = level
        ident = f"{said.name}-{said.at:016d}-{said.level:g}"
        found.append(Signal(ident, subject, said.at, "answer", said.day, None, level, said.words))
    return found


def _scores(subject: str, observations: pa.Table, zones: Timeline) -> list[Signal]:
    found: list[Signal] = []
    before: float | None = None
    for score in phq9_scores(observations, zones):
        if score.total is None:
            continue
        day = _day(zones, score.at)
        rise = 0.0 if before is None else score.total - before
        words = f"PHQ-9 {score.total:g}" + ("" if before is None else f", {rise:+g} points")
        ident, level = f"s-{day:07d}-{score.total:g}", max(rise, 0.0)
        found.append(
            Signal(ident, subject, score.at, "score", day, None, level, words, score.total)
        )
        before = score.total
    return found


def _stays(subject: str, observations: pa.Table, zones: Timeline) -> list[Signal]:
    rows = observations.filter(
        pc.and_(pc.equal(observations["code"], ADMISSION), pc.is_valid(observations["time"]))
    )
    found = []
    times = rows["time"].cast(pa.int64()).to_pylist()
    for at, days in zip(times, rows["numeric_value"].to_pylist(), strict=True):
        day = _day(zones, at)
        found.append(Signal(f"a-{day:07d}", subject, at, "admitted", day))
        known = days is not None and np.isfinite(days)
        length, name = (days, "b") if known else (OPEN_STAY_DAYS, "e")
        end = at + int(length * DAY_US)
        found.append(Signal(f"{name}-{day:07d}", subject, end, "discharged", day + int(length)))
    return found


def _day(zones: Timeline, at: Micros) -> int:
    return int(zones.local_day(np.array([at], np.int64))[0])
