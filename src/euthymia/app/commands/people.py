"""People: worklist, show, export, erase, consent, care-team."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from euthymia.app.shell import Shell, everywhere, interactive, table, words

NOBODY: Final = (
    "nobody to look at for this user now; a worklist holds the patients of one's own care teams: "
    "euthymia care-team SUBJECT --add USER"
)


@click.command(epilog="Example: euthymia worklist --json")
@click.option("--user", default="clinician", show_default=True, help="Whose worklist.")
@everywhere
@click.pass_obj
def worklist(shell: Shell, user: str) -> None:
    """Print who needs somebody today, why, since when, on what data, and what to do."""
    from euthymia.app.people import print_worklist

    with shell.clinic() as clinic:
        items = print_worklist(clinic, user)
    rows = [(i["urgency"], i["subject"], i["since"] or "", i["why"]) for i in items]
    text = table(rows, ("urgency", "subject", "since", "why now"))
    shell.emit({"worklist": items}, text if rows else NOBODY)


@click.command(epilog="Example: euthymia show p-abcdefghijklmnop")
@click.argument("subject", required=False)
@everywhere
@click.pass_obj
def show(shell: Shell, subject: str | None) -> None:
    """Say what is held about a subject (without SUBJECT: list the pseudonyms)."""
    from euthymia.app.people import list_subjects, show_subject

    with shell.clinic() as clinic:
        if subject is None:
            names = list_subjects(clinic)
            shell.emit({"subjects": names}, "\n".join(names) or "nobody yet: euthymia ingest PATH")
            return
        shown = show_subject(clinic, subject)
    told = {**shown, "consents": [" ".join(row) for row in _consent_rows(shown["consents"])]}
    shell.emit(shown, words(told))


def _consent_rows(consents: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line a decision, with when it was made, and what it says, by when it begins."""
    return [
        (
            c["purpose"],
            "granted" if c["permit"] else "withdrawn",
            c["decided"],
            c["since"],
            c["until"] or "",
            _limits(c),
            c["because"],
        )
        for c in consents
    ]


def _limits(consent: Mapping[str, Any]) -> str:
    names = ("streams", "categories", "labels", "recipients")
    return "; ".join(f"{name}: {', '.join(consent[name])}" for name in names if consent[name])


@click.command(epilog="Example: euthymia export p-abcdefghijklmnop --out for-the-patient")
@click.argument("subject")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A new folder.")
@everywhere
@click.pass_obj
def export(shell: Shell, subject: str, out: Path | None) -> None:
    """Write everything about a person, readable: who they are, data, consents, who saw it.

    Samples are written as CSV, and those that Open mHealth / IEEE 1752.1 has a schema for as its
    data points too, one a line. README.txt in the folder says what each file is.
    """
    from euthymia.app.export import export_subject

    with shell.clinic() as clinic:
        result = export_subject(clinic, subject, out)
    words = f"{len(result['files'])} files in {result['out']}"
    for other in result["merged_with"]:
        words += (
            f"\nNOT in it: {other}, of whom the health record says that it is the same person; "
            f"`euthymia export {other}` writes that too"
        )
    shell.emit(result, words)


@click.command(epilog="Example: euthymia erase p-abcdefghijklmnop --yes")
@click.argument("subject")
@click.option("--yes", is_flag=True, help="Do not ask. A script has to say so.")
@everywhere
@click.pass_obj
def erase(shell: Shell, subject: str, yes: bool) -> None:
    """Make a person unreadable everywhere: destroys their keys and all derived rows.

    HOME/tombstones then says whom not to bring back: keep a copy of it apart from the home, and
    give it to `restore`.
    """
    from euthymia.app.people import erase_subject
    from euthymia.ground.errors import EuthymiaError

    if not yes and not interactive():
        raise EuthymiaError(
            "an erasure cannot be undone, and there is no terminal to ask at: nothing was erased; "
            "add --yes if it is meant"
        )
    if not yes:
        click.confirm("This cannot be undone. Erase this person?", abort=True, err=True)
    with shell.clinic() as clinic:
        result = erase_subject(clinic, subject)
    words = f"{result['subject']} is erased; ledger entry {result['ledger_entry']}"
    for other in result["merged_with"]:
        words += (
            f"\nNOT erased: {other}, of whom the health record says that it is the same person; "
            f"`euthymia erase {other}` erases that too"
        )
    for model in result["models"]:
        words += (
            f"\n{model['model']} ({model['state']}) was trained with this person's data; bound on "
            f"what it may hold of them: {model['privacy']}"
        )
    for place in result["backups_not_told"]:
        words += f"\nthe backup at {place} was not there to be told: restore it with --tombstones"
    for name in result["snapshots"]:
        words += f"\nthe research snapshot {name} held them, and is destroyed"
    shell.emit(result, words)


@click.command(
    epilog="Example: euthymia retract p-abcdefghijklmnop --record Observation/17 --dry-run"
)
@click.argument("subject")
@click.option("--record", "records", multiple=True, help="Its type and id in its FHIR source.")
@click.option(
    "--file", "files", multiple=True, type=click.Path(path_type=Path), help="What this file gave."
)
@click.option("--row", "rows", multiple=True, type=click.IntRange(1), help="Of the file only this.")
@click.option("--given-as", help="What `ingest --subject` was told of the file.")
@click.option("--because", default="", help="Why; kept in the ledger for as long as the person is.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask. A script has to say so.")
@everywhere
@click.pass_obj
def retract(
    shell: Shell,
    subject: str,
    records: tuple[str, ...],
    files: tuple[Path, ...],
    rows: tuple[int, ...],
    given_as: str | None,
    because: str,
    dry_run: bool,
    yes: bool,
) -> None:
    """Take single records of a person out again: a note, a score, a day filed under the wrong one.

    What a file gave goes where it is equal to what is stored; facts of it are never taken in again.
    A record that its FHIR source marks as entered in error goes by itself, with `ingest`.
    """
    from euthymia.app.retract import Asked
    from euthymia.app.retract import retract as take_out
    from euthymia.ground.errors import EuthymiaError

    if not (yes or dry_run or interactive()):
        raise EuthymiaError(
            "what is taken out cannot be put back by hand, and there is no terminal to ask at: "
            "nothing was done; add --yes if it is meant, or --dry-run"
        )
    if not (yes or dry_run):
        click.confirm("Take this out of the person's record?", abort=True, err=True)
    asked = Asked(records, files, frozenset(rows), given_as, because)
    with shell.clinic() as clinic, shell.progress("retract") as progress:
        result = take_out(clinic, subject, asked, progress, dry_run=dry_run)
    words = "would be removed" if dry_run else "removed"
    counted = ", ".join(f"{result[what]} {what}" for what in ("records", "facts", "samples"))
    lines = [f"{words}: {counted} of {result['subject']}"]
    lines += [f"the snapshot {s} held them, and is destroyed" for s in result.get("snapshots", [])]
    lines += [
        f"the model {m} was trained with this person's data, and keeps what it learnt"
        for m in result.get("models", [])
    ]
    shell.emit(result, "\n".join(lines))


@click.command(epilog="Example: euthymia consent p-abcdefghijklmnop --withdraw monitoring")
@click.argument("subject")
@click.option("--grant", help="Purposes: care,monitoring,research,training.")
@click.option("--withdraw", help="Purposes.")
@click.option("--streams", help="Only these streams: location,calls.")
@click.option("--categories", help="Only these kinds of data: notes,location,phone-use,body...")
@click.option("--labels", help="Protected records: psychotherapy-notes,substance-use,hiv...")
@click.option("--recipients", help="Only for these, and not for the clinic's own use.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day (UTC) it holds.")
@click.option("--text-version", default="", help="Which version of the text was agreed to.")
@click.option("--because", default="", help="Where it was given: a form, a call.")
@click.option(
    "--fhir", type=click.Path(dir_okay=False, path_type=Path), help="A new file: write FHIR R4."
)
@everywhere
@click.pass_obj
def consent(
    shell: Shell,
    subject: str,
    grant: str | None,
    withdraw: str | None,
    streams: str | None,
    categories: str | None,
    labels: str | None,
    recipients: str | None,
    until: datetime | None,
    text_version: str,
    because: str,
    fhir: Path | None,
) -> None:
    """Show, grant or withdraw a person's consents.

    SUBJECT may be a pseudonym or SOURCE:ID (beiwe:abc123) for somebody whose data has yet to come.
    A decision is for all data of its purposes unless it is limited; the latest one that speaks of
    a use decides it. Records with a protected label need a grant that names the label.
    """
    from euthymia.app.consents import (
        Asked,
        change_consent,
        refuse_to_replace,
        scope_of,
        write_bundle,
    )

    if fhir is not None:
        refuse_to_replace(fhir)  # before a decision is written
    scope = scope_of(streams, categories, labels, recipients)
    day = until.date() if until is not None else None
    asked = Asked(grant, withdraw, because, scope, day, text_version)
    with shell.clinic() as clinic:
        result = change_consent(clinic, subject, asked)
        if fhir is not None:
            result["fhir"] = write_bundle(clinic, result["subject"], fhir)
    header = ("purpose", "state", "decided", "since", "until", "limits", "because")
    text = table(_consent_rows(result["consents"]), header)
    written = [f"written to {fhir} as FHIR R4"] if fhir is not None else []
    shell.emit(result, "\n".join([text, *result["effects"], *written]))


@click.command("care-team", epilog="Example: euthymia care-team p-abcdefghijklmnop --add dr-lee")
@click.argument("subject")
@click.option("--add", multiple=True, help="A user to put in a care relationship.")
@click.option("--remove", multiple=True, help="A user to take out of it.")
@everywhere
@click.pass_obj
def care_team(shell: Shell, subject: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Show or change who is in a care relationship with a person."""
    from euthymia.app.people import change_care_team

    with shell.clinic() as clinic:
        users = change_care_team(clinic, subject, add, remove)
        unknown = sorted(set(add) - set(clinic.accounts.file.now().accounts))
    lines = list(users) or ["nobody is in a care relationship"]
    if unknown:
        lines.append(
            f"note: no account here has the name {', '.join(unknown)}: right for who signs in "
            "through the hospital, or by a link; else look for a slip of the pen"
        )
    shell.emit({"care_team": users, "no_account": unknown}, "\n".join(lines))
