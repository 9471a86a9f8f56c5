"""A private run: bounds, fit, calibration, figures, group audit, all paid from one allowance.

Four of five people teach and the fifth judges. Who does which follows from each person's own name
alone, so nobody is in both parts and each part may cost the whole allowance. What is said of the
model comes from the judges' noisy counts, or from a stand-in population that costs nothing: the
report holds no number of the data that was not paid for.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from euthymia.evaluation.estimate import Estimate
from euthymia.ground.clock import Micros
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators.contract import Choice, Ints
from euthymia.models.estimators.linear import Preparation
from euthymia.models.estimators.logistic import Logistic
from euthymia.models.frame import CohortFrame
from euthymia.models.privacy import scales
from euthymia.models.privacy.accountant import certified
from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.contract import Charge, Guarantee, cost
from euthymia.models.privacy.descent import (
    COUNTING,
    LEAST_PEOPLE,
    Counted,
    affordable,
    count,
    descend,
)
from euthymia.models.privacy.judge import GROUP_DELTA, Judged, bin_edges, judge
from euthymia.models.privacy.lattice import Floats, Noise, exact_noise
from euthymia.models.privacy.rows import People, predictor
from euthymia.models.privacy.standin import Effort, StandIn, stand_in
from euthymia.models.tasks.contract import Task
from euthymia.models.train import Trained

Progress = Callable[[int, int], None]

TEACH: Final = "those who teach"
JUDGE: Final = "those who judge"
JUDGING: Final = 0.2
BOUNDING: Final = 0.1
"""Share of the cost for where the people lie on each feature."""
METHOD: Final = (
    "logistic regression by clipped full-batch gradients, released through the exact discrete "
    "Gaussian"
)
NOT_AUDITED: Final = (
    "not evidence on its own: a private run pays for few figures, and the confound audit is not"
    " among them; run `euthymia train` or `euthymia audit` inside the clinic"
)
_KEPT: Final = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class PrivateResults:
    """Everything that a private run released, and what follows from it."""

    task: Task
    claim: Guarantee
    kept: Guarantee
    certified: float
    charges: tuple[Charge, ...]
    counted: Counted
    chosen: str
    columns: int
    model: Logistic
    judged: Judged
    stand_in: StandIn
    synthetic: bool
    seed: int
    now: Micros


def judges(person: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Tell of each row whether its person judges: by a digest of the name, and nothing else."""
    names, place = np.unique(person, return_inverse=True)
    drawn = [
        int.from_bytes(hashlib.sha256(b"euthymia private part\0" + str(name).encode()).digest()[:8])
        for name in names
    ]
    return np.asarray((np.array(drawn, np.uint64) < np.uint64(JUDGING * 2**64))[place])


def private_train(
    task: Task,
    frame: CohortFrame,
    account: Allowance,
    *,
    seed: int,
    synthetic: bool,
    now: Micros,
    effort: Effort = Effort(),  # noqa: B008 - frozen
    noise: Noise = exact_noise,
    progress: Progress = lambda _done, _total: None,
) -> Trained:
    """Train with (epsilon, delta)-differential privacy for adding or removing one person.

    Parameters
    ----------
    account : Allowance
        Of `allowance`: what was set aside for this run. It is never exceeded, and holds what was
        paid, also where the run is refused half way.
    seed : int
        Of the stand-in population alone. The noise has none: two runs give two models.
    effort : Effort
        How many fits the stand-in's answers rest on.

    Raises
    ------
    BudgetError
        The claim is too small for the figures asked.
    SchemaError
        The claim cannot be kept, or (by the noisy count) there are too few people.
    """
    claim = Guarantee(account.claim.epsilon, account.claim.delta + GROUP_DELTA)
    side = judges(frame.person)
    counted, chosen, prepared, beta = taught(task, frame.rows(~side), account, noise)
    progress(1, 3)
    judges_ = counted.people * JUDGING / (1 - JUDGING)
    judged = _judged(task, frame.rows(side), prepared, beta, judges_, account, seed, noise)
    kept = Guarantee(min(claim.epsilon, account.spent.epsilon), claim.delta)
    beyond = stand_in(beta, counted.people, claim, seed=seed, effort=effort)
    progress(2, 3)
    results = PrivateResults(
        task=task,
        claim=claim,
        kept=kept,
        certified=certified(cost(account.charges), claim.delta - GROUP_DELTA),
        charges=tuple(account.charges),
        counted=counted,
        chosen=chosen,
        columns=prepared.columns.size,
        model=_model(prepared, beta, judged, beyond, chosen, claim),
        judged=judged,
        stand_in=beyond,
        synthetic=synthetic,
        seed=seed,
        now=now,
    )
    progress(3, 3)
    return _trained(results, frame)


def train_private(
    task: Task,
    frame: CohortFrame,
    *,
    epsilon: float,
    delta: float = 1e-5,
    seed: int = 1,
    synthetic: bool = False,
    now: Micros = 0,
) -> Trained:
    """Train with (epsilon, delta)-differential privacy, without a clinic's ledger of epsilon.

    Whoever calls this keeps the account of the people in `frame` themselves: each call costs them
    the whole claim. `euthymia train --private` keeps it; as `euthymia.models.train_private` this
    refuses people whom a budget of the machine's clinic guards.

    Parameters
    ----------
    task : Task
        With declared features; see `models.on_tables.table_task`.
    frame : CohortFrame
        Of `models.table_frame.table_frame`.

    Raises
    ------
    SchemaError
        The claim cannot be kept, or there are too few people for it.
    """
    account = allowance(Guarantee(epsilon, delta))
    return private_train(task, frame, account, seed=seed, synthetic=synthetic, now=now)


def allowance(claim: Guarantee) -> Allowance:
    """Return the account of a run that keeps this claim.

    Raises
    ------
    SchemaError
        Nobody can keep it.
    """
    try:
        return Allowance(claim.epsilon, claim.delta - GROUP_DELTA)
    except ValueError as error:
        raise SchemaError(str(error)) from error


def taught(
    task: Task, frame: CohortFrame, account: Allowance, noise: Noise
) -> tuple[Counted, str, Preparation, Floats]:
    """Return the counts, the feature set, its columns and the coefficients, intercept first.

    Pays from the part of those who teach: the rows of nobody else may be in `frame`.
    """
    nothing = People.of(np.zeros((frame.y.size, 0)), frame.y, frame.person)
    counted = count(nothing, account.mu2 * COUNTING, pay=account, part=TEACH, noise=noise)
    chosen, columns = _affordable_set(task, frame, counted, account.mu2)
    order = np.argsort(frame.person, kind="stable")
    seen = scales.look(
        frame.x[order],
        nothing,
        task.features,
        columns,
        account.mu2 * BOUNDING,
        pay=account,
        part=TEACH,
        noise=noise,
    )
    prepared = scales.preparation(task.features, columns, seen)
    people = People.of(prepared.apply(frame.x), frame.y, frame.person)
    left = account.left_for(TEACH) * _KEPT
    return (
        counted,
        chosen,
        prepared,
        descend(people, counted, left, pay=account, part=TEACH, noise=noise),
    )


def _affordable_set(
    task: Task, frame: CohortFrame, counted: Counted, mu2: float
) -> tuple[str, Ints]:
    """Return the largest feature set that so many people can carry at this cost."""
    sets = [(name, frame.columns(names)) for name, names in task.feature_sets.items()]
    most = affordable(counted, mu2)
    fitting = [one for one in sets if one[1].size + 1 <= most]
    if counted.people < LEAST_PEOPLE or not fitting:
        smallest = min(columns.size for _, columns in sets)
        raise SchemaError(
            f"too few people for this epsilon: by the noisy count about {counted.people:.0f} teach,"
            f" who could carry {max(most, 0)} columns, and the smallest feature set has"
            f" {smallest + 1}; at least {LEAST_PEOPLE} must teach. Take a larger epsilon, or wait"
            " for more people"
        )
    return max(fitting, key=lambda one: one[1].size)


def _judged(
    task: Task,
    frame: CohortFrame,
    prepared: Preparation,
    beta: Floats,
    expected: float,
    account: Allowance,
    seed: int,
    noise: Noise,
) -> Judged:
    order = np.argsort(frame.person, kind="stable")
    people = People.of(prepared.apply(frame.x), frame.y, frame.person)
    odds = float(np.log(task.threshold / (1 - task.threshold)))
    return judge(
        people,
        predictor(people.z, beta),
        bin_edges(float(beta[0]), float(np.linalg.norm(beta[1:])), expected, account.mu2),
        {name: values[order] for name, values in frame.groups.items()},
        odds,
        account.left_for(JUDGE) * _KEPT,
        pay=account,
        part=JUDGE,
        seed=seed,
        noise=noise,
    )


def _model(
    prepared: Preparation,
    beta: Floats,
    judged: Judged,
    beyond: StandIn,
    chosen: str,
    claim: Guarantee,
) -> Logistic:
    """Return the recalibrated model; its heads lie as far off as fits to the stand-in do."""
    heads = beta[:, None] + beyond.heads
    folded, drawn = judged.slope * beta, judged.slope * heads
    folded[0] += judged.level
    drawn[0] += judged.level
    settings = {"epsilon": claim.epsilon, "delta": claim.delta}
    return Logistic(
        prepared,
        float(folded[0]),
        folded[1:],
        drawn,
        (judged.level, judged.slope),
        Choice(chosen, settings, ()),
    )


def _trained(results: PrivateResults, frame: CohortFrame) -> Trained:
    from euthymia.models.privacy.report import render

    metrics: dict[str, Estimate] = {"auc": results.judged.auc, **results.judged.figures}
    return Trained(
        task=results.task,
        fitted=results.model,
        metrics=metrics,
        audits=_audits(results),
        report_html=render(results),
        synthetic=results.synthetic,
        seed=results.seed,
        trained_at=results.now,
        people=tuple(sorted(set(frame.person.tolist()))),
        frame=frame,
        privacy=privacy_card(results),
    )


def privacy_card(results: PrivateResults) -> dict[str, Any]:
    """Return what the card says of the claim: numbers that were paid for, or cost nothing."""
    beyond, member = results.stand_in, results.stand_in.membership
    items: dict[str, list[Charge]] = {}
    for charge in results.charges:
        items.setdefault(charge.kind, []).append(charge)
    return {
        "epsilon": round(results.kept.epsilon, 6),
        "delta": results.kept.delta,
        "unit": results.kept.unit,
        "neighbours": "with and without all rows of one person",
        "method": METHOD,
        "accounted": f"Gaussian DP; dp-accounting says epsilon {results.certified:.6f}",
        "items": {kind: round(cost(charges), 12) for kind, charges in items.items()},
        "people": round(results.counted.people),
        "people_with_outcome": round(results.counted.events),
        "auc": _numbers(results.judged.auc),
        "membership": {
            "of": "a stand-in population drawn from the released model",
            "auc": _numbers(member.auc),
            "tpr": {f"{rate:g}": _numbers(value) for rate, value in member.tpr},
            "epsilon_proved": round(max(member.epsilon, beyond.canary_epsilon), 6),
            "models": member.models,
            "canary_runs": beyond.canary_runs,
        },
        "curve": {f"{point.epsilon:g}": _numbers(point.lost) for point in beyond.curve},
    }


def _numbers(value: Estimate) -> dict[str, float | None]:
    parts = {"estimate": value.estimate, "low": value.low, "high": value.high}
    return {k: round(v, 6) if np.isfinite(v) else None for k, v in parts.items()}


def _audits(results: PrivateResults) -> Mapping[str, Mapping[str, Any]]:
    said = privacy_card(results)
    member = said["membership"]
    at = member["tpr"]["0.01"]["estimate"]
    claim = results.claim
    return {
        "confounds": {"verdict": NOT_AUDITED, "why": NOT_AUDITED, "rows": []},
        "privacy": {
            "verdict": (
                f"epsilon {results.kept.epsilon:.3g} (delta {claim.delta:g}) for each person;"
                f" an attack finds {at:.1%} of members at 1 % false positives and proves epsilon"
                f" {member['epsilon_proved']:.2g}"
            ),
            **said,
        },
        "groups": {
            "verdict": f"{len(results.judged.groups)} groups large enough to be told",
            "rows": [
                {
                    "variable": row.variable,
                    "group": row.group,
                    "people": round(row.people),
                    "prevalence": row.prevalence,
                    "fnr": row.missed,
                    "ppv": row.right,
                }
                for row in results.judged.groups
            ],
        },
    }
