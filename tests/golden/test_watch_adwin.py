"""ADWIN against river 0.26.1: `ADWIN(delta, clock=1, min_window_length=5, grace_period=10)`.

River keeps buckets and tries fewer splits; ours tries all of them, so it is up to nine values
earlier on these, and never later. The series are those below; the days are river's.
"""

import numpy as np
import pytest

from euthymia.kernels.watch_peers import adwin

RIVER = {
    (0, 0.002): (174, 296), (0, 0.05): (169, 289), (1, 0.002): (170, 299), (1, 0.05): (165, 290),
    (2, 0.002): (174, 297), (2, 0.05): (167, 288), (3, 0.002): (172, 298), (3, 0.05): (165, 290),
}  # fmt: skip


EARLIER = 9


@pytest.mark.parametrize(("seed", "delta"), RIVER)
def test_a_rise_and_a_fall_are_seen_when_river_sees_them(seed: int, delta: float) -> None:
    x = np.round(np.random.default_rng(seed).normal(0, 1, 400), 3)
    x[150:] += 1.5
    x[280:] -= 2.0
    up, down = np.zeros(400, np.bool_), np.zeros(400, np.bool_)
    adwin(np.round(x, 3), delta, 5, up)
    adwin(np.round(-x, 3), delta, 5, down)
    rise, fall = RIVER[seed, delta]
    assert rise - EARLIER <= np.flatnonzero(up)[0] <= rise
    assert fall - EARLIER <= np.flatnonzero(down[280:])[0] + 280 <= fall
