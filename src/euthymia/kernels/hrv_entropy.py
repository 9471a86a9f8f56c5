"""How predictable a series of beats is: sample, approximate and fuzzy entropy of one window."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.hrv_time import mean_and_squares, sort
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

NAMES: Final = ("sample_entropy", "approximate_entropy", "fuzzy_entropy")
"""What `entropies` writes, in its order."""

TOLERANCE: Final = 0.2  # of the standard deviation, n - 1
SHORTEST: Final = 16  # intervals
HALVED: Final = 64  # exp(-y) is exp(-y / 64) squared six times: seven terms of its series do
FARTHEST: Final = 40 / HALVED  # exp(-40) is below the last digit of a sum


@compiled("void(f8[::1], f8, f8[::1])")
def _alike(x: Array, tolerance: float, out: Array) -> None:
    """Set out[0], out[1] to sample and approximate entropy, templates of 2 and 3 beats.

    All pairs a lag apart are compared together, so that the processor takes many at once.
    """
    n = x.size
    near, two, three = np.empty(n, np.int8), np.empty(n, np.int8), np.empty(n, np.int8)
    of_two, of_three = np.zeros(n, np.int16), np.zeros(n, np.int16)
    for lag in range(1, n):
        for i in range(n - lag):
            near[i] = abs(x[i] - x[i + lag]) <= tolerance
        for i in range(n - lag - 1):
            two[i] = near[i] & near[i + 1]
            of_two[i] += two[i]
        for i in range(n - lag - 1):
            of_two[i + lag] += two[i]
        for i in range(n - lag - 2):
            three[i] = two[i] & near[i + 2]
            of_three[i] += three[i]
        for i in range(n - lag - 2):
            of_three[i + lag] += three[i]
    a, b, phi2, phi3 = 0, 0, 0.0, 0.0
    for i in range(n - 1):
        b += of_two[i]
        phi2 += math.log((of_two[i] + 1) / (n - 1))
    for i in range(n - 2):
        a += of_three[i]
        phi3 += math.log((of_three[i] + 1) / (n - 2))
    b -= 2 * of_two[n - 2]  # the last template of two has no third beat
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
    """Return the same of templates of 3, every step of it on many pairs at a time."""
    m = x.size - 2
    first, second, sums, far = np.empty(m), np.empty(m), np.zeros(m), np.empty(m)
    for i in range(m):  # a template about its mean is two numbers; the third is minus their sum
        mean = (x[i] + x[i + 1] + x[i + 2]) / 3
        first[i] = (x[i] - mean) / tolerance / HALVED
        second[i] = (x[i + 1] - mean) / tolerance / HALVED
    for lag in range(1, m):
        other_first, other_second = first[lag:], second[lag:]
        for i in range(m - lag):
            a, b = first[i] - other_first[i], second[i] - other_second[i]
            far[i] = min(max(abs(a), abs(b), abs(a + b)), FARTHEST)
        for i in range(m - lag):
            f = -far[i]
            e = 1 / 120 + f * (1 / 720 + f * (1 / 5040))
            e = 1 + f * (1 + f * (1 / 2 + f * (1 / 6 + f * (1 / 24 + f * e))))
            e *= e
            e *= e
            e *= e
            e *= e
            e *= e
            sums[i] += e * e
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
        NaN when and only when n < 16, the chain does not vary, or no three beats are like three
        others (sample entropy alone).

    References
    ----------
    Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039. Pincus 1991,
    doi:10.1073/pnas.88.6.2297. Chen et al. 2007, doi:10.1109/TNSRE.2007.897025.
    """
    n, sums = x.size, np.empty(3)
    for i in range(out.size):
        out[i] = np.nan
    if n < SHORTEST:
        return
    mean_and_squares(x, sums)
    tolerance = TOLERANCE * math.sqrt(sums[1] / (n - 1))
    if tolerance <= 1e-9:
        return
    _alike(x, tolerance, out)
    out[2] = math.log(_fuzzy_two(x, tolerance) / _fuzzy_three(x, tolerance))
