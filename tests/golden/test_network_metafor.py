"""The network meta-analysis against metafor, on a data set of textbooks and on a real network.

The numbers are those of `network.R` beside this file (R 4.2.2, metafor 3.8-1), run once: another
language, another parametrisation (contrasts with the first arm, metafor's generalised least
squares), the same between-trial variance by moments. They agree in all digits shown.
"""

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

# Senn, Gavini, Magrez & Scheen 2013, doi:10.1177/0962280211432220: the 28 differences that R
# packages hand on as Senn2013; difference, standard error, treatments, trial
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


def test_heterogeneity_and_inconsistency(senn: list[Study]) -> None:
    split = agreement(senn, 10)
    found = fit(senn, 10)
    assert (round(found.q, 4), found.freedom) == (96.9856, 18)
    assert (round(split.within_q, 4), split.within_freedom) == (74.4553, 11)
    assert (round(split.between_q, 4), split.between_freedom) == (22.5303, 7)
    assert round(split.between_p, 4) == 0.0021  # pchisq(22.5303, 7, lower.tail = FALSE)
    assert round(split.random_tau2, 4) == 0.1442
    assert round(split.random_q, 4) == 2.1940
    assert round(found.tau2, 4) == 0.1087
    assert round(100 * found.i2, 1) == 81.4  # 1 - 18 / 96.9856


def test_effects_and_their_errors(senn: list[Study]) -> None:
    common = [0, -0.8274, -0.9052, -1.1141, -0.9439, -1.0664, -1.2018, -0.57, -0.4395, -0.7]
    assert fit(senn, 10, tau2=0.0).effect == pytest.approx(common, abs=5e-5)
    found = fit(senn, 10)
    effects = [0, -0.8418, -0.7311, -1.1268, -0.9497, -1.1291, -1.2335, -0.57, -0.4166, -0.7]
    errors = [0, 0.2458, 0.2861, 0.1543, 0.2318, 0.2196, 0.1278, 0.3541, 0.2409, 0.3534]
    assert found.effect == pytest.approx(effects, abs=5e-5)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(errors, abs=5e-5)


def test_p_scores(senn: list[Study]) -> None:
    # the formula of Ruecker & Schwarzer 2015, doi:10.1186/s12874-015-0060-8, on metafor's fit
    scores = p_scores(fit(senn, 10), small_good=True)
    expected = [0.0139, 0.5203, 0.4358, 0.7818, 0.6137, 0.7746, 0.8934, 0.3331, 0.2103, 0.4232]
    assert scores == pytest.approx(expected, abs=5e-5)


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


# Linde et al. 2015, doi:10.1370/afm.1687, from its trials' counts: (effect, error) over placebo on
# the log odds, and Q, its freedom and the between-trial variance
LINDE = {
    "response": {
        "Hypericum": (0.6866, 0.1156),
        "Low-dose SARI": (0.5785, 0.2121),
        "NaSSa": (0.1320, 0.1709),
        "NRI": (0.3486, 0.2683),
        "rMAO-A": (0.0522, 0.2185),
        "SNRI": (0.5532, 0.1693),
        "SSRI": (0.5176, 0.0912),
        "TCA": (0.5451, 0.0981),
    },
    "remission": {
        "Hypericum": (0.7111, 0.1308),
        "Low-dose SARI": (0.6451, 0.2338),
        "NaSSa": (0.4550, 0.2242),
        "NRI": (0.6050, 0.2770),
        "rMAO-A": (0.4536, 0.2005),
        "SNRI": (0.7270, 0.1619),
        "SSRI": (0.6052, 0.1095),
        "TCA": (0.6548, 0.1147),
    },
    "dropout_adverse_events": {
        "Hypericum": (0.0022, 0.3033),
        "Low-dose SARI": (0.2094, 0.3537),
        "NaSSa": (1.1524, 0.2893),
        "NRI": (1.5792, 0.3630),
        "rMAO-A": (-0.0555, 0.3568),
        "SNRI": (0.8886, 0.2514),
        "SSRI": (0.6499, 0.2014),
        "TCA": (0.7950, 0.2112),
    },
}
LINDE_FITS = {
    "response": (59, 79.3651, 58, 0.0352),
    "remission": (53, 60.7071, 49, 0.0233),
    "dropout_adverse_events": (53, 64.9703, 52, 0.0623),
}


@needs_data
@pytest.mark.parametrize("name", sorted(LINDE))
def test_linde_2015_from_its_counts(name: str) -> None:
    (evidence,) = read_evidence(DATA / "evidence" / "linde2015_antidepressants.csv", "depression")
    studies = evidence.outcomes[name].studies
    found = fit(studies, len(evidence.treatments))
    said = (len(studies), round(found.q, 4), found.freedom, round(found.tau2, 4))
    assert said == LINDE_FITS[name]
    assert evidence.treatments[0] == "Placebo"
    for treatment, (effect, error) in LINDE[name].items():
        k = evidence.treatments.index(treatment)
        assert found.effect[k] == pytest.approx(effect, abs=1e-4)
        assert found.covariance[k, k] ** 0.5 == pytest.approx(error, abs=1e-4)


@needs_data
def test_linde_2015_is_what_its_abstract_says() -> None:
    # "tricyclic and tetracyclic antidepressants (TCAs), SSRIs, an SNRI, a low-dose SARI and
    # hypericum extracts were found to be significantly superior to placebo, with estimated odds
    # ratios between 1.69 and 2.03" (theirs is Bayesian with the exact likelihood)
    (ranking,) = rank("depression", evidence=DATA / "evidence" / "linde2015_antidepressants.csv")
    ours = {o.treatment: o.effects["response"].effect for o in ranking.options}
    superior = {name for name, effect in ours.items() if effect.low > 0}
    assert superior == {"TCA", "SSRI", "SNRI", "Low-dose SARI", "Hypericum"}
    ratios = [float(np.exp(ours[name].estimate)) for name in superior]
    assert min(ratios) == pytest.approx(1.69, rel=0.03)
    assert max(ratios) == pytest.approx(2.03, rel=0.03)
