"""What a phone's notices, a worker's shifts and the phone's place say of the sleep."""

import numpy as np

from euthymia.features.sleep_phone import FAMILY, LOOKBACK_DAYS, compute
from euthymia.ground.clock import DAY_US, Timeline

HOUR_US = DAY_US // 24
DAY0 = 20_000
HOME, WORK = (52.5, 13.4), (52.55, 13.5)


def told(uses, notices=(), fixes=None, days=range(1, 15), timeline=None):
    """Sleeps of a phone used for two minutes from some hours on, and lit for ten seconds."""
    spans = sorted([*((h, 120) for h in uses), *((h, 10) for h in notices)])
    at = [DAY0 * DAY_US + int(h * HOUR_US) for h, _ in spans]
    ends = [start + s * 1_000_000 for start, (_, s) in zip(at, spans, strict=True)]
    time = np.stack([at, ends], axis=1).ravel()
    streams = {"screen": {"time": time, "state": np.tile(np.array([1, 0], np.int8), len(at))}}
    if fixes is not None:
        where = np.array([place for _, place in fixes])
        streams["location"] = {
            "time": np.array([DAY0 * DAY_US + int(h * HOUR_US) for h, _ in fixes], np.int64),
            "latitude": where[:, 0],
            "longitude": where[:, 1],
        }
    found = compute(streams, timeline or Timeline(), DAY0 + np.array(days))
    return found.values | {"coverage": found.coverage}


def waking(asleep, until=15 * 24, every=0.4):
    """Hours since the first midnight in which the phone is used: not in some stretches."""
    hours = np.arange(0, until, every)
    for since, stop in asleep:
        hours = hours[(hours < since) | (hours > stop)]
        hours = np.append(hours, [since - 0.05, stop])
    return np.sort(hours).tolist()


def nights(days=15):
    return [(24 * d - 1, 24 * d + 7) for d in range(1, days)]


def test_notices_that_light_the_screen_by_day_and_night_move_no_onset():
    """Forty a date, of a phone that does not tell when it is unlocked."""
    rng = np.random.default_rng(5)
    notices = np.sort(rng.uniform(0, 15 * 24, 15 * 40))
    onset = told(waking(nights()), notices)["sleep_onset_h"]
    assert np.abs(onset[1:] + 1).max() < 0.2


def test_notices_are_no_awakenings_and_uses_are():
    quiet = told(waking(nights()), [24 * d + 3.0 for d in range(1, 15)])
    woken = told(sorted([*waking(nights()), *(24 * d + 3.0 for d in range(1, 15))]))
    assert (quiet["awakenings"] == 0).all()
    assert (quiet["waso_min"] == 0).all()
    assert (woken["awakenings"] == 1).all()


def rotating():
    """Four nights at home, then the days after night shifts, twice."""
    asleep = []
    for d in range(1, 15):
        by_day = (d - 1) % 7 >= 4
        asleep.append((24 * d + 8.0, 24 * d + 13.0) if by_day else (24 * d - 1.0, 24 * d + 6.0))
    return asleep


def test_somebody_whose_shifts_rotate_has_more_than_one_usual_night():
    asleep = rotating()
    found = told(waking(asleep, every=0.7))
    true = np.array([begin - 24 * d for d, (begin, _) in enumerate(asleep, 1)])
    assert np.abs(found["sleep_onset_h"][7:] - true[7:]).max() < 0.7


def shift_worker():
    """Night shifts with the phone in a locker from 21:40 to 6:30; sleep from 8 to 13 at home."""
    away = [(24 * d - 2.35, 24 * d + 6.5) for d in range(1, 15)]
    asleep = [(24 * d + 8.0, 24 * d + 13.0) for d in range(1, 15)]
    fixes = []
    for h in np.arange(0, 15 * 24, 0.25):
        at_work = any(a < h < b for a, b in away)
        fixes.append((h, WORK if at_work else HOME))
    return waking([*away, *asleep]), fixes


def test_a_phone_put_away_at_work_is_no_sleep_where_its_place_is_known():
    uses, fixes = shift_worker()
    found = told(uses, fixes=fixes)
    assert np.allclose(found["sleep_onset_h"], 8, atol=0.1)
    assert np.allclose(found["sleep_offset_h"], 13, atol=0.1)


def test_a_night_elsewhere_is_slept_where_the_phone_is():
    fixes = [(h, WORK if 236 < h < 250 else HOME) for h in np.arange(0, 15 * 24, 0.25)]
    onset = told(waking(nights()), fixes=fixes)["sleep_onset_h"]
    assert np.allclose(onset, -1, atol=0.1)


def test_home_is_home_on_both_sides_of_the_date_line():
    uses, fixes = shift_worker()
    rng = np.random.default_rng(1)
    east = [(h, (-16.8, -179.9 if place is WORK else 180.0 + rng.normal(0, 2e-4)))
            for h, place in fixes]  # fmt: skip
    turned = [(h, (lat, (lon + 180) % 360 - 180)) for h, (lat, lon) in east]
    assert np.allclose(told(uses, fixes=turned)["sleep_onset_h"], 8, atol=0.1)


def test_a_silence_unlike_all_nights_of_a_phone_seldom_recorded_is_no_sleep():
    """On the last two dates the only long silence is from 10 to 15 h, up and about all night."""
    gone = [(24 * d + h, 24 * d + h + 6.5) for d, h in ((3, 9), (6, 12), (8, 11), (10, 13))]
    usual = nights(12)
    late = [(24 * 13 + 10.0, 24 * 13 + 15.0)]
    sure = told(waking([*usual, (24 * 12 - 1, 24 * 12 + 7), *late]))
    seldom = told(waking([*usual, (24 * 12 - 1, 24 * 12 + 7), *gone, *late]))
    assert np.isnan(seldom["sleep_onset_h"][12])
    assert np.allclose(sure["sleep_onset_h"][:12], -1, atol=0.1)
    assert np.nanmax(np.abs(seldom["sleep_onset_h"][:12] + 1)) < 0.1


def test_a_night_awake_is_no_sleep_of_a_quiet_evening_or_morning():
    """Every evening the phone lies unused from 19 to 21.6 h, and from 4 to 6.5 in that night."""
    film = [(24 * d + 19.0, 24 * d + 21.6) for d in range(15)]
    sleeps = [night for night in nights() if night[1] != 24 * 12 + 7]
    awake = told(waking([*film, *sleeps, (24 * 12 + 4.0, 24 * 12 + 6.5)]))
    assert np.isnan(awake["sleep_onset_h"][11])
    assert np.isnan(awake["sleep_duration_h"][11])
    assert np.allclose(np.delete(awake["sleep_onset_h"], 11), -1, atol=0.1)


def test_a_short_night_is_told():
    """From 2 to 5 h: longer than the person leaves the phone alone awake."""
    sleeps = [night for night in nights() if night[1] != 24 * 12 + 7]
    short = told(waking([*sleeps, (24 * 12 + 2.0, 24 * 12 + 5.0)]))
    assert abs(short["sleep_onset_h"][11] - 2) < 0.1
    assert abs(short["sleep_duration_h"][11] - 3) < 0.1


def test_a_date_is_told_the_same_from_its_own_window_as_from_all():
    last, rng = 45, np.random.default_rng(9)
    asleep = [
        (24 * d + h, 24 * d + h + 6.0)
        for d, h in zip(range(1, last), rng.choice([-1, 0, 8], last), strict=False)
    ]
    uses = waking(asleep, until=last * 24)
    notices = np.sort(rng.uniform(0, last * 24, last * 60))
    places = [HOME, WORK, (52.4, 13.2)]
    fixes = [(h, places[rng.choice(3, p=[0.6, 0.3, 0.1])]) for h in np.arange(0, last * 24, 0.7)]
    day = last - 2
    whole = told(uses, notices, fixes, days=range(1, last))
    low, high = (day - LOOKBACK_DAYS + 1) * 24, (day + 1) * 24

    def inside(hours):
        return [h for h in hours if low <= h < high]

    own = told(inside(uses), inside(notices), [f for f in fixes if low <= f[0] < high], days=[day])
    for feature in FAMILY.features:
        assert np.array_equal(own[feature.name], whole[feature.name][[day - 1]], equal_nan=True), (
            feature.name
        )
