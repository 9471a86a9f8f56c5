"""Sentences put together from a record (why somebody is on the list), in another language.

The rooms that put them together know English alone, and what they said is kept as it was said. Each
language has the forms of these sentences (`words/<language>_record.toml`): a sentence is recognised
by its form, its numbers, dates, names and inner sentences are taken over. One that no form fits is
not guessed at: it stays English, and is marked as such.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from euthymia.app.web.speech import Words, words_of
from euthymia.care.words import month_words

_KINDS: Final = {
    "n": r"(?:under |over )?[+-]?\d[\d.,]*%?",
    "d": r"\d{1,2} [A-Z][a-z]+(?: \d{4})?",
    "x": r".+?",
    "g": r".+",
    "l": r".+",
    "q": r".+?",
}
_SHARES: Final = ("under ", "over ")  # as `percent_words` says what is nearly none or all
_MONTHS: Final = tuple(month_words(date(2001, n, 1), date(2001, 1, 1)) for n in range(1, 13))
_JOINTS: Final = ("; ", ". ", ": ", ", ")
_LONGEST: Final = 1000  # characters: what is longer was not put together by us


@dataclass(frozen=True, slots=True)
class _Form:
    """How a sentence is said: its beginning, its pattern, and what it becomes."""

    starts: str
    pattern: re.Pattern[str]
    becomes: str


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one language; whole sentences by their text."""

    whole: dict[str, str]
    parts: tuple[_Form, ...]


def _form(said: str, becomes: str) -> _Form:
    pieces = re.split(r"\{(\w+)\}", said)
    pattern = "".join(
        f"(?P<{piece}>{_KINDS[piece[0]]})" if place % 2 else re.escape(piece)
        for place, piece in enumerate(pieces)
    )
    return _Form(pieces[0], re.compile(pattern), becomes)


@cache
def forms_of(language: str) -> Forms:
    """Return a language's forms, the most telling first; English has none."""
    if language == "en":
        return Forms({}, ())
    file = files("euthymia.app.web") / "words" / f"{language}_record.toml"
    found: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["forms"]
    whole = {said: becomes for said, becomes in found.items() if "{" not in said}
    open_ones = sorted(
        (said for said in found if "{" in said),
        key=lambda said: (-len(re.sub(r"\{\w+\}", "", said)), said),
    )
    return Forms(whole, tuple(_form(said, found[said]) for said in open_ones))


def retold(text: str, language: str) -> str | None:
    """Return a sentence in a language; None where some part of it has no form."""
    if len(text) > _LONGEST:
        return None
    told = _Teller(words_of(language), forms_of(language)).tell(text)
    if told and (text[0].isupper() or (text[0].isdigit() and text.endswith("."))):
        return told[0].upper() + told[1:]
    return told


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells one sentence; each part of it is looked at once."""

    words: Words
    forms: Forms
    told: dict[str, str | None] = field(default_factory=dict)

    def tell(self, text: str) -> str | None:
        if not text:
            return None
        if text not in self.told:
            self.told[text] = None  # a sentence is no part of itself
            self.told[text] = self._tell(text)
        return self.told[text]

    def _tell(self, text: str) -> str | None:
        if text.endswith("."):
            told = self.tell(text[:-1])
            return None if told is None else f"{told}."
        told = self._as_it_stands(text)
        if told is None and text[0].isupper():
            told = self._as_it_stands(text[0].lower() + text[1:])
            told = None if told is None else told[0].upper() + told[1:]
        return told if told is not None else self._joined(text)

    def _as_it_stands(self, text: str) -> str | None:
        known = self.forms.whole.get(text) or self.words.sentences.get(text)
        if known is not None:
            return known
        for form in self.forms.parts:
            if text.startswith(form.starts) and (found := form.pattern.fullmatch(text)):
                parts = found.groupdict()
                places = {name: self._place(name, part) for name, part in parts.items()}
                if None not in places.values():
                    return form.becomes.format(**places)
        return None

    def _place(self, name: str, text: str) -> str | None:
        if name[0] == "q":
            return text
        if name[0] == "n":
            return self._number(text)
        if name[0] == "d":
            return self._date(text)
        told = self.tell(text)
        return self._parted(text, ", ") if told is None and name[0] == "l" else told

    def _number(self, text: str) -> str:
        for english in _SHARES:
            if text.startswith(english):
                return self.forms.whole.get(english, english) + text.removeprefix(english)
        return text

    def _date(self, text: str) -> str | None:
        day, month, *year = text.split(" ")
        if month[:3] not in _MONTHS:
            return None
        try:
            on = date(int(year[0]) if year else 2000, _MONTHS.index(month[:3]) + 1, int(day))
        except ValueError:
            return None
        return self.words.date(on, date(1, 1, 1) if year else on)

    def _joined(self, text: str) -> str | None:
        for joint in _JOINTS:
            if joint in text and (told := self._parted(text, joint)) is not None:
                return told
        return None

    def _parted(self, text: str, joint: str) -> str | None:
        told = [self.tell(part) for part in text.split(joint)]
        return joint.join(part for part in told if part is not None) if None not in told else None
