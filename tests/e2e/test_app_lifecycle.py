"""Models after training, through a clinic: what the ledger holds, what is refused or marked."""

import json

import pytest

from euthymia.app import lifecycle
from euthymia.app.cli import main
from euthymia.app.training import list_models, release_model
from euthymia.ground.errors import EuthymiaError, MissingError, SchemaError
from small_clinic import TASK, copied_clinic, give_features, trained

PLAN = """
task = "relapse-30d"
version = 1
purpose = "Follow the clinic's patients as they change."
approved_by = "the model board"
approved_on = 2026-01-10
review_by = 2027-01-10
if_not_met = "The model in use stays in use."
monitoring = "Calibration once a month."
[allowed]
data = true
[protocol]
evidence = true
least_people = 100
"""


def _quiet(_done, _total):
    return None


@pytest.fixture
def clinic(tmp_path):
    with copied_clinic(tmp_path) as opened:
        opened.registry.add(trained(seed=2))
        yield opened


def _actions(clinic):
    return [line.action for line in clinic.ledger.entries()]


def test_a_shadow_is_asked_and_counted_and_shown_to_nobody(clinic):
    with pytest.raises(MissingError, match="in the shadow of"):
        lifecycle.run_shadow(clinic, TASK, _quiet)
    give_features(clinic, "MRN-1")
    assert lifecycle.set_shadow(clinic, f"{TASK}@2", "looks better")["state"] == "shadow"
    found = lifecycle.run_shadow(clinic, TASK, _quiet)
    assert found["shadow"] == f"{TASK}@2"
    assert found["asked"] == 3  # MRN-3 never allowed monitoring
    assert found["both_answered"] == 1  # only of MRN-1 is enough known
    assert found["live_silent"] == found["shadow_silent"] == 2
    assert found["synthetic"]
    line = [line for line in clinic.ledger.entries() if line.action == "shadow run"][-1]
    assert line.subject is None
    assert line.detail["shadow"] == f"{TASK}@2"
    states = {m["model"]: m["state"] for m in list_models(clinic)}
    assert states == {f"{TASK}@1": "released", f"{TASK}@2": "shadow"}


def test_a_challenge_says_that_it_is_too_early_and_keeps_the_shadow_runs(clinic, tmp_path):
    lifecycle.set_shadow(clinic, f"{TASK}@2", "")
    lifecycle.run_shadow(clinic, TASK, _quiet)
    report = tmp_path / "challenge.html"
    found = lifecycle.challenge(clinic, TASK, "", seed=1, report=report, progress=_quiet)
    assert found["verdict"] == "too early to say"
    html = report.read_text()
    assert "Runs in the shadow" in html
    assert "SIMULATED DATA" in html
    assert "compare models" in _actions(clinic)


def test_rolling_back_is_written_down(clinic):
    release_model(clinic, f"{TASK}@2")
    found = lifecycle.roll_back(clinic, TASK, "two relapses were missed")
    assert (found["model"], found["in_place_of"]) == (f"{TASK}@1", f"{TASK}@2")
    line = [line for line in clinic.ledger.entries() if line.action == "roll back model"][-1]
    assert line.detail["because"] == "two relapses were missed"
    assert clinic.registry.load_released(TASK)[0].version == 1


def test_a_plan_in_force_holds_a_release_until_a_reason_is_given(clinic, tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    assert lifecycle.held_against_plan(clinic, f"{TASK}@2")["plan"] is None
    assert lifecycle.adopt_plan(clinic, file)["version"] == 1
    with pytest.raises(EuthymiaError, match="is in force: a new one"):
        lifecycle.adopt_plan(clinic, file)
    held = lifecycle.held_against_plan(clinic, f"{TASK}@2")
    assert held["changes"] == ["data"]
    assert any("8 people, and the plan asks for 100" in line for line in held["outside"])
    with pytest.raises(EuthymiaError, match="outside version 1 of the change-control plan"):
        release_model(clinic, f"{TASK}@2")
    assert clinic.registry.load_released(TASK)[0].version == 1
    released = release_model(clinic, f"{TASK}@2", "an emergency, signed by the board")
    assert released["plan"] == 1
    assert "8 people" in released["outside_plan"]
    file.write_text(PLAN.replace("version = 1", "version = 2").replace("= 100", "= 1"))
    lifecycle.adopt_plan(clinic, file)
    assert lifecycle.plan_in_force(clinic, TASK)[0].version == 2
    file.write_text("x" * 40_000)
    with pytest.raises(SchemaError, match="longer than a plan"):
        lifecycle.adopt_plan(clinic, file)


def test_the_commands_speak_json_and_mark_what_is_simulated(clinic, tmp_path, capsys):
    home = str(clinic.home.path)
    clinic.close()

    def run(*words):
        code = main(["--home", home, *words])
        return code, capsys.readouterr().out

    card = json.loads(run("model-card", f"{TASK}@2", "--json")[1])
    assert card["synthetic"]
    assert {item["checklist"] for item in card["self_audit"]} == {"TRIPOD+AI", "PROBAST+AI"}
    for command in (("model-card", f"{TASK}@2"), ("shadow", f"{TASK}@2"), ("models",)):
        code, said = run(*command)
        assert code == 0
        assert "SIMULATED" in said
    assert run("rollback", TASK, "--because", "x")[0] == 1
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    plan = json.loads(run("change-plan", "check", str(file), "--json")[1])
    assert plan["protocol"]["least_people"] == 100
    file.write_text("task = 3")
    assert run("change-plan", "check", str(file))[0] in {1, 2}
    listed = json.loads(run("models", "--json")[1])
    assert all(m["synthetic"] for m in listed["models"])


def test_drift_right_after_the_release_is_too_early_to_say(clinic, capsys):
    home = str(clinic.home.path)
    clinic.close()
    assert main(["--home", home, "drift", TASK, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "too early to say"
    assert found["model"] == f"{TASK}@1"
    assert found["asked"] == {
        "answers": 0, "silent": 0, "mean_probability": None, "put_forward": 0
    }  # fmt: skip
    assert main(["--home", home, "drift", TASK]) == 0
    assert "SIMULATED" in capsys.readouterr().out
    assert main(["--home", home, "drift", TASK, "--since", "2100-01-01"]) == 1
    assert "--since lies in the future" in capsys.readouterr().err
    assert main(["--home", home, "drift", "no-model"]) == 1
