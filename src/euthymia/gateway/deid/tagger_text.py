"""Text as the tagger sees it: words with their places, and hashed features of each word."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from struct import Struct
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 1 << 16
"""Rows of the table of features. Row 0 is "nothing"."""

WIDTH: Final = 17
"""Features of a word."""

WORD_BITS: Final = 1 << 20
"""Bits of the filter that knows common English words (115,000 words, 1.3 % false)."""

_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+|\n|[^\w\s]|_")
_LONGEST: Final = 40
"""Letters of a word that are looked at; the rest of a longer one says nothing more."""

_SHAPE_LOOK: Final = 400
"""Words from which the letter case of the text is judged."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a text: runs of letters, runs of digits, single signs and line ends."""

    words: list[str]
    starts: list[int]
    ends: list[int]


def tokenize(text: str) -> Tokens:
    """Return the words of `text` with their places, in linear time."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for found in _TOKEN.finditer(text):
        words.append(found[0])
        start, end = found.span()
        starts.append(start)
        ends.append(end)
    return Tokens(words, starts, ends)


_ROWS: Final = BUCKETS - 1
_ACCENTS: Final = {
    number: base
    for number in range(0xC0, 0x250)
    if (base := unicodedata.normalize("NFD", chr(number))[0]).isascii()
}
"""Letters with accents, as code points, and the bare letters."""


def _hashed(text: str) -> int:
    return 1 + crc32(text.encode()) % _ROWS


def fold(word: str) -> bytes:
    """Return a word in small letters without Latin accents, cut to what is looked at, as UTF-8."""
    low = word[:_LONGEST].lower()
    if not low.isascii():
        low = low.translate(_ACCENTS)
    return low.encode("utf-8", "surrogatepass")


def filter_places(low: bytes) -> tuple[int, int, int, int, int]:
    """Return the bits that stand for a folded word in the filter of common words."""
    one, two = crc32(low), crc32(low, 77) | 1
    last = WORD_BITS - 1
    return (
        one & last,
        (one + two) & last,
        (one + 2 * two) & last,
        (one + 3 * two) & last,
        (one + 4 * two) & last,
    )


def is_common(low: bytes, common: bytes) -> bool:
    """Return whether the filter knows a folded word."""
    return all(common[place >> 3] >> (place & 7) & 1 for place in filter_places(low))


def letter_case(word: str) -> str:
    """Return "l" (small), "U" (capitals), "C" (first is a capital), "M" (mixed), "d" or "p"."""
    if not word.isalpha():
        return "d" if word.isdigit() else "p"
    if word.islower():
        return "l"
    if word.isupper():
        return "U" if len(word) > 1 else "C"
    return "C" if word[0].isupper() and word[1:].islower() else "M"


def word_features(word: str, lang: str, common: bytes) -> tuple[int, ...]:
    """Return the 15 features that depend on the word alone."""
    case = letter_case(word)
    length = min(len(word), 12)
    if case == "d":
        value = word[:4] if length <= 4 else ""
        head = (f"n{value}", f"n{length}", f"n{word[:2]}.{length}", f"n{word[:1]}.{length}")
        filled = [_hashed(text) for text in head]
        return (*filled, 0, 0, 0, _hashed(f"sd{length}"), *_NOTHING)
    if case == "p":
        row = 1 + crc32(word.encode("utf-8", "surrogatepass"), 1) % _ROWS
        return (row, 0, 0, 0, 0, 0, 0, _hashed("sp"), 0, *_NOTHING[1:])
    low = fold(word)
    known = is_common(low, common)
    return (
        1 + crc32(low, 1) % _ROWS,
        1 + crc32(low[:2], 2) % _ROWS,
        1 + crc32(low[:3], 3) % _ROWS,
        1 + crc32(low[:4], 4) % _ROWS,
        1 + crc32(low[-2:], 5) % _ROWS,
        1 + crc32(low[-3:], 6) % _ROWS,
        1 + crc32(low[-4:], 7) % _ROWS,
        *_looks(lang, known, case, length),
        *_trigrams(b"^" + low + b"$"),
    )


@cache
def _looks(lang: str, known: bool, case: str, length: int) -> tuple[int, int]:
    """Return the hashed shape of a word, and the same with whether it is common."""
    return _hashed(f"s{case}{min(length, 4)}"), _hashed(f"k{lang}{known}{case}{length}")


_NOTHING: Final = (0,) * 7
_SPREAD: Final = tuple(tuple(turn * last // 5 for turn in range(6)) for last in range(6, 300))


def _trigrams(framed: bytes) -> tuple[int, ...]:
    """Return six hashed pieces of three letters, spread evenly over a word."""
    last = len(framed) - 3
    places = range(last + 1) if last < 6 else _SPREAD[last - 6]
    found = [1 + crc32(framed[at : at + 3], 8) % _ROWS for at in places]
    return (*found, *_NOTHING[: 6 - len(found)])


_PACK: Final = Struct(f"={WIDTH - 2}i").pack


def features(
    tokens: Tokens,
    lang: str,
    common: bytes,
    known: dict[str, bytes] | None = None,
) -> NDArray[np.int32]:
    """Return the features of each word.

    Parameters
    ----------
    known
        Features already computed, for callers with many texts of one language; grows.

    Returns
    -------
    array
        Shape (words, `WIDTH`), rows of the table.
    """
    known = {} if known is None else known
    rows: list[bytes] = []
    for word in tokens.words:
        row = known.get(word)
        if row is None:
            row = known[word] = _PACK(*word_features(word, lang, common))
        rows.append(row)
    ids = np.zeros((len(rows), WIDTH), dtype=np.int32)
    if rows:
        ids[:, : WIDTH - 2] = np.frombuffer(b"".join(rows), np.int32).reshape(len(rows), -1)
        ids[:, WIDTH - 2] = _gaps(tokens)
        ids[:, WIDTH - 1] = _hashed(f"t{lang}{_text_case(tokens.words)}")
    return ids


_GAP_ROWS: Final = tuple(_hashed(f"gap{size}") for size in range(3))


def _gaps(tokens: Tokens) -> NDArray[np.int32]:
    """Return for each word whether nothing, one or more signs of white space stand before it."""
    starts = np.asarray(tokens.starts, dtype=np.int64)
    before = np.concatenate(([0], np.asarray(tokens.ends[:-1], dtype=np.int64)))
    return np.asarray(_GAP_ROWS, dtype=np.int32)[np.minimum(starts - before, 2)]


def _text_case(words: list[str]) -> str:
    """Return how the letters of the text are written: mostly small, capital or as usual."""
    letters = [word for word in words[:_SHAPE_LOOK] if word[0].isalpha()]
    if not letters:
        return "?"
    small = sum(word.islower() for word in letters)
    capital = sum(word.isupper() for word in letters)
    if small == len(letters):
        return "l"
    if capital > 0.8 * len(letters):
        return "U"
    return "m"
