"""EDF, BDF, XDF and raw acceleration: scaling, times, annotations, and damage."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from euthymia.ground.records import Reject, Samples
from euthymia.sources.edf_header import write_edf
from euthymia.sources.gt3x import write_log
from euthymia.sources.physiology import Channel, channel_of, stage_of
from euthymia.sources.xdf_chunks import write_xdf
from euthymia.sources.xdf_time import clock_lines, synced
from reading import assert_accounted, items_of, read, rejects, samples_of

WAVE = np.round(50 * np.sin(np.arange(512) / 7), 3)


@pytest.mark.parametrize(
    ("label", "unit", "expected"),
    [
        ("EEG Fpz-Cz", "uV", Channel("electroencephalogram", "value", 1.0, "Fpz-Cz")),
        ("C3-A2", "mV", Channel("electroencephalogram", "value", 1000.0, "C3-A2")),
        ("ECG II", "uV", Channel("electrocardiogram", "value", 1e-3)),
        ("Resp oro-nasal", "", Channel("respiration", "value", 1.0)),
        ("SaO2", "%", Channel("oxygen_saturation", "value", 1.0)),
    ],
)
def test_channels_are_known_by_label_and_unit(label: str, unit: str, expected: Channel) -> None:
    found = channel_of(label, unit)
    assert isinstance(found, Channel)
    assert (found.stream, found.field, found.label) == (
        expected.stream,
        expected.field,
        expected.label,
    )
    assert found.factor == pytest.approx(expected.factor)


@pytest.mark.parametrize(("label", "unit"), [("EMG submental", "uV"), ("EEG Cz", "furlong")])
def test_other_channels_are_not_guessed(label: str, unit: str) -> None:
    assert isinstance(channel_of(label, unit), str)


def test_annotated_stages() -> None:
    assert [stage_of(f"Sleep stage {s}") for s in ("W", "N1", "2", "N3", "4", "R", "?")] == [
        0,
        1,
        1,
        2,
        2,
        3,
        None,
    ]


@pytest.mark.parametrize("counted", [0, 1])
def test_data_records_that_the_header_does_not_count_are_told(counted: int, tmp_path: Path) -> None:
    path = tmp_path / "P1.edf"
    write_edf(path, [("ECG", "mV", 256, WAVE)])
    data = path.read_bytes()
    path.write_bytes(data[:236] + f"{counted:<8}".encode() + data[244:])
    [(reading, items)] = read(path)
    tables = [item for item in items if isinstance(item, Samples)]
    assert [table.table.num_rows for table in tables] == [256] * counted
    assert "goes on after the data records" in rejects(items)[0]
    assert_accounted(reading, items)


@pytest.mark.parametrize("bdf", [False, True])
def test_values_come_back_in_their_unit(bdf: bool, tmp_path: Path) -> None:
    path = tmp_path / f"sub-07_ses-1_eeg.{'bdf' if bdf else 'edf'}"
    write_edf(path, [("EEG Cz", "uV", 256, WAVE), ("ECG", "mV", 256, WAVE / 100)], bdf=bdf)
    [(reading, items)] = read(path, zone="Europe/Berlin")
    brain = samples_of(items, "electroencephalogram")
    step = 100 / (1 << 24 if bdf else 1 << 16)
    assert np.abs(brain.column("value").to_numpy() - WAVE).max() <= step
    assert set(brain.column("channel").to_pylist()) == {"Cz"}
    assert set(brain.column("subject_id").to_pylist()) == {"sub-07"}
    heart = samples_of(items, "electrocardiogram").column("value").to_numpy()
    assert np.abs(heart - WAVE / 100).max() <= step / 100
    times = brain.column("time").to_pylist()
    assert times[0] == datetime(2024, 5, 1, 20, 30, tzinfo=UTC)
    assert times[256] == datetime(2024, 5, 1, 20, 30, 1, tzinfo=UTC)
    assert_accounted(reading, items)


def test_the_patient_code_says_whose_it_is(tmp_path: Path) -> None:
    write_edf(tmp_path / "night.edf", [("ECG", "mV", 4, WAVE[:8])], patient="MCH-0234567 F X X")
    table = samples_of(items_of(tmp_path), "electrocardiogram")
    assert set(table.column("subject_id").to_pylist()) == {"MCH-0234567"}


@pytest.mark.parametrize(("start", "kept"), [("05/01/24", 0), ("13/05/24", 1), ("05.01.24", 1)])
def test_a_start_whose_day_may_be_its_month_is_refused(
    tmp_path: Path, start: str, kept: int
) -> None:
    write_edf(tmp_path / "night.edf", [("ECG", "mV", 4, WAVE[:4])], start=f"{start}22.30.00")
    items = items_of(tmp_path)
    assert len([item for item in items if isinstance(item, Samples)]) == kept
    assert ["could be either" in reason for reason in rejects(items)] == [True] * (1 - kept)


def test_gaps_and_annotations_of_edf_plus(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    notes = [
        (0.0, 30.0, "Sleep stage N2"),
        (1.5, 0.0, "Lights off, Mr X"),
        (2.0, 30.0, "Sleep stage R"),
    ]
    write_edf(path, [("ECG", "mV", 4, WAVE[:12])], annotations=notes, gaps=[0.0, 1.0, 60.5])
    [(reading, items)] = read(path)
    times = samples_of(items, "electrocardiogram").column("time").to_pylist()
    assert (times[8] - times[0]).total_seconds() == 60.5
    assert samples_of(items, "sleep_stages").column("stage").to_pylist() == [1, 3]
    assert samples_of(items, "event_marks").num_rows == 1
    assert "Lights" not in repr(items)
    assert_accounted(reading, items)


def test_a_recorder_does_not_follow_daylight_saving(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    write_edf(
        path,
        [("ECG", "mV", 1, WAVE[:4])],
        start="27.10.2402.30.00",
        gaps=[0.0, 3600.0, 7200.0, 10800.0],
    )
    table = samples_of(items_of(path, zone="Europe/Berlin"), "electrocardiogram")
    steps = np.diff(table.column("time").cast("int64").to_numpy()) / 1e6
    assert steps.tolist() == [3600, 3600, 3600]


def test_a_cut_recording_keeps_its_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    write_edf(path, [("ECG", "mV", 256, WAVE)])
    path.write_bytes(path.read_bytes()[:-100])
    [(reading, items)] = read(path)
    assert samples_of(items, "electrocardiogram").num_rows == 256
    assert "ends early" in rejects(items)[0]
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (252, b"9999"),
        (236, b"x       "),
        (244, b"-1      "),
        (168, b"99.99.99"),
        (768, b"1e9     "),
    ],
)
def test_a_hostile_header_is_refused(place: int, value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    write_edf(path, [("ECG", "mV", 256, WAVE)])
    data = bytearray(path.read_bytes())
    data[place : place + len(value)] = value
    path.write_bytes(bytes(data))
    for reading, items in read(path):
        assert_accounted(reading, items)


# -- XDF -------------------------------------------------------------------------------------------


def test_streams_of_a_laboratory_are_on_one_clock(tmp_path: Path) -> None:
    at = 100 + np.arange(50) / 50
    write_xdf(
        tmp_path / "sub-03_task-rest.xdf",
        [
            ("EEG", 50.0, ("Cz", "Pz"), "microvolts", at, np.stack([at, -at], 1)),
            ("ECG", 50.0, ("ECG",), "mV", at, at[:, None]),
            ("Markers", 0.0, (), "", np.array([5000.5]), ["Frau X kommt"]),
            ("ACC", 50.0, ("x", "y", "z"), "m/s2", at, np.full((50, 3), 9.80665)),
            ("Gaze", 50.0, ("left",), "px", at, at[:, None]),
        ],
        recorded="2024-05-01T10:00:00+0200",
        offsets=[[(100.0, 0.0)], [(100.0, 0.0)], [(5000.0, -4900.0)], [], []],
    )
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    start = datetime(2024, 5, 1, 8, tzinfo=UTC)
    brain = samples_of(items, "electroencephalogram")
    assert brain.column("channel").to_pylist()[:2] == ["Cz", "Pz"]
    assert brain.column("time").to_pylist()[0] == start
    [mark] = samples_of(items, "event_marks").column("time").to_pylist()
    assert (mark - start).total_seconds() == pytest.approx(0.5, abs=1e-5)
    force = samples_of(items, "accelerometer").column("x").to_pylist()
    assert set(force) == {1.0}
    assert set(brain.column("subject_id").to_pylist()) == {"sub-03"}
    assert "Frau" not in repr(items)
    assert any("no stream here" in reason for reason in rejects(items))


def test_a_restarted_computer_begins_a_new_line() -> None:
    times = np.concatenate([1000 + 5.0 * np.arange(8), 3 + 5.0 * np.arange(8)])
    offsets = np.concatenate([np.full(8, 50.0), np.full(8, 1100.0)])
    lines = clock_lines(times, offsets)
    assert [line.intercept for line in lines] == pytest.approx([50.0, 1100.0])
    assert synced(np.array([4.0]), clock_lines(np.zeros(0), np.zeros(0))).tolist() == [4.0]


@pytest.mark.parametrize("cut", [20, 150, 900, 1300])
def test_a_cut_xdf_keeps_what_came_before(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    at = 100 + np.arange(50) / 50
    write_xdf(path, [("ECG", 50.0, ("ECG",), "mV", at, at[:, None])])
    path.write_bytes(path.read_bytes()[:cut])
    [(reading, items)] = read(path)
    assert rejects(items)
    assert_accounted(reading, items)


def test_an_xdf_without_a_date_is_refused(tmp_path: Path) -> None:
    at = 100 + np.arange(50) / 50
    write_xdf(tmp_path / "a.xdf", [("ECG", 50.0, ("ECG",), "mV", at, at[:, None])], recorded="x")
    assert "no date" in rejects(items_of(tmp_path))[0]


def test_a_huge_chunk_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_bytes(b"XDF:\x08" + struct.pack("<QH", 1 << 60, 3))
    assert "256 MiB" in rejects(items_of(tmp_path))[0]


# -- acceleration ----------------------------------------------------------------------------------


def test_a_second_of_gt3x_as_its_maker_documents_it(tmp_path: Path) -> None:
    home = tmp_path / "W1.gt3x"
    home.mkdir()
    payload = bytes.fromhex("006008EBD007009EBF007008EBF0")
    record = struct.pack("<BBIH", 0x1E, 0, 1_206_792_000, len(payload)) + payload
    check = 0
    for byte in record:
        check ^= byte
    good = record + bytes([~check & 0xFF])
    (home / "log.bin").write_bytes(good + b"\0\0" + good[:-1] + b"\x00")
    [(reading, items)] = read(home / "log.bin")
    table = samples_of(items, "accelerometer")
    assert [round(v, 3) for v in table.column("x").to_pylist()] == [0.023, 0.026, 0.023]
    assert [round(v, 3) for v in table.column("y").to_pylist()] == [0.018, 0.021, 0.021]
    assert [round(v, 3) for v in table.column("z").to_pylist()] == [-0.947, -0.941, -0.941]
    assert set(table.column("subject_id").to_pylist()) == {"W1"}
    assert "checksum" in rejects(items)[0]
    assert_accounted(reading, items)


def test_a_cut_log_is_told(tmp_path: Path) -> None:
    home = tmp_path / "W1.gt3x"
    home.mkdir()
    write_log(home / "log.bin", 1_714_543_200, np.zeros((3, 30, 3), np.int16))
    (home / "log.bin").write_bytes((home / "log.bin").read_bytes()[:-5])
    [(reading, items)] = read(home / "log.bin")
    assert samples_of(items, "accelerometer").num_rows == 60
    assert "ends early" in rejects(items)[0]
    assert_accounted(reading, items)


RAW = """------------ Data File Created By ActiGraph GT3X+ ActiLife v6 date format M/d/yyyy at 30 Hz
Serial Number: NEO1
Start Time 08:00:00
Start Date 5/1/2024
Epoch Period (hh:mm:ss) 00:00:00
--------------------------------------------------
Accelerometer X,Accelerometer Y,Accelerometer Z
0.1,0.2,-0.9
0.1,0.2,x
0.2,0.3,-0.8
"""
GENE = """Device Type,GENEActiv
Device Model,1.1

2024-05-01 08:00:00:000,0.1,-0.2,0.9,0,0,25.1
2024-05-01 08:00:00:500,0.1,-0.2,0.8,0,0,25.1
yesterday,0.1,-0.2,0.8,0,0,25.1
"""


@pytest.mark.parametrize(
    ("text", "milliseconds"), [(RAW, [0, 67]), (GENE, [0, 500])], ids=["actigraph", "geneactiv"]
)
def test_raw_acceleration_by_the_wall_clock(
    text: str, milliseconds: list[int], tmp_path: Path
) -> None:
    (tmp_path / "W1.csv").write_text(text)
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    assert reading.source == "accelerometry"
    times = samples_of(items, "accelerometer").column("time").to_pylist()
    start = datetime(2024, 5, 1, 6, tzinfo=UTC)
    assert [round((at - start).total_seconds() * 1000) for at in times] == milliseconds
    assert len(rejects(items)) == 1
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("clock", "kept"), [("5/1/2024 8:00:00.033 AM", 2), ("5/1/2024 08:10:00.033", 0), ("soon", 2)]
)
def test_raw_lines_with_another_time_than_the_one_counted_are_refused(
    clock: str, kept: int, tmp_path: Path
) -> None:
    head = RAW.split("Accelerometer", 1)[0]
    names = "Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z"
    lines = f"5/1/2024 8:00:00.000 AM,0.1,0.2,-0.9\n{clock},0.1,0.2,-0.9\n"
    (tmp_path / "W1.csv").write_text(f"{head}{names}\n{lines}")
    items = items_of(tmp_path)
    assert sum(i.table.num_rows for i in items if isinstance(i, Samples)) == kept
    assert [reason for reason in rejects(items) if "lines were left out" in reason] == (
        [] if kept else rejects(items)
    )


ACTIWATCH = (
    '"Actiwatch Data Properties"\n\n'
    '"-------------------- Epoch-by-Epoch Data -------------------"\n'
    '"Line","Date","Time","Off-Wrist Status","Activity","Marker"\n\n'
    '"1","30/04/2024","11:59:00 PM","0","12","0"\n"2","01/05/2024","12:00:00 AM","0","","0"\n'
    '"3","01/05/2024","12:01:00 AM","1","0","0"\n"4","01/05/2024","12:02:00 AM","0","7","0"\n'
    '"5","01/05/2024","never","0","7","0"\n'
)


GERMAN = """"Actiware-Exportdatei (Version 05.00 )"

"Zeile","Datum","Zeit","Status „Nicht am Handgelenk“","Aktivität","Intervallstatus",

"1","02.03.2020","09:05:00","0","kZ","AKTIV",
"2","02.03.2020","09:05:30","0","18","AKTIV",
"3","02.03.2020","09:06:00","1","0","AKTIV",
"""
FRENCH = """"Fichier d'exportation Actiware (Version 05.00)"

"Ligne","Secondes","Date","Heure","Marqueur",
"1","0","4/02/2015","11:45:00","1",

"Ligne","Secondes","Date","Heure","Activité","Marqueur",

"1","0","14/02/2015","11:45:00","18","0",
"2","60","14/02/2015","11:46:00","NAN","0",
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize(
    ("text", "first", "none"),
    [
        (GERMAN, datetime(2020, 3, 2, 8, 5, 30, tzinfo=UTC), 1),
        (FRENCH, datetime(2015, 2, 14, 10, 45, tzinfo=UTC), 1),
    ],
)
def test_actiware_exports_in_german_and_french(
    tmp_path: Path, text: str, first: datetime, none: int, encoding: str
) -> None:
    (tmp_path / "W1.csv").write_text(text, encoding=encoding)
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    table = samples_of(items, "activity_counts")
    assert table.column("time").to_pylist() == [first]
    assert table.column("counts").to_pylist() == [18]
    assert sum(i.rows for i in items if isinstance(i, Reject)) == none
    assert_accounted(reading, items)


def test_actiwatch_epochs_off_the_wrist_are_no_rest(tmp_path: Path) -> None:
    (tmp_path / "W1.csv").write_text(ACTIWATCH)
    [(reading, items)] = read(tmp_path, zone="Europe/Berlin")
    table = samples_of(items, "activity_counts")
    assert table.column("counts").to_pylist() == [12, 7]
    assert table.column("time").to_pylist()[0] == datetime(2024, 4, 30, 21, 59, tzinfo=UTC)
    assert set(table.column("epoch").to_pylist()) == {60.0}
    refused = {i.reason: i.rows for i in items if isinstance(i, Reject)}
    assert sorted(refused.values()) == [1, 1]
    assert_accounted(reading, items)


def test_actiware_light_button_and_wearing_beside_the_counts(tmp_path: Path) -> None:
    names = "Datum,Zeit,Status „Nicht am Handgelenk“,Aktivität,Markierung,Weißes Licht,Schlaf/Wach"
    rows = (
        '19.09.2019,14:00:00,0,307,0,"184,13",kZ',
        '19.09.2019,14:00:30,0,0,1,"1,5E+03",1',
        "19.09.2019,14:01:00,1,kZ,0,kZ,kZ",
        "19.09.2019,14:01:30,1,0,0,kZ,kZ",
        '19.09.2019,14:02:00,0,21,0,"0,02",1',
        "19.09.2019,14:02:30,0,kZ,0,kZ,kZ",
    )
    text = '"Actiware-Exportdatei (Version 05.00 )"\n\n' + "\n".join([names, "", *rows]) + "\n"
    (tmp_path / "W2.csv").write_text(text, encoding="utf-8")
    [(reading, items)] = read(tmp_path, zone="UTC")
    assert_accounted(reading, items)
    assert samples_of(items, "activity_counts")["counts"].to_pylist() == [307.0, 0.0, 21.0]
    light = samples_of(items, "light")
    assert light["level"].to_pylist() == pytest.approx([184.13, 1500.0, 0.02])
    assert light["row"].to_pylist() == samples_of(items, "activity_counts")["row"].to_pylist()
    [pressed] = samples_of(items, "event_marks")["time"].to_pylist()
    assert pressed == datetime(2019, 9, 19, 14, 0, 30, tzinfo=UTC)
    state = samples_of(items, "recording_state")
    assert state["on"].to_pylist() == [0, 0, 1]
    assert state["reason"].to_pylist() == ["not_worn", "not_worn", None]
    assert sum(i.rows for i in items if isinstance(i, Reject)) == 1
