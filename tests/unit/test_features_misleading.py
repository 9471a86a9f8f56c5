"""Numbers that a careless sum would give, and that nobody measured."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline

DAY = 19_810
UTC = Timeline(((0, "UTC"),))
HOUR = 3600 * SECOND_US


def row(family, streams, what="day"):
    days = np.array([DAY], np.int64)
    found = measured(families()[family], streams, UTC, segment(what), days)
    values = {name: float(value[0]) for name, value in found.values.items()}
    return values | {"coverage": float(found.coverage[0])}


def steps(hours, count, period_s):
    return {
        "time": (DAY * DAY_US + np.asarray(hours, np.float64) * HOUR).astype(np.int64),
        "steps": np.asarray(count, np.int32),
        "period": np.asarray(period_s, np.float32),
    }


def test_the_steps_of_a_day_are_not_those_of_its_night():
    streams = {"steps": steps([0.0], [8123], [86_400])}
    assert row("steps", streams)["steps"] == 8123
    assert row("steps", streams)["coverage"] == 1.0
    night = row("steps", streams, "night")
    assert np.isnan(night["steps"])
    assert night["coverage"] == 0.0


def together(*parts):
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined["time"], kind="stable")
    return {"steps": {name: values[order] for name, values in joined.items()}}


def test_steps_that_two_devices_counted_are_counted_once():
    hours = np.arange(9, 10, 1 / 60)
    band = steps(hours, np.full(60, 100), np.full(60, 60))
    phone = steps(hours[:30] + 1 / 240, np.full(30, 90), np.full(30, 60))  # left at home at half
    alone, both = row("steps", {"steps": band}), row("steps", together(band, phone))
    assert alone["steps"] == 6000
    assert both["steps"] == pytest.approx(6000)
    assert both["cadence_peak_per_min"] == pytest.approx(100, rel=0.05)
    assert both["coverage"] == pytest.approx(alone["coverage"], rel=0.01)
    twice, once = row("steps", together(phone, phone)), row("steps", {"steps": phone})
    np.testing.assert_equal(list(twice.values()), list(once.values()))
    # the phone's quarters of an hour, one of them of a walk without the band
    quarters = steps([9, 9.25, 9.5, 9.75, 10], [1400, 1400, 1400, 1400, 700], [900] * 5)
    assert row("steps", together(band, quarters))["steps"] == 6700


def test_a_day_s_sum_and_its_minutes_are_not_added_up():
    minutes = steps(np.arange(9, 10, 1 / 60), np.full(60, 100), np.full(60, 60))
    day = steps([0.0], [9000], [86_400])
    found = row("steps", together(day, minutes))
    assert (found["steps"], found["coverage"]) == (9000, 1.0)
    assert row("steps", together(steps([0.0], [5000], [86_400]), minutes))["steps"] == 6000
    assert row("steps", together(day, steps([23.9], [50], [300])))["steps"] == pytest.approx(
        9019, 1
    )
    assert row("steps", together(day, minutes), "morning")["steps"] == 6000


def test_records_that_follow_each_other_add_up_whatever_the_rounding():
    hours = np.arange(9, 10, 1 / 120)
    ragged = steps(hours - 3e-5 * (np.arange(120) % 2), np.full(120, 40), np.full(120, 30))
    assert row("steps", {"steps": ragged})["steps"] == 4800


def test_a_day_s_steps_tell_no_pace_of_the_heart():
    heart = {
        "time": DAY * DAY_US + np.arange(1440, dtype=np.int64) * 60 * SECOND_US,
        "rate": np.full(1440, 60.0, np.float32),
    }
    whole = {"heart_rate": heart, "steps": steps([0.0], [8123], [86_400])}
    assert np.isnan(row("heart_rate", whole)["rate_per_step"])
    assert row("heart_rate", whole)["resting_rate_per_min"] == 60.0
    # 600 steps in the ten minutes from 9:57 on are 60 a minute for ten minutes, in three bins
    walk = {"heart_rate": heart, "steps": steps([9.95, 10.5], [600, 0], [600, 60])}
    assert row("heart_rate", walk)["rate_per_step"] == pytest.approx(60 / 600)


def test_apps_without_a_category_do_not_say_that_no_game_was_played():
    apps = {
        "time": DAY * DAY_US + np.array([9, 10, 11], np.int64) * HOUR,
        "app": np.array(["a", "b", "a"], object),
        "category": np.array([None, None, None], object),
        "duration": np.full(3, 60.0, np.float32),
    }
    found = row("app_use", {"app_use": apps})
    assert found["app_uses"] == 3
    assert np.isnan(found["app_game_min"])
    apps["category"][1] = "Game"
    told = row("app_use", {"app_use": apps})
    assert (told["app_game_min"], told["app_social_min"]) == (1.0, 0.0)


def test_a_night_without_the_phone_is_a_zero_and_one_without_a_phone_is_not_known():
    def screen(hours):
        at = DAY * DAY_US + np.asarray(hours, np.float64) * HOUR
        state = np.arange(len(hours)) % 2 == 0
        return {"screen": {"time": at.astype(np.int64), "state": state.astype(np.int8)}}

    quiet = row("screen_use", screen([-1.0, -0.9, 8.0, 8.1]), "night")
    assert (quiet["screen_uses"], quiet["coverage"]) == (0.0, 1.0)
    assert row("screen_use", screen([-1.0, -0.9]), "night") == pytest.approx(quiet, nan_ok=True)
    assert row("screen_use", screen([-9.0, -8.9, 8.0, 8.1]), "night")["coverage"] == 0.0
