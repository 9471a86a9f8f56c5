"""Light, temperature, breathing and steps, against plain Python that knows their words alone."""

import math
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa

from by_definition import (
    END,
    NAN,
    START,
    Told,
    clock_of,
    differences,
    events,
    frame,
    hour,
    iqr,
    mean,
    median,
    of,
    on_circle,
    quantile,
    sd,
    within,
)

CHANCE = np.random.default_rng(5)


def _profile(clock: list[float], log: list[float], held: list[float]) -> Told:
    """The brightest ten hours and the darkest five of the mean of each clock hour."""
    seconds, total = defaultdict(float), defaultdict(float)
    for h, value, w in zip(clock, log, held, strict=True):
        seconds[int(h)] += w
        total[int(h)] += w * value
    names = ("m10_log10", "m10_onset_h", "l5_log10", "l5_onset_h", "relative_amplitude")
    if any(seconds[h] < 300 for h in range(24)):
        return dict.fromkeys(names, NAN)
    level = [total[h] / seconds[h] for h in range(24)]

    def runs(hours: int) -> list[tuple[float, int]]:
        return [(mean([level[(h + k) % 24] for k in range(hours)]), h) for h in range(24)]

    (m10, onset), (l5, dark) = max(runs(10)), min(runs(5))
    return dict(zip(names, (m10, onset, l5, dark, (m10 - l5) / (m10 + l5)), strict=True))


def test_light() -> None:
    at = events(CHANCE, 6000)
    turn = np.sin((at - START) * 2 * math.pi / 86_400)
    lux = np.exp(CHANCE.normal(3, 2, at.size) + turn).clip(0, 1e5).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        held = [min(at[k] + 300, at[k + 1] if k + 1 < at.size else END, end) - at[k] for k in mine]
        level = of(lux, mine)
        log = [math.log10(1 + x) for x in level]

        def weighted(values: list[float], low: float = 0, high: float = 24) -> float:
            weight = [w * (low <= hour(at[k]) < high) for w, k in zip(held, mine, strict=True)]
            return float(np.dot(weight, values) / sum(weight)) if any(weight) else NAN

        bright = [k for k in mine if lux[k] >= 100]
        lasts = dict(zip(mine, held, strict=True))
        middle = [hour(at[k]) + lasts[k] / 7200 for k in bright]
        above = {
            f"above_{limit}_lx_min": sum(
                w for w, x in zip(held, level, strict=True) if x >= limit
            ) / 60
            for limit in (10, 100, 1000)
        }  # fmt: skip
        profile = _profile([hour(at[k]) for k in mine], log, held)
        return (above | profile) | {
            "bright_timing_h": clock_of(on_circle(middle, [lasts[k] for k in bright])),
            "mean_lx": weighted(level),
            "log10_mean": weighted(log),
            "p95_lx": quantile(level, 95),
            "brightest_lx": max(level),
            "first_bright_h": hour(at[bright[0]]),
            "last_bright_h": hour(at[bright[-1]]),
            "last_above_10_lx_h": hour(at[[k for k in mine if lux[k] >= 10][-1]]),
            "evening_log10": weighted(log, 18),
            "night_log10": weighted(log, 0, 5),
        }

    assert differences("light", {"light": frame(at, level=lux)}, told) == (18, [])


def test_temperature() -> None:
    at = np.arange(START, END, 20.0)
    at = at[CHANCE.random(at.size) < 0.9]
    warmth = 32 + 2 * np.sin(np.arange(at.size) / 2000) + CHANCE.normal(0, 0.3, at.size)
    warmth[2000:5000] = 22  # on the table
    warmth = warmth.astype(np.float32)

    def told(begin: float, end: float) -> Told:
        of_minute = defaultdict(list)
        for k in within(at, begin, end):
            of_minute[int(at[k] // 60)].append(float(warmth[k]))
        every = {minute: mean(values) for minute, values in of_minute.items()}
        worn = {
            m: v
            for m, v in every.items()
            if 25 <= v <= 40 and abs(v - every.get(m - 1, v)) <= 1
        }  # fmt: skip
        value, clock = list(worn.values()), [hour(60 * m) for m in worn]
        night = [v for v, h in zip(value, clock, strict=True) if h < 6]
        day = [v for v, h in zip(value, clock, strict=True) if 10 <= h < 22]
        both = len(night) >= 60 and len(day) >= 60
        found = {"worn_h": len(worn) / 60, "off_wrist_pct": 100 * (1 - len(worn) / len(every))}
        if len(worn) < 60:
            return found
        found |= {
            "mean_cel": mean(value),
            "median_cel": median(value),
            "sd_cel": sd(value),
            "low_cel": quantile(value, 5),
            "high_cel": quantile(value, 95),
            "night_minus_day_cel": mean(night) - mean(day) if both else NAN,
            "slope_cel_per_h": float(np.polyfit(np.array(list(worn)) / 60, value, 1)[0]),
        }
        if sum(n >= 15 for n in Counter(map(int, clock)).values()) < 18:
            return found
        turn = np.array(clock) * math.pi / 12
        terms = np.column_stack([np.ones(turn.size), np.cos(turn), np.sin(turn)])
        wave = np.linalg.lstsq(terms, np.array(value), rcond=None)[0]
        left = np.array(value) - terms @ wave
        return found | {
            "mesor_cel": float(wave[0]),
            "amplitude_cel": float(math.hypot(*wave[1:])),
            "acrophase_h": clock_of(complex(*wave[1:])),
            "wave_explained": float(1 - np.var(left) / np.var(value)),
        }

    streams = {"skin_temperature": frame(at, value=warmth)}
    assert differences("temperature", streams, told) == (13, [])


def test_respiration() -> None:
    at = events(CHANCE, 3000)
    rate = CHANCE.normal(15, 4, at.size).clip(1, 70).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        stretches = defaultdict(list)
        for k in within(at, begin, end):
            if 4 <= rate[k] <= 60:
                stretches[int((at[k] - begin) // 300)].append(float(rate[k]))
        means = [mean(values) for values in stretches.values()]
        return {
            "mean_breaths_per_min": mean(means),
            "median_breaths_per_min": median(means),
            "sd_breaths_per_min": sd(means),
            "slow_breaths_per_min": quantile(means, 5),
            "fast_breaths_per_min": quantile(means, 95),
        }

    streams = {"respiration_rate": frame(at, rate=rate)}
    assert differences("respiration", streams, told) == (5, [])


def test_steps() -> None:
    at = np.arange(START, END, 60.0)
    at = at[CHANCE.random(at.size) < 0.97]
    walks = np.sin(np.arange(at.size) / 40) > 0.2
    steps = np.where(walks, CHANCE.integers(0, 130, at.size), 0).astype(np.int32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        of_minute = {int(at[k] // 60): int(steps[k]) for k in mine}
        most = sorted(of_minute.values(), reverse=True)
        walked = [k for k in mine if steps[k]]

        def runs(active: bool) -> list[float]:
            found = [0]
            for minute in range(int(begin // 60), int(end // 60)):
                fits = minute in of_minute and (of_minute[minute] >= 10) is active
                found = [*found[:-1], found[-1] + 1] if fits else [*found, 0]
            return [n for n in found if n]

        bouts = {}
        for name, active in (("sedentary", False), ("active", True)):
            own = runs(active)
            bouts[f"{name}_bouts"] = len(own)
            bouts[f"{name}_bout_mean_min"] = mean(own)
            bouts[f"{name}_bout_longest_min"] = max(own)
        return bouts | {
            "steps": sum(most),
            "steps_recorded_min": len(most),
            "stepping_min": sum(n > 0 for n in most),
            "brisk_min": sum(n >= 100 for n in most),
            "cadence_peak_per_min": most[0],
            "cadence_peak_of_30_per_min": sum(most[:30]) / 30,
            "cadence_mean_per_min": mean([n for n in most if n]),
            "sedentary_min": sum(n < 10 for n in most),
            "first_step_h": hour(at[walked[0]]),
            "last_step_h": hour(at[walked[-1]]),
        }

    period = np.full(at.size, 60, np.float32)
    assert differences("steps", {"steps": frame(at, steps=steps, period=period)}, told) == (16, [])


def test_audio() -> None:
    at = events(CHANCE, 1500)
    silent = CHANCE.integers(0, 2, at.size).astype(np.int8)
    level = CHANCE.normal(55, 12, at.size).clip(1, 120).astype(np.float32)
    pitch = CHANCE.uniform(20, 400, at.size).astype(np.float32)

    def told(begin: float, end: float) -> Told:
        mine = within(at, begin, end)
        loud, pitches = of(level, mine), of(pitch, mine)

        def percent(fits: list[bool]) -> float:
            return 100 * sum(fits) / len(mine)

        return {
            "samples": len(mine),
            "silent_pct": percent([silent[k] == 1 for k in mine]),
            "level_mean_db": mean(loud),
            "level_median_db": median(loud),
            "level_iqr_db": iqr(loud),
            "level_sd_db": sd(loud),
            "level_p95_db": quantile(loud, 95),
            "loud_pct": percent([x > 70 for x in loud]),
            "frequency_median_hz": median(pitches),
            "voice_pct": percent([silent[k] == 0 and 65 <= pitch[k] <= 255 for k in mine]),
        }

    sound = frame(at, silent=pa.array(silent), level=level, frequency=pitch)
    assert differences("audio", {"audio_level": sound}, told) == (10, [])
