"""A phone that was off says nothing of the sleep: not that of a quiet hour after it."""

import numpy as np

from euthymia.features.sleep_phone import compute
from euthymia.ground.clock import DAY_US, Timeline

HOUR_US = DAY_US // 24
DAY0 = 20_000


def lit(day, hours):
    return [(DAY0 + day) * DAY_US + int(h * HOUR_US) for h in hours]


def told(at, fixes=None, days=range(1, 9)):
    time = np.array(sorted([*at, *(t + 60_000_000 for t in at)]), np.int64)
    state = np.tile(np.array([1, 0], np.int8), time.size // 2)
    stream = {"time": time, "state": state}
    streams = {"screen": stream}
    if fixes is not None:
        streams["location"] = {"time": np.array(fixes, np.int64)}
    found = compute(streams, Timeline(), DAY0 + np.array(days))
    return found.values | {"coverage": found.coverage}


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


def located(but=(), every_min=5):
    """Fixes day and night, but for stretches of hours since the first midnight."""
    hours = np.arange(0, 9 * 24, every_min / 60)
    for since, until in but:
        hours = hours[(hours < since) | (hours >= until)]
    return (DAY0 * DAY_US + hours * HOUR_US).astype(np.int64)


def unused(since, until):
    low, high = (DAY0 * DAY_US + int(h * HOUR_US) for h in (since, until))
    return [t for t in lived(off=None) if not low <= t < high]


def test_where_the_location_shows_that_nothing_was_recorded_no_onset_is_told():
    """From 21:36 to 1:42 nothing, in the second night: no habit is known that would tell."""
    since, until = 24 + 21.6, 48 + 1.7
    at = unused(since, until)
    assert told(at)["sleep_onset_h"][1] < -2
    found = told(at, located(but=[(since, until)]))
    assert np.isnan(found["sleep_onset_h"][1])
    assert np.allclose(np.delete(found["sleep_onset_h"], 1), -1, atol=0.1)
    assert found["coverage"][1] < 0.8 < np.delete(found["coverage"], 1).min()


def test_where_the_location_shows_that_the_phone_lay_unused_the_early_night_is_told():
    at = without_evening(6, 18)
    assert np.isnan(told(at)["sleep_onset_h"][6])
    assert abs(told(at, located())["sleep_onset_h"][6] + 6) < 0.3


def test_a_phone_that_dozes_or_is_off_at_night_tells_every_night():
    """No fix from 23:30 until it is taken up at 7:00, but for one as it wakes up at 3:00."""
    dozes = [(24 * d + h, 24 * d + u) for d in range(9) for h, u in ((-0.5, 3), (3.01, 7))]
    onset = told(lived(off=None), located(but=dozes))["sleep_onset_h"]
    assert np.allclose(onset, -1, atol=0.1)


def test_a_phone_located_only_on_the_way_tells_as_much_as_one_that_is_not():
    ways = [(24 * d + h, 24 * d + u) for d in range(9) for h, u in ((-6, 8), (8.5, 17.5))]
    at = lived(off=5)
    alone, found = told(at), told(at, located(but=ways))
    for name in ("sleep_onset_h", "sleep_offset_h"):
        assert np.array_equal(alone[name], found[name], equal_nan=True)


def test_a_phone_in_use_without_a_fix_was_recorded():
    """Held all evening indoors: the last fix at 19:12, the next at 2:30, in use until 22:12."""
    at = sorted({*unused(24 + 19, 48 + 6.5), *lit(1, np.arange(19, 22.2, 1 / 12))})
    alone, found = told(at), told(at, located(but=[(24 + 19.2, 48 + 2.5)]))
    assert abs(found["sleep_onset_h"][1] + 1.8) < 0.1
    for name in ("sleep_onset_h", "coverage"):
        assert found[name][1] == alone[name][1]


def test_a_date_is_told_the_same_from_its_own_window_as_from_all():
    gone = [(24 * d + h, 24 * d + h + 5.2) for d, h in ((1, 20.2), (3, 9), (4, 22.1), (6, 2))]
    at = lived(off=None)
    for since, until in gone:
        at = sorted(set(at) & set(unused(since, until)))
    fixes = located(but=gone)
    whole = told(at, fixes)
    low, high = (DAY0 - 14) * DAY_US, (DAY0 + 7) * DAY_US
    own = told([t for t in at if low <= t < high], fixes[fixes < high], days=[6])
    for name in ("sleep_onset_h", "sleep_duration_h", "coverage"):
        assert np.array_equal(own[name], whole[name][[5]], equal_nan=True)
