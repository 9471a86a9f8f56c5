"""Everything about one person as files they can read and take elsewhere (GDPR articles 15, 20)."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.csv

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.consents import consents_of, grants_of_subject, write_bundle
from euthymia.app.sheets import safe, write_sheet
from euthymia.features.catalogue import computed
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import from_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.ledger_details import BOOKKEEPING
from euthymia.sources.fhir_out import record_resources
from euthymia.sources.openmhealth_out import STREAMS, data_points, observation_points, write_points
from euthymia.store.contract import EXPORT

WHOLE_TIME: Final = (-(2**62), 2**62)
POINTS: Final = "openmhealth"
WITH_POINTS: Final = frozenset({*STREAMS, "sleep_stages"})

_ABOUT: Final[Mapping[str, str]] = {
    "person.json": "who you are to this clinic, as the newest record of each detail says",
    "consents.json": "every consent you gave or withdrew, oldest first",
    "consents.fhir.json": "the same as FHIR R4 Consent resources, for other programs",
    "observations.csv": "clinical records: code, value, UCUM unit, purpose, source, protected "
    "kind; times in UTC. Text that a spreadsheet would take for a formula has a ' before it",
    "record.fhir.ndjson": "who you are and the same records as FHIR R4, one resource a line, for "
    "other programs: a Patient, Consents, Observations, and notes as DocumentReferences",
    "samples": "what phones and wearables recorded, one file a stream, with every column",
    POINTS: "the same streams as Open mHealth / IEEE 1752.1 data points, for other programs: one "
    "point a line (NDJSON), each with the header and schema of the standard. Streams for which the "
    "standard has no schema are under samples alone. `observations.ndjson` holds times asleep that "
    "came in as clinical records",
    "features": "daily numbers worked out from the samples, one file a family. `coverage` says how "
    "much of the day they rest on. Of a stream that this clinic uses and does not keep, only these "
    "are left. `sleep_acceleration_night` is what is kept of each night of raw acceleration for "
    "the numbers of later days: its times and, as bits, in which of its minutes you were awake",
    "alerts.json": "what became known about you for alerts, when, and what the care team did about "
    "each alert, with the reason",
    "who-saw-it.csv": "every access to your data: when, who, in which role, for which purpose, and "
    "`what` is on record of it: what a model said of you, the reason that was given",
}


@dataclass
class _Export:
    """One export under way."""

    clinic: Clinic
    who: SubjectId
    folder: Path
    audit: Entry

    def write(self) -> None:
        store, folder = self.clinic.store, self.folder
        _write_json(folder / "person.json", msgspec.to_builtins(store.person(self.who, self.audit)))
        _write_json(folder / "consents.json", consents_of(self.clinic, self.who))
        write_bundle(self.clinic, self.who, folder / "consents.fhir.json")
        observations = store.observations(self.who, self.audit)
        self._fhir(observations)
        write_sheet(folder / "observations.csv", observations)
        self._points("observations", lambda **said: observation_points(observations, **said))
        for stream in store.segments(self.who):
            self._stream(stream, store.samples(self.who, stream, *WHOLE_TIME, self.audit))
        for name in computed():
            derived = store.features(self.who, name, self.audit)
            if derived is not None:
                write_sheet(_inside(folder / "features") / f"{name}.csv", derived)
        self._alerts()
        self._who_saw_it()
        (folder / "README.txt").write_text(_readme(folder), encoding="utf-8")

    def _alerts(self) -> None:
        """Write what became known for alerts and what people did about them; no file without."""
        lines = self.clinic.store.lines(self.who, "alerts", self.audit)
        told = [
            {"at": from_micros(at), "kind": name.partition("/")[0], **msgspec.json.decode(text)}
            for at, name, text in lines
            if name.startswith(("act/", "signal/"))
        ]
        if told:
            _write_json(self.folder / "alerts.json", told)

    def _fhir(self, observations: pa.Table) -> None:
        person = self.clinic.store.person(self.who, self.audit)
        grants = grants_of_subject(self.clinic, self.who)
        with (self.folder / "record.fhir.ndjson").open("wb") as file:
            for resource in record_resources(self.who, person, grants, observations):
                file.write(msgspec.json.encode(resource) + b"\n")

    def _stream(self, stream: str, samples: pa.Table) -> None:
        write_sheet(_inside(self.folder / "samples") / f"{stream}.csv", samples)
        if stream in WITH_POINTS:
            self._points(stream, lambda **said: data_points(stream, samples, **said))

    def _points(self, name: str, make: Callable[..., Iterator[dict[str, Any]]]) -> None:
        """Write data points, one a line; no file if there are none."""
        points = make(user=self.who, created=self.clinic.clock())
        first = next(points, None)
        if first is None:
            return
        path = _inside(self.folder / POINTS) / f"{name}.ndjson"
        with path.open("w", encoding="utf-8") as file:
            write_points(chain([first], points), file)

    def _who_saw_it(self) -> None:
        path = self.folder / "who-saw-it.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("at", "user", "role", "action", "purpose", "ledger_entry", "what"))
            writer.writerows(tuple(map(safe, row)) for row in _who_saw(self.clinic, self.who))


def _inside(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _write_json(path: Path, value: object) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    path.write_bytes(encoded + b"\n")


def _who_saw(clinic: Clinic, who: SubjectId) -> Iterable[tuple[str, ...]]:
    for line in clinic.ledger.about(who):
        at = from_micros(line.at).isoformat(timespec="seconds")
        said = {name: value for name, value in line.detail.items() if name not in BOOKKEEPING}
        what = msgspec.json.encode(said).decode() if said else ""
        yield (at, line.actor, line.role, line.action, str(line.purpose), line.id, what)


def _readme(folder: Path) -> str:
    """Say what each file is, of those that are there."""
    there = [(name, about) for name, about in _ABOUT.items() if (folder / name).exists()]
    lines = [f"{name}{'/' * (folder / name).is_dir()}: {about}." for name, about in there]
    return "Everything this clinic holds about one person.\n\n" + "\n\n".join(lines) + "\n"


def export_subject(clinic: Clinic, subject: str, out: Path | None) -> dict[str, Any]:
    """Write everything about a person into a new folder (GDPR articles 15 and 20)."""
    who = clinic.resolve(subject)
    folder = out or Path(f"export-{who}")
    if folder.exists() and any(folder.iterdir()):
        raise SchemaError("the export folder holds files already; name a new one with --out")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _Export(clinic, who, folder, Entry(shell_actor(), EXPORT, Purpose.CARE, who)).write()
    merged = list(clinic.store.merged(who))
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    return {"subject": who, "out": folder, "files": files, "merged_with": merged}
