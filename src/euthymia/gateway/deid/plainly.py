"""Names that are things: whether a sentence that opens with Faith or Hope speaks of a person."""

from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token

BE: Final = words("be")
ABSTRACT: Final = words("abstract_names")
"""Given names that are things: "Faith is important" speaks of no one."""
_OF_PEOPLE: Final = words("of_people")


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
