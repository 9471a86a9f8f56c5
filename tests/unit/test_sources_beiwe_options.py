"""Answers of Beiwe's surveys: the options of both apps, and those that hold a semicolon."""

from pathlib import Path
from typing import Any

from reading import assert_accounted, read, rejects, samples_of

HEAD = "question id,question type,question text,question answer options,answer\n"


def _answers(folder: Path, *lines: str) -> tuple[dict[str, Any], list[str]]:
    path = folder / "p1" / "survey_answers" / "s1" / "2024-05-01 10_05_00+00_00.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD + "\n".join(lines) + "\n")
    [(reading, items)] = read(folder)
    assert_accounted(reading, items)
    rows = samples_of(items, "momentary_answers").to_pylist()
    return {row["question"]: row["answer"] for row in rows}, rejects(items)


def test_an_androids_checkboxes_are_one_answer_an_option(tmp_path: Path) -> None:
    found, refused = _answers(
        tmp_path,
        "a,Checkbox Question,What?,[walk; read; swim],[walk; swim]",
        "b,Checkbox Question,What?,[walk; read],NO_ANSWER_SELECTED",
        "c,Radio Button Question,How?,[never; often],often",
        "d,Info Text Box,Hello,,",
    )
    assert found == {"a.0": 1.0, "a.1": 0.0, "a.2": 1.0, "b": None, "c": 1.0, "d": None}
    assert refused == []


def test_a_semicolon_within_an_option_moves_no_other(tmp_path: Path) -> None:
    found, refused = _answers(
        tmp_path,
        "a,radio_button,How?,[No; not at all;Maybe;Yes],Maybe",
        "b,checkbox,What?,[No; not at all;Maybe;Yes],[No; not at all]",
        "c,Radio Button Question,How?,[one; two;; three],three",
        "d,Radio Button Question,How?,[one; two;; three],2",
    )
    assert found == {"a": 1.0, "b.0": 1.0, "b.1": 0.0, "b.2": 0.0, "d": 2.0}
    assert len(refused) == 1
    assert "cannot be told" in refused[0]
