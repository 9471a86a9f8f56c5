"""What really happened: written beside the data, never ingested, read by evaluation alone.

`truth/` is marked by a file `.euthymia-truth`; `sources` skips a folder that holds one.

==================  =================================================================
subjects.jsonl      one line a person: ids, groups, traits, true treatment effects,
                    home and work coordinates, zones, treatments, visits, admissions
daily.parquet       one row a person-day: severity, regime, sleep, places, presence
relapses.jsonl      one line a relapse: first sign, onset, end (local dates)
notes.jsonl         one line a note: where it is kept, its text, the identifiers' spans
manifest.json       how the clinic was made, and how many files and bytes that gave
==================  =================================================================

Everything is filed under the MRN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from euthymia.ground.errors import MissingError

MARKER: Final = ".euthymia-truth"
MANIFEST: Final = "manifest.json"
TIME: Final = pa.timestamp("us", tz="UTC")
DAILY: Final = pa.schema(
    [
        pa.field("mrn", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("severity", pa.float32(), nullable=False),  # PHQ-9 points
        pa.field("regime", pa.float32(), nullable=False),  # 0 well to 1 full episode
        pa.field("burden", pa.float32(), nullable=False),  # what behaviour follows
        pa.field("sleep_onset", TIME),  # of the night that ends on this date
        pa.field("sleep_offset", TIME),
        pa.field("home_h", pa.float32(), nullable=False),
        pa.field("distance_km", pa.float32(), nullable=False),
        pa.field("worn_h", pa.float32(), nullable=False),
        pa.field("phone_on", pa.bool_(), nullable=False),
        pa.field("in_patient", pa.bool_(), nullable=False),
    ]
)
PEOPLE_A_GROUP: Final = 64


@dataclass(frozen=True, slots=True)
class Account:
    """The truth about one person: ready to be written."""

    subject: dict[str, Any]
    relapses: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    daily: pa.Table


class TruthWriter:
    """Writes accounts as they come, in order; keeps at most `PEOPLE_A_GROUP` in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).write_bytes(b"Known truth of a simulated clinic. Never ingest it.\n")
        self._lines: dict[str, IO[bytes]] = {
            name: (folder / f"{name}.jsonl").open("wb")
            for name in ("subjects", "relapses", "notes")
        }
        self._daily = pq.ParquetWriter(folder / "daily.parquet", DAILY, compression="zstd")
        self._waiting: list[pa.Table] = []

    def add(self, account: Account) -> None:
        """Write one person's account."""
        self._write("subjects", [account.subject])
        self._write("relapses", account.relapses)
        self._write("notes", account.notes)
        self._waiting.append(account.daily)
        if len(self._waiting) >= PEOPLE_A_GROUP:
            self._flush()

    def _write(self, name: str, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            self._lines[name].write(msgspec.json.encode(line) + b"\n")

    def _flush(self) -> None:
        if self._waiting:
            self._daily.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting.clear()

    def close(self) -> None:
        """Finish all files."""
        self._flush()
        self._daily.close()
        for handle in self._lines.values():
            handle.close()


@dataclass(frozen=True, slots=True)
class Truth:
    """Reads the truth folder of a simulated clinic."""

    folder: Path

    def subjects(self) -> Iterator[dict[str, Any]]:
        """Yield each person's ids, groups, traits and true treatment effects."""
        return self._read("subjects")

    def relapses(self) -> Iterator[dict[str, Any]]:
        """Yield each relapse: `mrn`, `prodrome`, `onset` and `end` as ISO dates."""
        return self._read("relapses")

    def notes(self) -> Iterator[dict[str, Any]]:
        """Yield each note: `mrn`, `date`, `kept_in` (fhir or notes), `text` and `spans`."""
        return self._read("notes")

    def daily(self, columns: list[str] | None = None) -> pa.Table:
        """Return the person-days, or some of their columns."""
        return pq.read_table(self.folder / "daily.parquet", columns=columns)

    def manifest(self) -> dict[str, Any]:
        """Return how the clinic was made."""
        found: dict[str, Any] = msgspec.json.decode((self.folder / MANIFEST).read_bytes())
        return found

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        with (self.folder / f"{name}.jsonl").open("rb") as lines:
            for line in lines:
                yield msgspec.json.decode(line)


def read_truth(out: Path) -> Truth:
    """Return the reader for the clinic that was simulated into `out`.

    Raises
    ------
    MissingError
        If there is no finished truth in `out`.
    """
    folder = out / "truth"
    if not (folder / MARKER).is_file() or not (folder / MANIFEST).is_file():
        raise MissingError("no truth here; simulate a clinic into this folder first")
    return Truth(folder)
