"""Open mHealth and IEEE 1752.1 data points in JSON: a list, one point, or one a line.

A point is `{"header": ..., "body": ...}` or a body alone; a body may also hold a list of bodies
(`{"body": {"heart_rate": [...]}}`). What a body is is read from the quantities that it holds, and
where these do not say it (a sleep episode) from `header.schema_id.name`. A statistic over several
values is no measurement and is refused. A file is one person's: whose it is is told by
`header.user_id`, else by its name. `openmhealth_out` writes such points.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Source
from euthymia.sources.gather import Gather, reading
from euthymia.sources.json_stream import elements
from euthymia.sources.json_tree import Node, ShapeError, decode, node
from euthymia.sources.lines import Gap, blocks
from euthymia.sources.openmhealth_bodies import BODIES, SCHEMAS, read_body, schema_of
from euthymia.sources.phone_people import named_after

NAME: Final = "openmhealth"
SYSTEM: Final = device_id(NAME, "").system
MAX_BYTES: Final = 256 * MiB
_ANOTHER: Final = (
    "its header's user_id is not that of the file's first point: split the file by person"
)


@dataclass(frozen=True, slots=True)
class _Unread:
    """A line that is no data point: why, and where."""

    rule: str
    place: str


def _recognise(path: PurePath, head: bytes) -> float:
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        return 0.0
    timed = b'"effective_time_frame"' in head or b'"sleep_stage_time_frame"' in head
    known = any(f'"{body}"'.encode() in head for body in (*BODIES, *SCHEMAS))
    return 0.9 if timed and (known or "mhealth" in path.stem.lower()) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, opened.context.subject or named_after(opened))

    def steps() -> Iterator[None]:
        first: str | None = None
        settled = False
        for number, point in enumerate(_points(opened), 1):
            if isinstance(point, _Unread):
                gather.refuse(point.rule, point.place)
                continue
            user = None if opened.context.subject else _user(point)
            if not settled and isinstance(point, dict):
                settled, first = True, user
                gather.who = user or gather.who
            if user != first and isinstance(point, dict):
                gather.refuse(_ANOTHER, f"data point {number}")
                continue
            try:
                _point(gather, point)
            except ShapeError as problem:
                gather.refuse(str(problem), f"data point {number}")
            yield

    yield from reading(gather, steps)


def _user(point: object) -> str | None:
    """Return whose a data point is, where its header tells it (Open mHealth's `user_id`)."""
    header = point.get("header") if isinstance(point, dict) else None
    user = header.get("user_id") if isinstance(header, dict) else None
    return user.strip() or None if isinstance(user, str) else None


def _points(opened: Opened) -> Iterator[object]:
    start = opened.blob.head().lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"["):
        for element in elements(opened.blob):
            yield element.value
    elif _a_line_each(start):
        for found in blocks(opened.blob):
            if isinstance(found, Gap):
                yield _Unread(found.reason, "")
                continue
            for number, line in enumerate(found.data.split(b"\n"), found.line):
                if line.strip():
                    yield _line(line, f"line {number}")
    else:
        yield from _unlisted(decode(opened.blob.whole(MAX_BYTES)))


def _line(line: bytes, place: str) -> object:
    try:
        return decode(line)
    except SourceError:
        return _Unread("the line is not JSON, or it was cut", place)


def _a_line_each(start: bytes) -> bool:
    lines = [line.rstrip() for line in start.split(b"\n")[:2]]
    return len(lines) > 1 and lines[0].endswith(b"}") and lines[1].startswith(b"{")


def _unlisted(point: object) -> Iterator[object]:
    """Yield the bodies of a point whose body holds a list of them."""
    body = point.get("body") if isinstance(point, dict) else None
    lists = [v for v in body.values() if isinstance(v, list)] if isinstance(body, dict) else []
    if not isinstance(point, dict) or not lists or "effective_time_frame" in (body or {}):
        yield point
        return
    for part in lists[0]:
        yield {**point, "body": part}


def _point(gather: Gather, point: object) -> None:
    if not isinstance(point, dict):
        raise ShapeError("it is not an object")
    body: Node = node(point, "body") or point
    read_body(gather, body, schema_of(point))


def _example(folder: Path) -> None:
    morning = datetime(2024, 5, 1, 7, tzinfo=UTC).isoformat()
    night = f'"start_date_time": "2024-04-30T22:35:00Z", "end_date_time": "{morning}"'
    (folder / "mhealth_heart_rate.json").write_text(
        '[{"heart_rate": {"value": 62, "unit": "beats/min"},'
        f' "effective_time_frame": {{"date_time": "{morning}"}}}},\n'
        ' {"total_sleep_time": {"value": 465, "unit": "min"}, "effective_time_frame":'
        f' {{"time_interval": {{{night}}}}}}},\n'
        ' {"header": {"schema_id": {"namespace": "ieee", "name": "sleep-episode",'
        ' "version": "1.0"}}, "body": {"effective_time_frame":'
        f' {{"time_interval": {{{night}}}}}}}}}]\n',
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Open mHealth and IEEE 1752.1",
    formats=("*.json of data points", "*.ndjson, a data point a line"),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
