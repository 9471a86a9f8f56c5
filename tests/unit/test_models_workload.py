"""PPV, number needed to evaluate and lead time of a model, at its threshold and the workload."""

import dataclasses

import numpy as np
import pytest

from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import SchemaError
from euthymia.models.frame import CohortFrame
from euthymia.models.validate import HeldOut
from euthymia.models.workload import lead_audit, lead_times, workload_figures


def _held(n=200, rounds=2):
    """Return predictions 0 to 1 in order, the same in each round; events among the highest."""
    rows = np.tile(np.arange(n), rounds)
    p = rows / n
    y = ((rows >= n - 40) & (rows % 2 == 0)).astype(float)
    return HeldOut(rows, y, p, rows.astype(str), np.repeat(np.arange(rounds), n))


def test_figures_are_of_those_who_are_looked_at():
    found = workload_figures(_held(), 0.9, 10, seed=1)
    assert found["ppv"].estimate == pytest.approx(0.5)  # 10 of the 20 above 0.9
    assert found["ppv"].chance == pytest.approx(0.1)
    assert found["sensitivity"].estimate == pytest.approx(0.5)  # of 20 events
    assert found["number_needed_to_evaluate"].estimate == pytest.approx(2)
    assert found["number_needed_to_evaluate"].chance == pytest.approx(10)
    assert found["ppv_at_workload"].estimate == pytest.approx(0.5)
    assert found["sensitivity_at_workload"].chance == pytest.approx(0.1)
    low, high = found["ppv"].low, found["ppv"].high
    needed = found["number_needed_to_evaluate"]
    assert (needed.low, needed.high) == pytest.approx((1 / high, 1 / low))
    # each round of the cross-validation is a list of its own
    once = workload_figures(_held(rounds=1), 0.9, 10, seed=1)
    assert once["ppv_at_workload"].estimate == found["ppv_at_workload"].estimate


def test_figures_of_few_people_are_left_out():
    found = workload_figures(_held(), 0.99, 10, seed=1)
    assert "ppv" not in found
    assert "ppv_at_workload" in found
    for wrong in (0, -1, 101, float("nan")):
        with pytest.raises(SchemaError, match="of 100 index dates"):
            workload_figures(_held(), 0.9, wrong, seed=1)


def test_an_event_counts_once_with_its_first_warning():
    """Twenty people, seen on days 0, 10 and 20, relapse on day 30; ten are warned of."""
    person = np.repeat([f"p{i:02d}" for i in range(40)], 3)
    at = np.tile([0.0, 10.0, 20.0], 40)
    ill = np.repeat(np.arange(40) < 20, 3)
    frame = CohortFrame(
        task="t",
        names=(),
        x=np.zeros((120, 0)),
        y=ill.astype(float),
        person=person,
        site=np.full(120, "A"),
        at=(at * DAY_US).astype(np.int64),
        coverage=np.ones(120),
        data_age_hours=np.zeros(120),
        groups={},
        metadata={},
        flow=(),
        seen_until=0,
        time=30.0 - at,
        cause=ill.astype(np.int64),
    )
    p = np.where((np.repeat(np.arange(40), 3) < 10) & (at == 10), 0.9, 0.1)
    rows = np.arange(120)
    held = HeldOut(rows, frame.y, p, person, rows % 5, None, (rows, p, rows % 5))
    found = lead_times(frame, held, 0.5, 90, seed=1)
    assert found.events == 20
    assert found.warned.estimate == pytest.approx(0.5)
    assert found.median.estimate == pytest.approx(20)
    assert "50% (" in lead_audit(found)["verdict"]
    assert "20 days before" in lead_audit(found)["verdict"]
    untimed = dataclasses.replace(frame, time=None, cause=None)
    assert lead_times(untimed, held, 0.5, 90, seed=1) is None
    assert lead_audit(None) == {}
