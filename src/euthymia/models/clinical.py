"""What the clinical record says: PHQ-9 totals, admissions, episodes. Arrays in, numbers out."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US
from euthymia.ground.codes import ADMISSION, PHQ9_ITEMS, PHQ9_TOTAL

EPISODE: Final = (
    10.0  # PHQ-9 at or above: Kroenke et al. 2001, doi:10.1046/j.1525-1497.2001.016009606.x
)
MOST_MISSING: Final = 2  # up to two unanswered items are replaced by the mean of the others
_PSYCHIATRIC: Final = (
    r"(?i)depress|bipolar|mani[ac]|mood|suicid|self.?harm|psych|anxiety|schizo|370143000|35489007|"
    r"\bF[2-4][0-9]"
)

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def timed(observations: pa.Table) -> pa.Table:
    """Return the observations that have a time, in order of time."""
    known = observations.filter(pc.is_valid(observations["time"]))
    return known.sort_by("time")


def times_of(table: pa.Table) -> Times:
    """Return the column `time` as int64 microseconds UTC."""
    return np.asarray(table["time"].cast(pa.int64()).to_numpy(), np.int64)


def _numbers(table: pa.Table) -> Floats:
    column = pc.fill_null(table["numeric_value"], float("nan"))
    return np.asarray(column.to_numpy(), np.float64)


def phq9_totals(table: pa.Table) -> tuple[Times, Floats]:
    """Return when a PHQ-9 was filled in and its total (0 to 27), one a moment, in order.

    A recorded total is taken before the sum of the items of that moment. With one or two items
    missing the total is the mean of the others times nine, rounded; with more there is none.
    """
    totals = table.filter(pc.equal(table["code"], PHQ9_TOTAL))
    items = table.filter(pc.is_in(table["code"], value_set=pa.array(PHQ9_ITEMS)))
    found: dict[int, float] = {}
    answers: dict[int, dict[str, float]] = {}
    codes = items["code"].to_pylist()
    for at, code, value in zip(times_of(items), codes, _numbers(items), strict=True):
        if 0 <= value <= 3:
            answers.setdefault(int(at), {})[code] = float(value)
    for at, given in answers.items():
        if len(given) >= len(PHQ9_ITEMS) - MOST_MISSING:
            found[at] = float(np.floor(sum(given.values()) * 9 / len(given) + 0.5))
    for moment, value in zip(times_of(totals), _numbers(totals), strict=True):
        if 0 <= value <= 27:
            found[int(moment)] = float(value)
    order = sorted(found)
    return np.array(order, np.int64), np.array([found[at] for at in order], np.float64)


def admissions(table: pa.Table) -> Times:
    """Return the beginnings of in-patient stays that are not plainly for another reason.

    A stay counts where no reason is recorded, or the reason is a psychiatric one.
    """
    stays = table.filter(pc.equal(table["code"], ADMISSION))
    reason = pc.fill_null(stays["text_value"], "")
    counts = pc.or_(pc.equal(reason, ""), pc.match_substring_regex(reason, _PSYCHIATRIC))
    return times_of(stays.filter(counts))


def encounters(table: pa.Table) -> Times:
    """Return the moments of all encounters with the clinic."""
    return times_of(table.filter(pc.starts_with(table["code"], "ActCode/")))


def episodes_before(phq_times: Times, totals: Floats, stays: Times, at: int) -> int:
    """Return how many episodes began by `at`: runs of totals >= 10, and stays outside such runs."""
    known = totals[phq_times <= at] >= EPISODE
    starts = phq_times[phq_times <= at][known & ~np.r_[False, known[:-1]]]
    apart = [s for s in stays[stays <= at] if not np.any(np.abs(starts - s) < 60 * DAY_US)]
    distinct = 1 + int(np.sum(np.diff(apart) > 60 * DAY_US)) if apart else 0
    return int(starts.size) + distinct


def slope_per_30_days(times: Times, values: Floats) -> float:
    """Return the least-squares slope of `values` [per 30 days]; NaN below two different days."""
    if times.size < 2 or np.ptp(times) < DAY_US:
        return float("nan")
    days = (times - times.mean()) / (30 * DAY_US)
    return float((days * (values - values.mean())).sum() / (days**2).sum())
