"""The files of actigraphs themselves: ActiGraph's .agd and Actiwatch's .AWD."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from euthymia.ground.records import Samples
from reading import assert_accounted, items_of, read, rejects, samples_of

NOON = 1_714_564_800  # 2024-05-01 12:00 on the wall


def _agd(path: Path, rows: list[tuple[Any, Any]], epoch: str = "60") -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE settings (settingID INTEGER, settingName, settingValue)")
        base.execute("CREATE TABLE data (dataTimestamp INTEGER, axis1 INTEGER, axis2 INTEGER)")
        base.execute("INSERT INTO settings VALUES (1, 'epochlength', ?)", (epoch,))
        base.executemany("INSERT INTO data VALUES (?, ?, 1)", rows)


def _ticks(second: int) -> int:
    return (62_135_596_800 + second) * 10_000_000


def _table(items: list[Any]) -> list[tuple[str, float, float]]:
    rows = samples_of(items, "activity_counts").to_pylist()
    return [(str(row["time"]), row["counts"], row["epoch"]) for row in rows]


@pytest.mark.parametrize("seconds", [10, 60])
def test_agd_is_read_by_the_clock_on_the_wall(tmp_path: Path, seconds: int) -> None:
    rows = [(_ticks(NOON + i * seconds), 5 + i) for i in range(2)]
    _agd(tmp_path / "P7.agd", rows, str(seconds))
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    assert_accounted(reading, items)
    assert not rejects(items)
    assert _table(items) == [
        ("2024-05-01 10:00:00+00:00", 5, seconds),
        (f"2024-05-01 10:0{seconds // 60}:{seconds % 60:02d}+00:00", 6, seconds),
    ]
    assert set(samples_of(items, "activity_counts").column("subject_id").to_pylist()) == {"P7"}


def test_agd_rows_that_are_none_are_told(tmp_path: Path) -> None:
    _agd(tmp_path / "P7.agd", [(_ticks(NOON), 5), (_ticks(NOON + 60), None), (12, 7)])
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert len(_table(items)) == 1
    [reason] = rejects(items)
    assert "2 times" in reason
    assert "axis1 no count" in reason


def test_agd_that_contradicts_its_epoch_is_refused(tmp_path: Path) -> None:
    _agd(tmp_path / "P7.agd", [(_ticks(NOON), 5), (_ticks(NOON + 10), 5)])
    [reason] = rejects(items_of(tmp_path))
    assert "shorter than its epochlength says" in reason


def _awd(code: str, data: str, day: str = "14-Nov-2015") -> str:
    return f"01_AB\r\n{day}\r\n13:10\r\n{code}\r\n64\r\nV123\r\nF\r\n{data}"


@pytest.mark.parametrize(("code", "epoch"), [("4", 60), ("1", 15), ("C1", 5)])
def test_awd_epochs_have_the_length_of_their_code(tmp_path: Path, code: str, epoch: int) -> None:
    (tmp_path / "S1.AWD").write_text(_awd(code, "   12 M\r\n  34\r\n 5 , 0.2\r\n"))
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    assert_accounted(reading, items)
    found = _table(items)
    assert [counts for _, counts, _ in found] == [12, 34, 5]
    assert found[0] == ("2015-11-14 12:10:00+00:00", 12, epoch)
    assert found[2][0] == f"2015-11-14 12:{10 + epoch * 2 // 60}:{epoch * 2 % 60:02d}+00:00"


def test_awd_a_bad_line_does_not_move_the_others(tmp_path: Path) -> None:
    (tmp_path / "S1.AWD").write_text(_awd("4", "1\r\nx\r\n3\r\n"))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert [time[11:16] for time, *_ in _table(items)] == ["13:10", "13:12"]
    assert rejects(items) == ["line 9: it does not begin with a count"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_awd("7", "1\r\n"), "line 4: the code of the epoch's length"),
        (_awd("4", "1\r\n", "31-Feb-2015"), "no date of the calendar"),
        (_awd("4", "1\r\n", "14-Xyz-2015"), "not like 14-Nov-2015"),
    ],
)
def test_awd_without_a_start_or_an_epoch_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "S1.AWD").write_text(text)
    [reason] = rejects(items_of(tmp_path))
    assert says in reason


SETTINGS = """------------ {} ActiLife v6.11.9 date format {} Filter Normal -----------,,
Serial Number: X,,
Start Time {},,
Start Date {},,
Epoch Period (hh:mm:ss) 00:00:05,,
Download Time 15:29:44,,
Download Date 9/19/2017,,
Current Memory Address: 0,,
Current Battery Voltage: 3.85     Mode = {},,
--------------------------------------------------,,
"""
DATA = "Data File Created By ActiGraph wGT3XBT"
TABLE = "Data Table File Created By Actigraph Link"


@pytest.mark.parametrize(
    ("mode", "row", "steps", "light"),
    [
        (61, "325,85,176,2,40,0,5,0,0", [2], [40.0]),
        (13, "325,85,176,2", [2], []),
        (63, "325,85,176,2,71,40,0,5,0,0", [2], [40.0]),
        (0, "325", [], []),
        (61, "325,85,176,2", [], []),
    ],
)
def test_the_mode_of_an_actigraph_says_which_column_is_what(
    mode: int, row: str, steps: list[int], light: list[float], tmp_path: Path
) -> None:
    text = SETTINGS.format(DATA, "M/d/yyyy", "21:35:00", "8/15/2016", mode)
    (tmp_path / "A1.csv").write_text(f"{text}{row}\n")
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [325.0]
    found = {item.stream: item.table for item in items if isinstance(item, Samples)}
    assert (found["steps"].column("steps").to_pylist() if steps else []) == steps
    assert (found["light"].column("level").to_pylist() if light else []) == light
    assert set(found) == {"activity_counts", *(["steps"] * bool(steps)), *(["light"] * bool(light))}
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("clock", "hour"),
    [("15:00:00", 13), ("17:00:00", 15)],  # the wall's clock with a Z behind it; UTC
)
def test_lines_of_an_actigraph_that_tell_their_time(clock: str, hour: int, tmp_path: Path) -> None:
    head = SETTINGS.format(TABLE, "dd/MM/yyyy", clock, "09-19-2017", 13)
    rows = (
        "TimeStamp,axis1,axis2,axis3,steps,vm\n2017-09-19T15:00:00Z,44,9,0,1,45\nsoon,1,1,1,1,1\n"
    )
    (tmp_path / "A1.csv").write_text(head + rows)
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    [row] = samples_of(items, "activity_counts").to_pylist()
    assert (row["counts"], row["epoch"]) == (44.0, 5.0)
    assert row["time"] == datetime(2017, 9, 19, hour, tzinfo=UTC)
    assert samples_of(items, "steps").column("period").to_pylist() == [5.0]
    assert "TimeStamp" in rejects(items)[0]
    assert_accounted(reading, items)


def test_an_axivity_that_counts_seconds_counts_those_of_its_wall(tmp_path: Path) -> None:
    (tmp_path / "X1.csv").write_text(
        "1577135046.6900,0.02,0.07,0.99,0.27,-0.50,15.7\n1577135046.7000,0.02,0.07,0.98,0.2,-0.5,1\n"
    )
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    table = samples_of(items, "accelerometer")
    assert table.column("time").to_pylist()[0] == datetime(
        2019, 12, 23, 20, 4, 6, 690000, tzinfo=UTC
    )
    assert table.column("z").to_pylist() == pytest.approx([0.99, 0.98])
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("form", "day", "after"),
    [("M/d/yyyy", "5/6/2024", "5/7/2024"), ("dd.MM.yyyy", "06.05.2024", "07.05.2024")],
)
def test_lines_that_were_left_out_of_an_actigraph_are_a_gap(
    form: str, day: str, after: str, tmp_path: Path
) -> None:
    """The lines have a date and a time: they are not counted on from the start."""
    head = SETTINGS.format(DATA, form, "21:35:00", day, 13)
    rows = f"{day},21:35:00,44,1\n{after},9:40:00 AM,45,1\nx,21:45:00,46,1\n"
    (tmp_path / "A1.csv").write_text(f"{head} Date, Time, Axis1,Steps\n{rows}")
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "activity_counts")
    assert [str(at)[:16] for at in table.column("time").to_pylist()] == [
        "2024-05-06 21:35",
        "2024-05-07 09:40",
    ]
    assert "Date and Time are not written as the preamble's" in rejects(items)[0]
    assert_accounted(reading, items)
