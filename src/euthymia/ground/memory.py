"""Memory that was used once stays with a process that computes."""

import ctypes
import sys
from functools import cache
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_MOST: Final = (1 << 30, 1 << 25)  # bytes; older C libraries refuse the first


@cache
def keep_memory() -> bool:
    """Have the C library keep what is freed, instead of giving it back and asking for it anew.

    The arrays of a person's days are made and freed again and again. Every page that comes anew
    from the system is mapped and cleared first, which took a third to half of the time. The peak
    stays what it was, and stays with the process until its end. Only where the C library is
    glibc; returns whether it was done.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = any(mallopt(_MMAP_THRESHOLD, most) for most in _MOST)
    return kept and bool(mallopt(_TRIM_THRESHOLD, _MOST[0]))
