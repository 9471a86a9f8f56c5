"""How predictable a series of beats is: sample, approximate and fuzzy entropy of one window."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.hrv_time import mean_and_squares, ranking, sort
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Words = NDArray[np.uint64]

NAMES: Final = ("sample_entropy", "approximate_entropy", "fuzzy_entropy")
"""What `entropies` writes, in its order."""

TOLERANCE: Final = 0.2  # of the standard deviation, n - 1
SHORTEST: Final = 16  # intervals
LONGEST: Final = 4000  # intervals: beyond, exponentials of the largest distances overflow

_ONE, _TWO, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
_LAST = np.uint64(56)
_PAIRS = np.uint64(0x5555555555555555)
_FOURS = np.uint64(0x3333333333333333)
_BYTES = np.uint64(0x0F0F0F0F0F0F0F0F)
_ADDED = np.uint64(0x0101010101010101)


@compiled("i8(u8)")
def _ones(word: np.uint64) -> int:
    """Return how many bits of a word are set."""
    word = word - ((word >> _ONE) & _PAIRS)
    word = (word & _FOURS) + ((word >> _TWO) & _FOURS)
    word = (word + (word >> _FOUR)) & _BYTES
    return np.int64((word * _ADDED) >> _LAST)  # type: ignore[return-value]


@compiled("u8[:, ::1](f8[::1], f8)")
def _near(x: Array, tolerance: float) -> Words:
    """Return, for each value, a bit for each that is at most the tolerance away; a word to spare.

    Over the sorted values the near ones are a stretch, whose ends only go on.
    """
    n, order = x.size, ranking(x)
    rows = np.empty((n, n // 64 + 2), np.uint64)
    now = np.zeros(n // 64 + 2, np.uint64)
    low, high = 0, 0
    for i in order:
        while high < n and abs(x[i] - x[order[high]]) <= tolerance:
            now[order[high] // 64] |= _ONE << np.uint64(order[high] % 64)
            high += 1
        while abs(x[i] - x[order[low]]) > tolerance:
            now[order[low] // 64] ^= _ONE << np.uint64(order[low] % 64)
            low += 1
        for k in range(now.size):
            rows[i, k] = now[k]
    return rows


@compiled("void(f8[::1], f8, f8[::1])")
def _alike(x: Array, tolerance: float, out: Array) -> None:
    """Set out[0], out[1] to sample and approximate entropy, templates of 2 and 3 beats.

    A template is like another where each of its beats is near: 64 are compared at once.
    """
    n, rows = x.size, _near(x, tolerance)
    a, b, last, phi2, phi3 = 0, 0, 0, 0.0, 0.0
    for i in range(n - 1):
        of_two, of_three = 0, 0
        for k in range(rows.shape[1] - 1):
            word = rows[i + 1, k] >> _ONE | rows[i + 1, k + 1] << np.uint64(63)
            two = rows[i, k] & word
            of_two += _ones(two)
            if i < n - 2:
                word = rows[i + 2, k] >> _TWO | rows[i + 2, k + 1] << np.uint64(62)
                of_three += _ones(two & word)
        b, last = b + of_two - 1, of_two - 1
        phi2 += math.log(of_two / (n - 1))
        if i < n - 2:
            a += of_three - 1
            phi3 += math.log(of_three / (n - 2))
    b -= 2 * last  # the last template of two has no third beat
    out[0] = -math.log(a / b) if a > 0 and b > 0 else np.nan
    out[1] = phi2 / (n - 1) - phi3 / (n - 2)


@compiled("f8(f8[::1], f8)")
def _fuzzy_two(x: Array, tolerance: float) -> float:
    """Return the sum over pairs of exp(-distance / tolerance), templates of 2 about their mean.

    Such a template is one number, half the step: sorted, all pairs are summed in one pass.
    """
    m = x.size - 2
    half = np.empty(m)
    for i in range(m):
        half[i] = (x[i + 1] - x[i]) / 2
    sort(half)
    total, running = 0.0, 0.0
    for i in range(1, m):
        running = (running + 1) * math.exp((half[i - 1] - half[i]) / tolerance)
        total += running
    return total


@compiled("f8(f8[::1], f8)")
def _fuzzy_three(x: Array, tolerance: float) -> float:
    """Return the same of templates of 3, every step of it on many pairs at a time.

    A template about its mean is two numbers, the third minus their sum. The exponential of the
    largest distance is the least of those of each; that of a difference is a product of
    exponentials, worked out once a template.
    """
    m = x.size - 2
    up, down, sums = np.empty((3, m)), np.empty((3, m)), np.zeros(m)
    for i in range(m):
        mean = (x[i] + x[i + 1] + x[i + 2]) / 3
        for k in range(2):
            up[k, i] = math.exp((x[i + k] - mean) / tolerance)
            down[k, i] = 1.0 / up[k, i]
        up[2, i], down[2, i] = up[0, i] * up[1, i], down[0, i] * down[1, i]
    for i in range(m - 1):
        up_a, up_b, up_c = up[0, i], up[1, i], up[2, i]
        down_a, down_b, down_c = down[0, i], down[1, i], down[2, i]
        of_a, of_b, of_c = up[0, i + 1 :], up[1, i + 1 :], up[2, i + 1 :]
        to_a, to_b, to_c = down[0, i + 1 :], down[1, i + 1 :], down[2, i + 1 :]
        rest = sums[i + 1 :]
        for j in range(rest.size):
            a = min(up_a * to_a[j], down_a * of_a[j])
            b = min(up_b * to_b[j], down_b * of_b[j])
            c = min(up_c * to_c[j], down_c * of_c[j])
            rest[j] += min(a, min(b, c))  # noqa: PLW3301  (of three at once is slow to compile)
    total = 0.0
    for i in range(m):
        total += sums[i]
    return total


@compiled("void(f8[::1], f8[::1])")
def entropies(x: Array, out: Array) -> None:
    """Measure how predictable a chain of beats is, into `out` as `NAMES` say.

    Templates of two beats, compared with three; tolerance 0.2 standard deviations; largest
    difference as distance. Sample entropy leaves self-matches out; approximate entropy keeps
    them. In fuzzy entropy a template counts about its own mean and likeness is
    exp(-distance / tolerance).

    Parameters
    ----------
    x : array, shape (n,)
        Intervals [ms], an unbroken chain.
    out : array, shape (3,)
        NaN when and only when n < 16 or n > 4,000, the chain does not vary, or no three beats are
        like three others (sample entropy alone).

    References
    ----------
    Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039. Pincus 1991,
    doi:10.1073/pnas.88.6.2297. Chen et al. 2007, doi:10.1109/TNSRE.2007.897025.
    """
    n, sums = x.size, np.empty(3)
    for i in range(out.size):
        out[i] = np.nan
    if n < SHORTEST or n > LONGEST:
        return
    mean_and_squares(x, sums)
    tolerance = TOLERANCE * math.sqrt(sums[1] / (n - 1))
    if tolerance <= 1e-9:
        return
    _alike(x, tolerance, out)
    out[2] = math.log(_fuzzy_two(x, tolerance) / _fuzzy_three(x, tolerance))
