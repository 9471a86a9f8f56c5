"""One table of features, a row a person, date and segment: from recordings, without a clinic."""

import warnings
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.features.catalogue import families as installed
from euthymia.features.contract import Columns, Family
from euthymia.features.likely_units import doubts
from euthymia.features.recordings import Recordings, as_arrow, from_frames, read, stream_of
from euthymia.features.rows import as_columns, carried, local_days, of_family, within_range
from euthymia.features.segments import NO_EVENTS, Segment, measured, segment
from euthymia.ground.clock import Timeline
from euthymia.ground.errors import SchemaError

Ints = NDArray[np.int64]

KEYS: Final = pa.schema(
    [
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("segment", pa.string(), nullable=False),
    ]
)


def chosen(names: Sequence[str] | None) -> list[Family]:
    """Return families by name, all where none is named.

    Raises
    ------
    SchemaError
        For a name that is no family's.
    """
    known = installed()
    unknown = [name for name in names or () if name not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise SchemaError(
            f"there are no families {', '.join(map(repr, unknown))}{meant}; "
            f"there are {', '.join(known)}"
        )
    return [known[name] for name in (known if names is None else dict.fromkeys(names))]


def streams_of(families: Sequence[Family], segments: Sequence[Segment]) -> list[str]:
    """Return the streams that families look at, and those whose events bound segments."""
    return sorted({s for f in families for s in f.streams} | {s.events for s in segments} - {""})


def codes_of(families: Sequence[Family]) -> frozenset[str]:
    """Return the codes of observations that families look at."""
    return frozenset(code for family in families for code in family.codes)


@lru_cache(maxsize=8)
def table_schema(families: tuple[Family, ...]) -> pa.Schema:
    """Return the columns: the keys, and of each family `<family>_coverage`, `<family>_<feature>`.

    The metadata of a field say its unit, title, definition and paper; those of the schema each
    family's version.
    """
    fields = list(KEYS)
    for family in families:
        about = {"title": f"{family.title}: coverage", "unit": "1", "definition": family.coverage}
        fields.append(pa.field(f"{family.name}_coverage", pa.float64(), metadata=about))
        for f in family.features:
            about = {"title": f.title, "unit": f.unit, "definition": f.definition, "paper": f.paper}
            fields.append(pa.field(f"{family.name}_{f.name}", pa.float64(), metadata=about))
    return pa.schema(fields, metadata={f.name: f.version for f in families})


def table_of(
    subject: str,
    streams: Mapping[str, pa.Table],
    timeline: Timeline,
    families: Sequence[Family],
    segments: Sequence[Segment],
) -> pa.Table:
    """Return one person's rows: those dates on which a stream of the families has a sample."""
    columns = {name: as_columns(table) for name, table in streams.items()}
    held = [(f, of_family(f, columns)) for f in families]
    seen = [
        (f, local_days(f, own, timeline))
        for f, own in held
        if any(s in own for s in f.needs or f.streams)
    ]
    days = np.unique(np.concatenate([np.zeros(0, np.int64), *(own for _, own in seen)]))
    if days.size:  # what is carried on is so as far as this table reaches
        days = np.unique(np.concatenate([carried(f, own, int(days[-1])) for f, own in seen]))
    parts = [_segment_rows(subject, columns, timeline, families, what, days) for what in segments]
    whole = pa.concat_tables(parts) if parts else table_schema(tuple(families)).empty_table()
    return whole.sort_by([("date", "ascending")])


def _segment_rows(
    subject: str,
    columns: Mapping[str, Columns],
    timeline: Timeline,
    families: Sequence[Family],
    what: Segment,
    days: Ints,
) -> pa.Table:
    values: list[pa.Array] = []
    seen = np.zeros(days.size, bool)
    for family in families:
        coverage, found = _family_columns(family, columns, timeline, what, days)
        seen |= coverage > 0
        values.append(pa.array(coverage))
        values += [pa.array(v, pa.float64(), from_pandas=True) for v in found]
    keys = [
        pa.array([subject] * days.size, pa.string()),
        pa.array(days.astype(np.int32)).cast(pa.date32()),
        pa.array([what.name] * days.size, pa.string()),
    ]
    rows = pa.Table.from_arrays([*keys, *values], schema=table_schema(tuple(families)))
    return rows.filter(pa.array(seen))


def _family_columns(
    family: Family,
    columns: Mapping[str, Columns],
    timeline: Timeline,
    what: Segment,
    days: Ints,
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    held = of_family(family, columns)
    says = any(name in held for name in family.needs or family.streams)
    events = columns[what.events]["time"].astype(np.int64) if what.events in columns else NO_EVENTS
    found = measured(family, held, timeline, what, days, events) if says and days.size else None
    if found is None:
        return np.zeros(days.size), [np.full(days.size, np.nan)] * len(family.features)
    coverage = np.clip(found.coverage, 0.0, 1.0)
    if what.name == "day":
        seen = local_days(family, held, timeline, int(days.max()))
        coverage = np.where(np.isin(days, seen), coverage, 0.0)
    kept = within_range(family, found)
    return coverage, [np.where(coverage > 0, kept[f.name], np.nan) for f in family.features]


def features_of(
    recordings: Recordings, families: Sequence[Family], segments: Sequence[Segment]
) -> pa.Table:
    """Return the rows of all people, in order of their names."""
    parts = [
        table_of(name, streams, recordings.zones[name], families, segments)
        for name, streams in sorted(recordings.people.items())
    ]
    return pa.concat_tables(parts) if parts else table_schema(tuple(families)).empty_table()


def compute(
    data: Any,  # noqa: ANN401  (a folder or several, recordings, a data frame, or one a stream)
    families: str | Sequence[str] | None = None,
    *,
    tz: str = "UTC",
    segments: str | Sequence[str] = ("day",),
) -> Any:  # noqa: ANN401  (as what came in)
    """Compute features from a folder of any known format, or from data frames.

    Parameters
    ----------
    data : path or several, Recordings, data frame, or {stream: data frame}
        Polars, pandas or Arrow. A frame alone is taken for the stream whose columns it has, of
        several for the one that the `families` named look at.
    families : str or sequence of str, optional
        Such as ``["mobility", "hrv"]``; all that are installed where it is not given.
    tz : str
        IANA time zone of people whose data does not say theirs.
    segments : str or sequence of str
        What a row describes: ``day``, ``night``, ``morning``, ``last_7_days``, ``22:00-06:00``,
        ``60_min_before_event_marks``.

    Returns
    -------
    frame
        Of the kind that came in (Arrow for a folder): one row a person, date and segment; columns
        `<family>_<feature>`, null where not known, and `<family>_coverage`.

    Raises
    ------
    SchemaError, MissingError
        For a family, a segment or a column that does not exist, and for a missing folder.

    Warns
    -----
    UserWarning
        If rows were refused: `read(...).refused` lists them. If values look like those of another
        unit (`likely_units.py`).

    Examples
    --------
    >>> from euthymia import features
    >>> features.compute("study/beiwe", ["mobility"], tz="Europe/Oslo")  # doctest: +SKIP
    """
    wanted = chosen([families] if isinstance(families, str) else families)
    pieces = [segment(name) for name in ([segments] if isinstance(segments, str) else segments)]
    streams = streams_of(wanted, pieces)
    named = () if families is None else streams
    recordings, like = _recordings(data, streams, codes_of(wanted), tz, named)
    if recordings.refused:
        rows = sum(line.rows for line in recordings.refused)
        warnings.warn(
            f"{rows} of {recordings.rows_in} rows were refused, first: "
            f"{recordings.refused[0].reason}; `features.read` lists all",
            UserWarning,
            stacklevel=2,
        )
    for words in doubts(recordings.people):
        warnings.warn(words, UserWarning, stacklevel=2)
    return _like(features_of(recordings, wanted, pieces), like)


def _recordings(
    data: Any,  # noqa: ANN401
    streams: Sequence[str],
    codes: frozenset[str],
    tz: str,
    named: Sequence[str],
) -> tuple[Recordings, Any]:
    if isinstance(data, Recordings):
        return data, None
    paths = [data] if isinstance(data, str | Path) else data
    if isinstance(paths, list | tuple) and all(isinstance(path, str | Path) for path in paths):
        return read(paths, tz=tz, streams=streams, codes=codes), None
    if isinstance(data, Mapping):
        return from_frames(data, tz=tz), next(iter(data.values()), None)
    return from_frames({stream_of(as_arrow(data), named): data}, tz=tz), data


def _like(table: pa.Table, frame: Any) -> Any:  # noqa: ANN401
    """Return a table as the kind of data frame that another one is."""
    import narwhals as nw

    if frame is None or isinstance(frame, pa.Table):
        return table
    backend = nw.get_native_namespace(frame).__name__
    return nw.from_native(table).lazy().collect(backend).to_native()
