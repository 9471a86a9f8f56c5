"""Week by week on a trial whose truth is known: what is shown, what is not, and for whom."""

import json

import numpy as np
import pytest

from euthymia.app.cli import main
from euthymia.ground.errors import SchemaError
from euthymia.models.task_file import task_of
from euthymia.models.updating.page import render
from euthymia.models.updating.weeks import CHANGE, GO_ON, OPEN, STRANGE, thresholds, update

TASK = """
name = "made-up"
label = "end >= 1"
person = "id"
site = "centre"
index_day = 14
days = { w1 = 7, w2 = 14, better2 = 14, end = 42 }
features = [
    "start",
    { name = "w1", low = -40, high = 40 },
    { name = "w2", low = -40, high = 40 },
]
[feature_sets]
start = ["start"]
weeks = ["start", "w1", "w2"]
[rule]
title = "better at week 2"
formula = "better2"
[moments]
"the start" = 0
"week 2" = 14
"""


def _trial(n=240, seed=2):
    """Response hangs on the state at week 2; the start tells nothing."""
    rng = np.random.default_rng(seed)
    state = rng.normal(size=n)
    w1 = np.round(4 * state + 6 * rng.normal(size=n))
    w2 = np.round(8 * state + 4 * rng.normal(size=n))
    end = rng.random(n) < 1 / (1 + np.exp(-2.2 * state))
    return {
        "id": np.arange(n),
        "centre": [f"c{i % 10}" for i in range(n)],
        "start": rng.integers(15, 40, n),
        "w1": w1,
        "w2": w2,
        "better2": (w2 > 6).astype(int),
        "end": end.astype(int),
    }


def _task():
    import tomllib

    return task_of(tomllib.loads(TASK), where="made-up")


@pytest.fixture(scope="module")
def found():
    return update(_task(), _trial(), seed=1)


def test_what_is_known_by_each_moment_is_all_that_is_used(found):
    assert [m.title for m in found.moments] == ["the start", "week 2"]
    assert found.moments[0].frame.names == ("start",)
    assert found.moments[0].signal == "no signal shown"
    assert found.moments[0].rule == ()
    assert found.moments[1].signal == "predicts"
    assert found.moments[1].figures["auc"].estimate > 0.75
    assert found.moments[1].external
    assert found.moments[1].how.startswith("each of 10 sites left out in turn")


def test_the_rule_is_met_at_every_threshold(found):
    points = found.moments[1].rule
    assert len(points) == 2 * thresholds(found.task).size == 22
    assert {p.action for p in points} == {GO_ON, CHANGE}
    for point in points:
        assert point.policy > min(point.rule, point.model) - 0.03
        assert point.by in {"model", "rule"}
    # a rule that is far too strict is beaten where its threshold is not the clinic's
    assert any(p.by == "model" and p.gain.low > 0 for p in points)
    assert "net benefit" in found.moments[1].beats_rule


def test_coverage_is_as_promised(found):
    check = found.moments[1].uncertainty.check
    assert check.with_event.high > 0.9
    assert check.without_event.high > 0.9
    assert 0.2 < check.definite.estimate < 1


def test_people_are_told_by_what_is_known_of_them(found):
    new = {
        "id": ["good", "bad", "between", "early", "odd"],
        "start": [20, 20, 20, 20, 20],
        "w1": [14.0, -14.0, 0.0, None, 0.0],
        "w2": [18.0, -18.0, 0.0, None, 90.0],
    }
    told = {a.person: a for a in found.advise(new)}
    assert told["good"].words == GO_ON
    assert told["bad"].words == CHANGE
    assert told["between"].words == OPEN
    assert told["early"].moment == "the start"
    assert told["early"].words == OPEN  # nothing was shown to be known then
    assert told["odd"].words == STRANGE


def test_a_task_without_moments_is_refused():
    import tomllib

    said = {k: v for k, v in tomllib.loads(TASK).items() if k != "moments"}
    with pytest.raises(SchemaError, match="has no moments"):
        update(task_of(said, where="x"), _trial())


def test_the_page_says_what_it_must(found):
    page = render(found, synthetic=True)
    assert "SIMULATED DATA" in page
    assert "no signal shown" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "Not externally tested" not in page


def test_the_commands_run_on_a_file(tmp_path, capsys):
    import csv

    table, task = tmp_path / "trial.csv", tmp_path / "task.toml"
    rows = _trial(n=80)
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    task.write_text(TASK)
    asked = ["--data", str(table), "--task-file", str(task), "--json", "--synthetic"]
    assert main(["update", *asked, "--report", str(tmp_path / "u.html")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [m["moment"] for m in said["moments"]] == ["the start", "week 2"]
    assert set(said["moments"][1]["figures"]["auc"]) == {"estimate", "low", "high", "chance"}
    assert (tmp_path / "u.html").read_text().startswith("<!DOCTYPE html>")
    outcome = ["--outcome", "end", "--person", "id", "--site", "centre", "--features", "w1,w2"]
    page = tmp_path / "t.html"
    stated = ["--workload", "20", "--report", str(page)]
    assert main(["train", "--data", str(table), *outcome, *stated, "--json"]) == 0
    assert "looks at the 20 of 100" in page.read_text()
    said = json.loads(capsys.readouterr().out)
    assert said["metrics"]["auc_new_site"]["chance"] == 0.5
    assert main(["train", "--data", str(table), "--outcome", "gone", "--json"]) == 1
    assert "no column gone" in json.loads(capsys.readouterr().out)["error"]
    assert main(["train", "--data", str(table)]) == 2
    capsys.readouterr()
    assert main(["train"]) == 2
    assert "name a TASK" in capsys.readouterr().err
