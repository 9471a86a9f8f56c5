"""`euthymia evidence`: what a machine can check, for those who must answer for the clinic."""

from pathlib import Path

import click

from euthymia.app.shell import Shell, everywhere


@click.command(epilog="Example: euthymia evidence --out evidence --attested people.toml")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write OSCAL assessment results, SBOM and model BOM here, signed.",
)
@click.option(
    "--attested",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What people vouch for (TOML): docs/evidence.md.",
)
@click.option(
    "--check",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Check the signatures of a folder of evidence instead.",
)
@everywhere
@click.pass_obj
def evidence(shell: Shell, out: Path | None, attested: Path | None, check: Path | None) -> None:
    """Run every check that a machine can make, and write what came out, signed."""
    from euthymia.app.evidence.write import verify_evidence, write_evidence

    if (out is None) == (check is None):
        raise click.UsageError("give --out DIR, or --check DIR")
    with shell.clinic() as clinic:
        if check is not None:
            verify_evidence(check, clinic.keyring.verifier("ledger"))
            shell.emit({"ok": True}, "every document is as it was signed by this clinic")
            return
        assert out is not None
        with shell.progress("evidence") as progress:
            made = write_evidence(clinic, out, attested, progress)
    lines = [f"{made['checks']} checks; {len(made['problems'])} found something:"]
    lines += [f"  {name}: {problem}" for name, problem in made["problems"].items()]
    lines += [f"{count} items {state}" for state, count in sorted(made["items"].items())]
    shell.emit(made, "\n".join([*lines, f"written and signed in {out}"]))
