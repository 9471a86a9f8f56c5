"""The pages on a real clinic: whose names are shown to whom, on what consent, and who is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from euthymia.app.ask import ask
from euthymia.app.clinic import Clinic
from euthymia.app.training import list_models
from euthymia.app.web.backend import ClinicBackend, worklist_items
from euthymia.app.web.contract import Filter, PatientPage, Visitor
from euthymia.app.web.reader import NO_MONITORING
from euthymia.app.web.rendering import render
from euthymia.care.contract import Urgency
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import AccessError, MissingError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Person
from euthymia.models.serve import Served
from euthymia.security.token import Kind
from small_clinic import (
    DOCTOR,
    MINE,
    MRN,
    NO_CONSENT,
    NOW,
    OTHER_DOCTOR,
    OTHERS,
    TASK,
    Hands,
    copied_clinic,
    decide_consent,
    give_features,
    subject_of,
)

EVERYONE = Filter(view="everyone")


@pytest.fixture
def hands() -> Hands:
    return Hands(NOW)


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as opened:
        yield opened


@pytest.fixture
def pages(clinic: Clinic) -> ClinicBackend:
    give_features(clinic, MINE)
    return ClinicBackend.of(clinic)


def visitor(user: str = DOCTOR, role: str = "clinician") -> Visitor:
    return Visitor(user, role, "ab" * 16, 0, "x")


def told(clinic: Clinic, action: str) -> list[tuple[str, str | None, dict]]:
    return [(e.actor, e.subject, e.detail) for e in clinic.ledger.entries() if e.action == action]


def test_names_are_shown_to_the_care_team_alone(pages: ClinicBackend, clinic: Clinic) -> None:
    mine = pages.worklist(visitor(), EVERYONE)
    theirs = pages.worklist(visitor(OTHER_DOCTOR), EVERYONE)
    assert {row.who.name for row in mine.rows} == {"Person 1", "Person 3", "Person 4"}
    assert {row.who.name for row in theirs.rows} == {"Person 2"}
    assert pages.worklist(visitor("dr-new"), EVERYONE).rows == ()


def test_every_person_shown_is_in_the_ledger_before_the_page(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    page = pages.worklist(visitor(), EVERYONE)
    shown = told(clinic, "view on worklist")
    assert [(DOCTOR, row.who.subject, {}) for row in page.rows] == shown
    assert told(clinic, "view worklist") == [(DOCTOR, None, {"people": 3, "view": "everyone"})]
    assert [e.id for e in clinic.ledger.entries()][-1] == page.ledger_entry
    again = pages.worklist(visitor(), Filter(text="person 4", view="everyone"))
    assert len(again.rows) == 1
    assert len(told(clinic, "view on worklist")) == 4
    detail = told(clinic, "view worklist")[-1][2]
    assert "person 4" not in str(detail)


def test_a_patients_page_shows_the_record_and_the_estimate(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    who = subject_of(clinic, MINE)
    page = pages.patient(visitor(), who)
    assert page.who.name == "Person 1"
    assert [point.total for point in page.view.scores[0].points] == [8, 7, 6, 5]
    assert page.view.trends
    assert page.view.summary.prediction is not None
    assert page.withheld == ()
    assert page.model is not None
    assert page.model.simulated
    assert any("real patients" in line for line in page.model.unproven)
    assert told(clinic, "view patient") == [(DOCTOR, who, {})]


def test_a_worklist_without_a_model_reads_no_features_and_the_patients_page_does(
    pages: ClinicBackend, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    features = clinic.store.features
    monkeypatch.setattr(
        clinic.store, "features", lambda who, *more: read.append(who) or features(who, *more)
    )
    monkeypatch.setattr(pages.reader.summaries, "model", lambda: None)
    assert pages.worklist(visitor(), EVERYONE).rows
    assert read == []
    assert pages.patient(visitor(), str(subject_of(clinic, MINE))).view.trends
    assert set(read) == {subject_of(clinic, MINE)}


def test_a_model_that_no_longer_fits_the_features_says_what_to_run(
    pages: ClinicBackend, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Served, "matches", lambda *_: False)
    run = "`euthymia features`, `euthymia train relapse-30d`, read its report, then `euthymia rel"
    page = pages.patient(visitor(), str(subject_of(clinic, MINE)))
    assert run in page.view.estimate
    assert run in pages.models(visitor())[0].unproven[0]
    assert run in next(m["outdated"] for m in list_models(clinic) if m["state"] == "released")
    with pytest.raises(AccessError, match="must be trained and released anew"):
        ask(clinic, MINE, TASK, DOCTOR, None, ())


def test_a_stranger_gets_the_answer_of_nobody_and_the_ledger_has_the_try(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    theirs = subject_of(clinic, OTHERS)
    said = set()
    for pid in (theirs, "p-" + "z" * 16, OTHERS, "../etc", ""):
        with pytest.raises(MissingError) as refused:
            pages.patient(visitor(), pid)
        said.add(str(refused.value))
    assert len(said) == 1
    tried = told(clinic, "view patient")
    assert tried[0] == (DOCTOR, theirs, {"outcome": "refused"})
    assert [subject for _, subject, _ in tried[1:]] == [None] * 4


@pytest.mark.parametrize("role", ["scientist", "it", "patient"])
def test_other_roles_are_refused_even_in_the_care_team(
    pages: ClinicBackend, clinic: Clinic, role: str
) -> None:
    with pytest.raises(AccessError):
        pages.worklist(visitor(role=role), EVERYONE)
    with pytest.raises(AccessError):
        pages.patient(visitor(role=role), subject_of(clinic, MINE))
    assert not told(clinic, "view patient")


def test_a_coordinator_sees_the_patient_and_no_estimate(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    page = pages.patient(visitor(role="coordinator"), subject_of(clinic, MINE))
    assert page.view.summary.prediction is None
    assert page.view.row.probability is None
    assert any("not part of your role" in line for line in page.withheld)


def test_without_consent_to_monitoring_devices_and_estimates_are_not_shown(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    page = pages.patient(visitor(), subject_of(clinic, NO_CONSENT))
    assert page.view.scores
    assert page.view.trends == ()
    assert page.withheld == (NO_MONITORING,)
    assert page.view.summary.prediction is not None
    assert "no consent in force to monitoring" in page.view.estimate


def test_a_withdrawal_holds_from_the_next_view(pages: ClinicBackend, clinic: Clinic) -> None:
    who = subject_of(clinic, MINE)
    assert pages.patient(visitor(), who).view.trends
    decide_consent(clinic, MINE, permit=False)
    after = pages.patient(visitor(), who)
    assert after.view.trends == ()
    assert after.withheld == (NO_MONITORING,)


def test_a_consent_that_ends_or_begins_by_itself_holds_from_that_instant(
    pages: ClinicBackend, clinic: Clinic, hands: Hands
) -> None:
    who, minute = subject_of(clinic, MINE), timedelta(minutes=1)
    decide_consent(clinic, MINE, permit=False)
    start, end = to_micros(NOW + minute), to_micros(NOW + 3 * minute)
    grant = GrantRecord(Purpose.MONITORING, permit=True, since=start, until=end, because="test")
    actor = Actor("test", "shell")
    clinic.store.put_grant(who, grant, Entry(actor, "set consent", Purpose.CARE, who))
    shown = []
    for _ in range(5):
        page = pages.patient(visitor(), who)
        shown.append((page.withheld == (), "no consent" in page.view.estimate))
        hands.turn(minute)
    out, seen = (False, True), (True, False)
    assert shown == [out, seen, seen, out, out]


def test_somebody_erased_is_gone_from_the_next_view(pages: ClinicBackend, clinic: Clinic) -> None:
    who = subject_of(clinic, MINE)
    pages.worklist(visitor(), EVERYONE)
    clinic.store.erase(who, Entry(Actor("test", "shell"), "erase subject", Purpose.CARE, who))
    assert who not in {row.who.subject for row in pages.worklist(visitor(), EVERYONE).rows}
    with pytest.raises(MissingError):
        pages.patient(visitor(), who)


def test_leaving_the_care_team_holds_from_the_next_view(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    who = subject_of(clinic, MINE)
    pages.patient(visitor(), who)
    audit = Entry(Actor("test", "shell"), "set care team", Purpose.CARE, who)
    clinic.store.put_care_team(who, [OTHER_DOCTOR], audit)
    with pytest.raises(MissingError):
        pages.patient(visitor(), who)
    assert pages.patient(visitor(OTHER_DOCTOR), who).who.name == "Person 1"


def test_people_are_read_again_when_time_has_passed(
    pages: ClinicBackend, clinic: Clinic, hands: Hands
) -> None:
    who = subject_of(clinic, MINE)

    def asked() -> int | None:
        return pages.patient(visitor(), who).view.summary.predicted_at

    first = asked()
    hands.turn(timedelta(hours=12, microseconds=-1))
    assert asked() == first
    hands.turn(timedelta(microseconds=1))  # the person's day is over
    assert asked() == first + 12 * 3600 * 10**6
    hands.turn(timedelta(days=40))
    row = pages.patient(visitor(), who).view.row
    assert row.urgency is Urgency.LOOK
    assert row.why.startswith("No PHQ-9 since 27 February")


def test_signing_in_and_out_is_in_the_ledger_and_a_code_works_once(
    pages: ClinicBackend, clinic: Clinic
) -> None:
    lifetime = timedelta(minutes=5)
    code = clinic.tokens.issue(DOCTOR, "clinician", now=NOW, lifetime=lifetime, kind=Kind.SIGNIN)
    token, _ = pages.sign_in(code)
    with pytest.raises(AccessError):
        ClinicBackend.of(clinic).sign_in(code)
    who = pages.visitor(token)
    assert (who.user, who.role) == (DOCTOR, "clinician")
    pages.sign_out(who)
    with pytest.raises(AccessError):
        ClinicBackend.of(clinic).visitor(token)
    assert told(clinic, "sign in") == [(DOCTOR, None, {})]
    assert told(clinic, "sign out") == [(DOCTOR, None, {})]


def test_the_command_lines_worklist_has_no_name_and_is_in_the_ledger(
    pages: ClinicBackend, clinic: Clinic, hands: Hands
) -> None:
    hands.turn(timedelta(days=40))
    items = worklist_items(clinic, DOCTOR)
    assert {item.subject for item in items} == {
        subject_of(clinic, known) for known in (MINE, NO_CONSENT, "MRN-4")
    }
    assert "Person" not in str(items)
    assert len(told(clinic, "view on worklist")) == 3


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 2, 20), "Has died on 20 February"),
        (None, "Has died; the date is not on record"),
    ],
)
def test_somebody_who_has_died_is_under_everyone_alone_and_no_estimate_is_asked(
    pages: ClinicBackend, clinic: Clinic, hands: Hands, day: date | None, words: str
) -> None:
    hands.turn(timedelta(days=40))
    who = subject_of(clinic, MINE)
    assert who in {row.who.subject for row in pages.worklist(visitor(), Filter()).rows}
    person = Person(1, (SourceId(MRN, MINE),), deceased=True, deceased_on=day)
    batch = clinic.gateway().admit([person], source="t", file_name="t", file_digest="2" * 64)
    clinic.store.append(batch, Entry(Actor("test", "shell"), "append", Purpose.CARE))
    for view in ("open", "now", "soon", "look"):
        assert who not in {
            row.who.subject for row in pages.worklist(visitor(), Filter(view=view)).rows
        }
    (row,) = [r for r in pages.worklist(visitor(), EVERYONE).rows if r.who.subject == who]
    assert row.item.why == words
    assert who not in {item.subject for item in worklist_items(clinic, DOCTOR)}
    page = pages.patient(visitor(), who)
    assert page.view.row.why == words
    assert page.view.row.probability is None
    assert "the person has died" in page.view.estimate
    answer = ask(clinic, MINE, TASK, DOCTOR, None, ["phq9.last=3"])
    assert answer["decision"] == "abstain"
    assert "the person has died" in answer["abstained_because"]
    text = render("patient.html", _shown(page))
    assert text.count(f"<strong>{words}.</strong>") == 1
    told = (("/patients/x/episodes/drift-1", "Days drift towards worse than usual for them"),)
    beside = render("patient.html", _shown(replace(page, alerts=told)))
    assert "call off visits" in text
    assert "call off visits" in beside, "an alert from before does not hide what is to be done now"
    assert told[0][0] in beside


def _shown(page: PatientPage) -> dict[str, object]:
    values = {"shown": page, "view": page.view, "scores": [], "trends": [], "groups": ()}
    values |= {"tabs": (), "back": "/", "new_alerts": 0}
    return values | {"visitor": visitor(), "clinic": "Test clinic", "simulated": True, "ways": ()}


def test_only_the_person_whose_record_changed_is_read_again(
    pages: ClinicBackend, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.worklist(visitor(), EVERYONE)
    read = []
    observations = clinic.store.observations
    monkeypatch.setattr(
        clinic.store,
        "observations",
        lambda who, audit: read.append(who) or observations(who, audit),
    )
    give_features(clinic, MINE)
    pages.worklist(visitor(), EVERYONE)
    assert read == [subject_of(clinic, MINE)]
    decide_consent(clinic, NO_CONSENT, permit=True)
    pages.worklist(visitor(), EVERYONE)
    assert read == [subject_of(clinic, MINE), subject_of(clinic, NO_CONSENT)]


def test_a_patients_page_reads_nothing_of_others_who_are_at_hand(
    pages: ClinicBackend, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.worklist(visitor(), EVERYONE)
    asked, plain = set[str](), clinic.store.segments

    def segments(subject):
        asked.add(subject)
        return plain(subject)

    monkeypatch.setattr(clinic.store, "segments", segments)
    mine = subject_of(clinic, MINE)
    pages.patient(visitor(), mine)
    assert asked <= {mine}
