"""Numbers that stand for "not measured", and records that say of themselves not to count."""

import json
from pathlib import Path
from typing import Any

import pytest

from euthymia.gateway.checks import sample_faults
from euthymia.ground.schemas import STREAMS
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

AFTER = 4 * 10**15  # microseconds: after every time in these tests


def _home(folder: Path, name: str, content: Any) -> Path:
    path = folder / "anna" / name
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _values(items: list[Any], stream: str, name: str) -> list[Any]:
    values: list[Any] = samples_of(items, stream).column(name).to_pylist()
    return values


def test_a_speed_that_ios_cannot_tell_does_not_cost_the_position(tmp_path: Path) -> None:
    """Core Location: a speed is negative where it is unknown; AWARE writes it as it is."""
    (tmp_path / "locations.csv").write_text(
        "_id,timestamp,device_id,double_latitude,double_longitude,double_bearing,double_speed,"
        "double_altitude,provider,accuracy,label\n"
        "1,1714557600000,d1,52.5,13.4,-1,-1,34.2,fused,12.5,\n"
        "2,1714557660000,d1,52.5,13.4,90,1.5,34.2,fused,12.5,\n"
    )
    items = items_of(tmp_path)
    assert _values(items, "location", "speed") == [None, 1.5]
    faults = sample_faults(STREAMS["location"], samples_of(items, "location"), AFTER)
    assert not [reason for bad, reason in faults if bad.any()]


def test_nobody_has_a_heart_rate_of_zero(tmp_path: Path) -> None:
    beats = [
        {"bpm": rate, "source": "sleep", "timestamp": "2024-05-01T01:02:03Z"} for rate in (0, 60)
    ]
    items = items_of(_home(tmp_path, "heartrate.json", {"data": beats}))
    [(bad, reason)] = sample_faults(STREAMS["heart_rate"], samples_of(items, "heart_rate"), AFTER)
    assert bad.tolist() == [True, False]
    assert reason.startswith("rate is outside 1..400")


def test_oura_moments_without_a_value_are_left_out_of_a_night(tmp_path: Path) -> None:
    series = {"interval": 300, "timestamp": "2024-05-01T01:05:00.000-07:00"}
    night = {
        "bedtime_start": "2024-05-01T01:05:00-07:00",
        "type": "long_sleep",
        "sleep_phase_5_min": "4423",
        "heart_rate": {**series, "items": [None, 0, 43]},
        "hrv": {**series, "items": [-1, 0, 52]},
    }
    items = items_of(_home(tmp_path, "sleep.json", {"data": [night]}))
    assert _values(items, "heart_rate", "rate") == [43]
    [fact] = facts_of(items)
    assert fact["numeric_value"] == 52
    assert str(fact["time"]) == "2024-05-01 08:15:00+00:00"


@pytest.mark.parametrize("kind", ["deleted", "rest"])
def test_oura_a_sleep_that_the_person_took_back_is_none(tmp_path: Path, kind: str) -> None:
    night = {"bedtime_start": "2024-05-01T01:05:00-07:00", "type": kind, "sleep_phase_5_min": "22"}
    [(reading, items)] = read(_home(tmp_path, "sleep.json", {"data": [night]}))
    assert_accounted(reading, items)
    [reason] = rejects(items)
    assert "the person deleted" in reason


def test_oura_days_of_the_second_api_bring_their_steps(tmp_path: Path) -> None:
    day = {"class_5_min": "1122", "steps": 8123, "timestamp": "2024-05-01T04:00:00-07:00"}
    items = items_of(_home(tmp_path, "daily_activity.json", {"data": [day]}))
    assert _values(items, "steps", "steps") == [8123]


def test_garmin_a_moment_without_a_pulse_does_not_cost_the_day(tmp_path: Path) -> None:
    start = 1_714_514_400_000
    values = [[start, 55], [start + 120_000, None], [start + 240_000, -1], [start + 360_000, 0]]
    day = {"calendarDate": "2024-05-01", "heartRateValues": values}
    items = items_of(_home(tmp_path, "day.json", day))
    assert _values(items, "heart_rate", "rate") == [55]


def test_fitbit_a_default_of_70_is_no_measurement(tmp_path: Path) -> None:
    told = [(70, 0), (70, 1), (71, 0)]
    beats = [
        {"dateTime": "07/01/24 04:00:05", "value": {"bpm": bpm, "confidence": confidence}}
        for bpm, confidence in told
    ]
    [(reading, items)] = read(_home(tmp_path, "heart_rate-2024-07-01.json", beats))
    assert_accounted(reading, items)
    assert _values(items, "heart_rate", "rate") == [70, 71]


def test_health_connect_seconds_fractions_and_numbered_stages(tmp_path: Path) -> None:
    span = {"start_time": "2024-04-30T22:00:00Z", "end_time": "2024-05-01T06:00:00Z"}
    export = {
        "heart_rate": [{"bpm": 61, "time": 1_714_543_500}, {"bpm": 62, "time": 1_714_543_500_000}],
        "oxygen_saturation": [{"percentage": 0.97, "time": 1_714_543_500}],
        "sleep": [{**span, "stages": [{**span, "stage": "5"}]}],
    }
    items = items_of(_home(tmp_path, "records.json", export))
    times = {str(time) for time in _values(items, "heart_rate", "time")}
    assert times == {"2024-05-01 06:05:00+00:00"}
    assert _values(items, "oxygen_saturation", "value") == [97]
    assert _values(items, "sleep_stages", "stage") == [2]


OBSERVED = {
    "resourceType": "Observation",
    "status": "final",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
    "valueInteger": 12,
}
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:euthymia:mrn", "value": "M-1"}],
}


@pytest.mark.parametrize(
    "when",
    [
        {"effectivePeriod": {"end": "2024-05-01"}},
        {"effectiveTiming": {"event": ["2024-05-01"]}},
    ],
)
def test_fhir_a_time_is_taken_wherever_it_stands(tmp_path: Path, when: dict[str, Any]) -> None:
    """A list of resources needs no Bundle around it."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps([PATIENT, {**OBSERVED, **when}]))
    [fact] = facts_of(items_of(path))
    assert str(fact["time"]) == "2024-05-01 00:00:00+00:00"


def test_fhir_what_an_operation_answered_is_opened(tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": OBSERVED}]}
    answer = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "resource": PATIENT},
            {"name": "return", "resource": bundle},
            {"name": "count", "valueInteger": 2},
        ],
    }
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert reading.rows_in == 2
    assert [fact["numeric_value"] for fact in facts_of(items)] == [12]


def test_nobody_has_an_oxygen_saturation_of_zero(tmp_path: Path) -> None:
    """It is what an oximeter writes that is off the finger."""
    parts = [{"percentage": value, "time": "2024-05-01T06:05:00Z"} for value in (0, 97)]
    items = items_of(_home(tmp_path, "records.json", {"oxygen_saturation": parts}))
    table = samples_of(items, "oxygen_saturation")
    [(bad, _)] = sample_faults(STREAMS["oxygen_saturation"], table, AFTER)
    assert bad.tolist() == [True, False]


def test_mindlamp_a_negative_accuracy_is_no_position(tmp_path: Path) -> None:
    at = {"timestamp": 1_714_557_600_000, "sensor": "lamp.gps"}
    events = [
        {**at, "data": {"latitude": 52.5, "longitude": 13.4, "accuracy": accuracy}}
        for accuracy in (-1, 5)
    ]
    items = items_of(_home(tmp_path, "SensorEvent.json", events))
    assert _values(items, "location", "accuracy") == [5]
    [reason] = rejects(items)
    assert "negative: no valid position" in reason


@pytest.mark.parametrize(
    ("clock", "utc"),
    [("12:05:00 AM", "22:05"), ("8:00:00\u202fPM", "18:00"), ("11:59:00 a.m.", "09:59")],
)
def test_apple_dates_of_a_phone_set_to_twelve_hours(tmp_path: Path, clock: str, utc: str) -> None:
    when = f"2024-05-01 {clock} +0200"
    record = (
        '<?xml version="1.0"?>\n<HealthData locale="en_GB">\n'
        f' <Record type="HKQuantityTypeIdentifierHeartRate" unit="count/min" startDate="{when}" '
        f'endDate="{when}" value="61"/>\n</HealthData>\n'
    )
    items = items_of(_home(tmp_path, "export.xml", record))
    [time] = _values(items, "heart_rate", "time")
    assert str(time)[11:16] == utc


def test_actiwatch_one_day_that_may_be_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "W1.csv").write_text(
        '"Epoch-by-Epoch Data"\n\n"Line","Date","Time","Activity"\n'
        '"1","5/4/2024","10:00:00","12"\n"2","5/4/2024","10:01:00","7"\n'
    )
    [reason] = rejects(items_of(tmp_path))
    assert "the day or the month first" in reason
