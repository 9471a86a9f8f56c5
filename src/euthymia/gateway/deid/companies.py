"""Firms by their form ("Curbline Properties") and by what stands beside them ("the ... office").

No list holds the firms of a whole country. Two things do not change from firm to firm: the words
that founders end a name with, and what people say of a firm and of nothing else.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from euthymia.gateway.deid.clinical import RESULTS, clinical_noun, eponym, medical
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    LABEL_WORDS,
    MONTHS,
    NEVER_NAMES,
    ORG_TAILS,
    TITLES,
    WEEKDAYS,
)

_TAILS: Final = words("firm_tails")
_LEGAL: Final = frozenset(
    [
        "inc",
        "ltd",
        "llc",
        "plc",
        "gmbh",
        "corp",
        "ag",
        "nv",
        "bv",
        "oy",
        "ab",
        "asa",
        "spa",
        "srl",
        "sarl",
        "sas",
        "pty",
        "llp",
        "lp",
        "sl",
        "slu",
        "sau",
        "sacv",
        "kk",
        "aps",
    ]
)
_BARRED: Final = NEVER_NAMES | LABEL_WORDS | TITLES | WEEKDAYS | MONTHS.keys()
_NEVER_FIRST: Final = (
    TITLES | WEEKDAYS | MONTHS.keys() | LABEL_WORDS | {"the", "i", "la", "el", "los", "las"}
) - {"old"}
_PLAIN: Final = words("departments") | words("care_plain") | words("generic") | HOSPITAL_WORDS
_BEFORE: Final = re.compile(
    r"(?:\baddress of|\b(?:is|was|comes|came) from|\b(?:a year|years?|months|time|job|shifts?|stint|contract|placement|interview) (?:at|with)|"
    r"\b(?:later|since) became|\b(?:formerly|renamed|acquired by|bought by|sold to|taken over by|merged with|owned by|"
    r"subsidiary of|branch of|ceo of|director of|founder of|chairman of|president of|shares (?:in|of)|"
    r"spokes(?:man|woman|person) for|competitor of|(?:recorded|freelances|freelanced|consults|consulted) for)|"
    r"\b(?:direccion de|acciones de|filial de|sucursal de|comprada por|vendida a|fundador[a]? de|accionista de))"
    r" (?:the |la |el )?$"
)
_AFTER: Final = re.compile(
    r" (?:(?:head )?(?:offices?|branch(?:es)?|headquarters|hq|stores?|factory|depot|warehouse|employees|payroll|shareholders|"
    r"helpdesk|call cent(?:er|re)|distribution cent(?:er|re))\b|"
    r"(?:is|was) (?:the brainchild|a 501|founded|headquartered|incorporated|acquired|established|a company|a firm|a start-?up)|"
    r"(?:invested (?:heavily )?in|employs|manufactures|merged with|went (?:bankrupt|bust|public|under)|laid (?:off|h)|sacked|"
    r"fue fundada|es una empresa|invirtio|quebro|cotiza)\b)"
)
_FORM: Final = re.compile(
    r",? (?:inc|ltd|limited|l\.?l\.?c|l\.?p|p\.?l\.?c|gmbh|corp|s\.? ?a\.? de c\.? ?v|s\.? ?a\.? ?s?|s\.? ?l\.? ?u?|n\.? ?v|b\.? ?v)"
    r"(?!\w)\.?"
)
_ENDS: Final = frozenset(
    [
        "of",
        "at",
        "with",
        "became",
        "formerly",
        "renamed",
        "by",
        "to",
        "in",
        "for",
        "de",
        "a",
        "from",
    ]
)
"""The last words of `_BEFORE`."""
_FOLLOW_NOT: Final = frozenset({"de", "del", "y", "and", "con", "en", "of", "for"})
_MOST: Final = 5


@dataclass(slots=True)
class _Run:
    """Words with capitals that stand together: tokens [i, j)."""

    i: int
    j: int


def company_spans(
    low: str, tokens: Sequence[Token], lists: Lexicon, *, blind: bool
) -> Iterator[Span]:
    """Yield firms by form and by context; `low` is the folded text."""
    if blind:
        return
    sure: list[_Run] = []
    rest: list[_Run] = []
    for run in _runs(tokens):
        own = [t for t in tokens[run.i : run.j] if t.word]
        if not own or _no_firm(own):
            continue
        start, end = tokens[run.i].start, _with_form(low, tokens[run.j - 1].end)
        after = _told_after(low, tokens, run, end)
        told = after or _told_before(low, tokens, run)
        if (told and _may_be(own, lists, place_too=after)) or _formed(own, lists):
            sure.append(run)
            yield Span(start, end, Kind.ORGANISATION, 0.75, "rule:company")
        elif len(own) > 1:
            rest.append(run)
    for run in rest:
        if any(_listed_with(low, tokens, run, other) for other in sure):
            start, end = tokens[run.i].start, _with_form(low, tokens[run.j - 1].end)
            yield Span(start, end, Kind.ORGANISATION, 0.7, "rule:company")


def _runs(tokens: Sequence[Token]) -> Iterator[_Run]:
    """Yield the stretches of words with capitals, with "&" and numbers inside."""
    k, most = 0, len(tokens)
    while k < most:
        if not _capital(tokens[k]):
            k += 1
            continue
        j = k + 1
        while j < most and j - k < _MOST * 2:
            token = tokens[j]
            if _capital(token) and token.start - tokens[j - 1].end <= 1:
                j += 1
            elif (
                token.text in {"&", "-", "'", "’"}
                and j + 1 < most
                and token.start - tokens[j - 1].end <= 1
                and _capital(tokens[j + 1])
            ):
                j += 2
            else:
                break
        i = k
        while i < j - 1 and _opener(tokens[i]):
            i += 1
        if not _opener(tokens[i]):
            yield _Run(i, j)
        k = j


def _opener(token: Token) -> bool:
    """Tell whether a word begins no name here: "The", "During", "Dr"; inside a sentence few do."""
    return token.low in _BARRED and (token.first or token.low in _NEVER_FIRST)


def _capital(token: Token) -> bool:
    return token.word and token.text[0].isupper()


def _no_firm(own: Sequence[Token]) -> bool:
    """Tell whether the words are medicine or a department and cannot be a firm."""
    last = own[-1].low
    return (
        clinical_noun(last)
        or last in RESULTS
        or all(medical(t.low) or eponym(t.low) for t in own)
        or all(t.low in _PLAIN for t in own)
    )


def _with_form(low: str, end: int) -> int:
    """Return where the name ends, its legal form and all: ", L.P."."""
    form = _FORM.match(low, end)
    return end if form is None else form.end()


def _told_before(low: str, tokens: Sequence[Token], run: _Run) -> bool:
    """Tell whether the words before the run say that a firm follows."""
    k = run.i - 1
    if k > 0 and tokens[k].low in {"the", "la", "el"}:
        k -= 1
    if k < 1 or tokens[k].low not in _ENDS:
        return False
    start = tokens[run.i].start
    return _BEFORE.search(low[max(0, start - 40) : start]) is not None or _from_there(tokens, run)


def _told_after(low: str, tokens: Sequence[Token], run: _Run, end: int) -> bool:
    """Tell whether the words after the run say that a firm was named."""
    after = tokens[run.j : run.j + 1]
    if not after or not (after[0].word or after[0].text in ",."):
        return False
    return after[0].low not in _FOLLOW_NOT and _AFTER.match(low, end) is not None


def _from_there(tokens: Sequence[Token], run: _Run) -> bool:
    """Tell whether a person is said to be from it: "Ana Ruiz from Lindblad Expeditions"."""
    if run.i < 3 or tokens[run.i - 1].low != "from":
        return False
    first, last = tokens[run.i - 3 : run.i - 1]
    named = _capital(last) and not last.common and last.low not in _BARRED
    return named and (_capital(first) or first.text == ".")


def _fresh(token: Token, lists: Lexicon) -> bool:
    """Tell whether no list knows the word."""
    return (
        not token.common
        and len(token.low) > 2
        and token.low not in lists.given
        and token.low not in lists.words
        and not medical(token.low)
    )


def _formed(own: Sequence[Token], lists: Lexicon) -> bool:
    """Tell whether the words are built like a firm's: one that is no word, then what firms end in."""
    if len(own) < 2:
        return False
    last = own[-1].low
    if last in _LEGAL:
        return True
    if medical(own[0].low) or eponym(own[0].low) or (last not in _TAILS and last not in ORG_TAILS):
        return False
    return any(_fresh(t, lists) or t.upper for t in own[:-1])


def _may_be(own: Sequence[Token], lists: Lexicon, *, place_too: bool) -> bool:
    """Tell whether the words may be a firm's where the text says that one stands here."""
    if len(own) == 1:
        low = own[0].low
        place = low in lists.places or low in lists.countries
        return (place_too or not place) and low not in _PLAIN and low not in _BARRED
    return not all(t.upper and len(t.text) < 5 for t in own)


def _listed_with(low: str, tokens: Sequence[Token], run: _Run, other: _Run) -> bool:
    """Tell whether only a comma or "and" parts the run from a sure firm."""
    if run.j <= other.i:
        between = low[tokens[run.j - 1].end : tokens[other.i].start]
    else:
        between = low[tokens[other.j - 1].end : tokens[run.i].start]
    return between in {", ", " and ", " & ", " y ", ", and "}
