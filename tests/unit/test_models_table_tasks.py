"""Tasks on plain tables: formulas, look-ahead refused when declared, rows, guesses, task files."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from euthymia import models
from euthymia.ground.errors import MissingError, SchemaError, SourceError
from euthymia.models import expressions
from euthymia.models.audits.finding import verdict
from euthymia.models.on_tables import table_task
from euthymia.models.plain_task import plain_task
from euthymia.models.table_audit import table_findings
from euthymia.models.table_frame import PlainRows, VisitRows, table_frame
from euthymia.models.tables import read_frame
from euthymia.models.task_file import read_task, task_of
from euthymia.models.tasks import table_tasks, tasks
from euthymia.models.tasks.table import Predictor

NAN = float("nan")
WIDE = {
    "id": ["a", "b", "c", "d"],
    "arm": ["drug", None, "placebo", "drug"],
    "sex": [1, 2, 2, None],
    "age": [29, 30, 61, None],
    "w1": [1.0, None, 3.0, 0.0],
    "w2": [2.0, 5.0, None, 0.0],
    "bdi.pre": [10.0, 20.0, 30.0, 0.0],
}
LONG = {
    "who": ["b", "a", "a", "b", "c"],
    "week": [0, 0, 6, 12, 6],
    "score": [5.0, 3.0, 4.0, 9.0, 1.0],
    "sex": ["f", "m", "m", None, "f"],
}


def _wide(formula):
    return expressions.number(formula, PlainRows(read_frame(WIDE), "t"))


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("w1 + 2 * w2 - 1", [4, NAN, NAN, -1]),
        ("w1 / w2", [0.5, NAN, NAN, NAN]),
        ("-w1", [-1, NAN, -3, 0]),
        ("1 < w2 <= 5", [1, 1, NAN, 0]),
        ("w1 > 0 or w2 > 0", [1, 1, 1, 0]),
        ("w1 > 2 and w2 > 2", [0, NAN, NAN, 0]),
        ("not w1", [0, NAN, 0, 1]),
        ('arm == "drug"', [1, NAN, 0, 1]),
        ('arm != "drug"', [0, NAN, 1, 0]),
        ("last(w1, w2)", [2, 5, 3, 0]),
        ("first(w1, w2)", [1, 5, 3, 0]),
        ("highest(w1, w2) - lowest(w1, w2)", [1, 0, 0, 0]),
        ("any(w1, w2)", [1, 1, 1, 0]),
        ("all(w1, w2)", [1, 1, 1, 0]),
        ("mean(w1, w2) + total(w1, w2)", [4.5, 10, 6, 0]),
        ("known(w1, w2)", [2, 1, 1, 2]),
        ("abs(w1 - w2)", [1, NAN, NAN, 0]),
        ("bdi.pre >= 20", [0, 1, 1, 0]),
        ('col("bdi.pre") / 10', [1, 2, 3, 0]),
    ],
)
def test_formulas_are_evaluated_and_keep_what_is_not_known(formula, wanted):
    np.testing.assert_equal(_wide(formula), np.array(wanted, float))


def test_formulas_give_words():
    rows = PlainRows(read_frame(WIDE), "t")
    said = expressions.text('words(sex, {1: "men", 2: "women"})', rows)
    assert said.tolist() == ["men", "women", "women", ""]
    banded = expressions.text("band(age, 30, 60)", rows)
    assert banded.tolist() == ["under 30", "30 to 59", "60 and over", ""]
    assert expressions.text("w1", rows).tolist() == ["1", "", "3", "0"]
    assert expressions.text("w1 > 2", rows).tolist() == ["0", "", "1", "0"]


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "w1.__class__",
        "[x for x in w1]",
        "lambda: 1",
        "w1 if w2 else 0",
        "w1 ** 99999",
        "open('x')",
        "w1 @ w2",
        "'words'",
        "known()",
        "w1 in (1, 2)",
        "f'{w1}'",
        "w1 +",
        "any(*w1)",
        "last(w1, key=2)",
    ],
)
def test_anything_else_is_no_formula(formula):
    with pytest.raises(SchemaError):
        _wide(formula)


def test_a_table_of_visits_gives_one_row_a_person():
    rows = VisitRows(read_frame(LONG), "who", "week", "t")
    assert rows.people.tolist() == ["a", "b", "c"]
    with pytest.raises(SchemaError, match=r'no formula: .* col\("bdi\.8m"\) <= 9'):
        expressions.reads("bdi.8m <= 9")
    np.testing.assert_equal(expressions.number("score @ 6", rows), [4, NAN, 1])
    np.testing.assert_equal(expressions.number("last(score @ (0, 6, 12))", rows), [4, 9, 1])
    assert expressions.text("sex", rows).tolist() == ["m", "f", "f"]
    with pytest.raises(SchemaError, match="differs between visits"):
        expressions.number("score", rows)
    with pytest.raises(SchemaError, match="several visits"):
        expressions.number("score @ (0, 6)", rows)
    twice = {**LONG, "week": [0, 0, 0, 12, 6]}
    with pytest.raises(SchemaError, match="rows 2 and 3 are one person's at one visit"):
        expressions.number("score @ 0", VisitRows(read_frame(twice), "who", "week", "t"))


def test_looking_ahead_is_refused_when_a_task_is_declared():
    task = table_tasks()["trial-panss-response"]
    late = (*task.features, Predictor("late", "Late", "1", value="Week4 - Week2"))
    with pytest.raises(SchemaError, match="measured on day 28, after the prediction on day 14"):
        replace(task, features=late)
    with pytest.raises(SchemaError, match="nothing is left to predict"):
        replace(task, label="Week2_bin")
    early = task.at(7, "week 1")
    assert {spec.name for spec in early.features} == {"Week1", "Week1_bin", "Treat"}
    assert early.rule is None
    assert early.name == "trial-panss-response@week-1"


@pytest.mark.parametrize("name", sorted(table_tasks()))
def test_every_table_task_says_what_it_must(name):
    task = table_tasks()[name]
    for text in (task.outcome, task.population, task.censoring, task.intended_use, task.title):
        assert len(text) > 10
    assert task.not_for
    names = {spec.name for spec in task.features}
    for chosen in [*task.feature_sets.values(), *task.baselines.values()]:
        assert set(chosen) <= names
    assert 0 < task.threshold < 1
    assert set(tasks()).isdisjoint(table_tasks())


def _trial(n=200, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return {
        "pid": np.arange(n) + 1,
        "centre": [f"c{i % 4}" for i in range(n)],
        "sex": np.where(rng.random(n) < 0.5, "f", "m").tolist(),
        "age": rng.integers(18, 80, n),
        "x": x,
        "same": np.ones(n),
        "remark": [f"word {i}" for i in range(n)],
        "seen": np.datetime64("2020-01-01") + np.arange(n),
        "well": np.where(rng.random(n) < 1 / (1 + np.exp(-1.5 * x)), "Yes", "No").tolist(),
    }


def test_a_task_is_made_of_a_table_and_an_outcome():
    table = read_frame(_trial())
    task, left = plain_task(table, outcome="well", site="centre")
    assert {c.column: c.why for c in left} == {
        "pid": "names rows",
        "same": "the same for everybody",
        "remark": "more than 12 different words",
        "seen": "a date: what the calendar says is no trait of a person",
    }
    assert [f.name for f in task.features] == ["sex=f", "age", "x"] or [
        f.name for f in task.features
    ] == ["sex=m", "age", "x"]
    assert set(task.groups) == {"sex", "age band"}
    assert set(task.metadata) == {"site"}
    frame = table_frame(task, table)
    assert frame.y.mean() == pytest.approx(np.mean([w == "Yes" for w in _trial()["well"]]))
    assert np.unique(frame.site).tolist() == ["c0", "c1", "c2", "c3"]


def test_an_outcome_may_be_a_formula_or_a_value():
    table = read_frame({**_trial(), "arm": ["a", "b"] * 100})
    task, _ = plain_task(table, outcome="x >= 1 and age < 60", features=("sex",))
    assert table_frame(task, table).y.sum() > 5
    task, _ = plain_task(table, outcome="arm", positive="b", person="pid")
    assert table_frame(task, table).y.mean() == 0.5
    with pytest.raises(SchemaError, match=r"200 different values\. Say which counts"):
        plain_task(table, outcome="remark")
    with pytest.raises(SchemaError, match="no row has the value"):
        plain_task(table, outcome="arm", positive="z")
    with pytest.raises(SchemaError, match="has no column gone"):
        plain_task(table, outcome="gone")
    with pytest.raises(SchemaError, match="both a predictor and"):
        plain_task(table, outcome="arm", positive="a", features=("arm",))


def test_a_column_that_is_called_a_site_is_one_unless_it_is_a_feature():
    rows = _trial()
    table = read_frame(rows)
    task, left = plain_task(table, outcome="well", person="pid")
    assert task.site == "centre"
    assert "centre" in {c.column for c in left}
    assert not any(f.name.startswith("centre") for f in task.features)
    assert plain_task(table, outcome="well", site="sex")[0].site == "sex"
    assert plain_task(table, outcome="well", features=("x", "centre"))[0].site == ""
    alone = read_frame(rows | {"centre": [f"c{i}" for i in range(len(rows["x"]))]})
    assert plain_task(alone, outcome="well")[0].site == ""  # everybody has a centre of their own


def test_a_model_is_judged_on_a_plain_table():
    table = pl.DataFrame({name: v for name, v in _trial().items() if name != "centre"})
    asked = {"outcome": "well", "person": "pid", "features": ("x", "age", "sex")}
    trained = models.train_outcome(table, **asked, seed=2, workload=20)
    assert trained.task == plain_task(read_frame(table), **asked)[0]
    assert trained.metrics["auc"].beats_chance()
    assert trained.audits["sites"]["verdict"].startswith("not externally tested")
    assert "Not externally tested" in trained.report_html
    seen = {name: trained.metrics[f"{name}_at_workload"] for name in ("ppv", "sensitivity")}
    assert seen["sensitivity"].chance == 0.2
    assert seen["ppv"].beats_chance()
    assert "looks at the 20 of 100 index dates" in trained.report_html
    assert trained.audits["columns"]["verdict"] != "not evidence until mended"


def test_a_planted_leak_is_found_unasked():
    rows = _trial()
    rng = np.random.default_rng(1)
    rows["discharge_code"] = np.array([w == "Yes" for w in rows["well"]]) * 4.0 + rng.random(200)
    table = read_frame(rows)
    task, _ = plain_task(table, outcome="well", person="pid")
    found = table_findings(task, table_frame(task, table), table, seed=1)
    assert verdict(found.findings) == "not evidence until mended"
    assert any("discharge_code" in f.columns for f in found.findings)


def _collected(seed=3, n=150):
    """Return a table of noise: the device and the gaps of a column tell who is well."""
    rng = np.random.default_rng(seed)
    well = rng.integers(0, 2, n)
    lithium = np.where((well == 1) & (rng.random(n) < 0.7), NAN, rng.normal(size=n).round(3))
    return {
        "pid": [f"p{i}" for i in rng.permutation(n)],
        "device": np.where(rng.random(n) < np.where(well == 1, 0.9, 0.1), "a", "b").tolist(),
        "seen": np.datetime64("2020-01-01") + rng.integers(0, 300, n),
        "x": rng.normal(size=n).round(3),
        "lithium": lithium,
        "well": well,
    }


def test_how_an_undeclared_table_was_collected_is_asked_unasked():
    table = read_frame(_collected())
    task, left = plain_task(table, outcome="well", person="pid")
    assert [c.column for c in left] == ["seen"]
    found = table_findings(task, table_frame(task, table), table, seed=1)
    assert {"device", "lithium is missing"} <= set(found.signs)
    assert found.silent > 0
    assert not any("seen" in name for name in found.signs)
    assert {"device", "lithium"} <= {c for f in found.findings for c in f.columns}


def test_signs_are_of_the_rows_that_were_kept():
    rows = _collected()
    rows["well"] = np.where(np.arange(150) < 60, NAN, rows["well"])
    table = read_frame(rows)
    task, _ = plain_task(table, outcome="well", person="pid")
    frame = table_frame(task, table)
    found = table_findings(task, frame, table, seed=1)
    assert found.signs["device"].tolist() == rows["device"][60:]
    assert frame.y.size == 90


def test_a_task_of_the_store_runs_on_a_table():
    task = table_task("relapse-30d")
    assert task.label == "outcome"
    assert len(task.features) == len(tasks()["relapse-30d"].features)
    with pytest.raises(MissingError, match="no such task"):
        table_task("nothing")


FILE = """
name = "mine"
label = "last(w2, w4) <= 5"
person = "id"
index_day = 7
days = { w1 = 7, w2 = 14, w4 = 28 }
features = ["age", { name = "fall", value = "w1 - w0", title = "Fall", low = -50, high = 50 }]
[feature_sets]
all = ["age", "fall"]
[rule]
title = "better at week 1"
formula = "w1 <= 0.8 * w0"
"""


def test_a_task_file_declares_a_task(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    task = read_task(path)
    assert [spec.formula for spec in task.predictors] == ["col('age')", "w1 - w0"]
    assert task.rule.title == "better at week 1"
    path.write_text(FILE.replace("index_day = 7", "index_day = 0"))
    with pytest.raises(SchemaError, match="looking ahead"):
        read_task(path)
    path.write_text(FILE + "[oops]\n")
    with pytest.raises(SchemaError, match="oops is no key"):
        read_task(path)
    path.write_text("name = ")
    with pytest.raises(SourceError, match=r"mine\.toml"):
        read_task(path)
    with pytest.raises(SchemaError, match="needs label"):
        task_of({"name": "x"}, where="t")
    with pytest.raises(SchemaError, match="other keys"):
        task_of({"name": "x", "label": "y", "features": [{"name": "a", "tilte": "b"}]}, where="t")


def test_a_task_file_without_a_threshold_is_not_said_to_have_one():
    said = {"name": "t", "label": "y", "features": ["a"]}
    assert task_of(said, where="t").threshold_rule == "0.50, as none was declared."
    found = task_of(said | {"threshold": 0.3}, where="t")
    assert found.threshold_rule == "0.3, as the task file says."


def test_a_threshold_that_is_no_number_is_refused_in_words():
    said = {"name": "t", "label": "y", "features": ["a"], "threshold": "0.3"}
    with pytest.raises(SchemaError, match="threshold is no number"):
        task_of(said, where="t")
