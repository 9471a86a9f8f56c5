"""What happened to a person, from the clinical record: admissions, diagnoses, notes, medication."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.care.summary import SubjectSummary
from euthymia.care.words import count_words
from euthymia.ground.clock import Micros
from euthymia.ground.codes import (
    ADMISSION,
    ICD10,
    MADRS_TOTAL,
    NOTE,
    PHQ9_DIFFICULTY,
    PHQ9_ITEMS,
    PHQ9_TOTAL,
    RXNORM,
    SNOMED,
)

MEDICATION_SYSTEMS: Final = (RXNORM, "ATC/")
DIAGNOSIS_SYSTEMS: Final = (SNOMED, ICD10, "ICD10/")
_SHOWN_ELSEWHERE: Final = frozenset({*PHQ9_ITEMS, PHQ9_TOTAL, PHQ9_DIFFICULTY, MADRS_TOTAL})


@dataclass(frozen=True, slots=True)
class Event:
    """Something on record. `text` is the record's own words, or its code.

    What is recorded again at every visit is one event: `first` and `day` are the local days of the
    first and the last record, `times` how many there are. Admissions and notes are never joined.
    """

    day: int
    kind: str  # "Admission", "Note", "Diagnosis" (ICD-10) or "Recorded" (SNOMED CT: also visits)
    text: str
    first: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Medication:
    """One substance: its name, the local days of the first and last record, and how many."""

    name: str
    first: int
    last: int
    records: int


_Row = tuple[int, str, float | None, str | None]


def _rows(observations: pa.Table, who: SubjectSummary, now: Micros) -> Iterator[_Row]:
    """Yield (local day, code, number, text) of every record with a time not after `now`."""
    timed = observations.filter(pc.is_valid(observations["time"]))
    times = timed["time"].cast(pa.int64()).to_numpy()
    days = who.zones.local_day(np.asarray(times, np.int64))
    columns = (timed[name].to_pylist() for name in ("code", "numeric_value", "text_value"))
    for day, at, code, number, text in zip(days, times, *columns, strict=True):
        if at <= now:
            yield int(day), code, number, text


def _words(code: str, text: str | None) -> str:
    return text or code.replace("/", " ", 1)


def events(observations: pa.Table, who: SubjectSummary, now: Micros) -> tuple[Event, ...]:
    """Return admissions, notes and what else is recorded in clinical terms, newest first."""
    found: dict[Event, None] = {}
    terms: dict[tuple[str, str], set[int]] = {}
    for day, code, number, text in _rows(observations, who, now):
        if code == ADMISSION:
            length = f", {count_words(round(number), 'day')}" if number is not None else ""
            found[Event(day, "Admission", f"{text or 'In-patient stay'}{length}", day)] = None
        elif code == NOTE:
            found[Event(day, "Note", text or "Empty note", day)] = None
        elif code.startswith(DIAGNOSIS_SYSTEMS):
            kind = "Recorded" if code.startswith(SNOMED) else "Diagnosis"
            terms.setdefault((kind, _words(code, text)), set()).add(day)
    joined = [
        Event(max(days), kind, text, min(days), len(days)) for (kind, text), days in terms.items()
    ]
    return tuple(sorted([*found, *joined], key=lambda e: (-e.day, e.kind, e.text)))


def medications(observations: pa.Table, who: SubjectSummary, now: Micros) -> tuple[Medication, ...]:
    """Return the substances prescribed, the most recently recorded first."""
    days: dict[str, list[int]] = {}
    for day, code, _, text in _rows(observations, who, now):
        if code.startswith(MEDICATION_SYSTEMS):
            days.setdefault(_words(code, text), []).append(day)
    found = [Medication(name, min(on), max(on), len(on)) for name, on in days.items()]
    return tuple(sorted(found, key=lambda drug: (-drug.last, drug.name)))


def other_records(observations: pa.Table) -> int:
    """Return how many clinical records the page does not show (vital signs, laboratory)."""
    shown = (*MEDICATION_SYSTEMS, *DIAGNOSIS_SYSTEMS)
    return sum(
        code not in _SHOWN_ELSEWHERE
        and code not in {ADMISSION, NOTE}
        and not code.startswith(shown)
        for code in observations["code"].to_pylist()
    )
