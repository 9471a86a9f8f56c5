"""Languages of the pages: every sentence is in every catalogue, and nothing else is."""

import re
from pathlib import Path

import pytest

import euthymia.app.web
from euthymia.app.web.alerts import MOVE_WORDS, STATE_WORDS, TIER_WORDS
from euthymia.app.web.crisis import crisis_page, style_policy
from euthymia.app.web.forms import TYPED
from euthymia.app.web.pages import _ERRORS, _WAYS
from euthymia.app.web.quality import SECTIONS
from euthymia.app.web.record import PURPOSE_WORDS, SAFETY_STEPS, TABS
from euthymia.app.web.rendering import (
    ORDER_WORDS,
    SEX_WORDS,
    URGENCY_WORDS,
    VIEW_WORDS,
    environment,
)
from euthymia.app.web.speech import LANGUAGES, chosen, words_of
from euthymia.app.web.strips import _LANES
from euthymia.care.alerts.lifecycle import REASONS, Move
from euthymia.care.alerts.quality import TOO_FEW
from euthymia.care.words import TIME_WORDS
from euthymia.instruments.catalogue import instruments
from euthymia.security.policy import ROLES

FOLDER = Path(euthymia.app.web.__file__).parent
OTHERS = [language for language in LANGUAGES if language != "en"]


def sentences() -> set[str]:
    """Return every sentence that the templates put through a catalogue."""
    found: set[str] = set()
    for file in (FOLDER / "templates").glob("*.html"):
        text = file.read_text(encoding="utf-8")
        for _, _, message in environment().extract_translations(text):
            parts = message if isinstance(message, tuple) else (message,)
            found |= {part for part in parts if part}
        found |= set(re.findall(r'\bsay\("([^"]+)"\)', text))
    return found


def named() -> set[str]:
    """Return the words that the program hands to the templates by name."""
    found = {title for _, title in TABS} | {title for _, title in SAFETY_STEPS}
    found |= {way.title for way in _WAYS} | set(TYPED.values()) | {"no value", TOO_FEW}
    found |= {text for told in _ERRORS.values() for text in told}
    tables = (URGENCY_WORDS, VIEW_WORDS, ORDER_WORDS, SEX_WORDS, PURPOSE_WORDS)
    for words in (*tables, STATE_WORDS, TIER_WORDS):
        found |= set(words.values())
    found |= {words for move, words in MOVE_WORDS.items() if move is not Move.VIEW}
    found |= {words for told in REASONS.values() for words in told.values()}
    found |= set(ROLES) | {kind for _, kinds, _ in _LANES for kind in kinds}
    found |= set(TIME_WORDS.values())
    found |= {title for title, _, _ in _LANES} | {title for title, _ in SECTIONS} | {"More"}
    for one in instruments().values():
        if one.answered_by == "patient":
            found |= {one.title} | {item.text for item in one.items}
            found |= {one.question} - {""}
            found |= {choice.text for item in one.items for choice in item.choices}
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_in_the_catalogue_with_its_places(language: str) -> None:
    words = words_of(language)
    assert sorted((sentences() | named()) - set(words.sentences)) == []
    for text, other in words.sentences.items():
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", other))
    assert len(words.months) == 12


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_has_no_sentence_that_nobody_says(language: str) -> None:
    roles = {"job", "shell"}  # of the ledger's own entries
    assert sorted(set(words_of(language).sentences) - sentences() - named() - roles) == []


def test_a_language_is_chosen_from_ours_and_leads_back_to_ours() -> None:
    assert chosen({"language": "es", "back": "/me"}) == ("es", "/me")
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", ""):
        assert chosen({"language": "xx", "back": back}) == ("en", "/")


def test_the_crisis_page_needs_nothing_but_itself() -> None:
    page = crisis_page("North <b> Clinic", (("+34 600 000 000", "guardia & urgencias"),))
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!tel:|#)', page)
    assert 'href="tel:+34600000000"' in page
    assert "North &lt;b&gt; Clinic" in page
    assert "guardia &amp; urgencias" in page
    assert 'lang="es"' in page
    assert "script" not in style_policy()
    assert "no numbers of its own" in crisis_page("Clinic", ())
