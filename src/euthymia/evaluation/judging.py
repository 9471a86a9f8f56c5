"""Every figure of a set of predictions, each with its interval and its level of chance."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from euthymia.evaluation import calibration, discrimination
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.estimate import Estimate, Floats, Ints, Metric
from euthymia.evaluation.net_benefit import gain_at, gain_over_rule, net_benefit_at
from euthymia.evaluation.resample import REPLICATES, estimates
from euthymia.evaluation.workload import (
    false_negative_rate,
    number_needed_to_evaluate,
    ppv,
    workload_figures,
)

CALIBRATION: Final[Mapping[str, Metric]] = {
    "calibration_in_the_large": calibration.calibration_in_the_large,
    "calibration_slope": calibration.calibration_slope,
    "ece": calibration.expected_calibration_error,
}

_DISTANCES: Final[Mapping[tuple[str, ...], Metric]] = {calibration.DISTANCES: calibration.distances}


def acting_from(metric: Metric, threshold: float) -> Metric:
    """Return a figure of whom a threshold acts on, as a metric of probabilities."""

    def found(y: Floats, p: Floats, weights: Floats) -> Floats:
        return metric(y, np.asarray(p >= threshold, np.float64), weights)

    return found


def _checked(y: ArrayLike, p: ArrayLike) -> tuple[Floats, Floats]:
    label, given = np.asarray(y, np.float64), np.asarray(p, np.float64)
    if label.shape != given.shape or label.ndim != 1:
        raise ValueError("y and p must be of one length")
    if not np.isin(label, (0.0, 1.0)).all() or np.unique(label).size < 2:
        raise ValueError("y must hold 0 and 1, and both")
    if not (np.isfinite(given).all() and given.min() >= 0 and given.max() <= 1):
        raise ValueError("p must be probabilities, 0 to 1")
    return label, given


def _at(threshold: float, rate: float) -> tuple[dict[str, Metric], dict[str, float]]:
    found: dict[str, Metric] = {
        "net_benefit": net_benefit_at(threshold),
        "net_benefit_gain": gain_at(threshold),
        "ppv": acting_from(ppv, threshold),
        "number_needed_to_evaluate": acting_from(number_needed_to_evaluate, threshold),
        "false_negative_rate": acting_from(false_negative_rate, threshold),
    }
    return found, {"ppv": rate, "number_needed_to_evaluate": 1 / rate}


def _asked(
    label: Floats, folds: Ints, threshold: float | None, rule: ArrayLike | None
) -> tuple[dict[str, Metric], dict[str, float]]:
    """Return the figures that are asked for, and their levels of chance."""
    metrics: dict[str, Metric] = {
        "auc": lambda a, b, w: discrimination.auc_within(a, b, w, folds),
        "auprc": discrimination.auprc,
        "brier": discrimination.brier,
        "log_loss": discrimination.log_loss,
        **CALIBRATION,
    }
    chance = dict(chance_levels(label, threshold))
    if threshold is not None:
        more, levels = _at(threshold, float(label.mean()))
        metrics, chance = metrics | more, chance | levels
    if rule is not None:
        if threshold is None:
            raise ValueError("a rule is compared at a threshold: give one")
        metrics["net_benefit_over_rule"] = gain_over_rule(np.asarray(rule, np.float64), threshold)
        chance["net_benefit_over_rule"] = 0.0
    return metrics, chance


def judge(
    y: ArrayLike,
    p: ArrayLike,
    person: ArrayLike | None = None,
    *,
    threshold: float | None = None,
    rule: ArrayLike | None = None,
    workload: int | None = None,
    period: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    seed: int = 1,
    replicates: int = REPLICATES,
) -> dict[str, Estimate]:
    """Return discrimination, calibration and, where asked, what acting on predictions would do.

    Parameters
    ----------
    y, p : shape [n]
        0 or 1, and probabilities made by a model that had not seen the people.
    person : shape [n], optional
        Whose row it is: intervals draw people, not rows. Without it each row is a person.
    threshold : float, optional
        The probability from which somebody is acted on: adds net benefit, its gain over the better
        of everybody and nobody, PPV, number needed to evaluate, false negative rate.
    rule : shape [n], optional
        1 where the guideline says to act: adds the gain in net benefit over it.
    workload : int, optional
        How many can be seen a `period` (shape [n], such as weeks; all rows are one without it):
        adds PPV, sensitivity and number needed to evaluate of the `workload` most at risk.
    strata : shape [n], optional
        Folds of cross-validation: the AUC compares rows of one fold (see `auc_within`).

    Returns
    -------
    dict of Estimate
        `low` and `high` are NaN where a figure is not defined in half of the resamples.

    Raises
    ------
    ValueError
        Lengths differ, y is not 0 and 1, p is no probability, or a rule came without a threshold.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.linspace(0.05, 0.95, 60)
    >>> y = (np.arange(60) * 7 % 60 / 60 < p).astype(float)
    >>> found = judge(y, p, threshold=0.5)
    >>> found["auc"].chance, found["auc"].low > 0.5
    (0.5, True)
    """
    label, given = _checked(y, p)
    who: NDArray[np.generic] = np.arange(label.size) if person is None else np.asarray(person)
    folds: Ints = np.zeros(label.size, np.int64)
    if strata is not None:
        folds = np.unique(np.asarray(strata), return_inverse=True)[1].astype(np.int64)
    metrics, chance = _asked(label, folds, threshold, rule)
    found = estimates(
        metrics, label, given, who,
        seed=seed, replicates=replicates, chance=chance, together=_DISTANCES,
    )  # fmt: skip
    if workload is not None:
        when = None if period is None else np.asarray(period)
        seen = workload_figures(
            label, given, who, k=workload, period=when, seed=seed, replicates=replicates
        )
        found |= {f"{name}_at_workload": e for name, e in seen.items()}
    return found
