"""Passages in neither English nor Spanish: withheld, and out whole once somebody has looked."""

# ruff: noqa: E501, RUF001 - sentences in one piece, in many alphabets

import pytest

from euthymia.gateway.deid.contract import Kind, Lang
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.other_language import other_language
from euthymia.simulate.clinical_text import held_out, traps

FOREIGN = {
    "French": "La patiente dort mal depuis trois semaines, sa voisine Odile la trouve très pâle.",
    "Portuguese": "A doente dorme mal há três semanas e o marido, Anselmo, está preocupado com ela.",
    "Italian": "La paziente dorme male da tre settimane e il marito Ennio non la lascia più sola.",
    "Catalan": "La pacient dorm malament des de fa setmanes i el seu fill Jordi pateix molt amb això.",
    "German": "Die Patientin schläft seit drei Wochen schlecht, ihr Bruder Malte ruft jeden Abend an.",
    "Romanian": "Pacienta doarme prost de trei săptămâni, iar sora ei, Ileana, este foarte îngrijorată.",
    "Polish": "Pacjentka od trzech tygodni źle śpi, a jej siostra Bożena bardzo się o nią martwi.",
    "Turkish": "Hasta üç haftadır kötü uyuyor, kardeşi Emre her akşam telefon ediyor ve çok endişeli.",
    "Basque": "Pazienteak gaizki egiten du lo eta Nekane ahizpak esan du ez duela ezer jaten.",
    "Haitian": "Malad la pa dòmi byen depi twa semèn, frè li Wisly di li pa vle soti nan kay la ankò.",
    "Somali": "Bukaanku saddex toddobaad si fiican uma seexan, walaalkeed Warsame aad buu u walaacsan.",
    "Tagalog": "Hindi siya makatulog ng maayos at nag-aalala ang kanyang kapatid na si Ligaya.",
}
PLAIN = (
    ("en", "urea 5.1 mmol/l, hb 12.4 g/dl, mcv 91 fl, crp 3 mg/l, ggt 24 u/l, tsh 1.9 mu/l."),
    ("es", "Bioquímica: urea 33 mg/dl, creatinina 0,4 mg/dl, got 24 u/l, gpt 34 u/l, ggt 34 u/l."),
    ("en", "pt slept ok, nil prn reqd, ate + drank, obs q15, no si/hi. olanzapine 10 mg nocte."),
    ("es", "pte durmió bien, cenó, sin ideación, tto: quetiapina 100, control en 7 días."),
    ("en", "PRESENT: LEANNE COBB, DS RAHMAN, FIONA, J NWOSU, AURELIO MANALASTAS, KASIA, EDUVIGES."),
)  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_note_in_another_language_waits_and_goes_out_whole(name: str, lang: Lang) -> None:
    waiting = deidentify(FOREIGN[name], lang)
    assert waiting.text is None
    assert [s.kind for s in waiting.uncertain] == [Kind.PASSAGE]
    assert deidentify(FOREIGN[name], lang, accept=True).text in {"[PASSAGE]", "[PASSAGE]."}
    stood_in = deidentify(FOREIGN[name], lang, accept=True, mode="surrogates", key=bytes(16))
    assert stood_in.text in {"[PASSAGE]", "[PASSAGE]."}


def test_only_the_passage_goes_out_of_a_note_in_english() -> None:
    before, after = "She slept badly again and ate little.", "Plan: see her on the ward tomorrow."
    note = f"{before}\n{FOREIGN['French']} Elle ne veut plus sortir de la maison.\n{after}"
    assert deidentify(note, "en", accept=True).text == f"{before}\n[PASSAGE]\n{after}"


@pytest.mark.parametrize(("lang", "text"), PLAIN)
def test_units_short_forms_and_lists_of_names_are_no_language(lang: Lang, text: str) -> None:
    assert other_language(text, lang) == []


@pytest.mark.parametrize("lang", ["en", "es"])
def test_no_note_in_one_of_the_two_languages_is_a_passage(lang: Lang) -> None:
    """Told as one language or the other: a Spanish paragraph in an English note stays as well."""
    texts = [p.text for p in held_out(11, per_origin=40) + traps(11)]
    assert len(texts) > 300
    assert [t for t in texts if other_language(t, lang)] == []
