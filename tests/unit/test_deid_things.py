"""Things that bear a name stay; the people beside them do not."""

# ruff: noqa: E501 - texts are read whole

import pytest

from euthymia.app.deid import load_tagger
from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.things import without_things
from euthymia.gateway.deid.tokens import tokens_of


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("Dinner was chicken Kiev with Brussels sprouts.", "en", ("Kiev", "Brussels")),
        ("Ate two Granny Smith apples, then Battenberg cake.", "en", ("Granny Smith", "Battenberg")),
        ("Drives a Ford Fiesta without trouble.", "en", ("Ford Fiesta",)),
        ("I feel like a Ferrari with bicycle brakes.", "en", ("Ferrari",)),
        ("He drank six cans of Karpackie last night.", "en", ("Karpackie",)),
        ("She watched Star Wars and Forrest Gump twice.", "en", ("Star Wars", "Forrest Gump")),
        ("Juega a Mario Kart hasta la madrugada.", "es", ("Mario Kart",)),
        ("Soy un Ferrari con frenos de bicicleta.", "es", ("Ferrari",)),
        ("Lesi\u00f3n en la cisura de Silvio, sin realce.", "es", ("Silvio",)),
        ("Fumaba Bisonte desde joven.", "es", ("Bisonte",)),
        ("CADC-II and LCADC staff run the group.", "en", ("CADC-II",)),
        ("A can of Dr Pepper after lunch.", "en", ("Pepper",)),
        ("She wore Dr. Martens boots and watched Mr. Bean.", "en", ("Martens", "Bean")),
        ("Bebe Don Simón en la cena.", "es", ("Simón",)),
        ("Bupropion SR Tablets, then MS Contin.", "en", ("Tablets", "Contin")),
        ("MR Angiography and MRS Spectroscopy normal.", "en", ("Angiography", "Spectroscopy")),
        ("Don PPE, said Dr. Google.", "en", ("PPE", "Google")),
        ("A John Henry effect; Stokes-Adams attacks.", "en", ("John Henry", "Stokes-Adams")),
        ("They had Albanian music on; Peruvian flute.", "en", ("Albanian", "Peruvian")),
        ("Stanley knife and Parker pen handed in.", "en", ("Stanley", "Parker")),
        ("Kirschner wire out, Yankauer sucker cleaned.", "en", ("Kirschner", "Yankauer")),
        ("Rockwood frailty score 5.", "en", ("Rockwood",)),
        ("leeds dependence questionnaire 12", "en", ("leeds",)),
        ("VICTORIA SPONGE BAKED IN OT.", "en", ("VICTORIA",)),
        ("dr wells noted a wells score of 2", "en", ("a wells score",)),
        ("Dr Wells noted a Wells score of 2.", "en", ("a Wells score",)),
        ("mrs hill walks up the hill", "en", ("the hill",)),
        ("mr will will attend", "en", ("will attend",)),
        ("ms mary will read the plan", "en", ("will read the plan",)),
        ("test gestáltico de bender correcto", "es", ("gestáltico de bender",)),
        ("Aristada started.", "en", ("Aristada",)),
        ("Toma hierba de San Juan sin receta.", "es", ("San Juan",)),
        ("Baile de San Vito de niño, fuego de San Antonio.", "es", ("San Vito", "San Antonio")),
        ("St Anthony's fire, and Saint John's wort for mood.", "en", ("Anthony", "John")),
        ("Ring Samaritans on 116 123 or text SHOUT to 85258.", "en", ("116 123", "85258")),
        ("Línea de la Vida 800 911 2000 a mano.", "es", ("Vida", "800 911 2000")),
    ],
)  # fmt: skip
def test_things_stay(text: str, lang: Lang, words: tuple[str, ...]) -> None:
    left = deidentify(text, lang, None, load_tagger(), accept=True).text
    assert left is not None
    assert all(word in left for word in words)


@pytest.mark.parametrize(
    ("text", "lang", "name"),
    [
        ("She met a Maria at the bar and ate with her.", "en", "Maria"),
        ("Dr Granny Smith saw her at home.", "en", "Smith"),
        ("Dr. Pepper saw him on Monday.", "en", "Pepper"),
        ("Saw Mr Bean in clinic.", "en", "Bean"),
        ("MR Wheelwright is the carer.", "en", "Wheelwright"),
        ("DR Baker and MS Cook reviewed him.", "en", "Baker"),
        ("Sertraline continued. MR Strong agrees.", "en", "Strong"),
        ("Don PETERS called.", "en", "PETERS"),
        ("Drank with Mr Bean, his neighbour.", "en", "Bean"),
        ("He drank Mr Carter's whisky.", "en", "Carter"),
        ("Eats with Oyinkan every day.", "en", "Oyinkan"),
        ("Patient: Forrest Gump Okafor, seen at home.", "en", "Okafor"),
        ("dr wells saw wells at home", "en", "wells"),
        ("ms mary rose was seen at home", "en", "rose"),
        ("mr john banks and the team", "en", "banks"),
        ("met hope today. hope said she slept", "en", "hope"),
        ("Her friend Victoria baked a sponge.", "en", "Victoria"),
        ("stanley brought a knife to the ward", "en", "stanley"),
        ("She left Korean Peninsula behind and moved to Korean Peninsula.", "en", "Peninsula"),
        ("Oyinkan made tea.", "en", "Oyinkan"),
        ("Vive con la beb\u00e9 Guadalupe y su t\u00eda.", "es", "Guadalupe"),
        ("Habla de Silvio todo el d\u00eda con su hermana.", "es", "Silvio"),
        ("La noche de San Juan no durmió.", "es", "San Juan"),
        ("Reviewed at St. Anthony's hospital.", "en", "Anthony"),
        ("Her mother's number is 116 123 4567.", "en", "116"),
        ("Con TI 1.122.507.331, acude sola.", "es", "331"),
        ("Ingresa el 19 set. 2024.", "es", "2024"),
        ("Ingresa el 19 set. 2024.", "es", "19"),
    ],
)
def test_people_beside_things_go(text: str, lang: Lang, name: str) -> None:
    left = deidentify(text, lang, None, load_tagger(), accept=True).text
    assert left is not None
    assert name not in left


@pytest.mark.parametrize("source", ["known", "names:title", "names:label", "rule:address"])
def test_a_mark_that_does_not_rest_on_looks_holds(source: str) -> None:
    text = "He drank a Ferrari cocktail."
    span = Span(text.index("Ferrari"), text.index("Ferrari") + 7, Kind.PERSON, 0.9, source)
    tokens = tokens_of(text, "en")
    assert without_things([span], tokens, lexicon("en"), blind=False) == [span]
    seen = Span(span.start, span.end, Kind.PERSON, 0.9, "tagger")
    assert without_things([seen], tokens, lexicon("en"), blind=False) == []
