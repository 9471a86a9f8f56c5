"""Tables as spreadsheets and devices of other countries write them."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from euthymia.sources.actigraphy_clock import start_of
from reading import assert_accounted, items_of, read, rejects, samples_of

SCREEN = "_id,timestamp,device_id,screen_status\n1,1714557600000,d1,1\n2,1714557601000,d1,0\n"
SEMICOLONS = SCREEN.replace(",", ";")
PLACES = (
    "_id;timestamp;device_id;double_latitude;double_longitude;double_bearing;double_speed;"
    "double_altitude;provider;accuracy;label\n"
)
PREAMBLE = (
    "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.3 Firmware v3.2.1 "
    "date format {format} Filter Normal -----------\nSerial Number: TAS1\nStart Time {time}\n"
    "Start Date {date}\nEpoch Period (hh:mm:ss) 00:01:00\nDownload Time 10:00:00\n"
    "Download Date {date}\nCurrent Memory Address: 0\nCurrent Battery Voltage: 4,07     Mode = 61\n"
    "--------------------------------------------------\n"
)


def _column(items: list[Any], stream: str, name: str) -> list[Any]:
    values: list[Any] = samples_of(items, stream).column(name).to_pylist()
    return values


def _times(items: list[Any], stream: str) -> list[str]:
    return [str(time)[:19] for time in _column(items, stream, "time")]


@pytest.mark.parametrize(
    "data",
    [
        SEMICOLONS.encode(),
        SEMICOLONS.replace("\n", "\r\n").encode("utf-8-sig"),
        b"sep=;\r\n" + SEMICOLONS.replace("\n", "\r\n").encode(),
        b"sep=,\n" + SCREEN.encode(),
        SCREEN.replace(",", "\t").encode("utf-16"),
        SCREEN.replace("device_id", '" Device_ID "').replace("timestamp", "Timestamp").encode(),
        SCREEN.replace("device_id", "Device ID").replace("screen_s", "SCREEN S").encode(),
        ('"' + SEMICOLONS.strip().replace(";", '";"').replace("\n", '"\n"') + '"').encode(),
    ],
    ids=["semicolons", "crlf", "sep", "sep-comma", "utf16-tabs", "letters", "spaces", "quotes"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_spreadsheets_copy_is_read_as_the_table_it_was(
    tmp_path: Path, data: bytes, packed: bool
) -> None:
    name = "screen.csv.gz" if packed else "screen.csv"
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert not rejects(items)
    assert _column(items, "screen", "state") == [1, 0]
    assert _times(items, "screen") == ["2024-05-01 10:00:00", "2024-05-01 10:00:01"]
    assert set(_column(items, "screen", "subject_id")) == {"d1"}


def test_a_line_has_the_number_that_it_has_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "screen.csv").write_text("sep=;\n" + SEMICOLONS + "3;soon;d1;1\n")
    [reason] = rejects(items_of(tmp_path))
    assert reason.startswith("line 5: timestamp is not")


def test_decimal_commas_are_decimal_points(tmp_path: Path) -> None:
    rows = ("52,5201;13,4049;0,0;1,5;1.034,25", "-33,8688;151,2093;0;0;34,2")
    lines = [f"{i};171455760{i}000;d1;{row};gps;12,5;\n" for i, row in enumerate(rows)]
    (tmp_path / "locations.csv").write_text(PLACES + "".join(lines))
    items = items_of(tmp_path)
    assert not rejects(items)
    assert _column(items, "location", "latitude") == [52.5201, -33.8688]
    assert _column(items, "location", "longitude") == [13.4049, 151.2093]
    assert _column(items, "location", "altitude") == pytest.approx([1034.25, 34.2])


def test_a_number_that_could_be_two_is_none(tmp_path: Path) -> None:
    """1.234 beside decimal commas is a thousand or one; so is 1,234 between tabs."""
    row = "1714557600000;d1;{};13,4049;0;0;34,2;gps;12,5;\n"
    (tmp_path / "locations.csv").write_text(
        PLACES + "1;" + row.format("52,5201") + "2;" + row.format("52.520")
    )
    [reason] = rejects(items_of(tmp_path))
    assert reason == "line 3: double_latitude is not a number"
    counts = tmp_path / "counts"
    counts.mkdir()
    (counts / "A1.csv").write_text("timestamp\tactivity\n2024-05-01 00:00\t1,234\n")
    [reason] = rejects(items_of(counts))
    assert reason == "line 2: activity is not a number"


@pytest.mark.parametrize(
    ("mark", "cells", "wanted"),
    [
        (";", ("1.000", "987"), [987]),
        (";", ("1.500", "72.5"), [1.5, 72.5]),
        (";", ("1.500", "0.512"), [1.5, 0.512]),
        (";", ("1,000", "72.5"), [72.5]),
        (";", ("1,000", "1,234,567", "987"), [987]),
        (";", ("1,000", "72,5"), [1, 72.5]),
        (";", ("1.000", "72.5", "72,5"), [72.5, 72.5]),
        ("\t", ("1.000", "987"), [987]),
        ("\t", ("1.000", "72.5"), [1, 72.5]),
    ],
)
def test_a_thousand_is_not_read_as_one(
    tmp_path: Path, mark: str, cells: tuple[str, ...], wanted: list[float]
) -> None:
    """1.000 and 1,000 are numbers only where the other cells tell which mark is the decimal's."""
    rows = "".join(f"2024-05-01 00:{i:02d}:00{mark}{c}\n" for i, c in enumerate(cells))
    (tmp_path / "A1.csv").write_text(f"timestamp{mark}activity\n" + rows)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _column(items, "activity_counts", "counts") == pytest.approx(wanted)


def test_whose_a_row_is_stays_as_it_is_written(tmp_path: Path) -> None:
    row = "1;1714557600000;101.001;52,5201;13,4049;0;0;34,2;gps;12,5;\n"
    (tmp_path / "locations.csv").write_text(PLACES + row * 2)
    items = items_of(tmp_path)
    assert set(_column(items, "location", "subject_id")) == {"101.001"}


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (("01.05.2024 00:00:00", "1.5.2024 0:01"), ["2024-05-01 00:00:00", "2024-05-01 00:01:00"]),
        (("30/04/2024 23:59", "01/05/2024 00:00"), ["2024-04-30 23:59:00", "2024-05-01 00:00:00"]),
        (("4/30/2024 23:59", "5/1/2024 00:00"), ["2024-04-30 23:59:00", "2024-05-01 00:00:00"]),
        (("01/05/2024 00:00", "02/05/2024 00:00"), None),
        (("31/04/2024 23:59", "31.04.2024 00:00"), None),
    ],
    ids=["dots", "day-first", "month-first", "either", "no-such-day"],
)
def test_a_date_is_read_where_its_order_is_told(
    tmp_path: Path, days: tuple[str, ...], wanted: list[str] | None
) -> None:
    rows = "".join(f"{day};{i}\n" for i, day in enumerate(days))
    (tmp_path / "A1.csv").write_text("Timestamp;Activity\n" + rows)
    items = items_of(tmp_path)
    if wanted is None:
        [reason] = rejects(items)
        assert reason.startswith("lines 2-3: Timestamp is not a date")
    else:
        assert _times(items, "activity_counts") == wanted


@pytest.mark.parametrize("named", [True, False])
def test_actigraph_with_semicolons(tmp_path: Path, named: bool) -> None:
    head = PREAMBLE.format(format="dd/MM/yyyy", time="12:00:00", date="01/05/2024")
    names = "Date;Time;Axis1;Axis2\n" if named else ""
    rows = ["01/05/2024;12:00:00;", "01/05/2024;12:01:00;"] if named else ["", ""]
    text = head + names + "".join(f"{row}{i + 5};4\n" for i, row in enumerate(rows))
    (tmp_path / "A1.csv").write_text(text)
    items = items_of(tmp_path)
    assert not rejects(items)
    assert _column(items, "activity_counts", "counts") == [5, 6]
    assert _times(items, "activity_counts") == ["2024-05-01 12:00:00", "2024-05-01 12:01:00"]


@pytest.mark.parametrize(
    ("form", "date", "time"),
    [
        ("dd/MM/yyyy", "01/05/2024", "15:30:00"),
        ("M/d/yyyy", "5/1/2024", "3:30:00 PM"),
        ("yyyy-MM-dd", "2024-05-01", "15:30:00"),
        ("dd.MM.yyyy", "01.05.2024", "15.30.00"),
        ("d. M. yyyy", "1. 5. 2024", "15:30:00"),
    ],
)
def test_actigraph_starts_are_read_as_their_computer_wrote_them(
    form: str, date: str, time: str
) -> None:
    start = start_of(PREAMBLE.format(format=form, date=date, time=time))
    assert start.isoformat() == "2024-05-01T15:30:00+00:00"


def test_actiwatch_with_semicolons(tmp_path: Path) -> None:
    (tmp_path / "W1.csv").write_text(
        '"--- Actiwatch-Dateneigenschaften ---"\n"Epoch-by-Epoch Data"\n\n'
        '"Zeile";"Datum";"Zeit";"Status Handgelenk abgenommen";"Aktivität";"Weißlicht"\n'
        '"1";"30.04.2024";"23:59:00";"0";"12";"1,5"\n"2";"01.05.2024";"00:00:00";"0";"7";"0"\n'
    )
    items = items_of(tmp_path)
    assert not rejects(items)
    assert _column(items, "activity_counts", "counts") == [12, 7]
    assert _times(items, "activity_counts") == ["2024-04-30 23:59:00", "2024-05-01 00:00:00"]


def _recording(form: str, mark: str = ",") -> str:
    """A count an hour from noon to noon the day after tomorrow: from 1 to 3 January."""
    start = datetime(2024, 1, 1, 12, tzinfo=UTC)
    moments = [start + timedelta(hours=hour) for hour in range(48)]
    return "".join(f"{at:{form}}{mark}{i}\n" for i, at in enumerate(moments))


@pytest.mark.parametrize(
    ("names", "form", "mark"),
    [
        ("Date,Time,Axis1", "%m/%d/%Y,%H:%M:%S", ","),
        ("Date, Time, Axis1", "%d/%m/%Y,%I:%M:%S %p", ","),
        ("date;time;Axis1", "%Y-%m-%d;%H:%M", ";"),
        ("Date;Time;Axis1", "%d.%m.%Y;%H:%M:%S", ";"),
        ("Timestamp,Axis1", "%m/%d/%Y %I:%M %p", ","),
        ("timestamp,Axis1", "%d/%m/%Y %H:%M", ","),
        ("TIMESTAMP;ACTIVITY", "%m-%d-%Y %H:%M", ";"),
        ("TIME;ACTIVITY", "%d-%m-%Y %H:%M", ";"),
        ("time,counts", "%m-%d-%Y %H:%M", ","),
    ],
)
def test_a_recording_tells_by_its_days_what_a_date_means(
    tmp_path: Path, names: str, form: str, mark: str
) -> None:
    (tmp_path / "A1.csv").write_text(names + "\n" + _recording(form, mark))
    items = items_of(tmp_path)
    assert not rejects(items)
    found = _times(items, "activity_counts")
    assert (found[0], found[11], found[12]) == (
        "2024-01-01 12:00:00",
        "2024-01-01 23:00:00",
        "2024-01-02 00:00:00",
    )
    assert found[-1] == "2024-01-03 11:00:00"
    assert _column(items, "activity_counts", "counts") == list(range(48))


@pytest.mark.parametrize("days", [("1/1/2024", "2/1/2024"), ("1/1/2024", "1/1/2024")])
def test_dates_that_tell_nothing_are_refused(tmp_path: Path, days: tuple[str, str]) -> None:
    rows = "".join(f"{day} 09:00,{i}\n" for i, day in enumerate(days))
    (tmp_path / "A1.csv").write_text("timestamp,Axis1\n" + rows)
    [reason] = rejects(items_of(tmp_path))
    assert reason.startswith("lines 2-3: timestamp is not a date")


def test_the_days_of_a_spreadsheet_are_no_seconds(tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text("timestamp,activity\n45425.5,1\n45425.5007,5\n")
    [reason] = rejects(items_of(tmp_path))
    assert "timestamp is not a date and time" in reason


def test_half_past_thirteen_in_the_afternoon_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text("Date,Time,Axis1\n2024-05-01,13:30:00 PM,4\n")
    [reason] = rejects(items_of(tmp_path))
    assert "line 2: timestamp is not a date" in reason


@pytest.mark.parametrize(
    ("size", "expected"), [(1.0, 1.0), (9.80665, 1.0), (0.0, 0.0), (24.0, None), (1000.0, None)]
)
def test_acceleration_is_in_g_or_refused(
    tmp_path: Path, size: float, expected: float | None
) -> None:
    rows = [
        f"2024-05-07 16:29:{30 + i}.040,0.0,0.0,{size if i % 9 else 2 * size}" for i in range(27)
    ]
    (tmp_path / "A1.csv").write_text("time, x, y, z\n" + "\n".join(rows) + "\n")
    [(reading, items)] = read(tmp_path)
    if expected is None:
        assert not [item for item in items if hasattr(item, "stream")]
        assert "no known unit" in rejects(items)[0] or size > 64
        return
    assert_accounted(reading, items)
    assert _column(items, "accelerometer", "z")[1] == pytest.approx(expected)


def test_an_e4_in_tables_is_what_it_is_in_its_own_files(tmp_path: Path) -> None:
    home = tmp_path / "study" / "001"
    home.mkdir(parents=True)
    names = "datetime, acc_x, acc_y, acc_z"
    rows = [f"2020-02-13 15:28:5{i}.031250,{6.0 + i},0.0,64.0" for i in range(4)]
    (home / "ACC_001.csv").write_text("\n".join([names, *rows, "never,1,1,1"]) + "\n")
    (home / "IBI.csv").write_text("datetime, ibi\n2020-02-13 15:31:54.500,0.75\n")
    items = items_of(tmp_path, zone="Europe/Berlin")
    assert {item.table["subject_id"][0].as_py() for item in items if hasattr(item, "stream")} == {
        "001"
    }
    assert _column(items, "accelerometer", "x")[:2] == [6 / 64, 7 / 64]
    assert _column(items, "accelerometer", "z")[0] == 1.0
    assert _times(items, "accelerometer")[0] == "2020-02-13 14:28:50"
    assert _column(items, "beat_intervals", "interval") == [750.0]
    assert len(rejects(items)) == 1


@pytest.mark.parametrize(
    ("rest", "z"), [("0,0,64\n", [1, 1, 0]), ("0,0,0.98\n", [0.98, 0.98, 0]), ("0,0,9.8\n", None)]
)
def test_an_e4s_acceleration_is_in_its_own_unit_or_in_g(
    rest: str, z: list[float] | None, tmp_path: Path
) -> None:
    (tmp_path / "anna").mkdir()
    head = "1714557600.0, 1714557600.0, 1714557600.0\n32.0, 32.0, 32.0\n"
    (tmp_path / "anna" / "ACC.csv").write_text(head + rest * 2 + "0,0,0\n" * 3)
    items = items_of(tmp_path)
    if z is None:
        assert "no known unit" in rejects(items)[0]
    else:
        assert _column(items, "accelerometer", "z")[:3] == pytest.approx(z)


def test_a_bad_line_does_not_change_how_an_e4s_clock_is_judged(tmp_path: Path) -> None:
    """A night in which the zone's clocks went back and the recording's did not."""
    start = datetime(2024, 10, 26, 23, tzinfo=UTC)
    rows = [f"{start + timedelta(seconds=i):%Y-%m-%d %H:%M:%S},70" for i in range(6 * 3600)]
    (tmp_path / "HR_1.csv").write_text("\n".join(["datetime, hr", *rows, "bad,70"]) + "\n")
    items = items_of(tmp_path, zone="Europe/Berlin")
    times = samples_of(items, "heart_rate").column("time").to_pylist()
    assert [times[0], times[-1]] == [
        start - timedelta(hours=2),
        times[0] + timedelta(seconds=21599),
    ]
    assert times == sorted(times)
