"""RAPIDS' own test expectations, where its definition is ours; and where it is not, both numbers.

Events and expected numbers (values only, contacts as letters) of carissalow/rapids,
tests/data/external/aware_csv/{phone_calls_raw,phone_screen_raw}.csv and
tests/data/processed/features/periodic/{test01/phone_calls,per_and/phone_screen}.csv (Vega et al.
2021, doi:10.3389/fdgth.2021.769823). The zone is New York's.
"""

import numpy as np
import pyarrow as pa
import pytest

import euthymia as eu

ZONE = "America/New_York"
SEGMENTS = ("day", "night", "morning", "afternoon", "evening")
JUNE = 1_590_984_000  # 2020-06-01 00:00 in New York
MARCH = 1_583_470_800  # 2020-03-06 00:00 in New York
DAY = 86_400

# seconds from midnight, kind (1 in, 2 out, 3 missed), seconds long, contact
FIRST = (
    (36025, 1, 1299, "A"), (35365, 3, 0, "A"), (25125, 2, 1116, "B"), (30777, 2, 1060, "C"),
    (41270, 2, 759, "D"), (31194, 1, 667, "E"), (55261, 1, 213, "B"), (52173, 2, 1289, "B"),
    (52460, 3, 0, "F"), (46751, 1, 662, "B"), (45194, 1, 1053, "G"), (63100, 2, 1186, "H"),
    (68691, 1, 1157, "I"), (72859, 1, 1719, "B"), (69398, 2, 1421, "J"), (79906, 1, 1224, "K"),
    (76637, 2, 1543, "L"), (70046, 3, 0, "B"), (3442, 3, 0, "B"), (805, 3, 0, "B"),
    (15462, 1, 1331, "B"), (10337, 2, 970, "B"), (15471, 3, 0, "B"), (9791, 1, 439, "B"),
)  # fmt: skip
SECOND = (
    (36025, 1, 1299, "A"), (35365, 3, 0, "A"), (25125, 2, 1116, "B"), (30777, 2, 1060, "C"),
    (41270, 2, 759, "D"), (31194, 1, 667, "E"), (68691, 1, 1157, "I"), (72859, 1, 1719, "B"),
    (69398, 2, 1421, "J"), (79906, 1, 1224, "K"), (76637, 2, 1543, "L"), (70046, 3, 0, "B"),
)  # fmt: skip

# missed, contacts of missed; incoming: how many, contacts, sum, mean, longest and sd [s]; outgoing
# the same; minutes of the first and last of each kind
EXPECTED = {
    (0, "day"): (6, 3, 10, 6, 9764, 976.4, 1719, 465.141603289913, 8, 6, 9344, 1168, 1543,
                 250.842010607702, (13, 163, 172), (1167, 1331, 1277)),
    (0, "night"): (3, 1, 2, 1, 1770, 885, 1331, 630.7392488184, 1, 1, 970, 970, 970, None,
                   (13, 163, 172), (257, 257, 172)),
    (0, "morning"): (1, 1, 2, 2, 1966, 983, 1299, 446.891485709898, 3, 3, 2935, 978.333333333333,
                     1116, 192.000868053593, (589, 519, 418), (589, 600, 687)),
    (0, "afternoon"): (1, 1, 3, 2, 1928, 642.666666666667, 1053, 420.333597673721, 2, 2, 2475,
                       1237.5, 1289, 72.8319984622144, (874, 753, 869), (874, 921, 1051)),
    (0, "evening"): (1, 1, 3, 3, 4100, 1366.66666666667, 1719, 306.963081384934, 2, 2, 2964, 1482,
                     1543, 86.2670273047588, (1167, 1144, 1156), (1167, 1331, 1277)),
    (1, "day"): (2, 2, 5, 5, 6066, 1213.2, 1719, 375.767481296612, 5, 5, 5899, 1179.8, 1543,
                 310.478179587552, (589, 519, 418), (1167, 1331, 1277)),
}  # fmt: skip


@pytest.fixture(scope="module")
def calls():
    events = sorted([(JUNE + at, *rest) for at, *rest in FIRST]
                    + [(JUNE + DAY + at, *rest) for at, *rest in SECOND])  # fmt: skip
    at, kind, long, who = zip(*events, strict=True)
    frame = pa.table(
        {
            "time": pa.array(at, pa.int64()),
            "direction": pa.array(kind, pa.int8()),
            "duration": pa.array(long, pa.float32()),
            "contact": list(who),
        }
    )
    rows = eu.features.compute({"calls": frame}, ["social"], tz=ZONE, segments=SEGMENTS)
    first = min(rows["date"].to_pylist())
    return {((row["date"] - first).days, row["segment"]): row for row in rows.to_pylist()}


@pytest.mark.parametrize("key", EXPECTED, ids=str)
def test_calls(calls, key):
    row = {name.removeprefix("social_"): value for name, value in calls[key].items()}
    wanted = EXPECTED[key]
    ours = ("calls_missed", "call_contacts_missed", "calls_in", "call_contacts_in")
    assert tuple(row[name] for name in ours) == wanted[:4]
    assert (row["calls_out"], row["call_contacts_out"]) == wanted[8:10]
    for kind, (total, mean, longest, sd) in (("in", wanted[4:8]), ("out", wanted[10:14])):
        assert row[f"calls_{kind}_min"] == pytest.approx(total / 60)
        assert row[f"calls_{kind}_mean_min"] == pytest.approx(mean / 60)
        assert row[f"calls_{kind}_longest_min"] == pytest.approx(longest / 60)
        if sd is None:
            assert row[f"calls_{kind}_sd_min"] is None
        else:
            assert row[f"calls_{kind}_sd_min"] == pytest.approx(sd / 60)
    # theirs are whole minutes of each kind, ours the hour of any kind
    assert int(row["first_call_h"] * 60 + 1e-6) == min(wanted[14])
    assert int(row["last_call_h"] * 60 + 1e-6) == max(wanted[15])


def test_the_most_frequent_contact_is_that_of_the_window(calls):
    """RAPIDS counts calls with whom the person calls most over the whole study: it looks ahead.

    On the second date it says 1 of 5 incoming: contact B, the most frequent of both dates. Ours is
    the share of the window's own most frequent contact: B again, in three of its twelve calls.
    """
    assert calls[1, "day"]["social_call_top_contact_pct"] == pytest.approx(100 * 3 / 12)
    assert calls[0, "day"]["social_call_top_contact_pct"] == pytest.approx(100 * 12 / 24)


# milliseconds from midnight: on, unlocked, off, locked
SCREEN = (
    (10_230_385, 10_230_687, 10_590_148, 10_590_775),
    (21_411_490, 21_411_795, 21_831_204, 21_831_698),
    (36_022_530, 36_024_937, 37_324_530, 37_324_957),
    (43_053_230, 43_053_831, 43_953_553, 43_953_953),
    (53_462_151, 53_462_512, 54_002_490, 54_002_937),
    (64_286_711, 64_287_049, 65_306_055, 65_306_404),
    (74_578_480, 74_578_811, 75_718_035, 75_718_492),
)
UNLOCKED_MIN = {
    "day": 94.6051166666667,
    "night": 9.12761666666667,
    "morning": 27.949,
    "afternoon": 30.1075666666667,
    "evening": 27.4208833333333,
}
EPISODES = {"day": 7, "night": 2, "morning": 3, "afternoon": 3, "evening": 2}
BEGUN = {"day": 7, "night": 2, "morning": 2, "afternoon": 2, "evening": 1}


def test_screen():
    """Times unlocked agree to a second; of episodes ours counts the part of the day they begin in.

    RAPIDS cuts an episode at six and counts it on both sides, so its parts add up to ten.
    """
    time = np.array(SCREEN).ravel() + MARCH * 1000
    frame = pa.table(
        {"time": time, "state": pa.array(np.tile([1, 3, 0, 2], len(SCREEN)), pa.int8())}
    )
    table = eu.features.compute({"screen": frame}, ["screen_use"], tz=ZONE, segments=SEGMENTS)
    rows = {row["segment"]: row for row in table.to_pylist()}
    for segment, minutes in UNLOCKED_MIN.items():
        assert 60 * rows[segment]["screen_use_unlocked_h"] == pytest.approx(minutes, abs=1 / 60)
        assert rows[segment]["screen_use_unlocks"] == BEGUN[segment]
    assert BEGUN["day"] == EPISODES["day"] == sum(BEGUN[s] for s in SEGMENTS[1:])
    assert int(rows["day"]["screen_use_first_use_h"] * 60) == 170
