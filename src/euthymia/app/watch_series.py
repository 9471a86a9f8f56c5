"""`euthymia watch series`: one file, one person, no home."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor.series import told, watch_series
from euthymia.care.monitor.series_read import read_series
from euthymia.ground.clock import day_date
from euthymia.ground.errors import SchemaError

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
) -> dict[str, Any]:
    """Return episodes, alarms (their opening days), gaps, lines and every day's scores.

    Days are ISO dates, or numbers where the file has day numbers.
    """
    if not columns:
        raise SchemaError("name what is watched: --columns a,b,c")
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
    return {
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


def _gaps(seen: Mask) -> list[tuple[int, int]]:
    """Return the stretches [first, last] of a week or more without any value."""
    edges = np.diff(np.concatenate([[0], ~seen, [0]]).astype(np.int8))
    pairs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    return [(int(a), int(b) - 1) for a, b in pairs if b - a >= UNSEEN_DAYS]
