"""The page of an update: each moment, its conformal sets, and net benefit beside the rule."""

from html import escape

import numpy as np

from euthymia.models import plots, wording
from euthymia.models.html import number, span, table
from euthymia.models.report import STYLE, box
from euthymia.models.updating.weeks import CHANGE, GO_ON, Moment, RulePoint, Updated


def render(found: Updated, *, synthetic: bool = False) -> str:
    """Return the page as one HTML text without any reference to the outside."""
    task = found.task
    mark = f'<div class="mark">{escape(wording.WATERMARK)}</div>' if synthetic else ""
    external = all(moment.external for moment in found.moments)
    parts = [
        f"<h1>{escape(task.title)}: go on or change</h1>",
        f'<p class="lead">{escape(task.outcome)}</p>',
        "" if external else box(wording.NOT_EXTERNAL, "warn"),
        _facts(found),
        _moments(found),
        *(_section(moment) for moment in found.moments),
        f"<h2>Limits</h2><p>{escape(_LIMITS)}</p>",
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(task.title)}: go on or change</title><style>{STYLE}</style></head>"
        f"<body>{mark}<main>{''.join(parts)}</main></body></html>\n"
    )


_LIMITS = (
    "Nobody was yet treated by these predictions: net benefit says what acting on them would have"
    " been worth if going on and changing do what clinicians hope; a trial must say whether they"
    " do. Whoever left the study before the outcome could be seen is not in it."
)


def _facts(found: Updated) -> str:
    task = found.task
    rule = "none is declared" if task.rule is None else f"{task.rule.title}. {task.rule.source}"
    items = (
        ("Population", task.population),
        ("Censoring", task.censoring),
        ("Intended use", task.intended_use),
        ("Not for", "; ".join(task.not_for)),
        ("The rule beside it", rule),
    )
    listed = "".join(f"<dt>{escape(t)}</dt><dd>{escape(text)}</dd>" for t, text in items)
    return f"<dl>{listed}</dl>"


def _moments(found: Updated) -> str:
    rows = [
        (
            m.title,
            str(m.people),
            str(m.with_outcome),
            span(m.figures["auc"]),
            span(m.figures["calibration_slope"]),
            span(m.uncertainty.check.with_event),
            span(m.uncertainty.check.without_event),
            span(m.uncertainty.check.definite),
        )
        for m in found.moments
    ]
    head = (
        "known by", "people", "with outcome", "AUC", "slope", "covered, with", "covered, without",
        "definite answers",
    )  # fmt: skip
    how = found.moments[-1].how
    return (
        "<h2>Week by week</h2>"
        + table(head, rows)
        + f'<p class="small">{escape(how[0].upper() + how[1:])}. {escape(wording.CONFORMAL)}</p>'
    )


def _section(moment: Moment) -> str:
    parts = [f"<h2>{escape(moment.title)}</h2>", box(f"{moment.signal}; {moment.beats_rule}.")]
    parts.append(f"<p>{escape(moment.uncertainty.words)}</p>")
    for action in (GO_ON, CHANGE):
        points = [p for p in moment.rule if p.action == action]
        if points:
            parts += [f"<h3>To {action}</h3>", _curve(points), _points(points)]
    return f"<section>{''.join(parts)}</section>"


def _points(points: list[RulePoint]) -> str:
    rows = [
        (
            f"{p.threshold:.2f}",
            number(p.model, 3),
            number(p.rule, 3),
            number(p.everybody, 3),
            number(p.policy, 3),
            span(p.model_gain, 3),
            f"by the {p.by}",
        )
        for p in points
    ]
    head = ("threshold", "model", "rule", "everybody", "policy", "model less rule", "the policy is")
    return table(head, rows, words=1)


def _curve(points: list[RulePoint]) -> str:
    at = np.array([p.threshold for p in points])
    lines = ([p.model for p in points], [p.rule for p in points], [p.everybody for p in points])
    top = 1.1 * max(*lines[0], *lines[1], 0.01)
    axes = plots.Axes(
        "Net benefit beside the rule",
        "Net benefit of the model, the rule and everybody at each threshold.",
        "decision threshold",
        "net benefit",
        (float(at.min()), float(at.max())),
        (-0.3 * top, top),
    )
    colours = (plots.BLUE, plots.ORANGE, plots.GREY)
    for values, colour, name, down in zip(
        lines, colours, ("model", "rule", "everybody"), (0.93, 0.86, 0.79), strict=True
    ):
        axes.line(at, values, colour)
        axes.note(float(at.min() + 0.7 * np.ptp(at)), down * top, name, colour)
    return f"<figure>{axes.svg()}</figure>"
