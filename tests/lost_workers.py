"""Work that takes its worker with it: importable by the workers of every executor."""

import os
import signal
from pathlib import Path


def dies_once(item: Path, *, marks: Path) -> str:
    """End its own process the first time it meets the third item."""
    if item.name.endswith("2"):
        try:
            (marks / "died").touch(exist_ok=False)
        except FileExistsError:
            return item.name
        os.kill(os.getpid(), signal.SIGKILL)
    return item.name


def always_dies(_item: Path) -> str:
    """End its own process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return ""
