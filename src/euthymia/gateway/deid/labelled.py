"""Numbers that a word before them explains: plates, files, flights, extensions, what is left of a phone.

A case number of three digits is found by its label alone; a number that was masked or said in words
still leads to somebody.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token

_LABELS: Final = words("number_labels")
_PLATES: Final = words("plate_labels")
_SAID: Final = words("said_numbers")
_VALUE: Final = re.compile(
    r"(?:\.|['’]s)?(?: (?:n[º°o]?|no|num|numero|number|id|card|is|es|el|code|ref|de serie|internacional|movil|plates?|oficial)\.?){0,2}\s?[:#(=.-]{0,2}\s?#?(?:n[º°]\.? ?)?"
    r"(?P<own>(?:[A-Za-z]{1,5}[ -]?)?\d[\dA-Za-z]{0,14}(?:[-/.·*][\dA-Za-z*]{1,14}){0,5}(?: \d{2,7}){0,3}(?: [A-Z]{1,3}(?![a-z]))?)(?![\w%]|[.,]\d)"
)
_UNIT: Final = re.compile(
    r" ?(?:mg|mcg|ml|kg|g|mm|cm|euros?|eur|usd|pesos|soles|%|a[nñ]os|years|yrs|days|d[ií]as|weeks|semanas|h|hrs|horas|min|x|times|veces|pages|p[aá]ginas|beds|patients|people|de cada|of \d|puntos|points)(?!\w)",
    re.IGNORECASE,
)
_PHRASES: Final = re.compile(
    r"(?<!\w)(?:[x*•]{2,6}[ -]?){1,4}\d{2,6}(?!\w)|"
    r"(?<![\w.,/-])\d{2,4}[- ]\d{1,4}[*x•_]{2,5}(?!\w)|"
    r"(?:end(?:s|ed|ing)?|terminad?[oa]?s?|acab[ao]d?[oa]?|last (?:four|three|4|3)(?: digits)?|[uú]ltim[oa]s (?:cuatro|tres|4|3)(?: d[ií]gitos| cifras)?)(?: (?:in|with|en|are|is|son))?:? (?P<own>\d{3,5})(?![\w/%]|[.,]\d)",
    re.IGNORECASE,
)
_ENDS: Final = words("number_ends")
_CALLED: Final = re.compile(
    r"(?:phone|tel|telephone|number|no|cell|mobile|call|fax|telefono|tfno|movil|celular|whatsapp|llamar|llame|marcar|numero|linea)(?: (?:is|es|el|al|at|on|a)){0,3}[ :,]{1,3}$"
)
_LEAD: Final = re.compile(
    r"(?:matricula|numero|number|expediente|folio|cedula|dni|license|licence|registration|colegiad[oa]|code|codigo|historia|file|case|chart|pin)(?: (?:is|es|el|de|profesional|number|clinica)){0,3}[ :,]{1,3}$"
)


def labelled_numbers(text: str, low: str, tokens: Sequence[Token], *, blind: bool) -> list[Span]:
    """Return the numbers after labels, masked ones, and those that were said in words."""
    out: list[Span] = []
    for token in tokens:
        plate = token.low in _PLATES
        if not plate and token.low not in _LABELS:
            continue
        match = _VALUE.match(text, token.end, token.end + 70)
        if match is None or _UNIT.match(text, match.end()):
            continue
        if _counts(match["own"], plate=plate, blind=blind):
            kind = Kind.VEHICLE if plate else Kind.ID
            out.append(Span(*match.span("own"), kind, 0.75, "rule:labelled-number"))
    cut = "*" in text or "xx" in low or "••" in text or "__" in text
    for match in _PHRASES.finditer(text) if cut or any(t.low in _ENDS for t in tokens) else ():
        name = "own" if match["own"] else 0
        out.append(Span(*match.span(name), Kind.ID, 0.7, "rule:masked-number"))
    return out + _said(low, tokens)


def _counts(value: str, *, plate: bool, blind: bool) -> bool:
    """Tell whether a value is written as a number of its kind: long enough, letters in capitals."""
    digits = sum(map(str.isdigit, value))
    head = re.match(r"[A-Za-z]{0,5}", value)
    letters = head.group() if head else ""
    if letters and not blind and not letters.isupper():
        return False
    if plate:
        return digits >= 2 and any(map(str.isalpha, value))
    return digits >= 3 or (digits == 2 and bool(letters) and "-" in value)


def _said(low: str, tokens: Sequence[Token]) -> list[Span]:
    """Return numbers said in words of up to ninety-nine, after a label or five in a row."""
    out: list[Span] = []
    k = 0
    while k < len(tokens):
        if tokens[k].low not in _SAID:
            k += 1
            continue
        end, own = k, 0
        while end < len(tokens) and (
            tokens[end].low in _SAID
            or (tokens[end].text in {",", "-"} or tokens[end].low in {"y", "and"})
        ):
            own += tokens[end].low in _SAID
            end += 1
        last = end
        while tokens[last - 1].low not in _SAID:
            last -= 1
        lead = low[max(0, tokens[k].start - 40) : tokens[k].start]
        phone = _CALLED.search(lead) is not None
        if own >= 6 or (own >= 3 and (phone or _LEAD.search(lead) is not None)):
            kind = Kind.PHONE if phone or own >= 6 else Kind.ID
            if not _counting([t.low for t in tokens[k:last] if t.low in _SAID]):
                out.append(Span(tokens[k].start, tokens[last - 1].end, kind, 0.75, "rule:said-number"))  # fmt: skip
        k = end
    return out


def _counting(said: list[str]) -> bool:
    """Tell whether somebody only counts: "one two three", "uno dos tres"."""
    return said[:3] in (["one", "two", "three"], ["uno", "dos", "tres"])
