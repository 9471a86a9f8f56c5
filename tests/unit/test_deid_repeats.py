"""What is sure in one place of a note is found in its other places; tables; verbs that no noun has."""

# ruff: noqa: E501 - texts are read whole

from textwrap import fill

import pytest

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.find import find
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.tokens import tokens_of
from euthymia.gateway.deid.wrapped import unwrapped
from redacting import redacted


class Once:
    """A tagger that is sure of the first place of some words and blind to the others."""

    def __init__(self, words: str, kind: Kind) -> None:
        self.words, self.kind = words, kind

    def spans(self, text: str, lang: Lang) -> list[Span]:
        at = text.index(self.words)
        return [Span(at, at + len(self.words), self.kind, 0.95, "tagger")]


@pytest.mark.parametrize(
    ("words", "kind"),
    [("Quellbrook", Kind.PERSON), ("Ward Tamsin", Kind.HOSPITAL), ("Osk Brandle", Kind.ORGANISATION)],
)  # fmt: skip
def test_what_the_tagger_finds_once_goes_everywhere(words: str, kind: Kind) -> None:
    text = f"Seen with {words} again. The plan of {words} stands, and {words} knows."
    found = find(text, "en", tagger=Once(words, kind))
    assert sum(text[s.start : s.end] == words for s in found) == 3


def test_an_ordinary_word_that_opens_a_sentence_is_no_name_again() -> None:
    text = "Seen with Summit again. Summit was reached by the group."
    places = [s.start for s in find(text, "en", tagger=Once("Summit", Kind.ORGANISATION))]
    assert places == [10]


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("MRN 20-337-41, duplicate 20-373-41 to be merged.", "en", "MRN [ID], duplicate [ID] to be merged."),
        ("Filled on 4/28 and asks again 5/9. Pain 5/10, strength 4/5.", "en", "Filled on [DATE] and asks again [DATE]. Pain 5/10, strength 4/5."),
        ("Pain was 5/9 on the ladder of nine.", "en", "Pain was 5/9 on the ladder of nine."),
        ("con D.N.I. 27.114.306-K, vecina", "es", "con D.N.I. [ID], vecina"),
        ("costó 1.200.000 pesos", "es", "costó 1.200.000 pesos"),
        ("Medicare 3RT8-QW4-ZX51 on file.", "en", "Medicare [ID] on file."),
        ("Call bleep 3316. He waits.", "en", "Call bleep [ID]. He waits."),
    ],
)  # fmt: skip
def test_numbers_and_days_made_like_a_sure_one(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


def test_the_headings_of_a_table_tell_its_columns() -> None:
    table = "| Drug | Dose | Start | Sign |\n| Quetiapine | 50 mg | 12/7 | TK |\n| Sertraline | 100 mg | 3/8 | PO |"
    assert redacted(table, "en") == (
        "| Drug | Dose | Start | Sign |\n| Quetiapine | 50 mg | [DATE] | [PERSON] |\n"
        "| Sertraline | 100 mg | [DATE] | PO |"
    )
    form = redacted("| Patient | Maija Virtanen |\n| DOB | 14-Aug-1993 |\n| GP | Dr Otxoa |", "en")
    assert form == "| Patient | [PERSON] |\n| DOB | [DATE] |\n| GP | Dr [PERSON] |"
    tabs = "Paciente\tCama\tFecha\nTolosana\t4\t3/8\nBENZO\t5\tpendiente"
    assert redacted(tabs, "es").startswith("Paciente\tCama\tFecha\n[PERSON]\t4\t[DATE]\n")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Will has improved since May 3.", "[PERSON] has improved since [DATE]."),
        ("Will reports that he sleeps.", "[PERSON] reports that he sleeps."),
        ("Will discuss with the team. Will need labs.", "Will discuss with the team. Will need labs."),
        ("He said it. Mark marked his on the board.", "He said it. [PERSON] marked his on the board."),
        ("Faith renewed her strength.", "Faith renewed her strength."),
        ("RANG 2310 FROM 07700 900417", "RANG 2310 FROM [PHONE]"),
        ("15 MIN OBS. Case No. 24-10377.", "15 MIN OBS. Case No. [ID]."),
        ("Age 92 yrs", "Age [AGE]"),
        ("JT - slept\nMB - up early", "[PERSON] - slept\n[PERSON] - up early"),
        ("Nursing - Memory clinic.", "Nursing - Memory clinic."),
        ("WMS-IV and DSM-IV-TR; Jacobson relaxation.", "WMS-IV and DSM-IV-TR; Jacobson relaxation."),
    ],
)  # fmt: skip
def test_grammar_and_form_in_english(text: str, left: str) -> None:
    assert redacted(text, "en") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("El doctor. León vino a verle.", "El doctor. [PERSON] vino a verle."),
        ("Sí señora. Mi mujer vino.", "Sí señora. Mi mujer vino."),
        ("Desde el Año Nuevo chino no duerme.", "Desde el [DATE] no duerme."),
        ("Nochebuena, 23:50 h. Traslado.", "[DATE]. Traslado."),
        ("4 | Mª Luz | benzodiacepinas | sueño", "4 | [PERSON] | benzodiacepinas | sueño"),
        ("Relajación muscular de Jacobson.", "Relajación muscular de Jacobson."),
    ],
)  # fmt: skip
def test_grammar_and_form_in_spanish(text: str, left: str) -> None:
    assert redacted(text, "es") == left


def test_verbs_with_pronouns_are_words_and_names_are_not() -> None:
    told = {t.text: t.common for t in tokens_of("quiere verle y llevárselo con Marla", "es")}
    assert told["verle"]
    assert told["llevárselo"]
    assert not told["Marla"]


def test_lines_of_a_narrow_page_are_one_text() -> None:
    text = "She came to us on the day after Boxing Day with a friend and stayed until the evening came and her brother drove her to Robin Hood's Bay."
    cut = fill(text, 28)
    assert cut.count("\n") > 3
    assert unwrapped(cut) == text
    form = "Name: Ana\nWard: two\nPlan: rest\nMood: low and flat today"
    assert unwrapped(form) == form


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("He fell on Ochi Day and since Labor Day weekend he sleeps.", "en", "He fell on [DATE] and since [DATE] he sleeps."),
        ("She sang on Founders Night.", "en", "She sang on [DATE]."),
        ("On Leave Day he slept. The Night Nurse came.", "en", "On Leave Day he slept. The Night Nurse came."),
        ("Low since mid-August; seen wk of 3/4.", "en", "Low since [DATE]; seen wk of [DATE]."),
        ("Ingresó en enero del 98 y la semana del 12.", "es", "Ingresó en [DATE] y la semana [DATE]."),
        ("Next: 22nd, evening.", "en", "Next: [DATE], evening."),
        ("El finde de Aste Nagusia tuvo frío.", "es", "El [DATE] tuvo frío."),
        ("La noche del 5 al 6 no durmió; dosis del 5 al 10.", "es", "La noche [DATE] no durmió; dosis del 5 al 10."),
    ],
)  # fmt: skip
def test_days_known_by_a_name_and_ranges_of_days(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        ("MRN4458812 seen; MRN-4458813.", "en", "MRN[ID] seen; MRN-[ID]."),
        ("NHC4458812 y NHC-88123 y DNI12345678Z.", "es", "NHC[ID] y NHC-[ID] y DNI[ID]."),
        ("Code HCX4471902 stays whole.", "en", "Code [ID] stays whole."),
    ],
)  # fmt: skip
def test_a_label_glued_to_its_number_stays(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    "name", ["सीता शर्मा", "நளினி", "মীনা", "สมชาย", "סָרָה", "Мария Иванова", "王伟"]
)
def test_nothing_of_a_name_in_another_script_is_left_in_its_surrogate(name: str) -> None:
    done = deidentify(
        f"Her sister {name} called.", "en", mode="surrogates", key=b"k" * 16, accept=True
    )
    assert done.text is not None
    assert not set(name) & set(done.text) - {" "}
