"""Ranking by evidence: layouts, wishes, contraindications, what is not known."""

import json
import re

import numpy as np
import pytest

from euthymia.app.cli import main
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models import tables
from euthymia.models.matching.evidence import read_evidence, read_table
from euthymia.models.matching.rank import rank, rank_network
from euthymia.models.matching.wishes import Wishes
from real import DATA, needs_data

ARMS = """study,treatment,outcome,events,n,risk_of_bias
a,placebo,response,30,100,low
a,one,response,50,100,low
a,placebo,weight_gain,2,100,low
a,one,weight_gain,20,100,low
b,placebo,response,28,90,low
b,two,response,43,90,low
b,placebo,weight_gain,3,90,low
b,two,weight_gain,3,90,low
c,one,response,58,110,high
c,two,response,50,110,high
"""


@pytest.fixture
def evidence(tmp_path):
    file = tmp_path / "depression_trials.csv"
    file.write_text(ARMS)
    return file


def test_a_wish_changes_the_order_and_says_so(evidence):
    (plain,) = rank("depression", evidence=evidence)
    (wished,) = rank("depression", evidence=evidence, avoid=["weight_gain"])
    assert [o.treatment for o in plain.options] == ["one", "two"]
    assert [o.treatment for o in wished.options] == ["two", "one"]
    assert wished.weights["weight_gain"] == 1.0
    gain = {o.treatment: o.effects["weight_gain"].per_100.estimate for o in wished.options}
    assert gain["one"] > 3 * gain["two"]


def test_placebo_is_no_option_and_contraindicated_is_off_the_list(evidence):
    (found,) = rank("depression", evidence=evidence, contraindicated=["ONE"])
    assert [o.treatment for o in found.options] == ["two"]
    assert found.excluded == ("one",)
    with pytest.raises(SchemaError, match="names one, placebo, two"):
        rank("depression", evidence=evidence, contraindicated=["tow"])


def test_a_wish_that_nothing_speaks_to_is_told(evidence):
    (found,) = rank("depression", evidence=evidence, avoid=["itching"])
    assert [u.wish for u in found.unmet] == ["itching"]


def test_a_liked_treatment_leads_unless_another_is_surely_better(evidence):
    (found,) = rank("depression", evidence=evidence, prefer=["two"])
    assert found.options[0].treatment == "two"


def test_grades_rest_on_the_trials(evidence):
    (found,) = rank("depression", evidence=evidence)
    effect = {o.treatment: o.effects["response"] for o in found.options}["one"]
    assert effect.grade in {"high", "moderate", "low", "very low"}
    levels = {d.name: d.level for d in effect.domains}
    assert levels["risk of bias"] == "some"
    assert levels["indirectness"] == "none"
    assert levels["reporting bias"] == "not judged"


def test_a_grade_is_of_the_interval_that_is_shown():
    """Two trials say nothing of how far trials differ: the interval is wider than theirs."""
    table = {"study": ["a", "b"], "treatment1": ["new"] * 2, "treatment2": ["placebo"] * 2}
    table |= {"outcome": ["improvement"] * 2, "effect": [0.7, 0.4], "error": [0.25, 0.25]}
    pairs = read_table(tables.read_frame(table), "depression pairs", "depression")
    effect = rank_network(pairs, Wishes()).options[0].effects["improvement"]
    levels = {d.name: d.level for d in effect.domains}
    assert -0.2 < effect.effect.low < 0
    assert levels["imprecision"] == "some"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study,treatment\na,b\n", "not a known layout"),
        ("study,treatment,outcome,events,n\na,p,response,5,3\n", "events lie between"),
        ("study,treatment,outcome,events,n\na,p,response,1,3\n", "no trial with two arms|benefit"),
        ("study,treatment,outcome,events,n\na,p,response,1,\n", "row 1: n is at least 1"),
        ("study,treatment,outcome,events,n\na,,response,1,3\n", "treatment, row 1: is empty"),
        (
            "study,treatment,outcome,events,n\na,p,response,1,9\na,p,response,1,9\n",
            "2 repeats row 1",
        ),
        ("study,treatment,outcome,events,n\na,p,severity,1,9\n", "are measured"),
        ("study,treatment1,treatment2,effect,error\na,p,q,1,9\n", "pairs need a column outcome"),
        (
            "study,treatment,outcome,n,events,mean,sd\na,p,pain,9,1,,\na,q,pain,9,,5,2\n",
            "pain is counted in some rows and measured in others",
        ),
    ],
)
def test_a_bad_table_is_refused_in_words(tmp_path, text, words):
    file = tmp_path / "depression.csv"
    file.write_text(text)
    with pytest.raises(SchemaError, match=words):
        rank("depression", evidence=file)


def test_another_condition_is_not_ranked(evidence):
    with pytest.raises(MissingError, match="no evidence on mania"):
        read_evidence(evidence, "mania")


def test_a_hidden_file_is_no_evidence(evidence):
    before = read_evidence(evidence.parent, "depression")
    (evidence.parent / f"._{evidence.name}").write_bytes(b"\0\5\x16\7")  # as a Mac's copy leaves it
    assert read_evidence(evidence.parent, "depression") == before


def test_pairs_and_means_are_layouts_too():
    pairs = tables.read_frame(
        {
            "study": ["a", "b", "c", "c"],
            "treatment1": ["x", "y", "x", "y"],
            "treatment2": ["wait list"] * 4,
            "outcome": ["improvement"] * 4,
            "effect": [0.8, 0.3, 0.9, 0.2],
            "error": [0.2] * 4,
            "condition": ["mania"] * 4,
        }
    )
    found = rank_network(read_table(pairs, "pairs", "mania"), Wishes())
    assert [o.treatment for o in found.options] == ["x", "y"]
    means = tables.read_frame(
        {
            "study": ["a", "a", "b", "b"],
            "treatment": ["x", "placebo", "y", "placebo"],
            "outcome": ["severity"] * 4,
            "n": [50] * 4,
            "mean": [3.0, 5.0, 4.0, 5.0],
            "sd": [2.0] * 4,
            "condition": ["mania"] * 4,
        }
    )
    ranked = rank_network(read_table(means, "means", "mania"), Wishes())
    effect = {o.treatment: o.effects["improvement"].effect.estimate for o in ranked.options}
    assert effect["x"] == pytest.approx(1.0, abs=0.03)
    assert effect["y"] == pytest.approx(0.5, abs=0.03)


def test_variances_under_the_name_of_errors_are_noticed():
    rng = np.random.default_rng(1)
    n = rng.integers(15, 90, 24)
    table = tables.read_frame(
        {
            "study": np.repeat(np.arange(12), 2).astype(str),
            "treatment": ["placebo", "cbt"] * 12,
            "n": n,
            "diff": -0.3 - 0.7 * np.tile([0, 1], 12) + rng.standard_normal(24) / np.sqrt(n),
            "se": 1 / n,
        }
    )
    found = read_table(table, "depression", "depression")
    assert "holds variances" in found.notes[0]
    assert found.outcomes["improvement"].studies[0].covariance[0, 0] > 0.02


def test_command_without_evidence_names_the_format(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUTHYMIA_EVIDENCE", raising=False)
    call = ["rank", "--condition", "depression", "--home", str(tmp_path / "home"), "--json"]
    assert main(call) == 1
    assert "study, treatment, outcome" in json.loads(capsys.readouterr().out)["error"]


def test_command_prints_the_order(evidence, capsys):
    call = ["rank", "--condition", "depression", "--evidence", str(evidence)]
    assert main([*call, "--avoid", "weight_gain", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [o["treatment"] for o in answer["ranking"]] == ["two", "one"]
    assert main(call) == 0
    assert "SUCRA" in capsys.readouterr().out


@needs_data
def test_every_layout_of_the_shared_evidence_is_read():
    found = rank("depression", evidence=DATA / "evidence", avoid=["weight_gain"])
    assert [r.source.split("_")[0] for r in found] == ["linde2015", "lopez2019", "metapsy", "ssri"]
    assert [j.wish for j in found[0].judged] == ["weight_gain"]
    assert found[0].options[-1].treatment == "NaSSa"
    assert "care as usual" not in {o.treatment for o in found[2].options}


def test_a_template_ranks_and_says_that_it_is_made_up(tmp_path, capsys):
    file = tmp_path / "trials.csv"
    assert main(["rank", "--template", str(file)]) == 0
    assert main(["rank", "--template", str(file)]) == 1
    capsys.readouterr()
    call = ["rank", "--evidence", str(file), "--avoid", "weight_gain"]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert "SYNTHETIC: made-up trials, evidence of nothing" in said
    assert "second drug" in said


def test_the_folder_of_the_setting_is_looked_into(tmp_path, evidence, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUTHYMIA_EVIDENCE", raising=False)
    home = tmp_path / "home"
    (home / "evidence").mkdir(parents=True)
    evidence.rename(home / "evidence" / evidence.name)
    assert main(["rank", "--home", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ranking"][0]["treatment"] == "one"
    (home / "euthymia.toml").write_text('[clinic]\nevidence = "/nowhere"\n')
    assert main(["rank", "--home", str(home), "--json"]) == 1
    assert "names /nowhere" in json.loads(capsys.readouterr().out)["error"]


def test_what_lies_beside_a_clinic_is_not_ranked_in_its_name(
    tmp_path, evidence, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUTHYMIA_EVIDENCE", raising=False)
    (tmp_path / "evidence").mkdir(exist_ok=True)
    evidence.rename(tmp_path / "evidence" / evidence.name)
    assert main(["rank", "--home", str(tmp_path / "nowhere"), "--json"]) == 0
    home = tmp_path / "home"
    home.mkdir()
    (home / "euthymia.toml").write_text("[clinic]\n")
    capsys.readouterr()
    assert main(["rank", "--home", str(home), "--json"]) == 1
    assert "there is no evidence yet" in json.loads(capsys.readouterr().out)["error"]


def test_what_a_clinic_accepted_and_somebody_changed_is_not_ranked(
    tmp_path, evidence, capsys, monkeypatch
):
    monkeypatch.delenv("EUTHYMIA_EVIDENCE", raising=False)
    home, call = tmp_path / "home", ["rank", "--home", str(tmp_path / "home"), "--json"]
    assert main(["init", "--home", str(home)]) == 0
    (home / "evidence").mkdir()
    own = evidence.rename(home / "evidence" / evidence.name)
    capsys.readouterr()
    assert main(call) == 0
    assert "nobody" in json.loads(capsys.readouterr().out)["not_accepted"]
    assert main(["init", "--home", str(home)]) == 0
    capsys.readouterr()
    assert main(call) == 0
    assert "not_accepted" not in json.loads(capsys.readouterr().out)
    own.write_text(own.read_text() + "\n")
    assert main(call) == 1
    assert "not as it was accepted" in json.loads(capsys.readouterr().out)["error"]
    assert main([*call, "--evidence", str(own)]) == 0  # named by whoever asks


def test_less_severity_is_better():
    rows = {
        "study": ["a", "a", "b", "b"],
        "treatment": ["drug", "placebo", "Drug ", "Placebo"],
        "outcome": ["Severity"] * 4,
        "n": [50] * 4,
        "mean": [8.0, 12.0, 9.0, 12.5],
        "sd": [5.0] * 4,
        "condition": ["depression"] * 4,
    }
    body = read_table(tables.read_frame(rows), "t", "depression")
    assert body.treatments == ("placebo", "drug")
    assert rank_network(body, Wishes()).options[0].score.low > 0
    pairs = tables.read_frame(
        {
            "study": ["a", "b"],
            "treatment1": ["drug"] * 2,
            "treatment2": ["placebo"] * 2,
            "outcome": ["severity"] * 2,
            "effect": [-0.8, -0.7],
            "error": [0.2, 0.2],
            "condition": ["depression"] * 2,
        }
    )
    found = rank_network(read_table(pairs, "t", "depression"), Wishes())
    assert found.options[0].effects["improvement"].effect.estimate > 0.5


def test_arms_of_one_treatment_are_one_group():
    rng = np.random.default_rng(1)
    low, high, none = rng.normal(3, 1, 40), rng.normal(5, 2, 25), rng.normal(1, 1, 50)
    arms = [("x", low), ("X", high), ("placebo", none)]
    both = np.r_[low, high]
    rows = tables.read_frame(
        {
            "study": ["a"] * 3,
            "treatment": [name for name, _ in arms],
            "outcome": ["improvement"] * 3,
            "n": [values.size for _, values in arms],
            "mean": [values.mean() for _, values in arms],
            "sd": [values.std(ddof=1) for _, values in arms],
        }
    )
    (study,) = read_table(rows, "depression", "depression").outcomes["improvement"].studies
    pooled = np.sqrt((64 * both.var(ddof=1) + 49 * none.var(ddof=1)) / 113)
    expected = (1 - 3 / (4 * 113 - 1)) * (both.mean() - none.mean()) / pooled
    assert abs(study.effect[0]) == pytest.approx(expected)


def test_what_cannot_be_set_against_the_benefit_is_told(tmp_path):
    file = tmp_path / "depression.csv"
    file.write_text(
        "study,treatment,outcome,events,n,mean,sd\n"
        "a,placebo,response,30,100,,\na,one,response,50,100,,\n"
        "b,placebo,response,30,100,,\nb,two,response,45,100,,\n"
        "a,placebo,weight gain,,100,0.1,2\na,one,weight gain,,100,3.1,2\n"
        "b,placebo,weight gain,,100,0.1,2\nb,two,weight gain,,100,0.2,2\n"
        "c,three,response,30,100,,\nc,four,response,50,100,,\n"
    )
    (found,) = rank("depression", evidence=file, avoid=["weight-gain"])
    assert "standardised difference, and cannot be set against response" in found.unmet[0].why
    assert set(found.weights) == {"response"}
    assert any("not ranked: four, three" in note for note in found.notes)
    (keen,) = rank("depression", evidence=file, prefer=["response=2"])
    assert keen.weights == {"response": 3.0}
    for wish, words in (("response", "--prefer"), ("itch=-1", "above 0"), ("itch=nan", "above 0")):
        with pytest.raises(SchemaError, match=words):
            rank("depression", evidence=file, avoid=[wish])


def test_a_clinic_without_evidence_is_told_what_to_get_and_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUTHYMIA_EVIDENCE", raising=False)
    assert main(["--home", str(tmp_path / "home"), "rank", "--condition", "depression"]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "home" / "evidence") in said.replace("\n", "")
    names = re.findall(
        r"^  (\S+\.csv): .*doi:\S+ .*in R: (write.csv\(\S+, FILE)", said, re.MULTILINE
    )
    assert len(names) == 3
    for name, _ in names:  # under that name the reader knows whose it is, and of what
        table = tables.read_frame(
            {
                "study": ["a", "a"],
                "treatment": ["placebo", "one"],
                "outcome": ["response"] * 2,
                "events": [3, 5],
                "n": [9, 9],
            }
        )
        found = read_table(table, name, "depression")
        assert found is not None
        assert "doi:" in found.citation
