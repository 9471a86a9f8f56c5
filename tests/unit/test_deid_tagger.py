"""The tagger's file is what its card says, and its spans are the same however they are computed."""

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import onnx
import pytest

from euthymia.gateway.deid import tagger as tagger_module
from euthymia.gateway.deid.contract import Kind, Tagger
from euthymia.gateway.deid.tagger import OnnxTagger
from euthymia.ground.errors import IntegrityError, MissingError
from euthymia.simulate.clinical_text import held_out

FOLDER = Path(str(resources.files("euthymia.gateway.deid")))
NOTE = (
    "Ms Halima Tesfaye (DOB 14/03/1988) was seen on 02/05/2024 with her sister Rahel.\n"
    "Lives at 41 Harrow Street, Leeds. Phone 0113 496 0182. Hamilton 17, Beck 21.\n"
    "Plan: sertraline 100 mg, review by Dr Lindgren in two weeks.\n"
)


@pytest.fixture(scope="module")
def tagger() -> OnnxTagger:
    return OnnxTagger.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for ending in ("onnx", "json"):
        shutil.copy(FOLDER / f"tagger.{ending}", tmp_path)
    return tmp_path / "tagger.onnx"


def write_card(weights: Path) -> None:
    card = {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    weights.with_suffix(".json").write_text(json.dumps(card))


def test_it_is_a_tagger_of_the_contract(tagger: OnnxTagger) -> None:
    typed: Tagger = tagger
    assert typed.spans(NOTE, "en")


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_flipped_bit_of_the_weights_is_refused(copy: Path, part: float) -> None:
    raw = bytearray(copy.read_bytes())
    raw[int(part * (len(raw) - 1))] ^= 1
    copy.write_bytes(raw)
    with pytest.raises(IntegrityError, match="not those of its card"):
        OnnxTagger.load(copy)


def test_cut_weights_are_refused(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        OnnxTagger.load(copy)


@pytest.mark.parametrize("card", ["", "[]", "{}", '{"sha256": 1}', "\x00"])
def test_a_damaged_card_is_refused(copy: Path, card: str) -> None:
    copy.with_suffix(".json").write_text(card)
    with pytest.raises(IntegrityError):
        OnnxTagger.load(copy)


@pytest.mark.parametrize("ending", [".onnx", ".json"])
def test_a_missing_file_is_named(copy: Path, ending: str) -> None:
    copy.with_suffix(ending).unlink()
    with pytest.raises(MissingError, match="weights or card are missing"):
        OnnxTagger.load(copy)


def test_another_network_with_a_right_digest_is_refused(copy: Path) -> None:
    model = onnx.load(copy)
    del model.metadata_props[:]
    onnx.save(model, copy)
    write_card(copy)
    with pytest.raises(IntegrityError, match="not a tagger"):
        OnnxTagger.load(copy)


def test_bytes_that_are_no_network_are_refused(copy: Path) -> None:
    copy.write_bytes(b"not a network")
    write_card(copy)
    with pytest.raises(IntegrityError, match="not a tagger"):
        OnnxTagger.load(copy)


def test_the_file_is_small_plain_and_complete() -> None:
    raw = (FOLDER / "tagger.onnx").read_bytes()
    model = onnx.load_from_string(raw)
    assert len(raw) < 8_000_000
    assert {entry.domain for entry in model.opset_import} <= {""}
    assert {node.domain for node in model.graph.node} == {""}
    assert not any(weight.external_data for weight in model.graph.initializer)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["kinds"].split() == [k.value for k in Kind if k is not Kind.PASSAGE]


def test_the_card_says_what_it_was_trained_on() -> None:
    card = json.loads((FOLDER / "tagger.json").read_text(encoding="utf-8"))
    assert card["bytes"] == (FOLDER / "tagger.onnx").stat().st_size
    assert {"seed", "epochs", "notes", "rate", "torch"} <= set(card["training"])
    text = json.dumps(card["trained_on"])
    assert "CC BY 4.0" in text
    assert all({"what", "licence"} <= set(entry) for entry in card["trained_on"])


def test_the_same_text_gives_the_same_spans(tagger: OnnxTagger) -> None:
    again = OnnxTagger.load()
    assert tagger.spans(NOTE, "en") == tagger.spans(NOTE, "en") == again.spans(NOTE, "en")


def test_threads_share_one_tagger(tagger: OnnxTagger) -> None:
    texts = [passage.text for passage in held_out(2, per_origin=4)]
    alone = [tagger.spans(text, "en") for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: tagger.spans(text, "en"), texts)) == alone


def test_pieces_of_a_long_text_give_what_the_whole_gives(
    tagger: OnnxTagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(passage.text for passage in held_out(3, per_origin=6))
    whole = tagger.spans(text, "en")
    monkeypatch.setattr(tagger_module, "_CHUNK", 37)
    pieces = tagger.spans(text, "en")
    assert [(s.start, s.end, s.kind) for s in pieces] == [(s.start, s.end, s.kind) for s in whole]
    assert [s.confidence for s in pieces] == pytest.approx([s.confidence for s in whole], abs=1e-4)


def test_a_lower_floor_only_adds_characters(tagger: OnnxTagger) -> None:
    for passage in held_out(4, per_origin=3):
        covered = []
        for floor in (0.8, 0.5, 0.2):
            places: set[int] = set()
            for span in tagger.spans(passage.text, passage.lang, floor=floor):  # type: ignore[arg-type]
                places.update(range(span.start, span.end))
            covered.append({at for at in places if passage.text[at].isalnum()})
        assert covered[0] <= covered[1] <= covered[2]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n\n", "\x00", "\ud800", "a" * 200_000, "\u0301" * 5_000, "1" * 100_000,
        "²" * 100,
        "ß" * 9_999, "." * 20_000, "é\u0301" * 3000, "😀" * 5000, "מִרְיָם " * 500, "a1" * 20_000,
    ],
)  # fmt: skip
def test_hostile_text_is_survived(tagger: OnnxTagger, text: str) -> None:
    for span in tagger.spans(text, "es"):
        assert 0 <= span.start < span.end <= len(text)


def test_an_unknown_language_is_read_as_english(tagger: OnnxTagger) -> None:
    assert tagger.spans(NOTE, "xx") == tagger.spans(NOTE, "en")  # type: ignore[arg-type]


def test_the_network_sees_each_word_once_and_a_few_at_the_seams(tagger: OnnxTagger) -> None:
    words = 30_001
    seen: list[int] = []

    class Counted:
        def run(self, names: None, given: dict[str, Any]) -> Any:
            seen.append(len(given["ids"]))
            return tagger._session.run(names, given)

    counted = OnnxTagger(Counted(), tagger._kinds, tagger._common)
    counted.spans("a " * words, "en")
    pieces = -(-words // tagger_module._CHUNK)
    assert len(seen) == pieces
    assert max(seen) <= tagger_module._CHUNK + 2 * tagger_module._REACH
    assert sum(seen) == words + 2 * tagger_module._REACH * (pieces - 1) - (
        tagger_module._REACH - (words - 1) % tagger_module._CHUNK - 1
    )
