"""A score stream: what the watch says of each day of one person, and how it is kept.

The scores of a stream do not depend on any line: which days are alarms, and which alarms are one
episode, follows from the stream and a set of `Lines` (`care/monitor/episodes.py`), so a stored
stream can be judged again under other lines. What was judged at the time is stored with it.

A stream rests in the store as the derived rows of the family `monitor` (sealed; an erasure and a
withdrawal of the consent to monitoring remove them), a float64 column each, and is read back with
the same bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import FEATURE_KEYS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAMILY: Final = "monitor"
VERSION: Final = "2"  # a change of any definition below, or of a kernel behind it, needs a new one
Z: Final = "z "  # columns of single features: "z <family>.<feature>"


@dataclass(frozen=True, slots=True)
class Lines:
    """Where a score becomes an alarm: set on relapse-free days of other people, for a budget.

    `composite`, `mewma` and `probability` are the values from which that stream alarms (infinity:
    never). An episode opens on the first day over a line, and closes after `dwell_days` in a row
    on which every stream is under `release` times its line. `unseen_days` without any value are an
    item of their own. `budget_days` is the promise: one false alarm in that many patient-days.
    `policy`, `version` and `digest` say who set them, and which norms they go with.
    """

    composite: float
    mewma: float
    probability: float = float("inf")
    release: float = 0.5
    dwell_days: int = 3
    unseen_days: int = 7
    budget_days: float = 90.0
    policy: str = "shipped"
    version: str = VERSION
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Driver:
    """One feature's part in a day's score.

    `z` is its smoothed distance from the person's own baseline in their own standard deviations,
    positive: higher than usual. `worse` is the direction in which a worsening usually moves it
    (+1, -1; 0: either).
    """

    feature: str  # "<family>.<feature>"
    z: float
    worse: int


@dataclass(frozen=True, slots=True)
class Episode:
    """One open or closed stretch of alarm: local day numbers; `last` is the last day over a line.

    `id` is stable for a person: it is made of the opening day. `kind` says which stream opened it:
    "composite", "frozen", "mewma", "probability" or "unseen".
    """

    id: str
    kind: str
    opened: int
    last: int
    closed: int | None
    peak: float  # the highest score in it, as a multiple of the line


@dataclass(frozen=True, slots=True)
class Note:
    """An open episode: since which local day, what changed, and how many times the line it was."""

    opened: int
    kind: str
    changes: tuple[str, ...]
    times_line: float
    days_seen: int
    days: int
    log_e: float


@dataclass(frozen=True, slots=True)
class ScoreStream:
    """Scores of consecutive local days of one person; arrays of shape (days,), NaN: not known.

    day : local day numbers since 1970.
    coverage : share of the watched features that had a value on the day.
    composite : signed composite CUSUM against the rolling lagged baseline [nats, >= 0].
    frozen : the same against the frozen baseline; NaN where none is set.
    mewma : how far all features together are from the baseline, either way [normal score].
    log_e : running log e-value that things are worse than usual (an e-detector) [nats].
    unseen_days : days in a row without any value up to and with this one (travel and outages of
        the clinic's own feed do not count).
    probability : a model's probability of relapse, where one was computed.
    baseline_days : days with a value that the rolling baseline rests on.
    excused : 1 on days whose absence says nothing (travel, outage, admission), else 0.
    composite_line, mewma_line, probability_line : the lines in force when the day was judged.
    episode : day number on which the episode opened that this day belongs to; NaN: none.
    z : smoothed distance of each feature from its baseline, by "<family>.<feature>"; see `Driver`.
    version, digest : of the definition, and per day of the input, norms and lines it was made from.
    """

    subject: str
    day: Ints
    coverage: Floats
    composite: Floats
    frozen: Floats
    mewma: Floats
    log_e: Floats
    unseen_days: Floats
    probability: Floats
    baseline_days: Floats
    excused: Floats
    composite_line: Floats
    mewma_line: Floats
    probability_line: Floats
    episode: Floats
    z: Mapping[str, Floats]
    digest: tuple[str, ...]
    version: str = VERSION

    def until(self, last: int) -> "ScoreStream":
        """Return the days up to this one: later ones were scored under a clock that ran ahead."""
        count = int(np.searchsorted(self.day, last, side="right"))
        if count == self.day.size:
            return self
        arrays = {name: getattr(self, name)[:count] for name in ARRAYS}
        z = {name: values[:count] for name, values in self.z.items()}
        return replace(self, day=self.day[:count], z=z, digest=self.digest[:count], **arrays)

    def drivers(self, at: int, worse: Mapping[str, int], most: int = 3) -> tuple[Driver, ...]:
        """Return the features that are furthest towards worse (or, at 0, away) on row `at`."""
        found = [
            Driver(name, float(z[at]), worse.get(name, 0))
            for name, z in self.z.items()
            if np.isfinite(z[at])
        ]
        found.sort(key=lambda d: (-(d.z * d.worse if d.worse else abs(d.z)), d.feature))
        return tuple(found[:most])


ARRAYS: Final = tuple(
    f.name
    for f in fields(ScoreStream)
    if f.name not in {"subject", "day", "z", "digest", "version"}
)
"""The fields of a stream that are one number a day."""


def to_table(stream: ScoreStream) -> pa.Table:
    """Return a stream as rows of the family `monitor`, for `Store.put_features`."""
    count = stream.day.size
    columns: dict[str, pa.Array] = {
        "subject_id": pa.array([stream.subject] * count, pa.string()),
        "date": pa.array(stream.day.astype(np.int32), pa.int32()).cast(pa.date32()),
        "family": pa.array([FAMILY] * count, pa.string()),
        "version": pa.array([stream.version] * count, pa.string()),
        "input_digest": pa.array(list(stream.digest), pa.string()),
    }
    columns |= {name: pa.array(getattr(stream, name), pa.float64()) for name in ARRAYS}
    columns |= {f"{Z}{name}": pa.array(z, pa.float64()) for name, z in sorted(stream.z.items())}
    own = [pa.field(name, pa.float64()) for name in list(columns)[len(FEATURE_KEYS) :]]
    return pa.table(columns, schema=pa.schema([*FEATURE_KEYS, *own]))


def from_table(table: pa.Table) -> ScoreStream:
    """Return the stream that `to_table` made the rows of: the same bits.

    Raises
    ------
    SchemaError
        If columns are missing, or the rows are of several people or versions.
    """
    absent = [name for name in (*FEATURE_KEYS.names, *ARRAYS) if name not in table.column_names]
    if absent:
        raise SchemaError(f"the rows of {FAMILY} lack {', '.join(absent)}: run `euthymia watch`")
    people, versions = (table[name].unique().to_pylist() for name in ("subject_id", "version"))
    if len(people) != 1 or len(versions) != 1:
        raise SchemaError("a score stream is of one person and one version, and not empty")

    def column(name: str) -> Floats:
        return np.asarray(table[name].to_numpy(), np.float64)

    return ScoreStream(
        subject=people[0],
        day=np.asarray(table["date"].cast(pa.int32()).to_numpy(), np.int64),
        z={n[len(Z) :]: column(n) for n in table.column_names if n.startswith(Z)},
        digest=tuple(table["input_digest"].to_pylist()),
        version=versions[0],
        **{name: column(name) for name in ARRAYS},
    )
