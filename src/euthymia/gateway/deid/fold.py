"""Words made comparable: without case, accents or the many shapes of one apostrophe or dash."""

# ruff: noqa: RUF001 - one question after the other, each with its answer

import unicodedata
from functools import lru_cache
from typing import Final

_SAME: Final = str.maketrans(
    {"’": "'", "ʼ": "'", "`": "'", "´": "'", "‘": "'", "–": "-", "—": "-", "‐": "-", "‑": "-",
     "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)  # fmt: skip


@lru_cache(maxsize=16384)
def folded(text: str) -> str:
    """Return `text` without case and accents ("José" and "JOSE" are one)."""
    low = text.casefold()
    if low.isascii():
        return low
    apart = unicodedata.normalize("NFKD", low)
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_SAME)


def fold_each(text: str) -> str:
    """Return `text` folded character by character, so that every place stays where it is."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_one, text))


@lru_cache(maxsize=4096)
def _fold_one(char: str) -> str:
    out = folded(char)
    return out[:1] or char
