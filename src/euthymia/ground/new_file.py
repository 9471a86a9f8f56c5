"""A new file, readable by its owner alone: what people are given is never written over anything."""

import os
from pathlib import Path
from typing import BinaryIO

from euthymia.ground.errors import SchemaError


def new_file(path: Path, what: str) -> BinaryIO:
    """Create a file of mode 0600 and open it for writing.

    Parameters
    ----------
    what : str
        Names what is written, in the plural: the error says so.

    Raises
    ------
    SchemaError
        There is something of that name, a link too, or nothing can be written there.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SchemaError(
            f"there is a file of that name, and {what} are written into a new one: name another"
        ) from None
    except OSError as error:
        raise SchemaError(f"cannot write there: {error.strerror}; name another file") from None
    return os.fdopen(handle, "wb")
