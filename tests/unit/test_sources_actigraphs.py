"""Actigraphs' own files: .agd, .AWD, and what a preamble may say of a recording's start."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reading import assert_accounted, items_of, read, rejects, samples_of

PREAMBLE = """------------ Data File Created By ActiGraph GT3X+ ActiLife v6 {} Filter Normal -------
Serial Number: NEO1
Start Time {}
Start Date {}
Epoch Period (hh:mm:ss) 00:01:00
Download Time 10:00:00
--------------------------------------------------
"""
TICKS = 638_501_760_000_000_000  # 2024-05-01 16:00:00
TICK_PAIR = (TICKS, TICKS + 600_000_000)


@pytest.mark.parametrize(
    ("form", "clock", "day"),
    [
        ("date format M/d/yyyy", "03:00:00 PM", "5/1/2024"),
        ("date format M/d/yyyy", "3:00:00 p.m.", "5/1/2024"),
        ("date format M/d/yyyy", "3:00:00\u202fPM", "5/1/2024"),
        ("date format M/d/yyyy", "15:00:00", "5/1/2024,,,"),
        ("date format M/d/yy", "15:00:00", "5/1/24"),
        ("date format dd.MM.yyyy", "15:00:00", "01.05.2024"),
        ("", "15:00:00", "01.05.2024"),
        ("date format yyyy-MM-dd", "15:00:00", "2024-05-01"),
    ],
)
def test_when_a_preamble_starts(form: str, clock: str, day: str, tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text(PREAMBLE.format(form, clock, day) + "7,1,2\n9,1,2\n")
    table = samples_of(items_of(tmp_path), "activity_counts")
    assert table.column("time").to_pylist()[0] == datetime(2024, 5, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("clock", ["03:00:00 μμ", "15:00:00 PM", "24:00:00"])
def test_a_start_that_is_not_understood_is_not_guessed(clock: str, tmp_path: Path) -> None:
    text = PREAMBLE.format("date format M/d/yyyy", clock, "5/1/2024")
    (tmp_path / "A1.csv").write_text(text + "7,1,2\n", encoding="latin-1", errors="replace")
    [reason] = rejects(items_of(tmp_path))
    assert "Start Time" in reason or "Start Date" in reason


def test_a_count_below_zero_is_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "A1.agd")) as base, base:
        base.execute("CREATE TABLE settings (settingID INTEGER, settingName, settingValue)")
        base.execute("CREATE TABLE data (dataTimestamp INTEGER, axis1 INTEGER)")
        base.execute("INSERT INTO data VALUES (?, 5), (?, -1)", (TICKS, TICKS + 600_000_000))
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [5.0]
    assert "axis1" in rejects(items)[0]
    assert_accounted(reading, items)


def test_steps_and_light_of_an_agd(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "A1.agd")) as base, base:
        base.execute("CREATE TABLE settings (settingID INTEGER, settingName, settingValue)")
        base.execute("INSERT INTO settings VALUES (1, 'epochlength', '60')")
        base.execute(
            "CREATE TABLE data (dataTimestamp INTEGER, axis1 INTEGER, steps INTEGER, lux INTEGER)"
        )
        base.execute("INSERT INTO data VALUES (?, 5, 12, 40), (?, 6, 1.5, 0)", TICK_PAIR)
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [5.0, 6.0]
    [steps] = samples_of(items, "steps").to_pylist()
    assert (steps["steps"], steps["period"], steps["row"]) == (12, 60.0, 1)
    assert samples_of(items, "light").column("level").to_pylist() == [40.0, 0.0]
    assert_accounted(reading, items)


AWD = "lightdemo\n{}\n{}\n {} \n43\nL11FFFF220\nM\n"


@pytest.mark.parametrize(("name", "month"), [("Dez", 12), ("Mär", 3), ("aoû", 8), ("ene", 1)])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_months_in_other_languages(name: str, month: int, encoding: str, tmp_path: Path) -> None:
    text = AWD.format(f"10-{name}-2023", "16:22", "4") + "5\n"
    (tmp_path / "W1.AWD").write_bytes(text.encode(encoding))
    table = samples_of(items_of(tmp_path), "activity_counts")
    assert table.column("time").to_pylist()[0].month == month


CONDOR = "DATE/TIME;MS;EVENT;TEMPERATURE;EXT TEMPERATURE;PIM;TAT;ZCM;LIGHT;STATE\n"


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize(
    "report", ["", "#Model=2\n+--+ Condor Instruments Report +--+\nA : b\n+-+\n"]
)
def test_an_acttrust_gives_counts_light_warmth_and_whether_it_was_worn(
    mark: str, report: str, tmp_path: Path
) -> None:
    rows = (
        "03/04/2024 09:00:00;0;0;29.4;28.2;1851;109;41;384.4;0\n"
        "03/04/2024 09:01:00;0;1;29.5;28.2;2683;134;64;324.2;1\n"
        "03/04/2024 09:02:00;0;0;25.0;25.0;0;0;0;0.1;4\n"
        "03/04/2024 09:03:00;0;0;29.6;28.2;5;1;0;0.0;0\n"
        "03/34/2024 09:04:00;0;0;29.6;28.2;5;1;0;0.0;0\n"
    )
    (tmp_path / "C1.txt").write_text(report + (CONDOR + rows).replace(";", mark))
    [(reading, items)] = read(tmp_path, zone="America/Sao_Paulo")
    table = samples_of(items, "activity_counts")
    assert table.column("time").to_pylist()[0] == datetime(2024, 4, 3, 12, tzinfo=UTC)
    assert table.column("counts").to_pylist() == [41.0, 64.0, 0.0]
    assert set(table.column("epoch").to_pylist()) == {60.0}
    assert samples_of(items, "light").num_rows == 3
    assert samples_of(items, "skin_temperature").column("value").to_pylist() == pytest.approx(
        [29.4, 29.5, 29.6]
    )
    assert [t.minute for t in samples_of(items, "event_marks").column("time").to_pylist()] == [1]
    assert samples_of(items, "recording_state").column("on").to_pylist() == [0, 1]
    assert len(rejects(items)) == 1
    assert_accounted(reading, items)


@pytest.mark.parametrize(("day", "kept"), [("05/{}/2024", 0), ("{}/05/2024", 4), ("2024-05-{}", 4)])
@pytest.mark.parametrize("mark", [";", ","])
def test_an_acttrust_with_the_month_first_is_not_half_read(
    day: str, kept: int, mark: str, tmp_path: Path
) -> None:
    """Its days up to the twelfth would be months, and the others refused."""
    row = " 09:00:00;0;0;29.4;28.2;1851;109;5;384.4;0\n"
    text = CONDOR + "".join(day.format(on) + row for on in (11, 12, 13, 14))
    (tmp_path / "C1.txt").write_text(text.replace(";", mark))
    [(reading, items)] = read(tmp_path)
    if kept or mark == ",":  # of a table with commas the dates are put right
        times = samples_of(items, "activity_counts").column("time").to_pylist()
        assert [(at.month, at.day) for at in times] == [(5, day) for day in (11, 12, 13, 14)]
    else:
        assert not [item for item in items if hasattr(item, "stream")]
        assert "line 4: DATE/TIME has the month before the day" in rejects(items)[0]
    assert reading.source == "condor"


def test_a_cut_line_of_an_acttrust_is_no_epoch(tmp_path: Path) -> None:
    row = "03/04/2024 09:0{}:00;0;0;29.4;28.2;1851;109;345;384.4;0\n"
    (tmp_path / "C1.txt").write_text(CONDOR + row.format(0) + row.format(1)[:-11])
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [345.0]
    assert rejects(items) == ["line 3: 8 cells where the line of names has 10"]
    assert_accounted(reading, items)


def test_an_acttrust_that_recorded_no_crossings_gives_its_other_counts(tmp_path: Path) -> None:
    row = "03/04/2024 09:0{}:00;0;0;29.4;28.2;{};109;0;384.4;0\n"
    (tmp_path / "C1.txt").write_text(CONDOR + row.format(0, 1851) + row.format(1, 0))
    counts = samples_of(items_of(tmp_path), "activity_counts").column("counts").to_pylist()
    assert counts == [1851.0, 0.0]


MTN = (
    '<?xml version="1.0" encoding="UTF-8"?><motionfile><log2><change><property><name>=StartTime'
    "</name><content>{}</content></property></change><change>{}</change></log2></motionfile>"
)
CHANNEL = (
    "<channel><name>{}</name><units>x</units><epoch>5</epoch><offset>{}</offset>"
    "<data>{}</data></channel>"
)


def test_a_motionwatch_gives_counts_and_light(tmp_path: Path) -> None:
    channels = (
        CHANNEL.format("motion", 0, "0,15,\n22,x,4,\n")
        + CHANNEL.format("Light", 2, "7.5,8")
        + CHANNEL.format("pulse", 0, "1")
    )
    (tmp_path / "M1.mtn").write_text(MTN.format("2018-05-23 17:30:00", channels))
    [(reading, items)] = read(tmp_path, zone="Europe/London")
    table = samples_of(items, "activity_counts")
    assert table.column("counts").to_pylist() == [0.0, 15.0, 22.0, 4.0]
    assert [t.second for t in table.column("time").to_pylist()] == [0, 5, 10, 20]
    assert table.column("time").to_pylist()[0] == datetime(2018, 5, 23, 16, 30, tzinfo=UTC)
    light = samples_of(items, "light")
    assert [t.second for t in light.column("time").to_pylist()] == [10, 15]
    refused, left = rejects(items)
    assert "not a number" in refused
    assert "neither motion nor light" in left
    assert_accounted(reading, items)


def test_a_motionwatch_without_its_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / "M1.mtn").write_text(MTN.format("soon", CHANNEL.format("motion", 0, "1")))
    assert "StartTime" in rejects(items_of(tmp_path))[0]


ACTIWATCH = '"-- Epoch-by-Epoch Data --"\n"Line","Date","Time","Activity","White Light","Marker"\n'


def test_what_is_wrong_with_a_line_of_an_actiwatch_is_named(tmp_path: Path) -> None:
    rows = (
        '"1","2024-05-13","12:00:00","5","0.5","0"\n"2","2024-05-13","noon","5","0.5","0"\n'
        '"3","2024-05-13","12:02:00","1,234","0.5","0"\n"4","2024-05-13","12:03:00","5","x","0"\n'
        '"5","2024-13-13","12:04:00","5","0.5","0"\n"6","2024-05-13","12:05:00","12'
    )
    (tmp_path / "W1.csv").write_text(ACTIWATCH + rows)
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [5.0]
    assert rejects(items) == [
        "line 4: Date is not a date of digits, or Time is not hh:mm:ss",
        "line 5: Activity is a number with a comma that may stand for thousands",
        "line 6: White Light is not a number",
        "line 7: Date or Time is none of the calendar or the clock",
        "line 8: 4 cells where the line of names has 6",
    ]
    assert_accounted(reading, items)


def test_a_year_of_two_digits_at_the_front_is_no_day(tmp_path: Path) -> None:
    rows = "".join(f'"1","24-05-{day}","12:00:00","5","0.5","0"\n' for day in (13, 14, 15))
    (tmp_path / "W1.csv").write_text(ACTIWATCH + rows)
    assert "two digits first" in rejects(items_of(tmp_path))[0]


def test_a_press_of_the_button_of_an_actiwatch_is_a_mark(tmp_path: Path) -> None:
    rows = "7 , 0,00\n498 , 0,00 M\nM\n394 M\n5 , Mx\n"
    (tmp_path / "W1.AWD").write_text(AWD.format("10-Dec-2023", "16:22", "4") + rows)
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [7, 498, 394, 5]
    marks = samples_of(items, "event_marks").column("time").to_pylist()
    assert [mark.minute for mark in marks] == [23, 25]
    assert "count" in rejects(items)[0]
    assert_accounted(reading, items)


def test_actiware_in_dutch(tmp_path: Path) -> None:
    (tmp_path / "W1.csv").write_text(
        "Actiware-exportbestand (versie 05.00),,,\n"
        "Intervaltype,Intervalnr.,Begindatum,Begintijd\nRUST,1,23/11/2019,20:42:15\n\n"
        "Lijn,Datum,Tijd,Status niet-om-pols,Activiteit,Markering,Slapen/waken,Intervalstatus\n\n"
        "1,23/11/2019,06:00:00,1,NaN,NaN,NaN,UITGEZONDERD\n"
        "2,23/11/2019,06:00:15,0,12,0,1,ACTIEF\n3,23/11/2019,06:00:30,0,15,1,1,ACTIEF\n",
        encoding="utf-8",
    )
    [(reading, items)] = read(tmp_path, zone="Europe/Amsterdam")
    table = samples_of(items, "activity_counts")
    assert table.column("counts").to_pylist() == [12.0, 15.0]
    assert table.column("time").to_pylist()[0] == datetime(2019, 11, 23, 5, 0, 15, tzinfo=UTC)
    assert samples_of(items, "recording_state").column("on").to_pylist() == [0, 1]
    assert samples_of(items, "event_marks").num_rows == 1
    assert_accounted(reading, items)
