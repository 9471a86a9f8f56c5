"""What a person said, or what was used up, between a backup and the day it is restored."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from euthymia.app import restore
from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.consents import Asked, change_consent
from euthymia.app.ingest import batch_consent, run_ingest
from euthymia.app.once import Once
from euthymia.app.restore import Wish
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Grant
from euthymia.ground.scope import Scope
from euthymia.security.consent import Use, covers
from small_clinic import MINE, MRN, TEST, Hands, copied_clinic, subject_of


def quiet(_done: int, _of: int) -> None:
    pass


def by_record(clinic: Clinic, decisions: Sequence[Grant]) -> None:
    """Take in a health record's export that says what people decided."""
    told = {"source": "fhir", "file_name": "export.json", "file_digest": repr(decisions)}
    admitted = clinic.gateway().admit(decisions, rows_in=len(decisions), **told)
    clinic.store.append(admitted, Entry(TEST, "ingest", Purpose.CARE))


def opened_to(clinic: Clinic, identifier: str, **limits: str) -> bool:
    """Tell whether a person's notes may be used for research."""
    use = Use(Purpose.RESEARCH, category="notes", **limits)
    grants = clinic.store.grants(subject_of(clinic, identifier))
    return covers(grants, use, to_micros(clinic.clock()))


def test_consent_cut_short_by_a_file_and_restored(tmp_path: Path) -> None:
    """Has last week's backup restored, and waits for the days that people named in between."""
    hands, to = Hands(), (Purpose.RESEARCH,)
    one, two, three, four = (SourceId(MRN, f"MRN-{i}") for i in (1, 2, 3, 4))
    given = hands.now - timedelta(days=9)
    written = Grant(1, one, to, permit=True, at=given, form="c", revised=given)
    shared = Grant(3, three, to, permit=True, at=given, scope=Scope(recipients=("Univ",)))
    with copied_clinic(tmp_path, hands) as clinic:
        by_record(clinic, [written, Grant(2, two, to, permit=True, at=given), shared])
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
        hands.turn(timedelta(days=1))
        later, told = hands.now + timedelta(days=5), hands.now
        ends = replace(written, until=later, revised=told)
        ahead = Grant(2, two, to, permit=False, at=later, told=told)
        first = Grant(4, four, to, permit=False, at=told)
        by_record(clinic, [ends, ahead, replace(shared, permit=False, at=told), first])
        hands.turn(timedelta(days=6))
        assert not any(opened_to(clinic, f"MRN-{i}") for i in (1, 2, 4))
        assert not opened_to(clinic, "MRN-3", recipient="Univ")
    restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    with Clinic.opened(tmp_path / "new", hands) as clinic:
        assert not any(opened_to(clinic, f"MRN-{i}") for i in (1, 2))
        assert not opened_to(clinic, "MRN-3", recipient="Univ")
        (tmp_path / "four.json").write_text(
            json.dumps(
                {"resourceType": "Patient", "identifier": [{"system": MRN, "value": "MRN-4"}]}
            )
        )
        everybody = batch_consent("research", "all signed at the desk")
        run_ingest(clinic, [tmp_path / "four.json"], everybody, None, quiet)
        assert not opened_to(clinic, "MRN-4"), "who said no is not asked for by a batch"


@pytest.mark.parametrize(
    "limits", [{"label": "hiv"}, {"recipient": "Univ"}], ids=["label", "recipient"]
)
def test_given_anew_without_what_was_given_before(tmp_path: Path, limits: dict[str, str]) -> None:
    """Withdraws all, gives the general consent again, and finds more opened by a restore."""
    hands = Hands()
    scope = Scope(**{f"{name}s": (value,) for name, value in limits.items()})
    with copied_clinic(tmp_path, hands) as clinic:
        who = subject_of(clinic, MINE)
        change_consent(clinic, who, Asked(grant="research", scope=scope))
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
        for asked in (Asked(withdraw="research"), Asked(grant="research")):
            hands.turn(timedelta(days=1))
            change_consent(clinic, who, asked)
        assert not opened_to(clinic, MINE, **limits)
    told = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert told["withdrawn_again"] == 1
    with Clinic.opened(tmp_path / "new", hands) as clinic:
        assert not opened_to(clinic, MINE, **limits)


def test_restore_killed_between_the_old_home_and_the_new(tmp_path: Path) -> None:
    """The home lies beside its place then: what was withdrawn in it is known to the next run."""
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
        change_consent(clinic, subject_of(clinic, MINE), Asked(withdraw="monitoring"))

    def again() -> dict[str, Any]:
        return restore.restore(tmp_path / "backup", home, Wish(replace=True), quiet)

    child = os.fork()
    if child == 0:
        own, first = Path.rename, iter([True])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Path, "rename", lambda *at: own(*at) if next(first, False) else os._exit(9)
            )
            again()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not home.exists()
    told = again()
    assert (told["withdrawn_again"], told["newer_home"]) == (1, True)


def test_what_was_used_up_after_the_backup(tmp_path: Path) -> None:
    """Keeps a token for one call, and a session that was signed out of, for after a restore."""
    with copied_clinic(tmp_path) as clinic:
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
        assert Once(clinic.home.redeemed).redeem("ab" * 16, 2_000_000_000)
    restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert not Once(tmp_path / "new" / "redeemed").redeem("ab" * 16, 2_000_000_000)
