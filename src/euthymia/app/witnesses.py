"""Checkpoints out to witnesses and back, over a folder that both can write.

In the folder stand, per ledger and witness: `LEDGER.WITNESS.request` (what the ledger asks),
`LEDGER.WITNESS.note` (the checkpoint with the witness's signature) and, where the two do not agree
on where they stood, `LEDGER.WITNESS.saw` (how many entries the witness saw). All public.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from euthymia.app.clinic import wall_clock
from euthymia.app.config import LedgerConfig
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError, SchemaError
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_proofs import witness_request
from euthymia.security.notes import (
    LOG_KEY,
    MAX_NOTE_BYTES,
    Checkpoint,
    NamedKey,
    Note,
    read_key,
    read_note,
    seen_by,
    signed_by,
)
from euthymia.security.receipt import HEADER, open_receipt
from euthymia.security.witness import ConflictError, State, WitnessKey, read_request

ANYBODY: Final = "any"
"""In place of a witness's name, for a ledger whose settings name no witness yet."""
SILENT_DAYS: Final = 8
"""A witness that is asked by a timer signs at least once a week, also where nothing happened."""


def _file(folder: Path, origin: str, witness: str, kind: str) -> Path:
    ledger = re.sub(r"[^0-9A-Za-z]+", "-", origin.rpartition("/")[2])[:64]
    return folder / f"{ledger}.{re.sub(r'[^0-9A-Za-z-]+', '_', witness)}.{kind}"


def public_key(path: Path, where: str = "it is keys/ledger.pub of the home") -> Ed25519PublicKey:
    """Read a clinic's public key (PEM), such as `keys/ledger.pub`; `where` says where it is."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except FileNotFoundError:
        raise MissingError(f"no public key there: {where}") from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SchemaError(f"this is not such a public key: {where}")
    return key


def ask(ledger: Ledger, settings: LedgerConfig, folder: Path) -> dict[str, Any]:
    """Write a request to each witness of the settings (or to anybody) into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger.checkpoint()
    origin = ledger.origin
    names = [read_key(words).name for words in settings.witnesses] or [ANYBODY]
    files = []
    for name in names:
        path = _file(folder, origin, name, "request")
        _put(path, witness_request(ledger, _stood(folder, origin, name)))
        files.append(path)
    found = read_note(ledger.signed_checkpoint()).checkpoint
    return {"ledger": origin, "entries": found.size, "root": found.root.hex(), "files": files}


def _stood(folder: Path, origin: str, name: str) -> int:
    """Return how many entries the witness saw, by what it left in the folder."""
    said = _said(_file(folder, origin, name, "saw"))
    if said is not None:
        return said
    note = _file(folder, origin, name, "note")
    return _note(note).checkpoint.size if note.is_file() else 0


def _said(file: Path) -> int | None:
    """Return how many entries a witness said that it saw; None where it said nothing."""
    text = file.read_text(encoding="ascii", errors="replace").strip() if file.is_file() else ""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _put(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads the folder sees it whole."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.rename(path)


def _note(path: Path) -> Note:
    with path.open("rb") as file:
        return read_note(file.read(MAX_NOTE_BYTES + 1))


def answer(folder: Path, key: Path, log: Path) -> dict[str, Any]:
    """Be the witness: judge every request in the folder for this key, and sign or refuse."""
    own, verifier = WitnessKey.read(key), public_key(log)
    if not folder.is_dir():
        raise MissingError("there is no such folder: name the one that the clinic asks in")
    state = State(key.with_name(key.name + ".seen"))
    signed, refused = [], []
    for path in sorted(folder.glob("*.request")):
        body = path.read_bytes()
        try:
            origin = read_request(body).note.checkpoint.origin
            mine = (_file(folder, origin, name, "request") for name in (own.name, ANYBODY))
            if path not in set(mine):
                continue
            note = state.cosign(body, verifier, own, int(wall_clock().timestamp()))
        except ConflictError as error:
            _put(_file(folder, origin, own.name, "saw"), b"%d\n" % error.size)
            refused.append({"file": path.name, "because": str(error)})
            continue
        except EuthymiaError as error:
            refused.append({"file": path.name, "because": str(error)})
            continue
        _put(_file(folder, origin, own.name, "note"), note)
        _file(folder, origin, own.name, "saw").unlink(missing_ok=True)
        path.unlink()
        signed.append({"ledger": origin, "entries": read_note(note).checkpoint.size})
    return {"witness": own.public.words(), "signed": signed, "refused": refused}


def vouched(
    ledger: Ledger, settings: LedgerConfig, files: Iterable[Path] = ()
) -> tuple[list[Checkpoint], list[str]]:
    """Return what witnesses saw, from the settings' folder and `files`, and what is missing."""
    found, problems = [], []
    folder = Path(settings.witness_folder) if settings.witness_folder else None
    for words in settings.witnesses:
        key = read_key(words)
        try:
            if folder is None:
                raise MissingError("ledger.witness_folder is not set")
            note = _note(_file(folder, ledger.origin, key.name, "note"))
        except FileNotFoundError:
            problems.append(f"witness {key.name} has signed nothing yet: no note of it is there")
            continue
        except (EuthymiaError, OSError) as error:
            problems.append(f"witness {key.name}: {error}")
            continue
        at_s = seen_by(note, key)
        if at_s is None:
            problems.append(f"witness {key.name}: the note is not signed with its key")
            continue
        found.append(note.checkpoint)
        problems += _silent(folder, ledger, key, note, at_s)
    return [*found, *(_given(ledger, settings.witnesses, path) for path in files)], problems


def _silent(folder: Path, ledger: Ledger, key: NamedKey, note: Note, at_s: int) -> list[str]:
    """Return what speaks for it that a witness has seen more than its note here says.

    The folder can be written by whoever sets the home back: an older note is put back with it. The
    witness then signs no more, and leaves word of how much it saw each time that it is asked.
    """
    said = _said(_file(folder, ledger.origin, key.name, "saw"))
    if said is not None and said > note.checkpoint.size:
        words = (
            f"witness {key.name} says that it saw {said} entries, and its note here is of "
            f"{note.checkpoint.size}: the ledger was set back, or the note was lost; ask it again "
            "(`euthymia ledger checkpoint`), and where it refuses it was set back"
        )
        return [words]
    days = (int(wall_clock().timestamp()) - at_s) // 86_400
    if days < SILENT_DAYS:
        return []
    words = (
        f"witness {key.name} has signed nothing for {days} days: see whether it is asked "
        "(`euthymia ledger checkpoint`, by a timer) and whether it refuses; an older note may have "
        "been put in the place of its newest"
    )
    return [words]


def _given(ledger: Ledger, witnesses: Sequence[str], path: Path) -> Checkpoint:
    """Return the checkpoint of a note or receipt that somebody kept."""
    raw = path.read_bytes()
    if raw.startswith(HEADER.encode()):
        return open_receipt(raw.decode("utf-8", "replace"), ledger.verifier).checkpoint
    note = read_note(raw)
    ours = NamedKey(note.checkpoint.origin, LOG_KEY, ledger.verifier)
    if signed_by(note, ours) or any(seen_by(note, read_key(w)) is not None for w in witnesses):
        return note.checkpoint
    raise IntegrityError(
        f"{path.name} is signed neither by this ledger's key nor by a witness of the settings"
    )
