"""Subtypes: found where they are, and not where a popular recipe finds them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from euthymia.app.cli import main
from euthymia.ground.errors import SchemaError
from euthymia.models.matching.clusters import (
    adjusted_rand,
    dimensions,
    k_means,
    one_copula,
    one_gaussian,
    stability,
)
from euthymia.models.matching.subtypes import subtypes


def columns(x):
    return {f"c{k}": x[:, k] for k in range(x.shape[1])}


def one_cloud(n=120, seed=1):
    """Return one Gaussian: a single severity behind five items."""
    rng = np.random.default_rng(seed)
    return 2.5 * rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal((n, 5))


def recipe(x):
    """Return what looks like a discovery: clusters of bootstrap samples agree with those of all."""
    rng = np.random.default_rng(0)
    whole = k_means(x, 2, rng)[1]
    found = []
    for _ in range(10):
        drawn = np.unique(rng.integers(len(x), size=len(x)))
        part = k_means(np.ascontiguousarray(x[drawn]), 2, rng)[1]
        found.append(adjusted_rand(part, whole[drawn]))
    return np.mean(found)


def three_clouds(n=120, seed=1):
    rng = np.random.default_rng(seed)
    member = rng.integers(0, 3, n)
    return 2.2 * rng.standard_normal((3, 5))[member] + rng.standard_normal((n, 5)), member


def test_one_gaussian_is_split_the_same_way_each_time_and_is_not_published():
    x = one_cloud()
    assert recipe(one_cloud(400)) > 0.85
    assert stability(x, 2, np.random.default_rng(0)) > 0.6
    found = subtypes(columns(x), columns=list(columns(x)))
    assert not found.published
    assert found.clusters == 1
    assert len(found.dimensions) == 1
    assert "without clusters does as well" in found.why


def test_real_clusters_are_published_and_recovered():
    x, member = three_clouds()
    found = subtypes(columns(x), columns=list(columns(x)))
    assert found.published, found.why
    assert found.clusters == 3
    assert adjusted_rand(found.member, member) > 0.8
    assert [c.people for c in found.found] == sorted((c.people for c in found.found), reverse=True)


@pytest.mark.slow
def test_subtypes_that_respond_differently_are_certified_as_such():
    x, member = three_clouds(n=400, seed=3)
    rng = np.random.default_rng(4)
    arm = rng.integers(0, 2, 400)
    y = np.where(member == 0, 1.5, -1.5) * (arm - 0.5) + rng.standard_normal(400)
    frame = columns(x) | {"arm": arm, "y": y}
    found = subtypes(frame, columns=list(columns(x)), outcome="y", treatment="arm")
    assert found.published
    assert found.treatment_relevant
    assert found.differential_response.covariates == ("subtype",)


def test_agreement_of_partitions():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 3, 200), rng.integers(0, 4, 200)
    mixed = np.where(rng.random(200) < 0.7, one, other)
    assert adjusted_rand(one, mixed) == pytest.approx(sklearn.adjusted_rand_score(one, mixed))


def test_k_means_reaches_what_scikit_learn_reaches():
    sklearn = pytest.importorskip("sklearn.cluster")
    x, _ = three_clouds()
    ours = k_means(x, 3, np.random.default_rng(1))[2]
    theirs = sklearn.KMeans(3, n_init=10, random_state=1).fit(x).inertia_
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_null_clouds_keep_what_they_promise():
    rng = np.random.default_rng(2)
    x = np.maximum(0, np.round(one_cloud(400)))
    copula, gaussian = one_copula(x, rng), one_gaussian(x)
    drawn = [copula(rng) for _ in range(40)]
    assert all(np.array_equal(np.sort(d, axis=0), np.sort(x, axis=0)) for d in drawn)
    mean = np.mean([np.corrcoef(d.T) for d in drawn], axis=0)
    assert np.abs(mean - np.corrcoef(x.T)).max() < 0.04
    cloud = np.concatenate([gaussian(rng) for _ in range(40)])
    assert np.cov(cloud.T) == pytest.approx(np.cov(x.T), abs=0.2)


def test_dimensions_find_the_factors():
    rng = np.random.default_rng(3)
    f = rng.standard_normal((500, 2))
    x = np.column_stack([f[:, [0, 0, 0]], f[:, [1, 1, 1]]]) + 0.5 * rng.standard_normal((500, 6))
    found = dimensions((x - x.mean(axis=0)) / x.std(axis=0), rng)
    assert found.loadings.shape == (6, 2)
    assert np.sort(np.abs(found.loadings), axis=1)[:, 0].max() < 0.15
    best = np.abs(np.corrcoef(found.scores.T, f.T)[:2, 2:]).max(axis=1)
    assert best.min() > 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": ["c0"]}, "at least two"),
        ({"columns": ["c0", "d"]}, "no column d"),
        ({"columns": ["c0", "flat"]}, "does not vary"),
        ({"columns": ["c0", "word"]}, "not a number"),
    ],
)
def test_bad_columns_are_refused_in_words(change, words):
    x = one_cloud(80)
    frame = columns(x) | {"flat": np.ones(80), "word": ["a"] * 80}
    with pytest.raises(SchemaError, match=words):
        subtypes(frame, **change)


def test_command_prints_no_row_of_anybody(tmp_path, capsys):
    file = tmp_path / "people.csv"
    pyarrow.csv.write_csv(pa.table(columns(one_cloud(80))), file)
    assert main(["subtypes", str(file), "--columns", "c0,c1,c2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["published"] is False
    assert {"separation", "stability", "dimensions", "why"} <= set(answer)
    assert "member" not in answer
    assert main(["subtypes", str(file), "--columns", "c0,c1", "--outcome", "c2"]) == 2
