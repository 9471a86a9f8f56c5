"""Are there people under two names: rows of different people that are too alike for chance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.resample import people_of

LEVEL: Final = 1e-3  # of finding any pair where there is none, on each of the two ways of looking
_NEIGHBOURS: Final = 10  # the tenth nearest person says how far apart people usually are
_MIDDLE: Final = 5  # the fifth too, where so many rows have copies that the nearest says nothing
_CROWDED: Final = 0.5  # of the distance that those two foretell: nearer is not how people lie
_ASKED: Final = 3000  # rows that are compared with all others, at most
_SHARE: Final = 0.5  # of the shorter record: below it two people had a few days alike
_BLOCK: Final = 3_000_000  # distances held at once
_SAME: Final = 0.995  # rank correlation: the same measurement in another unit
_VALUES: Final = 30  # of a column at least, and
_OF_PEOPLE: Final = 0.1  # for each person so many, for it to tell people apart
_NEAR: Final = 0.15  # of the usual distance to the nearest: farther is not a copy with noise
_SEVERAL: Final = (5, 0.01, 0.3)
"""So many pairs that no one of them would be called a copy alone, with this share of them false
(Benjamini & Hochberg 1995), none farther than this share of the usual distance."""
_OFTEN: Final = 0.1  # of the rows: a value that so many have says little
_AGREE: Final = 0.8  # of the columns of few values


@dataclass(frozen=True, slots=True)
class Copies:
    """Two people whose rows are alike: an example of a row of each, and how alike."""

    first_row: int
    second_row: int
    rows_alike: int
    share: float
    exact: bool


def _ranks(x: Floats) -> Floats:
    """Return the columns as ranks of mean 0 and spread 1, 0 where not known."""
    out = np.zeros(x.shape)
    for j, column in enumerate(x.T):
        known = ~np.isnan(column)
        _, place = np.unique(column[known], return_inverse=True)
        count = np.bincount(place)
        rank = (np.cumsum(count) - (count - 1) / 2)[place]
        spread = rank.std() if rank.size else 0.0
        if spread > 0:
            out[known, j] = (rank - rank.mean()) / spread
    return out


def _own(x: Floats) -> Ints:
    """Return the columns that vary and are no other column over again (in another unit)."""
    ranks = _ranks(x)
    alike = np.abs(ranks.T @ ranks) / x.shape[0]
    kept: list[int] = []
    for j in range(x.shape[1]):
        if alike[j, j] > 0.05 and not any(alike[j, k] >= _SAME for k in kept):
            kept.append(j)
    return np.array(kept, np.int64)


def _rich(x: Floats, people: int) -> NDArray[np.bool_]:
    """Tell which columns have so many values that two people hardly share one."""
    distinct = np.array([np.unique(c[~np.isnan(c)]).size for c in x.T])
    return distinct >= max(_VALUES, _OF_PEOPLE * people)


def _scaled(x: Floats) -> Floats:
    """Return columns of median 0 and spread 1, gaps in the middle, far values drawn in."""
    spread = np.nanstd(x, axis=0)
    z = np.clip((x - np.nanmedian(x, axis=0)) / np.where(spread > 0, spread, 1.0), -6, 6)
    return np.where(np.isnan(z), 0.0, z)


def _surprise(x: Floats, rows: tuple[Ints, Ints], rich: NDArray[np.bool_]) -> Floats:
    """Return how unlikely it is that pairs of rows agree so [nat].

    How rare the shared value of each column is: of many values among all rows, of few among the
    rows like the pair in the two columns before it that it goes with most. Answers of one
    questionnaire go together: taken alone, each would look like a coincidence of its own.
    """
    ranks = _ranks(x)
    thirds = np.digitize(ranks, (-0.5, 0.5)).astype(np.int64)
    together = np.abs(ranks.T @ ranks)
    total = np.zeros(rows[0].size)
    for j, column in enumerate(x.T):
        near = np.argsort(-together[j, :j], kind="stable")[:2]
        _, code = np.unique(column, return_inverse=True, equal_nan=True)
        alone = rich[j] or not near.size
        cell = 0 * code if alone else thirds[:, near] @ np.array([3, 1])[: near.size]
        like = np.bincount(cell)
        both = cell * (int(code.max()) + 1) + code
        count = np.bincount(both)
        alike = code[rows[0]] == code[rows[1]]
        share = np.maximum(count[both[rows[0]]] - 1, 0.5) / np.maximum(like[cell[rows[0]]] - 1, 1)
        total += np.where(alike, -np.log(np.minimum(share, 1.0)), 0.0)
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


def _nearest(z: Floats, code: Ints, asked: Ints) -> tuple[Ints, Floats, Floats, Floats]:
    """Return each asked row's nearest row of another person, distances to 1st, 5th and 10th."""
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(code[order]) != 0])
    people = starts.size
    k = min(_NEIGHBOURS, people - 1)
    square = (z**2).sum(axis=1)
    nearest = np.empty(asked.size, np.int64)
    first, middle, last = np.empty((3, asked.size))
    for start in range(0, asked.size, max(1, _BLOCK // z.shape[0])):
        rows = asked[start : start + max(1, _BLOCK // z.shape[0])]
        gap = square[rows][:, None] + square[None] - 2 * z[rows] @ z.T
        gap[code[rows][:, None] == code[None]] = np.inf
        by_person = np.minimum.reduceat(gap[:, order], starts, axis=1)
        inside = slice(start, start + rows.size)
        nearest[inside] = gap.argmin(axis=1)
        ranked = np.partition(by_person, (_MIDDLE - 1, k - 1), axis=1)
        middle[inside], last[inside] = ranked[:, _MIDDLE - 1], ranked[:, k - 1]
        # the subtraction above loses digits where rows are almost the same
        first[inside] = ((z[rows] - z[nearest[inside]]) ** 2).sum(axis=1)
    first, middle, last = (np.sqrt(np.maximum(d, 0)) for d in (first, middle, last))
    return nearest, first, middle, last


def _usual(first: Floats, middle: Floats, last: Floats) -> tuple[float, float]:
    """Return in how many directions rows lie, and how far away the nearest other person is.

    Both are medians over rows, which is that of the honest rows where less than half are copies.
    Where more are (every row once over, or oversampled), the nearest is far closer than the fifth
    and tenth foretell, (r5 / r10)^d ~ Beta(5, 5) with the median one half, and those say it.
    """
    half = float(np.log(1 - 0.5 ** (1 / (_NEIGHBOURS - 1))))

    def directions(share: Floats, log: float) -> float:
        return log / float(np.log(np.clip(np.median(share), 1e-6, 1 - 1e-6)))

    far = directions(middle / last, float(np.log(0.5)))
    foretold = float(np.median(last)) * float(np.exp(half / far))
    nearest = float(np.median(first))
    if nearest < _CROWDED * foretold:
        return far, foretold
    return directions(first / last, half), nearest


def _spread(x: Floats, rows: Ints, others: Ints) -> Floats:
    """Return in how many columns the rows of each pair could differ by any amount.

    Not where one has a gap (both lie in the middle then) or a value that many have, such as a 0.
    """
    free = ~np.isnan(x)
    for j, column in enumerate(x.T):
        _, place, count = np.unique(column, return_inverse=True, return_counts=True)
        free[:, j] &= count[place] < max(_OFTEN * column.size, 2)
    return np.asarray(np.maximum((free[rows] & free[others]).sum(axis=1), 1), np.float64)


def _close_rows(x: Floats, code: Ints, seed: int) -> list[tuple[int, int]]:
    """Return pairs far closer than neighbours are, given how many directions the rows fill.

    With d directions the ratio r of the nearest to the k-th nearest distance has P(ratio <= r) =
    1 - (1 - r^d)^(k - 1); d from the same ratios (Facco et al. 2017,
    doi:10.1038/s41598-017-11873-y). Only columns of many values say how close people are, and the
    others must agree for the most part.
    """
    people = int(np.unique(code).size)
    rich = _rich(x, people)
    if rich.sum() < 2 or people < 2 * _NEIGHBOURS:
        return []
    z = _scaled(x[:, rich])
    asked = np.arange(z.shape[0])
    if asked.size > _ASKED:
        asked = np.sort(np.random.default_rng(seed).choice(asked, _ASKED, replace=False))
    nearest, first, middle, last = _nearest(z, code, asked)
    usable = (first > 0) & (last > 0)
    if usable.sum() < _NEIGHBOURS:
        return []
    ratio = first[usable] / last[usable]
    directions, usual = _usual(first[usable], middle[usable], last[usable])
    spread = _spread(x[:, rich], asked[usable], nearest[usable])
    close = np.clip(ratio, 0, 1 - 1e-12) ** np.minimum(min(directions, 8.0), spread)
    chance = -np.expm1((_NEIGHBOURS - 1) * np.log1p(-close))
    apart = first[usable] / usual
    sure = (chance * asked.size <= LEVEL) & (apart <= _NEAR)
    places = np.flatnonzero(usable)[sure | _by_their_number(chance, apart, asked.size)]
    few = x[:, ~rich]
    agree = few[asked[places]] == few[nearest[places]]
    agree |= np.isnan(few[asked[places]]) & np.isnan(few[nearest[places]])
    alike = agree.mean(axis=1) >= _AGREE if few.shape[1] else np.ones(places.size, bool)
    return [(int(asked[i]), int(nearest[i])) for i in places[alike]]


def _by_their_number(chance: Floats, apart: Floats, asked: int) -> NDArray[np.bool_]:
    """Tell which near pairs are too many to be chance, though each of them might be."""
    least, false, far = _SEVERAL
    ranked = np.sort(chance)
    below = np.flatnonzero(ranked <= false * np.arange(1, ranked.size + 1) / asked)
    if not below.size:
        return np.zeros(chance.size, bool)
    found = (chance <= ranked[below[-1]]) & (apart <= far)
    return found if found.sum() >= least else np.zeros(chance.size, bool)


def _unlikely(x: Floats, pairs: list[tuple[int, int]], people: int) -> list[tuple[int, int]]:
    """Return the pairs of equal rows that chance would not make among all pairs."""
    if not pairs or not x.shape[1]:
        return []
    rows = (np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]))
    limit = 2 * np.log(x.shape[0]) - np.log(LEVEL)
    surprise = _surprise(x, rows, _rich(x, people))
    return [pair for pair, s in zip(pairs, surprise, strict=True) if s > limit]


def suspected_copies(x: Floats, person: NDArray[np.generic], *, seed: int) -> tuple[Copies, ...]:
    """Return pairs of people whose records are too alike to be two people's.

    Two ways of looking: rows equal in every column (or in every column of many values), where so
    many rare values do not agree by chance among all pairs; and rows far closer than neighbours
    are. A pair of people is named where half of the shorter record is alike.

    Parameters
    ----------
    x : shape [n, p]
        Numbers (categories as codes), NaN where not known.
    """
    code, people = people_of(person)
    used = x[:, _own(x)] if people > 1 and x.shape[1] else x[:, :0]
    if not used.shape[1]:
        return ()
    equal = set(_unlikely(used, _equal_rows(used, code), people))
    rich = used[:, _rich(used, people)]
    if 2 <= rich.shape[1] < used.shape[1]:
        equal |= set(_unlikely(rich, _equal_rows(rich, code), people))
    close = _close_rows(used, code, seed)
    return _people_alike(code, sorted(equal), close, min(1.0, _ASKED / x.shape[0]))


def held_together(person: NDArray[np.generic], copies: tuple[Copies, ...]) -> NDArray[np.generic]:
    """Return whose row each is, suspected copies under one name: neither is judged by the other."""
    if not copies:
        return person
    names, code = np.unique(person, return_inverse=True)
    head = np.arange(names.size)
    for c in copies:
        a, b = head[code[c.first_row]], head[code[c.second_row]]
        head[head == max(a, b)] = min(a, b)
    return np.asarray(names[head[code]])


def _people_alike(
    code: Ints, equal: list[tuple[int, int]], close: list[tuple[int, int]], asked: float
) -> tuple[Copies, ...]:
    count = np.bincount(code)
    alike: dict[tuple[int, int], list[tuple[int, int, bool]]] = {}
    for exact, pairs in ((True, equal), (False, close)):
        for a, b in pairs:
            low, high = (a, b) if code[a] <= code[b] else (b, a)
            alike.setdefault((int(code[low]), int(code[high])), []).append((low, high, exact))
    found = []
    for (a, b), rows in alike.items():
        shorter = a if count[a] <= count[b] else b
        mine = {r[0] if code[r[0]] == shorter else r[1] for r in rows}
        share = len(mine) / count[shorter]
        exact = any(r[2] for r in rows)
        if share >= _SHARE * (1.0 if exact else asked):
            low, high, _ = min(rows)
            found.append(Copies(low, high, len(mine), float(min(1.0, share)), exact))
    return tuple(sorted(found, key=lambda c: (-c.share, c.first_row)))
