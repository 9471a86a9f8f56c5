"""What is put together from a record is said in the page's language, or marked as English."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from euthymia.app.alerts import notices
from euthymia.app.consents import ELSEWHERE
from euthymia.app.web.quality import LANGUAGES as LANGUAGE_NAMES
from euthymia.app.web.quality import group_of
from euthymia.app.web.rendering import environment
from euthymia.app.web.retold import forms_of, retold
from euthymia.app.web.speech import LANGUAGES
from euthymia.care.alerts.card import (
    _RULE_WORDS,
    clears_words,
    headline,
    suggested,
)
from euthymia.care.alerts.clocks import HOUR_US
from euthymia.care.alerts.contract import Alert, Rule, Tier
from euthymia.care.alerts.lifecycle import BY_PEOPLE, HELD, MOVED, State
from euthymia.care.alerts.policy import shipped
from euthymia.care.coverage_map import REASONS, WITHDRAWN
from euthymia.care.gaps import _missing_words, _not_worn_words
from euthymia.care.interventions import interventions
from euthymia.care.monitor.watched import WATCHED, spec
from euthymia.care.worklist import NO_STEP, NO_STEP_DIED
from euthymia.ground.clock import day_date, to_micros
from euthymia.ground.schemas import STREAMS
from euthymia.instruments.catalogue import instruments

OTHERS = [language for language in LANGUAGES if language != "en"]
ALERT = Alert("a", "p", "worsening", Tier.WORKLIST, State.OPEN, (Rule.DRIFT,), 20_000, 0, 0)
EXAMPLES = [
    (
        'PHQ-9 item 9 (better off dead, self-harm): "several days" on 3 June, '
        "and at each since 2 May "
        "2025; not asked again for 44 days."
    ),
    (
        "C-SSRS screener, yes to: something done or prepared at some time, a "
        "wish to be dead, on 3 June"
    ),
    (
        "Unlike their own usual since 28 February: time at home higher, fell "
        "asleep earlier, time asleep lower, much less "
        "data than usual (3 of 12 days seen)."
    ),
    "PHQ-9 rose from 4 (3 May) to 11 (2 June), +7 points, crossing 10.",
    "Relapse in 30 days estimated at under 1% (under 1% to 4%), under the review line of 20%.",
    (
        "Relapse in 30 days estimated at 31% (5% to 91%), over the review line of 20%; the model's "
        "own audit: no better than chance."
    ),
    "No estimate: the model gave none",
    "No watch data since 3 June 2025 (8 days); before, 20 of 28 days.",
    "No PHQ-9 since 3 June (40 days); it was 4 of 27 then.",
    "Has died on 3 June 2025",
    "No rule applies: no new worsening, no new silence.",
    "Phone 12 and watch 3 of 28 days; PHQ-9 on 1 June",
    "Phone 12 and watch 3 of 28 days, last on 1 June",
    "Watch 12 of 28 days; phone 3, last on 18 May; PHQ-9 on 1 June",
    "Watch 12 of 28 days; phone none since 8 April; PHQ-9 on 1 June",
    "Phone none since 8 April; watch none since 8 March",
    "Phone and watch none since 8 April 2025",
    "phone 3 of 28 days, watch 8 of 28 days, PHQ-9 7 on 3 June 2025",
    "no phone data for 3 days, never any watch data, no PHQ-9",
    (
        "Nothing stands now: PHQ-9 rose from 4 (3 May) to 9 (2 June), +5 "
        "points (resolved on 3 June by "
        "dr-lind: Override: known already)"
    ),
    "Days drift towards worse than usual for them (and 1 more sign): PHQ-9 11, +5 points.",
    "Told to dr-head because nobody had taken it",
    (
        "3 alerts are held back by the alert policy and not on this list (2: over the "
        "owner's daily limit, 1: they are in hospital): see Alerts."
    ),
    "Nothing was scored for 36 hours",
    'PHQ-9 item 9 (better off dead, self-harm): "several days"; on 3 June "not at all"',
    "1.4 times its line at most, 1.2 now",
    (
        "evidence that things are worse than usual: e-value 1,234 (valid "
        "however often one looks; 20 "
        "is strong)"
    ),
    "the baseline rests on 41 days",
    "lines set for one false alarm in 90 patient-days; found: one in 92",
    "Time at home: more than usual for them (21 h, usually 12.1 to 18 h)",
    "Fell asleep: later than usual for them (01:30, usually 22:10 to 23:55)",
    "Fell asleep: earlier on the last day, most recent days as usual (22:55, usually 22:18 to 0:9)",
    "Steps: less on the last day, most recent days as usual (7,230, usually 5,220 to 9,770)",
    "Reached them on 3 June (dr-lind)",
    "PHQ-9 11 before, 6 after (-5)",
    "alert policy shipped 1",
    "escalates in 3 h",
    "119 of 179 days; without data: 47 days no consent, 1 day not worn, 11 days reason not known",
    "8 in the days shown",
    ("No estimate: too little of what the model looks at is known (coverage 0%, it needs 30%)."),
    "No estimate: newest data older than 72 h.",
    "No estimate: none of the features that the model uses is known.",
    "it holds from now on",
    "nothing was written: type what is to be kept",
    "the text is longer than 4000 characters: shorten it",
    "no question was answered: nothing was kept",
    "answer 3 is none of the choices",
    "there is no such questionnaire here",
    'the reason "other" needs words of its own',
    "words are 500 characters at most",
    "nothing rested on it",
    ELSEWHERE,
    "(moderately severe)",
    "5, mild",
    (
        "Unlike their own usual since 3 May: sedentary time by counts higher, steps lower "
        "(3 of 4 days seen)"
    ),
]


def said() -> set[str]:
    """Return what cards, rows and histories say, made by what says it."""
    found = {headline(replace(ALERT, rules=(rule,))) for rule in _RULE_WORDS}
    found |= {headline(replace(ALERT, rules=tuple(_RULE_WORDS)))}
    found |= {clears_words(replace(ALERT, rules=(r,)), shipped()) for r in shipped().rules}
    found |= {clears_words(replace(ALERT, acknowledged_at=1), shipped()), NO_STEP, NO_STEP_DIED}
    for rule in (Rule.ANSWER, Rule.DRIFT, Rule.ESTIMATE, Rule.UNSEEN):
        found |= {suggested(replace(ALERT, rules=(rule,))).step}
    for one in interventions().values():
        found |= {one.title, one.because, *one.not_for, "; ".join(one.not_for)}
        found |= {one.step.format(points="7", device="watch")}
    for name in WATCHED:
        for way in ("more", "less", "later", "earlier"):
            found.add(f"{spec(*name).title}: {way} than usual for them")
    found |= {stream.title for stream in STREAMS.values()} | {*REASONS.values(), WITHDRAWN}
    found |= {band.name for one in instruments().values() for band in one.bands}
    found |= {f"{move.value} alert" for move in BY_PEOPLE}
    for first, last in ((20_600, 20_600), (20_600, 20_602), (20_590, 20_630), (20_400, 20_630)):
        found |= {_missing_words("phone", first, last, today) for today in (last + 1, 20_640)}
        found.add(_not_worn_words("watch", first, last, day_date(20_640)))
    return found | {*MOVED.values(), *HELD.values()} | {state.value for state in State}


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_card_says_has_a_form(language: str) -> None:
    assert sorted(text for text in (*said(), *EXAMPLES) if retold(text, language) is None) == []


def test_numbers_dates_and_names_are_taken_over() -> None:
    told = retold(EXAMPLES[0], "es")
    assert told == (
        "Pregunta 9 del PHQ-9 (mejor muerto, autolesiones): «varios días» el 3 de junio, y cada "
        "vez desde el 2 de mayo de 2025; no se ha vuelto a preguntar en 44 días."
    )
    told = retold("Relapse in 30 days estimated at under 1% (under 1% to 4%)", "es")
    assert told == "Recaída en 30 días estimada en menos del 1% (de menos del 1% a 4%)"
    told = retold("Fell asleep: later than usual for them (01:30, usually 22:10 to 23:55)", "es")
    assert told is not None
    assert told.endswith("(01:30; habitual, de 22:10 a 23:55)")


def test_a_sentence_that_no_form_fits_stays_english_and_says_so() -> None:
    say = environment("es").globals["said"]
    assert say("Nobody ever said <this>") == '<span lang="en">Nobody ever said &lt;this&gt;</span>'
    assert say("No PHQ-9; and nobody said this") == (
        '<span lang="en">No PHQ-9; and nobody said this</span>'
    ), "half a sentence is none"
    assert say("13,843") == "13,843", "a number is read aloud in the language of the page"
    assert retold(next(one for one in EXAMPLES if one[0] == "3"), "es")[:3] == "Las"
    assert say("escalates in 3 h") == "se escala en 3 h"
    assert environment("en").globals["said"]("escalates in 3 h") == "escalates in 3 h"
    assert retold("31 June-ish", "es") is None
    assert retold(", ".join(["a: b; c. d (e)"] * 40), "es") is None, "however long it is"


@pytest.mark.parametrize("language", OTHERS)
def test_every_place_of_a_form_is_used(language: str) -> None:
    forms = forms_of(language)
    file = files("euthymia.app.web") / "words" / f"{language}_record.toml"
    written = tomllib.loads(file.read_text(encoding="utf-8"))["forms"]
    assert len(written) == len(forms.whole) + len(forms.parts)
    for form in forms.parts:
        assert form.becomes.format(**dict.fromkeys(form.pattern.groupindex, "1"))
        assert form.becomes.count("{") == form.pattern.groups, form.becomes


def test_a_language_is_named_and_never_shown_as_its_code() -> None:
    named = {code: group_of("language", code) for code in ("es", "en-GB", "xx", "not known")}
    assert named == {
        "es": "Spanish",
        "en-GB": "English (GB)",
        "xx": "xx",
        "not known": "not known",
    }
    assert group_of("race", "en") == "en"
    for language in OTHERS:
        assert [one for one in LANGUAGE_NAMES.values() if retold(one, language) is None] == []


def test_what_is_told_of_the_clinic_itself_has_its_spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "cannot_take", lambda _clinic, _user: True)
    clinic: Any = SimpleNamespace(clock=lambda: datetime(2026, 5, 1, tzinfo=UTC))
    now = to_micros(clinic.clock())
    policy: Any = SimpleNamespace(people={"dr.who": None})
    held: Any = SimpleNamespace(shown=True, owner="ana-2", subject="p-1")
    told = [
        *notices.clock_notice(clinic, now + HOUR_US),
        *notices.clock_notice(clinic, now + 30 * HOUR_US),
        *notices.gone_notices(clinic, [held], policy, now),
        *notices.gone_notices(clinic, [held] * 12, policy, now),
    ]
    words = [line for notice in told for line in notice.words]
    assert len(words) == 6
    spanish = [retold(line, "es") or line for line in words]
    assert spanish[0].startswith("El reloj de esta máquina va 1 hora por detrás")
    assert "va 30 horas por detrás" in spanish[1]
    assert spanish[2].startswith("1 aviso está con ana-2, cuya cuenta")
    assert spanish[4].startswith("12 avisos están con ana-2")
    assert spanish[3] == spanish[5]
    assert "nombran a dr.who, cuya cuenta" in spanish[3]
