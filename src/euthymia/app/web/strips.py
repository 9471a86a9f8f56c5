"""A person's time line: lanes over one axis of days, and the same as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from euthymia.app.web.charts import Label
from euthymia.care.timeline import PatientView
from euthymia.care.words import date_words, month_words
from euthymia.ground.clock import day_date

WIDTH: Final = 1000
ROWS_MOST: Final = 300
BEGUN_MOST: Final = 200  # characters of a note in the table


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted: where it begins, how wide it is, which kind."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of thing over the days shown; `words` says it without the picture."""

    title: str
    bars: tuple[Bar, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One row of the table: the local day (and the last, where it lasted), the kind, the words."""

    day: int
    last: int
    kind: str
    words: str
    address: str = ""  # its own page, where it has one


@dataclass(frozen=True, slots=True)
class Strip:
    """The whole picture and its table, newest first."""

    lanes: tuple[Lane, ...]
    months: tuple[Label, ...]
    rows: tuple[Happening, ...]
    more: int


def _bar(view: PatientView, day: int, last: int, kind: str) -> Bar | None:
    first, end = view.first_day, view.today + 1
    low, high = max(day, first), min(last + 1, end)
    if low >= high:
        return None
    scale = WIDTH / (end - first)
    return Bar(round((low - first) * scale, 1), round(max(4.0, (high - low) * scale), 1), kind)


def _months(view: PatientView) -> tuple[Label, ...]:
    first, end = view.first_day, view.today + 1
    today = day_date(view.today)
    starts = [day for day in range(first, end) if day_date(day).day == 1]
    return tuple(
        Label(round(100 * (day - first) / (end - first), 1), month_words(day_date(day), today))
        for day in starts[:: max(1, -(-len(starts) // 6))]
    )


def _begun(text: str) -> str:
    """Return a text, or the beginning of a long one, cut between two words where there are any."""
    if len(text) <= BEGUN_MOST:
        return text
    head, space, _ = text[:BEGUN_MOST].rpartition(" ")
    return (head if space and len(head) > BEGUN_MOST // 2 else text[:BEGUN_MOST]) + " …"


def _words(view: PatientView, mine: Sequence[Happening], shown: int) -> str:
    """Say how many of a kind are drawn; where none is, when the last one before was."""
    if shown:
        return f"{shown} in the days shown"
    if not mine:
        return "nothing in the days shown"
    last = date_words(day_date(max(row.last for row in mine)), day_date(view.today))
    return f"nothing in the days shown; last before, on {last}"


def _happenings(view: PatientView, episodes: Sequence[Happening]) -> list[Happening]:
    found = [
        Happening(
            point.day, point.day, series.name, f"{point.total:g}, {series.severity(point.total)}"
        )
        for series in view.scores
        for point in series.points
    ]
    found += [
        Happening(event.first, event.day, event.kind, _begun(event.text)) for event in view.events
    ]
    found += [
        Happening(drug.first, drug.last, "Medication", drug.name) for drug in view.medications
    ]
    found += [Happening(gap.first, gap.last, "No data", gap.words) for gap in view.gaps]
    return sorted([*found, *episodes], key=lambda one: (-one.last, -one.day, one.kind, one.words))


_LANES: Final = (
    ("Questionnaires", ("PHQ-9", "MADRS"), "score"),
    ("Episodes", ("Episode",), "episode"),
    ("Admissions", ("Admission",), "admission"),
    ("Notes and diagnoses", ("Note", "Diagnosis", "Recorded"), "event"),
    ("Medication", ("Medication",), "drug"),
    ("No data", ("No data",), "gap"),
)


def strip_of(view: PatientView, episodes: Sequence[Happening] = ()) -> Strip:
    """Return a person's time line over the days that the page shows; the table has all of them."""
    rows = _happenings(view, episodes)
    lanes = []
    for title, kinds, kind in _LANES:
        mine = [row for row in rows if row.kind in kinds]
        once = kind in {"score", "event"}
        bars = [_bar(view, row.last if once else row.day, row.last, kind) for row in mine]
        shown = tuple(bar for bar in bars if bar is not None)
        lanes.append(Lane(title, shown, _words(view, mine, len(shown))))
    return Strip(
        tuple(lanes), _months(view), tuple(rows[:ROWS_MOST]), max(0, len(rows) - ROWS_MOST)
    )
