"""How much of a coming relapse shows, and what size costs. Slow: hundreds of people."""

import itertools
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from euthymia.simulate.adherence import presence
from euthymia.simulate.daily import lead
from euthymia.simulate.illness import live
from euthymia.simulate.journey import Grid, draw_trips, timeline_of
from euthymia.simulate.people import draw_person
from euthymia.simulate.profile import FULL
from euthymia.simulate.wearable import record

START, DAYS, PEOPLE, SEED = date(2026, 1, 5), 120, 260, 3
pytestmark = pytest.mark.slow
Floats = NDArray[np.float64]


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _rows(index: int) -> list[tuple[int, bool, list[float], list[float]]]:
    person = draw_person(SEED, index, FULL, START, DAYS)
    traits, course = live(SEED, person, DAYS)
    trips = draw_trips(SEED, person, START, DAYS)
    grid = Grid.over(timeline_of(person, trips, START), START, DAYS)
    life = lead(SEED, person, traits, course, trips, grid, START)
    here = presence(SEED, person, traits, course)
    worn = record(SEED, person, traits, course, life, here)
    hours = np.bincount(grid.day, worn.worn, DAYS) / 60
    level = np.log1p(np.bincount(grid.day, worn.counts * worn.worn, DAYS) / (60 * hours + 1))
    level[hours < 10] = np.nan
    night = np.bincount(grid.day, worn.counts * (grid.clock < 300), DAYS)
    ratio = np.where(hours < 15, np.nan, np.log1p(night) - level)
    onset = np.where(here.phone, life.sleep_start[:DAYS] / 60 - np.arange(DAYS) * 24, np.nan)
    asked = [(day, sum(items)) for day, items in course.questionnaires]
    events = [d for (_, a), (d, b) in itertools.pairwise(asked) if a < 10 <= b]
    events += [day for day, _ in course.admissions]
    out = []
    for day in range(28, DAYS - 29, 7):
        past = [score for d, score in asked if d <= day]
        if not past or past[-1] >= 10:
            continue
        known = traits.covariates
        chart = [past[-1], float(np.mean(past)), known.prior_episodes, known.anxiety]
        seen = []
        for values in (level, hours / 24, ratio, onset, here.phone.astype(float)):
            week = _mean(values[day - 7 : day])
            seen += [week, week - _mean(values[: day - 7])]
        seen.append(float(np.nanstd(onset[day - 14 : day])) if here.phone[day - 14 : day].sum() > 5
                    else np.nan)  # fmt: skip
        out.append((index, any(day < e <= day + 30 for e in events), chart, seen))
    return out


def _auc(x: Floats, y: NDArray[np.bool_], person: NDArray[np.int64]) -> float:
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=0.02, max_iter=3000),
    )
    p = cross_val_predict(model, x, y, groups=person, cv=GroupKFold(5), method="predict_proba")
    return float(roc_auc_score(y, p[:, 1]))


def test_a_coming_relapse_shows_but_not_plainly() -> None:
    rows = [row for index in range(PEOPLE) for row in _rows(index)]
    person = np.array([r[0] for r in rows])
    label = np.array([r[1] for r in rows])
    chart, seen = (np.array([r[i] for r in rows], float) for i in (2, 3))
    assert 0.05 < label.mean() < 0.2
    passive, both = _auc(seen, label, person), _auc(np.hstack([chart, seen]), label, person)
    assert 0.55 < passive < 0.8
    assert 0.66 < both < 0.86


def test_memory_does_not_grow_with_people(tmp_path: Path) -> None:
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from euthymia.simulate.clinic import simulate\n"
        "from euthymia.simulate.profile import COHORT\n"
        "simulate(subjects=int(sys.argv[1]), days=30, seed=1, out=Path(sys.argv[2]),\n"
        "         processes=1, profile=COHORT)\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', status).group(1))\n"
    )

    def peak(people: int) -> int:
        command = [sys.executable, "-c", program, str(people), str(tmp_path / str(people))]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    few, many = peak(70), peak(300)
    assert many < few * 1.15
