"""Wrist devices, NHANES and notes."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from euthymia.ground.codes import MADRS_TOTAL, NOTE
from euthymia.ground.ids import device_id
from euthymia.ground.records import Observations, Samples
from euthymia.sources.nhanes import _written, ibm_floats
from euthymia.sources.wall_clock import DOUBTFUL
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

# -- actigraphy ------------------------------------------------------------------------------------

PREAMBLE = """------------ Data File Created By ActiGraph GT3X+ ActiLife v6 date format {}
Serial Number: NEO1
Start Time 08:00:00
Start Date {}
Epoch Period (hh:mm:ss) 00:00:10
Download Time 10:00:00
Download Date 5/2/2024
Current Memory Address: 0
Current Battery Voltage: 4.0     Mode = 12
--------------------------------------------------
"""


def test_counts_at_the_wall_clock_of_the_person(tmp_path: Path) -> None:
    text = "timestamp,date,activity\n2024-07-01 12:00:00,2024-07-01,5\n2024-07-01 12:00:30,x,6\n"
    (tmp_path / "A1.csv").write_text(text)
    zones = {device_id("actigraph", "A1"): "Europe/Madrid"}
    table = samples_of(items_of(tmp_path, zone_of=zones.get), "activity_counts")
    assert table.to_pylist()[0] == {
        "subject_id": "A1",
        "row": 1,
        "time": datetime(2024, 7, 1, 10, tzinfo=UTC),
        "counts": 5.0,
        "epoch": 30.0,
    }


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("2024-07-01 12:00:00+02:00", datetime(2024, 7, 1, 10, tzinfo=UTC)),
        ("1719828000", datetime(2024, 7, 1, 10, tzinfo=UTC)),
        ("2024-07-01 12:00:00", datetime(2024, 7, 1, 16, tzinfo=UTC)),
    ],
)
def test_times_are_taken_for_what_they_are(first: str, expected: datetime, tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text(f"timestamp,activity\n{first},5\n")
    table = samples_of(items_of(tmp_path, zone="America/New_York"), "activity_counts")
    assert table.column("time").to_pylist() == [expected]


@pytest.mark.parametrize(
    ("names", "row", "stream"),
    [
        ("timestamp,activity", "{},1", "activity_counts"),
        (",user,date,time,steps", "{},p1,x,x,1", "steps"),
    ],
)
def test_a_time_that_may_be_either_of_two_is_refused(
    names: str, row: str, stream: str, tmp_path: Path
) -> None:
    times = ("2024-10-26 12:00:00", "2024-10-27 02:30:00", "2024-10-27 12:00:00")
    lines = [names, *(row.format(time) for time in times)]
    (tmp_path / "A1.csv").write_text("\n".join(lines) + "\n")
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    hours = [at.hour for at in samples_of(items, stream).column("time").to_pylist()]
    assert hours == [10, 11]
    assert rejects(items) == [DOUBTFUL]
    assert_accounted(reading, items)


def test_a_table_of_several_people_is_theirs(tmp_path: Path) -> None:
    rows = ["P1,2024-05-01 12:00:00,1", "P1,2024-05-01 12:01:00,2", "P2,2024-05-01 12:00:00,3"]
    rows += ["P2,2024-05-01 12:00:30,4", ",2024-05-01 12:00:30,5", "P2,2024-05-01 12:01:00,x"]
    (tmp_path / "all.csv").write_text("\n".join(["Participant_ID,timestamp,counts", *rows]) + "\n")
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "activity_counts")
    assert table.column("subject_id").to_pylist() == ["P1", "P1", "P2", "P2"]
    assert table.column("epoch").to_pylist() == [60, 60, 30, 30]
    assert rejects(items) == ["line 6: Participant_ID is empty", "line 7: counts is not a number"]
    assert_accounted(reading, items)


@pytest.mark.parametrize(("names", "says"), [("t,x,y,z,subject", "whose"), ("t,y,x,z,n", "order")])
def test_acceleration_of_several_people_or_in_another_order_is_refused(
    names: str, says: str, tmp_path: Path
) -> None:
    rows = "2024-05-01 12:00:00.000,0.1,0.0,0.99,1\n2024-05-01 12:00:01.000,0.1,0.0,0.99,2\n"
    (tmp_path / "a.csv").write_text(f"{names}\n{rows}")
    [reason] = rejects(items_of(tmp_path))
    assert says in reason


@pytest.mark.parametrize(("form", "day"), [("M/d/yyyy", "5/1/2024"), ("d/M/yyyy", "1/5/2024")])
@pytest.mark.parametrize("names", ["Axis1,Axis2,Axis3,Steps\n", ""])
def test_actigraph_files_with_a_preamble(form: str, day: str, names: str, tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text(PREAMBLE.format(form, day) + names + "7,1,2,0\n9,1,2,0\n")
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "activity_counts")
    assert table.column("counts").to_pylist() == [7.0, 9.0]
    assert table.column("time").to_pylist() == [
        datetime(2024, 5, 1, 8, tzinfo=UTC),
        datetime(2024, 5, 1, 8, 0, 10, tzinfo=UTC),
    ]
    assert set(table.column("epoch").to_pylist()) == {10.0}
    assert_accounted(reading, items)


def test_a_preamble_without_its_start_is_refused(tmp_path: Path) -> None:
    text = PREAMBLE.format("M/d/yyyy", "5/1/2024").replace("Start Time", "Begin")
    (tmp_path / "A1.csv").write_text(text + "7\n9\n")
    assert "lacks Start Time" in rejects(items_of(tmp_path))[0]


def test_a_header_alone_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "A1.csv").write_text("timestamp,activity\n")
    [(reading, items)] = read(tmp_path)
    assert (reading.rows_in, items) == (0, [])


def test_scores_are_filed_under_the_people_of_the_counts(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(
        "number,days,gender,age,afftype,melanch,inpatient,edu,marriage,work,madrs1,madrs2\n"
        "condition_1,11,2,35-39,2,2,2,6-10,1,2,19,15\ncontrol_1,8,1,25-29,NA,NA,NA, ,NA,NA,NA,NA\n"
    )
    items = items_of(tmp_path)
    assert {i.system for i in items if isinstance(i, Observations)} == {
        "urn:euthymia:source:actigraph"
    }
    madrs = [
        (f["text_value"], f["numeric_value"]) for f in facts_of(items) if f["code"] == MADRS_TOTAL
    ]
    assert madrs == [("before", 19.0), ("after", 15.0)]
    sex = {f["subject_id"]: f["text_value"] for f in facts_of(items) if "gender" in f["code"]}
    assert sex == {"condition_1": "male", "control_1": "female"}
    assert all(fact["time"] is None for fact in facts_of(items))


# -- Empatica --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "owner"),
    [("S02", "S02"), ("S02/1644227574_A0123F", "S02"), ("S02/2024-05-01", "S02"), ("x/E-9", "E-9")],
)
def test_whose_a_recording_is(place: str, owner: str, tmp_path: Path) -> None:
    home = tmp_path / place
    home.mkdir(parents=True)
    (home / "HR.csv").write_text("1644227574.0\n1.0\n70\n71\n")
    table = samples_of(items_of(tmp_path), "heart_rate")
    assert table.column("subject_id").to_pylist() == [owner, owner]


def test_a_bad_value_keeps_its_place_in_time(tmp_path: Path) -> None:
    home = tmp_path / "S1"
    home.mkdir()
    (home / "EDA.csv").write_text("1644227574.000000\n4.000000\n0.1\nbad\n0.3\n")
    items = items_of(tmp_path)
    seconds = (
        samples_of(items, "electrodermal_activity").column("time").cast("int64").to_numpy() / 1e6
    )
    assert (seconds - 1644227574).tolist() == [0.0, 0.5]
    assert rejects(items) == ["line 4: level is not a number"]


@pytest.mark.parametrize(("rate", "told"), [("0", True), ("x", True), ("-4", True), ("4", False)])
def test_the_rate_must_be_one(rate: str, told: bool, tmp_path: Path) -> None:
    home = tmp_path / "S1"
    home.mkdir()
    (home / "EDA.csv").write_text(f"1644227574\n{rate}\n0.1\n")
    assert bool(rejects(items_of(tmp_path))) == told


# -- NHANES ----------------------------------------------------------------------------------------


def test_ibm_floats() -> None:
    cells = {
        "4110000000000000": 1.0,
        "C110000000000000": -1.0,
        "42640000" + "0" * 8: 100.0,
        "4019999999999999": 0.1,
        "0000000000000000": 0.0,
        "2E00000000000000": np.nan,
        "4100000000000000": np.nan,  # .A, a special missing value
        "5F00000000000000": np.nan,
    }
    raw = np.frombuffer(bytes.fromhex("".join(cells)), np.uint8).reshape(-1, 8)
    np.testing.assert_allclose(ibm_floats(raw), list(cells.values()), rtol=1e-15)
    np.testing.assert_allclose(ibm_floats(raw[:1, :3]), [1.0])


def test_refusals_are_missing_and_an_odd_answer_refuses_the_respondent(tmp_path: Path) -> None:
    names = ["SEQN", *(f"DPQ0{i}0" for i in range(1, 10)), "DPQ100"]
    rows = [[1, 7, 9, None, *[2] * 6, 3], [2, 5, *[0] * 9], [None, *[0] * 10]]
    (tmp_path / "DPQ_X.xpt").write_bytes(_written(names, rows))
    [(reading, items)] = read(tmp_path)
    assert reading.rows_in == 3
    first = [(f["numeric_value"], f["text_value"]) for f in facts_of(items)][:4]
    assert first == [
        (None, "refused"),
        (None, "don't know"),
        (None, "not asked or not answered"),
        (2.0, None),
    ]
    assert sorted(rejects(items)) == [
        "respondent 2: an answer is none of 0 to 3, 7 and 9",
        "respondent 3: SEQN is missing",
    ]
    assert_accounted(reading, items)


def test_a_cut_transport_file_keeps_whole_respondents(tmp_path: Path) -> None:
    names = ["SEQN", *(f"DPQ0{i}0" for i in range(1, 10))]
    data = _written(names, [[i, *[1] * 9] for i in range(1, 21)])
    (tmp_path / "DPQ_X.xpt").write_bytes(data[: -(80 * 5 + 13)])
    [(reading, items)] = read(tmp_path)
    assert len(rejects(items)) == 1
    assert "ends early" in rejects(items)[0]
    assert reading.rows_in == len({f["row"] for f in facts_of(items)}) + 1
    assert_accounted(reading, items)


# -- notes -----------------------------------------------------------------------------------------


def test_a_note_is_dated_and_owned_by_its_place(tmp_path: Path) -> None:
    home = tmp_path / "M-1"
    home.mkdir()
    (home / "2024-07-01 visit.txt").write_text("Schläft besser.\n", encoding="utf-8")
    zones = {device_id("notes", "M-1"): "America/New_York"}
    [fact] = facts_of(items_of(tmp_path, zone_of=zones.get))
    assert (fact["subject_id"], fact["code"], fact["text_value"]) == (
        "M-1",
        NOTE,
        "Schläft besser.",
    )
    assert fact["time"] == datetime(2024, 7, 1, 4, tzinfo=UTC)
    assert fact["purpose"] == "care"


def test_a_note_of_a_day_without_midnight_is_of_that_day(tmp_path: Path) -> None:
    (tmp_path / "M-1").mkdir()
    (tmp_path / "M-1" / "2024-09-08.txt").write_text("Seen.")
    [fact] = facts_of(items_of(tmp_path, zone="America/Santiago"))
    assert fact["time"] == datetime(2024, 9, 8, 4, tzinfo=UTC)  # 1 o'clock, when it begins


def test_a_folder_of_notes_is_nobody(tmp_path: Path) -> None:
    for who in ("M-1", "M-2"):
        (tmp_path / who / "Notes").mkdir(parents=True)
        (tmp_path / who / "Notes" / "2024-07-01.txt").write_text(f"Of {who}.")
    facts = facts_of(items_of(tmp_path))
    assert [(f["subject_id"], f["text_value"]) for f in facts] == [
        ("M-1", "Of M-1."),
        ("M-2", "Of M-2."),
    ]


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("2024-07-01.txt", b"one\ntwo \xe9\n", "line 2: the note is not UTF-8 text"),
        ("2024-07-01.txt", b" \n", "the note is empty"),
        ("2024-13-01.txt", b"text", "does not begin with a date of the calendar"),
    ],
)
def test_notes_that_cannot_be_kept(name: str, data: bytes, rule: str, tmp_path: Path) -> None:
    home = tmp_path / "M-1"
    home.mkdir()
    (home / name).write_bytes(data)
    [reason] = rejects(items_of(tmp_path))
    assert rule in reason
    assert not any(isinstance(item, Samples) for item in items_of(tmp_path))
