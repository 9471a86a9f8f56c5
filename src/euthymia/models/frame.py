"""From people to rows: who was asked about, when, what happened, and who was left out and why."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, Micros
from euthymia.ground.errors import SchemaError
from euthymia.models.contract import SubjectData
from euthymia.models.tasks.contract import RecordTask

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

_FOREVER = 10**7  # a day number after all others


@dataclass(frozen=True, slots=True)
class CohortFrame:
    """One row a person and index date.

    `x` is [n, p] in the order of `names`, NaN where not known; `y` is 0 or 1; `flow` says in order
    how many index dates (and people) were left out and why. Of a task on a time to an event, `time`
    is the follow-up in days and `cause` how it ended (see `estimators/contract.py`); `y` is then
    whether the event was seen by the horizon, also of those who were lost before it. `rule`: 1
    where the clinical rule that the task names would act, NaN where it cannot be told. `daily`
    [n, days, q] are the single days behind each row, of a task that gives them: no model learns
    from them, the audits show what taking days for people would have claimed.
    """

    task: str
    names: tuple[str, ...]
    x: Floats
    y: Floats
    person: Texts
    site: Texts
    at: NDArray[np.int64]
    coverage: Floats
    data_age_hours: Floats
    groups: Mapping[str, Texts]
    metadata: Mapping[str, NDArray[np.generic]]
    flow: tuple[tuple[str, int, int], ...]
    seen_until: Micros
    time: Floats | None = None
    cause: NDArray[np.int64] | None = None
    rule: Floats | None = None
    daily: Floats | None = None

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "CohortFrame":
        """Return the chosen rows (which, or their places in order); the flow stays."""
        return CohortFrame(
            self.task,
            self.names,
            self.x[chosen],
            self.y[chosen],
            self.person[chosen],
            self.site[chosen],
            self.at[chosen],
            self.coverage[chosen],
            self.data_age_hours[chosen],
            {name: values[chosen] for name, values in self.groups.items()},
            {name: values[chosen] for name, values in self.metadata.items()},
            self.flow,
            self.seen_until,
            None if self.time is None else self.time[chosen],
            None if self.cause is None else self.cause[chosen],
            None if self.rule is None else self.rule[chosen],
            None if self.daily is None else self.daily[chosen],
        )

    def columns(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return the places of features by name."""
        place = {name: i for i, name in enumerate(self.names)}
        return np.array([place[name] for name in names], np.int64)


class _Rows:
    """The rows so far, and who was left out."""

    def __init__(self, task: RecordTask) -> None:
        self.task = task
        self.x: list[Floats] = []
        self.keys: list[tuple[int, str, str, int, float, float]] = []
        self.groups: list[Mapping[str, str]] = []
        self.metadata: list[Mapping[str, str | float]] = []
        self.ends: list[tuple[float, int]] = []
        self.daily: list[Floats] = []
        self.left_out: Counter[str] = Counter()
        self.people_left_out: dict[str, set[str]] = {}
        self.asked = 0

    def leave_out(self, why: str, who: str) -> None:
        self.left_out[why] += 1
        self.people_left_out.setdefault(why, set()).add(who)

    def add(self, data: SubjectData) -> None:
        history = self.task.history(data)
        landmarks = self.task.landmarks(history)
        if not landmarks:
            self.leave_out("people without any index date", data.subject)
        for mark in landmarks:
            self.asked += 1
            if mark.label is None:
                self.leave_out(mark.excluded, data.subject)
                continue
            found = self.task.describe(history, mark.at)
            if found.coverage < self.task.min_coverage:
                self.leave_out("too little data: the model would abstain", data.subject)
                continue
            if found.data_age_hours > self.task.max_data_age_hours:
                self.leave_out("data too old: the model would abstain", data.subject)
                continue
            self.x.append(found.x)
            if self.task.daily is not None:
                self.daily.append(self.task.daily(history, mark.at))
            if mark.days is not None:
                self.ends.append((mark.days, mark.ended_by))
            site = data.attributes.get("site", "") or "not known"
            self.keys.append(
                (mark.label, data.subject, site, mark.at, found.coverage, found.data_age_hours)
            )
            self.groups.append(self.task.groups(history, mark.at))
            self.metadata.append(self.task.metadata(history, mark.at))


def _column(values: list[str | float]) -> NDArray[np.generic]:
    if all(isinstance(value, float | int) for value in values):
        return np.array(values, np.float64)
    return np.array([str(value) for value in values], np.str_)


def _together(rows: list[Mapping[str, str | float]]) -> dict[str, NDArray[np.generic]]:
    return {name: _column([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _end_of_data(task: RecordTask, people: list[SubjectData]) -> Micros:
    """Return when the clinic's data end: a day after the last record or sample of anybody.

    An extract that ends months ago must not look like everybody falling silent at once.
    """
    last = 0
    for data in people:
        history = task.history(data)
        days = [table.last_known_day(_FOREVER) for table in history.days.values()]
        last = max([last, *((day + 2) * DAY_US for day in days if day is not None)])
        heard = history.contacts[history.contacts <= data.seen_until]
        last = max([last, *(int(at) + DAY_US for at in heard[-1:])])
    return min(last, max((data.seen_until for data in people), default=0))


def with_refusals(frame: CohortFrame, people: int) -> CohortFrame:
    """Return the frame with a flow that begins with those who did not consent, if there are any."""
    if people == 0:
        return frame
    return replace(frame, flow=(("no consent to training", 0, people), *frame.flow))


def cohort(
    task: RecordTask,
    people: Iterable[SubjectData],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> CohortFrame:
    """Return the rows of a task, and the flow of people and index dates into it.

    Parameters
    ----------
    people : iterable of SubjectData
        What comes after the last record of any of them counts as not yet seen.
    progress : callable
        Called with the number of people done.
    """
    offered = list(people)
    end = _end_of_data(task, offered)
    rows = _Rows(task)
    for done, data in enumerate(offered, 1):
        rows.add(replace(data, seen_until=min(data.seen_until, end)))
        progress(done)
    count = len(offered)
    kept = len(rows.x)
    label, person, site, at, coverage, age = (([row[i] for row in rows.keys]) for i in range(6))
    flow = [("people offered", count, count), ("index dates", rows.asked, count)]
    flow += [(why, n, len(rows.people_left_out[why])) for why, n in rows.left_out.most_common()]
    flow.append(("in the analysis", kept, len(set(person))))
    if len(rows.ends) not in {0, kept}:
        raise SchemaError(f"{task.name}: some index dates say how long they were followed, not all")
    ends = np.array(rows.ends, np.float64).reshape(-1, 2)
    timed = bool(rows.ends)
    return CohortFrame(
        task=task.name,
        names=tuple(spec.name for spec in task.features),
        x=np.array(rows.x, np.float64).reshape(kept, len(task.features)),
        y=np.array(label, np.float64),
        person=np.array(person, np.str_),
        site=np.array(site, np.str_),
        at=np.array(at, np.int64),
        coverage=np.array(coverage, np.float64),
        data_age_hours=np.array(age, np.float64),
        groups={n: v.astype(np.str_) for n, v in _together([dict(g) for g in rows.groups]).items()},
        metadata=_together(rows.metadata),
        flow=tuple(flow),
        seen_until=end,
        time=ends[:, 0] if timed else None,
        cause=ends[:, 1].astype(np.int64) if timed else None,
        daily=np.array(rows.daily) if rows.daily else None,
    )
