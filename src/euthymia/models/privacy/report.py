"""The report of a private run: one self-contained page, every number on it paid for or free."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from euthymia.ground.clock import from_micros
from euthymia.models import plots, wording
from euthymia.models.html import number, span, table
from euthymia.models.privacy.accountant import epsilon_of
from euthymia.models.privacy.contract import Charge, cost
from euthymia.models.report import STYLE, box

if TYPE_CHECKING:
    from euthymia.models.privacy.training import PrivateResults

COVERED: Final = (
    "Every number on this page that comes from the data was paid for from the budget of the data"
    " set, and is part of the claim. The curve and the attacks were computed on a stand-in"
    " population drawn from the released model; they cost nothing and describe the method at this"
    " size, not the members. What would have to be paid for and was not, is not here: confounds,"
    " leakage, sites. `euthymia train` and `euthymia audit` show them inside the clinic."
)
MEANS: Final = (
    "Whoever sees the model and this page, and knows everything else, can hardly tell whether any"
    " one person's data were used: whatever they conclude is at most exp(epsilon) times as likely"
    " with that person's rows as without, but for a probability of delta."
)
FIGURES: Final = (
    "From noisy counts of people who judge and did not teach. The interval of the AUC covers both"
    " who they are and the noise; the others cover who they are."
)
_NAMES: Final = {
    "auc": "AUC (pairs in the right order)",
    "prevalence": "People with the outcome",
    "expected": "Predicted on average, before recalibration",
    "ppv": "Of those put forward, with the outcome",
    "sensitivity": "Of those with the outcome, put forward",
}


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def section(title: str, *parts: str) -> str:
    """Return a section."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def figure(svg: str, caption: str) -> str:
    """Return a plot with what it shows."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def render(results: "PrivateResults") -> str:
    """Return the page."""
    title = escape(f"{results.task.title}: private model report")
    mark = f'<div class="mark">{escape(wording.WATERMARK)}</div>' if results.synthetic else ""
    body = "".join(_parts(results))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{mark}<main>{body}</main></body></html>"
    )


def _parts(results: "PrivateResults") -> Iterator[str]:
    task, kept = results.task, results.kept
    yield (
        f"<p class='small'>Euthymia · private model report · {from_micros(results.now):%Y-%m-%d}"
        f"</p><h1>{escape(task.title)}</h1>"
    )
    lead = (
        f"Differentially private with epsilon {kept.epsilon:.3g} and delta {kept.delta:g}; the unit"
        f" is the person. About {results.counted.people:.0f} people taught it and a fifth as many"
        f" again judged it; its AUC on those is {span(results.judged.auc)}."
    )
    yield paragraph(lead, "lead")
    yield box(COVERED)
    if results.synthetic:
        yield box(wording.SYNTHETIC, "warn")
    yield _claim(results)
    yield _curve(results)
    yield _attacks(results)
    yield _figures(results)
    yield _groups(results)
    yield _model(results)
    yield section("Who must not use it", "<ul>" + _listed(task.not_for) + "</ul>")


def _listed(items: tuple[str, ...]) -> str:
    return "".join(f"<li>{escape(item)}</li>" for item in items)


def _claim(results: "PrivateResults") -> str:
    items: dict[tuple[str, str], list[Charge]] = {}
    for charge in results.charges:
        items.setdefault((charge.kind, charge.part), []).append(charge)
    delta = results.kept.delta
    rows = [
        (
            kind,
            made[0].what,
            part or "all",
            str(len(made)),
            number(epsilon_of(cost(made), delta), 3),
        )
        for (kind, part), made in items.items()
    ]
    head = ("for", "released", "of", "times", "epsilon alone")
    return section(
        "What is claimed, and what was paid",
        paragraph(MEANS),
        table(head, rows, numeric=3),
        paragraph(
            "Costs of the same people add up as squares of noise-to-signal (Gaussian differential"
            " privacy), not as epsilons; those who teach and those who judge are different people."
            f" Google's dp-accounting comes to epsilon {results.certified:.6f} for the whole. The"
            " noise is the exact discrete Gaussian of OpenDP on integers.",
            "small",
        ),
    )


def _curve(results: "PrivateResults") -> str:
    points = results.stand_in.curve
    rows = [
        (
            f"{point.epsilon:g}"
            + (" (this model)" if point.epsilon == results.claim.epsilon else ""),
            number(point.lost.estimate, 4),
            f"{number(point.lost.low, 4)} to {number(point.lost.high, 4)}",
        )
        for point in points
    ]
    lost = np.array([point.lost.estimate for point in points])
    top = max(0.02, float(np.nanmax(lost)) * 1.1) if np.isfinite(lost).any() else 0.02
    axes = plots.Axes(
        "AUC lost against epsilon",
        "The AUC lost to the noise falls as epsilon grows; the table beside it has the numbers.",
        "epsilon, as a power of ten",
        "AUC lost",
        x_range=(-1.1, 1.1),
        y_range=(0.0, top),
    )
    axes.line([float(np.log10(p.epsilon)) for p in points], lost.tolist(), plots.BLUE)
    return section(
        "What epsilon costs in discrimination",
        table(("epsilon", "AUC lost", "95 % interval"), rows),
        figure(
            axes.svg(),
            f"Mean of private fits to stand-in populations of {results.stand_in.people} people,"
            " against the same fit without noise, each judged on 4,000 others.",
        ),
    )


def _attacks(results: "PrivateResults") -> str:
    beyond, delta = results.stand_in, results.kept.delta
    member = beyond.membership
    rows = [("AUC of the attack", span(member.auc, 3), "0.5", "")]
    for rate, value in member.tpr:
        most = min(1.0, float(np.exp(results.kept.epsilon)) * rate + delta)
        rows.append(
            (
                f"members found at {rate:.1%} false positives",
                f"{value.estimate:.2%} ({value.low:.2%} to {value.high:.2%})",
                f"{rate:.1%}",
                f"at most {most:.2%} by the claim",
            )
        )
    proved = max(member.epsilon, beyond.canary_epsilon)
    holds = proved <= results.claim.epsilon
    return section(
        "What an attacker learns",
        table(("", "found (95 % interval)", "chance", ""), rows, words=1),
        box(
            f"The attacks prove that epsilon is at least {proved:.2f} (95 % confidence); the claim"
            f" is {results.kept.epsilon:.3g}"
            + ("." if holds else ": THE CLAIM DOES NOT HOLD, do not use this model."),
            "" if holds else "bad",
        ),
        paragraph(
            f"Membership inference by likelihood ratio (LiRA) on {member.models} private models of"
            f" halves of a stand-in population of {member.people} people; and"
            f" {beyond.canary_runs} models with and without the worst person we can think of among"
            " 100 others. Thresholds come from one half of the answers and the counts from the"
            " other (Clopper-Pearson); and the bound of one run of Steinke et al. 2023.",
            "small",
        ),
    )


def _figures(results: "PrivateResults") -> str:
    named = {"auc": results.judged.auc, **results.judged.figures}
    rows = [
        (
            _NAMES.get(name, name),
            number(e.estimate, 3),
            f"{number(e.low, 3)} to {number(e.high, 3)}",
        )
        for name, e in named.items()
    ]
    counts = [
        (f"{place + 1}", number(row[0], 1), number(row[1], 1))
        for place, row in enumerate(results.judged.counts)
    ]
    return section(
        "How good it is on people it has not seen",
        table(("figure", "estimate", "95 % interval"), rows),
        paragraph(FIGURES, "small"),
        "<h3>The counts behind them</h3>",
        table(("part of the score, from low to high", "without the outcome", "with it"), counts),
        paragraph(
            f"Noise with a standard deviation of {results.judged.noise_sd:.1f} people is on each"
            " count; that is why some are negative.",
            "small",
        ),
    )


def _groups(results: "PrivateResults") -> str:
    rows = [
        (
            row.variable,
            row.group,
            number(row.people, 0),
            number(row.prevalence),
            number(row.missed),
            number(row.right),
        )
        for row in results.judged.groups
    ]
    head = ("variable", "group", "people", "with outcome", "missed", "right of those put forward")
    shown = table(head, rows, numeric=2) if rows else box("No group was large enough to be told.")
    return section(
        "Groups",
        shown,
        paragraph(
            "From noisy counts. A group is shown where the noise cannot have made it up, so that"
            " whether somebody rare is there stays unsaid.",
            "small",
        ),
    )


def _model(results: "PrivateResults") -> str:
    model, task = results.model, results.task
    scale = model.preparation.scale
    order = np.argsort(-np.abs(model.coefficients))
    rows = [
        (
            task.features[int(model.preparation.columns[i])].title,
            number(float(model.preparation.mean[i])),
            number(float(scale[i])),
            number(float(model.coefficients[i]), 3),
            " to ".join(
                number(float(end), 3) for end in np.percentile(model.heads[1 + i], (2.5, 97.5))
            ),
        )
        for i in order
    ]
    return section(
        "The model",
        paragraph(
            f"Feature set “{results.chosen}”, the largest that this many people can carry at this"
            " epsilon. A feature counts from the middle of the people in units of their spread,"
            " both from noisy counts, and as the middle where it is not known."
            f" Recalibrated with slope {model.calibration[1]:.2f}."
        ),
        table(("feature", "middle", "unit", "log-odds a unit", "95 % interval"), rows),
    )
