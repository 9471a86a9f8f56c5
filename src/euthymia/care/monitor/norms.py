"""What is usual in a clinic: the prior of new patients, weekday, season, correlation, absence.

Fitted on relapse-free days. Nothing in it is about one person.
"""

import hashlib
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.panel import HALF_YEAR_AND_MORE, Days, Panel, harmonics, weekday
from euthymia.ground.errors import SchemaError
from euthymia.kernels.watch_scores import day_evidence

Floats = NDArray[np.float64]

MIN_VALUES: Final = 14  # days with a value, before a person's own mean and spread count
MIN_PEOPLE: Final = 5  # with fewer nothing can be said of what is usual between people
SHRINK: Final = 0.1  # of the correlation matrix towards its mean: pairs seen on few days together
MIN_PAIRS: Final = 10  # days on which both of a pair were seen; fewer say nothing
MOST_STICK: Final = 100.0  # a device is either there or not: more is a fault of few days
WILD: Final = 3.0  # spreads
MOST_MEMORY: Final = 0.8  # a higher day-to-day correlation is a trend, and not memory


@dataclass(frozen=True, slots=True)
class Design:
    """The constants of the detectors. Chosen on cohorts whose seeds are not reported on.

    window, lag : days of the rolling baseline, and days between it and the day that is judged: a
        relapse that comes on within two weeks has not entered its own baseline.
    shift : the size of a shift that the CUSUM is tuned to [spreads of each feature].
    hold : what the CUSUM keeps from one day to the next; 0.97 forgets half in 23 days, so that an
        error of a baseline does not add up for ever.
    odds : how many times likelier a silent day is in a relapse than usually. Chosen low: relapses
        with full withdrawal show far more.
    absence_days : days that the cohort's share of silent days is worth.
    rate : smoothing of the MEWMA (half of it forgotten in 5 days).
    floor : variance of a smoothed feature that comes from the baseline's own error.
    ridge : how unlike each other relapses are in what changes: variance [spreads^2] added to each
        feature, so that no weight rests on differences between features that run together.
    bound : distances from a frozen or a single person's baseline are clipped there.
    e_bound, margin : of the e-value: a day's score is clipped there, and a person counts as worse
        from a mean of that on; the margin stands for the error of a baseline.
    """

    window: int = 56
    lag: int = 14
    shift: float = 0.6
    hold: float = 0.97
    odds: float = 2.5
    absence_days: float = 8.0
    rate: float = 0.12
    floor: float = 0.02
    ridge: float = 1.0
    bound: float = 3.0
    e_bound: float = 2.0
    margin: float = 0.1


DESIGN: Final = Design()


@dataclass(frozen=True, slots=True)
class Norms:
    """See the module. Arrays over features, in the order of `names`.

    prior : (features, 3): mean over people, typical spread within one, spread between people.
    weekday : (7, features) and season : (2, features), in typical spreads.
    correlation : of days' distances from the baseline; `ridged` is what the composite uses.
    scale : what the evidence of a day is divided by, so that its variance is what it claims.
    memory : days that are worth one independent day; `carry` the correlation with the day before.
    absence : (devices,) the usual share of silent days; `stick` : (devices,) how many times higher
        the odds of one are after a silent day than after another, within a person.
    """

    names: tuple[str, ...]
    prior: Floats
    weekday: Floats
    season: Floats
    correlation: Floats
    ridged: Floats
    scale: float
    carry: float
    absence: Floats
    stick: Floats

    @property
    def memory(self) -> float:
        """How many days weigh as much as one independent day."""
        return (1 + self.carry) / (1 - self.carry)

    @property
    def digest(self) -> str:
        """SHA-256 of the names and of every number."""
        found = hashlib.sha256("\n".join(self.names).encode())
        for value in astuple(self)[1:]:
            found.update(np.ascontiguousarray(value, np.float64).tobytes())
        return found.hexdigest()

    def adjusted(self, days: Days) -> Floats:
        """Return a person's values less what weekday and season usually add."""
        day = days.day
        usual = self.weekday[weekday(day)] + harmonics(day) @ self.season
        values = days.values - self.prior[:, 1] * usual
        values[days.away] = np.nan
        return np.ascontiguousarray(values)

    def plain(self) -> dict[str, Any]:
        """Return numbers and lists, for a file."""
        return {
            f.name: value.tolist()
            if isinstance(value := getattr(self, f.name), np.ndarray)
            else value
            for f in fields(self)
        }


def from_plain(plain: dict[str, Any]) -> Norms:
    """Return the norms that `Norms.plain` wrote."""
    lists = {
        k: np.array(v, np.float64) for k, v in plain.items() if isinstance(v, list) and k != "names"
    }
    lists.setdefault("stick", np.ones(len(lists["absence"])))  # norms of an older version
    return Norms(**{**plain, **lists, "names": tuple(plain["names"])})


def people_enough(panel: Panel) -> NDArray[np.bool_]:
    """Tell for each feature whether enough people have two relapse-free weeks of it."""
    means, _ = _own([_well(days, well) for days, well in panel])
    known = np.isfinite(means).reshape(-1, len(panel.features.names))
    return np.asarray(known.sum(axis=0) >= MIN_PEOPLE)


def fit(panel: Panel, design: Design = DESIGN) -> Norms:
    """Return the norms of a cohort, from its relapse-free days.

    Raises
    ------
    SchemaError
        If fewer than five people have two weeks of values of some feature.
    """
    from euthymia.care.monitor.score import distances

    people = [_well(days, well) for days, well in panel]
    means, spreads = _own(people)
    enough = np.isfinite(means).sum(axis=0)
    if enough.size == 0 or enough.min() < MIN_PEOPLE:
        raise SchemaError(
            f"norms need {MIN_PEOPLE} people with {MIN_VALUES} relapse-free days of each feature"
        )
    prior = _prior(means, spreads)
    day = np.concatenate([days.day[: len(x)] for days, x in zip(panel.people, people, strict=True)])
    left = np.concatenate([(x - m) / prior[:, 1] for x, m in zip(people, means, strict=True)])
    by_weekday, season = _calendar(day, left)
    left -= by_weekday[weekday(day)] + harmonics(day) @ season
    ends = np.cumsum([len(x) for x in people])
    carry = _carry(np.split(left, ends[:-1]))
    silent = [panel.features.gone(days.values)[w & ~days.excused] for days, w in panel]
    norms = Norms(
        names=panel.features.names,
        prior=prior,
        weekday=by_weekday,
        season=season,
        correlation=np.eye(len(prior)),
        ridged=np.eye(len(prior)),
        scale=1.0,
        carry=carry,
        absence=np.concatenate(silent).mean(axis=0),
        stick=_stick(panel),
    )
    z = [distances(days, norms, design).z[w] for days, w in panel]
    return _with_correlation(norms, np.concatenate(z), panel.features.worse, design)


def _well(days: Days, well: NDArray[np.bool_]) -> Floats:
    values = days.values.copy()
    values[~well | days.away] = np.nan
    return values


def _own(people: list[Floats]) -> tuple[Floats, Floats]:
    """Return each person's mean and spread of each feature; NaN with fewer than two weeks."""
    means, spreads = [], []
    for x in people:
        known = np.isfinite(x)
        n = known.sum(axis=0)
        some = np.maximum(n, 1)
        mean = np.where(known, x, 0).sum(axis=0) / some
        square = np.where(known, (x - mean) ** 2, 0).sum(axis=0)
        few = n < MIN_VALUES
        means.append(np.where(few, np.nan, mean))
        spreads.append(np.where(few, np.nan, np.sqrt(square / some)))
    return np.array(means), np.array(spreads)


def _prior(means: Floats, spreads: Floats) -> Floats:
    within = np.nanmedian(spreads, axis=0)
    within = np.where(within > 0, within, 1.0)  # a feature that never moves: any unit will do
    between = np.maximum(np.nanstd(means, axis=0), 0.25 * within)
    return np.ascontiguousarray(np.stack([np.nanmean(means, axis=0), within, between], axis=1))


def _calendar(day: NDArray[np.int64], left: Floats) -> tuple[Floats, Floats]:
    """Return what weekdays and the season usually add [typical spreads]."""
    count = left.shape[1]
    by_weekday, season = np.zeros((7, count)), np.zeros((2, count))
    known = np.isfinite(left)
    for number in range(7):
        rows = weekday(day) == number
        n = known[rows].sum(axis=0)
        by_weekday[number] = np.where(known[rows], left[rows], 0).sum(axis=0) / (n + 50.0)
    if np.unique(day).size < HALF_YEAR_AND_MORE:
        return by_weekday, season
    wave = harmonics(day)
    rest = left - by_weekday[weekday(day)]
    for j in range(count):
        rows = known[:, j]
        design, target = wave[rows], rest[rows, j]
        season[:, j] = np.linalg.solve(design.T @ design + 50 * np.eye(2), design.T @ target)
    return by_weekday, season


def _stick(panel: Panel) -> Floats:
    """Return the odds ratio of a silent day after a silent day, within people and by device.

    Pooled over people (Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719), so that people who are
    silent often do not look like long silences.
    """
    count = panel.features.devices
    top, bottom = np.full(count, 0.5), np.full(count, 0.5)
    for days, well in panel:
        told = well & ~days.excused
        both = told[1:] & told[:-1]
        gone = panel.features.gone(days.values)
        before, after = gone[:-1][both], gone[1:][both]
        n = max(1, len(before))
        top += (before & after).sum(axis=0) * (~before & ~after).sum(axis=0) / n
        bottom += (before & ~after).sum(axis=0) * (~before & after).sum(axis=0) / n
    return np.asarray(np.clip(top / bottom, 1.0, MOST_STICK), np.float64)


def _carry(left: list[Floats]) -> float:
    """Return how much a day resembles the day before, over all features and people.

    Each person's feature counts in its own spread, and no day for more than three of it: a few
    people with wild days would decide alone.
    """
    top, bottom = 0.0, 0.0
    for own in left:
        known = np.isfinite(own)
        spread = np.sqrt((np.where(known, own, 0) ** 2).sum(axis=0) / np.maximum(known.sum(0), 1))
        x = np.clip(own / np.where(spread > 0, spread, 1.0), -WILD, WILD)
        pair = x[1:] * x[:-1]
        both = np.isfinite(pair)
        top += float(pair[both].sum())
        bottom += float((x[1:][both] ** 2 + x[:-1][both] ** 2).sum() / 2)
    return float(np.clip(top / bottom if bottom > 0 else 0.0, 0.0, MOST_MEMORY))


def correlation_of(z: Floats, shrink: float) -> Floats:
    """Return the correlation of features from days that know different ones of them.

    Pair by pair, shrunk towards the mean of all pairs (Ledoit & Wolf 2004,
    doi:10.3905/jpm.2004.110, with a given weight), with eigenvalues of 0.05 at least.
    """
    known = np.isfinite(z)
    filled = np.where(known, z, 0.0)
    pairs = known.T.astype(np.float64) @ known
    square = (filled**2).T @ known
    cross = filled.T @ filled
    found = cross / np.sqrt(np.maximum(square * square.T, 1e-12))
    found = np.where(pairs >= MIN_PAIRS, found, 0.0)
    count = len(found)
    off = ~np.eye(count, dtype=np.bool_)
    middle = float(found[off].mean()) if count > 1 else 0.0
    found = np.where(off, (1 - shrink) * found + shrink * middle, 1.0)
    values, vectors = np.linalg.eigh(found)
    found = (vectors * np.maximum(values, 0.05)) @ vectors.T
    root = np.sqrt(np.diag(found))
    return np.ascontiguousarray(found / np.outer(root, root))


def _with_correlation(norms: Norms, z: Floats, worse: NDArray[np.int64], design: Design) -> Norms:
    correlation = correlation_of(z, SHRINK)
    count = len(correlation)
    ridged = np.ascontiguousarray((correlation + design.ridge * np.eye(count)) / (1 + design.ridge))
    toward, amount = np.zeros(len(z)), np.zeros(len(z))
    day_evidence(np.ascontiguousarray(z), worse.astype(np.float64), ridged, 0, toward, amount)
    total = float(amount.sum())
    scale = float((toward**2).sum() / total) if total > 0 else 1.0
    return Norms(
        **{f.name: getattr(norms, f.name) for f in fields(norms)}
        | {"correlation": correlation, "ridged": ridged, "scale": scale or 1.0}
    )
