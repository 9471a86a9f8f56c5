"""What is noticed when a table is read as a trial."""

import numpy as np
import pytest

from euthymia.ground.errors import SchemaError
from euthymia.models import tables
from euthymia.models.matching.trial_table import Question, read_trial

ASKED = Question("y", "arm", "higher")


def frame(n=200, seed=1):
    rng = np.random.default_rng(seed)
    return {
        "a": rng.standard_normal(n),
        "b": rng.standard_normal(n),
        "arm": np.array(["usual", "new"])[rng.integers(0, 2, n)],
        "y": rng.standard_normal(n),
    }


def read(columns, asked=ASKED):
    return read_trial(tables.read_frame(columns), asked, "the table")


def reasons(found):
    return dict(found.left_out)


def test_columns_that_must_not_inform_a_rule_are_left_out_and_named():
    columns = frame()
    arm = (columns["arm"] == "new").astype(float)
    rng = np.random.default_rng(2)
    columns |= {
        "number": np.arange(200),
        "log_y": np.exp(columns["y"]),
        "dose": arm * 3 + 0.1 * rng.standard_normal(200),
        "flat": np.ones(200),
        "name": [f"n{i}" for i in range(200)],
        "holes": np.where(rng.random(200) < 0.6, np.nan, columns["a"]),
    }
    found = read(columns)
    said = reasons(found)
    assert "numbers the rows" in said["number"]
    assert said["log_y"] == "restates the outcome"
    assert "differs between arms" in said["dose"]
    assert said["flat"] == "does not vary"
    assert "different values" in said["name"]
    assert "missing" in said["holes"]
    assert found.covariates == ("a", "b")
    assert found.suspect == ("dose",)


def test_a_repeated_identifier_makes_rows_one_persons():
    columns = {k: np.repeat(v, 2) for k, v in frame(100).items()} | {"id": np.repeat(range(100), 2)}
    found = read(columns)
    assert found.people == 100
    assert any("column id repeats" in note for note in found.notes)


def test_copies_of_rows_are_one_persons():
    columns = {k: np.tile(v, 2) for k, v in frame(100).items()} | {"id": np.arange(200)}
    found = read(columns)
    assert found.people == 100
    assert any("100 rows repeat" in note for note in found.notes)


def test_categories_and_missing_values_become_columns():
    columns = frame()
    rng = np.random.default_rng(3)
    columns["sex"] = rng.choice(["f", "m", None], 200, p=[0.5, 0.4, 0.1])
    columns["a"] = np.where(rng.random(200) < 0.1, np.nan, columns["a"])
    found = read(columns)
    assert set(found.columns) == {"a", "a is not known", "b", "sex is m", "sex is not known"}
    assert not np.isnan(found.trial.x).any()
    assert found.trial.x.std(axis=0) == pytest.approx(np.ones(5))


def test_lower_is_better_turns_the_outcome():
    columns = frame()
    turned = read(columns, Question("y", "arm", "lower"))
    assert np.array_equal(turned.trial.y, -read(columns).trial.y)


def test_rows_without_treatment_are_told():
    columns = frame()
    columns["arm"] = [None, "", *columns["arm"][2:]]
    found = read(columns)
    assert found.trial.rows == 198
    assert any("2 rows without a treatment" in note for note in found.notes)


def test_treatment_by_site_makes_sites_the_units():
    columns = frame()
    site = np.arange(200) % 10
    columns |= {"site": site, "arm": np.where(site < 5, "usual", "new")}
    found = read(columns, Question("y", "arm", "higher", site="site"))
    assert found.clustered
    assert np.unique(found.trial.person).size == 10
    assert found.people == 200


def test_chances_of_treatment():
    columns = frame()
    assert read(columns).trial.propensity[0].sum() == pytest.approx(1)
    known = read(columns, Question("y", "arm", "higher", propensity=0.3)).trial.propensity
    assert known[0] == pytest.approx([0.7, 0.3])
    assert (
        read(columns, Question("y", "arm", "higher", propensity="estimate")).trial.propensity
        is None
    )
    columns["p"] = np.full(200, 0.4)
    given = read(columns, Question("y", "arm", "higher", propensity="p"))
    assert given.trial.propensity[0] == pytest.approx([0.6, 0.4])
    assert "p" not in given.covariates
    columns["p"] = np.full(200, 1.4)
    with pytest.raises(SchemaError, match="between 0 and 1"):
        read(columns, Question("y", "arm", "higher", propensity="p"))


def test_an_error_names_no_value():
    columns = frame()
    columns["y"] = ["secret", *map(str, columns["y"][1:])]
    with pytest.raises(SchemaError) as told:
        read(columns)
    assert "secret" not in str(told.value)


def test_what_changes_within_a_person_or_makes_up_the_outcome_is_noticed():
    columns = {k: np.repeat(v, 2) for k, v in frame(100).items()} | {"id": np.repeat(range(100), 2)}
    columns["visit"] = np.tile([1, 2], 100)
    assert reasons(read(columns))["visit"] == "changes within a person: not a baseline"
    columns = frame()
    columns["after"] = columns["y"] + columns["a"]
    assert read(columns).determined
    assert not read(frame()).determined


def test_too_many_columns_are_refused():
    rng = np.random.default_rng(1)
    columns = frame() | {f"v{k}": rng.standard_normal(200) for k in range(90)}
    with pytest.raises(SchemaError, match="name those that a rule may use"):
        read(columns)


def test_two_sites_that_gave_one_arm_each_answer_nothing():
    columns = frame()
    columns |= {"site": np.where(columns["arm"] == "new", "north", "south")}
    with pytest.raises(SchemaError, match="2 independent units"):
        read(columns, Question("y", "arm", "higher", site="site"))


def test_many_copies_with_fresh_numbers_and_a_little_noise_are_one_persons():
    rng = np.random.default_rng(4)
    columns = {k: np.tile(v, 10) for k, v in frame(50).items()}
    assert read(columns).people == 50
    columns["case"] = 7 + 3 * np.arange(500)
    found = read(columns)
    assert found.people == 50
    assert reasons(found)["case"] == "names or numbers the rows"
    columns["a"] = columns["a"] + 1e-4 * rng.standard_normal(500)
    columns["case"] = rng.permutation(10**6)[:500]
    assert read(columns).people == 50


def test_two_people_who_are_too_alike_are_one():
    columns = frame()
    rng = np.random.default_rng(5)
    for name in ("a", "b", "y"):
        columns[name] = np.append(columns[name], columns[name][7] + 1e-6 * rng.standard_normal())
    columns["arm"] = np.append(columns["arm"], columns["arm"][7])
    found = read(columns)
    assert found.people == 200
    assert any("1 people are too alike" in note for note in found.notes)


def test_people_of_few_values_are_no_copies():
    rng = np.random.default_rng(6)
    columns = {
        "sex": rng.choice(["f", "m"], 300),
        "age": rng.integers(20, 30, 300),
        "arm": rng.choice(["usual", "new"], 300),
        "y": rng.integers(0, 6, 300),
    }
    assert read(columns).people == 300


def test_a_confounder_is_adjusted_for_unless_the_arms_share_nobody():
    rng = np.random.default_rng(7)
    columns = frame(1500)
    columns["arm"] = np.where(rng.random(1500) < 1 / (1 + np.exp(-2 * columns["a"])), "new", "old")
    asked = Question("y", "arm", "higher", propensity="estimate")
    found = read(columns, asked)
    assert "a" in found.covariates
    assert not found.suspect
    assert read(columns).suspect == ("a",)
    columns["dose"] = np.where(columns["arm"] == "new", 3.0, 1.0) + 0.1 * rng.standard_normal(1500)
    assert read(columns, asked).suspect == ("dose",)


def test_times_that_were_cut_short_and_events_are_noticed():
    columns = frame()
    columns["time_to_relapse"] = columns.pop("y") + 10
    columns["CENSOR"] = np.arange(200) % 7 // 6
    found = read(columns, Question("time_to_relapse", "arm", "higher"))
    assert found.cut_short == "CENSOR"
    assert "an event" in reasons(found)["CENSOR"]
    columns["CENSOR"] = np.ones(200)
    assert not read(columns, Question("time_to_relapse", "arm", "higher")).cut_short
