"""Templates, and the few words that only pages need."""

import json
from collections.abc import Mapping
from datetime import UTC, date, tzinfo
from functools import cache
from hashlib import sha256
from importlib.resources import files
from secrets import token_hex
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from markupsafe import Markup, escape

from euthymia.app.web.charts import (
    PATTERNS,
    coverage_cells,
    coverage_held,
    coverage_months,
    coverage_reasons,
)
from euthymia.app.web.contract import ModelNote, Who
from euthymia.app.web.retold import retold
from euthymia.app.web.speech import LANGUAGES, Words, direction, language, words_of
from euthymia.care.band import is_clock
from euthymia.care.contract import Urgency
from euthymia.care.interventions import interventions
from euthymia.care.words import month_words, number_words, percent_words, unit_words
from euthymia.ground.clock import Micros, day_date, from_micros

ENGLISH: Final = words_of("en")
URGENCY_WORDS: Final = {
    Urgency.NOW: "Today",
    Urgency.SOON: "This week",
    Urgency.LOOK: "Look in",
    Urgency.NONE: "No finding",
}
VIEW_WORDS: Final = {
    "open": "To look at",
    "now": "Today",
    "soon": "This week",
    "look": "Look in",
    "everyone": "Everyone",
}
ORDER_WORDS: Final = {
    "urgency": "Most urgent first",
    "since": "Waiting longest first",
    "name": "By name",
    "owner": "By owner",
}
MONTHS: Final = tuple(month_words(date(2001, n, 1), date(2001, 1, 1)) for n in range(1, 13))
SEX_WORDS: Final = {"male": "male", "female": "female", "m": "male", "f": "female"}


def instant_words(at: Micros, words: Words = ENGLISH, zone: tzinfo = UTC) -> str:
    """Return "12 June 2026, 11:00 CEST": an instant by the clinic's own clock."""
    moment = from_micros(at).astimezone(zone)
    return f"{words.date(moment.date(), date(1, 1, 1))}, {moment:%H:%M} {moment.tzname()}"


def _said(text: str, spoken: str) -> Markup:
    """Return what was put together from a record; what has no form in the language, as English."""
    plain = spoken == "en" or not any(map(str.isalpha, str(text)))  # a number is no English
    told = text if plain else retold(str(text), spoken)
    return Markup('<span lang="en">{}</span>').format(text) if told is None else escape(told)


def axis_words(text: str, words: Words = ENGLISH) -> str:
    """Return a label of an axis, "Jun" or "Nov 2025", with the month in the page's language."""
    month, _, year = text.partition(" ")
    if not words.months or month not in MONTHS:
        return text
    return f"{words.months[MONTHS.index(month)][:3]} {year}".strip()


def since_words(day: date | None, now: Micros, words: Words = ENGLISH) -> tuple[str, str]:
    """Return ("3 June", "9 days ago") of a patient's local date."""
    if day is None:
        return "", ""
    today = from_micros(now).date()
    return words.date(day, today), words.ago((today - day).days)


def who_words(who: Who, today: date, *, site: bool = True, words: Words = ENGLISH) -> str:
    """Return "34, female, North": what helps to tell two people apart, where it is known."""
    age = who.age_on(today)
    sex = SEX_WORDS.get((who.sex or "").lower(), who.sex)
    sex = words.say(sex) if sex else None
    parts = (None if age is None else str(age), sex, who.site if site else None)
    return ", ".join(part for part in parts if part)


def island(data: Mapping[str, Any]) -> Markup:
    """Return JSON for a data block, in which nothing can end the block."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for sign, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escaped)
    return Markup(text)  # noqa: S704 - every sign that HTML knows is escaped above


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Return every static file by its path below `static/`: its bytes and a short digest."""
    found: dict[str, tuple[bytes, str]] = {}
    root = files("euthymia.app.web") / "static"
    for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
        for entry in folder.iterdir():
            if entry.is_file():
                raw = entry.read_bytes()
                found[prefix + entry.name] = (raw, sha256(raw).hexdigest()[:12])
    return found


def asset(path: str) -> str:
    """Return a static file's address; it holds the file's digest, so it may be kept for ever."""
    return f"/static/{path}?v={static_files()[path][1]}"


def figure_words(note: ModelNote) -> list[tuple[str, str, str]]:
    """Return (name, "0.71 (0.64 to 0.78)", chance) for each figure of a model's card."""
    rows = []
    for figure in note.figures:
        value = f"{figure.estimate:.2f}"
        if figure.low is not None and figure.high is not None:
            value += f" ({figure.low:.2f} to {figure.high:.2f})"
        chance = "" if figure.chance is None else f"{figure.chance:.2f}"
        rows.append((figure.name.replace("_", " "), value, chance))
    return rows


@cache
def environment(spoken: str = "en") -> Environment:
    """Return the templates: everything is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("euthymia.app.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = words_of(spoken)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        words.say, lambda one, many, n: words.say(one if n == 1 else many), newstyle=True
    )
    made.globals |= {
        "language": spoken,
        "languages": LANGUAGES,
        "direction": direction(spoken),
        "said": lambda text: _said(text, spoken),
        "reason_words": lambda text: retold(text, spoken) or text,  # typed in any language, or ours
        "named": lambda text: (
            words.sentences[text] if text in words.sentences else _said(text, spoken)
        ),
        "asset": asset,
        "urgency_words": URGENCY_WORDS,
        "view_words": VIEW_WORDS,
        "order_words": ORDER_WORDS,
        "since_words": lambda day, now: since_words(day, now, words),
        "instant_words": pass_context(
            lambda page, at: instant_words(at, words, page.get("zone", UTC))
        ),
        "step_of": lambda item: interventions().get(item.intervention),
        "who_words": lambda who, today, **more: who_words(who, today, words=words, **more),
        "figure_words": figure_words,
        "island": island,
        "once": lambda: token_hex(16),
        "axis": lambda text: axis_words(text, words),
        "is_clock": is_clock,
        "count_words": words.count,
        "coverage_cells": coverage_cells,
        "coverage_held": coverage_held,
        "coverage_months": coverage_months,
        "coverage_reasons": coverage_reasons,
        "coverage_patterns": PATTERNS,
        "unit_words": lambda unit, before="": _unit_words(unit, before, words.sentences),
        "day_words": lambda day, today: words.date(day_date(day), day_date(today)),
        "iso_words": lambda day, today: words.date(date.fromisoformat(day), day_date(today)),
        "today_of": lambda at: from_micros(at).date(),
    }
    made.filters |= {"percent": percent_words, "number": number_words}
    return made


def _unit_words(unit: str, before: str, sentences: Mapping[str, str]) -> str:
    said = unit_words(unit)
    return before + sentences.get(said, said) if said else ""


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page."""
    return environment(language()).get_template(template).render(values)
