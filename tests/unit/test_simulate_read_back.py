"""What the simulator writes, the readers read: every row, and not one refused."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from euthymia.ground.clock import DAY_US, day_number
from euthymia.ground.records import Grant, Observations, Person, Reject, Samples, Zone
from euthymia.simulate.clinic import simulate
from euthymia.simulate.profile import Profile
from euthymia.simulate.truth import read_truth
from euthymia.sources.open import readings

START, DAYS, PEOPLE = date(2026, 3, 1), 30, 10
PROFILE = Profile(
    beiwe_days=4, gps_every_min=30, gps_fixes=1, physiology_share=0.6, night_segment_h=0.2
)


@pytest.fixture(scope="module", params=["folders", "archives"])
def clinic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp(request.param)
    profile = Profile(beiwe_days=4, beiwe_zip=True, gps_every_min=60, gps_fixes=1)
    simulate(
        subjects=PEOPLE, days=DAYS, seed=2, out=out, start=START, processes=1,
        profile=PROFILE if request.param == "folders" else profile,
    )  # fmt: skip
    return out


def test_every_file_is_read_and_no_row_refused(clinic: Path) -> None:
    items: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    first, last = day_number(START) * DAY_US, (day_number(START) + DAYS + 1) * DAY_US
    for reading in readings([clinic], hasher=lambda text: text[:12], zone="America/Chicago"):
        sources[reading.source] += 1
        for item in reading.items:
            assert not isinstance(item, Reject), item
            items[type(item).__name__] += 1
            if isinstance(item, Samples):
                times = item.table["time"].cast("int64").to_numpy()
                assert first <= times.min() <= times.max() < last
            if isinstance(item, Observations):
                assert item.table.num_rows
    assert set(sources) == {"fhir", "beiwe", "aware", "empatica", "actigraph", "notes"}
    assert sources["fhir"] == items["Person"] == PEOPLE


def test_people_zones_and_consents_arrive(clinic: Path) -> None:
    told = {s["mrn"]: s for s in read_truth(clinic).subjects()}
    zones: Counter[str] = Counter()
    grants: Counter[str] = Counter()
    mrn = ""
    for reading in readings([clinic / "fhir"], hasher=lambda text: text):
        for item in reading.items:
            if isinstance(item, Person):
                (mrn,) = (i.value for i in item.identifiers if i.system == "urn:euthymia:mrn")
                assert item.time_zone == told[mrn]["zones"][0]["zone"]
                assert item.sex == told[mrn]["sex"]
            elif isinstance(item, Zone):
                zones[item.zone] += 1
            elif isinstance(item, Grant):
                grants[mrn] += 1
    changes = Counter(z["zone"] for s in told.values() for z in s["zones"][1:])
    assert changes <= zones
    assert grants == {m: len([c for c in s["consents"] if c["day"] < DAYS])
                      for m, s in told.items()}  # fmt: skip
