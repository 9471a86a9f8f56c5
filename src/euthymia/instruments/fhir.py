"""Questionnaires as FHIR R4: Questionnaire and QuestionnaireResponse, as plain dicts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from euthymia.ground.codes import CODE_SYSTEMS, OWN
from euthymia.ground.errors import SchemaError
from euthymia.instruments.contract import Choice, Instrument, Item
from euthymia.instruments.score import Answers

ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
OWN_SYSTEM: Final = "urn:euthymia:code"
_URLS: Final = {prefix: url for url, prefix in CODE_SYSTEMS.items()} | {OWN: OWN_SYSTEM}

Resource = dict[str, Any]


def _split(code: str) -> tuple[str, str]:
    prefix, _, value = code.partition("/")
    return _URLS[prefix + "/"], value


def _coding(code: str, display: str) -> Resource:
    system, value = _split(code)
    return {"system": system, "code": value, "display": display}


def _value(choice: Choice) -> Resource:
    coding = {} if choice.code is None else _coding(choice.code, choice.text)
    ordinal = {"url": ORDINAL, "valueDecimal": choice.value}
    return {"extension": [ordinal], **(coding or {"display": choice.text})}


def _link(item: Item) -> str:
    return "/" + _split(item.code)[1]


def questionnaire(instrument: Instrument) -> Resource:
    """Return the form as a FHIR R4 Questionnaire. Items without answer codes take an integer."""
    items = []
    for item in instrument.items:
        coded = all(choice.code is not None for choice in item.choices)
        options = [
            {"valueCoding": _value(choice)} if coded else {"valueInteger": choice.value}
            for choice in item.choices
        ]
        items.append(
            {
                "linkId": _link(item),
                "code": [_coding(item.code, item.text)],
                "text": item.text,
                "type": "choice" if coded else "integer",
                "required": False,
                "answerOption": options,
            }
        )
    return {
        "resourceType": "Questionnaire",
        "url": instrument.url,
        "name": instrument.name,
        "title": instrument.title,
        "status": "active",
        "subjectType": ["Patient"],
        "code": [_coding(instrument.code, instrument.title)],
        "item": items,
    }


def response(
    instrument: Instrument, answers: Answers, *, subject: str, authored: datetime
) -> Resource:
    """Return answers as a FHIR R4 QuestionnaireResponse; unanswered items are left out.

    Parameters
    ----------
    subject : str
        A reference, such as ``"Patient/p-..."``.
    authored : datetime
        When it was filled in; must have a time zone.
    """
    if authored.tzinfo is None:
        raise SchemaError("the time a questionnaire was filled in needs a time zone")
    if len(answers) != len(instrument.items):
        raise SchemaError(f"{instrument.name} has {len(instrument.items)} items")
    items = []
    for item, answer in zip(instrument.items, answers, strict=True):
        if answer is None:
            continue
        choice = next((c for c in item.choices if c.value == answer), None)
        if choice is None:
            raise SchemaError(f"{instrument.name}: an answer is not one its item has")
        given = {"valueInteger": answer} if choice.code is None else {"valueCoding": _value(choice)}
        items.append({"linkId": _link(item), "text": item.text, "answer": [given]})
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": instrument.url,
        "status": "completed" if len(items) == len(answers) else "in-progress",
        "subject": {"reference": subject},
        "authored": authored.isoformat(),
        "item": items,
    }


def _points(item: Item, given: Mapping[str, Any]) -> int | None:
    """Return the points of one FHIR answer: by its integer, its ordinal value or its code."""
    for key in ("valueInteger", "valueDecimal"):
        if key in given:
            return _whole(given[key])
    coding = given.get("valueCoding")
    if not isinstance(coding, Mapping):
        return None
    for extension in coding.get("extension", ()):
        if extension.get("url") == ORDINAL:
            return _whole(extension.get("valueDecimal"))
    codes = {_split(c.code): c.value for c in item.choices if c.code is not None}
    return codes.get((str(coding.get("system")), str(coding.get("code"))))


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    return int(value)


def _flat(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for item in items:
        found += [item, *_flat(item.get("item", ()))]
    return found


def answers(instrument: Instrument, resource: Mapping[str, Any]) -> tuple[int | None, ...]:
    """Read the answers out of a QuestionnaireResponse.

    Items are found by linkId (the item's code, with or without a leading slash), also inside
    groups. Items of other questions (a total, a difficulty rating) are passed over.

    Returns
    -------
    tuple of int or None
        One an item; None where there is no answer.

    Raises
    ------
    SchemaError
        It is no QuestionnaireResponse, is one of another questionnaire, answers an item twice, or
        holds an answer that the item does not have.
    """
    if resource.get("resourceType") != "QuestionnaireResponse":
        raise SchemaError("not a QuestionnaireResponse")
    url = str(resource.get("questionnaire", instrument.url)).split("|")[0]
    if url != instrument.url:
        raise SchemaError(f"a response to another questionnaire than {instrument.name}")
    given: dict[str, Any] = {}
    known = {_link(item).lstrip("/") for item in instrument.items}
    for entry in _flat(resource.get("item", ())):
        link = str(entry.get("linkId", "")).lstrip("/")
        if link in known and entry.get("answer"):
            if link in given or len(entry["answer"]) > 1:
                raise SchemaError(f"{instrument.name}: an item is answered twice")
            given[link] = entry["answer"][0]
    found: list[int | None] = []
    for number, item in enumerate(instrument.items, 1):
        one = given.get(_link(item).lstrip("/"))
        points = None if one is None else _points(item, one)
        if one is not None and points not in [choice.value for choice in item.choices]:
            raise SchemaError(
                f"{instrument.name} item {number}: the answer is none of the item's choices"
            )
        found.append(points)
    return tuple(found)
