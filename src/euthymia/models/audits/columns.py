"""What the columns of a table are: numbers, categories, dates, names of people, texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.models.tables import numbers, texts

Kind = Literal["number", "category", "date", "name", "empty"]

_DATES: Final = 0.95  # share of a text column's cells that must read as dates
_LAYOUTS: Final = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d",
    "%d-%b-%Y", "%d %b %Y", "%d%b%Y", "%b %d, %Y", "%d %B %Y",
)  # fmt: skip
_TIMES: Final = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%S.%f")
_MANY: Final = 0.5  # distinct texts a person: above it a text names rows or people
_EPOCH: Final = re.compile(r"time|date|(^|_)ts($|_)|epoch|unix", re.IGNORECASE)
_CODES: Final = frozenset(float(f"{d}" * n) for d in (7, 8, 9) for n in (2, 3, 4, 5)) | {
    98.0, 97.0, 998.0, 997.0, 9998.0, 9997.0,
}  # fmt: skip
_NEGATIVE_CODES: Final = frozenset(-c for c in _CODES) | {-7.0, -8.0, -9.0}
_MEASURED: Final = 5  # values at least, for a column to be a measurement
_AGAIN: Final = 3  # rows with a code at least, and
_AGAIN_SHARE: Final = 0.005  # so large a share
LARGEST_LIST: Final = 12  # levels: a category with more is only offered the common ones


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column, read.

    `values` are numbers (days since 1970 for dates, codes of `levels` for texts), NaN where not
    known. `clock` tells whether a date has a time of day.
    """

    name: str
    kind: Kind
    values: Floats
    levels: tuple[str, ...] = ()
    clock: bool = False

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where a value is known."""
        return ~np.isnan(self.values)

    @property
    def distinct(self) -> int:
        """How many values there are."""
        return int(np.unique(self.values[self.known]).size)

    def words(self) -> NDArray[np.str_]:
        """Return the values as categories, empty where not known."""
        if self.levels:
            names = np.array([*self.levels, ""], np.str_)
            return names[np.where(self.known, self.values, len(self.levels)).astype(np.int64)]
        shown = np.array([f"{v:g}" for v in self.values], np.str_)
        return np.where(self.known, shown, "")


def _layout(sample: Sequence[str]) -> str | None:
    """Return the date layout that reads (nearly) all of some texts, or None."""
    best: tuple[float, str] = (0.0, "")
    for time in _TIMES:
        for day in _LAYOUTS:
            read = sum(_parsed(text, day + time) is not None for text in sample)
            if read > best[0]:
                best = (read, day + time)
    return best[1] if sample and best[0] >= _DATES * len(sample) else None


def _parsed(text: str, layout: str) -> datetime | None:
    try:
        found = datetime.strptime(text, layout).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2200 else None


def _from_text(words: NDArray[np.str_]) -> Floats | None:
    """Return texts as days since 1970 where nearly all are dates, else None."""
    known = np.unique(words[words != ""])
    if known.size == 0 or not re.search(r"\d", str(known[0])):
        return None
    # an unambiguous layout needs to see many: 03/04 may be either
    layout = _layout([str(w) for w in known[:: max(1, known.size // 300)]])
    if layout is None:
        return None
    days = {"": np.nan}
    for word in known:
        at = _parsed(str(word), layout)
        days[str(word)] = np.nan if at is None else at.timestamp() / 86_400
    return np.array([days[str(w)] for w in words], np.float64)


def _epoch(name: str, values: Floats) -> Floats | None:
    """Return seconds or milliseconds since 1970 as days, where a column's name says so."""
    known = values[~np.isnan(values)]
    if not _EPOCH.search(name) or known.size == 0:
        return None
    for scale in (1.0, 1e3, 1e6, 1e9):
        low, high = known.min() / scale, known.max() / scale
        if low > 3e8 and high < 5e9:  # 1979 to 2128
            return values / scale / 86_400
    return None


def _date(name: str, values: Floats) -> Column:
    known = values[~np.isnan(values)]
    return Column(name, "date", values, clock=bool(np.any(known != np.floor(known))))


def code_for_unknown(column: Column) -> float | None:
    """Return the number that stands for "not known" in a column of measurements, or None.

    One of the customary codes, there again and again, and farther from all else than all else is
    from each other; or the only negative number.
    """
    if column.kind != "number":
        return None
    values, count = np.unique(column.values[column.known], return_counts=True)
    if values.size < _MEASURED:
        return None
    least = max(_AGAIN, _AGAIN_SHARE * count.sum())
    for code, others, times in (
        (values[-1], values[:-1], count[-1]),
        (values[0], values[1:], count[0]),
    ):
        gap = float(np.abs(others - code).min())
        far = abs(code) in _CODES and gap > max(float(np.ptp(others)), 1.0)
        alone = code in _NEGATIVE_CODES and others.min() >= 0
        if times >= least and (far or alone):
            return float(code)
    return None


def read_column(table: pa.Table, name: str, people: int, where: str) -> Column:
    """Return a column with its kind."""
    kind = table.schema.field(name).type
    if table[name].null_count == table.num_rows:
        return Column(name, "empty", np.full(table.num_rows, np.nan))
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        return _date(name, numbers(_naive(table, name), name, where=where))
    if pa.types.is_time(kind):
        ticks = pc.cast(pc.cast(table[name], pa.time64("us")), pa.int64())
        hours = pc.fill_null(pc.cast(ticks, pa.float64()), np.nan).to_numpy() / 3_600e6
        return Column(name, "number", np.asarray(hours, np.float64))
    if pa.types.is_string(kind):
        return _text(name, texts(table, name, where=where), people)
    values = numbers(table, name, where=where)
    days = _epoch(name, values)
    return _date(name, days) if days is not None else Column(name, "number", values)


def _naive(table: pa.Table, name: str) -> pa.Table:
    """Return the table with a column of aware times as UTC ones."""
    kind = table.schema.field(name).type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        place = table.column_names.index(name)
        return table.set_column(place, name, table[name].cast(pa.timestamp("us")))
    return table


def _text(name: str, words: NDArray[np.str_], people: int) -> Column:
    words = np.char.strip(words)
    numeric = _as_numbers(words)
    if numeric is not None:
        return Column(name, "number", numeric)
    days = _from_text(words)
    if days is not None:
        return _date(name, days)
    levels = np.unique(words[words != ""])
    code = np.searchsorted(levels, words).astype(np.float64)
    kind: Kind = "name" if levels.size > max(LARGEST_LIST, _MANY * people) else "category"
    return Column(name, kind, np.where(words == "", np.nan, code), tuple(map(str, levels)))


def _as_numbers(words: NDArray[np.str_]) -> Floats | None:
    known = words != ""
    try:
        read = words[known].astype(np.float64)
    except ValueError:
        return None
    if not np.isfinite(read).all():
        return None
    out = np.full(words.size, np.nan)
    out[known] = read
    return out


def design(columns: Sequence[Column], people: int) -> tuple[Floats, tuple[str, ...]]:
    """Return columns as numbers for a model: categories as one column a common level.

    Dates and names do not enter: they are about how the data came, and are asked about apart.
    """
    parts: list[Any] = []
    names: list[str] = []
    least = max(2, min(10, people // 50))
    for column in columns:
        if column.kind in {"name", "empty", "date"}:
            continue
        if column.kind != "category":
            parts.append(column.values)
            names.append(column.name)
            continue
        for code in common_levels(column, least)[:LARGEST_LIST]:
            parts.append((column.values == code).astype(np.float64))
            names.append(f"{column.name} = {column.levels[code]}")
    rows = columns[0].values.size if columns else 0
    return (np.column_stack(parts) if parts else np.zeros((rows, 0))), tuple(names)


def common_levels(column: Column, least: int) -> Ints:
    """Return the codes of a category's levels with at least `least` rows, commonest first."""
    count = np.bincount(column.values[column.known].astype(np.int64), minlength=len(column.levels))
    order = np.argsort(-count, kind="stable")
    return order[count[order] >= least].astype(np.int64)
