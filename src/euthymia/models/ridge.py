"""The former place of `models/estimators/logistic.py`: import from there."""

from euthymia.models.estimators.contract import Sample
from euthymia.models.estimators.linear import Preparation, prepare
from euthymia.models.estimators.logistic import Logistic as Fitted
from euthymia.models.estimators.logistic import fit, plain_fit, plain_log_odds

__all__ = ["Fitted", "Preparation", "Sample", "fit", "plain_fit", "plain_log_odds", "prepare"]
