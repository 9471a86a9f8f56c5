"""A phone whose samples are used and not kept is not said to be silent."""

from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.app.ingest import batch_consent, run_ingest
from euthymia.app.passed import with_passed
from euthymia.app.web.reader import Reader
from euthymia.features.catalogue import families
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import day_number
from fixes import FIRST, make, write_fixes, write_screen

DAYS = [day_number(FIRST.date() + timedelta(days=n)) for n in range(3)]


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    write_fixes(tmp_path / "in", "anna", 3)
    write_screen(tmp_path / "in", "anna", 1)
    return tmp_path / "in"


def test_days_of_dropped_samples_are_days_with_data(incoming: Path, tmp_path: Path) -> None:
    clinic = make(tmp_path / "clinic", "location")
    run_ingest(clinic, [incoming], batch_consent("monitoring", "a test"), None, lambda _a, _b: None)
    audit = Entry(Actor("test", "job"), "read", Purpose.MONITORING)
    (who,) = clinic.store.subjects(audit)
    features = {
        name: table
        for name in families()
        if (table := clinic.store.features(who, name, audit)) is not None
    }
    segments = clinic.store.segments(who)
    assert list(segments) == ["screen"]
    found = with_passed(segments, features, ("location",))
    assert sorted(found["location"]) == DAYS
    assert found["screen"] == segments["screen"]
    alone = with_passed(segments, {"mobility": features["mobility"]}, ("location",))
    assert sorted(alone["location"]) == DAYS
    assert with_passed(segments, features, ()) == segments
    seen = Reader(clinic).look(who, Actor("test", "clinician")).summary.seen
    assert seen["phone"].days == tuple(DAYS)
    clinic.close()
