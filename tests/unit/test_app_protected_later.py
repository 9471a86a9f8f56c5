"""A record that turns out to be protected after features were made of it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic
from euthymia.app.feature_job import compute_features
from euthymia.app.ingest import run_ingest
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.ids import SubjectId
from small_clinic import MINE, MRN, NOW, TEST, copied_clinic, subject_of

SCORE = 23.0
LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}


def nothing(_done: int, _of: int) -> None:
    pass


def ingest(clinic: Clinic, folder: Path, name: str, **more: Any) -> None:
    """Take in the total of one PHQ-9 of yesterday."""
    total = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"identifier": {"system": MRN, "value": MINE}},
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "effectiveDateTime": (NOW - timedelta(days=1)).isoformat(),
        "valueQuantity": {"value": SCORE, "code": "{score}"},
        **more,
    }
    (folder / f"{name}.json").write_text(json.dumps(total))
    told = run_ingest(clinic, [folder / f"{name}.json"], None, None, nothing)
    assert told["stored"] == 1, told


def scores(clinic: Clinic, who: SubjectId) -> set[float]:
    audit = Entry(TEST, "read features", Purpose.CARE, who)
    table = clinic.store.features(who, "instrument_scores", audit)
    assert table is not None
    return {value for name in table.column_names[6:] for value in table[name].to_pylist()}


def test_what_was_made_of_it_goes_with_the_same_run(tmp_path: Path) -> None:
    with copied_clinic(tmp_path) as clinic:
        who = subject_of(clinic, MINE)
        ingest(clinic, tmp_path, "first")
        compute_features(clinic, nothing)
        before = scores(clinic, who)
        assert SCORE in before
        ingest(clinic, tmp_path, "labelled", meta={"security": [LABEL]})
        after = scores(clinic, who)
        assert SCORE not in after
        assert {5.0, 6.0} <= after, "what is not protected stays"
        assert clinic.store.verify() == []
