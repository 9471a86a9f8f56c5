"""What a clinician is told of a model beside its estimates: figures with intervals, and limits."""

from typing import Any, Final

from euthymia.app.shelf import Model
from euthymia.app.web.contract import Figure, ModelNote
from euthymia.models.wording import NOT_EXTERNAL

FIGURE_WORDS: Final = {
    "auc": "Ranking (AUC, people it has not seen)",
    "auc_new_site": "Ranking at a site it has not seen (AUC)",
    "auprc": "Precision over recall (area)",
    "brier": "Squared error of the probability (Brier)",
    "calibration_in_the_large": "Calibration in the large (0 is right)",
    "calibration_slope": "Calibration slope (1 is right)",
    "net_benefit": "Net benefit at the review line",
    "net_benefit_gain": "Net benefit over calling all or nobody",
}
"""The figures that are shown, in this order; the report has all of them."""

NEVER_TRIED: Final = (
    "Never tried on real patients: every figure is from simulated people, and says only that the "
    "software does what it should."
)
NO_TRIAL: Final = "No trial has shown that acting on this estimate helps anybody."
NOT_A_CAUSE: Final = "What pushes an estimate is a pattern in the data and need not be a cause."


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _sentence(text: str) -> str:
    """Return the text with one full stop at its end."""
    return text.rstrip(". ") + "."


def _figures(metrics: dict[str, Any]) -> tuple[Figure, ...]:
    found = []
    for key, words in FIGURE_WORDS.items():
        figure = metrics.get(key)
        estimate = _number(figure.get("estimate")) if isinstance(figure, dict) else None
        if isinstance(figure, dict) and estimate is not None:
            low, high, chance = (_number(figure.get(part)) for part in ("low", "high", "chance"))
            found.append(Figure(words, estimate, low, high, chance))
    return tuple(found)


def note_of(model: Model) -> ModelNote:
    """Return the note of a released model, from its signed card."""
    card, bundle = model.bundle.card, model.bundle
    people = "simulated people" if bundle.synthetic else "people"
    trained = (
        f"Trained on {card['people']:,} {people} of {card['sites']} "
        f"{'site' if card['sites'] == 1 else 'sites'} ({card['rows']:,} moments, "
        f"{card['rows_with_outcome']:,} with the outcome), split by person. {card['outcome']}"
    )
    outdated = model.outdated()
    limits = [f"It gives no estimate now: {_sentence(outdated)}"] if outdated else []
    limits += [NEVER_TRIED] if bundle.synthetic else []
    sites = str(card["verdicts"].get("sites", ""))
    limits += [NOT_EXTERNAL] if sites.startswith("not externally tested") else []
    limits += [NO_TRIAL, NOT_A_CAUSE, f"The confound audit: {_sentence(card['evidence'])}"]
    limits += [_sentence(f"Not for {text}") for text in card["not_for"]]
    limits.append(f"The interval: {card['interval']}")
    return ModelNote(
        name=model.name,
        version=model.version,
        digest=model.digest,
        title=f"{card['title']}. {card['intended_use']}",
        horizon_days=bundle.horizon_days,
        threshold=bundle.threshold,
        simulated=bundle.synthetic,
        trained_on=trained,
        figures=_figures(card["metrics"]),
        unproven=tuple(limits),
        audits=tuple(
            _sentence(f"{name[:1].upper()}{name[1:]}: {text}")
            for name, text in card["verdicts"].items()
        ),
    )
