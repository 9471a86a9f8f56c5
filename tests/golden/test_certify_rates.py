"""How often certificates are given: to real trials, to permuted ones, to planted rules.

    pytest -m slow -s tests/golden/test_certify_rates.py

Each rate is printed with its exact (Clopper-Pearson) 95 % interval.
"""

import sys

import numpy as np
import pytest
from scipy.stats import beta

from euthymia.models import tables
from euthymia.models.matching.certify import certify
from real import DATA, needs_data

TRIALS = DATA / "trials"
UIS = {
    "outcome": "TIME",
    "treatment": "TREAT",
    "better": "higher",
    "site": "SITE",
    "covariates": ("AGE", "BECK", "HC", "IV", "NDT", "RACE"),
}
BLUES = {
    "outcome": "bdi.3m",
    "treatment": "treatment",
    "better": "lower",
    "covariates": ("drug", "length", "bdi.pre"),
}
# baseline of the HELP trial: age, sex, schooling, living, substance, depression, health, support
BASELINE = [
    *("AGE", "A1", "A9", "A13", "PRIMSUB2", "CES_D", "MCS", "PCS", "PSS_FR", "PSS_FA", "INDTOT"),
    *("SEXRISK", "DRUGRISK", "SATREAT"),
]
HELP = {"treatment": "GROUP", "covariates": tuple(f"{c}_0" for c in BASELINE)}


def rate(hits, of):
    low = beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return hits / of, low, high


def tell(what, hits, of):
    share, low, high = rate(hits, of)
    say(f"{what}: {hits} of {of} certified, {share:.3f} [{low:.3f}, {high:.3f}]")


def say(line):
    sys.stdout.write(line + "\n")


def help_trial(month):
    """Return the HELP trial, a row a person: baseline, and outcomes after so many months."""
    table = tables.read_frame(TRIALS / "help_full.csv.gz")
    time, person = tables.numbers(table, "TIME"), tables.numbers(table, "ID")
    first = {p: i for i, p in enumerate(person) if time[i] == 0}
    later = {p: i for i, p in enumerate(person) if time[i] == month}
    rows = np.array(list(first.values()))
    frame = {"GROUP": tables.texts(table, "GROUP")[rows]}
    for name in BASELINE:
        frame[f"{name}_0"] = tables.numbers(table, name)[rows]
    for name in ("CES_D", "MCS"):
        values = tables.numbers(table, name)
        frame[name] = np.array([values[later[p]] if p in later else np.nan for p in first])
    return frame


@pytest.mark.slow
@needs_data
def test_no_rule_of_the_real_trials_is_certified():
    asked = {
        "uis": (TRIALS / "uis.csv", UIS),
        "uis, all columns": (TRIALS / "uis.csv", UIS | {"covariates": ()}),
        "beat the blues, 3 months": (TRIALS / "beat_the_blues.csv", BLUES),
        "beat the blues, 8 months": (TRIALS / "beat_the_blues.csv", BLUES | {"outcome": "bdi.8m"}),
        "HELP, depression at 6": (help_trial(6), HELP | {"outcome": "CES_D", "better": "lower"}),
        "HELP, depression at 24": (help_trial(24), HELP | {"outcome": "CES_D", "better": "lower"}),
        "HELP, mental health at 6": (help_trial(6), HELP | {"outcome": "MCS", "better": "higher"}),
    }
    for name, (frame, question) in asked.items():
        found = certify(frame, **question)
        gain = found.honest_gain
        say(
            f"{name}: apparent {found.apparent_gain:.2f}, honest {gain.estimate:.2f}"
            f" [{gain.low:.2f}, {gain.high:.2f}], p {found.permutation_p:.2f},"
            f" needs {found.needed_n}, has {found.people}"
        )
        assert not found.certified, name
        assert found.apparent_gain > found.honest_gain.estimate


@pytest.mark.slow
@needs_data
def test_permuted_trials_are_not_certified():
    """Treatment is dealt anew between people (of a site): whatever rule is found is chance."""
    rng = np.random.default_rng(1)
    uis = tables.read_frame(TRIALS / "uis.csv")
    blues = tables.read_frame(TRIALS / "beat_the_blues.csv")
    all_hits, all_of = 0, 0
    for name, frame, question, draws in (
        ("uis", uis, UIS, 40),
        ("beat the blues", blues, BLUES, 40),
        ("HELP", help_trial(6), HELP | {"outcome": "CES_D", "better": "lower"}, 30),
    ):
        columns = tables.read_frame(frame).to_pydict()
        rows = len(columns[question["treatment"]])
        site = np.array(columns.get(question.get("site"), ["one"] * rows))
        arm = np.array(columns[question["treatment"]])
        hits = 0
        for _ in range(draws):
            dealt = arm.copy()
            for s in np.unique(site):
                inside = np.flatnonzero(site == s)
                dealt[inside] = rng.permutation(arm[inside])
            hits += certify(columns | {question["treatment"]: dealt}, **question).certified
        tell(f"permuted {name}", hits, draws)
        all_hits, all_of = all_hits + hits, all_of + draws
    tell("permuted, all", all_hits, all_of)
    assert all_hits / all_of <= 0.05


def planted(gain, kind, n, seed, *, columns=8, effect=0.0):
    """Return a trial in which the best rule gains so many standard deviations over the best arm."""
    rng = np.random.default_rng(seed)
    x, arm = rng.standard_normal((n, columns)), rng.integers(0, 2, n)
    main = 0.5 * x[:, 0] + 0.3 * x[:, 1]
    turn = {
        "linear": x[:, 1],
        "step": np.sign(x[:, 1]),
        "two questions": np.where((x[:, 1] > 0) ^ (x[:, 2] > 0), 1.0, -1.0),
    }[kind]
    size = 0.0
    for _ in range(60):  # the outcome's deviation grows with the effect
        size = gain * np.sqrt(0.34 + 1 + size**2 * np.mean(turn**2) / 4) / (np.abs(turn).mean() / 2)
    y = main + (size * turn + effect) * (arm - 0.5) + rng.standard_normal(n)
    frame = {f"x{k}": x[:, k] for k in range(columns)}
    return frame | {
        "arm": np.array(["usual", "new"])[arm],
        "y": y,
        "site": rng.choice(list("abc"), n),
    }


ASKED = {"outcome": "y", "treatment": "arm", "better": "higher", "site": "site"}


@pytest.mark.slow
def test_a_planted_fifth_of_a_standard_deviation_is_certified_at_a_thousand_people():
    all_hits, all_of = 0, 0
    for kind in ("linear", "step", "two questions"):
        found = [certify(planted(0.2, kind, 1000, 100 + s), **ASKED) for s in range(20)]
        hits = sum(f.certified for f in found)
        honest = np.mean([f.honest_gain.estimate / f.outcome_sd for f in found])
        apparent = np.mean([f.apparent_gain / f.outcome_sd for f in found])
        tell(f"planted 0.2, {kind} (honest {honest:.3f}, apparent {apparent:.3f})", hits, 20)
        all_hits, all_of = all_hits + hits, all_of + 20
    tell("planted 0.2, all", all_hits, all_of)
    assert all_hits / all_of >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_no_rule_where_there_is_none(effect):
    found = [
        certify(planted(0.0, "linear", 250, s, columns=6, effect=effect), **ASKED)
        for s in range(100)
    ]
    hits = sum(f.certified for f in found)
    covered = np.mean([f.honest_gain.low <= 0 for f in found])
    tell(f"no rule, average effect {effect} (interval reaches 0 in {covered:.2f})", hits, 100)
    assert hits <= 5


@pytest.mark.slow
def test_people_needed_are_enough():
    """At the number of people that a refusal names, the gain it speaks of is mostly certified."""
    small = certify(planted(0.2, "linear", 150, 7), **ASKED, worthwhile=0.2)
    found = [certify(planted(0.2, "linear", small.needed_n, 300 + s), **ASKED) for s in range(30)]
    hits = sum(f.certified for f in found)
    tell(f"planted 0.2 at the {small.needed_n} people needed", hits, 30)
    assert hits / 30 >= 0.5
