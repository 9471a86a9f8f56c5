"""Put identifiers into plain sentences where a word stands for one: "my boss", "El paciente"."""

import re
from collections.abc import Sequence

from deid.values import Piece, Values

WHO = "mom|mum|mother|dad|father|wife|husband|boss|friend|sister|brother|boyfriend|girlfriend|roommate|son|daughter"
WHO += (
    "|professor|teacher|partner|aunt|uncle|manager|coworker|ex|therapist|doctor|grandmother|cousin"
)
QUIEN = "madre|padre|esposa|esposo|marido|mujer|hijo|hija|hermano|hermana|abuela|médico|psiquiatra|jefa|jefe|amiga"
PLACES = {
    "en": (
        (re.compile(r"\b(She|He|The patient|Patient|The client|he|she|the patient)\b"), "p", ""),
        (re.compile(rf"\b([Mm]y|[Hh]er|[Hh]is) ({WHO})\b"), "r", ""),
        (re.compile(rf"\b([Mm]y|[Hh]er|[Hh]is) ({WHO})\b(?!')"), "r", "keep"),
        (re.compile(r"\b(the family|family|friends|people|everyone|a person|someone)\b"), "o", ""),
        (re.compile(r"\b(yesterday|today|last week|last month|last night|this week|soon)\b"), "date", "on "),
        (re.compile(r"\b(my|the|this|our) (school|university|college)\b"), "school", ""),
        (re.compile(r"\bat (work|my job|my work)\b"), "employer", "at "),
        (re.compile(r"\b(the|a|my) (hospital|clinic)\b"), "hospital", ""),
        (re.compile(r"\b(at home|home|here|abroad|out of state)\b"), "town", "in "),
    ),
    "es": (
        (re.compile(r"\b(El|La|el|la|un|una|Un|Una) (paciente|enfermo|enferma|mujer|varón)\b"), "p", ""),
        (re.compile(r"\b([Pp]aciente)\b"), "p", "keep"),
        (re.compile(rf"\b([Ss]u|[Mm]i|[Ll]a|[Ee]l) ({QUIEN})\b"), "r", ""),
        (re.compile(rf"\b([Ss]u|[Mm]i|[Ll]a|[Ee]l) ({QUIEN})\b"), "r", "keep"),
        (re.compile(r"\b([Ll]a familia|familiares|los padres|nadie)\b"), "o", ""),
        (re.compile(r"\b(hace (un|una|dos|tres|cuatro|\d+) (días?|meses|mes|años?|semanas?)|ayer|hoy)\b"), "date", "el "),
        (re.compile(r"\b(nuestro|este|su|otro) (hospital|centro)\b"), "hospital", "el "),
        (re.compile(r"\b(el|su) (trabajo|empresa)\b"), "employer", ""),
        (re.compile(r"\b(en casa|domicilio|en su domicilio)\b"), "town", "en "),
    ),
}  # fmt: skip


def inserted(sentence: str, values: Values) -> Sequence[Piece]:
    """Return the pieces of a sentence with one identifier in the place of such a word.

    The sentence as it is, if it has no such word.
    """
    chance = values.chance
    places = list(PLACES[values.lang])
    chance.shuffle(places)
    for pattern, slot, before in places:
        found = list(pattern.finditer(sentence))
        if found:
            return _put(sentence, chance.choice(found), slot, before, values)
    return ((sentence, None),)


def _put(
    sentence: str, at: re.Match[str], slot: str, before: str, values: Values
) -> Sequence[Piece]:
    chance = values.chance
    head, tail = sentence[: at.start()], sentence[at.end() :]
    if before == "keep":
        head, before = sentence[: at.end()] + chance.choice((" ", " ", ", ", " (")), ""
        if head.endswith("("):
            tail = ")" + tail
        elif head.endswith(", ") and tail[:1] not in {".", ","}:
            tail = "," + tail
    if slot in {"p", "r", "o"}:
        slot += chance.choice((".given", ".given", ".family", ".full", ".title", ""))
    elif head == "" and before:
        before = before.capitalize()
    return ((head + before, None), *values.pieces(slot), (tail, None))
