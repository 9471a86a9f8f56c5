"""Whose rows are whose: people named, rows that are there twice, people who are too alike."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from euthymia.evaluation.duplicates import suspected_copies
from euthymia.evaluation.estimate import Floats, Ints
from euthymia.models import tables

PERSON_NAMES: Final = frozenset(
    {"id", "usubjid", "mrn"}
    | {
        f"{word}{end}"
        for word in ("person", "subject", "subj", "patient", "participant", "client", "p")
        for end in ("", "id", "_id", ".id")
    }
    - {"p"}
)
ROW_NAMES: Final = frozenset({"rownames", "rowname", "row", "row_id", "index", "obs"})
GRID: Final = 20.0  # steps a standard deviation
CHANCE: Final = (
    0.01  # of the equal pairs of rows at most may be there by chance, to call them copies
)


def people_of_rows(
    table: pa.Table, named: str | None, taken: Sequence[str | None], where: str
) -> tuple[Ints, bool, list[str]]:
    """Return each row's person, whether a column names them, and notes.

    A column that names people is used unasked; rows of one person are found where none does.

    Parameters
    ----------
    named : str, optional
        The column of people.
    taken : sequence of str
        Columns with another purpose.
    """
    notes = list[str]()
    if named is None:
        for column in table.column_names:
            if column.lower() in PERSON_NAMES and column not in taken:
                words = tables.texts(table, column, where=where)
                if np.unique(words).size < words.size:
                    named = column
                    notes.append(f"column {column} repeats: its rows are taken as one person's")
                    break
    if named is not None:
        words = tables.texts(table, named, where=where)
        blank = np.char.strip(words) == ""
        words = np.where(blank, np.char.add("\0row ", np.arange(words.size).astype(str)), words)
        return _codes(words), True, notes
    copies = _copies(table, where)
    if copies is not None:
        count = copies.size - np.unique(copies).size
        notes.append(f"{count} rows repeat another row in every column: taken as one person's")
        return copies, False, notes
    return np.arange(table.num_rows, dtype=np.int64), False, notes


def apart_at_sites(person: Ints, site: Ints | None, arm: Ints) -> tuple[Ints, list[str]]:
    """Return each row's person, told apart by site where identifiers were given anew at each.

    The arms tell: nobody had two of them at one site, and with all sites put together at least half
    as many did as if people of one identifier had nothing to do with each other.
    """
    if site is None or not _several_arms(person, arm).any():
        return person, []
    here = _codes(person * (site.max() + 1) + site)
    if _several_arms(here, arm).any():
        return person, []
    first = np.unique(here, return_index=True)[1]
    at_sites = np.bincount(person[first])
    share = np.bincount(arm[first]) / first.size
    by_chance = (1 - (share[:, None] ** at_sites[at_sites > 1]).sum(axis=0)).sum()
    if 2 * _several_arms(person, arm).sum() < by_chance:
        return person, []
    note = "the same identifiers stand at several sites with other arms: taken as given anew there"
    return here, [note]


def _several_arms(person: Ints, arm: Ints) -> NDArray[np.bool_]:
    """Tell of each person whether they had several arms; [people]."""
    pairs = np.unique(np.column_stack([person, arm]), axis=0)
    return np.asarray(np.bincount(pairs[:, 0]) > 1)


def _codes(values: np.ndarray) -> Ints:
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def numbers_rows(table: pa.Table, name: str) -> bool:
    """Tell whether a column only names or numbers the rows, by its name or by its steps."""
    if name.lower() in PERSON_NAMES | ROW_NAMES:
        return True
    if not tables.is_number(table, name):
        return False
    steps = np.diff(tables.numbers(table, name))
    return bool(steps.size > 1 and steps[0] != 0 and np.all(steps == steps[0]))


def _tells_apart(table: pa.Table, name: str) -> bool:
    """Tell whether a column may be a name or number of each row: no value is there twice."""
    kind = table.schema.field(name).type
    if numbers_rows(table, name):
        return True
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind)):
        return False
    return bool(np.unique(tables.texts(table, name)).size == table.num_rows)


def _copies(table: pa.Table, where: str) -> Ints | None:
    """Return a number a distinct row, where rows repeat that would not repeat by chance.

    Rows are compared as they are, and with decimal numbers on two grids of a twentieth of their
    standard deviation, so that copies with a little noise are found as well.
    """
    names = [n for n in table.column_names if not _tells_apart(table, n)]
    columns = [(tables.texts(table, n, where=where), _decimals(table, n)) for n in names]
    views = [[words for words, _ in columns]]
    if any(decimals is not None for _, decimals in columns):
        views += [
            [words if d is None else np.floor(d * GRID + shift) for words, d in columns]
            for shift in (0.0, 0.5)
        ]
    repeated = [code for view in views if (code := _repeated(view, table.num_rows)) is not None]
    return _joined(repeated, table.num_rows) if repeated else None


def _decimals(table: pa.Table, name: str) -> Floats | None:
    """Return a column of decimal numbers in standard deviations; None where it is none."""
    if not pa.types.is_floating(table.schema.field(name).type):
        return None
    given = tables.numbers(table, name)
    if np.isnan(given).all():
        return None
    values, spread = np.nan_to_num(given, nan=-1e6), float(np.nanstd(given))
    return None if not spread > 0 or np.all(values == np.floor(values)) else values / spread


def _repeated(columns: Sequence[np.ndarray], rows: int) -> Ints | None:
    """Return a number a distinct row; None where hardly any repeat, or as many as by chance.

    By chance: if columns had nothing to do with each other.
    """
    code, chance = np.zeros(rows, np.int64), 1.0
    for values in columns:
        column = _codes(values)
        chance *= _equal_pairs(column) / (rows * (rows - 1) / 2)
        code = _codes(code * (rows + 1) + column)
    few = np.unique(code).size >= 0.99 * rows
    by_chance = chance * rows * (rows - 1) / 2
    return None if few or by_chance > CHANCE * _equal_pairs(code) else code


def _joined(parts: Sequence[Ints], rows: int) -> Ints:
    """Return a number a group of rows that some part holds together."""
    place, at, size = [], [], rows
    for code in parts:
        place.append(np.arange(rows))
        at.append(code + size)
        size += int(code.max()) + 1
    edges = coo_array(
        (np.ones(rows * len(parts)), (np.concatenate(place), np.concatenate(at))), (size, size)
    )
    return _codes(connected_components(edges, directed=False)[1][:rows])


def _equal_pairs(code: Ints) -> float:
    count = np.bincount(code).astype(np.float64)
    return float((count * (count - 1)).sum() / 2)


def without_copies(person: Ints, x: Floats, y: Floats) -> tuple[Ints, list[str]]:
    """Return each row's person, people whose records are too alike for chance taken as one.

    Parameters
    ----------
    x : shape [n, k]
        Covariates.
    y : shape [n]
        Outcomes, NaN where not known.
    """
    pairs = suspected_copies(np.column_stack([x, y]), person, seed=1)
    if not pairs:
        return person, []
    one = person.copy()
    for pair in pairs:
        keep, drop = sorted((int(one[pair.first_row]), int(one[pair.second_row])))
        one[one == drop] = keep
    fewer = np.unique(person).size - np.unique(one).size
    note = f"{fewer} people are too alike to another one to be somebody else: taken as one person"
    return _codes(one), [note]
