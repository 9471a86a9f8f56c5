"""States of minutes as single bits, 64 to a word: runs of them are counted by the word.

Bit i of word w is minute 64 w + i.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Word = np.uint64

FEW: Final = 64  # runs that are counted one by one
_NONE, _ONE, _LAST = np.uint64(0), np.uint64(1), np.uint64(63)
_2, _4, _56 = np.uint64(2), np.uint64(4), np.uint64(56)
_PAIRS, _FOURS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
_EIGHTS, _SUM = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
_GATHER: Final = np.uint64(0x0102040810204080)  # brings the lowest bit of eight bytes together


@compiled("void(u8[::1], u1[::1])")
def pack(eights: Words, bits: Bytes) -> None:
    """Pack states, 0 or 1 a byte and eight of them at a time, into bits."""
    for i in range(eights.size):
        bits[i] = (eights[i] * _GATHER) >> _56


@compiled("i8(u8)")
def ones(word: Word) -> int:
    """Count the ones of a word."""
    twos = word - ((word >> _ONE) & _PAIRS)
    fours = (twos & _FOURS) + ((twos >> _2) & _FOURS)
    return int((((fours + (fours >> _4)) & _EIGHTS) * _SUM) >> _56)


@compiled("i8(u8)")
def lowest(word: Word) -> int:
    """Return which bit is the lowest that is one; 64 where none is."""
    return ones((word & (~word + _ONE)) - _ONE)


@compiled("i8(u8[::1])")
def eroded(words: Words) -> int:
    """Take the last minute off every run; return how many minutes are left."""
    left, last = 0, words.size - 1
    for i in range(last):
        words[i] &= (words[i] >> _ONE) | (words[i + 1] << _LAST)
        left += ones(words[i])
    words[last] &= words[last] >> _ONE
    return left + ones(words[last])


@compiled("UniTuple(i8, 2)(u8[::1], i8, i8[::1])")
def one_by_one(words: Words, more: int, runs: Ints) -> tuple[int, int]:
    """Count each run into `runs`, by its length and `more`; return how many, and the longest."""
    found, longest, start, carried = 0, 0, -1, _NONE
    for i in range(words.size):
        edges = words[i] ^ ((words[i] << _ONE) | carried)
        carried = words[i] >> _LAST
        while edges != _NONE:
            at = 64 * i + lowest(edges)
            edges &= edges - _ONE
            if start < 0:
                start = at
            else:
                length = at - start + more
                runs[length] += 1
                found, longest, start = found + 1, max(longest, length), -1
    return found, longest


@compiled("i8(u8[::1], i8[::1])")
def runs_of_bits(words: Words, runs: Ints) -> int:
    """Count the runs of ones by their length; return the longest.

    Taking a minute off every run takes off as many minutes as there are runs: so the number of
    runs that last t or longer is told for all of them at once, and only the last few are looked
    at one by one.

    Parameters
    ----------
    words : uint64 array
        Used up. The last bit is 0.
    runs : int array of zeros
        Filled: runs[n] last n minutes; runs[0] is how many there are.
    """
    before, t = 0, 0
    for i in range(words.size):
        before += ones(words[i])
    left = eroded(words)
    lasting = runs[0] = before - left
    while lasting > FEW:  # so many last longer than t minutes
        t += 1
        before, left = left, eroded(words)
        runs[t] = lasting - (before - left)
        lasting = before - left
    if lasting == 0:
        return t
    longer, longest = one_by_one(words, t + 1, runs)
    runs[t + 1] = lasting - longer
    return max(longest, t + 1)


@compiled("void(u8[::1], i8, i8)")
def drop_run(words: Words, at: int, step: int) -> None:
    """Take the run that begins at a minute, and goes on in one direction, out."""
    while 0 <= at < 64 * words.size:
        bit = _ONE << np.uint64(at % 64)
        if words[at // 64] & bit == _NONE:
            return
        words[at // 64] ^= bit
        at += step


@compiled("void(u8[:, ::1])")
def drop_cut(words: Words) -> None:
    """Take out the runs (rows 0 and 1) that border on an unknown minute or an end of row 2."""
    known, carried = words[2], _NONE
    for i in range(known.size):
        after = known[i + 1] << _LAST if i + 1 < known.size else _NONE
        first = known[i] & ~((known[i] << _ONE) | carried)
        last = known[i] & ~((known[i] >> _ONE) | after)
        carried = known[i] >> _LAST
        while first != _NONE:
            at = 64 * i + lowest(first)
            first &= first - _ONE
            drop_run(words[0], at, 1)
            drop_run(words[1], at, 1)
        while last != _NONE:
            at = 64 * i + lowest(last)
            last &= last - _ONE
            drop_run(words[0], at, -1)
            drop_run(words[1], at, -1)
