"""De-identification: help from what the clinic knows, surrogates, and review."""

import re
from datetime import date, timedelta

import pytest

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.known import Known, distance_within
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.surrogates import Surrogates
from euthymia.ground.errors import SchemaError

KEY = bytes(range(32))
KNOWN = Known(
    names=("María José García O'Brien",),
    relatives=("Tomás García",),
    staff=("Dr Imran Siddiqui",),
    addresses=("12 Orchard Road, Leeds LS1 4AB",),
    organisations=("Brightwell Bakery",),
    dates=(date(1961, 3, 7),),
    phones=("+44 7700 900123",),
    emails=("mjg@post.example",),
    ids=("MRN-0047-11",),
    sex="f",
)


def left(text: str) -> str:
    done = deidentify(text, "en", KNOWN, accept=True)
    assert done.text is not None
    return done.text


@pytest.mark.parametrize(
    "written",
    ["GARCIA", "garcía", "Gracia-O'Brien", "Marai", "García's", "Gar cía", "O Brien", "OBRIEN",
     "obrien", "M.J.", "Siddiqi", "SIDDIQUI", "Tomas", "mariajose", "García María José"],
)  # fmt: skip
def test_a_known_name_is_found_however_it_is_written(written: str) -> None:
    out = left(f"It was said that {written} had called.")
    assert not re.search(r"garc|o.?brien|mar[ai]{2}|siddi|tom|m\.j|gar c", out.lower()), out


@pytest.mark.parametrize(
    "written",
    ["mrn 0047 11", "MRN004711", "7700900123", "07700 900 123", "MJG@POST.EXAMPLE", "07031961",
     "7/3/61", "Orchard Rd 12, Leeds", "the Brightwell bakery"],
)  # fmt: skip
def test_known_numbers_places_and_mail_are_found_whatever_separates_them(written: str) -> None:
    out = left(f"Noted {written} again.")
    assert "[" in out
    for part in re.findall(r"[a-zA-Z]{4,}|\d{2,}", written):
        assert part.lower() not in out.lower().replace("noted", "").replace("again", "")


def test_an_ordinary_word_that_is_a_known_name_is_told_by_its_use() -> None:
    known = Known(names=("May Rose",))
    done = deidentify("She may start in May; a rose. Then May called.", "en", known, accept=True)
    assert done.text is not None
    assert "may start" in done.text
    assert "a rose" in done.text
    assert "May called" not in done.text


def test_unknown_keys_and_wrong_values_of_known_facts_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"number 2 of 2\); use addresses,") as refused:
        Known.from_json({"names": [], "Ana Ruiz": "the mother"})
    assert "Ruiz" not in str(refused.value)
    with pytest.raises(SchemaError, match="text or a list"):
        Known.from_json({"names": 3})
    with pytest.raises(SchemaError, match=r'"sex" .* must be a text'):
        Known.from_json({"sex": ["female"]})
    with pytest.raises(SchemaError, match="text or a list"):
        Known.from_json({"names": [3]})
    with pytest.raises(SchemaError, match="1980-02-29"):
        Known.from_json({"dates": ["29/02/1980"]})
    assert Known.from_json({"names": "Ana Ruiz", "sex": "female"}).sex == "f"


@pytest.mark.parametrize(
    "address",
    ["seun.adebayo@example.org", "s.adebayo @ example.org", "https://www.example.com/seun/adebayo",
     "www.adebayo.example.com", "adebayo.com"],
)  # fmt: skip
def test_a_known_name_does_not_cut_a_mail_or_web_address(address: str) -> None:
    known, kind = Known(names=("Seun Adebayo",)), "EMAIL" if "@" in address else "URL"
    text = f"Write to {address} today. Seun Adebayo called."
    tags = deidentify(text, "en", known, accept=True).text
    assert tags == f"Write to [{kind}] today. [PERSON] called."
    made = deidentify(text, "en", known, mode="surrogates", key=KEY, accept=True).text
    assert made is not None
    stand_in = r"[a-z]+\d+@example\.org" if kind == "EMAIL" else r"https://example\.org/\d+"
    assert re.fullmatch(rf"Write to {stand_in} today\. \w+ \w+ called\.", made), made


def test_distance_counts_a_swap_as_one_error() -> None:
    assert distance_within("marai", "maria", 1)
    assert not distance_within("marta", "mario", 1)
    assert distance_within("kowalsky", "kowalski", 1)


def test_the_same_name_gets_the_same_surrogate_and_another_person_gets_others() -> None:
    text = "Ana Ruiz called. ANA and Ruiz came; Mrs Ruiz wept."
    done = deidentify(text, "en", mode="surrogates", key=KEY, accept=True)
    again = deidentify(text, "en", mode="surrogates", key=KEY, accept=True)
    other = deidentify(text, "en", mode="surrogates", key=KEY[::-1], accept=True)
    assert done.text == again.text != other.text
    assert done.text is not None
    given, family = done.text.split()[:2]
    assert f"{given.upper()} and {family} came; Mrs {family} wept." in done.text
    assert "Ruiz" not in done.text


def test_a_typing_error_of_a_known_name_gets_the_surrogate_of_the_name() -> None:
    known = Known(names=("Anabella Kowalski",))
    text = "Kowalski called. Later Kowalsky came, and KOWALSKI again."
    done = deidentify(text, "en", known, mode="surrogates", key=KEY, accept=True)
    assert done.text is not None
    first = done.text.split()[0]
    assert done.text.lower().count(first.lower()) == 3


def test_surrogates_keep_the_sex_of_a_given_name() -> None:
    from euthymia.gateway.deid.lexicon import pool

    drawn = Surrogates(KEY, "es")
    text = "Beatriz"
    name = drawn.replace(text, Span(0, len(text), Kind.PERSON))
    assert name in pool("es", "f")


@pytest.mark.parametrize("sex", ["other", "unknown", "", None])
def test_a_sex_that_names_have_not_draws_from_either(sex: str | None) -> None:
    known = Known.from_json({"names": ["Aaditya"], "sex": sex})  # lists give this name no sex
    done = deidentify("Aaditya called.", "en", known, mode="surrogates", key=KEY)
    assert done.text is not None
    assert "Aaditya" not in done.text


@pytest.mark.parametrize("lang", ["en", "es"])
def test_dates_move_together_by_whole_weeks(lang: Lang) -> None:
    drawn = Surrogates(KEY, lang)
    assert drawn.shift_days % 7 == 0
    assert 28 <= abs(drawn.shift_days) < 7 * 104
    written = "2024-03-12"
    moved = drawn.replace(written, Span(0, len(written), Kind.DATE))
    assert date.fromisoformat(moved) == date(2024, 3, 12) + timedelta(days=drawn.shift_days)
    for text in (
        "12 March 2024",
        "March 12, 2024",
        "12/03/2024",
        "12 de marzo de 2024",
        "12-III-2024",
        "2024",
    ):
        new = drawn.replace(text, Span(0, len(text), Kind.DATE))
        assert new != text
        assert "[DATE]" not in new


def test_a_date_that_cannot_be_read_becomes_a_tag() -> None:
    drawn = Surrogates(KEY, "en")
    assert drawn.replace("31/31", Span(0, 5, Kind.DATE)) == "[DATE]"


def test_surrogates_need_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        deidentify("Ana Ruiz called.", "en", mode="surrogates")
    with pytest.raises(ValueError, match="16 bytes"):
        deidentify("Ana Ruiz called.", "en", mode="surrogates", key=b"short")


class Unsure:
    """A tagger that is unsure of one word."""

    def spans(self, text: str, lang: Lang) -> list[Span]:
        at = text.index("naranja")
        return [Span(at, at + 7, Kind.ORGANISATION, 0.5, "tagger")]


def test_nothing_goes_out_while_a_person_must_look() -> None:
    done = deidentify("Ayer Ana Ruiz llevaba naranja puesto.", "es", None, Unsure())
    assert done.needs_review
    assert done.text is None
    assert [done.source[s.start : s.end] for s in done.uncertain] == ["naranja"]
    again = "Ayer Ana Ruiz llevaba naranja puesto."
    accepted = deidentify(again, "es", None, Unsure(), accept=True)
    assert accepted.text == "Ayer [PERSON] llevaba [ORGANISATION] puesto."


def test_ages_up_to_89_stay_unless_strict() -> None:
    text = "The patient, 45 years old, a teacher; her mother is 93 years old."
    assert deidentify(text, "en").text == (
        "The patient, 45 years old, a teacher; her mother is [AGE]."
    )
    strict = deidentify(text, "en", strict=True).text
    assert strict is not None
    assert "45" not in strict
    assert "teacher" not in strict
    stood_in = deidentify(text, "en", mode="surrogates", key=KEY, strict=True).text
    assert stood_in is not None
    assert stood_in.startswith("The patient, [AGE] years old")  # nobody of 45 becomes one of 90
    assert "mother is 90+" in stood_in
