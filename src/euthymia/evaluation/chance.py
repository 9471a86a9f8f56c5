"""What a figure is without any signal: the score of giving everybody the same prediction."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats

AUC: Final = 0.5
"""Of any prediction that has nothing to do with the outcome, whatever the prevalence."""


def chance_levels(y: Floats, threshold: float | None = None) -> Mapping[str, float]:
    """Return the level of each figure that has one, for predicting the prevalence for everybody.

    AUC: one half. AUPRC: the prevalence p (Davis & Goadrich 2006, doi:10.1145/1143844.1143874).
    Brier score: p (1 - p). Log loss: the entropy of p [nat]. Net benefit: that of the better of
    acting on everybody and on nobody; its gain over them: 0 (Vickers & Elkin 2006,
    doi:10.1177/0272989X06295361). Figures of calibration have none: predicting the prevalence is
    perfectly calibrated and useless.

    Parameters
    ----------
    y : shape [n]
        Labels 0 or 1.
    threshold : float, optional
        The decision threshold; without it there are no levels of net benefit.

    Examples
    --------
    >>> import numpy as np
    >>> levels = chance_levels(np.array([1.0, 0.0, 0.0, 0.0]), threshold=0.2)
    >>> levels["auprc"], levels["brier"], round(levels["net_benefit"], 4)
    (0.25, 0.1875, 0.0625)
    """
    rate = float(np.mean(y))
    sure = rate in {0.0, 1.0}
    entropy = 0.0 if sure else -rate * np.log(rate) - (1 - rate) * np.log1p(-rate)
    levels = {"auc": AUC, "auprc": rate, "brier": rate * (1 - rate), "log_loss": float(entropy)}
    if threshold is not None:
        everybody = rate - (1 - rate) * threshold / (1 - threshold)
        levels |= {"net_benefit": max(everybody, 0.0), "net_benefit_gain": 0.0}
    return levels
