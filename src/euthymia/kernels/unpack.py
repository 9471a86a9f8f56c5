"""Numbers out of the bytes of stored blocks: many days of a column, each straight to its place."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Singles = NDArray[np.uint32]

EXACT: Final = 2**53


@compiled("void(Array(u1, 1, 'C', True), i8, u8, u8, u8[::1])")
def join_bytes(planes: Bytes, width: int, step: int, base: int, out: Words) -> None:
    """Put `base + step * q` into `out`, modulo 2^64.

    Parameters
    ----------
    planes : uint8 array, shape (width * n,)
        The lowest byte of every q, then the next of every q, and so on.
    width : int
        0, 1, 2, 4 or 8.
    step, base : uint64
    out : uint64 array, shape (n,)
    """
    n = out.size
    if width == 8:
        for i in range(n):
            low = np.uint64(planes[i]) | np.uint64(planes[n + i]) << np.uint64(8)
            low |= np.uint64(planes[2 * n + i]) << np.uint64(16)
            low |= np.uint64(planes[3 * n + i]) << np.uint64(24)
            high = np.uint64(planes[4 * n + i]) | np.uint64(planes[5 * n + i]) << np.uint64(8)
            high |= np.uint64(planes[6 * n + i]) << np.uint64(16)
            high |= np.uint64(planes[7 * n + i]) << np.uint64(24)
            out[i] = base + step * (low | high << np.uint64(32))
    elif width == 4:
        for i in range(n):
            low = np.uint64(planes[i]) | np.uint64(planes[n + i]) << np.uint64(8)
            high = np.uint64(planes[2 * n + i]) | np.uint64(planes[3 * n + i]) << np.uint64(8)
            out[i] = base + step * (low | high << np.uint64(16))
    elif width == 2:
        for i in range(n):
            low = np.uint64(planes[i]) | np.uint64(planes[n + i]) << np.uint64(8)
            out[i] = base + step * low
    elif width == 1:
        for i in range(n):
            out[i] = base + step * np.uint64(planes[i])
    else:
        for i in range(n):
            out[i] = base


@compiled("void(u8, u8[::1])")
def run_on(first: int, out: Words) -> None:
    """Turn differences (the place of the first is free) into values from `first` on."""
    value = out[0] = first
    for i in range(1, out.size):
        value += out[i]
        out[i] = value


@compiled("b1(u8[::1], f8, f8[::1])")
def divide(whole: Words, power: float, out: NDArray[np.float64]) -> bool:
    """Put whole numbers (int64 bits) over `power` into `out`; False if one is 2^53 or more."""
    beyond = 0
    for i in range(out.size):
        number = np.int64(whole[i])
        beyond += 1 if number >= EXACT or number <= -EXACT else 0
        out[i] = number / power
    return beyond == 0


@compiled("b1(u8[::1], f8, f4[::1])")
def divide_to_single(whole: Words, power: float, out: NDArray[np.float32]) -> bool:
    """Do as `divide`, rounded to single precision."""
    beyond = 0
    for i in range(out.size):
        number = np.int64(whole[i])
        beyond += 1 if number >= EXACT or number <= -EXACT else 0
        out[i] = np.float32(number / power)
    return beyond == 0


@compiled("void(Array(u1, 1, 'C', True), u4[::1])")
def join_singles(planes: Bytes, out: Singles) -> None:
    """Put four-byte words into `out`, whose bytes stand in four planes."""
    n = out.size
    for i in range(n):
        low = np.uint32(planes[i]) | np.uint32(planes[n + i]) << np.uint32(8)
        high = np.uint32(planes[2 * n + i]) | np.uint32(planes[3 * n + i]) << np.uint32(8)
        out[i] = low | high << np.uint32(16)


def unpacked(
    planes: Bytes, width: int, step: int, base: int, first: int | None, out: NDArray[Any]
) -> None:
    """Put integers or the bits of floats into `out`, of 8 bytes a value.

    `first` is given where the bytes are those of differences: the value they start from.
    """
    words = out.view(np.uint64)
    if first is None:
        join_bytes(planes, width, step, base, words)
    elif words.size:
        join_bytes(planes, width, step, base, words[1:])
        run_on(first, words)
