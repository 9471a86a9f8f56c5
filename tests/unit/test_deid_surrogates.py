"""What stands in for each kind of identifier: of the same form, never the same."""

import re

import pytest

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.known import Known, KnownFinder
from euthymia.gateway.deid.surrogates import Surrogates

KEY = b"0123456789abcdef"


def stood_in(written: str, kind: Kind, lang: Lang = "en", key: bytes = KEY) -> str:
    return Surrogates(key, lang).replace(written, Span(0, len(written), kind))


FORMS: list[tuple[Kind, Lang, str, str]] = [
    (Kind.ADDRESS, "en", "12 Marlow Road", r"\d+ [A-Z]\w+ \w+"),
    (Kind.ADDRESS, "es", "Calle Mayor, 12", r"(Calle|Avenida) [\w ]+, \d+"),
    (Kind.LOCATION, "en", "Marlow", r"[A-Z]\w+"),
    (Kind.HOSPITAL, "es", "Hospital La Paz", r"(Hospital|Clínica) [\w ]+"),
    (Kind.ORGANISATION, "en", "Acme", r"[A-Z]\w+ \w+"),
    (Kind.COUNTRY, "es", "Perú", "otro país"),
    (Kind.EMAIL, "en", "ana@ruiz.example", r"[a-z]+\d+@example\.org"),
    (Kind.URL, "en", "https://ruiz.example", r"https://example\.org/\d+"),
    (Kind.IP, "en", "10.1.2.3", r"192\.0\.2\.\d+"),
    (Kind.ID, "en", "AB-1234/x", r"[A-Z]{2}-\d{4}/[a-z]"),
    (Kind.COORDINATES, "en", "51.5, -0.1", r"\[COORDINATES\]"),
]


@pytest.mark.parametrize(("kind", "lang", "written", "form"), FORMS)
def test_a_stand_in_has_the_form_and_nothing_of_the_value(
    kind: Kind, lang: Lang, written: str, form: str
) -> None:
    new = stood_in(written, kind, lang)
    assert re.fullmatch(form, new), new
    assert new != written
    assert new == stood_in(written, kind, lang)


def test_another_persons_key_gives_others() -> None:
    for kind, lang, written, _ in FORMS:
        if kind in {Kind.COUNTRY, Kind.COORDINATES}:
            continue
        drawn = {stood_in(written, kind, lang, bytes([n]) * 16) for n in range(16)}
        assert len(drawn) > 2, kind


def test_no_stand_in_is_a_name_of_the_person_or_of_those_around_them() -> None:
    """A note that keeps a true name as somebody's surrogate would give it away."""
    from euthymia.gateway.deid.lexicon import pool

    names = pool("en", "family")
    true, left = names[:-1], names[-1]
    drawn = Surrogates(KEY, "en", KnownFinder(Known(names=(" ".join(true),)), "en"))
    for written in ("Zorblatt", "Quenthi", "Plimbo"):
        assert drawn.replace(written, Span(0, len(written), Kind.PERSON)) == left


def test_particles_titles_and_initials_keep_their_form() -> None:
    new = stood_in("Dr. J. van der Zorblatt", Kind.PERSON)
    assert re.fullmatch(r"Dr\. [A-Z]\. van der [A-Z]\w+", new), new
    assert stood_in("ZORBLATT", Kind.PERSON).isupper()
    assert stood_in("zorblatt", Kind.PERSON).islower()


def test_two_days_of_one_month_keep_their_distance() -> None:
    """ "4-18 August" was filled with figures drawn at random, or became no date at all."""
    for lang, written, form in (
        ("en", "4\u201318 August 2024", r"(\d+)\u2013(\d+) [A-Z][a-z]+ 20\d\d"),
        ("es", "4 al 18 de agosto de 2024", r"(\d+) al (\d+) de [a-z]+ de 20\d\d"),
    ):
        days = [stood_in(written, Kind.DATE, lang, bytes([n]) * 16) for n in range(60)]
        plain = [m for m in (re.fullmatch(form, new) for new in days) if m]
        assert len(plain) > 20
        assert {int(m[2]) - int(m[1]) for m in plain} == {14}
        over = [new for new in days if not re.fullmatch(form, new)]
        assert over
        assert all(new.count("20") >= 2 for new in over), "each end of the stretch with its month"
