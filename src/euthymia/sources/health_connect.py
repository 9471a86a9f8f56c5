"""Health Connect: the database that Android exports, and JSON made from its records.

Android documents no export; tables and columns are those of its own source (Health Connect's
database helpers) and of exports seen. Times are milliseconds UTC. Kept are heart rate, steps, sleep
stages, breaths and oxygen saturation, and as observations resting heart rate and RMSSD.

Several apps write the same steps and the same night: where their records
overlap, those of the app that the person put first are kept (its own list of priorities), then
those of the app with the most records.

Sleep: 1 awake, 3 out of bed and 7 awake in bed become stage 0; 4 light 1, 5 deep 2, 6 REM 3,
2 sleeping 4. A session without stages is one stretch asleep.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.contract import Opened, Source
from euthymia.sources.database import is_database, opened_database, run_script
from euthymia.sources.device_people import person_of
from euthymia.sources.gather import Gather, reading
from euthymia.sources.health_connect_json import is_records, read_records
from euthymia.sources.health_connect_tables import read_database

NAME: Final = "health_connect"
SYSTEM: Final = device_id(NAME, "").system


def _recognise(path: PurePath, head: bytes) -> float:
    if is_database(head):
        named = path.name.lower().startswith("health_connect") and path.suffix.lower() == ".db"
        known = b"heart_rate_record" in head or b"sleep_session_record" in head
        return 0.95 if known or b"steps_record_table" in head else 0.9 if named else 0.0
    return 0.9 if is_records(head) else 0.0


def _is_whole(_path: PurePath, head: bytes) -> bool:
    return is_database(head)


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, person_of(opened))
    if not is_database(opened.blob.head()):
        yield from reading(gather, lambda: read_records(opened.blob, gather))
        return

    def steps() -> Iterator[None]:
        with opened_database(opened.blob) as (database, tables):
            yield from read_database(database, tables, gather)

    yield from reading(gather, steps)


_SCRIPT: Final = """
CREATE TABLE application_info_table (row_id INTEGER PRIMARY KEY, package_name TEXT);
CREATE TABLE steps_record_table (row_id INTEGER PRIMARY KEY, uuid BLOB, app_info_id INTEGER,
  start_time INTEGER, start_zone_offset INTEGER, end_time INTEGER, count INTEGER);
CREATE TABLE heart_rate_record_table (row_id INTEGER PRIMARY KEY, app_info_id INTEGER,
  start_time INTEGER, end_time INTEGER);
CREATE TABLE heart_rate_record_series_table (parent_key INTEGER, beats_per_minute INTEGER,
  epoch_millis INTEGER);
CREATE TABLE sleep_session_record_table (row_id INTEGER PRIMARY KEY, uuid BLOB,
  app_info_id INTEGER, start_time INTEGER, end_time INTEGER, title TEXT);
CREATE TABLE sleep_stages_table (parent_key INTEGER, stage_start_time INTEGER,
  stage_end_time INTEGER, stage_type INTEGER);
INSERT INTO application_info_table VALUES (1, 'org.example.watch');
INSERT INTO steps_record_table VALUES (1, x'01', 1, 1714543500000, 7200, 1714543560000, 42);
INSERT INTO heart_rate_record_table VALUES (1, 1, 1714543500000, 1714543560000);
INSERT INTO heart_rate_record_series_table VALUES (1, 61, 1714543500000), (1, 63, 1714543505000);
INSERT INTO sleep_session_record_table VALUES (1, x'02', 1, 1714514400000, 1714518000000, NULL);
INSERT INTO sleep_stages_table VALUES (1, 1714514400000, 1714516200000, 4),
  (1, 1714516200000, 1714518000000, 5);
"""


def _example(folder: Path) -> None:
    home = folder / "anna"
    home.mkdir()
    run_script(home / "health_connect_export.db", _SCRIPT)
    (home / "health_connect.json").write_text(
        '{"heart_rate": [{"bpm": 61, "time": "2024-05-01T06:05:00Z"}], "steps": [{"count": 42,'
        ' "start_time": "2024-05-01T06:05:00Z", "end_time": "2024-05-01T06:06:00Z"}]}\n',
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Health Connect",
    formats=("<id>/health_connect_export.db (or within its zip)", "<id>/*.json of records"),
    recognise=_recognise,
    read=_read,
    whole=_is_whole,
    example=_example,
    by_path=True,
)
