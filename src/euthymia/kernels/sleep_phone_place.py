"""Whether a silent phone lay at home: people sleep there, and put their phone away elsewhere too.

A phone in a locker at work is as silent as one beside a bed. Where its location is known, the two
can be told apart: most sleep is slept where the person is most of the time.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import HOUR_US

Times = NDArray[np.int64]
Ints = NDArray[np.int64]

HELD_US: Final = 12 * HOUR_US  # so long the phone is taken to be where it was last located


@compiled("i8(i8[::1], i8[:, ::1], i8)")
def _away_by(located_us: Times, away: Ints, at_us: int) -> int:
    """Return how long the phone was away from home from the first fix to an instant [us]."""
    low, high = 0, located_us.size
    while low < high:
        middle = (low + high) // 2
        if located_us[middle] <= at_us:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return int(away[low - 1, 1] + away[low - 1, 0] * min(at_us - located_us[low - 1], HELD_US))


@compiled("i8(i8[::1], i8[:, ::1], i8, i8)")
def away_between(located_us: Times, away: Ints, start_us: int, end_us: int) -> int:
    """Return how much of a stretch the phone was away from home [us].

    Parameters
    ----------
    located_us : int64 array, shape (n,)
        Instants of fixes, sorted.
    away : int64 array, shape (n, 2)
        Of each fix: 1 if it is away from home, and how long the phone was so from the first fix to
        it, each holding until the next and no longer than `HELD_US`. Without any, it was not away.
    """
    return _away_by(located_us, away, end_us) - _away_by(located_us, away, start_us)
