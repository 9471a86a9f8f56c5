"""Postal addresses: from a street word, a house and a street, a box, or a word that leads in.

An address is followed token by token while it still reads like one; it ends at the first word that
does not belong.
"""

# ruff: noqa: PLR0911, RUF001, SIM102 - one question after the other, each with its answer

import re
from typing import Final

from euthymia.gateway.deid.clinical import substance
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    ADDRESS_UNITS,
    LABEL_WORDS,
    MEASURES,
    MONTHS,
    NEVER_NAMES,
    PARTICLES,
    RELATIONS,
    STREET_AFTER,
    STREET_BEFORE,
    WEAK_STREET_WORDS,
)

_MARKS: Final = frozenset(",-/ºª°#'’·")
_ENDINGS: Final = (
    "straße", "strasse", "gasse", "platz", "allee", "weg", "gatan", "gata", "vej", "vegen", "veien",
    "gade", "katu", "tie", "kuja", "straat", "laan", "plein", "gracht", "vagen", "utca", "tanya",
    "kalea", "zumarkalea", "stræde", "stien", "alle", "torget",
)  # fmt: skip
_CUE: Final = re.compile(
    r"(?<!\w)(?:liv(?:es|ing|ed) (?:at|on)|resid(?:es|ing|ed) (?:at|on)|stay(?:s|ing|ed) at|"
    r"address(?:es)?(?: of [^:\n]{1,40}?)? (?:is|are|as|with|to|:)|"
    r"address(?:es)?:|located (?:at|on|in)|offices? (?:is|are) (?:at|in)|moved (?:to|from)|"
    r"(?:sent|send(?: \w{1,10}){0,4}|return|post(?:ed)?|deliver(?:ed)?|mail(?:ed)?) to|"
    r"(?:meet|pick)(?: \w{1,4})? (?:up )?at|drops? (?:you|me|him|her|them) off at|stop at|"
    r"is at|is on|corner of|enter on|side of|"
    r"refers to|here they are:|the same:|letters go to|dropped at|found at|seen at home at|"
    r"home at|user:|"
    r"domiciliad[oa] en|reside en|vive en(?: la| el)?|domicilio en|con domicilio|"
    r"direccion(?: es| en)?|residente en|ubicad[oa] en|sito en|sita en)\s{0,3}$"
)
_BOXES: Final = frozenset({"po", "p", "psc", "box", "postbox", "unit", "apartado"})
_LABELS: Final = LABEL_WORDS - {"cp", "col", "id"} | {"hospital", "servicio"}
_OPENING: Final = STREET_BEFORE | _BOXES | {"c", "s"}
_MOST: Final = 26


def address_spans(
    low: str, tokens: list[Token], lexicon: Lexicon, letter_end: int, *, blind: bool
) -> list[Span]:
    """Return street addresses and post-office boxes; from `letter_end` on a sender gives his."""
    out: list[Span] = []
    taken = -1
    for i, token in enumerate(tokens):
        if token.start < taken:
            continue
        if not (token.proper or token.low in _OPENING or token.number):
            continue
        start, sure, source = _opening(low, tokens, i, blind=blind)
        if (
            start is None
            and token.start > letter_end
            and (token.proper or token.number or token.low == "s")
        ) and _sender(tokens, i):
            start, sure, source = i, 0.8, "postcode"
        if start is None:
            continue
        last, numbers = _follow(tokens, i, lexicon)
        if not _enough(tokens, i, last, numbers, source):
            continue
        end = tokens[last].end
        begin = tokens[start].start
        if low.endswith("the corner of ", 0, begin):
            begin -= len("the corner of ")
        out.append(Span(begin, end, Kind.ADDRESS, sure, f"rule:address-{source}"))
        taken = end
    return out


def _opening(
    low: str, tokens: list[Token], i: int, *, blind: bool
) -> tuple[int | None, float, str]:
    """Return where an address begins that token `i` opens, how sure, and by what."""
    token = tokens[i]
    if token.word and _opens_street(tokens, i):
        return i, 0.93, "street"
    if token.number and _house_and_street(tokens, i, blind=blind):
        return i, 0.9, "house"
    if (
        token.low in {"apt", "suite", "flat", "piso"}
        and token.proper
        and any(t.number for t in tokens[i + 1 : i + 3])
    ):
        return i, 0.85, "box"
    if token.low in _BOXES and _boxed(tokens, i):
        return i, 0.93, "box"
    if (token.proper or token.number) and _CUE.search(low, max(0, token.start - 60), token.start):
        return i, 0.85, "cue"
    if token.word and token.proper and token.low.endswith(_ENDINGS) and len(token.low) > 6:
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if following is not None and following.number and not token.common:
            return (i - 1 if i and tokens[i - 1].number else i), 0.85, "ending"
    if token.word and token.proper and not token.first and _street_then_postcode(tokens, i):
        return i, 0.8, "postcode"
    return None, 0.0, ""


def _opens_street(tokens: list[Token], i: int) -> bool:
    token = tokens[i]
    after = tokens[i + 1 : i + 3]
    if token.low == "calle" and len(after) > 1 and _heading_or_date(after):
        return False
    if token.low == "c" and len(after) == 2 and after[0].text in {"/", "\\"}:
        named = after[1].word and after[1].low != "o" and after[1].low not in MEASURES | RELATIONS
        return named or after[1].text == "."
    if (
        token.text in {"C", "P"}
        and len(after) == 2
        and (after[1].proper or after[1].low in PARTICLES)
    ):
        marked = after[0].text == ("." if token.text == "C" else "º")
        number = next(
            (t for t in tokens[i + 2 : i + 8] if not (t.proper or t.low in PARTICLES)), None
        )
        return marked and number is not None and (number.number or number.text in {",", "n", "º"})
    if token.low not in STREET_BEFORE or len(token.low) < 2:
        return False
    j = i + 1
    while j < min(len(tokens), i + _MOST) and (tokens[j].text == "." or tokens[j].low in PARTICLES):
        j += 1
    if j >= len(tokens) or not (tokens[j].proper or tokens[j].number):
        if not (token.proper and j < len(tokens) and tokens[j].word):
            return False
    if token.low in {"av", "al", "pl"} and (
        not tokens[j].word or (token.upper and len(tokens[j].low) < 3)
    ):
        return False
    if token.low in {"cl", "pl", "al", "cra"} and (tokens[j].number or not tokens[j].proper):
        return False
    if token.text == "AV" and after and after[0].text != ".":
        return False
    short = token.low in {
        "via",
        "corso",
        "largo",
        "cl",
        "pl",
        "al",
        "piazza",
        "diagonal",
        "calla",
        "camino",
        "place",
        "rue",
        "ul",
        "cuesta",
        "carrera",
        "plaza",
        "ronda",
        "barrio",
        "paseo",
        "cerrada",
        "privada",
        "retorno",
        "circuito",
        "manzana",
    }
    return not short or (token.proper and any(t.number for t in tokens[j : j + 6]))


def _heading_or_date(after: list[Token]) -> bool:
    """Tell whether "y número" or a day and its month follow: a label, a note's first line."""
    if after[0].low == "y":
        return True
    return after[0].number and (
        after[1].low in MONTHS or after[1].low == "de" or after[1].text in "/:"
    )


def _house_and_street(tokens: list[Token], i: int, *, blind: bool) -> bool:
    """Tell whether number `i` is followed by up to five names and a street word: 12 Mill Lane."""
    if len(tokens[i].text) > 6 or not tokens[i].text.isdigit():
        return False
    j, names = i + 1, 0
    while j < len(tokens) and j <= i + 7:
        token = tokens[j]
        if token.number and names and _before_unit(tokens, j):
            return True
        if token.number and names and tokens[i].first:
            end = tokens[j + 1] if j + 1 < len(tokens) else None
            return (
                end is None
                or end.text in {"\n", ","}
                or (end.low in ADDRESS_UNITS and len(end.low) > 1)
            )
        if token.word and token.low in STREET_AFTER and names:
            return token.proper or token.low not in WEAK_STREET_WORDS or names > 1
        if token.word and _may_name_street(token, names, blind=blind):
            names += 1
        elif not (
            token.text in "'’.-"
            or (token.low == "s" and tokens[j - 1].text in "'’")
            or (token.number and names == 0)
            or (token.text == "\n" and names == 0)
        ):
            return False
        j += 1
    return False


def _before_unit(tokens: list[Token], j: int) -> bool:
    """Tell whether a flat comes after the number at `j`: 9721 Dalmatinova 43 Apt. 678."""
    near = [t for t in tokens[j + 1 : j + 5] if t.text not in {".", ",", "\n"}]
    return (
        len(near) > 1
        and near[0].low in {"apt", "apartment", "suite", "ste", "flat", "unit"}
        and (near[1].number or len(near[1].low) == 1)
    )


def _may_name_street(token: Token, names: int, *, blind: bool) -> bool:
    if token.proper or (names and token.low in PARTICLES):
        return True
    return blind and token.low not in NEVER_NAMES and token.low not in MEASURES


def _boxed(tokens: list[Token], i: int) -> bool:
    near = tokens[i : i + 8]
    box = next((n for n, t in enumerate(near) if t.low in {"box", "postbox", "correos"}), None)
    if box is None:
        return tokens[i].low == "psc" and any(t.number for t in near[:3])
    return any(t.number for t in near[box + 1 : box + 3]) and all(
        t.text != "\n" for t in near[:box]
    )


def _street_then_postcode(tokens: list[Token], i: int) -> bool:
    """Tell whether names, a house number and a postcode follow: Villarroel, 170, 08036."""
    if i and (tokens[i - 1].proper or tokens[i - 1].low in PARTICLES):
        return False
    j, names = i, 0
    while (
        j < len(tokens)
        and j < i + 7
        and tokens[j].word
        and (tokens[j].proper or tokens[j].low in PARTICLES)
    ):
        j, names = j + 1, names + 1
    if not names:
        return False
    while j < len(tokens) and tokens[j].text == ",":
        j += 1
    tail = tokens[j : j + 10]
    if len(tail) > 2 and tail[0].low == "s" and tail[1].text == "/" and tail[2].low == "n":
        return True
    if not tail or not tail[0].number or len(tail[0].text) > 4 or not tail[0].text.isdigit():
        return False
    for token in tail[1:]:
        if token.number and len(token.text) == 5 and token.text.isdigit():
            return True
        if token.word and token.low not in ADDRESS_UNITS and len(token.low) > 2:
            return False
    return False


def _sender(tokens: list[Token], i: int) -> bool:
    """Tell whether names and a house number stand here: Los Alisos, 10."""
    j = i
    if tokens[i].number or tokens[i].low == "s":
        before = tokens[i - 1] if i else tokens[i]
        if not (before.proper or before.text == ","):
            return False
    elif i and (tokens[i - 1].proper or tokens[i - 1].low in PARTICLES):
        return False
    while j < min(len(tokens), i + 7) and (
        tokens[j].proper or (j > i and tokens[j].low in PARTICLES)
    ):
        j += 1
    while j < len(tokens) and (
        tokens[j].text in {",", "-", ".", "º"} or tokens[j].low in {"n", "no", "numero", "num"}
    ):
        j += 1
    tail = tokens[j : j + 3]
    if len(tail) == 3 and tail[0].low == "s" and tail[1].text == "/" and tail[2].low == "n":
        return True
    return bool(tail) and tail[0].number and len(tail[0].text) < 5 and tail[0].text.isdigit()


def _belongs(token: Token) -> bool:
    if token.number or token.text in _MARKS:
        return True
    if not token.word:
        return False
    if not token.common or token.low == "nan" or _short_street(token):
        return True
    if token.proper or token.low in ADDRESS_UNITS or len(token.low) == 1:
        return True
    return token.low in STREET_AFTER or token.low.endswith(_ENDINGS)


def _short_street(token: Token) -> bool:
    return token.low in STREET_BEFORE and len(token.low) < 5


def _follow(tokens: list[Token], i: int, lexicon: Lexicon) -> tuple[int, int]:
    """Return the last token of the address that begins at `i`, and how many numbers it holds."""
    numbers, lines = int(tokens[i].number), 0
    j = last = _small_names(tokens, i)
    while j < len(tokens) and j < i + _MOST:
        token = tokens[j]
        following = tokens[j + 1] if j + 1 < len(tokens) else None
        if j > i and token.word and token.proper and _label(tokens, j):
            break
        if j > i and token.word and _something_else(token, tokens[j - 1], lexicon):
            break
        if token.text == "I" and following is not None and following.word and not following.proper:
            break
        if _belongs(token):
            last = j if token.word or token.number or token.text in "ºª°" else last
            numbers += token.number or (token.low == "n" and tokens[j - 1].text == "/")
        elif token.text == "." and following is not None and _dot_inside(tokens, j):
            pass
        elif (
            token.text == "\n"
            and following is not None
            and lines < 4
            and _line_goes_on(tokens, j + 1, lexicon)
        ):
            lines += 1
        elif (token.word and _links(token, tokens, j, lexicon)) or (
            token.text == "("
            and following is not None
            and (following.number or (j + 2 < len(tokens) and tokens[j + 2].text == ")"))
        ):
            pass
        else:
            break
        j += 1
    return last, numbers


def _something_else(token: Token, before: Token, lexicon: Lexicon) -> bool:
    """Tell whether a drug, or an ordinary word after a long number (a telephone's), ends it."""
    if not token.proper or token.low in lexicon.places or token.low in ADDRESS_UNITS:
        return False
    return substance(token.low) or (token.common and before.number and len(before.text) > 3)


def _small_names(tokens: list[Token], i: int) -> int:
    """Return where to go on after a street whose name has no capitals: calle de los derechos 3."""
    if tokens[i].number:
        ahead = range(i + 2, min(i + 7, len(tokens)))
        street = next((j for j in ahead if tokens[j].low in STREET_AFTER), None)
        between = tokens[i + 1 : street] if street else []
        return street if street and all(t.word or t.text in "'.-" for t in between) else i
    if tokens[i].low not in STREET_BEFORE | {"c"}:
        return i
    for j in range(i + 1, min(i + 8, len(tokens))):
        if tokens[j].number:
            return j
        if not (tokens[j].word or tokens[j].text in {".", ",", "/"}):
            break
    return i


def _label(tokens: list[Token], j: int) -> bool:
    """Tell whether a label begins here ("Tel:", "E-mail:")."""
    return any(t.text == ":" for t in tokens[j + 1 : j + 3]) or tokens[j].low in _LABELS


def _dot_inside(tokens: list[Token], j: int) -> bool:
    before, after = tokens[j - 1], tokens[j + 1]
    if j > 1 and tokens[j - 2].number and tokens[j - 2].end == before.start and after.proper:
        return after.low in ADDRESS_UNITS  # "LS6 2AB. She": the end of a postcode shortens nothing
    if before.number and (after.low == "and" or after.text == "\n" or after.low in ADDRESS_UNITS):
        return True
    short = before.word and (
        (
            len(before.low) <= 5
            and (
                before.low in ADDRESS_UNITS
                or before.low in STREET_BEFORE
                or before.low in STREET_AFTER
            )
        )
        or len(before.low) <= 3
    )
    return short or (before.number and after.start == tokens[j].end)


def _line_goes_on(tokens: list[Token], j: int, lexicon: Lexicon) -> bool:
    token = tokens[j]
    while token.text in {",", "\n"} and j + 1 < len(tokens):
        j += 1
        token = tokens[j]
    if _label(tokens, j) or not (token.proper or token.number):
        return False
    after = tokens[j + 1] if j + 1 < len(tokens) else None
    if token.number:
        return after is None or after.text not in {".", ")"}  # the next item of a list
    if token.upper and len(token.low) < 4:
        return after is None or after.number or after.text in {",", "\n"}
    place = token.low in lexicon.places or token.low in lexicon.countries
    if token.low in ADDRESS_UNITS or (place and not token.common):
        return True
    if _bare_line(tokens, j):
        return True
    following = tokens[j + 1] if j + 1 < len(tokens) else None
    ends = (
        following is None or following.text in {",", "\n"} or following.number or following.proper
    )
    return ends and not (token.common and token.low not in lexicon.place_starts)


def _bare_line(tokens: list[Token], j: int) -> bool:
    """Tell whether the line at `j` holds names and numbers alone and another such line follows."""
    k = j
    while k < len(tokens) and tokens[k].text != "\n":
        if not (tokens[k].proper or tokens[k].number or tokens[k].text in _MARKS) or k - j > 5:
            return False
        k += 1
    after = tokens[k + 1] if k + 1 < len(tokens) else None
    return after is not None and (after.text == "," or after.number)


def _links(token: Token, tokens: list[Token], j: int, lexicon: Lexicon) -> bool:
    """Tell whether a small word stands between two parts of an address ("de la", "of", "and")."""
    ahead = tokens[j + 1 : j + 4]
    if token.low in PARTICLES or token.low in {"and", "of", "the", "nan", "to"}:
        if token.low in {"to", "of", "the"} and not (ahead and ahead[0].proper):
            return False
        return any(t.proper or t.number for t in ahead)
    return not token.common and token.low in lexicon.places


def _enough(tokens: list[Token], i: int, last: int, numbers: int, source: str) -> bool:
    if source in {"house", "box", "postcode", "ending"}:
        return True
    if source == "cue":
        return (
            numbers > 0
            and last > i
            and any(t.word and len(t.low) > 2 for t in tokens[i : last + 1])
        )
    return last > i
