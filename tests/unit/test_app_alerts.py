"""Alerts of an open clinic: from stored scores to what people see, do, replay and measure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts_clinic import put_scores
from euthymia.app.alerts import feed
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.plain import audit_sample, card_plain, desk_plain
from euthymia.app.alerts.policy_file import accept, check, policy_in_force, read_book
from euthymia.app.alerts.quality import quality
from euthymia.app.alerts.replay import Asked, replay
from euthymia.app.alerts.wanted import Wanted
from euthymia.app.clinic import Clinic
from euthymia.app.entries import Fact
from euthymia.app.people import erase_subject
from euthymia.app.web.backend import ClinicBackend, worklist_items
from euthymia.app.web.contract import Filter, Row, Visitor
from euthymia.app.web.desk import Desk
from euthymia.care.alerts.contract import Rule, Tier
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.alerts.policy import shipped_text
from euthymia.care.alerts.quality import TOO_FEW
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.codes import PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.errors import AccessError, IntegrityError, MissingError, SchemaError
from small_clinic import (
    DOCTOR,
    OTHER_DOCTOR,
    TEST,
    Hands,
    copied_clinic,
    decide_consent,
    subject_of,
)

NEW_DOCTOR = "dr-new"


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as made:
        put_scores(made, "MRN-1", [0.2, 1.4, 2.0, 2.2])
        put_scores(made, "MRN-2", [0.2], unseen=9)
        put_scores(made, "MRN-4", [0.3])
        everyone = replace(made.config.clinic, everyone_on_care_team=(NEW_DOCTOR,))
        made.config = replace(made.config, clinic=everyone)
        yield made


def next_day(clinic: Clinic, hands: Hands, days: float = 1) -> None:
    hands.turn(timedelta(days=days))


def actions(clinic: Clinic) -> list[str]:
    return [line.action for line in clinic.ledger.entries()]


def started(clinic: Clinic, hands: Hands) -> tuple[Alerts, str]:
    """Run twice, with a round between; return the alerts and the one of MRN-1."""
    alerts = Alerts(clinic)
    assert alerts.run()["first"]
    next_day(clinic, hands)
    alerts.run()
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    return alerts, line.alert.id


def test_from_scores_to_a_card_and_from_a_card_to_its_resolution(clinic: Clinic, hands: Hands):
    alerts = Alerts(clinic)
    assert not alerts.desk(DOCTOR, "clinician").started
    alerts, name = started(clinic, hands)
    me = subject_of(clinic, "MRN-1")
    assert [line.alert.subject for line in alerts.desk(DOCTOR, "clinician").lines] == [me]
    (other,) = alerts.desk(OTHER_DOCTOR, "coordinator").lines
    assert other.alert.rules == (Rule.UNSEEN,)
    silent = alerts.card(OTHER_DOCTOR, "coordinator", other.alert.subject, other.alert.id)
    assert not [e for e in silent.evidence if "its line" in e or "lines set" in e], (
        "days have no line"
    )
    card = alerts.card(DOCTOR, "clinician", me, name)
    assert card.alert.owner == DOCTOR
    assert card.headline.startswith("Days drift")
    assert card.changes[0].words.startswith("Time at home: more than usual")
    assert "drift under 0.5 times the line for 3 days in a row" in card.clears
    assert card.next_step.name == "ask-change"
    assert card.next_step.evidence
    assert "PHQ-9" in card.seen
    assert "never any phone data" in card.unseen
    assert card.after.words.startswith("No contact on record")
    assert card.simulated
    plain = card_plain(card)
    assert plain["alert" if "alert" in plain else "id"] == name

    with pytest.raises(AccessError):
        alerts.card(OTHER_DOCTOR, "clinician", me, name)
    hands.turn(timedelta(hours=1))
    wanted = Wanted(me, name, Move.ACKNOWLEDGE, "will-contact", id="click-1")
    taken = alerts.act(DOCTOR, "clinician", wanted)
    assert (taken.state, taken.owner) == (State.ACKNOWLEDGED, DOCTOR)
    again = alerts.act(DOCTOR, "clinician", wanted)
    assert len(again.history) == len(taken.history), "a second click changes nothing"
    hands.turn(timedelta(hours=5))
    done = Wanted(
        me, name, Move.RESOLVE, "contacted", "was away", felt="same", step="ask-change",
        id="click-2",
    )  # fmt: skip
    alerts.card(DOCTOR, "clinician", me, name)
    over = alerts.act(DOCTOR, "clinician", done)
    assert over.state is State.RESOLVED
    assert alerts.act(DOCTOR, "clinician", done) == over, "nor does it where it is over by then"
    with pytest.raises(SchemaError, match="something else"):
        alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.VIEW, "opened", id="click-2"))
    assert [step.move for step in over.history].count(Move.VIEW) == 1, "opened twice, once told"
    after = alerts.card(DOCTOR, "clinician", me, name).after
    assert after.contact.endswith(f"({DOCTOR})")
    assert after.felt == "same"
    told = actions(clinic)
    for action in ("show alert", "view alert", "acknowledge alert", "resolve alert"):
        assert action in told, action
    assert Alerts(clinic).alert(me, name) == alerts.alert(me, name), "a restart changes nothing"
    assert clinic.ledger.verify() == []
    assert clinic.store.verify() == []


def test_one_page_in_the_morning(clinic: Clinic, hands: Hands):
    pages = ClinicBackend.of(clinic)
    me, doctor = subject_of(clinic, "MRN-1"), Visitor(DOCTOR, "clinician", "ab" * 16, 0, "x")

    def row(view: str = "open") -> Row | None:
        rows = pages.worklist(doctor, Filter(view=view)).rows
        found = [r for r in rows if r.who.subject == me]
        assert len(found) == len({r.who.subject for r in found}), "no person twice"
        return found[0] if found else None

    before = row("everyone")
    assert before is not None
    assert before.item.alert is None, "nothing was started"
    alerts, name = started(clinic, hands)
    found = row()
    assert found is not None
    assert (found.item.alert, found.item.state, found.item.urgency) == (name, "open", "soon")
    assert found.item.why.startswith("Days drift towards worse")
    assert any(said.endswith("times its line now") for said in found.item.evidence)
    assert found.item.intervention == "ask-change"
    assert (found.mine, found.item.owner) == (True, DOCTOR)
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.REASSIGN, "away", to=NEW_DOCTOR))
    handed = row()
    assert handed is not None
    assert (handed.mine, handed.item.owner) == (False, NEW_DOCTOR)
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.ACKNOWLEDGE, "will-contact"))
    taken = row()
    assert taken is not None
    assert taken.item.state == "acknowledged"
    (told,) = [item for item in worklist_items(clinic, DOCTOR) if item.subject == me]
    assert (told.alert, told.owner) == (name, DOCTOR)
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.RESOLVE, "contacted"))
    assert row() is None
    hands.turn(timedelta(hours=37))
    assert "Nothing was scored for 36 hours" in pages.worklist(doctor, Filter()).notices


def test_what_cannot_be_done_is_refused_with_what_can(clinic: Clinic, hands: Hands):
    alerts, name = started(clinic, hands)
    me = subject_of(clinic, "MRN-1")
    soon = to_micros(hands.now + timedelta(days=2))
    for wrong, says in (
        (Wanted(me, name, Move.RESOLVE, "because"), "one of: contacted"),
        (Wanted(me, name, Move.RESOLVE, "other", " "), "words of its own"),
        (Wanted(me, name, Move.SNOOZE, "appointment-soon"), "until when"),
        (Wanted(me, name, Move.REASSIGN, "away"), "to whom"),
        (Wanted(me, name, Move.REASSIGN, "away", to="dr-nobody"), "nobody of this name"),
        (Wanted(me, name, Move.REASSIGN, "away", to=OTHER_DOCTOR), "not on this person's care"),
        (Wanted(me, name, Move.REASSIGN, "away", to=DOCTOR), "somebody else"),
        (Wanted(me, name, Move.SHOW, "x"), "one can"),
        (Wanted(me, name, Move.RESOLVE, "contacted", step="magic"), "interventions"),
        (Wanted(me, name, Move.RESOLVE, "contacted", felt="fine"), "better"),
    ):
        with pytest.raises(SchemaError, match=says):
            alerts.act(DOCTOR, "clinician", wrong)
    with pytest.raises(MissingError):
        alerts.act(DOCTOR, "clinician", Wanted(me, "worsening-1", Move.VIEW, "opened"))
    for who, role in ((OTHER_DOCTOR, "clinician"), ("dr-head", "supervisor"), (me, "patient")):
        with pytest.raises(AccessError):
            alerts.act(who, role, Wanted(me, name, Move.VIEW, "opened"))
    handed = alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.REASSIGN, "away", to=NEW_DOCTOR))
    assert (handed.owner, handed.state) == (NEW_DOCTOR, State.OPEN)
    slept = alerts.act(
        DOCTOR, "clinician", Wanted(me, name, Move.SNOOZE, "appointment-soon", until=soon)
    )
    assert slept.until == soon
    hands.turn(timedelta(days=-30))  # the machine's clock is put back: nothing is undone by it
    assert alerts.alert(me, name).state is State.SNOOZED
    (notice,) = alerts.desk(DOCTOR, "clinician").notices
    assert "30 days before" in notice.words[0] or "720 hours before" in notice.words[0]
    assert alerts.run()["pipeline"]
    hands.turn(timedelta(days=33))
    assert alerts.alert(me, name).state is State.OPEN


def test_two_processes_see_each_others_acts(clinic: Clinic, hands: Hands):
    alerts, name = started(clinic, hands)
    me, other = subject_of(clinic, "MRN-1"), Alerts(clinic)
    assert other.alert(me, name).state is State.OPEN
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.ACKNOWLEDGE, "will-contact"))
    assert other.alert(me, name) == alerts.alert(me, name)
    other.act(DOCTOR, "clinician", Wanted(me, name, Move.RESOLVE, "not-relevant"))
    assert alerts.alert(me, name).state is State.RESOLVED


def test_a_watch_that_never_ran_is_an_alert_of_its_own(tmp_path: Path, hands: Hands):
    with copied_clinic(tmp_path, hands) as clinic:
        alerts = Alerts(clinic)
        assert alerts.run()["open"] == 0
        hands.turn(timedelta(hours=37))
        assert alerts.run()["pipeline"]
        (notice,) = Alerts(clinic).desk(DOCTOR, "clinician").notices
        assert notice.words == ("Nothing was scored for 36 hours",)


def test_nothing_scored_for_a_day_and_a_half_is_an_alert_of_its_own(clinic: Clinic, hands: Hands):
    alerts, _ = started(clinic, hands)
    assert alerts.desk(DOCTOR, "clinician").notices == ()
    hands.turn(timedelta(hours=37))
    (notice,) = alerts.desk(DOCTOR, "clinician").notices
    assert notice.tier is Tier.NOW
    assert notice.words == ("Nothing was scored for 36 hours",)
    put_scores(clinic, "MRN-4", [0.3])
    alerts.run()
    assert alerts.desk(DOCTOR, "clinician").notices == ()


QUIET = shipped_text().replace("name: shipped", "name: quiet").replace("open_at: 7", "open_at: 30")


def test_a_replay_is_the_live_clinic_to_the_bit_and_another_policy_beside_it(
    clinic: Clinic, hands: Hands
):
    before = replay(clinic, Asked(QUIET))
    assert before["live_as_it_was"] is None
    assert before["live"]["alerts"] > before["replayed"]["alerts"] > 0
    assert before["simulated"]
    alerts, name = started(clinic, hands)
    me = subject_of(clinic, "MRN-1")
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.ACKNOWLEDGE, "will-contact"))
    next_day(clinic, hands, 2)
    put_scores(
        clinic, "MRN-1", [0.2, 0.2, 0.2, 0.2, 0.2]
    )  # late data: the past looks otherwise now
    alerts.run()
    accept(clinic, QUIET)
    next_day(clinic, hands)
    alerts.run()
    found = replay(clinic, Asked(shipped_text()))
    assert found["live_as_it_was"]["people"] == found["live_as_it_was"]["identical"] == 2
    assert found["live"]["policy"] == "quiet 1"
    assert found["replayed"]["policy"] == "shipped 1"
    assert found["live"]["alerts"] == found["replayed"]["alerts"] == 2
    for wrong in ("a: 1", QUIET.replace("tier: now", "tier: digest")):
        with pytest.raises(SchemaError):
            replay(clinic, Asked(wrong))


def test_the_policy_is_sealed_and_only_a_supervisor_changes_it(clinic: Clinic):
    assert policy_in_force(clinic).name == "shipped"
    for role in ("clinician", "coordinator", "it", "scientist", "patient"):
        with pytest.raises(AccessError):
            accept(clinic, QUIET, role=role)
    accept(clinic, QUIET, role="supervisor")
    assert policy_in_force(clinic).name == "quiet"
    clinic.home.alert_policy.file.write_text(QUIET + "\n# mine\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="alerts accept"):
        policy_in_force(clinic)
    assert check(clinic.home.path, None)["ok"]
    accept(clinic, None)
    assert policy_in_force(clinic).name == "shipped"
    assert len(read_book(clinic).policies) == 3
    clinic.home.alert_book.write_bytes(clinic.home.alert_book.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError, match=r"alerts\.sealed"):
        Alerts(clinic).desk(DOCTOR, "clinician")


def test_withdrawal_and_erasure_take_what_rested_on_the_person(clinic: Clinic, hands: Hands):
    alerts, name = started(clinic, hands)
    me = subject_of(clinic, "MRN-1")
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.ACKNOWLEDGE, "will-contact"))
    decide_consent(clinic, "MRN-1", permit=False)
    for desk in (alerts, Alerts(clinic)):  # the one that was open all along, and a new one
        assert [a for a in desk.every() if a.subject == me] == []
    erase_subject(clinic, "MRN-2")
    assert {a.subject for a in alerts.every()} <= {subject_of(clinic, "MRN-4")}
    alerts.run()


def test_where_care_needs_a_consent_its_withdrawal_takes_scores_and_leaves_a_cry_for_help(
    clinic: Clinic, hands: Hands
):
    asks = replace(clinic.config.clinic, clinical_basis=False)
    clinic.config = replace(clinic.config, clinic=asks)
    alerts, me = Alerts(clinic), subject_of(clinic, "MRN-1")
    alerts.run()
    pages = ClinicBackend.of(clinic)
    visitor = Visitor(DOCTOR, "clinician", "ab" * 16, 0, "x")

    def decide(permit: bool) -> None:
        hands.turn(timedelta(minutes=5))
        grant = GrantRecord(Purpose.CARE, permit, to_micros(hands.now), None, "test")
        clinic.store.put_grant(me, grant, Entry(TEST, "set consent", Purpose.CARE, me))

    def rules() -> set[Rule]:
        return {r for a in pages.alerts.every() if a.subject == me for r in a.rules}

    decide(permit=True)
    said = (Fact(PHQ9_TOTAL, 24.0), Fact(PHQ9_ITEMS[8], 2.0))
    Desk(pages).keep(visitor, me, said, "write questionnaire")
    alerts.run()
    assert {Rule.ANSWER, Rule.SCORE} <= rules()
    decide(permit=False)
    assert Rule.SCORE not in rules()
    assert Rule.ANSWER in rules()
    alerts.run()
    assert Rule.SCORE not in rules()
    decide(permit=True)
    assert {Rule.ANSWER, Rule.SCORE} <= rules()


def test_a_consent_that_runs_out_takes_its_alerts_from_an_open_desk(clinic: Clinic, hands: Hands):
    who, now = subject_of(clinic, "MRN-1"), to_micros(hands.now)
    until = to_micros(hands.now + timedelta(days=1, hours=6))
    for grant in (
        GrantRecord(Purpose.MONITORING, False, now - 2, None, "test"),
        GrantRecord(Purpose.MONITORING, True, now - 1, until, "test"),
    ):
        clinic.store.put_grant(who, grant, Entry(TEST, "set consent", Purpose.CARE, who))
    put_scores(clinic, "MRN-1", [0.2, 1.4, 2.0, 2.2])
    alerts, _ = started(clinic, hands)
    hands.turn(timedelta(hours=7))
    assert who not in {alert.subject for alert in alerts.every()}


def test_a_fresh_start_that_fails_brings_nothing_back(
    clinic: Clinic, hands: Hands, monkeypatch: pytest.MonkeyPatch
):
    alerts, who = started(clinic, hands)[0], subject_of(clinic, "MRN-1")
    decide_consent(clinic, "MRN-1", permit=False)
    with monkeypatch.context() as patched:
        patched.setattr(feed, "Engine", None)
        with pytest.raises(TypeError):
            alerts.every()
    assert who not in {alert.subject for alert in alerts.every()}


def test_what_was_before_the_alerts_began_is_neither_their_burden_nor_their_misses(
    clinic: Clinic, hands: Hands
):
    """The first run takes in sixty days of three people: nobody was shown anything on them."""
    began = hands.now.date()
    alerts, _ = started(clinic, hands)
    for live in (None, alerts):
        found = quality(clinic, user=DOCTOR, role="clinician", live=live)
        assert (found["from"], found["patient_days"]) == (began.isoformat(), 0)
        assert found["alerts"] == 2
    told = replay(clinic, Asked(shipped_text()))
    assert (told["from"], told["live"]["patient_days"]) == (began.isoformat(), 0)
    before = began - timedelta(days=1)
    with pytest.raises(SchemaError, match=f"before the alerts began, on {began.isoformat()}"):
        quality(clinic, before, before)


def test_the_quality_board_tells_nothing_of_few_people(clinic: Clinic, hands: Hands):
    alerts, name = started(clinic, hands)
    me = subject_of(clinic, "MRN-1")
    alerts.act(DOCTOR, "clinician", Wanted(me, name, Move.RESOLVE, "known-already"))
    found = quality(clinic, user=DOCTOR, role="clinician")
    live = quality(clinic, user=DOCTOR, role="clinician", live=alerts)
    assert live | {"ledger_entry": ""} == found | {"ledger_entry": ""}, "walked through once"
    assert quality(clinic, user=DOCTOR, role="clinician", live=Alerts(clinic))["overrides"]
    assert found["alerts_per_100_patient_days"] is None
    assert found["overrides"]["by_reason"] == {"known-already": 1}
    assert found["times_h"]["act"]["done"] == 1
    assert found["groups"]
    for groups in found["groups"].values():  # nor which groups the few are of
        assert groups == {TOO_FEW: {"suppressed": True}}
    untold = ("people", "worsenings", "caught_by_chance", "median_lead_days")
    assert [found[name] for name in untold] == [None] * 4
    with pytest.raises(AccessError):
        quality(clinic, user="x", role="scientist")
    assert audit_sample(clinic, None)["never_shown"] == 0
    assert desk_plain(alerts.desk(DOCTOR, "clinician"))["started"]
