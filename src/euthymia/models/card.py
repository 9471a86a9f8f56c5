"""The model card: what it is, for whom, on what it was trained, how good, who must not use it.

After Mitchell et al. 2019, doi:10.1145/3287560.3287596.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from euthymia.evaluation.estimate import Estimate
from euthymia.ground.clock import DAY_US, from_micros
from euthymia.models.self_audit import self_audit
from euthymia.models.tasks.contract import MONTH, RecordTask
from euthymia.models.tasks.table import PLAIN
from euthymia.models.wording import abstains

if TYPE_CHECKING:
    from euthymia.models.train import Trained  # training is heavy to import, and not needed here


def figure(value: Estimate) -> dict[str, float | None]:
    """Return an estimate as plain values; what is not defined is None."""
    parts = {
        "estimate": value.estimate,
        "low": value.low,
        "high": value.high,
        "chance": value.chance,
    }
    return {k: round(v, 6) if v is not None and np.isfinite(v) else None for k, v in parts.items()}


PRIVATE_INTERVAL: Final = (
    "2.5th to 97.5th percentile of private fits to stand-in populations drawn from the model."
    " Covers the noise that was added for privacy, and who happened to be in the training data; not"
    " a wrong model, nor patients unlike those. It is about the probability, not about what will"
    " happen."
)


def _privacy(trained: "Trained") -> dict[str, Any]:
    return {"differential_privacy": dict(trained.privacy)} if trained.privacy else {}


def _flow(trained: "Trained") -> list[str]:
    """Return who was left out and why; exact counts are not part of what privacy was paid for."""
    if trained.privacy:
        return []
    return [f"{why}: {rows} ({people} people)" for why, rows, people in trained.frame.flow]


def _dates(trained: "Trained") -> list[str]:
    """Return the first and last index date; none where the rows do not say, nor of a private run.

    Rows of records come from a snapshot, whose dates are counted from each person's own first one:
    of them only the calendar months are known.
    """
    at = trained.frame.at
    if trained.privacy or not at.size:
        return []
    if isinstance(trained.task, RecordTask):
        months = sorted(trained.frame.metadata.get(MONTH, np.zeros(0, np.str_)).tolist())
        return [months[0], months[-1]] if months else []
    if at.max() < DAY_US:
        return []
    return [f"{from_micros(int(day)):%Y-%m-%d}" for day in (at.min(), at.max())]


def _imbalance(trained: "Trained") -> str:
    share = "" if trained.privacy else f"{trained.frame.y.mean():.1%} with the outcome; "
    return f"{share}rows are neither weighted nor drawn."


def card(trained: "Trained") -> dict[str, Any]:
    """Return the card of a trained model, as plain values."""
    from euthymia.models.estimators import estimator

    task, frame, choice = trained.task, trained.frame, trained.fitted.choice
    model, told = estimator(trained.estimator), trained.fitted.told()
    made = {
        **_privacy(trained),
        "title": task.title,
        "outcome": task.outcome,
        "population": task.population,
        "index_dates": task.index_dates,
        "lookback_days": task.lookback_days,
        "horizon_days": task.horizon_days,
        "censoring": task.censoring,
        "intended_use": task.intended_use,
        "not_for": list(task.not_for),
        "threshold": task.threshold,
        "threshold_rule": task.threshold_rule,
        "interval": PRIVATE_INTERVAL if trained.privacy else model.interval,
        "estimator": str(trained.privacy.get("method", model.title)),
        "estimator_name": model.name,
        "features_chosen": choice.features,
        "settings": dict(choice.settings),
        "calibration": list(trained.fitted.calibration),
        "seed": trained.seed,
        "trained_at": from_micros(trained.trained_at).isoformat(timespec="seconds"),
        "synthetic": trained.synthetic,
        "people": len(trained.people),
        "rows": int(frame.y.size),
        "rows_with_outcome": int(frame.y.sum()),
        "sites": int(np.unique(frame.site).size),
        "metrics": {name: figure(value) for name, value in trained.metrics.items()},
        "verdicts": {name: str(audit["verdict"]) for name, audit in trained.audits.items()},
        "evidence": " ".join(
            str(trained.audits[name]["why"])
            for name in ("confounds", "baselines")
            if name in trained.audits
        ),
        "preparation": model.methods[0],
        "missing": model.missing,
        "model": told.text,
        "feature_count": len(task.features),
        "columns": len(trained.fitted.columns()) or int(trained.fitted.sources.size),
        "schema_digest": task.schema_digest,
        "declared": task.name != PLAIN,
        "index_dates_seen": _dates(trained),
        "flow": _flow(trained),
        "groups_looked_at": sorted(frame.groups),
        "imbalance": _imbalance(trained),
        "abstains": abstains(task.min_coverage, task.max_data_age_hours),
    }
    return made | {"self_audit": [asdict(item) for item in self_audit(made)]}
