"""Subtypes, published only if they are there: clusters above what a cloud without any shows.

Where they are not, the same columns are described as dimensions. Whether subtypes matter for
treatment is asked with the certificate of `certify`, on the subtype alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.ground.errors import SchemaError
from euthymia.models import tables
from euthymia.models.matching.certificate import Certificate, finite
from euthymia.models.matching.certify import certify
from euthymia.models.matching.clusters import (
    AboveNull,
    Cloud,
    above_null,
    dimensions,
    k_means,
    one_copula,
    one_gaussian,
    separation,
    stability,
)

MOST: Final = 6
DRAWS: Final = 99  # null clouds of each kind behind the p of separation
STABILITY_DRAWS: Final = 39
LEVEL: Final = 0.05
FEWEST: Final = 60
STABLE: Final = 0.75  # below this the halves of the data disagree on who belongs where


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster: its share of the people and its means, in standard deviations."""

    name: str
    people: int
    share: float
    profile: dict[str, float]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One factor: its share of the variance and its loadings."""

    name: str
    share: float
    loadings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Subtypes:
    """Clusters that were found or not, what they were compared with, and dimensions instead.

    `member` and `scores` are a row each of the table, for Python; they are not printed.
    """

    published: bool
    clusters: int
    separation: dict[str, AboveNull]
    stability: dict[str, AboveNull]
    found: tuple[Cluster, ...]
    dimensions: tuple[Dimension, ...]
    differential_response: Certificate | None
    treatment_relevant: bool
    why: str
    people: int
    columns: tuple[str, ...]
    member: Ints
    scores: Floats

    def to_dict(self) -> dict[str, Any]:
        """Return plain values without anybody's row."""
        hidden = {"member", "scores", "differential_response"}
        whole = {k: v for k, v in asdict(self).items() if k not in hidden}
        response = self.differential_response
        whole["differential_response"] = None if response is None else response.to_dict()
        return finite(whole)  # type: ignore[no-any-return]


def subtypes(
    frame: tables.Frame,
    *,
    columns: Sequence[str],
    outcome: str | None = None,
    treatment: str | None = None,
    better: Literal["higher", "lower"] = "higher",
    site: str | None = None,
    positive: str | None = None,
    seed: int = 1,
    where: str = "",
) -> Subtypes:
    """Return clusters of people if they stand above a cloud without any, else dimensions.

    Parameters
    ----------
    frame : path, frame or mapping
        One row a person.
    columns : sequence of str
        Numbers to cluster on, at least two.
    outcome, treatment, better, site, positive
        With both of the first: whether the subtypes respond differently (see `certify`).

    Raises
    ------
    SchemaError
        A column is not there, is no number, does not vary or is mostly missing; too few people.
    """
    table = tables.read_frame(frame, where=where)
    name = where or "the table"
    x = _standardised(table, tuple(columns), name)
    rng = np.random.default_rng(seed)
    clouds: dict[str, Cloud] = {"one Gaussian": one_gaussian(x), "one copula": one_copula(x, rng)}
    k, apart = _separated(x, clouds, rng)
    stable = _stable(x, k, clouds, rng)
    published = _passes(apart, stable)
    member = k_means(x, k, rng)[1]
    order = np.argsort(-np.bincount(member, minlength=k))
    member = np.argsort(order)[member].astype(np.int64)
    axes = dimensions(x, rng)
    response = None
    if outcome and treatment and published:
        response = _response(table, member, outcome, treatment, better, site, positive, seed, name)
    relevant = response is not None and response.certified
    return Subtypes(
        published=published,
        clusters=k if published else 1,
        separation=apart,
        stability=stable,
        found=_profiles(x, member, tuple(columns)) if published else (),
        dimensions=tuple(
            Dimension(f"dimension {d}", float(share), _named(loadings, columns))
            for d, (share, loadings) in enumerate(zip(axes.share, axes.loadings.T, strict=True), 1)
        ),
        differential_response=response,
        treatment_relevant=relevant,
        why=_why(published, k, apart, stable, response, axes.share.size),
        people=x.shape[0],
        columns=tuple(columns),
        member=member if published else np.zeros(x.shape[0], np.int64),
        scores=axes.scores,
    )


def _standardised(table: pa.Table, columns: tuple[str, ...], where: str) -> Floats:
    if len(set(columns)) < 2:
        raise SchemaError("name at least two columns to cluster on")
    tables.require(table, columns, where=where)
    if table.num_rows < FEWEST:
        raise SchemaError(
            f"{where}: {table.num_rows} rows; at least {FEWEST} people are needed to tell clusters"
            " from chance"
        )
    made = []
    for name in columns:
        values = tables.numbers(table, name, where=where)
        known = ~np.isnan(values)
        if known.mean() < 0.5:
            raise SchemaError(f"{where}, column {name}: more than half of it is missing")
        if values[known].min() == values[known].max():
            raise SchemaError(f"{where}, column {name}: does not vary")
        filled = np.where(known, values, np.median(values[known]))
        made.append((filled - filled.mean()) / filled.std())
    return np.ascontiguousarray(np.column_stack(made))


def _separated(
    x: Floats, clouds: dict[str, Cloud], rng: np.random.Generator
) -> tuple[int, dict[str, AboveNull]]:
    """Return the number of clusters that stands out most, and how it compares with the nulls.

    The figure is the largest over all numbers of clusters, in null standard deviations, of the
    variance between clusters; the nulls' figure is the same: one decision whatever was tried.
    """
    sizes = range(2, MOST + 1)
    own = np.array([separation(x, k, rng) for k in sizes])
    compared, votes = {}, np.zeros(own.size)
    for name, cloud in clouds.items():
        drawn = (cloud(rng) for _ in range(DRAWS))
        null = np.array([[separation(c, k, rng) for k in sizes] for c in drawn])
        middle, spread = null.mean(axis=0), null.std(axis=0, ddof=1) + 1e-12
        z = (own - middle) / spread
        votes += z
        compared[name] = above_null(float(z.max()), ((null - middle) / spread).max(axis=1))
    return int(sizes[int(votes.argmax())]), compared


def _stable(
    x: Floats, k: int, clouds: dict[str, Cloud], rng: np.random.Generator
) -> dict[str, AboveNull]:
    own = stability(x, k, rng)
    return {
        name: above_null(
            own, np.array([stability(cloud(rng), k, rng) for _ in range(STABILITY_DRAWS)])
        )
        for name, cloud in clouds.items()
    }


def _passes(apart: dict[str, AboveNull], stable: dict[str, AboveNull]) -> bool:
    figures = [*apart.values(), *stable.values()]
    return all(f.p <= LEVEL for f in figures) and all(s.observed >= STABLE for s in stable.values())


def _named(values: Floats, columns: Sequence[str]) -> dict[str, float]:
    return {n: float(v) for n, v in zip(columns, values, strict=True)}


def _profiles(x: Floats, member: Ints, columns: tuple[str, ...]) -> tuple[Cluster, ...]:
    found = []
    for number in range(int(member.max()) + 1):
        rows = member == number
        profile = _named(x[rows].mean(axis=0), columns)
        found.append(Cluster(f"subtype {number + 1}", int(rows.sum()), float(rows.mean()), profile))
    return tuple(found)


def _response(
    table: pa.Table,
    member: Ints,
    outcome: str,
    treatment: str,
    better: Literal["higher", "lower"],
    site: str | None,
    positive: str | None,
    seed: int,
    where: str,
) -> Certificate:
    """Ask whether choosing treatment by subtype alone beats one arm for all."""
    names = [n for n in (outcome, treatment, site) if n]
    tables.require(table, names, where=where)
    held = table.select(names).append_column(
        "subtype", pa.array([f"subtype {m + 1}" for m in member])
    )
    return certify(
        held,
        outcome=outcome,
        treatment=treatment,
        better=better,
        site=site,
        covariates=("subtype",),
        positive=positive,
        seed=seed,
        where=where,
    )


def _why(
    published: bool,
    k: int,
    apart: dict[str, AboveNull],
    stable: dict[str, AboveNull],
    response: Certificate | None,
    factors: int,
) -> str:
    far = ", ".join(f"p {f.p:.2g} against {name}" for name, f in apart.items())
    own = next(iter(stable.values())).observed
    held = ", ".join(f"{f.null_mean:.2f} in {name} (p {f.p:.2g})" for name, f in stable.items())
    said = f"{k} clusters: separation {far}; stability {own:.2f}, against {held}"
    if not published:
        return (
            f"not published as subtypes: {said}. A cloud without clusters does as well; described"
            f" as {factors} dimension{'s' if factors > 1 else ''}."
        )
    if response is None:
        return f"published: {said}. Whether they respond differently was not asked."
    verdict = "" if response.certified else "not shown to be "
    return f"published: {said}. Their responses are {verdict}different: {response.why}"
