"""The text that measures de-identification: identifiers stand where it says, and it is unseen."""

import importlib.util
import re
from pathlib import Path

import pytest

from euthymia.gateway.deid.contract import Kind
from euthymia.simulate import clinical_text
from euthymia.simulate.clinical_text import fill, held_out, located, origins, traps

TRAINING = Path(__file__).parents[2] / "training" / "deid"


def test_the_same_seed_gives_the_same_text() -> None:
    assert held_out(5, per_origin=4) == held_out(5, per_origin=4)
    assert held_out(5, per_origin=4) != held_out(6, per_origin=4)


def test_spans_are_inside_in_order_and_of_known_kinds() -> None:
    kinds = {kind.value for kind in Kind}
    for passage in held_out(7, per_origin=80) + traps(7):
        last = 0
        for start, end, kind in passage.spans:
            assert last <= start < end <= len(passage.text)
            assert kind in kinds
            assert passage.text[start:end].strip() == passage.text[start:end]
            last = end
        assert "{" not in passage.text
        assert "<" not in passage.text


def test_origins_differ_in_names_alone() -> None:
    by_origin = {origin: [] for origin in origins()}
    for passage in held_out(8, per_origin=40):
        rest, at = [], 0
        for start, end, kind in passage.spans:
            rest.append(passage.text[at : start if kind == "PERSON" else end])
            at = end
        by_origin[passage.origin].append((passage.family, *rest, passage.text[at:]))
    first, *others = by_origin.values()
    assert len(by_origin) == 12
    assert all(other == first for other in others)


def test_each_letter_case_and_language_is_there() -> None:
    passages = held_out(1, per_origin=40)
    assert {passage.lang for passage in passages} == {"en", "es"}
    assert any(passage.text.islower() for passage in passages)
    assert any(passage.text.isupper() for passage in passages)


def test_marked_words_of_traps_are_people() -> None:
    people = [passage for passage in traps() if passage.spans]
    assert {p.text[a:b].lower() for p in people for a, b, _ in p.spans} >= {"hope", "beck", "rosa"}


def test_fill_keeps_places() -> None:
    text, pieces = fill("a {x} <Bo> c", lambda name: ((name.upper(), "ID"), ("!", None)))
    assert text == "a X! Bo c"
    assert located(pieces) == ((2, 3, "ID"), (5, 7, "PERSON"))


@pytest.mark.parametrize("lang", ["en", "es"])
def test_no_shape_is_trained_on(lang: str) -> None:
    def bare(shape: str) -> str:
        return re.sub(r"\W+", " ", re.sub(r"\{[^}]*\}|<[^>]*>", "_", shape)).lower().strip()

    lines = (TRAINING / f"templates_{lang}.txt").read_text(encoding="utf-8").splitlines()
    trained = {bare(line.replace("\\n", "\n")) for line in lines}
    shapes = clinical_text._read("held_out_text.toml")
    mine = shapes[lang]["templates"] + shapes["traps"][lang] + shapes["traps"][f"{lang}_people"]
    assert not [shape for shape in mine if bare(shape) in trained]


def test_the_trainer_leaves_these_names_out() -> None:
    spec = importlib.util.spec_from_file_location("training_names", TRAINING / "names.py")
    assert spec is not None
    assert spec.loader is not None
    names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(names)
    held = names.held_out_words()
    assert {"oluwaseun", "ngozi", "xiaoling", "al-qahtani", "qahtani", "zbigniew"} <= held
    for origin in origins():
        for part in clinical_text.names(origin):
            long = [name for name in part if len(name) > 3]
            assert names.unseen(long, held) == []
    assert names.unseen(["Maria", "Ngozi Maria", "ngozi"], held) == ["Maria"]


EPONYMS = """
    Capgras Fregoli Hoover Romberg Stanford Wechsler Hashimoto Raynaud Zung Rosenberg Edinburgh
    Cotard Ekbom Ganser Rorschach Addenbrooke Barthel Charcot Friedreich Winnicott Freud Sydenham
    Crohn Colles Francis Mallory Korsakoff Latuda Wellbutrin Zoloft Ativan Trankimazin Lexatin
"""


@pytest.mark.parametrize("word", EPONYMS.split())
def test_these_eponyms_and_drugs_are_not_trained_on(word: str) -> None:
    for name in ("vocabulary.toml", "templates_en.txt", "templates_es.txt"):
        assert word not in (TRAINING / name).read_text(encoding="utf-8")
