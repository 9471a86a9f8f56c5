"""A released model, ready to answer: one ONNX session, exact reasons, and its own limits.

The hot path: no table, no dictionary of features, a few NumPy calls on short vectors.
"""

from collections.abc import Iterable, Sequence
from math import floor, isnan
from typing import Final, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError
from euthymia.models.bundle import Bundle
from euthymia.models.contract import Prediction, Reason
from euthymia.models.reasons import pushes
from euthymia.models.tasks.contract import Task

Floats = NDArray[np.float64]

_Said = tuple[float | None, tuple[float, float] | None, tuple[Reason, ...]]
"""Probability, interval and reasons."""

REASONS: Final = 5
MAX_OUT_OF_RANGE: Final = 0.1
"""Of the known values: with more than this share (and more than two) beyond anything seen in
training, the answer would be a guess about a kind of person the model has not met."""
_ALWAYS_TOLERATED: Final = 2
COARSE: Final = 2
"""Decimals of what a tree ensemble says: its leaves repeat the people they were grown on, and the
last digits of an answer tell whether somebody is among them."""
_OUTPUTS: Final = ["probability", "low", "high"]
_NOTHING: Final[_Said] = (None, None, ())
_LARGEST: Final = float(np.finfo(np.float64).max)


def _session(content: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _limits(values: list[float | None], unknown: float) -> Floats:
    """Return limits that an infinite number is beyond, also where none is known."""
    limits = np.array([unknown if v is None else v for v in values], np.float64)
    return np.clip(limits, -_LARGEST, _LARGEST)


class Served:
    """One model in memory.

    Parameters
    ----------
    bundle : Bundle
        From `Registry.load_released`, so verified.
    digest : str
        Of the bundle's file.

    Attributes
    ----------
    names : tuple of str
        The features in the order of the vector.
    used : NDArray of int
        The places of those that the model looks at.
    """

    def __init__(self, bundle: Bundle, digest: str) -> None:
        self.bundle = bundle
        self.digest = digest
        self.names = tuple(f.name for f in bundle.features)
        self.version = str(bundle.version)
        self._place = {name: i for i, name in enumerate(self.names)}
        self._session = _session(bundle.onnx)
        features = bundle.features
        self._true_low = _limits([f.low for f in features], -np.inf)
        self._true_high = _limits([f.high for f in features], np.inf)
        self._seen_low = _limits([f.seen_low for f in features], -np.inf)
        self._seen_high = _limits([f.seen_high for f in features], np.inf)
        self._pushes = pushes(bundle.columns, bundle.trees, len(features))
        used = np.zeros(len(features), bool)
        used[self._pushes.used] = True
        self._used = used
        self.used = self._where_used = np.flatnonzero(used)
        self._conformal = bundle.conformal
        self._coarse = bundle.trees is not None
        self._texts = tuple((f.name, f.title, f.unit) for f in features)

    def matches(self, task: Task) -> bool:
        """Tell whether vectors made by the task as it is now are those the model was trained on."""
        return task.schema_digest == self.bundle.schema_digest

    def predict(
        self, x: Floats, *, coverage: float | None = None, data_age_hours: float | None = None
    ) -> Prediction:
        """Return the calibrated probability with interval and reasons, or why there is none.

        Parameters
        ----------
        x : NDArray, shape [features]
            In the order of `names`; NaN: not known.
        coverage : float, optional
            0 to 1, from `Task.vector`; None where the caller gave the features.
        data_age_hours : float, optional
            Likewise.

        Raises
        ------
        SchemaError
            The vector has another length, or holds an infinite number.
        """
        if x.shape != (len(self.names),):
            raise SchemaError(f"this model takes {len(self.names)} features, not {x.size}")
        return self.predict_many(x[None], [coverage], [data_age_hours])[0]

    def predict_many(
        self,
        x: Floats,
        coverage: Sequence[float | None],
        data_age_hours: Sequence[float | None],
    ) -> list[Prediction]:
        """Do as `predict` for each row of x, shape [n, features], at a fraction of the cost a row.

        Probabilities may differ from those of `predict` in the last bit: other sizes of a product
        are added up in another order.
        """
        if x.ndim != 2 or x.shape[1] != len(self.names):
            raise SchemaError(f"this model takes {len(self.names)} features a row")
        doubtful = ((x < self._seen_low) | (x > self._seen_high)).any(axis=1)
        doubtful |= np.isnan(x[:, self._where_used]).all(axis=1)
        doubts = np.asarray(doubtful).tolist()
        because = [
            self._abstains(row, share, age)
            if doubt or share is not None or age is not None
            else None
            for row, doubt, share, age in zip(x, doubts, coverage, data_age_hours, strict=True)
        ]
        answered = [i for i, why in enumerate(because) if why is None]
        said = iter(self._said(x if len(answered) == len(because) else x[answered]))
        found = []
        for why, share, age in zip(because, coverage, data_age_hours, strict=True):
            p, interval, reasons = next(said) if why is None else _NOTHING
            found.append(self._answer(p, interval, reasons, why, share, age))
        return found

    def contributions(self, x: Floats) -> Floats:
        """Return each feature's push for each row, in log-odds; shapes (n, features).

        A push is against the training population's mean. Exact: they add up to the log-odds of the
        row less the mean log-odds in training (of a time to event: to the log-hazard).
        """
        return self._pushes.of(x)

    def _said(self, x: Floats) -> Iterable[_Said]:
        """Return probability, interval and reasons of each row."""
        if not len(x):
            return ()
        p, low, high = (out.ravel().tolist() for out in self._session.run(_OUTPUTS, {"x": x}))
        return zip(p, zip(low, high, strict=True), self._reasons(x), strict=True)

    def _abstains(self, x: Floats, coverage: float | None, age: float | None) -> str | None:
        bundle = self.bundle
        if coverage is not None and coverage < bundle.min_coverage:
            known = floor(100 * coverage + 1e-9)  # never said to be as much as is needed
            return (
                f"too little of what the model looks at is known (coverage {known}%, it needs "
                f"{100 * bundle.min_coverage:g}%)"
            )
        if age is not None and not age <= bundle.max_data_age_hours:
            return f"newest data older than {bundle.max_data_age_hours:.0f} h"
        if np.isnan(x[self._where_used]).all():
            return "none of the features that the model uses is known"
        return self._beyond(x)

    def _beyond(self, x: Floats) -> str | None:
        """Return why the values are too far from those of the training data, if they are."""
        outside = (x < self._seen_low) | (x > self._seen_high)
        if not outside.any():
            return None
        if np.isinf(x).any():
            raise SchemaError("a feature is infinite; give a number, or null where not known")
        impossible = (x < self._true_low) | (x > self._true_high)
        if impossible.any():
            return f"impossible values: {self._named(impossible)}"
        outside &= self._used
        known = int((~np.isnan(x) & self._used).sum())
        if int(outside.sum()) > max(_ALWAYS_TOLERATED, MAX_OUT_OF_RANGE * known):
            return f"{int(outside.sum())} values beyond the training data: {self._named(outside)}"
        return None

    def _named(self, chosen: NDArray[np.bool_]) -> str:
        names = [self.names[i] for i in np.flatnonzero(chosen)]
        return ", ".join(names[:REASONS]) + (" ..." if len(names) > REASONS else "")

    def _reasons(self, x: Floats) -> list[tuple[Reason, ...]]:
        """Return the largest pushes of each row, the largest first."""
        pushed = self.contributions(x)
        top = np.argsort(np.abs(pushed), axis=1)[:, : -REASONS - 1 : -1]
        row = np.arange(len(x))[:, None]
        parts = (top.tolist(), pushed[row, top].tolist(), x[row, top].tolist())
        return [self._told(*told) for told in zip(*parts, strict=True)]

    def _told(self, top: list[int], pushes: list[float], values: list[float]) -> tuple[Reason, ...]:
        """Return the reasons of features by their places, pushes and values."""
        found = []
        for i, push, value in zip(top, pushes, values, strict=True):
            if push == 0.0:
                break
            name, title, unit = self._texts[i]
            direction: Literal["raises", "lowers"] = "raises" if push > 0 else "lowers"
            said = round(push, 1) if self._coarse else push
            if isnan(value):
                found.append(Reason(name, f"{title} (not known)", None, unit, direction, said))
            else:
                found.append(Reason(name, title, value, unit, direction, said))
        return tuple(found)

    def _answer(
        self,
        p: float | None,
        interval: tuple[float, float] | None,
        reasons: tuple[Reason, ...],
        because: str | None,
        coverage: float | None,
        age: float | None,
    ) -> Prediction:
        if self._coarse and p is not None and interval is not None:
            outcomes = self._outcomes(p)
            p, interval = round(p, COARSE), (round(interval[0], COARSE), round(interval[1], COARSE))
        else:
            outcomes = None if p is None else self._outcomes(p)
        return Prediction(
            self.bundle.name,
            self.version,
            self.digest,
            self.bundle.horizon_days,
            p,
            interval,
            because,
            reasons,
            coverage,
            age,
            outcomes,
        )

    def _outcomes(self, p: float) -> tuple[int, ...] | None:
        """Return the outcomes that cannot be ruled out; None where the model has no sets."""
        if self._conformal is None:
            return None
        _, positive_from, negative_to = self._conformal
        if p <= negative_to:
            return (0, 1) if p >= positive_from else (0,)
        return (1,) if p >= positive_from else ()
