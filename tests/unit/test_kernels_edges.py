"""What the kernels say at their edges, and on cases whose answer one can see."""

import math

import numpy as np
import pytest

from euthymia.kernels import cosinor, rest_activity
from euthymia.kernels.non_wear import ZERO_RUN_MINUTES, zero_runs

DAY = [0.0] * 7 + [100.0] * 16 + [0.0]  # up from 7:00 to 23:00


def test_the_same_day_again_and_again_is_perfectly_stable():
    assert rest_activity.interdaily_stability(np.array([DAY] * 7)) == pytest.approx(1.0)


def test_a_day_turned_upside_down_every_other_day_has_no_daily_pattern():
    night_owl = [100.0 - x for x in DAY]
    days = np.array([DAY, night_owl] * 3)
    assert rest_activity.interdaily_stability(days) == pytest.approx(0.0)


def test_noise_has_a_variability_near_two():
    noise = np.random.default_rng(1).normal(100, 10, (60, 24))
    assert rest_activity.intradaily_variability(noise) == pytest.approx(2.0, abs=0.15)


def test_flat_and_empty_recordings_are_nan():
    for days in (np.full((3, 24), 7.0), np.full((3, 24), np.nan), np.zeros((3, 24))):
        assert math.isnan(rest_activity.interdaily_stability(days))
        assert math.isnan(rest_activity.intradaily_variability(days))


def test_stretches_of_a_plain_day():
    low, high = rest_activity.least_and_most(np.array(DAY))
    assert (float(low.level), float(low.onset_h)) == (0.0, 0.0)  # the first of equal ones
    assert (float(high.level), float(high.onset_h)) == (100.0, 7.0)
    assert float(rest_activity.relative_amplitude(high.level, low.level)) == 1.0


def test_a_rest_around_midnight_begins_in_the_evening():
    profile = np.full(1440, 50.0)
    profile[-60:] = 0
    profile[:240] = 0
    assert float(rest_activity.least_and_most(profile)[0].onset_h) == 23.0


def test_relative_amplitude_of_nothing_is_nan():
    assert math.isnan(rest_activity.relative_amplitude(np.array(0.0), np.array(0.0)))


def test_cosinor_finds_the_cosine_it_is_given():
    hours = np.arange(24) + 0.5
    days = np.tile(200 + 80 * np.cos(2 * np.pi * (hours - 15.25) / 24), (5, 1))
    days[2, 3:9] = np.nan
    found = cosinor.cosinor(days)
    assert [float(v) for v in found] == pytest.approx([200, 80, 15.25, 1])


def test_the_peak_of_a_flat_recording_is_unknown_but_its_level_is_not():
    found = cosinor.cosinor(np.full((2, 24), 9.0))
    assert float(found.mesor) == pytest.approx(9.0)
    assert math.isnan(found.acrophase_h)


@pytest.mark.parametrize(("second", "expected"), [("same", 100), ("opposite", -100)])
def test_sleep_regularity_ends_of_the_scale(second, expected):
    day = (np.arange(144) < 48).astype(float)
    other = day if second == "same" else 1 - day
    assert float(rest_activity.sleep_regularity(np.stack([day, other]))) == expected


def test_one_day_has_no_regularity():
    assert math.isnan(rest_activity.sleep_regularity(np.ones((1, 144))))


def test_a_run_must_reach_the_limit_and_ends_at_midnight():
    still = np.zeros((2, 1440), bool)
    still[0, 100 : 100 + ZERO_RUN_MINUTES] = True
    still[0, 1000 : 1000 + ZERO_RUN_MINUTES - 1] = True
    still[0, 1400:] = True
    still[1, :170] = True  # 210 minutes over midnight, but in two days
    found = zero_runs(still)
    assert found.sum() == ZERO_RUN_MINUTES
    assert found[0, 100 : 100 + ZERO_RUN_MINUTES].all()
