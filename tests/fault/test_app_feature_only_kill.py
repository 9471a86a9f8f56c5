"""kill -9 while samples of a feature-only stream are used: read again, nothing lost or doubled."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.clinic import Clinic
from euthymia.app.ingest import batch_consent, run_ingest
from euthymia.ground.audit import Actor, Entry, Purpose
from fixes import NOW, held_near, make, write_fixes, write_screen

PEOPLE = ("anna", "berta", "clara")
CONSENT = batch_consent("monitoring", "a test")

KILLED = """
import os, signal, sys
from pathlib import Path
from euthymia.app.clinic import Clinic
from euthymia.app.ingest import batch_consent, run_ingest
from euthymia.store.sqlite import SqliteStore
from fixes import NOW
home, incoming, method, nth = sys.argv[1:]
left, real = int(nth), getattr(SqliteStore, method)
def counted(*given, **named):
    global left
    left -= 1
    found = real(*given, **named)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
setattr(SqliteStore, method, counted)
clinic = Clinic.open(Path(home), lambda: NOW)
consent = batch_consent("monitoring", "a test")
run_ingest(clinic, [Path(incoming)], consent, None, lambda done, total: None)
"""


def _rows(clinic: Clinic) -> list[str]:
    """Return everybody's derived rows, without what depends on the clinic's own keys."""
    audit = Entry(Actor("test", "job"), "read", Purpose.MONITORING)
    found = []
    for who in clinic.store.subjects(audit):
        for family in ("mobility", "data_quality", "engagement"):
            table = clinic.store.features(who, family, audit)
            if table is not None:
                found.append(str(table.drop_columns(["subject_id", "input_digest"]).to_pylist()))
    return sorted(found)


def _ingest(clinic: Clinic, incoming: Path) -> dict[str, Any]:
    return run_ingest(clinic, [incoming], CONSENT, None, lambda _done, _total: None)


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    for who in PEOPLE:
        write_fixes(tmp_path / "in", who, 2)
        write_screen(tmp_path / "in", who, 2)
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("method", "nth"),
    # 3 files of screen, then for each person: the file of fixes, three families
    [("append", 4), ("put_features", 3), ("append", 5)],
)
def test_killed_in_the_middle(incoming: Path, tmp_path: Path, method: str, nth: int) -> None:
    make(tmp_path / "clinic", "location").close()
    arguments = [str(tmp_path / "clinic"), str(incoming), method, str(nth)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        check=False,
    )
    assert killed.returncode == -9
    whole = make(tmp_path / "whole", "location")
    told = _ingest(whole, incoming)
    assert told["feature_only"] == 3 * 2 * 288
    with Clinic.opened(tmp_path / "clinic", lambda: NOW) as clinic:
        again = _ingest(clinic, incoming)
        assert again["rows_in"] == again["stored"] + again["duplicates"] == told["rows_in"]
        assert again["feature_only"] % (2 * 288) == 0
        assert len(_rows(clinic)) == 9
        assert _rows(clinic) == _rows(whole)
        assert _ingest(clinic, incoming)["duplicates"] == told["rows_in"]
        assert held_near(clinic) == []
        assert clinic.store.verify() == []
        assert clinic.ledger.verify() == []
    whole.close()


def test_an_error_on_the_way_takes_the_file_back_too(
    incoming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: object, **_named: object) -> None:
        raise OSError("disk full")

    with make(tmp_path / "clinic", "location").store.grouped():
        pass
    with Clinic.opened(tmp_path / "clinic", lambda: NOW) as clinic:
        with monkeypatch.context() as patch:
            patch.setattr(clinic.store, "put_features", fails)
            with pytest.raises(OSError, match="disk full"):
                _ingest(clinic, incoming)
        assert _rows(clinic) == []
        again = _ingest(clinic, incoming)
        assert again["feature_only"] == 3 * 2 * 288
        assert len(_rows(clinic)) == 9
