"""De-identification at the command line: files in, text out, with help from the clinic's store."""

import hmac
import json
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.gateway.deid.contract import Lang, Span, Tagger
from euthymia.gateway.deid.evaluate import evaluate, our_finder
from euthymia.gateway.deid.gold import read_gold
from euthymia.gateway.deid.known import Known
from euthymia.gateway.deid.language import language
from euthymia.gateway.deid.notes import Deidentified, Mode, deidentify, replaced
from euthymia.gateway.deid.tagger import OnnxTagger
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import MissingError, SchemaError, SourceError
from euthymia.ground.records import Person

_MAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_STAFF: Final = frozenset({"practitioner", "user", "person"})
MOST_BYTES: Final = 8 << 20
"""A note is not longer; what is longer is not a note."""


def load_tagger() -> Tagger:
    """Return the tagger that comes with Euthymia."""
    return OnnxTagger.load()


def known_of(clinic: Clinic, subject: str) -> tuple[Known, bytes]:
    """Return what the clinic knows about a person and their care, and the key of their surrogates.

    The person's record and the clinic's directory are read for it, and the ledger says so.
    """
    who = clinic.resolve(subject)
    audit = Entry(shell_actor(), "read identity to de-identify", Purpose.CARE, who)
    person = clinic.store.person(who, audit)
    staff = [d for d in clinic.store.directory(audit) if d.kind.lower() in _STAFF]
    places = [d.name for d in clinic.store.directory(audit) if d.kind.lower() not in _STAFF]
    named = [m.rpartition("|")[2] for m in person.care_team if "@" not in m]
    secret = clinic.store.detail_key(who)  # the person's own: it is gone with their erasure
    if secret is None:
        raise MissingError("no such subject: erased while this was read")
    key = hmac.digest(secret, b"surrogates", "sha256")
    return _known(person, [d.name for d in staff], places, named), key


def _known(
    person: Person, staff: Sequence[str], places: Sequence[str], team: Sequence[str]
) -> Known:
    mails = tuple(t for t in person.telecom if _MAIL.fullmatch(t))
    return Known(
        names=(*((person.name,) if person.name else ()), *person.other_names),
        staff=(*staff, *(m for m in team if m.replace(" ", "").isalpha())),
        addresses=(person.address,) if person.address else (),
        organisations=tuple(p for p in (*places, person.site or "") if len(p) > 3),
        dates=tuple(d for d in (person.birth_date, person.deceased_on) if d is not None),
        phones=tuple(t for t in person.telecom if t not in mails),
        emails=mails,
        ids=tuple({i.value for i in (*person.identifiers, *person.former)}),
        sex={"female": "f", "male": "m"}.get(person.sex or "", ""),
    )


def read_known(path: Path) -> Known:
    """Return the known facts of a JSON file.

    Raises
    ------
    SchemaError
        If it is not a JSON object with the keys of `Known`; no value is shown.
    """
    try:
        values = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SchemaError("--known is not a text in UTF-8: convert it first") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SchemaError(f"--known is not JSON: correct {place}") from None
    except (ValueError, RecursionError):
        raise SchemaError("--known is not JSON that can be read") from None
    if not isinstance(values, dict):
        raise SchemaError('--known must hold one JSON object, like {"names": ["Ana Ruiz"]}')
    return Known.from_json(values)


def read_text(name: str, place: int = 1) -> str:
    """Return a file's text ("-": standard input).

    Parameters
    ----------
    place : int
        Which of the files it is, from 1 on, in the order that the caller named them.

    Raises
    ------
    SourceError, MissingError
        If it is no text in UTF-8, longer than a note can be, or not there. The message says which
        of the files is meant by its place: the name of a note's file often holds a person's.
    """
    called = "standard input" if name == "-" else f"file {place}"
    if name == "-":
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        path = Path(name)
        if path.is_dir():
            raise MissingError(f"{called} is a folder: name its files")
        if not path.exists():
            raise MissingError(f"{called} is not there: name a text file, or - for stdin")
        if not path.is_file():
            raise MissingError(f"{called} is no ordinary file: name a text file, or - for stdin")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise SourceError(f"{called} is longer than {MOST_BYTES >> 20} MB: give one note a file")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{called} is not a text in UTF-8: convert it first") from error


def deid_files(
    names: Sequence[str],
    *,
    lang: Lang | None,
    known: Known | None,
    key: bytes,
    mode: Mode,
    accept: bool,
    strict: bool,
) -> list[dict[str, Any]]:
    """Return what became of each file. Without a key, one is drawn for this call."""
    tagger = load_tagger()
    key = key or secrets.token_bytes(32)
    out = []
    for place, name in enumerate(names, 1):
        text = read_text(name, place)
        used = lang or language(text)
        done = deidentify(
            text, used, known, tagger, mode=mode, key=key, accept=accept, strict=strict
        )
        out.append({"file": name, "lang": used, **_told(done)})
    return out


def _told(done: Deidentified) -> dict[str, Any]:
    return {
        "needs_review": done.needs_review,
        "text": done.text,
        "spans": [_span(s) for s in done.spans],
        "uncertain": [_span(s) for s in done.uncertain],
        "kept": [_span(s) for s in done.kept],
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "kind": str(span.kind),
        "confidence": round(span.confidence, 3),
        "source": span.source,
    }


def for_review(name: str, lang: Lang | None, known: Known | None, place: int = 1) -> str:
    """Return a text for the person who looks: sure spans as tags, uncertain ones marked."""
    text = read_text(name, place)
    done = deidentify(text, lang or language(text), known, load_tagger())
    unsure = set(done.uncertain)
    return replaced(
        done.source,
        done.spans,
        lambda t, s: f"<<{t[s.start : s.end]}>>" if s in unsure else f"[{s.kind}]",
    )


def evaluate_gold(path: Path) -> dict[str, Any]:
    """Return the figures on marked notes.

    Raises
    ------
    MissingError
        If the path is not there.
    """
    if not path.exists():
        raise MissingError("no such file or folder of marked notes")
    return evaluate(read_gold(path), our_finder(load_tagger()))
