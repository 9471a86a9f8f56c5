"""The log of a .gt3x file: records of one second; and writing one, for examples and tests."""

import struct
from collections.abc import Iterator
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob
from euthymia.sources.gather import Gather

SEPARATOR: Final = 0x1E
ACTIVITY, ACTIVITY2, PARAMETERS = 0x00, 0x1A, 0x15
_SCALES: Final = {ACTIVITY: 341.0, ACTIVITY2: 256.0}
"""Counts per g where the log does not say it: by the maker's documentation of each record."""
_ACCEL_SCALE: Final = (0, 55)  # the parameter's address space and identifier
_CUT: Final = "the log ends early, within a record; what came before was kept; copy it again"
_OTHER: Final = "a record of battery, settings, counts or diagnosis: not kept"


def _records(blob: Blob) -> Iterator[tuple[int, int, bytes, bool]]:
    """Yield (type, seconds, payload, whether the checksum is right) of each record."""
    chunks, ready = blob.chunks(), b""
    while True:
        at = ready.find(SEPARATOR)
        size = struct.unpack_from("<H", ready, at + 6)[0] if 0 <= at <= len(ready) - 8 else None
        if size is None or len(ready) < at + 9 + size:
            more = next(chunks, None)
            if more is None:
                if ready[max(at, 0) :].strip(b"\0"):
                    raise SourceError(_CUT)
                return
            ready = ready[max(at, 0) :] + more
            continue
        whole = ready[at : at + 9 + size]
        ready = ready[at + 9 + size :]
        right = ~reduce(xor, whole[:-1]) & 0xFF == whole[-1]
        yield whole[1], int(struct.unpack_from("<I", whole, 2)[0]), whole[8:-1], right


def read_log(blob: Blob, gather: Gather) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the second (of a local clock) and the acceleration [g] of each record of activity.

    The array has the shape (samples, 3): x, y, z. Other records are counted in `gather`.
    """
    said: float | None = None
    for number, (kind, second, payload, right) in enumerate(_records(blob), 1):
        if not right:
            gather.refuse("a record's checksum is wrong", f"record {number}")
            continue
        if kind == PARAMETERS:
            said = _scale(payload) or said
        counts = _counts(kind, payload)
        if counts is None or not len(counts):
            gather.leave(_OTHER)
        else:
            yield second, (counts / (said or _SCALES[kind])).astype(np.float32)
    if blob.cut:
        raise SourceError("gzip stream ends early; copy the file again and re-ingest")


def _counts(kind: int, payload: bytes) -> NDArray[np.int16] | None:
    if kind == ACTIVITY2 and len(payload) > 1:
        whole = payload[: len(payload) // 6 * 6]
        return np.frombuffer(whole, "<i2").reshape(-1, 3).astype(np.int16)
    if kind == ACTIVITY and len(payload) > 1:
        return _unpacked(payload)
    return None


def _unpacked(payload: bytes) -> NDArray[np.int16]:
    """Return 12-bit numbers, two in three bytes, in the order y, x, z."""
    raw = np.frombuffer(payload, np.uint8)
    single = np.stack((raw >> 4, raw & 15), 1).ravel().astype(np.int16)
    nibbles = single[: single.size // 9 * 9].reshape(-1, 3, 3)
    value = nibbles[..., 0] << 8 | nibbles[..., 1] << 4 | nibbles[..., 2]
    signed = np.where(value > 2047, value - 4096, value)
    return np.asarray(signed[:, [1, 0, 2]], np.int16)


def _scale(payload: bytes) -> float | None:
    """Return the counts per g that a record of parameters names."""
    for at in range(0, len(payload) - 7, 8):
        space, which = struct.unpack_from("<HH", payload, at)
        if (space, which) == _ACCEL_SCALE:
            mantissa = int.from_bytes(payload[at + 4 : at + 7], "little", signed=True)
            power = int.from_bytes(payload[at + 7 : at + 8], "little", signed=True)
            value = mantissa / 8388608.0 * 2.0**power
            return value if 10 <= value <= 10_000 else None
    return None


def write_log(path: Path, second: int, seconds: NDArray[np.int16]) -> None:
    """Write records of activity, one a second: an array (seconds, samples, 3)."""
    data = b""
    for i, counts in enumerate(seconds):
        payload = counts.astype("<i2").tobytes()
        record = struct.pack("<BBIH", SEPARATOR, ACTIVITY2, second + i, len(payload)) + payload
        data += record + bytes([~reduce(xor, record) & 0xFF])
    path.write_bytes(data)
