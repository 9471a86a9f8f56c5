"""Read files as ingestion does, and count what came out."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from euthymia.ground.records import Item, Observations, Reject, Samples
from euthymia.sources.open import Reading, readings


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(*paths: Path, **options: Any) -> list[tuple[Reading, list[Item]]]:
    options.setdefault("hasher", short_hash)
    return [(reading, list(reading.items)) for reading in readings(paths, **options)]


def items_of(*paths: Path, **options: Any) -> list[Item]:
    return [item for _, items in read(*paths, **options) for item in items]


def rows_named(items: Iterable[Item]) -> list[int]:
    """Every row number that the items name, sorted.

    Tables may share a row (a screen event that tells the battery's level too): it counts once.
    """
    tables: list[np.ndarray] = [np.zeros(0, np.int64)]
    others: list[np.ndarray] = [np.zeros(0, np.int64)]
    for item in items:
        if isinstance(item, Observations | Samples):
            tables.append(item.table.column("row").to_numpy())
        else:
            count = item.rows if isinstance(item, Reject) else 1
            others.append(np.arange(item.row, item.row + count))
    return np.sort(np.concatenate([np.unique(np.concatenate(tables)), *others])).tolist()


def assert_accounted(reading: Reading, items: list[Item]) -> None:
    """Every row from 1 to rows_in is named: by tables, or else by exactly one other item."""
    assert rows_named(items) == list(range(1, reading.rows_in + 1))


def rejects(items: Iterable[Item]) -> list[str]:
    return [item.reason for item in items if isinstance(item, Reject)]


def samples_of(items: Iterable[Item], stream: str) -> pa.Table:
    return pa.concat_tables(
        [i.table for i in items if isinstance(i, Samples) and i.stream == stream]
    )


def facts_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    return [row for i in items if isinstance(i, Observations) for row in i.table.to_pylist()]
