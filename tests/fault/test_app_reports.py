"""Training is stopped anywhere: `verify` stays content, and still finds what is foreign."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest

from euthymia.app import reports, training
from euthymia.app.clinic import Clinic
from euthymia.app.snapshots import Released
from euthymia.app.trainer_messages import Taught
from euthymia.app.training import release_model, run_training
from euthymia.app.verify import verify_home
from euthymia.ground.audit import Entry, Purpose
from euthymia.models.bundle import make_bundle
from euthymia.models.snapshot import Manifest
from small_clinic import TASK, TEST, make_clinic, trained


class Killed(BaseException):
    """Stands for a kill: nothing in the product catches it."""


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    bundle = msgspec.structs.replace(make_bundle(trained(), 0), people=())
    taught = Taught(bundle, {}, {}, "<p>report</p>", "none: a test")
    manifest = Manifest(1, "s", TASK, "", "", 8, 8, 0, 240, 1, "", "", "", "")
    released = Released(manifest, b"", people={}, ended={})
    monkeypatch.setattr(training, "learn", lambda *_a, **_k: (taught, released, None))
    made = make_clinic(tmp_path / "home")
    yield made
    made.close()


def _train(clinic: Clinic) -> str:
    done = run_training(clinic, TASK, seed=1, report=None, progress=lambda _done, _total: None)
    return str(done["model"]).replace("@", "-") + ".html"


def _verify(clinic: Clinic) -> list[str]:
    return verify_home(clinic.home.path, lambda _done, _total: None)


def _killed_at_line(clinic: Clinic, number: int) -> bool:
    """Keep a report, and stop before the `number`-th line of that; tell whether it did."""
    left = number
    report = clinic.home.reports / f"made-{number}.html"

    def vouch(digest: str) -> None:
        detail: dict[str, str | int | float | bool] = {
            "report": report.name,
            "report_sha256": digest,
            "registry_counter": clinic.registry.counter,
        }
        clinic.ledger.append(Entry(TEST, "train model", Purpose.TRAINING, detail=detail))

    def step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        where = frame.f_code
        if where.co_filename != reports.__file__ or where.co_name == "held":
            return None  # a real kill gives the lock back; an exception inside `held` would not
        if event == "line":
            left -= 1
            if left == 0:
                raise Killed
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        reports.keep(report, b"<p>report</p>", vouch, clinic.ledger.entries)
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_kill_at_any_line_leaves_nothing_to_complain_of(clinic: Clinic) -> None:
    number = 1
    while _killed_at_line(clinic, number):
        assert _verify(clinic) == [], f"stopped before line {number}"
        number += 1
    assert number > 20  # it was stopped in many places, not in none
    assert _verify(clinic) == []
    assert not list(clinic.home.reports.glob(".*"))
    vouched = reports.told(clinic.ledger.entries())
    assert {file.name for file in clinic.home.reports.iterdir()} == set(vouched)


def test_a_half_written_report_is_removed_by_the_next_training(clinic: Clinic) -> None:
    half = clinic.home.reports / ".relapse-30d-9.html.part"
    half.write_bytes(b"<p>rep")
    assert _verify(clinic) == []
    _train(clinic)
    assert not half.exists()


def test_foreign_changed_and_missing_reports_are_found(clinic: Clinic) -> None:
    report = clinic.home.reports / _train(clinic)
    assert _verify(clinic) == []
    whole = report.read_bytes()
    report.write_bytes(whole + b" ")
    assert _verify(clinic) == [f"reports: {report.name} is not as it was written"]
    report.unlink()
    assert _verify(clinic) == [f"reports: {report.name} is missing"]
    (clinic.home.reports / f".{report.name}.part").write_bytes(b"something else")
    assert _verify(clinic) == [f"reports: {report.name} is missing"]
    report.write_bytes(whole)
    (clinic.home.reports / "relapse-30d-99.html").write_bytes(whole)
    (found,) = _verify(clinic)
    assert "relapse-30d-99.html was not written by a training run" in found


@pytest.mark.parametrize("step", ["train", "release"])
def test_an_older_registry_put_back_is_found(clinic: Clinic, step: str) -> None:
    name = _train(clinic)
    models, older = clinic.home.models, clinic.home.path.parent / "older"
    shutil.copytree(models, older)
    seen = clinic.home.models_seen.read_bytes()
    if step == "train":
        _train(clinic)
    else:
        release_model(clinic, name.removesuffix(".html").replace("d-", "d@"))
    assert _verify(clinic) == []
    shutil.rmtree(models)
    older.rename(models)
    assert any("put back to an older state" in problem for problem in _verify(clinic))
    clinic.home.models_seen.write_bytes(seen)  # with all that remembers it but the ledger
    assert _verify(clinic) == ["models: the registry was put back to an older state"]


def test_a_registry_that_is_gone_is_found(clinic: Clinic) -> None:
    _train(clinic)
    clinic.home.models.rename(clinic.home.path / "gone")
    assert "models: the registry is missing" in _verify(clinic)
