"""What the phones of `phenotype_truth` record, what was true each day, and what features say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy.signal import lfilter

import euthymia as eu
from euthymia.features.recordings import from_frames
from euthymia.ground.clock import Timeline
from phenotype_truth import live, metres_between, moment

CYCLES = ("minute", "beiwe", "sparse")
FAMILIES = ("mobility", "sleep_phone")
DAY = 86_400


@dataclass
class World:
    """One person: the life, what is on record, and each minute's truth."""

    life: object
    location: pd.DataFrame
    screen: pd.DataFrame
    minutes: pd.DataFrame  # t, date, place, home, km, on record
    off_days: list


def knots_of(life):
    """Return arrays of knots: time, latitude, longitude, place (-1: on the way), in the air."""
    t, lat, lon, place, flight = (np.array(x) for x in zip(*life.knots, strict=True))
    return t, lat, lon, place, flight


def fix_times(cycle, start, end, rng):
    """Return when the phone tries for a fix [s UTC]."""
    start = start + rng.uniform(0, 60)
    if cycle == "minute":
        t = np.arange(start, end, 60.0)
    elif cycle == "sparse":
        t = np.arange(start, end, 600.0)
    else:
        cycles = np.arange(start, end, 660.0)
        t = (cycles[:, None] + np.arange(60.0)).ravel()
    return t + rng.uniform(0, 0.9, t.size)


def off_blocks(life, share, rng):
    """Return stretches [s UTC] without any data: nights, more on bad days, up to a share of all."""
    span, blocks, held = life.end - life.start, [], 0.0
    if share > 0 and rng.random() < 0.4:
        for onset, offset in life.sleeps:
            if rng.random() < min(1.0, 2 * share) and held < share * span:
                blocks.append((onset - rng.uniform(60, 900), offset + rng.uniform(0, 900)))
                held += offset - onset
    mask = np.zeros(int(span // 60) + 1, bool)
    for a, b in blocks:
        mask[max(int((a - life.start) // 60), 0) : max(int((b - life.start) // 60), 0)] = True
    while mask.mean() < share - 0.01:
        a, length = (
            rng.uniform(0, span),
            3600 * rng.choice([1, 2, 4, 8, 14], p=[0.3, 0.3, 0.2, 0.1, 0.1]),
        )
        mask[int(a // 60) : int((a + length) // 60)] = True
        blocks.append((life.start + a, life.start + a + length))
    return blocks


def off(blocks, t):
    gone = np.zeros(np.shape(t), bool)
    for a, b in blocks:
        gone |= (t >= a) & (t < b)
    return gone


def drift(t, tau, rng):
    """Return a wandering error (Ornstein-Uhlenbeck, sd 1) at times, both axes."""
    grid = np.arange(t[0], t[-1] + 60, 30.0)
    keep = np.exp(-30.0 / tau)
    raw = rng.normal(size=(2, grid.size)) * np.sqrt(1 - keep**2)
    walk = lfilter([1.0], [1.0, -keep], raw, axis=1)
    return np.stack([np.interp(t, grid, axis) for axis in walk])


def fixes(life, cycle, blocks, rng):
    """Return the fixes of a phone as a frame."""
    kt, lat, lon, place, flight = knots_of(life)
    t = fix_times(cycle, life.start, life.end, rng)
    at = np.clip(np.searchsorted(kt, t, "right") - 1, 0, kt.size - 1)
    seen = ~off(blocks, t) & ~flight[at]
    t, at = t[seen], at[seen]
    inside = np.clip(rng.lognormal(np.log(14), 0.6, len(life.places)), 4, 45)
    sigma = np.where(place[at] >= 0, inside[place[at]], rng.uniform(4, 11))
    block = ((t - life.start) // 600).astype(int)
    sigma = np.minimum(sigma * rng.lognormal(0, 0.4, block.max() + 1)[block], 60)
    error = sigma / 1.5 * (0.9 * drift(t, 300, rng) + 0.4 * rng.normal(size=(2, t.size)))
    accuracy = sigma * rng.lognormal(0, 0.3, t.size)
    bad = (rng.random(block.max() + 1) < 0.01)[block] & ((t - life.start) % 600 < 130)
    which = np.flatnonzero(bad & (rng.random(t.size) < (0.3 if cycle == "beiwe" else 1)))
    far, angle = rng.uniform(800, 6000, which.size), rng.uniform(0, 6.3, which.size)
    error[:, which] += far * np.stack([np.cos(angle), np.sin(angle)])
    honest = rng.random(which.size) < 0.9
    accuracy[which] = np.where(honest, rng.uniform(700, 3000, which.size), accuracy[which])
    true = np.stack([np.interp(t, kt, lat), np.interp(t, kt, lon)], axis=1)
    points = true + (
        np.stack([error[1], error[0] / np.cos(np.radians(true[:, 0]))], axis=1) / 111_194.93
    )
    return pd.DataFrame(
        {
            "time": stamps(t),
            "latitude": points[:, 0],
            "longitude": (points[:, 1] + 180) % 360 - 180,
            "accuracy": accuracy.astype(np.float32),
            "altitude": np.full(t.size, np.nan, np.float32),
            "speed": np.full(t.size, np.nan, np.float32),
        }
    )


def stamps(t):
    return pd.to_datetime((np.asarray(t) * 1e6).astype(np.int64), unit="us", utc=True)


def bouts(life, rng):
    """Return sessions of phone use: begin, length [s], unlocked or not."""
    rate, lag, check = rng.uniform(2.5, 8), rng.uniform(0.6, 1.6), rng.uniform(0, 1.2)
    ends = [s[0] for s in life.sleeps[1:]] + [moment(life.days[-1], 23, life.zones[-1][1])]
    found = []
    for (onset, wake), bed in zip(life.sleeps, ends, strict=True):
        delay = lag * 60 * rng.lognormal(np.log(5), 0.9)
        first = wake + (delay if rng.random() < 0.92 else rng.uniform(1800, 5400))
        idle = rng.random() < 0.04
        last = bed - (rng.uniform(3600, 9000) if idle else lag * 60 * rng.lognormal(np.log(5), 0.8))
        life.idle += [bed] if idle else []
        begins = np.cumsum(rng.exponential(3600 / rate, 400)) + first
        begins = begins[begins < last - 60]
        if rng.random() < 0.5 and begins.size:
            hole = rng.uniform(first, last)
            begins = begins[(begins < hole) | (begins > hole + rng.uniform(1, 2.5) * 3600)]
        for begin in [first, *begins]:
            length = min(rng.lognormal(np.log(45), 1.2), 1800)
            found.append((begin, min(length, last - begin), rng.random() < 0.75))
        closing = rng.uniform(60, 900)
        found.append((last - closing, closing, True))
        if onset >= life.start:
            for part in rng.beta(1.6, 1.2, rng.poisson(check)):  # the first sleep is the deepest
                begin = onset + 1800 + part * (wake - onset - 3600)
                found.append((begin, rng.uniform(10, 150), rng.random() < 0.7))
    return sorted(b for b in found if b[1] > 0)


def screen_events(life, blocks, rng):
    """Return AWARE's screen states; the screen also lights up by itself for messages."""
    unlocks, notes, rows, busy = rng.random() < 0.8, rng.uniform(0, 0.25), [], -1.0
    for begin, length, unlocked in bouts(life, rng):
        if begin < max(busy, life.start):
            continue
        rows.append((begin, 1))
        if unlocked and unlocks:
            rows.append((begin + 2, 3))
        rows.append((begin + max(length, 4), 0))
        if unlocked and unlocks:
            rows.append((begin + max(length, 4) + 0.4, 2))
        busy = begin + max(length, 4) + 5
    if unlocks:
        taken = np.array([t for t, _ in rows])
        for t in rng.uniform(life.start, life.end, int(notes * (life.end - life.start) / 3600)):
            if np.abs(taken - t).min() > 2000 or not np.searchsorted(taken, t):
                rows += [(t, 1), (t + 8, 0)]
    rows = [r for r in sorted(rows) if r[0] < life.end]
    t = np.array([r[0] for r in rows])
    kept = ~off(blocks, t)
    return pd.DataFrame(
        {"time": stamps(t[kept]), "state": np.array([r[1] for r in rows], np.int8)[kept]}
    )


def truth_by_minute(life, blocks):
    """Return each minute's local date, place, whether at home, way [km], and whether on record."""
    kt, lat, lon, place, flight = knots_of(life)
    steps = metres_between(np.c_[lat, lon][:-1], np.c_[lat, lon][1:]) / 1000
    steps = np.where(flight[:-1], 0, steps)
    way = np.concatenate([[0], np.cumsum(steps)])
    t = np.arange(life.start, life.end, 60.0)
    at = np.clip(np.searchsorted(kt, t + 30, "right") - 1, 0, kt.size - 1)
    days = np.empty(t.size, object)
    for i, (since, zone) in enumerate(life.zones):
        until = life.zones[i + 1][0] if i + 1 < len(life.zones) else np.inf
        part = (t >= since) & (t < until)
        local = pd.DatetimeIndex(stamps(t[part])).tz_convert(ZoneInfo(zone))
        days[part] = local.date
    homes = np.array([life.home_at(x) for x in t]) if len(life.homes) > 1 else life.homes[0][1]
    return pd.DataFrame(
        {
            "t": t, "date": days, "place": place[at], "home": place[at] == homes,
            "km": np.diff(np.interp(np.append(t, life.end), kt, way)),
            "known": ~off(blocks, t + 30),
        }
    )  # fmt: skip


def world(kind, days, seed, cycle, missing):
    """Return one person on record."""
    life = live(kind, days, seed)
    rng = np.random.default_rng([seed, 5])
    blocks = off_blocks(life, missing, rng)
    away = [d for d in life.days if rng.random() < 0.03]
    silent = [
        (moment(d, 0, z), moment(d, 24, z))
        for d, z in zip(life.days, life.day_zones, strict=True)
        if d in away
    ]
    location = fixes(life, cycle, blocks, np.random.default_rng([seed, 6]))
    screen = screen_events(life, [*blocks, *silent], np.random.default_rng([seed, 7]))
    return World(life, location, screen, truth_by_minute(life, blocks), away)


def features(w):
    """Return the product's features by date, through its public interface."""
    frames = {"location": w.location, "screen": w.screen}
    zone = w.life.zones[0][1]
    if len(w.life.zones) == 1:
        return eu.features.compute(frames, FAMILIES, tz=zone).set_index("date")
    recordings = from_frames(frames, tz=zone)
    changes = tuple((int(t * 1e6), z) for t, z in w.life.zones)
    recordings.zones = dict.fromkeys(recordings.zones, Timeline(changes))
    return eu.features.compute(recordings, FAMILIES).to_pandas().set_index("date")


def true_sleep(life):
    """Return {date: (onset, offset, idle)}: hours of the wall clock from midnight of the date."""
    found = {}
    for i, ((onset, offset), day) in enumerate(zip(life.sleeps, life.days, strict=True)):
        if onset < life.start + 12 * 3600 or life.days.count(day) > 1:
            continue
        zone = ZoneInfo(life.day_zones[i])
        zero = datetime.combine(day, datetime.min.time())
        wall = [datetime.fromtimestamp(t, tz=UTC).astimezone(zone) for t in (onset, offset)]
        if wall[1].date() == day:
            hours = [(x.replace(tzinfo=None) - zero) / timedelta(hours=1) for x in wall]
            found[day] = [*hours, onset in life.idle]
    return found


def scored(w):
    """Return a row a date: what was true, what was found, what was known."""
    found, m = features(w), w.minutes
    true = m.groupby("date").agg(
        home_h=("home", lambda x: x.sum() / 60), km=("km", "sum"),
        known=("known", "mean"), minutes=("t", "size"),
        places=("place", lambda x: len(set(x[x >= 0]))),
    )  # fmt: skip
    sleep = pd.DataFrame(true_sleep(w.life), index=["onset", "offset", "idle"]).T.astype(float)
    columns = {c: c.replace("mobility_", "m_").replace("sleep_phone_", "s_") for c in found}
    rows = true.join(sleep).join(found.rename(columns=columns))
    rows["since_move"] = [
        (moment(d, 12, w.life.zones[0][1]) - w.life.homes[-1][0]) / DAY for d in rows.index
    ]
    rows["kind"] = w.life.kind
    rows["off"] = [d in w.off_days for d in rows.index]
    return rows


def places_seen(w):
    """Return how many places were stayed at on record: surely (40 min), and at most (8 min)."""
    m = w.minutes[w.minutes.known & (w.minutes.place >= 0)]
    dwell = m.groupby("place").size()
    return int((dwell >= 40).sum()), int((dwell >= 8).sum())
