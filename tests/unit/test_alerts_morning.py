"""One list for the morning: alerts and rules together, nobody twice, nothing dealt with shown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from euthymia.app.web.retold import retold
from euthymia.care.alerts.card import _evidence, headline, line, standing_words, suggested
from euthymia.care.alerts.contract import Alert, Rule, Step, Tier
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.alerts.morning import held_back, morning
from euthymia.care.alerts.policy import shipped
from euthymia.care.contract import Urgency
from euthymia.care.summary import Phq9, SubjectSummary
from euthymia.care.words import date_words
from euthymia.care.worklist import Case, caseload
from euthymia.ground.clock import DAY_US, day_date
from euthymia.ground.ids import SubjectId

NOW = 20_600 * DAY_US
WHO = SubjectId("p-aaaaaaaaaaaaaaaa")
OTHER = SubjectId("p-bbbbbbbbbbbbbbbb")


def person(who: SubjectId = WHO, *, item9: int = 0, days_ago: int = 2) -> SubjectSummary:
    answers = (0,) * 8 + (item9,)
    return SubjectSummary(who, phq9=(Phq9(NOW - days_ago * DAY_US, float(item9), answers),))


def alert(rule: Rule, state: State, *, at: int, who: SubjectId = WHO, level: float = 2.0) -> Alert:
    move, by = {
        State.OPEN: (Move.SHOW, ""), State.ACKNOWLEDGED: (Move.ACKNOWLEDGE, "lee"),
        State.RESOLVED: (Move.RESOLVE, "lee"), State.HELD: (Move.RAISE, ""),
        State.CLEARED: (Move.CLEAR, ""),
    }[state]  # fmt: skip
    tier = Tier.NOW if rule is Rule.ANSWER else Tier.WORKLIST
    step = Step(at, move, state, by, "contacted" if by else "")
    return Alert(
        f"{rule.value}-{at // DAY_US}", who, rule.value, tier, state, (rule,), at // DAY_US, at,
        owner="lee", level=level, peak=level, history=(step,),
        held="budget: clinician" if state is State.HELD else "",
    )  # fmt: skip


def rows(people: list[SubjectSummary], *alerts: Alert) -> list[Case]:
    known = {who.subject: who for who in people}
    return morning(caseload(people, NOW), known, alerts, NOW)


def test_an_answer_somebody_has_dealt_with_is_not_asked_for_again() -> None:
    told = person(item9=2)
    (before,) = rows([told])
    assert before.item.urgency is Urgency.NOW
    (after,) = rows([told], alert(Rule.ANSWER, State.RESOLVED, at=NOW - DAY_US))
    assert (after.findings, after.item.urgency) == ((), Urgency.NONE)
    assert "resolved on" in after.item.why
    assert "by lee: Reached them" in after.item.why


def test_an_answer_that_no_rule_speaks_of_any_more_is_said_once_in_its_own_words() -> None:
    words = 'PHQ-9 item 9 (better off dead, self-harm): "several days"'
    shown = replace(alert(Rule.ANSWER, State.OPEN, at=NOW - DAY_US), words=(words,))
    (row,) = rows([person(days_ago=1)], shown)
    yesterday = date_words(day_date((NOW - DAY_US) // DAY_US), day_date(NOW // DAY_US))
    assert row.item.why == f"{words} on {yesterday}"
    before = replace(alert(Rule.ANSWER, State.OPEN, at=NOW - 9 * DAY_US), words=(words,))
    (since,) = rows([person(days_ago=1)], before)
    assert since.item.why.endswith(f'"several days"; on {yesterday} "not at all"')
    (both,) = rows([person(days_ago=1)], replace(shown, rules=(Rule.ANSWER, Rule.DRIFT)))
    assert both.item.why.startswith("An answer about self-harm that is not a no (and 1")


def test_a_newer_answer_than_the_alert_knows_of_stays_on_top() -> None:
    (row,) = rows([person(item9=2)], alert(Rule.ANSWER, State.RESOLVED, at=NOW - 3 * DAY_US))
    assert row.item.urgency is Urgency.NOW
    assert row.item.alert is None
    long_ago = person(item9=2, days_ago=40)
    (asked,) = rows([long_ago], alert(Rule.ANSWER, State.RESOLVED, at=NOW - 39 * DAY_US))
    assert asked.item.urgency is Urgency.SOON
    assert "not asked again for 40 days" in asked.item.why


def test_an_alert_that_stands_speaks_in_the_words_of_the_rule_and_nobody_is_twice() -> None:
    shown = alert(Rule.ANSWER, State.OPEN, at=NOW - DAY_US)
    drift = alert(Rule.DRIFT, State.OPEN, at=NOW - 5 * DAY_US)
    (row,) = rows([person(item9=3)], drift, shown)
    assert row.item.why.startswith("PHQ-9 item 9")
    assert (row.item.alert, row.item.state, row.item.owner) == (shown.id, "open", "lee")
    assert row.item.intervention == "speak-today"
    assert [f.rule for f in row.findings] == ["alert", "alert"]
    assert any("drift" in said for said in row.item.evidence)


def test_what_the_policy_holds_back_or_has_cleared() -> None:
    told = replace(person(item9=1), cssrs=())
    (held,) = rows([told], alert(Rule.ANSWER, State.HELD, at=NOW))
    assert "held back: over the owner's daily limit" in held.item.why
    kept = [alert(Rule.DRIFT, State.HELD, at=NOW), alert(Rule.DRIFT, State.HELD, at=NOW, who=OTHER)]
    assert held_back(kept, {WHO}) == (
        "1 alert is held back by the alert policy and not on this list (1: over the owner's "
        "daily limit): see Alerts."
    )
    assert held_back([replace(kept[0], held="dwell")], {WHO}) == ""
    (cleared,) = rows([told], alert(Rule.ANSWER, State.CLEARED, at=NOW))
    assert cleared.item.urgency is Urgency.NOW, "cleared without anybody: it is not dealt with"


def test_what_nobody_has_taken_stands_before_what_somebody_has() -> None:
    people = [person(), person(OTHER)]
    taken = alert(Rule.DRIFT, State.ACKNOWLEDGED, at=NOW - DAY_US, level=9.0)
    waiting = alert(Rule.PATTERN, State.OPEN, at=NOW - DAY_US, who=OTHER, level=1.1)
    first, second = rows(people, taken, waiting)
    assert (first.item.subject, first.item.state) == (OTHER, "open")
    assert (second.item.subject, second.item.state) == (WHO, "acknowledged")
    assert "days are unlike usual for them" in first.item.why.lower()
    dead = replace(person(), died="2026-05-01")
    (row,) = rows([dead], taken)
    assert row.item.alert is None


def test_the_step_is_that_of_the_most_urgent_rule_and_its_points_are_the_questionnaires() -> None:
    both = replace(
        alert(Rule.SCORE, State.OPEN, at=NOW - DAY_US, level=9.25),
        rules=(Rule.DRIFT, Rule.SCORE), words=("PHQ-9 8", "PHQ-9 14, +6 points"),
    )  # fmt: skip
    assert suggested(both).step.startswith("Review treatment with them this week: 6 points")
    (row,) = rows([person()], both)
    assert row.item.next_step.startswith("Review treatment with them this week: 6 points")
    assert row.item.why == "Scores worse on a questionnaire (and 1 more sign): PHQ-9 14, +6 points"


def test_an_alert_that_is_not_shown_says_so_wherever_it_is_named() -> None:
    held = alert(Rule.DRIFT, State.HELD, at=NOW)
    assert standing_words(held) == f"{headline(held)}: held back: over the owner's daily limit"
    assert standing_words(replace(held, held="")) == f"{headline(held)}: held back"
    for state in (State.SNOOZED, State.SILENCED):
        assert standing_words(replace(held, state=state)) == f"{headline(held)}: {state.value}"
        assert retold(standing_words(replace(held, state=state)), "es") is not None
    assert retold(standing_words(held), "es") is not None
    for state in (State.OPEN, State.ACKNOWLEDGED):
        assert standing_words(replace(held, state=state)) == headline(held)


def test_only_what_has_a_line_of_the_watch_is_told_as_a_multiple_of_it() -> None:
    told = {}
    for rule in (Rule.DRIFT, Rule.UNSEEN, Rule.SCORE):
        (row,) = rows([person()], alert(rule, State.OPEN, at=NOW - DAY_US, level=8.0))
        stream = SimpleNamespace(
            day=np.ones(1), log_e=np.zeros(1), baseline_days=np.full(1, 30.0 * (rule is Rule.DRIFT))
        )
        known = SimpleNamespace(stream=stream, promised_days=200.0, found_days=None)
        page = _evidence(alert(rule, State.OPEN, at=NOW - DAY_US, level=8.0), known, shipped())
        told[rule] = [
            any("times its line" in said for said in row.item.evidence),
            *(any(words in said for said in page)
              for words in ("times its line", "one false alarm in 200", "the baseline rests on")),
        ]  # fmt: skip
    assert told == {
        Rule.DRIFT: [True] * 4, Rule.UNSEEN: [False] * 4, Rule.SCORE: [False] * 4,
    }  # fmt: skip


def test_when_an_alert_goes_on_to_somebody_else_is_said() -> None:
    one = alert(Rule.DRIFT, State.OPEN, at=NOW - DAY_US)
    minutes = {None: "", 0: "escalates now", 59: "escalates in 59 min", 125: "escalates in 2 h"}
    for left, words in minutes.items():
        due = None if left is None else NOW + left * 60_000_000
        assert line(replace(one, due=due), "", NOW).due_words == words
