"""Numbers into the bytes of stored blocks: integers above their least, in units of their step."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

EXACT: Final = 2.0**53
DECIMALS: Final = 7
"""Tried at most; a coordinate with 7 decimals is 1 cm on the ground."""
LOOK: Final = 16
"""Rows that a number of decimals must fit before it is tried on all."""
NONE: Final = -1


@compiled("u8(u8, u8)")
def common_divisor(one: Any, other: Any) -> Any:  # noqa: ANN401 - unsigned words
    """Return the greatest common divisor; of 0 and a number, the number."""
    while other:
        one, other = other, one % other
    return one


@compiled("Tuple((i8, u8, i8))(u8[::1], u1[::1])")
def pack(words: Words, out: Bytes) -> tuple[Any, Any, int]:
    """Put integers into `out` as byte planes of their multiples of a step above their least.

    Parameters
    ----------
    words : uint64 array, shape (n,)
        The bits of int64 numbers; n >= 1. Overwritten.
    out : uint8 array, shape (8 n,) or more
        Takes width * n bytes: the lowest byte of every number, then the next of every number...

    Returns
    -------
    (base, step, width)
        number = base + step * q modulo 2^64, q of `width` bytes (0, 1, 2, 4 or 8).
    """
    n = words.size
    base = np.int64(words[0])
    for i in range(1, n):
        base = min(base, np.int64(words[i]))
    largest, step = np.uint64(0), np.uint64(0)
    for i in range(n):
        offset = words[i] - np.uint64(base)
        words[i] = offset
        largest = max(largest, offset)
        if step != 1:
            step = common_divisor(step, offset)
    if largest == 0:
        return base, np.uint64(1), 0
    if step > 1:
        largest //= step
        for i in range(n):
            words[i] //= step
    width = 8
    if largest < 256:
        width = 1
    elif largest < 65_536:
        width = 2
    elif largest < 4_294_967_296:
        width = 4
    for i in range(n):
        word = words[i]
        for plane in range(width):
            out[plane * n + i] = word & np.uint64(255)
            word >>= np.uint64(8)
    return base, step, width


@compiled("void(Array(i8, 1, 'C', True), u8[::1])")
def differences(values: NDArray[np.int64], out: Words) -> None:
    """Put the differences between neighbours, modulo 2^64, into `out` (one fewer)."""
    for i in range(out.size):
        out[i] = np.uint64(values[i + 1]) - np.uint64(values[i])


@compiled("b1(Array(f8, 1, 'C', True), i8, f8, u8[::1])")
def times(values: NDArray[np.float64], n: int, power: float, out: Words) -> bool:
    """Put the first `n` values times `power` into `out` as int64; False where one is not whole.

    Whole means that the integer over `power` is the very same float again: NaN, infinity and -0.0
    never are.
    """
    for i in range(n):
        value = values[i]
        if not abs(value) < EXACT / power:
            return False
        whole = np.int64(np.rint(value * power))
        if whole / power != value or (value == 0 and np.copysign(1.0, value) < 0):
            return False
        out[i] = np.uint64(whole)
    return True


@compiled("b1(Array(f4, 1, 'C', True), i8, f8, u8[::1])")
def times_single(values: NDArray[np.float32], n: int, power: float, out: Words) -> bool:
    """Do as `times`, for single precision."""
    for i in range(n):
        value = np.float64(values[i])
        if not abs(value) < EXACT / power:
            return False
        whole = np.int64(np.rint(value * power))
        same = np.float32(whole / power) == values[i]
        if not same or (value == 0 and np.copysign(1.0, value) < 0):
            return False
        out[i] = np.uint64(whole)
    return True


@compiled("i8(Array(f8, 1, 'C', True), u8[::1])")
def decimals(values: NDArray[np.float64], out: Words) -> int:
    """Put values into `out` as whole numbers of 10^-k; return k, `NONE` where there is none."""
    power = 1.0
    for k in range(DECIMALS + 1):
        if times(values, min(LOOK, values.size), power, out):
            return k if times(values, values.size, power, out) else NONE
        power *= 10.0
    return NONE


@compiled("i8(Array(f4, 1, 'C', True), u8[::1])")
def decimals_single(values: NDArray[np.float32], out: Words) -> int:
    """Do as `decimals`, for single precision."""
    power = 1.0
    for k in range(DECIMALS + 1):
        if times_single(values, min(LOOK, values.size), power, out):
            return k if times_single(values, values.size, power, out) else NONE
        power *= 10.0
    return NONE
