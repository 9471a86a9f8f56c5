"""The released models, opened once and kept; opened anew when something is released.

Another process (the command line) releases models while the server runs. Every look at the shelf
asks for the index file's state, which a release replaces, so a release holds from the next call.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.app.problems import RefusalError
from euthymia.app.turn import OncePerTurn
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.models.bundle import Bundle
from euthymia.models.contract import Prediction, SubjectData
from euthymia.models.registry import INDEX, REFUSED, Registered, Registry
from euthymia.models.serve import Served
from euthymia.models.tasks import tasks

NO_TASK: Final = (
    "the model's task is not installed here, so nobody can say whom it is for; train and release "
    "another model"
)


class NotOpenError(Exception):
    """A model's file must be read, and the caller cannot wait for that."""


Known = tuple[float | None, float | None]
"""(coverage, data age in hours) of a vector; None where the caller gave the features."""
Stamp = tuple[int, int, int] | None


class Model:
    """A released model with what the checks must know of it.

    Attributes
    ----------
    purposes : tuple of Purpose
        What a patient must have consented to.
    position : mapping
        Feature name -> its place in the vector, in order.
    doubt : str
        What its audit says against its figures, where it was released in spite of that; else empty.
    """

    NOT_NOW: Final = "the model is not for this person now: "

    def __init__(self, bundle: Bundle, entry: Registered) -> None:
        self.served = Served(bundle, entry.digest)
        self.bundle = bundle
        self.name, self.digest = entry.name, entry.digest
        self.version = self.served.version
        self.threshold, self.synthetic = bundle.threshold, bundle.synthetic
        self.doubt = bundle.evidence.split(":")[0] if REFUSED in bundle.evidence else ""
        self.purposes = tuple(Purpose(text) for text in bundle.purposes)
        self.position: Mapping[str, int] = {n: i for i, n in enumerate(self.served.names)}
        self._used = self.served.used
        task = tasks().get(bundle.task)
        self._ceilings = [
            (self.position[c.feature], c.value, c.reason)
            for c in (task.ceilings if task else ())
            if c.feature in self.position
        ]

    def describe(self, data: SubjectData, at: Micros) -> tuple[NDArray[np.float64], float, float]:
        """Return (vector, coverage, data age in hours) of a person, as in training.

        Raises
        ------
        RefusalError
            The task has changed since the model was trained ("features").
        """
        task = tasks().get(self.bundle.task)
        outdated = self.outdated()
        if task is None or outdated:
            raise RefusalError("features", outdated or NO_TASK)
        return task.vector(data, at)

    def outdated(self) -> str:
        """Return why stored features do not fit the model, and what to run; empty if they fit."""
        name = self.bundle.task
        task = tasks().get(name)
        if task is None:
            return NO_TASK
        if self.served.matches(task):
            return ""
        return (
            f"how features are computed has changed since {self.name} {self.version} was trained; "
            f"it must be trained and released anew: `euthymia features`, `euthymia train {name}`, "
            f"read its report, then `euthymia release {name}`"
        )

    def outside(self, data: SubjectData, at: Micros) -> str:
        """Return why the model is not for this person at this time; empty if it is.

        Raises
        ------
        RefusalError
            The task is no longer there to say ("features").
        """
        task = tasks().get(self.bundle.task)
        if task is None:
            raise RefusalError("features", NO_TASK)
        if "deceased_on" in data.attributes:
            return f"{self.NOT_NOW}the person has died"
        reason = task.outside_population(data, at)
        return f"{self.NOT_NOW}{reason}" if reason else ""

    def share(self, vector: NDArray[np.float64]) -> float:
        """Return how many of the features that the model uses are known, 0 to 1."""
        used = vector[self._used]
        return 1 - int(np.count_nonzero(np.isnan(used))) / max(1, used.size)

    def unfit(self, vector: NDArray[np.float64], share: float) -> str:
        """Return why a vector that a caller gave is not answered; empty if it is.

        The limits are those of stored features: the population, and how much must be known.
        """
        for place, value, reason in self._ceilings:
            if vector[place] >= value:
                return f"{self.NOT_NOW}{reason}"
        least = self.bundle.min_coverage
        if share < least:
            return (
                f"only {floor(100 * share)} % of the model's features were given; it needs at "
                f"least {ceil(100 * least)} %"
            )
        return ""

    def silent(self, because: str) -> Prediction:
        """Return an abstention that was reached before the model was asked."""
        return Prediction(
            model=self.name,
            model_version=self.version,
            model_digest=self.digest,
            horizon_days=self.bundle.horizon_days,
            probability=None,
            interval=None,
            abstained_because=because,
            reasons=(),
            coverage=None,
            data_age_hours=None,
        )

    def predict(
        self, vector: NDArray[np.float64], coverage: float | None, data_age_hours: float | None
    ) -> Prediction:
        """Return what the model says of a vector in its order."""
        return self.served.predict(vector, coverage=coverage, data_age_hours=data_age_hours)

    def predict_many(
        self, vectors: Sequence[NDArray[np.float64]], known: Sequence[Known]
    ) -> list[Prediction]:
        """Return what the model says of several vectors, at a fraction of the cost of each."""
        shares, ages = [share for share, _ in known], [age for _, age in known]
        return self.served.predict_many(np.array(vectors), shares, ages)


@dataclass(slots=True)
class _Row:
    """What is released at one state of the index, and which of it is open."""

    stamp: Stamp
    entries: Mapping[str, Registered]
    open: dict[str, Model] = field(default_factory=dict)


class Shelf:
    """The released models of one clinic. Any thread may ask.

    Parameters
    ----------
    registry : Registry
        Verifies what it reads.
    folder : Path
        The registry's folder.
    """

    def __init__(self, registry: Registry, folder: Path) -> None:
        self._registry = registry
        self._index = str(folder / INDEX)
        self._stamp = OncePerTurn(self._look)
        self._lock = Lock()
        self._row = _Row((-1, -1, -1), {})

    def get(self, name: str, *, may_read: bool = True) -> Model | None:
        """Return the model released under `name` (or NAME@VERSION), None if there is none.

        Raises
        ------
        IntegrityError
            The index or the bundle is not as it was written.
        NotOpenError
            A file must be read, and `may_read` is False.
        """
        row = self._now(may_read=may_read)
        model = row.open.get(name)
        if model is not None or name not in row.entries:
            return model
        if not may_read:
            raise NotOpenError
        with self._lock:
            if name not in row.open:
                entry = row.entries[name]
                opened = Model(*self._registry.load(f"{entry.name}@{entry.version}"))
                row.open[entry.name] = row.open[f"{entry.name}@{entry.version}"] = opened
            return row.open[name]

    def names(self) -> tuple[str, ...]:
        """Return the names under which models are released."""
        return tuple(sorted({entry.name for entry in self._now().entries.values()}))

    def all(self) -> tuple[Model, ...]:
        """Return the released models, by name."""
        found = (self.get(name) for name in self.names())
        return tuple(model for model in found if model is not None)

    def _look(self) -> Stamp:
        try:
            state = os.stat(self._index)  # noqa: PTH116 - half the time of Path.stat, on each call
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino, state.st_size

    def _now(self, *, may_read: bool = True) -> _Row:
        stamp = self._stamp()
        row = self._row
        if row.stamp == stamp:
            return row
        if not may_read:
            raise NotOpenError
        released = [entry for entry in self._registry.list() if entry.state == "released"]
        entries = {entry.name: entry for entry in released}
        entries |= {f"{entry.name}@{entry.version}": entry for entry in released}
        row = self._row = _Row(stamp, entries)
        return row
