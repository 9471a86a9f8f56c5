"""The machine's clock is put back, forward, right: what falls due falls due all the same."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts_clinic import put_scores
from euthymia.app.alerts import policy_file
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.policy_file import AT_ONCE_US, Book, read_book, reckoned
from euthymia.app.alerts.replay import Asked, replay
from euthymia.app.alerts.wanted import Wanted
from euthymia.app.clinic import Clinic
from euthymia.app.entries import Fact, write_entry
from euthymia.app.web.ahead import Ahead
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Filter, Visitor
from euthymia.care.alerts.contract import Alert
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.alerts.policy import shipped_text
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, to_micros
from euthymia.ground.codes import PHQ9_ITEMS
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId
from small_clinic import DOCTOR, MRN, TEST, Hands, copied_clinic, subject_of

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as made:
        Alerts(made).run()
        hands.turn(5 * MINUTE)
        yield made


def said(clinic: Clinic) -> Alerts:
    who, one = subject_of(clinic, "MRN-1"), [Fact(PHQ9_ITEMS[8], 2.0)]
    write_entry(clinic, TEST, who, SourceId(MRN, "MRN-1"), one, action="write questionnaire")
    alerts = Alerts(clinic)
    alerts.heed([who])
    return alerts


def standing(alerts: Alerts) -> Alert:
    (line,) = alerts.desk(DOCTOR, "clinician").lines
    return line.alert


@pytest.mark.parametrize("back", [HOUR, timedelta(days=1), timedelta(days=400)])
def test_a_clock_put_back_in_the_middle_of_an_escalation_stops_no_timer(
    clinic: Clinic, hands: Hands, back: timedelta
):
    alerts = said(clinic)
    ahead = Ahead(ClinicBackend.of(clinic))
    first = standing(alerts)
    hands.turn(-back)
    for _ in range(6):  # a server's looks; a job's runs do the same
        ahead.look()
        hands.turn(6 * MINUTE)
    assert standing(alerts).escalations == 1
    assert standing(Alerts(clinic)) == standing(alerts), "after a restart as well"
    if back > HOUR:
        (notice,) = alerts.desk(DOCTOR, "clinician").notices
        assert "before the last thing on record" in notice.words[0]
    for _ in range(11):
        ahead.look()
        hands.turn(6 * MINUTE)
    assert standing(alerts).escalations == 2, "the lead as well"
    until = to_micros(hands.now + HOUR)
    slept = Wanted(first.subject, first.id, Move.SNOOZE, "waiting-for-answer", until=until)
    alerts.act(DOCTOR, "clinician", slept)
    hands.turn(back)
    ahead.look()
    hands.turn(2 * HOUR)
    assert standing(alerts).state is State.OPEN
    assert alerts.desk(DOCTOR, "clinician").notices == (), "it has caught up"
    alerts.run()
    assert read_book(clinic).behind is None
    hands.turn(MINUTE)
    told = replay(clinic, Asked(shipped_text()))["live_as_it_was"]
    assert told["people"] == told["identical"] == 1


def test_what_only_a_page_has_told_under_a_wrong_clock_is_forgotten(clinic: Clinic, hands: Hands):
    alerts = said(clinic)
    hands.turn(timedelta(days=3))
    assert standing(alerts).escalations == 2
    assert alerts.desk(DOCTOR, "clinician").notices, "nothing was scored for so long"
    hands.turn(-timedelta(days=3))
    assert standing(alerts).escalations == 0
    assert alerts.desk(DOCTOR, "clinician").notices == ()
    alerts.run()
    assert read_book(clinic).stamp <= to_micros(hands.now) + AT_ONCE_US, "and is not on record"
    hands.turn(31 * MINUTE)
    assert standing(alerts).escalations == 1


def test_a_consent_ends_by_the_machines_clock_and_not_by_the_records(clinic: Clinic, hands: Hands):
    who, alerts = subject_of(clinic, "MRN-1"), Alerts(clinic)
    until = to_micros(hands.now + HOUR)
    for grant in (
        GrantRecord(Purpose.MONITORING, False, to_micros(hands.now) - 2, None, "test"),
        GrantRecord(Purpose.MONITORING, True, to_micros(hands.now) - 1, until, "test"),
    ):
        clinic.store.put_grant(who, grant, Entry(TEST, "set consent", Purpose.CARE, who))
    put_scores(clinic, "MRN-1", [0.2, 1.4, 2.0, 2.2])
    hands.turn(timedelta(days=2))
    Alerts(clinic).run()  # by a clock that is ahead: the record is two days ahead from here on
    hands.turn(-timedelta(days=2))
    alerts.run()
    assert who in {a.subject for a in alerts.every()}
    hands.turn(HOUR + MINUTE)
    assert who not in {a.subject for a in alerts.every()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-90, 90), st.booleans()), max_size=30))
def test_time_never_goes_back_and_is_the_clocks_wherever_it_can_be(turns: list[tuple[int, bool]]):
    book, clock, before = Book(start=0, stamp=10 * DAY_US), 10 * DAY_US, 10 * DAY_US
    for hours, written in turns:
        clock += hours * 3_600_000_000
        now = reckoned(book, clock)
        assert now >= max(clock, book.stamp)
        if written:
            book.stamp = max(now, book.stamp + 1)
            book.behind = (clock, book.stamp) if book.stamp - clock > AT_ONCE_US else None
            assert book.stamp > before
            before = book.stamp
    gap = before - clock
    if gap > AT_ONCE_US:
        book.behind = (clock, book.stamp)
        for minutes in range(0, min(int(gap // 60_000_000), 600), 60):
            passed = reckoned(book, clock + minutes * 60_000_000) - book.stamp
            assert passed == minutes * 60_000_000 * 9 // 10
    assert reckoned(book, book.stamp + 5) == book.stamp + 5, "caught up"


def test_an_open_page_hears_of_what_the_hour_alone_has_done(clinic: Clinic, hands: Hands):
    hands.turn(timedelta(seconds=30))
    said(clinic)
    pages = ClinicBackend.of(clinic)
    visitor = Visitor("dr-head", "clinician", "ab" * 16, 0, "x")
    clinic.store.put_care_team(
        subject_of(clinic, "MRN-1"), [DOCTOR, visitor.user], Entry(TEST, "set team", Purpose.CARE)
    )
    heard, state = pages.news(), pages.state()
    assert pages.worklist(visitor, Filter()).rows[0].item.state == "open"
    hands.turn(20 * MINUTE + timedelta(seconds=59))
    assert pages.news() == heard, "nothing fell due"
    hands.turn(9 * MINUTE)
    (before,) = [r.item for r in pages.worklist(visitor, Filter()).rows if r.item.alert]
    hands.turn(timedelta(seconds=1))
    assert (pages.news() != heard, pages.state()) == (True, state), "nothing was stored"
    (after,) = [r.item for r in pages.worklist(visitor, Filter()).rows if r.item.alert]
    assert (before.evidence, before.alert) != (after.evidence, after.alert), "in the same minute"
    heard = pages.news()
    hands.turn(timedelta(hours=37))
    assert pages.news() != heard, "the watch has stopped: the dead-man's switch"


def test_alerts_that_cannot_be_read_keep_nobody_from_the_list(clinic: Clinic):
    pages = ClinicBackend.of(clinic)
    heard = pages.news()
    clinic.home.alert_book.write_bytes(b"x" * 60)
    assert pages.news() == heard


def test_what_is_with_somebody_whose_account_is_gone_goes_on(clinic: Clinic, hands: Hands):
    who, accounts, tokens = subject_of(clinic, "MRN-1"), clinic.accounts, clinic.tokens
    for name in ("anna", "zoe", "lead"):
        accounts.add(name, "clinician", TEST, tokens)
    clinic.store.put_care_team(who, ["anna", "zoe"], Entry(TEST, "set team", Purpose.CARE, who))
    alerts = said(clinic)
    (mine,) = [a for a in alerts.every() if a.shown]
    assert mine.owner == "anna"
    alerts.act("anna", "clinician", Wanted(who, mine.id, Move.ACKNOWLEDGE, "will-contact"))
    accounts.disable("anna", TEST)
    (notice,) = alerts.desk("zoe", "clinician").notices
    assert notice.words[0].startswith("1 alert is with anna, whose account is disabled")
    overview = alerts.overview()
    assert overview is not None
    assert overview[1] == notice.words, "and on the worklist"
    alerts.act("zoe", "clinician", Wanted(who, mine.id, Move.ACKNOWLEDGE, "will-contact"))
    assert alerts.desk("zoe", "clinician").notices == ()
    hands.turn(MINUTE)
    said(clinic)
    assert [a.owner for a in alerts.every() if a.shown] == ["zoe", "zoe"], "nobody who is gone"
    accounts.disable("zoe", TEST)
    accounts.disable("lead", TEST)
    hands.turn(MINUTE)
    alerts.run()
    said(clinic)
    told = alerts.desk("dr-head", "clinician").notices
    assert [n.words[0].partition(",")[0] for n in told] == [
        "2 alerts are with zoe",
        "The alert policy names lead",
    ]
    with pytest.raises(SchemaError, match=r"names lead, zoe, whose account is disabled"):
        policy_file.accept(clinic, shipped_text().replace("to: owner", "to: zoe"))
    policy_file.accept(clinic, shipped_text().replace("lead: lead", "lead: dr-head"))
    assert len(alerts.desk("dr-head", "clinician").notices) == 1
    hands.turn(MINUTE)
    again = replay(clinic, Asked(shipped_text()))["live_as_it_was"]
    assert again["people"] == again["identical"] == 1


def test_what_nobody_takes_goes_past_an_account_that_is_disabled_meanwhile(
    clinic: Clinic, hands: Hands
):
    for name in ("anna", "zoe", "lead"):
        clinic.accounts.add(name, "clinician", TEST, clinic.tokens)
    shift = (
        'shifts: [{name: all, days: [mon, tue, wed, thu, fri, sat, sun], from: "08:00", '
        'to: "07:59", people: [anna, zoe]}]'
    )
    policy_file.accept(clinic, shipped_text().replace("shifts: []", shift))
    pages, alerts = ClinicBackend.of(clinic), said(clinic)
    assert [a.owner for a in alerts.every() if a.shown] == [DOCTOR]
    for name in ("anna", "lead"):
        clinic.accounts.disable(name, TEST)
    Ahead(pages).look()
    hands.turn(95 * MINUTE)
    assert [(a.owner, a.escalations) for a in alerts.every() if a.shown] == [("zoe", 2)]
    hands.turn(MINUTE)
    alerts.run()
    again = replay(clinic, Asked(shipped_text()))["live_as_it_was"]
    assert again["people"] == again["identical"] == 1


def test_a_policy_whose_acceptance_was_ended_halfway_counts_from_then_on_and_not_for_the_past(
    clinic: Clinic, hands: Hands, monkeypatch: pytest.MonkeyPatch
):
    alerts = said(clinic)
    alerts.run()
    hands.turn(5 * MINUTE)
    sooner = shipped_text().replace("name: shipped", "name: sooner").replace(": 30,", ": 3,")

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(policy_file, "write_book", ended)
        with pytest.raises(KeyboardInterrupt):
            policy_file.accept(clinic, sooner)
    assert policy_file.policy_in_force(clinic).name == "sooner"
    assert standing(alerts).escalations == 0, "what was told is not unsaid"
    alerts.run()
    (_, first), (since, then) = read_book(clinic).policies
    assert (first, then) == (shipped_text(), sooner)
    assert since == to_micros(hands.now)
    told_of = [e.action for e in clinic.ledger.entries() if e.action.endswith("policy into force")]
    assert told_of == ["take alert policy into force"]
    assert "accept alert policy" in {e.action for e in clinic.ledger.entries()}, "and by whom"
    hands.turn(26 * MINUTE)
    assert standing(alerts).escalations == 1, "the timer that ran runs on"
    alerts.run()
    hands.turn(MINUTE)
    told = replay(clinic, Asked(shipped_text()))["live_as_it_was"]
    assert told["people"] == told["identical"] == 1
    assert len(read_book(clinic).policies) == 2


def test_a_policy_that_was_changed_and_not_accepted_keeps_no_answer_back(clinic: Clinic):
    policy_file.accept(clinic, shipped_text())
    clinic.home.alert_policy.file.write_text(shipped_text() + "\n# mine\n", encoding="utf-8")
    said(clinic)
    assert [a.state for a in Alerts(clinic).every() if a.shown] == [State.OPEN]
