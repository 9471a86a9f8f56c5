"""What the engine is told of a person: score streams and the clinical record, as `Signal`s.

A signal's id is made of what it is of, so that the same day or questionnaire is one signal however
often it is read; an answer that is worse than an earlier one of the same day is another. What
became known when is kept with it (see `app/alerts/inputs.py`); where nothing was kept, a day's
scores count as known in the night after it.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.care.alerts.contract import DayScores, Signal
from euthymia.care.monitor.contract import ScoreStream
from euthymia.care.monitor.lines import FROM_DAY
from euthymia.care.safety import cssrs_screeners
from euthymia.care.summary import phq9_scores
from euthymia.care.worklist import ANSWERS
from euthymia.ground.clock import DAY_US, SECOND_US, Micros, Timeline
from euthymia.ground.codes import ADMISSION

NIGHT_US: Final = 3 * 3600 * SECOND_US  # after midnight: when a day is over and has been scored
NEVER: Final = float("nan")
OPEN_STAY_DAYS: Final = 60
"""A stay without an end on record counts as over then: or it would mute a person for ever."""


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

    `at` is the record's own time; whoever keeps signals may set a later one.
    """
    found = [*_answers(subject, observations, zones), *_stays(subject, observations, zones)]
    return sorted((s for s in found if s.at <= until), key=lambda s: (s.at, s.id))


def _answers(subject: str, observations: pa.Table, zones: Timeline) -> list[Signal]:
    found: list[Signal] = []
    before: float | None = None
    for score in phq9_scores(observations, zones):
        day = _day(zones, score.at)
        if score.item9:
            answer = ANSWERS[min(3, score.item9)]
            words = f'PHQ-9 item 9 (better off dead, self-harm): "{answer}"'
            level = float(score.item9)
            found.append(
                Signal(
                    f"i-{day:07d}-{level:g}", subject, score.at, "answer", day, None, level, words
                )
            )
        if score.total is not None:
            rise = 0.0 if before is None else score.total - before
            words = f"PHQ-9 {score.total:g}" + ("" if before is None else f", {rise:+g} points")
            level = max(rise, 0.0)
            found.append(
                Signal(
                    f"s-{day:07d}-{score.total:g}",
                    subject,
                    score.at,
                    "score",
                    day,
                    None,
                    level,
                    words,
                    score.total,
                )
            )
            before = score.total
    for screener in cssrs_screeners(observations, zones):
        if screener.alarming:
            day = _day(zones, screener.at)
            words = f"C-SSRS screener, yes to: {screener.words()}"
            level = max(1.0, screener.weight)
            found.append(
                Signal(
                    f"c-{day:07d}-{level:g}",
                    subject,
                    screener.at,
                    "answer",
                    day,
                    None,
                    level,
                    words,
                )
            )
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
