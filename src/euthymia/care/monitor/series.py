"""One person's series alone: no cohort, lines from the person's own first weeks.

The first days are the baseline; it grows by days that lie two weeks back. Lines come from the
baseline too: series without a change are made of its own days (their vectors of residuals drawn
anew with the day-to-day memory put back: a sieve bootstrap, Buehlmann 1997, doi:10.2307/3318584),
each is watched with a baseline of its own learnt from as few days, and the line is where one alarm
in the stated number of days opens. So the error of a short baseline is in the line.

Where no direction of worse is named, the composite looks along the line on which the baseline days
differ most, both ways; the MEWMA looks everywhere in any case.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.contract import Lines
from euthymia.care.monitor.lines import Judged, episode_days, level, set_lines
from euthymia.care.monitor.norms import DESIGN, correlation_of
from euthymia.care.monitor.panel import weekday
from euthymia.care.monitor.score import BETS
from euthymia.ground.errors import SchemaError
from euthymia.kernels.watch_baseline import growing_baseline
from euthymia.kernels.watch_scores import composite_cusum, day_evidence, e_detector, mewma

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_BASELINE_VALUES: Final = 10  # days with a value of a column: fewer say nothing of its spread
CARRY: Final = 0.3  # a usual day-to-day correlation of daily means, worth `CARRY_DAYS` days
CARRY_DAYS: Final = 14.0
MOST_CARRY: Final = 0.7
SHRINK: Final = 0.3  # of a correlation matrix that rests on four weeks
ALIKE: Final = 0.25  # of the other columns' median spread: a column that never moved gets that
COPIES: Final = 200  # made series
WARM: Final = 20  # days of a made series that are thrown away
SMOOTH: Final = 0.5  # normal noise in drawn residuals: four weeks hold no rare days
LENGTH: Final = 240  # days each, after its baseline
FAR: Final = 50.0  # between-person spread [spreads]: no prior on where a person's level lies


@dataclass(frozen=True, slots=True)
class Series:
    """Daily means of one person: `values` (days, columns) of consecutive days from `first` on."""

    first: int
    names: tuple[str, ...]
    worse: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Own:
    """What the baseline days say is usual."""

    prior: Floats
    carry: float
    correlation: Floats
    ridged: Floats
    scale: float
    direction: Floats  # of the composite, in spreads

    @property
    def memory(self) -> float:
        """How many days weigh as much as one independent day."""
        return (1 + self.carry) / (1 - self.carry)


@dataclass(frozen=True, slots=True)
class Watched:
    """Scores of every day, as in `ScoreStream`, and the lines; `z` is smoothed."""

    composite: Floats
    mewma: Floats
    log_e: Floats
    level: Floats
    episode: Floats
    z: Floats
    lines: Lines


def usual(series: Series, baseline_days: int) -> Own:
    """Return what the first days say is usual.

    Raises
    ------
    SchemaError
        If the series is not longer than its baseline, or a column has too few values in it.
    """
    if len(series.values) <= baseline_days:
        raise SchemaError(
            f"the series is {len(series.values)} days long: there is nothing to watch after a "
            f"baseline of {baseline_days} days; name fewer --baseline-days"
        )
    base = series.values[:baseline_days]
    known = np.isfinite(base).sum(axis=0)
    if known.min() < MIN_BASELINE_VALUES:
        short = [n for n, k in zip(series.names, known, strict=True) if k < MIN_BASELINE_VALUES]
        raise SchemaError(
            f"the baseline of {baseline_days} days has under {MIN_BASELINE_VALUES} days with a "
            f"value of {', '.join(short)}: name more --baseline-days, or leave the column out"
        )
    mean, spread = np.nanmean(base, axis=0), np.nanstd(base, axis=0, ddof=1)
    moving = spread[spread > 0]
    if not moving.size:
        raise SchemaError("no column moves in the baseline: there is nothing to tell a change from")
    spread = np.maximum(spread, ALIKE * float(np.median(moving)))
    prior = np.ascontiguousarray(np.stack([mean, spread, FAR * spread], axis=1))
    z = (base - mean) / spread
    carry = _carry(z)
    correlation = correlation_of(z, SHRINK)
    count = len(correlation)
    ridged = (correlation + DESIGN.ridge * np.eye(count)) / (1 + DESIGN.ridge)
    direction = series.worse.astype(np.float64)
    if not direction.any():
        values, vectors = np.linalg.eigh(correlation)
        direction = vectors[:, int(np.argmax(values))] * np.sqrt(count)
    toward, amount = np.zeros(len(z)), np.zeros(len(z))
    day_evidence(np.ascontiguousarray(z), direction, ridged, 0, toward, amount)
    scale = float((toward**2).sum() / max(amount.sum(), 1e-9)) or 1.0
    return Own(prior, carry, correlation, np.ascontiguousarray(ridged), scale, direction)


def _carry(z: Floats) -> float:
    """Return the day-to-day correlation of the baseline, shrunk to what is usual."""
    pair = z[1:] * z[:-1]
    both = np.isfinite(pair)
    days = float(both.any(axis=1).sum())
    own = float(pair[both].mean()) if both.any() else CARRY
    # a correlation of n days around their own mean is too low by about (1 + 3 r) / n
    own += (1 + 3 * own) / max(days, 1.0)
    return float(np.clip((days * own + CARRY_DAYS * CARRY) / (days + CARRY_DAYS), 0, MOST_CARRY))


def scores(
    values: Floats, first: int, own: Own, worse: Ints, baseline_days: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return composite, MEWMA, log e-value and smoothed distances of every day."""
    d, days = DESIGN, len(values)
    rows = np.ascontiguousarray(values.T)
    weekend = np.ascontiguousarray(weekday(np.arange(first, first + days)) >= 5)
    kept, centre, spread = np.empty(rows.shape), np.empty(rows.shape), np.empty(rows.shape)
    growing_baseline(
        rows, kept, weekend, baseline_days, d.lag, own.prior, own.memory, centre, spread
    )
    z = np.ascontiguousarray(np.clip((rows - centre) / spread, -d.bound, d.bound).T)
    z[:baseline_days] = np.nan
    toward, amount = np.zeros(days), np.zeros(days)
    day_evidence(z, own.direction, own.ridged, 0, toward, amount)
    toward, amount = toward / own.scale, amount / own.scale
    up, down = _cusum(toward, amount, own), np.zeros(days)
    with np.errstate(divide="ignore", invalid="ignore"):
        day_score = np.where(amount > 0, toward / np.sqrt(amount), np.nan)
    log_e = _wealth(day_score, own)
    if not worse.any():
        down = _cusum(-toward, amount, own)
        log_e = np.logaddexp(log_e, _wealth(-day_score, own)) - np.log(2)
    smooth, variance, far = np.zeros(z.shape), np.zeros(z.shape), np.zeros(days)
    mewma(z, own.correlation, d.rate, own.memory, d.floor, 0, smooth, variance, far)
    return np.maximum(up, down), far, log_e, smooth


def _cusum(toward: Floats, amount: Floats, own: Own) -> Floats:
    none, out = np.zeros((toward.size, 1)), np.zeros(toward.size)
    d = DESIGN
    composite_cusum(toward, amount, none, d.shift, own.memory, d.hold, 0, np.zeros(none.shape), out)
    return out


def _wealth(day_score: Floats, own: Own) -> Floats:
    out, wealth = np.zeros(day_score.size), np.zeros((day_score.size, BETS.size))
    d = DESIGN
    e_detector(
        np.ascontiguousarray(day_score), BETS, d.e_bound, own.carry, d.margin, 0, wealth, out
    )
    return out


def own_lines(series: Series, own: Own, baseline_days: int, budget_days: float, seed: int) -> Lines:
    """Return lines that a series like the baseline, without a change, passes once in the budget."""
    rng = np.random.default_rng(seed)
    base = (series.values[:baseline_days] - own.prior[:, 0]) / own.prior[:, 1]
    residual = base[1:] - own.carry * base[:-1]
    seen = _standard(residual[np.isfinite(residual).any(axis=1)])
    root = np.asarray(np.linalg.cholesky(own.correlation), np.float64)
    gone = np.minimum(1 - np.isfinite(series.values).mean(axis=0), 0.6)
    judged = []
    days = baseline_days + LENGTH
    for _ in range(COPIES):
        made = _made(rng, seen, root, own.carry, days)
        made[rng.random(made.shape) < gone] = np.nan
        judged.append(_judged(made, series, baseline_days))
    return set_lines(judged, budget_days, Lines(1.0, 1.0, policy="own baseline"))


def _standard(rows: Floats) -> Floats:
    """Return columns of mean 0 and spread 1; NaN stays, also whole columns of it."""
    known = np.isfinite(rows)
    n = np.maximum(known.sum(axis=0), 1)
    left = rows - np.where(known, rows, 0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, left**2, 0).sum(axis=0) / n)
    return np.asarray(left / np.maximum(spread, 1e-9), np.float64)


def _made(rng: np.random.Generator, seen: Floats, root: Floats, carry: float, days: int) -> Floats:
    """Return a series without a change: residuals drawn anew and smoothed, with memory put back."""
    size = days + WARM
    drawn = rng.normal(size=(size, len(root))) @ root.T
    again = seen[rng.integers(0, len(seen), size)]
    again = np.where(np.isfinite(again), again, drawn)
    shocks = np.sqrt(1 - SMOOTH**2) * again + SMOOTH * drawn
    made = np.empty(shocks.shape)
    made[0] = shocks[0]
    for t in range(1, size):
        made[t] = carry * made[t - 1] + np.sqrt(1 - carry**2) * shocks[t]
    return made[WARM:]


def _judged(made: Floats, series: Series, baseline_days: int) -> Judged:
    """Watch a made series exactly as the real one is: with what its own first days say."""
    copy = Series(series.first, series.names, series.worse, made)
    try:
        own = usual(copy, baseline_days)
    except SchemaError:  # too few values were drawn: this copy says nothing
        none = np.zeros(len(made))
        return Judged(none, none, np.zeros(len(made), np.bool_))
    composite, far, _, _ = scores(made, series.first, own, series.worse, baseline_days)
    well = np.arange(len(made)) >= baseline_days
    return Judged(composite, far, well)


def watch_series(
    series: Series, baseline_days: int = 28, budget_days: float = 365.0, seed: int = 1
) -> Watched:
    """Watch one series.

    Parameters
    ----------
    series : Series
    baseline_days : int
        The first days, which are taken to be the person's usual.
    budget_days : float
        Days to one false alarm.
    seed : int
        Of the made series that the lines rest on.
    """
    own = usual(series, baseline_days)
    lines = own_lines(series, own, baseline_days, budget_days, seed)
    composite, far, log_e, smooth = scores(
        series.values, series.first, own, series.worse, baseline_days
    )
    most = level(composite, far, lines)
    most[:baseline_days] = np.nan
    return Watched(composite, far, log_e, most, episode_days(most, lines), smooth, replace(lines))


def told(series: Series, found: Watched) -> list[dict[str, Any]]:
    """Return the episodes: first and last day, how far, and what changed."""
    out, last = [], len(found.level) - 1
    for opened in np.unique(found.episode[np.isfinite(found.episode)]).astype(int).tolist():
        rows = np.flatnonzero(found.episode == opened)
        over = rows[found.level[rows] >= 1.0]
        peak = int(rows[np.nanargmax(found.level[rows])])
        kind = (
            "composite"
            if found.composite[opened] / found.lines.composite
            >= found.mewma[opened] / found.lines.mewma
            else "mewma"
        )
        z = found.z[peak]
        order = np.argsort(-np.abs(z))[:5]
        out.append(
            {
                "opened": series.first + opened,
                "last": series.first + int(over[-1]),
                "closed": None if rows[-1] == last else series.first + int(rows[-1]),
                "kind": kind,
                "times_line": round(float(found.level[peak]), 3),
                "changes": [
                    {"column": series.names[j], "sd": round(float(z[j]), 3)} for j in order
                ],
            }
        )
    return out
