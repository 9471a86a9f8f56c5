"""Names that are medicine and not a person: scales, diseases, signs, drugs, microbes, methods.

They survive unless something says outright that a person is meant ("Mr Parkinson came in").
All words here are folded: no case, no accents.
"""

import re
from functools import lru_cache
from typing import Final

from euthymia.gateway.deid.lexicon import drugs, lexicon
from euthymia.gateway.deid.lexicon.by_hand import words

EPONYMS: Final = words("eponyms")
BARE: Final = words("bare_eponyms")
TOWNS: Final = words("town_eponyms")
"""Towns that a scale is named after: a town, unless a number follows."""
MONTH_NAMES: Final = frozenset({"april", "may", "june", "august", "abril", "julio", "augusto"})
_NOUNS: Final = words("clinical_nouns")
STRONG_NOUNS: Final = words("strong_nouns")
FAMILY_NOUNS: Final = STRONG_NOUNS | words("family_nouns")
RESULTS: Final = words("results")
_PLAIN: Final = words("drugs") | words("terms")
_DRUG_ENDINGS: Final = tuple(sorted(words("drug_endings")))
_MEDICAL_ENDINGS: Final = tuple(sorted(words("medical_endings")))


def clinical_noun(word: str) -> bool:
    """Tell whether a folded word, or its singular, claims a name beside it for medicine."""
    return word in _NOUNS or word.removesuffix("s") in _NOUNS or word.removesuffix("es") in _NOUNS


def eponym(word: str) -> bool:
    """Tell whether a folded word is the name of medicine's people; with hyphens, each part."""
    return word in EPONYMS or ("-" in word and all(p in EPONYMS for p in word.split("-")))


def bare_eponym(word: str) -> bool:
    """Tell whether an eponym stands for its scale or disease all by itself."""
    return word in BARE or ("-" in word and all(p in EPONYMS for p in word.split("-")))


def substance(word: str) -> bool:
    """Tell whether a folded word is listed as a drug, microbe or term."""
    return word in _PLAIN or word in drugs()


@lru_cache(maxsize=16384)
def medical(word: str) -> bool:
    """Tell whether a folded word is a drug, microbe or term by list or by its ending."""
    if substance(word):
        return True
    names = lexicon("en")  # "Jeremias" ends like "anaemias"
    if word in names.given or word in names.family:
        return False
    if len(word) > 6 and word.endswith(_DRUG_ENDINGS):
        return True
    return len(word) > 7 and word.endswith(_MEDICAL_ENDINGS)


PHRASES: Final = re.compile(
    r"(?<!\w)(?:" + "|".join(re.escape(p) for p in sorted(words("phrases"))) + r")(?!\w)"
)
"""Words that together name nobody."""
_HEADED: Final = ("hospital de dia", "day hospital")


def plain_phrases(text: str, low: str) -> list[tuple[int, int]]:
    """Return the places of phrases that name nobody; "Hospital de Día Azahar" is a name."""
    return [
        m.span()
        for m in PHRASES.finditer(low)
        if m.group() not in _HEADED or not _named_on(text, *m.span())
    ]


def _named_on(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if not text[start].isupper():
        return False
    return (after[:1] == " " and after[1:].isupper()) or (
        text[start:end].lower() == "day hospital" and before.strip().isalpha()
    )
