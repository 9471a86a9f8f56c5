"""Treatment matching: rank, certify, subtypes."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from euthymia.app.shell import Shell, everywhere, table
from euthymia.ground.errors import EuthymiaError

if TYPE_CHECKING:
    from euthymia.models.matching.certificate import Certificate, Condition
    from euthymia.models.matching.ranking import Judged, Network, Option, Ranking
    from euthymia.models.matching.subtypes import Subtypes


_POSITIVE = click.option(
    "--positive", help="The outcome's value that counts as 1, where it is not yes and no."
)
_BECAUSE = click.option(
    "--because", default="", help="Needed for people whom a privacy budget guards."
)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(n.strip() for n in (text or "").split(",") if n.strip())


@click.command(
    epilog="Example: euthymia rank --condition depression --avoid weight_gain --contraindicated TCA"
)
@click.option("--condition", default="depression", show_default=True)
@click.option(
    "--evidence",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or folder of trials. Default: EUTHYMIA_EVIDENCE, the setting clinic.evidence, or"
    " evidence/ in the home.",
)
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an example of an evidence file (made-up trials) to this new file, and stop.",
)
@click.option(
    "--avoid", help="Side effects to avoid: A,B=2 (a weight; 1 is as much as responding)."
)
@click.option("--prefer", help="Outcomes that count more, or treatments that are liked: A,B.")
@click.option("--contraindicated", help="Treatments that the clinician rules out: A,B.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def rank(
    shell: Shell,
    condition: str,
    evidence: tuple[Path, ...],
    avoid: str | None,
    prefer: str | None,
    contraindicated: str | None,
    template: Path | None,
    seed: int,
) -> None:
    """Rank treatments by published trials, the patient's wishes and contraindications.

    Needs no local data. Each body of evidence is ranked on its own: treatments that no chain of
    trials connects are not compared.
    """
    from euthymia.app.home import Home
    from euthymia.app.published import evidence_at, is_own, not_accepted
    from euthymia.models.matching.rank import rank as order

    if template is not None:
        _write_template(shell, template)
        return
    told = ""
    places = evidence_at(evidence, shell.path())
    if is_own(evidence, Home(shell.path())):
        with shell.clinic() as clinic:
            told = not_accepted(clinic.home, clinic.config, clinic.keyring)
    found = order(
        condition,
        evidence=places,
        avoid=_names(avoid),
        prefer=_names(prefer),
        contraindicated=_names(contraindicated),
        seed=seed,
    )
    first, *others = [ranking.to_dict() for ranking in found]
    result = {"ranking": first.pop("options"), **first, "other_evidence": others}
    result |= {"not_accepted": told} if told else {}
    notes = [f"note: {told}"] if told else []
    shell.emit(result, "\n\n".join([*map(_ranking_words, found), *notes]))


def _write_template(shell: Shell, target: Path) -> None:
    from importlib.resources import files

    text = (files("euthymia.models.matching") / "evidence_template.csv").read_text(encoding="utf-8")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise EuthymiaError(f"{target} exists already: name a new file") from None
    words = (
        f"{target} holds made-up trials, an arm a row. Put published ones in their place, then:"
        f" euthymia rank --evidence {target}"
    )
    shell.emit({"file": target, "synthetic": True}, words)


def _ranking_words(found: "Ranking") -> str:
    net = found.networks[found.benefit]
    rows = [_option_row(option, found) for option in found.options]
    lines = [
        f"{found.condition}: {found.source}",
        f"evidence     {found.citation}; {net.trials} trials, {net.people:,} people",
        f"score        {found.unit}; reference: {found.reference}",
        "counted      " + ", ".join(f"{n} x {w:g}" for n, w in found.weights.items()),
        f"differing    {_agreement(net)}",
        table(rows, ("place", "treatment", "score", "places", "SUCRA", found.benefit, "grade")),
    ]
    lines += [f"ruled out: {name}" for name in found.excluded]
    lines += [f"{j.wish}: {_judged(j)}" for j in found.judged]
    lines += [f"{u.wish}: NOT taken into account; {u.why}" for u in found.unmet]
    return "\n".join(lines + [f"note: {note}" for note in found.notes])


def _judged(wish: "Judged") -> str:
    return (
        f"no trial here counts it; by what reviews say in words it is taken for {wish.in_100:g} in"
        f" 100 more where they say so, half of that where they are silent ({wish.source})"
    )


def _agreement(net: "Network") -> str:
    return (
        f"between-trial variance {net.tau2:.3f}, I2 {net.i2:.0%} (p {net.heterogeneity_p:.2g});"
        f" direct against indirect p {net.inconsistency_p:.2g}"
    )


def _option_row(option: "Option", found: "Ranking") -> tuple[str, ...]:
    score, effect = option.score, option.effects[found.benefit]
    risk = effect.per_100
    shown = (
        f"{effect.effect.estimate:.2f} [{effect.effect.low:.2f}, {effect.effect.high:.2f}]"
        if risk is None
        else f"{risk.estimate:.0f} in 100 [{risk.low:.0f}, {risk.high:.0f}]"
    )
    return (
        str(option.rank),
        option.treatment,
        f"{score.estimate:.2g} [{score.low:.2g}, {score.high:.2g}]",
        f"{option.rank_low} to {option.rank_high}",
        f"{option.sucra:.2f}",
        shown,
        option.grade,
    )


def _chance(text: str | None) -> str | float | None:
    if text is None or text == "estimate":
        return text
    try:
        return float(text)
    except ValueError:
        return text


@click.command(
    epilog="Example: euthymia certify trial.csv --outcome bdi_8m --better lower --treatment arm"
    " --site clinic --covariates bdi_pre,age,sex"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--outcome", required=True, help="Column of the outcome: numbers, or yes and no.")
@click.option(
    "--better", required=True, type=click.Choice(["higher", "lower"]), help="Good outcomes are..."
)
@click.option("--treatment", required=True, help="Column of the arm that each person received.")
@click.option("--site", help="Column of the site: each is left out in turn.")
@click.option("--covariates", help="Columns measured before treatment: A,B. Default: all others.")
@click.option("--person", help="Column of the person, where people have several rows.")
@click.option(
    "--propensity",
    help="Chance of the second arm, a column of such chances, or: estimate. Default: randomised,"
    " the arms' shares.",
)
@click.option(
    "--worthwhile",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="Smallest gain worth a rule, in standard deviations of the outcome.",
)
@click.option(
    "--tries",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many such questions are asked of these data: they share the 5 %.",
)
@_POSITIVE
@_BECAUSE
@click.option("--forest", is_flag=True, help="Show a causal forest beside it (extra: forest).")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def certify(
    shell: Shell,
    file: Path,
    outcome: str,
    better: Literal["higher", "lower"],
    treatment: str,
    site: str | None,
    covariates: str | None,
    person: str | None,
    propensity: str | None,
    worthwhile: float,
    tries: int,
    positive: str | None,
    because: str,
    forest: bool,
    seed: int,
) -> None:
    """Say whether choosing treatment by person beats one arm for all, on data it has not seen.

    FILE is a trial (or a cohort with --propensity estimate), a row a person. A rule is certified
    only if it earns it; a refusal says how many people would be needed. Refused is an answer: the
    exit code is 0.
    """
    from euthymia.app.privacy import admit_table
    from euthymia.models.matching.certify import certify as decide

    admit_table(shell.path(), file, name="certify", person=person or "", because=because)
    found = decide(
        file,
        outcome=outcome,
        treatment=treatment,
        better=better,
        site=site,
        covariates=_names(covariates),
        person=person,
        propensity=_chance(propensity),
        positive=positive,
        worthwhile=worthwhile,
        tries=tries,
        forest=forest,
        seed=seed,
        where=file.name,
    )
    shell.emit(found.to_dict(), _certificate_words(found))


def _certificate_words(found: "Certificate") -> str:
    from euthymia.models.matching.certificate import said

    gain, unit = found.honest_gain, f" [{found.outcome}]"
    lines = [
        "CERTIFIED" if found.certified else "REFUSED",
        f"apparent gain  {found.apparent_gain:.3g}{unit}, judged on the rows it was learned from",
        f"honest gain    {said(gain)}{unit}, on rows not seen, over the best arm in training",
        f"best arm       {found.best_arm}",
        f"people         {found.people:,}; {found.needed_n:,} for a gain of {found.worthwhile:.3g}",
        "",
        table(
            [(c.name, _met(c, found), c.said) for c in found.conditions],
            ("condition", "", "what was found"),
        ),
        "",
        *_rule_words(found),
        *[f"left out: {name} ({why})" for name, why in found.left_out[:20]],
        *[f"note: {note}" for note in found.notes],
        found.why,
    ]
    return "\n".join(lines)


def _met(condition: "Condition", found: "Certificate") -> str:
    if condition.name == "leave site out" and found.leave_site_out is None:
        return "not asked"
    return "holds" if condition.met else "FAILS"


def _rule_words(found: "Certificate") -> list[str]:
    from euthymia.models.matching.certificate import said

    head = "the rule" if found.certified else "the rule that was refused"
    rows = [(leaf.arm, f"{leaf.share:.0%}", leaf.who) for leaf in found.rule if leaf.share > 0]
    beside = ", ".join(f"{name} {gain:.3g}" for name, gain in found.learners.items())
    lines = [f"{head}, {found.learner}:", table(rows, ("arm", "share", "who"))]
    lines.append(f"each learner alone, honestly: {beside}; for comparison, it decides nothing")
    if found.forest is not None:
        lines.append(f"a causal forest: {said(found.forest)}; for comparison, it decides nothing")
    return [*lines, ""]


@click.command(
    epilog="Example: euthymia subtypes trial.csv --columns phq_1,phq_2,phq_3,sleep_h"
    " --outcome bdi_8m --treatment arm --better lower"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--columns", required=True, help="Columns of numbers to cluster on: A,B,C.")
@click.option("--outcome", help="With --treatment: do the subtypes respond differently?")
@click.option("--treatment", help="Column of the arm that each person received.")
@click.option("--better", type=click.Choice(["higher", "lower"]), help="Good outcomes are...")
@click.option("--site", help="Column of the site, for the certificate.")
@_POSITIVE
@_BECAUSE
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def subtypes(
    shell: Shell,
    file: Path,
    columns: str,
    outcome: str | None,
    treatment: str | None,
    better: Literal["higher", "lower"] | None,
    site: str | None,
    positive: str | None,
    because: str,
    seed: int,
) -> None:
    """Find subtypes of people, or say that there are none and describe dimensions.

    Clusters are published only where they stand above what the same clustering finds in a cloud
    without clusters: one Gaussian, and one with the same marginals.
    """
    from euthymia.app.privacy import admit_table
    from euthymia.models.matching.subtypes import subtypes as find

    if (outcome is None) != (treatment is None) or (outcome is not None and better is None):
        raise click.UsageError("--outcome, --treatment and --better go together")
    admit_table(shell.path(), file, name="subtypes", because=because)
    found = find(
        file,
        columns=_names(columns),
        outcome=outcome,
        treatment=treatment,
        better=better or "higher",
        site=site,
        positive=positive,
        seed=seed,
        where=file.name,
    )
    shell.emit(found.to_dict(), _subtype_words(found))


def _subtype_words(found: "Subtypes") -> str:
    lines = [f"{found.clusters} SUBTYPES" if found.published else "NO SUBTYPES", found.why, ""]
    if found.published:
        rows = [
            (c.name, f"{c.share:.0%}", *(f"{v:+.2f}" for v in c.profile.values()))
            for c in found.found
        ]
        lines += [table(rows, ("", "share", *found.columns)), "means in standard deviations", ""]
    rows = [
        (d.name, f"{d.share:.0%}", *(f"{v:+.2f}" for v in d.loadings.values()))
        for d in found.dimensions
    ]
    lines += [table(rows, ("", "of variance", *found.columns)), "loadings"]
    return "\n".join(lines)
