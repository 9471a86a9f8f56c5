"""Cohorts with known relapses, for `judge`: simulated, or read from files of one's own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.evaluate import Relapse, Result, Trial, days_of, hybrid, judge, trial
from euthymia.care.monitor.panel import Days, Features, Panel
from euthymia.care.monitor.series_read import day_numbers
from euthymia.ground.errors import SchemaError
from euthymia.models.tables import Frame, numbers, read_frame, require, texts
from euthymia.simulate.watched import Asked, cohort


def simulated(asked: Asked) -> Trial:
    """Return a simulated cohort; see `simulate/watched.py` for what is in it."""
    made = cohort(asked)
    device = np.array([name.startswith("watch.") for name in made.names], np.int64)
    people = tuple(
        days_of(values, int(first), away)
        for values, first, away in zip(made.values, made.first, made.away, strict=True)
    )
    everything = np.ones(asked.days, np.bool_)
    panel = Panel(Features(made.names, made.worse, device), people, (everything,) * len(people))
    relapses = tuple(Relapse(r.person, r.onset, r.end, r.shape) for r in made.relapses)
    return trial(panel, relapses)


def read_trial(
    days: Frame, relapses: Frame, worse: tuple[str, ...] = (), better: tuple[str, ...] = ()
) -> Trial:
    """Return a cohort of one's own.

    Parameters
    ----------
    days : path or frame
        A row a person and day: `subject`, `day` (a date, or a number), and a column a feature;
        empty where nothing was seen. A device is what stands before the first dot of a name.
    relapses : path or frame
        A row a relapse: `subject`, `onset` and `end` (the first day after it), as in `day`.
    worse, better : tuple of str
        Features of which a rise is worse, or better; the others count either way.

    Raises
    ------
    SchemaError
        A column is missing, a day cannot be read or is there twice, a relapse is nobody's.
    """
    table = read_frame(days, where="the days", as_text=["subject"])
    found = read_frame(relapses, where="the relapses", as_text=["subject"])
    require(table, ["subject", "day"], where="the days")
    require(found, ["subject", "onset", "end"], where="the relapses")
    names = tuple(n for n in table.column_names if n not in {"subject", "day"})
    unknown = [n for n in (*worse, *better) if n not in names]
    if unknown or not names:
        raise SchemaError(f"the days have no column {', '.join(unknown) or 'of a feature'}")
    devices = sorted({name.partition(".")[0] if "." in name else "" for name in names})
    features = Features(
        names,
        np.array([1 if n in worse else -1 if n in better else 0 for n in names], np.int64),
        np.array([devices.index(n.partition(".")[0] if "." in n else "") for n in names], np.int64),
    )
    who, day = texts(table, "subject", where="the days"), day_numbers(table["day"], "day")
    values = np.stack([numbers(table, n, where="the days") for n in names], axis=1)
    subjects = np.unique(who)
    people = tuple(_person(day[who == s], values[who == s]) for s in subjects)
    well = tuple(np.ones(len(p.values), np.bool_) for p in people)
    whose = texts(found, "subject", where="the relapses")
    strange = sorted(set(whose.tolist()) - set(subjects.tolist()))
    if strange:
        raise SchemaError(f"{len(strange)} relapses are of people of whom there are no days")
    place = np.searchsorted(subjects, whose)
    starts, ends = day_numbers(found["onset"], "onset"), day_numbers(found["end"], "end")
    events = tuple(
        Relapse(int(p), int(a) - people[p].first, int(b) - people[p].first)
        for p, a, b in zip(place, starts, ends, strict=True)
        if a >= people[p].first
    )
    return trial(Panel(features, people, well), events, simulated=False)


def _person(day: NDArray[np.int64], values: NDArray[np.float64]) -> Days:
    if np.unique(day).size != day.size:
        raise SchemaError("the days hold a person's day twice; give one row a person and day")
    first = int(day.min())
    made = np.full((int(day.max()) - first + 1, values.shape[1]), np.nan)
    made[day - first] = values
    return days_of(made, first, np.zeros(len(made), np.bool_))


def table(asked: Trial, budget_days: float, seed: int) -> dict[str, Any]:
    """Return the figures of the watch and its peers on a cohort, and chance at the same burden."""
    from euthymia.care.monitor.peers import PEERS

    rows = [judge(d, asked, (budget_days,), seed)[0] for d in (hybrid(), *PEERS)]
    first: Result = rows[0]
    return {
        "budget_days": budget_days,
        "detectors": [row.plain() for row in rows],
        "chance": {f"caught_{h}d": round(v, 4) for h, v in first.chance.items()},
        "relapses": first.relapses,
        "patient_days": first.patient_days,
        "simulated": asked.simulated,
    }
