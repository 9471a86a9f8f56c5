"""What every figure is: an estimate, its interval, and what it would be without any signal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.str_]

Metric = Callable[[Floats, Floats, Floats], Floats]
"""(y, p, weights) -> one value a row of weights.

`y` is 0 or 1, shape [n] or [b, n]; `p` are the predictions, shape [n]; `weights` are the times that
each row counts, shape [b, n]. NaN when and only when the figure is not defined under the weights.
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval and its chance level (None where chance has no meaning)."""

    estimate: float
    low: float
    high: float
    chance: float | None = None

    def beats_chance(self) -> bool:
        """Tell whether the whole interval lies above the chance level."""
        return self.chance is not None and self.low > self.chance
