"""Daily features against people whose days are known, of a generator that shares no code with them.

Scored as a study would: home time and distance of each person-day, the number of places of each
person, the onset of each night. Days between a move and the election of the new home
(its 11th night) are left out, and nights before which the phone lay unused for over an hour: these
say nothing of the onset.
"""

import numpy as np
import pandas as pd
import pytest

from phenotype_records import places_seen, scored, world
from phenotype_truth import KINDS

NIGHTS_TO_MOVE = 11


def people(cycle, missing, seed, count, days):
    rows, places = [], []
    for k in range(count):
        one = world(KINDS[k % len(KINDS)], days, seed + k, cycle, missing)
        found = scored(one).assign(person=seed + k)
        least, most = places_seen(one)
        places.append(least <= found.m_places_known.dropna().iloc[-1] <= most)
        rows.append(found)
    rows = pd.concat(rows)
    moving = (rows.kind == "mover") & rows.since_move.between(-0.5, NIGHTS_TO_MOVE)
    return rows[~moving], rows[moving], float(np.mean(places))


def off(rows, found, true, scale=1.0):
    return (rows[found] - rows[true]).dropna().abs() * scale


@pytest.fixture(scope="module", params=["minute", "beiwe"])
def month(request):
    return people(request.param, 0.0, 62_000, 8, 26)


def check(rows, places, share):
    assert rows.m_home_time_h.notna().all()
    assert off(rows, "m_home_time_h", "home_h").mean() <= 0.20
    assert off(rows, "m_distance_km", "km").mean() <= 1.3
    assert places >= share
    nights = rows[rows.onset.notna() & (rows.idle == 0) & ~rows.off]
    late = off(nights, "s_sleep_onset_h", "onset", 60)
    assert late.size >= 0.9 * len(nights)
    assert late.median() <= 10
    assert late.quantile(0.9) <= 45


def test_days_are_near_the_truth(month):
    rows, _, places = month
    check(rows, places, 1.0)
    assert off(rows, "m_places", "places").mean() <= 0.1


def test_every_kind_of_person_is_at_home_where_they_live(month):
    rows, _, _ = month
    for _, own in rows.groupby("kind"):
        assert off(own, "m_home_time_h", "home_h").mean() <= 0.3


def test_after_a_move_the_new_home_is_home(month):
    """The old one stands while the new one is being elected; what comes after is scored."""
    rows, elected, _ = month
    late = rows[(rows.kind == "mover") & (rows.since_move > NIGHTS_TO_MOVE)]
    assert len(elected) >= 10
    assert len(late) >= 2
    assert off(late, "m_home_time_h", "home_h").max() <= 0.5


def test_half_of_the_data_missing_is_said():
    """Errors told are of the size of errors made, and no coverage is claimed that was not there."""
    rows, _, places = people("beiwe", 0.5, 60_100, 6, 21)
    made = off(rows, "m_home_time_h", "home_h")
    assert made.mean() <= 1.5  # with what the ends of gaps say alone: 2.5
    assert 0.6 <= rows.m_home_time_error_h.mean() / made.mean() <= 1.6
    assert rows.m_home_time_error_h.corr(made, method="spearman") > 0.3
    astray = off(rows, "m_distance_km", "km")
    assert 0.6 <= rows.m_distance_error_km.mean() / astray.mean() <= 2.0
    assert abs(rows.m_coverage.mean() - rows.known.mean()) <= 0.1
    assert places >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("cycle", ["minute", "beiwe"])
def test_many_people_are_near_the_truth(cycle):
    rows, _, places = people(cycle, 0.0, 61_000, 40, 35)
    check(rows, places, 0.95)
