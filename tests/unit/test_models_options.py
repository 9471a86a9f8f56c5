"""What a patient's page shows of a ranking and of a certificate."""

import json

import numpy as np
import pytest

from euthymia.evaluation.estimate import Estimate
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models import tables
from euthymia.models.matching.certificate import read_certificate
from euthymia.models.matching.certify import certify
from euthymia.models.matching.evidence import read_table
from euthymia.models.matching.forest import forest_gain
from euthymia.models.matching.options import options
from euthymia.models.matching.rank import rank_network
from euthymia.models.matching.trial_table import Question, read_trial
from euthymia.models.matching.wishes import Wishes


@pytest.fixture
def ranking():
    table = tables.read_frame(
        {
            "study": ["a", "a", "b", "b"],
            "treatment": ["placebo", "one", "placebo", "two"],
            "outcome": ["response"] * 4,
            "events": [30, 48, 28, 40],
            "n": [100, 100, 90, 90],
            "condition": ["depression"] * 4,
        }
    )
    wishes = Wishes(avoid=("itching",), contraindicated=("two",))
    return rank_network(read_table(table, "t", "depression"), wishes)


def test_options_are_words_and_say_what_was_not_considered(ranking):
    shown = options([ranking])
    (body,) = shown.bodies
    assert [c.treatment for c in body.choices] == ["one"]
    assert "in 100 get much better" in body.choices[0].expect[0]
    assert body.ruled_out == ("two",)
    assert body.not_considered[0].startswith("itching")
    assert shown.treatments == ("one", "two")
    assert shown.effects == ("sexual dysfunction", "weight gain")
    assert not shown.rule.certified
    assert "has been tested" in shown.rule.headline


def small_trial():
    rng = np.random.default_rng(1)
    arm = np.array(["usual", "new"])[rng.integers(0, 2, 80)]
    return {"a": rng.standard_normal(80), "arm": arm, "y": rng.standard_normal(80)}


def test_a_refusal_is_shown_as_one(ranking, tmp_path):
    refused = certify(small_trial(), outcome="y", treatment="arm", better="higher")
    rule = options([ranking], refused).rule
    assert not rule.certified
    assert "refused" in rule.headline
    assert refused.best_arm in rule.headline
    assert {name for name, _, _ in rule.checks} >= {"honest gain", "permutation", "design"}
    file = tmp_path / "certificate.json"  # as `euthymia certify --json` prints it
    file.write_text(json.dumps(refused.to_dict()), encoding="utf-8")
    assert options([ranking], read_certificate(file)).rule == rule
    file.write_text('{"certified": true}', encoding="utf-8")
    with pytest.raises(SchemaError, match="write it anew"):
        read_certificate(file)


def test_a_forest_is_only_beside_and_its_absence_is_told():
    read = read_trial(tables.read_frame(small_trial()), Question("y", "arm", "higher"), "the table")
    try:
        import econml  # noqa: F401
    except ImportError:
        with pytest.raises(MissingError, match=r"install -e .\.\[forest\]"):
            forest_gain(read.trial, folds=2, seed=1)
    else:
        assert isinstance(forest_gain(read.trial, folds=2, seed=1).figure(), Estimate)
