"""The three families on days whose answer one can see."""

import numpy as np
import pytest

from euthymia.features import rows
from euthymia.features.activity_grid import activity_grid
from euthymia.features.catalogue import families
from euthymia.features.contract import Days, Family, Feature
from euthymia.features.rows import FeatureRangeWarning, compute_family
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline, day_number
from feature_cases import DAY0, WHO, recording, take

HOUR = 3600 * SECOND_US
OSLO = Timeline(((0, "Europe/Oslo"),))
SPRING = day_number(np.datetime64("2024-03-31").astype(object))
AUTUMN = day_number(np.datetime64("2024-10-27").astype(object))


def row(name, streams, timeline, day):
    family = families()[name]
    table = compute_family(
        family, streams, timeline, np.array([day], np.int64), subject=WHO, digests={}
    )
    return table.to_pylist()[0]


def counts(time, values, epoch=60.0):
    return {
        "activity_counts": {
            "time": np.asarray(time, np.int64),
            "counts": np.asarray(values, np.float32),
            "epoch": np.full(len(time), epoch, np.float32),
        }
    }


def minutes(timeline, first, last):
    """Every minute of some local days, with its local hour."""
    time = np.arange((first - 1) * DAY_US, (last + 2) * DAY_US, 60 * SECOND_US)
    local = timeline.local_us(time)
    keep = (local // DAY_US >= first) & (local // DAY_US <= last)
    return time[keep], local[keep] % DAY_US / HOUR


# -- activity ------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [SPRING, AUTUMN, DAY0])
def test_a_steady_life_is_steady_over_a_change_of_the_clock(last):
    """Same wall-clock habits every day: IS 1, M10 from 7:00, L5 from 0:00, coverage 1."""
    time, hour = minutes(OSLO, last - 6, last)
    found = row(
        "rest_activity", counts(time, np.where((hour >= 7) & (hour < 23), 100, 1)), OSLO, last
    )
    assert found["coverage"] == 1.0
    assert found["interdaily_stability"] == pytest.approx(1.0)
    assert found["m10_onset_h"] == 7.0
    assert found["m10_counts_per_min"] == pytest.approx(100)
    assert found["l5_onset_h"] == 0.0
    assert found["l5_counts_per_min"] == pytest.approx(1)
    assert found["acrophase_h"] == pytest.approx(15.0, abs=0.01)  # an hour less, no pure cosine
    assert found["sleep_regularity_index"] == 100


def test_the_hour_that_happens_twice_is_averaged_and_the_missing_one_is_unknown():
    time, hour = minutes(OSLO, AUTUMN, AUTUMN)
    assert time.size == 1500
    second = np.arange(time.size) >= 180  # two hours from midnight on, then the hour again
    values = np.where((hour >= 2) & (hour < 3), np.where(second, 30, 10), 5)
    grid = activity_grid(counts(time, values)["activity_counts"], OSLO, np.array([AUTUMN]))
    assert grid.level[0, 125] == 20
    assert grid.worn[0, 125] == 2
    assert grid.worn.sum() == 1500
    time, _ = minutes(OSLO, SPRING, SPRING)
    grid = activity_grid(
        counts(time, np.full(time.size, 5))["activity_counts"], OSLO, np.array([SPRING])
    )
    assert np.isnan(grid.level[0, 120:180]).all()
    assert grid.worn.sum() == 1380


@pytest.mark.parametrize(("epoch", "pieces"), [(15.0, 4), (30.0, 2), (1.0, 60)])
def test_short_epochs_are_the_minutes_they_make_up(epoch, pieces):
    time, hour = minutes(Timeline(), DAY0 - 6, DAY0)
    values = np.round(50 + 40 * np.sin(hour))
    whole = row("rest_activity", counts(time, values), Timeline(), DAY0)
    step = int(epoch * SECOND_US)
    split = np.repeat(time, pieces) + np.tile(np.arange(pieces) * step, time.size)
    parts = np.repeat(values / pieces, pieces)
    found = row("rest_activity", counts(split, parts, epoch), Timeline(), DAY0)
    for name, value in whole.items():
        assert found[name] == (
            pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
        )


def test_long_epochs_are_shared_out_within_their_day():
    time = DAY0 * DAY_US + np.arange(24, dtype=np.int64) * HOUR + HOUR // 2
    grid = activity_grid(
        counts(time, np.full(24, 600), 3600)["activity_counts"],
        Timeline(),
        np.array([DAY0, DAY0 + 1]),
    )
    assert grid.level[0, 30] == pytest.approx(10)
    assert grid.worn[0].sum() == 1440 - 30
    assert grid.worn[1].sum() == 0  # the half hour after midnight is not taken into the next day


def test_a_device_in_a_drawer_is_not_a_resting_person():
    time, hour = minutes(Timeline(), DAY0 - 6, DAY0)
    values = np.where((hour >= 7) & (hour < 23), 100, 1)
    values[: 3 * 1440] = 0
    found = row("rest_activity", counts(time, values), Timeline(), DAY0)
    assert found["coverage"] == pytest.approx(4 / 7)
    assert found["m10_counts_per_min"] == pytest.approx(100)
    values[: 5 * 1440] = 0
    found = row("rest_activity", counts(time, values), Timeline(), DAY0)
    assert found["coverage"] == pytest.approx(2 / 7)
    assert found["m10_counts_per_min"] is None  # two days say little about a rhythm


# -- screen --------------------------------------------------------------------------------------


def uses(*found):
    """Uses as (hour of DAY0, minutes)."""
    events = []
    for hour, length in found:
        start = int(DAY0 * DAY_US + hour * HOUR)
        events += [(start, 1), (start + int(length * 60 * SECOND_US), 0)]
    events.sort()
    return {
        "screen": {
            "time": np.array([t for t, _ in events], np.int64),
            "state": np.array([s for _, s in events], np.int8),
        }
    }


EVENING = [(-6 + i * 0.5, 10) for i in range(10)]  # until 22:40
MORNING = [(7 + i * 0.5, 10) for i in range(20)]


def test_a_plain_night():
    streams = uses(*EVENING, (3, 1), *MORNING)
    found = row("sleep_phone", streams, Timeline(), DAY0)
    assert found["sleep_onset_h"] == pytest.approx(-1.5 + 1 / 6)
    assert found["sleep_offset_h"] == 7.0
    assert found["sleep_period_h"] == pytest.approx(8.5 - 1 / 6)
    assert found["sleep_duration_h"] == pytest.approx(8.5 - 1 / 6 - 1 / 60)
    assert found["waso_min"] == pytest.approx(1)
    assert found["midsleep_h"] == pytest.approx((7 - 1.5 + 1 / 6) / 2)
    assert found["awakenings"] == 1
    assert found["coverage"] > 0.6
    found = row("screen_use", streams, Timeline(), DAY0)
    assert found["night_use_min"] == pytest.approx(1)
    assert found["screen_uses"] == 21
    assert found["screen_on_h"] == pytest.approx(20 / 6 + 1 / 60)
    assert found["coverage"] == pytest.approx(16.667 / 24, abs=0.01)  # nothing after 16:40


def test_the_clock_hours_of_sleep_over_a_change_of_the_clock():
    """In bed from 23:00 to 7:00 in the night the clock goes back: nine hours."""
    first, _ = OSLO.steps(AUTUMN * DAY_US - DAY_US, AUTUMN * DAY_US)
    assert first.size == 1
    local = [(-3 + 0.5 * i) for i in range(5)] + [7 + 0.5 * i for i in range(10)]
    events = []
    for hour in local:
        wall = int(AUTUMN * DAY_US + hour * HOUR)
        at = wall - (2 if hour < 3 else 1) * HOUR
        events += [(at, 1), (at + 60 * SECOND_US, 0)]
    streams = {
        "screen": {
            "time": np.array([t for t, _ in events], np.int64),
            "state": np.array([s for _, s in events], np.int8),
        }
    }
    found = row("sleep_phone", streams, OSLO, AUTUMN)
    assert found["sleep_onset_h"] == pytest.approx(-1 + 1 / 60)
    assert found["sleep_offset_h"] == 7
    assert found["sleep_duration_h"] == pytest.approx(9 - 1 / 60)


def test_a_phone_that_was_not_recorded_is_no_sleep():
    streams = uses((-5.9, 5), (13, 5), (15, 5))
    found = row("sleep_phone", streams, Timeline(), DAY0)
    assert found["sleep_duration_h"] is None
    assert found["coverage"] < 0.5
    assert row("screen_use", streams, Timeline(), DAY0)["screen_uses"] == 2


def test_a_night_of_travel_has_no_clock_hours():
    streams = uses(*EVENING, *MORNING)
    flown = Timeline(((0, "UTC"), (DAY0 * DAY_US, "Pacific/Auckland")))
    found = row("sleep_phone", streams, flown, DAY0)
    assert found["sleep_onset_h"] is None
    assert found["sleep_period_h"] == pytest.approx(8.5 - 1 / 6)


# -- heart ---------------------------------------------------------------------------------------


def heart(hour, length_min, interval=800):
    n = int(length_min * 60_000 / interval)
    wave = interval + np.tile([-10, 10], n // 2 + 1)[:n]
    end = int(DAY0 * DAY_US + hour * HOUR) + np.cumsum(wave * 1000).astype(np.int64)
    return end, wave.astype(np.float32)


def beats(*parts):
    found = sorted(parts, key=lambda p: p[0][0])
    return {
        "beat_intervals": {
            "time": np.concatenate([p[0] for p in found]),
            "interval": np.concatenate([p[1] for p in found]),
        }
    }


def test_the_night_goes_before_the_day():
    streams = beats(heart(-1, 360, 1000), heart(15, 60, 700))
    found = row("hrv", streams, Timeline(), DAY0)
    assert found["from_night"] == 1
    assert found["mean_nn_ms"] == pytest.approx(1000)
    assert found["rmssd_ms"] == pytest.approx(20)
    assert found["coverage"] == pytest.approx(0.5, abs=0.01)
    assert found["rejected_pct"] == 0


def test_without_a_night_the_day_is_taken_and_says_so():
    streams = beats(heart(1, 10, 1000), heart(15, 60, 700))
    found = row("hrv", streams, Timeline(), DAY0)
    assert found["from_night"] == 0
    assert 700 < found["mean_nn_ms"] < 800
    assert found["coverage"] == pytest.approx(70 / 1440, abs=0.001)


def test_four_minutes_are_too_few_but_their_coverage_is_known():
    found = row("hrv", beats(heart(15, 4)), Timeline(), DAY0)
    assert found["rmssd_ms"] is None
    assert found["coverage"] == pytest.approx(4 / 1440, abs=0.001)


def test_yesterday_evening_belongs_to_tonight():
    streams = beats(heart(22.5, 60, 900), heart(30, 60, 1100))
    today = row("hrv", streams, Timeline(), DAY0)
    tomorrow = row("hrv", streams, Timeline(), DAY0 + 1)
    assert today["from_night"] == 0
    assert today["mean_nn_ms"] == pytest.approx(900)
    assert tomorrow["from_night"] == 1
    assert 900 < tomorrow["mean_nn_ms"] < 1100


# -- the frame around them -----------------------------------------------------------------------


def test_a_value_its_definition_rules_out_is_dropped_and_warned_of():
    def compute(streams, timeline, days):
        return Days({"share": np.full(days.size, 1.5)}, np.ones(days.size))

    feature = Feature("share", "Share", "1", "A share that cannot be 1.5.", "doi:10.1/x", 0, 1)
    family = Family("wrong", "1", "Wrong", ("screen",), 1, (feature,), compute)
    streams = {"screen": recording("screen", Timeline(), DAY0, 1, np.random.default_rng(0))}
    with pytest.warns(FeatureRangeWarning, match=r"wrong\.share gave 1 values outside"):
        table = compute_family(
            family, streams, Timeline(), np.array([DAY0]), subject=WHO, digests={}
        )
    assert table["share"].to_pylist() == [None]


def test_what_computes_keeps_its_memory(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(rows, "keep_memory", lambda: asked.append(True))
    feature = Feature("share", "Share", "1", "One share a day.", "doi:10.1/x", 0, 1)
    ones = Days({"share": np.ones(1)}, np.ones(1))
    family = Family("one", "1", "One", ("screen",), 1, (feature,), lambda *_: ones)
    compute_family(family, {}, Timeline(), np.array([DAY0]), subject=WHO, digests={})
    assert asked == [True]


def test_dates_may_come_in_any_order_and_twice():
    family = families()["rest_activity"]
    streams = {
        "activity_counts": recording(
            "activity_counts", Timeline(), DAY0, 9, np.random.default_rng(0)
        )
    }
    days = np.array([DAY0 + 8, DAY0 + 6, DAY0 + 8], np.int64)
    table = compute_family(family, streams, Timeline(), days, subject=WHO, digests={})
    found = table["m10_counts_per_min"].to_pylist()
    assert found[0] == found[2] != found[1]
    assert take(streams["activity_counts"], slice(0, 2))["time"].size == 2
