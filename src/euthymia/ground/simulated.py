"""How a folder says that what lies in it is simulated, for formats that have no room to say so."""

import os
from pathlib import PurePath
from typing import Final

MARK: Final = ".euthymia-simulated"
"""What lies beside or below a file of this name is about nobody."""


def holds_mark(folder: PurePath) -> bool:
    """Tell whether a folder holds the mark; one that cannot be read holds none."""
    return os.path.exists(folder / MARK)  # noqa: PTH110 - `Path.exists` fails where nothing is read


def is_simulated(file: PurePath) -> bool:
    """Tell whether a file lies in a folder that holds the mark, or below one."""
    return any(map(holds_mark, PurePath(os.path.abspath(file)).parents))  # noqa: PTH100 - no links
