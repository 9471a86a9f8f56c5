"""Days without data, in words: "no phone data since 3 June", "watch not worn 4 to 9 May"."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from euthymia.care.summary import Seen
from euthymia.care.words import count_words, date_words, span_words
from euthymia.ground.clock import day_date

MIN_GAP_DAYS: Final = 2  # one day without data is a forgotten charger, and said by coverage
NOT_WORN_COVERAGE: Final = 0.1  # under a tenth of the day on the wrist: carried, not worn


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without usable data of one device: [first, last] as day numbers, and the words."""

    device: str
    first: int
    last: int
    open_end: bool  # it lasts until today
    words: str

    @property
    def days(self) -> int:
        """How many days are missing."""
        return self.last - self.first + 1


def _runs(days: Iterable[int]) -> list[tuple[int, int]]:
    """Return the unbroken runs [first, last] of a set of days, in order."""
    found: list[tuple[int, int]] = []
    for day in sorted(set(days)):
        if found and day == found[-1][1] + 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _missing(seen: Seen, today: int) -> list[tuple[int, int]]:
    """Return the runs of days without data, from the first day with data to yesterday."""
    have = [day for day in seen.days if day <= today]
    holes = [(before + 1, after - 1) for before, after in pairwise(have) if after > before + 1]
    if have and have[-1] < today - 1:
        holes.append((have[-1] + 1, today - 1))
    return holes


def device_gaps(
    device: str, seen: Seen, today: int, not_worn: Iterable[int] = (), start: int | None = None
) -> tuple[Gap, ...]:
    """Return the gaps of one device, newest first.

    Parameters
    ----------
    device : str
        "phone" or "watch".
    seen : Seen
        The UTC days on which data exists.
    today : int
        Today's UTC day number; today itself is not over and never missing.
    not_worn : iterable of int, optional
        Days that have data, but hardly any of it from the body.
    start : int, optional
        Gaps that end before this day are left out.
    """
    now = day_date(today)
    gaps = [
        Gap(device, first, last, last == today - 1, _missing_words(device, first, last, today))
        for first, last in _missing(seen, today)
    ]
    worn = set(not_worn) & set(seen.days)
    gaps += [
        Gap(device, first, last, open_end=False, words=_not_worn_words(device, first, last, now))
        for first, last in _runs(worn)
    ]
    shown = [
        gap for gap in gaps if gap.days >= MIN_GAP_DAYS and (start is None or gap.last >= start)
    ]
    return tuple(sorted(shown, key=lambda gap: (-gap.last, gap.first, gap.words)))


def _missing_words(device: str, first: int, last: int, today: int) -> str:
    now = day_date(today)
    if last == today - 1:
        since = date_words(day_date(first - 1), now)
        return f"No {device} data since {since} ({count_words(today - first + 1, 'day')})"
    length = count_words(last - first + 1, "day")
    return f"No {device} data {span_words(day_date(first), day_date(last), now)} ({length})"


def _not_worn_words(device: str, first: int, last: int, now: date) -> str:
    length = count_words(last - first + 1, "day")
    span = span_words(day_date(first), day_date(last), now)
    return f"{device.capitalize()} not worn {span} ({length})"
