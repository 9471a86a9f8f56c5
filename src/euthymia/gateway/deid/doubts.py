"""Marks of the tagger that the lists contradict: ordinary words, short numbers, headings."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import MONTHS, NEVER_NAMES

_NAMED: Final = frozenset({Kind.PERSON, Kind.LOCATION, Kind.HOSPITAL, Kind.USERNAME})


def believed(spans: Sequence[Span], tokens: Sequence[Token], lists: Lexicon) -> list[Span]:
    """Return the tagger's spans without those that say of an ordinary word that it is a name."""
    starts = [t.start for t in tokens]
    return [s for s in spans if not _doubtful(s, tokens, bisect_left(starts, s.start), lists)]


def _doubtful(span: Span, tokens: Sequence[Token], at: int, lists: Lexicon) -> bool:
    inside = []
    k = at
    while k < len(tokens) and tokens[k].end <= span.end:
        if tokens[k].word or tokens[k].number:
            inside.append(tokens[k])
        k += 1
    if not inside:
        return False
    if span.kind in {Kind.ID, Kind.PHONE, Kind.POSTCODE}:
        return len(inside) == 1 and inside[0].text.isdigit() and len(inside[0].text) < 4
    if span.kind not in _NAMED:
        return False
    if all(t.word and t.common and (t.low in NEVER_NAMES or not _listed(t, lists)) for t in inside):
        return True
    if len(inside) > 1:
        return False
    return (inside[0].common and not inside[0].proper) or _in_heading(inside[0], tokens, at)


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
