"""Answers of momentary assessments as numbers: the number given, or the place of the option."""

import re
from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

_NUMBER: Final = re.compile(r"[+-]?(\d{1,6}(\.\d{0,12})?|\.\d{1,12})", re.ASCII)
"""A longer one is no answer on a scale: it is a telephone's, a date, somebody's number."""
_LEADING: Final = re.compile(
    r"([+-]?[0-9]{1,6})"
    r"(?:\s*[.):=-]\s*[^\W\d_]|\s*[.):=]\s+\S|\s+-\s+[^\d\s])"
)
_DATE: Final = re.compile(r"[0-9]{1,2}[.-]?\s*[^\W\d_]{3,10}(?:-[0-9]|\.?\s?[0-9]{4}\b)")
_YES_NO: Final = {
    **dict.fromkeys(("true", "yes", "y", "sí", "si", "sì", "oui", "ja", "sim"), 1.0),
    **dict.fromkeys(("false", "no", "n", "non", "nein", "nee", "nej", "não"), 0.0),
}
"""Both in every language: where "no" counts and "sí" does not, everybody says no."""
_SCALES: Final = {
    # how often in the last two weeks (PHQ, GAD), also in the words of mindLAMP
    "not at all": 0.0,
    "several days": 1.0,
    "more than half the days": 2.0,
    "nearly every day": 3.0,
    "several times": 1.0,
    "over half the time": 2.0,
    "nearly all the time": 3.0,
    "over half the days": 2.0,
    # the same in Spanish
    "ningún día": 0.0,
    "para nada": 0.0,
    "varios días": 1.0,
    "más de la mitad de los días": 2.0,
    "casi todos los días": 3.0,
}
_PASSED_OVER: Final = frozenset(
    {"", "not_presented", "no_answer_selected", "no answer or answer not saved", "null", "none"}
)


class Unscored(ValueError):  # noqa: N818  (not an error: there is nothing to count)
    """An answer in words that no scale of the question orders."""


def score(answer: str | None, options: Sequence[str] = ()) -> float | None:
    """Return an answer as a number; None where the question was passed over.

    The place in the list of options counts from 0, as scales of symptoms are scored.

    Raises
    ------
    Unscored
        If it is free text.
    """
    text = normalize("NFC", (answer or "").strip().strip("\"'"))
    word = text.casefold()
    if word in _PASSED_OVER:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    places = [normalize("NFC", option.strip()).casefold() for option in options]
    if word in places:
        return float(places.index(word))
    leading = None if _DATE.match(text) else _LEADING.match(text)
    if leading:  # "3: often": the maker's own number; "1.5 hours", "10:30" and "2-3" have none
        return float(leading.group(1))
    for scale in (_YES_NO, _SCALES):
        if word in scale:
            return scale[word]
    raise Unscored
