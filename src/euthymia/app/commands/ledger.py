"""`euthymia ledger`: read it, check it, have it witnessed, hand it on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from euthymia.app.shell import Shell, everywhere, table

if TYPE_CHECKING:
    from euthymia.security.ledger_lines import LedgerLine

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(epilog="Example: euthymia ledger verify")
def ledger() -> None:
    """Who did what, to whose data, when: show, verify, checkpoint, witness, export."""


def _row(line: "LedgerLine") -> dict[str, Any]:
    from euthymia.ground.clock import from_micros

    row: dict[str, Any] = {
        "id": line.id,
        "at": from_micros(line.at).isoformat(timespec="milliseconds"),
        "user": line.actor,
        "role": line.role,
        "action": line.action,
        "purpose": str(line.purpose),
        "subject": line.subject,
        "detail": line.detail,
    }
    return row | ({"closed": line.closed} if line.closed else {})


def _said(row: dict[str, Any]) -> str:
    parts = [f"{name}={value}" for name, value in row["detail"].items()]
    if "closed" in row:
        parts.append(f"[{row['closed']}]")
    return " ".join(parts)


@ledger.command(epilog="Example: euthymia ledger show --subject p-abcdefghijklmnop --last 20")
@click.option("--subject", help="Only what was done with this person's data: their pseudonym.")
@click.option("--last", type=click.IntRange(1), help="Only the newest so many.")
@everywhere
@click.pass_obj
def show(shell: Shell, subject: str | None, last: int | None) -> None:
    """Print the entries, each verified as it is read. An erased person's details say so."""
    from euthymia.ground.ids import SubjectId

    with shell.clinic() as clinic:
        who = clinic.store.resolve(subject) or subject if subject else None
        lines = clinic.ledger.entries() if who is None else clinic.ledger.about(SubjectId(who))
        rows = [_row(line) for line in lines]
    rows = rows[-last:] if last else rows
    names = ("id", "at", "user", "role", "action", "purpose", "subject")
    cells = [(*(str(row[n] or "") for n in names), _said(row)) for row in rows]
    shell.emit({"entries": rows}, table(cells, (*names, "detail")))


@ledger.command(epilog="Example: euthymia ledger verify --receipt answer.json --public-key L.pub")
@click.option("--receipt", type=_FILE, help="A receipt, or an answer of the API that holds one.")
@click.option(
    "--public-key",
    type=_FILE,
    help="ledger.pub of the clinic: then no home is needed, and the entry alone is vouched for.",
)
@click.option("--witness", "notes", type=_FILE, multiple=True, help="A checkpoint that was kept.")
@click.option("--first-key", type=_FILE, help="The first MAC key, from where you keep it.")
@everywhere
@click.pass_obj
def verify(
    shell: Shell,
    receipt: Path | None,
    public_key: Path | None,
    notes: tuple[Path, ...],
    first_key: Path | None,
) -> None:
    """Check the whole ledger, or one receipt; exit code 1 if anything is not as it was written."""
    from euthymia.app.ledgers import check_ledger, check_receipt
    from euthymia.care.words import count_words

    if receipt is not None:
        if notes or first_key:
            raise click.UsageError("--receipt stands without --witness and --first-key")
        if public_key is not None:
            told = check_receipt(receipt, public_key)
        else:
            with shell.clinic() as clinic:
                told = check_receipt(receipt, shell.path() / "keys" / "ledger.pub", clinic)
        words = [f"the receipt holds: {told['entry']} of {told['ledger']}"]
        words += [f"{name}: {value}" for name, value in told.items() if name != "ok"]
        shell.emit(told, "\n".join(words))
        return
    if public_key is not None:
        raise click.UsageError("--public-key is for a --receipt")
    found = check_ledger(shell.path(), notes, first_key)
    shell.exit_code = 0 if found["ok"] else 1
    told = found["problems"]
    lines = [f"{count_words(len(told), 'problem')}:", *told] if told else []
    shell.emit(found, "\n".join([*lines, *found["notes"]]))


@ledger.command(epilog="Example: euthymia ledger checkpoint --to /shared/ledger")
@click.option("--to", "folder", type=_FOLDER, help="Ask the witnesses over this folder.")
@everywhere
@click.pass_obj
def checkpoint(shell: Shell, folder: Path | None) -> None:
    """Sign everything so far, begin the next MAC key, and ask witnesses to cosign."""
    from euthymia.app.witnesses import ask

    with shell.clinic() as clinic:
        settings = clinic.config.ledger
        where = folder or (Path(settings.witness_folder) if settings.witness_folder else None)
        if where is not None:
            told = ask(clinic.ledger, settings, where)
        else:
            clinic.ledger.checkpoint()
            told = {"ledger": clinic.ledger.origin}
        note = clinic.ledger.signed_checkpoint().decode()
    asked = [f"asked: {path}" for path in told.get("files", [])]
    shell.emit(told | {"checkpoint": note}, "\n".join([note, *asked]))


@ledger.command(
    epilog="Example: euthymia ledger witness --key w.key --log ledger.pub /shared/ledger"
)
@click.argument("folder", type=_FOLDER, required=False)
@click.option("--key", type=_NEW, required=True, help="The witness's own key file.")
@click.option("--init", "make", is_flag=True, help="Make that key, and print its public half.")
@click.option("--name", help="With --init: the witness's name, such as ward.example/w1.")
@click.option("--log", type=_FILE, help="The ledger's public key: keys/ledger.pub of its home.")
@everywhere
@click.pass_obj
def witness(
    shell: Shell, folder: Path | None, key: Path, make: bool, name: str | None, log: Path | None
) -> None:
    """Be a witness: on another host or as another user. Needs no home.

    Cosigns the requests in FOLDER that continue what this key cosigned last, and refuses all else.
    """
    from euthymia.app.witnesses import answer
    from euthymia.security.witness import WitnessKey

    if make:
        if not name:
            raise click.UsageError("--init needs --name, such as ward.example/w1")
        if folder or log:
            raise click.UsageError("--init takes --key and --name, and nothing else")
        words = WitnessKey.create(key, name).public.words()
        shell.emit({"witness": words}, words)
        return
    if folder is None or log is None or name:
        raise click.UsageError("name the FOLDER and the ledger's public key with --log")
    told = answer(folder, key, log)
    shell.exit_code = 1 if told["refused"] else 0
    lines = [f"cosigned {x['entries']} entries of {x['ledger']}" for x in told["signed"]]
    lines += [f"refused {x['file']}: {x['because']}" for x in told["refused"]]
    shell.emit(told, "\n".join(lines) or "nothing was asked")


@ledger.command(epilog="Example: euthymia ledger receipt L-42-5e1f0c9a > entry.tlog-proof")
@click.argument("entry")
@everywhere
@click.pass_obj
def receipt(shell: Shell, entry: str) -> None:
    """Print the receipt of any ENTRY: the proof that it is in the ledger."""
    from euthymia.security.ledger_proofs import receipt_of

    with shell.clinic() as clinic:
        text = receipt_of(clinic.ledger, entry)
    shell.emit({"entry": entry, "receipt": text}, text.rstrip("\n"))


@ledger.command("take-key", epilog="Example: euthymia ledger take-key /media/stick/first.key")
@click.argument("file", type=_NEW)
@everywhere
@click.pass_obj
def take_key(shell: Shell, file: Path) -> None:
    """Move the first MAC key out of the home into FILE: keep it away from this machine."""
    from euthymia.app.ledgers import take_first_key

    with shell.clinic() as clinic:
        take_first_key(clinic, file)
    words = f"the first key is at {file} and no longer in the home: keep it off this machine"
    shell.emit({"file": file}, words)


@ledger.command(epilog="Example: euthymia ledger export --fhir audit.ndjson")
@click.option("--fhir", "out", type=_NEW, required=True, help="A new file: one event a line.")
@click.option("--subject", help="Only what was done with this person's data: their pseudonym.")
@everywhere
@click.pass_obj
def export(shell: Shell, out: Path, subject: str | None) -> None:
    """Write the entries as FHIR R4 AuditEvents by the patterns of IHE BALP."""
    from euthymia.app.audit_events import write_events

    with shell.clinic() as clinic:
        count = write_events(clinic, out, subject)
    shell.emit({"out": out, "events": count}, f"{count:,} audit events written to {out}")
