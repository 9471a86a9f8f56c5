"""Phones: Beiwe's hourly files, AWARE's tables, steps, surveys, Open mHealth."""

import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from euthymia.ground.ids import device_id
from euthymia.ground.records import Samples
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of, short_hash

GPS = "timestamp,UTC time,latitude,longitude,altitude,accuracy\n"


def _hour(folder: Path, stream: str, hour: int, text: str) -> None:
    path = folder / "bw1" / stream / f"2024-05-01 {hour:02d}_00_00.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _fix(hour: int, latitude: object = 52.5) -> str:
    return f"{1714557600000 + hour * 3_600_000},2024,{latitude},13.4,34,5\n"


def test_hourly_files_are_one_reading(tmp_path: Path) -> None:
    for hour in range(10):
        _hour(tmp_path, "gps", hour, GPS + _fix(hour) * 3)
    [(reading, items)] = read(tmp_path)
    assert (reading.source, reading.rows_in, len(items)) == ("beiwe", 30, 1)
    assert reading.file_name.endswith("bw1/gps")
    assert items[0].system == device_id("beiwe", "").system
    assert set(samples_of(items, "location").column("subject_id").to_pylist()) == {"bw1"}
    assert_accounted(reading, items)


def test_a_bad_line_names_its_hour(tmp_path: Path) -> None:
    _hour(tmp_path, "gps", 8, GPS + _fix(8))
    _hour(tmp_path, "gps", 9, GPS + _fix(9) + _fix(9, "north") + _fix(9))
    _hour(tmp_path, "gps", 10, "timestamp,UTC time,lat\n1,2,3\n1,2,3\n")
    _hour(tmp_path, "gps", 11, "")
    _hour(tmp_path, "gps", 12, GPS + _fix(12))
    [(reading, items)] = read(tmp_path)
    missing = (
        "the column(s) latitude, longitude are missing; not known: the column(s) at place 2, 3; "
        "rename or export them again"
    )
    assert rejects(items) == [
        "2024-05-01 09_00_00.csv: line 3: latitude is not a number",
        f"2024-05-01 10_00_00.csv: {missing}",
        "2024-05-01 11_00_00.csv: the file is empty",
    ]
    assert reading.rows_in == 8
    assert samples_of(items, "location").num_rows == 4
    assert_accounted(reading, items)


def test_columns_may_change_their_order_between_hours(tmp_path: Path) -> None:
    _hour(tmp_path, "gps", 8, GPS + _fix(8))
    _hour(tmp_path, "gps", 9, "latitude,timestamp,UTC time,longitude\n1.5,1714557600000,2024,2.5\n")
    table = samples_of(items_of(tmp_path), "location")
    assert table.column("latitude").to_pylist() == [52.5, 1.5]
    assert table.column("accuracy").to_pylist() == [5.0, None]


def test_screen_events_of_both_kinds_of_phone(tmp_path: Path) -> None:
    events = ["Screen turned on", "Screen turned off", "Unlocked", "Locked", "Charging", "Melted"]
    lines = [f"171455760{i}000,2024,{event},0.5\n" for i, event in enumerate(events)]
    _hour(tmp_path, "powerState", 9, "timestamp,UTC time,event,level\n" + "".join(lines))
    items = items_of(tmp_path)
    assert samples_of(items, "screen").column("state").to_pylist() == [1, 0, 3, 2]
    battery = samples_of(items, "battery").to_pylist()
    assert [row["level"] for row in battery] == [50.0] * 5
    assert [row["status"] for row in battery] == [None] * 4 + [2]
    [reason] = rejects(items)
    assert reason.startswith("line 7: event is not one of ")


def test_calls_and_messages_hide_the_other_one(tmp_path: Path) -> None:
    _hour(
        tmp_path,
        "calls",
        9,
        "hashed phone number,call type,timestamp,UTC time,duration in seconds\n"
        "abc,Missed Call,1714557600000,2024,0\nabc,Outgoing Call,1714557600001,2024,9.5\n",
    )
    _hour(
        tmp_path,
        "texts",
        9,
        "timestamp,UTC time,hashed phone number,sent vs received,message length,time sent\n"
        "1714557600000,2024,abc,sent SMS,12,\n",
    )
    items = items_of(tmp_path)
    calls = samples_of(items, "calls")
    assert calls.column("direction").to_pylist() == [3, 2]
    assert set(calls.column("contact").to_pylist()) == {short_hash("abc")}
    texts = samples_of(items, "messages").to_pylist()[0]
    assert (texts["direction"], texts["length"], texts["contact"]) == (2, 12, short_hash("abc"))


@pytest.mark.parametrize("unit", [1.0, 9.80665])
def test_acceleration_is_in_g_whichever_phone(unit: float, tmp_path: Path) -> None:
    line = f"1714557600000,2024,1,0,0,{unit}\n"
    _hour(tmp_path, "accelerometer", 9, "timestamp,UTC time,accuracy,x,y,z\n" + line * 9)
    assert samples_of(items_of(tmp_path), "accelerometer").column("z").to_pylist() == [1.0] * 9


def test_a_zipped_study_reads_like_the_folder(tmp_path: Path) -> None:
    study = tmp_path / "study"
    for hour in range(3):
        _hour(study, "gps", hour, GPS + _fix(hour))
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in study.rglob("*.csv"):
            archive.write(path, path.relative_to(study))
    [(plain, items)] = read(study)
    [(packed, unpacked)] = read(tmp_path / "study.zip")
    assert repr(items) == repr(unpacked)
    assert plain.digest == packed.digest


# -- AWARE -----------------------------------------------------------------------------------------


def test_aware_millis_and_seconds_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("_id,timestamp,device_id,screen_status\n1,1714557600123,d,1\n")
    (tmp_path / "b.csv").write_text("user,device,time,screen_status\nu,d,1714557600.123,1\n")
    expected = datetime(2024, 5, 1, 10, 0, 0, 123_000, tzinfo=UTC)
    tables = [samples_of(items, "screen").to_pylist()[0] for _, items in read(tmp_path)]
    assert [row["time"] for row in tables] == [expected, expected]
    assert [row["subject_id"] for row in tables] == ["d", "u"]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("anna/screen.csv", "anna"),
        ("anna_may.csv", "anna_may"),
        ("anna/locations.csv", "anna"),
        ("anna/raw/screen.csv", "anna"),
        ("anna/screen (1).csv", "anna"),
        ("anna/screen_2024-05.csv", "anna"),
        ("anna_2.csv", "anna_2"),
    ],
)
def test_a_file_that_names_nobody_is_named_after_its_place(
    name: str, owner: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("timestamp,screen_status\n1714557600000,1\n")
    [item] = items_of(path)
    assert isinstance(item, Samples)
    assert item.table.column("subject_id").to_pylist() == [owner]
    [other] = items_of(path, subject="bob")
    assert other.table.column("subject_id").to_pylist() == ["bob"]


def test_aware_numbers_and_words_for_calls(tmp_path: Path) -> None:
    text = "timestamp,device_id,call_type,call_duration,trace\n"
    rows = [f"171455760{i}000,d,{kind},5,t\n" for i, kind in enumerate(["1", "outgoing", "3", "9"])]
    (tmp_path / "calls.csv").write_text(text + "".join(rows))
    items = items_of(tmp_path)
    assert samples_of(items, "calls").column("direction").to_pylist() == [1, 2, 3]
    assert rejects(items) == [
        "line 5: call_type is not one of 1, 2, 3, 4, incoming, missed, outgoing"
    ]


# -- steps, surveys, Open mHealth ------------------------------------------------------------------


def test_steps_follow_the_persons_zone(tmp_path: Path) -> None:
    rows = [f"2021-07-01 {h:02d}:00:00,u{h % 2},2021-07-01,x,{h}\n" for h in range(4)]
    (tmp_path / "s.csv").write_text(",user,date,time,steps\n" + "".join(rows))
    zones = {device_id("steps", "u0"): "Asia/Tokyo"}
    table = samples_of(items_of(tmp_path, zone_of=zones.get, zone="UTC"), "steps")
    hours = {row["row"]: row["time"].hour for row in table.to_pylist()}
    assert hours == {1: 15, 2: 1, 3: 17, 4: 3}
    assert set(table.column("period").to_pylist()) == {7200.0}


def test_phq9_answers_are_loinc_items(tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text(
        "time,id,answer\n1626717092,PHQ9_1,0\n1626717092,PHQ9_9,3\n1626717092,PHQ9_9,4\n"
        "1626717092,GAD7_1,1\n"
    )
    items = items_of(tmp_path)
    assert [(f["code"], f["numeric_value"], f["subject_id"]) for f in facts_of(items)] == [
        ("LOINC/44250-9", 0.0, "anna"),
        ("LOINC/44260-8", 3.0, "anna"),
    ]
    assert rejects(items)[0] == "line 4: answer is not a whole number from 0 to 3"
    assert rejects(items)[1].startswith("line 5: id is not one of PHQ9_1")


def test_open_mhealth_points_that_are_ambiguous_are_refused(tmp_path: Path) -> None:
    moment = {"date_time": "2024-05-01T07:00:00Z"}
    good = {"heart_rate": {"value": 60, "unit": "beats/min"}, "effective_time_frame": moment}
    points = [
        good,
        {"header": {"id": "x"}, "body": good},
        {**good, "heart_rate": {"value": 60, "unit": "Hz"}},
        {**good, "effective_time_frame": {"time_interval": {"date": "2024-05-01"}}},
        {"blood_glucose": {}, "effective_time_frame": moment},
        7,
    ]
    (tmp_path / "mhealth_x.json").write_text(json.dumps(points))
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [60.0, 60.0]
    assert rejects(items) == [
        "data point 3: heart_rate needs a value and a unit, one of beats/min",
        "data point 4: its time frame has no date_time and no interval with a start and an end",
        (
            "data point 5: it is none of activity_name, heart_rate, latitude, oxygen_saturation, "
            "respiratory_rate, rr_interval, sleep_duration, sleep_stage_state, step_count, "
            "time_in_bed, total_sleep_time, sleep-episode"
        ),
        "data point 6: it is not an object",
    ]
    assert_accounted(reading, items)


@pytest.mark.parametrize("name", ["study.sqlite3", "AwareScreen.db"])
def test_databases_of_niimpy(name: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / name)) as base, base:
        whose = "user TEXT, device TEXT, time REAL"
        base.execute(f"CREATE TABLE AwareScreen ({whose}, screen_status INTEGER, datetime TEXT)")
        base.execute("INSERT INTO AwareScreen VALUES ('u1', 'd1', 1578484464.5, 1, 'x')")
        base.execute("INSERT INTO AwareScreen VALUES ('u2', 'd2', 1578484465.5, 0, 'x')")
        base.execute(f"CREATE TABLE AwareCalls ({whose}, call_type, call_duration, trace TEXT)")
        base.execute("INSERT INTO AwareCalls VALUES ('u1', 'd1', 1578484466, 'missed', '0', 'x')")
    [(reading, items)] = read(tmp_path)
    screen = samples_of(items, "screen")
    assert screen.column("subject_id").to_pylist() == ["u1", "u2"]
    assert screen.column("state").to_pylist() == [1, 0]
    assert screen.column("time").to_pylist()[0].isoformat() == "2020-01-08T11:54:24.500000+00:00"
    assert samples_of(items, "calls").column("direction").to_pylist() == [3]
    assert_accounted(reading, items)


def test_a_battery_is_read_on_its_own_scale(tmp_path: Path) -> None:
    (tmp_path / "battery.csv").write_text(
        "timestamp,device_id,battery_status,battery_level,battery_scale\n"
        "1714557600000,d1,3,50,200\n1714557601000,d1,3,51,100\n1714557602000,d1,3,52,\n"
    )
    table = samples_of(items_of(tmp_path), "battery")
    assert table.column("level").to_pylist() == [25.0, 51.0, 52.0]
    assert table.column("status").to_pylist() == [3, 3, 3]
