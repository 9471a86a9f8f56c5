"""Feature-only streams through the command line: used, counted, and nowhere to be found."""

import csv
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from fixes import CONSENT, FIRST, forms, held_near, write_fixes, write_screen
from whole_clinic import call, run


def _home(place: Path, feature_only: str) -> Path:
    home = place / "clinic"
    run(home, "init")
    settings = home / "euthymia.toml"
    text = settings.read_text()
    assert "feature_only = []" in text
    settings.write_text(text.replace("feature_only = []", f"feature_only = {feature_only}"))
    assert run(home, "init")
    return home


def _mobility(home: Path, out: Path, family: str = "mobility") -> list[dict[str, str]]:
    (subject,) = run(home, "show")["subjects"]
    run(home, "export", subject, "--out", str(out))
    assert not (out / "samples" / "location.csv").exists() or "kept" in str(out)
    with (out / "features" / f"{family}.csv").open() as file:
        return list(csv.DictReader(file))


def _same(ours: list[dict[str, str]], theirs: list[dict[str, str]]) -> bool:
    apart = {"subject_id", "input_digest"}
    plain = [
        [{k: v for k, v in row.items() if k not in apart} for row in t] for t in (ours, theirs)
    ]
    return bool(plain[0]) and plain[0] == plain[1]


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    write_fixes(folder / "beiwe", "anna", 6)
    return folder


def test_features_are_those_of_a_clinic_that_keeps_everything(
    incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    ours = _home(tmp_path / "ours", '["location"]')
    told = run(ours, "ingest", str(incoming / "beiwe"), *CONSENT)
    assert told["rows_in"] == told["stored"] == told["feature_only"] == 6 * 288
    assert told["rejected"] == told["duplicates"] == 0
    assert told["files"] == len(list(incoming.rglob("*.csv")))  # not the one table they are
    assert list(temporary.iterdir()) == []
    kept = _home(tmp_path / "kept", "[]")
    run(kept, "ingest", str(incoming / "beiwe"), *CONSENT)
    run(kept, "features")
    theirs = _mobility(kept, tmp_path / "kept-out")
    first = _mobility(ours, tmp_path / "first")
    assert _same(first, theirs)
    for name in ("data_quality", "engagement"):
        wanted = _mobility(kept, tmp_path / f"kept-{name}", name)
        assert _same(_mobility(ours, tmp_path / name, name), wanted)

    run(ours, "features")
    assert run(ours, "features")["computed"] == 0
    assert _mobility(ours, tmp_path / "second") == first
    again = run(ours, "ingest", str(incoming / "beiwe"), *CONSENT)
    assert (again["duplicates"], again["stored"], again["feature_only"]) == (6 * 288, 0, 0)
    assert _mobility(ours, tmp_path / "third") == first
    assert run(ours, "verify") == {"ok": True, "problems": []}

    with Clinic.opened(kept) as clinic:
        assert held_near(clinic) == ["location"], "the search finds what is kept"
    with Clinic.opened(ours) as clinic:
        assert held_near(clinic) == []
    for path in (p for p in ours.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert [form for form in forms() if form in content] == [], path.name


def test_the_ledger_says_what_was_used_and_its_limit(incoming: Path, tmp_path: Path) -> None:
    home = _home(tmp_path, '["location"]')
    run(home, "ingest", str(incoming / "beiwe"), *CONSENT)
    with Clinic.opened(home) as clinic:
        lines = list(clinic.ledger.entries())
    files = [line.detail for line in lines if line.action == "ingest file"]
    assert [d["feature_only"] for d in files] == [6 * 288]
    used = {
        d["family"]: d for line in lines if "feature_only" in (d := line.detail) and "family" in d
    }
    assert set(used) == {"mobility", "data_quality", "engagement"}
    assert used["mobility"]["feature_only"] == "location"
    assert used["mobility"]["samples"] == 6 * 288
    assert "start anew" in str(used["mobility"]["limit"])
    assert all(line.subject for line in lines if "samples" in line.detail)


def test_stored_streams_beside_it_stay_and_later_runs_wipe_nothing(
    incoming: Path, tmp_path: Path
) -> None:
    home = _home(tmp_path, '["location"]')
    write_screen(incoming / "beiwe", "anna", 6)
    told = run(home, "ingest", str(incoming), *CONSENT)
    assert told["stored"] == told["rows_in"] == 6 * 288 + 6 * 48
    assert told["feature_only"] == 6 * 288
    run(home, "features")
    before = _mobility(home, tmp_path / "before")
    quality = _mobility(home, tmp_path / "quality", "data_quality")
    assert {row["location_data_h"] for row in quality} == {"24"}
    assert {row["screen_data_h"] for row in quality} == {"24"}
    assert list(run(home, "show", run(home, "show")["subjects"][0])["streams"]) == ["screen"]
    write_screen(tmp_path / "more" / "beiwe", "anna", 8)
    run(home, "ingest", str(tmp_path / "more"), *CONSENT)
    run(home, "features")
    assert _mobility(home, tmp_path / "after") == before


def test_withdrawal_and_erasure_take_these_rows_too(incoming: Path, tmp_path: Path) -> None:
    home = _home(tmp_path, '["location"]')
    run(home, "ingest", str(incoming / "beiwe"), *CONSENT)
    (subject,) = run(home, "show")["subjects"]
    assert run(home, "features")["rows"] == 18
    run(home, "consent", subject, "--withdraw", "monitoring", "--because", "asked")
    assert run(home, "features")["rows"] == 0
    code, refused = call(home, "ingest", str(incoming / "beiwe"), *CONSENT)
    assert (code, refused["rejected"], refused["feature_only"]) == (1, 6 * 288, 0)
    run(home, "consent", subject, "--grant", "monitoring", "--because", "asked")
    again = run(home, "ingest", str(incoming / "beiwe"), *CONSENT)
    assert again["feature_only"] == again["stored"] == 6 * 288
    assert run(home, "features")["rows"] == 18
    run(home, "erase", subject, "--yes")
    assert call(home, "ingest", str(incoming / "beiwe"), *CONSENT)[1]["rejected"] == 6 * 288
    assert run(home, "verify")["ok"]


def test_a_later_run_replaces_a_day_only_if_it_covers_more(tmp_path: Path) -> None:
    home = _home(tmp_path, '["location"]')
    for nth, (hours, counted) in enumerate([((0, 12), 0.5), ((0, 6), 0.5), ((0, 24), 1.0)]):
        write_fixes(tmp_path / f"in{nth}", "anna", 1, hours=hours)
        run(home, "ingest", str(tmp_path / f"in{nth}"), *CONSENT)
        (row,) = _mobility(home, tmp_path / f"out{nth}")
        assert row["date"] == f"{FIRST:%Y-%m-%d}"
        assert float(row["coverage"]) == pytest.approx(counted, abs=0.03)


def test_a_file_with_a_bad_row_is_not_counted_as_new_again(tmp_path: Path) -> None:
    home = _home(tmp_path, '["location"]')
    write_fixes(tmp_path / "in", "anna", 1)
    file = next((tmp_path / "in").rglob("*.csv"))
    file.write_text(
        file.read_text() + "1770000000000,2026-02-02T02:40:00.000,99.5,8.5,400.0,10.0\n"
    )
    told = run(home, "ingest", str(tmp_path / "in"), *CONSENT)
    assert (told["stored"], told["feature_only"], told["rejected"]) == (288, 288, 1)
    again = run(home, "ingest", str(tmp_path / "in"), *CONSENT)
    assert (again["duplicates"], again["feature_only"], again["rejected"]) == (288, 0, 1)


def test_a_stream_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    settings = home / "euthymia.toml"
    settings.write_text(settings.read_text().replace("feature_only = []", 'feature_only = ["gps"]'))
    code, result = call(home, "init")
    assert code == 1
    assert "gateway.feature_only" in result["error"]
    assert "location" in result["error"]
