"""TRIPOD+AI and PROBAST+AI, answered from what was run.

TRIPOD+AI: Collins et al. 2024, doi:10.1136/bmj-2023-078378. PROBAST+AI: Moons et al. 2025,
doi:10.1136/bmj-2024-082505. Items are named in our words. An answer is a sentence made of the
card's values. What no run can know is left to people, and says so: nothing is typed in by hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Card = Mapping[str, Any]
Answer = tuple[str, str]

REPORTED: Final = "reported"
NOT_RUN: Final = "not run"
PEOPLE: Final = "for people to say"
NOTHING_ASKED: Final = "no metadata to ask"  # as the confound audit says it
YES, NO, UNKNOWN = "yes", "no", "no information"


@dataclass(frozen=True, slots=True)
class Item:
    """One item: of which checklist, its number, what it asks, the answer and what that rests on."""

    checklist: str
    number: str
    asks: str
    status: str
    evidence: str


def _people(what: str) -> Callable[[Card], Answer]:
    return lambda _card: (PEOPLE, what)


def _said(*keys: str) -> Callable[[Card], Answer]:
    """Answer with values of the card; `not run` where one is missing or empty."""

    def answer(card: Card) -> Answer:
        found = [card.get(key) for key in keys]
        if any(value is None or value in ("", [], {}) for value in found):
            return NOT_RUN, "the run left it empty"
        return REPORTED, " ".join(_text(value) for value in found)

    return answer


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(str(v) for v in value) + "."
    text = str(value)
    return text if text.endswith(".") else f"{text}."


def _figure(card: Card, name: str) -> str:
    one = card["metrics"].get(name)
    if one is None or one.get("estimate") is None:
        return ""
    low, high = one.get("low"), one.get("high")
    span = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{name} {one['estimate']:.3f}{span}"


def _figures(*names: str) -> Callable[[Card], Answer]:
    def answer(card: Card) -> Answer:
        found = [text for text in (_figure(card, name) for name in names) if text]
        return (REPORTED, "; ".join(found) + ".") if found else (NOT_RUN, "no such figure was made")

    return answer


def _verdicts(*names: str) -> Callable[[Card], Answer]:
    def answer(card: Card) -> Answer:
        found = [f"{n}: {card['verdicts'][n]}" for n in names if n in card["verdicts"]]
        return (REPORTED, "; ".join(found) + ".") if found else (NOT_RUN, "no such audit was run")

    return answer


def _size(card: Card) -> Answer:
    return REPORTED, (
        f"{card['people']} people, {card['rows']} rows, {card['rows_with_outcome']} with the"
        f" outcome, {card['sites']} site(s)."
    )


def _source(card: Card) -> Answer:
    kind = (
        "Simulated people: no figure is evidence about patients."
        if card["synthetic"]
        else (
            "Records of the clinic, or the table that was named, of people whose data may be used."
        )
    )
    return REPORTED, kind


def _dates(card: Card) -> Answer:
    """Answer with the first and last index date; a table need not have any."""
    found = card.get("index_dates_seen")
    if not found:
        return PEOPLE, f"not in the rows; trained {card['trained_at']}"
    return REPORTED, f"Index dates from {found[0]} to {found[1]}; trained {card['trained_at']}."


def _outcome(card: Card) -> Answer:
    ahead = card["horizon_days"]
    horizon = f" Within {ahead:g} days." if ahead else " At a time that the table fixes."
    return REPORTED, _text(card["outcome"]) + horizon


def _predictors(card: Card) -> Answer:
    back = card["lookback_days"]
    looks = f"from the {back:g} days before" if back else "as the table holds them"
    return REPORTED, (
        f"{card['feature_count']} declared before training, {looks}; the set"
        f" “{card['features_chosen']}” was chosen inside each training part."
    )


def _recalibrated(card: Card) -> Answer:
    if len(card["calibration"]) != 2:
        return NOT_RUN, "the model was not recalibrated"
    level, slope = card["calibration"]
    return REPORTED, (
        f"Recalibrated on held-out predictions: intercept {level:.3f}, slope {slope:.3f}; not"
        " updated since."
    )


def _compared(card: Card) -> Answer:
    """Answer where sites were left out: else there is nothing that differs from training."""
    told = card["verdicts"].get("sites", "not externally tested")
    return (NOT_RUN if told.startswith("not externally") else REPORTED), f"sites: {told}."


def _title(card: Card) -> Answer:
    return REPORTED, f"{card['title']}: {card['estimator']}."


def _steps(card: Card) -> Answer:
    chosen = ", ".join(f"{name} {value:g}" for name, value in card["settings"].items())
    return REPORTED, (
        f"{card['estimator']}; feature set “{card['features_chosen']}”, {chosen}, chosen inside"
        f" each training part; five folds by person twice; seed {card['seed']}."
    )


def _threshold(card: Card) -> Answer:
    return REPORTED, f"A probability; put forward from {card['threshold']:g}. " + _text(
        card["threshold_rule"]
    )


TRIPOD: Final[tuple[tuple[str, str, Callable[[Card], Answer]], ...]] = (
    ("1", "what kind of model, for whom, what outcome, in the title", _title),
    ("2", "a structured summary", _said("title", "outcome", "evidence")),
    ("3a", "the clinical context and why a model", _people("not in the task")),
    ("3b", "target population, intended use and users", _said("population", "intended_use")),
    ("3c", "known inequalities between groups", _people("what is known outside these data")),
    ("4", "objectives", _said("intended_use", "not_for")),
    ("5a", "sources of the data", _source),
    ("5b", "dates of the data", _dates),
    ("6a", "setting, number and place of centres", _size),
    ("6b", "who was eligible", _said("population", "index_dates")),
    ("6c", "treatments received", _people("treatment is not part of every task")),
    ("7", "how data were prepared and checked", _said("preparation")),
    ("8a", "outcome, its horizon and how it was assessed", _outcome),
    ("8b", "who assessed a subjective outcome", _people("not in the records")),
    ("8c", "was the outcome assessed blind to the predictors", _people("not in the records")),
    ("9a", "how predictors were first chosen", _predictors),
    ("9b", "definition and time of the predictors", _predictors),
    ("9c", "who assessed subjective predictors", _people("not in the records")),
    ("10", "how the size of the study was arrived at", _size),
    ("11", "how missing data were handled", _said("missing")),
    ("12a", "how the data were used and split", _steps),
    ("12b", "how predictors were transformed", _said("preparation")),
    ("12c", "type of model, all steps, internal validation", _steps),
    ("12d", "differences between clusters", _verdicts("sites")),
    ("12e", "performance measures and plots", _figures("auc", "calibration_slope", "net_benefit")),
    ("12f", "model updating", _recalibrated),
    ("12g", "how predictions were calculated in the evaluation", _steps),
    ("13", "class imbalance", _said("imbalance")),
    ("14", "fairness: what was done", _verdicts("groups", "fairness")),
    ("15", "what the model gives out, and thresholds", _threshold),
    ("16", "differences between training and evaluation", _verdicts("row split", "sites")),
    ("17", "ethical approval", _people("the institution's number and date")),
    ("18a-b", "funding and conflicts of interest", _people("not in the software")),
    ("18c-d", "protocol and registration", _people("not in the software")),
    ("18e-f", "availability of data and code", _people("data stay in the clinic; code is open")),
    ("19", "patients and public involved", _people("not in the software")),
    ("20a", "flow of participants", _said("flow")),
    ("20b", "characteristics of participants", _said("groups_looked_at")),
    ("20c", "comparison of development and evaluation data", _compared),
    ("21", "participants and events in each analysis", _size),
    ("22", "the full model", _said("model")),
    ("23a", "performance with intervals, and in groups", _figures("auc", "auprc", "brier", "ici")),
    ("23b", "differences in performance between clusters", _figures("auc_new_site")),
    ("24", "results of model updating", _recalibrated),
    ("25", "interpretation", _said("evidence")),
    ("26", "limitations", _said("interval", "not_for")),
    ("27a", "what happens where input is poor or missing", _said("abstains")),
    ("27b", "what users must do and know", _said("threshold_rule", "not_for")),
    ("27c", "next steps, other settings", _people("whether acting on it helps needs a trial")),
)


def _yes(rule: Callable[[Card], bool], told: Callable[[Card], str]) -> Callable[[Card], Answer]:
    return lambda card: (YES if rule(card) else NO, told(card))


def _events(card: Card) -> Answer:
    """Collins et al. 2016 for judging, Riley et al. 2020 (doi:10.1136/bmj.m441) for fitting."""
    rarer = min(card["rows_with_outcome"], card["rows"] - card["rows_with_outcome"])
    each = rarer / max(1, card["columns"] or 1)
    enough = rarer >= 100 and each >= 10
    return YES if enough else NO, (
        f"{rarer} rows of the rarer class, {each:.1f} for each of {card['columns']} columns; 100 to"
        " judge and 10 a column were asked for."
    )


def _clean(name: str, bad: str, nothing: str = "") -> Callable[[Card], Answer]:
    def answer(card: Card) -> Answer:
        verdict = card["verdicts"].get(name)
        if verdict is None:
            return UNKNOWN, "no such audit was run"
        if verdict == nothing:
            return UNKNOWN, f"{name}: {verdict}."
        return (NO if bad in verdict else YES), f"{name}: {verdict}."

    return answer


def _known_in_time(card: Card) -> Answer:
    """Answer for a declared task only: no table says which of its columns were known in time."""
    if not card.get("schema_digest"):
        return NO, "No schema of the predictors was kept."
    if not card.get("declared", True):
        return UNKNOWN, (
            "The predictors are columns of a table; when they were known was not declared. Columns:"
            f" {card['verdicts'].get('columns', 'not asked')}."
        )
    return YES, (
        "One function makes the vector in training and in use; a test moves the future and nothing"
        " changes."
    )


def _external(card: Card) -> Answer:
    told = _figure(card, "auc_new_site")
    return (YES, f"{told}.") if told else (NO, "Not externally tested: no site could be left out.")


def _real(card: Card) -> Answer:
    return (NO, "Simulated data.") if card["synthetic"] else (YES, "Not simulated.")


PROBAST: Final[tuple[tuple[str, str, Callable[[Card], Answer]], ...]] = (
    ("1.1", "participants: were the data of real people the model is for", _real),
    ("1.2", "participants: does how data were collected not explain the figures",
     _clean("confounds", "not evidence", NOTHING_ASKED)),
    ("1.3", "participants: were inclusions and exclusions counted", _yes(
        lambda c: bool(c.get("flow")), lambda c: _text(c.get("flow") or "no flow"))),
    ("2.1", "predictors: defined alike for all, and known at the time of use", _known_in_time),
    ("2.2", "predictors: assessed without knowledge of the outcome",
     lambda _c: (UNKNOWN, "Records do not say who knew what.")),
    ("3.1", "outcome: defined in advance and alike for all", _yes(
        lambda c: bool(c.get("outcome")), lambda c: _text(c.get("outcome")))),
    ("3.2", "outcome: not made of the predictors",
     lambda _c: (UNKNOWN, "The task declares both; that neither repeats the other is for people.")),
    ("4.1", "analysis: enough people with and without the outcome", _events),
    ("4.2", "analysis: missing data handled, and the same in use", _yes(
        lambda c: bool(c.get("missing")), lambda c: _text(c.get("missing")))),
    ("4.3", "analysis: rows of a person never on both sides", _yes(
        lambda c: "row split" in c["verdicts"],
        lambda c: f"Folds by person. {c['verdicts'].get('row split', '')}.")),
    ("4.4", "analysis: tuning and recalibration inside the training part", _yes(
        lambda c: bool(c.get("settings")),
        lambda _c: "Chosen anew inside each training part, on held-out people of it.")),
    ("4.5", "analysis: discrimination and calibration, with intervals", _yes(
        lambda c: bool(_figure(c, "auc") and _figure(c, "calibration_slope")),
        lambda c: f"{_figure(c, 'auc')}; {_figure(c, 'calibration_slope')}.")),
    ("4.6", "analysis: is it better than trivial models",
     _clean("baselines", "not shown")),
    ("4.7", "analysis: does it find nothing where there is nothing", _yes(
        lambda c: "shuffled labels" in c["verdicts"],
        lambda c: f"Labels dealt anew: {c['verdicts'].get('shuffled labels', 'not run')}.")),
    ("4.8", "analysis: judged at places it had not seen", _external),
    ("4.9", "fairness: groups were looked at", _yes(
        lambda c: bool(c.get("groups_looked_at")),
        lambda c: _text(c.get("groups_looked_at") or "No group is declared or known"))),
)  # fmt: skip


def self_audit(card: Card) -> tuple[Item, ...]:
    """Return every item with its answer, from a model's card."""
    found = [Item("TRIPOD+AI", number, asks, *answer(card)) for number, asks, answer in TRIPOD]
    return (
        *found,
        *(Item("PROBAST+AI", number, asks, *answer(card)) for number, asks, answer in PROBAST),
    )


def summary(items: Sequence[Mapping[str, str]]) -> str:
    """Return how many items (as a card holds them) have which answer."""
    told = []
    for checklist in ("TRIPOD+AI", "PROBAST+AI"):
        states = [item["status"] for item in items if item["checklist"] == checklist]
        counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
        told.append(f"{checklist}: {counts}")
    return "; ".join(told)
