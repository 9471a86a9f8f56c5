"""Certificates: what is refused, what is certified, what is noticed in the table."""

import json

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
