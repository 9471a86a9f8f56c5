"""AWARE's SQLite databases (niimpy's too): opened so that they can do no harm.

They hold one sensor, or all.

A database is a program of sorts: views, triggers and expressions in its schema run when it is
read. This one is opened read-only, without extensions, with SQLite's own limits lowered; nothing
but plain columns of plain tables may be read. It is never copied to a temporary file: where it
cannot be opened in place (packed in a gzip or a zip), it is read in memory.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Reject
from euthymia.sources.aware_sensors import (
    SENSOR_NAMES,
    TIME,
    Sensor,
    known_without_stream,
    sensor_named,
)
from euthymia.sources.blob import MiB
from euthymia.sources.cells import Column
from euthymia.sources.contract import Opened, Source
from euthymia.sources.database import BROKEN
from euthymia.sources.phone_people import WHO, named_after
from euthymia.sources.table import Chunk
from euthymia.sources.typed_cells import read_rows

MAGIC: Final = b"SQLite format 3\0"
MAX_IN_MEMORY: Final = 512 * MiB  # a packed database has to be held whole
MAX_CELL: Final = 16 * MiB
MAX_COLUMNS: Final = 200
FETCH: Final = 5_000
STEPS: Final = 1_000_000  # instructions of SQLite's machine between two looks at the budget
BUDGET: Final = 40_000  # looks: some ten minutes a table; a year of one phone takes seconds
_CREATES: Final = re.compile(rb'CREATE TABLE (?:IF NOT EXISTS )?["`\[]?(\w{1,80})', re.IGNORECASE)
_NOT_DATA: Final = ("sqlite_", "android_metadata", "room_master_table")
_WAL_BYTES: Final = slice(18, 20)  # 2 2: the newest rows are in a log beside the file


def _recognise(_path: PurePath, head: bytes) -> float:
    if not head.startswith(MAGIC):
        return 0.0
    names = {found.decode().lower() for found in _CREATES.findall(head)}
    spelt = {name for name in names if sensor_named(name)}
    niimpy = any(name.startswith("aware") for name in spelt) and b"device" in head
    return 0.9 if spelt and (niimpy or b"device_id" in head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    with _database(opened) as base:
        row = 1
        for table in _tables(base):
            for item in _table(base, table, opened, row):
                yield item
                row = max(row, _after(item))


def _after(item: Item) -> int:
    if isinstance(item, Reject):
        return item.row + item.rows
    table = getattr(item, "table", None)
    if table is None:
        return int(getattr(item, "row", 0)) + 1
    return int(max(table.column("row").to_pylist())) + 1


# -- opening ---------------------------------------------------------------------------------------


@contextmanager
def _database(opened: Opened) -> Iterator[sqlite3.Connection]:
    blob = opened.blob
    if blob.problem:
        raise SourceError(blob.problem)
    if blob.cut:
        raise SourceError(
            "gzip stream ends early: a database cannot be read in part; copy the file again"
        )
    path = Path(opened.path)
    plain = _is_plain(path)
    if plain and Path(f"{path}-wal").is_file() and Path(f"{path}-wal").stat().st_size:
        raise SourceError(
            "the database was copied while it was open (there is a -wal file beside it, with its "
            "newest rows): close it, or export it, and ingest it again"
        )
    try:
        base = _in_place(path) if plain else _in_memory(opened)
        with closing(base):
            _harmless(base)
            yield base
    except BROKEN as problem:
        raise SourceError(_damaged(problem)) from problem


def _is_plain(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _in_place(path: Path) -> sqlite3.Connection:
    where = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return sqlite3.connect(where, uri=True, isolation_level=None)


def _in_memory(opened: Opened) -> sqlite3.Connection:
    data = bytearray(opened.blob.whole(MAX_IN_MEMORY))
    if bytes(data[_WAL_BYTES]) == b"\2\2":
        data[_WAL_BYTES] = b"\1\1"  # a database in memory has no log
    base = sqlite3.connect(":memory:", isolation_level=None)
    base.deserialize(bytes(data))
    return base


def _harmless(base: sqlite3.Connection) -> None:
    """Lower the limits, forbid all but reading columns, and count the work."""
    base.text_factory = bytes  # text is checked where it is used
    for limit, value in (
        (sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL),
        (sqlite3.SQLITE_LIMIT_COLUMN, MAX_COLUMNS),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 20),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (sqlite3.SQLITE_LIMIT_VDBE_OP, 25_000),
    ):
        base.setlimit(limit, value)
    for pragma in ("trusted_schema = 0", "query_only = 1", "cell_size_check = 1", "mmap_size = 0"):
        base.execute(f"PRAGMA {pragma}")
    looks = 0

    def spent() -> int:
        nonlocal looks
        looks += 1
        return int(looks > BUDGET)

    base.set_progress_handler(spent, STEPS)
    base.set_authorizer(_only_reading)


def _only_reading(action: int, *_what: str | None) -> int:
    if action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _damaged(problem: Exception) -> str:
    if "interrupted" in str(problem):
        return "the database takes too long to read, as one made to do harm does; export it as CSV"
    return (
        "the database is damaged or no plain SQLite database (encrypted, or cut); "
        "copy the file again, or export its tables as CSV"
    )


# -- reading ---------------------------------------------------------------------------------------


def _tables(base: sqlite3.Connection) -> list[str]:
    found = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    names = []
    for name, sql in found:
        if not isinstance(name, bytes) or not isinstance(sql, bytes):
            continue
        text = name.decode("utf-8", "replace")
        if sql.lstrip()[:12].upper() == b"CREATE TABLE" and not text.startswith(_NOT_DATA):
            names.append(text)
    return sorted(names)


def _named(name: str) -> str:
    """Return a table's name for messages: only AWARE's own, which say nothing of a person."""
    known = sensor_named(name) is not None or known_without_stream(name)
    return f"table {name}" if known else "a table that is not AWARE's"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(base: sqlite3.Connection, name: str, opened: Opened, first_row: int) -> Iterator[Item]:
    sensor = sensor_named(name)
    try:
        header = _header(base, name)
        columns = _columns(sensor, header, opened) if sensor else None
        if sensor is None or columns is None:
            yield from _left_out(base, name, first_row, lacks=sensor is not None)
            return
        chosen = ", ".join(_quoted(place) for place, _ in columns)
        cursor = base.execute(f"SELECT {chosen} FROM {_quoted(name)}")  # noqa: S608  (quoted)
        wanted = [column for _, column in columns]
        broken: list[Exception] = []
        rows = _fetched(cursor, broken)
        for found in read_rows(rows, wanted, first_row, f"{_named(name)}, row"):
            if isinstance(found, Reject):
                first_row = max(first_row, found.row + found.rows)
                yield found
            else:
                first_row = max(first_row, int(found.rows[-1]) + 1)
                yield from sensor.items(found, _owner(found, opened), opened.context)
        for problem in broken:
            yield Reject(first_row, f"{_named(name)}, after its last good row: {_damaged(problem)}")
    except BROKEN as problem:
        yield Reject(first_row, f"{_named(name)}: {_damaged(problem)}")


def _fetched(cursor: sqlite3.Cursor, broken: list[Exception]) -> Iterator[Sequence[Any]]:
    """Yield rows; what was read before the place where a database is damaged is kept."""
    try:
        while rows := cursor.fetchmany(FETCH):
            yield from rows
    except BROKEN as problem:
        broken.append(problem)


def _header(base: sqlite3.Connection, name: str) -> tuple[str, ...]:
    cursor = base.execute(f"SELECT * FROM {_quoted(name)} LIMIT 0")  # noqa: S608  (quoted)
    return tuple(str(column[0]) for column in cursor.description or ())


def _columns(
    sensor: Sensor, header: Sequence[str], opened: Opened
) -> list[tuple[str, Column]] | None:
    """Return what to read (the database's name of it, and its rule); None if one is missing."""
    wanted = [TIME, *sensor.columns]
    if not opened.context.subject and set(WHO.aliases) & set(header):
        wanted.append(WHO)
    found = []
    for column in wanted:
        place = next((alias for alias in column.aliases if alias in header), None)
        if place is not None:
            found.append((place, column))
        elif column.required:
            return None
    return found


def _owner(chunk: Chunk, opened: Opened) -> Any:  # noqa: ANN401  (a name, or one each)
    if opened.context.subject:
        return opened.context.subject
    if WHO.name in chunk.columns:
        return chunk.columns[WHO.name]
    return named_after(opened, SENSOR_NAMES)


def _left_out(base: sqlite3.Connection, name: str, row: int, *, lacks: bool) -> Iterator[Reject]:
    count = sum(1 for _ in base.execute(f"SELECT NULL FROM {_quoted(name)}"))  # noqa: S608
    if not count:
        return
    why = (
        "its columns are not those of AWARE; export it as CSV with AWARE's column names"
        if lacks
        else "nothing of it is kept"
    )
    yield Reject(row, f"{_named(name)}: {why}", count)


def _example(folder: Path) -> None:
    start = 1_714_557_600_000
    tables: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "screen": ("screen_status integer", [(start, 1), (start + 9000, 0)]),
        "battery": ("battery_status integer, battery_level integer", [(start, 3, 81)]),
        "calls": (
            "call_type integer, call_duration integer, trace text",
            [(start, 1, 61, "a"), (start + 1000, 3, 0, None)],
        ),
        "light": ("double_light_lux real", [(start, 220.5)]),
    }
    with closing(sqlite3.connect(folder / "aware.db")) as base, base:
        for name, (columns, rows) in tables.items():
            base.execute(
                f"CREATE TABLE {name} (_id integer primary key, timestamp real, "
                f"device_id text, {columns})"
            )
            marks = ", ".join("?" * (len(rows[0]) + 2))
            filled = [(i, row[0], "d1", *row[1:]) for i, row in enumerate(rows, 1)]
            base.executemany(f"INSERT INTO {name} VALUES ({marks})", filled)  # noqa: S608


SOURCE = Source(
    name="aware_sqlite",
    title="AWARE databases",
    formats=(
        "<id>/<sensor>.db with AWARE's tables",
        "<id>.db",
        "*.sqlite3 of niimpy (AwareScreen, ...)",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
)
