"""Observations of the clinical record as a stream: what families of answers and scores look at."""

from collections.abc import Collection
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.schemas import OBSERVED

_YES: Final = pa.array(["yes", "true", "y", "la33-6"])
_NO: Final = pa.array(["no", "false", "n", "la32-8"])


def observed(table: pa.Table, codes: Collection[str] | None = None) -> pa.Table:
    """Return observations with a time and a number in `OBSERVED.schema`, in order, each once.

    Parameters
    ----------
    table : pa.Table
        The columns of `schemas.OBSERVATIONS`, and others. An answer in words counts where its
        first word is yes (1) or no (0). What has a protected label is left out.
    codes : collection of str, optional
        Those to keep; all, where it is not given.
    """
    keep = pc.and_(pc.is_valid(table["time"]), pc.is_null(table["sensitivity"]))
    if codes is not None:
        keep = pc.and_(
            keep, pc.is_in(table["code"], value_set=pa.array(sorted(codes), pa.string()))
        )
    table = table.filter(keep)
    word = pc.extract_regex(pc.utf8_lower(table["text_value"]), r"^\s*(?P<word>[a-z0-9-]+)")
    first = pc.struct_field(word, "word")
    said = pc.if_else(pc.is_in(first, value_set=_YES), 1.0, None)
    said = pc.if_else(pc.is_in(first, value_set=_NO), 0.0, said)
    value = pc.coalesce(table["numeric_value"], said)
    columns = [table["time"], table["code"].cast(pa.string()), value.cast(pa.float64())]
    names = OBSERVED.schema.names
    known = pa.table(columns, names).filter(pc.is_valid(value))
    single = known.group_by(names, use_threads=False).aggregate([]).select(names)
    return single.sort_by([(name, "ascending") for name in names]).cast(OBSERVED.schema)
