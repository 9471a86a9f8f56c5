"""Things that bear a name: what is drunk, eaten, driven, watched; marks on them are no person's.

Only marks that rest on the look of the words (word lists, the tagger) are taken away, and only by
what stands beside them; a label, a fixed pattern or a known name holds. A title holds as well, but
where something is drunk, worn or watched that bears one ("a can of Dr Pepper"): people of these
names treat and are treated.
"""

# ruff: noqa: RUF001 - apostrophes as people write them

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.tokens import Token, parts
from euthymia.gateway.deid.vocabulary import ORG_WORDS, TITLES


@cache
def _lists() -> dict[str, frozenset[str]]:
    text = (
        resources.files("euthymia.gateway.deid.lexicon").joinpath("things.toml").read_text("utf-8")
    )
    out = {}
    for name, entries in tomllib.loads(text).items():
        whole = entries.split("|") if name in _PHRASES else entries.split()
        own = frozenset(entry.strip() for entry in whole if entry.strip())
        out[name] = own if name in _VERBS else frozenset(map(folded, own))
    return out


@cache
def _phrases() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the named things by their first word, the longest first."""
    out: dict[str, list[tuple[str, ...]]] = {}
    for entry in _lists()["named_things"]:
        first, *rest = parts(entry)
        out.setdefault(first, []).append(tuple(rest))
    return {first: tuple(sorted(rests, key=len, reverse=True)) for first, rests in out.items()}


_LOOKS: Final = (
    "tagger",
    "names:names",
    "names:echo",
    "names:list",
    "names:place",
    "names:institution",
)
_PHRASES: Final = frozenset({"named_things", "titled_things"})
_VERBS: Final = frozenset({"taken", "watched"})
_NAMING: Final = frozenset(
    {Kind.PERSON, Kind.ORGANISATION, Kind.LOCATION, Kind.USERNAME, Kind.HOSPITAL}
)
_PEOPLE: Final = frozenset({Kind.PERSON, Kind.ORGANISATION, Kind.USERNAME})
_ARTICLES: Final = frozenset({"a", "an", "un", "una"})
_SMALL: Final = frozenset(
    {"a", "an", "the", "some", "of", "de", "del", "un", "una", "el", "la", "los", "las"}
)


def without_things(
    spans: Sequence[Span], tokens: Sequence[Token], lists: Lexicon, *, blind: bool
) -> list[Span]:
    """Return the spans without those that name a thing by what stands in or beside them.

    Where the text has no capitals, or nothing else (`blind`), only what it is called and the noun
    after it count: "victoria sponge".
    """
    doubtful = [s for s in spans if s.kind in _NAMING and s.source.startswith(_LOOKS)]
    titled = [s for s in spans if s.source.startswith("names:title")]
    if not doubtful and not titled:
        return list(spans)
    starts = [t.start for t in tokens]
    things = _places(tokens, lists)
    gone = {
        s
        for s in doubtful
        if (_held(s, things) and not (blind and s.kind is not Kind.PERSON))
        or _thing(s, tokens, starts, lists, blind=blind)
    }
    gone |= {s for s in (*doubtful, *titled) if _titled(s, tokens, starts)}
    return [s for s in spans if s not in gone]


def _titled(span: Span, tokens: Sequence[Token], starts: Sequence[int]) -> bool:
    """Tell whether a thing that bears a title is drunk, worn, watched, or what a noun is called."""
    named, k = _lists(), bisect_left(starts, span.start)
    while k > 0 and tokens[k].low not in TITLES and starts[k] + 12 > span.start:
        k -= 1
    end = bisect_left(starts, span.end)
    phrase = " ".join(t.low for t in tokens[k:end] if t.text != ".")
    if phrase not in named["titled_things"]:
        return False
    lead = k - 1
    while lead >= 0 and tokens[lead].low in _SMALL:
        lead -= 1
    first = tokens[lead].text.lower() if lead >= 0 else ""
    after = tokens[end].low if end < len(tokens) else ""
    said = named["taken"] | named["measures"] | named["watched"]
    return first in said or after in named["nouns_after"]


def _places(tokens: Sequence[Token], lists: Lexicon) -> list[tuple[int, int]]:
    """Return where named things stand, written with a capital or not."""
    phrases, out = _phrases(), []
    for k, token in enumerate(tokens):
        for rest in phrases.get(token.low, ()):
            if not rest and _of_people(token, lists):
                continue
            end = k + 1 + len(rest)
            if tuple(t.low for t in tokens[k + 1 : end]) == rest and not _goes_on(tokens, k, end):
                out.append((token.start, tokens[end - 1].end))
                break
    return out


def _of_people(token: Token, lists: Lexicon) -> bool:
    """Tell whether the word is a person's name as well: Suzuki, Stalin."""
    return token.low in lists.given or token.low in lists.family or token.low in lists.rare


def _goes_on(tokens: Sequence[Token], k: int, end: int) -> bool:
    """Tell whether a title or "school" stands before, or a family name may stand after."""
    after = tokens[end : end + 1]
    return (
        (k > 0 and (tokens[k - 1].low in ORG_WORDS or tokens[k - 1].low in TITLES))
        or (k > 0 and tokens[k - 1].text == "." and k > 1 and len(tokens[k - 2].text) < 4)
        or (bool(after) and after[0].proper and not after[0].common)
    )


def _held(span: Span, things: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span.start and span.end <= end for start, end in things)


def _called(own: Sequence[Token], after: Sequence[Token], lists: Lexicon, *, blind: bool) -> bool:
    """Tell whether the noun of a thing or scale ends or follows the name.

    "Kirschner wire", "Victoria sponge", "Leeds dependence questionnaire".
    """
    nouns, between = _lists()["nouns_after"], _lists()["measured"]

    def noun(token: Token) -> bool:
        return token.word and token.low in nouns and (blind or token.text.islower())

    if len(own) > 1 and noun(own[-1]):
        return not _of_people(own[-1], lists)
    for token in after:
        if noun(token):
            return not (blind and (len(own) > 1 or _of_people(token, lists)))
        if token.low not in between:
            return False
    return False


def _thing(
    span: Span, tokens: Sequence[Token], starts: Sequence[int], lists: Lexicon, *, blind: bool
) -> bool:
    i, j = bisect_left(starts, span.start), bisect_left(starts, span.end)
    own = [t for t in tokens[i:j] if t.word]
    if not own or len(own) > 3:
        return False
    named, lang = _lists(), lists.lang
    before = tokens[i - 1].low if i else ""
    after = tokens[j] if j < len(tokens) else None
    called = lang == "en" and _called(own, tokens[j : j + 4], lists, blind=blind)
    if called or blind:
        return called
    article = before in _ARTICLES and (lang == "en" or before != "a")
    if len(own) == 1 and article and span.kind in _PEOPLE and own[0].low not in lists.given:
        return after is None or not (after.proper or after.text in "'’")
    k = i - 1
    while k >= 0 and i - k < 4 and tokens[k].low in _SMALL:
        k -= 1
    if k < 0 or not tokens[k].word:
        return False
    lead, small = tokens[k].low, k < i - 1
    if lang == "es" and lead in named["nouns_before"] and span.kind is not Kind.LOCATION:
        return True
    return tokens[k].text.lower() in named["taken"] or (small and lead in named["measures"])
