"""The languages of the pages: which one a visitor reads, and every sentence in it.

English is what the templates say; `words/<language>.toml` has each of their sentences once more. A
sentence that is missing there fails a test, never a page. What is put together from a record (why
somebody is on the list) is said in English and marked as such, so that a reader's voice is right.
"""

import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from euthymia.app.web.guard import bound
from euthymia.care.words import ago_words, count_words, date_words

LANGUAGES: Final = {"en": "English", "es": "Español"}
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})
COOKIE: Final = "euthymia-language"

_now: ContextVar[str] = ContextVar("language", default="en")
_path: ContextVar[str] = ContextVar("path", default="/")


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its sentences, its nouns (one, many), its months and how it says dates."""

    language: str
    sentences: Mapping[str, str] = field(default_factory=dict)
    nouns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    months: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)

    def say(self, text: str) -> str:
        """Return a sentence in this language; the English one where there is none."""
        return self.sentences.get(text, text)

    def count(self, number: int, one: str, many: str | None = None) -> str:
        """Return "5 days"."""
        if one not in self.nouns:
            return count_words(number, one, many)
        return f"{number} {self.nouns[one][0 if number == 1 else 1]}"

    def date(self, on: date, today: date) -> str:
        """Return "3 June", with the year where it is not today's."""
        if not self.months:
            return date_words(on, today)
        form = self.dates["day" if on.year == today.year else "day and year"]
        return form.format(day=on.day, month=self.months[on.month - 1], year=on.year)

    def ago(self, days: int) -> str:
        """Return "5 days ago"."""
        if not self.dates or days < 0:
            return ago_words(days)
        if days <= 1:
            return self.dates["today" if days == 0 else "yesterday"]
        months = days >= 60
        said = self.count(round(days / 30.44) if months else days, "month" if months else "day")
        return self.dates["ago"].format(span=said)


@cache
def words_of(language: str) -> Words:
    """Return a language's words."""
    if language == "en":
        return Words("en")
    text = (files("euthymia.app.web") / "words" / f"{language}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Words(
        language,
        data["sentences"],
        {one: (pair[0], pair[1]) for one, pair in data["nouns"].items()},
        tuple(data["dates"]["months"]),
        {key: value for key, value in data["dates"].items() if isinstance(value, str)},
    )


def language() -> str:
    """Return the language of the request at hand."""
    return _now.get()


def here() -> str:
    """Return the address of the page at hand, to come back to."""
    return _path.get()


def direction(spoken: str) -> str:
    """Return which way a language is written: "ltr" or "rtl"."""
    return "rtl" if spoken in RIGHT_TO_LEFT else "ltr"


def wanted(request: Request) -> str:
    """Return the language a visitor chose, else the first of the browser's that there is."""
    chosen = request.cookies.get(bound(request, COOKIE), "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "")[:200].split(","):
        found = re.match(r"\s*([a-z]{2})\b", part.lower())
        if found and found[1] in LANGUAGES:
            return found[1]
    return "en"


class Spoken:
    """Set the language of each request before anything answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] == "http":
            request = Request(scope)
            _now.set(wanted(request))
            query = request.url.query
            known = request.method == "GET" and "code=" not in query
            _path.set(request.url.path + (f"?{query}" if query else "") if known else "/")
        await self.app(scope, receive, send)


def chosen(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the language that a form asks for and the page of ours to go back to."""
    spoken, back = form.get("language", ""), form.get("back", "/")
    ours = back.startswith("/") and not back.startswith("//") and "\\" not in back
    return spoken if spoken in LANGUAGES else "en", back if ours else "/"
