"""Numbers out of the bytes of stored blocks: many days of a column, each straight to its place."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Singles = NDArray[np.uint32]
Ints = NDArray[np.int64]

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


_BLOCKS: Final = "Array(u1, 1, 'C', True), i8[::1], i8[::1], i8[::1], u8[::1], u8[::1]"
_SOME: Final = 1024


@compiled(f"void({_BLOCKS}, b1[::1], u8[::1], u8[::1])")
def whole_blocks(
    data: Bytes, at: Ints, rows: Ints, width: Ints, step: Words, base: Words,
    delta: NDArray[np.bool_], first: Words, out: Words,
) -> None:  # fmt: skip
    """Put one column of whole numbers of many blocks into `out`, one after the other.

    Parameters
    ----------
    data : uint8 array
        The bytes of all blocks.
    at, rows, width, step, base : arrays, shape (blocks,)
        Where a block's column begins in `data`, how many values it has (at least one), and how
        they are written: see `join_bytes`.
    delta, first : arrays, shape (blocks,)
        Whether the bytes are those of differences, and the value they start from.
    out : uint64 array, shape (sum of rows,)
    """
    low = 0
    for k in range(at.size):
        high = low + rows[k]
        words = out[low + 1 : high] if delta[k] else out[low:high]
        planes = data[at[k] : at[k] + width[k] * words.size]
        join_bytes(planes, width[k], step[k], base[k], words)
        if delta[k]:
            run_on(first[k], out[low:high])
        low = high


@compiled(f"b1({_BLOCKS}, f8[::1], f8[::1])")
def real_blocks(
    data: Bytes, at: Ints, rows: Ints, width: Ints, step: Words, base: Words,
    power: NDArray[np.float64], out: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Do as `whole_blocks` for numbers over `power`, or (where it is 0) for the bits of floats.

    False if a number to be divided is 2^53 or more.
    """
    low, exact, words = 0, True, out.view(np.uint64)
    part = np.empty(_SOME, np.uint64)
    for k in range(at.size):
        high = low + rows[k]
        planes = data[at[k] : at[k] + width[k] * rows[k]]
        join_bytes(planes, width[k], step[k], base[k], words[low:high])
        if power[k] != 0.0:
            for begin in range(low, high, _SOME):
                end = min(begin + _SOME, high)
                for i in range(end - begin):
                    part[i] = words[begin + i]
                exact &= divide(part[: end - begin], power[k], out[begin:end])
        low = high
    return exact


@compiled(f"b1({_BLOCKS}, f8[::1], f4[::1])")
def single_blocks(
    data: Bytes, at: Ints, rows: Ints, width: Ints, step: Words, base: Words,
    power: NDArray[np.float64], out: NDArray[np.float32],
) -> bool:  # fmt: skip
    """Do as `real_blocks` in single precision."""
    low, exact, bits = 0, True, out.view(np.uint32)
    most = 0
    for k in range(at.size):
        most = max(most, rows[k])
    words = np.empty(most, np.uint64)
    for k in range(at.size):
        high = low + rows[k]
        planes = data[at[k] : at[k] + width[k] * rows[k]]
        if power[k] == 0.0:
            join_singles(planes, bits[low:high])
        else:
            join_bytes(planes, width[k], step[k], base[k], words[: rows[k]])
            exact &= divide_to_single(words[: rows[k]], power[k], out[low:high])
        low = high
    return exact
