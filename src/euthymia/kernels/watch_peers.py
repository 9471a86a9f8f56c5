"""Other people's change detectors, plainly: what the watch is set beside when it is evaluated."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

HAZARD: Final = 1 / 100  # BOCPD: a change in a hundred days
RECENT: Final = 10  # BOCPD: the probability of a run this short or shorter is the score


@compiled("void(f8[:, ::1], i8, i8, f8[::1])")
def outlier_days(z: Array, of: int, among: int, out: Array) -> None:
    """Return the `of`-th largest of the last `among` days' largest |z|.

    It passes k when and only when `of` of `among` days have a feature beyond k spreads.
    """
    largest = np.zeros(z.shape[0])
    recent = np.zeros(among)
    for t in range(z.shape[0]):
        for j in range(z.shape[1]):
            if not np.isnan(z[t, j]):
                largest[t] = max(largest[t], abs(z[t, j]))
        recent[:] = 0.0
        for k in range(min(among, t + 1)):
            recent[k] = largest[t - k]
        recent.sort()
        out[t] = recent[among - of]


@compiled("void(f8[:, ::1], f8[::1], f8, f8[::1])")
def ewma_each(z: Array, worse: Array, rate: float, out: Array) -> None:
    """Return the largest EWMA of any feature towards worse (either way where worse is 0).

    Roberts 1959 (doi:10.1080/00401706.1959.10489860), one chart a feature, missing days skipped.
    """
    smooth = np.zeros(z.shape[1])
    for t in range(z.shape[0]):
        most = 0.0
        for j in range(z.shape[1]):
            if not np.isnan(z[t, j]):
                smooth[j] += rate * (z[t, j] - smooth[j])
            s = smooth[j] * worse[j] if worse[j] != 0 else abs(smooth[j])
            most = max(most, s)
        out[t] = most


@compiled("void(f8[::1], f8, i8, f8[::1])")
def bocpd(x: Array, hazard: float, recent: int, out: Array) -> None:
    """Return the probability that the level changed within the last `recent` known days.

    Bayesian online change point detection (Adams & MacKay 2007, arXiv:0710.3742) of a normal with
    unknown mean and variance: prior mean 0, kappa 1, alpha 3, beta 2. NaN days are skipped.
    """
    size = x.size + 1
    p, mean, kappa = np.zeros(size), np.zeros(size), np.zeros(size)
    alpha, beta = np.zeros(size), np.zeros(size)
    p[0], kappa[0], alpha[0], beta[0] = 1.0, 1.0, 3.0, 2.0
    n, before = 0, 0.0
    for t in range(x.size):
        if not np.isnan(x[t]):
            new, total = 0.0, 0.0
            for r in range(n, -1, -1):
                scale = beta[r] * (kappa[r] + 1) / (alpha[r] * kappa[r])
                degrees = 2 * alpha[r]
                # Student's t; the gamma functions by Stirling's step, exact enough for a weight
                d = (x[t] - mean[r]) ** 2 / (degrees * scale)
                log_gamma = _half_step(degrees)
                likely = np.exp(log_gamma - 0.5 * np.log(scale) - (degrees + 1) / 2 * np.log1p(d))
                grown = p[r] * likely
                new += grown * hazard
                p[r + 1] = grown * (1 - hazard)
                total += grown
                mean[r + 1] = (kappa[r] * mean[r] + x[t]) / (kappa[r] + 1)
                beta[r + 1] = beta[r] + kappa[r] * (x[t] - mean[r]) ** 2 / (2 * (kappa[r] + 1))
                kappa[r + 1] = kappa[r] + 1
                alpha[r + 1] = alpha[r] + 0.5
            p[0], mean[0], kappa[0], alpha[0], beta[0] = new, 0.0, 1.0, 3.0, 2.0
            n += 1
            for r in range(n + 1):
                p[r] /= total
            before = 0.0
            if n > 2 * recent:
                for r in range(recent + 1):
                    before += p[r]
        out[t] = before


@compiled("f8(f8)")
def _half_step(degrees: float) -> float:
    """Return log(gamma((v + 1) / 2) / gamma(v / 2) / sqrt(pi v)), to about 1e-4 for v >= 4."""
    half = degrees / 2
    ratio = 0.5 * np.log(half) - 1 / (8 * half) + 1 / (192 * half**3)
    return float(ratio - 0.5 * np.log(np.pi * degrees))


@compiled("void(f8[::1], f8, i8, b1[::1])")
def adwin(x: Array, delta: float, shortest: int, out: NDArray[np.bool_]) -> None:
    """Mark the days on which ADWIN sees the mean rise. NaN days are skipped.

    Bifet & Gavalda 2007 (doi:10.1137/1.9781611972771.42): the window drops its older part while any
    split into two of at least `shortest` values has means that differ by more than
    sqrt(2 / m * variance * ln(2 / d)) + 2 / (3 m) * ln(2 / d), m harmonic, d = delta / ln n. Every
    split is tried on every day; no buckets.
    """
    held = np.empty(x.size)
    n = 0
    for t in range(x.size):
        out[t] = False
        if np.isnan(x[t]):
            continue
        held[n] = x[t]
        n += 1
        again = n >= 2 * shortest
        while again:
            again = False
            total, square = 0.0, 0.0
            for k in range(n):
                total += held[k]
                square += held[k] * held[k]
            variance = max(square / n - (total / n) ** 2, 0.0)
            wide = np.log(2 * np.log(n) / delta)
            left = 0.0
            for k in range(n - shortest):
                left += held[k]
                if k + 1 < shortest:
                    continue
                n0, n1 = k + 1.0, n - k - 1.0
                m = 1.0 / (1.0 / n0 + 1.0 / n1)
                cut = np.sqrt(2 / m * variance * wide) + 2 / (3 * m) * wide
                gap = (total - left) / n1 - left / n0
                if abs(gap) > cut:
                    out[t] = out[t] or gap > 0
                    n -= 1
                    for i in range(n):
                        held[i] = held[i + 1]
                    again = n >= 2 * shortest
                    break
