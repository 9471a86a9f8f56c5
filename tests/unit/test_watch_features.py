"""What is watched is what enough people have, whichever fold of them is left out."""

import numpy as np

from euthymia.care.monitor.calibration import calibrate, fit_to_watch
from euthymia.care.monitor.panel import Days, Features, Panel

NAMES = ("steps.steps", "screen_use.screen_on_h")


def _panel(people: int, having_both: int) -> tuple[Panel, list[str]]:
    rng = np.random.default_rng(3)
    days, subjects = [], [f"p-{n:016d}" for n in range(people)]
    for n in range(people):
        values = rng.normal(10, 2, (120, 2))
        if n >= having_both:
            values[:, 1] = np.nan
        quiet = np.zeros(120, np.bool_)
        days.append(Days(20_000, values, quiet, quiet))
    features = Features(NAMES, np.array([-1, 1]), np.array([0, 0]))
    return Panel(features, tuple(days), (np.ones(120, np.bool_),) * people), subjects


def test_a_feature_that_few_people_have_is_left_out_and_the_rest_is_watched() -> None:
    panel, subjects = _panel(30, having_both=5)
    assert fit_to_watch(panel, subjects) == NAMES[:1]
    both, subjects = _panel(30, having_both=25)
    assert fit_to_watch(both, subjects) == NAMES
    made = calibrate(both.features, both, subjects, budget_days=90.0, made_on="2026-01-01")
    assert made.names == NAMES


def test_nobody_and_nothing_leave_nothing_to_watch() -> None:
    panel, subjects = _panel(4, having_both=4)
    assert fit_to_watch(panel, subjects) == ()
