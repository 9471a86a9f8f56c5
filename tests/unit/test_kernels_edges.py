"""What the kernels say at their edges, and on cases whose answer one can see."""

import math

import numpy as np
import pytest

from euthymia.kernels import hrv_time, rest_activity, screen, sleep_wake
from euthymia.kernels.beats import normal_beats
from euthymia.kernels.non_wear import ZERO_RUN_MINUTES, zero_runs

MINUTE = 60_000_000
HOUR = 60 * MINUTE
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
    low, high = rest_activity.l5(np.array(DAY)), rest_activity.m10(np.array(DAY))
    assert (float(low.level), float(low.onset_h)) == (0.0, 0.0)  # the first of equal ones
    assert (float(high.level), float(high.onset_h)) == (100.0, 7.0)
    assert float(rest_activity.relative_amplitude(high.level, low.level)) == 1.0


def test_a_rest_around_midnight_begins_in_the_evening():
    profile = np.full(1440, 50.0)
    profile[-60:] = 0
    profile[:240] = 0
    assert float(rest_activity.l5(profile).onset_h) == 23.0


def test_relative_amplitude_of_nothing_is_nan():
    assert math.isnan(rest_activity.relative_amplitude(np.array(0.0), np.array(0.0)))


def test_cosinor_finds_the_cosine_it_is_given():
    hours = np.arange(24) + 0.5
    days = np.tile(200 + 80 * np.cos(2 * np.pi * (hours - 15.25) / 24), (5, 1))
    days[2, 3:9] = np.nan
    found = rest_activity.cosinor(days)
    assert [float(v) for v in found] == pytest.approx([200, 80, 15.25])


def test_the_peak_of_a_flat_recording_is_unknown_but_its_level_is_not():
    found = rest_activity.cosinor(np.full((2, 24), 9.0))
    assert float(found.mesor) == pytest.approx(9.0)
    assert math.isnan(found.acrophase_h)


@pytest.mark.parametrize(("second", "expected"), [("same", 100), ("opposite", -100)])
def test_sleep_regularity_ends_of_the_scale(second, expected):
    day = (np.arange(144) < 48).astype(float)
    other = day if second == "same" else 1 - day
    assert float(rest_activity.sleep_regularity(np.stack([day, other]))) == expected


def test_one_day_has_no_regularity():
    assert math.isnan(rest_activity.sleep_regularity(np.ones((1, 144))))


def test_device_scale_does_not_matter_to_the_share_rule():
    rng = np.random.default_rng(3)
    levels = rng.gamma(0.5, 2, 500)
    mean = np.array(levels.mean())
    one = sleep_wake.rest_by_level(levels, mean)
    ten = sleep_wake.rest_by_level(10 * levels, 10 * mean)
    np.testing.assert_array_equal(one, ten)


def test_a_still_recording_does_not_tell_rest_from_activity():
    assert np.isnan(sleep_wake.rest_by_level(np.zeros(10), np.array(0.0))).all()


def test_a_run_must_reach_the_limit_and_ends_at_midnight():
    still = np.zeros((2, 1440), bool)
    still[0, 100 : 100 + ZERO_RUN_MINUTES] = True
    still[0, 1000 : 1000 + ZERO_RUN_MINUTES - 1] = True
    still[0, 1400:] = True
    still[1, :170] = True  # 210 minutes over midnight, but in two days
    found = zero_runs(still)
    assert found.sum() == ZERO_RUN_MINUTES
    assert found[0, 100 : 100 + ZERO_RUN_MINUTES].all()


def test_a_missed_and_an_extra_beat_go_and_their_neighbours_stay():
    interval = np.array([800, 810, 1620, 805, 400, 410, 800, 790, 805.0])
    found = normal_beats(interval, np.cumsum(interval * 1000).astype(np.int64))
    assert found.kept.tolist() == [True, True, False, True, False, False, True, True, True]
    assert found.joined.tolist() == [False, True, *([False] * 5), True, True]


def test_a_difference_never_crosses_a_gap():
    interval = np.full(6, 800.0)
    end = np.cumsum(interval * 1000).astype(np.int64)
    end[3:] += 10_000_000
    assert normal_beats(interval, end).joined.tolist() == [False, True, True, False, True, True]


def test_no_beats_at_all():
    empty = np.zeros(0)
    assert normal_beats(empty, empty.astype(np.int64)).kept.size == 0
    found = hrv_time.time_domain(empty, np.zeros(0, bool))
    assert math.isnan(found.mean_nn_ms[0])
    assert math.isnan(found.rmssd_ms[0])
    assert found.beats[0] == 0


def test_one_beat_has_a_mean_and_no_spread():
    found = hrv_time.time_domain(np.array([800.0]), np.array([True]))
    assert found.mean_nn_ms[0] == 800
    assert math.isnan(found.sdnn_ms[0])
    assert math.isnan(found.rmssd_ms[0])


def test_windows_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="add up"):
        hrv_time.time_domain(np.ones(3), np.ones(3, bool), np.array([2], np.int64))


def test_segments_need_sixty_beats():
    nn = np.full(59, 800.0)
    sdann, index = hrv_time.segment_spread(nn, np.cumsum(nn * 1000).astype(np.int64), 0)
    assert math.isnan(sdann)
    assert math.isnan(index)


def night(*uses: tuple[float, float]) -> screen.Episodes:
    """Uses as (hour, minutes)."""
    starts = np.array([int(h * HOUR) for h, _ in uses], np.int64)
    return screen.Episodes(starts, starts + np.array([int(m * MINUTE) for _, m in uses], np.int64))


def rest_of(used: screen.Episodes) -> tuple[float, float, int]:
    hours = used.start_us / HOUR
    inside = (hours >= -6) & (hours < 14)
    found = screen.longest_rest(used, inside, (hours >= -1) & (hours < 6))
    return found.start_us / HOUR, found.end_us / HOUR, found.checks


def test_a_check_in_the_night_does_not_end_it():
    used = night((-2, 30), (3, 2), (7, 10))
    assert rest_of(used) == (-1.5, 7.0, 1)


def test_a_long_use_in_the_night_does_end_it():
    used = night((-2, 30), (3, 20), (7, 10))
    assert rest_of(used) == (-1.5, 3.0, 0)


def test_checks_in_the_evening_and_soon_after_each_other_are_use():
    used = night((-4, 1), (-2, 1), (-1.5, 1), (-0.5, 1), (0.25, 1), (7, 10))
    onset, offset, checks = rest_of(used)
    assert (round(onset, 3), offset, checks) == (round(0.25 + 1 / 60, 3), 7.0, 0)


def test_a_use_whose_end_was_lost_ends_with_its_last_event():
    times = np.array([0, 5 * MINUTE, 9 * HOUR], np.int64)
    found = screen.episodes(times, np.array([1, 3, 1], np.int8))
    assert found.start_us.tolist() == [0, 9 * HOUR]
    assert found.end_us.tolist() == [5 * MINUTE, 9 * HOUR]
