"""What a prediction task is, declared before any model is fitted."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Family
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.models.contract import SubjectData
from euthymia.models.history import History

MONTH: Final = "calendar month"
"""The metadata of a task that says in which month (YYYY-MM) each index date lies."""


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One number of the feature vector; a value outside [low, high] cannot be true."""

    name: str
    title: str
    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A feature whose value of `value` or more says that a person is outside the population."""

    feature: str
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Landmark:
    """One index date of one person: the label seen later, or why there is none.

    Of a time to an event, `days` says how long the person was followed and `ended_by` how that
    ended: 0 not by any event, 1 the event, 2 and above one that rules it out (death). `label` is
    then whether the event was seen by the horizon.
    """

    at: Micros
    label: int | None
    excluded: str = ""
    days: float | None = None
    ended_by: int = 0


@dataclass(frozen=True, slots=True)
class Renewal:
    """When a prediction is made anew in a course, and what a clinician would do without it.

    `days` is the feature that says how far the course is, `moments` are title -> that day, and
    `rule` is the feature that is 1 where the clinical rule says that the outcome will come.
    """

    days: str
    moments: Mapping[str, float]
    rule: str
    rule_title: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A person at a moment: x in the order of `Task.features` (NaN: not known)."""

    x: NDArray[np.float64]
    coverage: float
    data_age_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task: who is asked about, when, what counts as the outcome, and who must not use it.

    Training, audits, the report, the bundle and serving know no more than this. Where its rows come
    from is said by the two kinds of task: `RecordTask` (the store's records of a person) and
    `TableTask` (a plain table, such as a trial's).

    `feature_sets` are the choices that tuning may make between; `baselines` are trivial models that
    are reported beside it. `threshold` is the probability from which a person is put forward.
    `ceilings` are the values that contradict the population, whoever states them. `estimator` is
    the name of a model of `euthymia.models.estimators`. `off_because`: why the task may not be
    trained unless the clinic gives a reason in its settings; empty for all others.
    """

    name: str
    title: str
    outcome: str
    population: str
    index_dates: str
    lookback_days: int
    horizon_days: int
    censoring: str
    intended_use: str
    not_for: tuple[str, ...]
    threshold: float
    threshold_rule: str
    features: tuple[FeatureSpec, ...]
    feature_sets: Mapping[str, tuple[str, ...]]
    baselines: Mapping[str, tuple[str, ...]]
    purposes: tuple[Purpose, ...] = ()
    families: Mapping[str, Family] = field(default_factory=dict)
    min_coverage: float = 0.0
    max_data_age_hours: float = float("inf")
    ceilings: tuple[Ceiling, ...] = ()
    estimator: str = "logistic"
    off_because: str = ""

    @property
    def schema_digest(self) -> str:
        """A digest of the features and the versions of their families.

        A model may only be asked with vectors made under the digest it was trained under.
        """
        text = [f"{f.name}\t{f.unit}\t{f.low}\t{f.high}" for f in self.features]
        text += [f"{name}\t{family.version}" for name, family in sorted(self.families.items())]
        return hashlib.sha256("\n".join(text).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTask(Task):
    """A task on a person's records and daily features, as the store holds them.

    `ineligible` looks at the record, `ceilings` at a vector that a caller gave. `daily` gives the
    single days of the lookback [days, q], for the audit of what days as rows would claim.
    `renewal`: of a task that is asked anew in a course, for `update`. `timed`: its landmarks say
    how long each was followed.
    """

    landmarks: Callable[[History], Sequence[Landmark]]
    describe: Callable[[History, Micros], Described]
    ineligible: Callable[[History, Micros], str]
    groups: Callable[[History, Micros], Mapping[str, str]]
    metadata: Callable[[History, Micros], Mapping[str, str | float]]
    daily: Callable[[History, Micros], NDArray[np.float64]] | None = None
    renewal: Renewal | None = None
    timed: bool = False

    def history(self, data: SubjectData) -> History:
        """Return a person's record as arrays, for many calls of `describe`."""
        return History(data, self.families)

    def vector(self, data: SubjectData, at: Micros) -> tuple[NDArray[np.float64], float, float]:
        """Return (x, coverage, data age in hours) of a person at a moment.

        The same function in training and in use; nothing recorded after `at` matters.
        """
        found = self.describe(self.history(data), at)
        return found.x, found.coverage, found.data_age_hours

    def outside_population(self, data: SubjectData, at: Micros) -> str:
        """Return why the model must not be asked about a person at a moment; empty if it may."""
        return self.ineligible(self.history(data), at)
