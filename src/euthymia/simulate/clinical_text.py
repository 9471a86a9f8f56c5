"""Clinical text with known identifiers: what measures de-identification on shapes never trained on.

`held_out` and `traps` give notes, letters, forms and chat in English and Spanish whose sentences,
names and many written forms of values are absent from what the tagger is trained on
(`training/deid` has its own, and removes these names from its lists). `fill` is the one thing both
share: it puts values into a sentence and keeps where they stand.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any, Final

from euthymia.simulate.clinical_values import CASES, Person, Values

_SLOT: Final = re.compile(r"\{([a-z0-9_.]+)\}|<([^<>{}\n]{1,60})>")

Piece = tuple[str, str | None]
"""Some text, and the kind of identifier that it is (a value of the gateway's `Kind`) or None."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text and its identifiers.

    Attributes
    ----------
    spans
        `(start, end, kind)` in characters, half-open, in order, not overlapping.
    lang
        "en" or "es".
    origin
        Where the names come from ("arabic"); "" where there are none.
    family
        The template: passages of one family differ only in values and letter case.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    lang: str
    origin: str
    family: str


def fill(template: str, slot: Callable[[str], Sequence[Piece]]) -> tuple[str, list[Piece]]:
    """Return the text of `template` with its slots filled, and the pieces that it consists of.

    `{name}` asks `slot` for pieces; `<words>` are a person's name as they stand.
    """
    pieces: list[Piece] = []
    at = 0
    for found in _SLOT.finditer(template):
        pieces.append((template[at : found.start()], None))
        if found[2] is not None:
            pieces.append((found[2], "PERSON"))
        else:
            pieces.extend(slot(found[1]))
        at = found.end()
    pieces.append((template[at:], None))
    pieces = [piece for piece in pieces if piece[0]]
    return "".join(text for text, _ in pieces), pieces


def located(pieces: Sequence[Piece]) -> tuple[tuple[int, int, str], ...]:
    """Return where the identifiers among `pieces` stand in their joined text."""
    spans: list[tuple[int, int, str]] = []
    at = 0
    for text, kind in pieces:
        if kind is not None:
            spans.append((at, at + len(text), kind))
        at += len(text)
    return tuple(spans)


@cache
def _read(name: str) -> dict[str, Any]:
    folder = resources.files("euthymia.simulate")
    return tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8"))


def origins() -> list[str]:
    """Return the origins of names that `held_out` knows."""
    return list(_read("held_out_names.toml"))


def names(origin: str) -> tuple[list[str], list[str]]:
    """Return the given and the family names of one origin."""
    found = _read("held_out_names.toml")[origin]
    return list(found["given"]), list(found["family"])


def held_out(seed: int = 1, *, per_origin: int = 104) -> list[Passage]:
    """Return `per_origin` passages for each origin of names, half English and half Spanish.

    All origins get the same templates, letter cases and values: only the names differ, so that a
    difference in recall between two origins is due to the names. One in eight is all lower case,
    one in eight all capitals.
    """
    return [_passage(seed, origin, number) for origin in origins() for number in range(per_origin)]


def _passage(seed: int, origin: str, number: int) -> Passage:
    lang = ("en", "es")[number % 2]
    templates: list[str] = _read("held_out_text.toml")[lang]["templates"]
    turn = (number // 2 + seed * 7) % len(templates)
    who = Random(f"{seed}/{origin}/{number}")
    values = Values(Random(f"{seed}/{number}"), lang)
    given, family = names(origin)
    people = _cast(who, given, family)

    def slot(name: str) -> Sequence[Piece]:
        key, _, form = name.partition(".")
        return people[key].pieces(form, lang) if key in people else values.pieces(key)

    text, pieces = fill(templates[turn], slot)
    case = Random(f"{seed}/{number}/case").choice(CASES)
    return Passage(case(text), located(pieces), lang, origin, f"{lang}-{turn}")


def _cast(chance: Random, given: list[str], family: list[str]) -> dict[str, Person]:
    """Return four people with different names."""
    firsts = chance.sample(given, 4)
    lasts = chance.sample(family, 4)
    return {
        key: Person(first, last)
        for key, first, last in zip(("p", "d", "r", "o"), firsts, lasts, strict=True)
    }


def traps(seed: int = 1) -> list[Passage]:
    """Return sentences with words that look like names, in two letter cases each.

    Eponyms, scales, drugs and names that are words; and some of the same words as people
    (their `spans` say so). Nothing outside `spans` is an identifier.
    """
    passages: list[Passage] = []
    for group, templates in _read("held_out_text.toml")["traps"].items():
        lang = group[:2]
        for turn, template in enumerate(templates):
            text, pieces = fill(template, lambda _: ())
            spans = located(pieces)
            passages.extend(
                Passage(case(text), spans, lang, "", f"trap-{group}-{turn}")
                for case in (CASES[0], CASES[3 if (turn + seed) % 2 else 7])
            )
    return passages
