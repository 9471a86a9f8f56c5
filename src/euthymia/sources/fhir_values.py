"""FHIR R4 data types: codings, values and times, as codes, numbers, units and microseconds."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from euthymia.ground.clock import DAY_US, Timeline, day_date
from euthymia.ground.codes import CODE_SYSTEMS, OWN
from euthymia.sources.json_tree import (
    Node,
    ShapeError,
    day_of,
    instant,
    node,
    nodes,
    number,
    text,
    truth,
)
from euthymia.sources.wall_clock import to_instants

UCUM: Final = "http://unitsofmeasure.org"
ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_PREFERRED: Final = ("LOINC/", "SNOMED/", "RxNorm/", "ATC/", "ICD10CM/", "ICD10/", "CVX/")
# LOINC answer list LL358-3, used by PHQ-9 and GAD-7
_ANSWERS: Final = {"LA6568-5": 0.0, "LA6569-3": 1.0, "LA6570-1": 2.0, "LA6571-9": 3.0}
_LOINC: Final = re.compile(r"\d{1,6}-\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit, or words, or both."""

    number: float | None = None
    text: str | None = None
    unit: str | None = None


def find(start: Node, path: str) -> list[Any]:
    """Return everything at a dotted path, lists opened."""
    found: list[Any] = [start]
    for step in path.split("."):
        following: list[Any] = []
        for item in found:
            if not isinstance(item, dict):
                raise ShapeError(f"{path} is not of the shape that FHIR gives it")
            value = item.get(step)
            following += value if isinstance(value, list) else [] if value is None else [value]
        found = following
    return found


def code_of(coding: Node) -> str | None:
    """Return a coding as "SYSTEM/code"; of systems we have no short name for as "system|code"."""
    code, system = text(coding, "code"), text(coding, "system")
    if code is None:
        return None
    if system is None:
        return f"{OWN}fhir.{code}"
    if system in CODE_SYSTEMS:
        return CODE_SYSTEMS[system] + code
    return f"{system.removeprefix(_HL7)}/{code}" if system.startswith(_HL7) else f"{system}|{code}"


def concept(item: object, name: str) -> tuple[str | None, str | None]:
    """Return the preferred code of a CodeableConcept, and its words."""
    if not isinstance(item, dict):
        raise ShapeError(f"{name} is not an object")
    coded = [(code_of(c), c) for c in nodes(item, "coding")]
    known = [(code, c) for code, c in coded if code is not None]
    words = text(item, "text")
    if not known:
        return None, words or next((text(c, "display") for _, c in coded), None)
    code, coding = min(known, key=lambda pair: _rank(pair[0]))
    return code, text(coding, "display") or words


def _rank(code: str) -> int:
    return next((i for i, system in enumerate(_PREFERRED) if code.startswith(system)), 99)


def is_loinc(code: str) -> bool:
    """Tell whether a code is LOINC's, by its check digit (Luhn, mod 10)."""
    if not _LOINC.fullmatch(code):
        return False
    digits, check = code.split("-")
    total = 0
    for i, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if i % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10 == int(check)


# -- value[x] --------------------------------------------------------------------------------------


def value_of(holder: Node) -> Value | None:
    """Return `value[x]` of an observation, a component or an answer; None if there is none."""
    found = [name for name in holder if name.startswith("value") and holder[name] is not None]
    if not found:
        return _absent(holder)
    return _typed(holder, found[0])


def _typed(holder: Node, name: str) -> Value:
    if name in {"valueQuantity", "valueAge", "valueDuration"}:
        return _quantity(node(holder, name) or {})
    if name == "valueCodeableConcept":
        _, words = concept(holder[name], name)
        return Value(_ordinal(nodes(node(holder, name) or {}, "coding")), words)
    if name == "valueCoding":
        coding = node(holder, name) or {}
        return Value(_ordinal([coding]), text(coding, "display") or text(coding, "code"))
    if name in {"valueInteger", "valueDecimal"}:
        return Value(number(holder, name))
    return _other(holder, name)


def _other(holder: Node, name: str) -> Value:
    if name in {"valueString", "valueDateTime", "valueDate", "valueTime", "valueUri"}:
        return Value(text=text(holder, name))
    if name == "valueBoolean":
        said = truth(holder, name)
        return Value(float(bool(said)), "true" if said else "false")
    return _structured(holder, name)


def _structured(holder: Node, name: str) -> Value:
    inside = node(holder, name) or {}
    if name == "valueRatio":
        top, bottom = (node(inside, part) or {} for part in ("numerator", "denominator"))
        return Value(text=f"{_amount(top)} : {_amount(bottom)}")
    if name == "valueRange":
        low, high = (node(inside, part) or {} for part in ("low", "high"))
        return Value(text=f"{_amount(low)} to {_amount(high)}")
    if name == "valuePeriod":
        return Value(text=f"{text(inside, 'start') or ''}/{text(inside, 'end') or ''}")
    if name == "valueReference":
        return Value(text=text(inside, "display"))
    if name in {"valueSampledData", "valueAttachment"}:
        return Value(text=f"a {name.removeprefix('value')} that is not unpacked")
    raise ShapeError("value[x] is not of a type that FHIR R4 allows here")


def _absent(holder: Node) -> Value | None:
    if "dataAbsentReason" not in holder:
        return None
    code, words = concept(holder["dataAbsentReason"], "dataAbsentReason")
    return Value(text=f"absent: {words or (code or 'unknown').rpartition('/')[2]}")


def _quantity(quantity: Node) -> Value:
    """Return a quantity; one with a comparator is a bound, not a number, and kept in words."""
    value, unit = number(quantity, "value"), text(quantity, "code") or text(quantity, "unit")
    if text(quantity, "comparator"):
        return Value(text=f"{quantity['comparator']} {_amount(quantity)}", unit=unit)
    return Value(value, unit=unit)


def _amount(quantity: Node) -> str:
    value = number(quantity, "value")
    unit = text(quantity, "code") or text(quantity, "unit") or ""
    return f"{'' if value is None else format(value, 'g')} {unit}".strip()


def _ordinal(codings: list[Node]) -> float | None:
    for coding in codings:
        for extension in nodes(coding, "extension"):
            if text(extension, "url") == ORDINAL:
                return number(extension, "valueDecimal")
        if (code := text(coding, "code")) in _ANSWERS:
            return _ANSWERS[str(code)]
    return None


# -- times -----------------------------------------------------------------------------------------


def time_us(value: object, name: str, zone: str) -> int:
    """Return a FHIR date, dateTime or instant as microseconds UTC.

    A date is the start of that local day, a year or month the start of its first; a time without
    an offset is a wall clock's.
    """
    if not isinstance(value, str):
        raise ShapeError(f"{name} is not a string")
    day = day_of(value)
    if day is not None:
        return _midnight(zone, day)
    if len(value) >= 16 and not re.search(r"(Z|[+-]\d\d:?\d\d)$", value[16:]):
        wall = instant(value + "Z", name)
        return int(to_instants(np.array([wall], np.int64), zone)[0])
    return instant(value, name)


@lru_cache(maxsize=65536)
def _midnight(zone: str, day: int) -> int:
    if not 1850 < day_date(day).year < 2200:  # no zone has rules there
        return day * DAY_US
    return Timeline(((0, zone),)).start_of_day(day)
