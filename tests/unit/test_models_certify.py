"""Certificates: what is refused, what is certified, what is noticed in the table."""

import json
import re

import numpy as np
import pytest

from euthymia.app.cli import main
from euthymia.ground.errors import SchemaError
from euthymia.models.matching.certify import certify


def trial(n=300, gain=0.0, seed=0, arms=2):
    """Return a trial as columns; the planted effect turns with `a`."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n))
    arm = rng.integers(0, arms, n)
    y = 0.5 * a + 0.4 * b + gain * a * (arm - 0.5) + rng.standard_normal(n)
    return {
        "a": a,
        "b": b,
        "arm": np.array(["usual", "new", "other"])[arm],
        "clinic": rng.choice(["north", "south"], n),
        "y": y,
    }


ASKED = {"outcome": "y", "treatment": "arm", "better": "higher"}


def test_a_strong_planted_rule_is_certified_and_noise_is_not():
    found = certify(trial(n=500, gain=1.6), **ASKED, site="clinic")
    assert found.certified, found.why
    assert found.honest_gain.low > 0.2
    assert {s.site for s in found.sites} == {"north", "south"}
    refused = certify(trial(n=150), **ASKED)
    assert not refused.certified
    assert refused.apparent_gain > refused.honest_gain.estimate
    assert "not externally tested" in " ".join(c.said for c in refused.conditions)
    assert refused.needed_n > 150


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "yy"}, "no column yy; did you mean y"),
        ({"treatment": "a"}, "different values"),
        ({"site": "arm"}, "two purposes"),
        ({"covariates": ("y",)}, "another purpose"),
        ({"covariates": ("c",)}, "no column c"),
        ({"propensity": 1.5}, "between 0 and 1"),
    ],
)
def test_a_question_the_table_cannot_answer_is_refused_in_words(change, words):
    with pytest.raises(SchemaError, match=words):
        certify(trial(n=60), **(ASKED | change))


def test_an_outcome_in_words_is_asked_for_the_one_that_counts():
    columns = trial(n=80)
    columns["y"] = np.where(columns["y"] > 0, "1_well", "0_ill")
    with pytest.raises(SchemaError, match="say which counts as 1"):
        certify(columns, **ASKED)
    found = certify(columns, **ASKED, positive="1_well")
    assert 0 < found.outcome_sd <= 0.51


def test_a_site_that_is_not_left_out_does_not_hold(tmp_path, capsys):
    path = tmp_path / "trial.csv"
    columns = trial(n=80)
    rows = zip(columns["a"], columns["arm"], columns["y"], strict=True)
    path.write_text("a,arm,y\n" + "".join(f"{a},{arm},{y}\n" for a, arm, y in rows))
    assert main(["certify", str(path), "--outcome=y", "--treatment=arm", "--better=higher"]) == 0
    assert "leave site out  not asked" in capsys.readouterr().out


def test_a_linear_rule_is_told_by_what_speaks_most_in_it():
    rng = np.random.default_rng(1)
    x, arm = rng.standard_normal((200, 6)), rng.integers(0, 2, 200)
    columns = {f"x{k}": x[:, k] for k in range(6)}
    columns |= {"arm": np.array(["usual", "new"])[arm]}
    columns["y"] = (x[:, :4] @ [2.0, 1.6, -1.8, 1.4]) * (arm - 0.5) + rng.standard_normal(200)
    new, usual = certify(columns, **ASKED).rule
    assert (new.arm, usual.arm) == ("new", "usual")
    assert set(re.findall(r"[+-][\d.]+ (x\d)", new.who)) > {"x0", "x1", "x2", "x3"}
    assert re.search(r"\+[\d.]+ x0", new.who)
    assert re.search(r"-[\d.]+ x2", new.who)
    assert re.search(r"-[\d.]+ x0", usual.who)
    assert new.who.endswith("(per SD from the mean, the largest)")


def test_a_linear_rule_of_three_arms_says_that_the_highest_wins():
    rng = np.random.default_rng(1)
    x, arm = rng.standard_normal((300, 3)), rng.integers(0, 3, 300)
    columns = {f"x{k}": x[:, k] for k in range(3)} | {"arm": np.array(["u", "v", "w"])[arm]}
    columns["y"] = 2 * x[np.arange(300), arm] + rng.standard_normal(300)
    for leaf, own in zip(certify(columns, **ASKED).rule, ("x0", "x1", "x2"), strict=True):
        assert "its linear score is the highest of all arms'" in leaf.who
        said = {c: float(s) for s, c in re.findall(r"([+-][\d.]+) (x\d)", leaf.who)}
        assert max(said, key=said.__getitem__) == own
        assert said[own] > 0.9


def test_too_few_people_is_an_error_that_says_how_many():
    with pytest.raises(SchemaError, match="at least 40 and 10"):
        certify(trial(n=30), **ASKED)


def test_command_prints_the_agreed_keys(tmp_path, capsys):
    import pyarrow as pa
    import pyarrow.csv

    file = tmp_path / "trial.csv"
    pa.csv.write_csv(pa.table(trial(n=120)), file)
    call = ["certify", str(file), "--outcome", "y", "--better", "lower", "--treatment", "arm"]
    assert main([*call, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    wanted = {"certified", "honest_gain", "apparent_gain", "best_arm", "needed_n", "why"}
    assert wanted <= set(answer)
    assert set(answer["honest_gain"]) == {"estimate", "low", "high"}
    assert main(call) == 0
    assert "REFUSED" in capsys.readouterr().out


def test_the_unit_and_the_direction_of_the_outcome_do_not_matter():
    columns = trial(n=90)
    plain = certify(columns, **ASKED)
    turned = certify(columns | {"y": 3 - 5 * columns["y"]}, **(ASKED | {"better": "lower"}))
    assert turned.honest_gain.estimate == pytest.approx(5 * plain.honest_gain.estimate)
    assert turned.permutation_p == plain.permutation_p
    assert turned.needed_n == plain.needed_n


def test_where_no_site_is_left_out_the_reason_is_said():
    columns = trial(n=60)
    one = certify(columns | {"clinic": ["here"] * 60}, **ASKED, site="clinic")
    assert any("there is one site" in c.said for c in one.conditions)
    # ten people had the new arm, five at each clinic: six would have to be left to learn from
    columns["arm"] = np.where(np.arange(60) % 6 == 0, "new", "usual")
    columns["clinic"] = np.where(np.arange(60) < 30, "north", "south")
    none = certify(columns, **ASKED, site="clinic")
    assert none.leave_site_out is None
    assert any("too few would have had some arm" in c.said for c in none.conditions)
