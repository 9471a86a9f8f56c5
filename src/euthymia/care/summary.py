"""What the worklist needs to know about one person, and how it is read from the record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.care.monitor.contract import Note
from euthymia.care.safety import Cssrs, cssrs_screeners
from euthymia.ground.clock import Micros, Timeline, day_date
from euthymia.ground.codes import PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import Prediction

PHONE: Final = frozenset(
    {
        "location",
        "screen",
        "calls",
        "messages",
        "battery",
        "audio_level",
        "notifications",
        "activity_class",
        "app_use",
        "light",
        "proximity",
        "typing",
        "conversation",
        "momentary_answers",
        "recording_state",
    }
)
"""Streams a phone writes. Every other stream is worn on the body and called "watch" on screen."""

DEVICES: Final = ("phone", "watch")
RECENT_DAYS: Final = 28  # four weeks: the rhythm of visits, and enough days to judge a habit


def device_of(stream: str) -> str:
    """Return "phone" or "watch" for a stream's name."""
    return "phone" if stream in PHONE else "watch"


@dataclass(frozen=True, slots=True)
class Phq9:
    """One PHQ-9: when, the total (None: not all nine known), the nine answers (None: missing)."""

    at: Micros
    total: float | None
    answers: tuple[int | None, ...] = (None,) * 9

    @property
    def item9(self) -> int | None:
        """The answer to "better off dead, or of hurting yourself", 0 to 3."""
        return self.answers[8]


@dataclass(frozen=True, slots=True)
class Seen:
    """On which UTC days a device's data exists (sorted, as days since 1970)."""

    days: tuple[int, ...]

    @property
    def last(self) -> int:
        """The last day with data."""
        return self.days[-1]

    def among(self, first: int, last: int) -> int:
        """Return how many days of [first, last] have data."""
        low, high = np.searchsorted(np.array(self.days), [first, last + 1])
        return int(high - low)


@dataclass(frozen=True, slots=True)
class SubjectSummary:
    """One person as the worklist sees them. Scores are sorted by time, oldest first."""

    subject: SubjectId
    phq9: tuple[Phq9, ...] = ()
    prediction: Prediction | None = None
    predicted_at: Micros | None = None
    threshold: float | None = None
    doubt: str = ""  # why the figures of the model behind the prediction are no evidence
    seen: Mapping[str, Seen] = field(default_factory=dict)  # "phone", "watch"
    owners: tuple[str, ...] = ()
    zones: Timeline = field(default_factory=Timeline)
    died: str | None = None  # the date, or "unknown"; None: alive as far as the record says
    cssrs: tuple[Cssrs, ...] = ()
    changed: Note | None = None  # an open episode of the watch

    def local_date(self, at: Micros) -> date:
        """Return the person's own date at an instant."""
        return day_date(int(self.zones.local_day(np.array([at], np.int64))[0]))


def phq9_scores(observations: pa.Table, zones: Timeline) -> tuple[Phq9, ...]:
    """Read the PHQ-9s out of a table of observations, one a local day, oldest first.

    Records of one local day are one questionnaire (its total and its answers often arrive under
    different instants). Where they disagree the higher, that is the worse, value counts.
    """
    codes = pa.array([*PHQ9_ITEMS, PHQ9_TOTAL])
    rows = observations.filter(
        pc.and_(
            pc.is_in(observations["code"], value_set=codes),
            pc.and_(pc.is_valid(observations["time"]), pc.is_finite(observations["numeric_value"])),
        )
    )
    if rows.num_rows == 0:
        return ()
    times = rows["time"].cast(pa.int64()).to_numpy()
    days = zones.local_day(times)
    met: dict[int, dict[str, float]] = {}
    last: dict[int, Micros] = {}
    values = rows["numeric_value"].to_pylist()
    for day, at, code, value in zip(days, times, rows["code"].to_pylist(), values, strict=True):
        answers = met.setdefault(int(day), {})
        answers[code] = max(value, answers.get(code, value))
        last[int(day)] = max(int(at), last.get(int(day), int(at)))
    return tuple(_phq9(last[day], met[day]) for day in sorted(met))


def _phq9(at: Micros, found: Mapping[str, float]) -> Phq9:
    answers = tuple(int(found[code]) if code in found else None for code in PHQ9_ITEMS)
    known = [answer for answer in answers if answer is not None]
    total = found.get(PHQ9_TOTAL, float(sum(known)) if len(known) == len(PHQ9_ITEMS) else None)
    return Phq9(at, total, answers)


def devices_seen(segments: Mapping[str, Mapping[int, tuple[int, str]]]) -> dict[str, Seen]:
    """Return on which UTC days phone and watch data exists, from the store's `segments`."""
    days: dict[str, set[int]] = {}
    for stream, found in segments.items():
        days.setdefault(device_of(stream), set()).update(found)
    return {device: Seen(tuple(sorted(days[device]))) for device in DEVICES if days.get(device)}


def summarise(
    subject: SubjectId,
    *,
    observations: pa.Table,
    segments: Mapping[str, Mapping[int, tuple[int, str]]],
    zones: Timeline,
    owners: tuple[str, ...] = (),
    prediction: Prediction | None = None,
    predicted_at: Micros | None = None,
    threshold: float | None = None,
    doubt: str = "",
    died: str | None = None,
    changed: Note | None = None,
) -> SubjectSummary:
    """Gather one person's summary from what the store and the model say."""
    return SubjectSummary(
        subject=subject,
        phq9=phq9_scores(observations, zones),
        prediction=prediction,
        predicted_at=predicted_at,
        threshold=threshold,
        doubt=doubt,
        seen=devices_seen(segments),
        owners=tuple(sorted(owners)),
        zones=zones,
        died=died,
        cssrs=cssrs_screeners(observations, zones),
        changed=changed,
    )
