"""What is told by form and context: dates in words, other scripts, lists of people, codes."""

# ruff: noqa: E501, RUF001 - texts are read whole, with the signs that people write

from datetime import date, timedelta

import pytest

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.dates import day_first
from euthymia.gateway.deid.fold import fold_each
from euthymia.gateway.deid.surrogates import Surrogates
from redacting import redacted

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Seen on the third of May 2023.", "en", "Seen on the [DATE]."),
        ("Born march second nineteen fifty eight.", "en", "Born [DATE]."),
        ("On twenty-first October two thousand and nineteen", "en", "On [DATE]"),
        ("Ingresa el tres de mayo de dos mil diecinueve.", "es", "Ingresa el [DATE]."),
        ("Nacido el quince de agosto de mil novecientos setenta.", "es", "Nacido el [DATE]."),
        ("Admitted on Christmas Eve 2021.", "en", "Admitted on [DATE]."),
        ("Desde la Nochebuena de 2019 no sale.", "es", "Desde la [DATE] no sale."),
        ("Next appt Thurs Jan 18 @ 11", "en", "Next appt [DATE]"),
        ("Last dose was 20/09. Mood 6/10, GCS 14/15.", "en", "Last dose was [DATE]. Mood 6/10, GCS 14/15."),
        ("Born on 23/Ol/1967.", "en", "Born on [DATE]."),
        ("Phone: two one eight five five five zero one four four", "en", "Phone: [PHONE]"),
    ],
)  # fmt: skip
def test_dates_and_digits_in_words(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    "name", ["Татьяна Мельник", "Ελένη Βλάχος", "محمد الحربي", "王小明", "김민수", "देवी"]
)
def test_names_in_other_scripts_are_taken_out(name: str) -> None:
    assert redacted(f"Spoke with {name} today.", "en") == "Spoke with [PERSON] today."


def test_greek_letters_of_medicine_stay() -> None:
    text = "β-blocker 5 µg, α 0.05, Δ 3, TNF-α raised."
    assert redacted(text, "en") == text


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Seen by Min-soo Im, NP.", "en", "Seen by [PERSON], NP."),
        ("Present: Trinh, Vo, students.", "en", "Present: [PERSON], [PERSON], students."),
        ("Notes: Rm 4 Guled refused meds.", "en", "Notes: Rm 4 [PERSON] refused meds."),
        ("Progress note VS, 34F, MDD.", "en", "Progress note [PERSON], 34F, MDD."),
        ("Plan: mantener. E. Demirtaş", "es", "Plan: mantener. [PERSON]"),
        ("La acompaña Mỹ Linh.", "es", "La acompaña [PERSON]."),
        ("Spoke to her friend Faith about it.", "en", "Spoke to her friend [PERSON] about it."),
        ("Prison no A4471CK, auth PA-99-20417.", "en", "Prison no [ID], auth [ID]."),
        ("Estudia en el IES Sierra de Guara.", "es", "Estudia en el [ORGANISATION]."),
        ("Instructed by Bell & Croft Solicitors.", "en", "Instructed by [ORGANISATION]."),
        ("User sparrowhawk_7 replied.", "en", "User [USERNAME] replied."),
        ("Found on Marine Parade.", "en", "Found on [ADDRESS]."),
        (
            "At 14 Beech Road, Leeds LS6 2AB. Her mother is well.",
            "en",
            "At [ADDRESS] [POSTCODE]. Her mother is well.",
        ),
        ("Vive en C/ Mayor 3, 2A. Es viuda.", "es", "Vive en [ADDRESS]. Es viuda."),
        ("BP by 24 March.\n2. Referral to CBT.", "en", "BP by [DATE].\n2. Referral to CBT."),
        ("MD, on 5/4/2025 at 1:17 AM\nPager 4471", "en", "MD, on [DATE] at 1:17 AM\nPager [ID]"),
        ('Bed 6 "Jazz" (James Oduya) woke.', "en", 'Bed 6 "[PERSON]" ([PERSON]) woke.'),
        ("Placed at Meadow View residential home.", "en", "Placed at [HOSPITAL]."),
        ("La guardería Pinocho pide informe.", "es", "La guardería [ORGANISATION] pide informe."),
        ("F. Nac.: 17/05/1986 Sexo: M", "es", "F. Nac.: [DATE] Sexo: M"),
        ('Friends: Marcus and "Big Mike".', "en", 'Friends: [PERSON] and "Big [PERSON]".'),
        ("Seen by R. Goldfarb, Psy.D.", "en", "Seen by [PERSON], Psy.D."),
        (
            "CVS at 4471 Elm St, OARRS Olanzapine 10 mg daily.",
            "en",
            "[ORGANISATION] at [ADDRESS] Olanzapine 10 mg daily.",
        ),
        ("Died of COVID Jan '21. Older brother", "en", "Died of COVID [DATE]. Older brother"),
        ('Dos hermanos y la "Güera" (9).', "es", 'Dos hermanos y la "[PERSON]" (9).'),
        ("La vio la enfermera Yesi y el Dr. de guardia.", "es", "La vio la enfermera [PERSON] y el Dr. de guardia."),
    ],
)  # fmt: skip
def test_what_context_or_shape_tells(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Faith is important to her; hope is low.", "en"),
        ("Mark your answers from 0 to 3.", "en"),
        ("He may march well in the fall.", "en"),
        ("ICD-10 F32.1; CPT 99214.", "en"),
        ("He has a 3/4 chance; 10/7 of amoxicillin.", "en"),
        ("He drank Captain Morgan.", "en"),
        ("Montgomery-Asberg 30, Silverman 0.", "en"),
        ("Le gusta la luz del mar.", "es"),
        ("Come queso de Burgos y jamón de York.", "es"),
        ("She likes Christmas cake.", "en"),
        ("Está en prisión Preventiva.", "es"),
        ("Mi celu no anda.", "es"),
        ("Bloods weekly Mon; used DEAR MAN. A 13-year-old Black male.", "en"),
        ("MULTIDISCIPLINARY WARD ROUND", "en"),
        ("ROI signed. Telehealth visit.", "en"),
        ("Interpreter: N\n\nReason: low mood. Social worker: nil. Carer: n/a.", "en"),
        ("MC: triste.\nEM: alerta.\nFA: no.", "es"),
        ("Phos 0.92. CAREMAP updated. Osm 280.", "en"),
        ("Toma: memantina 20.", "es"),
        ("Discute c/ cama 15; acude c/ mamá. Toma c/ comida.", "es"),
    ],
)
def test_plain_words_and_numbers_stay(text: str, lang: Lang) -> None:
    assert redacted(text, lang) == text


@pytest.mark.parametrize(
    "written", ["Easter", "Christmas Eve 2021", "tres de mayo de dos mil", "'94"]
)
def test_a_date_in_words_never_survives_as_a_surrogate(written: str) -> None:
    new = Surrogates(KEY, "en").replace(written, Span(0, len(written), Kind.DATE))
    assert new != written


@pytest.mark.parametrize(
    "address",
    ["PSC 0413, Box 8144\nAPO AA 42323", "Unit 4719 Box 7394\nDPO AP 70942", "CMR 411, APO AE 09112-0411"],
)  # fmt: skip
def test_addresses_of_the_us_forces(address: str) -> None:
    left = redacted(f"Her husband is at {address} until spring.")
    assert not any(map(str.isdigit, left))
    assert left.startswith("Her husband is at [")
    assert left.endswith("] until spring.")


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("Seen 03/04/2025 at CVS.", False),
        ("Seen 03/04/2025. NHS no 943 476 5919.", True),
        ("Leeds LS6 2AB, 03/04/2025.", True),
        ("Seen 03/04/2025. B12 5mg, T4 2ml, pain at L4 5th, Q4 2hr.", False),
        ("Seen 03/04/2025 and 13/04/2025.", True),
        ("Seen 03/04/2025 and 04/13/2025, NHS.", False),
        ("Next on 5.6.2025; PHQ 13/27/2.", False),
    ],
)
def test_which_number_of_a_date_is_the_day_is_the_notes_own_way(text: str, leads: bool) -> None:
    assert day_first(fold_each(text), "en") is leads
    made = Surrogates(KEY, "en")
    at = text.index("03/04/2025") if "03/04" in text else None
    if at is not None:
        moved = made.replace(text, Span(at, at + 10, Kind.DATE, 1.0, "rule:date"))
        wanted = date(2025, 4, 3) if leads else date(2025, 3, 4)
        wanted += timedelta(days=made.shift_days)
        assert moved == wanted.strftime("%d/%m/%Y" if leads else "%m/%d/%Y")
