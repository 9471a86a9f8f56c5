"""What an export holds of one person, and where it goes: a new folder, closed to other users."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.app.export import export_subject
from euthymia.ground.errors import SchemaError
from small_clinic import MINE, OTHERS, copied_clinic, give_features, subject_of


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path) as opened:
        yield opened


def test_an_export_is_everything_of_one_person_and_of_nobody_else(
    clinic: Clinic, tmp_path: Path
) -> None:
    give_features(clinic, MINE, 2)
    told = export_subject(clinic, MINE, tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    own = {
        "person.json", "consents.json", "consents.fhir.json", "record.fhir.ndjson",
        "observations.csv", "who-saw-it.csv", "README.txt",
    }  # fmt: skip
    files = set(told["files"])
    assert own <= files
    assert any(p.startswith("features/") for p in files)
    assert json.loads((tmp_path / "out" / "person.json").read_text())["name"] == "Person 1"
    text = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    for other in (OTHERS, "Person 2", str(subject_of(clinic, OTHERS))):
        assert other.encode() not in text
    seen = (tmp_path / "out" / "who-saw-it.csv").read_text()
    assert "export" in seen  # this very one is told too


def test_an_export_is_not_laid_among_another_persons_files(clinic: Clinic, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o755)
    export_subject(clinic, MINE, out)  # an empty folder is taken, and closed
    assert out.stat().st_mode & 0o077 == 0
    before = sorted(out.rglob("*"))
    with pytest.raises(SchemaError, match="holds files already"):
        export_subject(clinic, OTHERS, out)
    assert sorted(out.rglob("*")) == before
