"""The sleep regularity index against its published formula, written out.

Phillips et al. 2017, doi:10.1038/s41598-017-03171-4: with N days of M epochs each and s = 1 asleep,

    SRI = -100 + 200 / (M (N - 1)) * sum over epochs j, days i of [s(i, j) = s(i + 1, j)]
"""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.segments import measured, segment
from euthymia.features.sleep_acceleration import NIGHT
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import DAY0, worn_at_night

M, N = 1440, 7  # the days, noon to noon, that end at noon of the date: six pairs
MINUTE_US = DAY_US // M
LAST = DAY0 + 20


def published(asleep):
    """Return the index of a matrix of days by epochs."""
    days, epochs = asleep.shape
    same = 0
    for i in range(days - 1):
        for j in range(epochs):
            same += asleep[i, j] == asleep[i + 1, j]
    return -100 + 200 / (epochs * (days - 1)) * same


def matrix(minutes):
    """Return the N days up to noon of the last date, of minutes asleep since 1970."""
    first = (LAST - N) * M + M // 2
    asleep = np.zeros(N * M, bool)
    own = np.array([m - first for m in minutes if 0 <= m - first < N * M], int)
    asleep[own] = True
    return asleep.reshape(N, M)


def index_of(family, streams):
    days = np.array([LAST], np.int64)
    found = measured(families()[family], streams, Timeline(), segment("day"), days)
    return found.values["sleep_regularity_index"][0]


@pytest.mark.parametrize("seed", range(3))
def test_of_nights_naps_and_wakes_that_a_wearable_scored(seed):
    """Whole minutes, so that the formula has the same epochs: equal, to rounding."""
    rng = np.random.default_rng(seed)
    told, minutes = [], []
    for day in range(DAY0, LAST + 1):
        onset = day * M + int(rng.integers(-180, 60))
        sleeps = [(onset, onset + int(rng.integers(300, 540)))]
        if rng.random() < 0.5:
            nap = (day - 1) * M + int(rng.integers(13 * 60, 16 * 60))
            sleeps.insert(0, (nap, nap + int(rng.integers(20, 90))))
        for begin, end in sleeps:
            woken = begin + int(rng.integers(5, 12))
            until = woken + int(rng.integers(1, 6))
            told += [(begin, woken, 1), (woken, until, 0), (until, end, 2)]
            minutes += [*range(begin, woken), *range(until, end)]
    begin, end, stage = np.array(told, np.int64).T
    stream = {
        "time": begin * MINUTE_US,
        "duration": ((end - begin) * 60).astype(np.float32),
        "stage": stage.astype(np.int8),
    }
    wanted = published(matrix(minutes))
    assert index_of("sleep_wearable", {"sleep_stages": stream}) == pytest.approx(wanted, abs=1e-9)
    assert 20 < wanted < 95


def test_of_nights_that_were_kept_of_raw_acceleration():
    """From the kept rows alone: bounds of each sleep, and a bit a minute that was awake in it."""
    streams = {"accelerometer": worn_at_night(Timeline(), DAY0, 21, np.random.default_rng(2))}
    days = np.arange(DAY0, LAST + 1, dtype=np.int64)
    assert NIGHT.compute is not None
    kept = NIGHT.compute(streams, Timeline(), days).values
    minutes, awake = [], 0
    for row in np.flatnonzero(~np.isnan(kept["onset_us"])):
        onset, offset = (int(kept[name][row]) // MINUTE_US for name in ("onset_us", "offset_us"))
        bits = "".join(
            f"{int(kept[f'awake_{k:02d}'][row]):048b}"[::-1]  # the first minute is the lowest bit
            for k in range(60)
        )
        minutes += [m for m in range(onset, offset) if bits[m - onset] == "0"]
        awake += bits.count("1")
    assert awake > 60
    wanted = published(matrix(minutes))
    assert index_of("sleep_acceleration", streams) == pytest.approx(wanted, abs=1e-9)
    assert 60 < wanted < 95
