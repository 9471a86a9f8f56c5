"""No look-ahead: nothing that happens after the index date moves a feature."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models_data
from euthymia.ground import codes
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.models.frame import cohort
from euthymia.models.tasks import tasks

TASKS = sorted(tasks())


def _changed_future(task, data, at, seed, zone_day):
    """Return the person with every later record changed, removed or joined by others."""
    rng = np.random.default_rng(seed)
    rows = zip(
        data.observations["time"].cast(pa.int64()).to_pylist(),
        *(data.observations[c].to_pylist() for c in ("code", "numeric_value", "text_value")),
        strict=True,
    )
    kept = [row for row in rows if row[0] is None or row[0] <= at]
    later = [
        (at + int(rng.integers(1, 90 * DAY_US)), code, float(rng.integers(0, 27)), None)
        for code in (codes.PHQ9_TOTAL, codes.ADMISSION, "ActCode/AMB", codes.PHQ9_TOTAL)
    ]
    later += [
        (at + int(rng.integers(1, 60 * DAY_US)), code, value, text)
        for code, value, text in (
            ("RxNorm/321988", None, "escitalopram 10 MG Oral Tablet"),
            ("RxNorm/6448", None, "lithium"),
            ("SNOMED/82313006", None, "Suicide attempt"),
            ("SNOMED/13746004", None, "Bipolar disorder"),
            (codes.PHQ9_ITEMS[8], 3.0, None),
            (codes.CSSRS_IDEATION[2], 1.0, None),
        )
    ]
    tables = {}
    for name, table in data.features.items():
        day = table["date"].cast(pa.int32()).to_numpy()
        family = task.families[name]
        past = day <= zone_day
        values = np.column_stack([table[f.name].to_numpy() for f in family.features])
        more = np.arange(zone_day + 1, zone_day + 40)
        tables[name] = models_data.features(
            family,
            np.r_[day[past], more],
            np.vstack([values[past], rng.uniform(0, 100, (more.size, values.shape[1]))]),
            np.r_[table["coverage"].to_numpy()[past], np.ones(more.size)],
        )
    return dataclasses.replace(
        data,
        observations=models_data.observations(kept + later),
        features=tables,
        seen_until=data.seen_until + int(rng.integers(0, 100)) * DAY_US,
    )


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    after=st.integers(1, 150 * 24),
    zone=st.sampled_from([None, "UTC", "Pacific/Kiritimati", "America/Los_Angeles"]),
)
def test_the_future_does_not_matter(name, seed, after, zone):
    task = tasks()[name]
    timeline = None if zone is None else Timeline(((0, zone),))
    data = models_data.person(seed, timeline=timeline, task=task)
    at = models_data.DAY0 * DAY_US + after * 3600 * 1_000_000
    if timeline is None:
        over = (at - DAY_US // 2) // DAY_US - 1
    else:
        over = int(timeline.local_day(np.array([at]))[0]) - 1
    other = _changed_future(task, data, at, seed + 1, over)
    first, second = task.vector(data, at), task.vector(other, at)
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1:] == second[1:]
    assert task.outside_population(data, at) == task.outside_population(other, at)


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_comes_after_the_horizon_changes_no_label(name, seed):
    task = tasks()[name]
    data = models_data.person(seed, days=500, task=task)
    marks = [m for m in task.landmarks(task.history(data)) if m.label is not None]
    for mark in marks[:: max(1, len(marks) // 4)]:
        end = mark.at + task.horizon_days * DAY_US
        other = _changed_future(task, data, end, seed + 1, end // DAY_US)
        again = {m.at: m for m in task.landmarks(task.history(other))}
        assert again[mark.at] == mark


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_training_rows_are_what_serving_computes(seed):
    task = tasks()[models_data.RELAPSE]
    people = [models_data.person(seed, number=i) for i in range(3)]
    frame = cohort(task, people)
    for row, (who, at) in enumerate(zip(frame.person, frame.at, strict=True)):
        data = next(p for p in people if p.subject == who)
        x, coverage, age = task.vector(data, int(at))
        np.testing.assert_array_equal(frame.x[row], x)
        assert (frame.coverage[row], frame.data_age_hours[row]) == (coverage, age)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_offered_index_date_is_counted_once(seed):
    task = tasks()[models_data.RELAPSE]
    people = [models_data.person(seed, number=i) for i in range(4)]
    flow = cohort(task, people).flow
    assert flow[0] == ("people offered", 4, 4)
    assert flow[1][1] == sum(n for _, n, _ in flow[2:])
