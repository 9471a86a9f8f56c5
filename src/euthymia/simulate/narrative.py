"""Clinicians' notes that name people, with the place of every identifier on record.

A note is put together from sentences in varied wording, so that no two look alike. Each identifier
that goes in is written down as (start, end, kind) in characters, end exclusive.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from euthymia.simulate.names import CLINICIANS
from euthymia.simulate.people import Person

KINDS: Final = (
    "name", "relative", "clinician", "phone", "address", "mrn", "email", "date", "employer", "age",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """An identifier in a note: characters [start, end) and what it is."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a study day and the identifiers in it."""

    day: int
    text: str
    spans: tuple[Span, ...]


OPENINGS: Final = (
    "{name} was seen today for follow-up of depression.",
    "Follow-up visit with {name} (MRN {mrn}), seen on {date}.",
    "Pt {family} came in on {date}, {age} y/o, accompanied by {relation} {relative}.",
    "{title} {family} attended as planned. Record no. {mrn}.",
    "Reviewed {name}, d.o.b. {birth}, in clinic on {date}.",
    "PROGRESS NOTE\nPatient: {family}, {given}\nMRN: {mrn}\nDate of service: {date}\n",
    "Telephone review on {date}; {given} called back from {phone}.",
)
STATES: Final = {
    "well": (
        "Mood described as stable; sleeping and eating normally.",
        "Reports feeling like themselves again, back to seeing friends.",
        "No low mood to speak of. Energy good, enjoys cooking.",
        "Euthymic, reactive affect. No suicidal ideation.",
    ),
    "mild": (
        "Some days are flat, sleep is lighter than before.",
        "Mood a little low in the mornings, manages daily tasks.",
        "Tired, less patient than usual. Denies hopelessness.",
    ),
    "ill": (
        "Low mood most of the day, wakes at four, little appetite.",
        "Has stopped going out; concentration poor; tearful in session.",
        "Anhedonia, psychomotor slowing, guilt about being a burden.",
        "Feels hopeless at times. Passive thoughts of not waking up, no plan or intent.",
    ),
}
LIVES: Final = (
    "Still works at {employer} and finds the shifts tiring.",
    "On sick leave from {employer} since {past}.",
    "Lives at {address} with {relation} {relative}.",
    "{relation_cap} {relative} is worried and can be reached on {phone}.",
    "Moved to {address} last month.",
    "Argument with {relation} ({relative}) on {past}.",
    "Grew up the second of four children; will see family in spring.",
    "Walks in the park, has found a rose garden there; may join a reading group.",
    "Prefers reminders by e-mail to {email}.",
    "Asked that letters go to {address}, not to work.",
)
PLANS: Final = (
    "Plan: continue current treatment, review in four weeks.",
    "Plan: PHQ-9 every two weeks, call {phone} if two are missed.",
    "Next appointment {next}. {doctor}",
    "Discussed with Dr {doctor_family}; no change today.",
    "Safety plan reviewed; {relation} {relative} holds a copy.",
    "Will send a summary to {email}. Signed, {doctor}",
    "Dose to be reviewed at next visit. Signed {doctor_family}",
)
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_FIELDS: Final = {
    "name": "name", "given": "name", "family": "name", "mrn": "mrn", "phone": "phone",
    "relative": "relative", "employer": "employer", "address": "address", "email": "email",
    "date": "date", "past": "date", "next": "date", "birth": "date", "age": "age",
    "doctor": "clinician", "doctor_family": "clinician",
}  # fmt: skip


def write_note(
    rng: np.random.Generator, person: Person, day: int, on: date, severity: float
) -> Note:
    """Return a note about a visit, in words that fit how the person is."""
    words = _words(rng, person, on)
    state = "ill" if severity >= 10 else "mild" if severity >= 6 else "well"
    lives = rng.permutation(len(LIVES))[: int(rng.integers(1, 4))]
    sentences = [
        _one(rng, OPENINGS),
        _one(rng, STATES[state]),
        *(LIVES[i] for i in lives),
        _one(rng, PLANS),
    ]
    text, spans = "", []
    gap = "\n" if rng.random() < 0.4 else " "
    for sentence in sentences:
        text += gap if text and not text.endswith("\n") else ""
        for literal, field in _pieces(sentence):
            text += literal
            if field is None:
                continue
            if field in _FIELDS:
                spans.append(Span(len(text), len(text) + len(words[field]), _FIELDS[field]))
            text += words[field]
    return Note(day, text + "\n", tuple(spans))


def _one(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _pieces(sentence: str) -> list[tuple[str, str | None]]:
    out: list[tuple[str, str | None]] = []
    for part in sentence.split("{"):
        field, closed, rest = part.rpartition("}")
        if closed:
            out[-1] = (out[-1][0], field)
            out.append((rest, None))
        else:
            out.append((part, None))
    return out


def _words(rng: np.random.Generator, person: Person, on: date) -> dict[str, str]:
    who = person.identity
    given, family = CLINICIANS[person.site.number][who.clinician]
    style = int(rng.integers(4))
    address = f"{who.street}, {who.city}"
    if rng.random() < 0.5:
        address += f" {who.postcode}"
    return {
        "name": f"{who.given} {who.family}",
        "given": who.given,
        "family": who.family,
        "title": "Ms" if person.sex == "female" else "Mr",
        "mrn": who.mrn,
        "phone": who.phone,
        "email": who.email,
        "address": address,
        "employer": who.employer,
        "relation": f"{who.relation}",
        "relation_cap": who.relation.capitalize(),
        "relative": who.relative,
        "age": str(person.age),
        "birth": dated(who.birth_date, style),
        "date": dated(on, style),
        "past": dated(on - timedelta(days=int(rng.integers(2, 40))), style),
        "next": dated(on + timedelta(days=int(rng.integers(14, 42))), style),
        "doctor": f"Dr {given} {family}",
        "doctor_family": family,
    }


def dated(on: date, style: int) -> str:
    """Return a date in one of four ways of writing it."""
    month = MONTHS[on.month - 1]
    return (
        on.isoformat(),
        f"{on.day} {month} {on.year}",
        f"{on.month}/{on.day}/{on.year % 100:02d}",
        f"{month} {on.day}",
    )[style]
