"""Answers in words to questions of yes or no.

Read strictly, because some stand in screeners for suicide: "N/A", "No answer", "no response" or the
"Y/N" of an empty form are no answer, and an unread one is no all-clear.
"""

import re
from typing import Final

_WORDS: Final = {"yes": True, "sí": True, "no": False}
_WHOLE: Final = _WORDS | {
    "y": True,
    "si": True,
    "true": True,
    "la33-6": True,  # LOINC's answers
    "n": False,
    "false": False,
    "la32-8": False,
}
_FIRST: Final = re.compile(r"(yes|sí|no)(?:\s*[,;:.(]|\s+[-\u2013\u2014]\s)\s*(\S.*)", re.DOTALL)
_YES_AND: Final = re.compile(r"(?:yes|sí)\s+(?!or\b|o\b|no\b|/)\w")
_NOT_ANSWERED: Final = re.compile(
    r"ask|answer|respon|declin|refus|assess|know|n/a|pregunt|contest|evalu|sabe|rechaz"
)


def yes_or_no(text: str | None) -> bool | None:
    """Return whether an answer is yes or no; None where it is neither for certain.

    It is where the whole answer is one of the words (also LOINC's LA33-6 and LA32-8), where yes or
    no is followed by a comma, a stop, a bracket or a dash and by what does not say that nobody
    answered, or where yes is followed by another word.
    """
    said = (text or "").lower().strip().strip(".,;:!")
    if said in _WHOLE:
        return _WHOLE[said]
    first = _FIRST.match(said)
    if first is not None:
        word, rest = first.groups()
        return None if _NOT_ANSWERED.search(rest) else _WORDS[word]
    return True if _YES_AND.match(said) else None
