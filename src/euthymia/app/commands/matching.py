"""Treatment matching: certify."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from euthymia.app.shell import Shell, everywhere, table

if TYPE_CHECKING:
    from euthymia.models.matching.certificate import Certificate


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(n.strip() for n in (text or "").split(",") if n.strip())


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
    seed: int,
) -> None:
    """Say whether choosing treatment by person beats one arm for all, on data it has not seen.

    FILE is a trial (or a cohort with --propensity estimate), a row a person. A rule is certified
    only if it earns it; a refusal says how many people would be needed. Refused is an answer: the
    exit code is 0.
    """
    from euthymia.models.matching.certify import certify as decide

    found = decide(
        file,
        outcome=outcome,
        treatment=treatment,
        better=better,
        site=site,
        covariates=_names(covariates),
        person=person,
        propensity=_chance(propensity),
        worthwhile=worthwhile,
        tries=tries,
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
            [(c.name, "holds" if c.met else "FAILS", c.said) for c in found.conditions],
            ("condition", "", "what was found"),
        ),
        "",
        *_rule_words(found),
        *[f"left out: {name} ({why})" for name, why in found.left_out[:20]],
        *[f"note: {note}" for note in found.notes],
        found.why,
    ]
    return "\n".join(lines)


def _rule_words(found: "Certificate") -> list[str]:
    head = "the rule" if found.certified else "the rule that was refused"
    rows: list[tuple[Any, ...]] = [
        (leaf.arm, f"{leaf.share:.0%}", leaf.who) for leaf in found.rule if leaf.share > 0
    ]
    return [f"{head}, {found.learner}:", table(rows, ("arm", "share", "who")), ""]
