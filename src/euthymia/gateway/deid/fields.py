"""Forms inside notes: a label, then a value ("Apellidos: Rivera Bueno.", "Next of kin: ...")."""

# ruff: noqa: E501, PLR0911 - patterns are read whole, with the signs that people write

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span

_LABELS: Final[tuple[tuple[Kind, str], ...]] = (
    (
        Kind.PERSON,
        (r"nombre(?: completo| y apellidos| del paciente| de la paciente)?|(?:primer |"
        r"segundo )?apellidos?(?: y nombre)?|paciente|"
        r"medico(?: responsable| remitente| de (?:cabecera|familia|atencion primaria))?|"
        r"facultativo|doctora?|psiquiatra|psicolog[oa]|"
        r"terapeuta|firmado(?: por)?|fdo|remitido por|responsable(?: clinico| medico)?|"
        r"rsponsable medico|contacto(?: de emergencia)?|tutor(?: legal)?|"
        r"familiar(?: de contacto)?|madre|padre|conyuge|autor|remite|enfermer[oa]|"
        r"solicitado por|informado por|supervisor|acompanante|"
        r"(?:patient |full |first |last |given |family |middle |maiden |preferred |"
        r"client )?name(?: of patient)?|surname|forenames?|"
        r"attended|apologies|participants?|asisten(?:tes)?|asistieron|faltan|faltaron|pt name|pt|resident|identifying data|service user|witness|keyworker|advocate|supervisor|moderator|facilitators?|chair|minutes|present|attendees|staff|team|nurse in charge|prescriber|collected by|emergency|daughter|son|mother|father|wife|husband|partner|brother|sister|friend|neighbou?r|sponsor|interpreter|"
          r"patient|client|next of kin|nok|emergency contact|contact(?: person)?|gp|doctor|"
        r"(?:attending |referring |treating |primary care )?physician|"
        r"provider|pcp|attending|clinician|therapist|psychiatrist|psychologist|consultant|"
        r"signed(?: by)?|"
        r"(?:electronically )?signed by|dictated by|author|referred by|reviewed by|seen by|"
        r"written by|completed by|interviewer|cc|"
        r"care coordinator|case manager|key ?worker|social worker|nurse|carer|guardian|spouse|"
        r"informant|"
        r"directed by|supervised by|accompanied by|attn|to|from|user"),
    ),
    (
        Kind.ADDRESS,
        (r"domicilio|direccion(?: postal| para correspondencia)?|residencia|vive en|"
        r"(?:home |mailing |postal |billing |shipping |current |street )?address"),
    ),
    (
        Kind.LOCATION,
        (r"localidad(?:/ ?provincia)?|provincia|ciudad|municipio|poblacion|lugar de nacimiento|"
        r"lugar|natural de|"
        r"comunidad(?: autonoma)?|city|town|county|state|place of birth|birthplace|hometown|"
        r"district|where|location"),
    ),
    (Kind.POSTCODE, r"cp|c\.p\.|codigo postal|zip(?: code)?|post ?code|postal code"),
    (Kind.COUNTRY, r"pais(?: de (?:nacimiento|origen))?|country(?: of (?:birth|origin))?|nacionalidad|nationality"),
    (
        Kind.DATE,
        (r"fecha(?: de (?:nacimiento|ingreso|alta|consulta|informe|visita|la consulta))?|"
        r"f\. ?nac\.?|f\. ?nacimiento|f\. ?ingreso|"
        r"d\.?o\.?b\.?|date of birth|birth ?date|born|date(?: of (?:service|visit|admission|"
        r"discharge|consultation|review|report|assessment))?|"
        r"admission date|discharge date|admitted|discharged|next appointment|when|proxima cita"),
    ),
    (Kind.HOSPITAL, r"hospital|centro(?: de salud| sanitario)?|clinica|clinic|facility|site|practice|surgery"),
    (Kind.ORGANISATION, r"obra social|aseguradora|eps|mutua|insurer|insurance(?: company| plan)?|pharmacy|farmacia|empresa|lugar de trabajo|centro de trabajo|colegio|employer|place of work|workplace|school|company"),
    (Kind.PROFESSION, r"profesion|ocupacion|oficio|occupation|profession|job|job title"),
    (
        Kind.PHONE,
        (r"tel(?:efono|f|\.)?(?: movil| de contacto)?|tlf\.?|movil|fax|phone(?: number)?|"
        r"mobile|cell|tel(?:ephone)?|pager|home phone|work phone"),
    ),
    (
        Kind.ID,
        (r"nhc|nass|cipa?|dni(?:/nie)?|nie|nif|episodio|n[º°o]? ?col(?:egiado)?|colegiado|"
        r"n\.? ?h\.? ?c\.?|historia clinica|mrn|record (?:no|number)|"
        r"medical record (?:no|number)|nhs(?: no| number)?|ssn|patient id|id|account(?: no|"
        r" number)?|case no|encounter|policy(?: no| number)?"),
    ),
)  # fmt: skip
_LABEL: Final = re.compile(
    r"(?:" + "|".join(f"(?P<k{kind.value}>{labels})" for kind, labels in _LABELS) + r")"
    r"\.?\s{0,2}(?:#|n[º°o]\.?)?\s{0,2}"
)
_OPENERS: Final = frozenset("\n.;|,\t(\ufeff•*-")
_BEFORE: Final = 52
"""Characters before a colon in which its label begins."""
_NEXT_LABEL: Final = re.compile(r"\s[a-z][\w/ºª. -]{1,24}:(?!\d)|\s{3,}|\s-{2,}|\||;|\t|\n")
_SENTENCE: Final = re.compile(
    r"(?<![ .:][A-Za-z])(?<!\bdr)(?<!dra)(?<!prof)(?<!avda)(?<! av)(?<! sr)(?<!sra)(?<! st)(?<! n)\.(?=\s{1,110}[A-Z\n]|"
    r"\s{0,110}$)"
)
_LONGEST: Final = 110


_SEGMENT: Final = re.compile(r"PID\|\d{0,4}\|[^\n|]{0,40}\|[^\n]{0,400}")
_SEGMENT_VALUE: Final = re.compile(r"[^|\n]{1,80}$")
_SEGMENT_PHONE: Final = re.compile(r"[+(]?\d[\d ().-]{4,20}\d")
"""The last field may be followed by more text in its line."""
_SEGMENT_KINDS: Final = {
    2: Kind.ID, 3: Kind.ID, 4: Kind.ID, 5: Kind.PERSON, 6: Kind.PERSON, 7: Kind.DATE,
    9: Kind.PERSON, 11: Kind.ADDRESS, 13: Kind.PHONE, 14: Kind.PHONE, 18: Kind.ID, 19: Kind.ID,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A label that was found: what it announces, and where its value begins."""

    kind: Kind
    start: int


def labelled(low: str) -> list[Field]:
    """Return the fields of a text folded character by character: each ends its label in a colon."""
    out: list[Field] = []
    at = low.find(":")
    while at >= 0:
        kind = _label_before(low, at)
        start = at + 1
        at = low.find(":", start)
        if kind is not None:
            while start < len(low) and low[start] in " \t":
                start += 1
            out.append(Field(kind, start))
    return out


def _label_before(low: str, colon: int) -> Kind | None:
    """Return what the label that ends at `colon` announces: the longest that begins a field."""
    begin = max(0, colon - _BEFORE)
    line = low.rfind("\n", begin, colon) + 1
    for place in range(max(begin, line), colon):
        if place and not (low[place - 1] in _OPENERS or low[place - 1] == " "):
            continue
        if not low[place].isalpha():
            continue
        match = _LABEL.fullmatch(low, place, colon)
        if match is not None:
            return Kind(next(k for k, v in match.groupdict().items() if v is not None)[1:])
    return None


def field_spans(text: str, low: str, fields: Sequence[Field]) -> list[Span]:
    """Return the values of the fields; `low` is `text` folded character by character."""
    out: list[Span] = []
    for field in fields:
        if field.start >= len(text) or text[field.start] == "\n":
            continue
        end = _end(text, low, field.start)
        span = _value(text, field.kind, field.start, end)
        if span is not None:
            out.append(span)
    return out


def segment_spans(text: str) -> list[Span]:
    """Return the identifiers of HL7 v2 patient segments (`PID|1||number||Family^Given|...`)."""
    out: list[Span] = []
    for match in _SEGMENT.finditer(text):
        at = match.start()
        for place, value in enumerate(match.group().split("|")):
            kind = _SEGMENT_KINDS.get(place)
            shape = _SEGMENT_PHONE if kind is Kind.PHONE else _SEGMENT_VALUE
            own = shape.match(value)
            if kind is not None and own is not None:
                out.append(Span(at, at + own.end(), kind, 0.97, "rule:field"))
            at += len(value) + 1
    return out


def _end(text: str, low: str, start: int) -> int:
    limit = min(len(text), start + _LONGEST)
    stop = _NEXT_LABEL.search(low, start, limit)
    end = stop.start() if stop else limit
    sentence = _SENTENCE.search(text, start, end)
    return sentence.start() if sentence else end


def _value(text: str, kind: Kind, start: int, end: int) -> Span | None:
    value = text[start:end].rstrip(" .,;")
    start += len(value) - len(value.lstrip())
    value = value.strip()
    end = start + len(value)
    if not value or value[0] in "[<{":
        return None
    if kind is Kind.PERSON:
        return None  # names are told from other words by `names`, which sees these labels too
    if kind in {Kind.ID, Kind.PHONE, Kind.DATE, Kind.POSTCODE}:
        return _numeric(value, kind, start, end)
    if kind is Kind.ADDRESS:
        return Span(start, end, kind, 0.96, "rule:field") if len(value) > 3 else None
    if kind is Kind.LOCATION and value.isdigit():
        return Span(start, end, Kind.POSTCODE, 0.9, "rule:field")
    if len(value.split()) > 6 or not (value[0].isupper() or kind is Kind.PROFESSION):
        return None
    return Span(start, end, kind, 0.95, "rule:field")


def _numeric(value: str, kind: Kind, start: int, end: int) -> Span | None:
    digits = [n for n, c in enumerate(value) if c.isdigit()]
    if not digits or len(value) > 45:
        return None
    if kind is Kind.DATE:
        return None if len(value) > 30 else Span(start, end, kind, 0.9, "rule:field")
    last = digits[-1] + 1
    if (
        kind is Kind.ID
        and value[last : last + 1].isalpha()
        and not value[last + 1 : last + 2].isalpha()
    ):
        last += 1
    if len(digits) < 3:
        return None
    return Span(start, start + last, kind, 0.97, "rule:field")
