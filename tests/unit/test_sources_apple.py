"""Apple Health: what is kept of export.xml, routes and ECGs."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from euthymia.ground.records import Reject
from euthymia.sources import xml_stream
from euthymia.sources.apple_records import SDNN, beat_intervals, moment_us
from euthymia.sources.cells import BadCellError
from euthymia.sources.overlap import counted_once
from reading import assert_accounted, facts_of, items_of, read, rejects, samples_of

HEAD = '<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record*)>\n]>\n'
QUANTITY = "HKQuantityTypeIdentifier"
WATCH = "&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch, model:Watch&gt;"
PHONE = "&lt;&lt;HKDevice: 0x2&gt;, name:iPhone, model:iPhone&gt;"


def record(
    kind: str,
    start: str,
    end: str,
    value: str,
    unit: str = "",
    device: str = WATCH,
    inside: str = "",
) -> str:
    return (
        f'<Record type="{kind}" sourceName="S {device[-9:-4]}" device="{device}" unit="{unit}" '
        f'startDate="2024-05-01 {start} +0200" endDate="2024-05-01 {end} +0200" '
        f'value="{value}">{inside}</Record>\n'
    )


def export(folder: Path, body: str, head: str = HEAD) -> Path:
    home = folder / "anna" / "apple_health_export"
    home.mkdir(parents=True)
    (home / "export.xml").write_text(f'{head}<HealthData locale="en">\n{body}</HealthData>\n')
    return home / "export.xml"


def test_instants_carry_their_offset() -> None:
    at = datetime(2024, 4, 30, 18, 35, 7, tzinfo=UTC)
    assert moment_us("2024-05-01 00:05:07 +0530") == int(at.timestamp() * 1e6)
    for bad in ("2024-05-01 00:05:07", "2024-13-01 00:05:07 +0000", "x" * 25, ""):
        with pytest.raises(BadCellError):
            moment_us(bad)


def test_each_kind_goes_to_its_stream_in_its_unit(tmp_path: Path) -> None:
    export(
        tmp_path,
        record(QUANTITY + "HeartRate", "08:00:00", "08:00:00", "1.2", "count/s")
        + record(QUANTITY + "OxygenSaturation", "08:00:00", "08:00:00", "0.97", "%")
        + record(QUANTITY + "OxygenSaturation", "08:01:00", "08:01:00", "96", "%")
        + record(QUANTITY + "RespiratoryRate", "08:00:00", "08:00:00", "14.5", "count/min")
        + record(QUANTITY + "AppleSleepingWristTemperature", "08:00:00", "08:00:00", "95", "degF")
        + record(QUANTITY + "EnvironmentalAudioExposure", "08:00:00", "08:30:00", "61", "dBASPL"),
    )
    items = items_of(tmp_path)
    assert samples_of(items, "heart_rate").column("rate").to_pylist() == [pytest.approx(72)]
    saturation = samples_of(items, "oxygen_saturation").column("value").to_pylist()
    assert saturation == pytest.approx([97, 96])
    assert samples_of(items, "respiration_rate").column("rate").to_pylist() == [14.5]
    assert samples_of(items, "skin_temperature").column("value").to_pylist() == [35.0]
    assert samples_of(items, "audio_level").column("level").to_pylist() == [61.0]
    assert set(samples_of(items, "heart_rate").column("subject_id").to_pylist()) == {"anna"}


def test_every_sleep_category_is_a_stage(tmp_path: Path) -> None:
    kind = "HKCategoryTypeIdentifierSleepAnalysis"
    words = [
        "InBed",
        "Asleep",
        "AsleepUnspecified",
        "AsleepCore",
        "AsleepDeep",
        "AsleepREM",
        "Awake",
    ]
    body = "".join(
        record(kind, f"0{i}:00:00", f"0{i}:30:00", f"HKCategoryValueSleepAnalysis{word}")
        for i, word in enumerate(words)
    )
    export(tmp_path, body + record(kind, "08:00:00", "08:30:00", "HKSomethingElse"))
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "sleep_stages")
    assert table.column("stage").to_pylist() == [5, 4, 4, 1, 2, 3, 0]
    assert set(table.column("duration").to_pylist()) == {1800.0}
    assert rejects(items) == ["line 13: the value of a sleep record is none of Apple's categories"]
    assert_accounted(reading, items)


def test_steps_of_watch_and_phone_are_counted_once(tmp_path: Path) -> None:
    steps = QUANTITY + "StepCount"
    export(
        tmp_path,
        record(steps, "08:00:00", "08:10:00", "100", "count", PHONE)
        + record(steps, "08:01:00", "08:09:30", "90", "count", WATCH)
        + record(steps, "09:00:00", "09:10:00", "50", "count", PHONE),
    )
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "steps").column("steps").to_pylist() == [90, 50]
    [lost] = [item for item in items if isinstance(item, Reject)]
    assert "counted once" in lost.reason
    assert lost.rows == 1
    assert_accounted(reading, items)


def test_records_of_one_device_never_compete() -> None:
    start = np.array([0, 10, 0], np.int64) * 1_000_000
    end = np.array([20, 15, 30], np.int64) * 1_000_000
    assert counted_once(start, end, np.array([0, 0, 1])).tolist() == [True, True, False]
    assert counted_once(start, end, np.array([1, 1, 0])).tolist() == [False, False, True]


def test_active_energy_and_workouts_are_counted_not_kept(tmp_path: Path) -> None:
    energy = record(QUANTITY + "ActiveEnergyBurned", "08:00:00", "08:01:00", "3", "kcal")
    export(tmp_path, energy * 3 + '<Workout duration="1"/>\n<ActivitySummary/>\n')
    [(reading, items)] = read(tmp_path)
    assert [(i.reason, i.rows) for i in items if isinstance(i, Reject)] == [
        ("ActiveEnergyBurned has no stream here: not kept", 3),
        ("ActivitySummary is a summary or a document, not a measurement: not kept", 1),
        ("Workout is a summary or a document, not a measurement: not kept", 1),
    ]
    assert_accounted(reading, items)


def test_an_attribute_that_ios_16_wrote_twice_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = "2022-09-20 08:00:00 +0100"
    workout = (
        f'<Workout workoutActivityType="x" startDate="{day}" endDate="{day}">\n'
        f'<WorkoutStatistics type="y" startDate="{day}" startDate="{day}" sum="80"/>\n</Workout>\n'
    )
    beats = [
        record(QUANTITY + "HeartRate", f"08:0{n}:00", f"08:0{n}:00", "61", "count/min")
        for n in range(3)
    ]
    for piece in (7, 64, 1 << 18):
        monkeypatch.setattr(xml_stream, "PIECE", piece)
        folder = tmp_path / str(piece)
        export(folder, "".join(beat + workout for beat in beats))
        items = items_of(folder)
        assert samples_of(items, "heart_rate").num_rows == 3
        assert not any("well formed" in reason for reason in rejects(items))


def test_beats_of_a_variability_record(tmp_path: Path) -> None:
    beats = "".join(
        f'<InstantaneousBeatsPerMinute bpm="{bpm}" time="{clock}"/>'
        for clock, bpm in (
            ("7:00:14.67 pm", 78),
            ("7:00:18.87 pm", 71),  # beats are missing before this one
            ("7:00:19.70\u202fPM", 72),
            ("19:00:20,49", 76),
        )
    )
    inside = f"<HeartRateVariabilityMetadataList>{beats}</HeartRateVariabilityMetadataList>"
    export(
        tmp_path,
        record(
            QUANTITY + "HeartRateVariabilitySDNN",
            "08:00:10",
            "08:01:15",
            "41.5",
            "ms",
            WATCH,
            inside,
        ),
    )
    [(reading, items)] = read(tmp_path)
    [fact] = facts_of(items)
    assert (fact["code"], fact["numeric_value"], fact["unit"]) == (SDNN, 41.5, "ms")
    table = samples_of(items, "beat_intervals")
    assert table.column("interval").to_pylist() == pytest.approx([830.0, 790.0], abs=0.01)
    assert table.column("time").to_pylist()[0] == datetime(2024, 5, 1, 6, 0, 19, 700_000, UTC)
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("beats", "why"),
    [
        ([("8:00:01.00", "60")], "less than two"),
        ([("8:00:01.00", "60"), ("x", "60")], "a time or a rate that is none"),
        ([("8:00:01.00", "60"), ("8:00:09.00", "60")], "no two that follow"),
        ([("8:00:01.00", "60"), ("8:20:02.00", "60")], "does not lie within"),
        ([("8:00:01.00", "0"), ("8:00:02.00", "60")], "a time or a rate that is none"),
    ],
)
def test_lists_of_beats_that_are_refused(beats: list[tuple[str, str]], why: str) -> None:
    assert why in str(beat_intervals(beats, 0, 65_000_000))


def test_the_export_inside_its_zip_belongs_to_the_zip_s_name(tmp_path: Path) -> None:
    path = export(
        tmp_path, record(QUANTITY + "HeartRate", "08:00:00", "08:00:00", "61", "count/min")
    )
    with zipfile.ZipFile(tmp_path / "berta.zip", "w") as archive:
        archive.write(path, "apple_health_export/export.xml")
        archive.writestr(
            "apple_health_export/export_cda.xml", "<?xml version='1.0'?><ClinicalDocument/>"
        )
    found = read(tmp_path / "berta.zip")
    items = [item for _, items in found for item in items]
    assert samples_of(items, "heart_rate").column("subject_id").to_pylist() == ["berta"]
    assert any("export_cda.xml" in reason for reason in rejects(items))
    assert {reading.source for reading, _ in found} == {"apple_health"}


def test_routes_are_places_with_speed_and_accuracy(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "route.gpx").write_text(
        '<gpx><trk><trkseg><trkpt lat="52.5" lon="13.4"><ele>34</ele>'
        "<time>2024-05-01T06:05:00Z</time><extensions><speed>-1</speed><hAcc>4.5</hAcc>"
        '</extensions></trkpt><trkpt lat="x" lon="13"><time>2024-05-01T06:05:01Z</time></trkpt>'
        "</trkseg></trk></gpx>"
    )
    [(reading, items)] = read(tmp_path)
    [row] = samples_of(items, "location").to_pylist()
    assert (row["latitude"], row["accuracy"], row["altitude"], row["speed"]) == (
        52.5,
        4.5,
        34,
        None,
    )
    assert len(rejects(items)) == 1
    assert_accounted(reading, items)


def test_an_ecg_is_read_in_any_language(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "ecg_2024-05-01.csv").write_text(
        'Name,"A B"\nAufgezeichnet am,2024-05-01 08:00:00 +0200\nKlassifikation,Sinusrhythmus\n'
        "Abtastrate,512 Hertz\n\n\nAbleitung,Ableitung I\nEinheit,µV\n\n100.5\n-12,25\n0\n"
    )
    [(reading, items)] = read(tmp_path)
    table = samples_of(items, "electrocardiogram")
    assert table.column("value").to_pylist() == pytest.approx([0.1005, -0.01225, 0])
    steps = np.diff(table.column("time").cast("int64").to_numpy())
    assert steps.tolist() == [1953, 1953]
    assert_accounted(reading, items)


@pytest.mark.parametrize(("unit", "value"), [("µV", 0.0125), ("mV", 12.5), ("V", 12500)])
def test_an_ecg_is_in_the_unit_that_it_names(unit: str, value: float, tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "ecg_2024-05-01.csv").write_text(
        "Recorded Date,2024-05-01 08:00:00 +0200\nSample Rate,512 hertz\nLead,Lead I\n"
        f'Unit,{unit}\n\n12.5\n"12,5"\n'
    )
    table = samples_of(items_of(tmp_path), "electrocardiogram")
    assert table.column("value").to_pylist() == pytest.approx([value, value])


BOMB = '<!DOCTYPE HealthData [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "<HealthData>&b;</HealthData>",
        '<!DOCTYPE HealthData SYSTEM "file:///etc/passwd" [<!ENTITY % x SYSTEM "y">]><HealthData/>',
        "<HealthData>" + "<a>" * 500,
        "<HealthData>&undeclared;</HealthData>",
        "<!-- <HealthData> -->" + " " * 300_000 + BOMB + "<HealthData>&b;</HealthData>",
    ],
)
def test_hostile_xml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "export.xml").write_text(text)
    [(reading, items)] = read(tmp_path)
    assert {type(item) for item in items} == {Reject}
    assert "root:" not in repr(items)
    assert_accounted(reading, items)


def test_an_endless_attribute_is_not_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "export.xml").write_text('<HealthData locale="' + "x" * (6 << 20))
    assert "longer than" in rejects(items_of(tmp_path))[0]


def test_what_came_before_a_cut_is_kept(tmp_path: Path) -> None:
    body = record(QUANTITY + "HeartRate", "08:00:00", "08:00:00", "61", "count/min")
    path = export(tmp_path, body * 50)
    whole = path.read_text()
    path.write_text(whole[: whole.rindex("<Record") + 30])
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "heart_rate").num_rows == 49
    assert "ends early" in rejects(items)[0]
    assert_accounted(reading, items)


def test_a_resting_heart_rate_is_an_observation_of_its_day(tmp_path: Path) -> None:
    kind = QUANTITY + "RestingHeartRate"
    export(
        tmp_path,
        record(kind, "00:01:00", "23:28:55", "58", "count/min")
        + record(kind, "00:01:00", "23:28:55", "58", "kg"),
    )
    [(reading, items)] = read(tmp_path)
    [fact] = facts_of(items)
    assert (fact["code"], fact["numeric_value"], fact["unit"]) == ("LOINC/40443-4", 58.0, "/min")
    assert "unit" in rejects(items)[0]
    assert_accounted(reading, items)
