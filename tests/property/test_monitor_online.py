"""A day's scores are the same bits however the days arrive, and depend on no later day."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.care.monitor.evaluate import Trial
from euthymia.care.monitor.norms import Norms, fit
from euthymia.care.monitor.panel import Days
from euthymia.care.monitor.score import Scores, Walk
from euthymia.care.monitor.trials import simulated
from euthymia.simulate.watched import Asked

DAYS = 160


@pytest.fixture(scope="module")
def cohort() -> Trial:
    return simulated(Asked(subjects=20, days=DAYS, seed=901))


@pytest.fixture(scope="module")
def norms(cohort: Trial) -> Norms:
    return fit(cohort.panel)


def same(a: Scores, b: Scores, until: int) -> bool:
    pairs = [(getattr(a, f.name)[:until], getattr(b, f.name)[:until]) for f in fields(Scores)]
    return all(x.tobytes() == y.tobytes() for x, y in pairs)


@settings(max_examples=10, deadline=None)
@given(person=st.integers(0, 19), cuts=st.lists(st.integers(1, DAYS), max_size=6))
def test_online_is_batch(cohort: Trial, norms: Norms, person: int, cuts: list[int]) -> None:
    days = cohort.panel.people[person]
    frozen = (days.first + 20, days.first + 70)
    batch = Walk(cohort.panel.features, norms, frozen=frozen).go(days)
    walk = Walk(cohort.panel.features, norms, frozen=frozen)
    for cut in sorted(cuts):
        part = walk.go(days.until(cut))
        assert same(part, batch, cut)
    assert same(walk.go(days), batch, DAYS)


def test_one_day_at_a_time_is_batch(cohort: Trial, norms: Norms) -> None:
    days = cohort.panel.people[3]
    batch = Walk(cohort.panel.features, norms).go(days)
    walk = Walk(cohort.panel.features, norms)
    for cut in range(1, DAYS + 1):
        found = walk.go(days.until(cut))
    assert same(found, batch, DAYS)


@settings(max_examples=10, deadline=None)
@given(person=st.integers(0, 19), cut=st.integers(1, DAYS - 1), seed=st.integers(0, 99))
def test_no_day_looks_ahead(cohort: Trial, norms: Norms, person: int, cut: int, seed: int) -> None:
    days = cohort.panel.people[person]
    other = days.values.copy()
    other[cut:] = np.random.default_rng(seed).normal(0, 50, other[cut:].shape)
    changed = Days(days.first, other, days.away, days.excused)
    a = Walk(cohort.panel.features, norms).go(days)
    b = Walk(cohort.panel.features, norms).go(changed)
    assert same(a, b, cut)


def test_a_walk_goes_forward(cohort: Trial, norms: Norms) -> None:
    days = cohort.panel.people[0]
    walk = Walk(cohort.panel.features, norms)
    walk.go(days)
    with pytest.raises(ValueError, match="forward"):
        walk.go(days.until(10))
