"""FIT (Flexible and Interoperable Data Transfer): messages out of bytes.

A file is a header, records and a checksum. A record is a definition (which message, which fields)
or a message by one of sixteen definitions in force. Developer fields are stepped over.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from euthymia.ground.errors import SourceError

Value = int | float | tuple[int | float, ...]
Fields = Mapping[int, Value]

EPOCH_S: Final = 631_065_600  # 1989-12-31 UTC
TIMESTAMP: Final = 253
CLOCK_SET: Final = 0x10000000
_TYPES: Final[dict[int, tuple[str, int, int | None]]] = {
    0x00: ("B", 1, 0xFF),
    0x01: ("b", 1, 0x7F),
    0x02: ("B", 1, 0xFF),
    0x83: ("h", 2, 0x7FFF),
    0x84: ("H", 2, 0xFFFF),
    0x85: ("i", 4, 0x7FFFFFFF),
    0x86: ("I", 4, 0xFFFFFFFF),
    0x88: ("f", 4, None),
    0x89: ("d", 8, None),
    0x0A: ("B", 1, 0x00),
    0x8B: ("H", 2, 0x0000),
    0x8C: ("I", 4, 0x00000000),
    0x0D: ("B", 1, 0xFF),
    0x8E: ("q", 8, 0x7FFFFFFFFFFFFFFF),
    0x8F: ("Q", 8, 0xFFFFFFFFFFFFFFFF),
    0x90: ("Q", 8, 0x0000000000000000),
}
"""Base types: how they are packed, their size, and the value that says "not known"."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its number in the profile, its fields, and its time [s since 1970] if known."""

    number: int
    fields: Fields
    time_s: int | None


@dataclass(frozen=True, slots=True)
class _Definition:
    number: int
    size: int
    fields: tuple[tuple[int, int, int, struct.Struct, int | None], ...]


class CutError(SourceError):
    """The file ends within a record; the messages before it stand."""


def messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of a FIT file (or of several, one after another).

    Raises
    ------
    SourceError
        If it is no FIT file, its checksum is wrong (before any message) or a record is malformed.
    CutError
        If it ends too early.
    """
    at = 0
    while at < len(data):
        start, end = _frame(data, at)
        yield from _records(data, start, min(end, len(data)), whole=end + 2 <= len(data))
        at = end + 2


def _frame(data: bytes, at: int) -> tuple[int, int]:
    """Return where the records of a file begin and end."""
    head = data[at : at + 14]
    if len(head) < 12 or head[0] not in {12, 14} or head[8:12] != b".FIT":
        raise SourceError(f"byte {at + 1}: not the header of a FIT file; copy it again")
    start = at + head[0]
    end = start + int(struct.unpack_from("<I", head, 4)[0])
    if end + 2 <= len(data):
        said = int(struct.unpack_from("<H", data, end)[0])
        if said != checksum(data[at:end]):
            raise SourceError(
                "the checksum of the FIT file is wrong, so none of it can be trusted; nothing of "
                "it was read; copy it again"
            )
    return start, end


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC: Final = _table()


def checksum(data: bytes) -> int:
    """Return the CRC-16 that FIT uses (polynomial 0x8005, reflected)."""
    value, table = 0, _CRC
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value


def _records(data: bytes, at: int, end: int, *, whole: bool) -> Iterator[Message]:
    known: dict[int, _Definition] = {}
    last: int | None = None
    try:
        while at < end:
            header = data[at]
            at += 1
            if not header & 0x80 and header & 0x40:
                known[header & 0x0F], at = _definition(data, at, end, developer=header & 0x20 > 0)
                continue
            local = header >> 5 & 0x03 if header & 0x80 else header & 0x0F
            definition = _definition_of(known, local, at)
            fields = _fields(data[:end] if at + definition.size > end else data, at, definition)
            at += definition.size
            if header & 0x80 and last is not None:
                last += (header & 0x1F) - (last & 0x1F) & 0x1F
            stamp = fields.get(TIMESTAMP)
            last = stamp if isinstance(stamp, int) else last
            yield Message(definition.number, fields, instant(last))
    except (IndexError, struct.error) as problem:
        raise CutError("the FIT file ends early; what came before was kept; copy it again") from (
            problem
        )
    if not whole:
        raise CutError("the FIT file ends early; what came before was kept; copy it again")


def instant(stamp: int | None) -> int | None:
    """Return a time of FIT [s since 1970]; None where it is not known.

    One below `CLOCK_SET` counts from when the device was switched on: its clock was not set.
    """
    return None if stamp is None or stamp < CLOCK_SET else stamp + EPOCH_S


def _definition_of(known: Mapping[int, _Definition], local: int, at: int) -> _Definition:
    definition = known.get(local)
    if definition is None:
        raise SourceError(f"byte {at}: a FIT message without its definition")
    return definition


def _definition(data: bytes, at: int, end: int, *, developer: bool) -> tuple[_Definition, int]:
    order = ">" if data[at + 1] else "<"
    number = int(struct.unpack_from(order + "H", data, at + 2)[0])
    count, at = data[at + 4], at + 5
    fields, size = [], 0
    for _ in range(count):
        which, width, kind = data[at], data[at + 1], data[at + 2]
        packing, unit, unknown = _TYPES.get(kind, ("", 1, None))
        many = width // unit if packing and width % unit == 0 else 0
        if many:
            fields.append((which, size, many, struct.Struct(f"{order}{many}{packing}"), unknown))
        size += width
        at += 3
    if developer:
        extra, at = data[at], at + 1
        for _ in range(extra):
            size += data[at + 1]
            at += 3
    if at > end:
        raise IndexError
    return _Definition(number, size, tuple(fields)), at


def _fields(data: bytes, at: int, definition: _Definition) -> dict[int, Value]:
    """Return the fields that are known: one number, or the numbers of an array."""
    found: dict[int, Value] = {}
    for which, offset, many, packing, unknown in definition.fields:
        values = packing.unpack_from(data, at + offset)
        known = tuple(v for v in values if v != unknown and not math.isnan(v))
        if many > 1:
            found[which] = known
        elif known:
            found[which] = known[0]
    return found
