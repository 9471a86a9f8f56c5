"""Somebody whom the health record has merged asks for all of theirs: what is not in it is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.cli import main
from euthymia.app.clinic import Clinic
from euthymia.app.consents import ELSEWHERE, Asked, change_consent
from euthymia.app.deid import known_of
from euthymia.app.ingest import run_ingest
from euthymia.app.people import erase_subject, show_subject
from small_clinic import MRN, copied_clinic, subject_of


def patient(mrn: str, *more: dict[str, str], **told: object) -> dict[str, Any]:
    """Return a Patient; `more`: further identifiers."""
    numbers = [{"system": MRN, "value": mrn}, *({"system": MRN, **one} for one in more)]
    return {"resourceType": "Patient", "id": mrn, "identifier": numbers, **told}


def link(kind: str, mrn: str) -> list[dict[str, Any]]:
    return [{"type": kind, "other": {"reference": f"Patient/{mrn}"}}]


BY_LINK = patient("MRN-1", link=link("replaces", "MRN-2"))
REPLACED = patient("MRN-2", link=link("replaced-by", "MRN-1"), active=False)
BY_NUMBER = patient("MRN-1", {"value": "MRN-2", "use": "old"})
BY_IDENTIFIER = patient(
    "MRN-1",
    link=[{"type": "replaces", "other": {"identifier": {"system": MRN, "value": "MRN-2"}}}],
)
MERGES = ([BY_LINK, REPLACED], [REPLACED, patient("MRN-1")], [BY_NUMBER], [BY_IDENTIFIER])


@pytest.fixture(params=MERGES, ids=["links", "replaced-by", "old number", "identifier"])
def clinic(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic whose health record has merged MRN-2 into MRN-1, both on record before."""
    export = tmp_path / "export.ndjson"
    export.write_text("".join(json.dumps(one) + "\n" for one in request.param))
    with copied_clinic(tmp_path) as opened:
        run_ingest(opened, [export], None, None, lambda *_: None)
        yield opened


@pytest.mark.parametrize(("asks", "other"), [("MRN-1", "MRN-2"), ("MRN-2", "MRN-1")])
def test_what_is_held_under_the_other_record_is_told_of(
    clinic: Clinic, tmp_path: Path, asks: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = subject_of(clinic, other)
    assert show_subject(clinic, asks)["merged_with"] == [rest]
    assert clinic.store.merged(subject_of(clinic, "MRN-4")) == ()
    assert ELSEWHERE in change_consent(clinic, asks, Asked(withdraw="monitoring"))["effects"]
    assert ELSEWHERE not in change_consent(clinic, asks, Asked(grant="monitoring"))["effects"]
    home = ["--home", str(clinic.home.path)]
    assert main([*home, "export", asks, "--out", str(tmp_path / "out")]) == 0
    assert f"NOT in it: {rest}" in capsys.readouterr().out
    assert main([*home, "erase", asks, "--yes"]) == 0
    assert f"NOT erased: {rest}" in capsys.readouterr().out
    assert erase_subject(clinic, other)["merged_with"] == []


def test_number_out_of_use_is_known_to_be_theirs_in_a_note(tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps(BY_NUMBER))
    with copied_clinic(tmp_path) as clinic:
        run_ingest(clinic, [export], None, None, lambda *_: None)
        known, _ = known_of(clinic, "MRN-1")
        assert set(known.ids) == {"MRN-1", "MRN-2"}
