"""Sleep scored from counts, against figures of pyActigraphy 1.2.2, frozen here.

Made with its own functions on the counts below, divided by 30 (it takes the mean of two-second
epochs): `_cole_kripke(counts / 30, 0.001, [106, 54, 58, 76, 230, 74, 67, 0, 0], 1.0)`. Its Sadeh
takes the logarithm of the next minute in place of the scored one; ours is held to the formula.
"""

import math
import statistics

import numpy as np

from euthymia.kernels import sleep_wake

RUNS = [
    101,
    1,
    47,
    102,
    1,
    1,
    1,
    102,
    20,
    1,
    1,
    1,
    8,
    1,
    74,
    1,
    1,
    1,
    43,
    1,
    1,
    31,
    1,
    63,
    3,
    1,
    1,
    1,
    1,
    100,
]


def counts(n=720):
    """Half of every six hours quiet; from a generator anybody can write again."""
    out, seed = np.zeros(n), 12345
    for i in range(n):
        seed = (1103515245 * seed + 12345) % 2**31
        share = seed / 2**31
        asleep = i % 360 >= 150
        out[i] = 0 if asleep and share < 0.8 else round(share * share * (90 if asleep else 400))
    return out


def runs(state):
    edges = np.flatnonzero(np.diff(state)) + 1
    return np.diff(np.concatenate([[0], edges, [state.size]])).tolist()


def test_cole_kripke_is_pyactigraphys():
    state = np.empty(720, np.uint8)
    sleep_wake.cole_kripke(counts(), sleep_wake.TWO_SECONDS_A_MINUTE, state)
    inner = state[4:-4].astype(int)  # it gives none for the first and last four minutes
    assert inner[0] == 0
    assert runs(inner) == RUNS


def test_sadeh_is_the_published_formula():
    x, state = counts(), np.empty(720, np.uint8)
    sleep_wake.sadeh(x, 0.0, state)
    capped = [0.0] * 5 + np.minimum(x, 300).tolist() + [0.0] * 5
    for k in range(720):
        around, six = capped[k : k + 11], capped[k : k + 6]
        score = 7.601 - 0.065 * statistics.fmean(around)
        score -= 1.08 * sum(50 <= v < 100 for v in around)
        score -= 0.056 * statistics.stdev(six) + 0.703 * math.log(capped[k + 5] + 1)
        assert state[k] == (score >= 0)


def test_webster_by_the_rules():
    """A = awake, s = asleep; what is rescored is written w."""
    for scored, expected in (
        ("A" * 4 + "ss", "A" * 4 + "ws"),
        ("A" * 3 + "ss", "A" * 3 + "ss"),
        ("A" * 10 + "s" * 20, "A" * 10 + "www" + "s" * 17),
        ("A" * 15 + "s" * 20, "A" * 15 + "wwww" + "s" * 16),
        ("A" * 10 + "s" * 6 + "A" * 10, "A" * 10 + "w" * 6 + "A" * 10),
        ("A" * 10 + "s" * 7 + "A" * 10, "A" * 10 + "www" + "s" * 4 + "A" * 10),
        ("A" * 20 + "s" * 10 + "A" * 20, "A" * 20 + "w" * 10 + "A" * 20),
        ("A" * 20 + "s" * 10 + "A" * 19, "A" * 20 + "wwww" + "s" * 6 + "A" * 19),
    ):
        state = np.array([c == "s" for c in scored], np.uint8)
        out = np.empty_like(state)
        sleep_wake.webster(state, out)
        assert out.tolist() == [int(c == "s") for c in expected], scored


def test_webster_rescores_the_series_of_pyactigraphys_own_test():
    """All that is scored asleep between runs awake that satisfy the five rules one by one."""
    lengths = (4, 1, 10, 3, 15, 4, 10, 6, 10 + 20, 10, 20)  # awake, asleep, awake, ...
    state = np.repeat(np.arange(len(lengths)) % 2, lengths).astype(np.uint8)
    out = np.empty_like(state)
    sleep_wake.webster(state, out)
    assert not out.any()


def test_webster_looks_at_the_first_scoring_alone():
    """Rule after rule, the three minutes left of seven would fall to the fourth rule."""
    state = np.repeat([0, 1, 0], [15, 7, 10]).astype(np.uint8)
    out = np.empty_like(state)
    sleep_wake.webster(state, out)
    assert out.tolist() == [0] * 19 + [1] * 3 + [0] * 10


def test_minutes_without_counts_are_not_scored():
    x = np.array([0.0, np.nan, 0.0])
    for score, by in ((sleep_wake.cole_kripke, 30.0), (sleep_wake.sadeh, 0.0)):
        state = np.empty(3, np.uint8)
        score(x, by, state)
        assert state.tolist() == [1, sleep_wake.UNKNOWN, 1]
