"""Momentary assessments, any stretch of time: how faithfully, how usual, how steady the answers.

Questions are data, not columns: which way a question points and how far its scale reaches is not
known here. Every answer is therefore only measured against the person's own answers to the same
question.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import Taken, ends_us, hours, labels, numbers, seen_us, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.features.windows import bounds_us
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import ema, grouped

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 28
ROUND_US: Final = 10 * 60_000_000  # answers less than ten minutes apart are of one round
SILENT_US: Final = DAY_US // 2  # the night holds no questions
NEAR_US: Final = 2 * DAY_US  # a change since longer ago is no step
UNIFORM_FROM: Final = 3  # answers a round needs to be called uniform


class _Answers(NamedTuple):
    """The answers that were given, as numbers."""

    time: Ints
    question: Ints
    value: Array
    hour: Array


def _rounds(taken: Taken, answers: _Answers) -> dict[str, Array]:
    """Return what is said of rounds: answers that follow each other within ten minutes."""
    rows, own = taken.rows, answers.time[taken.index]
    late = np.append(True, np.diff(own) > ROUND_US)[: own.size]
    fresh = late | np.append(True, taken.row[1:] != taken.row[:-1])[: own.size]
    place = np.cumsum(fresh) - 1
    first = np.flatnonzero(fresh)
    row = taken.row[first]
    value = answers.value[taken.index]
    n = np.bincount(place, minlength=first.size).astype(np.float64)
    flat = grouped.highest(place, value, first.size) - grouped.lowest(place, value, first.size)
    full = n >= UNIFORM_FROM
    alike = grouped.total(row, (full & (flat == 0)).astype(np.float64), rows)
    begins = answers.hour[taken.index[first]]
    order = np.arange(first.size, dtype=np.float64)
    edges = {}
    for name, at in (("first", grouped.lowest(row, order, rows)),
                     ("last", grouped.highest(row, order, rows))):  # fmt: skip
        known = ~np.isnan(at)
        edges[f"{name}_round_h"] = np.full(rows, np.nan)
        edges[f"{name}_round_h"][known] = begins[at[known].astype(np.int64)]
    return edges | {
        "rounds": grouped.count(row, rows),
        "answers_per_round": grouped.mean(row, n, rows),
        "uniform_rounds_pct": 100 * alike / grouped.total(row, full.astype(np.float64), rows),
    }


def _spans(windows: Windows, start: Ints, end: Ints) -> Windows:
    """Return one stretch a row, [start, end), for looking back."""
    row = np.flatnonzero(start < end)
    return Windows(windows.day, row, start[row], end[row])


def _usual(
    answers: _Answers, windows: Windows, start: Ints, end: Ints, questions: int
) -> tuple[Array, Array, Array]:
    """Return count, mean and spread of each row's answers in [start, end), a cell a question."""
    rows = windows.day.size
    past = take(answers.time, _spans(windows, start, end))
    cell = past.row * questions + answers.question[past.index]
    return ema.of_cells(cell, answers.value[past.index], rows * questions)


def _against_own(
    taken: Taken, answers: _Answers, windows: Windows, timeline: Timeline
) -> dict[str, Array]:
    """Return how far from usual, and how unsteady, the answers of each row are."""
    rows = taken.rows
    questions = int(answers.question.max(initial=-1)) + 1
    start, _ = bounds_us(timeline, windows.day, LOOKBACK_DAYS)
    begin, end = ends_us(windows)
    cell = taken.row * questions + answers.question[taken.index]
    value = answers.value[taken.index]

    n, mean, sd = _usual(answers, windows, start, begin, questions)
    told = (n >= ema.MIN_USUAL) & (sd > ema.SAME)
    away = np.abs(value - mean[cell]) / np.where(told, sd, 1)[cell]
    known = told[cell]
    departure = grouped.mean(taken.row[known], away[known], rows)

    n, _, sd = _usual(answers, windows, start, end, questions)
    told = (n >= ema.MIN_USUAL) & (sd > ema.SAME)
    step = ema.steps(answers.question, answers.time, answers.value, NEAR_US)[taken.index]
    held = answers.time[taken.index] - start[taken.row]  # the answer before must be looked back to
    known = ~np.isnan(step) & (held > NEAR_US)
    same = grouped.mean(taken.row[known], (step[known] == 0).astype(np.float64), rows)
    known &= told[cell]
    square = (step[known] / sd[cell[known]]) ** 2
    here, middle, _ = ema.of_cells(cell, value, rows * questions)
    often = told[cell] & (here[cell] > 1)
    around = ((value[often] - middle[cell[often]]) / sd[cell[often]]) ** 2
    # each question's own mean takes one answer: n answers to it count n - 1
    free = grouped.total(taken.row[often], (1 - 1 / here[cell[often]]), rows)
    spread = grouped.total(taken.row[often], around, rows) / free
    return {
        "departure_sd": departure,
        "rmssd_sd": np.sqrt(grouped.mean(taken.row[known], square, rows)),
        "spread_sd": np.sqrt(spread),
        "repeated_pct": 100 * same,
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the momentary assessments of each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    time = times(streams, "momentary_answers")
    if time.size == 0:
        return Days(values, np.zeros(rows))
    question = labels(streams["momentary_answers"], "question")
    value = numbers(streams["momentary_answers"], "answer")
    asked = take(time, windows)
    given = ~np.isnan(value)
    hour = hours(timeline, time)
    answers = _Answers(time[given], question[given], value[given], hour[given])
    taken = take(answers.time, windows)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = taken.count() / asked.count()
        values["answers"] = taken.count()
        values["passed_over"] = asked.count() - taken.count()
        values["answered_pct"] = 100 * share
        values["questions"] = taken.distinct(answers.question)
        if answers.time.size:
            values |= _rounds(taken, answers)
            values |= _against_own(taken, answers, windows, timeline)
    return Days(values, share_of(windows, seen_us(windows, time, SILENT_US, ROUND_US)))


_SHIFFMAN = "Shiffman et al. 2008, doi:10.1146/annurev.clinpsy.3.022806.091415"
_JAHNG = "Jahng et al. 2008, doi:10.1037/a0014173"
_MEADE = "Meade and Craig 2012, doi:10.1037/a0028085"
_NOT_KNOWN = (
    "Which way a question points is not known here: it says that answers are unusual or unsteady, "
    "not that somebody is worse. All questions count alike, whatever they ask."
)
_OWN = (
    " The question's own spread is the standard deviation of the answers to it from 27 days before "
    "the date to the end of the window, at least 5 and not all the same; answers without one do "
    "not count."
)


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    high: float | None,
    paper: str = _SHIFFMAN,
    worse: int = 0,
    limits: str = _NOT_KNOWN,
    period: float | None = None,
) -> Feature:
    return Feature(name, title, unit, definition, paper, 0, high, worse, period, limits)


_PROMPTS = (
    "Only questions on record count: where a recording app does not write down what was passed "
    "over, every question looks answered."
)

FAMILY = Family(
    name="momentary",
    version="1",
    title="Momentary assessments",
    streams=("momentary_answers",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which questions, answered or passed over, are at most 12 "
    "hours apart; one alone counts for 10 minutes",
    features=(
        _feature(
            "answers",
            "Answers",
            "{answers}",
            "Questions answered with a number.",
            None,
            _SHIFFMAN,
            -1,
            _PROMPTS,
        ),
        _feature(
            "passed_over",
            "Questions passed over",
            "{questions}",
            "Questions on record without a number as their answer.",
            None,
            _SHIFFMAN,
            1,
            _PROMPTS,
        ),
        _feature(
            "answered_pct",
            "Share answered",
            "%",
            "Answers as a share of questions on record.",
            100,
            _SHIFFMAN,
            -1,
            _PROMPTS,
        ),
        _feature(
            "questions",
            "Different questions",
            "{questions}",
            "Different questions answered.",
            None,
            _SHIFFMAN,
            0,
            _PROMPTS,
        ),
        _feature(
            "rounds",
            "Rounds of answers",
            "{rounds}",
            "Rounds: answers of which each comes within 10 minutes of the one before.",
            None,
            _SHIFFMAN,
            -1,
            _PROMPTS,
        ),
        _feature(
            "answers_per_round",
            "Answers a round",
            "{answers}",
            "Mean number of answers of rounds. NaN without a round.",
            None,
            _SHIFFMAN,
            0,
            _PROMPTS,
        ),
        _feature(
            "first_round_h",
            "First round",
            "h",
            "Local clock hour at which the window's first round begins; NaN without one.",
            24,
            period=24,
            limits="It is as much the app's timetable as the person's.",
        ),
        _feature(
            "last_round_h",
            "Last round",
            "h",
            "Local clock hour at which the window's last round begins; NaN without one.",
            24,
            period=24,
            limits="It is as much the app's timetable as the person's.",
        ),
        _feature(
            "departure_sd",
            "Departure from usual answers",
            "1",
            "Mean distance of answers from the person's own mean answer to the question, in "
            "its standard deviations: both from the days before the window, back to 27 before "
            "its date, at least 5 answers and not all the same. NaN without such an answer.",
            None,
            _JAHNG,
            1,
        ),
        _feature(
            "rmssd_sd",
            "Instability of answers (RMSSD)",
            "1",
            "Root mean square of the steps from each answer to the next one to the same "
            "question, in the question's own spread; the answer before may lie before the "
            "window, at most 2 days back. About 1.4 where answers come in no order, less "
            "where moods last. NaN without a step." + _OWN,
            None,
            _JAHNG,
            1,
            "Steps are taken as they come, not adjusted for the time between answers. "
            + _NOT_KNOWN,
        ),
        _feature(
            "spread_sd",
            "Spread of answers",
            "1",
            "Root of the pooled variance of the window's answers about their question's mean "
            "in the window, over the question's own variance. NaN unless a question was "
            "answered twice." + _OWN,
            None,
            _JAHNG,
            1,
        ),
        _feature(
            "repeated_pct",
            "Answers repeated",
            "%",
            "Share of answers that equal the one before to the same question, at most 2 days "
            "back. NaN without such a pair.",
            100,
            _MEADE,
            0,
            "Steady people repeat themselves, careless ones too.",
        ),
        _feature(
            "uniform_rounds_pct",
            "Rounds answered all alike",
            "%",
            "Share of rounds with at least 3 answers in which all are the same number; a sign "
            "of careless answers. NaN without such a round.",
            100,
            _MEADE,
            0,
            "Questions that all point the same way may honestly be answered alike.",
        ),
    ),
)
