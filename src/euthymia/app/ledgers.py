"""What `euthymia ledger` does with a home, and with a receipt without one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia.app.clinic import Clinic, shell_actor, wall_clock
from euthymia.app.home import Home, read_config
from euthymia.app.witnesses import public_key, vouched
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import from_micros
from euthymia.ground.errors import SchemaError
from euthymia.security.keys import write_private
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_format import entry_number
from euthymia.security.receipt import HEADER, MAX_RECEIPT_BYTES, open_receipt

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
        f"compared with {len(seen)} witnessed checkpoints, the newest of "
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


def check_receipt(file: Path, key: Path) -> dict[str, Any]:
    """Check a receipt, or an answer that holds one, with the ledger's public key alone.

    Raises
    ------
    SchemaError
        There is no receipt in the file.
    IntegrityError
        The receipt does not hold.
    """
    with file.open("rb") as stream:
        raw = stream.read(2 * MAX_RECEIPT_BYTES)
    text = raw.decode("utf-8", "replace")
    entry = ""
    if not text.startswith(HEADER):
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except msgspec.DecodeError:
            raise SchemaError(f"{file.name} holds no receipt: neither a text nor a key") from None
        text, entry = answer.receipt, answer.ledger_entry
    found = open_receipt(text.rstrip("\n") + "\n", public_key(key))
    if entry and entry_number(entry) != found.seq:
        raise SchemaError(f"{file.name}: the receipt is of another entry than the answer names")
    said = found.entry
    return {
        "ok": True,
        "entry": entry or f"number {found.seq}",
        "number": found.seq,
        "at": from_micros(found.at).isoformat(timespec="milliseconds"),
        "user": said.user,
        "role": said.role,
        "action": said.action,
        "purpose": said.purpose,
        "subject": said.subject,
        "detail": said.detail,
        "sealed": bool(said.sealed),
        "ledger": found.checkpoint.origin,
        "entries": found.checkpoint.size,
    }


class _Answer(msgspec.Struct):
    receipt: str
    ledger_entry: str = ""


def take_first_key(clinic: Clinic, file: Path) -> None:
    """Write the first MAC key to a file of its own, then destroy it in the home."""
    raw = clinic.ledger.take_first_key()
    try:
        write_private(file, raw)
    except FileExistsError:
        raise SchemaError("there is a file of that name already: name a new one") from None
    clinic.ledger.append(Entry(shell_actor(), "take first ledger key", Purpose.CARE))
    clinic.ledger.destroy_first_key()
