"""Whole sites are left out, one by one or in groups, and a site's people never teach its model."""

import numpy as np
import pytest

from euthymia.models.estimators import estimator
from euthymia.models.estimators.contract import Sample
from euthymia.models.sites import MOST_SPLITS, UNKNOWN, leave_sites_out, site_splits
from euthymia.models.uncertainty import uncertainty


def _people(sites, each, seed, effect=0.0):
    """Sites differ in how many respond, which must not look like knowing who does."""
    rng = np.random.default_rng(seed)
    site = np.repeat([f"s{i:03}" for i in range(sites)], each).astype("<U16")
    x = rng.normal(size=(site.size, 3))
    base = rng.normal(0, 1.5, sites).repeat(each)
    y = (rng.random(site.size) < 1 / (1 + np.exp(-base - effect * x[:, 0]))).astype(float)
    return Sample(x, y, np.array([f"p{i}" for i in range(site.size)])), site


@pytest.mark.parametrize("sites", [2, 7, MOST_SPLITS, MOST_SPLITS + 1, 150])
def test_every_site_is_left_out_once_and_whole(sites):
    sample, site = _people(sites, 6, seed=1)
    y = np.arange(site.size) % 2.0
    splits = site_splits(y, sample.person, site, seed=4)
    assert len(splits) == min(sites, MOST_SPLITS)
    judged = np.concatenate([s.test for s in splits])
    assert sorted(judged.tolist()) == list(range(site.size))
    for split in splits:
        assert set(site[split.train]).isdisjoint(site[split.test])
    sizes = [s.test.size for s in splits]
    assert max(sizes) - min(sizes) <= 6


def test_somebody_seen_at_two_sites_teaches_neither_model():
    sample, site = _people(4, 6, seed=1)
    person = sample.person.copy()
    person[6] = person[0]
    for split in site_splits(sample.y, person, site, seed=1):
        assert set(person[split.train]).isdisjoint(person[split.test])


def test_rows_of_unknown_site_are_learned_from_and_not_judged():
    sample, site = _people(3, 6, seed=1)
    site[:6] = UNKNOWN
    splits = site_splits(sample.y, sample.person, site, seed=1)
    assert len(splits) == 2
    assert all(set(range(6)) <= set(split.train.tolist()) for split in splits)
    assert site_splits(sample.y, sample.person, np.full(site.size, UNKNOWN), seed=1) == ()


def test_without_signal_the_auc_at_left_out_sites_is_a_half():
    """Pooled over sites it would be far below: a site left out moves the others' rate away."""
    within, pooled = [], []
    for seed in range(10):
        sample, site = _people(8, 20, seed)
        found = leave_sites_out(
            estimator("logistic"), sample, [("all", np.arange(3))], site, 0.5, seed=seed
        )
        assert found is not None
        within.append(found.figures["auc"].estimate)
        order = np.argsort(np.argsort(found.held.p)) + 1.0
        y = found.held.y
        n1, n0 = y.sum(), (1 - y).sum()
        pooled.append((order[y == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    assert abs(np.mean(within) - 0.5) < 0.04
    assert np.mean(pooled) < 0.45


def test_conformal_sets_are_calibrated_on_left_out_sites():
    sample, site = _people(12, 30, seed=3, effect=2.0)
    found = leave_sites_out(
        estimator("logistic"), sample, [("all", np.arange(3))], site, 0.5, seed=1
    )
    made = uncertainty(found.held, found, seed=1)
    assert made.groups == "site"
    assert made.check.with_event.high > 0.9 > made.check.with_event.low - 0.05
    assert made.audit()["verdict"].startswith("covers")
    assert "Calibrated on left-out groups (site)" in made.words
