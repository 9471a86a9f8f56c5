"""Gradient-boosted trees (LightGBM), tuned, stopped and recalibrated on people not trained on.

Ke et al. 2017, NeurIPS 30. LightGBM grows the trees; what is served is our own walk through them
(`estimators/ensemble.py`), which tests hold equal to LightGBM's, and their ONNX graph.

Defaults, fixed before any data were looked at: trees of 4 or 8 leaves and at most 4 levels (few
events: low-order interactions are all that can be learned, and reasons stay exact), 20 rows a leaf
(LightGBM's own default), a learning rate of 0.1 (its default) with at most 100 trees, 63 bins. The
number of leaves and of trees, and the feature set, are chosen by the log loss of held-out people.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import stdtrit

from euthymia.evaluation.logistic import sigmoid
from euthymia.evaluation.resample import bootstrap_weights
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators.contract import (
    HEADS,
    Choice,
    Column,
    Floats,
    Ints,
    Model,
    Sample,
    Sets,
    Told,
    Trees,
    said,
)
from euthymia.models.estimators.ensemble import MAX_DEPTH, Ensemble, Grown
from euthymia.models.estimators.logistic import calibrators, inner_splits, log_loss

LEAVES: Final = (4, 8)
ROUNDS: Final = 100
PATIENCE: Final = 20
"""A fold's fit ends when its held-out people gained nothing in so many trees."""
BAGS: Final = 20
"""Refits on people drawn with replacement; their spread gives the interval."""
SPREAD: Final = float(stdtrit(BAGS - 1, 0.975))
_PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.1,
    "max_depth": MAX_DEPTH,
    "min_data_in_leaf": 20,
    "max_bin": 63,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
INTERVAL: Final = (
    f"The probability's log-odds, less and plus {SPREAD:.2f} standard deviations of {BAGS} refits"
    " on people drawn with replacement. Covers who happened to be in the training data; not a wrong"
    " model, nor patients unlike those of the training data, nor the choice of features and"
    " settings. It is about the probability, not about what will happen."
)


def ready() -> None:
    """Refuse, with what to install, where LightGBM cannot be loaded."""
    _library()


def _library() -> Any:  # noqa: ANN401 - a module
    try:
        import lightgbm
    except ImportError as error:
        raise SchemaError(
            "the estimator lightgbm needs the package lightgbm, which is not installed: install"
            " it, or train with --estimator logistic"
        ) from error
    except OSError as error:
        raise SchemaError(
            "the estimator lightgbm needs the system's OpenMP library (libgomp.so.1), which is not"
            " installed: `apt-get install libgomp1` on Debian and Ubuntu, `dnf install libgomp` on"
            " Fedora, `brew install libomp` on macOS; or train with --estimator logistic"
        ) from error
    return lightgbm


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted, calibrated model. Target 0 of `ensemble` is the model, the others its refits.

    The recalibration is folded into the leaves.
    """

    ensemble: Ensemble
    calibration: tuple[float, float]
    choice: Choice
    gains: tuple[tuple[int, float], ...]

    @property
    def sources(self) -> Ints:
        """The features that the model looks at."""
        return self.ensemble.used(0)

    def log_odds(self, x: Floats) -> Floats:
        """Return the calibrated log-odds of each row."""
        return np.asarray(self.ensemble.sums(x)[:, 0])

    def predict(self, x: Floats) -> Floats:
        """Return the calibrated probability of each row."""
        return sigmoid(self.log_odds(x))

    def predict_interval(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (probability, low, high) of each row; see `INTERVAL`."""
        found = self.ensemble.sums(x)
        p = sigmoid(found[:, 0])
        if found.shape[1] == 1:
            return p, p, p
        away = SPREAD * found[:, 1:].std(axis=1, ddof=1)
        return p, sigmoid(found[:, 0] - away), sigmoid(found[:, 0] + away)

    def to_onnx(self, features: int) -> bytes:
        """Return the model as a checked ONNX file; see `Fitted.to_onnx`."""
        from euthymia.models.export_trees import tree_graph

        return tree_graph(self.ensemble, SPREAD, features)

    def columns(self) -> tuple[Column, ...]:
        """Return nothing: the reasons come from `trees`."""
        return ()

    def trees(self) -> Trees | None:
        """Return the leaves that the reasons come from."""
        return self.ensemble.leaves(0)

    def told(self) -> Told:
        """Return what the report says of the model."""
        rounds = f"{self.choice.settings['trees']:g} trees"
        text = (
            f"Gradient-boosted trees (LightGBM) on the feature set “{self.choice.features}”:"
            f" {rounds} of at most {self.choice.settings['leaves']:g} leaves and {MAX_DEPTH}"
            f" levels; recalibrated with slope {self.calibration[1]:.2f}. The"
            f" {len(self.gains)} features that lowered the training loss most:"
        )
        rows = tuple((place, "share of the gain", gain) for place, gain in self.gains)
        note = (
            "A feature's share says how much the trees use it, among features that move together:"
            " not that it is a cause, nor in which direction it pushes. The reasons beside a single"
            " answer are exact Shapley values of the trees (Lundberg et al. 2020,"
            " doi:10.1038/s42256-019-0138-9)."
        )
        return Told(text, rows, ("feature", "", "share"), note)


def _settings(leaves: int, seed: int, monotone: Ints | None, columns: Ints) -> dict[str, Any]:
    found = {**_PARAMETERS, "num_leaves": leaves, "seed": seed}
    if monotone is not None and monotone[columns].any():
        found["monotone_constraints"] = monotone[columns].tolist()
    return found


def _held_out(
    sample: Sample, columns: Ints, leaves: tuple[int, ...], seed: int
) -> dict[int, tuple[int, float, Floats]]:
    """Return for each number of leaves: the best number of trees, its loss, held-out log-odds."""
    lgb = _library()
    curves: dict[int, list[Floats]] = {n: [] for n in leaves}
    grown: dict[int, list[tuple[Any, Ints]]] = {n: [] for n in leaves}
    for split in inner_splits(sample, seed):
        x = sample.x[:, columns]
        train = lgb.Dataset(x[split.train], sample.y[split.train], params=_PARAMETERS)
        test = lgb.Dataset(x[split.test], sample.y[split.test], reference=train)
        for n in leaves:
            told: dict[str, Any] = {}
            stop = [lgb.record_evaluation(told), lgb.early_stopping(PATIENCE, verbose=False)]
            settings = _settings(n, seed, sample.monotone, columns)
            booster = lgb.train(settings, train, ROUNDS, [test], ["held out"], callbacks=stop)
            curve = np.full(ROUNDS, np.inf)
            losses = told["held out"]["binary_logloss"]
            curve[: len(losses)] = losses
            curves[n].append(curve * split.test.size)
            grown[n].append((booster, split.test))
    found = {}
    for n in leaves:
        total = np.sum(curves[n], axis=0) / sample.y.size
        best = int(np.argmin(total)) + 1
        log_odds = np.empty(sample.y.size)
        for booster, rows in grown[n]:
            log_odds[rows] = booster.predict(
                sample.x[np.ix_(rows, columns)], raw_score=True, num_iteration=best
            )
        found[n] = (best, log_loss(sample.y, log_odds), log_odds)
    return found


def tune(sample: Sample, sets: Sets, seed: int) -> tuple[Choice, Floats]:
    """Choose feature set, leaves and trees by held-out log loss, folds by person.

    Returns
    -------
    Choice, and the held-out log-odds of every row under the choice, for the recalibration.
    """
    losses: list[tuple[str, str, float]] = []
    best: tuple[float, Floats] | None = None
    for name, columns in sets:
        for leaves, (trees, loss, log_odds) in _held_out(sample, columns, LEAVES, seed).items():
            settings = {"leaves": float(leaves), "trees": float(trees)}
            losses.append((name, said(settings), loss))
            if best is None or loss < best[0]:
                best, chosen = (loss, log_odds), (name, settings)
    assert best is not None
    return Choice(chosen[0], chosen[1], tuple(losses)), best[1]


def _grow(
    sample: Sample, columns: Ints, choice: Choice, seed: int, weights: Floats | None = None
) -> Any:  # noqa: ANN401 - LightGBM's booster
    """Return a booster of the chosen settings; rows of weight 0 are left out."""
    lgb = _library()
    rows = np.arange(sample.y.size) if weights is None else np.flatnonzero(weights)
    times = None if weights is None else weights[rows]
    data = lgb.Dataset(
        sample.x[np.ix_(rows, columns)], sample.y[rows], weight=times, params=_PARAMETERS
    )
    settings = _settings(int(choice.settings["leaves"]), seed, sample.monotone, columns)
    return lgb.train(settings, data, int(choice.settings["trees"]))


def fit(sample: Sample, sets: Sets, *, seed: int, heads: int = HEADS) -> Boosted:
    """Tune, fit and recalibrate a model, and refit it on up to `BAGS` person-bootstrap samples."""
    choice, held_out = tune(sample, sets, seed)
    columns = dict(sets)[choice.features]
    bags = BAGS if heads else 0
    counts = [None, *bootstrap_weights(sample.person, bags, np.random.default_rng(seed))[:bags]]
    once = np.ones((1, sample.y.size))
    grown, calibration = Grown(len(counts)), np.empty((len(counts), 2))
    gain = np.zeros(sample.x.shape[1])
    for target, weights in enumerate(counts):
        booster = _grow(sample, columns, choice, seed, weights)
        for tree in booster.dump_model()["tree_info"]:
            grown.add(tree["tree_structure"], columns, target)
        judged = once if weights is None else weights[None]
        calibration[target] = calibrators(sample.y, held_out, judged)[0]
        if weights is None:
            gain[columns] = booster.feature_importance("gain")
    ensemble = grown.ensemble().scaled(calibration[:, 1], calibration[:, 0])
    level, slope = calibration[0].tolist()
    share = gain / max(gain.sum(), 1e-300)
    top = [(i, float(share[i])) for i in np.argsort(-share, kind="stable")[:15].tolist()]
    gains = tuple((i, size) for i, size in top if size > 0)
    return Boosted(ensemble, (level, slope), choice, gains)


def refit(
    sample: Sample, rows: Ints, columns: Ints, choice: Choice, dealt: Ints, held: Ints
) -> Floats:
    """Return held-out log-odds for each way of dealing the outcomes; see `Refit`."""
    lgb = _library()
    x = sample.x[np.ix_(held, columns)]
    settings = _settings(int(choice.settings["leaves"]), 1, sample.monotone, columns)
    data = lgb.Dataset(sample.x[np.ix_(rows, columns)], sample.y[rows], params=_PARAMETERS)
    data.construct()  # the bins of the features are those of every way of dealing
    found = []
    for given in dealt:
        data.set_label(sample.y[given])
        grown = lgb.train(settings, data, int(choice.settings["trees"]))
        found.append(grown.predict(x, raw_score=True))
    return np.array(found)


MODEL = Model(
    name="lightgbm",
    title="gradient-boosted trees (LightGBM), recalibrated on held-out predictions",
    kind="binary",
    methods=(
        (
            "Gradient-boosted trees (Ke et al. 2017, NeurIPS 30), at most 4 levels; leaves, number"
            " of trees and feature set by held-out log loss in four inner folds by person; a value"
            " that is not known takes the side that lowered the loss; logistic recalibration on the"
            " inner held-out predictions."
        ),
    ),
    interval=INTERVAL,
    fit=fit,
    refit=refit,
    missing=(
        "A value that is not known takes the side of each split that lowered the training loss. The"
        " same in use."
    ),
    memorises=True,
    ready=ready,
)
