"""Dates, spans, ages and chances in plain words, as the care team says them."""

from datetime import date
from typing import Final

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def date_words(on: date, today: date) -> str:
    """Return "3 June", or "3 June 2025" when the year is not today's."""
    words = f"{on.day} {_MONTHS[on.month - 1]}"
    return words if on.year == today.year else f"{words} {on.year}"


def span_words(first: date, last: date, today: date) -> str:
    """Return "4 to 9 May", "28 April to 3 May" or one date, both ends included."""
    if first == last:
        return date_words(first, today)
    end = date_words(last, today)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {end}"
    if first.year == last.year:
        return f"{first.day} {_MONTHS[first.month - 1]} to {end}"
    return f"{first.day} {_MONTHS[first.month - 1]} {first.year} to {end}"


def count_words(count: int, one: str, many: str | None = None) -> str:
    """Return "1 day", "5 days"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def ago_words(days: int) -> str:
    """Return "today", "yesterday", "5 days ago" or, from two months on, "7 months ago"."""
    if days <= 0:
        return "today"
    if days >= 60:
        return count_words(round(days / 30.44), "month") + " ago"
    return "yesterday" if days == 1 else f"{days} days ago"


def percent_words(share: float) -> str:
    """Return a chance in whole per cent, never as certain as "0%" or "100%"."""
    if share < 0.01:
        return "under 1%"
    if share > 0.99:
        return "over 99%"
    return f"{round(100 * share)}%"


def number_words(value: float) -> str:
    """Return a number with at most three figures that matter, and no exponent."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    places = 1 if size >= 10 else 2
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


TIME_WORDS: Final = {"d": "days", "wk": "weeks", "mo": "months", "a": "years"}
"""UCUM's longer units of time: "31 a" is "31 years"."""


def unit_words(unit: str, before: str = "") -> str:
    """Return a UCUM unit as people write it ("{counts}/min": "counts/min").

    Nothing for "1" and for a bare count such as "{checks}": the title says what is counted.
    """
    if unit in {"", "1"} or (unit.startswith("{") and unit.endswith("}")):
        return ""
    if unit in TIME_WORDS:
        return before + TIME_WORDS[unit]
    plain = unit.replace("{", "").replace("}", "").replace("Cel", "\u00b0C")
    return before + plain.replace("uS", "\u00b5S")


def clock_words(hours: float) -> str:
    """Return hours from midnight as the wall clock shows them: -0.7 is "23:18"."""
    minutes = round(hours * 60) % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def month_words(on: date, today: date) -> str:
    """Return "Jun", or "Nov 2025" when the year is not today's."""
    words = _MONTHS[on.month - 1][:3]
    return words if on.year == today.year else f"{words} {on.year}"
