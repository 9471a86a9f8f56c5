"""Entries as they are read back."""

from dataclasses import dataclass

from euthymia.ground.clock import Micros
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.ledger_details import Details
from euthymia.security.ledger_format import Frame, decode_payload, entry_id


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One entry as read back. The ledger's own entries have the purpose "ledger".

    `closed` says why a part of the detail cannot be read: "erased" (the person's key is destroyed)
    or "sealed" (read without the keys); "" where all is there.
    """

    seq: int
    at: Micros
    actor: str
    role: str
    action: str
    purpose: str
    subject: SubjectId | None
    detail: dict[str, str | int | float | bool]
    id: str
    closed: str = ""


def read_line(frame: Frame, details: Details) -> LedgerLine:
    """Return a frame that was verified as a line; what is sealed is opened where it can be."""
    assert frame.end is not None  # it was verified to its end
    said = decode_payload(frame.payload)
    detail, closed = details.open(said)
    return LedgerLine(
        seq=frame.seq,
        at=frame.at,
        actor=details.open_user(said.user),
        role=said.role,
        action=said.action,
        purpose=said.purpose,
        subject=None if said.subject is None else SubjectId(said.subject),
        detail=detail,
        id=entry_id(frame.seq, frame.end.digest),
        closed=closed,
    )


def damaged(what: str | None) -> IntegrityError:
    """Return the error of a ledger that must not be relied on."""
    return IntegrityError(
        f"the ledger is damaged ({what}): nothing may be done that cannot be recorded. Run "
        "`euthymia verify`, keep the damaged files, and restore the home from a backup"
    )
