"""Firms that are named after three people: "Davis, Reynolds and Williamson"."""

from euthymia.gateway.deid.clinical import eponym
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import NEVER_NAMES, ORG_TAILS


def firm_spans(tokens: list[Token], lexicon: Lexicon, *, blind: bool) -> list[Span]:
    """Return "A, B and C" where all three are family names and not all of them eponyms."""
    out: list[Span] = []
    for n in range(len(tokens) - 4):
        a, comma, b, link, c = tokens[n : n + 5]
        if comma.text != "," or link.low not in {"and", "y", "&"}:
            continue
        if all(_family(t, lexicon, blind=blind) for t in (a, b, c)) and not all(
            eponym(t.low) for t in (a, b, c)
        ):
            tail = tokens[n + 5 : n + 6]
            end = tail[0].end if tail and tail[0].low in ORG_TAILS else c.end
            out.append(Span(a.start, end, Kind.ORGANISATION, 0.75, "names:firm"))
    return out


def _family(token: Token, lexicon: Lexicon, *, blind: bool) -> bool:
    return (
        token.word
        and (token.proper or (blind and len(token.low) > 3))
        and token.low in lexicon.family
        and token.low not in NEVER_NAMES
    )
