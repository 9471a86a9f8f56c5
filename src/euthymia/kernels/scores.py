"""The course of one questionnaire's scores: each against those before it, by whole days."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

YEAR_D: Final = 365  # what is usual, and how steady, is said of a year
TREND_D: Final = 90  # a trend of a quarter
TREND_LEAST_D: Final = 7
MIN_USUAL: Final = 2  # earlier scores before one can say what is usual
MIN_SPREAD: Final = 3
SAME: Final = 1e-9  # a smaller spread is none


@dataclass(frozen=True, slots=True)
class Course:
    """What each of n scores says together with those before it; NaN: too few. Shapes (n,).

    Attributes
    ----------
    change
        Minus the score before it, where that is at most a year older.
    from_usual, from_usual_sd
        Minus the mean of the year before it (at least 2 scores); that in their standard
        deviations (n - 1; at least 3, not all the same).
    slope_per_week
        Least-squares slope of the 90 days up to it: at least 3 scores over at least 7 days.
    sd, rmssd
        Standard deviation (n - 1), and root mean square of the steps, of the year up to it: at
        least 3 scores.
    """

    change: Array
    from_usual: Array
    from_usual_sd: Array
    slope_per_week: Array
    sd: Array
    rmssd: Array


COURSE: Final = tuple(field.name for field in fields(Course))


def course(day: Ints, score: Array, wanted: Ints) -> Course:
    """Return the course of scores.

    Parameters
    ----------
    day : int array, shape (n,)
        Day numbers, rising; a year is 365 of them.
    score : array, shape (n,)
        Not NaN.
    wanted : int array, shape (k,)
        Which scores to say it of.

    Returns
    -------
    Course
        Arrays of shape (k,). Only scores up to the one in question matter.
    """
    found = np.full((len(COURSE), wanted.size), np.nan)
    year = np.searchsorted(day, day[wanted] - YEAR_D + 1)
    before = np.searchsorted(day, day[wanted] - YEAR_D)
    quarter = np.searchsorted(day, day[wanted] - TREND_D + 1)
    for place, last in enumerate(wanted.tolist()):
        past = score[before[place] : last]
        if past.size:
            found[0, place] = score[last] - past[-1]
        if past.size >= MIN_USUAL:
            away = score[last] - past.mean()
            spread = past.std(ddof=1)
            found[1, place] = away
            if past.size >= MIN_SPREAD and spread > SAME:
                found[2, place] = away / spread
        lately = slice(quarter[place], last + 1)
        found[3, place] = _slope_per_week(day[lately], score[lately])
        held = score[year[place] : last + 1]
        if held.size >= MIN_SPREAD:
            found[4, place] = held.std(ddof=1)
            found[5, place] = np.sqrt(np.mean(np.diff(held) ** 2))
    return Course(*found)


def _slope_per_week(day: Ints, score: Array) -> float:
    if day.size < MIN_SPREAD or day[-1] - day[0] < TREND_LEAST_D:
        return float("nan")
    weeks = (day - day.mean()) / 7
    return float((weeks * (score - score.mean())).sum() / (weeks**2).sum())


def last_by(day: Ints, at: Ints, oldest_d: int) -> Ints:
    """Return the index of the last of `day` (rising) up to each `at`; -1: none that young.

    One counts while it is at most `oldest_d` days old.
    """
    last = np.searchsorted(day, at, side="right") - 1
    if day.size == 0:
        return np.full(at.size, -1, np.int64)
    return np.asarray(np.where((last >= 0) & (at - day[last] <= oldest_d), last, -1), np.int64)
