"""Every device's export goes through the only door, is stored, and is not stored twice."""

from pathlib import Path

import pytest

from euthymia.gateway.admit import BatchConsent
from euthymia.ground.audit import Purpose
from euthymia.sources.open import sources
from reading import read
from stores import House, audit

DEVICES = (
    "apple_health",
    "health_connect",
    "fitbit",
    "google_takeout",
    "oura",
    "garmin",
    "actiwatch",
    "accelerometry",
    "edf",
    "xdf",
    "openmhealth",
)
MONITORING = BatchConsent(frozenset({Purpose.MONITORING}), "asked")


@pytest.mark.parametrize("name", DEVICES)
def test_an_export_is_stored_once(name: str, tmp_path: Path) -> None:
    home = tmp_path / "exports"
    home.mkdir()
    sources()[name].example(home)
    house = House.build(tmp_path / "house", "memory")
    try:
        kept = 0
        for attempt in range(2):
            for reading, items in read(home):
                batch = house.admit(
                    items,
                    digest=f"{reading.digest}-{attempt}",
                    consent=MONITORING,
                    rows_in=reading.rows_in,
                )
                assert batch.quarantined == ()
                done = house.store.append(batch, audit())
                assert done.stored + done.duplicates == reading.rows_in
                assert done.stored == 0 or not attempt
                kept += done.stored
        assert kept
    finally:
        house.close()
