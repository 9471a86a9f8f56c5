"""Why a stream has no data on a day: of which streams a note tells, from when, and until when."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from euthymia.care.coverage_map import coverage_map
from euthymia.care.pauses import Noted
from euthymia.ground.clock import DAY_US, Timeline, day_number, to_micros
from euthymia.ground.schemas import STREAMS

FIRST = day_number(date(2026, 6, 1))
PHONE = frozenset({"location", "screen"})


def at(day: int, hour: float) -> int:
    return to_micros(datetime(2026, 6, 1, tzinfo=UTC)) + day * DAY_US + round(hour * DAY_US / 24)


def reasons(hours: dict[str, list[float]], *notes, zone: str = "UTC") -> dict[str, list[str]]:
    """Return why each day of each stream is empty; `notes`: when, of what, reason (None: on)."""
    days = len(next(iter(hours.values())))
    table = {"date": pa.array(np.arange(FIRST, FIRST + days, dtype=np.int32), pa.date32())}
    table |= {f"{stream}_data_h": values for stream, values in hours.items()}
    states = {
        "time": pa.array([when for when, *_ in notes], pa.timestamp("us", "UTC")),
        "stream": [of for _, of, _ in notes],
        "on": pa.array([int(why is None) for *_, why in notes], pa.int8()),
        "reason": pa.array([why for *_, why in notes], pa.string()),
    }
    schema = STREAMS["recording_state"].schema
    found = coverage_map(
        {"data_quality": pa.table(table)},
        FIRST,
        FIRST + days - 1,
        not_worn=set(),
        consented=lambda _day: True,
        phone=PHONE,
        held={},
        noted=Noted(pa.table(states).select(schema.names).cast(schema)),
        zones=Timeline(((0, zone),)),
    )
    return {row.stream: [cell.why for cell in row.cells] for row in found}


def test_a_note_is_about_its_own_stream() -> None:
    hours = {name: [9.0, 0.0, 0.0, 5.0] for name in ("location", "screen", "heart_rate")}
    found = reasons(hours, (at(0, 20), "location", "permission"))
    assert found["location"] == ["", "permission", "permission", ""]
    assert found["screen"] == found["heart_rate"] == ["", "unknown", "unknown", ""]


def test_a_note_of_a_device_is_about_all_its_streams() -> None:
    hours = {name: [9.0, 0.0, 0.0] for name in ("location", "screen", "heart_rate")}
    notes = (at(0, 23), "phone", "off"), (at(1, 1), "wristband", "not_worn")
    found = reasons(hours, *notes)
    assert found["location"] == found["screen"] == ["", "off", "off"]
    assert found["heart_rate"] == ["", "not_worn", "not_worn"]


def test_data_ends_a_pause_that_nobody_noted_the_end_of() -> None:
    hours = {"location": [9.0, 0.0, 0.0, 0.0], "screen": [9.0, 0.0, 3.0, 0.0]}
    found = reasons(hours, (at(0, 20), "phone", "off"))
    assert found["location"] == ["", "off", "unknown", "unknown"]
    assert found["screen"] == ["", "off", "", "unknown"]


def test_what_lasts_for_a_small_part_of_a_day_is_not_why_it_is_empty() -> None:
    hours = {"location": [9.0, 0.0, 0.0]}
    night = (at(1, 0), "phone", "low_power"), (at(1, 6), "phone", None)
    day = (at(2, 3), "location", "paused"), (at(2, 20), "location", None)
    assert reasons(hours, *night, *day)["location"] == ["", "unknown", "paused"]


def test_days_are_those_of_the_persons_clock() -> None:
    notes = (at(0, 14), "location", "off"), (at(1, 14), "location", None)
    hours = {"location": [9.0, 0.0, 0.0]}
    assert reasons(hours, *notes, zone="Pacific/Auckland")["location"] == ["", "off", "unknown"]


def test_after_a_fortnight_a_note_says_nothing() -> None:
    found = reasons({"location": [1.0, *[0.0] * 19]}, (at(1, 0), "location", "permission"))
    assert found["location"] == ["", *["permission"] * 14, *["unknown"] * 5]


def test_a_note_a_minute_counts_once() -> None:
    notes = [(at(1, m / 60), "wristband", "not_worn") for m in range(1440)]
    found = reasons({"heart_rate": [9.0, 0.0]}, *notes)
    assert found["heart_rate"] == ["", "not_worn"]
