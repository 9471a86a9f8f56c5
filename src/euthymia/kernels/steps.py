"""Steps counted from raw acceleration, wherever the phone or watch is worn.

The method of Straczkiewicz et al. 2023 (doi:10.1038/s41746-022-00745-z): walking is oscillation
whose strongest part, in the wavelet transform of the magnitude of acceleration, lies between 1.4
and 2.3 Hz for three seconds or longer; its frequency is the cadence.

Three things differ from the authors' program. The plain wavelet transform of the paper is used,
not a synchrosqueezed one, whose frequency bins change with the length of a recording. A recording
is not tapered by a share of its length: an interruption of a second ends it. And as no two
cadences in the range are further apart than the change that the method allows from one second to
the next, that change is not asked about.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

HZ: Final = 10
STEP_HZ: Final = (1.4, 2.3)
LEAST_SWING_G: Final = 0.3
BELOW: Final = 0.6  # a stronger peak of slower oscillation may be this many times as strong
ABOVE: Final = 2.5  # one of faster oscillation this many times
LEAST_SECONDS: Final = 3
FREQUENCIES: Final = np.arange(0.5, 4.5, 0.05)
BREAK_US: Final = 1_000_000
LAST_US: Final = 300_000  # a last second of which no more than this is missing counts
_APART: Final = 10  # seconds of silence between recordings, so that they do not touch
_BLOCK: Final = 4096
_MARGIN: Final = 168
_BETA, _GAMMA = 90.0, 3.0  # of the generalised Morse wavelet


@compiled("i8(i8[::1], f4[::1], f4[::1], f4[::1], f8[::1], i8[::1])")
def strong_seconds(
    time_us: Ints, x: Floats, y: Floats, z: Floats, signal: Array, second: Ints
) -> int:
    """Bring acceleration to 10 Hz and keep the seconds that swing by 0.3 g or more.

    Parameters
    ----------
    time_us : int array, shape (samples,)
        In order.
    x, y, z : float32 arrays, shape (samples,)
        Acceleration [g].
    signal : array
        Filled second by second with the magnitude less 1 g of those kept, 10 numbers each; ten
        seconds of zeros end each recording. Room for all.
    second : int array
        Filled, for each second of `signal`, with the instant at which it begins, -1 in silence.

    Returns
    -------
    int
        Seconds filled.
    """
    filled, begin = 0, 0
    step = 1_000_000 // HZ
    one = np.empty(HZ)
    while begin < time_us.size:
        end = begin + 1
        while end < time_us.size and time_us[end] - time_us[end - 1] <= BREAK_US:
            end += 1
        at, kept = begin, 0
        for s in range((time_us[end - 1] - time_us[begin] + LAST_US) // 1_000_000):
            low, high = np.inf, -np.inf
            for k in range(HZ):
                when = time_us[begin] + s * 1_000_000 + k * step
                while at + 2 < end and time_us[at + 1] <= when:
                    at += 1
                apart = time_us[at + 1] - time_us[at]
                share = min((when - time_us[at]) / apart, 1.0) if apart > 0 else 0.0
                a = x[at] + share * (x[at + 1] - x[at])
                b = y[at] + share * (y[at + 1] - y[at])
                c = z[at] + share * (z[at + 1] - z[at])
                one[k] = np.sqrt(a * a + b * b + c * c) - 1.0
                low, high = min(low, one[k]), max(high, one[k])
            if high - low >= LEAST_SWING_G:
                for k in range(HZ):
                    signal[HZ * filled + k] = one[k]
                second[filled] = time_us[begin] + s * 1_000_000
                filled += 1
                kept += 1
        if kept > 0:
            for s in range(filled, filled + _APART):
                second[s] = -1
                for k in range(HZ):
                    signal[HZ * s + k] = 0.0
            filled += _APART
        begin = end
    return filled


@cache
def _bank(size: int) -> Array:
    """Return the spectra of the wavelets, shape (frequencies, size / 2), from 0 to 5 Hz."""
    ratio = np.arange(size // 2) * (HZ / size) / FREQUENCIES[:, None]
    with np.errstate(divide="ignore"):
        logs = _BETA * np.log(ratio) + _BETA / _GAMMA * (1.0 - ratio**_GAMMA)
    return np.asarray(2.0 * np.exp(logs), np.float64)


def powers(signal: Array) -> Array:
    """Return the power of each oscillation in each second, shape (seconds, frequencies).

    Parameters
    ----------
    signal : array, shape (10 * seconds,)
        At 10 Hz.

    Notes
    -----
    The wavelets have nothing below 0 Hz and nothing above 5 Hz worth the name, so half of the
    spectrum, turned back, is the transform at 5 numbers a second.
    """
    seconds = signal.size // HZ
    size = min(_BLOCK, 1 << int(np.ceil(np.log2(max(signal.size + 2 * _MARGIN, 2)))))
    useful = (size - 2 * _MARGIN) // HZ * HZ
    bank, found = _bank(size), np.empty((seconds, FREQUENCIES.size))
    for begin in range(0, seconds * HZ, useful):
        block = np.zeros(size)
        low, high = max(begin - _MARGIN, 0), min(begin - _MARGIN + size, signal.size)
        block[low - begin + _MARGIN : high - begin + _MARGIN] = signal[low:high]
        spectrum = np.fft.fft(block)[: size // 2]
        turned = np.fft.ifft(spectrum * bank, axis=1)
        part = turned[:, _MARGIN // 2 : (_MARGIN + useful) // 2]
        power = (part.real**2 + part.imag**2).reshape(FREQUENCIES.size, -1, HZ // 2).sum(axis=2)
        last = min(begin + useful, seconds * HZ) // HZ
        found[begin // HZ : last] = power.T[: last - begin // HZ]
    return found


@compiled("void(f8[:, ::1], f8[::1], i8, i8, f8[::1])")
def cadences(power: Array, frequency: Array, first: int, last: int, found: Array) -> None:
    """Put the step frequency of each second, 0 where it is not walked, into `found` [Hz].

    The strongest peak from `first` to `last` of the frequencies, unless a peak below is more than
    0.6 times, or one above 2.5 times as strong.
    """
    for s in range(power.shape[0]):
        top, best = -1, -1
        for f in range(1, power.shape[1] - 1):
            if power[s, f] > power[s, f - 1] and power[s, f] > power[s, f + 1]:
                if top < 0 or power[s, f] > power[s, top]:
                    top = f
                if first <= f <= last and (best < 0 or power[s, f] > power[s, best]):
                    best = f
        found[s] = 0.0
        if best < 0:
            continue
        ratio = power[s, top] / power[s, best]
        if first <= top <= last or (ratio < ABOVE if top > last else ratio < BELOW):
            found[s] = frequency[best]


@compiled("void(f8[::1], i8[::1])")
def lasting(found: Array, second: Ints) -> None:
    """Put 0 for seconds that are not among three walked ones in a row."""
    begin = 0
    while begin < found.size:
        end = begin
        while (
            end < found.size
            and found[end] > 0
            and (end == begin or second[end] - second[end - 1] == 1_000_000)
        ):
            end += 1
        if end - begin < LEAST_SECONDS:
            for s in range(begin, min(max(end, begin + 1), found.size)):
                found[s] = 0.0
        begin = max(end, begin + 1)


def walking(time_us: Ints, x: Floats, y: Floats, z: Floats) -> tuple[Ints, Array]:
    """Find the seconds of walking and the cadence in each.

    Parameters
    ----------
    time_us : int array, shape (samples,)
        In order; 10 to 100 samples a second. An interruption of more than a second ends a
        recording.
    x, y, z : float32 arrays, shape (samples,)
        Acceleration [g].

    Returns
    -------
    (seconds, cadence)
        The instants [us] at which the walked seconds begin, and the steps in each [Hz]. The sum
        of the cadence is the number of steps.

    References
    ----------
    Straczkiewicz et al. 2023, doi:10.1038/s41746-022-00745-z.
    """
    if time_us.size < 2:
        return np.zeros(0, np.int64), np.zeros(0)
    gaps = int(np.count_nonzero(np.diff(time_us) > BREAK_US)) + 1
    recorded = int(np.minimum(np.diff(time_us), BREAK_US).sum()) // 1_000_000 + gaps
    room = recorded + _APART * min(gaps, recorded + 1) + _APART
    signal, second = np.empty(room * HZ), np.empty(room, np.int64)
    filled = strong_seconds(time_us, x, y, z, signal, second)
    signal, second = signal[: filled * HZ], second[:filled]
    if filled == 0:
        return second, np.zeros(0)
    first, last = (int(np.argmin(np.abs(FREQUENCIES - hz))) for hz in STEP_HZ)
    cadence = np.empty(filled)
    cadences(powers(signal), FREQUENCIES, first, last, cadence)
    cadence[second < 0] = 0.0
    lasting(cadence, second)
    kept = cadence > 0
    return second[kept], cadence[kept]
