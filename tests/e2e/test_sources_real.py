"""Every file of the real data sets is read, and no row is lost: counted here in another way."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.codes import PHQ9_ITEMS
from euthymia.ground.records import Directory, Observations, Person, Reject, Samples
from euthymia.sources.open import UNKNOWN
from reading import assert_accounted, facts_of, read, rejects, samples_of
from real import DATA, needs_data

pytestmark = needs_data


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def _lines(path: Path) -> int:
    return sum(bool(line.strip()) for line in _text(path).splitlines())


def _path(folder: Path, file_name: str) -> Path:
    return folder.parent / file_name


def test_fhir_every_resource_is_an_item() -> None:
    folder = DATA / "fhir"
    found = read(folder)
    assert len(found) == 16
    for reading, items in found:
        bundle = json.loads(_text(_path(folder, reading.file_name)))
        assert reading.source == "fhir"
        assert reading.rows_in == len(bundle["entry"])
        assert rejects(items) == []
        assert_accounted(reading, items)
        people = [item for item in items if isinstance(item, Person)]
        assert len(people) == 1
        facts = facts_of(items)
        assert facts
        owned = {
            (i.system, v)
            for i in items
            if isinstance(i, Observations)
            for v in set(i.table.column("subject_id").to_pylist())
        }
        assert owned <= set(people[0].identifiers)
        kinds = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
        clinic = sum(isinstance(item, Directory) for item in items)
        assert clinic == kinds["Organization"] + kinds["Practitioner"]


def test_fhir_values_are_those_of_the_bundle() -> None:
    path = next(iter(sorted((DATA / "fhir").glob("Darron*"))))
    [(_, items)] = read(path)
    facts = {(f["row"], f["code"]): f for f in facts_of(items)}
    checked = 0
    for row, entry in enumerate(json.loads(_text(path))["entry"], 1):
        resource = entry["resource"]
        if resource["resourceType"] == "Observation" and "valueQuantity" in resource:
            code = "LOINC/" + resource["code"]["coding"][0]["code"]
            fact = facts[row, code]
            assert fact["numeric_value"] == resource["valueQuantity"]["value"]
            assert fact["unit"] == resource["valueQuantity"]["code"]
            checked += 1
    assert checked > 100


def test_depresjon_counts_and_scores_meet_in_one_person() -> None:
    folder = DATA / "depresjon"
    total, people = 0, set()
    for reading, items in read(folder):
        assert rejects(items) == []
        rows = _lines(_path(folder, reading.file_name)) - 1
        assert reading.rows_in == rows
        assert sum(i.table.num_rows for i in items if isinstance(i, Samples)) in {0, rows}
        total += rows
        people |= {
            (i.system, v)
            for i in items
            if isinstance(i, Samples | Observations)
            for v in i.table.column("subject_id").unique().to_pylist()
        }
    assert total == 1_571_761
    assert len(people) == 55
    madrs = [f for f in facts_of(read(folder / "scores.csv")[0][1]) if "madrs" in f["code"]]
    rows = csv.DictReader((folder / "scores.csv").read_text().splitlines())
    told = [r for r in rows if r["madrs1"] != "NA"]
    assert len(madrs) == 2 * len(told) == 46
    assert {f["numeric_value"] for f in madrs if f["text_value"] == "before"} == {
        float(r["madrs1"]) for r in told
    }


def test_wearable_stress_every_value_is_a_sample() -> None:
    folder = DATA / "wearable_stress"
    headers = {"EDA": 2, "TEMP": 2, "HR": 2, "ACC": 2, "BVP": 2, "IBI": 1}
    skipped: list[str] = []
    people = set()
    for reading, items in read(folder, skipped=lambda file, _why: skipped.append(file)):
        path = _path(folder, reading.file_name)
        assert reading.source == "empatica"
        assert rejects(items) == []
        assert reading.rows_in == _lines(path) - headers.get(path.name.split(".")[0], 0)
        assert_accounted(reading, items)
        people |= set(items[0].table.column("subject_id").unique().to_pylist())
    assert sorted(Path(name).name for name in skipped) == ["LICENSE", "UPSTREAM_README.md"]
    assert len(people) == 20


def test_wearable_stress_times_and_units() -> None:
    items = [i for _, items in read(DATA / "wearable_stress" / "S02") for i in items]
    acceleration = samples_of(items, "accelerometer")
    size = np.sqrt(sum(acceleration.column(axis).to_numpy() ** 2 for axis in "xyz"))
    assert 0.9 < np.median(size) < 1.1  # [g]: the wrist mostly rests
    level = samples_of(items, "electrodermal_activity")
    seconds = level.column("time").cast("int64").to_numpy() / 1e6
    assert seconds[0] == 1644227574.0
    assert np.allclose(np.diff(seconds), 0.25)
    beats = samples_of(items, "beat_intervals")
    assert beats.column("interval").to_pylist()[:3] == [687.5, 937.5, 750.0]
    assert beats.column("time").cast("int64")[0].as_py() == (1644227574 + 604) * 10**6


def test_questionnaires_respondents_and_their_missing_answers() -> None:
    folder = DATA / "questionnaires"
    words: Counter[str | None] = Counter()
    answered = 0
    for (reading, items), width in zip(read(folder), (88, 88, 88), strict=True):
        assert rejects(items) == []
        data = gzip.decompress(_path(folder, reading.file_name).read_bytes())
        body = len(data) - data.index(b"HEADER RECORD*******OBS") - 80
        assert reading.rows_in == body // width
        table = items[0].table
        assert table.num_rows == 10 * reading.rows_in
        assert len(table.column("subject_id").unique()) == reading.rows_in
        items_only = table.filter(pc.is_in(table.column("code"), value_set=pa.array(PHQ9_ITEMS)))
        numbers = set(items_only.column("numeric_value").unique().to_pylist())
        assert numbers == {0.0, 1.0, 2.0, 3.0, None}
        words.update(items_only.column("text_value").to_pylist())
        answered += items_only.num_rows - items_only.column("numeric_value").null_count
    assert words["refused"] > 0
    assert words["don't know"] > 0
    assert words[None] == answered


def test_phone_every_file_is_known_and_every_line_told() -> None:
    folder = DATA / "phone"
    declared = {"mhealth_total_sleep_time.json": 3}  # averages, and nights without a clock time
    for reading, items in read(folder):
        path = _path(folder, reading.file_name)
        assert reading.source != UNKNOWN
        rows = len(json.loads(_text(path))) if path.suffix == ".json" else _lines(path) - 1
        assert reading.rows_in == rows
        assert_accounted(reading, items)
        refused = sum(item.rows for item in items if isinstance(item, Reject))
        assert refused == declared.get(path.name, 0)


def test_phone_people_are_not_mixed() -> None:
    folder = DATA / "phone"
    audio = csv.DictReader(_text(folder / "multiuser_AwareAudio.csv").splitlines())
    by_person = Counter(row["user"] for row in audio)
    items = read(folder / "multiuser_AwareAudio.csv")[0][1]
    assert Counter(samples_of(items, "audio_level").column("subject_id").to_pylist()) == by_person
    alone = read(folder / "AwareScreen_1month.csv.gz")[0][1]
    assert set(samples_of(alone, "screen").column("subject_id").to_pylist()) == {
        "AwareScreen_1month"
    }


def test_phone_app_names_do_not_leave_the_reader() -> None:
    path = DATA / "phone" / "singleuser_AwareApplicationNotifications.csv"
    items = read(path)[0][1]
    names = {row["package_name"] for row in csv.DictReader(_text(path).splitlines())}
    apps = set(samples_of(items, "notifications").column("app").to_pylist())
    assert len(apps) == len(names)
    assert not apps & names


def test_data_sets_that_no_reader_knows_are_told_file_by_file() -> None:
    for reading, items in read(DATA / "trials"):
        assert reading.source == UNKNOWN
        assert len(rejects(items)) == 1
        assert_accounted(reading, items)
