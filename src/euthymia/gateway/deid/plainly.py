"""Names that are things: whether a sentence that opens with Faith or Hope speaks of a person."""

# ruff: noqa: RUF001 - apostrophes as people write them

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.clinical import STRONG_NOUNS
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token

BE: Final = words("be")
ABSTRACT: Final = words("abstract_names")
"""Given names that are things: "Faith is important" speaks of no one."""
_OF_PEOPLE: Final = words("of_people")
_MEASURES: Final = STRONG_NOUNS | {"score", "scores", "monitor", "puntuacion"}
_DETERMINERS: Final = frozenset(
    {"a", "the", "no", "her", "his", "my", "their", "una", "un", "mi", "su", "sus"}
)

_BLANK: Final = re.compile(
    r":[ \t]{0,4}(?P<own>n/?a|nil|none|no|yes|tb[ca]|unknown|not known|ningun[oa]|desconocid[oa]|"
    r"no consta|[ny](?!\.))(?=[ \t]{0,3}(?:$|\n|[.;,|)])|[ \t]{2})"
)


def blank_answers(low: str) -> list[tuple[int, int]]:
    """Return the places of answers that name nobody: "Interpreter: N", "Social worker: nil"."""
    return [m.span("own") for m in _BLANK.finditer(low)]


def of_nobody(tokens: Sequence[Token], k: int) -> bool:
    """Tell whether token `k`, before "is" or "was", is a thing: "Faith is important to her"."""
    after = tokens[k + 1 : k + 3]
    return (
        len(after) > 1
        and tokens[k].low in ABSTRACT
        and after[0].low in BE
        and after[1].word
        and after[1].low not in _OF_PEOPLE
    )


def measured(tokens: Sequence[Token], k: int) -> bool:
    """Tell whether what bears the name is a scale or a disease: Mr Wells has "a Wells score"."""
    after = [t.low for t in tokens[k + 1 : k + 4]]
    if after[:2] in (["'", "s"], ["’", "s"]):
        after = after[2:]
    return bool(after) and after[0] in _MEASURES


def used_plainly(tokens: Sequence[Token], k: int) -> bool:
    """Tell whether an ordinary word is used as one: "mrs hill walks up the hill", "rose rose"."""
    return k > 0 and (tokens[k - 1].low in _DETERMINERS or tokens[k - 1].low == tokens[k].low)
