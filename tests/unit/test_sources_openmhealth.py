"""Open mHealth and IEEE 1752.1: what is written reads back, and what a body must have."""

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from euthymia.ground import schemas
from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import OBSERVATIONS
from euthymia.sources.openmhealth_bodies import SLEEP_TIME
from euthymia.sources.openmhealth_out import data_points, observation_points, write_points
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

CREATED = datetime(2024, 6, 1, 9, tzinfo=UTC)
AT = datetime(2024, 5, 1, 6, 5, 0, 250_000, UTC)
ROWS: dict[str, dict[str, Any]] = {
    "heart_rate": {"rate": 61.5},
    "beat_intervals": {"interval": 812.5},
    "oxygen_saturation": {"value": 97.0},
    "respiration_rate": {"rate": 14.25},
    "steps": {"steps": 42, "period": 60.0},
    "location": {
        "latitude": 52.5200066,
        "longitude": -13.404954,
        "accuracy": 12.5,
        "altitude": None,
        "speed": None,
    },
}
# what the schemas of Open mHealth require of a body: its quantity and unit, and its time frame
REQUIRED = {
    "heart-rate": ("heart_rate", "beats/min", "date_time"),
    "rr-interval": ("rr_interval", "ms", "date_time"),
    "oxygen-saturation": ("oxygen_saturation", "%", "date_time"),
    "respiratory-rate": ("respiratory_rate", "breaths/min", "date_time"),
    "step-count": ("step_count", "steps", "time_interval"),
    "geoposition": ("latitude", "deg", "date_time"),
    "total-sleep-time": ("total_sleep_time", "min", "time_interval"),
    "sleep-episode": (None, None, "time_interval"),
}


def table(stream: str, *rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"time": AT, **row} for row in rows], schemas.STREAMS[stream].schema
    )


def check_point(point: dict[str, Any]) -> None:
    assert set(point) == {"header", "body"}
    header, body = point["header"], point["body"]
    assert set(header) == {"uuid", "schema_id", "source_creation_date_time", "modality"}
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", header["uuid"])
    assert header["modality"] == "sensed"
    assert set(header["schema_id"]) == {"namespace", "name", "version"}
    assert re.fullmatch(r"\d+\.\d+", header["schema_id"]["version"])
    name, unit, frame = REQUIRED[header["schema_id"]["name"]]
    assert list(body["effective_time_frame"]) == [frame]
    for text in json.dumps(body["effective_time_frame"]).split('"'):
        if text[:2] == "20":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text)
    if name:
        assert body[name]["unit"] == unit
        assert isinstance(body[name]["value"], int | float)


@pytest.mark.parametrize("stream", ROWS)
def test_a_stream_written_reads_back(stream: str, tmp_path: Path) -> None:
    given = table(stream, ROWS[stream])
    points = list(data_points(stream, given, user="s-1", created=CREATED))
    for point in points:
        check_point(point)
    with (tmp_path / "s-1.ndjson").open("w") as file:
        assert write_points(iter(points), file) == 1
    [(reading, items)] = read(tmp_path)
    assert rejects(items) == []
    assert reading.rows_in == 1
    back = samples_of(items, stream).select(given.column_names)
    assert back.to_pylist() == given.to_pylist()


def test_the_same_data_are_the_same_points() -> None:
    given = table("heart_rate", {"rate": 61.0}, {"rate": 62.0})
    first = list(data_points("heart_rate", given, user="s-1", created=CREATED))
    again = list(data_points("heart_rate", given, user="s-1", created=CREATED))
    other = list(data_points("heart_rate", given, user="s-2", created=CREATED))
    assert first == again
    ids = [point["header"]["uuid"] for point in (*first, *other)]
    assert len(set(ids)) == 4
    assert "s-1" not in json.dumps(first)


def test_stages_become_episodes_and_sleep_times(tmp_path: Path) -> None:
    base = int(AT.timestamp() * 1e6)
    minutes = [(0, 30, 1), (30, 20, 0), (50, 40, 2), (60, 30, 2), (600, 60, 4)]
    given = pa.table(
        {
            "time": pa.array([base + m * 60_000_000 for m, _, _ in minutes], schemas.TIME),
            "stage": pa.array([s for *_, s in minutes], pa.int8()),
            "duration": pa.array([n * 60.0 for _, n, _ in minutes], pa.float32()),
        }
    )
    points = list(data_points("sleep_stages", given, user="s", created=CREATED))
    for point in points:
        check_point(point)
    names = [point["header"]["schema_id"]["name"] for point in points]
    assert names == ["sleep-episode", "total-sleep-time"] * 2
    total = [p["body"]["total_sleep_time"]["value"] for p in points[1::2]]
    assert total == [70, 60]  # the ten minutes that two stages share count once
    with (tmp_path / "s.ndjson").open("w") as file:
        write_points(iter(points), file)
    items = items_of(tmp_path)
    assert samples_of(items, "sleep_stages").column("duration").to_pylist() == [5400, 3600]
    assert [fact["numeric_value"] for fact in facts_of(items)] == pytest.approx([70 / 60, 1])


def test_an_episode_that_tells_how_long_one_slept_is_both(tmp_path: Path) -> None:
    frame = {"time_interval": {"start_date_time": "2024-05-01T21:35:00Z", "duration": hours(9)}}
    body = {"effective_time_frame": frame, "total_sleep_time": hours(8.5)}
    schema = {"header": {"user_id": "u", "schema_id": {"name": "sleep-episode"}}}
    for number, point in enumerate(({**schema, "body": body}, body | {"is_main_sleep": True})):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "night.json").write_text(json.dumps(point))
        items = items_of(folder)
        assert samples_of(items, "sleep_stages").column("duration").to_pylist() == [9 * 3600]
        assert [fact["numeric_value"] for fact in facts_of(items)] == [8.5]


def hours(value: float) -> dict:
    return {"value": value, "unit": "h"}


def test_an_accuracy_by_dimension_is_the_horizontal_one(tmp_path: Path) -> None:
    here = {name: {"value": 40.0, "unit": "deg"} for name in ("latitude", "longitude")}
    here["effective_time_frame"] = {"date_time": "2024-05-01T07:25:00Z"}
    vertical = {"value": 23.0, "unit": "m", "dimension": "vertical"}
    level = {"value": 50.0, "unit": "m", "dimension": "horizontal"}
    for stated, expected in (([vertical, level], 50.0), ([vertical], None), ([], None)):
        (tmp_path / "here.json").write_text(json.dumps(here | {"accuracy": stated}))
        (found,) = samples_of(items_of(tmp_path), "location").column("accuracy").to_pylist()
        assert found == expected or (expected is None and found != found)


def test_sleep_times_on_record_are_written(tmp_path: Path) -> None:
    row = dict.fromkeys(OBSERVATIONS.names) | {"subject_id": "s", "purpose": "care", "source": "x"}
    rows = [{**row, "time": AT, "code": SLEEP_TIME, "numeric_value": 7.75}, {**row, "code": "A/b"}]
    points = list(
        observation_points(pa.Table.from_pylist(rows, OBSERVATIONS), user="s", created=CREATED)
    )
    [point] = points
    check_point(point)
    assert point["body"]["total_sleep_time"] == {"value": 465, "unit": "min"}


def test_what_has_no_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="no Open mHealth schema"):
        list(data_points("screen", table("heart_rate", {"rate": 1.0}), user="s", created=CREATED))
    naive = CREATED.replace(tzinfo=None)
    with pytest.raises(SchemaError, match="offset"):
        list(data_points("heart_rate", table("heart_rate"), user="s", created=naive))
    empty = io.StringIO()
    assert write_points(iter(()), empty) == 0
    assert empty.getvalue() == ""


FRAME = {
    "time_interval": {
        "start_date_time": "2024-05-01T06:00:00Z",
        "end_date_time": "2024-05-01T07:00:00Z",
    }
}


@pytest.mark.parametrize(
    ("body", "stream", "field", "value"),
    [
        ({"step_count": 42}, "steps", "steps", 42),
        (
            {"base_movement_quantity": {"value": 9, "unit": "steps"}, "activity_name": "walking"},
            "steps",
            "steps",
            9,
        ),
        ({"activity_name": "Running"}, "activity_class", "activity", 2),
        ({"time_in_bed": {"value": 1, "unit": "h"}}, "sleep_stages", "stage", 5),
        ({"sleep_stage_state": "rem"}, "sleep_stages", "stage", 3),
        ({"rr_interval": {"value": 0.8, "unit": "sec"}}, "beat_intervals", "interval", 800),
    ],
)
def test_bodies(
    body: dict[str, Any], stream: str, field: str, value: float, tmp_path: Path
) -> None:
    point = {"body": {**body, "effective_time_frame": FRAME}}
    (tmp_path / "mhealth.json").write_text(json.dumps(point))
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, stream).column(field).to_pylist() == [pytest.approx(value)]
    assert_accounted(reading, items)


def test_points_one_a_line_and_bodies_in_a_list(tmp_path: Path) -> None:
    beat = {"heart_rate": {"value": 61, "unit": "beats/min"}, "effective_time_frame": FRAME}
    (tmp_path / "a.ndjson").write_text(f"{json.dumps({'body': beat})}\n{json.dumps(beat)}\n")
    (tmp_path / "b.json").write_text(
        json.dumps({"header": {}, "body": {"heart_rate": [beat, beat]}})
    )
    found = read(tmp_path)
    assert [reading.rows_in for reading, _ in found] == [2, 2]
    assert [reason for _, items in found for reason in rejects(items)] == []


def test_a_line_that_is_no_json_does_not_end_the_file(tmp_path: Path) -> None:
    lines = [json.dumps(_rate("u1", 60 + i)) for i in range(3)]
    (tmp_path / "a.ndjson").write_text("\n".join([*lines[:2], "{bad", "", lines[2]]) + "\n")
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [60, 61, 62]
    assert rejects(items) == ["line 3: the line is not JSON, or it was cut"]
    assert_accounted(reading, items)


def _rate(user: str | None, value: int) -> dict[str, Any]:
    header = {"id": "1", **({"user_id": user} if user else {})}
    time = {"date_time": "2024-05-01T10:00:00Z"}
    rate = {"value": value, "unit": "beats/min"}
    return {"header": header, "body": {"heart_rate": rate, "effective_time_frame": time}}


@pytest.mark.parametrize(
    ("users", "owner", "kept"),
    [
        (["u1", "u1"], "u1", [60, 61]),
        (["u1", "u2", None], "u1", [60]),
        ([None, "u2"], "points", [60]),
    ],
)
def test_points_of_two_people_are_not_one_persons(
    users: list[str | None], owner: str, kept: list[int], tmp_path: Path
) -> None:
    points = [_rate(user, 60 + i) for i, user in enumerate(users)]
    (tmp_path / "points.json").write_text(json.dumps(points))
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "heart_rate")
    assert table.column("rate").to_pylist() == kept
    assert set(table.column("subject_id").to_pylist()) == {owner}
    assert ("split the file by person" in "".join(rejects(items))) == (len(kept) < len(users))
    assert_accounted(reading, items)
