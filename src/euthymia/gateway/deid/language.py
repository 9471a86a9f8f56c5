"""Which of the two languages a note is in, by its small words."""

import re
from typing import Final

from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.fold import fold_each

_WORD: Final = re.compile(r"[a-z]+")
_SPANISH: Final = frozenset(
    [
        "el",
        "la",
        "los",
        "las",
        "de",
        "del",
        "que",
        "y",
        "en",
        "un",
        "una",
        "con",
        "por",
        "para",
        "se",
        "su",
        "al",
        "lo",
        "como",
        "no",
        "es",
        "paciente",
        "sin",
        "ha",
        "refiere",
    ]
)
_ENGLISH: Final = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "in",
        "a",
        "is",
        "was",
        "with",
        "for",
        "on",
        "at",
        "by",
        "he",
        "she",
        "his",
        "her",
        "has",
        "had",
        "that",
        "this",
        "it",
        "not",
        "patient",
        "as",
        "from",
    ]
)
_ENOUGH: Final = 4000


def language(text: str) -> Lang:
    """Return "es" where Spanish small words outnumber English ones, else "en"."""
    words = _WORD.findall(fold_each(text[:_ENOUGH]))
    spanish = sum(w in _SPANISH for w in words)
    english = sum(w in _ENGLISH for w in words)
    return "es" if spanish > english else "en"
