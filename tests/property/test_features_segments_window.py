"""Over any time segment, too: nothing later than the row's end, nothing before the lookback."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.features.catalogue import families
from euthymia.features.segments import segment
from euthymia.features.windows import bounds_us
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import DAY0, ZONES, between, recordings

ALL = [family for family in families().values() if family.measure is not None]
SEGMENTS = ("night", "morning", "22:00-06:00", "last_3_days", "weekend", "day")


@pytest.mark.parametrize("family", ALL, ids=[f.name for f in ALL])
@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=2),
    what=st.sampled_from(SEGMENTS),
    day=st.integers(DAY0 + 4, DAY0 + 8),
    hour=st.integers(0, 200),
    seed=st.integers(0, 3),
)
@example(  # a morning that a traveller did not have
    zones=["Pacific/Honolulu", "UTC"], what="morning", day=DAY0 + 5, hour=132, seed=0
)
@settings(max_examples=4 * MORE, deadline=None)
def test_a_segment_sees_its_window_and_the_lookback_alone(family, zones, what, day, hour, seed):
    changes = (0, DAY0 * DAY_US + hour * DAY_US // 24)
    timeline = Timeline(tuple(zip(changes, zones, strict=False)))
    streams = recordings(family, timeline, DAY0, 10, seed)
    days = np.array([day], np.int64)
    windows = segment(what).windows(timeline, days)
    whole = family.measure(streams, timeline, windows)
    start, _ = bounds_us(timeline, days, family.lookback_days)
    low = min([int(start[0]), *windows.start_us.tolist()])
    high = int(windows.end_us[-1]) if windows.end_us.size else low
    inside = family.measure(between(streams, low, high), timeline, windows)
    np.testing.assert_array_equal(inside.coverage, whole.coverage)
    if whole.coverage[0] == 0:  # such a row says nothing
        return
    for feature in family.features:
        np.testing.assert_array_equal(
            inside.values[feature.name], whole.values[feature.name], err_msg=feature.name
        )
        found = whole.values[feature.name]
        known = found[~np.isnan(found)]
        assert (known >= (-np.inf if feature.low is None else feature.low)).all(), feature.name
        assert (known <= (np.inf if feature.high is None else feature.high)).all(), feature.name
