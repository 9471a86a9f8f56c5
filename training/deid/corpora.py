"""Annotated text: MEDDOCAN train, Presidio's first 250, SAD, whole notes, notes written by hand."""

import json
import re
import tarfile
import zipfile
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

from deid.names import Names
from deid.values import Piece, Values

TRADES = tuple(
    (what, re.compile(words, re.IGNORECASE))
    for what, words in (
        ("school", r"school|academy|college|universi|elementary|high\b|colegio|escuela|instituto|liceo|\b(?:ies|ceip)\b"),
        ("church", r"church|chapel|parish|mosque|temple|synagogue|iglesia|parroquia|mezquita|sinagoga"),
        ("pharmacy", r"pharm|drug|chemist|farmacia|botica"),
        ("insurer", r"health plan|insur|mutual|assurance|seguros|mutua\b"),
        ("lab", r"\blabs?\b|laborator|diagnos|patholog|imaging"),
    )
)  # fmt: skip
"""What an organisation is by its words, so that its like is put in its place."""
UNKNOWN = "?"
"""The kind of a piece from which nothing is learnt."""

MEDDOCAN = {
    "NOMBRE_SUJETO_ASISTENCIA": "PERSON", "NOMBRE_PERSONAL_SANITARIO": "PERSON",
    "FECHAS": "DATE", "EDAD_SUJETO_ASISTENCIA": "AGE", "CALLE": "ADDRESS", "PAIS": "COUNTRY",
    "ID_SUJETO_ASISTENCIA": "ID", "ID_TITULACION_PERSONAL_SANITARIO": "ID",
    "ID_ASEGURAMIENTO": "ID", "ID_CONTACTO_ASISTENCIAL": "ID", "ID_EMPLEO_PERSONAL_SANITARIO": "ID",
    "CORREO_ELECTRONICO": "EMAIL", "NUMERO_TELEFONO": "PHONE", "NUMERO_FAX": "PHONE",
    "HOSPITAL": "HOSPITAL", "CENTRO_SALUD": "HOSPITAL", "INSTITUCION": "ORGANISATION",
    "PROFESION": "PROFESSION", "URL_WEB": "URL", "OTROS_SUJETO_ASISTENCIA": UNKNOWN,
}  # fmt: skip
PRESIDIO = {
    "PERSON": "PERSON", "STREET_ADDRESS": "ADDRESS", "GPE": "LOCATION", "ORGANIZATION": "ORGANISATION",
    "DATE_TIME": "DATE", "CREDIT_CARD": "ACCOUNT", "IBAN_CODE": "ACCOUNT", "AGE": "AGE",
    "PHONE_NUMBER": "PHONE", "DOMAIN_NAME": "URL", "ZIP_CODE": "POSTCODE", "EMAIL_ADDRESS": "EMAIL",
    "US_SSN": "ID", "US_DRIVER_LICENSE": "ID", "IP_ADDRESS": "IP", "NRP": UNKNOWN, "TITLE": UNKNOWN,
}  # fmt: skip
YEAR = re.compile(r"\s*(año |en )?(19|20)\d\d\s*$")


def split(text: str, marks: list[tuple[int, int, str | None]]) -> list[Piece]:
    """Return the pieces of a text with marked places; the longer of two that overlap stays."""
    pieces: list[Piece] = []
    at = 0
    for start, end, kind in sorted(marks, key=lambda mark: (mark[0], -mark[1])):
        if start < at:
            continue
        pieces.append((text[at:start], None))
        pieces.append((text[start:end], kind))
        at = end
    pieces.append((text[at:], None))
    return [piece for piece in pieces if piece[0]]


def _meddocan_kind(name: str, words: str) -> str | None:
    if name == "SEXO_SUJETO_ASISTENCIA":
        return None
    if name == "FAMILIARES_SUJETO_ASISTENCIA":
        return None if words.islower() else UNKNOWN
    if name == "TERRITORIO":
        return "POSTCODE" if words[0].isdigit() else "LOCATION"
    if name == "FECHAS" and YEAR.match(words):
        return UNKNOWN
    return MEDDOCAN[name]


def meddocan(archive: Path) -> list[list[Piece]]:
    """Return the cases of one part of MEDDOCAN in the order of their names."""
    texts, marks = {}, {}
    with tarfile.open(archive) as tar:
        for member in tar:
            stem, _, ending = Path(member.name).name.rpartition(".")
            if member.isfile() and ending in {"txt", "ann"}:
                content = tar.extractfile(member).read().decode("utf-8")  # type: ignore[union-attr]
                (texts if ending == "txt" else marks)[stem] = content
    cases = []
    for stem in sorted(texts):
        found = []
        for line in marks[stem].splitlines():
            if line.startswith("T"):
                _, place, words = line.split("\t", 2)
                name, start, end = place.split(" ")
                found.append((int(start), int(end), _meddocan_kind(name, words)))
        cases.append(split(texts[stem], found))
    return cases


def presidio(file: Path) -> list[list[Piece]]:
    """Return the first 250 texts; the others are for reporting."""
    cases = []
    for entry in json.loads(file.read_text(encoding="utf-8"))[:250]:
        marks = []
        for mark in entry["spans"]:
            kind = PRESIDIO[mark["entity_type"]]
            if kind == "DATE" and YEAR.match(mark["entity_value"]):
                kind = UNKNOWN
            marks.append((mark["start_position"], mark["end_position"], kind))
        cases.append(split(entry["full_text"], marks))
    return cases


def sad(file: Path) -> list[str]:
    """Return everyday English sentences about stress in which no word inside looks like a name."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(file) as book:
        strings = ["".join(t.text or "" for t in item.iter(f"{space}t"))
                   for item in ET.fromstring(book.read("xl/sharedStrings.xml"))]  # fmt: skip
    sentences = []
    for text in strings:
        words = text.split()
        inner = [w for w in words[1:] if w[0].isupper() and not re.match(r"I\b|I'", w)]
        if 5 <= len(words) <= 40 and not inner and not re.search(r"\d{3}", text):
            sentences.append(text)
    return sentences


WIDE = re.compile(r"\[(?P<kind>[A-Z]):(?P<value>[^]]+)\]|\{(?P<who>[a-z])\.(?P<form>[a-z]+)(?P<how>\^|\[0\])?\}")  # fmt: skip
WIDE_KINDS = {
    "N": "PERSON",
    "D": "DATE", "P": "PHONE", "I": "ID", "A": "ADDRESS", "L": "LOCATION", "Z": "POSTCODE", "H": "HOSPITAL",
    "O": "ORGANISATION", "E": "EMAIL", "U": "URL", "C": "COUNTRY", "X": "ACCOUNT", "K": "USERNAME",
    "V": "VEHICLE", "G": "AGE", "Q": "PROFESSION", "W": "IP", "B": "COORDINATES", "M": UNKNOWN,
}  # fmt: skip


def wide(file: Path) -> list[str]:
    """Return the whole notes of one file of `deid.wide`."""
    return [shape.strip() for shape in file.read_text(encoding="utf-8").split("%%\n")]


def filled(shape: str, chance: Random, lang: str, names: Names) -> list[Piece]:
    """Return a whole note with new names, half of its other identifiers drawn anew as well."""
    values = Values(chance, lang, names, {})
    forms = {"upper": "caps"}
    pieces: list[Piece] = []
    at = 0
    for match in WIDE.finditer(shape):
        before = shape[at : match.start()]
        pieces.append((before, None))
        at = match.end()
        if match["who"]:
            if match["form"] == "upper" or match["how"] == "^":
                given, family = values.person(match["who"])
                text = given if match["how"] == "^" else f"{given} {family}"
                pieces.append((text.upper(), "PERSON"))
            elif match["how"]:
                pieces.append((values.person(match["who"])[1][0], "PERSON"))
            else:
                pieces.extend(values.name(match["who"], forms.get(match["form"], match["form"])))
            continue
        kind, text = WIDE_KINDS[match["kind"]], match["value"]
        if kind != UNKNOWN and chance.random() < 0.5:
            text = _replacement(text, kind, before, values, at)
        pieces.append((text, kind))
    return [piece for piece in [*pieces, (shape[at:], None)] if piece[0]]


HAND = {
    "PERSON": "PERSON", "DATE": "DATE", "AGE": "AGE", "PHONE": "PHONE", "EMAIL": "EMAIL", "URL": "URL",
    "IP": "IP", "USER": "USERNAME", "ID": "ID", "ADDRESS": "ADDRESS", "POSTCODE": "POSTCODE",
    "PLACE": "LOCATION", "HOSPITAL": "HOSPITAL", "ORG": "ORGANISATION",
}  # fmt: skip
HAND_MARK = re.compile(r"\{\{([A-Z]+)\|(.*?)\}\}", re.DOTALL)
HAND_OPEN = re.compile(
    r"\b(?:\d{1,2}[- ]?(?:years?|yrs?|yo|y/o|años?|a\.|M|F|m|f)\b|(?:19|20)\d\d\b|"
    r"(?i:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|lunes|martes|miércoles|jueves|viernes|sábado|domingo)\b)"
)
"""What the notes written by hand leave unmarked now and then: from it nothing is learnt."""


def hand(file: Path) -> list[tuple[int, list[Piece]]]:
    """Return the notes that people wrote by hand, each with its number."""
    parts = re.split(r"(?m)^=== (\d+) .*\n", file.read_text(encoding="utf-8"))
    return [
        (int(number), _marked(note.strip()))
        for number, note in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _marked(note: str) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for match in HAND_MARK.finditer(note):
        pieces += _unmarked(note[at : match.start()])
        pieces.append((match[2], HAND[match[1]]))
        at = match.end()
    return [piece for piece in pieces + _unmarked(note[at:]) if piece[0]]


def _unmarked(text: str) -> list[Piece]:
    return split(text, [(m.start(), m.end(), UNKNOWN) for m in HAND_OPEN.finditer(text)])


def rewritten(pieces: list[Piece], chance: Random, lang: str, names: Names) -> list[Piece]:
    """Return a note written by hand with other names, half of the rest other too, in the same form."""
    values = Values(chance, lang, names, {})
    known: dict[Piece, str] = {}
    made: list[Piece] = []
    for at, (text, kind) in enumerate(pieces):
        if kind is None or kind == UNKNOWN or (kind != "PERSON" and chance.random() < 0.5):
            made.append((text, kind))
            continue
        if (text, kind) not in known:
            new = _replacement(text, kind, pieces[at - 1][0] if at else "", values, len(known))
            known[text, kind] = _formed(text, new) if kind == "PERSON" else new
        made.append((known[text, kind], kind))
    return made


def _formed(old: str, new: str) -> str:
    """Return the new name written as the old one was: initials stay, an initial stays one."""
    if len(old.replace(".", "").replace(" ", "")) < 4:
        return old
    if re.match(r"\w\. ", old):
        new = f"{new[0]}. {new.rsplit(' ', maxsplit=1)[-1]}"
    return new.upper() if old.isupper() else new.lower() if old.islower() else new


def renamed(pieces: list[Piece], chance: Random, lang: str, names: Names) -> list[Piece]:
    """Return a text with its identifiers replaced by new ones; equal ones stay equal."""
    values = Values(chance, lang, names, {})
    known: dict[Piece, str] = {}
    made: list[Piece] = []
    for at, (text, kind) in enumerate(pieces):
        if kind is None or kind == UNKNOWN:
            made.append((text, kind))
            continue
        if (text, kind) not in known:
            before = pieces[at - 1][0] if at else ""
            known[text, kind] = _replacement(text, kind, before, values, len(known))
        made.append((known[text, kind], kind))
    return made


def _replacement(text: str, kind: str, before: str, values: Values, number: int) -> str:
    chance = values.chance
    if kind == "PERSON":
        given, family = values.person(str(number))
        if before.endswith("Nombre: "):
            return given
        if before.endswith("Apellidos: "):
            return f"{family} {values.names.family(chance, values.origin)}"
        if " " not in text:
            return chance.choice((given, family))
        return f"{given} {family}"
    slots = {"DATE": "date", "ADDRESS": "street", "LOCATION": "town", "HOSPITAL": "hospital",
             "COUNTRY": "country", "PHONE": "phone", "EMAIL": "email", "USERNAME": "username", "URL": "url", "IP": "ip"}  # fmt: skip
    if kind == "ORGANISATION":
        slots |= {
            "ORGANISATION": next((what for what, sign in TRADES if sign.search(text)), "employer")
        }
    if kind in slots and chance.random() < 0.7 and "\n" not in text:
        return values.pieces(slots[kind])[0][0]
    if kind in {"ID", "ACCOUNT", "POSTCODE"}:
        return "".join(chance.choice("0123456789") if c.isdigit() else c for c in text)
    return text
