"""Clocks of XDF: several streams on one, time stamps without their jitter, and the date."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.sources.wall_clock import to_instants

HUBER_S: Final = 1e-4  # residuals above it count by their size, not its square
RESET_STDS, RESET_S = 5.0, 5.0
OFFSET_STDS, OFFSET_S = 10.0, 1.0
BREAK_S, BREAK_SAMPLES = 1.0, 500.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """`time + intercept + slope * time`, for stream times before `until`."""

    until: float
    intercept: float
    slope: float


def clock_lines(times: Floats, offsets: Floats) -> tuple[Line, ...]:
    """Return how a stream's clock is brought to the recorder's.

    Parameters
    ----------
    times, offsets : ndarray of float64
        When an offset was measured (stream's clock) and what it was [s].
    """
    if not times.size:
        return (Line(np.inf, 0.0, 0.0),)
    edges = [0, *(_resets(times, offsets) + 1).tolist(), times.size]
    lines = []
    for begin, end in pairwise(edges):
        until = times[end] if end < times.size else np.inf
        intercept, slope = _huber(times[begin:end], offsets[begin:end])
        lines.append(Line(float(until), intercept, slope))
    return tuple(lines)


def _resets(times: Floats, offsets: Floats) -> NDArray[np.int64]:
    """Return after which measurements a computer was restarted: both time and offset jump."""
    if times.size < 3:
        return np.zeros(0, np.int64)
    step, jump = np.diff(times), np.abs(np.diff(offsets))
    late = step - np.median(step)
    far = jump - np.median(jump)
    spread = np.median(np.abs(late)) + np.finfo(np.float64).eps
    wide = np.median(np.abs(far)) + np.finfo(np.float64).eps
    glitch = (step < 0) | ((late / spread > RESET_STDS) & (late > RESET_S))
    moved = (jump < 0) | ((far / wide > OFFSET_STDS) & (far > OFFSET_S))
    return np.flatnonzero(glitch & moved)


def _huber(x: Floats, y: Floats) -> tuple[float, float]:
    """Return intercept and slope of least Huber loss, by reweighting."""
    if x.size == 1:
        return float(y[0]), 0.0
    middle = float(x.mean())
    design = np.stack((np.ones_like(x), x - middle), 1)
    weight: Floats = np.ones(x.size)
    found: Floats = np.zeros(2)
    for _ in range(200):
        root = np.sqrt(weight)
        solved = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        fitted: Floats = np.asarray(solved, np.float64)
        residual = np.abs(y - design @ fitted)
        weight = np.asarray(HUBER_S / np.maximum(residual, HUBER_S), np.float64)
        if np.allclose(fitted, found, rtol=0, atol=1e-12):
            break
        found = fitted
    return float(found[0] - found[1] * middle), float(found[1])


def synced(time_s: Floats, lines: tuple[Line, ...]) -> Floats:
    """Return stream times on the recorder's clock."""
    out = np.array(time_s, np.float64)
    since = -np.inf
    for line in lines:
        part = (time_s >= since) & (time_s < line.until)
        out[part] = time_s[part] + line.intercept + line.slope * time_s[part]
        since = line.until
    return out


@dataclass(slots=True)
class Regular:
    """The lines through the time stamps of a regular stream, learnt chunk by chunk.

    Time stamps between two breaks are `first + offset + slope * index`.
    """

    rate: float
    ends: list[int] = field(default_factory=list)  # index after the last sample of each segment
    fits: list[tuple[float, float]] = field(default_factory=list)  # time at index 0, per index
    _count: int = 0
    _first: float = 0.0
    _start: int = 0
    _last: float | None = None
    _sums: Floats = field(default_factory=lambda: np.zeros(4))  # of i, i*i, t, i*t

    def learn(self, time_s: Floats) -> None:
        """Take the next time stamps."""
        limit = max(BREAK_S, BREAK_SAMPLES / self.rate)
        before = time_s[0] if self._last is None else self._last
        gaps = np.abs(np.diff(time_s, prepend=before)) > limit
        for part in np.split(time_s, np.flatnonzero(gaps)):
            if not part.size:
                continue
            if self._last is not None and abs(part[0] - self._last) > limit:
                self.close()
            self._add(part)

    def _add(self, part: Floats) -> None:
        if self._count == self._start:
            self._first, self._sums = float(part[0]), np.zeros(4)
        i = np.arange(self._count, self._count + part.size, dtype=np.float64) - self._start
        t = part - self._first
        self._sums = self._sums + np.array([i.sum(), i @ i, t.sum(), i @ t])
        self._count += part.size
        self._last = float(part[-1])

    def close(self) -> None:
        """End a segment: fit its line."""
        n = self._count - self._start
        if not n:
            return
        si, sii, st, sit = self._sums.tolist()
        spread = sii - si * si / n
        slope = (sit - si * st / n) / spread if spread > 0 else 0.0
        offset = (st - slope * si) / n
        self.ends.append(self._count)
        self.fits.append((self._first + offset - slope * self._start, slope))
        self._start = self._count

    def smooth(self, first: int, size: int) -> Floats:
        """Return the time stamps of the samples from index `first` on."""
        index = np.arange(first, first + size)
        which = np.searchsorted(np.array(self.ends), index, side="right")
        fits = np.array(self.fits)[np.minimum(which, len(self.fits) - 1)]
        return np.asarray(fits[:, 0] + fits[:, 1] * index, np.float64)


class Surveyed(Protocol):
    """What the date is worked out from."""

    @property
    def recorded(self) -> str | None:
        """The file header's date and time."""

    @property
    def zero_s(self) -> float | None:
        """The recorder's clock at that date."""


def start_of(surveyed: Surveyed, zone: str) -> int:
    """Return the instant [us] at which the recorder's clock stood at zero."""
    if surveyed.recorded is None or surveyed.zero_s is None:
        raise SourceError(
            "the XDF header has no date (datetime) or the file has no sample, so its times cannot "
            "be placed; record with LabRecorder, which writes it"
        )
    try:
        at = datetime.fromisoformat(surveyed.recorded)
    except ValueError:
        raise SourceError("the XDF header's datetime is no date and time") from None
    if at.tzinfo is None:
        wall = to_micros(at.replace(tzinfo=UTC))
        start = int(to_instants(np.array([wall], np.int64), zone)[0])
    else:
        start = to_micros(at.astimezone(UTC))
    return start - round(surveyed.zero_s * SECOND_US)
