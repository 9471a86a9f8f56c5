"""Are there people under two names: rows of different people that are too alike for chance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.resample import people_of

LEVEL: Final = 1e-3  # of finding any pair where there is none, on each of the two ways of looking
_NEIGHBOURS: Final = 10  # the tenth nearest person says how far apart people usually are
_ASKED: Final = 3000  # rows that are compared with all others, at most
_SHARE: Final = 0.5  # of the shorter record: below it two people had a few days alike
_BLOCK: Final = 3_000_000  # distances held at once


@dataclass(frozen=True, slots=True)
class Copies:
    """Two people whose rows are alike: an example of a row of each, and how alike."""

    first_row: int
    second_row: int
    rows_alike: int
    share: float
    exact: bool


def _ready(x: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return columns on the scale of their ranks, gaps in the middle, and where the gaps are."""
    missing = np.isnan(x)
    spread = np.nanstd(np.where(missing.all(axis=0), 0.0, x), axis=0)
    used = spread > 0
    part = x[:, used]
    middle, scale = np.nanmedian(part, axis=0), spread[used]
    z = np.clip((part - middle) / scale, -6, 6)
    return np.where(np.isnan(z), 0.0, z), missing[:, used]


def _surprise(x: Floats, rows: tuple[Ints, Ints]) -> Floats:
    """Return how unlikely it is that two independent rows agree so [nat]: rare values count."""
    total = np.zeros(rows[0].size)
    for column in x.T:
        _, code, count = np.unique(column, return_inverse=True, return_counts=True, equal_nan=True)
        share = count / column.size
        alike = code[rows[0]] == code[rows[1]]
        agree = float((share**2).sum())
        rare = -np.log(share[code[rows[0]]])
        usual = -np.log(max(agree, 1e-12))
        total += np.where(alike, np.minimum(rare, 2 * usual + 1), 0.0)
    return total


def _equal_rows(x: Floats, code: Ints) -> list[tuple[int, int]]:
    """Return pairs of rows of different people that are equal in every column."""
    filled = np.ascontiguousarray(np.where(np.isnan(x), -1.5e300, x + 0.0))
    _, group = np.unique(filled, axis=0, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1)
    found = []
    for run in runs:
        if run.size > 1 and np.unique(code[run]).size > 1:
            first = run[0]
            found += [(int(first), int(r)) for r in run[1:] if code[r] != code[first]]
    return found


def _nearest(z: Floats, code: Ints, asked: Ints) -> tuple[Ints, Floats, Floats]:
    """Return each asked row's nearest row of another person, and distances to the 1st and 10th."""
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(code[order]) != 0])
    people = starts.size
    k = min(_NEIGHBOURS, people - 1)
    square = (z**2).sum(axis=1)
    nearest, first, last = (
        np.empty(asked.size, np.int64),
        np.empty(asked.size),
        np.empty(asked.size),
    )
    for start in range(0, asked.size, max(1, _BLOCK // z.shape[0])):
        rows = asked[start : start + max(1, _BLOCK // z.shape[0])]
        gap = square[rows][:, None] + square[None] - 2 * z[rows] @ z.T
        gap[code[rows][:, None] == code[None]] = np.inf
        by_person = np.minimum.reduceat(gap[:, order], starts, axis=1)
        inside = slice(start, start + rows.size)
        nearest[inside] = gap.argmin(axis=1)
        ranked = np.partition(by_person, (0, k - 1), axis=1)
        last[inside] = ranked[:, k - 1]
        # the subtraction above loses digits where rows are almost the same
        first[inside] = ((z[rows] - z[nearest[inside]]) ** 2).sum(axis=1)
    return nearest, np.sqrt(np.maximum(first, 0)), np.sqrt(np.maximum(last, 0))


def _close_rows(x: Floats, code: Ints, seed: int) -> list[tuple[int, int]]:
    """Return pairs far closer than neighbours are, given how many directions the rows fill.

    With d directions the ratio r of the nearest to the k-th nearest distance has P(ratio <= r) =
    1 - (1 - r^d)^(k - 1); d from the same ratios (Facco et al. 2017,
    doi:10.1038/s41598-017-11873-y).
    """
    z, _ = _ready(x)
    people = int(np.unique(code).size)
    if z.shape[1] < 2 or people < 2 * _NEIGHBOURS:
        return []
    asked = np.arange(z.shape[0])
    if asked.size > _ASKED:
        asked = np.sort(np.random.default_rng(seed).choice(asked, _ASKED, replace=False))
    nearest, first, last = _nearest(z, code, asked)
    usable = (first > 0) & (last > 0)
    if usable.sum() < _NEIGHBOURS:
        return []
    ratio = first[usable] / last[usable]
    # the median is that of the honest rows where less than half are copies
    half = np.log(1 - 0.5 ** (1 / (_NEIGHBOURS - 1)))
    directions = min(float(half / np.log(np.clip(np.median(ratio), 1e-6, 1 - 1e-6))), 8.0)
    chance = -np.expm1((_NEIGHBOURS - 1) * np.log1p(-(np.clip(ratio, 0, 1 - 1e-12) ** directions)))
    places = np.flatnonzero(usable)[chance * asked.size <= LEVEL]
    return [(int(asked[i]), int(nearest[i])) for i in places]


def suspected_copies(x: Floats, person: NDArray[np.generic], *, seed: int) -> tuple[Copies, ...]:
    """Return pairs of people whose records are too alike to be two people's.

    Two ways of looking: rows equal in every column, where so many rare values do not agree by
    chance among all pairs; and rows far closer than neighbours are. A pair of people is named
    where half of the shorter record is alike.

    Parameters
    ----------
    x : shape [n, p]
        Numbers (categories as codes), NaN where not known.
    """
    code, people = people_of(person)
    if people < 2:
        return ()
    equal = _equal_rows(x, code)
    if equal:
        rows = (np.array([a for a, _ in equal]), np.array([b for _, b in equal]))
        limit = 2 * np.log(x.shape[0]) - np.log(LEVEL)
        equal = [pair for pair, s in zip(equal, _surprise(x, rows), strict=True) if s > limit]
    close = _close_rows(x, code, seed)
    count = np.bincount(code)
    alike: dict[tuple[int, int], list[tuple[int, int, bool]]] = {}
    for exact, pairs in ((True, equal), (False, close)):
        for a, b in pairs:
            low, high = (a, b) if code[a] <= code[b] else (b, a)
            who = (int(code[low]), int(code[high]))
            alike.setdefault(who, []).append((low, high, exact))
    found = []
    asked = min(1.0, _ASKED / x.shape[0])
    for (a, b), rows_alike in alike.items():
        shorter = a if count[a] <= count[b] else b
        mine = {r[0] if code[r[0]] == shorter else r[1] for r in rows_alike}
        share = len(mine) / count[shorter]
        exact = any(r[2] for r in rows_alike)
        if share >= _SHARE * (1.0 if exact else asked):
            low, high, _ = min(rows_alike)
            found.append(Copies(low, high, len(mine), float(min(1.0, share)), exact))
    return tuple(sorted(found, key=lambda c: (-c.share, c.first_row)))
