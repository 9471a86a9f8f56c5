"""On which days a device was heard of whose samples are used and not kept."""

from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa

from euthymia.features.catalogue import families
from euthymia.ground.made_from import is_from_dropped

QUALITY = "data_quality"
Segments = Mapping[str, Mapping[int, tuple[int, str]]]


def with_passed(
    segments: Segments, features: Mapping[str, pa.Table], feature_only: Collection[str]
) -> Segments:
    """Return a store's segments with the days of feature-only streams, so that nobody is missed.

    Nothing of such a stream is stored, and a phone that is heard of every day must not be said to
    be silent. Its days are read from the features: those with hours of data, and the rows of
    families that use no other stream. They have 0 rows and no digest, and are local days.
    """
    found = {stream: dict(days) for stream, days in segments.items()}
    for stream in feature_only:
        days = set(_hours(features.get(QUALITY), f"{stream}_data_h"))
        for name, family in families().items():
            if family.streams == (stream,):
                days.update(_dropped(features.get(name)))
        if days:
            found[stream] = dict.fromkeys(days, (0, "")) | found.get(stream, {})
    return found


def _hours(table: pa.Table | None, column: str) -> Iterator[int]:
    if table is not None and column in table.column_names:
        days = table["date"].cast(pa.int32()).to_pylist()
        hours = table[column].to_pylist()
        yield from (day for day, held in zip(days, hours, strict=True) if held)


def _dropped(table: pa.Table | None) -> Iterator[int]:
    if table is not None:
        days = table["date"].cast(pa.int32()).to_pylist()
        digests = table["input_digest"].to_pylist()
        yield from (day for day, held in zip(days, digests, strict=True) if is_from_dropped(held))
