"""Firms, schools, public bodies and hospitals that people name by a word or two, by list."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from euthymia.gateway.deid.clinical import eponym
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon import firms
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token, parts

_LEADS: Final = words("firm_leads")
_FEW_LEADS: Final = _LEADS - frozenset(
    {"la", "el", "los", "las", "de", "del", "con", "por", "para", "en", "casa", "for", "with"}
)
"""Those that tell a firm of the long list that is a word, a name or a town as well."""
_INITIALS: Final = words("initials")

Entry = tuple[tuple[str, ...], Kind, frozenset[str]]
"""The words after the first, what they name, and what must stand before it (nothing if empty)."""
_NONE: Final[frozenset[str]] = frozenset()


@cache
def _entries() -> dict[str, dict[str, list[Entry]]]:
    """Return the names of the lists by their first and second word, the longest first."""
    out: dict[str, dict[str, list[Entry]]] = {}

    def add(entry: str, kind: Kind, after: frozenset[str]) -> None:
        first, *rest = parts(entry)
        scale = not rest and eponym(first)  # Yale and Maudsley name scales as well
        second = rest[0] if rest else ""
        row = out.setdefault(first, {}).setdefault(second, [])
        row.append((tuple(rest), kind, after or (_LEADS if scale else _NONE)))

    for name, kind, plain in (
        ("firms", Kind.ORGANISATION, False),
        ("initials", Kind.ORGANISATION, False),
        ("firms_plain", Kind.ORGANISATION, True),
        ("care", Kind.HOSPITAL, False),
        ("chains", Kind.HOSPITAL, False),
    ):
        for entry in words(name):
            add(entry, kind, _LEADS if plain else _NONE)
    for entry, plain in firms():
        add(entry, Kind.ORGANISATION, _FEW_LEADS if plain else _NONE)
    for seconds in out.values():
        for found in seconds.values():
            found.sort(key=lambda entry: len(entry[0]), reverse=True)
    return out


def well_known(tokens: Sequence[Token], *, blind: bool) -> Iterator[Span]:
    """Yield the organisations of the lists; what is an ordinary word too needs a word before it."""
    entries = _entries()
    for k, token in enumerate(tokens):
        seconds = entries.get(token.low)
        if seconds is None or not (token.word or token.number):
            continue
        after = tokens[k + 1].low if k + 1 < len(tokens) else ""
        for rest, kind, asked in (*seconds.get(after, ()), *seconds.get("", ())):
            end = k + 1 + len(rest)
            if tuple(t.low for t in tokens[k + 1 : end]) != rest:
                continue
            if _written(tokens, k, end, asked, blind=blind):
                article = kind is Kind.HOSPITAL and k and tokens[k - 1].low == "the"
                start = tokens[k - 1].start if article else token.start
                yield Span(start, tokens[end - 1].end, kind, 0.8, "rule:well-known")
            break


def _written(
    tokens: Sequence[Token], k: int, end: int, asked: frozenset[str], *, blind: bool
) -> bool:
    """Tell whether the words are written as a name, and led in where they must be."""
    token, last, plain = tokens[k], tokens[end - 1], bool(asked)
    led = k > 0 and tokens[k - 1].low in (asked or _LEADS)
    if token.low in _INITIALS or (end - k == 1 and len(token.low) < 4):
        return token.upper and (not blind or led)
    if blind:
        long = tokens[end - 1].end - token.start > 9 and end - k > 1
        return not plain and (led or long or (len(token.low) > 4 and not token.common))
    capital = token.number or token.text[0].isupper()
    if plain:
        return led and capital
    if end - k == 1:
        return capital or (led and not token.common)
    if not capital:
        return led or not (token.common or last.common)
    return not (last.word and last.text.islower() and last.common)
