"""Names that their shape alone tells: two romanised syllables, a saint, a town on a river.

Nothing here needs a list of names; each shape is one that ordinary words do not have.
"""

# ruff: noqa: E501, RUF001 - patterns hold the signs that people write

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import SHORT_NAMES

_SYLLABLE: Final = r"(?:kk|k|g|n|d|t|r|l|m|bb|b|p|ss|sh|s|jj|j|ch|zh|ts|h|y|w|f|q|x|z|)(?:yae|yeo|yoo|you|woo|wae|wa|we|wi|eui|eo|eu|ae|ya|yo|yu|ye|oe|oo|ou|ai|ao|ei|ia|ie|iu|ua|ue|ui|uo|ee|a|e|i|o|u)(?:ng|ck|n|k|g|l|m|p|b|t|h|)"
_TWO_SYLLABLES: Final = re.compile(
    rf"(?<![\w-])(?P<own>(?P<one>{_SYLLABLE})-(?P<two>{_SYLLABLE}))(?![\w-])"
)
_SAINT: Final = re.compile(
    r"(?<![\w'’])(?:St|Saint|Ste|Sta|Sto)\.? (?!(?:and|of|or|the)\b)(?P<who>[A-Z][a-zà-ÿ]{2,15})(?:-[A-Za-z]{2,12}){0,3}(?:['’]s?)?(?: (?:and|&) [A-Z][a-z]{2,12}(?:['’]s)?)?(?!\w)"
)
_ON_THE: Final = re.compile(
    r"(?<![\w-])[A-ZÀ-Þ][\w'’]{1,15}-(?:(?:on|upon|in|by|under|next|le|la|les|sur|sous|en|de|del|am|an|bei|cum|super)-(?:(?:the|der|la|le)-)?){1,2}[A-ZÀ-Þ][\w'’]{1,15}(?![\w-])"
)
_WITH_ARTICLE: Final = re.compile(
    r"(?<!\w)(?:en|desde|de|hacia|hasta|a|por|entre|y) (?P<own>(?:La|El|Los|Las|San|Santa|Santo|Villa|Puerto|Ciudad|Lo) [A-ZÁÉÍÓÚÑ][a-zà-ÿ]{2,15}(?: (?:de |del |de la |de los )?[A-ZÁÉÍÓÚÑ][a-zà-ÿ]{2,15})?)(?!\w)"
)
_DATELINE: Final = re.compile(
    r"(?:^|\n)(?:En )?(?P<own>[A-ZÁÉÍÓÚÑ][\wà-ÿ'’]{2,20}(?: (?:de |del |la |los |las ){0,2}[A-ZÁÉÍÓÚÑ][\wà-ÿ'’]{2,20}){0,3}), (?:a )?(?=\d{1,2}(?: de |/|-)|\d{4}-)"
)
_SECOND: Final = words("second_syllables")
_BEFORE: Final = re.compile(r"(?<![\w'’-])(?P<own>[A-Z][a-z]{1,6}),? $")
_AFTER: Final = re.compile(r" (?P<own>[A-Z][a-z]{1,6})(?![\w'’-])")
_OF_FEASTS: Final = frozenset(
    {"patrick", "andrew", "george", "david", "stephen", "valentine", "vitus"}
)


def shape_spans(
    text: str, low: str, tokens: Sequence[Token], lists: Lexicon, *, blind: bool
) -> list[Span]:
    """Return people, towns and institutions that are told by the shape of their names."""
    out = _syllables(text, low, tokens, lists, blind=blind)
    if blind:
        return out
    for match in _SAINT.finditer(text):
        if match["who"].lower() not in _OF_FEASTS:
            out.append(Span(*match.span(), Kind.ORGANISATION, 0.7, "rule:saint"))
    for pattern, source in (
        (_ON_THE, "on-the"),
        (_WITH_ARTICLE, "article"),
        (_DATELINE, "dateline"),
    ):
        if source != "on-the" and lists.lang == "en":
            continue
        for match in pattern.finditer(text):
            name = "own" if "own" in pattern.groupindex else 0
            out.append(Span(*match.span(name), Kind.LOCATION, 0.72, f"names:{source}"))
    return out


def _syllables(
    text: str, low: str, tokens: Sequence[Token], lists: Lexicon, *, blind: bool
) -> list[Span]:
    """Return "Bo-ra", "Sang-woo", "Ah-Kit", "Ting-Ting": two syllables of which not both are words."""
    out: list[Span] = []
    for token in tokens:
        match = _TWO_SYLLABLES.match(low, token.start) if "-" in token.text[1:] else None
        if match is None:
            continue
        one, two = match["one"], match["two"]
        if len(one) < 2 or len(two) < 2 or not (blind or text[match.start()].isupper()):
            continue
        same = one == two and not (blind or text[match.start("two")].islower())
        plain = one in lists.words and two in lists.words
        told = same or (two in _SECOND and text[match.end() - 1].islower())
        if folded(match["own"]) in lists.words or (plain and not told):
            continue
        if blind and (one in lists.words or two in lists.words):
            continue
        if text[match.start("two")].isupper() and two in lists.words and not same and len(two) < 3:
            continue
        out.append(Span(*match.span("own"), Kind.PERSON, 0.72, "names:syllables"))
        beside = (
            _BEFORE.search(text, max(0, match.start() - 9), match.start()),
            _AFTER.match(text, match.end()),
        )
        out += [
            Span(*m.span("own"), Kind.PERSON, 0.72, "names:syllables")
            for m in beside
            if m is not None and _family(m["own"].lower(), lists)
        ]
    return out


def _family(low: str, lists: Lexicon) -> bool:
    return low in SHORT_NAMES or low in lists.family or low not in lists.words
