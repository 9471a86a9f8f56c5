"""Kernels of activity and steps against slow twins written from the rules, and cases one sees."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import intensity, steps
from euthymia.kernels.non_wear import choi, still_runs, troiano

FEW = settings(max_examples=30, deadline=None)
SOME = settings(max_examples=80, deadline=None)
NAN = float("nan")


def pieces(*kinds: tuple[float, int, int]):
    """Runs of minutes of one count each."""
    one = st.one_of(*(st.tuples(st.just(c), st.integers(a, b)) for c, a, b in kinds))
    runs = st.lists(one, min_size=1, max_size=12)
    return runs.map(lambda found: np.repeat([c for c, _ in found], [n for _, n in found]))


quiet_days = pieces((0.0, 20, 110), (50.0, 1, 3), (500.0, 1, 3), (NAN, 1, 2))


def marks(pattern: str, text: str) -> list[bool]:
    found = [False] * len(text)
    for match in re.finditer(pattern, text):
        found[match.start() : match.end()] = [True] * (match.end() - match.start())
    return found


@SOME
@given(quiet_days)
def test_choi(counts):
    text = "".join("?" if math.isnan(c) else "0" if c == 0 else "1" for c in counts)
    lone = re.compile(r"(?<![1])1{1,2}(?!1)")
    calm = list(text)
    for spike in lone.finditer(text):
        around = text[max(spike.start() - 30, 0) : spike.start()]
        around += text[spike.end() : spike.end() + 30]
        if "1" not in around:
            calm[spike.start() : spike.end()] = "0" * len(spike.group())
    assert choi(counts).tolist() == marks("0{90,}", "".join(calm))


@SOME
@given(quiet_days)
def test_troiano(counts):
    letter = {0.0: "0", 50.0: "1", 500.0: "2"}
    text = "".join("?" if math.isnan(c) else letter[c] for c in counts)
    slow = [False] * len(text)
    for match in re.finditer(r"0(?:1{0,2}0)*", text):
        if len(match.group()) >= 60:
            slow[match.start() : match.end()] = [True] * len(match.group())
    assert troiano(counts).tolist() == slow


def test_the_published_examples_of_non_wear():
    still = np.zeros(200)
    assert choi(still).all()
    assert troiano(still).all()
    still[100:102] = 3000.0  # two minutes of artefact far from any other
    assert choi(still).all()
    assert troiano(still).sum() == 198
    still[75] = 40.0  # one more within 30 minutes: neither run of zeros reaches 90
    assert choi(still).sum() == 98
    assert not choi(np.zeros(89)).any()
    assert not troiano(np.zeros(59)).any()


@SOME
@given(pieces((0.0, 1, 30), (9.0, 1, 3), (NAN, 1, 2)), st.integers(1, 30))
def test_still_runs(counts, least):
    text = "".join("0" if c == 0 else "x" for c in counts)
    assert still_runs(counts, least).tolist() == marks(f"0{{{least},}}", text)


@SOME
@given(st.lists(st.integers(1, 300), min_size=1, max_size=30))
def test_bout_lengths(lengths):
    runs = np.bincount(lengths, minlength=301)
    found = np.full(6, NAN)
    intensity.bout_lengths(runs.astype(np.int64), found)
    n, whole = len(lengths), sum(lengths)
    gini = sum(abs(a - b) for a in lengths for b in lengths) / (2 * n * whole)
    exponent = 1 + n / math.fsum(math.log(x / 0.5) for x in lengths)
    long = sum(x for x in lengths if x >= 30)
    assert found == pytest.approx([n, whole / n, max(lengths), long, gini, exponent], abs=1e-9)


def test_no_bout_says_nothing():
    found = np.full(6, NAN)
    intensity.bout_lengths(np.zeros(5, np.int64), found)
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1111111111", (1, 10)),
        ("1101110111", (1, 10)),  # 8 of 10
        ("1101010111", (0, 0)),
        ("11111111110011111", (1, 17)),
        ("1111111111000111", (1, 10)),
        ("0001111111111?1", (1, 12)),
        ("111111111", (0, 0)),
    ],
)
def test_modified_ten_minute_bouts(text, expected):
    level = np.array([NAN if c == "?" else 3000.0 * int(c) for c in text])
    assert intensity.bouts_of(level, 2020.0) == expected


@SOME
@given(st.lists(st.integers(0, 200).map(float), min_size=4, max_size=40))
def test_the_intensity_gradient_is_a_line_through_logs(minutes):
    slope, intercept, fit = intensity.gradient(np.array(minutes))
    points = [((i + 0.5) * 25, m) for i, m in enumerate(minutes) if m > 0]
    if len(points) < 3:
        assert math.isnan(slope)
        return
    x, y = np.log([p[0] for p in points]), np.log([p[1] for p in points])
    line = np.polyfit(x, y, 1)
    assert [slope, intercept] == pytest.approx(line.tolist(), abs=1e-8)
    if np.ptp(y) > 1e-3:
        assert fit == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=1e-7)


def test_a_power_law_has_its_exponent_as_gradient():
    middle = (np.arange(160) + 0.5) * 25
    slope, _, fit = intensity.gradient(1e6 * middle**-2.5)
    assert slope == pytest.approx(-2.5)
    assert fit == pytest.approx(1.0)


@FEW
@given(st.integers(0, 10**6), st.sampled_from([5, 12, 40]))
def test_epochs_of_acceleration(seed, hz):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice(60_000_000, 60 * hz, replace=False)).astype(np.int64)
    time = time[(time < 20_000_000) | (time > 32_000_000)]
    axes = [rng.normal(g, 0.1, time.size).astype(np.float32) for g in (0.3, -0.5, 0.8)]
    enmo, mad = np.full(12, NAN), np.full(12, NAN)
    known = intensity.epochs(time, *axes, 0, enmo, mad)
    size = np.sqrt(sum(a.astype(np.float64) ** 2 for a in axes))
    for epoch in range(12):
        own = time // 5_000_000 == epoch
        if own.sum() < 10 or np.ptp(time[own]) < 2_500_000:
            assert np.isnan(enmo[epoch])
            continue
        part = size[own]
        exceeds = 1000 * np.maximum(part - 1, 0).mean()
        assert enmo[epoch] == pytest.approx(exceeds, rel=1e-5, abs=1e-3)  # of 32-bit samples
        assert mad[epoch] == pytest.approx(1000 * np.abs(part - part.mean()).mean(), rel=1e-5)
    assert known == (~np.isnan(enmo)).sum()


# -- steps ---------------------------------------------------------------------------------------


def worn(hz: float, parts: list[tuple[float, float, float]], seed: int = 1):
    """Acceleration of parts of (seconds, steps a second, swing [g]) on a turned wrist."""
    rng = np.random.default_rng(seed)
    size = []
    for seconds, rate, swing in parts:
        t = np.arange(int(seconds * hz)) / hz
        size.append(1 + swing * (np.sin(2 * np.pi * rate * t) + 0.3 * np.sin(np.pi * rate * t)))
    whole = np.concatenate(size) + rng.normal(0, 0.02, sum(part.size for part in size))
    time = np.round(np.arange(whole.size) * 1e6 / hz).astype(np.int64)
    return time, *(np.float32(g) * whole.astype(np.float32) for g in (0.6, 0.48, 0.64))


@settings(max_examples=20, deadline=None)
@given(st.floats(1.5, 2.2), st.integers(10, 90), st.sampled_from([10, 25, 32, 50, 100]))
def test_steps_are_counted_at_any_rate(rate, seconds, hz):
    second, cadence = steps.walking(*worn(hz, [(20, 0, 0), (seconds, rate, 0.4), (20, 0, 0)]))
    assert cadence.sum() == pytest.approx(rate * seconds, rel=0.05, abs=4)
    assert (np.diff(second) > 0).all()


@pytest.mark.parametrize(
    "parts",
    [
        [(60, 0, 0)],  # lying
        [(60, 1.8, 0.05)],  # swinging too little
        [(60, 0.8, 0.5)],  # rocking
        [(60, 3.2, 0.5)],  # shaking
        [(10, 0, 0), (2, 1.8, 0.4), (10, 0, 0)],  # too short
    ],
)
def test_what_is_not_walking(parts):
    _, cadence = steps.walking(*worn(25, parts))
    assert cadence.sum() == 0


def test_recordings_of_ten_seconds_count_as_each_alone():
    time, x, y, z = worn(25, [(10, 1.8, 0.4)])
    _, alone = steps.walking(time, x, y, z)
    apart = np.concatenate([time + k * 20_000_000 for k in range(6)])
    _, together = steps.walking(apart, *(np.tile(axis, 6) for axis in (x, y, z)))
    assert together.sum() == pytest.approx(6 * alone.sum(), rel=0.02)
    assert alone.sum() == pytest.approx(18, abs=1.5)


def test_nothing_and_one_sample():
    empty = np.zeros(0, np.float32)
    assert steps.walking(np.zeros(0, np.int64), empty, empty, empty)[1].size == 0
    one = np.ones(1, np.float32)
    assert steps.walking(np.zeros(1, np.int64), one, one, one)[1].size == 0
