"""Fitbit, Google Takeout, Oura and Health Connect: their exports, and how they go wrong."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from euthymia.ground.records import Reject
from euthymia.sources import fitbit_sleep, oura
from euthymia.sources.device_people import person_of
from euthymia.sources.health_connect_tables import RESTING, RMSSD
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

COUNTED_BY_ANOTHER = (
    "the same minute is counted by the tracker or another source that is preferred; steps are "
    "counted once"
)


def home(folder: Path, *names: str) -> Path:
    path = folder.joinpath("anna", *names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, content: object) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def lost(items: list[Any]) -> dict[str, int]:
    return {item.reason: item.rows for item in items if isinstance(item, Reject)}


# -- Fitbit ----------------------------------------------------------------------------------------


def test_fitbit_heart_rate_is_utc_and_sleep_is_the_wall(tmp_path: Path) -> None:
    folder = home(tmp_path, "Takeout", "Fitbit", "Global Export Data")
    beat = {"dateTime": "07/01/24 04:00:05", "value": {"bpm": 61, "confidence": 2}}
    write(folder / "heart_rate-2024-07-01.json", [beat, {**beat, "value": {}}])
    level = {"dateTime": "2024-06-30T23:00:00.000", "level": "light", "seconds": 600}
    write(folder / "sleep-2024-06-30.json", [{"logId": 5, "levels": {"data": [level]}}])
    items = items_of(tmp_path, zone="America/New_York")
    rates = samples_of(items, "heart_rate")
    assert rates.column("time").to_pylist() == [datetime(2024, 7, 1, 4, 0, 5, tzinfo=UTC)]
    stages = samples_of(items, "sleep_stages")
    assert stages.column("time").to_pylist() == [datetime(2024, 7, 1, 3, tzinfo=UTC)]
    assert set(stages.column("subject_id").to_pylist()) == {"anna"}
    assert rejects(items) == ["element 2: it has no bpm"]


GOOGLE_HEALTH = {
    "Steps/steps_2026-09-01.csv": "timestamp,steps,data source\n"
    "2026-09-12T05:00:00Z,130,Phone\n2026-09-12T05:00:00Z,128,Band\n",
    "Live Pace/live_pace_2026-09-12.csv": "timestamp,steps,distance millimeters,"
    "altitude gain millimeters,data source\n2026-09-12T05:00:00Z,999,1,0,Band\n",
    "Heart Rate/heart_rate_2026-09-12.csv": "timestamp,beats per minute,data source\n"
    "2026-09-12T04:00:05Z,100.0,Band\n",
    "Daily Resting Heart Rate/daily_resting_heart_rate.csv": "timestamp,beats per minute,"
    "data source\n2026-09-12T00:00:00Z,61.2,App\n",
}


def test_every_file_of_google_health_is_of_the_person_whose_export_it_is(tmp_path: Path) -> None:
    for name, text in GOOGLE_HEALTH.items():
        kind, file = name.split("/")
        folder = home(tmp_path, "Takeout", "Google Health", "Physical Activity_GoogleData", kind)
        write(folder / file, text)
    items = items_of(tmp_path, zone="Asia/Kolkata")
    steps, rates = samples_of(items, "steps"), samples_of(items, "heart_rate")
    assert steps.column("steps").to_pylist() == [128], "of the band, and nothing of the live pace"
    assert rates.column("rate").to_pylist() == [100.0], "a resting rate is none of midnight"
    (resting,) = facts_of(items)
    assert (resting["code"], resting["numeric_value"]) == (RESTING, pytest.approx(61.2))
    assert resting["time"] == datetime(
        2026, 9, 11, 18, 30, tzinfo=UTC
    )  # midnight of the 12th on the wall
    whose = {*steps.column("subject_id").to_pylist(), *rates.column("subject_id").to_pylist()}
    assert whose == {"anna"}
    assert lost(items) == {
        "steps of a live pace are in the file of steps as well: not kept": 1,
        COUNTED_BY_ANOTHER: 1,
    }


def test_steps_that_several_sources_count_are_kept_once(tmp_path: Path) -> None:
    """The tracker's, then the phone's own, then what came through Health Connect."""
    folder = home(tmp_path, "Takeout", "Fitbit", "Physical Activity_GoogleData")
    rows = (
        "16:39:00Z,34,Charge\n2026-07-20T16:40:00Z,66,Charge\n",
        "16:39:18.008Z,40,Phone Health Connect\n",
        "18:39:18.008Z,30,Phone Health Connect\n",
        "18:39:00Z,31,MobileTrack\n",
        "19:00:00Z,x,MobileTrack\n",
        "20:00:00Z,7,\n",
    )
    text = "timestamp,steps,data source\n" + "".join("2026-07-20T" + row for row in rows)
    write(folder / "steps_2026-07-01.csv", text)
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "steps").column("steps").to_pylist() == [34, 66, 31, 7]
    assert lost(items)[COUNTED_BY_ANOTHER] == 2
    assert_accounted(reading, items)


def test_a_resting_rate_with_a_time_of_its_own_is_one(tmp_path: Path) -> None:
    folder = home(tmp_path, "Takeout", "Google Health", "Physical Activity_GoogleData")
    text = "timestamp,beats per minute,data source\n2026-05-27T22:01:13Z,51,HealthKit\n"
    write(folder / "resting_heart_rate_2026-05-27.csv", text)
    [fact] = facts_of(items_of(tmp_path, zone="Asia/Kolkata"))
    assert (fact["code"], fact["numeric_value"]) == (RESTING, 51)
    assert fact["time"] == datetime(2026, 5, 27, 22, 1, 13, tzinfo=UTC)


def test_a_distance_from_ones_own_baseline_is_no_temperature(tmp_path: Path) -> None:
    folder = home(tmp_path, "Takeout", "Fitbit", "Temperature")
    text = "recorded_time,temperature,sensor_type\n2024-05-01T00:00,-1.4,UNKNOWN\n"
    write(folder / "Wrist Temperature - 2024-05-01.csv", text + "2024-05-01T00:01,-1.3,UNKNOWN\n")
    items = items_of(tmp_path, zone="Europe/Oslo")
    assert lost(items) == {
        "a wrist's temperature is told as the distance from the person's own baseline: not kept": 2
    }


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("anna/Takeout/Google Health/Physical Activity_GoogleData/Whatever/steps_1.csv", "anna"),
        ("anna/Google Health/Global Export Data/steps-2026-09-11.json", "anna"),
        ("takeout-2026T00Z-1-001.zip/Takeout/Fitbit/New Kind/steps_1.csv", "takeout-2026T00Z"),
        ("takeout-2026T00Z-1-002.zip/Takeout/Fitbit/Other/heart.csv", "takeout-2026T00Z"),
        ("fitbit/anna/steps-2026-09-11.json", "anna"),
        ("study/p01/Fitbit/steps-2026-09-11.json", "p01"),
        ("steps-2026-09-11.json", "steps-2026-09-11"),
        ("study/2001/Takeout/Location History/Records.json", "2001"),
        ("study/2002/Timeline.json", "2002"),
        ("a/Semantic Location History/2023/2023_MAY.json", "a"),
        ("anna/2023/2023_MAY.json", "anna"),
        ("takeout/anna/Takeout/Google Health/Physical Activity_GoogleData/S/s_1.csv", "anna"),
        ("study/takeout-anna/Takeout/Fit/All Data/s.json", "takeout-anna"),
        ("anna/takeout-20240501T101010Z-001/Takeout/Fit/All Data/s.json", "anna"),
        ("study/stress01/Takeout/Fitbit/Stress Score/Stress Score.csv", "stress01"),
        ("anna/Google Health/Sub/Global Export Data/steps-2026-09-11.json", "anna"),
    ],
)  # fmt: skip
def test_whose_an_export_is_is_told_by_the_folder_above_it(path: str, who: str) -> None:
    opened = SimpleNamespace(path=PurePath(path), context=SimpleNamespace(subject=""))
    assert person_of(opened) == who


def test_a_short_wake_takes_its_time_from_the_stage_it_is_in() -> None:
    minute = 60_000_000
    levels = [(0, 30 * minute, 1), (30 * minute, 30 * minute, 2), (60 * minute, 10 * minute, -1)]
    start, stage, length = fitbit_sleep._interrupted(levels, [(10 * minute, 2 * minute, 0)])
    assert (start // minute).tolist() == [0, 10, 12, 30]
    assert stage.tolist() == [1, 0, 1, 2]
    assert length.tolist() == [600, 120, 1080, 1800]


def test_fitbit_tables(tmp_path: Path) -> None:
    folder = home(tmp_path, "Fitbit")
    write(folder / "hr.csv", "timestamp,beats per minute\n2024-05-01T04:00:05Z,61\nx,62\n")
    write(folder / "st.csv", "timestamp,steps,data source\n2024-05-01T04:00:00Z,12,Watch\n")
    write(
        folder / "UserSleepStages_2024.csv",
        "sleep_id,sleep_stage_id,sleep_stage_type,start_utc_offset,sleep_stage_start,"
        "end_utc_offset,sleep_stage_end\n7,1,DEEP,+02:00,2024-05-01T01:00:00Z,+02:00,"
        "2024-05-01T01:10:00Z\n7,2,REM,+02:00,2024-05-01T01:10:00Z,+02:00,2024-05-01T01:00:00Z\n",
    )
    write(
        folder / "Heart Rate Variability Details - 2024-05-01.csv",
        "timestamp,rmssd,coverage,low_frequency,high_frequency\n2024-05-01T03:00:00,41.5,1,2,3\n",
    )
    write(folder / "Minute SpO2 - 2024-05-01.csv", "timestamp,value\n2024-05-01T03:00:00Z,96.5\n")
    found = read(tmp_path, zone="Europe/Berlin")
    assert {reading.source for reading, _ in found} == {"fitbit"}
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, items in found for item in items]
    assert samples_of(items, "heart_rate").num_rows == 1
    assert samples_of(items, "steps").to_pylist()[0]["period"] == 60
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [2]
    assert samples_of(items, "oxygen_saturation").column("value").to_pylist() == [96.5]
    [fact] = facts_of(items)
    assert (fact["numeric_value"], fact["time"]) == (41.5, datetime(2024, 5, 1, 1, tzinfo=UTC))
    assert len(rejects(items)) == 2


def test_a_day_without_a_resting_rate_is_no_rate_of_zero(tmp_path: Path) -> None:
    day = {"dateTime": "05/01/24 00:00:00", "value": {"date": None, "value": 0.0, "error": 0}}
    good = {"dateTime": "05/02/24 00:00:00", "value": {"value": 58.4}}
    write(home(tmp_path) / "resting_heart_rate-2024-05-01.json", [day, good])
    [(reading, items)] = read(tmp_path, zone="America/New_York")
    [fact] = facts_of(items)
    assert fact["numeric_value"] == 58.4
    assert fact["time"] == datetime(2024, 5, 2, 4, tzinfo=UTC)  # midnight there, not in Greenwich
    assert_accounted(reading, items)


# -- Google ----------------------------------------------------------------------------------------


def test_places_of_all_three_timelines(tmp_path: Path) -> None:
    folder = home(tmp_path, "Takeout", "Location History")
    at = "2024-05-01T06:00:00.000Z"
    write(
        folder / "Records.json",
        {
            "locations": [
                {
                    "latitudeE7": 525000000,
                    "longitudeE7": 4160967296,
                    "timestamp": at,
                    "velocity": 2,
                },
                {"latitudeE7": 525000000, "longitudeE7": 1, "timestampMs": "1714543200000"},
                {"timestamp": at},
                {"latitudeE7": "x", "longitudeE7": 1, "timestamp": at},
            ]
        },
    )
    span = {
        "startTime": "2024-05-01T08:00:00.000+02:00",
        "endTime": "2024-05-01T09:00:00.000+02:00",
    }
    path = [{"point": "52.5°, 13.4°", "time": "2024-05-01T08:05:00.000+02:00"}]
    visit = {"topCandidate": {"placeLocation": {"latLng": "52.1°, -13.2°"}}}
    fix = {"LatLng": "52.6°, 13.5°", "accuracyMeters": 9, "timestamp": span["endTime"]}
    write(
        folder / "Timeline.json",
        {
            "semanticSegments": [{**span, "timelinePath": path}, {**span, "visit": visit}],
            "rawSignals": [{"position": fix}, {"wifiScan": {}}],
            "userLocationProfile": {"frequentPlaces": []},
        },
    )
    minutes = [{"point": "geo:52.7,13.6", "durationMinutesOffsetFromStartTime": "30"}]
    write(folder / "ios.json", [{**span, "timelinePath": minutes}])
    way = {
        "duration": {"startTimestamp": at, "endTimestamp": "2024-05-01T07:00:00Z"},
        "startLocation": {"latitudeE7": 1, "longitudeE7": 2},
        "simplifiedRawPath": {"points": [{"latE7": 3, "lngE7": 4, "timestamp": at}]},
    }
    write(folder / "2024_MAY.json", {"timelineObjects": [{"activitySegment": way}]})
    found = {r.file_name.rpartition("/")[2]: (r, items) for r, items in read(tmp_path)}
    for reading, items in found.values():
        assert reading.source == "google_takeout"
        assert_accounted(reading, items)
    raw = samples_of(found["Records.json"][1], "location").to_pylist()
    assert [row["longitude"] for row in raw] == [-13.4, 1e-7]
    assert lost(found["Records.json"][1]) == {
        "locations element 4: latitudeE7 is not a number": 1,
        "it has no position: not kept": 1,
    }
    phone = samples_of(found["Timeline.json"][1], "location").to_pylist()
    assert {row["latitude"] for row in phone} == {52.5, 52.1, 52.6}
    [ios] = samples_of(found["ios.json"][1], "location").to_pylist()
    assert ios["time"] == datetime(2024, 5, 1, 6, 30, tzinfo=UTC)
    assert samples_of(found["2024_MAY.json"][1], "location").num_rows == 2
    assert set(samples_of(found["ios.json"][1], "location").column("subject_id").to_pylist()) == {
        "anna"
    }


def _points(kind: str, *points: tuple[int, int, object]) -> dict[str, Any]:
    return {
        "Data Source": "x",
        "Data Points": [
            {
                "fitValue": [{"value": {"intVal" if isinstance(v, int) else "fpVal": v}}],
                "startTimeNanos": (1714543200 + a) * 10**9,
                "endTimeNanos": str((1714543200 + b) * 10**9),
                "dataTypeName": kind,
            }
            for a, b, v in points
        ],
    }


def test_google_fit_counts_each_step_once(tmp_path: Path) -> None:
    folder = home(tmp_path, "Takeout", "Fit", "All Data")
    days = home(tmp_path, "Takeout", "Fit", "Daily activity metrics")
    step = "com.google.step_count.delta"
    write(folder / "derived_x_estimated_steps.json", _points(step, (0, 60, 42), (60, 120, 8)))
    write(folder / "raw_phone.json", _points(step, (0, 60, 40), (3600, 3660, 5)))
    write(folder / "hr.json", _points("com.google.heart_rate.bpm", (0, 0, 61.5)))
    write(folder / "sleep.json", _points("com.google.sleep.segment", (0, 600, 5), (600, 700, 9)))
    write(
        days / "2024-05-01.csv",
        "Start time,End time,Move Minutes count,Step count\n"
        "08:00:00.000+02:00,08:15:00.000+02:00,1,55\n23:45:00.000+02:00,00:00:00.000+02:00,1,7\n"
        "09:15:00.000+02:00,09:30:00.000+02:00,,\nx,y,1,2\n",
    )
    write(
        days / "Daily activity metrics.csv", "Date,Move Minutes count,Step count\n2024-05-01,9,9\n"
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    # the day's table says 55 for a quarter of an hour of which two minutes are known better: the
    # quarter is kept, since most of its time is not covered
    assert sorted(samples_of(items, "steps").column("steps").to_pylist()) == [5, 7, 8, 42, 55]
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [61.5]
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [2]
    assert any("counted once" in reason for reason in rejects(items))


# -- Oura ------------------------------------------------------------------------------------------


def test_oura_sleep_brings_stages_heart_rate_and_variability(tmp_path: Path) -> None:
    start = "2024-04-30T23:10:00+02:00"
    night = {
        "bedtime_start": start,
        "sleep_phase_5_min": "4421",
        "sleep_phase_30_sec": "42213",
        "heart_rate": {"interval": 300, "items": [None, 55, 54], "timestamp": start},
        "hrv": {"interval": 300, "items": [40, None, 42], "timestamp": start},
    }
    write(
        home(tmp_path) / "oura.json",
        {"data": [night, {"score": 3}, {**night, "sleep_phase_30_sec": "9"}]},
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    stages = samples_of(items, "sleep_stages")
    assert stages.column("stage").to_pylist() == [0, 1, 2, 3]
    assert stages.column("duration").to_pylist() == [30, 60, 30, 30]
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [55, 54]
    assert [(f["code"], f["numeric_value"]) for f in facts_of(items)] == [
        (oura.RMSSD, 40),
        (oura.RMSSD, 42),
    ]
    assert len(rejects(items)) == 2


def test_oura_tables(tmp_path: Path) -> None:
    folder = home(tmp_path, "App Data")
    write(
        folder / "heartrate.csv",
        "timestamp;bpm;source\n2024-05-01T06:00:00Z;61;awake\nx;NaN;y\n1\n",
    )
    write(
        folder / "temperature.csv",
        "timestamp;skin_temp\n2024-05-01T06:00:00Z;34.5\n2024-05-01T06:01:00Z;\n",
    )
    write(
        folder / "dailyactivity.csv",
        "id;day;steps;timestamp\n1;2024-05-01;8000;2024-05-01T04:00:00.000+02:00\n",
    )
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, items in found for item in items]
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [61]
    assert samples_of(items, "skin_temperature").num_rows == 1
    assert samples_of(items, "steps").to_pylist()[0]["period"] == 86400
    assert len(rejects(items)) == 3


# -- Health Connect --------------------------------------------------------------------------------


def test_fitbit_days_joined_and_written_anew_are_the_walls(tmp_path: Path) -> None:
    folder = home(tmp_path, "fitbit")
    # the last Sunday of October in Oslo: the hour from two is shown twice
    walls = [
        "2019-10-27 01:59:59",
        "2019-10-27 02:30:00",
        "2019-10-27 02:00:00",
        "2019-10-27 03:00:01",
    ]
    beats = [{"dateTime": at, "value": {"bpm": 53, "confidence": 2}} for at in walls]
    wrong = [{**beats[0], "dateTime": "2019-13-27 01:00:00"}, {**beats[0], "dateTime": "27.10.19"}]
    write(folder / "heart_rate.json", beats + wrong)
    write(folder / "steps.json", [{"dateTime": "2019-11-01 00:01:00", "value": "12"}])
    daily = {"dateTime": "2019-11-01 00:00:00", "value": {"date": "11/01/19", "value": 53.7}}
    write(folder / "resting_heart_rate.json", [daily])
    level = {"dateTime": "2019-11-01 00:29:30", "level": "light", "seconds": 600}
    write(folder / "sleep.json", [{"logId": 5, "levels": {"data": [level]}}])
    items = items_of(tmp_path, zone="Europe/Oslo")
    first = datetime(2019, 10, 26, 23, 59, 59, tzinfo=UTC)
    since = [
        (at - first).total_seconds() for at in samples_of(items, "heart_rate")["time"].to_pylist()
    ]
    assert since == [0, 1801, 3601, 7202]
    steps = samples_of(items, "steps")
    midnight = datetime(2019, 10, 31, 23, tzinfo=UTC)
    assert steps["time"].to_pylist() == [midnight + timedelta(minutes=1)]
    assert (steps["steps"].to_pylist(), steps["period"].to_pylist()) == ([12], [60.0])
    [fact] = facts_of(items)
    assert (fact["time"], fact["numeric_value"]) == (midnight, 53.7)
    [asleep] = samples_of(items, "sleep_stages")["time"].to_pylist()
    assert asleep == midnight + timedelta(minutes=29, seconds=30)
    assert sum(lost(items).values()) == 2
    cut = json.dumps(beats)[:-40]
    write(folder / "heart_rate.json", cut)
    assert samples_of(items_of(tmp_path, zone="Europe/Oslo"), "heart_rate").num_rows == 3


def database(folder: Path, script: str) -> Path:
    path = home(folder) / "health_connect_export.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    return path


BASE = 1_714_543_200_000


def test_steps_of_the_preferred_app_are_kept(tmp_path: Path) -> None:
    database(
        tmp_path,
        f"""
        CREATE TABLE health_data_category_priority_table
          (health_data_category, app_id_priority_order);
        INSERT INTO health_data_category_priority_table VALUES (1, '2,1');
        CREATE TABLE steps_record_table (app_info_id, start_time, end_time, count);
        INSERT INTO steps_record_table VALUES (1, {BASE}, {BASE + 60000}, 50),
          (1, {BASE + 60000}, {BASE + 120000}, 5), (2, {BASE}, {BASE + 60000}, 42),
          (2, 'x', {BASE}, 1), (2, {BASE}, {BASE - 1}, 1), (2, {BASE}, {BASE}, -4);
        CREATE TABLE resting_heart_rate_record_table (time, beats_per_minute);
        INSERT INTO resting_heart_rate_record_table VALUES ({BASE}, 55);
        CREATE TABLE heart_rate_variability_rmssd_record_table
          (time, heart_rate_variability_millis);
        INSERT INTO heart_rate_variability_rmssd_record_table VALUES ({BASE}, 41.5), ({BASE}, NULL);
        CREATE TABLE distance_record_table (distance);
        INSERT INTO distance_record_table VALUES (1.5), (2.5);
        CREATE TABLE body_fat_record_table (time, percentage);
        INSERT INTO body_fat_record_table VALUES ({BASE}, 20.8);
        """,
    )
    [(reading, items)] = read(tmp_path)
    assert reading.source == "health_connect"
    assert_accounted(reading, items)
    assert sorted(samples_of(items, "steps").column("steps").to_pylist()) == [5, 42]
    assert [(f["code"], f["numeric_value"]) for f in facts_of(items)] == [
        (RESTING, 55),
        (RMSSD, 41.5),
    ]
    assert sum(lost(items).values()) == 3 + 1 + 1 + 2 + 1
    assert lost(items)["body_fat_record_table has no stream here: not kept"] == 1


def test_stages_belong_to_their_session_and_one_app_tells_the_night(tmp_path: Path) -> None:
    hour = 3_600_000
    database(
        tmp_path,
        f"""
        CREATE TABLE sleep_session_record_table
          (row_id INTEGER PRIMARY KEY, app_info_id, start_time, end_time);
        INSERT INTO sleep_session_record_table VALUES (1, 1, {BASE}, {BASE + 2 * hour}),
          (2, 2, {BASE}, {BASE + 2 * hour}), (3, 1, {BASE + 20 * hour}, {BASE + 21 * hour});
        CREATE TABLE sleep_stages_table (parent_key, stage_start_time, stage_end_time, stage_type);
        INSERT INTO sleep_stages_table VALUES (1, {BASE}, {BASE + hour}, 4),
          (1, {BASE + hour}, {BASE + 2 * hour}, 7), (1, {BASE}, {BASE + hour}, 4), (9, 1, 2, 4),
          (1, {BASE}, {BASE + hour}, 0);
        """,
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    table = samples_of(items, "sleep_stages")
    assert table.column("stage").to_pylist() == [1, 0, 4]
    assert table.column("duration").to_pylist() == [3600, 3600, 3600]


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE a (x); CREATE VIEW steps_record_table AS SELECT * FROM a;",
        "CREATE TABLE steps_record_table (start_time, end_time AS (zeroblob(900000000)), count)",
        "CREATE TABLE steps_record_table (start_time)",
    ],
)
def test_a_hostile_schema_is_not_run(script: str, tmp_path: Path) -> None:
    database(tmp_path, script)
    [(reading, items)] = read(tmp_path)
    assert not [item for item in items if not isinstance(item, Reject)]
    assert_accounted(reading, items)


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = database(tmp_path, "CREATE TABLE steps_record_table (start_time, end_time, count);")
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(bytes(data))
    [(_, items)] = read(tmp_path)
    assert "damaged" in rejects(items)[0]


def test_steps_and_nights_of_two_apps_in_json_are_counted_once(tmp_path: Path) -> None:
    minute = 60_000
    band = [
        {"startTime": BASE + i * minute, "endTime": BASE + (i + 1) * minute, "count": 10 + i}
        | {"metadata": {"dataOrigin": {"packageName": "org.band"}}}
        for i in range(3)
    ]
    phone = {"startTime": BASE, "endTime": BASE + 2 * minute, "count": 99, "package_name": "phone"}
    later = phone | {"startTime": BASE + 5 * minute, "endTime": BASE + 6 * minute, "count": 7}
    night = {"startTime": BASE, "endTime": BASE + 60 * minute}
    nights = [night | {"dataOrigin": name} for name in ("a", "b")]
    write(home(tmp_path) / "export.json", {"steps": [phone, *band, later], "sleep": nights})
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert sorted(samples_of(items, "steps").column("steps").to_pylist()) == [7, 10, 11, 12]
    assert samples_of(items, "sleep_stages").num_rows == 1
    assert sum(lost(items).values()) == 2


def test_a_stage_in_json_that_is_not_known_is_told(tmp_path: Path) -> None:
    at = {"startTime": BASE, "endTime": BASE + 3_600_000}
    stages = [{**at, "stage": 5}, {**at, "stage": 0}, {**at, "stage": "unheard_of"}]
    write(home(tmp_path) / "export.json", {"sleep": [{**at, "stages": stages}]})
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [2]
    assert lost(items) == {"a stage of sleep that the app did not know: not kept": 2}
    assert_accounted(reading, items)


def test_health_connect_records_as_json(tmp_path: Path) -> None:
    span = {"startTime": "2024-05-01T06:00:00Z", "endTime": "2024-05-01T07:00:00Z"}
    write(
        home(tmp_path) / "export.json",
        {
            "app": "x",
            "StepsRecord": [{**span, "count": 42}, {**span}],
            "HeartRateRecord": [{**span, "samples": [{"time": BASE, "beatsPerMinute": 61}]}],
            "sleepSessions": [{**span, "stages": [{**span, "stage": "STAGE_TYPE_DEEP"}]}, span],
            "oxygen_saturation": [{"time": span["startTime"], "percentage": {"value": 97}}],
            "weight": [{"time": span["startTime"], "kg": 60}],
        },
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert samples_of(items, "steps").to_pylist()[0]["period"] == 3600
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [61]
    assert sorted(samples_of(items, "sleep_stages").column("stage").to_pylist()) == [2, 4]
    assert samples_of(items, "oxygen_saturation").column("value").to_pylist() == [97]
    assert sum(lost(items).values()) == 2
    assert np.all(samples_of(items, "steps").column("subject_id").to_pylist() == np.array(["anna"]))
