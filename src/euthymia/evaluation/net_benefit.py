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
    worth = (p >= threshold) * (y - threshold / (1 - threshold) * (1 - y))
    # one product instead of tables as large as the weights, where all share the labels
    gained = weights @ worth if worth.ndim == 1 else (weights * worth).sum(axis=1)
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


def net_benefit_of_rule(y: Floats, acted: Floats, weights: Floats, threshold: float) -> Floats:
    """Return the net benefit of a rule that says whom to act on (1 or 0), such as a guideline's."""
    return net_benefit(y, np.where(acted > 0, 1.0, 0.0), weights, threshold)


def gain_over_rule(acted: Floats, threshold: float) -> Metric:
    """Return net benefit of the model over that of a rule on the same rows, as a metric."""

    def metric(y: Floats, p: Floats, weights: Floats) -> Floats:
        rule = net_benefit_of_rule(y, acted, weights, threshold)
        return net_benefit(y, p, weights, threshold) - rule

    return metric


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """One threshold of the decision curve.

    `rule` is the net benefit of the guideline's rule, `ahead` by how much the model is ahead of the
    best of it, everybody and nobody, [low, high]; None without a rule.
    """

    threshold: float
    model: float
    low: float
    high: float
    everybody: float
    rule: float | None = None
    ahead: tuple[float, float, float] | None = None


def _ahead(
    y: Floats, p: Floats, acted: Floats, weights: Floats, threshold: float
) -> tuple[float, float, float]:
    def gap(w: Floats) -> Floats:
        rivals = (
            net_benefit_of_rule(y, acted, w, threshold),
            net_benefit_all(y, w, threshold),
            np.zeros(w.shape[0]),
        )
        return np.asarray(net_benefit(y, p, w, threshold) - np.max(rivals, axis=0))

    low, high = np.percentile(gap(weights), (2.5, 97.5))
    return float(gap(np.ones((1, y.size)))[0]), float(low), float(high)


def decision_curve(
    y: Floats,
    p: Floats,
    weights: Floats,
    thresholds: Floats,
    rule: Floats | None = None,
) -> tuple[DecisionPoint, ...]:
    """Return net benefit along the thresholds, with intervals from person-bootstrap `weights`.

    Parameters
    ----------
    rule : shape [n], optional
        1 where a guideline says to act, else 0: compared at each threshold.
    """
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
                None if rule is None else float(net_benefit_of_rule(y, rule, once, threshold)[0]),
                None if rule is None else _ahead(y, p, rule, weights, threshold),
            )
        )
    return tuple(points)
