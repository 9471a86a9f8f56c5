"""Champion and challenger: the model in use and another, asked the same about the same moments.

Both are judged on index dates that neither was trained on: their outcome window was not over when
either was trained. Differences are paired, with intervals that resample people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation import calibration, discrimination, net_benefit
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.estimate import Estimate, Metric
from euthymia.evaluation.groups import SMALL_CELL
from euthymia.evaluation.resample import difference, estimates
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models.frame import CohortFrame
from euthymia.models.serve import Served

Floats = NDArray[np.float64]
LEAST_EVENTS: Final = 10
"""People with, and without, the outcome, below which the two are not compared."""
REPLICATES: Final = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """One model on the rows: its probabilities, NaN where it abstained, and what it took."""

    model: str
    p: Floats
    abstained: int
    definite: int
    microseconds: float


@dataclass(frozen=True, slots=True)
class Beside:
    """The same figure of both, and how far the challenger is ahead (paired)."""

    name: str
    champion: Estimate
    challenger: Estimate
    ahead: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a champion/challenger report says.

    `rows`, `people`, `events`: what both answered, of which the outcome is known. `in_training`:
    people of them who were in either's training data at earlier dates. `agree`: the share of rows
    put on the same side of the champion's threshold; `apart`: mean and largest difference of their
    probabilities. `untested`: the models that were judged at no site they had not seen.
    """

    champion: Asked
    challenger: Asked
    asked: int
    rows: int
    people: int
    events: int
    in_training: int
    threshold: float
    agree: float
    apart: tuple[float, float]
    figures: tuple[Beside, ...]
    synthetic: bool
    verdict: str
    why: str
    untested: tuple[str, ...] = ()


def unseen(frame: CohortFrame, horizon_days: int, trained_at: Sequence[Micros]) -> CohortFrame:
    """Return the rows whose outcome was not yet known when any of the models was trained."""
    since = max(trained_at) - horizon_days * DAY_US
    return frame.rows(frame.at > since)


def ask(served: Served, frame: CohortFrame) -> Asked:
    """Return what a model says of every row, at its own limits."""
    began = perf_counter()
    said = served.predict_many(frame.x, frame.coverage.tolist(), frame.data_age_hours.tolist())
    took = (perf_counter() - began) * 1e6 / max(1, len(said))
    p = np.array([np.nan if one.probability is None else one.probability for one in said])
    definite = sum(one.outcomes is not None and len(one.outcomes) == 1 for one in said)
    name = f"{served.bundle.name}@{served.version}"
    return Asked(name, p, int(np.isnan(p).sum()), definite, took)


def untested(card: Mapping[str, Any]) -> bool:
    """Tell whether a model's card says that it was judged at no site it had not seen."""
    return str(card.get("verdicts", {}).get("sites", "")).startswith("not externally tested")


def compare(champion: Served, challenger: Served, frame: CohortFrame, *, seed: int) -> Comparison:
    """Return how the challenger does beside the champion on rows that neither was trained on.

    Parameters
    ----------
    frame : CohortFrame
        From `unseen`. May be empty: then only that is said.
    """
    first, second = ask(champion, frame), ask(challenger, frame)
    both = ~np.isnan(first.p) & ~np.isnan(second.p)
    y, person = frame.y[both], frame.person[both]
    p, q = first.p[both], second.p[both]
    threshold = champion.bundle.threshold
    having, free = np.unique(person[y == 1]).size, np.unique(person[y == 0]).size
    enough = min(having, free) >= LEAST_EVENTS
    found = _figures(y, p, q, person, threshold, seed) if enough else ()
    known = {*champion.bundle.people, *challenger.bundle.people}
    verdict, why = _verdict(found, having, free)
    apart = np.abs(p - q)
    return Comparison(
        champion=first,
        challenger=second,
        asked=int(frame.y.size),
        rows=int(y.size),
        people=int(np.unique(person).size),
        events=int(y.sum()),
        in_training=len(known & set(person.tolist())),
        threshold=threshold,
        agree=float(np.mean((p >= threshold) == (q >= threshold))) if y.size else float("nan"),
        apart=(float(apart.mean()), float(apart.max())) if y.size else (float("nan"),) * 2,
        figures=found,
        synthetic=champion.bundle.synthetic or challenger.bundle.synthetic,
        verdict=verdict,
        why=why,
        untested=tuple(
            asked.model
            for asked, bundle in ((first, champion.bundle), (second, challenger.bundle))
            if untested(bundle.card)
        ),
    )


def _figures(
    y: Floats, p: Floats, q: Floats, person: NDArray[np.str_], threshold: float, seed: int
) -> tuple[Beside, ...]:
    metrics: Mapping[str, Metric] = {
        "auc": discrimination.auc,
        "brier": discrimination.brier,
        "calibration_in_the_large": calibration.calibration_in_the_large,
        "calibration_slope": calibration.calibration_slope,
        "net_benefit": net_benefit.net_benefit_at(threshold),
    }
    chance = chance_levels(y, threshold)
    one = estimates(metrics, y, p, person, seed=seed, chance=chance)
    other = estimates(metrics, y, q, person, seed=seed, chance=chance)
    return tuple(
        Beside(
            name,
            one[name],
            other[name],
            difference(metric, q, metric, p, y, person, seed=seed, replicates=REPLICATES),
        )
        for name, metric in metrics.items()
    )


def _verdict(figures: Sequence[Beside], having: int, free: int) -> tuple[str, str]:
    """Return what the report opens with, and the sentence that says why."""
    if not figures:
        return "too early to say", (
            f"{having} people with and {free} without the outcome at dates that neither model was"
            f" trained on; {LEAST_EVENTS} of each are needed."
        )
    found = {row.name: row for row in figures}
    auc, worth = found["auc"].ahead, found["net_benefit"].ahead
    told = (
        f"Challenger less champion: AUC {auc.estimate:+.3f} ({auc.low:+.3f} to {auc.high:+.3f}),"
        f" net benefit {worth.estimate:+.4f} ({worth.low:+.4f} to {worth.high:+.4f})."
    )
    if auc.high < 0 or worth.high < 0:
        return "the challenger is worse", told
    if auc.low > 0 and worth.low > 0:
        return "the challenger is better", told
    if auc.low > 0 or worth.low > 0:
        return "the challenger is better in one of two, and not worse in the other", told
    return "not shown to differ", told


def plain_comparison(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values, small cells left out."""
    told = asdict(found)
    for side in ("champion", "challenger"):
        told[side].pop("p")
        told[side]["microseconds"] = round(told[side]["microseconds"], 1)
    for key in ("people", "events", "in_training"):
        told[key] = told[key] if not 0 < told[key] < SMALL_CELL else None
    return told


def render(found: Comparison, *, title: str, made_at: str, history: Sequence[str] = ()) -> str:
    """Return the report as one HTML page without any reference to the outside.

    Parameters
    ----------
    history : sequence of str
        What the shadow runs before it said.
    """
    from euthymia.models import wording
    from euthymia.models.html import number, span, table
    from euthymia.models.report import box, page

    one, other = found.champion, found.challenger
    figures = [
        (
            wording.METRICS.get(row.name, row.name),
            span(row.champion, 3),
            span(row.challenger, 3),
            span(row.ahead, 3),
        )
        for row in found.figures
    ]
    asked = [
        (a.model, str(found.asked), str(a.abstained), str(a.definite), number(a.microseconds, 0))
        for a in (one, other)
    ]
    told = plain_comparison(found)
    words = (
        f"{found.rows} index dates of {told['people'] or 'few'} people,"
        f" {told['events'] if told['events'] is not None else 'few'} with the outcome, that both"
        f" answered and neither was trained on; {told['in_training'] or 'no more than a few'} of"
        " the people were in training data at earlier dates."
    )
    body = (
        f"<p class='small'>Euthymia · champion and challenger · {escape(made_at)}</p>"
        f"<h1>{escape(title)}</h1><p class='lead'>{escape(words)}</p>"
        + box(f"Verdict: {found.verdict}. {found.why}", "" if found.figures else "warn")
        + (box(wording.SYNTHETIC, "warn") if found.synthetic else "")
        + "".join(box(f"{m}: {wording.NOT_EXTERNAL}", "warn") for m in found.untested)
        + "<h2>On the same moments</h2>"
        + (table(("figure", one.model, other.model, "ahead (paired)"), figures) if figures else "")
        + "<h2>What they answered</h2>"
        + table(("model", "asked", "abstained", "definite", "microseconds each"), asked)
        + f"<p>On the same side of the threshold of {found.threshold:g}:"
        f" {number(100 * found.agree, 1)} % of the rows. Mean difference of the probabilities"
        f" {number(found.apart[0], 3)}, largest {number(found.apart[1], 3)}.</p>"
    )
    if history:
        rows = "".join(f"<li>{escape(line)}</li>" for line in history)
        body += f"<h2>Runs in the shadow</h2><ul>{rows}</ul>"
    return page(f"{title}: champion and challenger", body, synthetic=found.synthetic)
