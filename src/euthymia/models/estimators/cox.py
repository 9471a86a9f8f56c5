"""Ridge Cox regression of each cause, with the cumulative incidence where events compete.

Efron's ties, Breslow's baseline. Cause-specific hazards joined into a cumulative incidence
(Prentice et al. 1978; Andersen et al. 2012, doi:10.1093/ije/dyr213) rather than Fine & Gray's
subdistribution hazard: each cause's coefficients stay hazard ratios among those still at risk, and
the incidences of all causes cannot add up to more than 1.

Defaults, fixed before any data were looked at: the penalties of the logistic estimator; 20 pieces
of the baseline (within one the hazards of two causes keep their proportion).
"""

from functools import partial
from typing import Final

import numpy as np

from euthymia.evaluation.cox import breslow, fit_cox, partial_loss
from euthymia.models.estimators.contract import (
    EVENT,
    Floats,
    Model,
    Sample,
)
from euthymia.models.estimators.logistic import INTERVAL, ROUGH
from euthymia.models.estimators.survival import (
    LIMITS,
    Method,
    cox_slope,
    fit_survival,
    follow_up,
    refit_survival,
)


class _Cox(Method):
    title = "ridge Cox regression"
    discrete = False

    def coefficients(
        self,
        z: Floats,
        sample: Sample,
        cause: int,
        ridge: float,
        weights: Floats,
        start: Floats | None = None,
        *,
        rough: bool = False,
    ) -> Floats:
        time, ended = follow_up(sample)
        near = ROUGH if rough else 1e-10
        return fit_cox(z, time, ended == cause, weights, ridge=ridge, start=start, tolerance=near)

    def levels(
        self, score: Floats, sample: Sample, cause: int, weights: Floats, ends: Floats
    ) -> tuple[Floats, float]:
        time, ended = follow_up(sample)
        slope = cox_slope(score, sample, cause, weights)
        rate = breslow(time, ended == cause, slope * score, weights, ends)
        return np.log(np.maximum(rate, np.exp(LIMITS[0]))), slope

    def loss(self, score: Floats, sample: Sample) -> float:
        time, ended = follow_up(sample)
        return partial_loss(time, ended == EVENT, score)


_METHOD: Final = _Cox()

MODEL = Model(
    name="cox",
    title="ridge Cox regression of each cause, recalibrated on held-out predictions",
    kind="survival",
    methods=(
        (
            "Features outside the 1st to 99th percentile of the training rows are clipped, missing"
            " ones replaced by the median with an indicator, all standardised."
        ),
        (
            "Ridge Cox regression (Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x) with Efron's"
            " ties; penalty and feature set by held-out partial likelihood in four inner folds by"
            " person; slope and Breslow baseline from the inner held-out predictions. The risk by"
            " the horizon is the cumulative incidence, from one hazard a cause where events"
            " compete (Andersen et al. 2012, doi:10.1093/ije/dyr213)."
        ),
    ),
    interval=INTERVAL,
    fit=partial(fit_survival, _METHOD),
    refit=partial(refit_survival, _METHOD),
    push="log-hazard",
)
