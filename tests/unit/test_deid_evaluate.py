"""The figures of de-identification, on marks small enough to count by hand."""

import json
import tarfile
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.evaluate import evaluate, harmed, printed
from euthymia.gateway.deid.gold import Mark, Marked, read_gold
from euthymia.ground.errors import SchemaError, SourceError

NOTES = [
    Marked("a", "Ana came home", "en", (Mark(0, 3, "PERSON", direct=True),)),
    Marked("b", "Bob left now", "en", (Mark(0, 3, "PERSON", direct=True),)),
    Marked("c", "calm and well", "en", ()),
]


def found(text: str, lang: str) -> tuple[list[Span], bool]:
    spans = {"Ana": [Span(0, 3, Kind.PERSON)], "Bob": [Span(1, 3, Kind.PERSON)]}
    return spans.get(text[:3], [Span(0, 4, Kind.PERSON)]), text.startswith("Bob")


def test_figures_are_counted_as_they_say() -> None:
    out = evaluate(NOTES, found, probes=False)
    assert out["recall_direct"] == pytest.approx(5 / 6)
    assert out["leak_free"] == pytest.approx(1 / 2)
    assert out["over_redaction"] == pytest.approx(1 / 7)
    assert out["needs_review"] == pytest.approx(1 / 3)
    assert out["by_type"]["PERSON"] == {
        "characters": 6, "recall": pytest.approx(5 / 6), "spans": 2, "spans_whole": 0.5
    }  # fmt: skip
    low, high = out["leak_free_95"]
    assert low <= 0.5 <= high
    assert "leak free" in printed(out)
    assert evaluate(NOTES, found, probes=False)["leak_free_95"] == [low, high]


def test_a_trap_is_harmed_outside_its_marks_only() -> None:
    assert not harmed(NOTES[0], [(0, 3)])
    assert not harmed(NOTES[0], [(0, 4)])
    assert harmed(NOTES[0], [(0, 5)])


def test_brat_folders_and_archives_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "gold"
    folder.mkdir()
    (folder / "n.txt").write_text("Edad: 94 años. Ana, 40 años, Lactante", "utf-8")
    lines = [
        "T1\tEDAD_SUJETO_ASISTENCIA 6 13\t94 años",
        "T2\tNOMBRE_SUJETO_ASISTENCIA 15 18\tAna",
        "T3\tEDAD_SUJETO_ASISTENCIA 20 27\t40 años",
        "T4\tID_SUJETO_ASISTENCIA 29 37\tLactante",
        "#1\tx",
    ]
    (folder / "n.ann").write_text("\n".join(lines), "utf-8")
    (note,) = read_gold(folder)
    assert [m.direct for m in note.marks] == [True, True, False, False]
    with tarfile.open(tmp_path / "gold.tar.gz", "w:gz") as archive:
        archive.add(folder, "deep/gold")
    assert read_gold(tmp_path / "gold.tar.gz") == [note]
    (folder / "n.ann").unlink()
    with pytest.raises(SchemaError, match="needs an"):
        read_gold(folder)


def test_json_lists_are_read_and_wrong_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.json"
    row = {
        "full_text": "Ana",
        "spans": [{"entity_type": "PERSON", "start_position": 0, "end_position": 3}],
    }
    path.write_text(json.dumps([row]), "utf-8")
    assert read_gold(path)[0].marks == (Mark(0, 3, "PERSON", direct=True),)
    row["spans"][0]["end_position"] = 9
    path.write_text(json.dumps([row]), "utf-8")
    with pytest.raises(SchemaError, match="outside"):
        read_gold(path)
    path.write_text('[{"text": 1}]', "utf-8")
    with pytest.raises(SchemaError, match="must look like"):
        read_gold(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("T2 NOMBRE 0 3 Ana", "no tab, label and offsets"),
        ("T2", "no tab, label and offsets"),
        ("T2\tNOMBRE", "no tab, label and offsets"),
        ("T2\tNOMBRE zero 3\tAna", "not a whole number"),
        ("T2\tNOMBRE 0 3;4\tAna", "an offset is missing"),
        ("T2\tNOMBRE 0 99\tAna", "outside"),
    ],
)
def test_a_wrong_line_of_marks_is_refused_with_its_file_and_line(
    tmp_path: Path, line: str, told: str
) -> None:
    (tmp_path / "n.txt").write_text("Ana came", "utf-8")
    (tmp_path / "n.ann").write_text(f"T1\tNOMBRE 0 3\tAna\n{line}\n", "utf-8")
    with pytest.raises(SchemaError, match=rf"^n\.ann line 2: .*{told}"):
        read_gold(tmp_path)


def test_hidden_files_are_passed_over_and_other_encodings_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("Ana came", "utf-8")
    (tmp_path / "n.ann").write_text("\ufeffT1\tNOMBRE 0 3\tAna\r\n", "utf-8")
    (tmp_path / "._n.txt").write_bytes(b"\x00\x05\xff")
    assert [m.label for m in read_gold(tmp_path)[0].marks] == ["NOMBRE"]
    (tmp_path / "n.txt").write_bytes("Ana came.\nJosé too".encode("latin-1"))
    with pytest.raises(SchemaError, match=r"^n\.txt line 2: .*convert"):
        read_gold(tmp_path)


def test_lines_of_json_are_read_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"full_text": "Ana", "spans": []}\n\n', "utf-8")
    assert [n.text for n in read_gold(path)] == ["Ana"]
    for wrong, told in (("{", "not JSON"), ("7", "must look like")):
        path.write_text(f'{{"full_text": "Ana", "spans": []}}\n{wrong}\n', "utf-8")
        with pytest.raises(SchemaError, match=rf"^gold\.jsonl line 2: .*{told}"):
            read_gold(path)
    path = tmp_path / "gold.json"
    for wrong, told in (("[]", "no marked text"), ("[\n{]", "line 2: not JSON"), ("{}", "a list")):
        path.write_text(wrong, "utf-8")
        with pytest.raises(SchemaError, match=rf"gold\.json.* {told}"):
            read_gold(path)


@pytest.mark.parametrize("kept", [0.4, 0.7, 0.9])
@pytest.mark.parametrize("mode", ["w:gz", "w", "w:xz", "w:bz2"])
def test_an_archive_that_is_cut_short_is_refused_in_words(
    tmp_path: Path, mode: str, kept: float
) -> None:
    note = b"Ana " + Random(1).randbytes(3000).hex().encode()
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, mode) as archive:
        for name, data in (("a.ann", b"T1\tN 0 3\tAna"), ("a.txt", note)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    assert len(read_gold(whole)) == 1
    packed = whole.read_bytes()
    end = len(packed) if mode != "w" else 1536 + len(note)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(packed[: int(kept * end)])
    with pytest.raises(SourceError, match=r"cut short or damaged|not a folder or archive"):
        read_gold(cut)
