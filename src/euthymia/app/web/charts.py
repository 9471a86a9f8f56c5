"""Inline SVG for the patient page: geometry only. Styles come from classes, words from HTML.

Drawings use a unit square that the page stretches, so there is no text in them; the labels stand
beside them in HTML, where they can be zoomed, wrapped and read aloud.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from euthymia.care.band import is_clock
from euthymia.care.coverage_map import REASONS, StreamCoverage
from euthymia.care.gaps import Gap
from euthymia.care.timeline import PatientView, ScoreSeries, Trend, value_words
from euthymia.care.words import count_words, date_words, month_words, unit_words
from euthymia.ground.clock import DAY_US, day_date

WIDTH: Final = 1000.0
HEIGHT: Final = 100.0
JOIN_DAYS: Final = 3  # two missing days are bridged by the line, more are left open: a gap is seen

_SLASH: Final = "M-1 1L1 -1M0 4L4 0M3 5L5 3"
_BACKSLASH: Final = "M-1 3L1 5M0 0L4 4M3 -1L5 1"
PATTERNS: Final = {
    "consent": _SLASH,
    "not_worn": "M0 2H4",
    "off": _BACKSLASH,
    "permission": _SLASH + _BACKSLASH,
    "low_power": "M1 0V4M3 0V4",
    "paused": "M2 0V4M0 2H4",
    "charging": "M0 3L2 1L4 3",
    "unknown": "M1 1H2M3 3H4",
}
"""Each reason's own lines on a tile of 4 by 4: colours alone look alike in print and to many."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle or a line in the drawing, in its own units."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A word beside the drawing at a share (0 to 100) of its width or height."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing: paths and marks, the labels of both axes, and the same data for zooming."""

    line: str
    dots: str
    flags: str
    band: Mark | None
    middle: float | None
    rules: tuple[float, ...]
    gaps: tuple[Mark, ...]
    y_labels: tuple[Label, ...]
    x_labels: tuple[Label, ...]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Week:
    """One line of the table that says what the drawing shows."""

    when: str
    days: int
    median: str
    low: str
    high: str


class _Scale:
    """Days and values to the units of the drawing; y grows downwards."""

    def __init__(self, first: int, last: int, low: float, high: float) -> None:
        self.first, self.days = first, max(1, last - first + 1)
        self.low, self.span = low, (high - low) or 1.0

    def x(self, day: float) -> float:
        return round(WIDTH * (day - self.first + 0.5) / self.days, 1)

    def y(self, value: float) -> float:
        return round(HEIGHT * (1 - (value - self.low) / self.span), 1)


def _line(scale: _Scale, points: Sequence[tuple[int, float]], join: int) -> str:
    """Return a path through the points, broken where more than `join` days lie between two."""
    parts: list[str] = []
    before: int | None = None
    for day, value in points:
        step = "L" if before is not None and day - before <= join else "M"
        parts.append(f"{step}{scale.x(day):g} {scale.y(value):g}")
        before = day
    return "".join(parts)


def _dots(scale: _Scale, points: Iterable[tuple[int, float]]) -> str:
    """Return zero-length strokes: with round caps they are dots that never stretch."""
    return "".join(f"M{scale.x(day):g} {scale.y(value):g}h0" for day, value in points)


def _months(scale: _Scale, first: int, last: int, most: int) -> tuple[Label, ...]:
    """Label the axis of time with first days of months, `most` at most, else with both ends."""
    today = day_date(last)
    starts = [day for day in range(first, last + 1) if day_date(day).day == 1]
    starts = starts[:: max(1, -(-len(starts) // most))]
    if len(starts) < 2:
        ends = sorted({first, last})
        return tuple(
            Label(round(100 * scale.x(day) / WIDTH, 1), date_words(day_date(day), today))
            for day in ends
        )
    return tuple(
        Label(round(100 * scale.x(day) / WIDTH, 1), month_words(day_date(day), today))
        for day in starts
    )


def _gap_marks(scale: _Scale, gaps: Iterable[Gap], first: int, last: int) -> tuple[Mark, ...]:
    half = WIDTH / scale.days / 2
    marks = []
    for gap in gaps:
        start, end = max(gap.first, first), min(gap.last, last)
        if start <= end:
            x = scale.x(start) - half
            marks.append(Mark(round(x, 1), 0, round(scale.x(end) + half - x, 1), HEIGHT))
    return tuple(marks)


def coverage_cells(row: StreamCoverage) -> tuple[tuple[int, int, str], ...]:
    """Return a stream's days as runs (first place, how many, class): equal days are one mark."""
    runs: list[tuple[int, int, str]] = []
    for place, cell in enumerate(row.cells):
        kind = f"why-{cell.why}" if cell.why else f"level-{cell.level}"
        if runs and runs[-1][2] == kind:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, kind)
        else:
            runs.append((place, 1, kind))
    return tuple(runs)


def coverage_reasons(rows: Sequence[StreamCoverage]) -> tuple[tuple[str, str], ...]:
    """Return the reasons that occur in the map, with their words, for its legend."""
    told = {cell.why for row in rows for cell in row.cells}
    return tuple((why, words) for why, words in REASONS.items() if why in told)


def coverage_held(rows: Sequence[StreamCoverage]) -> bool:
    """Tell whether a stream is in the map whose hours are not counted, for its legend."""
    return any(cell.level == "held" for row in rows for cell in row.cells)


def coverage_months(row: StreamCoverage) -> tuple[Label, ...]:
    """Label the axis of time below the map of coverage."""
    first, last = row.cells[0].day, row.cells[-1].day
    return _months(_Scale(first, last, 0.0, 1.0), first, last, most=6)


def score_chart(series: ScoreSeries, view: PatientView) -> Chart:
    """Draw one questionnaire: its points, its published limits, and answers that speak of harm."""
    first = min(view.first_day, view.today)
    points = [(p.day, p.total) for p in series.points if p.day >= first]
    scale = _Scale(first, view.today, 0.0, float(series.high))
    flagged = [
        (p.day, p.total) for p in series.points if p.day >= first and p.answers and p.answers[-1]
    ]
    lines = [start for start, _ in series.lines if start > 0]
    return Chart(
        line=_line(scale, points, join=10_000),
        dots=_dots(scale, points),
        flags=_dots(scale, flagged),
        band=None,
        middle=None,
        rules=tuple(scale.y(start) for start in lines),
        gaps=(),
        y_labels=tuple(
            Label(round(scale.y(start), 1), f"{start} {name}") for start, name in series.lines
        ),
        x_labels=_months(scale, first, view.today, most=6),
        data=_data(points, series.name, "points", None, (0.0, float(series.high))),
    )


def _range(trend: Trend) -> tuple[float, float]:
    known = [value for value in trend.values if value is not None]
    if trend.band is not None:
        known += [trend.band.low, trend.band.high]
    low, high = min(known), max(known)
    pad = 0.08 * (high - low) or max(0.5, abs(high) * 0.05)
    low, high = low - pad, high + pad
    if is_clock(trend.feature):
        return low, high
    floor, roof = trend.feature.low, trend.feature.high  # what cannot be is not drawn
    low = low if floor is None else max(low, floor)
    high = high if roof is None else min(high, roof)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def trend_chart(trend: Trend, view: PatientView) -> Chart:
    """Draw one feature day by day, with the person's own band behind it."""
    first, last = view.first_day, max(view.today, trend.days[-1])
    low, high = _range(trend)
    scale = _Scale(first, last, low, high)
    points = [(d, v) for d, v in zip(trend.days, trend.values, strict=True) if v is not None]
    band = trend.band
    mark = None
    if band is not None:
        top = max(0.0, scale.y(band.high))
        bottom = min(HEIGHT, scale.y(band.low))
        mark = Mark(0, top, WIDTH, max(0.5, round(bottom - top, 1)))
    return Chart(
        line=_line(scale, points, join=JOIN_DAYS),
        dots=_dots(scale, points if len(points) <= 40 else points[-1:]),
        flags="",
        band=mark,
        middle=scale.y(band.median) if band else None,
        rules=(),
        gaps=_gap_marks(scale, view.gaps, first, last),
        y_labels=tuple(
            Label(at, value_words(trend.feature, value, unit=False))
            for at, value in ((0, high), (100, low))
        ),
        x_labels=_months(scale, first, last, most=3),
        data=_data(points, trend.feature.title, trend.feature.unit, trend, (low, high)),
    )


def _data(
    points: Sequence[tuple[int, float]],
    title: str,
    unit: str,
    trend: Trend | None,
    limits: tuple[float, float],
) -> dict[str, Any]:
    """Return what the zoomable drawing needs, with empty days in between so that gaps stay gaps."""
    known = dict(points)
    days = range(points[0][0], points[-1][0] + 1) if points and trend else sorted(known)
    band = trend.band if trend else None
    return {
        "title": title,
        "unit": unit_words(unit),
        "clock": trend is not None and is_clock(trend.feature),
        "at": [day * DAY_US // 1_000_000 for day in days],
        "values": [known.get(day) for day in days],
        "band": [band.low, band.high] if band else None,
        "limits": list(limits),
    }


def weeks(trend: Trend, today: int) -> tuple[Week, ...]:
    """Say a trend in a table, one line a week, newest first; weeks without a value are said too."""
    values = dict(zip(trend.days, trend.values, strict=True))
    rows = []
    end, first = trend.days[-1], trend.days[0]
    while end >= first:
        start = max(first, end - 6)
        known = [v for day in range(start, end + 1) if (v := values.get(day)) is not None]
        when = date_words(day_date(start), day_date(today))
        if known:
            low, middle, high = (
                value_words(trend.feature, float(q), unit=False)
                for q in np.percentile(known, [0, 50, 100])
            )
            rows.append(Week(when, len(known), middle, low, high))
        else:
            rows.append(Week(when, 0, "no value", "", ""))
        end -= 7
    return tuple(rows)


def describe(chart_of: str, points: int, words: str) -> str:
    """Return the drawing's name for those who do not see it."""
    return f"{chart_of}, {count_words(points, 'value')}. {words}"
