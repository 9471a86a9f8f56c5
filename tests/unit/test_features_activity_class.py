"""Inferred activities: a day whose answer one can see."""

import numpy as np
import pytest

from euthymia.features.activity_class import measure
from euthymia.features.windows import day_windows
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import DAY0

MINUTE = 60_000_000


def test_a_walk_a_ride_and_silence():
    told = [(0, 0), (5, 0), (10, 1), (15, 2), (20, 5), (25, 3), (30, 0), (31, 99)]
    stream = {
        "time": np.array([DAY0 * DAY_US + minute * MINUTE for minute, _ in told], np.int64),
        "activity": np.array([code for _, code in told], np.int8),
    }
    found = measure(
        {"activity_class": stream}, Timeline(), day_windows(Timeline(), np.array([DAY0]))
    )
    values = {name: float(value[0]) for name, value in found.values.items()}
    assert values["still_h"] == pytest.approx(11 / 60)
    assert values["on_foot_h"] == pytest.approx(10 / 60)
    assert values["running_h"] == pytest.approx(5 / 60)
    assert values["vehicle_h"] == pytest.approx(5 / 60)
    assert values["cycling_h"] == 0
    assert values["moving_pct"] == pytest.approx(100 * 10 / 26)
    assert values["changes_per_h"] == pytest.approx(2 / (26 / 60))  # unknown parts ride and rest
    assert found.coverage[0] == pytest.approx(31 / 1440)
    late = measure({"activity_class": {k: v[[0, 4]] for k, v in stream.items()}}, Timeline(),
                   day_windows(Timeline(), np.array([DAY0])))  # fmt: skip
    assert late.values["still_h"][0] == pytest.approx(10 / 60)
    assert late.values["changes_per_h"][0] == 0
