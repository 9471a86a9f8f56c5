"""Put the figures of several sites together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from euthymia.evaluation.estimate import Estimate

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean over sites, its interval, where a new site may lie, and how much sites differ."""

    mean: Estimate
    predicted_low: float
    predicted_high: float
    tau2: float


def pool_auc(sites: Sequence[Estimate]) -> Pooled | None:
    """Return a random-effects mean of per-site AUCs on the log-odds scale.

    DerSimonian-Laird between-site variance with the Hartung-Knapp interval and a prediction
    interval for a new site (Debray et al. 2017, doi:10.1136/bmj.i6460). None when fewer than two
    sites have a usable interval.

    Parameters
    ----------
    sites : sequence of Estimate
        Per-site AUCs with 95 % intervals, each in (0, 1).
    """
    used = [s for s in sites if 0 < s.low < s.high < 1 and 0 < s.estimate < 1]
    if len(used) < 2:
        return None
    effect = np.array([np.log(s.estimate / (1 - s.estimate)) for s in used])
    width = [np.log(s.high / (1 - s.high)) - np.log(s.low / (1 - s.low)) for s in used]
    variance = (np.array(width) / (2 * _Z)) ** 2
    fixed = 1 / variance
    middle = (fixed * effect).sum() / fixed.sum()
    excess = (fixed * (effect - middle) ** 2).sum() - (effect.size - 1)
    tau2 = max(0.0, excess / (fixed.sum() - (fixed**2).sum() / fixed.sum()))
    weight = 1 / (variance + tau2)
    mean = float((weight * effect).sum() / weight.sum())
    freedom = effect.size - 1
    spread = (weight * (effect - mean) ** 2).sum() / freedom / weight.sum()
    error = float(np.sqrt(max(spread, 1 / weight.sum())))
    reach = float(stdtrit(freedom, 0.975)) * error
    wide = float(stdtrit(max(1, freedom - 1), 0.975)) * float(np.sqrt(tau2 + error**2))
    back = [
        float(1 / (1 + np.exp(-z)))
        for z in (mean, mean - reach, mean + reach, mean - wide, mean + wide)
    ]
    return Pooled(Estimate(back[0], back[1], back[2], 0.5), back[3], back[4], tau2)
