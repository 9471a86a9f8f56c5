"""AWARE's tables from iPhones, which tell calls, the battery and activities in their own way."""

from pathlib import Path

import pytest

from reading import assert_accounted, read, rejects, samples_of, short_hash

START = 1_714_557_600_000
CALLS = "timestamp,device_id,call_type,call_duration,trace\n"


def _row(second: int, *cells: object) -> str:
    return ",".join(map(str, (START + second * 1000, "d1", *cells))) + "\n"


def test_an_iphones_call_is_one_call_however_many_steps_it_has(tmp_path: Path) -> None:
    steps = [
        _row(0, 1, 0, "a") + _row(9, 2, 9, "a") + _row(69, 4, 60, "a"),  # answered
        _row(100, 3, 0, "b") + _row(105, 4, 5, "b"),  # dialled in vain
        _row(200, 3, 0, "c") + _row(210, 2, 10, "c") + _row(250, 4, 40, "c"),
        _row(300, 1, 0, "e") + _row(320, 4, 20, "e"),  # missed
        _row(400, 1, 0, "f"),  # never ended
    ]
    (tmp_path / "calls.csv").write_text(CALLS + "".join(steps))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    table = samples_of(items, "calls")
    assert table.column("direction").to_pylist() == [1, 2, 2, 3]
    assert table.column("duration").to_pylist() == [60.0, 0.0, 40.0, 0.0]
    assert table.column("contact").to_pylist() == [None] * 4
    seconds = table.column("time").cast("int64").to_numpy() // 1_000_000 - START // 1000
    assert seconds.tolist() == [0, 100, 200, 300]
    assert any("beginning or the end is not there" in reason for reason in rejects(items))


def test_calls_of_an_iphone_that_were_sent_twice_are_the_same_calls(tmp_path: Path) -> None:
    steps = [
        *(_row(0, 1, 0, "a"), _row(9, 2, 9, "a"), _row(69, 4, 60, "a")),
        *(_row(100, 3, 0, "b"), _row(105, 4, 5, "b")),
    ]
    (tmp_path / "calls.csv").write_text(CALLS + "".join(step * 2 for step in steps))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    table = samples_of(items, "calls")
    assert table.column("direction").to_pylist() == [1, 2]
    assert table.column("duration").to_pylist() == [60.0, 0.0]


def test_an_androids_voicemail_does_not_make_it_an_iphone(tmp_path: Path) -> None:
    rows = [_row(0, 1, 61, "a"), _row(99, 2, 5, "b"), _row(200, 4, 30, "a"), _row(300, 3, 0, "c")]
    (tmp_path / "calls.csv").write_text(CALLS + "".join(rows))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    table = samples_of(items, "calls")
    assert table.column("direction").to_pylist() == [1, 2, 3]
    assert table.column("contact").to_pylist() == [short_hash(word) for word in "abc"]
    assert len(rejects(items)) == 1


@pytest.mark.parametrize(
    ("status", "level", "read_as"),
    [
        ([1, 1, 2, 3, 0], [80, 60, 70, 100, 99], [3, 3, 2, 5, 1]),
        ([3, 3, 2, 5, 1], [80, 60, 70, 100, 99], [3, 3, 2, 5, 1]),
        ([1, 3, 2], [80, 60, 70], [1, 3, 2]),
    ],
    ids=["iphone", "android", "android-unknown"],
)
def test_battery_codes_are_androids(
    tmp_path: Path, status: list[int], level: list[int], read_as: list[int]
) -> None:
    rows = [_row(i, *pair) for i, pair in enumerate(zip(level, status, strict=True))]
    head = "timestamp,device_id,battery_level,battery_status\n"
    (tmp_path / "battery.csv").write_text(head + "".join(rows))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    table = samples_of(items, "battery")
    assert table.column("status").to_pylist() == read_as
    assert table.column("level").to_pylist() == level


def test_activities_of_iphones_are_lists(tmp_path: Path) -> None:
    cells = ['"[""walking""]"', '"[""stationary"",""automotive""]"', "", "running", '"[""x""]"']
    head = "timestamp,device_id,activities,confidence\n"
    rows = [_row(i, cell, 2) for i, cell in enumerate(cells)]
    (tmp_path / "plugin_ios_activity_recognition_raw.csv").write_text(head + "".join(rows))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert samples_of(items, "activity_class").column("activity").to_pylist() == [1, 5, 3, 2]
    [reason] = rejects(items)
    assert reason.startswith("activities is none of ")


def test_a_strength_of_nothing_is_not_known(tmp_path: Path) -> None:
    head = "timestamp,device_id,bssid,ssid,rssi\n"
    (tmp_path / "wifi.csv").write_text(head + _row(0, "aa:bb", "home", 0) + _row(1, "cc", "", -60))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert samples_of(items, "proximity").column("strength").to_pylist() == [None, -60.0]
