"""Apps, keys, calls, the screen: against plain Python that knows their words alone."""

import math
from collections import defaultdict
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import euthymia as eu
from by_definition import (
    END,
    NAN,
    START,
    ZONE,
    Told,
    at_hour,
    clock_of,
    differences,
    evenness,
    events,
    frame,
    hour,
    iqr,
    mean,
    median,
    midnight,
    of,
    on_circle,
    quantile,
    sd,
    top_percent,
    within,
)

CHANCE = np.random.default_rng(5)
NIGHT_TO = 5
KINDS = {
    "social": ("social", "dating"),
    "communication": ("communication", "messag", "mail", "phone"),
    "game": ("game",),
    "media": ("video", "entertainment", "music", "audio", "photo", "comic"),
    "work": ("productiv", "business", "education", "finance"),
    "health": ("health", "medical", "fitness"),
}


def test_app_use() -> None:
    at = events(CHANCE, 900)
    at = at[np.r_[True, np.diff(at) > 1]]
    category = dict(
        zip(
            "abcdef",
            ["Social", "Communication", "Games", "Video", "Productivity", None],
            strict=True,
        )
    )
    app = CHANCE.choice(list(category), at.size).tolist()
    until = np.diff(np.r_[at, at[-1] + 100])
    length = np.minimum(CHANCE.exponential(60, at.size), until * 0.999).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        lasts = {k: min(float(length[k]), end - at[k]) for k in mine}
        names = [app[k] for k in mine]

        def minutes(fits: list[int]) -> float:
            return sum(lasts[k] for k in fits) / 60

        found = {
            f"app_{kind}_min": minutes(
                [k for k in mine if any(w in (category[app[k]] or "").lower() for w in words)]
            )
            for kind, words in KINDS.items()
        }
        return found | {
            "app_uses": len(mine),
            "apps": len(set(names)),
            "app_use_min": minutes(mine),
            "app_use_mean_s": mean(list(lasts.values())),
            "app_evenness": evenness(names),
            "app_top_pct": top_percent(names),
            "app_switches": sum(
                app[k] != app[n] and at[n] - at[k] - lasts[k] <= 60 for k, n in pairwise(mine)
            ),
            "app_night_min": minutes([k for k in mine if hour(at[k]) < NIGHT_TO]),
        }

    told_of = pa.array([category[one] for one in app], pa.string())
    streams = {"app_use": frame(at, app=app, category=told_of, duration=length)}
    assert differences("app_use", streams, told) == (14, [])


def test_notifications() -> None:
    at = events(CHANCE, 700)
    app = CHANCE.choice(list("abcde"), at.size).tolist()

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        names = [app[k] for k in mine]
        return {
            "notifications": len(mine),
            "notifying_apps": len(set(names)),
            "notifications_top_app_pct": top_percent(names),
            "night_notifications": sum(hour(at[k]) < NIGHT_TO for k in mine),
        }

    streams = {"notifications": frame(at, app=app)}
    assert differences("notifications", streams, told) == (4, [])


def test_conversation() -> None:
    at = events(CHANCE, 160)
    length = CHANCE.exponential(300, at.size).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        minutes = [one / 60 for one in of(length, mine)]
        evening = sum(float(length[k]) / 60 for k in mine if hour(at[k]) >= 18)
        return {
            "conversations": len(mine),
            "conversation_min": sum(minutes),
            "conversation_mean_min": mean(minutes),
            "conversation_sd_min": sd(minutes),
            "conversation_shortest_min": min(minutes),
            "conversation_longest_min": max(minutes),
            "conversation_evening_pct": 100 * evening / sum(minutes),
            "first_conversation_h": hour(at[mine[0]]),
            "last_conversation_h": hour(at[mine[-1]]),
        }

    streams = {"conversation": frame(at, duration=length)}
    assert differences("conversation", streams, told) == (9, [])


def _pressed() -> np.ndarray:
    found = []
    for begin in events(CHANCE, 400):
        steps = CHANCE.exponential(0.4, int(CHANCE.integers(1, 40))) + 0.03
        found += np.round(begin + np.cumsum(steps), 3).tolist()
    pressed = np.unique(found)
    return pressed[pressed < END]


def test_typing() -> None:
    at = _pressed()
    kind = CHANCE.choice([1, 1, 1, 1, 1, 1, 2, 3, 4], at.size).astype(np.int8)
    hold = CHANCE.uniform(40, 200, at.size).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        sessions: list[list[int]] = []
        for k in mine:
            if sessions and at[k] - at[sessions[-1][-1]] <= 5:
                sessions[-1].append(k)
            else:
                sessions.append([k])
        lasts = [float(at[one[-1]] - at[one[0]]) for one in sessions]
        delays = [
            float(at[n] - at[k]) * 1e3
            for one in sessions
            for k, n in pairwise(one)
            if kind[k] == kind[n] == 1
        ]
        enough = [few for few in (of(hold, mine), delays) if len(few) >= 20]
        if len(enough) < 2 or sum(kind[k] == 1 for k in mine) < 20:
            return {"sessions": len(sessions), "keys": len(mine)}
        held, middle = of(hold, mine), median(delays)
        around = on_circle([hour(at[k]) for k in mine])

        def percent(fits: list[bool]) -> float:
            return 100 * sum(fits) / len(mine)

        return {
            "sessions": len(sessions),
            "keys": len(mine),
            "keys_per_session": median([len(one) for one in sessions]),
            "session_s": median(lasts),
            "typing_min": sum(lasts) / 60,
            "characters_per_min": sum(kind[k] == 1 for k in mine) / (sum(lasts) / 60),
            "interkey_median_ms": middle,
            "interkey_iqr_ms": iqr(delays),
            "interkey_mad_ms": median([abs(one - middle) for one in delays]),
            "interkey_p95_ms": quantile(delays, 95),
            "hold_median_ms": median(held),
            "hold_iqr_ms": iqr(held),
            "backspace_pct": percent([kind[k] == 2 for k in mine]),
            "correction_pct": percent([kind[k] == 3 for k in mine]),
            "typing_hour_h": clock_of(around),
            "typing_concentration": abs(around),
            "night_keys_pct": percent([hour(at[k]) < NIGHT_TO for k in mine]),
        }

    streams = {"typing": frame(at, kind=pa.array(kind), hold=hold)}
    assert differences("typing", streams, told) == (17, [])


def test_proximity() -> None:
    at = events(CHANCE, 1200)
    kind = CHANCE.integers(1, 3, at.size).astype(np.int8)
    device = [f"d{min(n, 30)}" for n in CHANCE.zipf(1.6, at.size)]

    def told(begin: float, end: float) -> Told:
        found = {}
        for code, name in ((1, "bluetooth"), (2, "wifi")):
            seen = [device[k] for k in within(at, begin, end) if kind[k] == code]
            found[f"{name}_sightings"] = len(seen)
            found[f"{name}_devices"] = len(set(seen))
            found[f"{name}_top_device_pct"] = top_percent(seen)
            found[f"{name}_evenness"] = evenness(seen)
        return found

    streams = {"proximity": frame(at, kind=pa.array(kind), device=device)}
    assert differences("proximity", streams, told) == (8, [])


Event = tuple[float, int, str | None, float]
"""When, its direction (1 in, 2 out, 3 missed), with whom, its length."""


def _log(count: int, directions: int, amount: np.ndarray) -> list[Event]:
    at = events(CHANCE, count)
    way = CHANCE.integers(1, directions + 1, at.size).tolist()
    who = [None if n > 8 else f"c{n}" for n in CHANCE.integers(0, 10, at.size)]
    return list(zip(at.tolist(), way, who, amount[: at.size].tolist(), strict=True))


@pytest.fixture(scope="module")
def calls() -> list[Event]:
    length = CHANCE.integers(1, 900, 260).astype(np.float32)
    log = _log(260, 3, length)
    return [(at, way, who, 0.0 if way == 3 else long) for at, way, who, long in log]


@pytest.fixture(scope="module")
def messages() -> list[Event]:
    return _log(420, 2, CHANCE.integers(1, 300, 420))


def _of_day(log: list[Event], begin: float, end: float) -> list[Event]:
    return [one for one in log if begin <= one[0] < end]


def _with(log: list[Event], *ways: int) -> list[str]:
    return [who for _, way, who, _ in log if who and way in ways]


def _kinds(log: list[Event], name: str) -> Told:
    """What is told of calls and of messages alike."""
    known = _with(log, 1, 2, 3)
    return {
        f"{name}_contacts": len(set(known)),
        f"{name}_top_contact_pct": top_percent(known),
        f"{name}_evenness": evenness(known),
        f"first_{name}_h": hour(log[0][0]) if log else NAN,
        f"last_{name}_h": hour(log[-1][0]) if log else NAN,
    }


def _waits(asks: list[Event], replies: list[Event], begin: float, end: float) -> float:
    """Median wait [min] of the latest of somebody's attempts for the reply of the day."""
    found = []
    for at, _, who, _ in _of_day(replies, begin, end):
        before = max((t for t, _, w, _ in replies if w == who and t < at), default=-math.inf)
        since = max(before, at - 86_400)
        open_ = [t for t, _, w, _ in asks if w == who and since <= t < at]
        if who and open_:
            found.append((at - max(open_)) / 60)
    return median(found)


def test_social(calls: list[Event], messages: list[Event]) -> None:
    out = sorted([one for log in (calls, messages) for one in log if one[1] == 2])

    def told(begin: float, end: float) -> Told:
        rung, sent = _of_day(calls, begin, end), _of_day(messages, begin, end)
        found = _kinds(rung, "call") | _kinds(sent, "message")
        for code, name in ((1, "in"), (2, "out"), (3, "missed")):
            found[f"calls_{name}"] = sum(way == code for _, way, _, _ in rung)
            found[f"call_contacts_{name}"] = len(set(_with(rung, code)))
        for code, name in ((1, "in"), (2, "out")):
            minutes = [long / 60 for _, way, _, long in rung if way == code]
            found[f"calls_{name}_min"] = sum(minutes)
            found[f"calls_{name}_mean_min"] = mean(minutes)
            found[f"calls_{name}_sd_min"] = sd(minutes)
            found[f"calls_{name}_longest_min"] = max(minutes, default=NAN)
            found[f"messages_{name}"] = sum(way == code for _, way, _, _ in sent)
            found[f"message_contacts_{name}"] = len(set(_with(sent, code)))
            found[f"messages_{name}_characters"] = sum(n for _, way, _, n in sent if way == code)
            other = set(_with(sent, 3 - code))
            lone = [who for who in _with(sent, code) if who not in other]
            found[f"messages_{name}_unanswered"] = len(lone)
        came, went = set(_with(rung + sent, 1)), set(_with(rung + sent, 2))
        missed = [one for one in rung if one[1] == 3 and one[2]]
        back = [
            any(w == who and 0 < t - at <= 86_400 for t, _, w, _ in _of_day(out, begin, end))
            for at, _, who, _ in missed
        ]
        gave = found["calls_out"] + found["messages_out"]
        got = found["calls_in"] + found["messages_in"]
        return found | {
            "contacts": len(set(_with(rung + sent, 1, 2, 3))),
            "out_share_pct": 100 * gave / (gave + got),
            "reciprocity_pct": 100 * len(came & went) / len(came | went),
            "missed_returned_pct": 100 * mean(back),
            "missed_return_delay_min": _waits(
                [one for one in calls if one[1] == 3], out, begin, end
            ),
            "message_reply_delay_min": _waits(
                [one for one in messages if one[1] == 1],
                [one for one in messages if one[1] == 2],
                begin,
                end,
            ),
        }

    at, way, who, amount = zip(*calls, strict=True)
    streams = {
        "calls": frame(
            at,
            direction=pa.array(way, pa.int8()),
            duration=pa.array(amount, pa.float32()),
            contact=pa.array(who, pa.string()),
        )
    }
    at, way, who, amount = zip(*messages, strict=True)
    streams["messages"] = frame(
        at,
        direction=pa.array(way, pa.int8()),
        length=pa.array(amount, pa.int32()),
        contact=pa.array(who, pa.string()),
    )
    assert differences("social", streams, told) == (38, [])


def _uses() -> list[tuple[float, float, float]]:
    """When the screen is lit, unlocked and dark again."""
    found, at = [], START + 600
    while at < END - 7200:
        lit = round(at, 3)
        unlocked = round(lit + float(CHANCE.uniform(0.5, 3)), 3)
        dark = round(unlocked + float(CHANCE.exponential(300)) + 1, 3)
        found.append((lit, unlocked, dark))
        at = dark + float(CHANCE.exponential(1500)) + 5
    return found


def _by_clock_hour(seen: list[tuple[float, float]]) -> dict[int, float]:
    seconds: dict[int, float] = defaultdict(float)
    for low, high in seen:
        hours = range(int(low // 3600), int(high // 3600) + 1)
        for begin in (3600 * h for h in hours):
            inside = min(high, begin + 3600) - max(low, begin)
            if inside > 0:
                seconds[int(hour(begin))] += inside
    return seconds


def test_screen_use() -> None:
    uses = _uses()

    def told(begin: float, end: float) -> Told:
        def inside(low: float, high: float, until: float = end) -> float:
            return max(0.0, min(high, until) - max(low, begin))

        here = [one for one in uses if one[2] > begin and one[0] < end]
        own = [one for one in here if one[0] >= begin]
        length = [inside(lit, dark) for lit, _, dark in own]
        dark_for = [after[0] - before[2] for before, after in pairwise(here)]
        seen = [(max(lit, begin), min(dark, end)) for lit, _, dark in here]
        edges = [begin, *(edge for one in seen for edge in one), end]
        m, s = mean(dark_for), float(np.std(dark_for))
        clock = _by_clock_hour(seen)
        share = [w / sum(clock.values()) for w in clock.values()]
        around = on_circle([h + 0.5 for h in clock], list(clock.values()))
        night = max(at_hour(begin, NIGHT_TO), begin)
        until = hour(end) or 24  # of a use that goes on
        return {
            "screen_on_h": sum(inside(lit, dark) for lit, _, dark in here) / 3600,
            "screen_uses": len(own),
            "unlocks": len(own),
            "unlocked_h": sum(inside(unlocked, dark) for _, unlocked, dark in here) / 3600,
            "use_mean_s": mean(length),
            "use_median_s": median(length),
            "use_sd_s": sd(length),
            "use_longest_min": max(length) / 60,
            "use_shortest_s": min(length),
            "first_use_h": hour(own[0][0]),
            "first_morning_use_h": next(hour(lit) for lit, *_ in own if hour(lit) >= 4),
            "last_use_h": hour(here[-1][2]) if here[-1][2] < end else until,
            "night_use_min": sum(inside(lit, dark, night) for lit, _, dark in here) / 60,
            "night_uses": sum(hour(lit) < NIGHT_TO for lit, *_ in own),
            "longest_gap_h": max(b - a for a, b in zip(edges[::2], edges[1::2], strict=True))
            / 3600,
            "gap_median_min": median(dark_for) / 60,
            "use_burstiness": (s - m) / (s + m),
            "use_entropy": -sum(p * math.log(p) for p in share) / math.log(24),
            "hours_used": len(clock),
            "use_centre_h": clock_of(around),
            "use_concentration": abs(around),
        }

    changes = [(at, state) for use in uses for at, state in zip(use, (1, 3, 0), strict=True)]
    at, state = zip(*changes, strict=True)
    streams = {"screen": frame(at, state=pa.array(state, pa.int8()))}
    assert differences("screen_use", streams, told) == (21, [])


def test_a_use_over_a_change_of_the_clock_is_of_the_hours_that_there_were() -> None:
    """From 01:50 for twenty minutes on the night without a third hour; and on that with two."""
    for day, hours in ((date(2025, 3, 30), (1, 3)), (date(2025, 10, 26), (1, 2))):
        at = midnight(day) + 110 * 60
        streams = {"screen": frame([at, at + 1200], state=pa.array([1, 0], pa.int8()))}
        (row,) = eu.features.compute(streams, ["screen_use"], tz=ZONE).to_pylist()
        assert row["screen_use_hours_used"] == 2
        middle = clock_of(on_circle([h + 0.5 for h in hours]))
        assert row["screen_use_use_centre_h"] == pytest.approx(middle)
        assert row["screen_use_last_use_h"] == pytest.approx(hours[1] + 1 / 6)
