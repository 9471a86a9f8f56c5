"""Write streams and sleep times as Open mHealth and IEEE 1752.1 data points.

Each point has the header of IEEE 1752.1 (`uuid`, `schema_id`, `source_creation_date_time`,
`modality`) and a body that its schema accepts. The `uuid` is worked out from the content, so that
the same data written twice are the same points. No name leaves with them: whoever calls says under
which identifier a person is known outside.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any, Final

import pyarrow as pa

from euthymia.ground.clock import SECOND_US, from_micros
from euthymia.ground.errors import SchemaError
from euthymia.sources.openmhealth_bodies import SLEEP_TIME

Body = dict[str, Any]
Row = Mapping[str, Any]

_SPACE: Final = uuid.UUID("6f0c2a57-5d0e-5c1b-9a35-0d3d6f7f6b11")
BREAK_S: Final = 3600.0  # stages further apart than this are two episodes of sleep
_ASLEEP: Final = frozenset({1, 2, 3, 4, 6})


def data_points(
    stream: str, table: pa.Table, *, user: str, created: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a stream as data points.

    Parameters
    ----------
    stream : str
        One of `STREAMS`. `sleep_stages` become one `sleep-episode` and one `total-sleep-time` for
        each stretch of stages without a gap of an hour.
    table : pyarrow.Table
        The stream's columns, in order of time.
    user : str
        Under which identifier the person is known outside: it goes into the points' identity.
    created : datetime
        When the points are written, aware.

    Raises
    ------
    SchemaError
        If the stream has no schema, or `created` no offset.
    """
    if created.tzinfo is None:
        raise SchemaError("the time of writing needs its offset from UTC")
    if stream == "sleep_stages":
        yield from _sleep(table, user, created)
        return
    known = STREAMS.get(stream)
    if known is None:
        raise SchemaError(f"{stream} has no Open mHealth schema; those that have: {_names()}")
    schema, make = known
    for row in _rows(table):
        yield _point(schema, make(row), user, created)


def observation_points(
    table: pa.Table, *, user: str, created: datetime
) -> Iterator[dict[str, Any]]:
    """Yield observations that have a schema (the time asleep of a night); others are passed over.

    `table` has the columns of `ground.schemas.OBSERVATIONS`. A night's start is not in it: the
    point's interval is the time asleep that ends when the observation was made.
    """
    for row in table.select(["code", "time", "numeric_value"]).to_pylist():
        if row["code"] == SLEEP_TIME and row["time"] is not None and row["numeric_value"] > 0:
            minutes = round(row["numeric_value"] * 60, 3)
            end = row["time"].timestamp()
            body = {
                "total_sleep_time": {"value": minutes, "unit": "min"},
                "effective_time_frame": _span(end - minutes * 60, end),
            }
            yield _point(_TOTAL, body, user, created)


def write_points(points: Iterable[dict[str, Any]], file: IO[str]) -> int:
    """Write points as NDJSON, one a line; return how many."""
    count = 0
    for count, point in enumerate(points, 1):  # noqa: B007
        file.write(json.dumps(point, ensure_ascii=False, separators=(",", ":")) + "\n")
    return count


_Schema = tuple[str, str, str]
_TOTAL: Final[_Schema] = ("ieee", "total-sleep-time", "1.0")
_EPISODE: Final[_Schema] = ("ieee", "sleep-episode", "1.0")


def _point(schema: _Schema, body: Body, user: str, created: datetime) -> dict[str, Any]:
    namespace, name, version = schema
    content = json.dumps([user, name, version, body], sort_keys=True)
    header = {
        "uuid": str(uuid.uuid5(_SPACE, content)),
        "schema_id": {"namespace": namespace, "name": name, "version": version},
        "source_creation_date_time": created.isoformat(),
        "modality": "sensed",
    }
    return {"header": header, "body": body}


def _rows(table: pa.Table) -> Iterator[Row]:
    for batch in table.to_batches(max_chunksize=10_000):
        times = batch.column("time").cast(pa.int64()).to_pylist()
        for at, row in zip(times, batch.drop_columns(["time"]).to_pylist(), strict=True):
            yield {**row, "at": at}


def _text(time_us: float) -> str:
    return from_micros(round(time_us)).isoformat().replace("+00:00", "Z")


def _moment(row: Row) -> Body:
    return {"date_time": _text(row["at"])}


def _span(start_s: float, end_s: float) -> Body:
    texts = (_text(start_s * SECOND_US), _text(end_s * SECOND_US))
    return {"time_interval": dict(zip(("start_date_time", "end_date_time"), texts, strict=True))}


def _amount(value: float, unit: str) -> Body:
    """Return a unit_value; a float of 32 bits is written as the number that it stands for."""
    return {"value": float(f"{value:.7g}"), "unit": unit}


def _plain(name: str, field: str, unit: str) -> Callable[[Row], Body]:
    def make(row: Row) -> Body:
        return {name: _amount(row[field], unit), "effective_time_frame": _moment(row)}

    return make


def _steps(row: Row) -> Body:
    start = row["at"] / SECOND_US
    return {
        "step_count": {"value": row["steps"], "unit": "steps"},
        "effective_time_frame": _span(start, start + row["period"]),
    }


def _place(row: Row) -> Body:
    body: Body = {name: {"value": row[name], "unit": "deg"} for name in ("latitude", "longitude")}
    body |= {
        name: _amount(row[field], "m")
        for name, field in (("elevation", "altitude"), ("accuracy", "accuracy"))
        if row.get(field) is not None
    }
    return {**body, "effective_time_frame": _moment(row)}


STREAMS: Final[dict[str, tuple[_Schema, Callable[[Row], Body]]]] = {
    "heart_rate": (("omh", "heart-rate", "2.0"), _plain("heart_rate", "rate", "beats/min")),
    "beat_intervals": (("omh", "rr-interval", "1.0"), _plain("rr_interval", "interval", "ms")),
    "oxygen_saturation": (
        ("omh", "oxygen-saturation", "2.0"),
        _plain("oxygen_saturation", "value", "%"),
    ),
    "respiration_rate": (
        ("omh", "respiratory-rate", "2.0"),
        _plain("respiratory_rate", "rate", "breaths/min"),
    ),
    "steps": (("omh", "step-count", "3.0"), _steps),
    "location": (("omh", "geoposition", "1.0"), _place),
}
"""The streams whose rows are data points, with their schemas; and `sleep_stages`."""


def _names() -> str:
    return ", ".join(sorted([*STREAMS, "sleep_stages"]))


def _sleep(table: pa.Table, user: str, created: datetime) -> Iterator[dict[str, Any]]:
    """Yield each episode: from the first to the last stage asleep."""
    episode: list[tuple[float, float]] = []
    for row in _rows(table):
        if row["stage"] not in _ASLEEP:
            continue
        start = row["at"] / SECOND_US
        end = start + row["duration"]
        if episode and start - max(e for _, e in episode) > BREAK_S:
            yield from _episode(episode, user, created)
            episode = []
        episode.append((start, end))
    if episode:
        yield from _episode(episode, user, created)


def _episode(
    asleep: list[tuple[float, float]], user: str, created: datetime
) -> Iterator[dict[str, Any]]:
    frame = _span(asleep[0][0], max(end for _, end in asleep))
    total, until = 0.0, asleep[0][0]
    for start, end in asleep:  # two devices may report the same time
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    minutes = {"value": round(total / 60, 3), "unit": "min"}
    yield _point(_EPISODE, {"effective_time_frame": frame}, user, created)
    body = {"total_sleep_time": minutes, "effective_time_frame": frame}
    yield _point(_TOTAL, body, user, created)
