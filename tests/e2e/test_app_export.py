"""An export in the words of Open mHealth: written, listed, and read back by another clinic."""

import json
from collections import Counter
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.ground.audit import Actor, Entry, Purpose
from fixes import CONSENT, FIRST, HOME_AT, write_fixes, write_screen
from whole_clinic import run

EVER = (-(2**62), 2**62)
READ = Entry(Actor("test", "shell"), "read", Purpose.MONITORING)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Return the export of somebody with a stream that has a schema, one that has none, a night."""
    home, incoming = tmp_path / "clinic", tmp_path / "in"
    write_fixes(incoming, "anna", 2)
    write_screen(incoming, "anna", 1)
    run(home, "init")
    run(home, "ingest", str(incoming), *CONSENT)
    pulse = incoming / "fitbit" / "anna" / "heart.json"
    pulse.parent.mkdir(parents=True)
    points = [
        {
            "heart_rate": {"value": 60.5 + n, "unit": "beats/min"},
            "effective_time_frame": {"date_time": f"2026-02-02T07:0{n}:00Z"},
        }
        for n in range(5)
    ]
    night = {"start_date_time": "2026-02-02T22:00:00Z", "end_date_time": "2026-02-03T05:30:00Z"}
    points.append(
        {
            "total_sleep_time": {"value": 450, "unit": "min"},
            "effective_time_frame": {"time_interval": night},
        }
    )
    pulse.write_text(json.dumps(points))
    run(home, "ingest", str(pulse), "--subject", "anna", *CONSENT)
    for nth, subject in enumerate(run(home, "show")["subjects"]):
        run(home, "export", subject, "--out", str(tmp_path / "out" / str(nth)))
    return tmp_path / "out"


def _points(file: Path) -> list[dict[str, dict[str, object]]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_streams_are_data_points_one_a_line_and_listed(exported: Path) -> None:
    kinds = {
        (file.stem, p["header"]["schema_id"]["name"])  # type: ignore[index]
        for file in exported.rglob("openmhealth/*.ndjson")
        for p in _points(file)
    }
    assert ("location", "geoposition") in kinds
    assert ("heart_rate", "heart-rate") in kinds
    assert not any(stem == "screen" for stem, _ in kinds)
    for file in exported.rglob("openmhealth/*.ndjson"):
        points = _points(file)
        assert len({p["header"]["uuid"] for p in points}) == len(points) > 0
        table = file.parents[1] / "samples" / f"{file.stem}.csv"
        if table.exists():
            assert table.read_text().count("\n") - 1 == len(points)
    (place,) = exported.rglob("openmhealth/location.ndjson")
    body = _points(place)[0]["body"]
    assert (body["latitude"], body["longitude"]) == tuple(
        {"value": v, "unit": "deg"} for v in HOME_AT
    )
    assert body["effective_time_frame"] == {"date_time": f"{FIRST:%Y-%m-%dT%H:%M:%S}Z"}
    readme = (place.parents[1] / "README.txt").read_text()
    assert "openmhealth/: " in readme
    assert "IEEE 1752.1" in readme
    for child in place.parents[1].iterdir():
        assert child.name == "README.txt" or f"{child.name}" in readme


def test_another_clinic_reads_the_same_numbers(exported: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run(other, "init")
    told = Counter[str]()
    for file in exported.rglob("openmhealth/*.ndjson"):
        report = run(other, "ingest", str(file), "--subject", "anna", *CONSENT)
        assert report["rejected"] == 0
        told[file.stem] += report["stored"]
    assert told["location"] == 2 * 288
    assert told["heart_rate"] == 5
    with Clinic.opened(other) as clinic, Clinic.opened(tmp_path / "clinic") as ours:
        for stream in ("location", "heart_rate"):
            values = [
                house.store.samples(who, stream, *EVER, READ).to_pylist()
                for house in (clinic, ours)
                for who in house.store.subjects(READ)
                if stream in house.store.segments(who)
            ]
            assert len(values) == 2
            assert values[0] == values[1]


def test_what_was_not_kept_is_not_exported(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    settings = home / "euthymia.toml"
    text = settings.read_text().replace("feature_only = []", 'feature_only = ["location"]')
    settings.write_text(text)
    run(home, "init")
    write_fixes(tmp_path / "in", "anna", 1)
    run(home, "ingest", str(tmp_path / "in"), *CONSENT)
    (subject,) = run(home, "show")["subjects"]
    files = run(home, "export", subject, "--out", str(tmp_path / "out"))["files"]
    assert "features/mobility.csv" in files
    assert not [f for f in files if "location" in f or f.startswith("openmhealth")]
    assert "does not keep" in (tmp_path / "out" / "README.txt").read_text()


def test_the_record_as_fhir_reads_back_in_another_clinic(tmp_path: Path) -> None:
    home, out = tmp_path / "clinic", tmp_path / "out"
    simulated = tmp_path / "simulated"
    run(home, "init")
    run(home, "simulate", "--subjects", "1", "--days", "14", "--seed", "5", "--out", str(simulated))
    run(home, "ingest", str(simulated / "fhir"), str(simulated / "notes"))
    (subject,) = run(home, "show")["subjects"]
    run(home, "export", subject, "--out", str(out))
    other = tmp_path / "other"
    run(other, "init")
    assert run(other, "ingest", str(out / "record.fhir.ndjson"))["rejected"] == 0
    with Clinic.opened(home) as one, Clinic.opened(other) as two:
        (again,) = two.store.subjects(READ)
        care = Entry(Actor("test", "shell"), "read", Purpose.CARE)
        assert _facts(one, subject, care) == _facts(two, again, care)
        assert one.store.grants(subject) == two.store.grants(again) != ()
        person, same = one.store.person(subject, care), two.store.person(again, care)
        assert (person.name, person.birth_date, person.sex, person.time_zone) == (
            *(same.name, same.birth_date, same.sex),
            same.time_zone,
        )


def _facts(clinic: Clinic, subject: str, audit: Entry) -> Counter:
    names = ["time", "code", "numeric_value", "unit"]
    table = clinic.store.observations(subject, audit)
    rows = [tuple(row.values()) for row in table.select([*names, "text_value"]).to_pylist()]
    # the words beside a number are a remark, which is not read as a value
    return Counter((*row[:4], row[4] if row[2] is None else None) for row in rows)
