"""Names that are medicine and not a person: scales, diseases, signs, drugs, microbes, methods.

They survive unless something says outright that a person is meant ("Mr Parkinson came in").
All words here are folded: no case, no accents.
"""

from functools import lru_cache
from typing import Final

from euthymia.gateway.deid.lexicon.by_hand import words

EPONYMS: Final = words("eponyms")
BARE: Final = words("bare_eponyms")
MONTH_NAMES: Final = frozenset({"april", "may", "june", "august", "abril", "julio", "augusto"})
_NOUNS: Final = words("clinical_nouns")
_PLAIN: Final = words("drugs") | words("terms")
_DRUG_ENDINGS: Final = tuple(sorted(words("drug_endings")))
_MEDICAL_ENDINGS: Final = tuple(sorted(words("medical_endings")))


def clinical_noun(word: str) -> bool:
    """Tell whether a folded word, or its singular, claims a name beside it for medicine."""
    return word in _NOUNS or word.removesuffix("s") in _NOUNS or word.removesuffix("es") in _NOUNS


@lru_cache(maxsize=16384)
def medical(word: str) -> bool:
    """Tell whether a folded word is a drug, microbe or term by list or by its ending."""
    if word in _PLAIN:
        return True
    if len(word) > 6 and word.endswith(_DRUG_ENDINGS):
        return True
    return len(word) > 7 and word.endswith(_MEDICAL_ENDINGS)
