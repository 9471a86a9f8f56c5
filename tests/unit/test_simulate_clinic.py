"""A small clinic on disk: bytes, formats and truth, checked without the readers."""

import csv
import gzip
import hashlib
import io
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from euthymia.ground.clock import Timeline
from euthymia.ground.errors import EuthymiaError, MissingError
from euthymia.ground.simulated import MARK
from euthymia.simulate.clinic import Summary, simulate
from euthymia.simulate.profile import Profile
from euthymia.simulate.truth import MARKER, Truth, read_truth

START, DAYS, PEOPLE, SEED = date(2026, 2, 20), 45, 16, 5  # both spring changes of the clock
SMALL = Profile(
    beiwe_days=6, gps_every_min=30, gps_fixes=2, physiology_share=0.6, night_segment_h=0.3
)


def _make(out: Path, processes: int = 1, **changes: Any) -> Summary:
    arguments: dict[str, Any] = {
        "subjects": PEOPLE, "days": DAYS, "seed": SEED, "start": START, "profile": SMALL
    }  # fmt: skip
    return simulate(**(arguments | changes), out=out, processes=processes)


def _digests(out: Path) -> dict[str, str]:
    return {
        str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(out.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clinic")
    _make(out)
    return out


@pytest.fixture(scope="module")
def truth(clinic: Path) -> Truth:
    return read_truth(clinic)


@pytest.fixture(scope="module")
def bundles(clinic: Path) -> list[dict[str, Any]]:
    files = sorted((clinic / "fhir").glob("*.json.gz"))
    return [json.loads(gzip.decompress(path.read_bytes())) for path in files]


def _of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = (entry["resource"] for entry in bundle["entry"])
    return [resource for resource in found if resource["resourceType"] == kind]


def _table(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return list(csv.DictReader(io.StringIO(data.decode())))


# --- bytes ---------------------------------------------------------------------------------------


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    one = _make(tmp_path / "one", subjects=4)
    two = _make(tmp_path / "two", subjects=4, processes=2)
    assert one == two
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_another_seed_writes_other_people(clinic: Path, tmp_path: Path) -> None:
    _make(tmp_path / "other", seed=SEED + 1, subjects=3)
    assert not set(_digests(tmp_path / "other").values()) & {
        v for k, v in _digests(clinic).items() if not k.endswith((MARKER, MARK, "tags.csv"))
    }


def test_fewer_people_are_the_same_people(clinic: Path, tmp_path: Path) -> None:
    _make(tmp_path / "few", subjects=3)
    few, all_ = _digests(tmp_path / "few"), _digests(clinic)
    assert all(all_[k] == v for k, v in few.items() if not k.startswith("truth"))


def test_a_second_run_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    first = _make(tmp_path, subjects=3)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    steps: list[tuple[int, int]] = []
    second = _make(tmp_path, subjects=3, progress=lambda done, of: steps.append((done, of)))
    assert second.unchanged
    assert (second.files, second.bytes, second.counts) == (first.files, first.bytes, first.counts)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
    assert steps == [(3, 3)]


def test_a_damaged_or_unfinished_clinic_is_written_again(tmp_path: Path) -> None:
    _make(tmp_path, subjects=3)
    whole = _digests(tmp_path)
    next((tmp_path / "fhir").iterdir()).unlink()
    assert not _make(tmp_path, subjects=3).unchanged
    assert _digests(tmp_path) == whole


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EuthymiaError, match="new or empty folder"):
        _make(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_clinic_is_not_mixed_in(clinic: Path) -> None:
    with pytest.raises(EuthymiaError, match="other arguments"):
        _make(clinic, seed=SEED + 1)


@pytest.mark.parametrize("change", [{"subjects": 0}, {"days": 3}, {"seed": -1}, {"processes": 0}])
def test_arguments_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    arguments = {"subjects": 2, "days": 20, "seed": 1, "processes": 1} | change
    with pytest.raises(EuthymiaError, match=next(iter(change))):
        simulate(out=tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()


def test_a_profile_that_cannot_be_is_refused() -> None:
    with pytest.raises(EuthymiaError, match="phone_share"):
        Profile(phone_share=1.5)
    with pytest.raises(EuthymiaError, match="beiwe_days"):
        Profile(beiwe_days=-1)


def test_every_patient_and_every_folder_says_that_it_is_simulated(
    clinic: Path, bundles: list[dict[str, Any]]
) -> None:
    assert all(_of(bundle, "Patient")[0]["meta"]["tag"][0]["code"] == "HTEST" for bundle in bundles)
    folders = [clinic, *(p for p in clinic.iterdir() if p.is_dir() and p.name != "truth")]
    assert len(folders) > 5
    assert all((folder / MARK).is_file() for folder in folders)


def test_the_summary_counts_what_is_there(clinic: Path, truth: Truth) -> None:
    summary = truth.manifest()["summary"]
    files = [p for p in clinic.rglob("*") if p.is_file() and "truth" not in p.parts]
    files = [p for p in files if p.name != MARK]
    assert summary["files"] == len(files)
    assert summary["bytes"] == sum(p.stat().st_size for p in files)
    assert summary["formats"]["fhir"] == PEOPLE
    assert summary["counts"]["relapses"] == len(list(truth.relapses()))


# --- FHIR ----------------------------------------------------------------------------------------

REQUIRED = {  # elements with a lower bound of 1 in R4, and what the clinic is to say besides
    "Patient": ("identifier", "name", "gender", "birthDate", "managingOrganization"),
    "Organization": ("name",),
    "Practitioner": ("identifier", "name"),
    "Consent": ("status", "scope", "category", "policyRule", "dateTime", "provision"),
    "Condition": ("subject", "code", "clinicalStatus"),
    "MedicationRequest": ("status", "intent", "medicationCodeableConcept", "subject", "authoredOn"),
    "Procedure": ("status", "subject", "code"),
    "Encounter": ("status", "class", "subject", "period"),
    "QuestionnaireResponse": ("status", "questionnaire", "subject", "authored", "item"),
    "Observation": ("status", "code", "subject", "effectiveDateTime"),
    "DocumentReference": ("status", "content", "date"),
}
STATUS = {
    "Consent": {"active"},
    "MedicationRequest": {"active", "stopped"},
    "Procedure": {"in-progress", "completed"},
    "Encounter": {"finished"},
    "QuestionnaireResponse": {"completed"},
    "Observation": {"final"},
    "DocumentReference": {"current"},
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_bundles_are_transactions_of_whole_resources(bundles: list[dict[str, Any]]) -> None:
    assert len(bundles) == PEOPLE
    for bundle in bundles:
        assert bundle["type"] == "transaction"
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(urls)) == len(urls)
        assert set(_references(bundle)) <= set(urls)
        assert len(_of(bundle, "Patient")) == 1
        for entry in bundle["entry"]:
            resource = entry["resource"]
            kind = resource["resourceType"]
            assert entry["request"] == {"method": "POST", "url": kind}
            assert entry["fullUrl"] == f"urn:uuid:{resource['id']}"
            assert [name for name in REQUIRED[kind] if not resource.get(name)] == []
            assert resource.get("status", "final") in STATUS.get(kind, {"final"})


def test_every_kind_of_resource_is_there(bundles: list[dict[str, Any]]) -> None:
    kinds = {e["resource"]["resourceType"] for b in bundles for e in b["entry"]}
    assert kinds == set(REQUIRED)


def test_instants_carry_their_offset_and_lie_in_the_study(bundles: list[dict[str, Any]]) -> None:
    for bundle in bundles:
        for kind, field in (
            ("Observation", "effectiveDateTime"),
            ("QuestionnaireResponse", "authored"),
            ("DocumentReference", "date"),
        ):
            for resource in _of(bundle, kind):
                assert INSTANT.fullmatch(resource[field])
                day = datetime.fromisoformat(resource[field]).astimezone(UTC).date()
                assert -1 <= (day - START).days <= DAYS


def test_phq9_answers_add_up(bundles: list[dict[str, Any]]) -> None:
    for bundle in bundles:
        totals = {
            o["derivedFrom"][0]["reference"]: o["valueQuantity"]["value"]
            for o in _of(bundle, "Observation")
            if o["code"]["coding"][0]["code"] == "44261-6"
        }
        responses = _of(bundle, "QuestionnaireResponse")
        assert len(totals) == len(responses)
        for response in responses:
            points = [
                item["answer"][0]["valueCoding"]["extension"][0]["valueDecimal"]
                for item in response["item"]
            ]
            assert len(points) == 9
            assert totals[f"urn:uuid:{response['id']}"] == sum(points)


def test_consents_say_who_may_do_what(bundles: list[dict[str, Any]]) -> None:
    purposes = {"care", "monitoring", "research", "training"}
    for bundle in bundles:
        first, *later = _of(bundle, "Consent")
        assert first["provision"]["type"] == "permit"
        assert all(c["provision"]["type"] == "deny" for c in later)
        for consent in (first, *later):
            assert {p["code"] for p in consent["provision"]["purpose"]} <= purposes
            assert {p["system"] for p in consent["provision"]["purpose"]} == {
                "urn:euthymia:purpose"
            }


def test_every_device_folder_belongs_to_one_patient(
    clinic: Path, bundles: list[dict[str, Any]]
) -> None:
    owners: dict[tuple[str, str], str] = {}
    for bundle in bundles:
        patient = _of(bundle, "Patient")[0]
        mrns = [i["value"] for i in patient["identifier"] if i["system"] == "urn:euthymia:mrn"]
        assert len(mrns) == 1
        for identifier in patient["identifier"]:
            lead, _, source = identifier["system"].rpartition(":")
            if lead == "urn:euthymia:source":
                assert owners.setdefault((source, identifier["value"]), mrns[0]) == mrns[0]
    for source in ("beiwe", "aware", "empatica", "actigraph", "notes"):
        made = {p.name.removesuffix(".csv.gz") for p in (clinic / source).iterdir()} - {MARK}
        assert made
        assert {(source, name) for name in made} <= set(owners)


# --- devices -------------------------------------------------------------------------------------


def test_beiwe_files_hold_their_hour(clinic: Path) -> None:
    headers = {
        "gps": {"timestamp,UTC time,latitude,longitude,altitude,accuracy"},
        "power_state": {"timestamp,UTC time,event", "timestamp,UTC time,event,level"},
        "calls": {"timestamp,UTC time,hashed phone number,call type,duration in seconds"},
    }
    events = {"Screen turned on", "Screen turned off", "Locked", "Unlocked"}
    seen = set()
    for path in (clinic / "beiwe").glob("*/*/*.csv"):
        stream = path.parent.name
        seen.add(stream)
        assert path.read_text().splitlines()[0] in headers[stream]
        rows = _table(path)
        assert rows
        times = [int(row["timestamp"]) for row in rows]
        assert times == sorted(times)
        for row, time_ms in zip(rows, times, strict=True):
            at = datetime.fromtimestamp(time_ms / 1000, UTC)
            assert path.name == at.strftime("%Y-%m-%d %H_00_00.csv")
            assert row["UTC time"] == at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}"
            assert stream != "power_state" or row["event"] in events
    assert seen == set(headers)


def test_aware_files_name_their_person_and_are_in_order(clinic: Path) -> None:
    columns = {
        "screen.csv": ["user", "device", "time", "screen_status"],
        "calls.csv": ["user", "device", "time", "call_type", "call_duration", "trace"],
    }
    for path in (clinic / "aware").glob("*/*.csv"):
        rows = _table(path)
        assert columns.get(path.name, list(rows[0])) == list(rows[0])
        assert {row["user"] for row in rows} == {path.parent.name}
        times = [float(row["time"]) for row in rows]
        assert times == sorted(times)
        if path.name == "screen.csv":
            assert {row["screen_status"] for row in rows} == {"0", "1", "2", "3"}


def test_beiwe_begins_where_aware_ends(clinic: Path, truth: Truth) -> None:
    both = [s["identifiers"] for s in truth.subjects() if "beiwe" in s["identifiers"]]
    assert both
    for ids in both:
        early = _table(clinic / "aware" / ids["aware"] / "screen.csv")
        late = sorted((clinic / "beiwe" / ids["beiwe"]).glob("power_state/*.csv"))
        if early and late:
            last = datetime.fromtimestamp(float(early[-1]["time"]), UTC)
            assert last.strftime("%Y-%m-%d %H") <= late[0].name[:13]
            assert (last.date() - START).days <= DAYS - 6 + 1


def test_actigraphs_show_the_wall_clock_of_home(clinic: Path, truth: Truth) -> None:
    checked = 0
    for subject in truth.subjects():
        path = clinic / "actigraph" / f"{subject['identifiers'].get('actigraph')}.csv.gz"
        if not path.exists():
            continue
        rows = _table(path)
        assert list(rows[0]) == ["timestamp", "date", "activity"]
        assert all(row["timestamp"].startswith(row["date"] + " ") for row in rows)
        assert all(row["activity"].isdigit() for row in rows)
        zone = subject["zones"][0]["zone"]
        spring = "2026-03-29" if zone == "Europe/London" else "2026-03-08"
        skipped = "01:" if zone == "Europe/London" else "02:"
        hours = {row["timestamp"][11:14] for row in rows if row["date"] == spring}
        assert skipped not in hours
        checked += len(hours) == 23
    assert checked >= 5


def test_the_hour_of_autumn_is_there_twice(tmp_path: Path) -> None:
    simulate(
        subjects=8, days=20, seed=3, out=tmp_path, start=date(2026, 10, 20), processes=1,
        profile=Profile(phone_share=0, physiology_share=0, wearable_share=1),
    )  # fmt: skip
    twice = 0
    for subject in read_truth(tmp_path).subjects():
        path = tmp_path / "actigraph" / f"{subject['identifiers'].get('actigraph')}.csv.gz"
        london = subject["zones"][0]["zone"] == "Europe/London"
        day = "2026-10-25 01:30:00" if london else "2026-11-01 01:30:00"
        rows = [r["timestamp"] for r in _table(path)] if path.exists() else []
        assert rows.count(day) in (0, 2)
        twice += rows.count(day) == 2
    assert twice >= 3


def test_empatica_sessions_are_as_the_device_writes_them(clinic: Path) -> None:
    kinds = set()
    for folder in (clinic / "empatica").glob("*/*"):
        start = int(folder.name.split("_")[0])
        for path in folder.iterdir():
            kinds.add(path.name)
            lines = path.read_text().splitlines()
            if path.name == "tags.csv":
                assert all(float(line) >= start for line in lines)
            elif path.name == "IBI.csv":
                assert lines[0] == f"{start}.000000, IBI"
                beats = np.array([[float(x) for x in line.split(",")] for line in lines[1:]])
                assert (np.diff(beats[:, 0]) > 0).all()
                assert ((beats * 64) % 1 == 0).all()
                assert (beats[:, 1] > 0.1).all()
            else:
                rate = "1.000000" if path.name == "HR.csv" else "4.000000"
                begin = start + 10 if path.name == "HR.csv" else start
                assert lines[:2] == [f"{begin}.000000", rate]
                assert len(lines) > 200
                assert np.isfinite([float(x) for x in lines[2:]]).all()
    assert kinds == {"IBI.csv", "EDA.csv", "TEMP.csv", "HR.csv", "tags.csv"}


def test_nothing_lies_after_the_last_day(clinic: Path) -> None:
    end = datetime(2026, 2, 20, tzinfo=UTC).timestamp() + (DAYS + 1) * 86400
    for path in (clinic / "aware").glob("*/*.csv"):
        assert all(float(row["time"]) < end for row in _table(path))


# --- truth ---------------------------------------------------------------------------------------


def test_identifiers_in_notes_are_where_the_truth_says(
    clinic: Path, truth: Truth, bundles: list[dict[str, Any]]
) -> None:
    charts: dict[tuple[str, str], list[str]] = {}
    for bundle in bundles:
        mrn = _of(bundle, "Patient")[0]["identifier"][0]["value"]
        for document in _of(bundle, "DocumentReference"):
            data = document["content"][0]["attachment"]["data"]
            charts.setdefault((mrn, document["date"][:10]), []).append(b64decode(data).decode())
    names = {s["mrn"]: s for s in truth.subjects()}
    count = 0
    for note in truth.notes():
        key = (note["mrn"], note["date"])
        if note["kept_in"] == "notes":
            path = clinic / "notes" / note["mrn"] / f"{note['date']}.txt"
            assert path.read_text(encoding="utf-8") == note["text"]
        else:
            assert note["text"] in charts[key]
        for start, end, kind in note["spans"]:
            piece = note["text"][start:end]
            assert piece == piece.strip() != ""
            count += 1
            if kind == "mrn":
                assert piece == note["mrn"] in names
            if kind == "email":
                assert re.fullmatch(r"[\w.']+@[\w.]+", piece)
            if kind in ("date", "phone", "age"):
                assert any(c.isdigit() for c in piece)
        assert not {kind for *_, kind in note["spans"]} - {
            "name", "relative", "clinician", "phone", "address", "mrn", "email", "date",
            "employer", "age",
        }  # fmt: skip
    assert count > 50


def test_no_name_in_a_note_goes_unrecorded(truth: Truth, bundles: list[dict[str, Any]]) -> None:
    people = {}
    for bundle in bundles:
        patient = _of(bundle, "Patient")[0]
        words = [patient["name"][0]["family"], patient["name"][0]["given"][0]]
        words += [t["value"] for t in patient["telecom"]]
        people[patient["identifier"][0]["value"]] = [*words, patient["address"][0]["line"][0]]
    for note in truth.notes():
        covered = "".join(
            " " if any(a <= i < b for a, b, _ in note["spans"]) else c
            for i, c in enumerate(note["text"])
        )
        assert [w for w in people[note["mrn"]] if re.search(rf"\b{re.escape(w)}\b", covered)] == []


def test_the_zone_timeline_is_in_the_record(truth: Truth, bundles: list[dict[str, Any]]) -> None:
    charts = {_of(b, "Patient")[0]["identifier"][0]["value"]: b for b in bundles}
    travelled = 0
    for subject in truth.subjects():
        bundle = charts[subject["mrn"]]
        home = next(
            e["valueCode"]
            for e in _of(bundle, "Patient")[0]["extension"]
            if e["url"].endswith("/timezone")
        )
        recorded = sorted(
            (datetime.fromisoformat(o["effectiveDateTime"]).timestamp() * 1e6, o["valueString"])
            for o in _of(bundle, "Observation")
            if o["code"]["coding"][0]["code"] == "time-zone"
        )
        first, *changes = subject["zones"]
        assert first["zone"] == home
        assert recorded == [(c["since_us"], c["zone"]) for c in changes]
        assert not recorded or recorded[-1][1] == home
        travelled += bool(recorded)
        for zone in (home, *(z for _, z in recorded)):
            ZoneInfo(zone)
        Timeline(tuple((c["since_us"], c["zone"]) for c in subject["zones"]))
    assert travelled >= 1


def test_the_truth_has_a_row_for_each_person_day(truth: Truth) -> None:
    daily = truth.daily()
    assert daily.num_rows == PEOPLE * DAYS
    keys = set(zip(daily["mrn"].to_pylist(), daily["date"].to_pylist(), strict=True))
    assert len(keys) == PEOPLE * DAYS
    assert {day for _, day in keys} == {
        date.fromordinal(START.toordinal() + i) for i in range(DAYS)
    }
    assert 0 <= min(daily["severity"].to_pylist()) <= max(daily["severity"].to_pylist()) <= 27
    longest = 24 + 15.01  # a day on which the clock goes back fifteen hours on the way home
    assert max(daily["home_h"].to_pylist()) <= longest
    assert max(daily["worn_h"].to_pylist()) <= longest
    for name in ("home_h", "worn_h"):
        assert np.mean(np.array(daily[name].to_pylist()) > 24.01) < 0.02


def test_fixes_lie_where_the_person_was(clinic: Path, truth: Truth) -> None:
    for subject in truth.subjects():
        path = clinic / "aware" / str(subject["identifiers"].get("aware")) / "locations.csv"
        if not path.exists() or len(subject["zones"]) > 1:
            continue
        home = np.array(subject["home"])
        rows = _table(path)
        at = np.array([[float(r["double_latitude"]), float(r["double_longitude"])] for r in rows])
        far_km = np.hypot(*((at - home) * [111.2, 111.2 * np.cos(np.radians(home[0]))]).T)
        zone = ZoneInfo(subject["zones"][0]["zone"])
        night = [datetime.fromtimestamp(float(r["time"]), zone).hour in (3, 4) for r in rows]
        assert np.median(far_km[night]) < 0.1


def test_truth_is_marked_and_must_be_whole(clinic: Path, tmp_path: Path) -> None:
    assert (clinic / "truth" / MARKER).is_file()
    with pytest.raises(MissingError, match="no truth here"):
        read_truth(tmp_path)
