"""What the command line does about one person: show, export, erase, care team, worklist."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.consents import consents_of
from euthymia.features.catalogue import families
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import day_date, from_micros
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SubjectId

WHOLE_TIME = (-(2**62), 2**62)


def list_subjects(clinic: Clinic) -> list[str]:
    """Return all pseudonyms."""
    return [
        str(s) for s in clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.CARE))
    ]


def show_subject(clinic: Clinic, subject: str) -> dict[str, Any]:
    """Return what is held about a subject: counts, spans and consents, no name and no note."""
    who = clinic.resolve(subject)
    audit = Entry(shell_actor(), "show subject", Purpose.CARE, who)
    observations = clinic.store.observations(who, audit)
    streams = {
        stream: {
            "rows": sum(rows for rows, _ in days.values()),
            "days": len(days),
            "first": day_date(min(days)).isoformat(),
            "last": day_date(max(days)).isoformat(),
        }
        for stream, days in clinic.store.segments(who).items()
        if days
    }
    return {
        "subject": who,
        "attributes": dict(clinic.store.attributes(who, audit)),
        "observations": observations.num_rows,
        "streams": streams,
        "time_zones": [zone for _, zone in clinic.store.timeline(who).changes],
        "care_team": sorted(clinic.store.care_team(who)),
        "consents": consents_of(clinic, who),
    }


def change_care_team(
    clinic: Clinic, subject: str, add: Sequence[str], remove: Sequence[str]
) -> list[str]:
    """Return the users in a care relationship, after the change asked for (if any)."""
    who = clinic.resolve(subject)
    before = clinic.store.care_team(who)
    after = (before | set(add)) - {_on_team(user, before | set(add)) for user in remove}
    if after != before:
        detail = {"added": len(after - before), "removed": len(before - after)}
        audit = Entry(shell_actor(), "set care team", Purpose.CARE, who, detail)
        clinic.store.put_care_team(who, sorted(after), audit)
    return sorted(after)


def _on_team(user: str, team: frozenset[str]) -> str:
    """Return the member that `user` names: whole, or by the value alone of SYSTEM|VALUE."""
    if user in team:
        return user
    found = [member for member in team if member.rpartition("|")[2] == user]
    if len(found) == 1:
        return found[0]
    problem = "several people" if found else "nobody"
    raise MissingError(
        f"--remove names {problem} on this care team, and nothing was changed: `euthymia "
        "care-team SUBJECT` lists the members; name one as it is written there"
    )


def erase_subject(clinic: Clinic, subject: str) -> dict[str, Any]:
    """Destroy the person's key and every row about them; say which models saw them."""
    who = clinic.resolve(subject)
    entry = Entry(shell_actor(), "erase subject", Purpose.CARE, who)
    models = clinic.registry.trained_with(who)
    told = clinic.store.erase(who, entry)
    return {"subject": who, "ledger_entry": told, "models": models}


def _write_json(path: Path, value: object) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    path.write_bytes(encoded + b"\n")


def _write_table(path: Path, data: pa.Table) -> None:
    pyarrow.csv.write_csv(data, path)


def _who_saw(clinic: Clinic, who: SubjectId) -> Iterable[tuple[str, ...]]:
    for line in clinic.ledger.entries():
        if line.subject == who:
            at = from_micros(line.at).isoformat(timespec="seconds")
            yield (at, line.actor, line.role, line.action, str(line.purpose), line.id)


def export_subject(clinic: Clinic, subject: str, out: Path | None) -> dict[str, Any]:
    """Write everything about a person into a new folder (GDPR articles 15 and 20)."""
    who = clinic.resolve(subject)
    folder = out or Path(f"export-{who}")
    if folder.exists() and any(folder.iterdir()):
        raise SchemaError("the export folder holds files already; name a new one with --out")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    audit = Entry(shell_actor(), "export subject", Purpose.CARE, who)
    _write_json(folder / "person.json", msgspec.to_builtins(clinic.store.person(who, audit)))
    _write_json(folder / "consents.json", consents_of(clinic, who))
    _write_table(folder / "observations.csv", clinic.store.observations(who, audit))
    for stream in clinic.store.segments(who):
        (folder / "samples").mkdir(exist_ok=True)
        samples = clinic.store.samples(who, stream, *WHOLE_TIME, audit)
        _write_table(folder / "samples" / f"{stream}.csv", samples)
    for name in families():
        derived = clinic.store.features(who, name, audit)
        if derived is not None:
            (folder / "features").mkdir(exist_ok=True)
            _write_table(folder / "features" / f"{name}.csv", derived)
    with (folder / "who-saw-it.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("at", "user", "role", "action", "purpose", "ledger_entry"))
        writer.writerows(_who_saw(clinic, who))
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    return {"subject": who, "out": folder, "files": files}


def print_worklist(clinic: Clinic, user: str) -> list[dict[str, Any]]:
    """Return a user's worklist as plain values, by pseudonym."""
    from euthymia.app.web.backend import worklist_items

    return [
        {**msgspec.to_builtins(item), "since": item.since_on and item.since_on.isoformat()}
        for item in worklist_items(clinic, user)
    ]
