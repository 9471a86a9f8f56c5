"""`euthymia audit` from the shell: one JSON object, words, and refusals that say how to mend it."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from euthymia.app.cli import cli, main


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "days.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["who", "ill", "steps", "sex", "score"])
        for i in range(60):
            out.writerow([f"p{i}", i % 2, round(rng.normal(), 3), "fm"[i % 3 == 0], 0.5])
    return path


def _asked(path, *more):
    return ["audit", str(path), "--outcome", "ill", "--person", "who", *more]


def test_one_json_object(rows):
    shown = CliRunner().invoke(cli, [*_asked(rows), "--score", "score", "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert found["people"] == 60
    assert found["model"]["what"] == "the probabilities of the table"
    assert found["model"]["auc"]["estimate"] == 0.5
    assert {"confounds", "fairness", "row_split", "drift", "treatment", "findings"} <= set(found)
    assert found["row_split"]["inflation"] is None  # one row a person


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (lambda p: _asked(p.with_name("none.csv")), "no file none.csv"),
        (lambda p: ["audit", str(p), "--outcome", "il"], "days.csv has no column il; did you mean"),
        (lambda p: _asked(p, "--score", "steps"), "days.csv, column steps: predictions must be"),
        (lambda p: _asked(p, "--threshold", "1.5"), "between 0 and 1"),
        (lambda p: ["audit", str(p), "--outcome", "who"], "--positive VALUE"),
    ],
)
def test_refusals_name_file_column_and_fix(rows, line, says, capsys):
    assert main(line(rows)) == 1
    assert says in capsys.readouterr().err


def test_without_an_outcome_it_is_wrong_usage(rows, capsys):
    assert main(["audit", str(rows)]) == 2
    assert "--outcome" in capsys.readouterr().err
