"""What is noticed when a table is read as a trial."""

import numpy as np
import pytest

from euthymia.ground.errors import SchemaError
from euthymia.models import tables
from euthymia.models.matching.permute import _deal
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
    noisy = read(columns)
    assert noisy.people == 50
    assert "a" not in reasons(noisy)  # a copy with noise is no later measurement


def test_a_trial_that_is_there_twice_with_noise_is_read_as_once():
    rng = np.random.default_rng(4)
    once = frame(200) | {"c": rng.standard_normal(200)}
    columns = {
        k: np.r_[v, v + 0.02 * rng.standard_normal(200)] if v.dtype.kind == "f" else np.r_[v, v]
        for k, v in once.items()
    }
    found = read(columns)
    assert 200 <= found.people <= 205
    assert reasons(found) == {}


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


@pytest.mark.parametrize(
    ("outcome", "event", "states"),
    [
        ("time", "status", 3),  # censored, transplanted, dead
        ("futime", "fustat", 2),
        ("TimeToWorsening", "worsening", 2),
    ],
)
def test_times_and_what_ended_them_are_known_by_many_names(outcome, event, states):
    columns = frame()
    columns[outcome] = columns.pop("y") + 10
    columns[event] = np.arange(200) % states
    found = read(columns, Question(outcome, "arm", "higher"))
    assert found.cut_short == event


def test_a_state_in_words_is_no_event():
    columns = frame() | {"status": np.array(["married", "single", "divorced"] * 67)[:200]}
    columns["days"] = columns.pop("y") + 10
    found = read(columns, Question("days", "arm", "higher"))
    assert not found.cut_short
    assert "status" in found.covariates


def test_what_the_outcome_was_cut_from_or_was_cut_from_it_restates_it():
    columns = frame()
    rng = np.random.default_rng(5)
    grade = rng.integers(1, 7, 200)
    columns["y"] = (grade >= 4).astype(float)
    columns |= {
        "grade": grade,
        "in words": np.array(["", "worst", "better", "bad", "good", "dead", "best"])[grade],
        "only well": np.where((grade >= 4) & (rng.random(200) < 0.3), "good", "fair"),
    }
    said = reasons(read(columns))
    assert said == {"grade": "restates the outcome", "in words": "restates the outcome"}
    columns = frame()
    columns["third"] = np.digitize(columns["y"], [-0.4, 0.4])
    assert reasons(read(columns)) == {"third": "restates the outcome"}


def test_people_who_had_both_arms_are_compared_with_themselves():
    one = frame(100)
    columns = {k: np.repeat(v, 2) for k, v in one.items()} | {"id": np.repeat(range(100), 2)}
    columns["arm"] = np.tile(["usual", "new"], 100)
    columns["y"] = np.random.default_rng(3).standard_normal(200)
    found = read(columns)
    assert found.people == 100
    assert found.covariates == ("a", "b")
    dealt = _deal(found.trial, None, None, np.random.default_rng(1)).reshape(100, 2)
    assert np.all(dealt.sum(axis=1) == 1)
    assert 20 < dealt[:, 0].sum() < 80


def test_one_person_who_had_both_arms_leaves_the_others_to_be_dealt_anew():
    columns = frame() | {"id": np.r_[0, np.arange(199)]}
    columns["arm"] = np.tile(["usual", "new"], 100)
    trial = read(columns, Question("y", "arm", "higher", person="id", covariates=("a", "b"))).trial
    dealt = _deal(trial, None, None, np.random.default_rng(1))
    assert sorted(dealt[:2]) == [0, 1]
    assert sorted(dealt) == sorted(trial.arm[0])
    assert 60 < (dealt != trial.arm[0]).sum() < 140


def test_one_enrolled_twice_does_not_take_those_who_moved_apart():
    one = frame(200)
    moved = np.r_[np.arange(200), np.arange(40)]
    columns = {k: np.asarray(v)[moved] for k, v in one.items()} | {"id": moved}
    columns["site"] = np.r_[np.arange(200) % 4, (np.arange(40) + 1) % 4].astype(str)
    columns["y"] = np.random.default_rng(3).standard_normal(240)
    columns["arm"][200] = "new" if columns["arm"][0] == "usual" else "usual"
    asked = Question("y", "arm", "higher", site="site", person="id")
    assert read(columns, asked).people == 200


def test_a_rare_band_of_a_strong_baseline_restates_nothing():
    rng = np.random.default_rng(2)
    columns = frame(300)
    columns["a"] = rng.standard_normal(300)
    columns["y"] = 0.95 * columns["a"] + np.sqrt(1 - 0.95**2) * rng.standard_normal(300)
    columns["heavy"] = np.where(columns["a"] >= np.sort(columns["a"])[-9], "yes", "no")
    assert "heavy" in read(columns).covariates
    columns["heavy"] = np.where(columns["y"] >= np.sort(columns["y"])[-9], "yes", "no")
    assert reasons(read(columns)) == {"heavy": "restates the outcome"}


def test_a_column_without_a_value_is_left_out_without_a_warning():
    columns = frame() | {"empty": np.full(200, np.nan)}
    assert reasons(read(columns)) == {"empty": "does not vary"}


def test_whole_numbers_too_large_for_an_integer_are_read():
    columns = frame()
    columns["c"] = np.round(np.random.default_rng(4).uniform(1, 5, 200)) * 1e20
    assert "c" in read(columns).covariates


def test_identifiers_given_anew_at_each_site_are_told_apart_by_arms():
    columns = {k: np.repeat(v, 2) for k, v in frame(100).items()}
    columns |= {"id": np.repeat(np.arange(100) % 50, 2), "site": np.repeat(["n", "s"], 100)}
    asked = Question("y", "arm", "higher", site="site", person="id")
    found = read(columns, asked)
    assert found.people == 100
    assert any("given anew" in note for note in found.notes)
    columns["arm"] = np.tile(["usual", "new"], 100)  # both at each site: nothing tells
    columns["a"] = np.repeat(np.tile(columns["a"][:100:2], 2), 2)
    assert read(columns, asked).people == 50


def test_where_no_covariate_is_left_each_is_said():
    columns = {k: np.repeat(v, 2) for k, v in frame(100).items()} | {"id": np.repeat(range(100), 2)}
    columns["a"], columns["b"] = np.random.default_rng(3).standard_normal((2, 200))
    with pytest.raises(SchemaError, match="a changes within a person"):
        read(columns)
