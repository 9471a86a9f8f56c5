"""Data arrives late, in any order, and zones are learnt late: the table ends up the same."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.features.catalogue import families
from euthymia.features.contract import WHOLE_FOLLOW_UP
from euthymia.features.rows import (
    base_rows,
    compute_family,
    days_with_data,
    input_digests,
    known_rows,
    plan,
)
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import DAY0, WHO, between, digests_of, recordings, take

ALL = list(families().values())
DAYS = 9


class Clinic:
    """The least a features job needs: samples held so far, one table a family and one a base."""

    def __init__(self, family):
        self.family, self.table, self.held, self.computed = family, None, {}, 0
        self.kept, self.read_us = None, 0

    def arrive(self, streams):
        for name, new in streams.items():
            old = self.held.get(name)
            if old is None:
                self.held[name] = dict(new)
                continue
            joined = {k: np.concatenate([old[k], new[k]]) for k in new}
            order = np.argsort(joined["time"], kind="stable")
            self.held[name] = take(joined, order)

    def run(self, timeline, others=None):
        digests = {**digests_of(self.held), "others": others or {}}
        due = plan(self.family, timeline, digests, self.table)
        self.computed = due.days.size
        if due.days.size == 0:
            return
        base = self.family.base
        if base is None:
            read = self._read(due.spans)
        else:
            first = plan(base, timeline, digests, self.kept)
            own = self._read(first.spans)
            made = compute_family(base, own, timeline, first.days, subject=WHO, digests=digests)
            read = {base.name: base_rows(base, self.kept, made)}
            self.kept = self._with(self.kept, made)
        new = compute_family(self.family, read, timeline, due.days, subject=WHO, digests=digests)
        self.table = self._with(self.table, new)

    def _read(self, spans):
        self.read_us = sum(high - low for low, high in spans)
        parts = [between(self.held, low, high) for low, high in spans]
        return {
            n: {k: np.concatenate([v[:0], *(p[n][k] for p in parts)]) for k, v in held.items()}
            for n, held in self.held.items()
        }

    def _with(self, old, new):
        if old is None:
            return new
        replaced = pa.compute.is_in(old["date"], new["date"].combine_chunks())
        return pa.concat_tables([old.filter(pa.compute.invert(replaced)), new]).sort_by("date")


@pytest.mark.parametrize("family", ALL, ids=[f.name for f in ALL])
@given(data=st.data())
@settings(max_examples=5 * MORE if MORE > 1 else 3, deadline=None)
def test_incremental_equals_batch(family, data):
    zone = data.draw(st.sampled_from(["Europe/Oslo", "Asia/Kolkata", "America/New_York"]))
    change = (DAY0 + data.draw(st.integers(1, 8))) * DAY_US
    timeline = Timeline(((0, zone), (change, "Pacific/Apia")))
    streams = recordings(family, timeline, DAY0, DAYS, data.draw(st.integers(0, 5)))
    cuts = data.draw(st.lists(st.integers(1, DAYS * 24), max_size=4, unique=True).map(sorted))
    edges = [0, *cuts, DAYS * 24]
    parts = [
        between(streams, DAY0 * DAY_US + a * DAY_US // 24, DAY0 * DAY_US + b * DAY_US // 24)
        for a, b in pairwise(edges)
    ]
    clinic = Clinic(family)
    order = data.draw(st.permutations(range(len(parts))))
    knows_zone_at = data.draw(st.integers(0, len(parts) - 1))
    for step, place in enumerate(order):
        clinic.arrive(parts[place])
        clinic.run(timeline if step >= knows_zone_at else Timeline())
    others = {DAY0 + DAYS + data.draw(st.integers(0, 3)): "of a stream that the family ignores"}
    clinic.run(timeline)
    clinic.run(timeline, others)
    assert clinic.computed == 0 or family.carry_days  # of no concern to the others
    clinic.run(timeline, others)
    assert clinic.computed == 0  # nothing is due any more

    batch = Clinic(family)
    batch.arrive(streams)
    batch.run(timeline, others)
    assert known_rows(clinic.table).equals(known_rows(batch.table))
    if family.base is not None:  # nor does it matter that rows were kept
        days = batch.table["date"].cast(pa.int32()).to_numpy().astype(np.int64)
        digests = digests_of(streams)
        made = compute_family(family, streams, timeline, days, subject=WHO, digests=digests)
        assert made.equals(batch.table)
    if family.carry_days:
        assert known_rows(clinic.table)["date"].cast(pa.int32()).to_pylist()[-1] >= max(others)


@pytest.mark.parametrize("family", ALL, ids=[f.name for f in ALL])
def test_a_late_day_makes_only_its_windows_due(family):
    timeline = Timeline(((0, "Europe/Oslo"),))
    streams = recordings(family, timeline, DAY0, 20, 0)
    hole = (DAY0 + 10) * DAY_US, (DAY0 + 10) * DAY_US + DAY_US // 2
    clinic = Clinic(family)
    clinic.arrive(
        {n: take(s, (s["time"] < hole[0]) | (s["time"] >= hole[1])) for n, s in streams.items()}
    )
    clinic.run(timeline)
    clinic.arrive(between(streams, *hole))
    clinic.run(timeline)
    assert 0 < clinic.computed <= family.lookback_days + 1


BASED = [f for f in ALL if f.base is not None]


@pytest.mark.parametrize("family", BASED, ids=[f.name for f in BASED])
def test_of_a_day_that_comes_no_more_is_read_than_its_base_looks_at(family):
    timeline, clinic = Timeline(), Clinic(family)
    streams = recordings(family, timeline, DAY0, 19, 0)
    clinic.arrive(between(streams, DAY0 * DAY_US, (DAY0 + 18) * DAY_US))
    clinic.run(timeline)
    clinic.arrive(between(streams, (DAY0 + 18) * DAY_US, (DAY0 + 19) * DAY_US))
    clinic.run(timeline)
    assert clinic.read_us == family.base.lookback_days * DAY_US
    last = known_rows(clinic.table).to_pylist()[-1]
    assert all(last[f.name] is not None for f in family.features)
    newer = replace(family, base=replace(family.base, version="of tomorrow"))
    digests = digests_of(streams)
    days = np.array([DAY0 + 18], np.int64)
    of = [input_digests(f, timeline, digests, days) for f in (family, newer)]
    assert of[0] != of[1]
    rows = base_rows(newer.base, clinic.kept, None)
    assert rows["day"].size == 0  # of another version


@pytest.mark.parametrize("family", ALL, ids=[f.name for f in ALL])
def test_what_changes_the_digest(family):
    streams = recordings(family, Timeline(), DAY0, 20, 0)
    digests = digests_of(streams)
    days = np.array([DAY0 + 10], np.int64)

    def digest(timeline=None, held=digests, of=family):
        return input_digests(of, timeline or Timeline(((0, "Europe/Oslo"),)), held, days)[0]

    def changed(offset):
        return {s: {**h, DAY0 + 10 + offset: "other"} for s, h in digests.items()}

    base = digest()
    assert digest(held=changed(0)) != base
    assert digest(held=changed(1 - family.lookback_days)) != base
    assert digest(held=changed(1)) == base  # the next UTC day begins at 01:00 local of day 11
    if family.lookback_days < WHOLE_FOLLOW_UP:  # else all that came before matters
        assert digest(held=changed(-family.lookback_days - 1)) == base
    assert digest(Timeline(((0, "Asia/Kolkata"),))) != base
    assert digest(Timeline(((0, "Europe/Berlin"),))) == base  # the same offsets
    moved = Timeline(((0, "Europe/Oslo"), ((DAY0 + 10) * DAY_US, "Asia/Tokyo")))
    assert digest(moved) != base
    later = Timeline(((0, "Europe/Oslo"), ((DAY0 + 12) * DAY_US, "Asia/Tokyo")))
    assert digest(later) == base
    fields = {f: getattr(family, f) for f in family.__slots__} | {"version": "other"}
    assert digest(of=type(family)(**fields)) != base


@given(
    offset=st.sampled_from(["Asia/Kolkata", "Pacific/Apia", "Pacific/Honolulu", "UTC"]),
    hours=st.lists(st.integers(0, 400), min_size=1, max_size=6, unique=True),
    moved=st.integers(0, 400),
)
@settings(max_examples=60, deadline=None)
def test_every_day_with_a_sample_is_among_the_days_with_data(offset, hours, moved):
    family = families()["screen_use"]
    change = DAY0 * DAY_US + moved * DAY_US // 24
    timeline = Timeline(((0, offset), (change, "America/New_York")))
    time = np.array(sorted(DAY0 * DAY_US + h * DAY_US // 24 for h in hours), np.int64)
    streams = {"screen": {"time": time, "state": np.ones(time.size, np.int8)}}
    days = days_with_data(family, timeline, digests_of(streams))
    assert set(timeline.local_day(time).tolist()) <= set(days.tolist())
    assert days.size <= 3 * len(hours)


def test_a_date_that_a_corrected_zone_takes_away_is_emptied():
    """Noon in Apia is the day before in Honolulu: the old date's row must not stay."""
    family = families()["rest_activity"]
    streams = recordings(family, Timeline(((0, "Pacific/Apia"),)), DAY0, 5, 0)
    clinic = Clinic(family)
    clinic.arrive(streams)
    clinic.run(Timeline(((0, "Pacific/Apia"),)))
    before = known_rows(clinic.table)["date"].cast(pa.int32()).to_pylist()
    clinic.run(Timeline(((0, "Pacific/Honolulu"),)))
    after = known_rows(clinic.table)["date"].cast(pa.int32()).to_pylist()
    assert before[-1] == DAY0 + 5
    assert after[-1] == DAY0 + 4
    clinic.run(Timeline(((0, "Pacific/Honolulu"),)))
    assert clinic.computed == 0


@pytest.mark.parametrize(("zone", "last"), [("Asia/Tokyo", 1), ("America/New_York", 0)])
def test_what_is_carried_on_ends_today(zone, last):
    """Part of the last UTC day may be to come: no row is dated after the local day of now."""
    family = families()["instrument_scores"]
    timeline = Timeline(((0, zone),))
    now = (DAY0 + 1) * DAY_US - 1 if last else (DAY0 + 1) * DAY_US + 3_600_000_000
    digests = {"observations": {DAY0 - 2: "a"}, "screen": {now // DAY_US: "b"}}
    assert days_with_data(family, timeline, digests, now).max() == DAY0 + last
    early = now - (20 * 3_600_000_000 if last else 0)
    assert days_with_data(family, timeline, digests, early).max() == DAY0
