"""Intervals of the quality board against SciPy's bootstrap and the survey statistician's formula.

`scipy.stats.bootstrap(paired=True, method="percentile")` draws people anew as the board does; the
linearised variance of a ratio of sums (Cochran 1977, Sampling Techniques, eq. 6.9) and the sandwich
of White 1980 (doi:10.2307/1912934, HC0) are written out as matrices, apart from the board's code.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from euthymia.care.alerts.contract import Alert, Rule, Signal, Step, Tier
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.alerts.policy import Outcome
from euthymia.care.alerts.quality import (
    _OF_GROUPS,
    SMALLEST,
    Seen,
    _Counts,
    _counts,
    _groups,
    _hidden,
    _ratio,
    _slope,
)
from euthymia.care.alerts.replay import Event, Window
from euthymia.ground.clock import DAY_US


def counts(people: int = 80) -> _Counts:
    rng = np.random.default_rng(11)
    days = rng.integers(30, 93, people).astype(np.float64)
    rate = rng.gamma(1.5, 0.01, people)
    judged = rng.poisson(rate * days).astype(np.float64)
    true = rng.binomial(judged.astype(int), 0.35).astype(np.float64)
    names = tuple(f"p-{i}" for i in range(people))
    return _Counts(names, {"days": days, "judged": judged, "true": true, "none": 0 * days})


@pytest.mark.parametrize(
    ("top", "under", "scale"), [("judged", "days", 100), ("true", "judged", 1)]
)
def test_a_rate_has_the_interval_of_a_bootstrap_by_person(top: str, under: str, scale: int) -> None:
    held = counts()
    a, b = held.columns[top], held.columns[under]
    found = _ratio(held, top, under, scale)
    assert found is not None
    assert found["estimate"] == pytest.approx(scale * a.sum() / b.sum(), abs=1e-4)
    theirs = bootstrap(
        (a, b), lambda x, y, axis: scale * x.sum(axis) / y.sum(axis), paired=True,
        vectorized=True, method="percentile", n_resamples=4000, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    wide = theirs.high - theirs.low
    assert found["low"] == pytest.approx(theirs.low, abs=0.06 * wide)
    assert found["high"] == pytest.approx(theirs.high, abs=0.06 * wide)
    n, ratio = len(a), a.sum() / b.sum()
    error = scale * np.sqrt(n / (n - 1) * ((a - ratio * b) ** 2).sum()) / b.sum()
    assert found["high"] - found["low"] == pytest.approx(2 * norm.ppf(0.975) * error, rel=0.1)


def test_of_few_people_or_of_nothing_no_rate_is_told() -> None:
    assert _ratio(counts(SMALLEST - 1), "judged", "days") is None
    assert _ratio(counts(), "judged", "none") == {
        "estimate": None, "low": None, "high": None, "of": 0,
    }  # fmt: skip


def test_a_slope_over_time_has_the_interval_of_whites_sandwich() -> None:
    rng = np.random.default_rng(4)
    day = np.sort(rng.uniform(0, 90, 60))
    taken = (rng.random(60) < 0.9 - 0.006 * day).astype(np.float64)
    found = _slope(list(zip(day.tolist(), taken.tolist(), strict=True)))
    design = np.stack([np.ones(60), day], axis=1)
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ taken
    left = taken - design @ beta
    error = np.sqrt((bread @ (design.T * left**2 @ design) @ bread)[1, 1])
    assert found["per_30_days"] == pytest.approx(30 * beta[1], abs=1e-4)
    assert found["low"] == pytest.approx(30 * (beta[1] - 1.96 * error), abs=1e-4)
    assert found["high"] == pytest.approx(30 * (beta[1] + 1.96 * error), abs=1e-4)
    assert found["per_30_days"] < 0
    assert _slope([(1.0, 1.0)] * 5)["per_30_days"] is None


def test_of_nothing_or_everything_the_interval_is_exact_and_not_a_point() -> None:
    """R: `binom.test(0, 20)$conf.int` and `binom.test(20, 20)$conf.int`; `poisson.test(0)`."""
    held = counts()
    one = np.zeros(80)
    one[:20] = 3.0  # sixty alerts of twenty people are twenty proofs
    rows = {"judged": one, "true": 0 * one, "events": one, "caught": one, "digest": 0 * one}
    made = _Counts(held.people, {**held.columns, **rows})
    assert _ratio(made, "true", "judged") == {
        "estimate": 0.0, "low": 0.0, "high": 0.1684, "of": 60,
    }  # fmt: skip
    assert _ratio(made, "caught", "events") == {
        "estimate": 1.0, "low": 0.8316, "high": 1.0, "of": 60,
    }  # fmt: skip
    rare = _ratio(made, "digest", "days", 100)
    assert rare is not None
    assert rare["high"] == pytest.approx(100 * 3.688879 / made.columns["days"].sum(), abs=1e-4)


def test_a_groups_figure_of_few_people_is_not_told_nor_what_gives_it_away() -> None:
    assert _hidden({"a": 22, "b": 1, "c": 14}) == {"b", "c"}, "b is the whole less a and c"
    assert _hidden({"a": 40, "b": 2, "c": 3, "d": 12}) == {"b", "c", "d"}, "five are few too"
    assert _hidden({"a": 40, "b": 2}, others=1, in_others=20) == {"b"}
    assert _hidden({"a": 40, "b": 12}) == set()
    assert _hidden({"a": 40, "b": 12, "c": 30}, others=1, in_others=3) == {"b"}
    names = tuple(f"p-{i}" for i in range(60))
    columns = {k: np.ones(60) for pair in _OF_GROUPS.values() for k in pair[:2]}
    columns["events"] = np.r_[1.0, np.zeros(39), np.ones(20)]  # one of the first forty worsened
    seen = SimpleNamespace(groups={w: {"sex": "ab"[i >= 40]} for i, w in enumerate(names)})
    told = _groups(seen, _Counts(names, columns))["sex"]
    assert told["a"]["caught"] == told["b"]["caught"] == {"suppressed": True}
    assert told["a"]["alerts_per_100_patient_days"]["of"] == 40
    assert told["b"]["overridden"]["estimate"] == 1.0
    assert told["b"]["overridden"]["low"] < 0.9


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
    found = _counts(seen, [alert]).columns
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
        told = _counts(seen, [alert]).columns
        assert [told["first"][0], told["taken"][0]] == first
        assert [told[n][0] for n in ("done", "spoken", "overridden")] == found[2:]
