"""Tasks on the chart through a clinic: snapshot, training, release, and the switch."""

import pytest

import training_clinic
from euthymia.app.snapshots import release_snapshot
from euthymia.app.training import release_model, run_training
from euthymia.ground.errors import SchemaError

pytestmark = pytest.mark.slow


def _quiet(*_):
    return None


def test_a_chart_task_is_trained_and_released_from_the_store(tmp_path):
    clinic = training_clinic.make(tmp_path / "home")
    try:
        with pytest.raises(SchemaError, match="first-episode is off"):
            release_snapshot(clinic, "first-episode", _quiet)
        with pytest.raises(SchemaError, match="too few people to train antidepressant-response"):
            release_snapshot(clinic, "antidepressant-response", _quiet)
        for name in ("worsening-30d", "next-session"):
            assert release_snapshot(clinic, name, _quiet).manifest.people == training_clinic.PEOPLE
        made = run_training(clinic, "next-session", seed=1, report=None, progress=_quiet)
        assert made["audits"]["uncertainty"]["cutoffs"]["level"] == 0.9
        assert release_model(clinic, made["model"], "a trial of the chain")["state"] == "released"
    finally:
        clinic.close()
