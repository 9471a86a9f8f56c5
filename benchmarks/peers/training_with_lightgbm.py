"""A careful training recipe by hand: what `benchmarks/training.py` compares with."""

import json
import signal
import sys
import time
import warnings

import numpy as np
import pandas as pd
import shap
from fairlearn.metrics import MetricFrame, equalized_odds_difference, false_negative_rate
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneGroupOut,
    cross_val_predict,
    permutation_test_score,
)

warnings.simplefilter("ignore")
BASE = {
    "learning_rate": 0.1, "max_depth": 4, "min_child_samples": 20, "max_bin": 63, "n_jobs": 1,
    "deterministic": True, "force_row_wise": True, "verbosity": -1, "random_state": 1,
}  # fmt: skip
GRID = {"num_leaves": [4, 8], "n_estimators": [50, 100]}


def logit(p):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))[:, None]


def fitted(x, y, person):
    """Tune in four inner folds by person, and recalibrate on held-out predictions."""
    search = GridSearchCV(
        LGBMClassifier(**BASE), GRID, scoring="neg_log_loss", cv=GroupKFold(4), refit=True
    ).fit(x, y, groups=person)
    best = LGBMClassifier(**BASE, **search.best_params_)
    held = cross_val_predict(best, x, y, groups=person, cv=GroupKFold(4), method="predict_proba")[
        :, 1
    ]
    return search.best_estimator_, LogisticRegression(C=1e6).fit(logit(held), y)


def predicted(model, x):
    trees, scale = model
    return scale.predict_proba(logit(trees.predict_proba(x)[:, 1]))[:, 1]


def bootstrapped(y, p, person, rng, draws=1000):
    """Return intervals of four figures, people drawn with replacement."""
    metrics = (roc_auc_score, average_precision_score, brier_score_loss, log_loss)
    _, code = np.unique(person, return_inverse=True)
    found = []
    for _ in range(draws):
        count = np.bincount(
            rng.integers(0, code.max() + 1, code.max() + 1), minlength=code.max() + 1
        )
        weight = count[code].astype(float)
        found.append([metric(y, p, sample_weight=weight) for metric in metrics])
    return np.percentile(found, (2.5, 97.5), axis=0)


class StoppedError(Exception):
    pass


def stop(_signal, _frame):
    raise StoppedError


def main(path, limit):
    """Return the processor time of the whole, or of what was done of it within `limit` seconds."""
    done = {"stopped_in": "", "auc": None}
    signal.signal(signal.SIGPROF, stop)
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        recipe(path, done)
        done["stopped_in"] = ""
    except StoppedError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {**done, "cpu_s": time.process_time() - began}


def recipe(path, done):
    table = pd.read_csv(path)
    x = table[[f"f{i}" for i in range(60)]].to_numpy()
    y, person = table["outcome"].to_numpy(), table["person"].to_numpy()
    rng = np.random.default_rng(1)
    folds = []
    done["stopped_in"] = "two rounds of five folds"
    for repeat in range(2):
        for train, test in GroupKFold(5, shuffle=True, random_state=repeat).split(x, y, person):
            folds.append((test, predicted(fitted(x[train], y[train], person[train]), x[test])))
    rows = np.concatenate([test for test, _ in folds])
    p = np.concatenate([held for _, held in folds])
    done |= {"stopped_in": "bootstrap", "auc": float(roc_auc_score(y[rows], p))}
    bootstrapped(y[rows], p, person[rows], rng)
    done["stopped_in"] = "sites left out"
    for train, test in LeaveOneGroupOut().split(x, y, table["site"]):
        held = predicted(fitted(x[train], y[train], person[train]), x[test])
        bootstrapped(y[test], held, person[test], rng, draws=500)
    final = fitted(x, y, person)
    done["stopped_in"] = "shuffled labels"
    permutation_test_score(
        final[0], x, y, groups=person, cv=GroupKFold(5), n_permutations=19, scoring="roc_auc"
    )
    done["stopped_in"] = "groups"
    acted = (p >= 0.5).astype(int)
    for name in ("sex", "race"):
        group = table[name].to_numpy()[rows]
        MetricFrame(
            metrics={"fnr": false_negative_rate},
            y_true=y[rows],
            y_pred=acted,
            sensitive_features=group,
            n_boot=200,
            ci_quantiles=[0.025, 0.975],
            random_state=1,
        )
        equalized_odds_difference(y[rows], acted, sensitive_features=group)
    done["stopped_in"] = "confounds"
    for column in ("site", "month"):
        alone = pd.get_dummies(table[column].astype(str)).to_numpy(float)
        cross_val_predict(
            LogisticRegression(), alone, y, groups=person, cv=GroupKFold(5), method="predict_proba"
        )
    done["stopped_in"] = "shap"
    shap.TreeExplainer(final[0]).shap_values(x)


print(json.dumps(main(sys.argv[1], float(sys.argv[2]))))
