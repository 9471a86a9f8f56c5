"""`euthymia deid` at the command line: text in, text or a refusal out; help from the store."""

import json
from pathlib import Path

import pytest

from euthymia.app.cli import main
from real import DATA, needs_data


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_note_comes_out_with_tags_or_surrogates(tmp_path: Path, capsys) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Mrs Ana Ruiz was seen on 3 May 2024. Hamilton 18.\n", "utf-8")
    code, out = told(capsys, "deid", str(note))
    assert code == 0
    assert out["text"] == "Mrs [PERSON] was seen on [DATE]. Hamilton 18.\n"
    assert {s["kind"] for s in out["spans"]} == {"PERSON", "DATE"}
    code, out = told(capsys, "deid", str(note), "--mode", "surrogates")
    assert code == 0
    assert "Ruiz" not in out["text"]
    assert out["text"].endswith("Hamilton 18.\n")


def test_known_facts_come_from_a_file(tmp_path: Path, capsys) -> None:
    note, known = tmp_path / "note.txt", tmp_path / "known.json"
    note.write_text("Asked about zorblat again.", "utf-8")
    known.write_text('{"names": ["Zorblat"]}', "utf-8")
    code, out = told(capsys, "deid", str(note), "--lang", "en", "--known", str(known))
    assert code == 0
    assert out["text"] == "Asked about [PERSON] again."
    known.write_text('{"naems": ["Zorblat"]}', "utf-8")
    code, out = told(capsys, "deid", str(note), "--known", str(known))
    assert code == 1
    assert "unknown key" in out["error"]
    known.write_text('{"names":\n ["Zorblat"\n}', "utf-8")
    code, out = told(capsys, "deid", str(note), "--known", str(known))
    assert code == 1
    assert "--known is not JSON: correct line 3" in out["error"]
    assert "Zorblat" not in out["error"]
    known.write_bytes('{"names": "José"}'.encode("latin-1"))
    code, out = told(capsys, "deid", str(note), "--known", str(known))
    assert code == 1
    assert "--known is not a text in UTF-8" in out["error"]


def test_what_is_unsure_is_withheld_until_a_person_accepts(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from euthymia.app import deid
    from euthymia.gateway.deid.contract import Kind, Span

    class Unsure:
        def spans(self, text: str, lang: str) -> list[Span]:
            at = text.index("naranja")
            return [Span(at, at + 7, Kind.ORGANISATION, 0.5, "tagger")]

    monkeypatch.setattr(deid, "load_tagger", Unsure)
    note = tmp_path / "note.txt"
    note.write_text("La paciente trabaja con naranja hoy.", "utf-8")
    code, out = told(capsys, "deid", str(note), "--lang", "es")
    assert code == 1
    assert out["needs_review"] is True
    assert out["text"] is None
    assert [s["kind"] for s in out["uncertain"]] == ["ORGANISATION"]
    code, out = told(capsys, "deid", str(note), "--lang", "es", "--accept")
    assert code == 0
    assert out["text"] == "La paciente trabaja con [ORGANISATION] hoy."
    main(["deid", str(note), "--lang", "es", "--review"])
    assert "<<naranja>>" in capsys.readouterr().out


def test_what_is_no_text_is_refused_in_words(tmp_path: Path, capsys) -> None:
    binary = tmp_path / "note.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    good, missing = tmp_path / "good.txt", tmp_path / "missing.txt"
    good.write_text("Calm.", "utf-8")
    for wrong, reason in (
        (binary, "is not a text in UTF-8: convert it first"),
        (missing, "is not there"),
        (tmp_path, "is a folder: name its files"),
    ):
        code, out = told(capsys, "deid", str(good), str(wrong))
        assert code == 1
        assert f"file 2 {reason}" in out["error"]  # which of the two
        assert wrong.name not in out["error"]  # often a person's


@needs_data
@pytest.mark.slow
def test_the_figures_hold_on_notes_that_the_rules_were_not_made_on(capsys) -> None:
    code, out = told(capsys, "deid", "--evaluate", str(DATA / "deid" / "meddocan" / "dev.tar.gz"))
    assert code == 0
    assert out["recall_direct"] >= 0.99
    assert out["leak_free"] >= 0.90
    assert out["over_redaction"] <= 0.02
    assert set(out) >= {"traps_damaged", "worst_origin_gap", "notes_per_second", "by_type"}


def test_several_notes_are_told_apart(tmp_path: Path, capsys) -> None:
    notes = [tmp_path / name for name in ("a.txt", "b.txt")]
    for note in notes:
        note.write_text("Mrs Ana Ruiz was seen.\n", "utf-8")
    assert main(["deid", *map(str, notes)]) == 0
    parts = [f"==> {note} <==\nMrs [PERSON] was seen.\n" for note in notes]
    assert capsys.readouterr().out == "\n".join(parts) + "\n"


def test_a_passage_in_another_language_is_said_to_be_one(tmp_path: Path, capsys) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Ihr Bruder Malte ruft jeden Abend an, weil sie nicht mehr schläft.", "utf-8")
    code, out = told(capsys, "deid", str(note))
    assert (code, out["text"]) == (1, None)
    assert [s["kind"] for s in out["uncertain"]] == ["PASSAGE"]
    assert main(["deid", str(note)]) == 1
    shown = capsys.readouterr().out
    assert "neither English nor Spanish" in shown
    assert "Malte" not in shown
    assert told(capsys, "deid", str(note), "--accept")[1]["text"] == "[PASSAGE]"
