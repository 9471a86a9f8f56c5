"""What each day tells of itself, once for all windows that it lies in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels import fractal
from euthymia.kernels.fractal import ROW, fluctuations_side_by_side
from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import LANES, lay, tens
from euthymia.kernels.rest_activity_resolutions import (
    MADE_OF,
    RESOLUTIONS,
    bins_side_by_side,
    work_of,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_WIDTHS = np.array(RESOLUTIONS, np.int64), np.array(MADE_OF, np.int64)
_SCALES = np.array(fractal.SCALES, np.int64), np.array(fractal.MADE_OF, np.int64)


class Told(NamedTuple):
    """The sum and number of known minutes of each ten, bins, means and fluctuations of each day."""

    total: Array
    seen: Array
    bins: Array
    middle: Array
    fluctuation: Array


@compiled(
    "void(f8[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[:, ::1], f8[:, ::1], f8[:, :, ::1],"
    " f8[::1], f8[:, :, ::1])"
)
def tell(
    level: Array, widths: Ints, made_of: Ints, scales: Ints, scale_made_of: Ints, total: Array,
    seen: Array, bins: Array, middle: Array, fluctuation: Array,
) -> None:  # fmt: skip
    """Go through sixteen days at a time, so that each is fetched once."""
    days, width = level.shape
    tile, work = np.empty(LANES * width), np.empty(work_of(widths, width))
    kept, pivot = np.empty((scales.size, ROW * (width // 10))), np.empty(LANES)
    for first in range(0, days, LANES):
        last = min(first + LANES, days)
        sums, known = tens(level[first:last])
        total[first:last], seen[first:last] = sums, known
        lay(level, first, tile, pivot)
        middle[first:last] = pivot[: last - first]
        bins_side_by_side(tile, widths, made_of, work, bins[first:last])
        fluctuations_side_by_side(tile, scales, scale_made_of, kept, fluctuation[first:last])


def of_days(level: Array) -> Told:
    """Return what `tens`, `bins_of_days` and `fluctuations` say of days of minutes."""
    days, width = level.shape
    told = Told(
        np.empty((days, width // 10)),
        np.empty((days, width // 10)),
        np.empty((days, _WIDTHS[0].size, 4)),
        np.empty(days),
        np.empty((days, _SCALES[0].size, 2)),
    )
    tell(level, *_WIDTHS, *_SCALES, *told)
    return told
