"""What is sure in one place of a note is the same thing in every other place of it.

The same words are the same name; a number of the same make is a number of the same kind; where one
day is written "4/28", "5/9" is a day as well.
"""

# ruff: noqa: E501 - patterns are read whole

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.plainly import measured
from euthymia.gateway.deid.tokens import Token

_KINDS: Final = frozenset(
    {Kind.PERSON, Kind.HOSPITAL, Kind.ORGANISATION, Kind.LOCATION, Kind.USERNAME, Kind.ID}
)
_SURE: Final = 0.8
_LEAST: Final = 4
"""Letters below which a word comes back by chance."""


def repeated(text: str, spans: Sequence[Span], tokens: Sequence[Token]) -> list[Span]:
    """Return the further places of sure names, written exactly as in the sure place.

    An ordinary word is a name again only where it has its capital inside a sentence.
    """
    starts = [token.start for token in tokens]
    marked = {(span.start, span.end) for span in spans}
    seen: dict[str, Kind] = {}
    for span in spans:
        own = text[span.start : span.end]
        if span.confidence >= _SURE and span.kind in _KINDS and _telling(own):
            seen.setdefault(own, span.kind)
    return [
        Span(at, at + len(own), kind, _SURE, "names:repeated")
        for own, kind in seen.items()
        for at in _places(text, own)
        if (at, at + len(own)) not in marked
        and _a_name(tokens, bisect_left(starts, at))
        and not measured(tokens, bisect_left(starts, at + len(own)) - 1)
    ]


def _places(text: str, own: str) -> Iterator[int]:
    """Yield where the words stand apart from other letters and digits."""
    at = text.find(own)
    while at >= 0:
        end = at + len(own)
        inside = text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()
        if not inside:
            yield at
        at = text.find(own, end)


def _telling(own: str) -> bool:
    """Tell whether the words are long enough and written as a name, number or account is."""
    return len(own) >= _LEAST and (any(map(str.isdigit, own)) or any(map(str.isupper, own)))


def _a_name(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether the word at a place is a name again, not an ordinary one opening a sentence."""
    if at >= len(tokens):
        return False
    token = tokens[at]
    return not (token.word and token.common and (token.first or not token.proper))


_MAKES: Final = frozenset({Kind.ID, Kind.PHONE, Kind.ACCOUNT})
_NUMBER: Final = re.compile(r"(?<![\w.,/-])[A-Z]{0,4}\d[\w./-]{3,24}(?![\w/]|[.,-]\w)")
_LEAST_DIGITS: Final = 5
_DIGIT: Final = re.compile(r"\d")
_CAPITAL: Final = re.compile(r"[A-Z]")


def alike(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return numbers made like a sure one: signs, digits and letters in the same places."""
    makes = {
        _make(text[s.start : s.end]): s.kind
        for s in spans
        if s.kind in _MAKES and s.confidence >= _SURE and _digits(text[s.start : s.end])
    }
    makes = {make: kind for make, kind in makes.items() if not make.isdigit() or len(make) > 5}
    if not makes:
        return []
    return [
        Span(*match.span(), makes[make], 0.7, "rule:alike")
        for match in _NUMBER.finditer(text)
        if (make := _make(match.group())) in makes
    ]


def _digits(value: str) -> bool:
    return sum(map(str.isdigit, value)) >= _LEAST_DIGITS


def _make(value: str) -> str:
    return _CAPITAL.sub("A", _DIGIT.sub("0", value))


_DAY: Final = re.compile(
    r"(?<![\w/.,-])(?P<a>\d{1,2})(?P<sign>[/.-])(?P<b>\d{1,2})(?![\w/%-]|[.,]\d)"
)
_TOLD: Final = re.compile(
    r"(?:^|\n|[(|;•]|(?<!\w)(?:on|again|was|not|from|since|until|till|by|seen|due|next|last|visit|to|and|or|of|re|w/r|"
    r"el|al|del|desde|hasta|y|o|dia|fue|no|visto|vista|cita|alta|ingreso|control|revision|para))[ \t]{0,3}$"
)
_SCORED: Final = frozenset({4, 5, 6, 7, 8, 9, 10, 12})
_MONTHS: Final = 12
_DAYS: Final = 31


def like_days(low: str, spans: Sequence[Span]) -> list[Span]:
    """Return days and months in the form of a sure one: a score is none.

    "5/9" needs a word before it that leads a day in, for it may be five of nine; "28/4" does not.
    """
    signs = set()
    for span in spans:
        if span.kind is Kind.DATE and span.confidence >= _SURE - 0.1:
            match = _DAY.match(low, span.start)
            if match is not None and match.end() == span.end:
                signs.add(match["sign"])
            elif (found := _WHOLE.fullmatch(low[span.start : span.end])) is not None:
                signs.add(found["sign"])
    out: list[Span] = []
    for match in _DAY.finditer(low) if signs else ():
        a, b = int(match["a"]), int(match["b"])
        if match["sign"] not in signs or not (0 < a <= _DAYS and 0 < b <= _DAYS):
            continue
        if min(a, b) > _MONTHS:
            continue
        scored = a <= b and b in _SCORED
        decimal = match["sign"] == "." and len(match["b"]) < len("12")
        if decimal or ((scored or match["sign"] != "/") and not _led(low, match.start())):
            continue
        if _COUNTED.match(low, match.end()) is None:
            out.append(Span(*match.span(), Kind.DATE, 0.7, "rule:like-day"))
    return out


def _led(low: str, start: int) -> bool:
    return _TOLD.search(low, max(0, start - 14), start) is not None


_WHOLE: Final = re.compile(r"\d{1,2}(?P<sign>[/.-])\d{1,2}(?P=sign)(?:\d\d){1,2}")
_COUNTED: Final = re.compile(
    r" ?(?:mg|mcg|ml|g|kg|points?|puntos|hours?|h|days?|dias|weeks|semanas|times|veces|sessions?|sesiones|correct|items)\b"
)
