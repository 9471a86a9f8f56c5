"""Figures of people with their intervals: shares, rates, quantiles, and what changed.

The people are the unit, not their alerts: intervals (95 %) come from drawing people anew, 2,000
times with one seed, and are wider than the drawn percentiles as Student's t is than the normal
(Hesterberg 2015, doi:10.1080/00031305.2015.1089789): as drawn, those of twelve people hold the
truth nine times in ten. Of a share that fewer than `SMALLEST` people say yes to, or no, it is exact
instead (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404, of as many proofs as people); of a
rate that so few have part in too (Garwood 1936, doi:10.1093/biomet/28.3-4.437, of their number),
and what changed between two such shares has theirs by squares (Newcombe 1998, Stat. Med. 17:873).
What else so few people have part in has none, nor has what is the same however people are drawn. A
quantile's has no end where the order of so few values tells none (David & Nagaraja 2003, Order
Statistics, 7.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import hypot, log, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv, ndtr, stdtrit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMALLEST: Final = 10  # people: the usual rule for published counts of patients
DRAWS: Final = 2000
SEED: Final = 20_260_101
TAIL: Final = 0.025
_AT_ONCE: Final = 1 << 22  # weights of values in memory
_KEEP: Final = 4  # decimals


@dataclass(frozen=True, slots=True)
class Sums:
    """What each person adds to the figures.

    `columns`: a number of each of `people`, in their order. `values`: of each person any number of
    values, as (places of their people, values).
    """

    people: tuple[str, ...]
    columns: Mapping[str, Floats]
    values: Mapping[str, tuple[Ints, Floats]]

    def only(self, keep: NDArray[np.bool_]) -> "Sums":
        """Return the people who are kept."""
        place = np.cumsum(keep) - 1
        mine = {name: keep[who] for name, (who, _) in self.values.items()}
        return Sums(
            tuple(who for who, kept in zip(self.people, keep, strict=True) if kept),
            {name: column[keep] for name, column in self.columns.items()},
            {
                name: (place[who[mine[name]]], value[mine[name]])
                for name, (who, value) in self.values.items()
            },
        )

    def having(self, name: str) -> int:
        """Return how many people have part in a column, or in values."""
        if name in self.values:
            return int(np.unique(self.values[name][0]).size)
        return int((self.columns[name] > 0).sum())


@lru_cache(maxsize=1)
def _drawn(n: int) -> Floats:
    """Return how often each of n people is drawn in each draw: the same for every figure."""
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), DRAWS)
    return drawn.astype(np.float64)


def _told(estimate: float | None, low: float | None, high: float | None, of: int) -> dict[str, Any]:
    numbers = {"estimate": estimate, "low": low, "high": high}
    return {k: None if v is None else round(float(v), _KEEP) for k, v in numbers.items()} | {
        "of": of
    }


class Kind(Enum):
    """What a ratio of sums is: it says which exact interval there is."""

    SHARE = "a part of a whole"
    RATE = "events over time"
    MEAN = "a sum over its number"


def ratio(
    sums: Sums, top: str, under: str, kind: Kind, scale: float = 1.0
) -> dict[str, Any] | None:
    """Return a ratio of sums with its interval; None of too few people."""
    if len(sums.people) < SMALLEST:
        return None
    a, b = sums.columns[top], sums.columns[under]
    if b.sum() == 0:
        return _told(None, None, None, 0)
    had, estimate = sums.having(under), a.sum() / b.sum()
    low = high = None
    if kind is Kind.SHARE and _is_few(a, b):
        low, high = _exact(estimate * had, had)
    elif kind is Kind.RATE and (some := int((a > 0).sum())) < SMALLEST:
        low, high = _counted(some, estimate, b.sum())
    elif had >= SMALLEST:
        low, high = _limits(_drawn_ratio(a, b), had)
    return _told(
        scale * estimate,
        None if low is None else scale * low,
        None if high is None else scale * high,
        int(b.sum()),
    )


def _is_few(a: Floats, b: Floats) -> bool:
    """Tell whether few people say yes, or no: drawing them anew does not tell the rare."""
    return min(int((a > 0).sum()), int((b > a).sum())) < SMALLEST


def _exact(x: float, n: int) -> tuple[float, float]:
    """Return the limits of a share of n proofs, of which x (perhaps no whole number) say yes."""
    low = float(betaincinv(x, n - x + 1, TAIL)) if x > 0 else 0.0
    high = float(betaincinv(x + 1, n - x, 1 - TAIL)) if x < n else 1.0
    return low, high


def _counted(some: int, rate: float, time: float) -> tuple[float, float]:
    """Return the limits of a rate that `some` people have part in."""
    if not some:
        return 0.0, -log(TAIL) / time
    low, high = gammaincinv(some, TAIL), gammaincinv(some + 1, 1 - TAIL)
    return rate * float(low) / some, rate * float(high) / some


def _drawn_ratio(a: Floats, b: Floats) -> Floats:
    drawn = _drawn(a.size)
    below = drawn @ b
    found: Floats = np.full(DRAWS, np.nan)
    return np.divide(drawn @ a, below, out=found, where=below > 0)


def _limits(found: Floats, had: int) -> tuple[float | None, float | None]:
    """Return the limits of what was drawn of `had` people; none where it is always the same."""
    tail = float(ndtr(sqrt(had / (had - 1)) * stdtrit(had - 1, TAIL)))
    low, high = np.nanquantile(found, [tail, 1 - tail])
    return (float(low), float(high)) if low < high else (None, None)


def change(sums: Sums, before: tuple[str, str], after: tuple[str, str]) -> dict[str, Any] | None:
    """Return how much a share grew, with its interval; None where few have part in either."""
    had = [sums.having(under) for _, under in (before, after)]
    if min(had) < SMALLEST:
        return None
    halves = [(sums.columns[a], sums.columns[b]) for a, b in (before, after)]
    one, two = (float(a.sum() / b.sum()) for a, b in halves)
    low: float | None
    high: float | None
    if any(_is_few(a, b) for a, b in halves):
        (low1, high1), (low2, high2) = (
            _exact(share * n, n) for share, n in zip((one, two), had, strict=True)
        )
        low = two - one - hypot(two - low2, high1 - one)
        high = two - one + hypot(high2 - two, one - low1)
    else:
        low, high = _limits(_drawn_ratio(*halves[1]) - _drawn_ratio(*halves[0]), min(had))
    return _told(two - one, low, high, int(sum(b.sum() for _, b in halves)))


def quantile(sums: Sums, name: str, share: float) -> dict[str, Any] | None:
    """Return a quantile of values with its interval; None of too few people."""
    if len(sums.people) < SMALLEST:
        return None
    who, values = sums.values[name]
    if not values.size:
        return _told(None, None, None, 0)
    order = np.argsort(values, kind="stable")
    who, values = who[order], values[order]
    had = sums.having(name)
    low = high = None
    if had >= SMALLEST:
        found = np.concatenate(
            [
                _weighted_quantile(values, part[:, who], share)
                for part in np.array_split(
                    _drawn(len(sums.people)), 1 + DRAWS * values.size // _AT_ONCE
                )
            ]
        )
        low, high = _limits(found, had)
        low = low if (1 - share) ** had <= TAIL else None
        high = high if share**had <= TAIL else None
    return _told(float(np.quantile(values, share)), low, high, values.size)


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> Floats:
    """Return a quantile of each row of weights over sorted values; NaN where none is drawn."""
    total = np.cumsum(weights, axis=1)
    whole = total[:, -1:]
    place = np.minimum((total < share * whole).sum(axis=1), values.size - 1)
    return np.where(whole[:, 0] > 0, values[place], np.nan)
