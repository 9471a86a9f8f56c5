"""A cohort of one's own, from two tables."""

import numpy as np
import pytest

from euthymia.care.monitor.trials import read_trial
from euthymia.ground.errors import SchemaError

DAYS = {
    "subject": ["a"] * 40 + ["b"] * 30,
    "day": [*range(100, 140), *range(130, 160)],
    "phone.home": list(np.arange(70.0)),
    "watch.steps": [None, *np.arange(69.0)],
}
RELAPSES = {"subject": ["b"], "onset": [150], "end": [155]}


def test_days_and_relapses_are_put_in_place() -> None:
    found = read_trial(DAYS, RELAPSES, worse=("phone.home",), better=("watch.steps",))
    assert found.panel.features.worse.tolist() == [1, -1]
    assert found.panel.features.device.tolist() == [0, 1]
    assert [(p.first, len(p.values)) for p in found.panel.people] == [(100, 40), (130, 30)]
    (relapse,) = found.relapses
    assert (relapse.person, relapse.onset, relapse.end) == (1, 20, 25)
    assert np.isnan(found.panel.people[0].values[0, 1])
    assert found.panel.well[0][28:].all()
    assert not found.panel.well[1][20:].any()
    assert found.simulated is False


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SchemaError, match="no column y"):
        read_trial(DAYS, RELAPSES, worse=("y",))
    with pytest.raises(SchemaError, match="1 relapses are of people"):
        read_trial(DAYS, RELAPSES | {"subject": ["c"]})
    with pytest.raises(SchemaError, match="day twice"):
        read_trial(DAYS | {"day": [100] * 70}, RELAPSES)
