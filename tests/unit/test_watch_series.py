"""One person's series: what is read, and that a change is found and a quiet life is left alone."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from euthymia.app.cli import main
from euthymia.care.monitor.series_read import read_series
from euthymia.ground.clock import day_number
from euthymia.ground.errors import SchemaError

START = date(2012, 8, 13)
ITEMS = ("down", "calm", "tired", "tense")
SIGN = np.array([1, -1, 1, 1])


def diary(path: Path, change_on: int | None, days: int = 150, seed: int = 4) -> Path:
    """Write several answers a day at odd times; from `change_on` on they are 2 SD worse."""
    rng = np.random.default_rng(seed)
    lines = ["when," + ",".join(ITEMS)]
    mood = np.zeros(4)
    for day in range(days):
        mood = 0.3 * mood + rng.normal(0, 0.5, 4)
        if rng.random() < 0.05:
            continue
        shift = 1.2 * SIGN if change_on is not None and day >= change_on else 0 * SIGN
        for hour in sorted(rng.choice(range(8, 22), rng.integers(1, 6), replace=False)):
            values = np.clip(np.round(4 + mood + shift + rng.normal(0, 0.6, 4)), 1, 7)
            at = f"{(START + timedelta(days=day)).isoformat()}T{hour:02d}:{rng.integers(60):02d}"
            lines.append(f"{at}," + ",".join(f"{v:g}" for v in values))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], file: Path, *more: str) -> dict:
    line = ["watch", "series", str(file), "--time", "when", "--columns", ",".join(ITEMS), "--json"]
    assert main([*line, *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_lasting_change_is_one_episode_from_about_its_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = diary(tmp_path / "d.csv", change_on=90)
    found = run(capsys, file, "--worse", "down,tired,tense", "--better", "calm")
    onset = START + timedelta(days=90)
    days = [(date.fromisoformat(day) - onset).days for day in found["alarms"]]
    assert [d for d in days if 0 <= d <= 10]
    assert len(days) <= 2
    moved = {c["column"]: c["sd"] for c in found["episodes"][-1]["changes"]}
    assert moved["down"] > 0 > moved["calm"]
    assert found["baseline"]["last"] == (START + timedelta(days=27)).isoformat()


@pytest.mark.slow
def test_without_directions_a_change_is_found_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, diary(tmp_path / "d.csv", change_on=90))
    days = [date.fromisoformat(day) for day in found["alarms"]]
    assert any(0 <= (d - START).days - 90 <= 14 for d in days)


@pytest.mark.slow
def test_a_quiet_life_alarms_about_as_often_as_promised(tmp_path: Path) -> None:
    from euthymia.app.watch_series import watch_file

    alarms, days = 0, 0
    for seed in range(30):
        file = diary(tmp_path / f"{seed}.csv", None, days=200, seed=seed)
        found = watch_file(file, "when", ITEMS, (), (), 28, 180, 1)
        alarms, days = alarms + len(found["alarms"]), days + found["days"] - 28
    assert days / 180 * 0.4 <= alarms <= days / 180 * 2.0


def test_it_is_told_in_words_and_drawn(tmp_path: Path) -> None:
    from euthymia.app.watch_series import watch_file

    file, out = diary(tmp_path / "d.csv", 60, days=120), tmp_path / "plots" / "d.svg"
    lines = file.read_text().splitlines()
    lines[5] = ",".join([lines[5].split(",")[0], "-99", *lines[5].split(",")[2:]])
    file.write_text("\n".join(lines))
    found = watch_file(file, "when", ITEMS, (), (), 28, 365, 1, out)
    assert len(found["words"]) == len(found["episodes"]) >= 1
    assert found["words"][-1].startswith("Unlike the first weeks from ")
    assert [note for note in found["notes"] if "-99 stands 1 time" in note]
    drawn = out.read_text()
    assert drawn.count("<path") == 1 + len(ITEMS)
    assert drawn.count('class="e"') == len(found["episodes"])
    with pytest.raises(SchemaError, match=r"must end in \.svg"):
        watch_file(file, "when", ITEMS, (), (), 28, 365, 1, tmp_path / "d.png")


def test_times_are_read_however_they_are_written(tmp_path: Path) -> None:
    days = [START + timedelta(days=i) for i in range(3)]
    written = {
        "iso": [d.isoformat() for d in days],
        "slashed": [f"{d.day:02d}/{d.month:02d}/{d.year % 100:02d}" for d in days],
        "american": [f"{d.month}/{d.day}/{d.year}" for d in days],
        "seconds": [(day_number(d) * 86_400 + 40_000) for d in days],
        "compact": [int(f"{d:%Y%m%d}") for d in days],
        "with a month": [f"{d.day} Aug {d.year}" for d in days],
        "as SAS writes it": [f"{d.day}AUG{d.year}" for d in days],
        "with its name first": [f"August {d.day}, {d.year}" for d in days],
        "with a zone": [f"{d.isoformat()}T23:30:00-05:00" for d in days],
        "with a clock of twelve hours": [f"{d:%m/%d/%Y} 11:30 PM" for d in days],
        "milliseconds": [(day_number(d) * 86_400 + 40_000) * 1000 for d in days],
    }
    for name, column in written.items():
        series, dated = read_series({"t": column, "x": [1.0, 2.0, 3.0]}, "t", ("x",))
        assert (series.first, len(series.values), dated) == (day_number(START), 3, True), name
    numbered, dated = read_series({"t": [364, 365, 1, 2], "x": [1.0, 2.0, 3.0, 4.0]}, "t", ("x",))
    assert (numbered.first, numbered.values[:, 0].tolist(), dated) == (364, [1, 2, 3, 4], False)
    commas, _ = read_series({"t": [1, 2, 3], "x": ["3,5", None, "-2"]}, "t", ("x",))
    assert np.array_equal(commas.values[:, 0], [3.5, np.nan, -2.0], equal_nan=True)
    several, _ = read_series({"t": [5, 5, 7], "x": [1.0, 3.0, 4.0]}, "t", ("x",))
    assert np.array_equal(several.values[:, 0], [2.0, np.nan, 4.0], equal_nan=True)


def test_what_cannot_be_watched_is_refused_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SchemaError, match="line 3: column t is no date"):
        read_series({"t": ["2024-01-01", "soon"], "x": [1.0, 2.0]}, "t", ("x",))
    with pytest.raises(SchemaError, match="line 2: column t is empty"):
        read_series({"t": [None, 3], "x": [1.0, 2.0]}, "t", ("x",))
    with pytest.raises(SchemaError, match="not among"):
        read_series({"t": [1, 3], "x": [1.0, 2.0]}, "t", ("x",), worse=("y",))
    with pytest.raises(SchemaError, match="column x, row 1: not a number"):
        read_series({"t": [1, 3], "x": ["1,234", "5"]}, "t", ("x",))  # a thousand, or 1.234?
    with pytest.raises(SchemaError, match="x: named twice in --columns"):
        read_series({"t": [1, 3], "x": [1.0, 2.0]}, "t", ("x", "x"))
    with pytest.raises(SchemaError, match="x: named twice in --worse and --better"):
        read_series({"t": [1, 3], "x": [1.0, 2.0]}, "t", ("x",), ("x",), ("x",))
    with pytest.raises(SchemaError, match="t is the column of times"):
        read_series({"t": [1, 3], "x": [1.0, 2.0]}, "t", ("t", "x"))
    file = tmp_path / "short.csv"
    file.write_text("t,x\n" + "".join(f"{i},{i % 3}\n" for i in range(20)), encoding="utf-8")
    line = ["watch", "series", str(file), "--time", "t", "--columns", "x", "--json"]
    assert main(line) == 1
    assert "nothing to watch" in json.loads(capsys.readouterr().out)["error"]
