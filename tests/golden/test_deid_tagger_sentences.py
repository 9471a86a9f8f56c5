"""Sentences whose identifiers the tagger alone must find, and words that it must leave."""

import pytest

from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.tagger import OnnxTagger

FOUND: list[tuple[Lang, str, list[str]]] = [
    ("en", "Ms Halima Tesfaye was seen on 02/05/2024.", ["Halima Tesfaye", "02/05/2024"]),
    ("en", "seen today with her sister rahel, sleeping better", ["rahel"]),
    ("en", "Please call Dr. Lindgren on 0113 496 0182.", ["Lindgren", "0113 496 0182"]),
    ("en", "PATIENT: AMARACHI NWEKE  MRN: 4471902", ["AMARACHI NWEKE", "4471902"]),
    ("en", "She lives at 41 Harrow Street, Leeds.", ["41 Harrow Street", "Leeds"]),
    ("en", "Mr Parkinson and his wife Hope came together.", ["Parkinson", "Hope"]),
    ("es", "La Sra. Etxaniz acude el 3 de mayo de 2023.", ["Etxaniz", "3 de mayo de 2023"]),
    ("es", "hablo con su hermana fátima por teléfono", ["fátima"]),
    ("es", "Vive en C/ Olivar 12, 3º B, 28012 Madrid.", ["C/ Olivar 12, 3º B", "28012", "Madrid"]),
    ("es", "Dolores viene con su marido, Wojtek Zieliński.", ["Dolores", "Wojtek Zieliński"]),
]
KEPT: list[tuple[Lang, str]] = [
    ("en", "Hamilton Depression Rating Scale 22, Beck Depression Inventory 31."),
    ("en", "Parkinson's disease was excluded; Lewy body dementia is unlikely."),
    ("en", "Young Mania Rating Scale 4. PHQ-9 12. GAD-7 9."),
    ("en", "Sertraline 50 mg was changed to Lexapro 10 mg."),
    ("es", "Escala de Hamilton 22, inventario de Beck 31."),
    ("es", "Sin ideación suicida. Duerme seis horas. Mantener quetiapina 50 mg."),
    ("es", "Enfermedad de Parkinson y demencia por cuerpos de Lewy descartadas."),
]


@pytest.fixture(scope="module")
def tagger() -> OnnxTagger:
    return OnnxTagger.load()


@pytest.mark.parametrize(("lang", "text", "names"), FOUND)
def test_identifiers_are_found(tagger: OnnxTagger, lang: Lang, text: str, names: list[str]) -> None:
    covered = {at for s in tagger.spans(text, lang) for at in range(s.start, s.end)}
    for name in names:
        start = text.index(name)
        letters = {at for at in range(start, start + len(name)) if text[at].isalnum()}
        assert letters <= covered, name


@pytest.mark.parametrize(("lang", "text"), KEPT)
def test_clinical_words_are_left(tagger: OnnxTagger, lang: Lang, text: str) -> None:
    assert tagger.spans(text, lang) == []
