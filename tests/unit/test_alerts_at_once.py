"""An answer about self-harm alerts when it is written: no run of a job lies between."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from euthymia.app import ingest
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.policy_file import read_book
from euthymia.app.alerts.wanted import Wanted, last_act
from euthymia.app.cli import main
from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.entries import Fact, write_entry
from euthymia.app.ingest import run_ingest
from euthymia.app.web.ahead import Ahead
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Visitor
from euthymia.app.web.desk import Desk
from euthymia.care.alerts.contract import Rule, Tier
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.safety import speaks_of_harm
from euthymia.ground.clock import from_micros, to_micros
from euthymia.ground.codes import CSSRS_IDEATION, LOINC, PHQ9_ITEMS
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.sources.open import Reading
from small_clinic import DOCTOR, MRN, TEST, Hands, copied_clinic, subject_of

ITEM9 = PHQ9_ITEMS[8]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as made:
        yield made


def write(clinic: Clinic, name: str, *facts: Fact) -> ClinicBackend:
    pages = ClinicBackend.of(clinic)
    visitor = Visitor(DOCTOR, "clinician", "ab" * 16, 0, "x")
    Desk(pages).keep(visitor, subject_of(clinic, name), facts, "write questionnaire")
    return pages


def test_what_is_typed_on_a_page_stands_on_the_open_list(clinic: Clinic, hands: Hands):
    Alerts(clinic).run()
    hands.turn(timedelta(minutes=5))
    pages = write(clinic, "MRN-1", Fact(CSSRS_IDEATION[1], 1.0))
    (line,) = pages.alerts.desk(DOCTOR, "clinician").lines
    assert (line.alert.tier, line.alert.state) == (Tier.NOW, State.OPEN)
    assert line.alert.shown_at == to_micros(hands.now), "its timers run from now"
    hands.turn(timedelta(minutes=31))
    (line,) = pages.alerts.desk(DOCTOR, "clinician").lines
    assert line.alert.history[-1].move is Move.ESCALATE
    counts = Alerts(clinic).run()
    assert (counts["shown"], counts["escalated"]) == (1, 1), "the ledger is told of it, once"
    assert Alerts(clinic).run()["shown"] == 0


def test_a_no_and_a_clinic_without_alerts_raise_nothing(clinic: Clinic, hands: Hands):
    write(clinic, "MRN-1", Fact(ITEM9, 2.0))
    assert read_book(clinic).start is None
    Alerts(clinic).run()
    standing = len(Alerts(clinic).every())
    hands.turn(timedelta(minutes=5))
    pages = write(clinic, "MRN-2", Fact(ITEM9, 0.0))
    assert len(pages.alerts.every()) == standing


SAYS = (Fact(ITEM9, 1.0), Fact(CSSRS_IDEATION[1], 1.0))


@pytest.mark.parametrize("said", SAYS, ids=["PHQ-9", "C-SSRS"])
@pytest.mark.parametrize("move", [Move.RESOLVE, Move.ACKNOWLEDGE])
def test_what_is_said_again_after_somebody_dealt_with_it_reaches_somebody(
    clinic: Clinic, hands: Hands, said: Fact, move: Move
):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    write(clinic, "MRN-1", said)
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    hands.turn(timedelta(minutes=50))
    reason = "contacted" if move is Move.RESOLVE else "will-contact"
    alerts.act(DOCTOR, "clinician", Wanted(line.alert.subject, line.alert.id, move, reason))
    hands.turn(timedelta(minutes=20))
    pages = write(clinic, "MRN-1", said)
    news = [x.alert for x in alerts.desk(DOCTOR, "clinician").lines if x.alert.state is State.OPEN]
    assert [from_micros(a.shown_at or 0) for a in news] == [hands.now]
    assert news[0].day == line.alert.day, "on the same day, at the same level"
    hands.turn(timedelta(minutes=31))
    assert pages.alerts.alert(news[0].subject, news[0].id).escalations == 1
    alerts.run()
    assert len([a for a in alerts.every() if a.rules == (Rule.ANSWER,)]) == 2
    assert Alerts(clinic).every() == alerts.every(), "at once and as it came: the same"


def test_the_same_answers_delivered_twice_are_one_alert(
    clinic: Clinic, hands: Hands, tmp_path: Path
):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    pages, me = ClinicBackend.of(clinic), subject_of(clinic, "MRN-1")
    desk, visitor = Desk(pages), Visitor(DOCTOR, "clinician", "ab" * 16, 0, "x")
    said = [Fact(ITEM9, 1.0)]
    assert desk.keep(visitor, me, said, "write questionnaire", "a" * 32)
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    done = Wanted(me, line.alert.id, Move.RESOLVE, "contacted")
    alerts.act(DOCTOR, "clinician", done)
    hands.turn(timedelta(minutes=9))
    assert desk.keep(visitor, me, said, "write questionnaire", "a" * 32) == "", "sent twice"
    assert alerts.desk(DOCTOR, "clinician").lines == ()
    assert desk.keep(visitor, me, [Fact(ITEM9, 2.0)], "write questionnaire", "a" * 32), "gone back"
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    alerts.act(DOCTOR, "clinician", replace(done, alert=line.alert.id))
    hands.turn(timedelta(hours=2))
    assert desk.keep(visitor, me, said, "write questionnaire", "a" * 32), "hours later it is meant"
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    alerts.act(DOCTOR, "clinician", replace(done, alert=line.alert.id))
    at = observation("2026-03-02T10:00:00Z", 2)
    for name, told in (("a", [at]), ("b", [at, observation("2026-03-01T10:00:00Z", 0)])):
        run_ingest(clinic, [bundle(tmp_path / f"{name}.json", *told)], None, None, quietly)
        for line in alerts.desk(DOCTOR, "clinician").lines:
            alerts.act(DOCTOR, "clinician", replace(done, alert=line.alert.id))
    assert len([a for a in alerts.every() if a.rules == (Rule.ANSWER,)]) == 4


def test_who_read_the_page_before_more_was_said_is_told_so(clinic: Clinic, hands: Hands):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    write(clinic, "MRN-1", SAYS[0])
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    read = last_act(line.alert)
    hands.turn(timedelta(minutes=5))
    write(clinic, "MRN-1", SAYS[0])
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    assert [s.move for s in line.alert.history[2:]] == [Move.RETURN]
    assert (line.alert.due or 0) - (line.alert.shown_at or 0) == 30 * 60_000_000, "timers run on"
    done = Wanted(line.alert.subject, line.alert.id, Move.RESOLVE, "contacted", seen=read)
    with pytest.raises(SchemaError, match="something more was said"):
        alerts.act(DOCTOR, "clinician", done)
    seen = last_act(line.alert)
    assert alerts.act(DOCTOR, "clinician", replace(done, seen=seen)).state is State.RESOLVED


def test_an_answer_whose_writer_was_ended_is_heeded_by_the_server(clinic: Clinic, hands: Hands):
    Alerts(clinic).run()
    hands.turn(timedelta(minutes=5))
    who, pages = subject_of(clinic, "MRN-1"), ClinicBackend.of(clinic)
    ahead = Ahead(pages)
    ahead.look()
    write_entry(
        clinic, TEST, who, SourceId(MRN, "MRN-1"), [SAYS[0]], action="killed before it told"
    )
    assert pages.alerts.desk(DOCTOR, "clinician").lines == ()
    assert ahead.look()
    (line,) = pages.alerts.desk(DOCTOR, "clinician").lines
    assert line.alert.rules == (Rule.ANSWER,)
    ahead.look()
    assert not ahead.look(), "nothing is new"
    write_entry(clinic, TEST, who, SourceId(MRN, "MRN-1"), [SAYS[1]], action="and while none ran")
    again = Ahead(ClinicBackend.of(clinic))
    again.look()
    (line,) = again.backend.alerts.desk(DOCTOR, "clinician").lines
    assert line.alert.history[-1].move is Move.RETURN


def test_a_telephone_whose_clock_is_ahead_does_not_keep_an_answer_back(
    clinic: Clinic, hands: Hands, tmp_path: Path
):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    ahead = observation(f"{hands.now + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}", 2)
    run_ingest(clinic, [bundle(tmp_path / "new.json", ahead)], None, None, quietly)
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    assert from_micros(line.alert.shown_at or 0) == hands.now
    hands.turn(timedelta(hours=4))
    alerts.run()
    assert len(alerts.desk(DOCTOR, "clinician").lines) == 1, "and is not told again at its own time"


def observation(at: str, value: float) -> dict[str, object]:
    code = ITEM9.removeprefix(LOINC)
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"identifier": {"system": MRN, "value": "MRN-1"}},
        "effectiveDateTime": at,
        "valueQuantity": {"value": value, "unit": "{score}"},
    }


def bundle(file: Path, *told: dict[str, object]) -> Path:
    entries = [{"resource": one} for one in told]
    whole = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    file.write_text(json.dumps(whole))
    return file


def test_what_comes_in_a_file_does_not_wait_either(clinic: Clinic, hands: Hands, tmp_path: Path):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    told = [observation("2026-03-02T10:00:00Z", 3), observation("2024-03-02T10:00:00Z", 3)]
    report = run_ingest(clinic, [bundle(tmp_path / "new.json", *told)], None, None, quietly)
    assert report["stored"] == 2
    assert set(report) >= {"rows_in", "files"}
    assert not {"heard", "news_from", "unheeded"} & set(report)
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    assert from_micros(line.alert.shown_at or 0) == hands.now
    assert line.alert.rules == (Rule.ANSWER,)


def quietly(_done: int, _of: int) -> None:
    """Show nothing."""


def test_what_was_stored_before_a_run_was_ended_stands(
    clinic: Clinic, hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(minutes=5))
    monkeypatch.setattr(ingest, "FILES_A_COMMIT", 1)
    for name in "ab":
        bundle(tmp_path / f"{name}.json", observation(f"2026-03-0{2 - (name > 'a')}T10:00:00Z", 3))
    take = ingest._take

    def ended(clinic: Clinic, reading: Reading, *more: Any) -> None:
        if reading.file_name == "b.json":
            raise KeyboardInterrupt
        take(clinic, reading, *more)

    monkeypatch.setattr(ingest, "_take", ended)
    with pytest.raises(KeyboardInterrupt):
        run_ingest(clinic, [tmp_path / "a.json", tmp_path / "b.json"], None, None, quietly)
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    assert line.alert.rules == (Rule.ANSWER,)


def test_alerts_that_cannot_be_told_keep_no_file_from_coming_and_are_named(
    clinic: Clinic,
    hands: Hands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    Alerts(clinic).run()
    hands.turn(timedelta(minutes=5))
    file = bundle(tmp_path / "new.json", observation("2026-03-02T10:00:00Z", 3))
    swept: list[Clinic] = []
    monkeypatch.setattr(ingest, "sweep", swept.append)
    clinic.home.alert_book.write_bytes(b"x" * 60)
    report = run_ingest(clinic, [file], None, None, quietly)
    assert "alerts.sealed is not as it was written" in report["unheeded"]
    assert (report["stored"], swept) == (1, [clinic]), "ended consents are seen to"
    command = ["--home", str(clinic.home.path), "ingest", str(file)]
    assert main(command) == 0, "nothing new was stored: nothing new is to be told"
    bundle(file, observation(f"{wall_clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", 3))
    assert main(command) == 1
    assert "ANSWERS ABOUT SELF-HARM" in capsys.readouterr().out


def test_who_was_erased_meanwhile_keeps_nobody_from_being_heeded(clinic: Clinic, hands: Hands):
    alerts = Alerts(clinic)
    alerts.heed([subject_of(clinic, "MRN-1")])
    assert not clinic.home.alert_book.exists(), "a clinic without alerts stays without"
    alerts.run()
    hands.turn(timedelta(minutes=5))
    write(clinic, "MRN-2", Fact(PHQ9_ITEMS[0], 1.0))
    who = subject_of(clinic, "MRN-1")
    write_entry(
        clinic, TEST, who, SourceId(MRN, "MRN-1"), [Fact(ITEM9, 2.0)], action="write questionnaire"
    )
    alerts.heed([SubjectId("p-aaaaaaaaaaaaaaaa"), who])
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    assert line.alert.rules == (Rule.ANSWER,)


@pytest.mark.parametrize(
    ("code", "number", "text", "speaks"),
    [
        (ITEM9, 1.0, None, True),
        (ITEM9, 0.0, None, False),
        (CSSRS_IDEATION[0], None, "Yes", True),
        (CSSRS_IDEATION[0], None, "No", False),
        (CSSRS_IDEATION[0], None, "would not say", True),
        (PHQ9_ITEMS[0], 3.0, None, False),
    ],
)
def test_what_speaks_of_harm(code: str, number: float | None, text: str | None, speaks: bool):
    table = pa.table(
        {
            "code": [code],
            "time": pa.array([100], pa.timestamp("us", "UTC")),
            "numeric_value": pa.array([number], pa.float64()),
            "text_value": pa.array([text], pa.string()),
        }
    )
    assert speaks_of_harm(table, 100) is speaks
    assert not speaks_of_harm(table, 101), "it is no news"
