"""Files that are cut, wrong, endless or made to do harm: a clear error, and the rest is kept."""

import gzip
import io
import json
import os
import zipfile
import zlib
from pathlib import Path

import pytest

from euthymia.ground.errors import MissingError
from euthymia.sources.blob import MAX_RATIO
from memory_peak import grown_by
from reading import assert_accounted, items_of, read, rejects, samples_of

HEADER = "timestamp,date,activity\n"
HOUR = "2024-05-01 10_00_00.csv"
LINE = "2024-05-01 12:{:02d}:00,2024-05-01,{}\n"


def _counts(path: Path, rows: int = 30) -> bytes:
    data = (HEADER + "".join(LINE.format(i, i) for i in range(rows))).encode()
    path.write_bytes(data)
    return data


def _neighbour(folder: Path) -> None:
    _counts(folder / "zz_good.csv", 5)


def _others_are_read(folder: Path) -> bool:
    return any(r.file_name.endswith("zz_good.csv") and r.rows_in == 5 for r, _ in read(folder))


# -- cut and damaged -------------------------------------------------------------------------------


def test_rows_before_the_cut_of_a_gzip_are_kept(tmp_path: Path) -> None:
    lines = [f"2024-05-{1 + i // 1440:02d} {i // 60 % 24:02d}:{i % 60:02d}:00" for i in range(9000)]
    text = "timestamp,activity\n" + "".join(f"{t},{i * 7919 % 1000}\n" for i, t in enumerate(lines))
    whole = gzip.compress(text.encode(), mtime=0)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    [(reading, items)] = read(path)
    table = samples_of(items, "activity_counts")
    assert table.num_rows > 1000
    kept = table.column("counts").to_pylist()
    assert kept == [
        i * 7919 % 1000 for i in range(len(kept))
    ]  # no half number is taken for a whole
    assert rejects(items) == [
        f"gzip stream ends early after line {len(kept) + 1}; copy the file again and re-ingest"
    ]
    assert_accounted(reading, items)


@pytest.mark.parametrize("place", ["middle", "checksum"])
def test_a_flipped_bit_in_a_gzip_refuses_the_file(place: str, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(_counts(tmp_path / "plain.csv"), mtime=0))
    packed[-6 if place == "checksum" else len(packed) // 2] ^= 0x10
    (tmp_path / "bad.csv.gz").write_bytes(bytes(packed))
    found = {reading.file_name: items for reading, items in read(tmp_path)}
    [bad] = [items for name, items in found.items() if name.endswith("bad.csv.gz")]
    assert len(bad) == 1
    assert "damaged" in rejects(bad)[0]
    assert "copy the file again" in rejects(bad)[0]


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    data = _counts(tmp_path / "a.csv")
    (tmp_path / "a.csv").unlink()
    joined = gzip.compress(data[:100]) + gzip.compress(data[100:]) + b"\0" * 512
    (tmp_path / "a.csv.gz").write_bytes(joined)
    [(reading, items)] = read(tmp_path)
    assert (reading.rows_in, rejects(items)) == (30, [])


def test_a_cut_zip_is_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", HEADER + LINE.format(1, 1))
    (tmp_path / "cut.zip").write_bytes(buffer.getvalue()[:-30])
    _neighbour(tmp_path)
    assert "the zip archive is cut or damaged; copy it again" in rejects(items_of(tmp_path))
    assert _others_are_read(tmp_path)


def test_a_damaged_member_does_not_take_the_archive_with_it(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.csv", HEADER + LINE.format(1, 1) * 20)
        archive.writestr("good.csv", HEADER + LINE.format(1, 1))
    data = bytearray(path.read_bytes())
    data[data.index(b"2024") + 5] ^= 1
    path.write_bytes(bytes(data))
    found = {r.file_name: (r.rows_in, rejects(items)) for r, items in read(tmp_path)}
    [bad, good] = [found[name] for name in sorted(found)]
    assert "damaged" in bad[1][0]
    assert good == (1, [])


# -- bombs and endless lines -----------------------------------------------------------------------


def test_a_gzip_bomb_is_refused_early(tmp_path: Path) -> None:
    engine = zlib.compressobj(9, wbits=31)
    zeros = b"0" * (1 << 20)
    packed = b"".join(engine.compress(zeros) for _ in range(90)) + engine.flush()
    (tmp_path / "bomb.csv.gz").write_bytes(packed)
    _neighbour(tmp_path)
    [reason] = rejects(items_of(tmp_path))
    assert "decompression bomb" in reason
    assert _others_are_read(tmp_path)


def test_a_zip_bomb_is_refused_by_what_it_claims(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(4):
            archive.writestr(f"{i}.csv", b"0" * (20 << 20))
    size = (tmp_path / "bomb.zip").stat().st_size
    assert 80 * 2**20 / size > MAX_RATIO
    _neighbour(tmp_path)
    [reason] = rejects(items_of(tmp_path))
    assert "decompression bomb" in reason
    assert "80 MiB in 4 files" in reason
    assert _others_are_read(tmp_path)


def test_a_zip_that_understates_its_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (70 << 20))
    real, small = (70 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(real, small))
    reasons = rejects(items_of(path))
    assert len(reasons) == 1


def test_an_endless_line_is_named_and_never_held(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + LINE.format(1, 11).encode())
        for _ in range(200):
            file.write(b"9" * (1 << 20))
        file.write(b"\n" + LINE.format(2, 22).encode())
    [(reading, items)], grown_mib = grown_by(lambda: read(path))
    assert grown_mib < 150
    [reason] = rejects(items)
    assert reason.startswith("line 3 is longer than 16 MiB")
    assert samples_of(items, "activity_counts").column("counts").to_pylist() == [11, 22]
    assert reading.rows_in == 3
    assert_accounted(reading, items)


@pytest.mark.slow
def test_an_endless_line_where_the_names_should_be(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(b"activity," * (1 << 17))
    _neighbour(tmp_path)
    assert len(rejects(items_of(tmp_path))) == 1
    assert _others_are_read(tmp_path)


def test_a_json_file_that_is_too_deep_or_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep.json").write_text('{"resourceType": "Bundle", "entry": ' + "[" * 10**6)
    (tmp_path / "large.json").write_text(
        '{"resourceType": "Bundle", "x": "' + "y" * (3 << 20) + '"}'
    )
    monkeypatch.setattr("euthymia.sources.fhir.MAX_BUNDLE", 2 << 20)
    deep, large = (rejects(items) for _, items in read(tmp_path))
    assert "nested too deeply" in deep[0] or "ends early" in deep[0]
    assert "larger than 2 MiB" in large[0]


# -- wrong tables ----------------------------------------------------------------------------------


def test_a_wrong_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timestamp,device_id,screen_state\n1714557600000,d1,1\n" * 1)
    _neighbour(tmp_path)
    [reason] = rejects(items_of(tmp_path))
    assert "missing: screen_status" in reason
    assert _others_are_read(tmp_path)


def test_a_missing_column_counts_every_row(tmp_path: Path) -> None:
    text = "timestamp,date,count_of_moves\n" + "".join(LINE.format(i, i) for i in range(7))
    (tmp_path / "actigraph_01.csv").write_text(text)
    [(reading, items)] = read(tmp_path)
    assert "missing: activity" in rejects(items)[0]
    assert reading.rows_in == 7
    assert_accounted(reading, items)


def test_each_bad_cell_names_its_line_and_column_and_not_its_value(tmp_path: Path) -> None:
    rows = [LINE.format(i, i) for i in range(40)]
    rows[4] = "2024-05-01 12:04:00,2024-05-01,SECRET\n"
    rows[9] = "2024-05-01 25:61:00,2024-05-01,9\n"
    rows[10] = "2024-05-01 12:10:00\n"
    rows[20] = rows[21] = rows[22] = "2024-05-01 12:20:00,2024-05-01,\n"
    (tmp_path / "a.csv").write_text(HEADER + "".join(rows))
    [(reading, items)] = read(tmp_path)
    assert rejects(items) == [
        "line 6: activity is not a number",
        "line 11: timestamp is not a date and time without a zone (YYYY-MM-DD HH:MM:SS)",
        "line 12: 1 cells where the header has 3",
        "lines 22-24: activity is empty",
    ]
    assert samples_of(items, "activity_counts").num_rows == 34
    assert reading.rows_in == 40
    assert_accounted(reading, items)


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        HEADER + "\n\n" + LINE.format(1, 1) + "\n" + LINE.format(2, "x")
    )
    [(reading, items)] = read(tmp_path)
    assert reading.rows_in == 2
    assert rejects(items) == ["line 6: activity is not a number"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("größe".encode("utf-16"), "UTF-16"),
        (b"", "empty"),
        (b"%PDF-1.4 ...", "PDF"),
        (b"PK\x03\x04not really", "zip archive is cut"),
        (b"<Bundle xmlns='http://hl7.org/fhir'>", "FHIR as JSON"),
        (b"\0" * 3000, "no reader knows this format"),
        (b"SQLite format 3\0", "database"),
        (b'{"resourceType": "Bundle", "entry": [', "cut"),
        (b'{"resourceType": "Bundle",\n "entry": [}', "line 2, column"),
        (b'{"resourceType": "Bundle", "entry": {}}', "not a list"),
        (b'["resourceType"]', "no reader knows this format"),
        (b'{"resourceType": "Bundle", "entry": ["\xff"]}', "UTF-8"),
        ("größe,zeit\n1,2\n".encode("latin-1"), "no reader knows this format"),
        (b"timestamp;device_id;screen_stat\n1700000000;u1;1\n", "missing: screen_status"),
        (b"user,time,screen_status\ru1,1700000000,1\r", "bare CR"),
        (b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|1|P|2.5\rPID|1||1^^^MR\r", "HL7 v2"),
    ],
)
def test_files_of_another_kind_say_what_to_do(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(data)
    _neighbour(tmp_path)
    [told] = rejects(items_of(tmp_path))
    assert reason in told
    assert _others_are_read(tmp_path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("user,device,time,screen_state", "nearest is aware (timestamp, screen_status), missing"),
        ("_id,timestamp,device_id,weather", "no reader knows this format"),
    ],
)
def test_a_table_is_compared_by_what_tells_tables_apart(
    header: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(f"{header}\n1,2,3,4\n", encoding="utf-8")
    [told] = rejects(items_of(tmp_path))
    assert says in told


def test_text_that_is_not_utf8_is_refused_where_it_matters(tmp_path: Path) -> None:
    body = "timestamp,user,screen_status\n1714557600000,anna,1\n1714557600001,jos\xe9,1\n"
    (tmp_path / "screen.csv").write_bytes(body.encode("latin-1"))
    items = items_of(tmp_path)
    assert rejects(items) == ["line 3: user is not UTF-8 text"]
    assert samples_of(items, "screen").num_rows == 1


# -- folders ---------------------------------------------------------------------------------------


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / ".euthymia-truth").touch()
    _counts(truth / "never.csv")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "LICENSE").write_text("mine")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    os.mkfifo(tmp_path / "pipe.csv")
    _neighbour(tmp_path)
    told: dict[str, str] = {}
    found = read(tmp_path, skipped=told.__setitem__)
    assert [reading.rows_in for reading, _ in found] == [5]
    names = {name.rpartition("/")[2]: reason for name, reason in told.items()}
    assert set(names) == {"truth", "README.md", "LICENSE", ".DS_Store", "pipe.csv"}
    assert "truth" in names["truth"]


def test_truth_in_an_archive_is_left_out_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clinic.zip", "w") as archive:
        archive.writestr("clinic/truth/.euthymia-truth", "")
        archive.writestr("clinic/truth/never.csv", HEADER + LINE.format(1, 1))
        archive.writestr("clinic/actigraph/A1.csv", HEADER + LINE.format(1, 1))
    assert [reading.file_name for reading, _ in read(tmp_path)] == [
        f"{tmp_path.name}/clinic.zip/clinic/actigraph/A1.csv"
    ]


@pytest.mark.parametrize("folder", ["", "truth\\", "/truth/", "../truth/"])
def test_truth_is_left_out_however_an_archive_names_it(tmp_path: Path, folder: str) -> None:
    with zipfile.ZipFile(tmp_path / "clinic.zip", "w") as archive:
        archive.writestr(f"{folder}.euthymia-truth", "")
        archive.writestr(f"{folder}never.csv", HEADER + LINE.format(1, 1))
    told: dict[str, str] = {}
    assert list(read(tmp_path, skipped=told.__setitem__)) == []
    assert any("truth" in reason for reason in told.values())


def test_a_path_that_is_not_there_stops_before_anything_is_read(tmp_path: Path) -> None:
    _neighbour(tmp_path)
    with pytest.raises(MissingError, match="does not exist"):
        read(tmp_path, tmp_path / "nowhere")


def test_names_of_archive_members_cannot_do_harm(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../../etc/\x1b[31mA1.csv", HEADER + LINE.format(1, 1))
    [(reading, items)] = read(tmp_path)
    assert reading.file_name.endswith("a.zip/etc/?[31mA1.csv")
    assert rejects(items) == []


@pytest.mark.parametrize("above", ["", "/", "../", "..\\", "{}/"])
def test_a_mark_in_an_archive_says_nothing_of_what_lies_beside_it(
    tmp_path: Path, above: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(above.format(tmp_path) + ".euthymia-simulated", "")
        archive.writestr(above.format(tmp_path) + "A1.csv", HEADER + LINE.format(1, 1))
    _neighbour(tmp_path)
    assert [reading.synthetic for reading, _ in read(tmp_path)] == [True, False]


def test_a_mark_holds_in_an_archive_of_names_with_backslashes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("made\\actigraph\\A1.csv", HEADER + LINE.format(1, 1))
        archive.writestr("made\\.euthymia-simulated", "")
        archive.writestr("real\\actigraph\\B1.csv", HEADER + LINE.format(1, 1))
    assert [reading.synthetic for reading, _ in read(tmp_path)] == [True, False]


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER + LINE.format(1, 1))
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(bytes(data))
    assert "encrypted with a password" in rejects(items_of(path))[0]


# -- FHIR ------------------------------------------------------------------------------------------


def _bundle(path: Path, *resources: object) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:euthymia:mrn", "value": "M1"}],
    }
    entries = [{"resource": resource} for resource in (patient, *resources)]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}))


def _observation(**change: object) -> dict[str, object]:
    code = {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}
    return {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/p1"},
        "code": code,
        "valueInteger": 9,
        **change,
    }


def test_each_broken_resource_is_told_and_the_others_are_kept(tmp_path: Path) -> None:
    _bundle(
        tmp_path / "b.json",
        _observation(),
        {"resourceType": "Horoscope", "subject": {"reference": "Patient/p1"}},
        {"resourceType": "<script>alert(1)</script>"},
        _observation(subject={"reference": "Patient/nobody"}),
        _observation(subject={"reference": "urn:uuid:00000000-0000-0000-0000-000000000000"}),
        _observation(subject=7),
        _observation(valueInteger="nine"),
        _observation(status="entered-in-error"),
        _observation(effectiveDateTime="yesterday"),
        "not a resource",
        _observation(code=None),
        {"resourceType": "Bundle", "entry": []},
        _observation(valueInteger=10),
    )
    [(reading, items)] = read(tmp_path / "b.json")
    assert reading.rows_in == 14
    assert_accounted(reading, items)
    reasons = rejects(items)
    assert reasons[0] == "entry 3: resource type Horoscope is not in FHIR R4"
    assert reasons[1] == "entry 4: resource type is not in FHIR R4"
    assert reasons[2].startswith(
        "entry 5: subject reference resolves to no Patient in this bundle: send the Patient with it"
    )
    assert len(reasons) == 11
    assert all(reason.startswith(f"entry {i}: ") for i, reason in enumerate(reasons, 3))


def test_a_patient_who_cannot_be_read_is_told_with_all_their_rows(tmp_path: Path) -> None:
    _bundle(
        tmp_path / "b.json",
        {"resourceType": "Patient", "id": "p2", "birthDate": "1980-13-45"},
        _observation(subject={"reference": "Patient/p2"}),
        _observation(),
    )
    assert rejects(items_of(tmp_path)) == [
        "entry 2: Patient has no identifier with a system and a value; add its record number",
        "entry 3: the patient it belongs to was refused in this file",
    ]


def test_one_bad_line_of_a_bulk_export_is_one_reject(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "1", "identifier": [{"system": "s", "value": "v"}]}
    (tmp_path / "Patient.ndjson").write_text(json.dumps(patient) + "\n")
    good = json.dumps(_observation(subject={"reference": "Patient/1"}))
    (tmp_path / "Observation.ndjson").write_text(f"{good}\n{good[:40]}\n\n[]\n{good}\n")
    [(reading, items)] = read(tmp_path)
    assert reading.rows_in == 5
    assert_accounted(reading, items)
    assert rejects(items) == [
        "Observation.ndjson: line 2: it is not one JSON object",
        "Observation.ndjson: line 4: it is not one JSON object",
    ]


@pytest.mark.parametrize(
    ("name", "header", "table", "column"),
    [
        ("screen.csv", "_id,timestamp,device_id", "aware's table screen", "screen_status"),
        ("phone_light_raw.csv", "_id,timestamp,device_id", "aware's table light", "double_light"),
        ("battery.csv", "_id,timestamp,device_id,battery_status", "table battery", "battery_level"),
        (f"p/power_state/{HOUR}", "timestamp,UTC time,level", "table power_state", "event"),
        (f"p/ios_log/{HOUR}", "timestamp,UTC time,event,msg", "table ios_log", "launchId"),
        (f"p/survey_answers/s1/{HOUR}", "question id,answer", "survey_answers", "question type"),
        ("x.csv", "timestamp,date", "times alone", "timestamp, date"),
    ],
)
def test_a_table_with_a_column_missing_is_told_which(
    name: str, header: str, table: str, column: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{header}\n{','.join('1' * len(header.split(',')))}\n", encoding="utf-8")
    [told] = rejects(items_of(tmp_path))
    assert table in told
    assert column in told
