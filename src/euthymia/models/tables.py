"""The one reader of plain tables: CSV and Parquet files, pandas, Polars and Arrow frames.

Whatever comes in goes out as one `pyarrow.Table` of a few plain types (int64, float64, bool,
string, dates and times), null where a value is not known. Errors name the file, the line and the
column, never a value: a cell may hold something about a person.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from euthymia.ground.errors import MissingError, SchemaError, SourceError

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]
Frame = Any
"""pandas, Polars, Arrow or anything else with `__arrow_c_stream__`; or a mapping of columns."""

MAX_BYTES: Final = 1 << 30  # of a CSV once it is unpacked
NOT_KNOWN: Final = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", ".")
_EXACT: Final = 2.0**53  # from here on a decimal number no longer tells one whole one from the next
_SEPARATORS: Final = (",", ";", "\t")
_COMMA: Final = r"^[-+]?[0-9]+(,[0-9]+)?([eE][-+]?[0-9]+)?$"
_NO_THOUSANDS: Final = r"^[-+]?(0[0-9]*,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,}|[0-9]+[eE].*))$"
_THOUSANDS: Final = r"^[-+]?[1-9][0-9]{0,2}\.[0-9]{3}$"
YES: Final = frozenset({"yes", "y", "true", "t", "1", "positive", "present", "case"})
NO: Final = frozenset({"no", "n", "false", "f", "0", "negative", "absent", "control"})


def read_frame(
    source: Path | str | Frame, *, where: str = "", as_text: Iterable[str] = ()
) -> pa.Table:
    """Return a table from a file or a frame.

    Parameters
    ----------
    source : path, frame, or mapping of column name to values
        ``.csv``, ``.tsv``, ``.csv.gz`` (comma, semicolon or tab; UTF-8; a header line; between
        semicolons or tabs 1,5 is one and a half), or ``.parquet``. A frame is anything with the
        Arrow PyCapsule interface.
    where : str, optional
        What errors call it; the file's name by default.
    as_text : iterable of str, optional
        Columns of a CSV that are read as texts (where it has them): 006 and 6 stay two people.

    Raises
    ------
    MissingError
        There is no such file.
    SourceError
        It cannot be read: the line and the rule are named.
    SchemaError
        A column has no name, a name twice, values of several kinds, or values that are no plain
        numbers, texts, truths or times.

    Examples
    --------
    >>> read_frame({"id": ["a", "b"], "score": [3, None]}).schema.names
    ['id', 'score']
    """
    if isinstance(source, str | Path):
        path = Path(source)
        name = where or path.name
        if not path.is_file():
            raise MissingError(f"there is no file {name}; give a .csv, .csv.gz or .parquet file")
        parquet = path.suffix == ".parquet"
        table = _parquet(path, name) if parquet else _csv(path, name, as_text)
    else:
        name = where or "the frame"
        table = _arrow(source, name)
    return _checked(table, name)


def _bytes(path: Path, where: str) -> bytes:
    content = path.read_bytes() if path.suffix != ".gz" else _unpacked(path, where)
    if len(content) > MAX_BYTES:
        raise SourceError(f"{where} is larger than {MAX_BYTES >> 30} GiB: give it as Parquet")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(f"{where}, line {line}: not UTF-8; save the file as UTF-8") from None
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise SourceError(f"{where}, line {line}: holds a zero byte; this is no CSV")
    return content.removeprefix(b"\xef\xbb\xbf")


def _unpacked(path: Path, where: str) -> bytes:
    try:
        with gzip.open(path) as packed:
            return packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{where} is not a whole gzip file: copy it anew") from error


def _csv(path: Path, where: str, as_text: Iterable[str]) -> pa.Table:
    content = _bytes(path, where)
    head = content.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    if not head.strip():
        raise SourceError(f"{where}, line 1: there is no header; name the columns there")
    separator = max(_SEPARATORS, key=head.count)
    broken: list[tuple[int | None, int, int]] = []

    def note(row: pa_csv.InvalidRow) -> str:
        broken.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    try:
        table = pa_csv.read_csv(
            BytesIO(content),
            # one block: types are inferred from all rows, not from the first few
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=pa_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=pa_csv.ConvertOptions(
                null_values=list(NOT_KNOWN),
                strings_can_be_null=True,
                column_types=dict.fromkeys(as_text, pa.string()),
            ),
        )
    except pa.ArrowInvalid as error:  # its text may hold a cell
        raise SourceError(
            f"{where} cannot be read as a table separated by {separator!r}: check its quotes"
        ) from error
    if broken:
        line, has, wanted = broken[0]
        raise SourceError(
            f"{where}, line {line or 'unknown'}: {has} values where the header names {wanted}"
            f" columns{f' (and {len(broken) - 1} more such lines)' if len(broken) > 1 else ''}"
        )
    if separator == ",":
        return table
    made = _with_points(table, frozenset(as_text))
    doubled = len(set(made.column_names)) < made.num_columns  # refused later, by name
    return made if made is table or doubled else _without_thousands(made, content, separator)


def _without_thousands(table: pa.Table, content: bytes, separator: str) -> pa.Table:
    """Return a table with decimal commas in which 1.200 is no number where it may be a thousand.

    A column in which every point could as well stand between thousands becomes texts (1'200).
    """
    asked = [n for n in table.column_names if pa.types.is_floating(table.schema.field(n).type)]
    written = pa_csv.read_csv(
        BytesIO(content),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(content) + 1),
        parse_options=pa_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            null_values=list(NOT_KNOWN),
            strings_can_be_null=True,
            include_columns=asked,
            column_types=dict.fromkeys(asked, pa.string()),
        ),
    )
    for name in asked:
        cells = written[name]
        pointed = pc.filter(cells, pc.fill_null(pc.match_substring(cells, "."), False))
        if len(pointed) and pc.all(pc.match_substring_regex(pointed, _THOUSANDS)).as_py():
            held = pc.replace_substring(cells, ".", "'")  # no number to whoever asks for one
            table = table.set_column(table.column_names.index(name), name, held)
    return table


def _with_points(table: pa.Table, texts_asked: frozenset[str]) -> pa.Table:
    """Return a table whose 1,5 are numbers, as half of Europe writes them.

    A column in which every comma could as well stand between thousands (1,200) stays texts.
    """
    for place, name in enumerate(table.column_names):
        values = table.column(place)
        if name in texts_asked or not pa.types.is_string(values.type):
            continue
        known = pc.drop_null(values)
        whole = pc.all(pc.match_substring_regex(known, _COMMA)).as_py()
        if whole and pc.any(pc.match_substring_regex(known, _NO_THOUSANDS)).as_py():
            points = pc.replace_substring(values, ",", ".")
            table = table.set_column(place, name, points.cast(pa.float64()))
    return table


def _parquet(path: Path, where: str) -> pa.Table:
    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{where} is not a whole Parquet file: write it anew") from error


def _arrow(source: Frame, where: str) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return _mapping(source, where)
    if not hasattr(source, "__arrow_c_stream__"):
        raise SchemaError(
            f"{where} is a {type(source).__name__}: give a pandas, Polars or Arrow frame, a"
            " mapping of columns, or a path"
        )
    try:
        table = pa.table(source)
    except (pa.ArrowException, TypeError) as error:  # its text may hold a cell
        raise SchemaError(
            f"a column of {where} holds values of several kinds: give each column one type"
        ) from error
    # pandas hands over the numbers of the rows that were kept
    kept = [n for n in table.column_names if not n.startswith("__index_level_")]
    return table.select(kept)


def _mapping(source: Mapping[str, Any], where: str) -> pa.Table:
    columns = {}
    for name, values in source.items():
        try:
            columns[str(name)] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SchemaError(
                f"{where}, column {name}: holds values of several kinds; give it one type"
            ) from error
    if len({len(values) for values in columns.values()}) > 1:
        raise SchemaError(f"{where}: the columns are not of one length")
    return pa.table(columns)


def _checked(table: pa.Table, where: str) -> pa.Table:
    names = [name.strip() for name in table.column_names]
    if names and not names[0] and _counts_rows(table.column(0)):
        table, names = table.remove_column(0), names[1:]  # row numbers, as R and pandas write them
    for place, name in enumerate(names, 1):
        if not name:
            raise SchemaError(f"{where}: column {place} has no name in the header")
        if names.index(name) != place - 1:
            raise SchemaError(f"{where}: two columns are called {name}; rename one")
    if table.num_rows == 0:
        raise SchemaError(f"{where} has no rows")
    columns = [_plain(table.column(i), where, name) for i, name in enumerate(names)]
    return pa.table(dict(zip(names, columns, strict=True)))


def _counts_rows(values: pa.ChunkedArray) -> bool:
    return pa.types.is_integer(values.type) and bool(
        values.null_count == 0 and pc.all(pc.equal(pc.pairwise_diff(values.combine_chunks()), 1))
    )


def _plain(values: pa.ChunkedArray, where: str, name: str) -> pa.ChunkedArray:
    """Return a column as one of the plain types, null where a number is not a number."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type), where, name)
    if pa.types.is_integer(kind):
        return values.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64())
        infinite = pc.fill_null(pc.is_inf(numbers), False)
        if pc.any(infinite).as_py():
            row = pc.index(infinite, True).as_py() + 1
            raise SchemaError(f"{where}, column {name}, row {row}: infinite; give a number")
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return values.cast(pa.string())
    if pa.types.is_boolean(kind) or pa.types.is_temporal(kind):
        return values
    if pa.types.is_null(kind):
        return values.cast(pa.float64())
    raise SchemaError(f"{where}, column {name}: of type {kind}; give numbers, texts or times")


def require(table: pa.Table, names: Iterable[str], *, where: str = "the table") -> None:
    """Refuse a table that lacks a column, naming it and the one that may have been meant."""
    known = table.column_names
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.6) or get_close_matches(
                name.lower(), [k.lower() for k in known], 1, 0.6
            )
            meant = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known[:12])}"
            raise SchemaError(f"{where} has no column {name}{meant}")


def is_number(table: pa.Table, name: str) -> bool:
    """Tell whether a column holds numbers (or truths)."""
    kind = table.schema.field(name).type
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def numbers(table: pa.Table, name: str, *, where: str = "the table") -> Floats:
    """Return a column as float64, NaN where it is not known; dates as days since 1970.

    Raises
    ------
    SchemaError
        A cell is no number; its row is named.
    """
    require(table, (name,), where=where)
    values = table[name]
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp("us")).cast(pa.int64())
        return np.asarray(pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy()) / 86_400e6
    if pa.types.is_string(kind):
        values = _parsed(values, name, where)
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int64())
    return np.asarray(pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy(), np.float64)


def _parsed(values: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """Return texts as numbers: a Polars or pandas frame may hold a CSV's numbers as texts."""
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        for row, value in enumerate(values.to_pylist(), 1):
            try:
                float(value if value is not None else "nan")
            except ValueError:
                raise SchemaError(f"{where}, column {name}, row {row}: not a number") from None
        raise


def texts(table: pa.Table, name: str, *, where: str = "the table") -> Texts:
    """Return a column as texts, empty where it is not known; whole numbers without a point."""
    require(table, (name,), where=where)
    values = table[name]
    if pa.types.is_floating(values.type):
        known = pc.drop_null(values)
        whole = pc.and_(pc.equal(known, pc.floor(known)), pc.less(pc.abs(known), _EXACT))
        if pc.all(whole).as_py() is not False:
            values = values.cast(pa.int64())
    if pa.types.is_boolean(values.type):
        return np.array(
            ["" if v is None else "yes" if v else "no" for v in values.to_pylist()], np.str_
        )
    return np.array(pc.fill_null(values.cast(pa.string()), "").to_pylist(), np.str_)


def labels(
    table: pa.Table, name: str, *, positive: str | None = None, where: str = "the table"
) -> Floats:
    """Return an outcome as 0 and 1, NaN where it is not known.

    Parameters
    ----------
    positive : str, optional
        The value that counts as 1. Without it the column must hold 0 and 1, truths, or words that
        say yes and no.

    Raises
    ------
    SchemaError
        It holds other values, or more than two without `positive`.
    """
    words = np.char.strip(texts(table, name, where=where))
    known = words != ""
    if positive is not None:
        if not np.any(words == positive):
            raise SchemaError(f"{where}, column {name}: no row has the value that counts as 1")
        return np.where(known, (words == positive).astype(np.float64), np.nan)
    low = np.char.lower(words)
    yes, no = np.isin(low, list(YES)), np.isin(low, list(NO))
    if not np.all(yes | no | ~known):
        kinds = np.unique(words[known]).size
        row = int(np.flatnonzero(~(yes | no) & known)[0]) + 1
        raise SchemaError(
            f"{where}, column {name}, row {row}: an outcome is 0 or 1 (or yes and no), and this"
            f" column has {kinds} different values; say which counts as 1 (--positive)"
        )
    return np.where(known, yes.astype(np.float64), np.nan)
