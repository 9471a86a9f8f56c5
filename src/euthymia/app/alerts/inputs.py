"""What the engine of a clinic goes by, and how it is kept: once read, a day is never read anew.

A day's scores are kept as they stood when they first became known, with the instant, as derived
rows of the family `alert_input` (a withdrawal of the consent to monitoring removes them). What the
clinical record said, who is responsible, and what people did are lines of the journal `alerts` of
the person. So a replay sees what was seen then, also where late data has changed a stream since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from euthymia.app.alerts.policy_file import Book, history
from euthymia.app.alerts.rights import cannot_take
from euthymia.app.clinic import Clinic
from euthymia.app.watch import stream_for
from euthymia.care.alerts.contract import CLINIC, Act, DayScores, Signal
from euthymia.care.alerts.policy import Policy
from euthymia.care.alerts.signals import day_signal, days_of, is_told, nominal, record_signals
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Micros, to_micros
from euthymia.ground.errors import ConsentError, IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import FEATURE_KEYS
from euthymia.security.consent import consent_covers
from euthymia.store.consent import unlabelled
from euthymia.store.lines import Line

FAMILY: Final = "alert_input"
JOURNAL: Final = "alerts"
JOB: Final = Actor("alerts job", "job")
_VERSION: Final = "1"
_COLUMNS: Final = (
    "known_at", "drift", "frozen", "pattern", "estimate", "unseen_days", "excused", "log_e",
)  # fmt: skip


@dataclass(slots=True)
class Inputs:
    """All that the engine of a clinic is given. `kept`: as it was told; else as it is now."""

    policies: list[tuple[Micros, Policy]]
    zone: str
    start: Micros
    kept: bool
    signals: list[Signal] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)


def audit_of(action: str, who: SubjectId, purpose: Purpose = Purpose.CARE) -> Entry:
    """Return the entry of the job itself."""
    return Entry(JOB, action, purpose, who)


def to_table(subject: str, days: Sequence[tuple[Micros, DayScores]]) -> pa.Table:
    """Return days and when they became known as rows of the family `alert_input`."""
    count = len(days)
    columns: dict[str, Any] = {
        "subject_id": [subject] * count,
        "date": pa.array([d.day for _, d in days], pa.int32()).cast(pa.date32()),
        "family": [FAMILY] * count,
        "version": [_VERSION] * count,
        "input_digest": [""] * count,
        "coverage": [d.coverage for _, d in days],
        "known_at": [float(at) for at, _ in days],
        "excused": [float(d.excused) for _, d in days],
    }
    for name in _COLUMNS:
        if name not in columns:
            columns[name] = [getattr(d, name) for _, d in days]
    own = [pa.field(name, pa.float64()) for name in _COLUMNS]
    schema = pa.schema([*FEATURE_KEYS, *own])
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def from_table(subject: str, table: pa.Table) -> list[Signal]:
    """Return the signals that `to_table` made the rows of: the same bits."""
    days = table["date"].cast(pa.int32()).to_pylist()
    rows = zip(*(np.asarray(table[n].to_numpy(), np.float64).tolist() for n in _COLUMNS),
               table["coverage"].to_pylist(), strict=True)  # fmt: skip
    found = []
    for day, row in zip(days, rows, strict=True):
        known, drift, frozen, pattern, estimate, unseen, excused, log_e, coverage = row
        scores = DayScores(
            day, drift, frozen, pattern, estimate, unseen, coverage, excused > 0, log_e
        )
        found.append(day_signal(subject, scores, int(known)))
    return found


def line_of(item: Signal | Act) -> Line:
    """Return a line of the journal."""
    kind = "act" if isinstance(item, Act) else "signal"
    return Line(item.at, f"{kind}/{item.id}", msgspec.json.encode(item).decode())


_signal: Final = msgspec.json.Decoder(Signal).decode
_act: Final = msgspec.json.Decoder(Act).decode


def read_lines(lines: Iterable[Line]) -> tuple[list[Signal], list[Act]]:
    """Return the signals and acts of a journal; IntegrityError for a line that is neither."""
    signals: list[Signal] = []
    acts: list[Act] = []
    for line in lines:
        kind = line.id.partition("/")[0]
        try:
            if kind == "signal":
                signals.append(_signal(line.text))
            elif kind == "act":
                acts.append(_act(line.text))
        except msgspec.DecodeError:
            raise IntegrityError(
                "a line of the journal of alerts is not as it was written"
            ) from None
    return signals, acts


def record_of(clinic: Clinic, who: SubjectId, until: Micros) -> list[Signal]:
    """Return what the clinical record of a person says now, and who is responsible."""
    audit = audit_of("read record for alerts", who)
    observations = unlabelled(clinic.store.observations(who, audit))
    found = record_signals(who, observations, clinic.store.timeline(who), until)
    found = heard(clinic, who, found)
    owner = owner_of(clinic, who)
    first = f"0-{owner}"  # of one instant the engine goes by names: an answer is the new owner's
    return [*found, Signal(first, who, until, "owner", 0, words=owner)]


def taken_back(clinic: Clinic, who: SubjectId, day: int) -> bool:
    """Tell whether answers about self-harm of a day were told, and none is on record any more."""
    held = clinic.store.lines(who, JOURNAL, audit_of("read alerts", who))
    told = {s.id for s in read_lines(held)[0] if s.kind == "answer" and s.day == day}
    if not told:
        return False
    now = record_of(clinic, who, to_micros(clinic.clock()))
    return not any(is_told(signal, dict.fromkeys(told, signal.at)) for signal in now)


def heard(clinic: Clinic, who: SubjectId, signals: list[Signal]) -> list[Signal]:
    """Leave out scores of the record where care needs a consent and none is in force.

    What somebody said about harming themselves stays until a person has dealt with it.
    """
    if clinic.config.clinic.clinical_basis:
        return signals
    now = to_micros(clinic.clock())
    if consent_covers(clinic.store.grants(who), Purpose.CARE, now):
        return signals
    return [signal for signal in signals if signal.kind != "score"]


def owner_of(clinic: Clinic, who: SubjectId) -> str:
    """Return the first of the care team by name who can take an alert; "" where there is nobody."""
    team = sorted(clinic.store.care_team(who))
    return next((user for user in team if not cannot_take(clinic, user)), "")


def days_now(clinic: Clinic, who: SubjectId) -> tuple[DayScores, ...]:
    """Return a person's days as the watch has them now; none without consent or scores."""
    stream = stream_for(clinic, who, audit_of("read scores", who, Purpose.MONITORING))
    return () if stream is None else days_of(stream)


def kept_days(clinic: Clinic, who: SubjectId) -> list[Signal]:
    """Return the days that were told to the engine."""
    try:
        table = clinic.store.features(
            who, FAMILY, audit_of("read alert input", who, Purpose.MONITORING)
        )
    except ConsentError:
        return []
    return [] if table is None or not table.num_rows else from_table(who, table)


def kept_of(clinic: Clinic, who: SubjectId) -> tuple[list[Signal], list[Act]]:
    """Return all that was told to the engine of a person, and what people did."""
    lines = clinic.store.lines(who, JOURNAL, audit_of("read alerts", who))
    signals, acts = read_lines(lines)
    return [*kept_days(clinic, who), *heard(clinic, who, signals)], acts


def take_in(clinic: Clinic, who: SubjectId, book: Book, at: Micros) -> int:
    """Keep what is new of a person as known at `at`; return the newest local day scored.

    At the clinic's first run everything is history and counts as known in the night after.
    """
    first = book.start is None
    days, kept = days_now(clinic, who), kept_days(clinic, who)
    last = max((s.day for s in kept), default=-1)
    new = [d for d in days if d.day > last]
    if new:
        told = [(nominal(d.day) if first else max(nominal(d.day), at), d) for d in new]
        audit = audit_of("store alert input", who, Purpose.MONITORING)
        clinic.store.put_features(who, FAMILY, to_table(who, told), audit)
    take_record(clinic, who, book, at)
    return max((d.day for d in days), default=-1)


def take_record(clinic: Clinic, who: SubjectId, book: Book, at: Micros) -> None:
    """Keep what is new in the clinical record of a person as known at `at`."""
    first = book.start is None
    held = clinic.store.lines(who, JOURNAL, audit_of("read alerts", who))
    known = {line.id.partition("/")[2]: line.at for line in held if line.id.startswith("signal/")}
    owner = next((s.words for s in reversed(read_lines(held)[0]) if s.kind == "owner"), "")
    fresh = []
    for signal in record_of(clinic, who, at):
        if signal.kind == "owner":
            if signal.words == owner:
                continue
            signal = replace(signal, id=f"{signal.id}-{at}", at=0 if first else at)  # noqa: PLW2901
        elif is_told(signal, known):
            continue
        else:  # what a clock that is ahead has dated is known now all the same
            signal = replace(signal, at=min(signal.at, at) if first else at)  # noqa: PLW2901
        fresh.append(line_of(signal))
    if fresh:
        clinic.store.put_lines(who, JOURNAL, fresh, audit_of("keep signals", who))


def inputs_of(clinic: Clinic, book: Book, subjects: Iterable[SubjectId], until: Micros) -> Inputs:
    """Return what the engine is given: as it was kept, or as it is now where nothing was kept."""
    kept = book.start is not None
    found = Inputs(history(book), clinic.config.clinic.time_zone, book.start or 0, kept)
    for who in subjects:
        if kept:
            signals, acts = kept_of(clinic, who)
            found.signals += signals
            found.acts += acts
        else:
            found.signals += [day_signal(who, d, nominal(d.day)) for d in days_now(clinic, who)]
            record = record_of(clinic, who, until)
            found.signals += [replace(s, at=0) if s.kind == "owner" else s for s in record]
    found.signals += [
        Signal(f"r-{at}", CLINIC, at, "scored", day) for at, day in book.scored if at <= until
    ]
    found.signals += [
        Signal(f"g-{at}", CLINIC, at, "gone", 0, words="\n".join(users))
        for at, users in book.gone
        if at <= until
    ]
    return found
