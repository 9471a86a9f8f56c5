"""CSV tables that a spreadsheet opens: none of their texts can be taken for a formula."""

import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

_FORMULA: Final = "^[ \\n]*[=+@\\t\\r\uff1d\uff0b\uff20-]"  # where a spreadsheet sees one


def write_sheet(path: Path, data: pa.Table) -> None:
    """Write a table, with a ' before whatever a spreadsheet would take for a formula."""
    for place, field in enumerate(data.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(data.column(place), _FORMULA, "'\\0")
            data = data.set_column(place, field, safe)
    csv.write_csv(data, path)


def safe(text: str) -> str:
    """Return a text as `write_sheet` writes it."""
    return re.sub(_FORMULA, "'\\g<0>", text)
