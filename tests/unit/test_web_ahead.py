"""The server reads ahead for its pages: who comes first waits for nothing."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from alerts_clinic import put_scores
from euthymia.app.alerts.desk import Alerts
from euthymia.app.web.ahead import JOB, Ahead
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Filter, Visitor
from euthymia.ground.errors import IntegrityError
from small_clinic import DOCTOR, Hands, copied_clinic

VISITOR = Visitor(DOCTOR, "clinician", "ab" * 16, 0, "x")


def test_what_was_read_ahead_is_not_read_again_for_who_looks(tmp_path: Path):
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        put_scores(clinic, "MRN-1", [0.2, 1.4, 2.0, 2.2])
        Alerts(clinic).run()
        hands.turn(timedelta(days=1))
        pages = ClinicBackend.of(clinic)
        ahead = Ahead(pages)
        assert ahead.look()
        assert not ahead.look(), "nothing is new"
        before = len(list(clinic.ledger.entries()))
        assert [row.item.alert for row in pages.worklist(VISITOR, Filter()).rows if row.item.alert]
        told = [(e.actor, e.action) for e in list(clinic.ledger.entries())[before:]]
        assert told
        assert {actor for actor, _ in told} == {DOCTOR}
        assert not {"read for care", "read alerts"} & {action for _, action in told}
        put_scores(clinic, "MRN-4", [0.3])
        assert ahead.look(), "the record has changed"


def test_it_runs_beside_and_outlives_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with copied_clinic(tmp_path, Hands()) as clinic:
        ahead = Ahead(ClinicBackend.of(clinic), every=0.01)
        looks = iter([IntegrityError("not as it was written")])
        right = ahead.backend.reader.look_at_all

        def faulty(*of: object):
            for error in looks:
                raise error
            return right(*of)

        monkeypatch.setattr(ahead.backend.reader, "look_at_all", faulty)
        with ahead.running():
            until = time.monotonic() + 60
            while not any(e.actor == JOB.user for e in clinic.ledger.entries()):
                assert time.monotonic() < until
                time.sleep(0.01)
            while ahead.backend.reader._people == {}:
                assert time.monotonic() < until
                time.sleep(0.01)
