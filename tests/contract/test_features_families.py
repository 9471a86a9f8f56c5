"""What every feature family owes: also those of other people, found by discovery."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.features.catalogue import describe, families
from euthymia.features.contract import Family
from euthymia.features.rows import (
    as_columns,
    compute_family,
    days_with_data,
    feature_schema,
    known_rows,
)
from euthymia.features.windows import bounds_us, wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import INPUTS
from feature_cases import DAY0, WHO, ZONES, between, digests_of, recordings, take

ALL = list(families().values())
each = pytest.mark.parametrize("family", ALL, ids=[f.name for f in ALL])
HARD_ZONES = ["Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]
FEW = settings(max_examples=4 * MORE, deadline=None)
UTC = Timeline()


def compute(family: Family, streams, timeline: Timeline, days):
    return compute_family(
        family,
        streams,
        timeline,
        np.asarray(days, np.int64),
        subject=WHO,
        digests=digests_of(streams),
    )


def values_of(table):
    """Everything but the digest, comparable with ==."""
    return table.drop_columns(["input_digest"]).to_pylist()


@each
def test_every_feature_says_what_it_is(family):
    assert family.coverage.strip()
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
    assert family.lookback_days >= 1
    assert all(name in INPUTS for name in family.streams)
    for feature in family.features:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
        assert feature.title.strip()
        assert feature.unit.strip()
        assert len(feature.definition) > 20, feature.name
        assert re.search(r"doi:10\.\d{4,}/\S+", feature.paper), feature.name
        assert len(feature.limits) > 10, f"{feature.name}: what is known to make it wrong?"
        assert feature.worse in (-1, 0, 1)
        assert feature.low is None or feature.high is None or feature.low < feature.high
    suffix = {"h": "_h", "ms": "_ms", "min": "_min", "%": "_pct"}
    for feature in family.features:
        assert feature.name.endswith(suffix.get(feature.unit, "")), feature.name


def test_the_catalogue_describes_them_all():
    rows = describe()
    assert {row["family"] for row in rows} >= {"rest_activity", "screen_use", "sleep_phone", "hrv"}
    assert len({(row["family"], row["name"]) for row in rows}) == len(rows)


@each
@pytest.mark.parametrize("zone", ZONES if MORE > 1 else HARD_ZONES)
def test_any_zone_gives_rows_with_values(family, zone):
    timeline = Timeline(((0, zone),))
    streams = recordings(family, timeline, DAY0, 10, 1)
    days = days_with_data(family, timeline, digests_of(streams))
    table = compute(family, streams, timeline, days)
    assert table.schema.equals(feature_schema(family))
    coverage = table["coverage"].to_numpy()
    assert ((coverage >= 0) & (coverage <= 1)).all()
    last = known_rows(table).to_pylist()[-2]
    assert last["coverage"] > 0
    assert all(last[f.name] is not None for f in family.features)


@each
@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3),
    hours=st.lists(st.integers(0, 240), min_size=2, max_size=2, unique=True).map(sorted),
    gaps=st.lists(st.tuples(st.integers(0, 240), st.integers(1, 60)), max_size=3),
    day=st.integers(DAY0 + 7, DAY0 + 10),
    seed=st.integers(0, 9),
)
@FEW
def test_only_the_window_matters(family, zones, hours, gaps, day, seed):
    """Travel, daylight saving and gaps: samples after the day or before the lookback do nothing."""
    start = (0, *(DAY0 * DAY_US + h * DAY_US // 24 for h in hours))
    timeline = Timeline(tuple(zip(start, zones, strict=False)))
    streams = recordings(family, timeline, DAY0, 12, seed)
    for hour, length in gaps:
        low = DAY0 * DAY_US + hour * DAY_US // 24
        high = low + length * DAY_US // 24
        streams = {n: take(s, (s["time"] < low) | (s["time"] >= high)) for n, s in streams.items()}
    whole = values_of(compute(family, streams, timeline, [day]))
    inside = {}
    start, end = bounds_us(timeline, np.array([day], np.int64), family.lookback_days)
    for name, stream in streams.items():
        time, local = stream["time"], timeline.local_day(stream["time"])
        # where somebody flew west over midnight an hour of the next day lies within this one
        between_parts = (time >= start[0]) & (time < end[0])
        own = (local > day - family.lookback_days) & (local <= day)
        inside[name] = take(stream, own | between_parts)
    assert values_of(compute(family, inside, timeline, [day])) == whole
    read = between(streams, int(start[0]), int(end[0]))
    assert values_of(compute(family, read, timeline, [day])) == whole


@each
@given(
    zone=st.sampled_from(ZONES),
    days=st.lists(st.integers(DAY0 - 2, DAY0 + 11), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 9),
)
@FEW
def test_days_together_are_days_one_by_one(family, zone, days, seed):
    timeline = Timeline(((0, zone),))
    streams = recordings(family, timeline, DAY0, 9, seed)
    together = values_of(compute(family, streams, timeline, days))
    one_by_one = [values_of(compute(family, streams, timeline, [day]))[0] for day in days]
    assert together == one_by_one


@each
def test_the_same_again_gives_the_same(family):
    streams = recordings(family, UTC, DAY0, 9, 4)
    days = range(DAY0, DAY0 + 9)
    assert compute(family, streams, UTC, days).equals(compute(family, streams, UTC, days))


@each
def test_no_samples_at_all(family):
    table = compute(family, {}, UTC, [DAY0])
    assert table["coverage"].to_pylist() == [0.0]
    assert all(table[f.name].null_count == 1 for f in family.features)
    empty = {n: take(s, slice(0, 0)) for n, s in recordings(family, UTC, DAY0, 1, 0).items()}
    assert values_of(compute(family, empty, UTC, [DAY0])) == values_of(table)
    assert compute(family, empty, UTC, []).num_rows == 0


@each
def test_a_single_sample(family):
    streams = {n: take(s, slice(5, 6)) for n, s in recordings(family, UTC, DAY0, 1, 0).items()}
    after = DAY0 + family.carry_days + 1
    table = compute(family, streams, UTC, [DAY0, after - 1, after])
    assert table["coverage"][2].as_py() == 0.0
    if family.carry_days:
        assert 0.0 < table["coverage"][1].as_py() < table["coverage"][0].as_py()
    else:
        assert table["coverage"][0].as_py() < 0.01


@each
@pytest.mark.parametrize("constant", [0, 1])
def test_constant_recordings_end_in_no_error_and_no_nonsense(family, constant):
    streams = {}
    for name, stream in recordings(family, UTC, DAY0, 8, 0).items():
        flat = {
            k: v if k in {"time", "epoch"} else np.full_like(v, constant) for k, v in stream.items()
        }
        streams[name] = flat
    table = compute(family, streams, UTC, range(DAY0, DAY0 + 8))
    for feature in family.features:
        found = [x for x in table[feature.name].to_pylist() if x is not None]
        assert np.isfinite(found).all()


@each
def test_a_day_without_a_sample_says_nothing_even_if_the_days_before_it_do(family):
    streams = recordings(family, UTC, DAY0, 8, 0)
    table = compute(family, streams, UTC, [DAY0 + 7, DAY0 + 8 + family.carry_days])
    assert table["coverage"].to_pylist()[1] == 0.0
    assert known_rows(table).num_rows == 1
    assert all(table[f.name][1].as_py() is None for f in family.features)


@each
def test_samples_out_of_order_and_missing_columns_are_refused(family):
    name = family.streams[0]
    stream = recordings(family, UTC, DAY0, 1, 0)[name]
    backwards = {k: v[::-1] for k, v in stream.items()}
    with pytest.raises(SchemaError, match="order of time"):
        compute(family, {name: backwards}, UTC, [DAY0])
    for field in (f.name for f in INPUTS[name].fields if not f.nullable):
        with pytest.raises(SchemaError, match=field):
            compute(family, {name: {k: v for k, v in stream.items() if k != field}}, UTC, [DAY0])


@each
def test_columns_come_out_of_arrow(family):
    import pyarrow as pa

    for name, stream in recordings(family, UTC, DAY0, 2, 0).items():
        schema = INPUTS[name].schema
        table = pa.table({k: pa.array(v) for k, v in stream.items()}).select(
            [c for c in schema.names if c in stream]
        )
        table = table.set_column(0, "time", table["time"].cast(pa.timestamp("us", "UTC")))
        for column, values in as_columns(table).items():
            np.testing.assert_array_equal(values, stream[column])


@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3),
    hours=st.lists(st.integers(-500, 9000), min_size=2, max_size=2, unique=True).map(sorted),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_the_quick_wall_clock_is_the_timeline(zones, hours, seed):
    start = (0, *((DAY0 * 24 + h) * DAY_US // 24 for h in hours))
    timeline = Timeline(tuple(zip(start, zones, strict=False)))
    time = DAY0 * DAY_US + np.sort(np.random.default_rng(seed).integers(0, 400 * DAY_US, 300))
    np.testing.assert_array_equal(wall_clock(timeline, time), timeline.local_us(time))
