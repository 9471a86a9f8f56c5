"""The server reads ahead for its pages: who comes first waits for nothing."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts_clinic import put_scores
from euthymia.app.alerts.desk import Alerts
from euthymia.app.web.ahead import JOB, Ahead
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Filter, Visitor
from euthymia.app.web.reader import Looked
from euthymia.ground.audit import Actor
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
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
        looked = [ahead.look() for _ in range(180)]
        assert looked.count(True) == 1, "days end without a commit"


def test_a_server_that_ends_reads_nobody_any_more(tmp_path: Path):
    with copied_clinic(tmp_path, Hands()) as clinic:
        ahead = Ahead(ClinicBackend.of(clinic))
        with ahead.running():
            pass
        ahead.backend.reader._people.clear()
        put_scores(clinic, "MRN-4", [0.3])
        assert not ahead.look()
        assert ahead.backend.reader._people == {}


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


def test_a_fault_that_stays_is_met_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Over:
        """Ends after some pauses, and keeps them."""

        def __init__(self) -> None:
            self.pauses: list[float] = []

        def is_set(self) -> bool:
            return len(self.pauses) == 12

        def wait(self, seconds: float) -> None:
            self.pauses.append(seconds)

    with copied_clinic(tmp_path, Hands()) as clinic:
        ahead, looks = Ahead(ClinicBackend.of(clinic)), iter([True] * 10)
        over = Over()

        def look() -> bool:
            if next(looks, False):
                raise IntegrityError("not as it was written")
            return False

        monkeypatch.setattr(ahead, "look", look)
        monkeypatch.setattr(ahead, "_over", over)
        ahead._until()
        assert over.pauses == [40, 80, 160, *[300] * 7, 20, 20]


def test_who_waits_for_the_reading_ahead_does_not_read_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        reader = ClinicBackend.of(clinic).reader
        people = reader.everybody(JOB)
        read, plain = list[str](), reader._read

        def told(subject: SubjectId, *more: Any) -> Looked:
            read.append(subject)
            return plain(subject, *more)

        class Taken:
            """A lock that the reading ahead has when somebody asks for it."""

            def __init__(self) -> None:
                self.free = False

            def __enter__(self) -> None:
                if not self.free:
                    self.free = True
                    hands.turn(timedelta(seconds=2))
                    reader.look_at_all(people, JOB)

            def __exit__(self, *_: object) -> None:
                """Let it go."""

        monkeypatch.setattr(reader, "_read", told)
        monkeypatch.setattr(reader, "_lock", Taken())
        assert set(reader.look_at_all(people, Actor(DOCTOR, "clinician"))) == set(people)
        assert sorted(read) == sorted(people), "each once"
