"""One description of sleep: shift workers, regularity, social jetlag, and four sources alike."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.rows import compute_family
from euthymia.features.sleep_schema import SHARED
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from feature_cases import DAY0, WHO, take

MINUTE = 60 * SECOND_US
HOUR = 60 * MINUTE
SOURCES = ("sleep_phone", "sleep_actigraphy", "sleep_wearable", "sleep_acceleration")
NIGHT = [(-1.0, 7.0)] * 21
DAY_SLEEP = [(8.5, 15.5)] * 21


def lived(sleeps, awake=()):
    """The streams of somebody who slept so, in hours from each date's midnight (UTC).

    `awake`: dates and hours between which a sleep was broken.
    """
    first = (DAY0 - 1) * DAY_US
    minute = np.arange(first, first + (len(sleeps) + 1) * DAY_US, MINUTE, dtype=np.int64)
    asleep = np.zeros(minute.size, bool)
    stages = []
    for k, (on, off) in enumerate(sleeps):
        a, b = ((DAY0 + k) * DAY_US + int(h * HOUR) for h in (on, off))
        asleep |= (minute >= a) & (minute < b)
        for day, since, until in awake:
            low, high = ((DAY0 + day) * DAY_US + int(h * HOUR) for h in (since, until))
            asleep &= (minute < low) | (minute >= high)
        parts = np.arange(a, b, 30 * MINUTE)
        stages += [(t, min(30 * MINUTE, b - t)) for t in parts.tolist()]
    used = minute[~asleep & (np.arange(minute.size) % 10 == 0)]
    both = np.stack([used, used + 2 * MINUTE], axis=1).ravel()
    return {
        "screen": {"time": both, "state": np.tile([1, 0], used.size).astype(np.int8)},
        "activity_counts": {
            "time": minute,
            "counts": np.where(asleep, minute // MINUTE % 30 == 0, 300).astype(np.float32),
            "epoch": np.full(minute.size, 60, np.float32),
        },
        "sleep_stages": {
            "time": np.array([t for t, _ in stages], np.int64),
            "stage": np.array(
                [
                    (1, 2, 1, 3)[k % 4] * asleep[(t - first) // MINUTE]
                    for k, (t, _) in enumerate(stages)
                ],
                np.int8,
            ),
            "duration": np.array([d / SECOND_US for _, d in stages], np.float32),
        },
    }


def wrist(sleeps, awake=()):
    """One sample a second of an arm that turns every 20 minutes asleep, and awake every 10 s."""
    counts = take(lived(sleeps, awake)["activity_counts"], slice(-16 * 1440, None))
    still = np.repeat(counts["counts"] < 300, 60)
    second = counts["time"][0] // SECOND_US + np.arange(still.size)
    posture = np.where(still, second // 1200, second // 10) % 4999
    rng = np.random.default_rng(5)
    axis = rng.standard_normal((4999, 3), np.float32)
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    jitter = np.where(still, np.float32(0.004), np.float32(0.05))
    felt = axis[posture].T + jitter * rng.standard_normal((3, still.size), np.float32)
    columns = dict(zip("xyz", felt, strict=True))
    return {"accelerometer": {"time": second * SECOND_US} | columns}


def told(source, sleeps, day=20, awake=()):
    family = families()[source]
    every = (wrist if "accelerometer" in family.streams else lived)(sleeps, awake)
    streams = {n: s for n, s in every.items() if n in family.streams}
    days = np.array([DAY0 + day], np.int64)
    table = compute_family(family, streams, Timeline(), days, subject=WHO, digests={})
    return table.to_pylist()[0]


def test_every_source_says_the_same_in_the_same_words():
    shared = {f.name: (f.unit, f.definition, f.paper) for f in SHARED}
    assert {"sleep_regularity_index", "social_jetlag_h", "msfsc_h"} <= shared.keys()
    assert {f"midsleep_sd_{days}d_h" for days in (7, 14)} <= shared.keys()
    for source in SOURCES:
        own = {f.name: (f.unit, f.definition, f.paper) for f in families()[source].features}
        assert {name: own[name] for name in shared} == shared


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sleeps", [NIGHT, DAY_SLEEP], ids=["night", "day"])
def test_a_sleeper_at_any_hour(source, sleeps):
    found = told(source, sleeps)
    on, off = sleeps[0]
    assert found["sleep_onset_h"] == pytest.approx(on, abs=0.2)
    assert found["sleep_offset_h"] == pytest.approx(off, abs=0.2)
    assert found["sleep_period_h"] == pytest.approx(off - on, abs=0.3)
    assert found["sleep_efficiency_pct"] > 90
    assert found["sleep_onset_sd_14d_h"] < 0.1
    assert found["sleep_regularity_index"] > 98
    assert found["social_jetlag_h"] < 0.1


@pytest.mark.parametrize("source", SOURCES)
def test_the_week_a_shift_turns(source):
    """Fifteen nights, then five days of sleeping by day: the newest sleep is found by day."""
    found = told(source, [*NIGHT[:16], *DAY_SLEEP[:5]])
    assert found["sleep_onset_h"] == pytest.approx(8.5, abs=0.2)
    assert found["sleep_onset_sd_7d_h"] > 3
    assert found["sleep_regularity_index"] < 95


@pytest.mark.parametrize("source", SOURCES)
def test_social_jetlag_and_chronotype(source):
    """Two hours later and an hour longer at weekends (day 0, 2024-03-18, is a Monday)."""
    weekend = {5, 6}
    sleeps = [(1.0, 9.5) if k % 7 in weekend else (-1.0, 6.5) for k in range(21)]
    found = told(source, sleeps)
    assert found["social_jetlag_h"] == pytest.approx(2.5, abs=0.1)
    debt = (8.5 - (5 * 7.5 + 2 * 8.5) / 7) / 2
    assert found["msfsc_h"] == pytest.approx(5.25 - debt, abs=0.15)


def test_the_regularity_of_a_night_that_moves_by_an_hour_every_other_day():
    """Two of 24 hours differ between any two days: 200 * 22 / 24 - 100."""
    sleeps = [(-1.0 + k % 2, 7.0 + k % 2) for k in range(21)]
    found = told("sleep_wearable", sleeps)
    assert found["sleep_regularity_index"] == pytest.approx(200 * 22 / 24 - 100, abs=0.5)


@pytest.mark.parametrize("source", SOURCES[1:])
def test_half_an_hour_awake_every_other_night_is_less_regular(source):
    """What one night is awake and the next is not differs, between any two days."""
    found = told(source, NIGHT, awake=[(day, 2.0, 2.5) for day in range(0, 21, 2)])
    assert found["waso_min"] == pytest.approx(30, abs=10)
    same = 1 - found["waso_min"] / 1440
    assert found["sleep_regularity_index"] == pytest.approx(200 * same - 100, abs=0.1)


def test_stages_latency_and_naps():
    sleeps = [(-1.0, 7.0)] * 20 + [(-1.0, 7.0)]
    streams = lived(sleeps)["sleep_stages"]
    nap = (DAY0 + 20) * DAY_US + 14 * HOUR
    bed = (DAY0 + 20) * DAY_US - HOUR - 30 * MINUTE
    joined = {
        "time": np.append(streams["time"], [bed, nap]),
        "stage": np.append(streams["stage"], [5, 4]).astype(np.int8),
        "duration": np.append(streams["duration"], [1800, 1500]).astype(np.float32),
    }
    order = np.argsort(joined["time"], kind="stable")
    family = families()["sleep_wearable"]
    found = compute_family(
        family,
        {"sleep_stages": {k: v[order] for k, v in joined.items()}},
        Timeline(),
        np.array([DAY0 + 20], np.int64),
        subject=WHO,
        digests={},
    ).to_pylist()[0]
    assert found["sleep_latency_min"] == 30
    assert found["time_in_bed_h"] == 8.5
    assert found["sleep_efficiency_pct"] == pytest.approx(100 * 8 / 8.5)
    assert (found["naps"], found["nap_min"]) == (1, 25)
    stages = sum(found[f"{s}_sleep_min"] for s in ("light", "deep", "rem"))
    assert stages == found["sleep_duration_h"] * 60 == 480
    assert found["rem_latency_min"] % 30 == 0
