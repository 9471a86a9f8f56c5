"""Lines for a stated budget of false alarms, from relapse-free days; and how often they are passed.

Composite and MEWMA share the budget: each alarms from the value that relapse-free days pass with
the same rarity, the MEWMA's rarer by `MEWMA_RARER`, for it looks in all directions and would spend
the budget on what is merely unusual. The one number left is found by counting the episodes that it
opens on relapse-free days.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.contract import Lines
from euthymia.ground.errors import SchemaError
from euthymia.kernels.watch_alarms import episodes, openings

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MEWMA_RARER: Final = 0.5  # decades
FROM_DAY: Final = 28  # days of history: before, a baseline is mostly the cohort's
MIN_BUDGETS: Final = 10  # patient-days, in budgets, that a line is set on at least
_STEP: Final = 0.1
_HALVINGS: Final = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """One person's scores, and which days are watched and relapse-free."""

    composite: Floats
    mewma: Floats
    well: Mask


def watched(composite: Floats, mewma: Floats, well: Mask) -> Judged:
    """Return scores as they are judged live: no episode opens on a person's first days.

    One that would have would still be open later, and stand in the way of one that counts.
    """
    first = np.arange(well.size) < FROM_DAY
    return Judged(np.where(first, 0.0, composite), np.where(first, 0.0, mewma), well & ~first)


def level(composite: Floats, mewma: Floats, lines: Lines) -> Floats:
    """Return each day's score as a multiple of its line: the larger of the two."""
    return np.fmax(composite / lines.composite, mewma / lines.mewma)


def opened(found: Floats) -> Mask:
    """Return the days on which an episode opens, from what `episodes` marks."""
    return np.asarray(found == np.arange(found.size))


def episode_days(values: Floats, lines: Lines) -> Floats:
    """Return, for each day in an episode, the place of its opening day; NaN elsewhere."""
    out = np.empty(values.size)
    episodes(np.ascontiguousarray(values), lines.release, lines.dwell_days, out)
    return out


@dataclass(frozen=True, slots=True)
class _Together:
    """Many people's days one after the other."""

    composite: Floats
    mewma: Floats
    well: Mask
    starts: NDArray[np.int64]

    def count(self, lines: Lines) -> int:
        return openings(
            self.composite, self.mewma, self.well, self.starts,
            lines.composite, lines.mewma, lines.release, lines.dwell_days,
        )  # fmt: skip


def _together(people: Sequence[Judged]) -> _Together:
    return _Together(
        np.concatenate([who.composite for who in people]),
        np.concatenate([who.mewma for who in people]),
        np.concatenate([who.well for who in people]),
        np.cumsum([0, *(who.well.size for who in people)]).astype(np.int64),
    )


def false_alarms(people: Sequence[Judged], lines: Lines) -> tuple[int, int]:
    """Return how many episodes open on relapse-free days, and how many such days there are."""
    found = _together(people)
    return found.count(lines), int(found.well.sum())


def set_lines(people: Sequence[Judged], budget_days: float, like: Lines | None = None) -> Lines:
    """Return lines that one episode in `budget_days` relapse-free patient-days opens over.

    Parameters
    ----------
    people : sequence of Judged
        Other people than those who will be judged.
    budget_days : float
        Patient-days to one false alarm.
    like : Lines, optional
        Release, dwell and names to keep.

    Raises
    ------
    SchemaError
        If there are fewer relapse-free days than ten budgets.
    """
    like = replace(like or Lines(1.0, 1.0), budget_days=budget_days)
    found = _together(people)
    days = int(found.well.sum())
    if days < MIN_BUDGETS * budget_days:
        raise SchemaError(
            f"{days} relapse-free patient-days are too few to set a line for one alarm in "
            f"{budget_days:g}: {MIN_BUDGETS * budget_days:g} are needed"
        )
    composite, mewma = np.sort(found.composite[found.well]), np.sort(found.mewma[found.well])

    def count(rarity: float) -> int:
        return found.count(_at(composite, mewma, rarity, like))

    rarity = _rarity(count, days / budget_days, float(np.log10(composite.size)))
    return _at(composite, mewma, rarity, like)


def _rarity(count: Callable[[float], int], allowed: float, most: float) -> float:
    """Return the least rarity that keeps the budget, coming from rare alarms.

    Where a line is so low that an episode never closes there are few openings too: that is not
    looked at. Where no line spends the budget, the one that spends most of it is returned.
    """
    steps = np.arange(most, 0.0, -_STEP)
    counts = [count(float(r)) for r in steps]
    over = [i for i, n in enumerate(counts) if n > allowed]
    if not over or over[0] == 0:
        return float(steps[int(np.argmax(counts))])
    low, high = float(steps[over[0]]), float(steps[over[0] - 1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if count(middle) > allowed else (low, middle)
    return high


def _at(composite: Floats, mewma: Floats, rarity: float, like: Lines) -> Lines:
    """Return the lines that relapse-free days pass with a probability of 10^-rarity."""
    return replace(
        like,
        composite=max(_quantile(composite, rarity), 0.05),
        mewma=max(_quantile(mewma, rarity + MEWMA_RARER), 0.5),
    )


def _quantile(ordered: Floats, rarity: float) -> float:
    """Return the value passed with a probability of 10^-rarity; beyond the data, a straight tail.

    Past the largest value the quantile goes on as it went over the last decade.
    """
    most = float(np.log10(ordered.size))
    if rarity <= most:
        return float(np.quantile(ordered, 1 - 10.0**-rarity))
    slope = float(ordered[-1] - np.quantile(ordered, 1 - 10.0 ** -(most - 1)))
    return float(ordered[-1]) + slope * (rarity - most)
