"""Tables for the tests of audits: an honest one, and what may be planted in it."""

import numpy as np

from euthymia.models.audits.read import Asked, ready
from euthymia.models.tables import read_frame


def honest(people=100, rows=4, *, seed=0, signal=1.0, own=0.5):
    """Return columns of repeated rows: x0 and x1 say something of who is ill, the rest nothing."""
    rng = np.random.default_rng(seed)
    n, who = people * rows, np.repeat(np.arange(people), rows)
    trait = rng.normal(size=people)
    ill = (rng.uniform(size=people) < 1 / (1 + np.exp(-1.5 * trait))).astype(int)
    table = {"pid": np.array([f"P{i:04d}" for i in rng.permutation(people)])[who], "ill": ill[who]}
    for j in range(5):
        mine = own * rng.normal(size=people) + (signal * trait if j < 2 else 0.0)
        table[f"x{j}"] = np.round(mine[who] + rng.normal(size=n), 4)
    start = np.datetime64("2021-01-01") + rng.integers(0, 700, people)
    table["visit"] = (start[who] + np.tile(np.arange(rows), people)).astype(str)
    table["sex"] = np.array(["female", "male"])[rng.integers(0, 2, people)][who]
    return table, who, rng


def changing(people=60, rows=10, *, seed=0):
    """Return the honest table with an outcome that changes from row to row."""
    table, who, rng = honest(people, rows, seed=seed)
    risk = 1 / (1 + np.exp(-table["x0"]))
    table["ill"] = (rng.uniform(size=who.size) < risk).astype(int)
    return table, who, rng


def made_ready(table, **asked):
    """Return a table made ready for the audits."""
    asked = {"outcome": "ill", "person": "pid"} | asked
    return ready(read_frame(table, as_text=("pid",)), Asked(**asked), "the table")
