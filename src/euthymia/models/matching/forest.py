"""A causal forest beside the certificate's own learners, for comparison only.

Needs the extra ``forest`` (econml). It never decides: a forest cannot be read, and what cannot be
read is not released as a rule.
"""

from typing import Any

import numpy as np

from euthymia.evaluation.estimate import Floats
from euthymia.evaluation.policy_value import Mean, mean_by_person
from euthymia.ground.errors import MissingError
from euthymia.models.matching.crossfit import fold_splits, scores_of
from euthymia.models.matching.trial import Trial, chances_of_treatment, expected_outcomes

TREES = 400


def forest_gain(trial: Trial, *, folds: int, seed: int) -> Mean:
    """Return what a causal forest's rule gains over the best arm of its training rows.

    Athey, Tibshirani & Wager 2019, doi:10.1214/18-AOS1709. Outcomes and treatment are centred by
    parts of the training rows that leave a row out; the same folds and scores as the certificate.

    Raises
    ------
    MissingError
        There are more than two arms, or econml is not installed.
    """
    if trial.arms != 2:
        raise MissingError("the comparison with a causal forest is for two arms")
    forest = _forest(seed)
    gain = np.zeros(trial.rows)
    for split in fold_splits(trial, folds, seed):
        rows, train = split.test, split.whole.rows
        centred, dose, training = (np.zeros(trial.rows) for _ in range(3))
        for part, judge in split.inner:
            expected = expected_outcomes(trial, part.rows, judge)[0]
            chance = chances_of_treatment(trial, part.rows, judge)[0]
            centred[judge] = trial.y[0, judge] - (expected * chance).sum(axis=1)
            dose[judge] = trial.arm[0, judge] - chance[:, 1]
            scores = scores_of(trial, part.rows, judge)[0]
            training[judge] = scores[:, 1] - scores[:, 0]
        known = train[~np.isnan(trial.y[0, train])]
        forest.fit(trial.x[known], dose[known], centred[known])
        effect = np.asarray(forest.predict(trial.x[rows])).ravel()
        gain[rows] = _over_best(
            scores_of(trial, train, rows)[0], effect, best=int(training[train].mean() > 0)
        )
    return mean_by_person(gain, trial.person)


def _over_best(scores: Floats, effect: Floats, *, best: int) -> Floats:
    chosen = (effect > 0).astype(np.int64)
    return np.asarray(scores[np.arange(chosen.size), chosen] - scores[:, best])


def _forest(seed: int) -> Any:  # noqa: ANN401 - econml has no types
    try:
        from econml.grf import CausalForest
    except ImportError as error:
        raise MissingError(
            "the comparison with a causal forest needs econml: pip install -e '.[forest]' "
            "in the software's folder"
        ) from error
    return CausalForest(n_estimators=TREES, min_samples_leaf=10, random_state=seed, n_jobs=1)
