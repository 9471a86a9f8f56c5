"""Network meta-analysis: trials of different pairs of treatments, put together.

Contrast-based multivariate random effects, fitted by generalised least squares: each trial gives
its arms' effects against its first arm, with their covariance; all trials share one between-trial
variance (Rücker & Schwarzer 2014, doi:10.1002/sim.6236; its moment estimate: Jackson, White & Riley
2013, Biometrical Journal 55(2), 231-245). Treatments are numbers; the first is the reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr

from euthymia.evaluation.estimate import Floats, Ints

CONTINUITY = 0.5  # added to all cells of a trial in which some cell is zero


@dataclass(frozen=True, slots=True)
class Study:
    """One trial: its arms, their effects against the first of them, and the covariance."""

    name: str
    arms: tuple[int, ...]
    effect: Floats
    covariance: Floats

    @property
    def design(self) -> tuple[int, ...]:
        """The set of treatments that were compared."""
        return tuple(sorted(self.arms))


def from_events(name: str, arms: Sequence[int], events: Floats, n: Floats) -> Study | None:
    """Return the log odds ratios of a trial; None where nobody or everybody has the event."""
    if events.sum() == 0 or events.sum() == n.sum():
        return None
    add = CONTINUITY if np.any(events == 0) or np.any(events == n) else 0.0
    yes, no = events + add, n - events + add
    value, variance = np.log(yes / no), 1 / yes + 1 / no
    return _against_first(name, arms, value, variance)


def from_means(name: str, arms: Sequence[int], mean: Floats, sd: Floats, n: Floats) -> Study:
    """Return standardised mean differences (Hedges' g; one pooled deviation for all arms).

    Gleser & Olkin 2009 (in Cooper et al., The Handbook of Research Synthesis, ch. 19).
    """
    free = n.sum() - n.size
    pooled = np.sqrt(((n - 1) * sd**2).sum() / free)
    shrink = 1 - 3 / (4 * free - 1)
    effect = shrink * (mean[1:] - mean[0]) / pooled
    covariance = 1 / n[0] + np.outer(effect, effect) / (2 * n.sum())
    covariance = covariance + np.diag(1 / n[1:])
    return Study(name, tuple(arms), effect, covariance)


def from_pairs(name: str, pairs: Mapping[tuple[int, int], tuple[float, float]]) -> Study:
    """Return a trial from all its pairwise differences: (first, second) -> (difference, error).

    The difference is first minus second. Covariances follow from the errors of all pairs.

    Raises
    ------
    ValueError
        A pair of its arms is missing.
    """
    arms = tuple(sorted({arm for pair in pairs for arm in pair}))
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for (a, b), (difference, error) in pairs.items():
        found[a, b], found[b, a] = (difference, error**2), (-difference, error**2)
    if len(found) != len(arms) * (len(arms) - 1):
        raise ValueError("a trial of several arms needs the difference of each two of them")
    rest = arms[1:]
    effect = np.array([found[a, arms[0]][0] for a in rest])
    covariance = np.empty((len(rest), len(rest)))
    for i, a in enumerate(rest):
        for j, b in enumerate(rest):
            apart = 0.0 if a == b else found[a, b][1]
            covariance[i, j] = (found[a, arms[0]][1] + found[b, arms[0]][1] - apart) / 2
    return Study(name, arms, effect, covariance)


def _against_first(name: str, arms: Sequence[int], value: Floats, variance: Floats) -> Study:
    covariance = np.diag(variance[1:]) + variance[0]
    return Study(name, tuple(arms), value[1:] - value[0], covariance)


@dataclass(frozen=True, slots=True)
class Parts:
    """Stacked trials: effects, design matrix, and block-diagonal covariances.

    `blocks` holds the rows of all trials with the same number of arms, [trials, arms - 1].
    """

    effect: Floats
    design: Floats
    within: Floats
    shared: Floats
    blocks: tuple[Ints, ...]

    @classmethod
    def of(cls, studies: Sequence[Study], treatments: int) -> "Parts":
        """Stack trials. `shared` is the covariance that a between-trial variance of 1 brings."""
        size = sum(s.effect.size for s in studies)
        design, within = np.zeros((size, treatments - 1)), np.zeros((size, size))
        shared, at = np.zeros((size, size)), 0
        rows: dict[int, list[Ints]] = {}
        for study in studies:
            k = study.effect.size
            rows.setdefault(k, []).append(np.arange(at, at + k))
            block = slice(at, at + k)
            within[block, block] = study.covariance
            shared[block, block] = 0.5 * (np.eye(k) + 1)
            for row, arm in enumerate(study.arms[1:]):
                if arm > 0:
                    design[at + row, arm - 1] += 1
                if study.arms[0] > 0:
                    design[at + row, study.arms[0] - 1] -= 1
            at += k
        effect = np.concatenate([s.effect for s in studies])
        return cls(effect, design, within, shared, tuple(np.array(r) for r in rows.values()))

    def precision(self, tau2: float) -> tuple[Floats, float]:
        """Return the inverse covariance at a between-trial variance, and its log determinant."""
        whole, log = np.zeros(self.within.shape), 0.0
        for rows in self.blocks:
            at = (rows[:, :, None], rows[:, None, :])
            block = self.within[at] + tau2 * self.shared[at]
            whole[at] = np.linalg.inv(block)
            log -= float(np.linalg.slogdet(block)[1].sum())
        return whole, log


@dataclass(frozen=True, slots=True)
class Fit:
    """Effects of all treatments against the reference, and how well trials agree."""

    effect: Floats
    covariance: Floats
    tau2: float
    q: float
    freedom: int

    @property
    def p(self) -> float:
        """P of trials differing so much if they all had one true effect a pair."""
        return float(chdtrc(self.freedom, self.q)) if self.freedom > 0 else 1.0

    @property
    def i2(self) -> float:
        """The share of the variability that is not chance."""
        return max(0.0, 1 - self.freedom / self.q) if self.q > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """Generalised least squares at one between-trial variance."""

    effect: Floats
    covariance: Floats
    q: float
    log_precision: float
    spread: float


def solve(parts: Parts, tau2: float) -> Solution:
    """Return effects, their covariance, Q, and what the between-trial variance adds to Q."""
    precision, log = parts.precision(tau2)
    carried = precision @ parts.design
    covariance = np.asarray(np.linalg.inv(parts.design.T @ carried), np.float64)
    effect = covariance @ (carried.T @ parts.effect)
    left = parts.effect - parts.design @ effect
    spread = float((precision * parts.shared).sum())
    spread -= float(np.trace(covariance @ (carried.T @ parts.shared @ carried)))
    return Solution(
        np.asarray(effect, np.float64), covariance, float(left @ precision @ left), log, spread
    )


def fit(studies: Sequence[Study], treatments: int, *, tau2: float | None = None) -> Fit:
    """Return the random-effects network estimate.

    Parameters
    ----------
    tau2 : float, optional
        The between-trial variance; by default the moment estimate, DerSimonian and Laird's for
        networks. 0 gives the common-effect estimate.

    Raises
    ------
    ValueError
        The trials do not connect all treatments.
    """
    if not connected(studies, treatments):
        raise ValueError("the trials do not connect all treatments")
    parts = Parts.of(studies, treatments)
    plain = solve(parts, 0.0)
    freedom = parts.effect.size - (treatments - 1)
    if tau2 is None:
        usable = freedom > 0 and plain.spread > 1e-12
        tau2 = max(0.0, (plain.q - freedom) / plain.spread) if usable else 0.0
    found = solve(parts, tau2)
    return Fit(np.r_[0.0, found.effect], _padded(found.covariance), tau2, plain.q, freedom)


def _padded(covariance: Floats) -> Floats:
    whole = np.zeros((covariance.shape[0] + 1,) * 2)
    whole[1:, 1:] = covariance
    return whole


def connected(studies: Sequence[Study], treatments: int) -> bool:
    """Tell whether each treatment can be compared with each, over trials."""
    group = list(range(treatments))
    for study in studies:
        joined = {group[a] for a in study.arms}
        keep = min(joined)
        group = [keep if g in joined else g for g in group]
    return len(set(group)) == 1


def differences(found: Fit) -> tuple[Floats, Floats]:
    """Return each treatment's effect minus each other's, and the standard errors; [m, m]."""
    gap = found.effect[:, None] - found.effect[None, :]
    own = np.diag(found.covariance)
    variance = own[:, None] + own[None, :] - 2 * found.covariance
    return gap, np.sqrt(np.maximum(variance, 0.0))


def p_scores(found: Fit, *, small_good: bool = False) -> Floats:
    """Return each treatment's mean certainty to be better than another (P-score, 0 to 1).

    The frequentist SUCRA (Rücker & Schwarzer 2015, doi:10.1186/s12874-015-0060-8).
    """
    gap, error = differences(found)
    np.fill_diagonal(error, 1.0)
    sure = ndtr((-gap if small_good else gap) / error)
    np.fill_diagonal(sure, 0.0)
    return np.asarray(sure.sum(axis=1) / (gap.shape[0] - 1))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether trials of the same design agree, and whether designs agree with each other."""

    within_q: float
    within_freedom: int
    between_q: float
    between_freedom: int
    random_q: float
    random_tau2: float

    @property
    def within_p(self) -> float:
        """P of heterogeneity: trials that compared the same treatments."""
        return float(chdtrc(self.within_freedom, self.within_q)) if self.within_freedom else 1.0

    @property
    def between_p(self) -> float:
        """P of inconsistency if trials of one design had one true effect."""
        return float(chdtrc(self.between_freedom, self.between_q)) if self.between_freedom else 1.0

    @property
    def random_p(self) -> float:
        """P of inconsistency over and above heterogeneity (design-by-treatment interaction)."""
        return float(chdtrc(self.between_freedom, self.random_q)) if self.between_freedom else 1.0


def agreement(studies: Sequence[Study], treatments: int) -> Agreement:
    """Return Q split into heterogeneity and inconsistency.

    Krahn, Binder & König 2013, doi:10.1186/1471-2288-13-35; Higgins et al. 2012,
    doi:10.1002/jrsm.1044.
    """
    total = fit(studies, treatments, tau2=0.0)
    within, freedom, spread = 0.0, 0, 0.0
    groups = _designs(studies)
    for parts in groups:
        found = solve(parts, 0.0)
        within += found.q
        freedom += parts.effect.size - parts.design.shape[1]
        spread += found.spread
    tau2 = max(0.0, (within - freedom) / spread) if spread > 1e-12 else 0.0
    whole = solve(Parts.of(studies, treatments), tau2).q
    inside = sum(solve(parts, tau2).q for parts in groups)
    return Agreement(
        within,
        freedom,
        max(0.0, total.q - within),
        total.freedom - freedom,
        max(0.0, whole - inside),
        tau2,
    )


def _designs(studies: Sequence[Study]) -> list[Parts]:
    """Return the trials of each design stacked, with an effect of its own for each."""
    found: dict[tuple[int, ...], list[Study]] = {}
    for study in studies:
        found.setdefault(study.design, []).append(study)
    stacked = []
    for design, members in found.items():
        place = {arm: k for k, arm in enumerate(design)}
        local = [
            Study(s.name, tuple(place[a] for a in s.arms), s.effect, s.covariance) for s in members
        ]
        stacked.append(Parts.of(local, len(design)))
    return stacked


@dataclass(frozen=True, slots=True)
class Side:
    """What trials say directly about two treatments, and what the rest of the network says."""

    first: int
    second: int
    studies: int
    direct: float
    direct_error: float
    indirect: float
    indirect_error: float

    @property
    def p(self) -> float:
        """P of direct and indirect evidence being so far apart by chance."""
        error = float(np.hypot(self.direct_error, self.indirect_error))
        if not np.isfinite(error) or error <= 0:
            return 1.0
        return float(2 * ndtr(-abs(self.direct - self.indirect) / error))


def sides(studies: Sequence[Study], found: Fit) -> tuple[Side, ...]:
    """Return direct and indirect evidence of each pair that some trial compared.

    By back-calculation with the network's between-trial variance (König, Krahn & Binder 2013,
    doi:10.1002/sim.6001). Indirect evidence is NaN where there is none.
    """
    gap, error = differences(found)
    pairs = sorted({(a, b) for s in studies for a in s.arms for b in s.arms if a < b})
    result = []
    for a, b in pairs:
        kept = [two for s in studies if (two := _two_arms(s, a, b)) is not None]
        value = np.array([v for v, _ in kept])
        weight = 1 / (np.array([w for _, w in kept]) + found.tau2)
        direct, own = float((weight * value).sum() / weight.sum()), 1 / float(weight.sum())
        whole, all_in = gap[b, a], error[b, a] ** 2
        rest = 1 / all_in - 1 / own
        alone = rest <= 1e-6 / all_in
        indirect = np.nan if alone else (whole / all_in - direct / own) / rest
        spread = np.inf if alone else float(np.sqrt(1 / rest))
        result.append(Side(a, b, len(kept), direct, float(np.sqrt(own)), float(indirect), spread))
    return tuple(result)


def _two_arms(study: Study, a: int, b: int) -> tuple[float, float] | None:
    """Return a trial's difference second minus first, and its variance, of two treatments."""
    if a not in study.arms or b not in study.arms:
        return None
    effect, whole = np.r_[0.0, study.effect], _padded(study.covariance)
    i, j = study.arms.index(a), study.arms.index(b)
    return float(effect[j] - effect[i]), float(whole[i, i] + whole[j, j] - 2 * whole[i, j])


@dataclass(frozen=True, slots=True)
class Posterior:
    """Draws of all effects, and of the between-trial standard deviation."""

    effect: Floats
    tau: Floats


def posterior(
    studies: Sequence[Study],
    treatments: int,
    *,
    draws: int,
    rng: np.random.Generator,
    tau_scale: float = 0.5,
) -> Posterior:
    """Return draws from the Bayesian random-effects network model.

    Flat priors on effects, half-normal on the between-trial standard deviation (scale 0.5, as
    Röver et al. 2021 advise for log odds ratios, doi:10.1002/jrsm.1475); that one is integrated
    over a grid, the effects given it are normal: no Markov chain.

    Returns
    -------
    Posterior
        Effects of shape [draws, treatments], the reference's 0.
    """
    parts = Parts.of(studies, treatments)
    grid = np.linspace(0.0, 4 * tau_scale, 81)
    log = np.empty(grid.size)
    means, roots = [], []
    for k, tau in enumerate(grid):
        found = solve(parts, float(tau**2))
        known = found.log_precision + np.linalg.slogdet(found.covariance)[1]
        log[k] = 0.5 * (known - found.q - (tau / tau_scale) ** 2)
        means.append(found.effect)
        roots.append(np.linalg.cholesky(found.covariance))
    weight = np.exp(log - log.max())
    chosen = rng.choice(grid.size, size=draws, p=weight / weight.sum())
    noise = rng.standard_normal((draws, treatments - 1))
    drawn = np.zeros((draws, treatments))
    for k in np.unique(chosen):
        rows = chosen == k
        drawn[rows, 1:] = means[k] + noise[rows] @ roots[k].T
    return Posterior(drawn, grid[chosen])


def rank_shares(values: Floats) -> Floats:
    """Return how often each treatment takes each place, highest value first; [m, m]."""
    order = np.argsort(np.argsort(-values, axis=1), axis=1)
    m = values.shape[1]
    return np.stack([(order == place).mean(axis=0) for place in range(m)], axis=1)


def sucra(shares: Floats) -> Floats:
    """Return the surface under each treatment's cumulative ranking curve, 0 to 1.

    Salanti, Ades & Ioannidis 2011, doi:10.1016/j.jclinepi.2010.03.016.
    """
    return np.asarray(np.cumsum(shares, axis=1)[:, :-1].mean(axis=1))
