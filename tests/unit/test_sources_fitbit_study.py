"""Fitbit's data as studies hold it: Fitabase, RAPIDS, and answers of the Web API."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from euthymia.ground.clock import Timeline, to_micros
from euthymia.ground.records import Reject
from euthymia.sources import lines, table
from euthymia.sources.dialect import Dialect
from reading import assert_accounted, facts_of, read, rejects, samples_of

NEW_YORK = "America/New_York"  # 4 hours behind UTC in summer


def _items(folder: Path, source: str, zone: str = NEW_YORK) -> list[Any]:
    found = read(folder, zone=zone)
    assert {reading.source for reading, _ in found} == {source}
    for reading, items in found:
        assert_accounted(reading, items)
    return [item for _, items in found for item in items]


def _cells(items: list[Any], stream: str, *names: str) -> list[tuple[Any, ...]]:
    rows = samples_of(items, stream).to_pylist()
    return [tuple(str(r[n])[:19] if n == "time" else r[n] for n in names) for r in rows]


def test_fitabase_of_all_people(tmp_path: Path) -> None:
    (tmp_path / "heartrate_seconds_merged.csv").write_text(
        "Id,Time,Value\n20,4/12/2016 7:21:05 AM,97\n20,4/12/2016 12:00:00 PM,98\n"
        "26,4/12/2016 12:00:00 AM,61\n26,12/4/16,62\n"
    )
    (tmp_path / "minuteStepsNarrow_merged.csv").write_text(
        "Id,ActivityMinute,Steps\n20,4/12/2016 12:01:00 AM,4\n"
    )
    (tmp_path / "minuteSleep_merged.csv").write_text(
        "Id,date,value,logId\n20,4/12/2016 2:47:30 AM,3,113\n20,4/12/2016 2:48:30 AM,1,113\n"
        "20,4/12/2016 2:49:30 AM,2,113\n20,4/12/2016 2:50:30 AM,9,113\n"
    )
    items = _items(tmp_path, "fitbit_study")
    assert _cells(items, "heart_rate", "subject_id", "time", "rate") == [
        ("20", "2016-04-12 11:21:05", 97),
        ("20", "2016-04-12 16:00:00", 98),
        ("26", "2016-04-12 04:00:00", 61),
    ]
    assert _cells(items, "steps", "time", "steps", "period") == [("2016-04-12 04:01:00", 4, 60)]
    assert _cells(items, "sleep_stages", "time", "stage", "duration", "session") == [
        ("2016-04-12 06:47:30", 0, 60, "113"),
        ("2016-04-12 06:48:30", 4, 60, "113"),
        ("2016-04-12 06:49:30", 6, 60, "113"),
    ]
    assert sorted(rejects(items)) == [
        "line 5: value is not one of 1, 2, 3",
        "the time is not M/D/YYYY h:mm:ss AM or YYYY-MM-DD hh:mm:ss",
    ]


@pytest.mark.parametrize("day", ["4/2", "4/22"])  # of the second alone one sees what is the month
def test_fitabase_of_one_person(tmp_path: Path, day: str) -> None:
    (tmp_path / "P9_30secondSleepStages_20160401_20160430.csv").write_text(
        "LogId,Time,Level,ShortWakes,SleepStage\n"
        f"7,{day}/2016 1:00:00 AM,light,,light\n7,{day}/2016 1:00:30 AM,light,wake,wake\n"
    )
    items = _items(tmp_path, "fitbit_study")
    on = f"2016-04-{int(day[2:]):02d}"
    assert _cells(items, "sleep_stages", "subject_id", "time", "stage", "duration") == [
        ("P9", f"{on} 05:00:00", 1, 30),
        ("P9", f"{on} 05:00:30", 0, 30),
    ]


@pytest.mark.parametrize("mixed", [False, True])
def test_the_clock_of_each_person_is_judged_over_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixed: bool
) -> None:
    """In pieces, as a file of years is read: in autumn the hour after 1 comes twice."""
    for name, size in {"BLOCK": 512, "PIECE": 512, "MAX_LINE": 1024}.items():
        monkeypatch.setattr(lines, name, size)
    monkeypatch.setattr(table, "BATCH", 512)
    first = to_micros(datetime(2016, 11, 6, 3, 30, tzinfo=UTC))  # 23:30 in New York
    time_us = first + np.arange(420, dtype=np.int64) * 60_000_000
    wall = _wall(time_us)
    rows = [f"{who},{at:%m/%d/%Y %I:%M:%S %p},70\n" for who in ("20", "26") for at in wall]
    if mixed:
        rows = [row for pair in zip(rows[:420], rows[420:], strict=True) for row in pair]
    path = tmp_path / "heartrate_seconds_merged.csv"
    path.write_text("Id,Time,Value\n" + "".join(rows))
    items = _items(tmp_path, "fitbit_study")
    found = samples_of(items, "heart_rate").sort_by("row")
    for who in ("20", "26"):
        own = found.filter(pa.compute.equal(found["subject_id"], who))
        np.testing.assert_array_equal(own["time"].cast(pa.int64()).to_numpy(), time_us)


def test_dates_as_fitabase_writes_them_need_no_dialect_and_turned_round_they_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "heartrate_seconds_merged.csv"
    path.write_text("Id,Time,Value\n20,22/4/2016 7:21:05 AM,97\n")
    wanted = [("20", "2016-04-22 11:21:05")]
    assert _cells(_items(tmp_path, "fitbit_study"), "heart_rate", "subject_id", "time") == wanted
    path.write_text("Id,Time,Value\n20,4/22/2016 7:21:05 AM,97\n")
    monkeypatch.delattr(Dialect, "recode")  # it would be five times as slow
    assert _cells(_items(tmp_path, "fitbit_study"), "heart_rate", "subject_id", "time") == wanted


def test_rapids_parsed_tables(tmp_path: Path) -> None:
    """The examples of RAPIDS' documentation (docs/snippets/parsedfitbit_format.md)."""
    (tmp_path / "hr.csv").write_text(
        "device_id,local_date_time,heartrate,heartrate_zone\n"
        "a748,2020-10-07 00:00:00,68,outofrange\nb,2020-10-07 00:01:00,67,outofrange\n"
    )
    (tmp_path / "sleep.csv").write_text(
        "device_id,type_episode_id,local_date_time,duration,level,is_main_sleep,type\n"
        "a748,1,2020-10-10 01:46:30,420,light,1,stages\n"
        "a748,1,2020-10-10 01:53:30,1230,deep,1,stages\n"
    )
    (tmp_path / "steps.csv").write_text(
        "device_id,local_date_time,steps\na748,2020-10-07 00:00:00,5\n"
    )
    items = _items(tmp_path, "fitbit_study")
    assert _cells(items, "heart_rate", "subject_id", "time", "rate") == [
        ("a748", "2020-10-07 04:00:00", 68),
        ("b", "2020-10-07 04:01:00", 67),
    ]
    assert _cells(items, "sleep_stages", "time", "stage", "duration") == [
        ("2020-10-10 05:46:30", 1, 420),
        ("2020-10-10 05:53:30", 2, 1230),
    ]
    assert _cells(items, "steps", "time", "steps") == [("2020-10-07 04:00:00", 5)]


def test_a_table_of_sums_of_days_is_not_taken_for_minutes(tmp_path: Path) -> None:
    text = "device_id,local_date_time,steps\na748,2020-10-07,1775\na748,2020-10-08,3201\n"
    (tmp_path / "steps.csv").write_text(text)
    [(reading, items)] = read(tmp_path)
    assert reading.source == "unknown"
    assert rejects(items)


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("NDAR_INV0AU5R8NA_heartrate_1min_20160308_20180408", "NDAR_INV0AU5R8NA"),
        ("export_heartrate_P01", "export_P01"),
        ("heart_rate_P02", "P02"),
        ("heartrate_seconds_merged", "anna"),
    ],
)
def test_whose_a_file_of_one_person_is(tmp_path: Path, name: str, who: str) -> None:
    home = tmp_path / "anna"
    home.mkdir()
    (home / f"{name}.csv").write_text("Time,Value\n4/12/2016 7:21:05 AM,97\n")
    assert _cells(_items(tmp_path, "fitbit_study"), "heart_rate", "subject_id") == [(who,)]


@pytest.mark.parametrize("columns", ["Id,Time,Value", "Time,Value"])
def test_values_of_nobody_knows_what_are_no_heart_rates(tmp_path: Path, columns: str) -> None:
    row = "20,4/12/2016 7:21:05 AM,97\n"[0 if "Id" in columns else 3 :]
    (tmp_path / "glucose_merged.csv").write_text(f"{columns}\n{row}")
    (tmp_path / "P9_heartrate_1min.csv").write_text(f"{columns}\n{row}")
    found = {reading.file_name: reading.source for reading, _ in read(tmp_path)}
    assert sorted(found.values()) == ["fitbit_study", "unknown"]
    assert next(s for name, s in found.items() if "glucose" in name) == "unknown"


HEART = {
    "activities-heart": [{"dateTime": "2020-10-07", "value": {"restingHeartRate": 72}}],
    "activities-heart-intraday": {
        "dataset": [{"time": "00:00:00", "value": 68}, {"time": "00:01:00", "value": 67}],
        "datasetInterval": 1,
        "datasetType": "minute",
    },
}
STEPS = {
    "activities-steps": [{"dateTime": "2020-10-07", "value": "17"}],
    "activities-steps-intraday": {
        "dataset": [{"time": "23:45:00", "value": 17}],
        "datasetInterval": 15,
        "datasetType": "minute",
    },
}
SLEEP = {
    "sleep": [
        {
            "dateOfSleep": "2020-10-10",
            "logId": 263,
            "levels": {
                "data": [
                    {"dateTime": "2020-10-10T01:46:30.000", "level": "light", "seconds": 420},
                    {"dateTime": "2020-10-10T01:53:30.000", "level": "deep", "seconds": 1230},
                ]
            },
        }
    ],
    "summary": {"totalMinutesAsleep": 373},
}


def _assert_kept(items: list[Any], who: str) -> None:
    assert _cells(items, "heart_rate", "subject_id", "time", "rate") == [
        (who, "2020-10-07 04:00:00", 68),
        (who, "2020-10-07 04:01:00", 67),
    ]
    assert _cells(items, "steps", "time", "steps", "period") == [("2020-10-08 03:45:00", 17, 900)]
    assert _cells(items, "sleep_stages", "subject_id", "time", "stage", "session") == [
        (who, "2020-10-10 05:46:30", 1, "263"),
        (who, "2020-10-10 05:53:30", 2, "263"),
    ]
    [resting] = facts_of(items)
    assert (resting["numeric_value"], str(resting["time"])) == (72, "2020-10-07 04:00:00+00:00")
    assert resting["subject_id"] == who


def test_answers_of_the_web_api(tmp_path: Path) -> None:
    home = tmp_path / "anna"
    home.mkdir()
    for name, answer in {"heart": HEART, "steps": [STEPS], "sleep": SLEEP}.items():
        (home / f"{name}.json").write_text(json.dumps(answer))
    items = _items(tmp_path, "fitbit_api")
    _assert_kept(items, "anna")
    assert rejects(items) == [SUMS]


def _wall(time_us: np.ndarray, *, moved: bool = True) -> list[datetime]:
    """What a clock in New York shows, which is moved or keeps to the offset of the first time."""
    moment = Timeline(((0, NEW_YORK),))
    shown = moment.local_us(time_us) if moved else time_us + moment.offset_s(time_us)[0] * 1_000_000
    return shown.astype("M8[us]").tolist()


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("first", ["2016-11-06T04:30", "2016-03-13T05:30"])
def test_a_sleep_through_a_change_of_the_clock_keeps_its_length(
    tmp_path: Path, first: str, moved: bool
) -> None:
    """From 0:30 on 8 hours of 80-minute levels, none of which begins in the hour skipped."""
    begin = to_micros(datetime.fromisoformat(f"{first}Z"))
    time_us = begin + np.arange(6, dtype=np.int64) * 4_800_000_000
    data = [
        {"dateTime": f"{at:%FT%T}.000", "level": ("light", "deep", "rem")[n % 3], "seconds": 4800}
        for n, at in enumerate(_wall(time_us, moved=moved))
    ]
    waked_us = time_us[2:3] + 600_000_000
    [wake] = _wall(np.append(time_us[0], waked_us), moved=moved)[1:]
    levels = {
        "data": data,
        "shortData": [{"dateTime": f"{wake:%FT%T}.000", "level": "wake", "seconds": 60}],
    }
    (tmp_path / "anna").mkdir()
    sleep = {"dateOfSleep": first[:10], "logId": 1, "levels": levels}
    (tmp_path / "anna" / "sleep.json").write_text(json.dumps({"sleep": [sleep]}))
    found = samples_of(_items(tmp_path, "fitbit_api"), "sleep_stages")
    cut = [waked_us[0], waked_us[0] + 60_000_000]
    assert found["time"].cast(pa.int64()).to_pylist() == sorted([*time_us.tolist(), *cut])
    assert sum(found["duration"].to_pylist()) == 6 * 4800
    assert found["stage"].to_pylist() == [1, 2, 3, 0, 3, 1, 2, 3]


def test_a_tracker_that_shows_the_hour_once_was_put_back_all_the_same(tmp_path: Path) -> None:
    begin = to_micros(datetime(2016, 11, 6, 4, tzinfo=UTC))  # midnight
    time_us = begin + np.arange(50, dtype=np.int64) * 1_800_000_000
    time_us = np.delete(time_us, [4, 5])  # from 1:00 to 2:00 for the second time
    wall = _wall(time_us)
    table, answer = tmp_path / "table", tmp_path / "answer" / "anna"
    table.mkdir()
    answer.mkdir(parents=True)
    rows = [f"20,{at:%m/%d/%Y %I:%M:%S %p},70\n" for at in wall]
    (table / "heartrate_seconds_merged.csv").write_text("Id,Time,Value\n" + "".join(rows))
    day = {
        "activities-heart": [{"dateTime": "2016-11-06", "value": {}}],
        "activities-heart-intraday": {
            "dataset": [{"time": f"{at:%T}", "value": 70} for at in wall],
        },
    }
    (answer / "heart.json").write_text(json.dumps(day))
    for folder, source in ((table, "fitbit_study"), (answer, "fitbit_api")):
        found = samples_of(_items(folder, source), "heart_rate")
        assert found["time"].cast(pa.int64()).to_pylist() == time_us.tolist(), source


def test_minutes_of_a_sleep_keep_to_the_offset_of_its_beginning(tmp_path: Path) -> None:
    """Of two nights; of the first the clock changes."""
    nights = [datetime(2016, 11, 6, 3, 30, tzinfo=UTC), datetime(2016, 11, 7, 4, 30, tzinfo=UTC)]
    times = [to_micros(n) + np.arange(420, dtype=np.int64) * 60_000_000 for n in nights]
    rows = [
        f"20,{at:%m/%d/%Y %I:%M:%S %p},1,{n}\n"
        for n, time_us in enumerate(times)
        for at in _wall(time_us, moved=False)
    ]
    (tmp_path / "minuteSleep_merged.csv").write_text("Id,date,value,logId\n" + "".join(rows))
    found = samples_of(_items(tmp_path, "fitbit_study"), "sleep_stages")
    assert found["time"].cast(pa.int64()).to_pylist() == np.concatenate(times).tolist()


def test_answers_in_a_table_of_rapids(tmp_path: Path) -> None:
    bad = {**STEPS, "activities-steps": []}
    with (tmp_path / "fitbit.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("device_id", "fitbit_data"))
        table.writerows(("a748", json.dumps(answer)) for answer in (HEART, STEPS, SLEEP, bad))
        table.writerows([("b", "{"), ("b", json.dumps({"summary": {}}))])
    items = _items(tmp_path, "fitbit_api")
    _assert_kept(items, "a748")
    assert sorted(rejects(items)) == [
        SUMS,
        "row 4: activities-steps-intraday needs one day of activities-steps, which has its date",
        "row 5: fitbit_data is not JSON",
    ]


SUMS = "a sum or a zone of a day: its minutes are what is kept"


def test_an_hour_of_steps_a_row_is_sixty_minutes(tmp_path: Path) -> None:
    names = ",".join(f"Steps{minute:02d}" for minute in range(60))
    steps = ",".join(str(minute % 7) for minute in range(60))
    (tmp_path / "minuteStepsWide_merged.csv").write_text(
        f"Id,ActivityHour,{names}\n7,4/13/2016 1:00:00 PM,{steps}\n7,soon,{steps}\n"
    )
    [(reading, items)] = read(tmp_path, zone="America/New_York")
    table = samples_of(items, "steps")
    assert table.column("steps").to_pylist() == [minute % 7 for minute in range(60)]
    assert set(table.column("period").to_pylist()) == {60.0}
    times = table.column("time").to_pylist()
    assert times[0] == datetime(2016, 4, 13, 17, tzinfo=UTC)
    assert times[59] == datetime(2016, 4, 13, 17, 59, tzinfo=UTC)
    assert len(rejects(items)) == 1
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    "text",
    [
        "Id,ActivityHour,StepTotal\n7,4/12/2016 1:00:00 AM,373\n7,4/13/2016 1:00:00 AM,3\n",
        "Id,ActivityMinute,METs\n7,4/12/2016 1:00:00 AM,10\n7,4/13/2016 1:00:00 AM,10\n",
        "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep\n7,4/12/2016 12:00:00 AM,1,3\n7,x,1,3\n",
    ],
)
def test_every_row_of_a_table_of_sums_is_said_not_to_be_kept(text: str, tmp_path: Path) -> None:
    (tmp_path / "sums_merged.csv").write_text(text)
    [(reading, items)] = read(tmp_path)
    [reject] = items
    assert isinstance(reject, Reject)
    assert (reject.rows, reading.source) == (2, "fitbit_study")
    assert "sums of hours" in reject.reason
    assert_accounted(reading, items)
