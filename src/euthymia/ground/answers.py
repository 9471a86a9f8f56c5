"""Answers in words to questions of yes or no.

Some stand in screeners for suicide. So what begins with yes is a yes, whatever follows, and a no is
read strictly: "N/A", "No answer", "no response" or the "Y/N" of an empty form are no answer.
"""

import re
from typing import Final

_WHOLE: Final = {
    "yes": True,
    "sí": True,
    "y": True,
    "si": True,
    "true": True,
    "la33-6": True,  # LOINC's answers
    "no": False,
    "n": False,
    "false": False,
    "la32-8": False,
}
_YES: Final = re.compile(r"(?:yes|sí)\b|si\s*[,;:.(]")
_CHOICE: Final = re.compile(r"(?:yes|s[ií]|y)\s*(?:/|or\b|o\b|\||$)?\s*no?(?:\s*[/|]|$)")
_NO: Final = re.compile(r"no(?:\s*[,;:.(]|\s+[-\u2013\u2014]\s)\s*(\S.*)", re.DOTALL)
_NOT_ASKED: Final = re.compile(
    r"(?:(?:was |were )?not |never |no (?:se )?(?:ha )?)(?:asked|assessed|done|pregunt\w*|evalu\w*)"
    r"|unknown|unable|n/a|no data"
)
_NOT_ANSWERED: Final = re.compile(
    _NOT_ASKED.pattern + r"|declin|refus|rechaz|answer|respon|contest|sabe|not? know|n't know"
)
_NOTHING: Final = re.compile(
    r"n\.?/?a\b|none$|null$|nil$|desconoc|skipped|omit|missing|[-\u2013\u2014?.]*$"
)


def _normal(text: str | None) -> str:
    return (text or "").lower().strip().strip(".,;:!")


def yes_or_no(text: str | None) -> bool | None:
    """Return whether an answer is yes or no; None where it is neither for certain.

    Yes is what begins with that word and is no choice ("yes/no"). No is the word alone, or followed
    by a comma, a stop, a bracket or a dash and by what does not say that nobody answered. LOINC's
    LA33-6 and LA32-8 are read too.
    """
    said = _normal(text)
    if said in _WHOLE:
        return _WHOLE[said]
    if _CHOICE.match(said):
        return None
    if _YES.match(said):
        return True
    denied = _NO.match(said)
    return False if denied and not _NOT_ANSWERED.search(denied[1]) else None


def unreadable(text: str | None) -> bool:
    """Tell whether there are words that are neither yes nor no, so that somebody read them.

    That nobody asked, or that nothing is there, is no such word; that somebody declined is.
    """
    said = _normal(text)
    if yes_or_no(text) is not None or _CHOICE.match(said):
        return False
    return not (_NOTHING.match(said) or _NOT_ASKED.search(said))
