"""`euthymia train --private` and the account, as a person would call them."""

import csv
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import training_clinic
from euthymia import models
from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.app.people import erase_subject
from euthymia.app.privacy import admit_table, change_budget, history
from euthymia.app.training import run_training
from euthymia.models.privacy import training as private
from euthymia.models.privacy.contract import BudgetError, Guarantee
from euthymia.models.privacy.standin import Effort, stand_in
from euthymia.models.table_frame import table_frame
from euthymia.models.tables import read_frame
from euthymia.models.task_file import read_task
from private_runs import TASK, cohort
from small_clinic import NOW, subject_of
from whole_clinic import call, run

NAMES = ("thoughts", "attempt", "cesd", "mcs")


def task_file(path: Path) -> Path:
    specs = {spec.name: spec for spec in TASK.features}
    lines = ['name = "thoughts"', 'label = "outcome"', 'person = "who"', "threshold = 0.3"]
    for name in NAMES:
        lines += ["[[features]]", f'name = "{name}"']
        lines += [f"low = {specs[name].low}", f"high = {specs[name].high}"]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def table(path: Path, people: int = 700, rename: str = "") -> Path:
    frame = cohort(people, seed=4)
    places = [frame.names.index(name) for name in NAMES]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["who", *NAMES, "outcome"])
        for who, x, y in zip(frame.person, frame.x[:, places], frame.y, strict=True):
            rows.writerow([rename + who, *("" if np.isnan(v) else float(v) for v in x), int(y)])
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    quick = Effort(curve=1, heads=2, attacked=6, canaries=2)

    def quickly(beta, people, claim, *, seed, effort):
        return stand_in(beta, people, claim, seed=seed, effort=quick)

    monkeypatch.setattr(private, "stand_in", quickly)
    config = Config(clinic=ClinicConfig(name="Test clinic", simulated=True))
    Clinic.create(tmp_path / "home", config, lambda: NOW).close()
    return tmp_path / "home"


def test_a_table_is_trained_on_until_its_budget_is_spent_whatever_it_is_called(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, page = task_file(tmp_path / "task.toml"), tmp_path / "report.html"
    data = table(tmp_path / "trial.csv")
    asked = ["train", "--task-file", str(task), "--private", "--synthetic", "--epsilon"]
    run(home, "privacy", "budget", "thoughts", "--epsilon", "2")
    made = run(home, *asked, "1.5", "--data", str(data), "--report", str(page))
    assert made["epsilon"] == pytest.approx(1.5, abs=1e-3)
    assert made["metrics"]["auc"]["estimate"] > 0.6
    assert 400 < made["people"] < 720  # noisy: of those who taught
    assert "SIMULATED DATA" in page.read_text()
    [held] = run(home, "privacy")["data_sets"]
    assert (held["data_set"], held["epsilon"]) == (made["data_set"], 2.0)
    assert held["spent"] == pytest.approx(1.5, abs=1e-3)

    renamed = table(tmp_path / "another.csv", rename="x-")  # other names, the same rows
    for same in (data, renamed, Path(shutil.copy(data, tmp_path / "copy.csv"))):
        code, refused = call(home, *asked, "1.5", "--data", str(same))
        assert code == 1
        assert "privacy budget" in refused["error"]
    [line] = run(home, "privacy", "history", made["data_set"])["runs"]
    assert set(line["items"]) == {"statistic", "bounds", "fit", "evaluation"}

    for without_noise in (
        ["train", "--data", str(data), "--outcome", "outcome"],
        ["train", "--data", str(data), "--task-file", str(task)],
        ["audit", str(data), "--outcome", "outcome"],
        ["certify", str(data), "--outcome", "cesd", "--better", "lower", "--treatment", "attempt"],
        ["subtypes", str(data), "--columns", "cesd,mcs"],
        ["update", "--data", str(data), "--task-file", str(task)],
    ):
        code, refused = call(home, *without_noise)
        assert code == 1, without_noise
        assert "privacy budget guards people" in refused["error"], without_noise
    monkeypatch.setenv("EUTHYMIA_HOME", str(home))
    whole = read_frame(data)
    mine = read_task(task)
    for from_python in (
        lambda: models.train_table(mine, whole),
        lambda: models.audit(data, outcome="outcome"),
        lambda: models.certify(whole, outcome="cesd", better="lower", treatment="attempt"),
        lambda: models.subtypes(whole, columns=["cesd", "mcs"]),
        lambda: models.update(mine, whole),
        lambda: models.train_private(mine, table_frame(mine, whole), epsilon=1.0),
    ):
        with pytest.raises(BudgetError, match="privacy budget guards people"):
            from_python()
    part = tmp_path / "part.csv"  # a few of the rows, the columns in another order
    lines = [row.split(",")[::-1] for row in data.read_text().splitlines()]
    part.write_text("\n".join(",".join(row) for row in [lines[0], *lines[300:340]]))
    code, refused = call(home, "audit", str(part), "--outcome", "outcome")
    assert (code, "privacy budget guards" in refused["error"]) == (1, True)
    admit_table(home, part, name="audit", because="the quality board asked")
    [_, told] = run(home, "privacy", "history")["runs"]
    assert (told["state"], told["because"]) == ("without noise", "the quality board asked")
    assert told["epsilon"] is None
    [held] = run(home, "privacy")["data_sets"]
    assert (held["runs"], held["without_noise"]) == (1, 1)
    assert held["spent"] == pytest.approx(1.5, abs=1e-3)
    assert run(home, "verify")["ok"]


def test_what_is_refused_before_anything_is_paid(home: Path, tmp_path: Path) -> None:
    data, task = table(tmp_path / "trial.csv", people=60), task_file(tmp_path / "task.toml")
    at = ["train", "--data", str(data)]
    declared = [*at, "--task-file", str(task)]
    assert call(home, *declared, "--private")[0] == 2
    assert call(home, *declared, "--epsilon", "1")[0] == 2
    assert call(home, *declared, "--private", "--epsilon", "1", "--estimator", "logistic")[0] == 2
    code, said = call(home, *at, "--outcome", "outcome", "--private", "--epsilon", "1")
    assert code == 1
    assert "declared task" in said["error"]
    for wrong in (("--epsilon", "99"), ("--epsilon", "1", "--delta", "0.4")):
        assert call(home, *declared, "--private", *wrong)[0] == 1
    assert run(home, "privacy")["data_sets"] == []
    # too few: only the noisy count is paid for
    code, said = call(home, *declared, "--private", "--epsilon", "1")
    assert code == 1
    assert "too few people" in said["error"]
    [held] = run(home, "privacy")["data_sets"]
    assert 0 < held["spent"] < 0.4
    assert f"has cost epsilon {held['spent']:.3g} all the same" in said["error"]


@pytest.mark.slow
def test_a_clinic_trains_releases_and_gives_out_a_private_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own process, enclosed, from a released snapshot; an erasure tells its epsilon."""
    monkeypatch.setattr(training_clinic, "PEOPLE", 260)
    with closing(training_clinic.make(tmp_path / "home")) as clinic:
        change_budget(clinic, "relapse-30d", Guarantee(5.0, 1e-5), "a test")
        with pytest.raises(Exception, match="too few people"):
            run_training(
                clinic,
                "relapse-30d",
                seed=1,
                report=None,
                progress=lambda _done, _of: None,
                claim=Guarantee(0.5, 1e-5),
            )
        made = run_training(
            clinic,
            "relapse-30d",
            seed=1,
            report=None,
            progress=lambda _done, _of: None,
            claim=Guarantee(4.5, 1e-5),
        )
        assert made["epsilon"] == pytest.approx(4.5, abs=0.01)
        refused, trained = history(clinic, "relapse-30d")
        assert list(refused["items"]) == ["statistic"]
        assert trained["model"] == made["model"]
        clinic.registry.release(made["model"], because="a test")
        who = subject_of(clinic, "MRN-004")
        told = erase_subject(clinic, who)
        assert [m["epsilon"] for m in told["models"]] == [pytest.approx(4.5, abs=0.01)]
