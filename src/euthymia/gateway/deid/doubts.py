"""Marks of the tagger that the lists contradict: ordinary words, short numbers, headings."""

# ruff: noqa: E501, PLR0911 - one question after the other, each with its answer

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.plainly import BE, of_nobody
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    LABEL_WORDS,
    MONTHS,
    NEVER_NAMES,
    PEOPLES,
    SAYS,
    TITLES,
    WEEKDAYS,
)

_DATELIKE: Final = re.compile(
    r"(?:19|20)\d\d|\d{1,4}\s?[/-]\s?\d|\d{1,2}\.\d{1,2}\.\d|(?<![a-z])(?:"
    + "|".join(MONTHS)
    + r")(?![a-z])|\d(?:"
    + "|".join(MONTHS)
    + r")|\d(?:st|nd|rd|th)\b|[^\W\d_]{4,}"
)
"""What a date in numbers holds: a year, two numbers and a sign, a month; or it is in words."""
_NO_DATE: Final = re.compile(
    r"\d{1,3} of(?: \d{1,3})?|\d{1,3}-\d{1,3} ?(?:min|h|hrs|days|weeks|mg)\w{0,4}|[\d ,:.-]{0,12}:\d\d|\d{1,3}(?:,\d{3})+|\d{1,2}(?:st|nd|rd|th)|"
    r"\d{1,3}[.,]\d{1,3}|(?:10|[0-9])/10|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)(?:[- ].{0,12})?|(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)[a-z]*|(?:el )?(?:dia|dia de)(?: hoy)?|"
    r"(?:el )?(?:lunes|martes|miercoles|jueves|viernes|sabado|domingo)|\d{1,2}(?: ?[ap]m)?"
)
_DECIMAL: Final = re.compile(r"\d{1,4}[.,]\d{1,3}")
_UNITS: Final = words("small_units")
_AILMENT: Final = re.compile(
    r" (?:[a-z]{3,12} ){0,2}(?:fever|worm|measles|flu|virus|syndrome|disease|sign|test|scale|inventory|questionnaire|index|criteria|"
    r"negative|positive|negativo|positivo|reflex|palsy|mg|mcg|ml)(?![a-z])"
)
_NUMBERS: Final = frozenset(
    {Kind.ID, Kind.PHONE, Kind.POSTCODE, Kind.IP, Kind.ACCOUNT, Kind.VEHICLE, Kind.COORDINATES}
)
_LETTERS: Final = words("letters_after") | words("letters_after_comma")
_PLAIN: Final = words("departments") | words("care_plain") | words("generic")
_PLACES_OF: Final = frozenset({Kind.HOSPITAL, Kind.ORGANISATION})
_GENERIC: Final = NEVER_NAMES | words("generic")
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")
_NAMED: Final = frozenset({Kind.PERSON, Kind.LOCATION, Kind.HOSPITAL, Kind.USERNAME})


def believed(
    spans: Sequence[Span], low: str, tokens: Sequence[Token], lists: Lexicon
) -> list[Span]:
    """Return the tagger's spans without those that say of an ordinary word that it is a name."""
    starts = [t.start for t in tokens]
    whole = [_of_one_sentence(s, tokens, bisect_left(starts, s.start), lists) for s in spans]
    return [
        s
        for s in whole
        if _formed(s, low) and not _doubtful(s, tokens, bisect_left(starts, s.start), lists)
    ]


def _of_one_sentence(span: Span, tokens: Sequence[Token], at: int, lists: Lexicon) -> Span:
    """Return a name without the ordinary word that opens the next sentence: "Hassan. Llegó"."""
    for before, dot, after in zip(tokens[at:], tokens[at + 1 :], tokens[at + 2 :], strict=False):
        if after.end > span.end:
            break
        ends = dot.text == "." and before.word and len(before.text) > 3
        if ends and before.low not in TITLES and after.common and not _listed(after, lists):
            return replace(span, end=before.end)
    return span


def _formed(span: Span, low: str) -> bool:
    """Tell whether the span is written as its kind is: an address in the web has a dot."""
    own = low[span.start : span.end]
    match span.kind:
        case Kind.DATE:
            after = low[span.end : span.end + 2]
            more = after[:1] == "/" and after[1:].isdigit()
            return bool(_DATELIKE.search(own)) and not (more or _NO_DATE.fullmatch(own))
        case Kind.EMAIL:
            return any(sign in own for sign in ("@", " at ", "arroba", "(at", "[at"))
        case Kind.IP:
            return own.count(".") > 1 or own.count(":") > 1
        case Kind.URL:
            return "." in own or "/" in own
        case Kind.ID | Kind.ACCOUNT:
            return _DECIMAL.fullmatch(own) is None and not _after_a_point(span, low)
        case Kind.PERSON | Kind.LOCATION | Kind.ORGANISATION | Kind.HOSPITAL:
            return own not in _UNITS and _AILMENT.match(low, span.end, span.end + 44) is None
    return True


def _after_a_point(span: Span, low: str) -> bool:
    """Tell whether it is what stands behind the point of a number: "SG 1.003"."""
    before = low[max(0, span.start - 2) : span.start]
    own = low[span.start : span.end]
    return len(own) < 4 and own.isdigit() and before[:1].isdigit() and before[1:] in {".", ","}


def _doubtful(span: Span, tokens: Sequence[Token], at: int, lists: Lexicon) -> bool:
    inside = []
    k = at
    while k < len(tokens) and tokens[k].end <= span.end:
        if tokens[k].word or tokens[k].number:
            inside.append(tokens[k])
        k += 1
    if not inside:
        return False
    if span.kind in _NUMBERS and not any(map(str.isdigit, "".join(t.text for t in inside))):
        return True
    if all(t.low in _GENERIC or t.number for t in inside) and any(t.word for t in inside):
        return span.kind in _NAMED or all(t.word for t in inside)
    if span.kind in _PLACES_OF and all(t.low in _PLAIN for t in inside):
        return True
    if len(inside) == 1 and (
        _says_nothing(inside[0], span.kind)
        or _label(inside[0], lists)
        or _opens_plainly(span, tokens, at)
    ):
        return True
    if span.kind is Kind.DATE:
        return len(inside) == 2 and all(t.number and len(t.text) == 1 for t in inside)
    if span.kind not in _NAMED:
        return False
    if _ordinary(span, inside, tokens[k : k + 1], lists):
        return True
    if len(inside) > 1 or inside[0].low in PEOPLES:
        return False
    return (inside[0].common and not inside[0].proper) or _in_heading(inside[0], tokens, at)


def _ordinary(span: Span, inside: Sequence[Token], after: Sequence[Token], lists: Lexicon) -> bool:
    """Tell whether all words are ordinary ones.

    A people's is not in a place or before a capital: "Korean Peninsula", "Indian Lane 44".
    """
    proper = len(inside) > 1 or any(t.proper for t in after)
    if any(t.low in PEOPLES for t in inside) and (span.kind is not Kind.PERSON or proper):
        return False
    return all(
        t.word and t.common and (t.low in NEVER_NAMES or not _listed(t, lists)) for t in inside
    )


def _says_nothing(token: Token, kind: Kind) -> bool:
    """Tell whether one token is a letter, a small number, a time of day or no date at all."""
    if token.text.isdigit():
        hour = len(token.text) == 4 and _TIME.fullmatch(token.text) is not None
        year = kind is Kind.DATE and token.text[:2] in {"19", "20"}
        nothing = len(token.text) < 4 or (hour and not year)
        return kind is Kind.PERSON or (kind is not Kind.AGE and nothing)
    if len(token.text) == 1:
        return not token.text.isupper() or kind is not Kind.PERSON
    return (
        kind is Kind.DATE
        and token.word
        and token.common
        and token.low not in MONTHS.keys() | WEEKDAYS
    )


def _label(token: Token, lists: Lexicon) -> bool:
    """Tell whether one word is a label, letters after a name or an abbreviation in capitals."""
    if token.low in LABEL_WORDS or token.low in _LETTERS or token.low in TITLES:
        return True
    return token.upper and 3 < len(token.text) < 6 and not _listed(token, lists)


def _opens_plainly(span: Span, tokens: Sequence[Token], at: int) -> bool:
    """Tell whether an ordinary word opens a sentence and nothing after it speaks of a person.

    "Mark your answers", "Sandy beaches", "March around the ward", "Faith is important".
    """
    while at < len(tokens) and tokens[at].start < span.start:
        at += 1
    token, after = tokens[at], tokens[at + 1 : at + 3]
    if not (token.first and token.common and token.proper) or not after:
        return False
    if span.kind is Kind.DATE:
        return token.low in {"march", "may"} and not after[0].number
    if span.kind is not Kind.PERSON or not after[0].word or after[0].proper:
        return False
    if after[0].low in BE:
        return of_nobody(tokens, at)
    if len(after) > 1 and after[0].low in {"and", "y"} and after[1].common and not after[1].proper:
        return True
    return after[0].low not in SAYS and after[0].low not in {"and", "y", "e", "o", "or"}


def _listed(token: Token, lists: Lexicon) -> bool:
    if token.low in MONTHS:
        return False
    low = token.low
    return (
        low in lists.given or low in lists.family or low in lists.places or low in lists.countries
    )


def _in_heading(token: Token, tokens: Sequence[Token], at: int) -> bool:
    """Tell whether an ordinary word stands among ordinary words with capitals: "Judgement Fair"."""
    before = tokens[at - 1] if at else None
    return token.common and before is not None and before.proper and before.common
