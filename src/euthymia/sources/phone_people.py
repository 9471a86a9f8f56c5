"""Whose a phone's CSV file is: a column says so, else the file's or the folder's name."""

import re
from collections.abc import Collection, Iterator
from pathlib import PurePath
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened
from euthymia.sources.table import Chunk, header_of

Owner: TypeAlias = pa.Array | str
"""The person of all rows, or of each."""

_HOLDERS: Final = frozenset(
    (
        *("raw", "data", "csv", "json", "txt", "text", "export", "exports", "sensors", "phone"),
        *("aware", "mindlamp", "lamp", "surveys", "answers", "questionnaires"),
        *("notes", "note", "notas", "clinical notes", "clinical_notes", "letters"),
    )
)
"""Folders that say what lies in them, never whose it is: of `anna/notes` that is anna."""
_COPY: Final = re.compile(
    r"\s*\(\d{1,3}\)\Z|[\s_-]+20\d\d-?[01]\d-?[0-3]\d\Z|[\s_-]+20\d\d-[01]\d\Z"
)
"""What tells one export of somebody from the next: `sensor_events (1)`, `screen_2024-05`."""
_COUNTED: Final = re.compile(r"[\s_.-]*\d[\d\s_.-]*\Z")
"""A number at the end: of one person's files, or of a person (`phq9_12`)."""
_WHAT: Final = frozenset(
    (
        *("data", "raw", "export", "recording", "record", "session", "visit", "baseline", "day"),
        *("week", "night", "file", "output", "measurements", "epochs", "counts", "watch", "wrist"),
        *("actigraphy", "actigraph", "activity", "actiwatch", "accelerometer", "acceleration"),
        *("steps", "sleep", "heart_rate", "heartrate", "hr", "ecg", "eeg", "eda", "psg", "eog"),
    )
)
"""Names of files that say what was measured, or when, and not of whom."""
WHO: Final = Column("who", ("user", "device", "device_id"), Kind.TEXT)
"""The column that names the person, in order of preference: a person may have two phones."""


def names_people(head: bytes) -> bool:
    """Tell whether the header has a column that says whose each row is."""
    return bool(set(WHO.aliases) & set(header_of(head)))


def owner(chunk: Chunk, opened: Opened, sensors: Collection[str]) -> Owner:
    """Return the person of all rows of a chunk, or of each.

    A file that names nobody belongs to its own name ("anna.csv"), or, where that only says which
    sensor it is ("anna/screen.csv"), to its folder's.
    """
    if opened.context.subject:
        return opened.context.subject
    if WHO.name in chunk.columns:
        return chunk.columns[WHO.name]
    return named_after(opened, sensors)


def named_after(opened: Opened, sensors: Collection[str] = _WHAT) -> str:
    """Return the file's name, or the folder's if the file's is only a sensor's.

    `screen_1` is a sensor's where another folder has a file of that name too, else somebody's.
    """
    path = opened.path
    stem = _COPY.sub("", path.stem.lower())
    if path.stem.lower() in opened.context.recurring:
        stem = stem if stem in sensors else _COUNTED.sub("", stem)
    return (folder_of(path) if stem in sensors else "") or path.stem


def folder_of(path: PurePath) -> str:
    """Return the nearest folder that may be named after a person; "" where there is none."""
    names = [folder.name for folder in path.parents if folder.name]
    return next((name for name in names if name.lower() not in _HOLDERS), "")


def owned(who: Owner, size: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each person and which of the rows are theirs."""
    if isinstance(who, str):
        yield who, np.ones(size, np.bool_)
        return
    encoded = who.dictionary_encode()
    places = encoded.indices.to_numpy(zero_copy_only=False)
    for place, name in enumerate(encoded.dictionary.to_pylist()):
        yield name, places == place
