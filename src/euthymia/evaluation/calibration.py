"""Do predicted probabilities match what happened: on average, in spread, and along the scale.

The hierarchy and its figures follow Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints, Metric
from euthymia.evaluation.logistic import TOLERANCE, fit_logistic, logit, sigmoid

_NEARLY_NONE = 1e-6  # a penalty that only keeps separated resamples finite
_ROUGH: Final = 1e-7
"""Of many weightings: Newton's last step begins within this of the optimum, per unit of weight, and
ends with about its square; a coefficient is then off by a ten-thousandth of its standard error."""


def _tolerance(weights: Floats) -> float:
    return TOLERANCE if weights.shape[0] == 1 else _ROUGH


def calibration_in_the_large(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the intercept of a logistic model with the predicted log-odds as offset [log-odds].

    0 is perfect; above 0 the predictions are too low on average.
    """
    none, at = np.zeros((p.size, 0)), _tolerance(weights)
    fitted = fit_logistic(none, y, weights, offset=logit(p), tolerance=at)
    return fitted[:, 0]


def calibration_slope(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the slope of the outcome on the predicted log-odds (Cox 1958).

    1 is perfect; below 1 the predictions are too extreme, as they are when a model is overfitted.
    """
    return recalibrate(y, p, weights)[:, 1]


def recalibrate(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return intercept and slope of the logistic recalibration of `p`, shape [b, 2]."""
    at = _tolerance(weights)
    return fit_logistic(logit(p)[:, None], y, weights, ridge=_NEARLY_NONE, tolerance=at)


def _spline(z: Floats) -> Floats:
    """Return a restricted cubic spline basis of `z`, knots at its 10th, 50th, 90th percentile."""
    first, middle, last = np.percentile(z, (10, 50, 90))
    if not first < middle < last:
        return z[:, None]

    def cube(knot: float) -> Floats:
        return np.asarray(np.maximum(z - knot, 0.0) ** 3)

    bend = (
        cube(first)
        - cube(middle) * (last - first) / (last - middle)
        + cube(last) * (middle - first) / (last - middle)
    )
    return np.column_stack([z, bend / (last - first) ** 2])


def smoothed(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the observed risk at each prediction, from a spline logistic model, shape [b, n].

    A restricted cubic spline of the log-odds in place of LOESS (Austin, Harrell & van Klaveren
    2020, doi:10.1002/sim.8570): no bandwidth to choose, and quick enough to bootstrap.
    """
    basis = _spline(logit(p))
    at = _tolerance(weights)
    beta = fit_logistic(basis, y, weights, ridge=_NEARLY_NONE, tolerance=at)
    return sigmoid(beta[:, :1] + beta[:, 1:] @ basis.T)


def integrated_calibration_index(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the mean distance between predicted and smoothed observed risk.

    Austin & Steyerberg 2019, doi:10.1002/sim.8281. 0 is perfect; in small samples even a perfect
    model is above 0.
    """
    distance = np.abs(smoothed(y, p, weights) - p)
    return np.asarray((weights * distance).sum(axis=1) / weights.sum(axis=1))


def _within(distance: Floats, weights: Floats, shares: tuple[float, ...]) -> Floats:
    """Return the distance that each share of the weight lies within, shape [b, shares]."""
    order = np.argsort(distance, axis=1)
    total = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    row = np.arange(distance.shape[0])
    found = []
    for share in shares:
        reached = (total < share * total[:, -1:] - 1e-9).sum(axis=1).clip(max=order.shape[1] - 1)
        found.append(distance[row, order[row, reached]])
    return np.column_stack(found)


def calibration_error_quantile(share: float) -> Metric:
    """Return the metric of the distance that a share of people is within: E50, E90 (or Emax at 1).

    Quantiles of |predicted - smoothed observed risk| (Austin & Steyerberg 2019).
    """
    if not 0 < share <= 1:
        raise ValueError("the share of people lies above 0 and is at most 1")

    def metric(y: Floats, p: Floats, weights: Floats) -> Floats:
        return _within(np.abs(smoothed(y, p, weights) - p), weights, (share,))[:, 0]

    return metric


e50 = calibration_error_quantile(0.5)
e90 = calibration_error_quantile(0.9)


DISTANCES: Final = ("ici", "e50", "e90")


def distances(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the figures of `DISTANCES`, shape [b, 3]: one curve is fitted for the three."""
    distance = np.abs(smoothed(y, p, weights) - p)
    mean = (weights * distance).sum(axis=1) / weights.sum(axis=1)
    return np.column_stack([mean, _within(distance, weights, (0.5, 0.9))])


def equal_count_bins(p: Floats, bins: int) -> Ints:
    """Return a bin number for each prediction; equal predictions share one."""
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1].astype(
        np.int64
    )


def expected_calibration_error(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the weighted mean of |observed - predicted| over ten bins of equal count."""
    member = np.eye(10)[equal_count_bins(p, 10)]
    return np.asarray(np.abs((weights * (y - p)) @ member).sum(axis=1) / weights.sum(axis=1))


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One point of the calibration plot."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def calibration_curve(
    y: Floats, p: Floats, weights: Floats, bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Return observed against predicted risk in bins of equal count.

    Parameters
    ----------
    weights : NDArray, shape [b, n]
        Person-bootstrap weights: the intervals are their 2.5th and 97.5th percentiles.
    """
    member = equal_count_bins(p, bins)
    points = []
    for number in range(member.max() + 1):
        rows = np.flatnonzero(member == number)
        inside = weights[:, rows]
        total = inside.sum(axis=1)
        drawn = (inside @ y[rows])[total > 0] / total[total > 0]
        low, high = np.percentile(drawn, (2.5, 97.5)) if drawn.size else (np.nan, np.nan)
        points.append(
            CalibrationBin(
                float(p[rows].mean()), float(y[rows].mean()), float(low), float(high), rows.size
            )
        )
    return tuple(points)
