"""AWARE on iPhones: calls told step by step, other battery codes, activities as a JSON list.

Nothing in a table says that it is an iPhone's, so it is told by its shape, person by person. The
codes are those that RAPIDS documents for AWARE's iOS client.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.contract import Context
from euthymia.sources.phone_people import Owner, owned
from euthymia.sources.shapes import hashed, samples
from euthymia.sources.table import Chunk

SYSTEM: Final = device_id("aware", "").system
INCOMING, OUTGOING, MISSED, ENDED = 1, 2, 3, 4
_CALLS: Final = {
    (1, 2, 4): INCOMING,
    (2, 1, 4): INCOMING,
    (3, 2, 4): OUTGOING,
    (2, 3, 4): OUTGOING,
    (1, 4): MISSED,
    (3, 4): OUTGOING,
}
"""An iPhone writes a row when a call rings (1), is dialled (3), is answered (2) and ends (4)."""
_STEP: Final = "a step of a call (ringing, dialled, answered, ended): the call is kept once"
_NO_END: Final = "a step of a call of which the beginning or the end is not there"
_VOICEMAIL: Final = "a message left on the voicemail (call_type 4): no call"
_FULL_FROM: Final = 90.0  # [%] an Android that is discharging is seen below it too
_UNPLUGGED, _CHARGING, _FULL = 1, 2, 3  # `battery_status` of iPhones
_APPLE: Final = {
    "automotive": 5,
    "cycling": 4,
    "running": 2,
    "walking": 1,
    "stationary": 0,
    "unknown": 3,
}
_AROUND: Final = re.compile(r'[\[\]"\s]')
_UNKNOWN_ACTIVITY: Final = f"activities is none of {', '.join(sorted(_APPLE))}"


def calls(chunk: Chunk, who: Owner, context: Context) -> Iterator[Item]:
    """Yield calls: an Android's one a row, an iPhone's one a call of several rows.

    `trace` is a contact's hash on Androids, but a new one for each call on iPhones: there it says
    nothing of whom was called.
    """
    for name, mask in owned(who, len(chunk.rows)):
        own = chunk.of(mask)
        steps = _steps(own)
        if steps is None:
            yield from _android(own, name, context)
        else:
            yield from _iphone(own, name, *steps)


def _steps(chunk: Chunk) -> tuple[list[list[int]], list[int]] | None:
    """Return the rows of each call of an iPhone, and rows told twice; None for an Android's."""
    kind = chunk.floats("direction").astype(np.int8)
    if "contact" not in chunk.columns or not (kind == ENDED).any():
        return None
    traces = chunk.columns["contact"].to_pylist()
    open_calls: dict[str | None, list[int]] = {}
    found: list[list[int]] = []
    time_us = chunk.times("time")
    seen, twice = set(), []
    for i in np.lexsort((kind, time_us)).tolist():
        step = (int(time_us[i]), int(kind[i]), traces[i])
        if step in seen:
            twice.append(i)
            continue
        seen.add(step)
        call = open_calls.setdefault(traces[i], [])
        call.append(i)
        if kind[i] == ENDED:
            found.append(open_calls.pop(traces[i]))
    whole = sum(tuple(kind[call].tolist()) in _CALLS for call in found)
    found += open_calls.values()
    return (found, twice) if whole * 2 >= len(found) else None


def _android(chunk: Chunk, who: str, context: Context) -> Iterator[Item]:
    kind = chunk.floats("direction")
    voicemail = kind == ENDED
    yield from _refused(chunk.rows[voicemail], _VOICEMAIL)
    good = chunk.of(~voicemail)
    if len(good.rows):
        contact = good.columns.get("contact")
        yield samples(
            *(SYSTEM, "calls", who, good.rows, good.times("time")),
            direction=kind[~voicemail].astype(np.int8),
            duration=good.floats("duration"),
            contact=None if contact is None else hashed(contact, context.hasher),
        )


def _iphone(chunk: Chunk, who: str, steps: list[list[int]], twice: list[int]) -> Iterator[Item]:
    kind, length = chunk.floats("direction").astype(np.int8), chunk.floats("duration")
    first: list[int] = []
    direction: list[int] = []
    duration: list[float] = []
    told: list[int] = [*twice]
    cut: list[int] = []
    for call in steps:
        sequence = tuple(kind[call].tolist())
        if sequence not in _CALLS:
            cut += call
            continue
        first.append(call[0])
        direction.append(_CALLS[sequence])
        # of a call that nobody answered the last row counts the ringing
        duration.append(float(length[call[-1]]) if OUTGOING in sequence else 0.0)
        told += call[1:]
    yield from _refused(chunk.rows[np.array(told, np.int64)], _STEP)
    yield from _refused(chunk.rows[np.array(cut, np.int64)], _NO_END)
    if first:
        place = np.array(first)
        yield samples(
            *(SYSTEM, "calls", who, chunk.rows[place], chunk.times("time")[place]),
            direction=np.array(direction, np.int8),
            duration=np.array(duration),
        )


def _refused(rows: NDArray[np.int64], reason: str) -> Iterator[Reject]:
    rows = np.sort(rows)
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), reason, int(run.size))


def battery_codes(status: pa.Array, level: NDArray[np.float64]) -> pa.Array:
    """Return `battery_status` of one person in Android's codes.

    An iPhone's (first client) are 1 unplugged, 2 charging, 3 full: it is told by saying 1, which an
    Android never says for long, no 4 or 5, and 3 only near 100 %.
    """
    codes = status.to_numpy(zero_copy_only=False).astype(np.float64)
    seen = Counter(codes[np.isfinite(codes)].astype(int).tolist())
    full = level[codes == _FULL]
    apple = (
        seen[_UNPLUGGED] > 0
        and not seen.keys() - {0, _UNPLUGGED, _CHARGING, _FULL}
        and not (full < _FULL_FROM).any()
    )
    if not apple:
        return status
    turned = np.select([codes == _UNPLUGGED, codes == _FULL, codes == 0], [3, 5, 1], codes)
    return pa.array(turned, pa.float64(), from_pandas=True)


def activities(chunk: Chunk, who: Owner, _: Context) -> Iterator[Item]:
    """Yield what the phone took its wearer to do, of one word or of a JSON list of words.

    "stationary" and "automotive" together are a car that stands: it is in a vehicle. No word at
    all is an activity that the phone could not name.
    """
    encoded = chunk.columns["activity"].dictionary_encode()
    known = [_activity(text) for text in encoded.dictionary.to_pylist()]
    nameless = _APPLE["unknown"]
    code = [nameless if i is None else known[i] for i in encoded.indices.to_pylist()]
    good = np.array([c is not None for c in code])
    if good.any():
        owner = who if isinstance(who, str) else who.filter(pa.array(good))
        yield samples(
            *(SYSTEM, "activity_class", owner, chunk.rows[good], chunk.times("time")[good]),
            activity=pa.array([c for c in code if c is not None], pa.int8()),
        )
    yield from _refused(chunk.rows[~good], _UNKNOWN_ACTIVITY)


def _activity(text: str) -> int | None:
    words = set(filter(None, _AROUND.sub("", text).lower().split(",")))
    if not words:
        return _APPLE["unknown"]
    return next((code for word, code in _APPLE.items() if word in words), None)
