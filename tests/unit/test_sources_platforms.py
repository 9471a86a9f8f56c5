"""Research platforms: mindLAMP, RADAR-base, AWARE's databases, EmbracePlus, more of Beiwe."""

import gzip
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from euthymia.ground.ids import device_id
from euthymia.ground.records import Zone
from euthymia.sources.embraceplus import _example_schema
from reading import assert_accounted, items_of, read, rejects, samples_of, short_hash

START = 1_714_557_600_000
MORNING = datetime(2024, 5, 1, 10, tzinfo=UTC)


def _rows(items: list[Any], stream: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in samples_of(items, stream).to_pylist()]


# -- Beiwe -----------------------------------------------------------------------------------------


def _beiwe(home: Path, stream: str, text: str, name: str = "2024-05-01 10_00_00.csv") -> Path:
    path = home / "p1" / stream / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_android_power_tells_battery_and_why_nothing_is_recorded(tmp_path: Path) -> None:
    events = [
        "Power connected",
        "Device Idle (Doze) state change signal received; device in idle state.",
        "Power Save Mode change signal received; device not in power save state.",
        "Device shut down signal received",
    ]
    lines = "".join(f"{START + i},x,{event}\n" for i, event in enumerate(events))
    _beiwe(tmp_path, "power_state", "timestamp,UTC time,event\n" + lines)
    [(reading, items)] = read(tmp_path)
    assert rejects(items) == []
    assert_accounted(reading, items)
    assert _rows(items, "battery", "level", "status") == [(None, 2), (None, -1)]
    assert _rows(items, "recording_state", "on", "reason") == [
        *((0, "low_power"), (1, None), (0, "off")),
    ]


def test_folders_tell_streams_of_the_same_columns_apart(tmp_path: Path) -> None:
    head = "timestamp,UTC time,x,y,z\n"
    for stream in ("gyro", "accelerometer", "magnetometer"):
        _beiwe(tmp_path, stream, f"{head}{START},x,0,0,1\n")
    items = items_of(tmp_path)
    assert _rows(items, "accelerometer", "z") == [(1.0,)]
    assert _rows(items, "gyroscope", "z")[0][0] == pytest.approx(57.29578)
    assert rejects(items) == ["nothing is kept of this stream"]
    assert set(samples_of(items, "gyroscope").column("subject_id").to_pylist()) == {"p1"}


def test_survey_answers_take_their_time_from_the_name(tmp_path: Path) -> None:
    """The layout of Forest's own test data."""
    _beiwe(
        *(tmp_path, "survey_answers/s1"),
        "question id,question type,question text,question answer options,answer\n"
        "q0,info_text_box,Hello,,\nq1,slider,A,min = 0; max = 10,7\n"
        "q2,checkbox,B,[Boston;Brookline],[Boston]\nq3,free_response,C,x,Hi\n"
        "q4,radio_button,D,[never; sometimes; often],often\nq5,checkbox,E,[a;b],NOT_PRESENTED\n",
        "2021-12-09 03_44_27+00_00.csv",
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "momentary_answers", "question", "answer") == [
        *(("q0", None), ("q1", 7.0), ("q2.0", 1.0), ("q2.1", 0.0), ("q4", 2.0), ("q5", None)),
    ]
    assert rejects(items) == ["row 4: a free-text answer is not kept: it may name people"]
    times = set(samples_of(items, "momentary_answers").column("time").to_pylist())
    assert times == {datetime(2021, 12, 9, 3, 44, 27, tzinfo=UTC)}


def test_survey_timings_tell_looking_times_and_surveys_that_ran_out(tmp_path: Path) -> None:
    head = "timestamp,UTC time,question id,survey id,question type,question text,"
    head += "question answer options,answer,event\n"
    lines = [
        *("1639019694579,x,,s1,,,,,expired", "1639021484500,x,q1,s1,slider,A,,0,present"),
        *(
            "1639021487424,x,q1,s1,slider,A,,10,changed",
            "1639021488500,x,q1,s1,slider,A,,10,unpresent",
        ),
    ]
    _beiwe(tmp_path, "survey_timings/s1", head + "\n".join(lines) + "\n")
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "momentary_answers", "question", "answer") == [
        *(("s1", None), ("q1.seen_s", 4.0)),
    ]


def test_an_iphones_log_says_when_sensors_were_off(tmp_path: Path) -> None:
    head = "timestamp,UTC time,launchId,memory,battery,event,msg,d1,d2,d3,d4\n"
    events = ["gps_on", "gps_off", "uploaded", "accel_on"]
    lines = "".join(f"{START + i},x,1,2,-1,{event},m,,,,{i}\n" for i, event in enumerate(events))
    _beiwe(tmp_path, "ios_log", head + lines)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "recording_state", "stream", "on") == [
        *(("location", 1), ("location", 0), ("accelerometer", 1)),
    ]


def test_a_recorded_voice_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "p1" / "audio_recordings" / "s1" / "2024-05-01 10_00_00.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF....WAVE")
    told: dict[str, str] = {}
    assert read(tmp_path, skipped=told.__setitem__) == []
    assert "voice" in next(iter(told.values()))


# -- mindLAMP --------------------------------------------------------------------------------------


def _lamp(home: Path, events: object, name: str = "sensor_events.json") -> Path:
    path = home / "U1" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(events))
    return path


def _event(sensor: str, i: int = 0, /, **data: Any) -> dict[str, Any]:
    return {"timestamp": START + i * 60_000, "sensor": f"lamp.{sensor}", "data": data}


def test_mindlamp_states_by_their_words_and_numbers(tmp_path: Path) -> None:
    events = [
        _event("device_state", 0, value=1, representation="screen_off", battery_level=0.07),
        _event("device_state", 1, value=0),
        _event("screen_state", 2, screen_state=0),
        _event("screen_state", 3, screen_state=4, battery_level=0.5),
        _event("device_state", 4, value=9),
    ]
    _lamp(tmp_path, events)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert [s for (s,) in _rows(items, "screen", "state")] == [0, 1, 0]
    levels = _rows(items, "battery", "level", "status")
    assert [(round(level), status) for level, status in levels] == [(7, None), (50, 2)]
    assert rejects(items) == ["event 5: its state is not one of those documented"]


def test_mindlamp_calls_devices_and_motion(tmp_path: Path) -> None:
    _lamp(
        tmp_path,
        {
            "data": [
                _event("telephony", type="missed", duration=0, trace="T"),
                _event("calls", call_type=2, call_duration=23, call_trace="T"),
                _event("nearby_device", type="WiFi", address="A", strength=-50),
                _event("bluetooth", bt_address="B", bt_rssi=-91),
                _event(
                    "device_motion",
                    gravity={"x": 0, "y": 0, "z": -9.81},
                    user_accel={"x": 0, "y": 0, "z": 0},
                ),
                _event("nutrition", value=1),
                {"timestamp": "yesterday", "sensor": "lamp.gps", "data": {}},
            ]
        },
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "calls", "direction", "duration", "contact") == [
        *((3, 0.0, short_hash("T")), (2, 23.0, short_hash("T"))),
    ]
    assert [row[0] for row in _rows(items, "proximity", "kind")] == [2, 1]
    assert _rows(items, "accelerometer", "z")[0][0] == pytest.approx(-1.0003, abs=1e-3)
    assert len(rejects(items)) == 2


def test_mindlamp_as_its_newer_apps_write(tmp_path: Path) -> None:
    own, gravity = {"x": -0.5, "y": 0.25, "z": 0.0}, {"x": 0.0, "y": -0.25, "z": 0.75}
    kit = {"timestamp": START, "sensor": "com.apple.sensorkit.ambient_light"}
    _lamp(
        tmp_path,
        [
            _event("device_motion", motion=own, gravity=gravity, attitude=own, rotation=own),
            _event("nearby_device", bssid="e4:c3", ssid="home", rssi=-94),
            _event("nearby_device", 1, bt_address="873C", bt_name="a television", bt_rssi=-97),
            kit | {"data": {"placement": 1, "lux": {"value": 12.5, "unit": {"symbol": "lx"}}}},
            _event("android.watch.heart_rate", value=61.0),
            _event("distance", value=80.5),
            _event("of_somebody", value=1),
        ],
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "accelerometer", "x", "y", "z") == [(-0.5, 0.0, 0.75)]
    assert [row[0] for row in _rows(items, "proximity", "kind")] == [2, 1]
    assert _rows(items, "light", "level") == [(12.5,)]
    assert _rows(items, "heart_rate", "rate") == [(61.0,)]
    assert rejects(items) == [
        "event 6: nothing is kept of lamp.distance",
        "event 7: nothing is kept of this sensor",
    ]


def test_mindlamp_sensorkit_alone(tmp_path: Path) -> None:
    light = {"timestamp": START, "sensor": "com.apple.sensorkit.ambient_light"}
    _lamp(tmp_path, [light | {"data": {"lux": {"value": 3}}}])
    [(reading, items)] = read(tmp_path)
    assert (reading.source, _rows(items, "light", "level")) == ("mindlamp", [(3.0,)])


def test_a_pedometers_running_total_becomes_steps(tmp_path: Path) -> None:
    totals = [(40, 90), (10, 30), (0, 10), (60 * 24, 5)]  # minutes after noon, newest first
    events = [
        _event("steps", minute, value=total, source=None, type="step_count")
        for minute, total in totals
    ]
    _lamp(tmp_path, events)
    items = items_of(tmp_path, zone="UTC")
    table = samples_of(items, "steps").sort_by("time").to_pylist()
    assert [row["steps"] for row in table] == [20, 60, 5]
    assert table[2]["time"].hour == 0
    assert [row["period"] for row in table] == [600.0, 1800.0, 36000.0]
    [reason] = rejects(items)
    assert reason.startswith("event 3: the first running total of the file")


def test_a_running_total_is_counted_once_in_files_that_overlap(tmp_path: Path) -> None:
    for name, totals in (
        ("steps.json", [(0, 1000), (240, 3000)]),
        ("steps (1).json", [(240, 3000), (300, 3500), (360, 5000)]),
    ):
        told = [_event("steps", m, value=v, source=None, type="step_count") for m, v in totals]
        _lamp(tmp_path, told, name)
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    table = samples_of([item for _, part in found for item in part], "steps")
    assert sorted(table["steps"].to_pylist()) == [500, 1500, 2000]
    assert set(table["subject_id"].to_pylist()) == {"U1"}


def test_a_running_total_goes_on_over_a_midnight_that_is_not_its_own(tmp_path: Path) -> None:
    totals = [(0, 8000), (14 * 60 - 5, 8100), (14 * 60 + 5, 8160), (18 * 60, 20)]
    told = [_event("steps", m, value=v, source=None, type="step_count") for m, v in totals]
    _lamp(tmp_path, told)
    table = samples_of(items_of(tmp_path, zone="UTC"), "steps").sort_by("time")
    assert table["steps"].to_pylist() == [100, 60, 20]


def test_events_one_a_line_by_sensor_and_surveys(tmp_path: Path) -> None:
    lines = [json.dumps(_event("heart_rate", i, value=60 + i)) for i in range(3)]
    (tmp_path / "U2.ndjson").write_text("\n".join([*lines, "{cut"]) + "\n")
    _lamp(tmp_path, {"lamp.gps": [{"timestamp": START, "latitude": 1.5, "longitude": 2.5}]})
    answers = {
        "activity": "a",
        "timestamp": START,
        "temporal_slices": [
            {"item": "Sad", "value": "Several Times", "type": None},
            {"item": "Note", "value": "my sister came", "type": None},
            {"item": "Sleep", "value": 3, "type": None},
        ],
    }
    game = {"activity": "g", "timestamp": START, "temporal_slices": [{"item": 1, "type": True}]}
    _lamp(tmp_path, [answers, game], "activity_events.json")
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    assert _rows(items, "heart_rate", "subject_id", "rate")[-1] == ("U2", 62.0)
    assert _rows(items, "location", "subject_id", "latitude") == [("U1", 1.5)]
    assert _rows(items, "momentary_answers", "question", "answer") == [
        *(("a:Sad", 1.0), ("a:Sleep", 3.0)),
    ]
    assert any("game" in reason for reason in rejects(items))
    assert "sister" not in repr(items)


# -- RADAR-base ------------------------------------------------------------------------------------

KEY = "key.projectId,key.userId,key.sourceId,"


def _radar(home: Path, topic: str, text: str, place: str = "{topic}/u1") -> Path:
    path = home / place.format(topic=topic) / "20240501_1000.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


@pytest.mark.parametrize("place", ["{topic}/u1", "demo/u1/{topic}"])
def test_radar_topics_in_either_order_of_folders(place: str, tmp_path: Path) -> None:
    head = f"{KEY}value.time,value.timeReceived,value.x,value.y,value.z\n"
    line = "demo,u1,s1,1.7145576E9,1714557601.5,0.0,0.0,1.0\n"
    _radar(tmp_path, "android_phone_gyroscope", head + line, place)
    _radar(tmp_path, "android_phone_acceleration", head + line, place)
    (tmp_path / "schema-android_phone_acceleration.json").write_text("{}")
    items = items_of(tmp_path)
    assert rejects(items) == []
    assert _rows(items, "accelerometer", "subject_id", "time", "z") == [("u1", MORNING, 1.0)]
    assert _rows(items, "gyroscope", "z")[0][0] == pytest.approx(57.29578)


def test_radar_phone_topics_and_questionnaires(tmp_path: Path) -> None:
    time = "demo,u1,s1,1714557600.0,"
    texts = {
        "android_phone_battery_level": f"batteryLevel,isPlugged,status\n{time}0.5,true,CHARGING\n",
        "android_phone_call": f"duration,target,type\n{time}61.0,aGFzaA==,INCOMING\n",
        "android_phone_usage_event": "packageName,categoryName,eventType\n"
        f"{time}org.mail,SOCIAL,FOREGROUND\n{time}org.mail,SOCIAL,BACKGROUND\n",
        "questionnaire_phq8": "timeCompleted,name,answers.0.questionId,answers.0.value,"
        f"answers.1.questionId,answers.1.value\n{time}1714557660.0,PHQ8,phq8_1,2,phq8_2,\n",
        "android_phone_contact_list": f"contactsAdded\n{time}3\n",
    }
    for topic, text in texts.items():
        names, rest = text.split("\n", 1)
        head = KEY + "value.time," + ",".join(f"value.{name}" for name in names.split(","))
        _radar(tmp_path, topic, f"{head}\n{rest}")
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    assert _rows(items, "battery", "level", "status") == [(50.0, 2)]
    assert _rows(items, "calls", "direction", "contact") == [(1, short_hash("aGFzaA=="))]
    assert _rows(items, "app_use", "app", "category") == [(short_hash("org.mail"), "SOCIAL")]
    assert _rows(items, "momentary_answers", "question", "answer") == [
        *(("phq8_1", 2.0), ("phq8_2", None)),
    ]
    assert sorted(rejects(items)) == [
        "no opening of an app: an app's use lasts until the next one opens",
        "nothing is kept of this topic",
    ]


def test_radar_topics_of_other_makers_and_those_that_are_not_kept(tmp_path: Path) -> None:
    texts = {
        "push_garmin_heart_rate_sample": "heartRate\n61",
        "push_garmin_respiration": "respiration\n14.5",
        "push_garmin_pulse_ox": "spo2\n97",
        "push_garmin_sleep_level": "sleepLevel,startTime,endTime\ndeep,1714557600,1714559400",
        "bittium_faros_inter_beat_interval": "interBeatInterval\n0.8",
        "apple_sensorkit_ambient_light": "lux,placement\n12.5,UNKNOWN",
        "push_garmin_daily_summary": "steps,heartRate\n9000,60",  # not 9,000 steps since the last
        "android_phone_acceleration_rotated": "x,y,z\n1,2,3",
    }
    for topic, text in texts.items():
        names, cells = text.split("\n")
        head = KEY + "value.time," + ",".join(f"value.{name}" for name in names.split(","))
        _radar(tmp_path, topic, f"{head}\ndemo,u1,s1,1714557600.0,{cells}\n")
    items = items_of(tmp_path)
    assert rejects(items) == ["nothing is kept of this topic"] * 2
    assert _rows(items, "heart_rate", "rate") == [(61.0,)]
    assert _rows(items, "respiration_rate", "rate") == [(14.5,)]
    assert _rows(items, "oxygen_saturation", "value") == [(97.0,)]
    assert _rows(items, "sleep_stages", "time", "stage", "duration") == [(MORNING, 2, 1800.0)]
    assert _rows(items, "beat_intervals", "interval")[0][0] == pytest.approx(800.0)
    assert _rows(items, "light", "level") == [(12.5,)]


def test_fitbit_sleep_in_radar_is_local_time(tmp_path: Path) -> None:
    head = f"{KEY}value.dateTime,value.timeReceived,value.duration,value.level,value.efficiency\n"
    lines = [
        "demo,u1,s1,2024-07-01T23:30:00,1,1800,LIGHT,90\n",
        "demo,u1,s1,2024-10-27T02:30:00,1,60,DEEP,90\n",
    ]
    _radar(tmp_path, "connect_fitbit_sleep_stages", head + "".join(lines))
    zones = {device_id("radar_base", "u1"): "Europe/Madrid"}
    [(reading, items)] = read(tmp_path, zone_of=zones.get)
    assert_accounted(reading, items)
    assert _rows(items, "sleep_stages", "time", "stage", "duration") == [
        (datetime(2024, 7, 1, 21, 30, tzinfo=UTC), 1, 1800.0)
    ]
    assert "showed this time twice" in rejects(items)[0]


# -- AWARE -----------------------------------------------------------------------------------------


def _base(path: Path, table: str, columns: str, *rows: tuple[Any, ...]) -> Path:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            f"CREATE TABLE {table} (_id integer, timestamp real, device_id text, {columns})"
        )
        for i, row in enumerate(rows):
            marks = ",".join("?" * (len(row) + 3))
            base.execute(f"INSERT INTO {table} VALUES ({marks})", (i, START + i, "d1", *row))
    return path


def test_an_aware_database_is_read_in_place_and_packed(tmp_path: Path) -> None:
    path = _base(tmp_path / "screen.db", "screen", "screen_status integer", (1,), (7.5,), (0,))
    [(reading, plain)] = read(path)
    assert_accounted(reading, plain)
    assert [s for (s,) in _rows(plain, "screen", "state")] == [1, 0]
    assert rejects(plain) == [
        "table screen, row 2: screen_status is not a whole number from -128 to 127"
    ]
    packed = tmp_path / "packed" / "screen.db.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert repr(items_of(packed)) == repr(plain)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["packed", "screen.db"]


def test_a_hostile_schema_runs_nothing(tmp_path: Path) -> None:
    path = _base(tmp_path / "a.db", "light", "double_light_lux real", (5.0,))
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE screen (timestamp real, device_id text, "
            "screen_status integer AS (length(hex(zeroblob(1000)))))"
        )
        base.execute("INSERT INTO screen (timestamp, device_id) VALUES (1714557600000, 'd')")
        base.execute("CREATE VIEW battery AS SELECT load_extension('evil') AS battery_level")
        base.execute("CREATE TABLE secrets (name text)")
        base.execute("INSERT INTO secrets VALUES ('anna')")
    [(reading, items)] = read(path)
    assert_accounted(reading, items)
    assert _rows(items, "light", "level") == [(5.0,)]
    assert any("table screen" in reason for reason in rejects(items))
    assert "a table that is not AWARE's: nothing of it is kept" in rejects(items)
    assert "anna" not in repr(items)


def test_a_database_with_its_log_beside_it_is_refused(tmp_path: Path) -> None:
    path = _base(tmp_path / "screen.db", "screen", "screen_status integer", (1,))
    (tmp_path / "screen.db-wal").write_bytes(b"newest rows")
    reasons = [r for reading, items in read(path) for r in rejects(items)]
    assert "-wal" in reasons[0]


def test_keys_conversations_and_answers_of_aware(tmp_path: Path) -> None:
    head = "timestamp,device_id,"
    (tmp_path / "keyboard.csv").write_text(
        f"{head}package_name,before_text,current_text,is_password\n"
        f"{START},d,m,[secret],[secrets],0\n{START},d,m,[secrets],[secret],0\n"
    )
    (tmp_path / "phone_conversation_raw.csv").write_text(
        f"{head}datatype,inference,double_convo_start,double_convo_end\n"
        f"{START},d,2,2,{START},{START + 90_000}\n{START},d,0,0,0,0\n{START},d,2,2,9,1\n"
    )
    (tmp_path / "esms.csv").write_text(
        f"{head}esm_json,esm_status,double_esm_user_answer_timestamp,esm_user_answer,esm_trigger\n"
        f'{START},d,"{{""esm_title"": ""mood""}}",2,{START + 9000},4,t\n'
        f"{START},d,,3,0,,t\n{START},d,,2,{START},I saw Anna,t\n"
    )
    (tmp_path / "timezone.csv").write_text(f"{head}timezone\n{START},d,Asia/Tokyo\n")
    found = read(tmp_path)
    for reading, items in found:
        assert reading.source == "aware"
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    assert [k for (k,) in _rows(items, "typing", "kind")] == [1, 2]
    assert _rows(items, "conversation", "duration") == [(90.0,)]
    assert _rows(items, "audio_level", "silent") == [(1,)]
    assert _rows(items, "momentary_answers", "question", "answer") == [("mood", 4.0), ("t", None)]
    assert [item.zone for item in items if isinstance(item, Zone)] == ["Asia/Tokyo"]
    assert "secret" not in repr(items)
    assert "Anna" not in repr(items)


def test_columns_of_another_sensor_are_not_taken_for_acceleration(tmp_path: Path) -> None:
    text = f"timestamp,device_id,double_values_0,double_values_1,double_values_2\n{START},d,1,2,3\n"
    (tmp_path / "linear_accelerometer.csv").write_text(text)
    assert rejects(items_of(tmp_path)) == ["nothing is kept of this table of AWARE's"]


# -- EmbracePlus -----------------------------------------------------------------------------------


def _embrace(path: Path, change: dict[str, Any], codec: str = "null") -> None:
    imu = {
        "timestampStart": START * 1000,
        "samplingFrequency": 64.0,
        "imuParams": {
            "physicalMin": -16,
            "physicalMax": 16,
            "digitalMin": -32768,
            "digitalMax": 32768,
        },
        **{axis: [] for axis in "xyz"},
    }
    empty = {"timestampStart": 0, "samplingFrequency": 0.0, "values": []}
    raw = {
        "accelerometer": imu,
        "gyroscope": imu,
        **dict.fromkeys(("eda", "temperature", "bvp", "steps"), empty),
        "systolicPeaks": {"peaksTimeNanos": []},
        "tags": {"tagsTimeMicros": []},
    }
    for name, value in change.items():
        raw[name] = {**raw[name], **value}
    record = {
        "schemaVersion": {"major": 6, "minor": 4, "patch": 0},
        "timezone": 0,
        "enrollment": {"participantID": "E7", "siteID": "1"},
        "rawData": raw,
    }
    with path.open("wb") as file:
        fastavro.writer(file, _example_schema(), [record], codec=codec)


def test_embraceplus_units_times_and_beats(tmp_path: Path) -> None:
    beat = 812_500_000
    peaks = [START * 10**6 + i * beat for i in range(3)] + [START * 10**6 + 60 * 10**9]
    _embrace(
        tmp_path / "1-1-E7_1714557600.avro",
        {
            "accelerometer": {"x": [0, 0], "y": [0, 0], "z": [2048, -4096]},
            "eda": {"timestampStart": START * 1000, "samplingFrequency": 4.0, "values": [0.5, 1.5]},
            "bvp": {"timestampStart": START * 1000, "samplingFrequency": 0.0, "values": [1.0]},
            "systolicPeaks": {"peaksTimeNanos": peaks},
        },
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "accelerometer", "subject_id", "z") == [("E7", 1.0), ("E7", -2.0)]
    level = samples_of(items, "electrodermal_activity")
    assert np.diff(level.column("time").cast("int64").to_numpy()).tolist() == [250_000]
    assert _rows(items, "beat_intervals", "interval") == [(812.5,), (812.5,)]
    assert rejects(items) == ["rawData.bvp: its start or its rate is missing or cannot be"]


def test_minutes_without_a_value_say_why(tmp_path: Path) -> None:
    head = "timestamp_unix,timestamp_iso,participant_full_id,{},missing_value_reason\n"
    lines = f"{START},x,1-1-E7,{{}},\n{START + 60_000},x,1-1-E7,,device_not_recording\n"
    for name, value in (("sleep_detection_stage", "101"), ("prv_rmssd_ms", "40")):
        text = head.format(name) + lines.format(value)
        (tmp_path / f"1-1-E7_2024-05-01_{name}.csv").write_text(text)
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    assert _rows(items, "sleep_stages", "subject_id", "stage", "duration") == [("E7", 4, 60.0)]
    assert _rows(items, "recording_state", "stream", "on", "reason") == [("sleep_stages", 0, "off")]
    assert rejects(items) == ["nothing is kept of this biomarker"]
