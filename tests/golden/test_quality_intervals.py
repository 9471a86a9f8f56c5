"""Intervals of the quality board against SciPy's bootstrap and the survey statistician's formula.

`scipy.stats.bootstrap(paired=True, method="percentile")` draws people anew as the board does; the
linearised variance of a ratio of sums (Cochran 1977, Sampling Techniques, eq. 6.9) and a slope's
jackknife are written out apart from the board's code. What is made of known truths says how often
intervals of few people hold them.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t

from euthymia.care.alerts.by_person import SMALLEST, Kind, Sums, change, quantile, ratio
from euthymia.care.alerts.card import Known, after
from euthymia.care.alerts.contract import Alert, Rule, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.alerts.policy import Outcome
from euthymia.care.alerts.quality import (
    _QUANTILES,
    _RATIOS,
    OF_GROUPS,
    _groups,
    _hidden,
    _slope,
    board,
)
from euthymia.care.alerts.quality_sums import Seen, sums_of
from euthymia.care.alerts.replay import Event, Window
from euthymia.care.summary import Phq9, SubjectSummary
from euthymia.ground.clock import DAY_US
from euthymia.ground.ids import SubjectId


def counts(people: int = 80) -> Sums:
    rng = np.random.default_rng(11)
    days = rng.integers(30, 93, people).astype(np.float64)
    rate = rng.gamma(1.5, 0.01, people)
    judged = rng.poisson(rate * days).astype(np.float64)
    true = rng.binomial(judged.astype(int), 0.35).astype(np.float64)
    names = tuple(f"p-{i}" for i in range(people))
    columns = {"days": days, "judged": judged, "true": true, "none": 0 * days}
    return Sums(names, columns, {})


@pytest.mark.parametrize(
    ("top", "under", "kind", "scale"),
    [("judged", "days", Kind.RATE, 100), ("true", "judged", Kind.SHARE, 1)],
)
def test_a_rate_has_the_interval_of_a_bootstrap_by_person(
    top: str, under: str, kind: Kind, scale: int
) -> None:
    held = counts()
    a, b = held.columns[top], held.columns[under]
    found = ratio(held, top, under, kind, scale)
    assert found is not None
    assert found["estimate"] == pytest.approx(scale * a.sum() / b.sum(), abs=1e-4)
    theirs = bootstrap(
        (a, b), lambda x, y, axis: scale * x.sum(axis) / y.sum(axis), paired=True,
        vectorized=True, method="percentile", n_resamples=4000, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    wide = theirs.high - theirs.low
    assert found["low"] == pytest.approx(theirs.low, abs=0.06 * wide)
    assert found["high"] == pytest.approx(theirs.high, abs=0.06 * wide)
    n, found_ratio = len(a), a.sum() / b.sum()
    error = scale * np.sqrt(n / (n - 1) * ((a - found_ratio * b) ** 2).sum()) / b.sum()
    assert found["high"] - found["low"] == pytest.approx(2 * norm.ppf(0.975) * error, rel=0.1)


def test_of_few_people_or_of_nothing_no_rate_is_told() -> None:
    assert ratio(counts(SMALLEST - 1), "judged", "days", Kind.RATE) is None
    assert ratio(counts(), "judged", "none", Kind.RATE) == {
        "estimate": None, "low": None, "high": None, "of": 0,
    }  # fmt: skip


def test_a_slope_over_time_has_the_interval_of_a_jackknife_of_patients() -> None:
    rng = np.random.default_rng(4)
    day = np.sort(rng.uniform(0, 90, 60))
    taken = (rng.random(60) < 0.9 - 0.006 * day).astype(np.float64)
    each = [str(i) for i in range(60)]
    found = _slope(list(zip(day.tolist(), taken.tolist(), each, strict=True)))
    slope = np.polyfit(day, taken, 1)[0]
    without = [np.polyfit(np.delete(day, i), np.delete(taken, i), 1)[0] for i in range(60)]
    margin = t.ppf(0.975, 59) * np.sqrt(59 / 60 * ((np.array(without) - slope) ** 2).sum())
    assert found["per_30_days"] == pytest.approx(30 * slope, abs=1e-4)
    assert found["low"] == pytest.approx(30 * (slope - margin), abs=1e-4)
    assert found["high"] == pytest.approx(30 * (slope + margin), abs=1e-4)
    assert found["per_30_days"] < 0
    assert _slope([(1.0, 1.0, "p")] * 5)["because"] == "fewer than 20 alerts"
    assert _slope([(5.0, i % 2, str(i)) for i in range(30)])["because"] == "alerts of one day"
    few = [(d, y, str(i % 9)) for i, (d, y) in enumerate(zip(day, taken, strict=True))]
    assert _slope(few)["because"] == "alerts of fewer than 10 patients"
    twice = [(d, y, who) for d, y, who in zip(day, taken, each, strict=True) for _ in range(2)]
    again = _slope(twice)
    assert (again["low"], again["high"]) == (found["low"], found["high"]), "one proof a patient"


def test_of_nothing_or_everything_the_interval_is_exact_and_not_a_point() -> None:
    """R: `binom.test(0, 20)$conf.int` and `binom.test(20, 20)$conf.int`; `poisson.test(0)`."""
    held = counts()
    one = np.zeros(80)
    one[:20] = 3.0  # sixty alerts of twenty people are twenty proofs
    rows = {"judged": one, "true": 0 * one, "events": one, "caught": one, "digest": 0 * one}
    made = Sums(held.people, {**held.columns, **rows}, {})
    assert ratio(made, "true", "judged", Kind.SHARE) == {
        "estimate": 0.0, "low": 0.0, "high": 0.1684, "of": 60,
    }  # fmt: skip
    assert ratio(made, "caught", "events", Kind.SHARE) == {
        "estimate": 1.0, "low": 0.8316, "high": 1.0, "of": 60,
    }  # fmt: skip
    rare = ratio(made, "digest", "days", Kind.RATE, 100)
    assert rare is not None
    assert rare["high"] == pytest.approx(100 * 3.688879 / made.columns["days"].sum(), abs=1e-4)


def test_a_groups_figure_of_few_people_is_not_told_nor_what_gives_it_away() -> None:
    assert _hidden({"a": 22, "b": 1, "c": 14}) == {"b", "c"}, "b is the whole less a and c"
    assert _hidden({"a": 40, "b": 2, "c": 3, "d": 12}) == {"b", "c", "d"}, "five are few too"
    assert _hidden({"a": 40, "b": 2}, others=1, in_others=20) == {"b"}
    assert _hidden({"a": 40, "b": 12}) == set()
    assert _hidden({"a": 40, "b": 12, "c": 30}, others=1, in_others=3) == {"b"}
    names = tuple(f"p-{i}" for i in range(60))
    columns = {k: np.ones(60) for pair in _RATIOS.values() for k in pair[:2]}
    columns["events"] = np.r_[1.0, np.zeros(39), np.ones(20)]  # one of the first forty worsened
    values = {k: (np.arange(60), np.arange(60.0)) for k, _ in _QUANTILES.values()}
    values["lead_days"] = (np.arange(38, 60), np.arange(22.0))  # two of the first forty
    seen = SimpleNamespace(groups={w: {"sex": "ab"[i >= 40]} for i, w in enumerate(names)})
    told = _groups(seen, Sums(names, columns, values))["sex"]
    assert told["a"]["caught"] == told["b"]["caught"] == {"suppressed": True}
    assert told["a"]["alerts_per_100_patient_days"]["of"] == 40
    assert told["b"]["overridden_share"]["estimate"] == 1.0
    assert told["b"]["overridden_share"]["low"] < 0.9
    assert told["a"]["median_lead_days"] == told["b"]["median_lead_days"] == {"suppressed": True}
    assert told["b"]["hours_to_act_median"]["estimate"] == 49.5
    assert told["b"]["act_share"]["of"] == 20, "hours are of those that were: of how many, is told"
    assert set(told["a"]) == {"people", *OF_GROUPS}


@pytest.mark.parametrize(
    ("steps", "silent"),
    [
        pytest.param([(60, Move.RAISE, State.HELD)], True, id="the worsening's own"),
        pytest.param([(70, Move.RAISE, State.HELD)], True, id="later"),
        pytest.param([(40, Move.RAISE, State.HELD)], False, id="before"),
        pytest.param([(5, Move.RAISE, State.HELD), (6, Move.SHOW, State.OPEN)], False, id="stands"),
        pytest.param(
            [(5, Move.RAISE, State.HELD), (6, Move.RESOLVE, State.RESOLVED)], True, id="over"
        ),
        pytest.param(
            [
                (5, Move.RAISE, State.HELD),
                (6, Move.RESOLVE, State.RESOLVED),
                (50, Move.RETURN, State.HELD),
            ],
            False,
            id="came back",
        ),
    ],
)
def test_a_miss_is_silent_where_nothing_was_raised_before_it(
    steps: list[tuple[int, Move, State]], silent: bool
) -> None:
    history = tuple(Step(day * DAY_US, move, state) for day, move, state in steps)
    alert = Alert(
        "score-1", "p-1", "score", Tier.WORKLIST, history[-1].state, (Rule.SCORE,), steps[0][0],
        history[0].at, on=True, history=history,
    )  # fmt: skip
    seen = Seen(
        alerts=[alert],
        signals=[Signal("d", "p-1", 30 * DAY_US, "day", 29)],
        events=[Event("p-1", 60 * DAY_US, "score")],
        outcome=Outcome(window_days=28),
        window=Window(0, 90 * DAY_US),
        groups={},
    )
    found = sums_of(seen, [alert]).columns
    assert (found["events"].tolist(), found["silent"].tolist()) == ([1.0], [float(silent)])


@pytest.mark.parametrize(
    ("moves", "found"),
    [
        pytest.param([], [1, 0, 0, 0, 0], id="nobody did anything"),
        pytest.param([(10.5, Move.ACKNOWLEDGE, "")], [1, 1, 0, 0, 0], id="taken within a day"),
        pytest.param([(11.5, Move.ACKNOWLEDGE, "")], [1, 0, 0, 0, 0], id="taken too late"),
        pytest.param([(12, Move.RESOLVE, "contacted")], [1, 0, 1, 1, 0], id="spoken with"),
        pytest.param([(12, Move.RESOLVE, "data-fault")], [1, 0, 1, 0, 1], id="overridden"),
    ],
)
def test_what_people_did_with_an_alert_is_counted(
    moves: list[tuple[float, Move, str]], found: list[int]
) -> None:
    shown = (
        Step(9 * DAY_US, Move.RAISE, State.HELD), Step(10 * DAY_US, Move.SHOW, State.OPEN),
    )  # fmt: skip
    done = (Step(int(at * DAY_US), m, State.OPEN, "bo", why) for at, m, why in moves)
    alert = Alert(
        "x-1", "p-1", "x", Tier.WORKLIST, State.OPEN, (Rule.DRIFT,), 9, 9 * DAY_US,
        history=(*shown, *done),
    )  # fmt: skip
    for end, first in ((90, found[:2]), (10.9, [0, 0])):  # of whom nobody had a day no share is
        seen = Seen([alert], [], [], Outcome(), Window(0, int(end * DAY_US)), {})
        told = sums_of(seen, [alert]).columns
        assert [told["first"][0], told["taken"][0]] == first
        assert [told[n][0] for n in ("done", "spoken")] == found[2:4]
        wrongly = found[4] if end == 90 else 0  # resolved after the window: not of it
        assert told["resolved_wrongly"][0] == wrongly
        resolved = any(move is Move.RESOLVE for _, move, _ in moves)
        did = [told[f"did_{name}"][0] for name in ("view", "acknowledge", "act")]
        assert did == [bool(moves), bool(moves), resolved]


def test_a_worsening_of_somebody_who_was_never_scored_nor_shown_is_a_silent_miss() -> None:
    """Admitted without a phone, a questionnaire or an alert: of all misses the most silent."""
    admitted = Event("p-1", 60 * DAY_US, "admission")
    found = sums_of(Seen([], [], [admitted], Outcome(), Window(0, 90 * DAY_US), {}), [])
    assert found.people == ("p-1",)
    assert [found.columns[n].tolist() for n in ("events", "silent", "days")] == [[1], [1], [0]]


def test_what_was_overridden_is_the_same_figure_of_a_group_as_of_the_whole() -> None:
    """Ten were shown before the window and resolved in it, ten in it and resolved after it."""

    def of(number: int) -> Alert:
        shown, resolved = (-5, 5) if number < 10 else (80, 95)
        reason = "contacted" if 2 <= number < 10 else "not-relevant"
        history = (
            Step(shown * DAY_US, Move.SHOW, State.OPEN),
            Step(resolved * DAY_US, Move.RESOLVE, State.RESOLVED, "bo", reason),
        )
        return Alert(
            f"x-{number}", f"p-{number:02d}", "x", Tier.WORKLIST, State.RESOLVED, (Rule.DRIFT,),
            9, 0, history=history,
        )  # fmt: skip

    alerts = [of(number) for number in range(20)]
    days = [Signal(f"d-{a.id}", a.subject, DAY_US, "day", 1) for a in alerts]
    groups = {a.subject: {"sex": "one"} for a in alerts}
    found = board(Seen(alerts, days, [], Outcome(), Window(0, 90 * DAY_US), groups))
    whole = found["overrides"]["share"]
    assert (whole["estimate"], whole["of"]) == (0.2, 10)
    assert found["groups"]["sex"]["one"]["overridden_share"] == whole


def test_what_was_measured_before_a_contact_is_no_change_after_it() -> None:
    """Shown on day 10, spoken with on day 30: of scores on days 25 and 50 the second is after."""
    history = (
        Step(10 * DAY_US, Move.RAISE, State.HELD), Step(10 * DAY_US, Move.SHOW, State.OPEN),
        Step(30 * DAY_US, Move.RESOLVE, State.RESOLVED, "bo", "contacted"),
    )  # fmt: skip
    alert = Alert(
        "x-1", "p-1", "x", Tier.WORKLIST, State.RESOLVED, (Rule.DRIFT,), 9, 9 * DAY_US,
        history=history, shown_at=10 * DAY_US,
    )  # fmt: skip
    scores = [
        Signal(f"s-{day}", "p-1", day * DAY_US, "score", day, value=total)
        for day, total in ((5, 14.0), (25, 6.0), (50, 12.0))
    ]
    for known, found in ((scores[:2], [0, 0]), (scores, [1, -2])):
        seen = Seen([alert], known, [], Outcome(), Window(0, 90 * DAY_US), {})
        columns = sums_of(seen, [alert]).columns
        assert [columns["measured"][0], columns["change"][0]] == found
        phq9 = tuple(Phq9(s.at, s.value) for s in known)
        summary = SubjectSummary(SubjectId("p-1"), phq9)
        assert after(alert, Known(summary, 90 * DAY_US)).score_change == (found[1] or None)


def _of_values(people: int, seed: int) -> tuple[Sums, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), rng.integers(0, 4, people))
    values = rng.gamma(2.0, 6.0, who.size) + 3 * (who % 2)
    names = tuple(f"p-{i}" for i in range(people))
    return Sums(names, {}, {"hours": (who, values)}), who, values


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_quantile_has_the_interval_of_a_bootstrap_by_person(share: float) -> None:
    sums, who, values = _of_values(120, 5)
    found = quantile(sums, "hours", share)
    assert found is not None
    assert found["estimate"] == pytest.approx(np.quantile(values, share), abs=1e-4)
    each = [values[who == i] for i in range(120)]
    theirs = bootstrap(
        (np.arange(120),),
        lambda people: np.quantile(
            np.concatenate([each[i] for i in people]), share, method="inverted_cdf"
        ),
        vectorized=False, method="percentile", n_resamples=2000, rng=np.random.default_rng(8),
    ).confidence_interval  # fmt: skip
    wide = theirs.high - theirs.low
    assert found["low"] == pytest.approx(theirs.low, abs=0.12 * wide)
    assert found["high"] == pytest.approx(theirs.high, abs=0.12 * wide)


def test_of_few_values_a_quantile_has_no_end_that_nothing_tells() -> None:
    names = tuple(f"p-{i}" for i in range(30))
    thirty = Sums(names, {}, {"h": (np.arange(30), np.arange(30.0))})
    ninth = quantile(thirty, "h", 0.9)
    assert ninth is not None
    assert ninth["high"] is None, "0.9 ** 30 = 0.042: all thirty may lie under the 90th percentile"
    assert ninth["low"] is not None
    nine = Sums(names, {}, {"h": (np.arange(9), np.arange(9.0))})
    assert quantile(nine, "h", 0.5) == {"estimate": 4.0, "low": None, "high": None, "of": 9}
    assert quantile(Sums(names[:9], {}, {"h": (np.arange(9), np.arange(9.0))}), "h", 0.5) is None


def test_a_share_of_few_people_has_the_interval_of_clopper_and_pearson() -> None:
    """R: `binom.test(2, 7)$conf.int`."""
    names = tuple(f"p-{i}" for i in range(30))
    columns = {"top": np.zeros(30), "under": np.zeros(30)}
    columns["under"][:7], columns["top"][:2] = 1, 1
    found = ratio(Sums(names, columns, {}), "top", "under", Kind.SHARE)
    assert found == {"estimate": 0.2857, "low": 0.0367, "high": 0.7096, "of": 7}


def test_what_changed_between_halves_has_an_interval_that_holds_its_truth() -> None:
    """Of 200 made windows with a fall of 20 points, some 95 in 100 intervals hold it."""
    rng, held = np.random.default_rng(3), 0
    names = tuple(f"p-{i}" for i in range(60))
    for _ in range(200):
        columns = {"a": rng.poisson(2.0, 60).astype(float), "c": rng.poisson(2.0, 60).astype(float)}
        columns["b"] = rng.binomial(columns["a"].astype(int), 0.7).astype(float)
        columns["d"] = rng.binomial(columns["c"].astype(int), 0.5).astype(float)
        found = change(Sums(names, columns, {}), ("b", "a"), ("d", "c"))
        assert found is not None
        held += found["low"] <= -0.2 <= found["high"]
    assert 180 <= held <= 199
    few = {"a": np.r_[np.ones(9), np.zeros(51)], "b": np.zeros(60)}
    assert change(Sums(names, few, {}), ("b", "a"), ("b", "a")) is None


def _made(made: str, under: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what each person adds: 1.0 to each of `under`, or 0.03 to a share."""
    if made == "few":
        return rng.poisson(1.0, under.size).astype(np.float64)
    if made == "of a person":
        return np.asarray(under * rng.normal(1.0, 4.0, under.size))
    return (33.3 if made == "rare" else 1.0) * (rng.random(under.size) < 0.03)


def _holding(kind: Kind, made: str, people: int) -> float:
    """Return how many of 300 intervals hold the truth."""
    rng, held = np.random.default_rng(17), 0
    names = tuple(f"p-{i}" for i in range(people))
    for _ in range(300):
        under = np.ones(people) + rng.poisson(1.0 if kind is Kind.MEAN else 0.0, people)
        columns = {"a": _made(made, under, rng), "b": under}
        found = ratio(Sums(names, columns, {}), "a", "b", kind)
        truth = 0.03 if kind is Kind.SHARE else 1.0
        assert found is not None
        held += found["low"] is not None and found["low"] <= truth <= found["high"]
    return held / 300


@pytest.mark.parametrize(
    ("kind", "made", "people"),
    [
        pytest.param(Kind.RATE, "few", 12, id="a rate of twelve"),
        pytest.param(Kind.RATE, "rare", 100, id="a rate that three of a hundred have part in"),
        pytest.param(Kind.MEAN, "of a person", 12, id="a mean of twelve"),
        pytest.param(Kind.SHARE, "yes", 130, id="a share of four in 130"),
    ],
)
def test_intervals_of_few_people_hold_the_truth(kind: Kind, made: str, people: int) -> None:
    """Drawn percentiles alone hold it 84 to 91 times in a hundred."""
    assert _holding(kind, made, people) >= 0.93


def test_a_slope_of_twelve_patients_holds_the_truth() -> None:
    """The sandwich of clusters with the normal's 1.96 holds it 87 times in a hundred."""
    rng, held = np.random.default_rng(2), 0
    who = np.repeat(np.arange(12), 4)
    for _ in range(300):
        day = 0.7 * rng.uniform(0, 90, 12)[who] + rng.uniform(0, 27, 48)
        taken = rng.random(48) < rng.beta(2.4, 1.6, 12)[who]
        found = _slope(list(zip(day, taken.astype(float), who.astype(str), strict=True)))
        held += found["low"] <= 0 <= found["high"]
    assert held / 300 >= 0.92


def test_what_is_the_same_however_people_are_drawn_has_no_interval_of_a_point() -> None:
    """R: `binom.test(0, 20)`: no contact in either half is no proof that nothing changed."""
    names = tuple(f"p-{i}" for i in range(20))
    sums = Sums(names, {"one": np.ones(20), "none": np.zeros(20)}, {})
    episodes = ratio(sums, "one", "one", Kind.MEAN)
    assert episodes == {"estimate": 1.0, "low": None, "high": None, "of": 20}
    found = change(sums, ("none", "one"), ("none", "one"))
    assert found == {"estimate": 0.0, "low": -0.1684, "high": 0.1684, "of": 40}


def test_the_board_of_a_clinic_counted_by_hand() -> None:
    """Twelve people. The first six have an alert on day 20, and a PHQ-9 before and after.

    Three of them are spoken with within 5 hours, two with "better" and one not asked; one is
    "not relevant" after 30 hours, one is only looked at, one is left. The first four get worse on
    day 30, and so do two of those without an alert.
    """
    names = [f"p-{i:02d}" for i in range(12)]
    hour = DAY_US // 24
    answers = [
        [(5, Move.RESOLVE, "contacted", "better")],
        [(1, Move.VIEW, "", ""), (3, Move.RESOLVE, "contacted", "better")],
        [(2, Move.ACKNOWLEDGE, "", ""), (4, Move.RESOLVE, "care-changed", "")],
        [(30, Move.RESOLVE, "not-relevant", "")],
        [(7, Move.VIEW, "", "")],
        [],
    ]
    alerts = []
    for who, done in zip(names, answers, strict=False):
        at = 20 * DAY_US
        history = (
            Step(at, Move.RAISE, State.HELD),
            Step(at, Move.SHOW, State.OPEN),
            *(
                Step(at + h * hour, move, State.RESOLVED, by="ana", reason=reason, felt=felt)
                for h, move, reason, felt in done
            ),
        )
        alerts.append(
            Alert(
                f"a-{who}",
                who,
                "drift",
                Tier.WORKLIST,
                history[-1].state,
                (Rule.DRIFT,),
                at,
                at,
                on=True,
                history=history,
            )
        )
    signals = [
        Signal(f"d-{who}-{day}", who, day * DAY_US, "day", day)
        for who in names
        for day in range(100)
    ]
    for who in names[:6]:
        signals.append(Signal(f"s-{who}", who, 10 * DAY_US, "score", 10, value=14.0))
        signals.append(Signal(f"t-{who}", who, 40 * DAY_US, "score", 40, value=9.0))
    worse = [Event(who, 30 * DAY_US, "score") for who in (*names[:4], *names[10:])]
    seen = Seen(alerts, signals, worse, Outcome(window_days=28), Window(0, 100 * DAY_US), {})
    found = board(seen)
    assert found["alerts_per_100_patient_days"]["estimate"] == 0.5  # 6 in 1,200
    assert (found["ppv"]["estimate"], found["ppv"]["of"]) == (0.6667, 6)  # 4 of 6
    assert found["number_needed_to_evaluate"]["estimate"] == 1.5
    assert (found["caught"]["estimate"], found["caught"]["of"]) == (0.6667, 6)  # 4 of 6
    assert found["silent_misses"]["estimate"] == 0.3333  # 2 of 6
    assert found["caught_by_chance"]["estimate"] == 0.14  # one alert in 28 of 100 days, for half
    assert found["median_lead_days"]["estimate"] == 10.0
    times = found["times_h"]
    assert [(t["done"], t["of"]) for t in times.values()] == [(5, 6), (4, 6), (4, 6)]
    assert times["view"]["median"]["estimate"] == 5.0  # of 1, 2, 5, 7, 30
    assert times["acknowledge"]["median"]["estimate"] == 4.0  # of 2, 3, 5, 30
    assert times["act"]["median"]["estimate"] == 4.5  # of 3, 4, 5, 30
    assert times["act"]["p90"]["estimate"] == 22.5
    assert found["overrides"]["share"]["estimate"] == 0.25  # 1 of 4
    contact = found["contact"]
    assert (contact["with_contact"], contact["resolved_without_contact"]) == (3, 1)
    assert (contact["with_measured_change"], contact["mean_change"]["estimate"]) == (3, -5.0)
    assert contact["not_asked_how_they_feel"] == 1
    assert contact["felt"]["better"]["estimate"] == 1.0  # both who were asked
    assert contact["felt"]["better"]["low"] == 0.1581  # of two people
    assert [half["alerts"] for half in contact["halves"]] == [6, 0]
    assert contact["change_of_contact"] is None
