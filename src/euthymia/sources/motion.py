"""Units of motion sensors: what phones write, turned into g and degrees a second."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError

STANDARD_GRAVITY: Final = 9.80665  # m/s2
DEGREES: Final = 57.29577951308232  # a radian
E4_PER_G: Final = 64.0  # an Empatica E4 writes acceleration in 1/64 g
AXES: Final = ("x", "y", "z")
BETWEEN_UNITS: Final = 4.0
"""A phone mostly lies still: its median acceleration is about 1 in g, 9.8 in m/s2."""

RARE: Final = 0.001
"""Of one phone so few samples are on the other side: thrown about, or falling."""
FEW: Final = 10  # samples of an hour, which alone do not tell its unit

Floats = NDArray[np.float64]


def in_g(axes: dict[str, Floats], time_us: NDArray[np.int64]) -> dict[str, Floats]:
    """Return acceleration [g] of a person's that is in g (iPhones) or in m/s2 (Androids).

    Where it is now in one and now in the other, they changed phones: then each hour tells its own.
    """
    size = np.sqrt(sum(np.square(axes[name]) for name in AXES))
    middle = float(np.median(size)) if size.size else 0.0
    share = float(np.mean(size > BETWEEN_UNITS)) if size.size else 0.0
    if RARE < share < 1 - RARE:
        middles = _middles(size, time_us // (3600 * SECOND_US), middle)
        divisor = np.where(middles > BETWEEN_UNITS, STANDARD_GRAVITY, 1.0)
        return {name: values / divisor for name, values in axes.items()}
    if not middle > BETWEEN_UNITS:
        return axes
    return {name: values / STANDARD_GRAVITY for name, values in axes.items()}


def _middles(size: Floats, hour: NDArray[np.int64], usual: float) -> Floats:
    """Return for each sample the median size of its hour, of an hour of few the usual one."""
    order = np.lexsort((size, hour))
    _, start, place, count = np.unique(
        hour[order], return_index=True, return_inverse=True, return_counts=True
    )
    middle = np.where(count < FEW, usual, size[order][start + count // 2])
    found = np.empty_like(size)
    found[order] = middle[place]
    return found


def per_g(axes: dict[str, Floats], *units: float) -> float:
    """Return how many of its own units a recording of acceleration has to one g.

    Told by its median size, which gravity sets, where it is not zero on all axes (nothing was
    recorded): `units` are those that it may be in.

    Raises
    ------
    SourceError
        It is in none of them.
    """
    size = np.sqrt(sum(np.square(axes[name]) for name in AXES))
    size = size[size > 0]
    middle = float(np.median(size)) if size.size else 0.0
    near = [unit for unit in units if 0.6 < middle / unit < 1.6]  # units lie farther apart
    if near:
        return near[0]
    if middle <= 0.6 * min(units):
        return min(units)  # a recording of nothing
    known = " or ".join(f"{unit:g}" for unit in units)
    raise SourceError(
        f"its acceleration is in no known unit: at rest it would be about {known}; convert it to g"
    )


def table_in_g(table: pa.Table) -> pa.Table:
    """Return a table of acceleration of one person in g."""
    given = {name: table.column(name).to_numpy().astype(np.float64) for name in AXES}
    axes = in_g(given, table.column("time").cast(pa.int64()).to_numpy())
    for name in AXES:
        place = table.column_names.index(name)
        kind = table.schema.field(place)
        table = table.set_column(place, kind, pa.array(axes[name]).cast(kind.type))
    return table


def in_degrees(axes: dict[str, Floats]) -> dict[str, Floats]:
    """Return rotation [deg/s] of rotation [rad/s]."""
    return {name: values * DEGREES for name, values in axes.items()}
