"""Read JSON of unknown honesty: every step says what it expected, in words without values."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from euthymia.ground.clock import day_number, to_micros
from euthymia.ground.errors import SourceError

Node = dict[str, Any]
LARGEST: Final = 1e300


class ShapeError(ValueError):
    """A piece of JSON is not of the shape that its format prescribes. The text names the place."""


def decode(data: bytes, *, consequence: str = "nothing of this file was stored") -> object:
    """Decode a JSON document.

    Raises
    ------
    SourceError
        Naming line and column, and what became of the file.
    """
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as problem:
        raise SourceError(
            f"the JSON is not UTF-8 text; {consequence}; save it as UTF-8"
        ) from problem
    except RecursionError as problem:
        raise SourceError(f"the JSON is nested too deeply; {consequence}") from problem
    except msgspec.DecodeError as problem:
        raise SourceError(f"{_where(data, str(problem))}; {consequence}") from problem


def _where(data: bytes, message: str) -> str:
    if "truncated" in message:
        line = data.count(b"\n") + 1
        return f"the JSON ends early, in line {line}: the file is cut; copy it again"
    place = re.search(r"byte (\d+)", message)
    if not place:
        return "the text is not JSON"
    at = int(place.group(1))
    line = data.count(b"\n", 0, at) + 1
    column = at - (data.rfind(b"\n", 0, at) + 1) + 1
    return f"line {line}, column {column}: the text is not JSON"


def whole_node(value: object) -> Node:
    """Return an element that is an object."""
    if not isinstance(value, dict):
        raise ShapeError("it is not an object")
    return value


def node(parent: Node, name: str) -> Node | None:
    """Return the object under `name`, or None."""
    found: Node | None = _typed(parent, name, dict, "an object")
    return found


def nodes(parent: Node, name: str) -> list[Node]:
    """Return the list of objects under `name` (empty if there is none)."""
    found: list[Any] = _typed(parent, name, list, "a list") or []
    if not all(isinstance(item, dict) for item in found):
        raise ShapeError(f"{name} is not a list of objects")
    return found


def text(parent: Node, name: str) -> str | None:
    """Return the string under `name`, or None where there is none or it is blank."""
    found: str | None = _typed(parent, name, str, "a string")
    return found if found and found.strip() else None


def texts(parent: Node, name: str) -> list[str]:
    """Return the list of strings under `name`."""
    found: list[Any] = _typed(parent, name, list, "a list") or []
    if not all(isinstance(item, str) for item in found):
        raise ShapeError(f"{name} is not a list of strings")
    return found


def number(parent: Node, name: str) -> float | None:
    """Return the finite number under `name`, or None."""
    found = parent.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ShapeError(f"{name} is not a number")
    if abs(found) > LARGEST:
        raise ShapeError(f"{name} is not a number that can be stored")
    return float(found)


def truth(parent: Node, name: str) -> bool | None:
    """Return the boolean under `name`, or None."""
    found: bool | None = _typed(parent, name, bool, "true or false")
    return found


def _typed(parent: Node, name: str, kind: type, words: str) -> Any:  # noqa: ANN401  (JSON)
    found = parent.get(name)
    if found is None or isinstance(found, kind):
        return found
    raise ShapeError(f"{name} is not {words}")


_DAY: Final = re.compile(r"(\d{4})(-\d\d(-\d\d)?)?", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def calendar_day(value: str, name: str) -> date | None:
    """Return a FHIR date; None where it gives only a year or a month."""
    found = _DAY.fullmatch(value)
    if not found:
        raise ShapeError(f"{name} is not a date (YYYY, YYYY-MM or YYYY-MM-DD)")
    try:
        return date.fromisoformat(value) if found.group(3) else None
    except ValueError:
        raise ShapeError(f"{name} is not a date of the calendar") from None


def day_of(value: str) -> int | None:
    """Return the day number of a date, or of the first day of a year or month; None if neither."""
    found = _DAY.fullmatch(value)
    if not found:
        return None
    padded = value + "-01-01"[len(value) - 4 :] if len(value) < 10 else value
    try:
        return day_number(date.fromisoformat(padded))
    except ValueError:
        return None


def instant(value: str, name: str) -> int:
    """Return a date-time with its offset as microseconds UTC."""
    if not _MOMENT.fullmatch(value):
        raise ShapeError(f"{name} is not a date-time with its offset (YYYY-MM-DDThh:mm:ss+00:00)")
    try:
        return to_micros(datetime.fromisoformat(value).astimezone(UTC))
    except (ValueError, OverflowError):
        raise ShapeError(f"{name} is not a date-time of the calendar") from None
