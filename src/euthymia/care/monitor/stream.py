"""From a person's days to their `ScoreStream`; and episodes from a stream, under any lines."""

import hashlib
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.contract import ARRAYS, Episode, Lines, ScoreStream
from euthymia.care.monitor.lines import FROM_DAY, episode_days
from euthymia.care.monitor.norms import DESIGN, Norms
from euthymia.care.monitor.panel import Days, Features
from euthymia.care.monitor.score import Walk

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SEEN_SHARE: Final = 0.05  # of a feature's weight in its smoothed value: less is an old memory
HALF: Final = 32  # hex digits: of the input, then of the calibration


def inputs(days: Days, frozen: tuple[int, int] | None) -> list[str]:
    """Return, for each day, a digest of all that its scores rest on of the person."""
    chain, found = hashlib.sha256(f"{days.first} {frozen}".encode()), []
    for row, away, excused in zip(days.values, days.away, days.excused, strict=True):
        chain.update(np.ascontiguousarray(row).tobytes() + bytes([bool(away), bool(excused)]))
        found.append(chain.hexdigest()[:HALF])
    return found


def stream_of(
    subject: str,
    features: Features,
    days: Days,
    norms: Norms,
    lines: Lines,
    frozen: tuple[int, int] | None = None,
) -> ScoreStream:
    """Return the scores of all of a person's days, judged by `lines`."""
    scores = Walk(features, norms, frozen=frozen).go(days)
    count = len(days.values)
    seen = np.isfinite(days.values) & ~days.away[:, None]
    made = ScoreStream(
        subject=subject,
        day=days.day,
        coverage=seen.mean(axis=1),
        composite=scores.composite,
        frozen=scores.frozen,
        mewma=scores.mewma,
        log_e=scores.log_e,
        unseen_days=scores.unseen,
        probability=np.full(count, np.nan),
        baseline_days=scores.baseline_days,
        excused=days.excused.astype(np.float64),
        composite_line=np.full(count, lines.composite),
        mewma_line=np.full(count, lines.mewma),
        probability_line=np.full(count, lines.probability),
        episode=np.full(count, np.nan),
        z=_smoothed(features, scores.smooth, seen),
        digest=tuple(own + lines.digest[:HALF] for own in inputs(days, frozen)),
    )
    return judged(made, lines)


def with_chance(stream: ScoreStream, probability: float, lines: Lines) -> ScoreStream:
    """Return the stream with what a model says on its last day, judged by `lines`."""
    chances = stream.probability.copy()
    chances[-1] = probability
    return judged(replace(stream, probability=chances), lines)


def _smoothed(features: Features, smooth: Floats, seen: Mask) -> dict[str, Floats]:
    """Return smoothed features as means of the days they rest on, NaN where those are long ago."""
    weight = np.zeros(smooth.shape)
    before = np.zeros(smooth.shape[1])
    for t in range(len(smooth)):
        before = weight[t] = (1 - DESIGN.rate) * before + DESIGN.rate * seen[t]
    z = np.where(weight > SEEN_SHARE, smooth / np.maximum(weight, SEEN_SHARE), np.nan)
    return {name: np.ascontiguousarray(z[:, j]) for j, name in enumerate(features.names)}


def levels(stream: ScoreStream) -> dict[str, Floats]:
    """Return each stream's score as a multiple of the line in force on its day."""
    with np.errstate(invalid="ignore"):
        return {
            "composite": stream.composite / stream.composite_line,
            "frozen": stream.frozen / stream.composite_line,
            "mewma": stream.mewma / stream.mewma_line,
            "probability": stream.probability / stream.probability_line,
        }


def judged(stream: ScoreStream, lines: Lines) -> ScoreStream:
    """Return the stream under these lines: its scores as they are, its episodes anew."""
    count = stream.day.size
    drawn = replace(
        stream,
        composite_line=np.full(count, lines.composite),
        mewma_line=np.full(count, lines.mewma),
        probability_line=np.full(count, lines.probability),
    )
    return with_episodes(drawn, lines)


def with_episodes(stream: ScoreStream, lines: Lines) -> ScoreStream:
    """Return the stream with its episodes by the lines that stand in it, day by day."""
    most = np.fmax.reduce(list(levels(stream).values()))
    most[:FROM_DAY] = np.nan
    places = episode_days(most, lines)
    known = np.isfinite(places)
    opened = np.full(places.size, np.nan)
    opened[known] = stream.day[places[known].astype(np.int64)]
    return replace(stream, episode=opened)


def episodes_of(stream: ScoreStream) -> tuple[Episode, ...]:
    """Return the episodes that stand in a stream, oldest first.

    The last one is open (`closed` None) if it holds the stream's last day.
    """
    by = levels(stream)
    found = []
    for opened in np.unique(stream.episode[np.isfinite(stream.episode)]).tolist():
        rows = np.flatnonzero(stream.episode == opened)
        at = rows[0]
        kind = max(by, key=lambda name: np.nan_to_num(by[name][at], nan=-np.inf))
        most = np.fmax.reduce([by[name][rows] for name in by])
        over = rows[np.flatnonzero(most >= 1.0)]
        last = int(stream.day[rows[-1]])
        found.append(
            Episode(
                id=f"e-{int(opened)}",
                kind=kind,
                opened=int(opened),
                last=int(stream.day[over[-1]]) if over.size else int(opened),
                closed=None if rows[-1] == stream.day.size - 1 else last,
                peak=float(np.nanmax(most)),
            )
        )
    return tuple(found)


def unseen_episodes(stream: ScoreStream, lines: Lines) -> tuple[Episode, ...]:
    """Return the stretches without any value that lasted `lines.unseen_days` or more."""
    found = []
    over = stream.unseen_days >= lines.unseen_days
    edges = np.diff(np.concatenate([[0], over.astype(np.int8), [0]]))
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        last = int(stream.day[end - 1])
        found.append(
            Episode(
                id=f"u-{int(stream.day[start])}",
                kind="unseen",
                opened=int(stream.day[start]),
                last=last,
                closed=None if end == stream.day.size else last,
                peak=float(stream.unseen_days[start:end].max() / lines.unseen_days),
            )
        )
    return tuple(found)


def merged(before: ScoreStream | None, fresh: ScoreStream, lines: Lines) -> tuple[ScoreStream, int]:
    """Return what is to be kept of two streams of a person, and from which row on it is new.

    Days that were judged stay as they were judged as long as what they rest on of the person has
    not changed; from the first day on which it has (late data, a new day) the fresh rows stand.
    Probabilities that were computed on a day are kept in any case.
    """
    if before is None or set(before.z) != set(fresh.z) or before.version != fresh.version:
        return fresh, 0
    same = 0
    if before.day.size and before.day[0] == fresh.day[0]:
        pairs = zip(before.digest, fresh.digest, strict=False)
        for old, now in pairs:
            if old[:HALF] != now[:HALF]:
                break
            same += 1
    probability = fresh.probability.copy()
    _, there, here = np.intersect1d(before.day, fresh.day, return_indices=True)
    computed = np.isfinite(before.probability[there])
    probability[here[computed]] = before.probability[there[computed]]
    kept: dict[str, Any] = {}
    for field in ARRAYS:
        new = probability if field == "probability" else getattr(fresh, field)
        kept[field] = np.concatenate([getattr(before, field)[:same], new[same:]])
    z = {n: np.concatenate([before.z[n][:same], fresh.z[n][same:]]) for n in fresh.z}
    digest = before.digest[:same] + fresh.digest[same:]
    both = with_episodes(replace(fresh, z=z, digest=digest, **kept), lines)
    episode = np.concatenate([before.episode[:same], both.episode[same:]])
    return replace(both, episode=episode), same
