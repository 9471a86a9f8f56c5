"""What an estimator is: one file, one constant `MODEL`, and what its fits must be able to do.

A task names its estimator by `Model.name`. Everything after it (validation, audits, the report, the
bundle, serving) works with the two protocols below and with no estimator by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.survival import at_horizon

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sets = Sequence[tuple[str, Ints]]
"""(name, columns of x): the feature sets that tuning may choose between."""

CENSORED: Final = 0
EVENT: Final = 1
"""In `Sample.cause`: the event that is predicted. 2 and above are events that end the follow-up
before it (death, for a relapse)."""
MEDIAN: Final = (
    "Values that are not known are replaced by the median of the training rows; where 1 % or more"
    " are, a column says so. The same in use."
)
HEADS: Final = 100
"""Person-bootstrap refits asked for, from which the interval of a probability comes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Training rows: features, outcomes, whose they are.

    Attributes
    ----------
    x : NDArray, shape [n, k]
        NaN: not known.
    y : NDArray, shape [n]
        1 where the event was seen, otherwise 0. For an estimator of kind "survival": seen at any
        time of the follow-up (`cause == EVENT`).
    person : NDArray of str, shape [n]
    time : NDArray, shape [n], optional
        Follow-up in days, above 0: to the event, to a competing one, or to the end of observation.
    cause : NDArray of int, shape [n], optional
        How the follow-up ended: `CENSORED`, `EVENT`, or 2 and above for a competing event.
    horizon : float
        Days ahead that the probability is about; 0 where there is no `time`.
    monotone : NDArray of int, shape [k], optional
        For each feature 1 where risk may only rise with it, -1 where it may only fall, else 0. An
        estimator that cannot hold to it leaves it aside.
    """

    x: Floats
    y: Floats
    person: NDArray[np.str_]
    time: Floats | None = None
    cause: Ints | None = None
    horizon: float = 0.0
    monotone: Ints | None = None

    def take(self, rows: Ints) -> "Sample":
        """Return some of the rows."""
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            person=self.person[rows],
            time=None if self.time is None else self.time[rows],
            cause=None if self.cause is None else self.cause[rows],
        )

    @property
    def by_horizon(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The outcome that is judged (by the horizon), and for which rows it is known."""
        if self.time is None or self.cause is None:
            return self.y, np.ones(self.y.size, bool)
        return at_horizon(self.time, self.cause, self.horizon)

    def dealt(self, rows: Ints, dealt: Ints) -> "Sample":
        """Return some of the rows, given the outcomes of others: for audits."""
        return replace(self.take(dealt), x=self.x[rows], person=self.person[rows])


@dataclass(frozen=True, slots=True)
class Choice:
    """What tuning chose: a feature set and settings, and the held-out loss of every candidate.

    `losses` holds (feature set, settings in words, held-out loss).
    """

    features: str
    settings: Mapping[str, float]
    losses: tuple[tuple[str, str, float], ...]

    @property
    def words(self) -> str:
        """The settings in words."""
        return said(self.settings)


def said(settings: Mapping[str, float]) -> str:
    """Return settings in words: ``penalty 30, leaves 8``."""
    return ", ".join(f"{name} {value:g}" for name, value in settings.items())


class Column(msgspec.Struct, frozen=True):
    """One column of a linear predictor, for the reasons: which feature, and its push."""

    feature: int
    missing: bool  # the column says that the feature is not known
    fill: float
    low: float
    high: float
    mean: float
    scale: float
    coefficient: float


class Trees(msgspec.Struct, frozen=True):
    """The leaves of a tree ensemble, for the reasons: one entry a leaf and feature on its path.

    Flat arrays (little-endian bytes) of L leaves; a leaf's conditions are `first[i]` to
    `first[i + 1]`. A condition on a feature holds where low < x <= high, or x is not known and
    `unknown` is 1; `share` is the share of training rows at the node above that went this way.
    """

    value: bytes  # f8 [L], log-odds
    first: bytes  # i8 [L + 1]
    feature: bytes  # i8
    low: bytes  # f8
    high: bytes  # f8
    unknown: bytes  # i8
    share: bytes  # f8


@dataclass(frozen=True, slots=True)
class Told:
    """What the report says of a fitted model: a paragraph, and its largest parts.

    `rows` hold (feature's place or -1, what of it, number).
    """

    text: str
    rows: tuple[tuple[int, str, float], ...]
    head: tuple[str, str, str]
    note: str


class Fitted(Protocol):
    """A tuned, fitted and recalibrated model. Everything in it is float64."""

    @property
    def choice(self) -> Choice:
        """What tuning chose."""

    @property
    def calibration(self) -> tuple[float, float]:
        """(intercept, slope) of the recalibration on held-out predictions."""

    @property
    def sources(self) -> Ints:
        """The features that the model looks at, as places in x."""

    def predict(self, x: Floats) -> Floats:
        """Return the calibrated probability of each row: by the horizon, for "survival"."""

    def predict_interval(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (probability, low, high) of each row."""

    def to_onnx(self, features: int) -> bytes:
        """Return a checked graph: x [n, features] to probability, low, high, each [n, 1].

        Equal to `predict_interval` to 1e-6 on every row, NaN and hostile values included.
        """

    def columns(self) -> tuple[Column, ...]:
        """Return the linear predictor that the reasons come from; empty where there is none."""

    def trees(self) -> Trees | None:
        """Return the leaves that the reasons come from; None where `columns` has them."""

    def told(self) -> Told:
        """Return what the report says of the model."""


class Fit(Protocol):
    """How a model is tuned, fitted, recalibrated."""

    def __call__(self, sample: Sample, sets: Sets, *, seed: int, heads: int = HEADS) -> Fitted:
        """Return the model.

        All tuning is inside and splits people, never rows. The same sample, seed and code give the
        same model, to the last bit.

        Parameters
        ----------
        heads : int
            0: the intervals are not needed, `predict_interval` may return the probability thrice.
        """


class Refit(Protocol):
    """How the audits fit a model again and again: without tuning, without recalibration."""

    def __call__(
        self, sample: Sample, rows: Ints, columns: Ints, choice: Choice, dealt: Ints, held: Ints
    ) -> Floats:
        """Return a score (rising with risk) of held-out rows for each fit, shape [d, held].

        Parameters
        ----------
        rows : NDArray of int, shape [n]
            The rows to learn from.
        dealt : NDArray of int, shape [d, n]
            For each fit, the row of `sample` whose outcome each of them is given: `rows` itself
            for the true ones, others to see what is found in labels dealt anew.
        held : NDArray of int
            The rows to score.
        """


@dataclass(frozen=True, slots=True)
class Model:
    """An estimator.

    Attributes
    ----------
    name : str
        As `--estimator` and `Task.estimator` say it.
    title : str
        For cards and reports.
    kind : "binary" or "survival"
        What samples must hold: only `y`, or `time` and `cause` too.
    methods : tuple of str
        Sentences for the report's methods, with doi.
    interval : str
        What the interval of a single probability is, and is not.
    push : str
        The unit of a reason's contribution.
    missing : str
        What it does with values that are not known.
    memorises : bool
        A fit without noise gives away who was in the training data (trees, neighbours): its scores
        are rounded in use, and it never leaves the clinic.
    """

    name: str
    title: str
    kind: Literal["binary", "survival"]
    methods: tuple[str, ...]
    interval: str
    fit: Fit
    refit: Refit
    push: str = "log-odds"
    missing: str = MEDIAN
    memorises: bool = False
    ready: Callable[[], None] = lambda: None
    """Raises SchemaError, with what to install, where a library that it needs is not there."""
