"""The real actigraphy study: the report must refuse, unasked, to call its figure evidence."""

import pytest

import models_data
from euthymia.models.tasks import tasks
from euthymia.models.train import train
from real import DATA, needs_data


@needs_data
@pytest.mark.slow
def test_depresjon_is_confounded_by_season_and_length():
    people = list(models_data.depresjon(DATA / "depresjon"))
    task = tasks()[models_data.ACTIGRAPHY]
    found = train(task, people, seed=1, synthetic=False, now=1_764_000_000_000_000)
    assert len(found.people) == 55
    assert 0.75 < found.metrics["auc"].estimate < 0.92  # published participant-wise: 0.86
    audit = found.audits["confounds"]
    assert audit["verdict"] == "confounded: not evidence"
    alone = {row["variable"]: row["auc"]["estimate"] for row in audit["rows"]}
    assert alone["start month"] == pytest.approx(0.92, abs=0.04)
    assert 0.65 < alone["recording length"] < 0.85
    assert "start month" in audit["why"]
    assert "recording length" in audit["why"]
    days = found.audits["days as rows"]
    assert 0.03 < days["inflation"]["low"] < days["inflation"]["estimate"] < 0.3
    assert "days instead of people" in days["verdict"]
    head = found.report_html[: found.report_html.index("What was asked")]
    assert "not evidence" in head
