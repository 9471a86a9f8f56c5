"""How intense activity is: acceleration in mg, its distribution, bouts of activity and rest."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

EPOCH_US: Final = 5_000_000
LEAST_SAMPLES: Final = 10  # an epoch of fewer, or that they do not half fill, says nothing
GRADIENT_BIN_MG: Final = 25.0
GRADIENT_BINS: Final = 160  # up to 4 g


@compiled("i8(i8[::1], f4[::1], f4[::1], f4[::1], i8, f8[::1], f8[::1])")
def epochs(
    time_us: Ints, x: Floats, y: Floats, z: Floats, start_us: int, enmo: Array, mad: Array
) -> int:
    """Put the ENMO and the MAD of each 5 s since `start_us` into two arrays of NaN; count them.

    Parameters
    ----------
    time_us : int array, shape (samples,)
        In order, from `start_us` on.
    x, y, z : float32 arrays, shape (samples,)
        Acceleration [g].
    enmo, mad : arrays
        Filled with the mean of max(|a| - 1 g, 0) and the mean distance of |a| from its mean over
        the epoch [mg]. An epoch with fewer than 10 samples, or whose samples span less than half
        of it, is left as it was.

    References
    ----------
    van Hees et al. 2013, doi:10.1371/journal.pone.0061691.
    Vaha-Ypya et al. 2015, doi:10.1111/cpf.12127.
    """
    found, begin = 0, 0
    while begin < time_us.size:
        which = (time_us[begin] - start_us) // EPOCH_US
        until = start_us + (which + 1) * EPOCH_US
        end, level, over = begin, 0.0, 0.0
        while end < time_us.size and time_us[end] < until:
            a, b, c = float(x[end]), float(y[end]), float(z[end])
            size = np.sqrt(a * a + b * b + c * c)
            level += size
            over += max(size - 1.0, 0.0)
            end += 1
        count = end - begin
        spanned = time_us[end - 1] - time_us[begin]
        if count >= LEAST_SAMPLES and 2 * spanned >= EPOCH_US:
            level, away = level / count, 0.0
            for i in range(begin, end):
                a, b, c = float(x[i]), float(y[i]), float(z[i])
                away += abs(np.sqrt(a * a + b * b + c * c) - level)
            enmo[which] = 1000.0 * over / count
            mad[which] = 1000.0 * away / count
            found += 1
        begin = end
    return found


@compiled("UniTuple(f8, 3)(f8[::1])")
def gradient(minutes: Array) -> tuple[float, float, float]:
    """Return (slope, intercept, R squared) of log minutes on log intensity.

    Parameters
    ----------
    minutes : array, shape (bins,)
        Time in each bin of 25 mg, from 0 on [min]. A bin stands for its middle [mg]; empty bins
        are left out.

    Returns
    -------
    tuple
        The intensity gradient (negative: less time at higher intensity), its intercept and fit.
        NaN when and only when fewer than three bins hold any time; R squared also when all hold
        the same.

    References
    ----------
    Rowlands et al. 2018, doi:10.1249/MSS.0000000000001561.
    """
    n = sx = sy = 0.0
    for i in range(minutes.size):
        if minutes[i] > 0:
            n += 1.0
            sx += np.log((i + 0.5) * GRADIENT_BIN_MG)
            sy += np.log(minutes[i])
    if n < 3:
        return np.nan, np.nan, np.nan
    mx, my, xx, xy, yy = sx / n, sy / n, 0.0, 0.0, 0.0
    for i in range(minutes.size):
        if minutes[i] > 0:
            dx, dy = np.log((i + 0.5) * GRADIENT_BIN_MG) - mx, np.log(minutes[i]) - my
            xx += dx * dx
            xy += dx * dy
            yy += dy * dy
    slope = xy / xx
    fit = min(xy * xy / (xx * yy), 1.0) if yy > 1e-12 * n else np.nan
    return slope, my - slope * mx, fit


@compiled("UniTuple(f8, 2)(f8[::1], f8)")
def bouts_of(level: Array, least: float) -> tuple[float, float]:
    """Return (number of bouts, minutes in them) at `least` or more: modified ten-minute bouts.

    A bout begins with a minute at `least` or above from which on 8 of 10 minutes are; it goes on
    until three minutes in a row are below or unknown, and ends with the last that is not.

    References
    ----------
    Troiano et al. 2008, doi:10.1249/mss.0b013e31815a51b3.
    """
    number = minutes = 0.0
    i = 0
    while i + 10 <= level.size:
        high = 0
        for k in range(i, i + 10):
            high += 1 if level[k] >= least else 0
        if not level[i] >= least or high < 8:
            i += 1
            continue
        last, below, k = i, 0, i
        while k < level.size and below < 3:
            below = 0 if level[k] >= least else below + 1
            last = k if below == 0 else last
            k += 1
        if last - i + 1 < 8:
            i += 1
            continue
        number += 1.0
        minutes += last - i + 1
        i = last + 1
    return number, minutes


@compiled("void(f8[::1], f8, i8[::1])")
def runs_below(level: Array, limit: float, found: Ints) -> None:
    """Count the runs of minutes below `limit` by their length: `found[n]` of n minutes.

    Unknown minutes end a run. `found` has room for a run of all minutes.
    """
    found[:] = 0
    length = 0
    for i in range(level.size + 1):
        if i < level.size and level[i] < limit:
            length += 1
            continue
        if length > 0:
            found[length] += 1
            length = 0


@compiled("void(i8[::1], f8[::1])")
def bout_lengths(runs: Ints, found: Array) -> None:
    """Describe bouts: number, mean, longest, minutes in those of 30 or more, Gini, exponent.

    Parameters
    ----------
    runs : int array
        `runs[n]` bouts last n minutes.
    found : array, shape (6,)
        Filled. The exponent of the power law is the maximum-likelihood estimate for whole minutes
        from 1 on, 1 + n / sum(ln(x / 0.5)): small where time is spent in long bouts. Without a
        bout the number is 0 and the rest is left as it was.

    References
    ----------
    Chastin and Granat 2010, doi:10.1016/j.gaitpost.2009.09.002.
    Clauset et al. 2009, doi:10.1137/070710111.
    """
    count = whole = ranked = logs = long = longest = 0.0
    for length in range(1, runs.size):
        if runs[length] == 0:
            continue
        n = float(runs[length])
        ranked += length * (n * count + 0.5 * n * (n + 1.0))  # the ranks count + 1 to count + n
        count += n
        whole += n * length
        logs += n * np.log(length / 0.5)
        long += n * length if length >= 30 else 0.0
        longest = float(length)
    found[0] = count
    if count > 0:
        found[1], found[2], found[3] = whole / count, longest, long
        found[4] = max(2.0 * ranked / (count * whole) - (count + 1.0) / count, 0.0)
        found[5] = 1.0 + count / logs
