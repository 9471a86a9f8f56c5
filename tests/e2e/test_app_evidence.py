"""`euthymia evidence`: three signed documents, and nothing green that no machine saw."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge_server import clinic_in
from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.evidence import bom, self_tests
from euthymia.app.evidence.checks import CHECKS, Outcome, Place
from euthymia.app.evidence.items import Attestation, attestations, items, stands
from euthymia.app.evidence.packages import Package, installed
from euthymia.app.evidence.write import verify_evidence, write_evidence
from euthymia.ground.errors import IntegrityError, SchemaError

UUID = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[45][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
)
GOOD = {name: Outcome(name, "", "") for name in CHECKS}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("evidence")
    clinic_in(place / "home")
    with Clinic.opened(place / "home") as clinic:
        result = write_evidence(clinic, place / "out", None, lambda _done, _all: None)
        people = clinic.registry.load("relapse-30d")[0].people
    return place / "out", result, people


def _read(folder: Path, name: str):
    return json.loads((folder / name).read_text())


def test_the_results_have_what_oscal_requires(made):
    results = _read(made[0], "assessment-results.json")["assessment-results"]
    assert UUID.fullmatch(results["uuid"])
    assert {"title", "last-modified", "version", "oscal-version"} <= set(results["metadata"])
    assert results["metadata"]["oscal-version"].startswith("1.1.")
    plan = results["import-ap"]["href"].removeprefix("#")
    assert plan in [r["uuid"] for r in results["back-matter"]["resources"]]
    (result,) = results["results"]
    needed = {"uuid", "title", "description", "start", "reviewed-controls", "findings"}
    assert needed <= set(result)
    seen = {o["uuid"]: o for o in result["observations"]}
    assert len(seen) == len(CHECKS)
    for observation in seen.values():
        assert {"uuid", "description", "methods", "collected"} <= set(observation)
    assert len(result["findings"]) == len(items())
    ids = [finding["target"]["target-id"] for finding in result["findings"]]
    assert len(set(ids)) == len(ids)
    for finding in result["findings"]:
        target = finding["target"]
        assert re.fullmatch(r"[A-Za-z_][\w.-]*", target["target-id"])
        assert target["status"]["state"] in {"satisfied", "not-satisfied"}
        related = finding.get("related-observations", [])
        assert {r["observation-uuid"] for r in related} <= set(seen)


def test_what_no_machine_checked_is_never_green(made):
    told = _read(made[0], "assessment-results.json")["assessment-results"]["results"][0]
    by_title = {f["title"]: f["target"]["status"] for f in told["findings"]}
    for item in items():
        status = by_title[f"{item.framework} {item.id}: {item.title}"]
        if item.attested or item.tests or item.gap or not item.checks:
            assert status["state"] == "not-satisfied"
    vouched = tuple(
        Attestation(i.framework, i.id, "R. Lane", date(2026, 1, 2)) for i in items() if i.attested
    )
    for stand in stands(GOOD, vouched, date(2026, 6, 1)):
        item = stand.item
        seen = "tested" if item.tests else "satisfied"
        gap = "not-satisfied" if item.gap else ""
        assert stand.state == (gap or ("attested" if item.attested else seen))
    for stand in stands(GOOD, vouched, date(2026, 1, 1)):  # vouched for tomorrow
        assert stand.state != "attested"


def test_every_item_has_a_check_or_somebody_and_every_check_an_item():
    for item in items():
        assert item.checks or item.attested or item.tests or item.gap
        assert set(item.checks) <= set(CHECKS)
    assert {name for item in items() for name in item.checks} == set(CHECKS)
    assert {item.framework for item in items()} == {
        "OWASP ASVS 5.0",
        "NIST CSF 2.0",
        "HIPAA Security Rule",
        "GDPR",
        "EU AI Act",
        "FDA 524B",
    }


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_check_that_finds_something_fails_its_items_whoever_vouches(check):
    outcomes = GOOD | {check: Outcome(check, "", "something")}
    vouched = tuple(
        Attestation(i.framework, i.id, "R. Lane", date(2026, 1, 2)) for i in items() if i.attested
    )
    for stand in stands(outcomes, vouched, date(2026, 6, 1)):
        wrong = check in stand.item.checks or bool(stand.item.gap)
        assert (stand.state == "not-satisfied") == wrong


def test_the_bills_have_what_cyclonedx_requires(made):
    software = _read(made[0], "sbom.cdx.json")
    models = _read(made[0], "models.cdx.json")
    for bill in (software, models):
        assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
        assert UUID.fullmatch(bill["serialNumber"].removeprefix("urn:uuid:"))
        references = [c["bom-ref"] for c in bill["components"]]
        assert len(set(references)) == len(references)
    names = {component["name"] for component in software["components"]}
    assert {"cryptography", "uvicorn", "onnxruntime", "cedarpy"} <= names
    for component in software["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
    (model,) = models["components"]
    assert model["type"] == "machine-learning-model"
    assert len(model["hashes"][0]["content"]) == 64
    assert model["modelCard"]["considerations"]["useCases"]


def test_nobody_of_the_training_data_is_in_it(made):
    folder, _, people = made
    assert people
    text = b"".join(file.read_bytes() for file in folder.iterdir())
    assert not [person for person in people if person.encode() in text]


def test_a_changed_document_is_not_as_it_was_signed(made):
    folder = made[0]
    verify_evidence(folder)
    for name in ("assessment-results.json", "sbom.cdx.json", "models.cdx.json"):
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw.replace(b"not-satisfied", b"satisfied", 1) + b" ")
        with pytest.raises(IntegrityError):
            verify_evidence(folder)
        (folder / name).write_bytes(raw)
    one, two = (folder / f"{name}.cdx.json" for name in ("sbom", "models"))
    one_raw, two_raw = one.read_bytes(), two.read_bytes()
    one.write_bytes(two_raw), two.write_bytes(one_raw)  # each signed, but not as that file
    with pytest.raises(IntegrityError):
        verify_evidence(folder)
    one.write_bytes(one_raw), two.write_bytes(two_raw)


def test_an_attestation_of_what_a_machine_checks_is_refused(tmp_path):
    file = tmp_path / "people.toml"
    file.write_text(
        '[[attestation]]\nframework = "GDPR"\nid = "Art. 32(1)(a)"\nwho = "x"\non = 2026-01-01\n'
    )
    with pytest.raises(SchemaError, match="no item to be attested"):
        attestations(file)
    file.write_text('[[attestation]]\nframework = "GDPR"\n')
    with pytest.raises(SchemaError, match=r"people\.toml"):
        attestations(file)


def test_the_self_tests_find_what_they_look_for(monkeypatch):
    assert self_tests.envelope() == self_tests.tokens() == self_tests.logs() == ""
    assert self_tests.headers() == ""
    monkeypatch.setattr(self_tests, "_opens", lambda *_: True)
    assert "changed blocks were opened" in self_tests.envelope()
    monkeypatch.setattr(self_tests, "_holds", lambda *_: True)
    assert "wrong tokens were accepted" in self_tests.tokens()
    monkeypatch.setattr(self_tests, "SAFE_HEADERS", ())
    assert "missing" in self_tests.headers()


def test_licences_that_ask_for_more_are_told():
    assert len(installed()) > 20

    def one(licence):
        return Package("x", "1", licence, (), 0, unread=False)

    assert all(p.permissive for p in installed()), [p.name for p in installed() if not p.permissive]
    assert not one("GNU General Public License v3").permissive
    assert not one("not told").permissive
    assert bom._licence("BSD-3-Clause") == {"expression": "BSD-3-Clause"}
    assert bom._licence("BSD License") == {"license": {"name": "BSD License"}}


@pytest.fixture
def kept(tmp_path):
    """Return a clinic with a backup, as the checks look at it."""
    clinic_in(tmp_path / "home")
    with Clinic.opened(tmp_path / "home") as clinic:
        back_up(clinic, tmp_path / "backup", with_root=False, progress=lambda _done, _all: None)
        yield Place(clinic, (), clinic.clock())


def _says(at: Place, check: str) -> str:
    return CHECKS[check][1](at)


def test_a_backup_that_would_not_restore_is_not_shown_as_one(kept, tmp_path):
    assert _says(kept, "backup") == ""
    backup = tmp_path / "backup"
    manifest, database = backup / "manifest", backup / "home" / "clinic.db"
    signed, content = manifest.read_bytes(), database.read_bytes()
    year = str(kept.now.year).encode()
    manifest.write_bytes(signed.replace(b'"made_at": "' + year, b'"made_at": "2999'))
    assert manifest.read_bytes() != signed
    assert "no whole backup" in _says(kept, "backup")
    manifest.write_bytes(signed)
    database.write_bytes(content[:-1])
    assert "no whole backup" in _says(kept, "backup")
    database.unlink()
    assert "no whole backup" in _says(kept, "backup")
    database.write_bytes(content)
    assert _says(kept, "backup") == ""
    later = replace(kept, now=kept.now + timedelta(days=8))
    assert "older than 7 days" in _says(later, "backup")


@pytest.mark.parametrize("name", ["keys/master.key", "ledger/ledger.keys", "accounts.sealed"])
def test_a_file_that_others_read_is_told_wherever_it_is(kept, name, tmp_path):
    assert _says(kept, "file-modes") == ""
    file = kept.clinic.home.path / name
    file.touch()
    file.chmod(0o644)
    assert "1 files" in _says(kept, "file-modes")
    file.chmod(0o600)
    elsewhere = tmp_path / "root.key"
    elsewhere.touch(mode=0o640)
    config = kept.clinic.config
    kept.clinic.config = replace(config, keys=replace(config.keys, master=str(elsewhere)))
    assert "1 files" in _says(kept, "file-modes")
