"""A phone that was off says nothing of the sleep: not that of a quiet hour after it."""

import numpy as np

from euthymia.features.sleep_phone import compute
from euthymia.ground.clock import DAY_US, Timeline

HOUR_US = DAY_US // 24
DAY0 = 20_000


def lit(day, hours):
    return [(DAY0 + day) * DAY_US + int(h * HOUR_US) for h in hours]


def told(at):
    time = np.array(sorted([*at, *(t + 60_000_000 for t in at)]), np.int64)
    state = np.tile(np.array([1, 0], np.int8), time.size // 2)
    stream = {"time": time, "state": state}
    return compute({"screen": stream}, Timeline(), np.arange(DAY0 + 1, DAY0 + 9)).values


def lived(off):
    at = []
    for day in range(9):
        if day != off:
            at += lit(day, [h for h in np.arange(7.0, 23.1, 0.25) if not 9 < h < 11.5])
    return at


def test_after_a_day_without_the_phone_a_quiet_morning_is_no_night():
    onset = told(lived(off=5))["sleep_onset_h"]  # of the dates 1 to 8
    assert np.isnan(onset[[4, 5]]).all()
    assert np.allclose(onset[[0, 1, 2, 3, 6, 7]], -1, atol=0.1)


def test_a_phone_put_on_again_before_the_night_tells_the_night():
    at = [*lived(off=5), *lit(5, [23.5, 23.75]), *lit(6, [0.1, 0.3])]
    found = told(at)
    assert abs(found["sleep_onset_h"][5] - 0.3) < 0.1
    assert abs(found["sleep_offset_h"][5] - 7) < 0.1


def without_evening(day, since):
    off = DAY0 * DAY_US + int((24 * day + since) * HOUR_US)
    return [t for t in lived(off=None) if not off <= t < off + 8 * HOUR_US]


def test_an_evening_that_was_not_recorded_is_no_early_night():
    """The sleep that ends on the seventh date would have begun at 18 h, five hours too early."""
    onset = told(without_evening(6, 18))["sleep_onset_h"]
    assert np.isnan(onset[6])
    assert np.allclose(onset[[0, 1, 2, 3, 4, 5, 7]], -1, atol=0.1)


def test_an_hour_that_was_not_recorded_is_no_reason_for_silence():
    assert -2.3 < told(without_evening(6, 22))["sleep_onset_h"][6] < -1
