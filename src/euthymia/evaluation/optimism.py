"""How much of a figure comes from judging a model on the people it was fitted on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints, Metric
from euthymia.evaluation.resample import people_of

REPLICATES: Final = 200  # Steyerberg et al. 2001: the correction is stable from 100 to 200 on

FitPredict = Callable[[Floats, Floats, NDArray[np.generic], Floats], Floats]
"""(x, y, person, x to predict) -> predictions; everything that is learned is learned inside."""


@dataclass(frozen=True, slots=True)
class Optimism:
    """What was seen on the training rows, by how much that flatters, and what is left."""

    apparent: float
    optimism: float
    corrected: float
    replicates: int


def optimism_corrected(
    fit_predict: FitPredict,
    metric: Metric,
    x: Floats,
    y: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> Optimism:
    """Return the apparent figure less its optimism, by people drawn with replacement.

    The model is built anew on each draw (tuning and all) and judged on the draw and on the original
    rows; the mean difference is the optimism (Harrell et al. 1996, as in `harrell_c`; Steyerberg et
    al. 2001, doi:10.1016/S0895-4356(01)00341-9). A person drawn twice is two people inside
    `fit_predict`: their names are the number of the draw. It corrects the fit, not a leak: nested
    folds and sites left out come first. It corrects too little where there are few events a column
    (Iba et al. 2021, doi:10.1186/s12874-020-01201-w).

    Parameters
    ----------
    fit_predict : callable
        Fits on rows and predicts others.
    metric : Metric
        Of (y, predictions, weights).
    """
    code, people = people_of(person)
    order = np.argsort(code, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    once = np.ones((1, y.size))
    apparent = float(metric(y, fit_predict(x, y, person, x), once)[0])
    rng = np.random.default_rng(seed)
    gaps = []
    for _ in range(replicates):
        drawn = rng.integers(0, people, people)
        rows = np.concatenate([runs[who] for who in drawn])
        if np.unique(y[rows]).size < 2:
            continue
        name = np.repeat(np.arange(people), [runs[who].size for who in drawn])
        gap = _gap(fit_predict, metric, x, y, rows, name)
        if np.isfinite(gap):
            gaps.append(gap)
    mean = float(np.mean(gaps)) if gaps else float("nan")
    return Optimism(apparent, mean, apparent - mean, len(gaps))


def _gap(
    fit_predict: FitPredict, metric: Metric, x: Floats, y: Floats, rows: Ints, name: Ints
) -> float:
    both = fit_predict(x[rows], y[rows], name, np.vstack([x[rows], x]))
    inside = metric(y[rows], both[: rows.size], np.ones((1, rows.size)))
    outside = metric(y, both[rows.size :], np.ones((1, y.size)))
    return float(inside[0] - outside[0])
