"""What privacy costs, and what it buys, on two trials: `make bench ONLY=privacy`.

Utility: of a trial, n people drawn at random teach and all others judge; the AUC lost is that of
the product's own tuned logistic regression on the same n people less that of the private one.
Repeated with other draws (and other noise); the interval is of the mean over draws. Nothing here
chose a constant: those come from the simulated study at the end (`python benchmarks/privacy.py
--study`).

Membership: LiRA on models of random halves of a trial's people, ours and what one would use without
privacy. Every private release uses the exact noise.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "trials"

from euthymia.evaluation.membership import attack, deal_members  # noqa: E402
from euthymia.models.estimators import estimator  # noqa: E402
from euthymia.models.estimators.contract import Sample  # noqa: E402
from euthymia.models.on_tables import table_task  # noqa: E402
from euthymia.models.privacy.contract import Guarantee  # noqa: E402
from euthymia.models.privacy.lattice import exact_noise  # noqa: E402
from euthymia.models.privacy.rows import predictor  # noqa: E402
from euthymia.models.privacy.standin import drawn, fitted, rounded_noise  # noqa: E402
from euthymia.models.privacy.training import allowance, taught  # noqa: E402
from euthymia.models.table_frame import table_frame  # noqa: E402

DELTA = 1e-5
REPEATS = int(os.environ.get("EUTHYMIA_BENCH_REPEATS", "30"))
MODELS = 24
TREES = 100
FORESTS = {"forest": True, "forest, all people in each tree": False}
HELP = ("trial-help-suicidal-thoughts", "help_full.csv.gz")
PANSS = ("trial-panss-response", "schizophrenia_panss.csv")
CASES = (  # (trial, people who teach, epsilon, the loss that is allowed)
    (PANSS, 1300, 1.0, 0.01),
    (HELP, 254, 3.0, 0.04),
)


def read(trial):
    task = table_task(trial[0])
    return task, table_frame(task, DATA / trial[1])


def auc(score, y):
    ranks = np.empty(y.size)
    order = np.argsort(score, kind="stable")
    ranks[order] = np.arange(1, y.size + 1)
    for value in np.unique(score[np.concatenate([[False], np.diff(score[order]) == 0])[order]]):
        ranks[score == value] = ranks[score == value].mean()
    having = y.sum()
    return (ranks[y == 1].sum() - having * (having + 1) / 2) / (having * (y.size - having))


def private_scores(task, teach, held, epsilon):
    account = allowance(Guarantee(epsilon, DELTA))
    _, chosen, prepared, beta = taught(task, teach, account, exact_noise)
    return predictor(prepared.apply(held.x), beta), chosen, account.spent.epsilon


def plain_scores(task, teach, held, seed, name="logistic"):
    sample = Sample(teach.x, teach.y, teach.person)
    sets = [(which, teach.columns(names)) for which, names in task.feature_sets.items()]
    model = estimator(name).fit(sample, sets, seed=seed, heads=0)
    return model.predict(held.x)


def utility(trial, people, epsilon, repeats):
    task, frame = read(trial)
    names = np.unique(frame.person)
    lost, ours, theirs, sets, spent = [], [], [], [], 0.0
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, people])
        some = rng.permutation(names)[:people]
        inside = np.isin(frame.person, some)
        teach, held = frame.rows(inside), frame.rows(~inside)
        score, chosen, paid = private_scores(task, teach, held, epsilon)
        ours.append(auc(score, held.y))
        theirs.append(auc(plain_scores(task, teach, held, repeat), held.y))
        lost.append(theirs[-1] - ours[-1])
        sets.append(chosen)
        spent = max(spent, paid)
    return {
        "trial": trial[0],
        "people": people,
        "judged_on": int(names.size - people),
        "epsilon": epsilon,
        "delta": DELTA,
        "epsilon_spent": round(spent, 6),
        "repeats": repeats,
        "auc_private": interval(ours),
        "auc_plain": interval(theirs),
        "auc_lost": interval(lost),
        "feature_sets": {name: sets.count(name) for name in set(sets)},
    }


def interval(values):
    found = np.array(values)
    half = 1.96 * found.std(ddof=1) / np.sqrt(found.size)
    low, high = np.percentile(found, (2.5, 97.5))
    return {
        "mean": round(float(found.mean()), 4),
        "low": round(float(found.mean() - half), 4),
        "high": round(float(found.mean() + half), 4),
        "of_draws": [round(float(low), 4), round(float(high), 4)],
    }


def confidences(kind, task, frame, member, epsilon, seed):
    """Return the log-odds that each model gives to what was true of each person."""
    sign = 2 * frame.y - 1
    found = np.empty(member.shape)
    for number, inside in enumerate(member):
        teach = frame.rows(inside)
        if kind == "private":
            found[number] = sign * private_scores(task, teach, frame, epsilon)[0]
            continue
        p = np.clip(other(kind, task, teach, frame, seed + number), 1e-4, 1 - 1e-4)
        found[number] = sign * np.log(p / (1 - p))
    return found


def other(kind, task, teach, frame, seed):
    if kind not in FORESTS:
        return plain_scores(task, teach, frame, seed, kind)
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, random_state=seed, bootstrap=FORESTS[kind])
    forest.fit(np.nan_to_num(teach.x, nan=-1.0), teach.y)
    share = forest.predict_proba(np.nan_to_num(frame.x, nan=-1.0))[:, 1]
    # half a tree for and against: log-odds of 0 and 1 would drown the attack in a few extremes
    return (TREES * share + 0.5) / (TREES + 1)


def membership(trial, kind, epsilon, models, seed=1):
    task, frame = read(trial)
    rng = np.random.default_rng(seed)
    member = deal_members(12 if kind == "lightgbm" else models, frame.y.size, rng)
    found = attack(
        confidences(kind, task, frame, member, epsilon, seed), member, delta=DELTA, seed=seed
    )
    said = {
        f"tpr_at_{rate:g}": [round(v, 4) for v in (e.estimate, e.low, e.high)]
        for rate, e in found.tpr
    }
    return {
        "trial": trial[0],
        "model": kind,
        "epsilon": epsilon if kind == "private" else None,
        "models": found.models,
        "people": found.people,
        **said,
        "attack_auc": round(found.auc.estimate, 3),
        "epsilon_proved": round(found.epsilon, 2),
    }


def study(repeats=20):
    """The study that the constants come from: simulated people only."""
    rows = []
    for people, columns, epsilon in (
        (254, 6, 3.0),
        (1300, 8, 1.0),
        (1300, 20, 1.0),
        (2000, 8, 1.0),
    ):
        lost = []
        for repeat in range(repeats):
            rng = np.random.default_rng([repeat, people, columns])
            beta = np.concatenate([[-0.5], rng.normal(0, 0.5, columns)])
            teach, fresh = drawn(beta, people, rng), drawn(beta, 6000, rng)
            from euthymia.evaluation.logistic import fit_logistic

            plain = fit_logistic(teach.z, teach.y, np.ones((1, people)), ridge=1.0)[0]
            ours = fitted(teach, Guarantee(epsilon, DELTA), rounded_noise(rng))
            lost.append(auc(fresh.z @ plain[1:], fresh.y) - auc(fresh.z @ ours[1:], fresh.y))
        rows.append(
            {"people": people, "columns": columns, "epsilon": epsilon, "auc_lost": interval(lost)}
        )
    return rows


def run():
    """Yield the claims: what privacy loses, and what it keeps from an attacker."""
    for trial, people, epsilon, allowed in CASES:
        row = utility(trial, people, epsilon, REPEATS)
        ours, peer = row["auc_private"]["mean"], row["auc_plain"]["mean"]
        yield {
            "name": f"AUC at epsilon {epsilon:g}, {people} people of {trial[0]}",
            "ours": ours,
            "peer": peer,
            "peer_name": "tuned logistic regression without noise, same people",
            "unit": "AUC",
            "ratio": ours / peer,
            "goal": (peer - allowed) / peer,
            **row,
        }
    for trial, epsilon in ((HELP, 3.0), (PANSS, 1.0)):
        for kind in ("private", "logistic", "lightgbm", *FORESTS):
            row = membership(trial, kind, epsilon, MODELS)
            found = row["tpr_at_0.01"][0]
            yield {
                "name": f"members of {trial[0]} found at 1 % false positives, {kind}",
                "ours": found,
                "peer": 0.015,
                "peer_name": "what may leave the research zone",
                "unit": "share",
                "ratio": 0.015 / max(found, 1e-6),
                "goal": 1.0 if kind == "private" else None,
                **row,
            }


if __name__ == "__main__":
    print(json.dumps({"study": study()}, indent=1) if "--study" in sys.argv else __doc__)
