"""What the clinical record and everybody's days together say about a person's days."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.care.monitor.panel import Days
from euthymia.care.summary import phq9_scores
from euthymia.ground.clock import Timeline
from euthymia.ground.codes import ADMISSION

Mask = NDArray[np.bool_]

BEFORE: Final = 30  # days before a worsening was recorded that are not taken for relapse-free
AFTER: Final = 60  # and after
PHQ9_ILL: Final = 10  # a score from which a person is taken to be ill; see care/worklist.py
PHQ9_RISE: Final = 5
OUTAGE_SHARE: Final = 0.1  # seen of those who usually are: less is a fault of the feed
OUTAGE_PEOPLE: Final = 5  # with fewer, a silent day of all can be chance
STILL_FOLLOWED: Final = 14  # days since a person was last seen, for them to count as followed


def well_days(days: Days, observations: pa.Table, zones: Timeline) -> Mask:
    """Mark the days that no recorded worsening is near: no PHQ-9 of 10, no rise of 5, no stay."""
    well = np.ones(len(days.values), np.bool_)
    for day in _worse(observations, zones):
        well[max(0, day - BEFORE - days.first) : max(0, day + AFTER - days.first)] = False
    return well


def _worse(observations: pa.Table, zones: Timeline) -> list[int]:
    found, before = [], None
    for score in phq9_scores(observations, zones):
        if score.total is None:
            continue
        rose = before is not None and score.total - before >= PHQ9_RISE
        if score.total >= PHQ9_ILL or rose:
            found.append(int(zones.local_day(np.array([score.at], np.int64))[0]))
        before = score.total
    return found + [day for day, _ in _stays(observations, zones)]


def _stays(observations: pa.Table, zones: Timeline) -> list[tuple[int, int]]:
    """Return (first local day, days) of in-patient stays."""
    rows = observations.filter(
        pc.and_(pc.equal(observations["code"], ADMISSION), pc.is_valid(observations["time"]))
    )
    if not rows.num_rows:
        return []
    days = zones.local_day(np.asarray(rows["time"].cast(pa.int64()).to_numpy(), np.int64))
    lengths = rows["numeric_value"].to_pylist()
    return [(int(day), int(n or 0) + 1) for day, n in zip(days, lengths, strict=True)]


def stay_days(observations: pa.Table, zones: Timeline) -> frozenset[int]:
    """Return the local days in hospital: neither a day there nor a phone in a locker says much."""
    return frozenset(
        day for first, n in _stays(observations, zones) for day in range(first, first + n)
    )


def outages(people: Sequence[Days]) -> frozenset[int]:
    """Return the days on which hardly anybody of those who are followed was seen."""
    followed: dict[int, int] = {}
    seen: dict[int, int] = {}
    for days in people:
        known: Mask = np.asarray(np.isfinite(days.values).any(axis=1))
        if not known.any():
            continue
        last = days.first + int(np.flatnonzero(known)[-1])
        until = min(last + STILL_FOLLOWED, days.first + known.size - 1)
        for day in range(days.first, until + 1):
            followed[day] = followed.get(day, 0) + 1
            seen[day] = seen.get(day, 0) + int(known[day - days.first])
    return frozenset(
        day for day, n in followed.items() if n >= OUTAGE_PEOPLE and seen[day] < OUTAGE_SHARE * n
    )
