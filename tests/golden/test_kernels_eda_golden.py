"""Skin conductance against NeuroKit2 0.2.13 where its definition is right, and where it is not.

The numbers were made with `nk.eda_phasic(signal(), sampling_rate=4, method="highpass")`,
`method="smoothmedian", smoothing_factor=8`, and `nk.eda_peaks(phasic, sampling_rate=4,
amplitude_min=0)` with amplitudes of at least 0.05 uS kept.

Where NeuroKit2 differs and why it is not followed:

* Its peaks must reach a tenth of the *largest* peak of the recording: one artefact hides all
  responses of a day, and days cannot be compared. Ours must reach 0.05 uS.
* Its running median takes what lies beyond the ends for 0 uS. Ours shrinks.
* Its EDASymp of a sine of 2 uS in the band is 1.90 instead of 2 uS2, and its normalised one is a
  power over the largest density, in Hz. Ours is 2.00 uS2, and a share.
"""

import numpy as np
import pytest

from euthymia.kernels import eda

AT = [0, 5, 120, 300, 777, 1500, 2200, 2399]
TONIC = [
    4.002341988972181, 4.010119918461791, 4.257286705154159, 4.129114953054599,
    4.252367088345458, 4.428827773916141, 4.547852974167498, 4.281452297366523,
]  # fmt: skip
PHASIC = [
    -0.0023419889721320378, -0.00025822673259617845, -0.06325404688304892, -0.01936245748191794,
    0.0033514953914479334, -0.01794325664895315, -0.07370093097829875, -4.469774837444283e-05,
]  # fmt: skip
MEDIAN_INSIDE = [
    4.194032658271012, 4.109752495572679, 4.2557185837369005, 4.410884517267144, 4.474151884441008
]  # fmt: skip
ONSETS = [120, 320, 520, 684, 884, 1084, 1248, 1448, 1648, 1812, 2012, 2212]
PEAKS = [126, 326, 526, 690, 890, 1090, 1254, 1454, 1654, 1818, 2018, 2218]
AMPLITUDES = [
    0.15624914636651754, 0.23436684136725291, 0.31249193398852587, 0.3906328060683367,
    0.15624468782732495, 0.23436713042849422, 0.31250565736313085, 0.3906151077828586,
    0.1562434341557406, 0.2343764015866629, 0.31249384056221474, 0.39061313461555036,
]  # fmt: skip
RECOVERY_S = 3.25


def signal():
    """Ten minutes at 4 Hz: a drift, a slow wave, and twelve responses of known time and size."""
    t = np.arange(2400) / 4
    x = 4 + 0.3 * t / 600 + 0.2 * np.sin(2 * np.pi * t / 170)
    for k in range(12):
        s = np.maximum(t - (30 + 47 * k + 3 * (k % 3)), 0)
        x = x + (0.2 + 0.1 * (k % 4)) * 1.6 * (np.exp(-s / 4) - np.exp(-s / 0.8))
    return x


EDGES = np.array([0, 2400])


def part(*, high_pass):
    return eda.zero_phase(signal(), EDGES, eda.butterworth(0.05 / 4, high_pass=high_pass))


def test_the_filters_are_neurokits():
    np.testing.assert_allclose(part(high_pass=False)[AT], TONIC, rtol=0, atol=1e-11)
    np.testing.assert_allclose(part(high_pass=True)[AT], PHASIC, rtol=0, atol=1e-11)


def test_the_running_median_is_neurokits_away_from_the_ends():
    found = eda.running_median(signal(), EDGES, 16)
    np.testing.assert_allclose(found[AT[2:-1]], MEDIAN_INSIDE, rtol=0, atol=0)
    assert found[0] == np.median(signal()[:17])


def test_responses_are_neurokits():
    found = eda.responses(part(high_pass=True), EDGES, 0.0, 0.05)
    np.testing.assert_array_equal(found[:, 0], ONSETS)
    np.testing.assert_array_equal(found[:, 1], PEAKS)
    np.testing.assert_allclose(found[:, 2], AMPLITUDES, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(found[:, 3] / 4, RECOVERY_S)


def test_ripple_does_not_part_a_response():
    slow = np.interp(np.arange(800), [0, 160, 320, 640, 799], [0.1, 0.0, 0.4, 0.0, 0.1])
    rough = slow + 0.008 * (np.arange(800) % 2)  # it turns back at every other sample
    edges = np.array([0, 800])
    assert len(eda.responses(rough, edges, 0.0, 0.05)) == 0
    found = eda.responses(rough, edges, eda.RIPPLE_USIEMENS, 0.05)
    assert len(found) == 1
    assert found[0, 2] == pytest.approx(0.4, abs=0.01)


def test_one_artefact_hides_no_response():
    phasic = part(high_pass=True)
    phasic[1000:1004] += 20
    assert len(eda.responses(phasic, EDGES, eda.RIPPLE_USIEMENS, 0.05)) >= 12


@pytest.mark.parametrize("hertz", [0.0625, 0.125, 0.203125])
def test_the_power_of_a_sine_in_the_band_is_half_its_square(hertz):
    t = np.arange(4800) / 4
    wave = 5 + 2 * np.sin(2 * np.pi * hertz * t) + 0.01 * t
    power, share = eda.sympathetic(wave, np.array([0, t.size]))
    assert power == pytest.approx(2, rel=0.01)
    assert share > 0.98


@pytest.mark.parametrize("hertz", [0.005, 0.32, 1.0])
def test_what_lies_outside_the_band_does_not_count(hertz):
    t = np.arange(4800) / 4
    power, share = eda.sympathetic(5 + 2 * np.sin(2 * np.pi * hertz * t), np.array([0, t.size]))
    assert power < 0.02
    assert share < 0.1


def test_a_flat_line_has_no_share():
    power, share = eda.sympathetic(np.full(600, 3.7), np.array([0, 600]))
    assert power < 1e-20
    assert np.isnan(share)
    assert np.isnan(eda.sympathetic(np.full(200, 3.7), np.array([0, 200]))).all()
