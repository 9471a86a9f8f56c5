"""The engine of alerts: the same input gives the same bits, in whatever pieces it comes."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.care.alerts.cases import Assumed, group_named, named
from euthymia.care.alerts.contract import CLINIC, Act, Alert, DayScores, Rule, Signal, Tier
from euthymia.care.alerts.engine import Engine, digest_of, run
from euthymia.care.alerts.lifecycle import (
    BY_PEOPLE,
    HELD,
    OVER,
    REASONS,
    TRANSITIONS,
    Move,
    State,
    after,
)
from euthymia.care.alerts.policy import Policy, parse, shipped_text
from euthymia.care.alerts.signals import day_signal, nominal
from euthymia.ground.clock import DAY_US, to_micros

HOUR = 3_600_000_000
SHIFTS = """shifts:
  - {name: day, days: [mon, tue, wed, thu, fri, sat], from: "08:00", to: "17:00", people: [anna]}
  - {name: night, days: [sun], from: "22:00", to: "06:00", people: [cleo]}
"""
SHIFTED = (
    shipped_text()
    .replace("shifts: []", SHIFTS)
    .replace("{after_min: 2880, to: lead, always: true}", "{after_min: 2880, to: shift}")
    .replace("{alerts: 8, days: 1}", "{alerts: 1, days: 1}")
)
POLICY = parse(SHIFTED)
OTHER = parse(  # other lines and groups, fewer steps, and no rule for the pipeline
    shipped_text()
    .replace("open_at: 7", "open_at: 4")
    .replace("name: shipped", "name: o")
    .replace("  pipeline: {tier: now, open_at: 1}\n", "")
    .replace("      - {after_min: 60, to: lead, always: true}\n", "")
    .replace("    escalate:\n      - {after_min: 2880, to: lead, always: true}\n", "")
    .replace("rules: [drift, frozen, pattern, estimate, score, unseen]", "rules: [drift, unseen]")
)
ZONE = "Europe/Stockholm"
FIRST = 20_535  # 2026-03-23: the clock goes forward on the 29th
DAYS = 24
START = nominal(FIRST + 3)
NAN = float("nan")
KINDS = [("answer", 2.0), ("score", 7.0), ("admitted", 0.0), ("discharged", 0.0)]


def day(subject: str, number: int, level: float, unseen: float, *, late: int = 0) -> Signal:
    scores = DayScores(number, level, NAN, level / 2, NAN, unseen, 0.0 if unseen else 0.8)
    return day_signal(subject, scores, nominal(number) + late * HOUR)


@st.composite
def clinics(draw: st.DrawFn) -> tuple[list[Signal], list[Act], int]:
    signals = [Signal("owner", "p-1", 0, "owner", 0, words="dr-1")]
    for who in ("p-1", "p-2"):
        unseen = 0.0
        for number in range(FIRST, FIRST + DAYS):
            gone = draw(st.integers(0, 3)) == 0 or (unseen > 0 and draw(st.booleans()))
            unseen = unseen + 1 if gone else 0.0
            level = draw(st.sampled_from([0.1, 0.6, 1.1, 1.4, 2.5]))
            signals.append(day(who, number, level, unseen, late=draw(st.integers(0, 5))))
    for place in range(draw(st.integers(0, 3))):
        at = nominal(FIRST) + draw(st.integers(0, DAYS * 24)) * HOUR + 7
        kind, level = draw(st.sampled_from(KINDS))
        signals.append(Signal(f"x-{place}", "p-1", at, kind, at // DAY_US, None, level, "told"))
    signals.append(Signal("r-1", CLINIC, nominal(FIRST + 4) + 11, "scored", FIRST + 4))
    for place in range(draw(st.integers(0, 2))):
        at = nominal(FIRST) + draw(st.integers(0, DAYS * 24)) * HOUR + 3
        away = sorted(draw(st.sets(st.sampled_from(["anna", "cleo", "dr-1", "lead"]))))
        signals.append(Signal(f"g-{place}", CLINIC, at, "gone", 0, words="\n".join(away)))
    cut = nominal(FIRST) + draw(st.integers(0, DAYS * 24)) * HOUR
    acts = draw(st.lists(acts_on(), max_size=6))
    return signals, [replace(a, id=f"a-{i}") for i, a in enumerate(acts)], cut


@st.composite
def acts_on(draw: st.DrawFn) -> Act:
    move = draw(st.sampled_from(BY_PEOPLE))
    at = nominal(FIRST + 3) + draw(st.integers(0, DAYS * 24 * 4)) * HOUR // 4 + 13
    group = draw(st.sampled_from(["worsening", "answer"]))
    alert = f"{group}-{draw(st.integers(FIRST, FIRST + DAYS))}"
    return Act(
        "", alert, draw(st.sampled_from(["p-1", "p-2"])), at, draw(st.sampled_from(["anna", "bo"])),
        move, draw(st.sampled_from(sorted(REASONS[move]))),
        until=at + draw(st.integers(1, 90)) * HOUR, to="cleo" if move is Move.REASSIGN else "",
    )  # fmt: skip


END = nominal(FIRST + DAYS) + 3 * DAY_US
SWITCHED = [(0, POLICY), (nominal(FIRST + 12) + 5, OTHER)]


def at_once(signals: list[Signal], acts: list[Act], until: int = END) -> tuple[Alert, ...]:
    return run(SWITCHED, signals, acts, zone=ZONE, start=START, until=until)


@settings(max_examples=25, deadline=None)
@given(clinics(), st.randoms(use_true_random=False))
def test_order_and_repeats_of_deliveries_change_nothing(clinic, chance: random.Random):
    signals, acts, _ = clinic
    expected = at_once(signals, acts)
    shuffled = [*signals, *chance.sample(signals, 5)]
    chance.shuffle(shuffled)
    again = [*acts, *acts]
    chance.shuffle(again)
    assert digest_of(at_once(shuffled, again)) == digest_of(expected)


@settings(max_examples=25, deadline=None)
@given(clinics(), st.lists(st.integers(0, DAYS * 24), max_size=8))
def test_stopped_anywhere_and_fed_as_it_comes_it_is_the_same_run(clinic, stops: list[int]):
    signals, acts, _ = clinic
    engine = Engine(SWITCHED, ZONE, START)
    for stop in [*sorted(nominal(FIRST) + s * HOUR for s in stops), END]:
        known = [s for s in signals if s.at <= stop]
        engine.feed(known, [a for a in acts if a.at <= stop])
        engine.feed(known[-3:])  # delivered again, in the middle of escalations
        engine.advance(stop)
        assert digest_of(engine.alerts()) == digest_of(at_once(signals, acts, stop))


@settings(max_examples=25, deadline=None)
@given(clinics())
def test_what_was_said_does_not_depend_on_what_came_later(clinic):
    signals, acts, cut = clinic
    then = at_once([s for s in signals if s.at <= cut], [a for a in acts if a.at <= cut], cut)
    later = {(a.subject, a.id): a for a in at_once(signals, acts)}
    for alert in then:
        now = later[alert.subject, alert.id]
        assert now.history[: len(alert.history)] == alert.history


@settings(max_examples=25, deadline=None)
@given(clinics())
def test_every_alert_keeps_the_law(clinic):
    for alert in at_once(*clinic[:2]):
        state = State.HELD
        assert alert.history[0].move is Move.RAISE
        for before, step in zip(alert.history, alert.history[1:], strict=False):
            assert step.at >= before.at
            assert TRANSITIONS[state, step.move] is step.state
            state = step.state
            if step.move is Move.ESCALATE:
                assert step.to, "an escalation names a person"
            if step.state is State.ACKNOWLEDGED and step.move is Move.ACKNOWLEDGE:
                assert step.by
        assert state is alert.state
        assert (alert.over_at is not None) == (alert.state in OVER)
        assert alert.due is None or alert.state in {State.OPEN, State.ACKNOWLEDGED}
        if alert.group == "answer" and alert.raised_at >= START:
            assert alert.history[1].move is Move.SHOW
            assert alert.history[1].at == alert.raised_at
            assert alert.state is not State.CLEARED
        shows = [s.at for s in alert.history if s.move is Move.SHOW]
        assert all(at >= START for at in shows)
        if alert.held and alert.state is State.HELD:
            assert alert.held == "next round" or alert.held in alert.held_for


def test_something_new_of_an_instant_that_is_over_is_refused():
    engine = Engine([(0, POLICY)], ZONE, START)
    engine.feed([day("p-1", FIRST + 5, 2.0, 0.0)])
    engine.advance(END)
    engine.feed([day("p-1", FIRST + 5, 2.0, 0.0)])
    with pytest.raises(ValueError, match="over"):
        engine.feed([day("p-1", FIRST + 4, 2.0, 0.0)])


def test_people_find_in_the_table_what_they_may_do_and_nothing_else():
    assert after(State.OPEN, Move.ACKNOWLEDGE) is State.ACKNOWLEDGED
    assert after(State.ACKNOWLEDGED, Move.CLEAR) is None, "taken is not over"
    assert all(after(state, Move.SHOW) is None for state in State if state is not State.HELD)
    assert {state for state, _ in TRANSITIONS} == set(State)


def quiet_then(levels: list[float], *, who: str = "p-1") -> list[Signal]:
    return [day(who, FIRST + i, level, 0.0) for i, level in enumerate(levels)]


def one(signals: list[Signal], acts: list[Act] = [], **more: object) -> Alert:  # noqa: B006
    found = run([(0, POLICY)], signals, acts, zone=ZONE, start=START, until=END, **more)  # type: ignore[arg-type]
    assert len(found) == 1
    return found[0]


def moves(alert: Alert) -> list[tuple[Move, str]]:
    return [(s.move, s.to or s.by) for s in alert.history]


def test_nobody_takes_it_and_the_shift_is_told_within_its_hours():
    alert = one(quiet_then([0.1] * 5 + [2.0] * 15))
    shown, told = alert.history[1], alert.history[2]
    assert moves(alert)[:3] == [(Move.RAISE, ""), (Move.SHOW, "lead"), (Move.ESCALATE, "anna")]
    assert alert.tier is Tier.WORKLIST
    # shown on the Sunday on which the clock goes forward, at 7:00, when nobody is there; 48 hours
    # of shifts later (8 in the night, 9 on each of four days, 4) it is noon on Friday
    assert shown.at == to_micros(datetime(2026, 3, 29, 5, tzinfo=UTC))
    assert told.at == to_micros(datetime(2026, 4, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("gone", "told"),
    [("", "anna"), ("anna", "bea"), ("anna\nbea", "lead"), ("anna\nbea\nlead", "anna")],
)
def test_nothing_goes_on_to_somebody_who_is_gone_while_anybody_is_there(gone: str, told: str):
    policy = parse(SHIFTED.replace("people: [anna]", "people: [anna, bea]"))
    away = Signal("g", CLINIC, START + HOUR, "gone", 0, words=gone)
    signals = [*quiet_then([0.1] * 5 + [2.0] * 15), away]
    (alert,) = run([(0, policy)], signals, [], zone=ZONE, start=START, until=END)
    assert alert.history[2].to == alert.owner == told
    back = replace(away, id="h", at=away.at + HOUR, words="")
    (alert,) = run([(0, policy)], [*signals, back], [], zone=ZONE, start=START, until=END)
    assert alert.owner == "anna"


@pytest.mark.parametrize(
    ("gone", "told"), [("", ["dr-1", "dr-1", "lead"]), ("dr-1\nlead", ["anna", "anna", "anna"])]
)
def test_what_is_urgent_is_never_with_somebody_who_is_gone(gone: str, told: list[str]):
    at = to_micros(datetime(2026, 4, 3, 8, tzinfo=UTC))
    signals = [
        Signal("owner", "p-1", 0, "owner", 0, words="dr-1"),
        Signal("g", CLINIC, START + HOUR, "gone", 0, words=gone),
        Signal("x", "p-1", at, "answer", at // DAY_US, None, 2.0, "told"),
    ]
    assert [to for move, to in moves(one(signals)) if to] == told


def test_acknowledging_is_not_resolving_and_a_silent_owner_is_told():
    signals = quiet_then([0.1] * 5 + [2.0] * 3 + [0.1] * 14)
    shown = one(signals[:6]).history[1].at
    ack = Act("a", f"worsening-{FIRST + 5}", "p-1", shown + HOUR, "bo", Move.ACKNOWLEDGE, "other")
    alert = one(signals, [ack])
    assert alert.state is State.ACKNOWLEDGED
    assert not alert.on
    assert alert.escalations == 1
    assert alert.history[-1].reason == "not resolved"
    assert alert.history[-1].at - ack.at == 10_080 * 60_000_000


def test_admission_holds_relapse_alerts_back_and_silence_of_a_phone_drift():
    levels = quiet_then([0.1] * 5 + [2.0] * 15)
    home = [Signal("a", "p-1", nominal(FIRST + 4), "admitted", FIRST + 4)]
    alert = one([*levels, *home])
    assert (alert.state, alert.held) == (State.HELD, "inhibited: admitted")
    assert alert.shown_at is None
    silent = [day("p-1", FIRST + i, 2.0 if i > 4 else 0.1, float(i)) for i in range(7)]
    assert one(silent).held == "inhibited: unseen"
    gone = one([*silent, day("p-1", FIRST + 7, NAN, 7.0)])
    assert Rule.UNSEEN in gone.rules
    assert gone.shown_at is not None


def test_the_pipeline_watches_itself():
    alert = one([Signal("r", CLINIC, START + HOUR, "scored", FIRST)])
    assert (alert.subject, alert.rules) == (CLINIC, (Rule.PIPELINE,))
    assert alert.shown_at == START + 37 * HOUR
    assert alert.owner == "lead" or alert.escalations > 0
    scored = [Signal(f"r{i}", CLINIC, START + i * DAY_US, "scored", FIRST + i) for i in range(30)]
    assert run([(0, POLICY)], scored, (), zone=ZONE, start=START, until=END) == ()


def test_a_silence_ends_by_itself_and_never_covers_an_answer():
    signals = quiet_then([0.1] * 5 + [2.0] * 19)
    shown = one(signals[:6]).history[1].at
    name = f"worsening-{FIRST + 5}"
    hush = Act(
        "a", name, "p-1", shown + HOUR, "bo", Move.SILENCE, "known-cause", until=END + DAY_US
    )
    answer = Signal("i", "p-1", shown + 2 * HOUR, "answer", FIRST + 6, None, 1.0, "item 9")
    both = run([(0, POLICY)], [*signals, answer], [hush], zone=ZONE, start=START, until=END)
    assert [a.state for a in both] == [State.SILENCED, State.OPEN]
    short = replace(hush, until=shown + 3 * DAY_US)
    again = one(signals, [short])
    assert [s.move for s in again.history if s.at >= short.until][:2] == [Move.WAKE, Move.SHOW]


def test_past_a_budget_the_most_urgent_is_shown_and_the_other_waits_a_day():
    people = [Signal("o", f"p-{i}", 0, "owner", 0, words="dr-1") for i in (1, 2)]
    signals = [
        *people,
        *quiet_then([0.1] * 5 + [1.2] * 3),
        *quiet_then([0.1] * 5 + [3.0] * 3, who="p-2"),
    ]
    low, high = run([(0, POLICY)], signals, (), zone=ZONE, start=START, until=END)
    assert low.subject == "p-1"
    assert low.held_for == ("budget: clinician",)
    assert 23 * HOUR <= low.shown_at - high.shown_at <= 24 * HOUR


def test_a_replay_deals_with_what_nobody_did():
    signals = quiet_then([0.1] * 5 + [2.0] * 4 + [0.1] * 10)
    alert = one(signals, assumed=Assumed(answer_us=DAY_US))
    assert alert.state is State.RESOLVED
    assert alert.over_at - alert.shown_at == DAY_US


def test_what_was_done_with_a_second_alert_of_a_day_is_found_in_a_replay():
    for times in (1, 2, 3):
        assert group_named(named("worsening", FIRST, times)) == "worsening"
        assert group_named(named("group-7", FIRST, times)) == "group-7"
    assert len({named("answer", FIRST, times) for times in (1, 2, 3)}) == 3


FEW = shipped_text().replace(
    "    escalate:\n      - {after_min: 2880, to: lead, always: true}\n", ""
)
SPLIT = shipped_text().replace(
    "rules: [drift, frozen, pattern, estimate, score, unseen]", "rules: [frozen, pattern]"
)


def switched(before: str, then: str, signals: list[Signal], day: int = FIRST + 6) -> list[Alert]:
    policies = [(0, parse(before)), (nominal(day) + 6 * HOUR, parse(then))]
    return list(run(policies, signals, (), zone=ZONE, start=START, until=END))


def test_a_timer_that_runs_when_its_step_is_taken_out_of_the_policy_does_nothing():
    signals = quiet_then([0.1] * 5 + [2.0] * 15)
    [alert] = switched(shipped_text(), FEW, signals)
    assert (alert.state, alert.escalations, alert.due) == (State.OPEN, 0, None)
    [alert] = switched(shipped_text(), shipped_text(), signals)
    assert alert.escalations == 1
    [same] = run([(0, parse(shipped_text()))], signals, (), zone=ZONE, start=START, until=END)
    assert alert.history == same.history, "a timer that runs, runs on"
    answer = Signal("i", "p-1", nominal(FIRST + 6) + 5 * HOUR, "answer", FIRST + 6, None, 1.0, "9")
    without = FEW.replace("      - {after_min: 60, to: lead, always: true}\n", "")
    [alert] = switched(shipped_text(), without, [answer])  # one step done, its second gone
    assert (alert.state, alert.escalations, alert.due) == (State.OPEN, 1, None)


def test_what_was_taken_is_not_overdue_under_a_policy_without_such_a_line():
    signals = quiet_then([0.1] * 5 + [2.0] * 15)
    shown = one(signals[:6]).history[1].at
    ack = Act("a", f"worsening-{FIRST + 5}", "p-1", shown + HOUR, "bo", Move.ACKNOWLEDGE, "other")
    none = shipped_text().replace("    act_within_min: 10080\n", "")
    for then, escalations in ((shipped_text(), 1), (none, 0)):
        policies = [(0, parse(shipped_text())), (shown + DAY_US, parse(then))]
        [alert] = run(policies, signals, [ack], zone=ZONE, start=START, until=END)
        assert (alert.state, alert.escalations) == (State.ACKNOWLEDGED, escalations)


def test_steps_that_a_policy_adds_are_taken_for_what_stands_open():
    [alert] = switched(FEW, shipped_text(), quiet_then([0.1] * 5 + [2.0] * 15))
    assert [s.at for s in alert.history if s.move is Move.ESCALATE] == [
        nominal(FIRST + 6) + 6 * HOUR + 2880 * 60_000_000
    ]


def test_what_was_one_alert_stays_one_where_a_policy_groups_anew():
    signals = quiet_then([0.1] * 5 + [1.9] * 4 + [0.1] * 15)
    [alert] = switched(shipped_text(), SPLIT.replace("worsening", "w"), signals)
    assert (alert.group, alert.state) == ("drift", State.CLEARED)


@pytest.mark.parametrize(
    ("then", "unseen"),
    [
        pytest.param({"b": "drift", "c": "unseen"}, "c", id="one takes the name the other leaves"),
        pytest.param({"b": "drift", "a": "unseen"}, "a", id="they change names"),
    ],
)
@pytest.mark.parametrize(
    ("gone", "state"),
    [
        pytest.param(range(4, 6), State.CLEARED, id="over"),
        pytest.param(range(4, DAYS), State.SILENCED, id="stands"),
        pytest.param([*range(4, 11), *range(18, DAYS)], State.HELD, id="comes back, silenced"),
    ],
)
def test_alerts_whose_groups_change_names_stay_one_each(
    then: dict[str, str], unseen: str, gone: Sequence[int], state: State
):
    signals = [day("p-1", FIRST + i, 1.9 if i > 5 else 0.1, 8.0 * (i in gone)) for i in range(DAYS)]
    quiet = Act(
        "a", f"b-{FIRST + 4}", "p-1", nominal(FIRST + 10), "bo", Move.SILENCE, "other",
        until=END + DAY_US,
    )  # fmt: skip
    first = grouped_by({"a": "drift", "b": "unseen"})
    policies = [(0, first), (nominal(FIRST + 12) + HOUR, grouped_by(then))]
    found = run(policies, signals, [quiet], zone=ZONE, start=START, until=END)
    assert [(a.group, a.rules) for a in found] == [(unseen, (Rule.UNSEEN,)), ("b", (Rule.DRIFT,))]
    assert (found[0].state, found[0].held) == (state, "silenced" if state is State.HELD else "")
    assert set(found[0].held_for) <= HELD.keys(), "each reason has words"


@pytest.mark.parametrize(
    ("gone", "groups", "states"),
    [
        pytest.param(
            range(4, 6), ["b", "c"], [State.CLEARED, State.HELD], id="what stands has the group"
        ),
        pytest.param(
            range(4, DAYS), ["c", "a"], [State.HELD, State.HELD], id="the other is not lost"
        ),
    ],
)
def test_of_two_alerts_whose_groups_become_one_the_other_keeps_its_name(
    gone: range, groups: list[str], states: list[State]
):
    """An admission then hides whatever stands open: both are known of the person."""
    signals = [day("p-1", FIRST + i, 1.9 if i > 5 else 0.1, 8.0 * (i in gone)) for i in range(DAYS)]
    signals.append(Signal("a", "p-1", nominal(FIRST + 16), "admitted", FIRST + 16))
    policies = [
        (0, grouped_by({"a": "drift", "b": "unseen"})),
        (nominal(FIRST + 12) + HOUR, grouped_by({"c": "drift, unseen"})),
    ]
    found = run(policies, signals, (), zone=ZONE, start=START, until=END)
    assert [a.group for a in found] == groups
    assert [a.state for a in found] == states


def grouped_by(groups: dict[str, str]) -> Policy:
    head, tail = shipped_text().split("groups:")[0], shipped_text().partition("budgets:")[2]
    told = "".join(
        f"  {name}: {{rules: [{rule}], quiet_days: 0}}\n" for name, rule in groups.items()
    )
    home = "inhibit:\n  - {when: admitted, mutes: [drift, unseen], hides_open: true}\n"
    return parse(f"{head}groups:\n{told}{home}budgets:{tail}")


def test_a_policy_that_does_not_name_the_pipeline_still_tells_that_it_stopped():
    policy = parse(shipped_text().replace("  pipeline: {tier: now, open_at: 1}\n", ""))
    scored = [Signal("r", CLINIC, START + HOUR, "scored", FIRST)]
    [alert] = run([(0, policy)], scored, (), zone=ZONE, start=START, until=END)
    assert (alert.rules, alert.tier) == ((Rule.PIPELINE,), Tier.NOW)


def test_what_was_done_stays_done_where_the_scores_that_began_it_are_withdrawn():
    rise = Signal("s", "p-1", nominal(FIRST + 8), "score", FIRST + 8, None, 7.0, "PHQ-9 17", 17.0)
    scores = quiet_then([0.1] * 5 + [2.0] * 10)
    ack = Act(
        "a", f"worsening-{FIRST + 5}", "p-1", nominal(FIRST + 10), "bo", Move.ACKNOWLEDGE, "other"
    )
    with_scores = one([*scores, rise], [ack])
    assert (with_scores.id, with_scores.acknowledged_at) == (f"worsening-{FIRST + 5}", ack.at)
    left = one([rise], [ack])
    assert (left.id, left.acknowledged_at) == (f"worsening-{FIRST + 8}", ack.at)
    answer = Signal("i", "p-1", nominal(FIRST + 8), "answer", FIRST + 8, None, 1.0, "item 9")
    other = replace(ack, alert=f"answer-{FIRST + 5}")
    assert one([answer], [other]).state is State.OPEN, "nobody dealt with this answer"
