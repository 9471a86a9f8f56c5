"""What is told by what leads it in, by its shape or by its place on the page; and what is not."""

# ruff: noqa: E501 - texts are read whole

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.cues import NAME_CUE, cued
from euthymia.gateway.deid.doubts import believed
from euthymia.gateway.deid.fold import fold_each
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.tokens import tokens_of
from euthymia.gateway.deid.wrapped import unwrapped
from redacting import redacted


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("She works nights at Copper Kettle Diner and sleeps badly.", "en", "She works nights at [ORGANISATION] and sleeps badly."),
        ("Laid off from Silver Anchor Freight on 3/9/2021; mood low.", "en", "Laid off from [ORGANISATION] on [DATE]; mood low."),
        ("Her boss at Pebble & Tide was rude.", "en", "Her boss at [ORGANISATION] was rude."),
        ("A student at Falcon Ridge since autumn.", "en", "A student at [ORGANISATION] since autumn."),
        ("Attends Bright Morning Tabernacle most Sundays.", "en", "Attends [ORGANISATION] most Sundays."),
        ("Employer and job: Tern Logistics, driver", "en", "Employer and job: [ORGANISATION], driver"),
        ("Seen today. Ana Ruiz, MD\nQuiet Harbor Rooms", "en", "Seen today. [PERSON], MD\n[ORGANISATION]"),
        ("Choir at St Oswin's on Wednesdays.", "en", "Choir at [ORGANISATION] on Wednesdays."),
        ("Trabaja en Muebles La Encina desde mayo.", "es", "Trabaja en [ORGANISATION] desde [DATE]."),
        ("Fue despedida de Textil Nube Alta en 2021.", "es", "Fue despedida de [ORGANISATION] en [DATE]."),
        ("Turno de noche en Hospital de Día Los Olmos.", "es", "Turno de noche en [HOSPITAL]."),
        ("Attends Anger Management Group and AA.", "en", "Attends Anger Management Group and AA."),
        ("Referred to Human Resources and Primary Care.", "en", "Referred to Human Resources and Primary Care."),
        ("Derivado a Salud Mental desde Atención Primaria.", "es", "Derivado a Salud Mental desde Atención Primaria."),
        ("Works in a bakery, then at school, then at night.", "en", "Works in a bakery, then at school, then at night."),
    ],
)  # fmt: skip
def test_employers_schools_and_shops(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("NORTHERN HEALTH - Community Mental Health Team\nSeen today.", "en", "[HOSPITAL] - Community Mental Health Team\nSeen today."),
        ("  SUMMIT PSYCHOLOGICAL SERVICES\nIntake", "en", "  [HOSPITAL]\nIntake"),
        ("OAKFIELD PSYCHIATRIC ASSOCIATES: intake", "en", "[HOSPITAL]: intake"),
        ("CLÍNICA LA ARBOLEDA\nInforme de alta", "es", "[HOSPITAL]\nInforme de alta"),
        ("PHYSICAL HEALTH: good\nCURRENT HEALTH\nWOMEN'S HEALTH", "en", "PHYSICAL HEALTH: good\nCURRENT HEALTH\nWOMEN'S HEALTH"),
        ("MENTAL HEALTH SERVICES\nHOME HEALTH", "en", "MENTAL HEALTH SERVICES\nHOME HEALTH"),
        ("CLÍNICA DEPRESIVA DE MESES\nCLÍNICA: ánimo bajo", "es", "CLÍNICA DEPRESIVA DE MESES\nCLÍNICA: ánimo bajo"),
    ],
)  # fmt: skip
def test_a_place_of_care_heads_a_note_in_capitals(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


def test_the_line_above_an_address_is_a_letterhead() -> None:
    assert redacted("Plover Assay Works\n42 Ferry Court, Athlone", "en").count("[") == 2
    kept = redacted("PATIENT INFORMATION\n42 Ferry Court, Athlone", "en")
    assert kept.startswith("PATIENT INFORMATION\n[ADDRESS]")


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Office use: scanned by tvolkov3 at desk 2.", "en", "Office use: scanned by [USERNAME] at desk 2."),
        ("02:14 | mhalvors | VIEW", "en", "02:14 | [USERNAME] | VIEW"),
        ("posts as quiet.otter9 at night", "en", "posts as [USERNAME] at night"),
        ("Posts on @moth.child again.", "en", "Posts on [USERNAME] again."),
        ("Registrado por jmbeki.2 en recepción.", "es", "Registrado por [USERNAME] en recepción."),
        ("User tvolkov3 edited; later tvolkov3 signed.", "en", "User [USERNAME] edited; later [USERNAME] signed."),
        ("Scanned by fax; entered by hand; verified by phone.", "en", "Scanned by fax; entered by hand; verified by phone."),
        ("The user is calm; the account is paid.", "en", "The user is calm; the account is paid."),
    ],
)  # fmt: skip
def test_user_names_by_context_and_form(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Her father, 94, lives alone.", "en", "Her father, [AGE], lives alone."),
        ("A ninety-three-year-old widow.", "en", "A [AGE] widow."),
        ("Memory clinic: 97M, retired.", "en", "Memory clinic: [AGE]M, retired."),
        ("Her brother, aged ninety, is frail.", "en", "Her brother, aged [AGE], is frail."),
        ("She died at 98.", "en", "She died at [AGE]."),
        ("Viuda de noventa y dos años.", "es", "Viuda de [AGE]."),
        ("Su abuela cumplió 95 en mayo.", "es", "Su abuela cumplió [AGE] en [DATE]."),
        ("He is one hundred and seven years old.", "en", "He is [AGE] years old."),
        ("She is one hundred and twelve.", "en", "She is [AGE]."),
        ("A man of 96 and a lady of ninety-three.", "en", "A man of [AGE] and a lady of [AGE]."),
        ("She is 94 now.", "en", "She is [AGE] now."),
        ("Tiene ciento siete años.", "es", "Tiene [AGE]."),
        ("Una mujer de 96 con demencia.", "es", "Una mujer de [AGE] con demencia."),
        ("A dose of 96. A man of 96 kg, one of 100 steps.", "en", "A dose of 96. A man of 96 kg, one of 100 steps."),
        ("One hundred and seven days, one hundred and five years ago.", "en", "One hundred and seven days, one hundred and five years ago."),
        ("Una mujer de 110 kilos, ciento siete pasos.", "es", "Una mujer de 110 kilos, ciento siete pasos."),
        ("SpO2 98, pulse was 96. Scored 93 of 100. IQ 95.", "en", "SpO2 98, pulse was 96. Scored 93 of 100. IQ 95."),
        ("Ninety days sober, 95 mg of caffeine, glucose was 95.", "en", "Ninety days sober, 95 mg of caffeine, glucose was 95."),
        ("Noventa días sin beber; puntúa 93.", "es", "Noventa días sin beber; puntúa 93."),
    ],
)  # fmt: skip
def test_ages_of_ninety_and_more(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Seen by Dr Bo-ra Seo and Sang-woo.", "en", "Seen by Dr [PERSON] and [PERSON]."),
        ("Reminder for Hope: bring the form.", "en", "Reminder for [PERSON]: bring the form."),
        ("Thanks Joy. Bed confirmed.", "en", "Thanks [PERSON]. Bed confirmed."),
        ('Also known as "Pixie" to friends.', "en", 'Also known as "[PERSON]" to friends.'),
        ("Process notes: GD, session 41, came late.", "en", "Process notes: [PERSON], session 41, came late."),
        ("bed for R.?", "en", "bed for [PERSON].?"),
        ("Vive en La Roda con su tía.", "es", "Vive en [LOCATION] con su tía."),
        ("Born in Newton-on-the-Moor.", "en", "Born in [LOCATION]."),
        ("La Roda, 3 de mayo de 2021", "es", "[LOCATION], [DATE]"),
        ("Walk-in clinic, follow-up, re-do.", "en", "Walk-in clinic, follow-up, re-do."),
        ("Hi all, thanks team.", "en", "Hi all, thanks team."),
        ("Romberg negative, Hoffman absent.", "en", "Romberg negative, Hoffman absent."),
    ],
)  # fmt: skip
def test_names_by_shape_and_greeting(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Run 66907016  unit 7", "en", "Run [ID]  unit 7"),
        ("Seen 25OCT20, 11:58 on the ward", "en", "Seen [DATE] on the ward"),
        ("Appointment 20 March at 14:30.", "en", "Appointment [DATE] at 14:30."),
        ("He was admitted on Tuesday.", "en", "He was admitted on [DATE]."),
        ("#3 2023-06-21 missed", "en", "#3 [DATE] missed"),
        ("Depot next Tuesday, seen Monday and Friday.", "en", "Depot next Tuesday, seen Monday and Friday."),
        ("Fee 225.00 160.00 140.00 paid.", "en", "Fee 225.00 160.00 140.00 paid."),
        ("MEMORY CLINIC - NEW PATIENT", "en", "MEMORY CLINIC - NEW PATIENT"),
        ("INFORME DE ALTA HOSPITALARIA", "es", "INFORME DE ALTA HOSPITALARIA"),
        ("Ingreso involuntario (art. 763 LEC).", "es", "Ingreso involuntario (art. 763 LEC)."),
    ],
)  # fmt: skip
def test_numbers_hours_and_headings(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "word", "kind", "stays"),
    [
        ("AHI 22.4/h", "22.4", Kind.DATE, True),
        ("4 of 7 sheets done", "4 of 7", Kind.DATE, True),
        ("from 17:00 on", "17:00", Kind.DATE, True),
        ("dose 12/6/3 mg", "12/6", Kind.DATE, True),
        ("due 12/6 at noon", "12/6", Kind.DATE, False),
        ("ok ty. bye", "ty", Kind.EMAIL, True),
        ("about 0 g", "0", Kind.IP, True),
        ("dose 192 mC motor", "mC", Kind.PERSON, True),
        ("Human Resources called", "Human Resources", Kind.ORGANISATION, True),
        ("Tessaly spotted fever", "Tessaly", Kind.PERSON, True),
        ("Tessaly called", "Tessaly", Kind.PERSON, False),
    ],
)
def test_a_mark_of_the_tagger_must_look_like_its_kind(
    text: str, word: str, kind: Kind, stays: bool
) -> None:
    at = text.index(word)
    span = Span(at, at + len(word), kind, 0.9, "tagger")
    lists = lexicon("en")
    assert believed([span], fold_each(text), tokens_of(text, "en"), lists) == (
        [] if stays else [span]
    )


def test_a_line_cut_at_the_width_of_the_page_is_read_on() -> None:
    text = (
        "She has been well since the spring and walks the dog every day; on\n"
        "Monday she spoke of her new shift at the bakery and works at Copper\n"
        "Kettle Diner now.\n"
    )
    flat = unwrapped(text)
    assert len(flat) == len(text)
    assert flat.count("\n") == 1
    assert "Kettle" not in redacted(text, "en")
    form = "Name: A\nDate: B\nA longer line of a form that is not full at all\nC"
    assert unwrapped(form) == form


def test_a_profession_that_stays_covers_nothing_that_goes() -> None:
    assert redacted("Occupation: Brightmere Logistics, driver", "en").startswith(
        "Occupation: [ORGANISATION]"
    )


@settings(max_examples=200, deadline=None)
@given(st.from_regex(NAME_CUE))
def test_looking_at_the_end_first_misses_no_cue(lead: str):
    assert cued(lead) is (NAME_CUE.search(lead) is not None)


@pytest.mark.parametrize("lead", ["Employer:\n", "Employer: ", "Ana Ruiz, MD\n", "Ana Ruiz, RN, "])
def test_a_label_or_a_signature_leads_a_firm_in_across_a_line_end(lead: str):
    text = f"Seen today.\n{lead}Quiet Harbor Rooms"
    assert redacted(text, "en").endswith("[ORGANISATION]")
