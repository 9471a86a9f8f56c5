"""Files of several people in one folder or in one table: each stays who they are."""

from pathlib import Path

import pytest

from euthymia.features import recordings
from euthymia.ground.records import Samples
from euthymia.sources.answers import Unscored, score
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

START = 1_714_557_600_000
STEPS = "key.projectId,key.userId,key.sourceId,value.time,value.timeReceived,value.steps\n"


@pytest.mark.parametrize("name", ["phq9.csv", "phq9_2024.csv", "surveys/phq9 (1).csv"])
def test_a_questionnaire_that_names_nobody_is_of_the_folder(name: str, tmp_path: Path) -> None:
    for who, answer in (("anna", 1), ("ben", 3)):
        (tmp_path / who / name).parent.mkdir(parents=True)
        lines = [f"1626717092,PHQ9_{i},{answer}\n" for i in range(1, 10)]
        (tmp_path / who / name).write_text("time,id,answer\n" + "".join(lines))
    facts = facts_of(items_of(tmp_path))
    answered = {(fact["subject_id"], fact["numeric_value"]) for fact in facts}
    assert answered == {("anna", 1.0), ("ben", 3.0)}
    assert len(facts) == 18


def test_numbered_questionnaires_of_one_folder_are_of_several_people(tmp_path: Path) -> None:
    for who in ("01", "02"):
        (tmp_path / f"phq9_{who}.csv").write_text("time,id,answer\n1626717092,PHQ9_1,2\n")
    facts = facts_of(items_of(tmp_path))
    assert [fact["subject_id"] for fact in facts] == ["phq9_01", "phq9_02"]


@pytest.mark.parametrize(
    ("name", "others", "owner"),
    [
        ("anna/data.csv", "ben/data.csv", "anna"),
        ("anna/actigraphy (1).csv", "ben/x.csv", "anna"),
        ("anna/visit1.csv", "ben/visit1.csv", "anna"),
        ("wrist/anna.csv", "waist/anna.csv", "anna"),
        ("visit1.csv", "visit2.csv", "visit1"),
    ],
)
def test_a_watchs_file_that_says_what_it_is_names_nobody(
    name: str, others: str, owner: str, tmp_path: Path
) -> None:
    for path in (tmp_path / name, tmp_path / others):
        path.parent.mkdir(exist_ok=True)
        rows = "".join(f"2024-05-01 10:0{i}:00,{i}\n" for i in range(5))
        path.write_text("timestamp,activity\n" + rows)
    told = [
        item.table["subject_id"][0].as_py()
        for reading, items in read(tmp_path)
        for item in items
        if isinstance(item, Samples) and reading.file_name.endswith(name)
    ]
    assert told == [owner]


def test_the_unit_of_acceleration_is_each_persons_own(tmp_path: Path) -> None:
    names = ",".join(f"double_values_{i}" for i in range(3))
    rows = [f"{START + i * 100},android,0,0,9.80665\n" for i in range(30)]
    rows += [f"{START + i * 100},iphone,0,0,-1\n" for i in range(20)]
    table = f"timestamp,device_id,{names}\n" + "".join(rows)
    (tmp_path / "accelerometer.csv").write_text(table)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    told = samples_of(items, "accelerometer")
    down = dict(zip(told["subject_id"].to_pylist(), told["z"].to_pylist(), strict=True))
    assert down == pytest.approx({"android": 1.0, "iphone": -1.0}, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("anna.csv", "anna"),
        ("Anna_GPS.csv", "Anna"),
        ("gps/6b38vskd.csv", "6b38vskd"),
        ("anna/gps.csv", "anna"),
        ("anna/gps (1).csv", "anna"),
        ("anna/gps/merged.csv", "anna"),
        ("anna/other/2024-05-01 10_00_00.csv", "anna"),
    ],
)
def test_whose_a_file_of_beiwe_is(name: str, owner: str, tmp_path: Path) -> None:
    for study in ("upload_1", "upload_2"):
        path = tmp_path / study / name
        path.parent.mkdir(parents=True)
        path.write_text(
            f"timestamp,UTC time,latitude,longitude,altitude,accuracy\n{START},t,52.5,13.4,34,5\n"
        )
    told = samples_of(items_of(tmp_path), "location")["subject_id"].to_pylist()
    assert told == [owner] * 2


def test_x_y_and_z_are_of_the_sensor_that_is_named(tmp_path: Path) -> None:
    for name in ("gyro_anna", "anna_magnetometer", "anna_accel", "anna"):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"timestamp,UTC time,x,y,z\n{START},t,0,0,1\n{START + 9},t,0,0,1\n")
    read_all = read(tmp_path)
    for reading, items in read_all:
        assert_accounted(reading, items)
    items = [item for _, part in read_all for item in part]
    assert samples_of(items, "accelerometer").num_rows == 2
    assert samples_of(items, "gyroscope").num_rows == 2
    assert any("those of several Beiwe streams" in reason for reason in rejects(items))


@pytest.mark.parametrize(
    "name",
    ["anna_gravity", "linear_accelerometer (1)", "magnetometer_p01", "phone_gravity_raw"],
)
def test_a_table_like_accelerations_is_none(name: str, tmp_path: Path) -> None:
    names = ",".join(f"double_values_{i}" for i in range(3))
    rows = [f"{START + i},d1,0,0,45\n" for i in range(3)]
    (tmp_path / f"{name}.csv").write_text(f"timestamp,device_id,{names}\n" + "".join(rows))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert reading.rows_in == 3
    assert rejects(items) == ["nothing is kept of this table of AWARE's"]


def test_a_gyroscopes_table_is_of_rotation_whatever_its_columns_are_called(tmp_path: Path) -> None:
    names = ",".join(f"double_values_{i}" for i in range(3))
    (tmp_path / "gyroscope.csv").write_text(f"timestamp,device_id,{names}\n{START},d1,0,0,1\n")
    (tmp_path / "light.csv").write_text(f"timestamp,device_id,{names}\n{START},d1,0,0,1\n")
    items = items_of(tmp_path)
    assert [item.stream for item in items if isinstance(item, Samples)] == ["gyroscope"]
    assert "table light but lacks the column(s) double_light_lux" in rejects(items)[0]


@pytest.mark.parametrize(
    ("columns", "stream"),
    [
        ("application_name,is_system_app", "app_use"),
        ("text,sound,vibrate", "notifications"),
        ("process_importance,is_system_app", None),
        ("application_name,application_version", None),
    ],
)
def test_whether_apps_were_opened_or_called_is_told_by_the_columns(
    columns: str, stream: str | None, tmp_path: Path
) -> None:
    cells = ",".join("0" for _ in columns.split(","))
    text = f"timestamp,device_id,package_name,{columns}\n{START},d1,org.x,{cells}\n"
    (tmp_path / "anna.csv").write_text(text)
    items = items_of(tmp_path)
    assert [item.stream for item in items if isinstance(item, Samples)] == [stream][: bool(stream)]
    assert bool(rejects(items)) is (stream is None)


def test_a_number_out_of_its_range_is_told_the_range(tmp_path: Path) -> None:
    home = tmp_path / "d" / "r1" / "android_phone_battery_level"
    home.mkdir(parents=True)
    head = STEPS.replace("value.steps", "value.batteryLevel,value.status")
    (home / "20240501_1000.csv").write_text(f"{head}d,r1,s,1714557600,1714557601,50,FULL\n")
    reason = "line 2: value.batteryLevel is not a number from 0 to 1"
    assert rejects(items_of(tmp_path)) == [reason]


def test_all_the_oxygen_is_not_a_hundredth_of_it(tmp_path: Path) -> None:
    home = tmp_path / "d" / "r1" / "apple_healthkit_oxygen_saturation"
    home.mkdir(parents=True)
    head = STEPS.replace("value.steps", "value.startTime,value.oxygenSaturation")
    rows = [f"d,r1,s,1714557600,1714557601,1714557600,{value}\n" for value in (0.97, 1.0, 97)]
    (home / "20240501_1000.csv").write_text(head + "".join(rows))
    items = items_of(tmp_path)
    assert samples_of(items, "oxygen_saturation")["value"].to_pylist() == [97]
    assert any("a number from 2 to 100" in reason for reason in rejects(items))


def test_somebody_who_changes_phones_changes_the_unit_of_acceleration(tmp_path: Path) -> None:
    home = tmp_path / "bw1" / "accelerometer"
    home.mkdir(parents=True)
    names = "timestamp,UTC time,accuracy,x,y,z\n"
    for hour, (down, accuracy) in {10: (9.80665, "3"), 11: (-1, "unknown")}.items():
        at = START + (hour - 10) * 3_600_000
        rows = [f"{at + i * 100},t,{accuracy},0,0,{down}\n" for i in range(20)]
        (home / f"2024-05-01 {hour}_00_00.csv").write_text(names + "".join(rows))
    told = samples_of(items_of(tmp_path), "accelerometer")["z"].to_pylist()
    assert told == pytest.approx([1.0] * 20 + [-1.0] * 20, rel=1e-6)


def test_steps_that_are_told_twice_are_equal_rows(tmp_path: Path) -> None:
    lines = [f"d,r1,s,{1714557600 + 60 * i},{1714557601 + 60 * i},{10 + i}\n" for i in range(4)]
    home = tmp_path / "d" / "r1" / "android_phone_step_count"
    home.mkdir(parents=True)
    (home / "20240501_1000.csv").write_text(STEPS + "".join([*lines, lines[2], lines[0]]))
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    told = samples_of(items, "steps").drop_columns(["row"]).to_pylist()
    assert told[4] == told[2]
    assert told[5] == told[0]
    assert [row["period"] for row in told[:4]] == [0.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("3: often", 3.0),
        ("3 - often", 3.0),
        ("0-never", 0.0),
        ("2) 3-4 times", 2.0),
        ("1:élan", 1.0),
        ("-2: worse", -2.0),
        ("Sí", 1.0),
        ("Si\u0301", 1.0),
        ("no", 0.0),
        ("Casi todos los días", 3.0),
    ],
)  # fmt: skip
def test_the_makers_number_before_an_option_counts_and_known_words(
    answer: str, number: float
) -> None:
    assert score(answer) == number


@pytest.mark.parametrize(
    "answer",
    ["1.5 hours", "10:30 PM", "10:30", "2024-05-01", "2-3 hours", "1 - 2 times", "5/10",
     "2-Oct-2024", "1. Mai 2024", "10.30 Uhr", "612345678", "+34612345678", "20240501"],
)  # fmt: skip
def test_a_part_of_an_answer_is_no_number(answer: str) -> None:
    with pytest.raises(Unscored):
        score(answer)


def test_a_zone_that_does_not_exist_stops_nobody(tmp_path: Path) -> None:
    for who, zone, at in (("a", "GMT+02:00", START), ("b", "Asia/Tokyo", 0)):
        told = f"timestamp,device_id,timezone\n{at},{who},{zone}\n"
        (tmp_path / f"timezone_{who}.csv").write_text(told)
        shown = f"timestamp,device_id,screen_status\n{START},{who},1\n"
        (tmp_path / f"screen_{who}.csv").write_text(shown)
    found = recordings.read(tmp_path, tz="Europe/Madrid")
    assert {who: zone.changes for who, zone in found.zones.items()} == {
        "a": ((0, "Europe/Madrid"),),
        "b": ((0, "Asia/Tokyo"),),
    }
    [refused] = found.refused
    assert "not in the IANA list" in refused.reason
