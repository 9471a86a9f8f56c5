"""Garmin: FIT as its profile defines it (checked with fitdecode 0.11.0), and its JSON."""

import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from euthymia.ground.records import Reject
from euthymia.sources.fit_decode import EPOCH_S, checksum, messages
from euthymia.sources.fit_messages import STRESS, define, encode
from euthymia.sources.garmin import RESTING, SLEEP_TIME
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

T = 1_714_543_500 - EPOCH_S
START = datetime(2024, 5, 1, 6, 5, tzinfo=UTC)
T_OF_DAY = 6 * 3600 + 5 * 60


def day() -> bytes:
    """A watch's day: steps, a short time stamp, stress, an activity with beats, sleep."""
    records = define(0, 0, (0, 1, 0), (1, 2, 0x84)) + struct.pack("<BBH", 0, 32, 1)
    records += define(2, 55, (253, 4, 0x86), (3, 4, 0x86), (5, 1, 0))
    records += struct.pack("<BIIB", 2, T, 100, 6) + struct.pack("<BIIB", 2, T + 60, 150, 6)
    records += define(3, 55, (26, 2, 0x84), (27, 1, 2))
    records += struct.pack("<BHB", 3, (T + 120) & 0xFFFF, 64)
    records += define(4, 227, (0, 2, 0x83), (1, 4, 0x86))
    records += struct.pack("<BhI", 4, 35, T + 60) + struct.pack("<BhI", 4, -1, T + 120)
    records += define(5, 20, (253, 4, 0x86), (3, 1, 2), (2, 2, 0x84))
    records += struct.pack("<BIBH", 5, T + 200, 70, 2600)
    records += define(6, 78, (0, 6, 0x84)) + struct.pack("<B3H", 6, 800, 790, 0xFFFF)
    records += define(7, 275, (253, 4, 0x86), (0, 1, 0))
    return records + struct.pack("<BIB", 7, T + 300, 2) + struct.pack("<BIB", 7, T + 360, 3)


def seconds(items: list[object], stream: str) -> list[float]:
    times = samples_of(items, stream).column("time").to_pylist()
    return [(at - START).total_seconds() for at in times]


def test_a_day_of_a_watch(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "1.fit").write_bytes(encode(day()))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    steps = samples_of(items, "steps")
    assert steps.column("steps").to_pylist() == [50]
    assert steps.column("period").to_pylist() == [60]
    assert seconds(items, "heart_rate") == [120, 200]
    beats = samples_of(items, "beat_intervals")
    assert beats.column("interval").to_pylist() == [800, 790]
    assert seconds(items, "beat_intervals") == [200.8, 201.59]
    assert [(f["code"], f["numeric_value"]) for f in facts_of(items)] == [(STRESS, 35)]
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [2]
    assert set(steps.column("subject_id").to_pylist()) == {"anna"}
    assert {i.rows for i in items if isinstance(i, Reject)} == {1, 2}


def totals(*messages: tuple[int, int], local_s: int | None = None) -> bytes:
    """Running totals of steps walked: (seconds since 00:00 UTC, steps so far)."""
    midnight = T - T_OF_DAY
    records = b""
    if local_s is not None:
        records += define(1, 103, (253, 4, 0x86), (0, 4, 0x86))
        records += struct.pack("<BII", 1, midnight, midnight + local_s)
    records += define(2, 55, (253, 4, 0x86), (3, 4, 0x86), (5, 1, 0))
    for second, count in messages:
        records += struct.pack("<BIIB", 2, midnight + second, count, 6)
    return encode(records)


def test_running_totals_of_several_files_are_counted_once(tmp_path: Path) -> None:
    """A watch writes some files a day, and its totals run on from one to the next."""
    hour = 3600
    files = {
        "1.fit": totals((0, 9000), (900, 20), (8 * hour, 500), (12 * hour, 3000), local_s=0),
        "2.fit": totals((12 * hour, 3000), (15 * hour, 4000), (24 * hour, 6000), local_s=0),
        "3.fit": totals((24 * hour, 6000), (25 * hour, 7), local_s=0),
    }
    (tmp_path / "anna").mkdir()
    for name, data in files.items():
        (tmp_path / "anna" / name).write_bytes(data)
    every = [item for reading, items in read(tmp_path) for item in items]
    steps = samples_of(every, "steps")
    assert steps.column("steps").to_pylist() == [20, 480, 2500, 1000, 2000, 7]
    assert steps.column("period").to_pylist()[:2] == [900, 8 * hour - 900]
    assert sum(i.rows for i in every if isinstance(i, Reject) and "earlier file" in i.reason) == 3


@pytest.mark.parametrize(("zone", "local_s"), [("Europe/Berlin", None), ("UTC", 7200)])
def test_a_total_counts_from_the_midnight_of_the_wall(
    zone: str, local_s: int | None, tmp_path: Path
) -> None:
    """At 22:00 UTC a day ends in Berlin: the next total is not the difference to the last."""
    data = totals((21 * 3600, 100), (22 * 3600, 150), (30 * 3600, 400), local_s=local_s)
    (tmp_path / "1.fit").write_bytes(data)
    [(reading, items)] = read(tmp_path, zone=zone)
    assert samples_of(items, "steps").column("steps").to_pylist() == [50, 400]
    assert_accounted(reading, items)


def test_a_time_since_switching_on_is_no_date(tmp_path: Path) -> None:
    records = define(0, 20, (253, 4, 0x86), (3, 1, 2))
    records += struct.pack("<BIB", 0, 200_000, 61) + struct.pack("<BIB", 0, T, 62)
    records += define(1, 227, (0, 2, 0x83), (1, 4, 0x86)) + struct.pack("<BhI", 1, 35, 200_000)
    (tmp_path / "1.fit").write_bytes(encode(records))
    [(reading, items)] = read(tmp_path)
    assert seconds(items, "heart_rate") == [0]
    assert facts_of(items) == []
    assert any("clock was not set" in reason for reason in rejects(items))
    assert_accounted(reading, items)


def test_compressed_time_stamps_and_big_endian() -> None:
    records = bytes([0x40, 0, 1, 0, 20, 1, 253, 4, 0x86]) + struct.pack(">BI", 0, T)
    records += define(1, 20, (3, 1, 2)) + bytes([0xA0 | (T + 40) & 0x1F, 66])
    found = [(m.number, m.time_s) for m in messages(encode(records))]
    first = T + EPOCH_S
    assert found == [(20, first), (20, first + 40 % 32)]  # five bits: the next such time


def test_the_checksum_is_that_of_the_specification() -> None:
    assert checksum(b"123456789") == 0xBB3D  # CRC-16/ARC


@pytest.mark.parametrize("at", [20, 40, -1])
def test_a_flipped_bit_refuses_the_file(at: int, tmp_path: Path) -> None:
    data = bytearray(encode(day()))
    data[at] ^= 4
    (tmp_path / "1.fit").write_bytes(bytes(data))
    [(_, items)] = read(tmp_path)
    assert [type(item) for item in items] == [Reject]
    assert "checksum" in rejects(items)[0]


@pytest.mark.parametrize("length", [13, 30, 60, 120])
def test_a_cut_fit_keeps_what_came_before(length: int, tmp_path: Path) -> None:
    (tmp_path / "1.fit").write_bytes(encode(day())[:length])
    for reading, items in read(tmp_path):
        assert_accounted(reading, items)
        assert rejects(items)


def test_nights_and_days_of_an_export(tmp_path: Path) -> None:
    home = tmp_path / "anna" / "DI_CONNECT" / "DI-Connect-Wellness"
    home.mkdir(parents=True)
    night = {
        "sleepStartTimestampGMT": "2024-04-30T21:10:00.0",
        "sleepEndTimestampGMT": "2024-05-01T05:10:00.0",
        "calendarDate": "2024-05-01",
        "deepSleepSeconds": 3600,
        "lightSleepSeconds": 18000,
        "remSleepSeconds": None,
    }
    (home / "1_sleepData.json").write_text(json.dumps([night, {"calendarDate": "2024-05-02"}]))
    uds = {
        "wellnessStartTimeGmt": "2024-04-30T22:00:00.0",
        "totalSteps": 8123,
        "restingHeartRate": 55,
    }
    (home / "UDSFile_1.json").write_text(json.dumps([uds, {**uds, "totalSteps": -1}]))
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, items in found for item in items]
    assert samples_of(items, "sleep_stages").column("duration").to_pylist() == [8 * 3600]
    facts = {f["code"]: f["numeric_value"] for f in facts_of(items)}
    assert (facts[SLEEP_TIME], facts[RESTING]) == (6.0, 55)
    assert samples_of(items, "steps").column("steps").to_pylist() == [8123]
    assert len(rejects(items)) == 2


def test_a_sum_of_some_stages_is_no_duration_of_sleep(tmp_path: Path) -> None:
    night = {
        "sleepStartTimestampGMT": "2024-04-30T21:10:00.0",
        "sleepEndTimestampGMT": "2024-05-01T05:02:00.0",
        "calendarDate": "2024-05-01",
        "deepSleepSeconds": 4200,
        "lightSleepSeconds": None,
    }
    (tmp_path / "a_sleepData.json").write_text(json.dumps([night]))
    codes = [fact["code"] for fact in facts_of(items_of(tmp_path))]
    assert len(codes) == 1
    assert SLEEP_TIME not in codes


def test_a_night_of_garmin_connect_has_stages(tmp_path: Path) -> None:
    daily = {"sleepStartTimestampGMT": 1714511400000, "sleepEndTimestampGMT": 1714540200000}
    level = {"startGMT": "2024-04-30T21:10:00.0", "endGMT": "2024-04-30T21:40:00.0"}
    document = {
        "dailySleepDTO": daily,
        "sleepLevels": [{**level, "activityLevel": 1.0}],
        "heartRateValues": [[1714511400000, 61], [1714511520000, None]],
    }
    (tmp_path / "night.json").write_text(json.dumps(document))
    items = items_of(tmp_path)
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [1]
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [61]


def test_what_is_measured_within_a_night_of_garmin_connect(tmp_path: Path) -> None:
    at = 1714511400000
    epoch = {"epochTimestamp": "2024-04-30T21:11:00.0", "spo2Reading": 95, "deviceId": 3}
    document = {
        "dailySleepDTO": {"sleepStartTimestampGMT": at, "sleepEndTimestampGMT": at + 28_800_000},
        "sleepHeartRate": [{"value": 55, "startGMT": at}, {"value": -1, "startGMT": at + 120_000}],
        "wellnessEpochRespirationDataDTOList": [
            {"startTimeGMT": at, "respirationValue": 14.0},
            {"startTimeGMT": at + 120_000, "respirationValue": -1.0},
        ],
        "wellnessEpochSPO2DataDTOList": [epoch],
        "hrvData": [{"value": 44.0, "startGMT": at}],
        "sleepStress": [{"value": 0, "startGMT": at}, {"value": -1, "startGMT": at + 180_000}],
        "sleepBodyBattery": [{"value": 30, "startGMT": at}],
    }
    (tmp_path / "night.json").write_text(json.dumps(document))
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [55.0]
    assert samples_of(items, "respiration_rate").column("rate").to_pylist() == [14.0]
    assert samples_of(items, "oxygen_saturation").column("value").to_pylist() == [95.0]
    facts = {fact["code"]: fact["numeric_value"] for fact in facts_of(items)}
    assert facts == {"EUTHYMIA/garmin.hrv-rmssd": 44.0, "EUTHYMIA/garmin.stress": 0.0}
    [left] = rejects(items)
    assert "scores of movement" in left
    assert_accounted(reading, items)


def test_days_of_garmin_connect(tmp_path: Path) -> None:
    quarter = {"startGMT": "2024-05-01T06:00:00.0", "endGMT": "2024-05-01T06:15:00.0", "steps": 12}
    documents = [
        [{**quarter, "primaryActivityLevel": "active"}],
        {"calendarDate": "2024-05-01", "respirationValuesArray": [[1714511400000, 13.0]]},
        {"calendarDate": "2024-05-01", "stressValuesArray": [[1714511400000, 23], [1, "much"]]},
        {"hrvReadings": [{"hrvValue": 39, "readingTimeGMT": "2024-05-01T01:00:00.0"}]},
    ]
    for i, document in enumerate(documents):
        (tmp_path / f"{i}.json").write_text(json.dumps(document))
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, items in found for item in items]
    assert samples_of(items, "steps").column("period").to_pylist() == [900.0]
    assert samples_of(items, "respiration_rate").num_rows == 1
    assert [fact["numeric_value"] for fact in facts_of(items)] == [39.0]
    assert len(rejects(items)) == 1


def test_naps_of_an_export_are_sleep(tmp_path: Path) -> None:
    night = {
        "sleepStartTimestampGMT": "2024-04-30T21:10:00.0",
        "sleepEndTimestampGMT": "2024-05-01T05:10:00.0",
        "calendarDate": "2024-05-01",
        "napList": [
            {
                "napTimeSec": 1800,
                "napStartTimestampGMT": "2024-05-01T13:00:00.0",
                "napEndTimestampGMT": "2024-05-01T13:30:00.0",
            }
        ],
    }
    (tmp_path / "1_sleepData.json").write_text(json.dumps([night]))
    lengths = samples_of(items_of(tmp_path), "sleep_stages").column("duration").to_pylist()
    assert lengths == [8 * 3600.0, 1800.0]
