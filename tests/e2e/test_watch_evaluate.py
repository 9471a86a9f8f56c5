import json

import pytest

from euthymia.app.cli import main


def evaluate(capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    line = [
        "watch",
        "evaluate",
        "--subjects",
        "30",
        "--days",
        "220",
        "--seed",
        "5",
        "--json",
        *more,
    ]
    assert main(line) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_has_the_watch_its_peers_and_chance(capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluate(capsys, "--budget-days", "40")
    assert found["simulated"] is True
    assert set(found["chance"]) == {"caught_14d", "caught_28d", "caught_42d"}
    names = [row["name"] for row in found["detectors"]]
    assert names[0] == "hybrid"
    assert {"3 of 7 outlier days", "EWMA per feature", "BOCPD", "ADWIN"} <= set(names)
    for row in found["detectors"]:
        assert 0 <= row["caught_14d"] <= row["caught_28d"] <= row["caught_42d"] <= 1
        assert row["seconds"] > 0
    assert 0.5 < found["detectors"][0]["alarms_per_budget"] < 1.5


def test_a_cohort_too_small_for_its_budget_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["watch", "evaluate", "--subjects", "20", "--days", "150", "--budget-days", "2000"]
    assert main([*line, "--json"]) == 1
    assert "too few to set a line" in json.loads(capsys.readouterr().out)["error"]
