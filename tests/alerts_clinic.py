"""A small clinic with score streams, as the watch leaves them, for tests of alerts."""

from dataclasses import fields

import numpy as np

from euthymia.app.clinic import Clinic
from euthymia.care.monitor.contract import FAMILY, ScoreStream, to_table
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import day_number
from small_clinic import TEST, subject_of

FEATURE = "mobility.home_time_h"


def put_scores(clinic: Clinic, identifier: str, levels: list[float], *, unseen: int = 0) -> None:
    """Store a stream whose last day is yesterday; `levels` are multiples of the line at its end."""
    count, who = 60, subject_of(clinic, identifier)
    composite = np.full(count, 0.1)
    composite[-len(levels) :] = levels
    plain = {
        f.name: np.full(count, np.nan)
        for f in fields(ScoreStream)
        if f.name not in {"subject", "day", "z", "digest", "version"}
    }
    gone = np.zeros(count)
    if unseen:
        gone[-unseen:] = np.arange(1, unseen + 1)
    given = {
        "composite": composite,
        "mewma": composite / 2,
        "log_e": composite,
        "unseen_days": gone,
        "coverage": np.where(gone > 0, 0.0, 0.8),
        "excused": np.zeros(count),
        "baseline_days": np.full(count, 40.0),
        "composite_line": np.ones(count),
        "mewma_line": np.ones(count),
        "probability_line": np.full(count, np.inf),
    }
    today = day_number(clinic.clock().date())
    stream = ScoreStream(
        subject=who,
        day=np.arange(today - count, today),
        z={FEATURE: composite},
        digest=("0" * 64,) * count,
        **(plain | given),
    )
    audit = Entry(TEST, "store scores", Purpose.MONITORING, who)
    clinic.store.put_features(who, FAMILY, to_table(stream), audit)
