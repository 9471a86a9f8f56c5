"""A file of one person's answers or measurements, as daily means."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.care.monitor.series import Series
from euthymia.ground.clock import day_number
from euthymia.ground.errors import SchemaError
from euthymia.models.tables import Frame, numbers, read_frame, require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SECONDS: Final = 1e8  # a number from here on is seconds since 1970, from 1e11 on milliseconds
_MILLISECONDS: Final = 1e11
_SLASHED: Final = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?!\d)")
_NAMED: Final = (
    re.compile(r"(?P<d>\d{1,2})[ .-]*(?P<m>[A-Za-z]{3})[a-z]*[ .,-]*(?P<y>\d{4})(?!\d)"),
    re.compile(r"(?P<m>[A-Za-z]{3})[a-z]*\.? (?P<d>\d{1,2}),? (?P<y>\d{4})(?!\d)"),
)
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_COMPACT: Final = (19_000_101, 21_001_231)  # 20120813 is a date, and no day number
_COMMA: Final = re.compile(r"[+-]?\d+(,\d+)?")
_YEAR_DAYS: Final = 366
MOST_DAYS: Final = 3660


def read_series(
    source: Frame,
    time: str,
    columns: tuple[str, ...],
    worse: tuple[str, ...] = (),
    better: tuple[str, ...] = (),
) -> tuple[Series, bool]:
    """Return a series of daily means, and whether its days are dates (else plain numbers).

    Parameters
    ----------
    source : path or frame
        See `models.tables.read_frame`. Rows may come several a day, at any times, in any order.
    time : str
        A column of dates (2012-08-13, 20120813, 13/08/12, 13 Aug 2012), times, seconds or
        milliseconds since 1970, or day numbers. Times are taken as they are written: the day is
        the writer's own. A day of the year (1 to 366) that begins again counts on.
    columns : tuple of str
        What is watched. Numbers with a decimal comma are read as such.
    worse, better : tuple of str
        Columns of which a rise is worse, or better.

    Raises
    ------
    SchemaError
        A column is missing, named twice or holds no numbers, a time cannot be read (the line is
        named), or the series is too long.
    """
    table = read_frame(source)
    where = source.name if isinstance(source, Path) else "the table"
    require(table, [time, *columns], where=where)
    _clear(time, columns, worse, better)
    day, dated = _days(table[time], time, where)
    table = with_points(table, columns)
    values = np.stack([numbers(table, name, where=where) for name in columns], axis=1)
    first, last = int(day.min()), int(day.max())
    if last - first >= MOST_DAYS:
        raise SchemaError(
            f"{where}: column {time} spans {last - first + 1:,} days, more than {MOST_DAYS:,}: is "
            "it a time?"
        )
    signs = [1 if name in worse else -1 if name in better else 0 for name in columns]
    means = _means(day - first, values, last - first + 1)
    return Series(first, columns, np.array(signs, np.int64), means), dated


def _clear(
    time: str, columns: tuple[str, ...], worse: tuple[str, ...], better: tuple[str, ...]
) -> None:
    """Refuse names that contradict each other."""
    unknown = [name for name in (*worse, *better) if name not in columns]
    if unknown:
        raise SchemaError(f"{', '.join(unknown)}: not among the --columns that are watched")
    if time in columns:
        raise SchemaError(f"{time} is the column of times: it is not watched as well")
    for names, said in ((columns, "--columns"), ((*worse, *better), "--worse and --better")):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SchemaError(f"{', '.join(twice)}: named twice in {said}")


def with_points(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """Return the table with decimal commas as points; 1,234 alone may be a thousand, and stays."""
    for name in columns:
        if not pa.types.is_string(table.schema.field(name).type):
            continue
        said = [cell.strip() for cell in table[name].to_pylist() if cell is not None]
        after = {len(cell.partition(",")[2]) for cell in said}
        if all(_COMMA.fullmatch(cell) for cell in said) and after - {0, 3}:
            points = pa.array([c and c.replace(",", ".") for c in table[name].to_pylist()])
            table = table.set_column(table.column_names.index(name), name, points)
    return table


def _means(place: Ints, values: Floats, days: int) -> Floats:
    out = np.full((days, values.shape[1]), np.nan)
    for j in range(values.shape[1]):
        known = np.isfinite(values[:, j])
        n = np.bincount(place[known], minlength=days)
        total = np.bincount(place[known], values[known, j], minlength=days)
        out[n > 0, j] = total[n > 0] / n[n > 0]
    return out


def day_numbers(column: pa.ChunkedArray, name: str) -> Ints:
    """Return local day numbers of a column of dates, times or numbers; see `read_series`."""
    return _days(column, name, "the table")[0]


def _days(column: pa.ChunkedArray, name: str, where: str) -> tuple[Ints, bool]:
    if column.null_count:
        line = column.is_null().to_pylist().index(True) + 2
        raise SchemaError(f"{where} line {line}: column {name} is empty; each row needs its time")
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = column.cast(pa.timestamp("us")).cast(pa.date32()).cast(pa.int32())
        return np.asarray(days.to_numpy(), np.int64), True
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(column.to_pylist(), name, where), True
    found = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if found.max() >= _MILLISECONDS:
        return (found // 86_400_000).astype(np.int64), True
    if found.max() >= _SECONDS:
        return (found // 86_400).astype(np.int64), True
    if ((found >= _COMPACT[0]) & (found <= _COMPACT[1])).all():
        return _texts([f"{number:.0f}" for number in found], name, where), True
    return _counted_on(np.floor(found).astype(np.int64)), False


def _counted_on(day: Ints) -> Ints:
    """Return day numbers; days of the year that begin again at 1 count on."""
    if day.min() < 0 or day.max() > _YEAR_DAYS:
        return day
    steps = np.diff(day)
    again = np.concatenate([[0], np.cumsum(steps < -_YEAR_DAYS // 2)])
    last = np.array([day[again == k].max() for k in range(int(again[-1]) + 1)])
    whole = np.where(last == _YEAR_DAYS, _YEAR_DAYS, _YEAR_DAYS - 1)
    before = np.concatenate([[0], np.cumsum(whole)[:-1]])
    return np.asarray(day + before[again], np.int64)


def _texts(texts: list[str], name: str, where: str) -> Ints:
    order = _order(texts)
    out = np.empty(len(texts), np.int64)
    for row, said in enumerate(texts):
        found = _iso(said) or _slashed(said, order) or _named(said)
        if found is None:
            raise SchemaError(
                f"{where} line {row + 2}: column {name} is no date; write 2026-03-31, or "
                "2026-03-31T08:15"
            )
        out[row] = day_number(found)
    return out


def _iso(said: str) -> date | None:
    try:
        return datetime.fromisoformat(said.strip()).date()
    except ValueError:
        return None


def _order(texts: list[str]) -> str:
    """Tell which part of 03/04/12 is the day: where no value says so, the first."""
    parts = [m for m in (_SLASHED.match(said.strip()) for said in texts) if m]
    if any(len(m[1]) == 4 for m in parts):
        return "ymd"
    return "mdy" if any(int(m[2]) > 12 for m in parts) else "dmy"


def _named(said: str) -> date | None:
    """Return the date in 13 Aug 2012, 13AUG2012 or August 13, 2012."""
    for form in _NAMED:
        found = form.match(said.strip())
        if found and found["m"].lower() in _MONTHS:
            try:
                month = _MONTHS.index(found["m"].lower()) + 1
                return date(int(found["y"]), month, int(found["d"]))
            except ValueError:
                return None
    return None


def _slashed(said: str, order: str) -> date | None:
    found = _SLASHED.match(said.strip())
    if not found:
        return None
    named = dict(zip(order, (int(part) for part in found.groups()), strict=True))
    year = named["y"] + (2000 if named["y"] < 100 else 0)
    try:
        return date(year, named["m"], named["d"])
    except ValueError:
        return None
