"""Heart-rate variability on real beats: against NeuroKit2's numbers and Kubios's.

`hrv_neurokit.json` holds what NeuroKit2 0.2.13 gives for the intervals of two recordings:
`hrv_time` of all of them, and the parts of `hrv_nonlinear` of all five minutes, or of the first
390 beats of the hour, with `fractal_dfa` on scales 4-16 and 16-64, segments side by side.
`artefacts` is what `signal_fixpeaks` (method Kubios) finds in them, `spoilt` what it finds when
beat 40 comes too early, beat 100 is missed and beat 149 is cut in two.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from euthymia.kernels import beats, hrv_entropy, hrv_fractal, hrv_nonlinear, hrv_time
from euthymia.kernels.hrv import NAMES, five_minutes
from real import DATA, needs_data

pytestmark = needs_data
FROZEN = json.loads(Path(__file__).with_name("hrv_neurokit.json").read_text(encoding="utf-8"))
EACH = pytest.mark.parametrize("name", ["nni_5min", "nni_60min"])

SAME_TIME = {
    "mean_nn_ms": "MeanNN",
    "median_nn_ms": "MedianNN",
    "mad_nn_ms": "MadNN",
    "min_nn_ms": "MinNN",
    "max_nn_ms": "MaxNN",
    "prc20_nn_ms": "Prc20NN",
    "prc80_nn_ms": "Prc80NN",
    "iqr_nn_ms": "IQRNN",
    "mcvnn": "MCVNN",
    "sdnn_ms": "SDNN",
    "cvnn": "CVNN",
    "rmssd_ms": "RMSSD",
    "sdsd_ms": "SDSD",
    "cvsd": "CVSD",
    "sdnn_rmssd": "SDRMSSD",
    "pnn50_pct": "pNN50",
    "pnn20_pct": "pNN20",
    "triangular_index": "HTI",
}
SAME_PLOT = {
    "sd1_ms": "SD1",
    "sd2_ms": "SD2",
    "ellipse_ms2": "S",
    "csi": "CSI",
    "cvi": "CVI",
    "csi_modified_ms": "CSI_Modified",
    "guzik_pct": "GI",
    "slope_pct": "SI",
    "area_pct": "AI",
    "porta_pct": "PI",
    "c1d": "C1d",
    "c2d": "C2d",
    "cd": "Cd",
}
SAME_CHAIN = {
    "dfa_a2": ("dfa_16_64", 1),
    "no_variation_pct": ("Symbolic_EqualProb4_0V", 100),
    "one_variation_pct": ("Symbolic_EqualProb4_1V", 100),
    "two_like_pct": ("Symbolic_EqualProb4_2LV", 100),
    "two_unlike_pct": ("Symbolic_EqualProb4_2UV", 100),
}
SAME_ENTROPY = {
    "sample_entropy": "SampEn",
    "approximate_entropy": "ApEn",
    "fuzzy_entropy": "FuzzyEn",
}


def intervals(name):
    return np.load(DATA / "hrv" / f"{name}.npy").astype(np.float64)


def short(name):
    return np.ascontiguousarray(intervals(name)[: 390 if name == "nni_60min" else None])


def named(names, kernel, *args):
    out = np.empty(len(names))
    kernel(*args, out)
    return dict(zip(names, out.tolist(), strict=True))


@EACH
def test_time_domain_equals_neurokit(name):
    nn = intervals(name)
    found = named(hrv_time.NAMES, hrv_time.time_domain, nn, np.diff(nn))
    for ours, theirs in SAME_TIME.items():
        wanted = FROZEN[name]["time"][f"HRV_{theirs}"]
        assert found[ours] == pytest.approx(wanted, rel=1e-12, abs=1e-12), ours


@EACH
def test_tinn_is_the_best_triangle(name):
    """NeuroKit2's search does not go back to the first M after the first N: a worse triangle."""
    nn = intervals(name)
    found = named(hrv_time.NAMES, hrv_time.time_domain, nn, np.diff(nn))["tinn_ms"]
    width = 1000 / 128
    counts, edges = np.histogram(nn, np.arange(0, nn.max() + width, width))
    apex = int(np.argmax(counts))

    def error(foot, other):
        left, right = edges[apex] - foot * width, edges[apex] + other * width
        points = [left, edges[apex], right]
        fit = np.interp(edges[:-1], points, [0.0, counts[apex], 0.0])
        return float(np.sum((counts - fit) ** 2))

    feet = [(a, b) for a in range(1, apex + 1) for b in range(1, counts.size - apex + 1)]
    best = min(feet, key=lambda f: error(*f))
    assert found == pytest.approx(sum(best) * width)


def plain_dfa(nn, low, high):
    profile, scales, level = np.cumsum(nn - nn.mean()), range(low, high + 1), []
    for scale in scales:
        t, whole = np.arange(scale), profile.size // scale
        segments = profile[: whole * scale].reshape(whole, scale)
        rest = [y - np.polyval(np.polyfit(t, y, 1), t) for y in segments]
        level.append(math.sqrt(np.mean(np.square(rest))))
    return np.polyfit(np.log(scales), np.log(level), 1)[0]


@EACH
def test_nonlinear_equals_neurokit(name):
    nn, wanted = short(name), FROZEN[name]["nonlinear"]
    earlier, later = np.ascontiguousarray(nn[:-1]), np.ascontiguousarray(nn[1:])
    plot = named(hrv_nonlinear.PLOT_NAMES, hrv_nonlinear.poincare, earlier, later)
    for ours, theirs in SAME_PLOT.items():
        assert plot[ours] == pytest.approx(wanted[theirs], rel=1e-10), ours
    chain = named(hrv_nonlinear.CHAIN_NAMES, hrv_nonlinear.chain, nn)
    for ours, (theirs, times) in SAME_CHAIN.items():
        assert chain[ours] == pytest.approx(times * wanted[theirs], rel=1e-9), ours
    # NeuroKit2 leaves out segments that happen to lie on a straight line; Peng et al. do not
    assert chain["dfa_a1"] == pytest.approx(wanted["dfa_4_16"], rel=5e-3)
    assert chain["dfa_a1"] == pytest.approx(plain_dfa(nn, 4, 16), rel=1e-9)
    entropy = named(hrv_entropy.NAMES, hrv_entropy.entropies, nn)
    for ours, theirs in SAME_ENTROPY.items():
        assert entropy[ours] == pytest.approx(wanted[theirs], rel=1e-9), ours


def made(kind, n, seed):
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return 800 + rng.normal(0, 40, n)
    if kind == "walk":
        return 800 + np.cumsum(rng.normal(0, 8, n))
    return 800 + 60 * np.sin(np.arange(n) * 0.31) + rng.normal(0, 10, n)


# NeuroKit2 0.2.13: fractal_hurst(x, scale=[8, 12, 16, 24, 32, 48, 64], corrected=True)[0],
# fractal_correlation(x, delay=1, dimension=2, radius="nolds")[0], fractal_higuchi(x, k_max=10)[0]
MEMORY = (
    ("noise", 300, 1, 0.41116893484535644, 2.075911072640105, 2.0253113688930062),
    ("walk", 400, 2, 0.8686540961250357, 1.5471362697897018, 1.5864203384783477),
    ("wave", 350, 3, 0.5352710652395234, 1.8957964124774798, 1.2727677087350326),
    ("noise", 130, 4, 0.4627280149366943, 2.1052705472153312, 2.0102837247462504),
)


@pytest.mark.parametrize(("kind", "n", "seed", "hurst", "dimension", "higuchi"), MEMORY)
def test_memory_and_dimension_equal_neurokit(kind, n, seed, hurst, dimension, higuchi):
    found = named(hrv_fractal.NAMES, hrv_fractal.fractals, made(kind, n, seed))
    assert found["hurst"] == pytest.approx(hurst, rel=1e-9)
    assert found["correlation_dimension"] == pytest.approx(dimension, rel=1e-9)
    assert found["higuchi_dimension"] == pytest.approx(higuchi, rel=1e-9)


@EACH
def test_fragmentation_is_that_of_the_paper(name):
    """NeuroKit2 counts segments where Costa et al. count intervals (PSS, PAS); IALS is the same."""
    nn = short(name)
    chain = named(hrv_nonlinear.CHAIN_NAMES, hrv_nonlinear.chain, nn)
    assert chain["ials"] == pytest.approx(FROZEN[name]["nonlinear"]["IALS"])
    signs = np.sign(np.diff(nn)).tolist()
    runs, strings = [], [[signs[0]]]
    for before, sign in zip([0, *signs], signs, strict=False):
        if sign and sign == before:
            runs[-1] += 1
        elif sign:
            runs.append(1)
    for before, sign in pairwise(signs):
        if sign * before < 0:
            strings[-1].append(sign)
        else:
            strings.append([sign])
    turned = sum(a * b <= 0 and a != b for a, b in pairwise(signs))
    assert chain["pip_pct"] == pytest.approx(100 * turned / nn.size)
    assert chain["pss_pct"] == pytest.approx(100 - 100 * sum(r for r in runs if r > 2) / nn.size)
    alternating = sum(len(s) for s in strings if len(s) >= 4)
    assert chain["pas_pct"] == pytest.approx(100 * alternating / nn.size)


def test_one_hour_equals_kubios():
    """Kubios HRV Premium 3.1.0 on this recording, as published with pyHRV (series_1)."""
    nn = intervals("nni_60min")
    found = named(hrv_time.NAMES, hrv_time.time_domain, nn, np.diff(nn))
    assert round(found["mean_nn_ms"], 4) == 768.4383
    assert round(found["sdnn_ms"], 4) == 85.3572
    assert round(found["rmssd_ms"], 4) == 60.5235
    assert round(found["pnn50_pct"] / 100 * nn.size) == 1338  # NN50; its pNN50 is of the pairs


def kinds(nn):
    kind = np.zeros(nn.size, np.int8)
    joined = np.ones(nn.size, bool)
    joined[0] = False
    beats.classify(nn, joined, kind)
    return kind


@EACH
def test_artefacts_are_those_of_neurokit_but_for_the_floor(name):
    """NeuroKit2 counts peaks, one more than intervals. Its loop skips a beat after each oddity."""
    kind = kinds(intervals(name))
    theirs = FROZEN[name]["artefacts"]
    ours = {w: set((np.flatnonzero(kind == k) + 1).tolist()) for w, k in
            (("ectopic", beats.ECTOPIC), ("longshort", beats.ODD))}  # fmt: skip
    for which, found in ours.items():
        both = found & set(theirs[which])
        assert len(both) >= 0.8 * len(theirs[which]), which
    wrong = np.count_nonzero(kind)
    assert wrong == pytest.approx(sum(len(v) for v in theirs.values()), rel=0.3, abs=3)


def test_spoilt_beats_are_found_where_neurokit_finds_them():
    nn = intervals("nni_5min")
    early = nn.copy()
    early[40] *= 0.7
    early[41] += nn[40] * 0.3
    spoilt = np.concatenate(
        [
            early[:100],
            [early[100] + early[101]],
            early[102:150],
            [early[150] * 0.6, early[150] * 0.4],
            early[151:],
        ]
    )
    kind = kinds(spoilt)
    theirs = FROZEN["nni_5min"]["spoilt"]
    assert set((np.flatnonzero(kind == beats.MISSED) + 1).tolist()) == set(theirs["missed"])
    assert set((np.flatnonzero(kind == beats.EXTRA) + 1).tolist()) == set(theirs["extra"])
    assert 42 in (np.flatnonzero(kind == beats.ECTOPIC) + 1).tolist() == [42] == theirs["ectopic"]


@EACH
def test_a_clean_recording_keeps_its_beats_and_its_breath(name):
    """The young person of these recordings has strong respiratory swings, which are no artefact."""
    nn = intervals(name)
    found = beats.corrected(nn, np.cumsum(nn * 1000).astype(np.int64))
    assert found.wrong / found.recorded < 0.025
    whole = five_minutes(found)
    raw = five_minutes(
        beats.Beats(
            nn, found.end_us[:0], np.zeros(nn.size, bool), found.joined, 0, nn.size
        )._replace(end_us=np.cumsum(nn * 1000).astype(np.int64), joined=np.arange(nn.size) > 0)
    )
    place = NAMES.index("rmssd_ms")
    kept, truth = np.median(whole[:, place]), np.median(raw[:, place])
    assert 0.85 * truth < kept <= truth


def test_spoiling_beats_is_noticed_and_repaired():
    """Every 50th beat missed: RMSSD and HF stay near the true ones."""
    nn = intervals("nni_60min")
    end = np.cumsum(nn * 1000).astype(np.int64)
    truth = np.median(five_minutes(beats.corrected(nn, end)), axis=0)
    seen = np.arange(nn.size) % 50 != 49
    spoilt = np.diff(end[seen], prepend=0) / 1000.0
    found = beats.corrected(spoilt, end[seen])
    kept = np.median(five_minutes(found), axis=0)
    raw = math.sqrt(np.mean(np.diff(spoilt) ** 2))
    place = NAMES.index("rmssd_ms")
    assert raw > 2 * truth[place]
    assert kept[place] == pytest.approx(truth[place], rel=0.05)
    assert kept[NAMES.index("hf_ms2")] == pytest.approx(truth[NAMES.index("hf_ms2")], rel=0.12)
