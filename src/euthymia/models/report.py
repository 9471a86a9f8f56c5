"""The report: one self-contained HTML page that a clinician's statistician can check.

Everything is escaped; nothing is fetched from anywhere.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from euthymia.evaluation import calibration, discrimination, net_benefit
from euthymia.evaluation.estimate import Estimate
from euthymia.ground.clock import from_micros
from euthymia.models import plots, wording
from euthymia.models.further import days_html, fairness_html
from euthymia.models.html import DASH, number, span, table
from euthymia.models.self_audit import summary
from euthymia.models.train import Results
from euthymia.models.validate import baseline_verdict
from euthymia.models.workload import lead_audit

MOST_DRAWN: Final = 30

_UNKNOWN: Final = ("censored: not seen", "censored: died")  # the outcome might have been either
STYLE: Final = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
 color:#1b2129;background:#fff;margin:0}
main{max-width:56rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:.2rem 0 .4rem}h2{font-size:1.25rem;margin:2.6rem 0 .6rem;
 padding-top:.9rem;border-top:1px solid #d7dce1}h3{font-size:1rem;margin:1.4rem 0 .3rem}
p,ul,dl{max-width:44rem}.lead{font-size:1.1rem}.small{font-size:.875rem;color:#4a535d}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem;
 margin:.6rem 0}th,td{text-align:left;padding:.32rem .6rem;border-bottom:1px solid #e3e6ea;
 vertical-align:top}th{font-weight:600}td.n,th.n{text-align:right}
td.n{white-space:nowrap}
.scroll{overflow-x:auto}dt{font-weight:600;margin-top:.5rem}dd{margin:0 0 0 1.2rem}
.box{border-left:5px solid #0b5cad;background:#eef4fb;padding:.7rem 1rem;margin:1rem 0}
.bad{border-color:#a3210f;background:#fdf0ee}.warn{border-color:#b3530a;background:#fdf5ec}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1.2rem}
figure{margin:0}figcaption{font-size:.875rem;color:#4a535d}svg{width:100%;height:auto}
svg text{font:12px system-ui,sans-serif;fill:#39424c}
.mark{position:sticky;top:0;background:#a3210f;color:#fff;text-align:center;padding:.4rem;
 font-weight:600;z-index:1}@media print{.mark{position:static}h2{break-after:avoid}
 figure,table{break-inside:avoid}}
"""


def box(text: str, kind: str = "") -> str:
    """Return a paragraph that stands out."""
    return f'<p class="box {kind}">{escape(text)}</p>'


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _head(results: Results) -> str:
    task, metrics = results.task, results.metrics
    refused = results.verdict[0].endswith("not evidence")
    found = results.sites
    places = wording.NOT_EXTERNAL if found is None else wording.elsewhere(found.figures["auc"])
    frame, beside = results.frame, baseline_verdict(metrics["auc"], results.baselines)
    told = (
        f"On people it had not seen the model's AUC is {span(metrics['auc'])}; chance is"
        f" {number(metrics['auc'].chance)}. {frame.y.size} index dates of"
        f" {np.unique(frame.person).size} people, {int(frame.y.sum())} with the outcome."
    )
    return (
        f"<p class='small'>Euthymia · model report · {from_micros(results.now):%Y-%m-%d} · seed"
        f" {results.seed}</p><h1>{escape(task.title)}</h1>"
        + _paragraph(told, "lead")
        + box(
            f"Verdict: {results.verdict[0]}; {beside[0]}. {results.verdict[1]} {beside[1]}",
            "bad" if refused else "warn" if beside[0].startswith("not shown") else "",
        )
        + (box(wording.SYNTHETIC, "warn") if results.synthetic else "")
        + (box(places, "warn") if places else "")
    )


def _columns(results: Results) -> str:
    """Say what the table gives away, where anything was found."""
    found = results.findings or ()
    grave = [f for f in found if f.weight == "stop"]
    rest = [f for f in found if f.weight == "warn"]
    if not grave and not rest:
        return ""
    parts = [box(f"Not evidence until mended: {f.words}", "bad") for f in grave]
    return _section("What the columns give away", *parts, *(box(f.words, "warn") for f in rest))


def _asked(results: Results) -> str:
    task = results.task
    items = (
        ("Outcome", task.outcome),
        ("Population", task.population),
        ("Index dates", task.index_dates),
        ("Looks back", f"{task.lookback_days} days"),
        ("Looks ahead", f"{task.horizon_days} days"),
        ("Censoring", task.censoring),
        ("Intended use", task.intended_use),
        ("Not for", "; ".join(task.not_for)),
        ("Decision threshold", task.threshold_rule),
        ("Abstains", wording.abstains(task.min_coverage, task.max_data_age_hours)),
    )
    listed = "".join(f"<dt>{escape(t)}</dt><dd>{escape(text)}</dd>" for t, text in items)
    return _section("What was asked", f"<dl>{listed}</dl>")


def _flow(results: Results) -> str:
    rows = [(why, str(dates), str(people)) for why, dates, people in results.frame.flow]
    censored = sum(n for why, n, _ in results.frame.flow if why.startswith(_UNKNOWN))
    parts = [table(("", "index dates", "people"), rows)]
    if censored:
        y = results.frame.y
        low, high = y.sum() / (y.size + censored), (y.sum() + censored) / (y.size + censored)
        parts.append(
            _paragraph(
                f"Outcome rate among those followed: {y.mean():.3f}. Had none or all of the"
                f" {censored} censored index dates had it: {low:.3f} or {high:.3f}."
            )
        )
    return _section("Who was in it, and who was left out", *parts)


def _figures(results: Results) -> str:
    rows = [
        (
            wording.METRICS.get(name, name),
            number(e.estimate, 3),
            _between(e),
            number(e.chance, 3),
        )
        for name, e in results.metrics.items()
    ]
    lead = lead_audit(results.lead)
    return _section(
        "How good it is on people it has not seen",
        table(("figure", "estimate", "95 % interval", "chance"), rows),
        _paragraph(wording.HOW_JUDGED, "small"),
        _paragraph(wording.workload(results.workload), "small"),
        _paragraph(lead["verdict"][:1].upper() + lead["verdict"][1:] + ".") if lead else "",
        f'<div class="figures">{_roc(results)}{_calibration(results)}{_decision(results)}</div>',
    )


def _roc(results: Results) -> str:
    found = results.held_out
    rates = np.linspace(0, 1, 101)
    once = np.ones((1, found.y.size))
    curve = discrimination.roc_curve_within(found.y, found.p, once, found.strata, rates)[0]
    drawn = discrimination.roc_curve_within(found.y, found.p, results.weights, found.strata, rates)
    acted = found.p >= results.task.threshold
    point = (float(acted[found.y == 0].mean()), float(acted[found.y == 1].mean()))
    svg = plots.roc_plot(rates, curve, drawn, results.metrics["auc"], point)
    return _figure(svg, wording.ROC)


def _calibration(results: Results) -> str:
    found = results.held_out
    bins = calibration.calibration_curve(found.y, found.p, results.weights)
    order = np.argsort(found.p)
    smooth = calibration.smoothed(found.y, found.p, np.ones((1, found.y.size)))[0]
    thin = order[np.linspace(0, order.size - 1, min(200, order.size)).astype(int)]
    svg = plots.calibration_plot(bins, found.p[thin], smooth[thin], found.p)
    return _figure(svg, wording.CALIBRATION)


def _decision(results: Results) -> str:
    found = results.held_out
    last = min(0.9, max(0.5, 2 * results.task.threshold))
    points = net_benefit.decision_curve(
        found.y, found.p, results.weights, np.linspace(0.02, last, 45)
    )
    return _figure(plots.decision_plot(points, results.task.threshold), wording.DECISION)


def _confounds(results: Results) -> str:
    model = results.metrics["auc"]
    rows = [("the model", span(model), "", "", "", "")]
    drawn = [("the model", model, plots.BLUE)]
    for row in results.confounds:
        rival = "about as good as the model" if row.rivals(model) else ""
        rival = "better than the model" if row.outdoes(model) else rival
        chance = number(row.auc.chance) if row.auc else DASH
        p_value = number(row.p_value, 3)
        cells = (span(row.auc), chance, p_value, span(row.within), rival or row.how)
        rows.append((f"{row.variable} alone", *cells))
        if row.auc is not None:
            colour = plots.ORANGE if rival else plots.GREY
            drawn.append((f"{row.variable} alone", row.auc, colour))
    refused = results.verdict[0].endswith("not evidence")
    return _section(
        "Confound audit: how the data were collected, alone",
        box(results.verdict[1], "bad" if refused else ""),
        plots.forest_plot("AUC of the model and of each metadata variable alone", drawn),
        table(
            (
                "",
                "AUC (95 % interval)",
                "on shuffled labels",
                "p",
                "model among those alike in it",
                "",
            ),
            rows,
            words=1,
        ),
        _paragraph(wording.CONFOUNDS, "small"),
    )


def _beside(results: Results) -> str:
    rows = [
        (b.name, span(b.auc), span(b.brier, 3), span(b.ahead), "yes" if b.ahead.low > 0 else "no")
        for b in results.baselines
    ]
    head = ("baseline", "AUC", "Brier", "model's AUC less its", "model is ahead")
    leak, shuffle = results.leakage, results.shuffle
    split = (
        wording.ONE_ROW
        if leak.rows_per_person < 1.01
        else f"Split by person the model reaches an AUC of {leak.by_person:.2f}; a random split of"
        f" rows would have claimed {leak.by_row:.2f}: {span(leak.inflation)} more. Only the first"
        " is reported above."
    )
    return _section(
        "Beside trivial models and chance",
        table(head, rows),
        "<h3>Labels dealt anew between people</h3>",
        _paragraph(
            "With the settings of the final model, which were chosen on everybody, the fit reaches"
            f" an AUC of {shuffle.observed:.2f} on the true labels (of new people expect the figure"
            " above, for which they were chosen anew in each training part), and on"
            f" shuffled ones {shuffle.shuffled_mean:.2f} on average and"
            f" {shuffle.shuffled_high:.2f} at most in 19 tries (p = {shuffle.p_value:.2f})."
        ),
        "<h3>Leakage: rows split instead of people</h3>",
        _paragraph(split),
        days_html(results.further.days),
    )


def _membership(results: Results) -> str:
    found = results.membership
    rows = [("AUC of the attack", span(found.auc), "0.5")]
    for rate, tpr in found.tpr:
        of = f"{tpr.estimate:.1%} ({tpr.low:.1%} to {tpr.high:.1%})"
        rows.append((f"found at {rate:.1%} false positives", of, f"{rate:.1%}"))
    return _section(
        "What it gives away about the people it was trained on",
        table(("", "of them (95 % interval)", "chance"), rows),
        _paragraph(wording.MEMBERSHIP, "small"),
    )


def _sites(results: Results) -> str:
    found = results.sites
    if found is None:
        return _section("Sites it has not seen", box(wording.NOT_EXTERNAL, "warn"))
    figures = [
        (wording.METRICS.get(name, name), number(e.estimate, 3), _between(e), number(e.chance, 3))
        for name, e in found.figures.items()
    ]
    rows = [
        (
            s.site,
            str(s.people),
            str(s.events),
            span(s.figures["auc"]),
            span(s.figures["brier"], 3),
            span(s.figures["calibration_in_the_large"]),
            span(s.figures["calibration_slope"]),
        )
        for s in found.sites
    ]
    head = ("site left out", "people", "with outcome", "AUC", "Brier", "in the large", "slope")
    drawn = [(s.site, s.figures["auc"], plots.GREY) for s in found.sites[:MOST_DRAWN]]
    drawn.append(("all sites left out", found.figures["auc"], plots.BLUE))
    parts = [
        _paragraph(f"{found.how[0].upper()}{found.how[1:]}."),
        table(("figure", "estimate", "95 % interval", "chance"), figures),
        plots.forest_plot("AUC at each site left out", drawn),
        table(head, rows),
    ]
    if found.pooled is not None:
        pooled = found.pooled
        parts.append(
            _paragraph(
                f"Random-effects mean of the sites shown {span(pooled.mean)}; the AUC at a new site"
                f" may lie between {pooled.predicted_low:.2f} and {pooled.predicted_high:.2f}"
                f" (between-site variance of the log-odds {pooled.tau2:.3f})."
                " With few sites this range is wide, and rightly so."
            )
        )
    return _section("Sites it has not seen", *parts, _paragraph(wording.SITES, "small"))


def _between(e: Estimate) -> str:
    return f"{number(e.low, 3)} to {number(e.high, 3)}"


def _uncertainty(results: Results) -> str:
    found = results.uncertainty
    check = found.check
    rows = [
        ("holds the truth, of those with the outcome", span(check.with_event)),
        ("holds the truth, of those without", span(check.without_event)),
        ("definite answers (one outcome only)", span(check.definite)),
        ("definite answers that were right", span(check.right)),
        ("both outcomes possible: no answer", number(check.both)),
        ("unlike both: no answer", number(check.neither)),
    ]
    return _section(
        "When it does not answer",
        box(f"{check.verdict}.", "" if "promises" in check.verdict else "bad"),
        table((f"sets at {check.level:.0%}", "share (95 % interval)"), rows),
        _paragraph(found.words),
        _paragraph(wording.CONFORMAL, "small"),
    )


def _groups(results: Results) -> str:
    rows = [
        (
            g.variable,
            g.group,
            DASH if g.people is None else str(g.people),
            DASH if g.events is None else str(g.events),
            span(g.auc),
            span(g.calibration),
            g.note,
        )
        for g in results.further.groups
    ]
    head = ("", "group", "people", "with outcome", "AUC", "calibration in the large", "note")
    return _section(
        "In each group",
        table(head, rows, 2, words=1),
        fairness_html(results.further.fairness),
        _paragraph(wording.GROUPS, "small"),
    )


def _model(results: Results) -> str:
    told, task, chosen = results.fitted.told(), results.task, results.fitted.choice.features
    rows = [
        (task.features[place].title if place >= 0 else "", what, number(value, 3))
        for place, what, value in told.rows
    ]
    alike = (
        f" The same feature set was chosen in {sum(c == chosen for c in results.chosen_sets)} of"
        f" {len(results.chosen_sets)} outer folds."
    )
    return _section(
        "The model",
        _paragraph(told.text + alike),
        table(told.head, rows, 2),
        _paragraph(told.note, "small"),
    )


def _words(title: str, lines: Sequence[str]) -> str:
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return _section(title, f"<ul>{listed}</ul>")


def checklists(items: Sequence[Mapping[str, str]]) -> str:
    """Return the self-audits as a section: each item's answer, and what it rests on."""
    rows = [(i["checklist"], i["number"], i["asks"], i["status"], i["evidence"]) for i in items]
    return _section(
        "TRIPOD+AI and PROBAST+AI, from what was run",
        _paragraph(summary(items), "small"),
        table(("", "item", "asks", "answer", "rests on"), rows, 5),
        _paragraph(wording.SELF_AUDIT, "small"),
    )


def render(results: Results, items: Sequence[Mapping[str, str]] = ()) -> str:
    """Return the report as one HTML page without any reference to the outside.

    Parameters
    ----------
    items : sequence of mappings
        The self-audit of the model's card.
    """
    body = "".join(
        (
            _head(results),
            _columns(results),
            _asked(results),
            _flow(results),
            _figures(results),
            _confounds(results),
            _beside(results),
            _membership(results),
            _sites(results),
            _uncertainty(results),
            _groups(results),
            _model(results),
            _words("Limits", wording.limits(results)),
            _words("Methods", wording.methods(results)),
            checklists(items) if items else "",
        )
    )
    return page(f"{results.task.title}: model report", body, synthetic=results.synthetic)


def page(title: str, body: str, *, synthetic: bool) -> str:
    """Return a whole page around its body, marked where it rests on synthetic data."""
    mark = f'<div class="mark">{escape(wording.WATERMARK)}</div>' if synthetic else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{mark}<main>{body}</main></body></html>\n"
    )
