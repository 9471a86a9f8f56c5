"""Rest-activity measures beside pyActigraphy's numbers: equal where its formula is the paper's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from euthymia.kernels import rest_activity_transitions as transitions
from euthymia.kernels.rest_activity_resolutions import RESOLUTIONS, at_resolutions
from rhythm_cases import counted_runs

PEER = json.loads((Path(__file__).parent / "pyactigraphy_rhythm.json").read_text())
DAYS = 7


def recording():
    """A week of counts a minute; the legacy generator gives the same numbers on every NumPy."""
    draw = np.random.RandomState(7).random_sample((DAYS * 1440, 2))
    hour = np.arange(DAYS * 1440) % 1440 / 60
    awake = (hour > 7) & (hour < 23)
    counts = np.zeros(DAYS * 1440)
    on = True
    for i in range(counts.size):
        stay = (0.95 if on else 0.7) if awake[i] else (0.4 if on else 0.97)
        on = on if draw[i, 0] < stay else not on
        level = 300 if awake[i] else 20
        counts[i] = 1 + np.floor(-np.log(1 - draw[i, 1]) * level) if on else 0
    counts[0] = counts[-1] = 5
    return counts


COUNTS = recording()


@pytest.mark.parametrize("minutes", [1, 5, 10, 60])
def test_stability_and_variability_but_for_the_degrees_of_freedom(minutes):
    """pyActigraphy divides by p - 1 above and n - 1 below; Witting et al. by p and n."""
    windows = at_resolutions(COUNTS.reshape(DAYS, 1440), np.arange(DAYS)[None])
    found = windows[0, RESOLUTIONS.index(minutes)]
    p = 1440 // minutes
    n = p * DAYS
    assert found[0] == pytest.approx(PEER[f"is_{minutes}"] * (p - 1) / p * n / (n - 1), rel=1e-10)
    assert found[1] == pytest.approx(PEER[f"iv_{minutes}"] * n / (n - 1), rel=1e-10)


@pytest.mark.parametrize(("state", "name"), [(0, "p_True"), (1, "p_False")])
def test_the_chance_to_turn_and_its_curve(state, name):
    """The recording begins and ends active; its first and last run are cut, so not counted here."""
    runs, _ = counted_runs(COUNTS)
    if state == 1:
        edges = np.flatnonzero(np.diff((COUNTS > 0).astype(int)))
        runs[1, edges[0] + 1] += 1
        runs[1, COUNTS.size - 1 - edges[-1]] += 1
        runs[1, 0] += 2
    length, chance, weight, curve = (np.zeros(COUNTS.size + 1) for _ in range(4))
    count = transitions.turning(runs[state], length, chance, weight)
    assert length[:count].tolist() == PEER[name]["t"]
    np.testing.assert_allclose(chance[:count], PEER[name]["p"], rtol=1e-12)
    transitions.lowess(length, chance, count, 0.3, curve)
    np.testing.assert_allclose(curve[:count], PEER[name]["low"], rtol=1e-8)


def test_the_rates_lie_near_those_of_the_peer():
    """pyActigraphy averages where points lie near the curve, the paper where the curve is level."""
    found = transitions.transition_rates(COUNTS.reshape(DAYS, 1440), np.arange(DAYS)[None])[0]
    assert math.isclose(found[0], PEER["p_True"]["k"], rel_tol=0.75)
    assert math.isclose(found[1], PEER["p_False"]["k"], rel_tol=0.75)
