"""Counting values instead of sorting rows: the same areas, and fits of a bootstrap that agree."""

import numpy as np
import pytest

from euthymia.evaluation import cells, confounds
from euthymia.evaluation.logistic import fit_logistic
from euthymia.evaluation.splits import person_folds


def _table(seed, people=40, rows=3):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), rows)
    trait = rng.normal(size=people)[person]
    y = (rng.random(person.size) < 1 / (1 + np.exp(-trait))).astype(float)
    return rng, person, trait, y


@pytest.mark.parametrize("kind", ["number", "gaps", "words", "constant in a fold"])
def test_counting_gives_the_areas_and_intervals_of_sorting(kind, monkeypatch):
    rng, person, trait, y = _table(4)
    values = {
        "number": np.round(trait) + rng.integers(0, 2, y.size),
        "gaps": np.where(rng.random(y.size) < 0.2, np.nan, np.round(trait)),
        "words": np.array(["a", "b", "c"])[np.digitize(trait, [-0.3, 0.8])],
        "constant in a fold": (np.arange(y.size) == 5) * 1.0,
    }[kind]
    splits = person_folds(y, person, folds=5, repeats=2, seed=1)
    labels = np.vstack([y, rng.permutation(y), rng.permutation(y)])
    draws = confounds._Draws.of(person, 60, 3)
    counted = confounds._areas(values, labels, splits)
    alone = confounds._alone(values, y, splits, 0.5, draws)
    monkeypatch.setattr(confounds, "MOST", 0)
    assert counted == pytest.approx(confounds._areas(values, labels, splits), abs=1e-12)
    sorted_rows = confounds._alone(values, y, splits, 0.5, draws)
    assert (alone.estimate, alone.low, alone.high) == pytest.approx(
        (sorted_rows.estimate, sorted_rows.low, sorted_rows.high), abs=1e-12
    )


def test_a_variable_of_a_thousand_categories_needs_no_table_of_each_with_each():
    rng = np.random.default_rng(2)
    people = 3000
    y = (rng.random(people) < 0.3).astype(float)
    place = np.array([f"z{i}" for i in rng.integers(0, 1000, people)])
    row = confounds.alone(place, y, np.arange(people), seed=1, repeats=1)
    assert row is not None
    assert 0.4 < row[0].estimate < 0.6


def test_counts_add_up_to_the_rows_of_each_repeat():
    _, person, _, y = _table(5)
    splits = person_folds(y, person, folds=5, repeats=3, seed=1)
    found = cells.Cells(person % 4, 4, splits).count(y[None], np.ones((1, y.size)))
    assert found.rows.sum() == 3 * y.size
    assert found.events.sum() == 3 * y.sum()
    train = found.training(3)
    assert (train.rows + found.rows).sum(axis=2) == pytest.approx(np.full((1, 15), y.size))


@pytest.mark.parametrize("ridge", [1e-6, 0.5])
def test_fits_that_begin_at_their_mean_end_where_each_ends_alone(ridge):
    rng, _, trait, y = _table(6, people=60, rows=2)
    x = np.column_stack([trait, rng.normal(size=y.size)])
    weights = rng.multinomial(y.size, np.full(y.size, 1 / y.size), 20).astype(float)
    weights[3] = y  # events alone: not defined
    together = fit_logistic(x, y, weights, ridge=ridge)
    apart = np.vstack([fit_logistic(x, y, one[None], ridge=ridge) for one in weights])
    assert np.isnan(together[3]).all()
    np.testing.assert_allclose(together, apart, atol=1e-7)
