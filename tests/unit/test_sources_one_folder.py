"""Exports that say not whose they are, of several people in one folder."""

from pathlib import Path

import pytest

from euthymia.ground.records import Samples
from reading import assert_accounted, items_of, read, rejects

VISIT = (
    '[{"startTime":"2024-05-01T06:05:00.123Z","endTime":"2024-05-01T07:05:00.123Z",'
    '"visit":{"topCandidate":{"placeLocation":"geo:48.1,11.5"}}}]'
)
HEALTH = (
    '<?xml version="1.0"?><!DOCTYPE HealthData []><HealthData locale="en"><Record '
    'type="HKQuantityTypeIdentifierHeartRate" unit="count/min" sourceName="W" value="61" '
    'startDate="2024-05-01 08:00:00 +0200" endDate="2024-05-01 08:00:00 +0200"/></HealthData>'
)
MONTH = (
    '{"timelineObjects": [{"placeVisit": {"location": {"latitudeE7": 481000000, "longitudeE7": '
    '115000000}, "duration": {"startTimestamp": "2023-05-01T06:05:00Z", "endTimestamp": '
    '"2023-05-01T07:05:00Z"}}}]}'
)


@pytest.mark.parametrize("folder", ["study", "data"])
@pytest.mark.parametrize(
    "names",
    [
        ("anna.xml", "ben.xml"),
        ("export.xml", "ben.xml"),
        ("anna.json", "ben.json"),
        ("Timeline_anna.json", "Timeline_ben.json"),
    ],
)
def test_whose_they_are_is_asked(names: tuple[str, str], folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    for name in names:
        (tmp_path / folder / name).write_text(HEALTH if name.endswith("xml") else VISIT)
    found = read(tmp_path)
    for reading, items in found:
        assert_accounted(reading, items)
        assert not any(isinstance(item, Samples) for item in items)
        assert "put each person's into a folder of their own" in rejects(items)[0]
    assert len(found) == 2
    told = items_of(tmp_path / folder / names[0], subject="anna")
    assert {who for item in told for who in item.table["subject_id"].to_pylist()} == {"anna"}


@pytest.mark.parametrize(
    "names",
    [
        ("anna/export.xml", "ben/export.xml"),
        ("anna/export.xml", "anna/export 2.xml", "anna/export (1) copy.xml"),
        ("anna/Timeline.json", "anna/Timeline_2024-05-01.json", "anna/Records.json"),
        ("anna/mine.json",),
        ("anna/apple_health_export/export.xml", "anna/apple_health_export/mine.xml"),
        ("anna/Timeline.json", "anna/2023_MAY.json"),
    ],
)
def test_copies_of_one_persons_are_read(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(
            HEALTH if name.endswith("xml") else MONTH if "_MAY" in name else VISIT
        )
    items = items_of(tmp_path)
    assert rejects(items) == []
    people = {who for item in items for who in item.table["subject_id"].to_pylist()}
    assert people == {name.partition("/")[0] for name in names}
