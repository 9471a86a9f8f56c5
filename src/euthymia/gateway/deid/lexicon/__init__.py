"""Word lists: what is an ordinary word, a given or family name, a town, a country.

Where they come from and under which licence is in `PROVENANCE.md` beside this file. All entries are
folded (no case, no accents); they are read from disk once, when the first note is looked at.
"""

import lzma
from dataclasses import dataclass
from functools import cache
from importlib import resources

from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.vocabulary import REGIONS


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists for one language; names and places are the same for all."""

    lang: Lang
    words: frozenset[str]
    weak: frozenset[str]
    """Rare words that are names as well: with a capital they count as names."""
    women: frozenset[str]
    men: frozenset[str]
    given: frozenset[str]
    seldom: frozenset[str]
    """Given names that few have: some are what a typing error makes of a word."""
    family: frozenset[str]
    rare: frozenset[str]
    places: frozenset[str]
    countries: frozenset[str]
    place_starts: frozenset[str]
    """First words of the places and countries that have several."""

    def sex(self, name: str) -> str:
        """Return "f", "m" or "" for a folded given name."""
        return "f" if name in self.women else "m" if name in self.men else ""


def _lines(name: str) -> list[str]:
    packed = resources.files(__package__).joinpath(f"{name}.txt.xz").read_bytes()
    return lzma.decompress(packed).decode().split("\n")


@cache
def _names() -> tuple[frozenset[str], ...]:
    women, men = frozenset(_lines("given_f")), frozenset(_lines("given_m"))
    seldom = frozenset(_lines("given_rare")) - words("eponyms")
    given = women | men | frozenset(_lines("given_x")) | seldom
    family, rare = frozenset(_lines("family")), frozenset(_lines("family_rare"))
    places, countries = frozenset(_lines("places")) | REGIONS, frozenset(_lines("countries"))
    starts = frozenset(p.split(" ")[0] for p in places | countries if " " in p)
    return women, men, given, seldom, family, rare, places, countries, starts


@cache
def lexicon(lang: Lang) -> Lexicon:
    """Return the lists for `lang`."""
    own = frozenset(_lines(f"words_{lang}"))
    if lang == "en":
        own |= words("peoples")  # English writes them with a capital: no list of words holds them
    return Lexicon(lang, own, frozenset(_lines(f"weak_{lang}")), *_names())


@cache
def drugs() -> frozenset[str]:
    """Return names of drugs that are no other word, name or place."""
    return frozenset(_lines("drugs"))


@cache
def pool(lang: Lang, what: str) -> tuple[str, ...]:
    """Return names that a surrogate is drawn from; `what` is "f", "m" or "family"."""
    rows = (line.split("\t") for line in _lines("pools"))
    return tuple(name for own, kind, name in rows if own == lang and kind == what)


@cache
def firms() -> tuple[tuple[str, bool], ...]:
    """Return names of firms, and whether each is something else too and needs a word before it."""
    rows = (line.split("\t") for line in _lines("firms"))
    return tuple((name, how == "?") for name, how in rows)
