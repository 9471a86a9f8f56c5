"""Four numbers side by side: what is done to one is done to all four by one instruction.

Kernels made of these are declared with ``lanes=True``. Places in arrays are without sign, so that
no place is looked at from the end, which would have to be asked of each of the four.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Four = tuple[float, float, float, float]

LANES: Final = 4
FOUR: Final = "UniTuple(f8, 4)"
NOTHING: Final = (0.0, 0.0, 0.0, 0.0)
_1, _2, _3 = np.uint64(1), np.uint64(2), np.uint64(3)


@compiled(f"{FOUR}(f8[::1], u8)", lanes=True)
def four(values: Array, at: int) -> Four:
    """Take four numbers in a row."""
    return values[at], values[at + _1], values[at + _2], values[at + _3]


@compiled(f"void(f8[::1], u8, {FOUR})", lanes=True)
def put(values: Array, at: int, a: Four) -> None:
    """Put four numbers in a row."""
    values[at], values[at + _1], values[at + _2], values[at + _3] = a[0], a[1], a[2], a[3]


@compiled(f"{FOUR}(f8[::1], u8, u8)", lanes=True)
def apart(values: Array, at: int, step: int) -> Four:
    """Take four numbers that lie `step` apart."""
    return values[at], values[at + step], values[at + _2 * step], values[at + _3 * step]


@compiled(f"{FOUR}(f8)", lanes=True)
def four_times(a: float) -> Four:
    """Take a number four times."""
    return a, a, a, a


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def plus(a: Four, b: Four) -> Four:
    """Add."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def minus(a: Four, b: Four) -> Four:
    """Take b away."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def times(a: Four, b: Four) -> Four:
    """Multiply."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@compiled(f"{FOUR}({FOUR}, {FOUR}, {FOUR})", lanes=True)
def times_plus(a: Four, b: Four, c: Four) -> Four:
    """Multiply a by b and add c."""
    return a[0] * b[0] + c[0], a[1] * b[1] + c[1], a[2] * b[2] + c[2], a[3] * b[3] + c[3]


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def lower(a: Four, b: Four) -> Four:
    """Take the smaller one of each, of numbers that are not NaN."""
    return (
        min(a[0], b[0]),
        min(a[1], b[1]),
        min(a[2], b[2]),
        min(a[3], b[3]),
    )


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def higher(a: Four, b: Four) -> Four:
    """Take the larger one of each, of numbers that are not NaN."""
    return (
        max(a[0], b[0]),
        max(a[1], b[1]),
        max(a[2], b[2]),
        max(a[3], b[3]),
    )


@compiled(f"{FOUR}({FOUR}, {FOUR})", lanes=True)
def above(a: Four, floor: Four) -> Four:
    """Take a where it is larger than the floor, else 0; 0 where one is NaN."""
    return (
        a[0] if a[0] > floor[0] else 0.0,
        a[1] if a[1] > floor[1] else 0.0,
        a[2] if a[2] > floor[2] else 0.0,
        a[3] if a[3] > floor[3] else 0.0,
    )


@compiled(f"f8({FOUR})", lanes=True)
def together(a: Four) -> float:
    """Sum the four up."""
    return (a[0] + a[1]) + (a[2] + a[3])
