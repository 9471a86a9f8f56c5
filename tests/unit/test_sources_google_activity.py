"""What a phone took its wearer to do, in Google's location exports."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reading import assert_accounted, read, rejects, samples_of

AT = datetime(2024, 5, 1, 6, tzinfo=UTC)
FIX = {"latitudeE7": 525000000, "longitudeE7": 134000000}


def _at(minute: int) -> str:
    return (AT + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def _read(folder: Path, name: str, content: object) -> list[Any]:
    (folder / name).write_text(json.dumps(content))
    [(reading, items)] = read(folder)
    assert_accounted(reading, items)
    return items


def _seen(items: list[Any]) -> list[tuple[float, int]]:
    rows = samples_of(items, "activity_class").to_pylist()
    return sorted(((row["time"] - AT).total_seconds() / 60, row["activity"]) for row in rows)


def test_the_likeliest_activity_of_each_reading_is_kept_beside_the_place(tmp_path: Path) -> None:
    kinds = [{"type": "STILL", "confidence": 20}, {"type": "WALKING", "confidence": 70}]
    riding = [{"type": "IN_RAIL_VEHICLE", "confidence": 90}]
    millis = str(int(AT.timestamp() * 1000) + 120_000)
    old = {"timestampMs": millis, "activity": riding}
    records = [
        {**FIX, "timestamp": _at(0), "activity": [{"timestamp": _at(1), "activity": kinds}, old]},
        {"timestamp": _at(3), "activity": [{"timestamp": _at(3), "activity": kinds}]},
        {**FIX, "timestamp": _at(5), "activity": "walking"},
        {**FIX, "timestamp": _at(6), "activity": [{"timestamp": "noon", "activity": kinds}]},
        {"timestamp": _at(7)},
    ]
    items = _read(tmp_path, "Records.json", {"locations": records})
    assert _seen(items) == [(1, 1), (2, 5), (3, 1)]
    assert samples_of(items, "location").num_rows == 3
    assert rejects(items) == ["it has no position: not kept"]


def test_raw_signals_and_the_way_within_a_visit(tmp_path: Path) -> None:
    record = {"probableActivities": [{"type": "ON_BICYCLE", "confidence": 0.9}]}
    phone = tmp_path / "phone"
    phone.mkdir()
    signals = [{"activityRecord": {**record, "timestamp": _at(4)}}, {"wifiScan": {}}]
    items = _read(phone, "Timeline.json", {"semanticSegments": [], "rawSignals": signals})
    assert _seen(items) == [(4, 4)]
    visit = {
        "duration": {"startTimestamp": _at(0), "endTimestamp": _at(60)},
        "location": FIX,
        "simplifiedRawPath": {
            "points": [{"latE7": 525000900, "lngE7": 134000000, "timestamp": _at(30)}]
        },
    }
    folder = tmp_path / "takeout"
    folder.mkdir()
    items = _read(folder, "2024_MAY.json", {"timelineObjects": [{"placeVisit": visit}]})
    rows = samples_of(items, "location").to_pylist()
    assert [(row["time"] - AT).total_seconds() / 60 for row in rows] == [0, 30, 60]
    assert [row["latitude"] for row in rows] == [52.5, 52.50009, 52.5]
