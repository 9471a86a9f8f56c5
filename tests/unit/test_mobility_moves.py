"""Recordings that tell moves alone: no fix is no gap there, it is a rest."""

import numpy as np
import pytest

from euthymia.features.mobility import measure
from euthymia.features.segments import segment
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.mobility_follow import LAST_FIX, TALLY
from euthymia.kernels.mobility_moves import note_strides, tells_moves
from euthymia.kernels.mobility_pieces import (
    P_AX,
    P_IMPUTED,
    P_TO,
    P_WHAT,
    PIECE_COLUMNS,
    STILL,
)
from euthymia.kernels.mobility_rows import NAMES, at_home
from mobility_days import DAY0, METRE_DEG, MINUTE_US, Walker, every, measured

START = DAY0 * DAY_US
DAYS = 21
HOME_H = (450 + 1440 - 1092) / 60


def month() -> Walker:
    """Home but for work (9 h, 5 km off) and an hour at friends (2.3 km off) after it."""
    walker = Walker()
    for day in range(DAYS):
        m = day * 1440.0
        walker.stay(m, m + 450, 0, 0).stay(m + 470, m + 1010, 4000, 3000)
        walker.stay(m + 1022, m + 1082, 1000, 3000).stay(m + 1092, m + 1440, 0, 0)
    return walker


def moved(walker, coarse=0.0, seed=0):
    """Return a fix after each 500 m, at most one in five minutes; some are of a cell tower."""
    half = np.arange(0, DAYS * 1440, 0.5)
    east, north = walker.at(half)
    found, last = [0], 0
    for i in range(1, half.size):
        far = np.hypot(east[i] - east[last], north[i] - north[last]) > 500
        if far and half[i] - half[last] >= 5:
            found.append(i)
            last = i
    rng = np.random.default_rng(seed)
    time = START + (half[found] * MINUTE_US).astype(np.int64)
    columns = dict(walker.fixes(time, START, scatter_m=15, seed=seed))
    cell = rng.random(time.size) < coarse
    for name in ("latitude", "longitude"):
        columns[name] = columns[name] + cell * rng.normal(0, 400, time.size) * METRE_DEG
    columns["accuracy"] = np.where(cell, 700, columns["accuracy"]).astype(np.float32)
    return columns


@pytest.mark.parametrize(("coarse", "seed"), [(0.0, 0), (0.25, 1), (0.25, 2)])
def test_where_no_fix_comes_the_person_rests(coarse, seed):
    found = measured(moved(month(), coarse, seed), DAYS)
    home, told = found.values["home_time_h"][4:], found.values["home_time_error_h"][4:]
    assert np.isnan(home).mean() <= (0.1 if coarse else 0)
    seen = ~np.isnan(home)
    off = np.abs(home - HOME_H)[seen]
    assert off.mean() < 0.3
    assert off.mean() <= told[seen].mean() < 1.5
    assert found.values["places_known"][-1] == 3
    assert np.nanmedian(found.values["transitions"][4:]) == 3
    assert found.values["max_distance_home_km"][-1] == pytest.approx(5, abs=0.3)
    assert np.nanmean(found.values["imputed_pct"][4:]) > 60, "it was silent, and that is said"


def test_a_fix_of_a_cell_tower_says_at_which_known_place():
    """What comes home each day is a fix of no use: the next morning's is near home all the same."""
    columns = moved(month())
    hour = (columns["time"] - START) / 3.6e9 % 24
    late = (hour > 18.1) & (hour < 18.5) & (columns["time"] > START + 10 * DAY_US)
    assert late.sum() >= 8
    columns["accuracy"] = np.where(late, 900, columns["accuracy"]).astype(np.float32)
    columns["latitude"] = columns["latitude"] + late * 600 * METRE_DEG
    found = measured(columns, DAYS).values
    assert found["home_time_h"][12:] == pytest.approx(HOME_H, abs=0.5)
    assert (found["home_time_error_h"][12:] > found["home_time_error_h"][9]).all()
    columns["accuracy"] = np.where(late, 90_000, columns["accuracy"]).astype(np.float32)
    nowhere = measured(columns, DAYS).values
    assert np.isnan(nowhere["home_time_h"][12:]).all(), "that says nothing at all"


@pytest.mark.parametrize("seed", range(2, 7))
def test_where_fixes_of_such_a_recording_are_lost_it_is_not_read_so(seed):
    """Half of the hours are missing: most silences that end near by began elsewhere."""
    columns = moved(month())
    hour = (columns["time"] - START) // 3_600_000_000
    kept = np.random.default_rng(seed).random(24 * DAYS)[hour] > 0.5
    assert np.mean(kind_of({k: v[kept] for k, v in columns.items()})) < 0.1


def test_a_place_beside_home_may_be_home():
    """An hour at a place 400 m from home, then 700 m."""
    part = np.zeros((1, PIECE_COLUMNS))
    part[0, P_TO], part[0, P_WHAT], part[0, P_IMPUTED], part[0, P_AX] = 3.6e9, 4.0, STILL, 400.0
    out, step = np.zeros(len(NAMES)), np.zeros(1, np.int64)
    at_home(part, 1, 0.0, np.zeros(3), 24 * 3.6e9, step, step, out)
    beside = out[1]
    part[0, P_AX] = 700.0
    at_home(part, 1, 0.0, np.zeros(3), 24 * 3.6e9, step, step, out)
    assert beside - out[1] == pytest.approx(0.5)


def test_a_day_does_not_look_at_the_next():
    columns = moved(month(), 0.25, 3)
    whole = measured(columns, DAYS)
    for day in (0, 1, 2, 5, 11):
        upto = columns["time"] < START + (day + 1) * DAY_US
        part = measured({k: v[upto] for k, v in columns.items()}, day + 1)
        for name in NAMES:
            np.testing.assert_array_equal(part.values[name][day], whole.values[name][day], name)


def test_rows_that_end_at_noon_teach_nothing_and_look_no_further():
    columns, zones = moved(month(), 0.25, 3), Timeline()
    noon = segment("00:00-12:00")
    found = measure({"location": columns}, zones, noon.windows(zones, np.arange(DAY0, DAY0 + DAYS)))
    assert np.nanmedian(found.values["home_time_h"][4:]) == pytest.approx(7.5, abs=0.2)
    for day in (1, 5, 12):
        upto = columns["time"] < START + day * DAY_US + DAY_US // 2
        part = {k: v[upto] for k, v in columns.items()}
        alone = measure({"location": part}, zones, noon.windows(zones, np.array([DAY0 + day])))
        for name in NAMES:
            np.testing.assert_array_equal(alone.values[name][0], found.values[name][day], name)


def test_days_of_silence_are_a_rest_once_it_ends_near_by_and_unknown_if_it_ends_far_off():
    """Four days in hospital; then the same four with a telephone that was off, and on again far
    away."""
    walker = Walker()
    for day in range(DAYS):
        m = day * 1440.0
        if 12 <= day < 16:
            walker.stay(m, m + 1440, 4000, 3000)
            continue
        walker.stay(m, m + 450, 0, 0).stay(m + 470, m + 1010, 4000, 3000)
        if day != 11:
            walker.stay(m + 1030, m + 1440, 0, 0)
    walker.turns = [t for t in walker.turns if t[0] != 16 * 1440.0]
    walker.turns = [t for t in walker.turns if not 16 * 1440 < t[0] < 16 * 1440 + 1010]
    columns = moved(walker)
    found = measured(columns, DAYS).values
    assert found["home_time_h"][16] == pytest.approx((1440 - 1030) / 60, abs=0.4)
    assert np.isnan(found["home_time_h"][13]), "a day without a fix is not told"
    time = columns["time"]
    lost = (time > START + 16 * DAY_US) & (time < START + 16 * DAY_US + 1025 * MINUTE_US)
    found = measured({k: v[~lost] for k, v in columns.items()}, DAYS).values
    assert np.isnan(found["home_time_h"][16])
    assert found["home_time_error_h"][16] > 6


def kind_of(columns):
    """Return whether each day's end finds that the recording tells moves alone."""
    tally, kinds = np.zeros(TALLY), []
    north = np.radians(columns["latitude"] - 42.35) * 6371008.8
    east = np.radians(columns["longitude"] + 71.1) * 6371008.8 * np.cos(np.radians(42.35))
    position = np.column_stack([east, north, np.zeros(north.size)])
    day = (columns["time"] - START) // DAY_US
    for d in range(DAYS):
        own = day == d
        if own.any():
            at, count = columns["time"][own].astype(np.float64), int(own.sum())
            longest = float(np.diff(at).max(initial=0))
            note_strides(at, position[own], count, longest, columns["time"][own], tally)
            tally[LAST_FIX] = at[-1]
        kinds.append(bool(tells_moves(tally)))
    return kinds


def thinned(keep):
    time = every(DAYS, 300)
    hour = (time - START) / 3.6e9 % 24
    return time[keep(hour, np.random.default_rng(4).random(time.size))]


@pytest.mark.parametrize(
    "keep",
    [
        lambda _hour, chance: chance < 0.1,
        lambda hour, _chance: (hour > 7) & (hour < 22),
        lambda hour, _chance: (np.abs(hour - 7.7) < 0.3) | (np.abs(hour - 17) < 0.3),
        lambda hour, _chance: (np.abs(hour - 8.1) < 0.05) | (np.abs(hour - 18.2) < 0.05),
    ],
    ids=["sparse", "off at night", "on the way alone", "on arrival alone"],
)
def test_other_recordings_are_not_read_so(keep):
    """Their silences end where they began, or far off."""
    columns = month().fixes(thinned(keep), START, scatter_m=15)
    assert not any(kind_of(columns))


def test_who_changes_to_another_telephone_is_read_as_it_records():
    assert all(kind_of(moved(month()))[2:])
    old, new = month().fixes(every(DAYS, 300), START), moved(month())
    columns = {
        k: np.concatenate(
            [old[k][old["time"] < START + 2 * DAY_US], new[k][new["time"] >= START + 2 * DAY_US]]
        )
        for k in new
    }
    kinds = kind_of(columns)
    assert not any(kinds[:4])
    assert kinds[-1]
    columns = {
        k: np.concatenate(
            [new[k][new["time"] < START + 8 * DAY_US], old[k][old["time"] >= START + 8 * DAY_US]]
        )
        for k in new
    }
    kinds = kind_of(columns)
    assert kinds[7]
    assert not any(kinds[9:])
