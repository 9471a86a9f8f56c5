"""De-identification: what each kind of rule finds, and what it leaves."""

import pytest

from euthymia.gateway.deid.contract import Kind, Lang
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.numbers import dni, iban, luhn, nhs
from redacting import redacted


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Call 555-014-2233 tomorrow.", Kind.PHONE),
        ("Fax: +44 20 7946 0958", Kind.PHONE),
        ("Write to j.lee+ward@mail.example.org now", Kind.EMAIL),
        ("See https://patients.example.org/id?x=1 for it", Kind.URL),
        ("Logged in from 203.0.113.77 at night", Kind.IP),
        ("MRN: 00-471-12", Kind.ID),
        ("SSN 078-05-1120 on file", Kind.ID),
        ("NHS number 943 476 5919", Kind.ID),
        ("Card 4111 1111 1111 1111 was charged", Kind.ACCOUNT),
        ("IBAN GB82 WEST 1234 5698 7654 32", Kind.ACCOUNT),
        ("Number plate: AB12 CDE", Kind.VEHICLE),
        ("Found at 51.50735, -0.12776 by the police", Kind.COORDINATES),
        ("She lives at 12 Mill Lane, Apt 4.", Kind.ADDRESS),
        ("Letters go to P.O. Box 441", Kind.ADDRESS),
        ("Postcode: LS1 4AB", Kind.POSTCODE),
        ("Seen on 2024-03-12 in clinic", Kind.DATE),
        ("Born the 3rd of March 1961", Kind.DATE),
        ("Admitted 12-XI-2015 overnight", Kind.DATE),
        ("He is 93 years old", Kind.AGE),
    ],
)
def test_kinds_in_english(text: str, kind: Kind) -> None:
    assert f"[{kind}]" in redacted(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("NHC: 368503.\nNASS: 26 63514095 12.", "NHC: [ID].\nNASS: [ID]."),
        ("DNI 12345678Z", "DNI [ID]"),
        ("Fecha de nacimiento: 03/03/1946.", "Fecha de nacimiento: [DATE]."),
        ("Ingresó el 3 de marzo de 2015.", "Ingresó el [DATE]."),
        ("Nombre: Ernesto.\nApellidos: Rivera Bueno.", "Nombre: [PERSON].\nApellidos: [PERSON]."),
        (
            "Domicilio: Calle Miguel Benitez 90.\nCP: 28016.",
            "Domicilio: [ADDRESS].\nCP: [POSTCODE].",
        ),
        ("Vive en C/ Alcalá 12, 3º B.", "Vive en [ADDRESS]."),
        ("Tel 600 123 456", "Tel [PHONE]"),
        ("derivado al Hospital Universitario La Paz", "derivado al [HOSPITAL]"),
    ],
)
def test_kinds_in_spanish(text: str, left: str) -> None:
    assert redacted(text, "es") == left


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        (
            "Scored 18 on the Hamilton, 22 on the Beck Depression Inventory and 14 on the PHQ-9.",
            "en",
        ),
        ("Parkinson's disease and Lewy body dementia run in the family.", "en"),
        ("Young Mania Rating Scale 12; Asperger, Tourette and Cushing were discussed.", "en"),
        ("She may march on in April showers of grief; sertraline 50 mg and Prozac before.", "en"),
        ("Se pasó la escala de Hamilton; enfermedad de Parkinson en la madre.", "es"),
        ("Test de Rorschach y síndrome de Asperger; toma litio y Prozac 20 mg.", "es"),
        ("Plaquetas 250.000/mm3, TA 120/80, dosis 1000 mg cada 12 horas.", "es"),
    ],
)
def test_medicine_survives(text: str, lang: Lang) -> None:
    done = deidentify(text, lang, accept=True)
    assert [text[s.start : s.end] for s in done.spans if s.kind is not Kind.DATE] == []


def test_a_person_with_an_eponym_for_a_name_is_taken_out() -> None:
    assert redacted("Mr Parkinson came in.") == "Mr [PERSON] came in."
    assert redacted("La Sra. Beck acudió ayer.", "es") == "La Sra. [PERSON] acudió ayer."


def test_a_label_before_a_number_stays() -> None:
    out = deidentify("Ingresa. NHC 4458812, DNI 12345678Z. MRN 4458812.", "es", accept=True).text
    assert out == "Ingresa. NHC [ID], DNI [ID]. MRN [ID]."


def test_check_digits() -> None:
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert dni("12345678Z")
    assert dni("X1234567L")
    assert not dni("12345678A")
    assert iban("GB82 WEST 1234 5698 7654 32")
    assert not iban("GB83 WEST 1234 5698 7654 32")
    assert nhs("9434765919")
    assert not nhs("9434765918")


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Nombre: [PERSON].\nResponsable clínico: Dr. [PERSON]. [ADDRESS]", "es"),
        ("Name: [PERSON] born [DATE], MRN [ID], lives at [ADDRESS]", "en"),
    ],
)
def test_tags_are_left_alone(text: str, lang: Lang) -> None:
    assert redacted(text, lang) == text


@pytest.mark.parametrize(
    "text", ['en "" hospital "" .', 'Clínica ""', '"Hospital" "', "Dr. Dr. Dr."]
)
def test_marks_without_words_are_no_names(text: str) -> None:
    assert deidentify(text, "es").source == text


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("Yaamoa scale 12, Mckeever syndrome.", "en", "Yaamoa scale 12, Mckeever syndrome."),
        ("Signo de Delannoy positivo.", "es", "Signo de Delannoy positivo."),
        ("Braden 14; Lawton IADL 7; Boston Naming Test low.", "en", None),
        ("Transferred from Boise Crisis Team.", "en", "Transferred from [HOSPITAL]."),
        ("Went to the local hospital.", "en", None),
        ("Seen by Davis, Reynolds and Williamson today", "en", "Seen by [ORGANISATION] today"),
        ("First episode 2003, second episode 2009.", "en", None),
        (
            "Paciente Rosa, acude con Jesús y Jeremías.",
            "es",
            "Paciente [PERSON], acude con [PERSON] y [PERSON].",
        ),
        ("See you soon.\nThanks,\nMash", "en", "See you soon.\nThanks,\n[PERSON]"),
        (
            "PID|1||MRN-248||Hew^Iver||19640406|F",
            "en",
            "PID|1||[ID]||[PERSON]||[DATE]|F",
        ),
        ("M.L.M. 63 años, ansiosa.", "es", "[PERSON]. 63 años, ansiosa."),
        ("Meet at 9721 Dalmatinova 43 Apt. 678 then", "en", "Meet at [ADDRESS] then"),
    ],
)
def test_shapes_that_once_leaked_or_lost_medicine(text: str, lang: Lang, left: str | None) -> None:
    done = redacted(text, lang)
    assert done == (text if left is None else left)
