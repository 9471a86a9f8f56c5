"""All that the page about one person shows, worked out from tables: no clock, no store, no page."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.care.band import (
    BASELINE_DAYS,
    HELD_OUT_DAYS,
    MIN_BASELINE_VALUES,
    Band,
    around_the_clock,
    is_clock,
    personal_band,
)
from euthymia.care.contract import WorklistItem
from euthymia.care.coverage_map import StreamCoverage, coverage_map
from euthymia.care.events import Event, Medication, events, medications, other_records
from euthymia.care.gaps import NOT_WORN_COVERAGE, Gap, device_gaps
from euthymia.care.pauses import NOTHING, Noted
from euthymia.care.summary import PHONE, SubjectSummary
from euthymia.care.words import (
    clock_words,
    count_words,
    date_words,
    number_words,
    span_words,
    unit_words,
)
from euthymia.care.worklist import Feed, estimate_words, item
from euthymia.features.contract import Family, Feature
from euthymia.ground.clock import DAY_US, Micros, day_date
from euthymia.ground.codes import MADRS_TOTAL

SHOWN_DAYS: Final = 180  # half a year: two medication trials and the weeks before them
RECENT_VALUES_DAYS: Final = 14  # two weeks, what the PHQ-9 asks about
DAYS_OF_A_TREND: Final = 10  # of fewer, one other number is news


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One questionnaire's total on one local day, and its answers where they are known."""

    day: int
    total: float
    answers: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """One questionnaire over time. `lines` are its published severity limits (from, name)."""

    name: str
    high: int
    lines: tuple[tuple[int, str], ...]
    points: tuple[ScorePoint, ...]

    def severity(self, total: float) -> str:
        """Return the published band's name for a total."""
        return [name for start, name in self.lines if total >= start][-1]


PHQ9_LINES: Final = (
    (0, "minimal"),
    (5, "mild"),
    (10, "moderate"),
    (15, "moderately severe"),
    (20, "severe"),
)  # Kroenke 2001, doi:10.1046/j.1525-1497.2001.016009606.x
MADRS_LINES: Final = ((0, "none"), (7, "mild"), (20, "moderate"), (35, "severe"))
# Snaith 1986, doi:10.1192/bjp.148.5.599


@dataclass(frozen=True, slots=True)
class Trend:
    """One feature over the shown days against the person's own band, and the same in words."""

    family: str
    feature: Feature
    days: tuple[int, ...]
    values: tuple[float | None, ...]
    coverage: tuple[float, ...]
    band: Band | None
    words: str
    basis: str
    outside: int  # of the last 14 days, how many lie outside the band
    known: int  # of the last 14 days, how many have a value
    worse: int = 0  # of those outside, how many on the side on which a worsening usually shows

    @property
    def mostly_outside(self) -> bool:
        """Whether more than half of the values of the last 14 days lie outside the band."""
        return self.outside * 2 > self.known


@dataclass(frozen=True, slots=True)
class PatientView:
    """One person, as the care team sees them. All days are the person's local day numbers."""

    row: WorklistItem
    today: int
    first_day: int
    scores: tuple[ScoreSeries, ...]
    trends: tuple[Trend, ...]
    events: tuple[Event, ...]
    medications: tuple[Medication, ...]
    gaps: tuple[Gap, ...]
    other_records: int
    estimate: str
    summary: SubjectSummary
    coverage: tuple[StreamCoverage, ...] = ()


def _madrs(observations: pa.Table, who: SubjectSummary) -> tuple[ScorePoint, ...]:
    rows = zip(
        observations["code"].to_pylist(),
        observations["time"].cast(pa.int64()).to_pylist(),
        observations["numeric_value"].to_pylist(),
        strict=True,
    )
    found = {
        _local_day(who, at): value
        for code, at, value in rows
        if code == MADRS_TOTAL and at is not None and value is not None
    }
    return tuple(ScorePoint(day, found[day]) for day in sorted(found))


def _local_day(who: SubjectSummary, at: Micros) -> int:
    return int(who.zones.local_day(np.array([at], np.int64))[0])


def score_series(
    who: SubjectSummary, observations: pa.Table, now: Micros
) -> tuple[ScoreSeries, ...]:
    """Return the questionnaires that have at least one total, up to `now`."""
    phq9 = tuple(
        ScorePoint(_local_day(who, score.at), score.total, score.answers)
        for score in who.phq9
        if score.total is not None and score.at <= now
    )
    series = (
        ScoreSeries("PHQ-9", 27, PHQ9_LINES, phq9),
        ScoreSeries("MADRS", 60, MADRS_LINES, _madrs(observations, who)),
    )
    return tuple(one for one in series if one.points)


def _arrays(table: pa.Table, column: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    days = np.asarray(table["date"].cast(pa.int32()).to_numpy(), np.int64)
    values = np.asarray(table[column].to_numpy(), np.float64)
    order = np.argsort(days, kind="stable")
    return days[order], values[order]


def _basis(band: Band | None, today: int) -> str:
    if band is None:
        return (
            f"No band yet: it needs {MIN_BASELINE_VALUES} days with a value in the "
            f"{BASELINE_DAYS // 7} weeks that end {HELD_OUT_DAYS // 7} weeks before the last day."
        )
    span = span_words(day_date(band.first), day_date(band.last), day_date(today))
    return f"Own band from {count_words(band.n, 'day')} of {span}."


def value_words(feature: Feature, value: float, *, unit: bool = True) -> str:
    """Return a value as people write it: "23:18", "4 h", "0.86"."""
    if is_clock(feature):
        return clock_words(value)
    return number_words(value) + (unit_words(feature.unit, " ") if unit else "")


def _trend_words(
    feature: Feature,
    days: NDArray[np.int64],
    values: NDArray[np.float64],
    band: Band | None,
    today: int,
) -> tuple[str, int, int, int]:
    """Return the trend in one sentence, and of the last 14 days how many are outside, known, worse.

    Worse are those outside on the side on which a worsening usually shows.
    """
    known = np.isfinite(values)
    if not known.any():
        return "No value in the days shown.", 0, 0, 0
    last = int(np.flatnonzero(known)[-1])
    on = date_words(day_date(int(days[last])), day_date(today))
    words = f"{value_words(feature, float(values[last]))} on {on}"
    recent = known & (days > int(days[-1]) - RECENT_VALUES_DAYS)
    n = int(recent.sum())
    if band is None:
        return f"{words}.", 0, n, 0
    above, below = int((values[recent] > band.high).sum()), int((values[recent] < band.low).sum())
    side = band.side(float(values[last]))
    told = f"{words}, {side} their own band; {above + below} of the last {n} values outside."
    return told, above + below, n, {1: above, -1: below}.get(feature.worse, 0)


def _trend(
    family: Family, feature: Feature, table: pa.Table, first: int, today: int
) -> Trend | None:
    days, values = _arrays(table, feature.name)
    keep = days <= today
    days, values = days[keep], values[keep]
    if not np.isfinite(values[days >= first]).any():
        return None
    _, coverage = _arrays(table, "coverage")
    coverage = coverage[keep]
    if is_clock(feature):
        values = around_the_clock(values)
    band = personal_band(days, values)
    shown = days >= first
    words, outside, known, worse = _trend_words(feature, days[shown], values[shown], band, today)
    return Trend(
        family=family.title,
        feature=feature,
        days=tuple(int(day) for day in days[shown]),
        values=tuple(float(v) if np.isfinite(v) else None for v in values[shown]),
        coverage=tuple(float(c) for c in coverage[shown]),
        band=band,
        words=words,
        basis=_basis(band, today),
        outside=outside,
        known=known,
        worse=worse,
    )


def trends(
    families: Mapping[str, Family], features: Mapping[str, pa.Table], first: int, today: int
) -> tuple[Trend, ...]:
    """Return every feature with a value in [first, today], the most out of band first."""
    found = [
        trend
        for name, family in families.items()
        if name in features
        for feature in family.features
        if feature.name in features[name].column_names
        and (trend := _trend(family, feature, features[name], first, today)) is not None
    ]
    return tuple(sorted(found, key=lambda trend: -trend.outside / max(1, trend.known)))


def _flat(trend: Trend) -> bool:
    """Tell whether a trend is one number: on all days, of ten or more on all but one."""
    values = [value for value in trend.values if value is not None]
    if not values:
        return False
    others = len(values) - Counter(values).most_common(1)[0][1]
    return others == 0 or (others == 1 and len(values) >= DAYS_OF_A_TREND)


def most_telling(found: Sequence[Trend], most: int) -> tuple[Trend, ...]:
    """Return the few trends to look at first.

    Those most often outside their band on the side on which a worsening usually shows, then those
    most often outside it; one of each family before a second of any, because the numbers of one
    family move together and would say the same thing several times. What was the same number
    every day (the phone's hours of somebody who shares no phone), but perhaps on a day of 23 or 25
    hours, is left to the list of all.
    """
    varied = [trend for trend in found if not _flat(trend)]
    ranked = sorted(
        varied, key=lambda t: (-t.worse / max(1, t.known), -t.outside / max(1, t.known))
    )
    turn: dict[str, int] = {}
    turns = []
    for trend in ranked:
        turn[trend.family] = turn.get(trend.family, -1) + 1
        turns.append(turn[trend.family])
    order = sorted(range(len(ranked)), key=lambda place: (turns[place], place))
    return tuple(ranked[place] for place in order[:most])


@dataclass(frozen=True, slots=True)
class TrendGroup:
    """One family's trends, and how many of them lie outside their band on most recent days."""

    title: str
    trends: tuple[Trend, ...]
    often: int


def groups_of(found: Sequence[Trend]) -> tuple[TrendGroup, ...]:
    """Return the trends by family, the families in the order of their names."""
    held: dict[str, list[Trend]] = {}
    for trend in found:
        held.setdefault(trend.family, []).append(trend)
    return tuple(
        TrendGroup(title, tuple(held[title]), sum(t.mostly_outside for t in held[title]))
        for title in sorted(held)
    )


def _not_worn(families: Mapping[str, Family], features: Mapping[str, pa.Table]) -> set[int]:
    """Return days on which every one-day family of worn streams saw hardly any data."""
    worn = [
        name
        for name, family in families.items()
        if name in features and not PHONE & set(family.streams) and family.lookback_days == 1
    ]
    seen: dict[int, float] = {}
    for name in worn:
        days, coverage = _arrays(features[name], "coverage")
        for day, share in zip(days, coverage, strict=True):
            seen[int(day)] = max(float(share), seen.get(int(day), 0.0))
    return {day for day, share in seen.items() if share < NOT_WORN_COVERAGE}


def patient_view(
    who: SubjectSummary,
    *,
    observations: pa.Table,
    families: Mapping[str, Family],
    features: Mapping[str, pa.Table],
    now: Micros,
    feed: Feed | None = None,
    consented: Callable[[int], bool] = lambda _day: True,
    held: Mapping[str, Collection[int]] = MappingProxyType({}),
    noted: Noted = NOTHING,
) -> PatientView:
    """Work out what the page about one person shows.

    Parameters
    ----------
    who : SubjectSummary
        The person's summary, with the prediction where a model is released.
    observations : pyarrow.Table
        `schemas.OBSERVATIONS`, sorted by time.
    families, features : Mapping
        The feature families by name, and the person's derived rows by family.
    now : int
        The moment of looking [us since 1970 UTC]. What lies after it is not shown.
    feed : Mapping[str, int], optional
        The newest day on which anybody's data arrived (see `worklist.feed_days`).
    consented : callable
        Whether a consent to monitoring was in force on a local day.
    held : Mapping[str, Collection[int]], optional
        On which UTC days each stream that may be looked at is stored.
    noted : Noted, optional
        What recording apps noted of themselves, and what was withdrawn.
    """
    today = _local_day(who, now)
    told = [max(t["date"].cast(pa.int32()).to_pylist(), default=today) for t in features.values()]
    newest = max([*told, *(max(days) for days in held.values() if days)], default=today)
    first = min(today, newest) - SHOWN_DAYS + 1
    not_worn = _not_worn(families, features)
    gaps: Sequence[Gap] = [
        gap
        for device, seen in who.seen.items()
        for gap in device_gaps(
            device, seen, now // DAY_US, not_worn if device == "watch" else (), start=first
        )
    ]
    return PatientView(
        row=item(who, now, feed),
        today=today,
        first_day=first,
        scores=score_series(who, observations, now),
        trends=trends(families, features, first, today),
        events=events(observations, who, now),
        medications=medications(observations, who, now),
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.last)),
        other_records=other_records(observations),
        estimate=estimate_words(who),
        summary=who,
        coverage=coverage_map(
            features,
            first,
            today - 1,
            not_worn=not_worn,
            consented=consented,
            phone=PHONE,
            held=held,
            noted=noted,
            zones=who.zones,
        ),
    )
