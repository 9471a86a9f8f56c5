"""Small things that every engine does alike: what the ledger is told, how a read is cut."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from euthymia.gateway.contract import Admitted, GrantRecord
from euthymia.gateway.desk import ERASED
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import AccessError, MissingError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVATIONS
from euthymia.ground.scope import Scope
from euthymia.store.frame import TEXT, Column, Frame, cut, join, rows_of, to_arrow
from euthymia.store.tally import Counts

Detail = Mapping[str, str | int | float | bool]


def of_batch(batch: Admitted, counts: Counts, digest: bytes) -> dict[str, str | int | float | bool]:
    """Return what the ledger is told of a file: counts, a keyed digest, and batch consents.

    Not why those hold: the reason may be about a person, and would outlive them here.
    """
    told: dict[str, str | int | float | bool] = {
        "source": batch.source,
        "file": digest.hex()[:16],
        "rows_in": batch.rows_in,
        "stored": counts.stored,
        "rejected": counts.rejected,
        "duplicates": counts.duplicates,
        "subjects": len(batch.subjects),
    }
    if batch.passing:
        told["feature_only"] = counts.feature_only
    general = [g for pairs in batch.grants.values() for row, g in pairs if row == 0]
    if general:
        told["consents_added"] = len(general)
        told["consent_purposes"] = ",".join(sorted({grant.purpose.value for grant in general}))
    return told


def of_removal(retracted: int, removed: int) -> Detail:
    """Return what the ledger is told of the records that a file took back or wrote anew."""
    told = {"records_retracted": retracted, "observations_removed": removed}
    return {name: count for name, count in told.items() if count}


def about_erased_alone(batch: Admitted) -> bool:
    """Tell whether a file speaks of erased people and of nobody else: its name is not kept."""
    if batch.subjects or any(group.subject is not None for group in batch.quarantined):
        return False
    return any(group.reason == ERASED for group in batch.quarantined)


def of_grant(grant: GrantRecord) -> Detail:
    """Return what the ledger is told of a consent decision."""
    told = {"decision": "permit" if grant.permit else "withdraw", "consent": grant.purpose.value}
    scope = grant.scope or Scope()
    for name in ("streams", "categories", "labels", "recipients"):
        if getattr(scope, name):
            told[name] = ",".join(getattr(scope, name))
    return told


def same_subject(audit: Entry, subject: SubjectId) -> SubjectId:
    """Return the subject, if the audit entry does not speak of somebody else."""
    if audit.subject not in {None, subject}:
        raise SchemaError("the audit entry names another subject than the call")
    return subject


def for_care(audit: Entry, subject: SubjectId) -> SubjectId:
    """Return the subject of a journal, which is read and written for care alone."""
    if audit.purpose is not Purpose.CARE:
        raise AccessError("what people did about somebody is kept and read for care only")
    return same_subject(audit, subject)


def the_one(found: Sequence[SubjectId]) -> SubjectId | None:
    """Return the only subject found; None if none was.

    Raises
    ------
    MissingError
        If several people share the identifier.
    """
    if len(found) > 1:
        raise MissingError(
            f"{len(found)} people have this identifier in different systems: write SYSTEM|VALUE"
        )
    return found[0] if found else None


def within(frame: Frame, start: Micros, end: Micros) -> dict[str, Column]:
    """Return the rows of [start, end) of a frame sorted by time."""
    low, high = np.searchsorted(frame["time"].values, [start, end])
    return cut(frame, int(low), max(int(high), int(low)))


def observations(frames: Sequence[Frame], subject: SubjectId) -> pa.Table:
    """Return stored observations with the subject's pseudonym as the first column."""
    if not frames:
        return OBSERVATIONS.empty_table()
    whole = join([brought_forward(frame) for frame in frames])
    rows = rows_of(whole)
    named = {"subject_id": Column("s", np.zeros(rows, np.int32), None, (subject,)), **whole}
    return to_arrow(named, OBSERVATIONS)


def brought_forward(frame: Frame) -> Frame:
    """Return stored observations in today's columns: older ones knew no labels."""
    if "sensitivity" in frame:
        return frame
    rows = rows_of(frame)
    none = Column(TEXT, np.zeros(rows, np.int32), np.zeros(rows, np.bool_))
    return {**frame, "sensitivity": none}


def without_twins(table: pa.Table) -> pa.Table:
    """Drop observations that came a second time with a label: what is protected once, stays so."""
    cells = table.column("sensitivity")
    if cells.null_count == len(cells):
        return table
    names = [name for name in table.column_names if name not in {"purpose", "sensitivity"}]
    numbered = table.append_column("place", pa.array(np.arange(table.num_rows)))
    labelled = numbered.filter(cells.is_valid()).select(names)
    keys = {tuple(row.values()) for row in labelled.to_pylist()}
    plain = numbered.filter(cells.is_null()).select([*names, "place"])
    twins = [row["place"] for row in plain.to_pylist() if _key(row) in keys]
    keep = np.ones(table.num_rows, np.bool_)
    keep[twins] = False
    return table.filter(pa.array(keep))


def _key(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(value for name, value in row.items() if name != "place")
