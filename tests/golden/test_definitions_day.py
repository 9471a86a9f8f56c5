"""Heart rate, activity, answers: against plain Python that knows their words alone."""

import math
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa

from by_definition import (
    END,
    NAN,
    START,
    Told,
    at_hour,
    clock_of,
    differences,
    events,
    frame,
    hour,
    mean,
    within,
)

CHANCE = np.random.default_rng(5)
STRETCH_S = 300
BACK_S = 86_400


def _wave(begin: float, end: float, stretches: Callable[[float, float], dict[int, float]]) -> Told:
    """A cosine of 24 clock hours by least squares: of a date with the day before it."""
    whole = end - begin > 80_000
    parts = [(at_hour(begin - 43_200, 0), begin)] * whole + [(begin, end)]
    clock, rate = [], []
    for low, high in parts:
        for place, value in stretches(low, high).items():
            clock.append(hour(low + (place + 0.5) * STRETCH_S))
            rate.append(value)
    names = ("mesor_per_min", "amplitude_per_min", "acrophase_h")
    if len({int(h) for h in clock}) < 18:
        return dict.fromkeys(names, NAN)
    turn = np.array(clock) * math.pi / 12
    terms = np.column_stack([np.ones(turn.size), np.cos(turn), np.sin(turn)])
    mesor, x, y = np.linalg.lstsq(terms, np.array(rate), rcond=None)[0].tolist()
    return dict(zip(names, (mesor, math.hypot(x, y), clock_of(complex(x, y))), strict=True))


def test_heart_rate() -> None:
    at = np.arange(START, END, 20.0) + np.round(CHANCE.uniform(0, 15, int((END - START) // 20)), 3)
    at = at[(np.sin(at / 9000) > -0.8) & (CHANCE.random(at.size) < 0.7)]
    wave = 8 * np.cos((at % 86_400 - 50_000) * 2 * math.pi / 86_400)
    rate = (70 + wave + CHANCE.normal(0, 4, at.size)).astype(np.float32)

    def stretches(begin: float, end: float) -> dict[int, float]:
        found = defaultdict(list)
        for k in within(at, begin, end):
            if 25 <= rate[k] <= 240:
                found[int((at[k] - begin) // STRETCH_S)].append(float(rate[k]))
        return {place: mean(values) for place, values in found.items()}

    def told(begin: float, end: float) -> Told:
        own = stretches(begin, end)
        values = list(own.values())
        clock = {k: hour(begin + (k + 0.5) * STRETCH_S) for k in own}
        night = [v for k, v in own.items() if clock[k] < 6]
        day = [v for k, v in own.items() if clock[k] >= 6]
        both = len(night) >= 24 and len(day) >= 48
        lowest = [
            mean([own[k] for k in range(low, low + 6) if k in own])
            for low in range(math.ceil((end - begin) / STRETCH_S) - 5)
            if sum(k in own for k in range(low, low + 6)) >= 4
        ]
        return _wave(begin, end, stretches) | {
            "mean_rate_per_min": mean(values),
            "min_rate_per_min": min(values),
            "max_rate_per_min": max(values),
            "sd_rate_per_min": float(np.std(values, ddof=1)),
            "resting_rate_per_min": min(lowest, default=NAN),
            "night_dip_pct": 100 * (1 - mean(night) / mean(day)) if both else NAN,
        }

    assert differences("heart_rate", {"heart_rate": frame(at, rate=rate)}, told) == (9, [])


def test_activity_class() -> None:
    at = events(CHANCE, 4000)
    kind = CHANCE.choice([0, 0, 0, 1, 2, 3, 4, 5, 6, 7], at.size).astype(np.int8)
    groups = {0: "still", 1: "foot", 2: "foot", 6: "foot", 4: "cycling", 5: "vehicle"}

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        after = {k: at[k + 1] if k + 1 < at.size else END for k in mine}
        holds = {k: min(at[k] + 600, after[k], end) - at[k] for k in mine if int(kind[k]) in groups}

        def hours(*kinds: int) -> float:
            return sum(w for k, w in holds.items() if int(kind[k]) in kinds) / 3600

        every = sum(holds.values()) / 3600
        changes = sum(
            k in holds
            and n in holds
            and at[n] - at[k] <= 600
            and groups[int(kind[k])] != groups[int(kind[n])]
            for k, n in pairwise(mine)
        )
        return {
            "still_h": hours(0),
            "on_foot_h": hours(1, 2, 6),
            "running_h": hours(2),
            "cycling_h": hours(4),
            "vehicle_h": hours(5),
            "moving_pct": 100 * hours(1, 2, 4, 6) / every,
            "changes_per_h": changes / every,
        }

    streams = {"activity_class": frame(at, activity=pa.array(kind))}
    assert differences("activity_class", streams, told) == (7, [])


def test_momentary() -> None:
    asked = events(CHANCE, 60)
    at, question = [], []
    for begin in asked[np.r_[True, np.diff(asked) > 1200]]:
        for k in range(int(CHANCE.integers(1, 6))):
            at.append(round(float(begin) + 7.0 * k, 3))
            question.append("abcde"[k])
    answer = [None if n > 5 else float(n) for n in CHANCE.integers(1, 7, len(at))]
    times = np.array(at)

    def told(begin: float, end: float) -> Told:
        mine = within(times, begin, end)
        given = [k for k in mine if answer[k] is not None]
        rounds: list[list[int]] = []
        for k in given:
            if rounds and times[k] - times[rounds[-1][-1]] <= 600:
                rounds[-1].append(k)
            else:
                rounds.append([k])
        long = [one for one in rounds if len(one) >= 3]
        own = defaultdict(list)
        for k in given:
            own[question[k]].append(answer[k])
        steps, alike, away = [], [], []
        squares, free = 0.0, 0
        for name, values in own.items():
            log = [k for k in range(len(at)) if question[k] == name and answer[k] is not None]
            seen = [answer[k] for k in log if times[k] < end]
            spread = float(np.std(seen, ddof=1)) if len(seen) >= 5 else 0.0
            for b, k in pairwise(log):
                if k in given and times[k] - times[b] <= 2 * BACK_S:
                    alike.append(answer[b] == answer[k])
                    steps += [(answer[k] - answer[b]) / spread] if spread else []
            before = [answer[k] for k in log if times[k] < begin]
            usual = float(np.std(before, ddof=1)) if len(before) >= 5 else 0.0
            away += [abs(v - mean(before)) / usual for v in values] if usual else []
            if spread and len(values) > 1:
                squares += float(np.var(values)) * len(values) / spread**2
                free += len(values) - 1
        return {
            "answers": len(given),
            "passed_over": len(mine) - len(given),
            "answered_pct": 100 * len(given) / len(mine) if mine else NAN,
            "questions": len(own),
            "rounds": len(rounds),
            "answers_per_round": mean([len(one) for one in rounds]),
            "first_round_h": hour(times[rounds[0][0]]) if rounds else NAN,
            "last_round_h": hour(times[rounds[-1][0]]) if rounds else NAN,
            "departure_sd": mean(away),
            "rmssd_sd": math.sqrt(mean([s * s for s in steps])) if steps else NAN,
            "spread_sd": math.sqrt(squares / free) if free else NAN,
            "repeated_pct": 100 * mean(alike),
            "uniform_rounds_pct": 100 * mean([len({answer[k] for k in one}) == 1 for one in long]),
        }

    told_of = {"question": question, "answer": pa.array(answer, pa.float64())}
    streams = {"momentary_answers": frame(at, **told_of)}
    assert differences("momentary", streams, told) == (13, [])


def _runs(fits: list[bool]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, np.array(fits, int), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def test_activity_counts() -> None:
    at = np.arange(START, END, 60.0)
    active = np.sin(np.arange(at.size) / 50) > 0
    counts = np.where(active, CHANCE.exponential(900, at.size), CHANCE.integers(0, 150, at.size))
    counts[CHANCE.random(at.size) < 0.02] = 7000
    for begin in (900, 4000, 9000):
        counts[begin : begin + 200] = 0  # not worn
    counts[6000:6150] = 0  # still, and worn
    counts = counts.round().astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        still = [counts[k] == 0 for k in mine]
        off = {mine[k] for low, high in _runs(still) if high - low >= 180 for k in range(low, high)}
        value = [float(counts[k]) for k in mine if k not in off]

        def minutes(low: float, high: float = math.inf) -> int:
            return sum(low <= v < high for v in value)

        bouts = [
            high - low for low, high in _runs([counts[k] < 100 and k not in off for k in mine])
        ]
        if not bouts:
            return {"counts_wear_min": len(value), "inactive_bouts": 0}
        total, length = sum(bouts), len(bouts)
        gini = sum(abs(a - b) for a in bouts for b in bouts) / (2 * length * total)
        return {
            "counts_wear_min": len(value),
            "counts_per_min": mean(value),
            "counts_sedentary_min": minutes(0, 100),
            "counts_light_min": minutes(100, 2020),
            "counts_mvpa_min": minutes(2020),
            "counts_vigorous_min": minutes(5999),
            "counts_mvpa_freedson_min": minutes(1952),
            "inactive_bouts": length,
            "inactive_bout_mean_min": mean(bouts),
            "inactive_bout_longest_min": max(bouts),
            "inactive_bouts_of_30_min": sum(b for b in bouts if b >= 30),
            "inactive_bout_gini": gini,
            "inactive_breaks_per_h": length / (total / 60),
        }

    epoch = np.full(at.size, 60, np.float32)
    streams = {"activity_counts": frame(at, counts=counts, epoch=epoch)}
    assert differences("activity", streams, told) == (13, [])


def test_engagement() -> None:
    at = events(CHANCE, 1500)
    at = at[np.sin(at / 30_000) > -0.6]
    level = CHANCE.integers(1, 101, at.size).astype(np.float32)
    status = CHANCE.choice([1, 2, 3, 3, 4, 5], at.size).astype(np.int8)
    fixes, notes = events(CHANCE, 300), events(CHANCE, 40)
    of_stream = CHANCE.choice(["location", "screen", "accelerometer"], notes.size).tolist()
    on = CHANCE.integers(0, 2, notes.size).astype(np.int8)
    why = [None if one else str(CHANCE.choice(["off", "permission", "paused"])) for one in on]

    def paused(reason: str, begin: float, end: float) -> float:
        """Hours in which any stream is off for a reason: from its note to the stream's next."""
        cut = []
        for name in set(of_stream):
            own = [k for k in range(notes.size) if of_stream[k] == name]
            until = {k: notes[n] for k, n in pairwise(own)}
            off = [k for k in own if why[k] == reason]
            cut += [(max(notes[k], begin), min(until.get(k, end), end)) for k in off]
        hours, seen = 0.0, begin
        for low, high in sorted(cut):
            hours += max(high - max(low, seen), 0) / 3600
            seen = max(seen, high)
        return hours

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        ends = {k: at[k + 1] if k + 1 < at.size else END for k in mine}
        holds = {k: min(ends[k], at[k] + 4 * 3600, end) - at[k] for k in mine}
        known = sum(w for k, w in holds.items() if status[k] > 1)
        charged = sum(w for k, w in holds.items() if status[k] in (2, 5))
        before = [one for one in fixes if one < end]
        found = {
            "charging_pct": 100 * charged / known if known else NAN,
            "battery_lowest_pct": min((float(level[k]) for k in mine), default=NAN),
            "location_silent_h": (end - before[-1]) / 3600 if before else NAN,
        }
        noted = any(one < end for one in notes)
        return found | {
            f"paused_{reason}_h": paused(reason, begin, end) if noted else NAN
            for reason in ("off", "permission", "paused")
        }

    streams = {
        "battery": frame(at, level=level, status=pa.array(status)),
        "location": frame(
            fixes, latitude=np.full(fixes.size, 40.0), longitude=np.zeros(fixes.size)
        ),
        "recording_state": frame(
            notes, stream=of_stream, on=pa.array(on), reason=pa.array(why, pa.string())
        ),
    }
    assert differences("engagement", streams, told) == (6, [])
