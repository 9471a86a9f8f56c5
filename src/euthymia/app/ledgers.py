"""What `euthymia ledger` does with a home, and with a receipt without one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia.app.clinic import Clinic, shell_actor, wall_clock
from euthymia.app.home import Home, read_config
from euthymia.app.witnesses import public_key, vouched
from euthymia.care.words import count_words
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import from_micros
from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.keys import write_private
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_details import CLOSED, user_is_sealed
from euthymia.security.ledger_format import Payload, entry_number
from euthymia.security.ledger_lines import LedgerLine
from euthymia.security.receipt import HEADER, MAX_RECEIPT_BYTES, open_receipt

ENTRY_ALONE: Final = (
    "the entry alone: when, in which role and about whom; who asked, and what the answer says, can "
    "be compared only on the clinic's own machine (without --public-key)"
)
KEY_HERE: Final = (
    "note: the first MAC key still lies in this home; `euthymia ledger take-key FILE` takes it away"
)


def check_ledger(path: Path, notes: Sequence[Path], first_key: Path | None) -> dict[str, Any]:
    """Read the whole ledger of a home; compare it with what witnesses saw, and with `notes`."""
    config, keyring, _ = read_config(Home(path))
    ledger = Ledger.open(Home(path).ledger, keyring, clock=wall_clock)
    try:
        seen, missing = vouched(ledger, config.ledger, notes)
        given = None if first_key is None else first_key.read_bytes()
        found = ledger.audit(seen, given)
        here = ledger.first_key_here
    finally:
        ledger.close()
    problems = [*missing, *found.problems]
    told = [f"{found.entries:,} entries read"] if not problems else []
    if found.unchecked:
        told.append(
            f"note: the MACs of {found.unchecked:,} of {found.entries:,} entries were made with "
            "keys that are destroyed by design; --first-key FILE checks them too"
        )
    told += [KEY_HERE] if here else []
    told.append(
        f"compared with {count_words(len(seen), 'witnessed checkpoint')}, the newest of "
        f"{max(c.size for c in seen):,} entries"
        if seen
        else "note: no witness: a roll-back of the whole home could not be seen"
    )
    return {
        "ok": not problems,
        "problems": problems,
        "entries": found.entries,
        "macs_unchecked": found.unchecked,
        "first_key_here": here,
        "witnessed": max((c.size for c in seen), default=0),
        "notes": told,
    }


def check_receipt(file: Path, key: Path, clinic: Clinic | None = None) -> dict[str, Any]:
    """Check a receipt, or an answer that holds one, with the ledger's public key alone.

    A receipt vouches for the entry: when, in which role, about whom. What the answer says is sealed
    under the patient's key, so that only with the `clinic` at hand it can be compared as well.

    Raises
    ------
    SchemaError
        There is no receipt in the file, or one of another entry or patient than the answer names.
    IntegrityError
        The receipt does not hold, or the answer says what the ledger does not.
    """
    with file.open("rb") as stream:
        raw = stream.read(2 * MAX_RECEIPT_BYTES)
    text, answer = raw.decode("utf-8", "replace"), _Answer()
    if not text.startswith(HEADER):
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except msgspec.DecodeError:
            raise SchemaError(f"{file.name} holds no receipt: neither a text nor a key") from None
        text = answer.receipt
    found = open_receipt(text.rstrip("\n") + "\n", public_key(key))
    said, entry = found.entry, answer.ledger_entry
    if entry and entry_number(entry) != found.seq:
        raise SchemaError(f"{file.name}: the receipt is of another entry than the answer names")
    if answer.patient_id and answer.patient_id != said.subject:
        raise SchemaError(f"{file.name}: the receipt is about another patient than the answer")
    vouched_for, user = ENTRY_ALONE, CLOSED if user_is_sealed(said.user) else said.user
    if clinic is not None and entry:
        line = _line_of(clinic, entry, said)
        vouched_for, user = _compared(line, answer), line.actor
    return {
        "ok": True,
        "entry": entry or f"number {found.seq}",
        "number": found.seq,
        "at": from_micros(found.at).isoformat(timespec="milliseconds"),
        "user": user,
        "role": said.role,
        "action": said.action,
        "purpose": said.purpose,
        "subject": said.subject,
        "detail": said.detail,
        "sealed": bool(said.sealed),
        "ledger": found.checkpoint.origin,
        "entries": found.checkpoint.size,
        "vouched_for": vouched_for,
    }


class _Answer(msgspec.Struct):
    receipt: str = ""
    ledger_entry: str = ""
    patient_id: str | None = None
    probability: float | None = None
    abstained_because: str | None = None


def _line_of(clinic: Clinic, entry: str, said: Payload) -> LedgerLine:
    """Return an entry with what is sealed in it opened."""
    ledger = clinic.ledger
    lines = ledger.about(SubjectId(said.subject)) if said.subject else ledger.entries()
    for line in lines:
        if line.id == entry:
            return line
    raise IntegrityError("the entry that the answer names is not in this clinic's ledger")


def _compared(line: LedgerLine, answer: _Answer) -> str:
    """Compare what an answer says with what its entry keeps of it; say what was compared."""
    kept = line.detail
    if not {"probability", "because"} & set(kept):
        return ENTRY_ALONE
    probability = None if answer.probability is None else round(answer.probability, 4)
    if (probability, answer.abstained_because) != (kept.get("probability"), kept.get("because")):
        raise IntegrityError(
            "the answer was changed: the ledger keeps that something else was said"
        )
    return "the entry, and the answer's probability or why there is none"


def take_first_key(clinic: Clinic, file: Path) -> None:
    """Write the first MAC key to a file of its own, then destroy it in the home."""
    raw = clinic.ledger.take_first_key()
    try:
        write_private(file, raw)
    except FileExistsError:
        raise SchemaError("there is a file of that name already: name a new one") from None
    clinic.ledger.append(Entry(shell_actor(), "take first ledger key", Purpose.CARE))
    clinic.ledger.destroy_first_key()
