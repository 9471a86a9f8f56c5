"""What people write into a record: checked at the one door like any file, stored with an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import SECOND_US, Micros, to_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Observations
from euthymia.ground.schemas import OBSERVATIONS, ROW
from euthymia.instruments.contract import Instrument
from euthymia.instruments.score import Score, score

MAX_CHARS: Final = 4000  # a long note; what is longer is a document, and comes as a file
SENT_AGAIN_US: Final = 600 * SECOND_US  # a form with the same answers: a button pressed twice
BY_PATIENT: Final = "check-in"
BY_TEAM: Final = "pages"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to write down."""

    code: str
    number: float | None = None
    text: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A questionnaire as it was sent, its score, and what is to be written down."""

    instrument: Instrument
    scored: Score
    facts: tuple[Fact, ...]


def checked_text(text: str) -> str:
    """Return what somebody typed, tidied; SchemaError if it is empty or too long."""
    tidy = text.replace("\r\n", "\n").strip()
    if not tidy:
        raise SchemaError("nothing was written: type what is to be kept")
    if len(tidy) > MAX_CHARS:
        raise SchemaError(f"the text is longer than {MAX_CHARS} characters: shorten it")
    return tidy


def write_entry(
    clinic: Clinic,
    actor: Actor,
    subject: SubjectId,
    identifier: SourceId | None,
    facts: Sequence[Fact],
    *,
    action: str,
    source: str = BY_TEAM,
    once: str = "",
) -> str:
    """Store facts about a person as of now; return the ledger entry's id.

    `once` names the form that was sent. The same facts sent from it again within minutes are not
    said again: nothing is stored, and "" is returned.

    Raises
    ------
    SchemaError
        The person has no identifier on record, or the gateway refuses a fact.
    """
    if identifier is None:
        raise SchemaError("this person has no identifier on record: add one before writing")
    now = clinic.clock()
    rows = len(facts)
    data = {
        "subject_id": [identifier.value] * rows,
        "time": [now] * rows,
        "code": [fact.code for fact in facts],
        "numeric_value": [fact.number for fact in facts],
        "text_value": [fact.text for fact in facts],
        "unit": [fact.unit for fact in facts],
        "purpose": [Purpose.CARE.value] * rows,
        "source": [source] * rows,
        "sensitivity": [None] * rows,
        "row": [1] * rows,
    }
    table = pa.table(data, schema=pa.schema([*OBSERVATIONS, ROW]))
    digest, before = _digests(subject, action, to_micros(now), once, facts)
    batch = clinic.gateway().admit(
        [Observations(identifier.system, table)],
        source=source,
        file_name=source,
        file_digest=digest,
        rows_in=1,
    )
    if batch.quarantined:
        raise SchemaError(f"it cannot be kept: {batch.quarantined[0].reason}")
    with clinic.store.grouped():  # two deliveries at the same moment are one after the other
        if once and any(clinic.store.seen_file(name) is not None for name in (digest, before)):
            return ""
        return clinic.store.append(batch, Entry(actor, action, Purpose.CARE, subject)).ledger_entry


def _digests(
    subject: SubjectId, action: str, now: Micros, once: str, facts: Sequence[Fact]
) -> tuple[str, str]:
    """Return what a form's facts are known by, and what they were known by minutes before."""
    spans = (now // SENT_AGAIN_US, now // SENT_AGAIN_US - 1) if once else (now, now)
    told = [(fact.code, fact.number, fact.text) for fact in facts] if once else ""
    first, second = (f"{subject} {span} {once} {told} {action}" for span in spans)
    return sha256(first.encode()).hexdigest(), sha256(second.encode()).hexdigest()


def answers_of(instrument: Instrument, form: dict[str, str]) -> tuple[int | None, ...]:
    """Read a form's answers, "1" to "n"; SchemaError where one is none of the choices."""
    found: list[int | None] = []
    for number, item in enumerate(instrument.items, 1):
        text = form.get(f"a{number}", "")
        allowed = {str(choice.value): choice.value for choice in item.choices}
        if text and text not in allowed:
            raise SchemaError(f"answer {number} is none of the choices")
        found.append(allowed.get(text))
    if not any(answer is not None for answer in found):
        raise SchemaError("no question was answered: nothing was kept")
    return tuple(found)


def filled_in(known: Mapping[str, Instrument], form: dict[str, str]) -> Filled:
    """Read a sent questionnaire; SchemaError if it is none of `known` or its answers do not fit."""
    instrument = known.get(form.get("instrument", ""))
    if instrument is None:
        raise SchemaError("there is no such questionnaire here")
    scored, facts = questionnaire(instrument, answers_of(instrument, form))
    return Filled(instrument, scored, tuple(facts))


def questionnaire(
    instrument: Instrument, answers: Sequence[int | None]
) -> tuple[Score, list[Fact]]:
    """Return the score of a filled-in questionnaire and the facts to write down."""
    scored = score(instrument, answers)
    facts = [
        Fact(item.code, float(answer), unit="{score}")
        for item, answer in zip(instrument.items, answers, strict=True)
        if answer is not None
    ]
    if scored.total is not None:
        facts.append(Fact(instrument.total_code, float(scored.total), unit="{score}"))
    return scored, facts
