"""Lloyd's iterations of k-means (Lloyd 1982, doi:10.1109/TIT.1982.1056489)."""

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled("f8(f8[:,::1], f8[:,::1], i8[::1], i8)")
def lloyd(x: Floats, centres: Floats, member: Ints, iterations: int) -> float:
    """Move `centres` and fill `member` until nothing changes; return the sum of squares within.

    Parameters
    ----------
    x : shape [n, columns]
    centres : shape [k, columns]
        Where to begin. A centre that loses all its rows stays where it is.
    member : shape [n]
    iterations : int
        At most so many.
    """
    n, width = x.shape
    k = centres.shape[0]
    within = 0.0
    for _ in range(iterations):
        moved, within = 0, 0.0
        sums, size = np.zeros((k, width)), np.zeros(k)
        for i in range(n):
            nearest, least = 0, np.inf
            for c in range(k):
                d = 0.0
                for j in range(width):
                    d += (x[i, j] - centres[c, j]) ** 2
                if d < least:
                    nearest, least = c, d
            moved += member[i] != nearest
            member[i] = nearest
            within += least
            size[nearest] += 1.0
            for j in range(width):
                sums[nearest, j] += x[i, j]
        if moved == 0:
            break
        for c in range(k):
            if size[c] > 0:
                centres[c] = sums[c] / size[c]
    return float(within)
