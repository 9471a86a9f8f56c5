"""RADAR-base topics as RADAR-Schemas defines them: what each value is, and what is left out."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro
import pytest

from reading import assert_accounted, items_of, read, rejects, samples_of

AT = 1_714_557_600.0
MORNING = datetime.fromtimestamp(AT, UTC)
KEY = "key.projectId,key.userId,key.sourceId,"


def _topic(home: Path, topic: str, *rows: str) -> None:
    """Write a topic; the first row is the names of its values."""
    path = home / "demo" / "u1" / topic / "20240501_1000.csv.gz"
    path.parent.mkdir(parents=True)
    names = ",".join(f"value.{name}" for name in rows[0].split(","))
    lines = [KEY + names, *(f"demo,u1,s1,{row}" for row in rows[1:])]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def _rows(items: list[Any], stream: str, *names: str) -> list[tuple[Any, ...]]:
    table = samples_of(items, stream)
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def test_a_phone_switched_off_is_told_and_its_screen_kept(tmp_path: Path) -> None:
    states = ("UNLOCKED", "STANDBY", "SHUTDOWN", "BOOTED", "OTHER")
    rows = [f"{AT + i},{AT},{state}" for i, state in enumerate(states)]
    _topic(tmp_path, "android_phone_user_interaction", "time,timeReceived,interactionState", *rows)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "screen", "state") == [(3,), (0,)]
    assert _rows(items, "recording_state", "stream", "on", "reason") == [
        *(("phone", 0, "off"), ("phone", 1, None)),
    ]
    assert len(rejects(items)) == 1


def test_activities_begin_and_sleep_has_its_own_time(tmp_path: Path) -> None:
    _topic(
        *(tmp_path, "android_google_activity_transition_event", "time,activity,transition"),
        *(f"{AT},WALKING,ENTER", f"{AT + 60},WALKING,EXIT", f"{AT + 60},STILL,ENTER"),
    )
    _topic(
        *(tmp_path, "android_google_sleep_segment_event"),
        "time,sleepStartTime,sleepEndTime,sleepDuration,sleepStatus",
        f"{AT},{AT - 28_800},{AT - 3600},25200,STATUS_SUCCESSFUL",
        f"{AT},{AT},{AT},0,STATUS_NOT_DETECTED",
        f"{AT},{AT},{AT - 60},0,STATUS_SUCCESSFUL",
    )
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    assert _rows(items, "activity_class", "activity") == [(1,), (0,)]
    assert _rows(items, "sleep_stages", "time", "stage", "duration") == [
        (MORNING - timedelta(hours=8), 4, 25_200.0)
    ]
    assert len(rejects(items)) == 3


@pytest.mark.parametrize(
    ("topic", "names", "cells", "stream", "value"),
    [
        ("apple_sensorkit_acceleration", "time,x,y,z", "0,0,-1", "accelerometer", -1.0),
        ("android_polar_acceleration", "time,x,y,z", "0,0,-1000", "accelerometer", -1.0),
        ("sensorkit_rotation_rate", "time,device,x,y,z", "W,0,0,1", "gyroscope", 57.29578),
        ("android_polar_pp_interval", "time,ppInterval,heartRate", "812,74", "beat_intervals", 812),
        ("android_polar_heart_rate", "time,heartRate", "61", "heart_rate", 61),
        ("android_empatica_embraceplus_pulse_rate", "time,pulseRate", "61", "heart_rate", 61),
        (
            *("android_empatica_embraceplus_temperature", "time,temperature", "33.5"),
            *("skin_temperature", 33.5),
        ),
        (
            *("android_empatica_embraceplus_electrodermal_activity", "time,electroDermalActivity"),
            *("0.75", "electrodermal_activity", 0.75),
        ),
        ("active_apple_healthkit_resp_rate", "startTime,respRate", "14", "respiration_rate", 14),
        ("healthkit_heart_rate", "startTime,endTime,heartRate", f"{AT},61", "heart_rate", 61),
    ],
)
def test_values_of_other_makers_are_in_our_units(
    tmp_path: Path, topic: str, names: str, cells: str, stream: str, value: float
) -> None:
    _topic(tmp_path, topic, names, f"{AT},{cells}")
    items = items_of(tmp_path)
    assert rejects(items) == []
    field = samples_of(items, stream).column_names[-1]
    [(who, time, found)] = _rows(items, stream, "subject_id", "time", field)
    assert (who, time, found) == ("u1", MORNING, pytest.approx(value))


def test_steps_between_two_times(tmp_path: Path) -> None:
    _topic(
        *(tmp_path, "apple_sensorkit_pedometer", "time,startDate,endDate,numberOfSteps,distance"),
        f"{AT + 90},{AT},{AT + 60},75,50.5",
    )
    _topic(
        *(tmp_path, "active_apple_healthkit_steps", "startTime,endTime,timeInterval,steps"),
        f"{AT},{AT + 30},30,20",
    )
    assert sorted(_rows(items_of(tmp_path), "steps", "time", "steps", "period")) == [
        (MORNING, 20, 30.0),
        (MORNING, 75, 60.0),
    ]


def test_a_call_without_a_length_in_avro_is_kept(tmp_path: Path) -> None:
    key = {
        "type": "record",
        "name": "ObservationKey",
        "fields": [{"name": "userId", "type": "string"}],
    }
    value = {
        "type": "record",
        "name": "PhoneCall",
        "fields": [
            {"name": "time", "type": "double"},
            {"name": "duration", "type": ["null", "float"]},
            {"name": "target", "type": ["null", "bytes"]},
            {"name": "type", "type": "string"},
        ],
    }
    schema = {
        "type": "record",
        "name": "Pair",
        "fields": [{"name": "key", "type": key}, {"name": "value", "type": value}],
    }
    calls = [(None, None, "MISSED"), (61.0, b"\xff\x01", "INCOMING")]
    records = [
        {
            "key": {"userId": "u1"},
            "value": {"time": AT, "duration": length, "target": target, "type": kind},
        }
        for length, target, kind in calls
    ]
    with (tmp_path / "20240501_1000.avro").open("wb") as file:
        fastavro.writer(file, schema, records)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert _rows(items, "calls", "direction", "duration") == [(3, 0.0), (1, 61.0)]
    assert [who is None for (who,) in _rows(items, "calls", "contact")] == [True, False]
    assert rejects(items) == []
