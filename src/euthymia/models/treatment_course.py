"""A course of an antidepressant: the score it is judged against, and what came of it."""

from typing import Final

import numpy as np

from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart
from euthymia.models.history import History
from euthymia.models.tasks.contract import Landmark

RECENT_DAYS: Final = 30  # within which the score that a course is judged against was taken


def baseline(history: History, at: Micros) -> float:
    """Return the last PHQ-9 of the 30 days before a moment, NaN where there is none."""
    times, totals = history.phq9
    seen = totals[(times > at - RECENT_DAYS * DAY_US) & (times <= at)]
    return float(seen[-1]) if seen.size else float("nan")


def outcome(history: History, start: Micros, at: Micros) -> Landmark:
    """Return the landmark at `at` of a course that began at `start`."""
    if start + chart.COURSE_DAYS * DAY_US > history.data.seen_until:
        return Landmark(at, None, "censored: the twelve weeks are not over")
    found = chart.improved(history, start, history.data.seen_until)
    if np.isnan(found):
        return Landmark(at, None, "censored: not seen: no PHQ-9 in weeks 5 to 12")
    return Landmark(at, int(found))
