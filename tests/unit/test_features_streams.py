"""Families whose answers one can see: calls, typing, light, answers, and what is missing."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, Timeline

DAY = 19_800
OSLO = Timeline(((0, "Europe/Oslo"),))  # an hour ahead of UTC
HOUR_US = DAY_US // 24
MINUTE_US = HOUR_US // 60


def at(hours, day=DAY):
    """Instants of local clock hours in Oslo's winter."""
    return np.array([day * DAY_US + round((h - 1) * HOUR_US) for h in hours], np.int64)


def one_day(family, streams, what="day", day=DAY):
    found = measured(families()[family], streams, OSLO, segment(what), np.array([day], np.int64))
    values = {name: float(value[0]) for name, value in found.values.items()}
    return values | {"coverage": float(found.coverage[0])}


def battery(hours, status, level=None):
    level = np.full(len(hours), 50.0) if level is None else np.array(level)
    return {
        "time": at(hours),
        "level": level.astype(np.float32),
        "status": np.array(status, np.int8),
    }


CALLS = {
    "time": at([8, 9, 10, 10.5, 20, 23]),
    "direction": np.array([1, 2, 3, 2, 1, 3], np.int8),
    "duration": np.array([60, 120, 0, 30, 600, 0], np.float32),
    "contact": np.array(["a", "b", "c", "c", "a", "d"], object),
}


def test_calls():
    found = one_day("social", {"calls": CALLS})
    wanted = {
        "calls_in": 2, "calls_out": 2, "calls_missed": 2, "calls_in_min": 11,
        "calls_out_min": 2.5, "calls_in_mean_min": 5.5, "calls_in_longest_min": 10,
        "call_contacts": 4, "call_contacts_in": 1, "call_contacts_out": 2,
        "call_contacts_missed": 2, "first_call_h": 8, "last_call_h": 23, "out_share_pct": 50,
        "reciprocity_pct": 0, "missed_returned_pct": 50, "missed_return_delay_min": 30,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert found["call_top_contact_pct"] == pytest.approx(100 / 3)
    assert np.isnan(found["messages_in"])  # no messages were ever recorded


def test_a_call_is_returned_after_midnight():
    calls = {k: v[4:].copy() for k, v in CALLS.items()}
    calls["time"] = np.append(calls["time"][1:], at([1], DAY + 1))
    calls["direction"] = np.array([3, 2], np.int8)
    calls["contact"] = np.array(["d", "d"], object)
    assert one_day("social", {"calls": calls})["missed_returned_pct"] == 0
    after = one_day("social", {"calls": calls}, day=DAY + 1)
    assert after["missed_return_delay_min"] == pytest.approx(120)
    assert np.isnan(after["missed_returned_pct"])
    week = one_day("social", {"calls": calls}, "last_7_days", DAY + 1)
    assert week["missed_returned_pct"] == 100


def test_a_quiet_day_is_a_zero_only_where_calls_are_recorded():
    alive = battery([12, 13], [3, 3])
    alive["time"] = alive["time"] + 3 * DAY_US
    quiet = one_day("social", {"calls": CALLS, "battery": alive}, day=DAY + 3)
    assert quiet["calls_in"] == quiet["contacts"] == 0
    assert 0 < quiet["coverage"] < 0.1
    assert np.isnan(one_day("social", {"battery": alive}, day=DAY + 3)["calls_in"])
    assert np.isnan(one_day("social", {"calls": CALLS}, day=DAY + 3)["calls_in"])  # phone off?
    alive["time"] = alive["time"] + 40 * DAY_US
    late = one_day("social", {"calls": CALLS, "battery": alive}, day=DAY + 43)
    assert np.isnan(late["calls_in"])  # nothing for four weeks: is the log kept at all?


def test_messages():
    stream = {
        "time": at([8, 8.25, 9, 9.5, 12]),
        "direction": np.array([1, 1, 2, 1, 2], np.int8),
        "length": np.array([10, 5, 20, 7, 0], np.int32),
        "contact": np.array(["a", "a", "a", "b", None], object),
    }
    found = one_day("social", {"messages": stream})
    wanted = {
        "messages_in": 3, "messages_out": 2, "messages_in_characters": 22,
        "messages_out_characters": 20, "message_contacts": 2, "messages_in_unanswered": 1,
        "messages_out_unanswered": 0, "message_reply_delay_min": 45, "reciprocity_pct": 50,
        "message_top_contact_pct": 75,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


def test_typing():
    delays = np.tile([200, 100, 300, 200], 10)
    time = at([9])[0] + np.cumsum(np.append(0, delays)).astype(np.int64) * 1000
    kind = np.ones(time.size, np.int8)
    kind[-2:] = 2
    found = one_day("typing", {"typing": {"time": time, "kind": kind}})
    assert found["sessions"] == 1
    assert found["keys"] == found["keys_per_session"] == 41
    assert found["session_s"] == pytest.approx(8)
    assert found["interkey_median_ms"] == 200
    assert found["interkey_iqr_ms"] == pytest.approx(
        75
    )  # 10 of 100, 19 of 200, 9 of 300: 125 to 200
    assert found["backspace_pct"] == pytest.approx(100 * 2 / 41)
    assert found["typing_hour_h"] == pytest.approx(9, abs=0.01)
    assert np.isnan(found["hold_median_ms"])  # the phone does not tell


def test_a_pause_of_five_seconds_ends_a_session():
    time = at([9])[0] + np.array([0, 4_999, 9_999], np.int64) * 1000
    stream = {"time": time, "kind": np.ones(3, np.int8)}
    assert one_day("typing", {"typing": stream})["sessions"] == 2


def test_light_holds_five_minutes_at_most():
    stream = {
        "time": np.concatenate([at([8]), at([8]) + 2 * MINUTE_US, at([22])]),
        "level": np.array([1500, 50, 5], np.float32),
    }
    found = one_day("light", {"light": stream})
    assert found["above_1000_lx_min"] == pytest.approx(2)
    assert found["above_10_lx_min"] == pytest.approx(7)
    assert found["mean_lx"] == pytest.approx((1500 * 2 + 50 * 5 + 5 * 5) / 12)
    assert found["last_bright_h"] == pytest.approx(8)
    assert found["bright_timing_h"] == pytest.approx(8 + 1 / 60)  # the middle of its two minutes
    assert found["last_above_10_lx_h"] == pytest.approx(8 + 2 / 60)
    assert found["coverage"] == pytest.approx(12 / 1440)
    assert np.isnan(found["m10_onset_h"])


def test_answers_are_measured_against_the_persons_own():
    days = np.arange(10)
    time = np.concatenate([at([9], DAY - 9 + d) for d in days])
    answer = np.array([1, 3, 1, 3, 1, 3, 1, 3, 1, 6], np.float64)
    stream = {"time": time, "question": np.array(["sad"] * 10, object), "answer": answer}
    found = one_day("momentary", {"momentary_answers": stream})
    before = answer[:9]
    assert found["departure_sd"] == pytest.approx((6 - before.mean()) / before.std(ddof=1))
    assert found["rmssd_sd"] == pytest.approx(5 / answer.std(ddof=1))
    assert found["answered_pct"] == 100
    shifted = stream | {"answer": 10 * answer + 7}  # another scale, the same answers
    again = one_day("momentary", {"momentary_answers": shifted})
    assert again == pytest.approx(found, nan_ok=True)


def test_passing_over_is_not_answering():
    answer = np.array([2, np.nan, np.nan, 2], np.float64)
    question = np.array(["a", "b", "c", "d"], object)
    stream = {"time": at([9, 9.01, 9.02, 9.03]), "question": question, "answer": answer}
    found = one_day("momentary", {"momentary_answers": stream})
    assert found["answered_pct"] == 50
    assert found["passed_over"] == 2
    assert found["rounds"] == 1
    assert np.isnan(found["departure_sd"])


def test_why_nothing_was_recorded():
    state = {
        "time": at([6, 8, 10, 12, 20]),
        "stream": np.array(["location", "screen", "location", "screen", "location"], object),
        "on": np.array([0, 0, 1, 1, 0], np.int8),
        "reason": np.array(["permission", "permission", None, None, "low_power"], object),
    }
    found = one_day("engagement", {"recording_state": state})
    assert found["paused_permission_h"] == pytest.approx(6)  # 6 to 12: the two overlap
    assert found["paused_low_power_h"] == pytest.approx(4)
    assert found["paused_not_worn_h"] == 0
    after = one_day("engagement", {"recording_state": state}, day=DAY + 1)
    assert after["paused_low_power_h"] == pytest.approx(24)


def test_the_battery_and_the_silence():
    stream = battery([0, 3, 6, 8, 10, 11], [2, 5, 3, 3, -1, 3], [80, 100, 100, 90, 80, 79])
    found = one_day("engagement", {"battery": stream})
    assert found["phone_off_h"] == pytest.approx(1)
    assert found["charging_pct"] == pytest.approx(100 * 6 / 14)  # the last holds four hours
    assert found["battery_use_per_h"] == pytest.approx(5)
    assert found["battery_lowest_pct"] == 79
    assert found["battery_silent_h"] == pytest.approx(13)
    assert np.isnan(found["location_silent_h"])


def test_hours_with_data_and_the_longest_gap():
    streams = {
        "screen": {"time": at([8, 8.5, 9.2]), "state": np.array([1, 0, 1], np.int8)},
        "heart_rate": {"time": at([23.9]), "rate": np.array([60], np.float32)},
    }
    found = one_day("data_quality", streams)
    assert found["screen_data_h"] == 2
    assert found["phone_longest_gap_h"] == pytest.approx(24 - 9 - 20 / 60)
    assert found["wearable_data_h"] == 1
    assert found["location_data_h"] == 0


def test_temperature_of_a_band_that_is_taken_off():
    minutes = DAY * DAY_US - HOUR_US + np.arange(1440, dtype=np.int64) * MINUTE_US
    hour = np.arange(1440) / 60
    value = 33 + np.cos((hour - 3) * np.pi / 12)
    off = (hour >= 12) & (hour < 14)
    value[off] = 22
    found = one_day("temperature", {"skin_temperature": {"time": minutes, "value": value}})
    assert found["worn_h"] == pytest.approx(22, abs=0.05)
    assert found["off_wrist_pct"] == pytest.approx(100 * 2 / 24, abs=0.2)
    assert found["acrophase_h"] == pytest.approx(3, abs=0.01)
    assert found["amplitude_cel"] == pytest.approx(1, abs=0.01)
    assert found["night_minus_day_cel"] > 0.5
    assert found["coverage"] == 1


def test_devices_of_others_are_told_by_the_days_before():
    days = np.arange(6)
    mine = np.concatenate([at(np.arange(8, 20), DAY - 5 + d) for d in days])
    theirs = at([9, 10], DAY - 3)
    new = at([15], DAY)
    time = np.concatenate([mine, theirs, new])
    device = np.array(["watch"] * mine.size + ["bus", "bus", "friend"], object)
    order = np.argsort(time, kind="stable")
    stream = {"time": time[order], "kind": np.ones(time.size, np.int8), "device": device[order]}
    found = one_day("proximity", {"proximity": stream})
    assert found["bluetooth_devices"] == 2
    assert found["bluetooth_others_devices"] == 1
    assert found["bluetooth_own_sightings_pct"] == pytest.approx(100 * 12 / 13)
    assert np.isnan(found["wifi_sightings"])


def test_sound_and_speech():
    stream = {
        "time": at(np.arange(8, 16)),
        "silent": np.array([1, 1, 0, 0, 0, 0, 0, 0], np.int8),
        "level": np.array([10, 20, 30, 40, 50, 60, 75, 80], np.float32),
        "frequency": np.array([100, 100, 100, 200, 300, 400, 60, 255], np.float32),
    }
    found = one_day("audio", {"audio_level": stream})
    assert found["silent_pct"] == found["loud_pct"] == found["voice_pct"] == 25
    assert found["level_median_db"] == 45
    talk = {"time": at([8, 19]), "duration": np.array([600, 1200], np.float32)}
    found = one_day("conversation", {"conversation": talk})
    assert found["conversation_min"] == 30
    assert found["conversation_evening_pct"] == pytest.approx(200 / 3)


def test_skin_conductance_of_a_loose_band():
    n = 4 * 1200
    t = np.arange(n) / 4
    level = 3 + 0.02 * np.sin(t)
    level[: n // 2] = 0.01
    stream = {"time": at([9])[0] + np.arange(n, dtype=np.int64) * 250_000, "level": level}
    found = one_day("electrodermal", {"electrodermal_activity": stream})
    assert found["valid_pct"] == pytest.approx(50, abs=0.5)
    assert found["level_mean_usiemens"] == pytest.approx(3, abs=0.01)
    assert found["scr_highpass_per_min"] == 0
    assert np.isnan(found["scr_highpass_rise_s"])
    cold = {"time": stream["time"][::40], "value": np.full(n // 40, 24.0)}
    found = one_day("electrodermal", {"electrodermal_activity": stream, "skin_temperature": cold})
    assert found["valid_pct"] == 0
    assert np.isnan(found["level_mean_usiemens"])
