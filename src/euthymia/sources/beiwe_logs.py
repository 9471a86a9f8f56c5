"""What the logs of the Beiwe apps say of recording: which sensor was on, off or forbidden.

Everything else in a log (uploads, timers, crashes) says nothing of the person and is not kept.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.contract import Context
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk

SYSTEM: Final = device_id("beiwe", "").system
_NOT_OF_RECORDING: Final = "a line of the log that says nothing of recording"
_STREAMS: Final = (
    ("location", re.compile(r"\b(gps|location)", re.IGNORECASE)),
    ("accelerometer", re.compile(r"\baccel", re.IGNORECASE)),
    ("gyroscope", re.compile(r"\b(gyro|devicemotion)", re.IGNORECASE)),
    ("proximity", re.compile(r"\b(bluetooth|wifi)", re.IGNORECASE)),
    ("calls", re.compile(r"\bcall(s|log| log)?\b", re.IGNORECASE)),
    ("messages", re.compile(r"\b(sms|text messages?)\b", re.IGNORECASE)),
    ("notifications", re.compile(r"\bnotifications\b", re.IGNORECASE)),
    ("phone", re.compile(r"\b(device|phone|app(lication)?|collecting)\b", re.IGNORECASE)),
)
_FORBIDDEN: Final = re.compile(
    r"permission.*\b(denied|revoked|missing|not granted|lost)|\b(denied|revoked|blocked|no)\b"
    r".*(permission|notifications)",
    re.IGNORECASE,
)
_OFF: Final = re.compile(
    r"(\b|_)(off|disabled|stopped|paused|unavailable|terminat\w+)\b|does not exist", re.IGNORECASE
)
_ON: Final = re.compile(r"(\b|_)(on|enabled|started|resumed)\b|^collecting$", re.IGNORECASE)


def _state(text: str) -> tuple[str, int, str | None] | None:
    """Return (stream, on, reason) that a line tells, or None."""
    stream = next((name for name, words in _STREAMS if words.search(text)), None)
    if text == "stop_collecting":
        return "phone", 0, "off"
    if stream is None:
        return None
    if _FORBIDDEN.search(text):
        return stream, 0, "permission"
    if _OFF.search(text):
        return stream, 0, "off" if "disabled" in text.lower() else "paused"
    return (stream, 1, None) if _ON.search(text) else None


def android_log(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
    """Yield the states of recording in an Android log."""
    yield from _states(who, chunk, frozenset())


def apple_log(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
    """Yield the states of recording in an iPhone's log, and the battery's level with each line."""
    level = chunk.floats("level") * 100.0
    told = (level >= 0) & (level <= 100)
    if told.any():
        yield samples(
            *(SYSTEM, "battery", who, chunk.rows[told], chunk.times("time")[told]),
            level=level[told],
        )
    yield from _states(who, chunk, frozenset(chunk.rows[told].tolist()))


def _states(who: str, chunk: Chunk, kept: frozenset[int]) -> Iterator[Item]:
    """Yield states; a line without one is refused unless something else of it is `kept`."""
    encoded = chunk.columns["event"].dictionary_encode()
    known = [_state(text) for text in encoded.dictionary.to_pylist()]
    found = [known[i] for i in encoded.indices.to_pylist()]
    mask = np.array([state is not None for state in found])
    states = [state for state in found if state is not None]
    if states:
        fields: dict[str, Any] = {
            "stream": pa.array([stream for stream, _, _ in states], pa.string()),
            "on": np.array([on for _, on, _ in states], np.int8),
            "reason": pa.array([reason for _, _, reason in states], pa.string()),
        }
        yield samples(
            *(SYSTEM, "recording_state", who, chunk.rows[mask], chunk.times("time")[mask]),
            **fields,
        )
    left = np.array([row for row in chunk.rows[~mask].tolist() if row not in kept], np.int64)
    for run in np.split(left, np.flatnonzero(np.diff(left) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), _NOT_OF_RECORDING, int(run.size))
