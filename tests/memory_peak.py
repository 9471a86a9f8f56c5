"""How much memory a piece of work takes.

Not `ru_maxrss`: a process begins with that of the one that started it, and what was held once hides
all that comes after.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")
_NOW: Final = re.compile(r"VmRSS:\s+(\d+) kB")


def _mib(pattern: re.Pattern[str]) -> float:
    found = pattern.search(Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) / 1024


def grown_by(work: Callable[[], T]) -> tuple[T, float]:
    """Return what the work returns, and by how much this process grew meanwhile, at most [MiB]."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is forgotten
    before = _mib(_NOW)
    done = work()
    return done, _mib(_PEAK) - before
