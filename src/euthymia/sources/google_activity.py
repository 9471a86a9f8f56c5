"""What an Android phone took its wearer to do, as Google's location exports tell it.

Each reading of the phone is a list of kinds with their confidence, of which the likeliest is kept.
The kind of a whole way ("IN_BUS") is not: Google infers it afterwards.
"""

from typing import Final

from euthymia.sources.json_tree import Node, ShapeError, instant, node, nodes, number, text

_RIDING: Final = ("IN_VEHICLE", "IN_ROAD_VEHICLE", "IN_RAIL_VEHICLE", "IN_CAR", "IN_BUS")
_KINDS: Final = {
    "STILL": 0,
    "WALKING": 1,
    "RUNNING": 2,
    "UNKNOWN": 3,
    "ON_BICYCLE": 4,
    **dict.fromkeys((*_RIDING, "IN_TWO_WHEELER_VEHICLE", "IN_FOUR_WHEELER_VEHICLE"), 5),
    "ON_FOOT": 6,
    "TILTING": 7,
}
Seen = tuple[int, int]
"""Time [us] and the code of `activity_class`."""


def time_of(entry: Node, name: str, millis: str | None = None) -> int:
    """Return the instant [us] in a field of text, or in one of milliseconds if it has that."""
    raw = text(entry, millis) if millis else None
    if raw is not None:
        if not raw.isdecimal() or not raw.isascii() or len(raw) > 14:
            raise ShapeError(f"{millis} is not milliseconds")
        return int(raw) * 1000
    return instant(text(entry, name) or "", name)


def activities_of(entry: Node, of_list: str | None) -> list[Seen]:
    """Return what the phone took its wearer to do in a record or a raw signal.

    A reading that is not to be understood is none: the position beside it stands.
    """
    try:
        return _activities(entry, of_list)
    except ShapeError:
        return []


def _activities(entry: Node, of_list: str | None) -> list[Seen]:
    if of_list == "locations" and "activity" in entry:
        readings = [(reading, "activity") for reading in nodes(entry, "activity")]
    elif of_list == "rawSignals" and "activityRecord" in entry:
        readings = [(node(entry, "activityRecord") or {}, "probableActivities")]
    else:
        return []
    found = []
    for reading, name in readings:
        kinds = nodes(reading, name)
        if not kinds or ("timestamp" not in reading and "timestampMs" not in reading):
            continue
        likeliest = max(kinds, key=lambda kind: number(kind, "confidence") or 0.0)
        code = _KINDS.get((text(likeliest, "type") or "").upper())
        if code is not None:
            found.append((time_of(reading, "timestamp", "timestampMs"), code))
    return found
