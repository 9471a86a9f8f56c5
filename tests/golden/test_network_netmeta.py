"""The network meta-analysis against netmeta's published results, and a published league table."""

import numpy as np
import pytest

from euthymia.evaluation.network import (
    Study,
    agreement,
    differences,
    fit,
    from_pairs,
    p_scores,
    posterior,
    sides,
)
from euthymia.models.matching.evidence import read_evidence
from euthymia.models.matching.rank import rank
from real import DATA, needs_data

TREATMENTS = ["plac", "acar", "benf", "metf", "migl", "piog", "rosi", "sita", "sulf", "vild"]

# Senn, Gavini, Magrez & Scheen 2013, doi:10.1177/0962280211432220, as in netmeta's data(Senn2013):
# difference, standard error, treatments, trial
SENN = """-1.90 0.1414 metf plac DeFronzo1995
-0.82 0.0992 metf plac Lewin2007
-0.20 0.3579 metf acar Willms1999
-1.34 0.1435 rosi plac Davidson2007
-1.10 0.1141 rosi plac Wolffenbuttel1999
-1.30 0.1268 piog plac Kipnes2001
-0.77 0.1078 rosi plac Kerenyi2004
0.16 0.0849 piog metf Hanefeld2004
0.10 0.1831 piog rosi Derosa2004
-1.30 0.1014 rosi plac Baksi2004
-1.09 0.2263 rosi plac Rosenstock2008
-1.50 0.1624 rosi plac Zhu2003
-0.14 0.2239 rosi metf Yang2003
-1.20 0.1436 rosi sulf Vongthavaravat2002
-0.40 0.1549 acar sulf Oyama2008
-0.80 0.1432 acar plac Costa1997
-0.57 0.1291 sita plac Hermansen2007
-0.70 0.1273 vild plac Garber2008
-0.37 0.1184 metf sulf Alex1998
-0.74 0.1839 migl plac Johnston1994
-1.41 0.2235 migl plac Johnston1998a
0.00 0.2339 rosi metf Kim2007
-0.68 0.2828 migl plac Johnston1998b
-0.40 0.4356 metf plac Gonzalez-Ortiz2004
-0.23 0.3467 benf plac Stucci1996
-1.01 0.1366 benf plac Moulin2006
-1.20 0.3758 metf plac Willms1999
-1.00 0.4669 acar plac Willms1999"""


@pytest.fixture(scope="module")
def senn() -> list[Study]:
    trials: dict[str, dict[tuple[int, int], tuple[float, float]]] = {}
    for line in SENN.splitlines():
        effect, error, first, second, study = line.split()
        pair = (TREATMENTS.index(first), TREATMENTS.index(second))
        trials.setdefault(study, {})[pair] = (float(effect), float(error))
    return [from_pairs(name, pairs) for name, pairs in trials.items()]


def test_heterogeneity_and_inconsistency_are_netmetas(senn: list[Study]) -> None:
    # netmeta(TE, seTE, treat1, treat2, studlab, data = Senn2013, sm = "MD"); decomp.design(net):
    # Q 96.99 on 18, within designs 74.46 on 11, between designs 22.53 on 7 (p 0.0021)
    split = agreement(senn, 10)
    found = fit(senn, 10)
    assert (round(found.q, 2), found.freedom) == (96.99, 18)
    assert (round(split.within_q, 2), split.within_freedom) == (74.46, 11)
    assert (round(split.between_q, 2), split.between_freedom) == (22.53, 7)
    assert round(split.between_p, 4) == 0.0021
    assert round(found.tau2, 4) == 0.1087
    assert round(100 * found.i2, 1) == 81.4


def test_common_effects_are_netmetas(senn: list[Study]) -> None:
    found = fit(senn, 10, tau2=0.0)
    published = [0, -0.8274, -0.9052, -1.1141, -0.9439, -1.0664, -1.2018, -0.57, -0.4395, -0.7]
    assert found.effect == pytest.approx(published, abs=5e-5)


def test_p_scores_are_the_published_ones(senn: list[Study]) -> None:
    # Ruecker & Schwarzer 2015, doi:10.1186/s12874-015-0060-8, table 2
    scores = p_scores(fit(senn, 10), small_good=True)
    published = [0.0139, 0.5203, 0.4358, 0.7818, 0.6137, 0.7746, 0.8934, 0.3331, 0.2103, 0.4232]
    assert scores == pytest.approx(published, abs=5e-5)


def test_direct_and_indirect_make_up_the_network(senn: list[Study]) -> None:
    found = fit(senn, 10)
    gap, error = differences(found)
    for side in sides(senn, found):
        if np.isfinite(side.indirect):
            weights = np.array([side.direct_error, side.indirect_error]) ** -2.0
            mean = (weights * [side.direct, side.indirect]).sum() / weights.sum()
            assert mean == pytest.approx(gap[side.second, side.first])
            assert weights.sum() ** -0.5 == pytest.approx(error[side.second, side.first])


def test_posterior_agrees_where_there_is_much_evidence(senn: list[Study]) -> None:
    drawn = posterior(senn, 10, draws=20_000, rng=np.random.default_rng(1))
    found = fit(senn, 10)
    assert np.median(drawn.effect, axis=0) == pytest.approx(found.effect, abs=0.02)
    assert drawn.tau.mean() == pytest.approx(0.34, abs=0.08)


@needs_data
def test_linde_2015_response_is_the_published_league_table() -> None:
    # Linde et al. 2015, doi:10.1370/afm.1687, table 3: odds ratios of response over placebo in the
    # network meta-analysis (Bayesian, exact likelihood; ours is normal on the log odds)
    published = {
        "TCA": (1.75, 1.42, 2.15),
        "SSRI": (1.69, 1.40, 2.04),
        "SNRI": (1.75, 1.24, 2.47),
        "NRI": (1.42, 0.81, 2.49),
        "Low-dose SARI": (1.80, 1.17, 2.76),
    }
    (evidence,) = read_evidence(DATA / "evidence" / "linde2015_antidepressants.csv", "depression")
    assert len(evidence.outcomes["response"].studies) == 59  # as the paper counts
    assert len(evidence.outcomes["remission"].studies) in {53, 55}
    (ranking,) = rank("depression", evidence=DATA / "evidence" / "linde2015_antidepressants.csv")
    ours = {o.treatment: o.effects["response"].effect for o in ranking.options}
    for name, (middle, low, high) in published.items():
        found = ours[name]
        assert np.exp(found.estimate) == pytest.approx(middle, rel=0.03)
        assert np.exp(found.low) == pytest.approx(low, rel=0.06)
        assert np.exp(found.high) == pytest.approx(high, rel=0.06)


@needs_data
def test_linde_2015_dropout_for_side_effects_is_near_the_published_one() -> None:
    # table 4 of the same paper; rare events: the normal approximation with 0.5 in empty cells is
    # nearer to no effect than the exact likelihood, within the published intervals
    published = {"TCA": (1.59, 3.84), "SSRI": (1.44, 3.36), "SNRI": (1.58, 4.87)}
    (evidence,) = read_evidence(DATA / "evidence" / "linde2015_antidepressants.csv", "depression")
    outcome = evidence.outcomes["dropout_adverse_events"]
    found = fit(outcome.studies, len(evidence.treatments))
    for name, (low, high) in published.items():
        ratio = np.exp(found.effect[evidence.treatments.index(name)])
        assert low < ratio < high
