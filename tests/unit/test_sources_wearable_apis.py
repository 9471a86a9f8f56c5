"""Wearables' data in the forms in which data sets and older devices hand them on."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of


def test_a_file_that_is_one_night_of_oura_is_read(tmp_path: Path) -> None:
    night = {
        "summary_date": "2021-11-05",
        "bedtime_start": "2021-11-06T02:13:19+02:00",
        "hypnogram_5min": "4421",
        "hr_5min": [0, 53, 51, 0],
        "rmssd_5min": [0, 0, 62, 0],
    }
    newer = {
        "bedtime_start": "2021-11-07T02:00:00+02:00",
        "heart_rate": {
            "interval": 300.0,
            "items": [None, 55.0],
            "timestamp": "2021-11-07T02:00:00+02:00",
        },
    }
    (tmp_path / "a.json").write_text(json.dumps(night))
    (tmp_path / "b.json").write_text(json.dumps(newer))
    items = items_of(tmp_path)
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [0, 1, 2]
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [53.0, 51.0, 55.0]
    assert [fact["numeric_value"] for fact in facts_of(items)] == [62.0]
    assert not rejects(items)


def test_routes_of_workouts_within_an_older_export_of_apple(tmp_path: Path) -> None:
    place = '<Location date="2016-11-14 07:25:{} -0700" latitude="{}" longitude="-122.4" '
    rest = 'altitude="21.2" horizontalAccuracy="{}" verticalAccuracy="1" course="-1" speed="2.5"/>'
    (tmp_path / "export.xml").write_text(
        '<HealthData locale="en_US"><Workout workoutActivityType="HKWorkoutActivityTypeRunning">'
        "<WorkoutRoute>"
        + place.format(44, 37.7)
        + rest.format(2.4)
        + place.format(45, "north")
        + rest.format(2.4)
        + place.format(46, 37.8)
        + rest.format(-1)
        + "</WorkoutRoute></Workout></HealthData>"
    )
    [(reading, items)] = read(tmp_path)
    rows = samples_of(items, "location").to_pylist()
    assert [row["time"].second for row in rows] == [44, 46]
    assert rows[0]["time"].hour == 14
    assert [row["accuracy"] for row in rows] == [pytest.approx(2.4), None]
    assert any("Location" in reason for reason in rejects(items))
    assert_accounted(reading, items)


def answer(folder: Path, *parts: object) -> list[Any]:
    for i, part in enumerate(parts):
        (folder / f"{i}.json").write_text(json.dumps(part))
    found = read(folder, zone="Europe/Berlin")
    for reading, items in found:
        assert reading.source == "fitbit_api"
        assert_accounted(reading, items)
    return [item for _, items in found for item in items]


def test_fitbits_api_gives_rmssd_oxygen_and_ecg(tmp_path: Path) -> None:
    minute = {"minute": "2021-10-25T09:10:00.000", "value": {"rmssd": 26.5, "coverage": 0.9}}
    items = answer(
        tmp_path,
        {"hrv": [{"minutes": [minute], "dateTime": "2021-10-25"}]},
        {
            "dateTime": "2021-10-04",
            "minutes": [
                {"minute": "2021-10-04T04:34:00.000", "value": 95.5},
                {"minute": "2021-10-04T04:39:00.000", "value": 96},
            ],
        },
        {
            "ecgReadings": [
                {
                    "startTime": "2024-12-12T10:16:30.100",
                    "waveformSamples": [-1000, 500],
                    "samplingFrequencyHz": "250",
                    "scalingFactor": 10000,
                }
            ]
        },
    )
    [fact] = facts_of(items)
    assert (fact["code"], fact["numeric_value"]) == ("EUTHYMIA/fitbit.hrv-rmssd", 26.5)
    assert fact["time"] == datetime(2021, 10, 25, 7, 10, tzinfo=UTC)
    assert samples_of(items, "oxygen_saturation").column("value").to_pylist() == [95.5, 96.0]
    beats = samples_of(items, "electrocardiogram")
    assert beats.column("value").to_pylist() == pytest.approx([-0.1, 0.05])
    assert np.diff(beats.column("time").cast("int64").to_numpy()).tolist() == [4000]
    assert not rejects(items)


def test_what_fitbits_api_averages_over_a_night_is_named(tmp_path: Path) -> None:
    items = answer(
        tmp_path,
        {"br": [{"value": {"breathingRate": 11.2}, "dateTime": "2025-01-29"}]},
        {"hrv": [{"value": {"dailyRmssd": 34.9}, "dateTime": "2021-10-25"}]},
        {"tempSkin": [{"dateTime": "2021-10-25", "value": {"nightlyRelative": 0.3}}]},
        {"hrv": [{"minutes": [{"minute": "9:10", "value": {"rmssd": 2}}], "dateTime": "x"}]},
    )
    breath, average, warmth, bad = rejects(items)
    assert "breathing rate averaged" in breath
    assert "average of a night" in average
    assert "own baseline" in warmth
    assert "minute is not" in bad


def test_a_sleep_of_the_apis_first_version_is_told_by_its_minutes(tmp_path: Path) -> None:
    minutes = [{"dateTime": f"23:5{8 + i}:00", "value": v} for i, v in enumerate("3211")]
    night = {
        "logId": 7,
        "dateOfSleep": "2014-07-20",
        "startTime": "2014-07-19T23:58:00.000",
        "minuteData": minutes,
    }
    mean = {"dateTime": "2014-07-19", "value": "64.2"}
    day = {"dataset": [{"time": "00:01:00", "value": 64}], "datasetType": "minute"}
    items = answer(
        tmp_path, {"sleep": [night]}, {"activities-heart": [mean], "activities-heart-intraday": day}
    )
    table = samples_of(items, "sleep_stages")
    assert table.column("stage").to_pylist() == [0, 6, 4]
    assert table.column("duration").to_pylist() == [60.0, 60.0, 120.0]
    assert table.column("time").to_pylist()[0] == datetime(2014, 7, 19, 21, 58, tzinfo=UTC)
    assert samples_of(items, "heart_rate").num_rows == 1
    assert not rejects(items)


def test_a_heart_rate_of_a_fitbit_export_is_known_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "pulse of anna.json").write_text(
        '[{\n "dateTime" : "09/25/23 00:00:02",\n "value" : {"bpm" : 63, "confidence" : 3}}]'
    )
    [row] = samples_of(items_of(tmp_path), "heart_rate").to_pylist()
    assert (row["rate"], row["time"]) == (63.0, datetime(2023, 9, 25, 0, 0, 2, tzinfo=UTC))
