"""A task on a plain table: which columns are looked at, when they were measured, what is asked.

Everything is data: a new trial is one new file with one `TASK`. Formulas are those of
`models/expressions.py`. What a predictor looks at must have been measured by the index day, which
is checked when the task is declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from euthymia.ground.errors import SchemaError
from euthymia.models.expressions import Read, column_formula, reads
from euthymia.models.tasks.contract import FeatureSpec, Task

PLAIN: Final = "table"
"""The name of a task that nobody declared: it was made up of the table itself."""


@dataclass(frozen=True, slots=True)
class Predictor(FeatureSpec):
    """One number of the vector, and the formula that it comes from (the column of its name)."""

    value: str = ""

    @property
    def formula(self) -> str:
        """The formula that it comes from."""
        return self.value or column_formula(self.name)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a clinician would do without a model: a formula that is 1 where the rule says yes."""

    title: str
    formula: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTask(Task):
    """A task on a table with one row an index date, or one row a visit.

    Attributes
    ----------
    person, site : str
        Columns: whose row it is (empty: each row is a person) and where.
    visit : str
        A table of one row a visit: the column that says which. Empty: each row is an index date.
    days : mapping
        When a visit, or a column of a table without visits, was measured: days from the start.
        What is not named was known at the start, day 0.
    index_day : float
        The day of the prediction. `features` may look at nothing measured later.
    label, among : str
        Formulas: 1, 0 or not known; and who is in the population (empty: everybody).
    follow_up, ended_by : str
        Of a time to an event, in place of `label`: formulas of the days that a row was followed,
        and how that ended (0 not by any event, 1 the event, 2 and above one that rules it out). The
        prediction is the risk within `horizon_days`.
    groups, metadata : mapping
        Title -> formula: whom the model must do equally well for; how the data were collected.
    rule : Rule, optional
        The rule that the model's net benefit is compared with, at the thresholds of
        `rule_thresholds`.
    moments : mapping
        Title -> day: when the prediction can be made anew, for `update`.
    """

    person: str = ""
    site: str = ""
    visit: str = ""
    days: Mapping[str, float] = field(default_factory=dict)
    index_day: float = 0.0
    label: str = ""
    among: str = ""
    follow_up: str = ""
    ended_by: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    rule: Rule | None = None
    rule_thresholds: tuple[float, float] = (0.3, 0.8)
    moments: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for spec in self.features:
            if not isinstance(spec, Predictor):
                raise SchemaError(f"{self.name}: {spec.name} is no Predictor")
            if self.measured(spec) > self.index_day:
                raise SchemaError(
                    f"{self.name}: {spec.name} is measured on day {self.measured(spec):g}, after"
                    f" the prediction on day {self.index_day:g}: that would be looking ahead"
                )
        if self.follow_up and (self.label or not self.ended_by or self.horizon_days <= 0):
            raise SchemaError(
                f"{self.name}: a time to an event needs follow_up, ended_by and horizon_days, and"
                " no label"
            )
        outcome = [self.day(read) for read in reads(self.label)] if self.label else []
        if self.label and self.days and max(outcome, default=0.0) <= self.index_day:
            raise SchemaError(
                f"{self.name}: the outcome is known on the day of the prediction; nothing is left"
                " to predict"
            )

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """The features, with their formulas."""
        return tuple(spec for spec in self.features if isinstance(spec, Predictor))

    def day(self, read: Read) -> float:
        """Return the day on which what a formula reads was measured."""
        said = f"{read.visit:g}" if isinstance(read.visit, float) else (read.visit or read.column)
        return float(self.days.get(said, 0.0))

    def measured(self, spec: FeatureSpec) -> float:
        """Return the day by which all that a predictor looks at is known."""
        formula = spec.formula if isinstance(spec, Predictor) else column_formula(spec.name)
        return max((self.day(read) for read in reads(formula)), default=0.0)

    def measured_by(self, day: float) -> tuple[Predictor, ...]:
        """Return the predictors that are known on a day."""
        return tuple(spec for spec in self.predictors if self.measured(spec) <= day)

    def at(self, day: float, title: str) -> "TableTask":
        """Return the task of a prediction made on another day, with what is known by then.

        Its feature sets, baselines and rule are those that can be had by that day.
        """
        known = {spec.name for spec in self.measured_by(day)}
        sets: dict[str, tuple[str, ...]] = {}
        for title_of, names in self.feature_sets.items():
            kept = tuple(name for name in names if name in known)
            if kept and kept not in sets.values():
                sets[title_of] = kept
        rule = self.rule
        if rule is not None and max(self.day(r) for r in reads(rule.formula)) > day:
            rule = None
        return replace(
            self,
            name=f"{self.name}@{title.replace(' ', '-')}",
            title=f"{self.title}, {title}",
            index_day=day,
            features=tuple(spec for spec in self.features if spec.name in known),
            feature_sets=sets,
            baselines={n: fs for n, fs in self.baselines.items() if fs and set(fs) <= known},
            rule=rule,
            moments={},
        )


def levels(name: str, title: str, column: str, names: Mapping[str, str]) -> tuple[Predictor, ...]:
    """Return a predictor for each category of a column: 1 where it is that one.

    Parameters
    ----------
    names : mapping
        Value in the table -> title. Leave one out: it is what the others are compared with.
    """
    return tuple(
        Predictor(
            f"{name}={value}", f"{title}: {said}", "1", 0, 1,
            f"{column_formula(column)} == {value!r}",
        )
        for value, said in names.items()
    )  # fmt: skip
