"""Passages in a language that is not read here: taken out whole, after a person has looked.

The rules, the lists and the tagger know English and Spanish. What they leave in a French letter
says nothing about who is named in it, so such a passage is one doubtful span. It is told by its
small words: half of its words are in neither language, or in one of another (`_OTHERS`). Long words
are left out, since medicine's are in no list, and so is what stands beside numbers (units). Of
13,000 sentences of notes in English and Spanish none of eight words or more looked foreign by it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.gateway.deid.contract import LANGS, Kind, Lang, Span
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import caseless, ordinary

SOURCE: Final = "rule:other-language"
SURE: Final = 0.5
"""A person looks: below `merge.ACCEPT`."""
_FEWEST: Final = 6
"""Words that a passage needs to be judged."""
_FEWEST_LOUD: Final = 15
"""The same in a text in capitals, where names are among the words."""
_SHARE: Final = 0.5
_OTHERS: Final = words("other_small_words")
"""Small words of languages near to Spanish, with their accents; none is English or Spanish."""
_WORD: Final = re.compile(
    r"(?<![\w/@.:-])(?<![\d/@.:-]\s)[^\W\d_]{2,11}(?:['\u2019][^\W\d_]{1,11})?(?![\w@/-])(?!\.\w)"
)
_OURS: Final = re.compile(r"[a-z\xe1\xe9\xed\xf3\xfa\xfc\xf1'\u2019]+")
_BREAK: Final = re.compile(r"\n|(?<=[.!?])\s")


def other_language(text: str, lang: Lang) -> list[Span]:
    """Return the passages that are in neither English nor Spanish.

    All of the text where no sentence that is long enough to tell is in one of the two.

    Parameters
    ----------
    lang : "en" or "es"
        The language of the note: the other one's words are asked only of what is not in it.
    """
    if caseless(text):  # in capitals a line of names looks foreign: the whole is judged, or nothing
        found = [(0, len(text))] if _foreign(text.lower(), lang, _FEWEST_LOUD) else []
    else:
        told = [(start, end, _told(text[start:end], lang)) for start, end in _sentences(text)]
        found = list(_passages(text, told))
        ours = any(foreign is False for _, _, foreign in told)
        if not ours and (found or _foreign(text, lang)):
            found = [(0, len(text))]
    return [Span(*_stripped(text, *place), Kind.PASSAGE, SURE, SOURCE) for place in found]


def without_inner(spans: list[Span], passages: list[Span]) -> list[Span]:
    """Return all spans in order, without those that lie in a passage or reach into one."""
    if not passages:
        return spans
    outside = [s for s in spans if all(s.end <= p.start or p.end <= s.start for p in passages)]
    return sorted([*outside, *passages])


def _passages(text: str, told: Sequence[tuple[int, int, bool | None]]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of foreign sentences; those with nothing but blanks between are one."""
    last: tuple[int, int] | None = None
    for start, end, foreign in told:
        if not foreign:
            continue
        if last is not None and not text[last[1] : start].strip():
            last = (last[0], end)
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence or line that is not blank."""
    at = 0
    for stop in [*(m.start() for m in _BREAK.finditer(text)), len(text)]:
        if text[at:stop].strip():
            yield _stripped(text, at, stop)
        at = stop


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return end - len(part.lstrip()), start + len(part.rstrip())


def _told(sentence: str, lang: Lang) -> bool | None:
    """Tell whether a sentence is foreign; None if it is too short to tell."""
    if len(_small_words(sentence)) < _FEWEST:
        return None
    return _foreign(sentence, lang)


def _small_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.islower()]


def _foreign(passage: str, lang: Lang, fewest: int = _FEWEST) -> bool:
    """Tell whether half of the small words are of neither language; with too few: no."""
    found = _small_words(passage)
    if len(found) < fewest:
        return False
    strange = [word for word in found if _strange(word) or not ordinary(word, lang)]
    if len(strange) < _SHARE * len(found):
        return False
    other = LANGS[lang == LANGS[0]]
    really = sum(_strange(word) or not ordinary(word, other) for word in strange)
    return really >= _SHARE * len(found)


def _strange(word: str) -> bool:
    return word in _OTHERS or not _OURS.fullmatch(word)
