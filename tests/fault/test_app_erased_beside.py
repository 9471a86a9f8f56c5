"""A night's job goes on where somebody it has listed is erased, or says no, while it runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import watch_clinic
from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic
from euthymia.app.consents import Asked, change_consent
from euthymia.app.feature_job import compute_features
from euthymia.app.people import erase_subject
from euthymia.app.snapshots import consenting
from euthymia.app.watch import watch
from euthymia.store.sealed import SealedStore
from small_clinic import subject_of


def quiet(_done: int, _of: int) -> None:
    pass


JOBS: dict[str, Callable[[Clinic], Any]] = {
    "features": lambda clinic: compute_features(clinic, quiet),
    "watch": lambda clinic: watch(clinic, quiet, 30),
    "alerts": lambda clinic: Alerts(clinic).run(),
    "training": lambda clinic: consenting(clinic, "relapse-30d", quiet),
}
CASES = [(job, "subjects", "erased") for job in JOBS] + [
    ("features", "grouped", "erased"),
    ("watch", "grouped", "erased"),
    ("watch", "grouped", "withdrawn"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clinic of so many that lines can be set whoever is left out."""
    folder = tmp_path_factory.mktemp("beside") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watch_clinic, "PEOPLE", 24)
        watch_clinic.make(folder).close()
    return folder


@pytest.mark.parametrize(("job", "moment", "no"), CASES)
def test_a_job_outlives_a_no(
    job: str, moment: str, no: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "home")
    real = getattr(SealedStore, moment)

    def and_then_no(store: SealedStore, *given: Any) -> Any:
        found = real(store, *given)
        monkeypatch.undo()
        if no == "erased":
            erase_subject(clinic, who)
        else:
            change_consent(clinic, who, Asked(withdraw="monitoring"))
        return found

    with Clinic.opened(tmp_path / "home", lambda: watch_clinic.NOW) as clinic:
        who = subject_of(clinic, "MRN-05")
        monkeypatch.setattr(SealedStore, moment, and_then_no)
        assert JOBS[job](clinic) is not None
        assert getattr(SealedStore, moment) is real, "it came to that moment"
