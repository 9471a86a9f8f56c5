"""A text cut into words, numbers and marks, each knowing its place and whether it looks proper."""

# ruff: noqa: RUF001 - one question after the other, each with its answer

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from euthymia.gateway.deid.clinical import medical
from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.lexicon.by_hand import words

_TOKEN: Final = re.compile(
    r"[^\W\d_ºª]+(?:['’ʼ](?!(?:ll|re|ve)\b)[^\W\d_ºª]{2,}|-[^\W\d_ºª]{2,})*|\d+(?:[.,:]\d+)*|"
    r"\n|[^\w\s]|[_ºª]"
)
WORDS: Final = re.compile(r"\w+")
"""A word or number, where words are counted."""
_NEVER: Final = words("never_names")
_CLOSERS: Final = frozenset('.!?\n:•*"“”¿¡|')


@dataclass(slots=True)
class Token:
    """Characters [start, end) of the text."""

    start: int
    end: int
    text: str
    low: str
    """Folded: no case, no accents."""
    word: bool
    proper: bool
    """Written like a name; in a text without capitals: an unknown word."""
    first: bool
    """Opens a sentence, a line or a field."""
    common: bool
    """An ordinary or a medical word, whatever its case."""
    upper: bool
    """All capitals, two letters or more."""

    @property
    def number(self) -> bool:
        """Whether this is a number."""
        return self.text[0].isdigit()


def caseless(text: str) -> bool:
    """Tell whether the case of the letters says nothing: (nearly) all small or all capital."""
    letters = sum(map(str.isalpha, text))
    capitals = sum(map(str.isupper, text))
    return letters > 0 and (capitals == 0 or capitals > 0.7 * letters)


def tokens_of(text: str, lang: Lang) -> list[Token]:
    """Return the tokens of `text` in order; blanks are left out, line ends are tokens."""
    blind = caseless(text)
    out: list[Token] = []
    first = True
    for match in _TOKEN.finditer(text):
        part = match.group()
        start, end = match.span()
        if not part[0].isalpha():
            out.append(Token(start, end, part, part, False, False, first, False, False))
            first = part in _CLOSERS or (first and part in "-([\"'")
            continue
        low, named, upper, common, weak = _look(part, lang)
        if weak and _counts(part, lang, blind=blind, first=first):
            common = False
        proper = not common if blind else named
        out.append(Token(start, end, part, low, True, proper, first, common, upper))
        first = False
    return out


def _counts(part: str, lang: Lang, *, blind: bool, first: bool) -> bool:
    """Tell whether a rare word that is a name as well counts as one, by its capital.

    Where capitals say nothing, Spanish verbs would be names: there a name needs more to go by.
    """
    if lang == "en":
        return blind or part[0].isupper()
    return not blind and not first and part[0].isupper()


def ordinary(word: str, lang: Lang) -> bool:
    """Tell whether this is an ordinary or a medical word of the language."""
    return _look(word, lang)[3]


def parts(folded_text: str) -> list[str]:
    """Return the words, numbers and marks of a text, as its tokens would be."""
    return _TOKEN.findall(folded_text)


@lru_cache(maxsize=32768)
def _look(part: str, lang: Lang) -> tuple[str, bool, bool, bool, bool]:
    """Return a word folded; if it looks like a name, is in capitals, common, a name as well."""
    low = folded(part)
    upper = len(part) > 1 and part.isupper()
    named = part[0].isupper() and not _formula(part)
    if medical(low) or (upper and "-" in low and _test(low)):
        return low, named, upper, True, False
    words = lexicon(lang).words
    common = low in words or _compound(low, words) or (lang == "es" and _with_pronoun(low, words))
    return low, named, upper, common, common and low in lexicon(lang).weak


def _formula(part: str) -> bool:
    """Tell whether this is a substance (HBsAg: capitals inside the word) or a Roman number."""
    if part.isupper() or len(part) > 8:
        return len(part) > 1 and set(part) <= set("IVX")
    inner = [n for n, c in enumerate(part) if n and c.isupper() and part[n - 1] not in "-'’ʼ"]
    return len(inner) > 1 or (len(inner) == 1 and inner[0] == len(part) - 1)


def _test(low: str) -> bool:
    """Tell whether capitals joined to a number name a test or manual: "WMS-IV", "DSM-IV-TR"."""
    head = low.split("-", maxsplit=1)[0]
    return medical(head) or head in _NEVER


def _compound(low: str, words: frozenset[str]) -> bool:
    return "-" in low and all(p in words for p in low.split("-"))


_PRONOUN: Final = re.compile(
    r"([a-z]{1,12}[aei]r|[a-z]{1,12}(?:a|ie)ndo)(?:[mts]e|nos)?(?:l[aeo]s?)?"
)


def _with_pronoun(low: str, words: frozenset[str]) -> bool:
    """Tell whether this is a Spanish verb with a pronoun at its end: "verle", "llevándoselo"."""
    match = _PRONOUN.fullmatch(low)
    if match is None:
        return False
    verb = match.group(1)
    if len(verb) < 4 and verb not in {"ver", "dar", "ser"}:
        return False  # "Marla" is no verb
    if verb.endswith("ndo"):
        return verb in words
    doing = f"{verb[:-2]}ando" if verb.endswith("ar") else f"{verb[:-2]}iendo"
    return verb in words and (doing in words or f"{verb[:-2]}yendo" in words)
