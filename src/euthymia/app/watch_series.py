"""`euthymia watch series`: one file, one person, no home."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.app.series_plot import write_plot
from euthymia.care.monitor.note import TELLING
from euthymia.care.monitor.series import Series, told, watch_series
from euthymia.care.monitor.series_read import read_series, with_points
from euthymia.care.words import count_words, date_words
from euthymia.ground.clock import day_date
from euthymia.ground.errors import SchemaError
from euthymia.models.tables import numbers, read_frame

CODE_LEAST: Final = 4  # different values, before one of them can be told from the others
CODE_FAR: Final = 3.0  # times the range of all others: a measurement does not lie so far out
UNSEEN_DAYS: Final = 7  # a week: a holiday without a diary is shorter

Mask = NDArray[np.bool_]


def watch_file(
    file: Path,
    time: str,
    columns: tuple[str, ...],
    worse: tuple[str, ...],
    better: tuple[str, ...],
    baseline_days: int,
    budget_days: float,
    seed: int,
    plot: Path | None = None,
) -> dict[str, Any]:
    """Return episodes, alarms (their opening days), gaps, lines and every day's scores.

    Days are ISO dates, or numbers where the file has day numbers. `plot` is drawn to a file.
    """
    if not columns:
        raise SchemaError("name what is watched: --columns a,b,c")
    if plot is not None and plot.suffix != ".svg":
        raise SchemaError(f"{plot.name}: the name of a drawing must end in .svg")
    series, dated = read_series(file, time, columns, worse, better)
    found = watch_series(series, baseline_days, budget_days, seed)

    def named(day: int) -> str | int:
        return day_date(day).isoformat() if dated else day

    def dressed(episode: dict[str, Any]) -> dict[str, Any]:
        days = {k: episode[k] for k in ("opened", "last", "closed")}
        return episode | {k: None if day is None else named(day) for k, day in days.items()}

    episodes = [dressed(episode) for episode in told(series, found)]
    seen: Mask = np.asarray(np.isfinite(series.values).any(axis=1))
    watched = range(baseline_days, len(seen))
    made = {
        "columns": list(columns),
        "days": len(seen),
        "days_with_values": int(seen.sum()),
        "baseline": {
            "first": named(series.first),
            "last": named(series.first + baseline_days - 1),
            "days": baseline_days,
        },
        "budget_days": budget_days,
        "lines": {"composite": found.lines.composite, "mewma": found.lines.mewma},
        "alarms": [e["opened"] for e in episodes],
        "episodes": episodes,
        "words": _said(episodes, dated=dated),
        "notes": _notes(file, columns),
        "not_seen": [[named(series.first + a), named(series.first + b)] for a, b in _gaps(seen)],
        "scores": [
            {
                "day": named(series.first + t),
                "composite": round(float(found.composite[t]), 4),
                "mewma": round(float(found.mewma[t]), 4),
                "times_line": round(float(found.level[t]), 4),
                "log_e": round(float(found.log_e[t]), 4),
            }
            for t in watched
        ],
    }
    if plot is not None:
        ends = (len(seen) - 1, *(series.first + d for d in (0, len(seen) - 1)))
        spans = [(e["opened"] - series.first, e["closed"]) for e in told(series, found)]
        shaded = [(a, ends[0] if b is None else b - series.first) for a, b in spans]
        drawn = made | {"spans": shaded, "first": named(ends[1]), "last": named(ends[2])}
        write_plot(plot, drawn, _means_of(series))
        made["plot"] = str(plot)
    return made


def _means_of(series: Series) -> dict[str, list[float | None]]:
    """Return each column's daily means."""
    return {
        name: [v if np.isfinite(v) else None for v in series.values[:, j].tolist()]
        for j, name in enumerate(series.names)
    }


def _said(episodes: list[dict[str, Any]], *, dated: bool) -> list[str]:
    """Say each episode in a sentence: since when, until when, and what changed."""
    lines = []
    for episode in episodes:
        opened, last = (_day_words(episode[k], dated=dated) for k in ("opened", "last"))
        until = "and still on the last day" if episode["closed"] is None else f"to {last}"
        changes = [
            f"{c['column']} {'higher' if c['sd'] > 0 else 'lower'}"
            for c in episode["changes"]
            if abs(c["sd"]) >= TELLING
        ]
        what = ", ".join(changes[:4]) or "many small changes together"
        lines.append(f"Unlike the first weeks from {opened} {until}: {what}")
    return lines


def _day_words(day: str | int, *, dated: bool) -> str:
    if not dated:
        return f"day {day}"
    on = date.fromisoformat(str(day))
    return date_words(on, date(1, 1, 1))


def _notes(file: Path, columns: tuple[str, ...]) -> list[str]:
    """Say what looks like no measurement: a code for "not answered" far from everything else."""
    table, found = with_points(read_frame(file), columns), []
    for name in columns:
        values = numbers(table, name, where=file.name)
        seen, times = np.unique(values[np.isfinite(values)], return_counts=True)
        if seen.size < CODE_LEAST:
            continue
        low, high = seen[1] - seen[0], seen[-1] - seen[-2]
        for far, rest, place in ((low, seen[-1] - seen[1], 0), (high, seen[-2] - seen[0], -1)):
            if far > CODE_FAR * rest:
                found.append(
                    f"{name}: {seen[place]:g} stands {count_words(int(times[place]), 'time')}, far "
                    'from all else; if that is a code for "not answered", empty those cells: it is '
                    "watched as a value"
                )
    return found


def _gaps(seen: Mask) -> list[tuple[int, int]]:
    """Return the stretches [first, last] of a week or more without any value."""
    edges = np.diff(np.concatenate([[0], ~seen, [0]]).astype(np.int8))
    pairs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    return [(int(a), int(b) - 1) for a, b in pairs if b - a >= UNSEEN_DAYS]
