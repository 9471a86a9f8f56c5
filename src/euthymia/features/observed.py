"""Observations of the clinical record as a stream: what families of answers and scores look at."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.answers import yes_or_no
from euthymia.ground.schemas import OBSERVED


def observed(table: pa.Table, codes: Collection[str] | None = None) -> pa.Table:
    """Return observations with a time and a number in `OBSERVED.schema`, in order, each once.

    Parameters
    ----------
    table : pa.Table
        The columns of `schemas.OBSERVATIONS`, and others. An answer in words counts where it is
        yes (1) or no (0). What has a protected label is left out.
    codes : collection of str, optional
        Those to keep; all, where it is not given.
    """
    keep = pc.and_(pc.is_valid(table["time"]), pc.is_null(table["sensitivity"]))
    if codes is not None:
        keep = pc.and_(
            keep, pc.is_in(table["code"], value_set=pa.array(sorted(codes), pa.string()))
        )
    table = table.filter(keep)
    value = pc.coalesce(table["numeric_value"], _said(table["text_value"]))
    columns = [table["time"], table["code"].cast(pa.string()), value.cast(pa.float64())]
    names = OBSERVED.schema.names
    known = pa.table(columns, names).filter(pc.is_valid(value))
    single = known.group_by(names, use_threads=False).aggregate([]).select(names)
    return single.sort_by([(name, "ascending") for name in names]).cast(OBSERVED.schema)


def _said(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return answers in words as 1 for yes and 0 for no; null where they are neither."""
    texts = texts.cast(pa.string())
    each = texts.unique()
    found = pa.array([yes_or_no(text) for text in each.to_pylist()], pa.bool_())
    return pc.take(found.cast(pa.float64()), pc.index_in(texts, value_set=each))
