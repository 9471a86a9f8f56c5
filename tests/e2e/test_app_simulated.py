"""What is made of simulated people says so, in a clinic that was never told that they are."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from whole_clinic import run

MARK = ".euthymia-simulated"
CONSENT = ("--consent", "monitoring,training", "--because", "test")
ACTIVITY = (
    "timestamp,date,activity\n2024-05-01 00:00:00,2024-05-01,5\n2024-05-01 00:01:00,2024-05-01,7\n"
)


def _marked(home: Path) -> list[bool]:
    shown = [run(home, "show", str(who)) for who in run(home, "show")["subjects"]]
    assert shown
    return [one["attributes"].get("synthetic") == "yes" for one in shown]


def _recording(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "a-1.csv").write_text(ACTIVITY)
    return folder


def test_everybody_simulated_is_known_as_such(home: Path, tmp_path: Path) -> None:
    assert all(_marked(home))
    someone = str(run(home, "show")["subjects"][0])
    run(home, "export", someone, "--out", str(tmp_path / "out"))
    patient = msgspec.json.decode(
        (tmp_path / "out" / "record.fhir.ndjson").read_bytes().splitlines()[0]
    )
    assert [tag["code"] for tag in patient["meta"]["tag"]] == ["HTEST"]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_a_mark_holds_for_what_lies_below_it(tmp_path: Path, *, marked: bool, packed: bool) -> None:
    """Of formats that have no room for one: also when a part of the folder is named, or packed."""
    run(tmp_path / "home", "init")
    given = _recording(tmp_path / "all" / "actigraph")
    if marked:
        (tmp_path / "all" / MARK).touch()
    if packed:
        given = tmp_path / "all.zip"
        with ZipFile(given, "w") as archive:
            for file in sorted((tmp_path / "all").rglob("*")):
                archive.write(file, file.relative_to(tmp_path))
        shutil.rmtree(tmp_path / "all")
    run(tmp_path / "home", "ingest", str(given), *CONSENT)
    assert _marked(tmp_path / "home") == [marked]


def test_nobody_who_was_made_up_becomes_somebody(tmp_path: Path) -> None:
    """A later file without the mark does not take it back; nor does one with it add a row."""
    run(tmp_path / "home", "init")
    given = _recording(tmp_path / "all")
    (given / MARK).touch()
    first = run(tmp_path / "home", "ingest", str(given), *CONSENT)
    assert (first["rows_in"], first["stored"]) == (2, 2)
    (given / MARK).unlink()
    (given / "a-1.csv").write_text(ACTIVITY + "2024-05-01 00:02:00,2024-05-01,9\n")
    second = run(tmp_path / "home", "ingest", str(given), *CONSENT)
    assert (second["rows_in"], second["stored"], second["duplicates"]) == (3, 1, 2)
    assert _marked(tmp_path / "home") == [True]


@pytest.mark.slow
def test_a_model_of_simulated_people_is_watermarked_everywhere(tmp_path: Path) -> None:
    home, report = tmp_path / "home", tmp_path / "report.html"
    run(home, "init")
    size = ["--subjects", "60", "--days", "120", "--seed", "3", "--profile", "demo"]
    run(home, "simulate", *size, "--out", str(tmp_path / "in"))
    run(home, "ingest", str(tmp_path / "in"))
    run(home, "features")
    trained = run(home, "train", "relapse-30d", "--report", str(report))
    assert trained["synthetic"]
    assert "SIMULATED DATA" in report.read_text()
    assert [model["synthetic"] for model in run(home, "models")["models"]] == [True]
    assert run(home, "release", "relapse-30d", "--because", "test")["synthetic"]
