"""Would acting on the prediction do more good than treating everybody, or nobody."""

from dataclasses import dataclass

import numpy as np

from euthymia.evaluation.estimate import Floats, Metric


def net_benefit(y: Floats, p: Floats, weights: Floats, threshold: float) -> Floats:
    """Return the net benefit of acting where p >= threshold [true positives per person].

    True positives minus false positives weighted by the odds of the threshold (Vickers & Elkin
    2006, doi:10.1177/0272989X06295361).
    """
    if not 0 < threshold < 1:
        raise ValueError("a decision threshold lies between 0 and 1")
    acted = weights * (p >= threshold)
    harm = threshold / (1 - threshold)
    gained = (acted * y).sum(axis=1) - harm * (acted * (1 - y)).sum(axis=1)
    return np.asarray(gained / weights.sum(axis=1))


def net_benefit_all(y: Floats, weights: Floats, threshold: float) -> Floats:
    """Return the net benefit of acting on everybody; that of acting on nobody is 0."""
    return net_benefit(y, np.ones(weights.shape[1]), weights, threshold)


def net_benefit_at(threshold: float) -> Metric:
    """Return net benefit at one threshold, as a metric."""

    def metric(y: Floats, p: Floats, weights: Floats) -> Floats:
        return net_benefit(y, p, weights, threshold)

    return metric


def gain_at(threshold: float) -> Metric:
    """Return net benefit over the better of treating all and treating none, as a metric."""

    def metric(y: Floats, p: Floats, weights: Floats) -> Floats:
        trivial = np.maximum(net_benefit_all(y, weights, threshold), 0.0)
        return net_benefit(y, p, weights, threshold) - trivial

    return metric


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """One threshold of the decision curve."""

    threshold: float
    model: float
    low: float
    high: float
    everybody: float


def decision_curve(
    y: Floats, p: Floats, weights: Floats, thresholds: Floats
) -> tuple[DecisionPoint, ...]:
    """Return net benefit along the thresholds, with intervals from person-bootstrap `weights`."""
    once = np.ones((1, y.size))
    points = []
    for threshold in thresholds.tolist():
        drawn = net_benefit(y, p, weights, threshold)
        low, high = np.percentile(drawn, (2.5, 97.5))
        points.append(
            DecisionPoint(
                threshold,
                float(net_benefit(y, p, once, threshold)[0]),
                float(low),
                float(high),
                float(net_benefit_all(y, once, threshold)[0]),
            )
        )
    return tuple(points)
