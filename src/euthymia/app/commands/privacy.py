"""`euthymia privacy`: what each data set may still give away about any one person."""

from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(
    invoke_without_command=True,
    epilog="Example: euthymia privacy, euthymia privacy budget relapse-30d --epsilon 2",
)
@everywhere
@click.pass_context
def privacy(context: click.Context) -> None:
    """Show the ledger of epsilon: what each data set may give away, and what is spent of it."""
    if context.invoked_subcommand is not None:
        return
    from euthymia.app.privacy import show

    shell = context.ensure_object(Shell)
    with shell.clinic() as clinic:
        found = show(clinic)
    shell.emit({"data_sets": found, "unit": "person"}, _sets(found))


def _sets(found: list[dict[str, Any]]) -> str:
    if not found:
        return "nothing was spent: no model was trained with --private yet"
    rows = [
        (
            held["data_set"],
            ", ".join(held["names"]),
            f"{held['epsilon']:g} ({held['delta']:g})",
            f"{held['spent']:.3f}",
            f"{held['left']:.3f}",
            str(held["runs"]),
            str(held["without_noise"]),
        )
        for held in found
    ]
    head = (
        "data set",
        "released as",
        "budget epsilon (delta)",
        "spent",
        "left for one run",
        "runs",
        "without noise",
    )
    return table(rows, head)


@privacy.command(epilog="Example: euthymia privacy budget relapse-30d --epsilon 2 --delta 1e-6")
@click.argument("data_set")
@click.option("--epsilon", type=float, required=True, help="In all, over every run to come.")
@click.option("--delta", type=float, default=1e-5, show_default=True)
@click.option("--because", default="", help="Needed to raise it.")
@everywhere
@click.pass_obj
def budget(shell: Shell, data_set: str, epsilon: float, delta: float, because: str) -> None:
    """Set the budget of DATA_SET: its id, its name, or the name of one to come (a task's)."""
    from euthymia.app.privacy import change_budget
    from euthymia.models.privacy.contract import Guarantee

    with shell.clinic() as clinic:
        found = change_budget(clinic, data_set, Guarantee(epsilon, delta), because)
    words = f"{data_set}: epsilon {found['epsilon']:g} at delta {found['delta']:g}"
    shell.emit(found, f"{words}; {found['left']:.3f} left for one run")


@privacy.command(epilog="Example: euthymia privacy history --json")
@click.argument("data_set", required=False)
@everywhere
@click.pass_obj
def history(shell: Shell, data_set: str | None) -> None:
    """List every run on DATA_SET (or on any): who, when, for what, how much, why without noise."""
    from euthymia.app.privacy import history as told

    with shell.clinic() as clinic:
        found = told(clinic, data_set)
    rows = [
        (
            run["at"][:19],
            run["data_set"],
            run["model"] or run["what"],
            "-" if run["because"] else f"{run['epsilon']:.3f} ({run['delta']:g})",
            run["state"],
            run["because"]
            or ", ".join(f"{kind} {epsilon:.3f}" for kind, epsilon in run["items"].items()),
        )
        for run in found
    ]
    head = ("at", "data set", "for", "epsilon (delta)", "state", "items alone, or the reason")
    shell.emit({"runs": found}, table(rows, head) if rows else "no run yet")


@privacy.command("models", epilog="Example: euthymia privacy models")
@everywhere
@click.pass_obj
def models_(shell: Shell) -> None:
    """List every model that was trained under a budget, and what it cost."""
    from euthymia.app.privacy import released

    with shell.clinic() as clinic:
        found = list(released(clinic))
    rows = [
        (line["model"], f"{line['epsilon']:.3f}", f"{line['delta']:g}", str(line["people"]))
        for line in found
    ]
    text = table(rows, ("model", "epsilon", "delta", "people")) if rows else "none"
    shell.emit({"models": found}, text)


@privacy.command(epilog="Example: euthymia privacy export relapse-30d --out relapse.model")
@click.argument("model")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new file."
)
@everywhere
@click.pass_obj
def export(shell: Shell, model: str, out: Path) -> None:
    """Write MODEL (NAME or NAME@VERSION) for others: only one trained with --private may leave."""
    from euthymia.app.given_out import give_out

    with shell.clinic() as clinic:
        made = give_out(clinic, model, out)
    shell.emit(
        made,
        f"{made['model']} written to {made['file']}: epsilon {made['epsilon']:.3g} (delta"
        f" {made['delta']:g}); ledger entry {made['ledger_entry']}\nits key is in"
        f" {made['public_key']}, fingerprint {made['fingerprint']}: tell that to whoever gets the"
        " model, by another way than the file",
    )


@privacy.command(
    "open", epilog="Example: euthymia privacy open relapse.model --public-key relapse.model.pub"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Of the clinic that made it; compare its fingerprint with what they tell you.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A new folder for model.onnx and model.json.",
)
@everywhere
@click.pass_obj
def open_(shell: Shell, file: Path, public_key: Path, out: Path | None) -> None:
    """Check a model that a clinic exported, and say what it is; no home is needed."""
    from euthymia.app.given_out import open_given

    found = open_given(file, public_key, out)
    card, claim, names = found["card"], found["card"]["differential_privacy"], found["features"]
    more = f", ... and {len(names) - 8} more (--json lists them)" if len(names) > 8 else ""
    lines = ["SYNTHETIC DATA: it learnt from people that are made up"] if found["synthetic"] else []
    lines += [
        f"{found['model']}: signed by {found['fingerprint']}, and as it was signed",
        f"what it foretells, {found['horizon_days']} days ahead: {card['outcome']}",
        f"of whom: {card['population']}",
        f"epsilon {claim['epsilon']:.3g} (delta {claim['delta']:g})",
        f"{len(names)} features: {', '.join(names[:8])}{more}",
        "it was never judged on the people it comes to: judge it there before anybody relies on it",
    ]
    if out is not None:
        lines.append(f"written to {out}: model.onnx, model.json")
    shell.emit(found, "\n".join(lines))
