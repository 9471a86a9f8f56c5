"""Clipped, standardised, imputed columns: what every linear predictor here multiplies."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.models.estimators.contract import Column, Floats, Ints, Told

_CLIP: Final = (1.0, 99.0)  # percentiles of the training rows; beyond them a value says no more
_MIN_KNOWN: Final = 0.02  # share of training rows, below which a feature is not used
_MIN_MISSING: Final = 0.01  # share of training rows, from which "not known" is a feature itself
_TOLD: Final = 15
COEFFICIENTS: Final = (
    "A coefficient is a push with all other features held equal, among features that move together:"
    " none of them is a cause."
)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a feature vector becomes the columns that the coefficients multiply.

    z = [clip(impute(x[columns])), isnan(x[indicators])] standardised.
    """

    columns: Ints
    fill: Floats
    low: Floats
    high: Floats
    indicators: Ints
    mean: Floats
    scale: Floats

    def apply(self, x: Floats) -> Floats:
        """Return z for rows of x, shape [n, k]."""
        chosen = x[:, self.columns]
        filled = np.where(np.isnan(chosen), self.fill, chosen)
        known = np.clip(filled, self.low, self.high)
        gone = np.isnan(x[:, self.indicators]).astype(np.float64)
        return np.asarray((np.hstack([known, gone]) - self.mean) / self.scale)

    @property
    def sources(self) -> Ints:
        """The feature that each column of z comes from."""
        return np.concatenate([self.columns, self.indicators])


def _percentiles(x: Floats, percents: tuple[float, ...]) -> Floats:
    """Return percentiles of the known values of each column, shape [percents, columns]."""
    ranked = np.sort(x, axis=0)  # what is not known comes last
    known = (~np.isnan(x)).sum(axis=0)
    place = np.array(percents)[:, None] / 100 * (known - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, known - 1)
    columns = np.arange(x.shape[1])
    low, high = ranked[below, columns], ranked[above, columns]
    return np.asarray(low + (place - below) * (high - low))


def prepare(x: Floats, columns: Ints) -> Preparation:
    """Learn medians, clipping limits, missing indicators and scales from training rows.

    Features that are hardly ever known, and those that are the same for everybody, are left out.
    Features that always go missing together share one indicator.
    """
    known = ~np.isnan(x)
    share = known.mean(axis=0)
    used = [c for c in columns if share[c] >= _MIN_KNOWN and np.ptp(x[known[:, c], c]) > 0]
    kept = np.array(used, np.int64)
    limits = _percentiles(x[:, kept], (50.0, *_CLIP))
    patterns: dict[bytes, int] = {}
    for c in columns:
        if _MIN_MISSING <= 1 - share[c] <= 1 - _MIN_MISSING:
            patterns.setdefault(known[:, c].tobytes(), int(c))
    raw = Preparation(
        columns=kept,
        fill=limits[0],
        low=limits[1],
        high=limits[2],
        indicators=np.array(list(patterns.values()), np.int64),
        mean=np.zeros(kept.size + len(patterns)),
        scale=np.ones(kept.size + len(patterns)),
    )
    z = raw.apply(x)
    spread = z.std(axis=0)
    return Preparation(
        raw.columns,
        raw.fill,
        raw.low,
        raw.high,
        raw.indicators,
        z.mean(axis=0),
        np.where(spread > 0, spread, 1.0),
    )


def linear_columns(prepared: Preparation, coefficients: Floats) -> tuple[Column, ...]:
    """Return the linear predictor column by column, as a bundle holds it."""
    kept = prepared.columns.size
    pad = np.zeros(prepared.indicators.size)
    rows = zip(
        prepared.sources.tolist(),
        np.concatenate([prepared.fill, pad]).tolist(),
        np.concatenate([prepared.low, pad]).tolist(),
        np.concatenate([prepared.high, pad]).tolist(),
        prepared.mean.tolist(),
        prepared.scale.tolist(),
        coefficients.tolist(),
        strict=True,
    )
    return tuple(
        Column(feature, i >= kept, fill, low, high, mean, scale, push)
        for i, (feature, fill, low, high, mean, scale, push) in enumerate(rows)
    )


def linear_told(prepared: Preparation, coefficients: Floats, text: str, unit: str) -> Told:
    """Return what a report says of a linear predictor: its largest coefficients."""
    kept = prepared.columns.size
    rows = []
    for place in np.argsort(-np.abs(coefficients))[:_TOLD].tolist():
        what = "not known" if place >= kept else "per SD"
        rows.append((int(prepared.sources[place]), what, float(coefficients[place])))
    text = f"{text} Its report lists the {len(rows)} largest of {coefficients.size} coefficients."
    return Told(text, tuple(rows), ("feature", "", unit), COEFFICIENTS)
