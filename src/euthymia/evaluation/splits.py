"""Ways to hold data out. A person is never on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.resample import people_of


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers to learn from and to predict, and what was left out."""

    train: Ints
    test: Ints
    name: str


def _folds_of_people(
    y: Floats, person: NDArray[np.generic], folds: int, rng: np.random.Generator
) -> Ints:
    """Return a fold for each row: people with and without an event are dealt out in turn."""
    code, people = people_of(person)
    events = np.bincount(code, weights=y, minlength=people) > 0
    fold = np.empty(people, np.int64)
    dealt = 0
    for kind in (True, False):
        who = rng.permutation(np.flatnonzero(events == kind))
        fold[who] = (np.arange(who.size) + dealt) % folds
        dealt += who.size
    return fold[code]


def person_folds(
    y: Floats, person: NDArray[np.generic], *, folds: int, repeats: int, seed: int
) -> tuple[Split, ...]:
    """Return repeated k-fold splits by person, balanced in people who have an event.

    Raises
    ------
    ValueError
        There are fewer people than folds.
    """
    _, people = people_of(person)
    if people < folds:
        raise ValueError("there must be at least as many people as folds")
    rng = np.random.default_rng(seed)
    return tuple(
        Split(np.flatnonzero(fold != part), np.flatnonzero(fold == part), f"{repeat}.{part}")
        for repeat in range(repeats)
        for fold in [_folds_of_people(y, person, folds, rng)]
        for part in range(folds)
    )


def row_folds(y: Floats, *, folds: int, repeats: int, seed: int) -> tuple[Split, ...]:
    """Return splits that ignore who the rows belong to: only to show how far that flatters."""
    return person_folds(y, np.arange(y.size), folds=folds, repeats=repeats, seed=seed)


def leave_site_out(
    y: Floats, person: NDArray[np.generic], site: NDArray[np.str_]
) -> Iterator[Split]:
    """Yield one split a site: learn from all others, predict it (internal-external validation).

    Steyerberg & Harrell 2016, doi:10.1016/j.jclinepi.2015.04.005. A person seen at two sites is
    left out of the training side of both. Sites where only one class was seen, or whose absence
    would leave only one class to learn from, cannot be assessed and are passed over.
    """
    for name in np.unique(site):
        inside = site == name
        there = np.isin(person, person[inside])
        train = np.flatnonzero(~there)
        test = np.flatnonzero(inside)
        if 0 < y[test].mean() < 1 and train.size and 0 < y[train].mean() < 1:
            yield Split(train, test, str(name))
