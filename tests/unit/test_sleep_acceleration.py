"""Sleep by the angle of the arm: nights whose answer one can see."""

from itertools import pairwise

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import sleep_angle

DAY, HZ = 19_800, 10
UTC = Timeline(((0, "UTC"),))


def arm(asleep, hours=48, still=0.004, table=()):
    """Return two days of a wrist: turning every 20 minutes asleep, every 10 s awake."""
    rng = np.random.default_rng(1)
    hour = np.arange(hours * 3600 * HZ) / HZ / 3600
    lies = np.any([(hour >= a) & (hour < b) for a, b in asleep], axis=0)
    posture = np.where(lies, np.floor(hour * 3), 1e6 + np.floor(hour * 360))
    for a, b in table:
        posture[(hour >= a) & (hour < b)] = -1.0
        lies |= (hour >= a) & (hour < b)
    which = np.unique(posture, return_inverse=True)[1]
    axis = rng.normal(size=(which.max() + 1, 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    felt = axis[which] + rng.normal(0, np.where(lies, still, 0.05)[:, None], (hour.size, 3))
    time = (DAY - 1) * DAY_US + np.arange(hour.size, dtype=np.int64) * (1_000_000 // HZ)
    columns = dict(zip("xyz", felt.T.astype(np.float32), strict=True))
    return {"accelerometer": {"time": time} | columns}


def night_of(streams):
    days = np.array([DAY], np.int64)
    found = measured(families()["sleep_acceleration"], streams, UTC, segment("day"), days)
    return {n: float(v[0]) for n, v in found.values.items()} | {"coverage": found.coverage[0]}


def test_a_night_of_eight_hours_with_one_awake():
    found = night_of(arm([(23.0, 27.0), (27.5, 31.0)]))
    assert found["coverage"] == 1.0
    assert found["sleep_onset_h"] == pytest.approx(-1.0, abs=0.02)
    assert found["sleep_offset_h"] == pytest.approx(7.0, abs=0.02)
    assert found["sleep_duration_h"] == pytest.approx(7.5, abs=0.05)
    assert found["waso_min"] == pytest.approx(30, abs=3)
    assert found["awakenings"] == 1.0
    assert 97.0 > found["sleep_efficiency_pct"] > 90.0


def test_a_device_on_a_table_does_not_sleep():
    found = night_of(arm([(12.1, 12.2)], still=0.001, table=[(22.0, 32.0)]))
    assert found["coverage"] == pytest.approx(26 / 36, abs=0.02)
    assert np.isnan(found["sleep_onset_h"])
    assert np.isnan(found["sleep_duration_h"])


def held_still(turns, table=()):
    """Return a wrist that in the sleep from 23 to 31 h turns at some hours alone."""
    streams = arm([(23.0, 31.0)], still=0.004, table=table)
    felt = streams["accelerometer"]
    hour = (felt["time"] - (DAY - 1) * DAY_US) / (DAY_US / 24)
    rng = np.random.default_rng(3)
    edges = [23.0, *turns, 31.0]
    for low, high in pairwise(edges):
        lies = (hour >= low) & (hour < high)
        for axis, toward in zip("xyz", rng.permutation([0.2, 0.5, 0.84]), strict=True):
            felt[axis][lies] = toward + rng.normal(0, 0.004, lies.sum())
    return streams


def test_somebody_who_lies_still_for_hours_is_asleep():
    """For 2.5 and 2.9 hours, between half hours in which they turn and lie still."""
    found = night_of(held_still([23.3, 23.8, 24.4, 26.9, 27.4, 30.3, 30.7]))
    assert found["coverage"] == 1.0
    assert found["sleep_onset_h"] == pytest.approx(-1.0, abs=0.02)
    assert found["sleep_offset_h"] == pytest.approx(7.0, abs=0.02)
    assert found["sleep_duration_h"] == pytest.approx(8.0, abs=0.02)


def test_a_sleep_beside_hours_not_worn_is_not_told():
    """Put down at 22 h, taken up for a turn at 25.5 and 28, then worn and at rest from 31 on."""
    phone = night_of(held_still([25.5, 28.0], table=[(22.0, 23.0)]))
    assert np.isnan(phone["sleep_onset_h"])
    off_late = night_of(arm([(23.0, 27.0)], still=0.002, table=[(27.0, 32.0)]))
    assert np.isnan(off_late["sleep_offset_h"])
    assert off_late["coverage"] < 0.9


def test_a_nap_of_yesterday_is_not_tonight():
    found = night_of(arm([(14.0, 16.0)]))
    assert found["coverage"] == 1.0
    assert np.isnan(found["sleep_onset_h"])


def test_angle_and_stillness_as_the_papers_say():
    time = np.arange(0, 20_000_000, 500_000, dtype=np.int64)
    n = time.size
    x, z = np.zeros(n, np.float32), np.ones(n, np.float32)
    x[10:20], z[10:20] = 1.0, 1.0
    x[20:], z[20:] = 1.0, 0.0
    angle, moments = np.empty(5), np.zeros((1, 3, 3))
    sleep_angle.angles(time, x, np.zeros(n, np.float32), z, 0, angle, moments)
    np.testing.assert_allclose(angle[:4], [90.0, 45.0, 0.0, 0.0], atol=1e-9)
    assert np.isnan(angle[4])
    assert moments[0, :, 0].tolist() == [n, n, n]
    quiet = np.full(200, 10.0)
    quiet[70:] = 15.1
    quiet[120:] = np.nan
    assert np.flatnonzero(sleep_angle.still_arm(quiet)).tolist() == list(range(70))
    quiet[70:120] = 14.9
    assert sleep_angle.still_arm(quiet)[:120].all()
    assert not sleep_angle.still_arm(quiet)[120:].any()


@pytest.mark.parametrize("seed", range(6))
def test_rest_is_what_a_rolling_median_says(seed):
    """The window slides, sorted: as if each were sorted anew, with equal values and gaps."""
    rng = np.random.default_rng(seed)
    angle = np.round(rng.normal(0, (0.02, 0.3, 5.0)[seed % 3], 700), 2)
    for at in rng.integers(0, 700, 3 * (seed > 2)):
        angle[at : at + rng.integers(1, 80)] = np.nan
    change = np.abs(np.diff(angle, prepend=np.nan))
    rolled = np.full(700, np.nan)
    for k in np.flatnonzero(~np.isnan(angle)):
        part = change[max(k - 30, 0) : k + 30]
        part = part[~np.isnan(part)]
        if part.size >= 30:
            rolled[k] = np.median(part)
    known = np.sort(rolled[~np.isnan(rolled)])
    cut = np.clip(15 * known[(known.size - 1) // 10], 0.13, 0.5)
    np.testing.assert_array_equal(sleep_angle.at_rest(angle), rolled < cut)
    assert sleep_angle.at_rest(angle).sum() > 0 or seed % 3 == 2
